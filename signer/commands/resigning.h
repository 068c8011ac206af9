/*
 * resigning.h: what sign, unsign and attach share: a package that is whole, and the same package
 * with other signatures.
 */
#ifndef KEDGE_SIGNER_RESIGNING_H
#define KEDGE_SIGNER_RESIGNING_H

#include "signer/commands/package_input.h"
#include "signer/commands/recording.h"

#define KEDGE_OPTION_PACKAGE_OUTPUT                                                        \
    {                                                                                      \
        "output", "OUT.suit", KEDGE_REQUIRED,                                              \
            "the package; a file of this name is replaced, and it may be FILE.suit itself" \
    }

/** A package and the signatures that it shall have. */
struct kedge_resigning {
    struct kedge_package_input input;
    struct kedge_slice signatures[KEDGE_SUIT_SIGNATURES_MAX];
    size_t count;
    uint8_t made[KEDGE_SUIT_SIGNATURES_MAX][KEDGE_COSE_SIGN1_MAX]; /* room for new ones */
};

/**
 * kedge_resigning_open() opens the package and checks all of it but who signed it: nobody shall
 * sign what is not whole. `resigning` has the signatures that are there. Close it whatever comes
 * back.
 */
enum kedge_exit kedge_resigning_open(const char *path, struct kedge_resigning *resigning);
void kedge_resigning_close(struct kedge_resigning *resigning);

/** kedge_resigning_signed_package() is what a ledger says of the package. */
struct kedge_signed_package kedge_resigning_signed_package(const struct kedge_resigning *resigning);

/**
 * kedge_resigning_check_new() refuses, with KEDGE_EXIT_POLICY, a key that signed already, and with
 * KEDGE_EXIT_USAGE one signature too many.
 */
enum kedge_exit kedge_resigning_check_new(const struct kedge_resigning *resigning,
                                          const struct kedge_public_key *key, const char *name);

/** kedge_resigning_room() is where the next signature is written before it is added. */
struct kedge_writer kedge_resigning_room(struct kedge_resigning *resigning);
void kedge_resigning_add(struct kedge_resigning *resigning, const struct kedge_writer *sign1);

/** kedge_resigning_write() writes the package, whole or not at all. */
enum kedge_exit kedge_resigning_write(const struct kedge_resigning *resigning, const char *path);

/**
 * kedge_resigning_report() says what was made: `what` ("added", "removed") with the ids of `keys`,
 * for people or as JSON.
 */
void kedge_resigning_report(const struct kedge_resigning *resigning, const char *path,
                            const char *what, const struct kedge_public_key *const *keys,
                            size_t key_count, bool json);

#endif
