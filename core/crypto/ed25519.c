/*
 * ed25519.c: Ed25519 (RFC 8032) by wolfCrypt, with the guards that wolfCrypt 5.5.4 lacks: it
 * accepts some signatures with S >= L (malleable), every public key of small order, and imports
 * keys that are no point of the curve or another encoding of one.
 */
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "core/crypto/algorithms.h"
#include <string.h>

/* RFC 8032 section 5.1.7: S must be below the order L = 2^252 +
 * 27742317777372353535851937790883648493. */
static bool scalar_in_range(const uint8_t s[32])
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    for (size_t i = 32; i-- > 0;)
        if (s[i] != order[i])
            return s[i] < order[i];
    return false;
}

/* RFC 8032 section 5.1.3: a y of 2^255 - 19 or more encodes no point, though wolfCrypt reduces it.
 */
static bool coordinate_in_range(const uint8_t y[32])
{
    for (size_t i = 1; i < 31; i++)
        if (y[i] != 0xFF)
            return true;
    return y[31] != 0x7F || y[0] < 0xED;
}

/* The y coordinates of the points of small order, sign bit masked. */
static const uint8_t small_order[5][32] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

/* Importing a key does not ask whether it is a point of the curve; verifying does so first of all.
 */
static bool is_point(ed25519_key *key)
{
    static const uint8_t signature[64];
    static const uint8_t message[1];
    int verified = 0;
    return wc_ed25519_verify_msg(signature, sizeof signature, message, sizeof message, &verified,
                                 key) != BAD_FUNC_ARG;
}

enum kedge_rc kedge_ed25519_check(const uint8_t public_key[32])
{
    uint8_t y[32];
    memcpy(y, public_key, sizeof y);
    y[31] &= 0x7F;
    if (!coordinate_in_range(y))
        return KEDGE_E_KEY;
    for (size_t i = 0; i < sizeof small_order / sizeof small_order[0]; i++)
        if (memcmp(y, small_order[i], sizeof y) == 0)
            return KEDGE_E_KEY;
    ed25519_key key;
    if (wc_ed25519_init(&key) != 0)
        return KEDGE_E_MEMORY;
    bool usable = wc_ed25519_import_public(public_key, 32, &key) == 0 && is_point(&key);
    wc_ed25519_free(&key);
    return usable ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc kedge_ed25519_public(const uint8_t secret[32], uint8_t public_key[32])
{
    ed25519_key key;
    if (wc_ed25519_init(&key) != 0)
        return KEDGE_E_MEMORY;
    int failed = wc_ed25519_import_private_only(secret, 32, &key);
    if (failed == 0)
        failed = wc_ed25519_make_public(&key, public_key, 32);
    wc_ed25519_free(&key);
    return failed == 0 ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc kedge_ed25519_sign(const struct kedge_private_key *private_key,
                                 struct kedge_slice message, uint8_t signature[64])
{
    ed25519_key key;
    if (message.size > UINT32_MAX)
        return KEDGE_E_LIMIT;
    if (wc_ed25519_init(&key) != 0)
        return KEDGE_E_MEMORY;
    word32 size = 64;
    int failed = wc_ed25519_import_private_key(private_key->secret, 32,
                                               private_key->public_key.bytes, 32, &key);
    if (failed == 0)
        failed = wc_ed25519_sign_msg(message.data, (word32)message.size, signature, &size, &key);
    wc_ed25519_free(&key);
    return failed == 0 && size == 64 ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc kedge_ed25519_verify(const uint8_t public_key[32], struct kedge_slice message,
                                   const uint8_t signature[64])
{
    if (message.size > UINT32_MAX)
        return KEDGE_E_LIMIT;
    if (!scalar_in_range(signature + 32))
        return KEDGE_E_SIGNATURE;
    ed25519_key key;
    if (wc_ed25519_init(&key) != 0)
        return KEDGE_E_MEMORY;
    int verified = 0;
    int failed = wc_ed25519_import_public(public_key, 32, &key);
    if (failed == 0)
        failed = wc_ed25519_verify_msg(signature, 64, message.data, (word32)message.size, &verified,
                                       &key);
    wc_ed25519_free(&key);
    return failed == 0 && verified == 1 ? KEDGE_OK : KEDGE_E_SIGNATURE;
}
