/*
 * load.h: keys from files, with the password asked for when one is needed. Each says what is wrong
 * with which file, and what to do.
 */
#ifndef KEDGE_SIGNER_LOAD_H
#define KEDGE_SIGNER_LOAD_H

#include "signer/cli/complain.h"
#include <kedge/crypto.h>

/**
 * kedge_load_private_key() reads a private key file. `password_path` NULL: an encrypted file's
 * password is asked for on the terminal. Wipe the key with kedge_wipe().
 */
enum kedge_exit kedge_load_private_key(const char *path, const char *password_path,
                                       struct kedge_private_key *key);

/** kedge_load_public_key() reads a public key file. */
enum kedge_exit kedge_load_public_key(const char *path, struct kedge_public_key *key);

#endif
