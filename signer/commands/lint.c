/* lint.c: a made package held against the release before it. */
#define _GNU_SOURCE
#include <jansson.h>
#include <stdio.h>

#include "signer/commands/commands.h"
#include "signer/commands/package_input.h"
#include "signer/commands/previous.h"
#include "signer/commands/words.h"

enum { PREVIOUS, SLOT_SIZE, ALLOW_DOWNGRADE, JSON };

static const struct kedge_option options[] = {
    [PREVIOUS] = {"previous", "OLD.suit", KEDGE_REQUIRED, "the release before"},
    [SLOT_SIZE] = KEDGE_OPTION_SLOT_SIZE,
    [ALLOW_DOWNGRADE] = KEDGE_OPTION_ALLOW_DOWNGRADE,
    [JSON] = {"json", NULL, KEDGE_OPTIONAL, "print the findings as JSON"},
    {0},
};

static const struct kedge_previous_options previous_options = {"lint", PREVIOUS, SLOT_SIZE,
                                                               ALLOW_DOWNGRADE};

static void collect(void *context, const char *rule, const char *words)
{
    json_array_append_new(context, json_pack("{s:s, s:s}", "rule", rule, "text", words));
}

static enum kedge_exit report(const struct kedge_arguments *arguments, const json_t *findings)
{
    const char *previous = kedge_argument(arguments, PREVIOUS);
    size_t count = json_array_size(findings);
    size_t index;
    json_t *finding;
    if (count == 0) {
        printf("%s follows from %s\n", arguments->file, previous);
        return KEDGE_EXIT_DONE;
    }
    json_array_foreach((json_t *)(uintptr_t)findings, index, finding) kedge_note(
        "%s: %s: %s", arguments->file, json_string_value(json_object_get(finding, "rule")),
        json_string_value(json_object_get(finding, "text")));
    return kedge_complain(KEDGE_EXIT_POLICY, "%s does not follow from %s: %zu %s",
                          arguments->file, previous, count,
                          kedge_by_count(count, "finding", "findings"));
}

static enum kedge_exit report_json(const struct kedge_arguments *arguments, json_t *findings)
{
    bool good = json_array_size(findings) == 0;
    kedge_json_print(json_pack("{s:s, s:s, s:b, s:O}", "file", arguments->file, "previous",
                               kedge_argument(arguments, PREVIOUS), "follows", (int)good,
                               "findings", findings));
    return good ? KEDGE_EXIT_DONE
                : kedge_complain(KEDGE_EXIT_POLICY, "%s does not follow from %s", arguments->file,
                                 kedge_argument(arguments, PREVIOUS));
}

/* Both must be whole: a digest that does not match its bytes is found here, not on a device. */
static enum kedge_exit check_both(struct kedge_package_input *next,
                                  struct kedge_package_input *previous)
{
    kedge_package_check(next);
    if (next->rc != KEDGE_OK)
        return kedge_package_complain(next);
    kedge_package_check(previous);
    return previous->rc == KEDGE_OK ? KEDGE_EXIT_DONE : kedge_package_complain(previous);
}

static enum kedge_exit lint(const struct kedge_arguments *arguments,
                            const struct kedge_lint_rules *rules, struct kedge_package_input *next,
                            struct kedge_package_input *previous)
{
    enum kedge_exit status = check_both(next, previous);
    if (status != KEDGE_EXIT_DONE)
        return status;
    json_t *findings = json_array();
    const struct kedge_lint_sink sink = {.context = findings, .find = collect};
    kedge_lint(&next->package.manifest, &previous->package.manifest, rules, &sink);
    status = kedge_argument_given(arguments, JSON) ? report_json(arguments, findings)
                                                   : report(arguments, findings);
    json_decref(findings);
    return status;
}

static enum kedge_exit run(const struct kedge_arguments *arguments)
{
    struct kedge_lint_rules rules;
    struct kedge_package_input next, previous;
    enum kedge_exit status = kedge_previous_rules(arguments, &previous_options, &rules);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_package_open(arguments->file, &next);
    if (status != KEDGE_EXIT_DONE)
        return status;
    status = kedge_package_open(kedge_argument(arguments, PREVIOUS), &previous);
    if (status == KEDGE_EXIT_DONE) {
        status = lint(arguments, &rules, &next, &previous);
        kedge_package_close(&previous);
    }
    kedge_package_close(&next);
    return status;
}

const struct kedge_command kedge_command_lint = {
    .name = "lint",
    .summary = "Holds a package against the release before it.",
    .file = "NEW.suit",
    .options = options,
    .more = "Exit status 3 unless the sequence number and the version went up, vendor and class\n"
            "are the same, the image fits the slot, and neither version window nor hardware\n"
            "revisions close out a device that runs the previous release. Digests and frames of\n"
            "both are checked; who signed them is not asked: kedge-sign verify does.\n",
    .example =
        "kedge-sign lint board-a-1.4.0.suit --previous board-a-1.3.0.suit --slot-size 1048576\n",
    .run = run,
};
