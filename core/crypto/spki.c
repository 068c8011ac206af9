/*
 * spki.c: SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) of the two algorithms. Each has exactly
 * one DER form here (RFC 8410 section 4; RFC 5480 with the named curve and an uncompressed point),
 * so reading is comparing a prefix and taking the rest.
 */
#include "core/crypto/algorithms.h"

#include <string.h>

static const uint8_t ed25519_prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                         0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const uint8_t p256_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

static bool take_key(struct kedge_slice der, const uint8_t *prefix, size_t prefix_size,
                     size_t key_size, uint8_t *out)
{
    struct kedge_cursor cursor = kedge_cursor(der);
    struct kedge_slice head;
    struct kedge_slice key;
    if (kedge_cursor_take(&cursor, prefix_size, &head) != KEDGE_OK ||
        !kedge_slice_equal(head, kedge_slice(prefix, prefix_size)) ||
        kedge_cursor_take(&cursor, key_size, &key) != KEDGE_OK || kedge_cursor_left(&cursor) != 0)
        return false;
    memcpy(out, key.data, key_size);
    return true;
}

enum kedge_rc kedge_public_key_from_spki(struct kedge_slice der, struct kedge_public_key *key)
{
    struct kedge_public_key read = {0};
    if (take_key(der, ed25519_prefix, sizeof ed25519_prefix, 32, read.bytes)) {
        read.algorithm = KEDGE_ED25519;
        KEDGE_TRY(kedge_ed25519_check(read.bytes));
    } else if (take_key(der, p256_prefix, sizeof p256_prefix, 64, read.bytes)) {
        read.algorithm = KEDGE_ESP256;
        KEDGE_TRY(kedge_ecdsa_check(read.bytes));
    } else {
        return KEDGE_E_KEY;
    }
    kedge_sha256(der, read.key_id);
    *key = read;
    return KEDGE_OK;
}

enum kedge_rc kedge_public_key_to_spki(const struct kedge_public_key *key, struct kedge_writer *out)
{
    bool ed25519 = key->algorithm == KEDGE_ED25519;
    if (!ed25519 && key->algorithm != KEDGE_ESP256)
        return KEDGE_E_ARGUMENT;
    struct kedge_slice prefix = ed25519 ? kedge_slice(ed25519_prefix, sizeof ed25519_prefix)
                                        : kedge_slice(p256_prefix, sizeof p256_prefix);
    struct kedge_slice bytes = kedge_slice(key->bytes, ed25519 ? 32 : 64);
    if (out->capacity - out->size < prefix.size + bytes.size)
        return KEDGE_E_BUFFER;
    KEDGE_TRY(kedge_writer_put(out, prefix));
    return kedge_writer_put(out, bytes);
}

enum kedge_rc kedge_public_key_identify(struct kedge_public_key *key)
{
    uint8_t der[KEDGE_SPKI_MAX];
    struct kedge_writer writer = kedge_writer(der, sizeof der);
    KEDGE_TRY(kedge_public_key_to_spki(key, &writer));
    kedge_sha256(kedge_writer_slice(&writer), key->key_id);
    return KEDGE_OK;
}
