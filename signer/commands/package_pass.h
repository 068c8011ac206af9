/*
 * package_pass.h: a package checked in one pass over its file, by the code that devices run. No
 * more than 64 KiB of the file are held at a time: its head twice (8 KiB each), one frame (32 KiB),
 * what has just been read (4 KiB), and what waits for the second hash (8 KiB).
 */
#ifndef KEDGE_SIGNER_PACKAGE_PASS_H
#define KEDGE_SIGNER_PACKAGE_PASS_H

#include "signer/commands/package_input.h"
#include "signer/files/output.h"

/**
 * kedge_package_pass() reads `path` once and leaves the result in `input`, whose package has
 * neither text nor attachments nor payload: they were checked and passed by. `trust` and
 * `signed_by` are as in kedge_package_read(). The image goes to `image` unless that is NULL; then
 * KEDGE_E_SYSTEM in input->rc is the image's file. KEDGE_EXIT_SYSTEM, after saying so, when the
 * package cannot be read. Close `input` with kedge_package_close() whatever comes back.
 */
enum kedge_exit kedge_package_pass(const char *path, const struct kedge_suit_trust *trust,
                                   bool *signed_by, struct kedge_output *image,
                                   struct kedge_package_input *input);

#endif
