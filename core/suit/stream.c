/*
 * stream.c: the envelope's top level, walked over as it arrives. Heads and keys wait in a buffer of
 * 32 bytes until they are whole; wrapper and manifest are kept; all else is handed on.
 */
#include <kedge/stream.h>
#include <string.h>

#include "core/suit/keys.h"

/* Wrapper, manifest, three severable members, and as many payloads as an envelope may have. */
#define PAIRS_MAX (5u + KEDGE_SUIT_PAYLOADS_MAX)
/* What a device's copy of the head has around wrapper and manifest: tag, map, keys, lengths,
 * "#firmware". */
#define HEAD_FRAME 32u

static enum kedge_rc end_kept(struct kedge_suit_stream *stream)
{
    stream->stage = KEDGE_SUIT_STAGE_KEY;
    if (stream->wrapper_size == 0) {
        stream->wrapper_size = stream->kept_size;
        return KEDGE_OK;
    }
    stream->headed = true;
    return stream->hooks.head(
        stream->hooks.context, kedge_slice(stream->kept, stream->wrapper_size),
        kedge_slice(stream->kept + stream->wrapper_size, stream->kept_size - stream->wrapper_size));
}

static enum kedge_rc end_value(struct kedge_suit_stream *stream)
{
    if (stream->stage == KEDGE_SUIT_STAGE_KEPT) {
        KEDGE_TRY(end_kept(stream));
    } else {
        KEDGE_TRY(stream->hooks.end(stream->hooks.context));
        stream->stage = stream->firmware ? KEDGE_SUIT_STAGE_COMPLETE : KEDGE_SUIT_STAGE_KEY;
    }
    return stream->pairs_left > 0 || stream->firmware ? KEDGE_OK : KEDGE_E_MISSING;
}

static enum kedge_rc begin_kept(struct kedge_suit_stream *stream, uint64_t key)
{
    if (key == SUIT_ENVELOPE_MANIFEST && stream->wrapper_size == 0)
        return KEDGE_E_MISSING;
    stream->stage = KEDGE_SUIT_STAGE_KEPT;
    if (stream->value_left == 0)
        return KEDGE_E_MISSING;
    return stream->value_left <= KEDGE_SUIT_HEAD_MAX - HEAD_FRAME - stream->kept_size
               ? KEDGE_OK
               : KEDGE_E_LIMIT;
}

static enum kedge_rc begin_member(struct kedge_suit_stream *stream,
                                  const struct kedge_suit_member *member)
{
    if (!stream->headed)
        return KEDGE_E_MISSING;
    if (member->firmware && stream->pairs_left > 0)
        return KEDGE_E_TRAILING;
    stream->stage = KEDGE_SUIT_STAGE_MEMBER;
    stream->firmware = member->firmware;
    return stream->hooks.begin(stream->hooks.context, member);
}

static enum kedge_rc begin_value(struct kedge_suit_stream *stream,
                                 const struct kedge_cbor_item *key)
{
    struct kedge_suit_member member = {.size = stream->value_left};
    if (key->type == KEDGE_CBOR_TSTR) {
        member.name = key->bytes;
        member.firmware = kedge_slice_equal(key->bytes, kedge_slice_text(KEDGE_SUIT_PAYLOAD_NAME));
        return begin_member(stream, &member);
    }
    if (key->type != KEDGE_CBOR_UINT)
        return KEDGE_E_UNSUPPORTED;
    switch (key->value) {
    case SUIT_ENVELOPE_WRAPPER:
    case SUIT_ENVELOPE_MANIFEST:
        return begin_kept(stream, key->value);
    case SUIT_PAYLOAD_FETCH:
    case SUIT_INSTALL:
    case SUIT_TEXT:
        member.key = key->value;
        return begin_member(stream, &member);
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

/* ---- heads and keys, from `pending`; KEDGE_E_TRUNCATED asks for one more byte ---- */

static enum kedge_rc read_top(struct kedge_suit_stream *stream, struct kedge_cursor *cursor)
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
    stream->pairs_left = map.value;
    stream->stage = KEDGE_SUIT_STAGE_KEY;
    return map.value > 0 ? KEDGE_OK : KEDGE_E_MISSING;
}

static enum kedge_rc read_key(struct kedge_suit_stream *stream, struct kedge_cursor *cursor,
                              struct kedge_cbor_item *key)
{
    struct kedge_cbor_map map = {.left = (size_t)stream->pairs_left,
                                 .last_key = kedge_slice(stream->last_key, stream->last_key_size)};
    uint64_t size;
    KEDGE_TRY(kedge_cbor_map_key(cursor, &map, key));
    size_t key_size = cursor->offset;
    KEDGE_TRY(kedge_cbor_bstr_head(cursor, &size));
    memcpy(stream->last_key, stream->pending, key_size);
    stream->last_key_size = (uint32_t)key_size;
    stream->pairs_left = map.left;
    stream->value_left = size;
    return KEDGE_OK;
}

/* Byte by byte: no more of the envelope is taken than the head needs, and heads are short. */
static enum kedge_rc take_head_byte(struct kedge_suit_stream *stream, uint8_t byte)
{
    stream->pending[stream->pending_size++] = byte;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(stream->pending, stream->pending_size));
    bool top = stream->stage == KEDGE_SUIT_STAGE_TOP;
    struct kedge_cbor_item key;
    enum kedge_rc rc = top ? read_top(stream, &cursor) : read_key(stream, &cursor, &key);
    if (rc == KEDGE_E_TRUNCATED)
        return stream->pending_size < sizeof stream->pending ? KEDGE_OK : KEDGE_E_LIMIT;
    stream->pending_size = 0;
    KEDGE_TRY(rc);
    /* From here on KEDGE_E_TRUNCATED is a refusal: what begins here is shorter than was signed. */
    if (top)
        return KEDGE_OK;
    KEDGE_TRY(begin_value(stream, &key));
    return stream->value_left > 0 ? KEDGE_OK : end_value(stream);
}

