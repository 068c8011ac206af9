/*
 * audit_chain.c: kedge audit export, verify. The log is followed here, not by the server whose log
 * it is: row by row as it comes, so that its length does not matter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "updater/cli/cli.h"
#include "updater/cli/json.h"
#include "updater/store/audit.h"

#define AUDIT "/api/v1/audit"
#define LINE_SIZE 16384u /* of an exported row, with its end */
#define ROWS_TOLD 5000u  /* each time */
#define ROW_FIELDS 8u    /* its hash holds for all the others */
#define HEAD_TEXT_SIZE 96u
#define PROBLEM_SIZE 128u

/* What takes longer than a moment says on a terminal how far it is. */
static void tell_rows(uint64_t rows, bool over)
{
    if (rows < ROWS_TOLD || isatty(STDERR_FILENO) == 0)
        return;
    if (over)
        (void)fprintf(stderr, "\r\033[K");
    else if (rows % ROWS_TOLD == 0)
        (void)fprintf(stderr, "\r%" PRIu64 " rows", rows);
}

/* ---- heads ---- */

static void head_text(const struct kedge_audit_head *head, char text[HEAD_TEXT_SIZE])
{
    int size = snprintf(text, HEAD_TEXT_SIZE, "%" PRIu64 ":", head->sequence);
    kedge_hex_encode(kedge_slice(head->hash, sizeof(head->hash)), &text[size]);
}

static bool head_parse(const char *text, struct kedge_audit_head *head)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(text));
    if (kedge_cursor_decimal(&cursor, INT64_MAX, &head->sequence) != KEDGE_OK ||
        !kedge_cursor_accept(&cursor, ':') || head->sequence == 0)
        return false;
    struct kedge_slice hex;
    return kedge_cursor_take(&cursor, kedge_cursor_left(&cursor), &hex) == KEDGE_OK &&
           kedge_hex_decode(hex, head->hash, sizeof(head->hash)) == KEDGE_OK;
}

/* ---- following ---- */

struct following {
    struct kedge_audit_head head;   /* so far */
    struct kedge_audit_head wanted; /* sequence 0: none */
    char problem[PROBLEM_SIZE];     /* of the first row that does not follow; "": none */
};

static bool broken(struct following *following, const char *format, uint64_t row)
{
    (void)snprintf(following->problem, sizeof(following->problem), format, row);
    return false;
}

static bool is_broken(const struct following *following)
{
    return following->problem[0] != '\0';
}

static bool copy_text(const json_t *row, const char *name, char *out, size_t size)
{
    const json_t *text = json_object_get(row, name);
    size_t length = json_string_length(text);
    if (!json_is_string(text) || length >= size)
        return false;
    memcpy(out, json_string_value(text), length);
    return true;
}

static bool read_row(const json_t *row, struct kedge_audit_entry *entry)
{
    const char *hash = text_of(row, "hash");
    *entry = (struct kedge_audit_entry){.sequence = number_of(row, "sequence"),
                                        .at_ms = number_of(row, "at_ms")};
    return copy_text(row, "who", entry->who, sizeof(entry->who)) &&
           copy_text(row, "what", entry->what, sizeof(entry->what)) &&
           copy_text(row, "subject", entry->subject, sizeof(entry->subject)) &&
           copy_text(row, "before", entry->before, sizeof(entry->before)) &&
           copy_text(row, "after", entry->after, sizeof(entry->after)) &&
           kedge_hex_decode(kedge_slice_text(hash), entry->hash, sizeof(entry->hash)) == KEDGE_OK;
}

static bool is_the_wanted(const struct following *following)
{
    return memcmp(following->head.hash, following->wanted.hash, KEDGE_AUDIT_HASH_SIZE) == 0;
}

/* Takes a row; the first one that does not follow ends it. */
static bool follow_row(void *context, json_t *row)
{
    struct following *following = context;
    struct kedge_audit_entry entry;
    if (!read_row(row, &entry))
        return broken(following, "what stands behind row %" PRIu64 " is no row of an audit log",
                      following->head.sequence);
    if (json_object_size(row) != ROW_FIELDS)
        return broken(following, "row %" PRIu64 " has a field that no row of an audit log has",
                      entry.sequence);
    switch (kedge_audit_follow(&following->head, &entry)) {
    case KEDGE_AUDIT_MISSING:
        return broken(following, "row %" PRIu64 " is missing", following->head.sequence + 1);
    case KEDGE_AUDIT_PUT_IN:
        return broken(following, "a row %" PRIu64 " was put in", entry.sequence);
    case KEDGE_AUDIT_ALTERED:
        return broken(following,
                      "row %" PRIu64 " was altered, or the one before it: its hash does not follow",
                      entry.sequence);
    case KEDGE_AUDIT_FOLLOWS:
        break;
    }
    tell_rows(following->head.sequence, false);
    if (following->head.sequence == following->wanted.sequence && !is_the_wanted(following))
        return broken(following,
                      "row %" PRIu64 " is not the one of --head: the log up to it was made anew",
                      entry.sequence);
    return true;
}

