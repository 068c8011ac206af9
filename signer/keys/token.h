/*
 * token.h: an ECDSA P-256 key on a PKCS#11 token (a smart card, an HSM). The private key stays
 * there; signing goes through wolfCrypt's PKCS#11.
 *
 * The token is found by its label among all slots, and must be the only one that fits; so must the
 * key on it. (wolfCrypt's own choice by label takes slot numbers for slot ids, and signs with no
 * token at all.) The token's module is the URI's module-path, else the environment's
 * KEDGE_PKCS11_MODULE, else p11-kit's proxy, which knows all modules of the system.
 */
#ifndef KEDGE_SIGNER_TOKEN_H
#define KEDGE_SIGNER_TOKEN_H

#include "signer/keys/password.h"
#include <kedge/crypto.h>

struct kedge_token;

/**
 * kedge_token_open() finds the key that the URI names and reads its public key. The PIN comes from
 * `source`; when that is the terminal, from the URI's pin-source if it has one. It is asked for
 * only if the token wants one. Says what is wrong (KEDGE_EXIT_KEY, or KEDGE_EXIT_USAGE for a URI
 * that is none). Close the token with kedge_token_close().
 */
enum kedge_exit kedge_token_open(const char *uri, const struct kedge_password_source *source,
                                 struct kedge_token **token, struct kedge_public_key *key);

/** kedge_token_sign() signs as kedge_sign() does. KEDGE_E_KEY when the token refuses. Blocks. */
enum kedge_rc kedge_token_sign(struct kedge_token *token, struct kedge_slice message,
                               uint8_t signature[KEDGE_SIGNATURE_SIZE]) KEDGE_MUST_USE;

/** kedge_token_close() ends the session; NULL is no token. */
void kedge_token_close(struct kedge_token *token);

#endif
