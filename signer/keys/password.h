/*
 * password.h: where passwords (and the PINs of tokens) come from: the first line of a file or of an
 * environment variable, or the terminal without echo. Never the command line, which every user of
 * the machine can read.
 */
#ifndef KEDGE_SIGNER_PASSWORD_H
#define KEDGE_SIGNER_PASSWORD_H

#include "signer/cli/complain.h"
#include "signer/keys/pbes2.h"

/** A password; wipe it with kedge_wipe(). */
struct kedge_password {
    uint8_t bytes[KEDGE_PASSWORD_MAX];
    size_t size; /* 0: none */
};

static inline struct kedge_slice kedge_password_slice(const struct kedge_password *password)
{
    return kedge_slice(password->bytes, password->size);
}

/** Where a password is to be found. */
enum kedge_password_place { KEDGE_PASSWORD_TERMINAL, KEDGE_PASSWORD_FILE, KEDGE_PASSWORD_VARIABLE };

/** A place and its name, which is the caller's. */
struct kedge_password_source {
    enum kedge_password_place place;
    const char *name; /* of the file or variable */
    bool no_options;  /* the command has none that name another place */
};

/** The terminal, for commands that want a public key and take no option for a password. */
extern const struct kedge_password_source kedge_password_terminal_only;

/** What a command says of a source that is none; the text given is a password by mistake, maybe. */
#define KEDGE_PIN_SOURCE_USAGE                                                                 \
    "--pin-source is file:PATH or env:NAME (what was given is not repeated here: it may be a " \
    "secret)"

/**
 * kedge_password_source_parse() reads "file:PATH" or "env:NAME"; KEDGE_E_MALFORMED for anything
 * else, so that a password that somebody wrote there by mistake is not taken for one. `source`
 * borrows the text.
 */
enum kedge_rc kedge_password_source_parse(const char *text,
                                          struct kedge_password_source *source) KEDGE_MUST_USE;

/**
 * kedge_password_take() gets the password of `what` (a key's file, a token) from its source; at a
 * terminal it blocks for the answer. Says what is wrong when there is none.
 */
enum kedge_exit kedge_password_take(const struct kedge_password_source *source, const char *what,
                                    struct kedge_password *password);

/** kedge_password_take_new() is the same for a new one: at a terminal it asks twice. */
enum kedge_exit kedge_password_take_new(const struct kedge_password_source *source,
                                        const char *what, struct kedge_password *password);

#endif
