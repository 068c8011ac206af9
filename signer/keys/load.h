/*
 * load.h: keys from files, with the password asked for when one is needed. Each says what is wrong
 * with which file, and what to do.
 */
#ifndef KEDGE_SIGNER_LOAD_H
#define KEDGE_SIGNER_LOAD_H

#include "signer/keys/password.h"
#include <kedge/crypto.h>

/**
 * kedge_load_private_key() reads a private key file; an encrypted one's password comes from
 * `source`. Wipe the key with kedge_wipe().
 */
enum kedge_exit kedge_load_private_key(const char *path, const struct kedge_password_source *source,
                                       struct kedge_private_key *key);

/** kedge_load_public_key() reads a public key file. */
enum kedge_exit kedge_load_public_key(const char *path, struct kedge_public_key *key);

#endif
