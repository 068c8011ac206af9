/*
 * sequence.c: the parts of any SUIT manifest, and the walk over a command sequence. What a command
 * means is decided elsewhere; here it is only an id and its argument.
 */
#include <kedge/suit.h>

#include "core/suit/keys.h"
#include "core/suit/parameters.h"

#define COMPONENT_PARTS_MAX 8u

/* draft-ietf-suit-manifest-37, section 8.4.5: a list of component ids, each a list of bstr. */
static enum kedge_rc read_components(struct kedge_cursor *cursor, struct kedge_suit_parts *out)
{
    size_t start = cursor->offset;
    size_t *count = &out->component_count;
    KEDGE_TRY(kedge_cbor_array(cursor, count));
    if (*count == 0)
        return KEDGE_E_MISSING;
    if (*count > KEDGE_SUIT_COMPONENTS_MAX)
        return KEDGE_E_LIMIT;
    for (size_t i = 0; i < *count; i++) {
        size_t parts;
        KEDGE_TRY(kedge_cbor_array(cursor, &parts));
        if (parts > COMPONENT_PARTS_MAX)
            return KEDGE_E_LIMIT;
        for (size_t k = 0; k < parts; k++) {
            struct kedge_slice part;
            KEDGE_TRY(kedge_cbor_bstr(cursor, &part));
        }
    }
    out->components = kedge_slice(cursor->bytes.data + start, cursor->offset - start);
    return KEDGE_OK;
}

static enum kedge_rc read_common(struct kedge_slice common, struct kedge_suit_parts *out)
{
    struct kedge_cursor cursor = kedge_cursor(common);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        if (key.type != KEDGE_CBOR_UINT)
            return KEDGE_E_UNSUPPORTED;
        if (key.value == SUIT_COMMON_COMPONENTS)
            KEDGE_TRY(read_components(&cursor, out));
        else if (key.value == SUIT_COMMON_SHARED_SEQUENCE)
            KEDGE_TRY(kedge_cbor_bstr(&cursor, &out->shared_sequence));
        else
            return KEDGE_E_UNSUPPORTED;
    }
    out->common = common;
    return kedge_cbor_end(&cursor);
}

/* A severable member stands in the manifest itself, or only its digest does. */
static enum kedge_rc read_severable(struct kedge_cursor *cursor, struct kedge_slice *in_manifest,
                                    bool *severed, struct kedge_slice *digest)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_peek(cursor, &item));
    *severed = item.type == KEDGE_CBOR_ARRAY;
    if (*severed)
        return suit_digest_read(cursor, 2, digest);
    return kedge_cbor_bstr(cursor, in_manifest);
}

static enum kedge_rc read_member(struct kedge_cursor *cursor, uint64_t key,
                                 struct kedge_suit_parts *out)
{
    struct kedge_slice bytes;
    switch (key) {
    case SUIT_MANIFEST_VERSION:
        return kedge_cbor_uint(cursor, &out->version);
    case SUIT_MANIFEST_SEQUENCE:
        return kedge_cbor_uint(cursor, &out->sequence);
    case SUIT_MANIFEST_COMMON:
        KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
        return read_common(bytes, out);
    case SUIT_MANIFEST_REFERENCE_URI:
        return kedge_cbor_tstr(cursor, &bytes);
    case SUIT_MANIFEST_SET_VERSION:
        return kedge_cbor_bstr(cursor, &out->set_version);
    case SUIT_MANIFEST_VALIDATE:
        return kedge_cbor_bstr(cursor, &out->validate);
    case SUIT_MANIFEST_LOAD:
        return kedge_cbor_bstr(cursor, &out->load);
    case SUIT_MANIFEST_INVOKE:
        return kedge_cbor_bstr(cursor, &out->invoke);
    case SUIT_PAYLOAD_FETCH:
        return read_severable(cursor, &out->payload_fetch, &out->payload_fetch_severed,
                              &out->payload_fetch_digest);
    case SUIT_INSTALL:
        return read_severable(cursor, &out->install, &out->install_severed, &out->install_digest);
    case SUIT_TEXT:
        return read_severable(cursor, &bytes, &out->text_severed, &out->text_digest);
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

enum kedge_rc kedge_suit_parts_read(const struct kedge_suit_envelope *envelope,
                                    struct kedge_suit_parts *out)
{
    struct kedge_suit_parts parts = {0};
    struct kedge_cursor cursor = kedge_cursor(envelope->manifest);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
        if (key.type != KEDGE_CBOR_UINT)
            return KEDGE_E_UNSUPPORTED;
        KEDGE_TRY(read_member(&cursor, key.value, &parts));
    }
    KEDGE_TRY(kedge_cbor_end(&cursor));
    /* Section 8.4.1: the only version there is. */
    if (parts.version != 1)
        return KEDGE_E_UNSUPPORTED;
    if (parts.common.size == 0)
        return KEDGE_E_MISSING;
    if (parts.payload_fetch_severed)
        parts.payload_fetch = envelope->severable[SUIT_PAYLOAD_FETCH];
    if (parts.install_severed)
        parts.install = envelope->severable[SUIT_INSTALL];
    *out = parts;
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_steps_begin(struct kedge_slice sequence, struct kedge_suit_steps *steps)
{
    struct kedge_cursor cursor = kedge_cursor(sequence);
    size_t count;
    KEDGE_TRY(kedge_cbor_array(&cursor, &count));
    if (count % 2 != 0)
        return KEDGE_E_MALFORMED; /* section 8.4.6: each command with its argument */
    if (count / 2 > SUIT_SEQUENCE_STEPS_MAX)
        return KEDGE_E_LIMIT;
    *steps = (struct kedge_suit_steps){.cursor = cursor, .left = count / 2};
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_steps_next(struct kedge_suit_steps *steps, struct kedge_suit_step *step)
{
    if (steps->left == 0) {
        KEDGE_TRY(kedge_cbor_end(&steps->cursor));
        return KEDGE_E_NOT_FOUND;
    }
    KEDGE_TRY(kedge_cbor_int(&steps->cursor, &step->command));
    KEDGE_TRY(kedge_cbor_skip(&steps->cursor, &step->argument));
    steps->left--;
    return KEDGE_OK;
}
