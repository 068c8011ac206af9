/*
 * signer.h: somebody who can sign: a private key from a file, or one that stays on its token. What
 * is done with a signature does not depend on which of the two made it.
 */
#ifndef KEDGE_SIGNER_SIGNER_H
#define KEDGE_SIGNER_SIGNER_H

#include "signer/keys/password.h"
#include <kedge/crypto.h>

struct kedge_token;

/** A signer; close it with kedge_signer_close(). */
struct kedge_signer {
    const char *name; /* as it was given; the caller's */
    struct kedge_public_key public_key;
    struct kedge_private_key key; /* of a file */
    struct kedge_token *token;    /* NULL for a key from a file */
};

/** kedge_signer_is_uri() says whether a key's name is a PKCS#11 URI (RFC 7512) and not a file. */
bool kedge_signer_is_uri(const char *name);

/**
 * kedge_signer_open() opens the key file or token that `name` says; a password or PIN that is
 * needed comes from `source`. Says what is wrong when it cannot.
 */
enum kedge_exit kedge_signer_open(const char *name, const struct kedge_password_source *source,
                                  struct kedge_signer *signer);

/** kedge_signer_close() wipes what is secret; a zeroed signer may be closed too. */
void kedge_signer_close(struct kedge_signer *signer);

/** kedge_signer_public_key() is the public key of `name`: a public or private key file, or a URI.
 */
enum kedge_exit kedge_signer_public_key(const char *name,
                                        const struct kedge_password_source *source,
                                        struct kedge_public_key *key);

/**
 * kedge_signer_sign1() writes a COSE_Sign1 over the detached `payload`. What was signed is verified
 * before it is given out: KEDGE_E_KEY when the key (or the token) made a signature that is none.
 */
enum kedge_rc kedge_signer_sign1(const struct kedge_signer *signer, struct kedge_slice payload,
                                 struct kedge_writer *out) KEDGE_MUST_USE;

/**
 * kedge_signer_sign1_blank() writes one of the same size with zeros for a signature, for whoever
 * needs to know the size before there is anything to sign.
 */
enum kedge_rc kedge_signer_sign1_blank(const struct kedge_signer *signer,
                                       struct kedge_writer *out) KEDGE_MUST_USE;

#endif
