/*
 * password.h: where passwords come from: the first line of a file, or the terminal without echo.
 * Never the command line, which every user of the machine can read.
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

/** kedge_password_from_file() takes the first line. Says what is wrong when it cannot be used. */
enum kedge_exit kedge_password_from_file(const char *path, struct kedge_password *password);

/**
 * kedge_password_ask() asks on the terminal, blocking; twice when it is a new one. Without a
 * terminal it says that a password file is needed.
 */
enum kedge_exit kedge_password_ask(const char *key_path, bool is_new,
                                   struct kedge_password *password);

#endif
