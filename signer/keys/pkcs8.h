/*
 * pkcs8.h: PrivateKeyInfo (RFC 5958) of the two algorithms: Ed25519 (RFC 8410) and P-256
 * (RFC 5915 inside).
 */
#ifndef KEDGE_SIGNER_PKCS8_H
#define KEDGE_SIGNER_PKCS8_H

#include <kedge/crypto.h>

#define KEDGE_PKCS8_MAX 138u /* what kedge_pkcs8_write() writes: 48 or 138 bytes */

/**
 * kedge_pkcs8_read() reads a PrivateKeyInfo and derives the public key. KEDGE_E_UNSUPPORTED for
 * another algorithm or curve; KEDGE_E_KEY when a public key inside is not the secret's own;
 * otherwise what is amiss with the encoding.
 */
enum kedge_rc kedge_pkcs8_read(struct kedge_slice der,
                               struct kedge_private_key *key) KEDGE_MUST_USE;

/** kedge_pkcs8_write() writes it as openssl does: P-256 with its public key, Ed25519 without. */
enum kedge_rc kedge_pkcs8_write(const struct kedge_private_key *key,
                                struct kedge_writer *out) KEDGE_MUST_USE;

#endif
