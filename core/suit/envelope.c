/*
 * envelope.c: taking an envelope apart (draft-ietf-suit-manifest-37, section 8.2), and putting one
 * together. One walk serves both readers: the whole envelope, and its head while it still arrives.
 */
#include <kedge/suit.h>
#include <string.h>

#include "core/suit/keys.h"

#define NAME_MAX 32u /* bytes of an integrated payload's name */

static enum kedge_rc read_digest(struct kedge_slice encoded, struct kedge_suit_envelope *out)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    size_t count;
    int64_t algorithm;
    struct kedge_slice digest;
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    if (count != 2)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_int(&cursor, &algorithm));
    if (algorithm != SUIT_DIGEST_SHA256)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(kedge_cbor_bstr(&cursor, &digest));
    KEDGE_TRY(kedge_cbor_end(&cursor));
    if (digest.size != KEDGE_SHA256_SIZE)
        return KEDGE_E_MALFORMED;
    memcpy(out->manifest_digest, digest.data, KEDGE_SHA256_SIZE);
    out->digest = encoded;
    return KEDGE_OK;
}

static enum kedge_rc read_wrapper(struct kedge_slice wrapper, struct kedge_suit_envelope *out)
{
    struct kedge_cursor cursor = kedge_cursor(wrapper);
    struct kedge_slice digest;
    size_t count;
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    if (count == 0)
        return KEDGE_E_MALFORMED;
    if (count - 1 > KEDGE_SUIT_SIGNATURES_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(kedge_cbor_bstr(&cursor, &digest));
    KEDGE_TRY(read_digest(digest, out));
    for (out->signature_count = 0; out->signature_count < count - 1; out->signature_count++)
        KEDGE_TRY(kedge_cbor_bstr(&cursor, &out->signatures[out->signature_count]));
    return kedge_cbor_end(&cursor);
}

static enum kedge_rc read_numbered(struct kedge_cursor *cursor, uint64_t key,
                                   struct kedge_suit_envelope *out)
{
    size_t start = cursor->offset;
    struct kedge_slice value;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &value));
    switch (key) {
    case SUIT_ENVELOPE_WRAPPER:
        return read_wrapper(value, out);
    case SUIT_ENVELOPE_MANIFEST:
        out->manifest = value;
        out->manifest_bstr = kedge_slice(cursor->bytes.data + start, cursor->offset - start);
        return KEDGE_OK;
    case SUIT_PAYLOAD_FETCH:
    case SUIT_INSTALL:
    case SUIT_TEXT:
        out->severable[key] = value;
        return KEDGE_OK;
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

/*
 * Reads the head of an integrated payload's bstr and notes where its bytes are. `cursor` is left
 * at the first of them: they may not have arrived yet.
 */
static enum kedge_rc read_payload_head(struct kedge_cursor *cursor, struct kedge_slice name,
                                       struct kedge_suit_envelope *out)
{
    if (out->payload_count == KEDGE_SUIT_PAYLOADS_MAX || name.size > NAME_MAX)
        return KEDGE_E_LIMIT;
    uint64_t size;
    KEDGE_TRY(kedge_cbor_bstr_head(cursor, &size));
    if (size > UINT64_MAX / 2)
        return KEDGE_E_LIMIT;
    out->payloads[out->payload_count++] =
        (struct kedge_suit_named){.name = name, .offset = cursor->offset, .size = size};
    return KEDGE_OK;
}

/* Takes the pairs of the envelope's map; stops at the bytes of the last one when `head_only`. */
static enum kedge_rc read_members(struct kedge_cursor *cursor, bool head_only,
                                  struct kedge_suit_envelope *out)
{
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        KEDGE_TRY(kedge_cbor_map_key(cursor, &map, &key));
        if (key.type == KEDGE_CBOR_UINT) {
            KEDGE_TRY(read_numbered(cursor, key.value, out));
            continue;
        }
        if (key.type != KEDGE_CBOR_TSTR)
            return KEDGE_E_UNSUPPORTED;
        KEDGE_TRY(read_payload_head(cursor, key.bytes, out));
        const struct kedge_suit_named *payload = &out->payloads[out->payload_count - 1];
        out->envelope_size = payload->offset + payload->size;
        if (head_only && map.left == 0)
            return KEDGE_OK;
        if (payload->size > kedge_cursor_left(cursor))
            return KEDGE_E_TRUNCATED;
        KEDGE_TRY(kedge_cursor_skip(cursor, (size_t)payload->size));
    }
    if (head_only)
        return KEDGE_E_MISSING;
    out->envelope_size = cursor->offset;
    return KEDGE_OK;
}