/* ---- an exported file ---- */

static bool follow_line(struct following *following, const char *line, size_t size)
{
    json_t *row = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    bool follows = follow_row(following, row);
    json_decref(row);
    return follows;
}

static enum status follow_file(const char *path, struct following *following)
{
    uint64_t size;
    FILE *file = file_open(path, &size);
    if (file == NULL)
        return STATUS_USAGE;
    char line[LINE_SIZE];
    while (!is_broken(following) && fgets(line, sizeof(line), file) != NULL)
        (void)follow_line(following, line, strlen(line));
    bool failed = ferror(file) != 0;
    int reason = errno;
    (void)fclose(file);
    if (failed)
        complain("%s: %s", path, strerror(reason));
    return failed ? STATUS_USAGE : STATUS_DONE;
}

/* ---- kedge audit verify ---- */

static enum status report(const struct cli *cli, const struct following *following)
{
    char head[HEAD_TEXT_SIZE];
    bool whole = !is_broken(following);
    tell_rows(following->head.sequence, true);
    head_text(&following->head, head);
    if (!whole)
        complain("%s", following->problem);
    if (cli->json)
        (void)print_json(json_pack("{s:b, s:I, s:s?, s:s?}", "whole", whole, "rows",
                                   (json_int_t)following->head.sequence, "head",
                                   whole ? head : NULL, "problem",
                                   whole ? NULL : following->problem));
    if (!whole)
        return STATUS_REFUSED;
    if (cli->json)
        return STATUS_DONE;
    say("the audit log is whole: %" PRIu64 " %s", following->head.sequence,
        kedge_by_count(following->head.sequence, "row", "rows"));
    say("head: %s", head);
    return STATUS_DONE;
}

/* What is not there at the end. The first start of a server made a row. */
static void miss_the_end(struct following *following)
{
    if (is_broken(following))
        return;
    if (following->head.sequence == 0)
        (void)broken(following, "row %" PRIu64 " is missing: there are none", UINT64_C(1));
    else if (following->head.sequence < following->wanted.sequence)
        (void)broken(following, "the log ends at row %" PRIu64 ", before that of --head",
                     following->head.sequence);
}

enum status audit_verify(struct cli *cli, const struct arguments *arguments)
{
    const char *wanted = argument(arguments, "head");
    struct following following = {.head = {0}};
    if (wanted != NULL && !head_parse(wanted, &following.wanted)) {
        complain("--head must be a row's number and its hash, as kedge audit verify tells them");
        return STATUS_USAGE;
    }
    enum status status = arguments->positional_count > 0
                             ? follow_file(arguments->positional[0], &following)
                             : ask_each(cli, AUDIT, "audit", follow_row, &following);
    if (status != STATUS_DONE)
        return status;
    miss_the_end(&following);
    return report(cli, &following);
}

/* ---- kedge audit export ---- */

struct exporting {
    FILE *out;
    uint64_t rows;
    bool failed;
};

static bool export_row(void *context, json_t *row)
{
    struct exporting *exporting = context;
    exporting->failed =
        json_dumpf(row, exporting->out, JSON_COMPACT) != 0 || fputc('\n', exporting->out) == EOF;
    exporting->rows += !exporting->failed;
    tell_rows(exporting->rows, false);
    return !exporting->failed;
}

enum status audit_export(struct cli *cli, const struct arguments *arguments)
{
    const char *path = argument(arguments, "output");
    struct exporting exporting = {.out = output_make(path)};
    if (exporting.out == NULL)
        return STATUS_USAGE;
    enum status status = ask_each(cli, AUDIT, "audit", export_row, &exporting);
    tell_rows(exporting.rows, true);
    if (exporting.failed && ferror(exporting.out) == 0) {
        complain("out of memory");
        status = STATUS_UNREACHABLE;
    }
    status = output_finish(path, exporting.out, status);
    if (path == NULL)
        return status;
    if (status == STATUS_DONE && cli->json)
        return print_json(
            json_pack("{s:I, s:s}", "rows", (json_int_t)exporting.rows, "output", path));
    if (status == STATUS_DONE)
        say("%" PRIu64 " %s in %s", exporting.rows, kedge_by_count(exporting.rows, "row", "rows"),
            path);
    return status;
}
