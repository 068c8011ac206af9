/*
 * cose.c: COSE_Sign1 (RFC 9052 section 4.2) with a detached payload and empty external_aad.
 * Ours have algorithm and key id protected and an empty unprotected map; those of others may have
 * the key id unprotected.
 */
#include <kedge/cbor.h>

#include "core/crypto/algorithms.h"

#define TAG_SIGN1 18u
#define HEADER_ALGORITHM 1u
#define HEADER_CRITICAL 2u
#define HEADER_KEY_ID 4u
#define SIG_STRUCTURE_MAX 512u

/* IANA COSE algorithms. The first of each pair is what is written (RFC 9864), both are read. */
#define ALGORITHM_ED25519 (-19)
#define ALGORITHM_EDDSA (-8)
#define ALGORITHM_ESP256 (-9)
#define ALGORITHM_ES256 (-7)

static enum kedge_rc read_headers(struct kedge_cursor *cursor, bool is_protected,
                                  struct kedge_cose_sign1 *out)
{
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        KEDGE_TRY(kedge_cbor_map_key(cursor, &map, &key));
        bool number = key.type == KEDGE_CBOR_UINT;
        if (number && key.value == HEADER_ALGORITHM) {
            if (!is_protected)
                return KEDGE_E_UNSUPPORTED; /* an algorithm that nobody signed */
            KEDGE_TRY(kedge_cbor_int(cursor, &out->algorithm));
            out->has_algorithm = true;
        } else if (number && key.value == HEADER_CRITICAL) {
            return KEDGE_E_UNSUPPORTED;
        } else if (number && key.value == HEADER_KEY_ID) {
            if (out->key_id.size > 0)
                return KEDGE_E_MALFORMED; /* RFC 9052 section 3: a label in both maps */
            KEDGE_TRY(kedge_cbor_bstr(cursor, &out->key_id));
        } else {
            KEDGE_TRY(kedge_cbor_skip(cursor, NULL));
        }
    }
    return KEDGE_OK;
}

static enum kedge_rc read_protected(struct kedge_cursor *cursor, struct kedge_cose_sign1 *out)
{
    KEDGE_TRY(kedge_cbor_bstr(cursor, &out->protected_header));
    if (out->protected_header.size == 0)
        return KEDGE_OK; /* RFC 9052 section 3: an empty map as a zero-length string */
    struct kedge_cursor header = kedge_cursor(out->protected_header);
    KEDGE_TRY(read_headers(&header, true, out));
    return kedge_cbor_end(&header);
}

enum kedge_rc kedge_cose_sign1_read(struct kedge_slice bytes, struct kedge_cose_sign1 *out)
{
    struct kedge_cose_sign1 read = {0};
    struct kedge_cursor cursor = kedge_cursor(bytes);
    struct kedge_cbor_item item;
    size_t count;
    KEDGE_TRY(kedge_cbor_peek(&cursor, &item));
    if (item.type == KEDGE_CBOR_TAG) {
        if (item.value != TAG_SIGN1)
            return KEDGE_E_UNSUPPORTED;
        KEDGE_TRY(kedge_cbor_next(&cursor, &item));
    }
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    if (count != 4)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(read_protected(&cursor, &read));
    KEDGE_TRY(read_headers(&cursor, false, &read));
    KEDGE_TRY(kedge_cbor_peek(&cursor, &item));
    read.detached = item.type == KEDGE_CBOR_NULL;
    if (read.detached)
        KEDGE_TRY(kedge_cbor_null(&cursor));
    else
        KEDGE_TRY(kedge_cbor_bstr(&cursor, &read.payload));
    KEDGE_TRY(kedge_cbor_bstr(&cursor, &read.signature));
    KEDGE_TRY(kedge_cbor_end(&cursor));
    *out = read;
    return KEDGE_OK;
}

enum kedge_rc kedge_cose_sig_structure(struct kedge_slice protected_header,
                                       struct kedge_slice payload, struct kedge_writer *out)
{
    KEDGE_TRY(kedge_cbor_write_array(out, 4));
    KEDGE_TRY(kedge_cbor_write_tstr(out, kedge_slice_text("Signature1")));
    KEDGE_TRY(kedge_cbor_write_bstr(out, protected_header));
    KEDGE_TRY(kedge_cbor_write_bstr(out, kedge_slice(NULL, 0)));
    return kedge_cbor_write_bstr(out, payload);
}

