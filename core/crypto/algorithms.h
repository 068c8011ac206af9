/*
 * algorithms.h: what each signature algorithm offers to the rest of core/crypto.
 */
#ifndef KEDGE_CORE_CRYPTO_ALGORITHMS_H
#define KEDGE_CORE_CRYPTO_ALGORITHMS_H

#include <kedge/crypto.h>

/** KEDGE_E_KEY unless the 32 bytes are a point that may be trusted (not one of small order). */
enum kedge_rc kedge_ed25519_check(const uint8_t public_key[32]) KEDGE_MUST_USE;
enum kedge_rc kedge_ed25519_public(const uint8_t secret[32], uint8_t public_key[32]) KEDGE_MUST_USE;
enum kedge_rc kedge_ed25519_sign(const struct kedge_private_key *key, struct kedge_slice message,
                                 uint8_t signature[64]) KEDGE_MUST_USE;
enum kedge_rc kedge_ed25519_verify(const uint8_t public_key[32], struct kedge_slice message,
                                   const uint8_t signature[64]) KEDGE_MUST_USE;

/** KEDGE_E_KEY unless x || y is a point on P-256. */
enum kedge_rc kedge_ecdsa_check(const uint8_t public_key[64]) KEDGE_MUST_USE;
enum kedge_rc kedge_ecdsa_public(const uint8_t secret[32], uint8_t public_key[64]) KEDGE_MUST_USE;
enum kedge_rc kedge_ecdsa_sign(const struct kedge_private_key *key, struct kedge_slice message,
                               uint8_t signature[64]) KEDGE_MUST_USE;
enum kedge_rc kedge_ecdsa_verify(const uint8_t public_key[64], struct kedge_slice message,
                                 const uint8_t signature[64]) KEDGE_MUST_USE;

/** Fills in the key id: SHA-256 of the SubjectPublicKeyInfo. */
enum kedge_rc kedge_public_key_identify(struct kedge_public_key *key) KEDGE_MUST_USE;

#endif
