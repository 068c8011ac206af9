/*
 * previous.h: holding a release against the one before it, for the commands that sign. Each offers
 * --previous, --slot-size and --allow-downgrade, and refuses with KEDGE_EXIT_POLICY.
 */
#ifndef KEDGE_SIGNER_PREVIOUS_H
#define KEDGE_SIGNER_PREVIOUS_H

#include "signer/cli/options.h"
#include "signer/package/lint.h"

/* The lines of a command's table of options. */
#define KEDGE_OPTION_PREVIOUS                                                         \
    {                                                                                 \
        "previous", "OLD.suit", KEDGE_OPTIONAL,                                       \
            "the release before: refuse (exit status 3) what does not follow from it" \
    }
#define KEDGE_OPTION_SLOT_SIZE                                                       \
    {                                                                                \
        "slot-size", "N", KEDGE_OPTIONAL, "refuse an image that is larger than that" \
    }
#define KEDGE_OPTION_ALLOW_DOWNGRADE                                                \
    {                                                                               \
        "allow-downgrade", NULL, KEDGE_OPTIONAL,                                    \
            "let the version go down: an older image with a higher sequence number" \
    }

/** Where a command has them in its table. */
struct kedge_previous_options {
    const char *command; /* for messages */
    size_t previous, slot_size, allow_downgrade;
};

/**
 * kedge_previous_rules() reads --slot-size and --allow-downgrade. KEDGE_EXIT_USAGE, after saying
 * so, when they make no sense.
 */
enum kedge_exit kedge_previous_rules(const struct kedge_arguments *arguments,
                                     const struct kedge_previous_options *options,
                                     struct kedge_lint_rules *rules);

/**
 * kedge_previous_check() holds `next`, which the release `name` is to be, against --previous and
 * --slot-size, those of them that were given: KEDGE_EXIT_POLICY after saying each finding,
 * KEDGE_EXIT_INVALID when the file is no whole package, KEDGE_EXIT_SYSTEM when it cannot be read.
 * Blocks for reading that file once.
 */
enum kedge_exit kedge_previous_check(const struct kedge_arguments *arguments,
                                     const struct kedge_previous_options *options,
                                     const struct kedge_suit_manifest *next, const char *name);

#endif
