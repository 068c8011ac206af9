/*
 * signing_keys.h: the options by which a command is told who signs, and what becomes of them. The
 * rows are here, so that every command that signs takes the same words.
 */
#ifndef KEDGE_SIGNER_SIGNING_KEYS_H
#define KEDGE_SIGNER_SIGNING_KEYS_H

#include "signer/cli/options.h"
#include "signer/keys/signer.h"
#include <kedge/suit.h>

#define KEDGE_OPTION_PASSWORD_FILE(count)                                                       \
    {                                                                                           \
        "password-file", "FILE", count,                                                         \
            "the password of the keys, from the first line of FILE; once for all, or once for " \
            "each"                                                                              \
    }
#define KEDGE_OPTION_PIN_SOURCE(count)                                                             \
    {                                                                                              \
        "pin-source", "file:F|env:V", count,                                                       \
            "the same from the first line of file F or environment variable V; a token's PIN, too" \
    }

/** Where the options stand in the command's own table. */
struct kedge_key_options {
    const char *command; /* its name, for what is said */
    size_t key, password_file, pin_source;
    size_t ledger; /* for commands that sign */
};

/** Those who sign, in the order in which they were given. */
struct kedge_signing_keys {
    struct kedge_signer signers[KEDGE_SUIT_SIGNATURES_MAX];
    size_t count;
};

/**
 * kedge_password_source_choose() is where the password of the key number `index` comes from, by
 * --password-file or --pin-source: one for all keys, or one for each in their order. Neither: the
 * terminal.
 */
enum kedge_exit kedge_password_source_choose(const struct kedge_arguments *arguments,
                                             const struct kedge_key_options *options, size_t index,
                                             struct kedge_password_source *source);

/**
 * kedge_signing_keys_open() opens all that were given, each once; says so when one is for
 * development. Close `keys` whatever comes back.
 */
enum kedge_exit kedge_signing_keys_open(const struct kedge_arguments *arguments,
                                        const struct kedge_key_options *options,
                                        struct kedge_signing_keys *keys);
void kedge_signing_keys_close(struct kedge_signing_keys *keys);

#endif
