/* ledger.c: what a key signed, and whether the record of it is whole. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "signer/commands/commands.h"
#include "signer/commands/words.h"
#include "signer/ledger/ledger.h"

/* What is wrong with the line after the good ones. */
static const char *fault(enum kedge_rc rc)
{
    switch (rc) {
    case KEDGE_E_DIGEST:
        return "it was changed: its hash is another one";
    case KEDGE_E_CONFLICT:
        return "the chain is broken: it does not follow the line before (a line was removed, put "
               "in "
               "or moved)";
    case KEDGE_E_TRUNCATED:
        return "it has no end: writing it was cut short, or the file was cut";
    default:
        return "it is no line of a ledger";
    }
}

static enum kedge_exit walk(const char *path, const struct kedge_ledger_sink *sink,
                            struct kedge_ledger_findings *findings)
{
    return kedge_ledger_walk(path, sink, findings) == KEDGE_OK
               ? KEDGE_EXIT_DONE
               : kedge_complain_system("read the ledger", path);
}

static enum kedge_exit judge(const char *path, const struct kedge_ledger_findings *findings)
{
    if (findings->rc == KEDGE_OK)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_INVALID, "%s: line %" PRIu64 ": %s", path, findings->lines + 1,
                          fault(findings->rc));
}

/* ---- show ---- */

enum { SHOW_JSON };

static const struct kedge_option show_options[] = {
    [SHOW_JSON] = {"json", NULL, KEDGE_OPTIONAL, "print the lines as a JSON array"},
    {0},
};

static void show_line(void *context, const struct kedge_ledger_entry *entry)
{
    (void)context;
    char when[KEDGE_LEDGER_TIME_SIZE], key[KEDGE_SHORT_ID_SIZE], digest[KEDGE_SHORT_ID_SIZE];
    kedge_ledger_time_text(entry->time_s, when);
    kedge_short_id(entry->key_id, key);
    kedge_short_id(entry->manifest_digest, digest);
    printf("%4" PRIu64 "  %s  key %s (%s)  manifest %s  version %s, sequence %" PRIu64 "  by %s\n",
           entry->number, when, key, kedge_ledger_means_word(entry->means), digest, entry->version,
           entry->sequence, entry->who);
}

static void add_line(void *context, const struct kedge_ledger_entry *entry)
{
    char when[KEDGE_LEDGER_TIME_SIZE];
    kedge_ledger_time_text(entry->time_s, when);
    json_array_append_new(
        context, json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:o, s:s, s:I, s:o}", "entry",
                           (json_int_t)entry->number, "previous",
                           kedge_json_hex(entry->previous, KEDGE_SHA256_SIZE), "time", when, "who",
                           entry->who, "key", kedge_ledger_means_word(entry->means), "key_id",
                           kedge_json_hex(entry->key_id, KEDGE_KEY_ID_SIZE), "manifest_digest",
                           kedge_json_hex(entry->manifest_digest, KEDGE_SHA256_SIZE), "version",
                           entry->version, "sequence", (json_int_t)entry->sequence, "hash",
                           kedge_json_hex(entry->hash, KEDGE_SHA256_SIZE)));
}

static enum kedge_exit show(const struct kedge_arguments *arguments)
{
    bool json = kedge_argument_given(arguments, SHOW_JSON);
    json_t *array = json ? json_array() : NULL;
    const struct kedge_ledger_sink sink = {.context = array, .take = json ? add_line : show_line};
    struct kedge_ledger_findings findings;
    enum kedge_exit status = walk(arguments->file, &sink, &findings);
    if (json && status == KEDGE_EXIT_DONE)
        kedge_json_print(array);
    else
        json_decref(array);
    return status == KEDGE_EXIT_DONE ? judge(arguments->file, &findings) : status;
}

const struct kedge_command kedge_command_ledger_show = {
    .name = "ledger show",
    .summary = "Shows the signatures that a key made, as far as the record of them is whole.",
    .file = "KEY.pem.ledger",
    .options = show_options,
    .more = "Exit status 1 when a line is amiss; it is named, and nothing behind it is shown.\n",
    .example = "kedge-sign ledger show release.pem.ledger\n",
    .run = show,
};