static enum kedge_rc read_envelope(struct kedge_slice bytes, bool head_only,
                                   struct kedge_suit_envelope *out)
{
    struct kedge_suit_envelope read = {0};
    struct kedge_cursor cursor = kedge_cursor(bytes);
    uint64_t tag;
    enum kedge_rc rc = kedge_cbor_tag(&cursor, &tag);
    if (rc == KEDGE_E_TRUNCATED)
        return rc;
    if (rc != KEDGE_OK || tag != SUIT_TAG_ENVELOPE)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(read_members(&cursor, head_only, &read));
    if (read.digest.size == 0 || read.manifest.size == 0)
        return KEDGE_E_MISSING;
    if (!head_only)
        KEDGE_TRY(kedge_cbor_end(&cursor));
    *out = read;
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_envelope_read(struct kedge_slice bytes, struct kedge_suit_envelope *out)
{
    return read_envelope(bytes, false, out);
}

enum kedge_rc kedge_suit_head_read(struct kedge_slice prefix, struct kedge_suit_envelope *out)
{
    return read_envelope(prefix, true, out);
}

/* ---- writing ---- */

enum kedge_rc kedge_suit_bstr_digest(struct kedge_slice content, uint8_t digest[KEDGE_SHA256_SIZE])
{
    uint8_t head_bytes[9];
    struct kedge_writer head = kedge_writer(head_bytes, sizeof head_bytes);
    struct kedge_sha256 hash;
    KEDGE_TRY(kedge_cbor_write_bstr_head(&head, content.size));
    kedge_sha256_init(&hash);
    kedge_sha256_update(&hash, kedge_writer_slice(&head));
    kedge_sha256_update(&hash, content);
    kedge_sha256_final(&hash, digest);
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_digest_write(struct kedge_slice manifest, struct kedge_writer *out)
{
    uint8_t digest[KEDGE_SHA256_SIZE];
    KEDGE_TRY(kedge_suit_bstr_digest(manifest, digest));
    KEDGE_TRY(kedge_cbor_write_array(out, 2));
    KEDGE_TRY(kedge_cbor_write_int(out, SUIT_DIGEST_SHA256));
    return kedge_cbor_write_bstr(out, kedge_slice(digest, sizeof digest));
}

enum kedge_rc kedge_suit_wrapper_write(struct kedge_slice digest,
                                       const struct kedge_slice *signatures, size_t signature_count,
                                       struct kedge_writer *out)
{
    if (signature_count > KEDGE_SUIT_SIGNATURES_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(kedge_cbor_write_array(out, 1 + signature_count));
    KEDGE_TRY(kedge_cbor_write_bstr(out, digest));
    for (size_t i = 0; i < signature_count; i++)
        KEDGE_TRY(kedge_cbor_write_bstr(out, signatures[i]));
    return KEDGE_OK;
}

/* The canonical order of text keys: the shorter one first, then bytewise. */
static bool name_before(struct kedge_slice a, struct kedge_slice b)
{
    return a.size != b.size ? a.size < b.size : memcmp(a.data, b.data, a.size) < 0;
}

static enum kedge_rc check_names(const struct kedge_slice *names, size_t count)
{
    struct kedge_slice last = kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME);
    for (size_t i = 0; i < count; i++)
        if (!name_before(names[i], i + 1 < count ? names[i + 1] : last))
            return KEDGE_E_ARGUMENT;
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_head_write(struct kedge_slice wrapper, struct kedge_slice manifest,
                                    struct kedge_slice text,
                                    const struct kedge_slice *attachment_names,
                                    const struct kedge_slice *attachments, size_t attachment_count,
                                    uint64_t payload_size, struct kedge_writer *out)
{
    if (attachment_count > KEDGE_SUIT_ATTACHMENTS_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(check_names(attachment_names, attachment_count));
    KEDGE_TRY(kedge_cbor_write_tag(out, SUIT_TAG_ENVELOPE));
    KEDGE_TRY(kedge_cbor_write_map(out, 3 + (text.size > 0 ? 1u : 0u) + attachment_count));
    KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_ENVELOPE_WRAPPER));
    KEDGE_TRY(kedge_cbor_write_bstr(out, wrapper));
    KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_ENVELOPE_MANIFEST));
    KEDGE_TRY(kedge_cbor_write_bstr(out, manifest));
    if (text.size > 0) {
        KEDGE_TRY(kedge_cbor_write_uint(out, SUIT_TEXT));
        KEDGE_TRY(kedge_cbor_write_bstr(out, text));
    }
    for (size_t i = 0; i < attachment_count; i++) {
        KEDGE_TRY(kedge_cbor_write_tstr(out, attachment_names[i]));
        KEDGE_TRY(kedge_cbor_write_bstr(out, attachments[i]));
    }
    KEDGE_TRY(kedge_cbor_write_tstr(out, kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME)));
    return kedge_cbor_write_bstr_head(out, payload_size);
}