static enum kedge_rc take_value(struct kedge_suit_stream *stream, struct kedge_slice bytes)
{
    stream->value_left -= bytes.size;
    if (stream->stage == KEDGE_SUIT_STAGE_KEPT) {
        memcpy(stream->kept + stream->kept_size, bytes.data, bytes.size);
        stream->kept_size += bytes.size;
    } else {
        KEDGE_TRY(stream->hooks.take(stream->hooks.context, bytes));
    }
    return stream->value_left > 0 ? KEDGE_OK : end_value(stream);
}

static enum kedge_rc walk(struct kedge_suit_stream *stream, struct kedge_slice bytes)
{
    while (bytes.size > 0) {
        size_t taken = 1;
        switch (stream->stage) {
        case KEDGE_SUIT_STAGE_TOP:
        case KEDGE_SUIT_STAGE_KEY:
            stream->taken++;
            KEDGE_TRY(take_head_byte(stream, bytes.data[0]));
            break;
        case KEDGE_SUIT_STAGE_KEPT:
        case KEDGE_SUIT_STAGE_MEMBER:
            taken = bytes.size < stream->value_left ? bytes.size : (size_t)stream->value_left;
            stream->taken += taken;
            KEDGE_TRY(take_value(stream, kedge_slice(bytes.data, taken)));
            break;
        case KEDGE_SUIT_STAGE_COMPLETE:
            return KEDGE_E_TRAILING;
        case KEDGE_SUIT_STAGE_FAILED:
            return stream->failure;
        }
        bytes = kedge_slice(bytes.data + taken, bytes.size - taken);
    }
    return KEDGE_OK;
}

static enum kedge_rc fail(struct kedge_suit_stream *stream, enum kedge_rc rc)
{
    if (rc != KEDGE_OK) {
        stream->stage = KEDGE_SUIT_STAGE_FAILED;
        stream->failure = rc;
    }
    return rc;
}

void kedge_suit_stream_begin(struct kedge_suit_stream *stream,
                             const struct kedge_suit_stream_hooks *hooks)
{
    stream->hooks = *hooks;
    stream->stage = KEDGE_SUIT_STAGE_TOP;
    stream->failure = KEDGE_OK;
    stream->headed = false;
    stream->firmware = false;
    stream->taken = 0;
    stream->pairs_left = 0;
    stream->value_left = 0;
    stream->last_key_size = 0;
    stream->pending_size = 0;
    stream->wrapper_size = 0;
    stream->kept_size = 0;
}

enum kedge_rc kedge_suit_stream_push(struct kedge_suit_stream *stream, struct kedge_slice bytes)
{
    if (stream->stage == KEDGE_SUIT_STAGE_FAILED)
        return stream->failure;
    return fail(stream, walk(stream, bytes));
}

enum kedge_rc kedge_suit_stream_skip(struct kedge_suit_stream *stream, uint64_t size)
{
    if (stream->stage != KEDGE_SUIT_STAGE_MEMBER || size >= stream->value_left)
        return KEDGE_E_ARGUMENT;
    stream->taken += size;
    stream->value_left -= size;
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_stream_end(struct kedge_suit_stream *stream)
{
    if (stream->stage == KEDGE_SUIT_STAGE_FAILED)
        return stream->failure;
    return stream->stage == KEDGE_SUIT_STAGE_COMPLETE ? KEDGE_OK : fail(stream, KEDGE_E_TRUNCATED);
}
