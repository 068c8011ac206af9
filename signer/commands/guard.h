/*
 * guard.h: no file that a command reads may be replaced by what it writes: not the image, and least
 * of all a key.
 */
#ifndef KEDGE_SIGNER_GUARD_H
#define KEDGE_SIGNER_GUARD_H

#include "signer/cli/options.h"

/**
 * kedge_guard_output() is KEDGE_EXIT_USAGE, after saying so, when `output` and `input` are one file
 * under whatever names. `input` may be NULL or name nothing, and may stand behind "file:".
 */
enum kedge_exit kedge_guard_output(const char *command, const char *output, const char *input);

/** kedge_guard_output_options() does so for every value of the `count` options in `inputs`. */
enum kedge_exit kedge_guard_output_options(const char *command, const char *output,
                                           const struct kedge_arguments *arguments,
                                           const size_t *inputs, size_t count);

#endif
