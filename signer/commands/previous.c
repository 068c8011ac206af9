/* previous.c: see previous.h. */
#include "signer/commands/previous.h"

#include "signer/commands/package_input.h"

enum kedge_exit kedge_previous_rules(const struct kedge_arguments *arguments,
                                     const struct kedge_previous_options *options,
                                     struct kedge_lint_rules *rules)
{
    const char *size = kedge_argument(arguments, options->slot_size);
    *rules = (struct kedge_lint_rules){
        .allow_downgrade = kedge_argument_given(arguments, options->allow_downgrade)};
    if (size != NULL && (!kedge_number_parse(size, KEDGE_IMAGE_SIZE_MAX, &rules->slot_size) ||
                         rules->slot_size == 0))
        return kedge_complain(KEDGE_EXIT_USAGE, "%s: --slot-size is a number of bytes, not %s",
                              options->command, size);
    return KEDGE_EXIT_DONE;
}

static void complain_finding(void *context, const char *rule, const char *words)
{
    kedge_note("%s: %s: %s", (const char *)context, rule, words);
}

static enum kedge_exit hold_against(const struct kedge_suit_manifest *previous,
                                    const struct kedge_suit_manifest *next, const char *name,
                                    const struct kedge_lint_rules *rules)
{
    const struct kedge_lint_sink sink = {.context = (char *)(uintptr_t)name,
                                         .find = complain_finding};
    if (kedge_lint(next, previous, rules, &sink) == 0)
        return KEDGE_EXIT_DONE;
    return kedge_complain(KEDGE_EXIT_POLICY, "%s was not signed", name);
}

enum kedge_exit kedge_previous_check(const struct kedge_arguments *arguments,
                                     const struct kedge_previous_options *options,
                                     const struct kedge_suit_manifest *next, const char *name)
{
    const char *path = kedge_argument(arguments, options->previous);
    struct kedge_lint_rules rules;
    struct kedge_package_input previous;
    enum kedge_exit status = kedge_previous_rules(arguments, options, &rules);
    if (status != KEDGE_EXIT_DONE)
        return status;
    if (path == NULL)
        return hold_against(NULL, next, name, &rules);
    status = kedge_package_open(path, &previous);
    if (status != KEDGE_EXIT_DONE)
        return status;
    kedge_package_check(&previous);
    status = previous.rc == KEDGE_OK ? hold_against(&previous.package.manifest, next, name, &rules)
                                     : kedge_package_complain(&previous);
    kedge_package_close(&previous);
    return status;
}