/* ---- verify ---- */

enum { VERIFY_CONTAINS, VERIFY_JSON };

static const struct kedge_option verify_options[] = {
    [VERIFY_CONTAINS] = {"contains", "HASH", KEDGE_OPTIONAL,
                         "the hash of a line that must be in it: what verify said of an earlier "
                         "state"},
    [VERIFY_JSON] = {"json", NULL, KEDGE_OPTIONAL, "print the result as JSON"},
    {0},
};

/* A line that is looked for. */
struct search {
    uint8_t hash[KEDGE_SHA256_SIZE];
    bool wanted, found;
};

static void compare(void *context, const struct kedge_ledger_entry *entry)
{
    struct search *search = context;
    if (memcmp(search->hash, entry->hash, sizeof search->hash) == 0)
        search->found = true;
}

static void report_json(const char *path, const struct kedge_ledger_findings *findings,
                        const struct search *search)
{
    bool whole = findings->rc == KEDGE_OK;
    json_t *root = json_pack(
        "{s:s, s:b, s:I, s:o, s:o, s:o}", "file", path, "whole", (int)whole, "lines",
        (json_int_t)findings->lines, "head", kedge_json_hex(findings->head, KEDGE_SHA256_SIZE),
        "contains", search->wanted ? json_boolean(search->found) : json_null(), "reason",
        whole ? json_null()
              : json_sprintf("line %llu: %s", (unsigned long long)findings->lines + 1,
                             fault(findings->rc)));
    kedge_json_print(root);
}

static void report(const char *path, const struct kedge_ledger_findings *findings)
{
    char head[2 * KEDGE_SHA256_SIZE + 1];
    kedge_hex_encode(kedge_slice(findings->head, KEDGE_SHA256_SIZE), head);
    printf("%s: whole, %" PRIu64 " %s\n  head         %s\n", path, findings->lines,
           kedge_by_count(findings->lines, "line", "lines"), head);
}

static enum kedge_exit verify(const struct kedge_arguments *arguments)
{
    const char *wanted = kedge_argument(arguments, VERIFY_CONTAINS);
    struct search search = {.wanted = wanted != NULL};
    const struct kedge_ledger_sink sink = {.context = &search, .take = compare};
    struct kedge_ledger_findings findings;
    if (search.wanted &&
        kedge_hex_decode(kedge_slice_text(wanted), search.hash, sizeof search.hash) != KEDGE_OK)
        return kedge_complain(KEDGE_EXIT_USAGE, "ledger verify: --contains is 64 hex digits");
    enum kedge_exit status = walk(arguments->file, &sink, &findings);
    if (status != KEDGE_EXIT_DONE)
        return status;
    bool good = findings.rc == KEDGE_OK && (!search.wanted || search.found);
    if (kedge_argument_given(arguments, VERIFY_JSON))
        report_json(arguments->file, &findings, &search);
    else if (good)
        report(arguments->file, &findings);
    status = judge(arguments->file, &findings);
    if (status == KEDGE_EXIT_DONE && !good)
        status = kedge_complain(KEDGE_EXIT_INVALID,
                                "%s: no line in it has the hash %s: lines were cut off at the end, "
                                "or all of it was written anew",
                                arguments->file, wanted);
    return status;
}

const struct kedge_command kedge_command_ledger_verify = {
    .name = "ledger verify",
    .summary = "Checks the chain of a ledger from its first line to its last.",
    .file = "KEY.pem.ledger",
    .options = verify_options,
    .more = "Each line holds the hash of the one before. Lines cut off at the end leave a chain\n"
            "that is whole: keep the head that this command prints somewhere else, and ask with\n"
            "--contains whether it is still there. Exit status 1 when the chain is broken or the\n"
            "hash is not in it.\n",
    .example = "kedge-sign ledger verify release.pem.ledger\n",
    .run = verify,
};
