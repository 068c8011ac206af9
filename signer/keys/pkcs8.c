/* pkcs8.c: see pkcs8.h. */
#include "signer/keys/pkcs8.h"

#include "signer/keys/der.h"

static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};
static const uint8_t oid_ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_prime256v1[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

#define OID(name) kedge_slice(name, sizeof name)
#define POINT_SIZE 65u /* uncompressed: 0x04, x, y */

static enum kedge_rc take_oid(struct kedge_cursor *cursor, struct kedge_slice wanted)
{
    struct kedge_slice oid;
    KEDGE_TRY(kedge_der_take(cursor, KEDGE_DER_OID, &oid));
    return kedge_slice_equal(oid, wanted) ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc read_algorithm(struct kedge_cursor *cursor, enum kedge_algorithm *algorithm)
{
    struct kedge_cursor identifier;
    struct kedge_slice oid;
    KEDGE_TRY(kedge_der_enter(cursor, KEDGE_DER_SEQUENCE, &identifier));
    KEDGE_TRY(kedge_der_take(&identifier, KEDGE_DER_OID, &oid));
    if (kedge_slice_equal(oid, OID(oid_ed25519))) {
        *algorithm = KEDGE_ED25519;
        return kedge_der_end(&identifier);
    }
    if (!kedge_slice_equal(oid, OID(oid_ec_public_key)))
        return KEDGE_E_UNSUPPORTED;
    *algorithm = KEDGE_ESP256;
    KEDGE_TRY(take_oid(&identifier, OID(oid_prime256v1)));
    return kedge_der_end(&identifier);
}

static enum kedge_rc make_key(enum kedge_algorithm algorithm, struct kedge_slice secret,
                              struct kedge_private_key *key)
{
    if (secret.size != KEDGE_PRIVATE_KEY_SIZE)
        return KEDGE_E_KEY;
    return kedge_private_key_from_secret(algorithm, secret.data, key);
}

/* RFC 8410 section 7: an OCTET STRING within the OCTET STRING. */
static enum kedge_rc read_ed25519(struct kedge_slice bytes, struct kedge_private_key *key)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    struct kedge_slice secret;
    KEDGE_TRY(kedge_der_take(&cursor, KEDGE_DER_OCTETS, &secret));
    KEDGE_TRY(kedge_der_end(&cursor));
    return make_key(KEDGE_ED25519, secret, key);
}

/* A public key that stands beside the secret must be the one that follows from it. */
static enum kedge_rc check_point(struct kedge_cursor *tagged, const struct kedge_private_key *key)
{
    struct kedge_slice bits, prefix, point;
    KEDGE_TRY(kedge_der_take(tagged, KEDGE_DER_BIT_STRING, &bits));
    KEDGE_TRY(kedge_der_end(tagged));
    struct kedge_cursor cursor = kedge_cursor(bits);
    static const uint8_t uncompressed[] = {0, 4}; /* no unused bits; both coordinates */
    if (bits.size != 1 + POINT_SIZE)
        return KEDGE_E_KEY;
    KEDGE_TRY(kedge_cursor_take(&cursor, 2, &prefix));
    KEDGE_TRY(kedge_cursor_take(&cursor, POINT_SIZE - 1, &point));
    bool same = kedge_slice_equal(prefix, kedge_slice(uncompressed, sizeof uncompressed)) &&
                kedge_slice_equal(point, kedge_slice(key->public_key.bytes, KEDGE_PUBLIC_KEY_MAX));
    return same ? KEDGE_OK : KEDGE_E_KEY;
}

/* RFC 5915 section 3: ECPrivateKey. */
static enum kedge_rc read_ec(struct kedge_slice bytes, struct kedge_private_key *key)
{
    struct kedge_cursor outer = kedge_cursor(bytes);
    struct kedge_cursor cursor, tagged;
    struct kedge_slice secret;
    uint32_t version;
    KEDGE_TRY(kedge_der_enter(&outer, KEDGE_DER_SEQUENCE, &cursor));
    KEDGE_TRY(kedge_der_end(&outer));
    KEDGE_TRY(kedge_der_uint(&cursor, &version));
    if (version != 1)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(kedge_der_take(&cursor, KEDGE_DER_OCTETS, &secret));
    KEDGE_TRY(make_key(KEDGE_ESP256, secret, key));
    if (kedge_der_next_is(&cursor, KEDGE_DER_CONTEXT_0)) {
        KEDGE_TRY(kedge_der_enter(&cursor, KEDGE_DER_CONTEXT_0, &tagged));
        KEDGE_TRY(take_oid(&tagged, OID(oid_prime256v1)));
        KEDGE_TRY(kedge_der_end(&tagged));
    }
    if (kedge_der_next_is(&cursor, KEDGE_DER_CONTEXT_1)) {
        KEDGE_TRY(kedge_der_enter(&cursor, KEDGE_DER_CONTEXT_1, &tagged));
        KEDGE_TRY(check_point(&tagged, key));
    }
    return kedge_der_end(&cursor);
}

static enum kedge_rc read_key(struct kedge_slice der, struct kedge_private_key *key)
{
    struct kedge_cursor outer = kedge_cursor(der);
    struct kedge_cursor cursor;
    struct kedge_slice bytes;
    enum kedge_algorithm algorithm;
    uint32_t version;
    KEDGE_TRY(kedge_der_enter(&outer, KEDGE_DER_SEQUENCE, &cursor));
    KEDGE_TRY(kedge_der_end(&outer));
    KEDGE_TRY(kedge_der_uint(&cursor, &version));
    if (version > 1)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(read_algorithm(&cursor, &algorithm));
    KEDGE_TRY(kedge_der_take(&cursor, KEDGE_DER_OCTETS, &bytes));
    /* Attributes and the public key of RFC 5958 may follow; neither says anything here. */
    return algorithm == KEDGE_ED25519 ? read_ed25519(bytes, key) : read_ec(bytes, key);
}

enum kedge_rc kedge_pkcs8_read(struct kedge_slice der, struct kedge_private_key *key)
{
    enum kedge_rc rc = read_key(der, key);
    if (rc != KEDGE_OK)
        kedge_wipe(key, sizeof *key);
    return rc;
}

/* Each has exactly one form here, so writing is a prefix and what differs. */
enum kedge_rc kedge_pkcs8_write(const struct kedge_private_key *key, struct kedge_writer *out)
{
    static const uint8_t ed25519[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                      0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    static const uint8_t p256[] = {0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06,
                                   0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                   0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
                                   0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const uint8_t p256_point[] = {0xa1, 0x44, 0x03, 0x42, 0x00, 0x04};
    struct kedge_slice secret = kedge_slice(key->secret, KEDGE_PRIVATE_KEY_SIZE);
    if (key->public_key.algorithm == KEDGE_ED25519) {
        KEDGE_TRY(kedge_writer_put(out, kedge_slice(ed25519, sizeof ed25519)));
        return kedge_writer_put(out, secret);
    }
    KEDGE_TRY(kedge_writer_put(out, kedge_slice(p256, sizeof p256)));
    KEDGE_TRY(kedge_writer_put(out, secret));
    KEDGE_TRY(kedge_writer_put(out, kedge_slice(p256_point, sizeof p256_point)));
    return kedge_writer_put(out, kedge_slice(key->public_key.bytes, KEDGE_PUBLIC_KEY_MAX));
}
