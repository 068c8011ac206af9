/*
 * package_input.h: the package that a command is about: mapped, read, checked. (Commands that need
 * none of its bytes afterwards pass over the file instead: package_pass.h.)
 */
#ifndef KEDGE_SIGNER_PACKAGE_INPUT_H
#define KEDGE_SIGNER_PACKAGE_INPUT_H

#include "signer/cli/complain.h"
#include <kedge/package.h>

/** A package file and what was found in it. Close it with kedge_package_close(). */
struct kedge_package_input {
    const char *path;
    uint64_t size;                   /* of the file */
    struct kedge_slice bytes;        /* the file, when it is mapped */
    struct kedge_package_pass *pass; /* what `package` borrows, when the file was passed over */
    struct kedge_package package;
    enum kedge_package_part part; /* where a refusal was found */
    enum kedge_rc rc;             /* KEDGE_OK, or why it is refused */
};

/** kedge_package_open() maps the file; KEDGE_EXIT_SYSTEM, after saying so, when it cannot. */
enum kedge_exit kedge_package_open(const char *path, struct kedge_package_input *input);
void kedge_package_close(struct kedge_package_input *input);

/**
 * kedge_package_check() checks all of it but who signed it, as kedge_package_read() and
 * kedge_package_expand() do, and leaves the result in `input`. Says nothing.
 */
void kedge_package_check(struct kedge_package_input *input);

/** kedge_package_complain() says why it is refused and returns the exit status for it. */
enum kedge_exit kedge_package_complain(const struct kedge_package_input *input);

#endif
