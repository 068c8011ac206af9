/*
 * target.h: whom a package is for: vendor, class, hardware revisions, and the versions that it may
 * replace.
 */
#ifndef KEDGE_SIGNER_TARGET_H
#define KEDGE_SIGNER_TARGET_H

#include "signer/cli/options.h"
#include <kedge/suit.h>

/** Where a command has these options in its table. */
struct kedge_target_options {
    const char *command; /* for messages */
    size_t vendor, vendor_uuid, class_name, class_uuid, hardware, min_version, max_version;
};

/**
 * kedge_target_take() reads the options into `manifest`; its slices borrow the arguments.
 * KEDGE_EXIT_USAGE, after saying so, when they make no sense.
 */
enum kedge_exit kedge_target_take(const struct kedge_arguments *arguments,
                                  const struct kedge_target_options *options,
                                  struct kedge_suit_manifest *manifest);

#endif
