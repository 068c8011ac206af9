/*
 * envelope_stream.c: the envelope's top level, walked over as it arrives. Heads and keys wait in a
 * buffer of 32 bytes until they are whole; wrapper and manifest are kept; text and attachments are
 * passed over; "#firmware" is the last pair and its bytes go on to the frames.
 *
 * The profile is that of core/suit/envelope.c, which wants the bytes in one piece: canonical order,
 * byte strings as values, nothing that is not known.
 */
#include "agent/install/internal.h"

#include <string.h>

#include "core/suit/keys.h"

/* Wrapper, manifest, three severable members, and as many payloads as an envelope may have. */
#define PAIRS_MAX (5u + KEDGE_SUIT_PAYLOADS_MAX)

static enum kedge_rc end_value(struct kedge_install *install)
{
    if (install->stage == KEDGE_INSTALL_PAYLOAD) {
        install->stage = KEDGE_INSTALL_COMPLETE;
        return KEDGE_OK;
    }
    if (install->stage == KEDGE_INSTALL_KEPT && install->last_key[0] == SUIT_ENVELOPE_WRAPPER) {
        install->wrapper_size = install->kept_size;
    } else if (install->stage == KEDGE_INSTALL_KEPT) {
        install->manifest_size = install->kept_size - install->wrapper_size;
        KEDGE_TRY(install_judge(install));
    }
    install->stage = KEDGE_INSTALL_KEY;
    return install->pairs_left > 0 ? KEDGE_OK : KEDGE_E_MISSING;
}

static enum kedge_rc begin_numbered(struct kedge_install *install, uint64_t key)
{
    switch (key) {
    case SUIT_ENVELOPE_MANIFEST:
        if (install->wrapper_size == 0)
            return KEDGE_E_MISSING;
        /* fall through */
    case SUIT_ENVELOPE_WRAPPER:
        install->stage = KEDGE_INSTALL_KEPT;
        return install->value_left <= KEDGE_SUIT_HEAD_MAX - INSTALL_HEAD_FRAME - install->kept_size
                   ? KEDGE_OK
                   : KEDGE_E_LIMIT;
    case SUIT_PAYLOAD_FETCH:
    case SUIT_INSTALL:
    case SUIT_TEXT:
        install->stage = KEDGE_INSTALL_SKIPPED;
        return install->authenticated ? KEDGE_OK : KEDGE_E_MISSING;
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

static enum kedge_rc begin_named(struct kedge_install *install, struct kedge_slice name)
{
    if (!install->authenticated)
        return KEDGE_E_MISSING;
    install->stage = KEDGE_INSTALL_SKIPPED;
    if (!kedge_slice_equal(name, kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME)))
        return KEDGE_OK;
    if (install->pairs_left > 0)
        return KEDGE_E_TRAILING;
    install->stage = KEDGE_INSTALL_PAYLOAD;
    return install_begin_payload(install, install->value_left);
}

static enum kedge_rc begin_value(struct kedge_install *install, const struct kedge_cbor_item *key)
{
    if (key->type == KEDGE_CBOR_UINT)
        return begin_numbered(install, key->value);
    return key->type == KEDGE_CBOR_TSTR ? begin_named(install, key->bytes) : KEDGE_E_UNSUPPORTED;
}

/* ---- heads and keys, from `pending`; KEDGE_E_TRUNCATED asks for one more byte ---- */

static enum kedge_rc read_top(struct kedge_install *install, struct kedge_cursor *cursor)
{
    uint64_t tag;
    struct kedge_cbor_item map;
    enum kedge_rc rc = kedge_cbor_tag(cursor, &tag);
    if (rc == KEDGE_E_TRUNCATED)
        return rc;
    if (rc != KEDGE_OK || tag != SUIT_TAG_ENVELOPE)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(kedge_cbor_next(cursor, &map));
    if (map.type != KEDGE_CBOR_MAP)
        return KEDGE_E_TYPE;
    if (map.value > PAIRS_MAX)
        return KEDGE_E_LIMIT;
    install->pairs_left = map.value;
    install->stage = KEDGE_INSTALL_KEY;
    return map.value > 0 ? KEDGE_OK : KEDGE_E_MISSING;
}

static enum kedge_rc read_key(struct kedge_install *install, struct kedge_cursor *cursor,
                              struct kedge_cbor_item *key)
{
    struct kedge_cbor_map map = {.left = (size_t)install->pairs_left,
                                 .last_key =
                                     kedge_slice(install->last_key, install->last_key_size)};
    uint64_t size;
    KEDGE_TRY(kedge_cbor_map_key(cursor, &map, key));
    size_t key_size = cursor->offset;
    KEDGE_TRY(kedge_cbor_bstr_head(cursor, &size));
    memcpy(install->last_key, install->pending, key_size);
    install->last_key_size = (uint32_t)key_size;
    install->pairs_left = map.left;
    install->value_left = size;
    return KEDGE_OK;
}

/* Byte by byte: no more of the envelope is taken than the head needs, and heads are short. */
static enum kedge_rc take_head_byte(struct kedge_install *install, uint8_t byte)
{
    install->pending[install->pending_size++] = byte;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(install->pending, install->pending_size));
    bool top = install->stage == KEDGE_INSTALL_TOP;
    struct kedge_cbor_item key;
    enum kedge_rc rc = top ? read_top(install, &cursor) : read_key(install, &cursor, &key);
    if (rc == KEDGE_E_TRUNCATED)
        return install->pending_size < sizeof install->pending ? KEDGE_OK : KEDGE_E_LIMIT;
    install->pending_size = 0;
    KEDGE_TRY(rc);
    /* From here on KEDGE_E_TRUNCATED is a refusal: what begins here is shorter than was signed. */
    if (top)
        return KEDGE_OK;
    KEDGE_TRY(begin_value(install, &key));
    return install->value_left > 0 ? KEDGE_OK : end_value(install);
}

static enum kedge_rc take_value(struct kedge_install *install, struct kedge_slice bytes)
{
    install->value_left -= bytes.size;
    if (install->stage == KEDGE_INSTALL_KEPT) {
        memcpy(install->kept + install->kept_size, bytes.data, bytes.size);
        install->kept_size += bytes.size;
    } else if (install->stage == KEDGE_INSTALL_PAYLOAD) {
        KEDGE_TRY(kedge_payload_push(&install->reader, bytes));
    }
    return install->value_left > 0 ? KEDGE_OK : end_value(install);
}

enum kedge_rc install_walk(struct kedge_install *install, struct kedge_slice bytes)
{
    while (bytes.size > 0) {
        size_t taken = 1;
        switch (install->stage) {
        case KEDGE_INSTALL_TOP:
        case KEDGE_INSTALL_KEY:
            KEDGE_TRY(take_head_byte(install, bytes.data[0]));
            break;
        case KEDGE_INSTALL_KEPT:
        case KEDGE_INSTALL_SKIPPED:
        case KEDGE_INSTALL_PAYLOAD:
            taken = bytes.size < install->value_left ? bytes.size : (size_t)install->value_left;
            KEDGE_TRY(take_value(install, kedge_slice(bytes.data, taken)));
            break;
        case KEDGE_INSTALL_COMPLETE:
            return KEDGE_E_TRAILING;
        case KEDGE_INSTALL_DONE:
        case KEDGE_INSTALL_FAILED:
            return KEDGE_E_STATE;
        }
        install->received += taken;
        bytes = kedge_slice(bytes.data + taken, bytes.size - taken);
    }
    return KEDGE_OK;
}
