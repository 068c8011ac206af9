/*
 * ecdsa.c: ECDSA on P-256 with SHA-256 by wolfCrypt, signatures as raw r || s (RFC 9053 section
 * 2.1), made deterministically (RFC 6979). wolfCrypt caches points of each key that it meets, up to
 * 12.5 MB of heap: the cache is given back after each use.
 */
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include "core/crypto/algorithms.h"
#include <string.h>

#define DER_SIGNATURE_MAX 80u

static void release(ecc_key *key)
{
    wc_ecc_free(key);
    wc_ecc_fp_free();
}

/* Leaves `key` initialised whatever happens. */
static int import_public(ecc_key *key, const uint8_t public_key[64])
{
    uint8_t x[32];
    uint8_t y[32];
    memcpy(x, public_key, 32);
    memcpy(y, public_key + 32, 32);
    return wc_ecc_import_unsigned(key, x, y, NULL, ECC_SECP256R1);
}

enum kedge_rc kedge_ecdsa_check(const uint8_t public_key[64])
{
    ecc_key key;
    if (wc_ecc_init(&key) != 0)
        return KEDGE_E_MEMORY;
    int failed = import_public(&key, public_key);
    if (failed == 0)
        failed = wc_ecc_check_key(&key);
    release(&key);
    return failed == 0 ? KEDGE_OK : KEDGE_E_KEY;
}

/* A secret is a number from 1 to n - 1. */
static bool secret_in_range(const uint8_t secret[32])
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                      0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    static const uint8_t zero[32];
    return memcmp(secret, order, 32) < 0 && !kedge_equal_constant_time(secret, zero, 32);
}

enum kedge_rc kedge_ecdsa_public(const uint8_t secret[32], uint8_t public_key[64])
{
    if (!secret_in_range(secret))
        return KEDGE_E_KEY;
    ecc_key key;
    if (wc_ecc_init(&key) != 0)
        return KEDGE_E_MEMORY;
    uint8_t x[32];
    uint8_t y[32];
    word32 x_size = sizeof x;
    word32 y_size = sizeof y;
    int failed = wc_ecc_import_private_key_ex(secret, 32, NULL, 0, &key, ECC_SECP256R1);
    if (failed == 0)
        failed = wc_ecc_make_pub(&key, NULL);
    if (failed == 0)
        failed = wc_ecc_export_public_raw(&key, x, &x_size, y, &y_size);
    release(&key);
    if (failed != 0 || x_size > 32 || y_size > 32)
        return KEDGE_E_KEY;
    memset(public_key, 0, 64);
    memcpy(public_key + 32 - x_size, x, x_size);
    memcpy(public_key + 64 - y_size, y, y_size);
    return KEDGE_OK;
}

/* Writes r and s, each left-padded to 32 bytes. */
static int split_signature(const uint8_t *der, word32 der_size, uint8_t signature[64])
{
    uint8_t r[33];
    uint8_t s[33];
    word32 r_size = sizeof r;
    word32 s_size = sizeof s;
    int failed = wc_ecc_sig_to_rs(der, der_size, r, &r_size, s, &s_size);
    if (failed != 0 || r_size > 32 || s_size > 32)
        return -1;
    memset(signature, 0, 64);
    memcpy(signature + 32 - r_size, r, r_size);
    memcpy(signature + 64 - s_size, s, s_size);
    return 0;
}

enum kedge_rc kedge_ecdsa_sign(const struct kedge_private_key *private_key,
                               struct kedge_slice message, uint8_t signature[64])
{
    uint8_t hash[KEDGE_SHA256_SIZE];
    uint8_t der[DER_SIGNATURE_MAX];
    word32 der_size = sizeof der;
    WC_RNG random;
    ecc_key key;
    kedge_sha256(message, hash);
    /* Deterministic as the signature is, wolfCrypt wants the generator for blinding. */
    if (wc_InitRng(&random) != 0)
        return KEDGE_E_SYSTEM;
    if (wc_ecc_init(&key) != 0) {
        wc_FreeRng(&random);
        return KEDGE_E_MEMORY;
    }
    int failed =
        wc_ecc_import_private_key_ex(private_key->secret, 32, NULL, 0, &key, ECC_SECP256R1);
    if (failed == 0)
        failed = wc_ecc_set_deterministic(&key, 1);
    if (failed == 0)
        failed = wc_ecc_sign_hash(hash, sizeof hash, der, &der_size, &random, &key);
    if (failed == 0)
        failed = split_signature(der, der_size, signature);
    release(&key);
    wc_FreeRng(&random);
    return failed == 0 ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc kedge_ecdsa_verify(const uint8_t public_key[64], struct kedge_slice message,
                                 const uint8_t signature[64])
{
    uint8_t hash[KEDGE_SHA256_SIZE];
    uint8_t der[DER_SIGNATURE_MAX];
    word32 der_size = sizeof der;
    ecc_key key;
    /* Fails for r = 0 and s = 0. */
    if (wc_ecc_rs_raw_to_sig(signature, 32, signature + 32, 32, der, &der_size) != 0)
        return KEDGE_E_SIGNATURE;
    kedge_sha256(message, hash);
    if (wc_ecc_init(&key) != 0)
        return KEDGE_E_MEMORY;
    int verified = 0;
    int failed = import_public(&key, public_key);
    if (failed == 0)
        failed = wc_ecc_verify_hash(der, der_size, hash, sizeof hash, &verified, &key);
    release(&key);
    return failed == 0 && verified == 1 ? KEDGE_OK : KEDGE_E_SIGNATURE;
}