enum kedge_rc kedge_cose_protected_write(const struct kedge_public_key *key,
                                         struct kedge_writer *out)
{
    int64_t algorithm = key->algorithm == KEDGE_ED25519 ? ALGORITHM_ED25519 : ALGORITHM_ESP256;
    KEDGE_TRY(kedge_cbor_write_map(out, 2));
    KEDGE_TRY(kedge_cbor_write_uint(out, HEADER_ALGORITHM));
    KEDGE_TRY(kedge_cbor_write_int(out, algorithm));
    KEDGE_TRY(kedge_cbor_write_uint(out, HEADER_KEY_ID));
    return kedge_cbor_write_bstr(out, kedge_slice(key->key_id, sizeof key->key_id));
}

enum kedge_rc kedge_cose_sign1_assemble(struct kedge_slice protected_header,
                                        const uint8_t signature[KEDGE_SIGNATURE_SIZE],
                                        struct kedge_writer *out)
{
    KEDGE_TRY(kedge_cbor_write_tag(out, TAG_SIGN1));
    KEDGE_TRY(kedge_cbor_write_array(out, 4));
    KEDGE_TRY(kedge_cbor_write_bstr(out, protected_header));
    KEDGE_TRY(kedge_cbor_write_map(out, 0));
    KEDGE_TRY(kedge_cbor_write_null(out));
    return kedge_cbor_write_bstr(out, kedge_slice(signature, KEDGE_SIGNATURE_SIZE));
}

enum kedge_rc kedge_cose_sign1_write(const struct kedge_private_key *key,
                                     struct kedge_slice payload, struct kedge_writer *out)
{
    uint8_t header_bytes[64];
    uint8_t message_bytes[SIG_STRUCTURE_MAX];
    uint8_t signature[KEDGE_SIGNATURE_SIZE];
    struct kedge_writer header = kedge_writer(header_bytes, sizeof header_bytes);
    struct kedge_writer message = kedge_writer(message_bytes, sizeof message_bytes);
    KEDGE_TRY(kedge_cose_protected_write(&key->public_key, &header));
    KEDGE_TRY(kedge_cose_sig_structure(kedge_writer_slice(&header), payload, &message));
    KEDGE_TRY(kedge_sign(key, kedge_writer_slice(&message), signature));
    return kedge_cose_sign1_assemble(kedge_writer_slice(&header), signature, out);
}

static bool algorithm_fits(int64_t algorithm, enum kedge_algorithm key)
{
    if (key == KEDGE_ED25519)
        return algorithm == ALGORITHM_ED25519 || algorithm == ALGORITHM_EDDSA;
    return algorithm == ALGORITHM_ESP256 || algorithm == ALGORITHM_ES256;
}

enum kedge_rc kedge_cose_sign1_verify(const struct kedge_cose_sign1 *sign1,
                                      struct kedge_slice detached_payload,
                                      const struct kedge_public_key *key)
{
    uint8_t message_bytes[SIG_STRUCTURE_MAX];
    struct kedge_writer message = kedge_writer(message_bytes, sizeof message_bytes);
    if (!sign1->has_algorithm || !algorithm_fits(sign1->algorithm, key->algorithm))
        return KEDGE_E_SIGNATURE;
    /* A key id of our length names one of our keys: if it is another one, this is not its
     * signature. */
    if (sign1->key_id.size == KEDGE_KEY_ID_SIZE &&
        !kedge_slice_equal(sign1->key_id, kedge_slice(key->key_id, KEDGE_KEY_ID_SIZE)))
        return KEDGE_E_SIGNATURE;
    struct kedge_slice payload = sign1->detached ? detached_payload : sign1->payload;
    KEDGE_TRY(kedge_cose_sig_structure(sign1->protected_header, payload, &message));
    return kedge_verify(key, kedge_writer_slice(&message), sign1->signature);
}
