/*
 * parameters.c: the parameters of a component (draft-ietf-suit-manifest-37, section 8.4.8), each
 * checked when it is set: whoever uses one later has nothing left to refuse.
 */
#include "core/suit/parameters.h"

#include <string.h>

#include "core/suit/keys.h"

enum kedge_rc suit_digest_read(struct kedge_cursor *cursor, size_t members,
                               struct kedge_slice *digest)
{
    size_t count;
    int64_t algorithm;
    KEDGE_TRY(kedge_cbor_array(cursor, &count));
    if (count != members)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_int(cursor, &algorithm));
    if (algorithm != SUIT_DIGEST_SHA256)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(kedge_cbor_bstr(cursor, digest));
    return digest->size == KEDGE_SHA256_SIZE ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc suit_version_read(struct kedge_cursor *cursor, struct kedge_suit_version *version)
{
    size_t count;
    KEDGE_TRY(kedge_cbor_array(cursor, &count));
    if (count == 0)
        return KEDGE_E_MALFORMED;
    if (count > KEDGE_SUIT_VERSION_PARTS_MAX)
        return KEDGE_E_LIMIT;
    for (version->count = 0; version->count < count; version->count++)
        KEDGE_TRY(kedge_cbor_int(cursor, &version->parts[version->count]));
    return KEDGE_OK;
}

enum kedge_rc suit_attachments_read(struct kedge_slice encoded, struct kedge_suit_manifest *out)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    out->attachment_count = 0;
    while (map.left > 0) {
        struct kedge_cbor_item name;
        struct kedge_slice digest;
        if (out->attachment_count == KEDGE_SUIT_ATTACHMENTS_MAX)
            return KEDGE_E_LIMIT;
        struct kedge_suit_attachment *attachment = &out->attachments[out->attachment_count++];
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &name));
        if (name.type != KEDGE_CBOR_TSTR)
            return KEDGE_E_TYPE;
        if (name.bytes.size > KEDGE_SUIT_ATTACHMENT_NAME_MAX)
            return KEDGE_E_LIMIT;
        attachment->name = name.bytes;
        KEDGE_TRY(suit_digest_read(&cursor, 3, &digest));
        memcpy(attachment->digest, digest.data, KEDGE_SHA256_SIZE);
        KEDGE_TRY(kedge_cbor_uint(&cursor, &attachment->size));
    }
    return kedge_cbor_end(&cursor);
}

enum kedge_rc suit_hardware_read(struct kedge_slice encoded,
                                 struct kedge_slice revisions[KEDGE_SUIT_HARDWARE_MAX],
                                 size_t *count)
{
    struct kedge_cursor cursor = kedge_cursor(encoded);
    KEDGE_TRY(kedge_cbor_array(&cursor, count));
    if (*count == 0)
        return KEDGE_E_MALFORMED;
    if (*count > KEDGE_SUIT_HARDWARE_MAX)
        return KEDGE_E_LIMIT;
    for (size_t i = 0; i < *count; i++) {
        KEDGE_TRY(kedge_cbor_tstr(&cursor, &revisions[i]));
        if (revisions[i].size == 0 || revisions[i].size > KEDGE_SUIT_HARDWARE_TEXT_MAX)
            return KEDGE_E_LIMIT;
    }
    return kedge_cbor_end(&cursor);
}

/* ---- one function a parameter ---- */

/* An IANA enterprise number instead of a UUID (section 8.4.8.3) is no vendor that we know. */
static enum kedge_rc read_uuid(struct kedge_cursor *cursor, struct kedge_slice *uuid)
{
    KEDGE_TRY(kedge_cbor_bstr(cursor, uuid));
    return uuid->size == 16 ? KEDGE_OK : KEDGE_E_MALFORMED;
}

static enum kedge_rc set_vendor(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return read_uuid(cursor, &out->vendor);
}

static enum kedge_rc set_class(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return read_uuid(cursor, &out->class_id);
}

static enum kedge_rc set_device(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return read_uuid(cursor, &out->device);
}

static enum kedge_rc set_digest(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(suit_digest_read(&inner, 2, &out->digest));
    return kedge_cbor_end(&inner);
}

static enum kedge_rc set_size(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    KEDGE_TRY(kedge_cbor_uint(cursor, &out->image_size));
    if (out->image_size == 0)
        return KEDGE_E_MALFORMED;
    return out->image_size > KEDGE_IMAGE_SIZE_MAX ? KEDGE_E_LIMIT : KEDGE_OK;
}

static enum kedge_rc set_slot(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return kedge_cbor_uint(cursor, &out->slot);
}

static enum kedge_rc set_content(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return kedge_cbor_bstr(cursor, &out->content);
}

static enum kedge_rc set_uri(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return kedge_cbor_tstr(cursor, &out->uri);
}

static enum kedge_rc set_source(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return kedge_cbor_uint(cursor, &out->source);
}

static enum kedge_rc set_invoke_args(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return kedge_cbor_bstr(cursor, &out->invoke_args);
}

static enum kedge_rc set_fetch_args(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    return kedge_cbor_bstr(cursor, &out->fetch_args);
}

static enum kedge_rc set_version(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    struct kedge_slice bytes;
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&inner, &count));
    if (count != 2)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_uint(&inner, &out->comparison));
    if (out->comparison < SUIT_VERSION_GREATER || out->comparison > SUIT_VERSION_LESSER)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(suit_version_read(&inner, &out->version));
    return kedge_cbor_end(&inner);
}

static enum kedge_rc set_frames(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    struct kedge_slice bytes;
    struct kedge_slice digest;
    uint64_t encoding;
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &bytes));
    struct kedge_cursor inner = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_array(&inner, &count));
    if (count != 3)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cbor_uint(&inner, &encoding));
    if (encoding > KEDGE_FRAME_ZLIB)
        return KEDGE_E_UNSUPPORTED;
    out->frames.encoding = (enum kedge_frame_encoding)encoding;
    KEDGE_TRY(kedge_cbor_uint(&inner, &out->frames.encoded_size));
    KEDGE_TRY(kedge_cbor_bstr(&inner, &digest));
    if (digest.size != KEDGE_SHA256_SIZE)
        return KEDGE_E_MALFORMED;
    memcpy(out->frames.first_frame_digest, digest.data, KEDGE_SHA256_SIZE);
    return kedge_cbor_end(&inner);
}

static enum kedge_rc set_delivery(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    uint64_t delivery;
    KEDGE_TRY(kedge_cbor_uint(cursor, &delivery));
    if (delivery > KEDGE_DELIVER_PAYLOAD)
        return KEDGE_E_UNSUPPORTED;
    out->delivery = (enum kedge_suit_delivery)delivery;
    return KEDGE_OK;
}

static enum kedge_rc set_attachments(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    struct kedge_suit_manifest read;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &out->attachments));
    return suit_attachments_read(out->attachments, &read);
}

static enum kedge_rc set_hardware(struct kedge_cursor *cursor, struct kedge_suit_parameters *out)
{
    struct kedge_slice revisions[KEDGE_SUIT_HARDWARE_MAX];
    size_t count;
    KEDGE_TRY(kedge_cbor_bstr(cursor, &out->hardware));
    return suit_hardware_read(out->hardware, revisions, &count);
}

static const struct {
    int64_t id;
    enum kedge_suit_has bit;
    enum kedge_rc (*set)(struct kedge_cursor *cursor, struct kedge_suit_parameters *out);
} table[] = {
    {KEDGE_SUIT_PARAMETER_VENDOR, KEDGE_SUIT_HAS_VENDOR, set_vendor},
    {KEDGE_SUIT_PARAMETER_CLASS, KEDGE_SUIT_HAS_CLASS, set_class},
    {KEDGE_SUIT_PARAMETER_DEVICE, KEDGE_SUIT_HAS_DEVICE, set_device},
    {KEDGE_SUIT_PARAMETER_IMAGE_DIGEST, KEDGE_SUIT_HAS_DIGEST, set_digest},
    {KEDGE_SUIT_PARAMETER_IMAGE_SIZE, KEDGE_SUIT_HAS_SIZE, set_size},
    {KEDGE_SUIT_PARAMETER_SLOT, KEDGE_SUIT_HAS_SLOT, set_slot},
    {KEDGE_SUIT_PARAMETER_CONTENT, KEDGE_SUIT_HAS_CONTENT, set_content},
    {KEDGE_SUIT_PARAMETER_URI, KEDGE_SUIT_HAS_URI, set_uri},
    {KEDGE_SUIT_PARAMETER_SOURCE, KEDGE_SUIT_HAS_SOURCE, set_source},
    {KEDGE_SUIT_PARAMETER_INVOKE_ARGS, KEDGE_SUIT_HAS_INVOKE_ARGS, set_invoke_args},
    {KEDGE_SUIT_PARAMETER_FETCH_ARGS, KEDGE_SUIT_HAS_FETCH_ARGS, set_fetch_args},
    {KEDGE_SUIT_PARAMETER_VERSION, KEDGE_SUIT_HAS_VERSION, set_version},
    {KEDGE_SUIT_PARAMETER_FRAMES, KEDGE_SUIT_HAS_FRAMES, set_frames},
    {KEDGE_SUIT_PARAMETER_DELIVERY, KEDGE_SUIT_HAS_DELIVERY, set_delivery},
    {KEDGE_SUIT_PARAMETER_ATTACHMENTS, KEDGE_SUIT_HAS_ATTACHMENTS, set_attachments},
    {KEDGE_SUIT_PARAMETER_HARDWARE, KEDGE_SUIT_HAS_HARDWARE, set_hardware},
};

#define TABLE_SIZE (sizeof table / sizeof table[0])

bool suit_parameter_known(int64_t id)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (table[i].id == id)
            return true;
    return false;
}

bool suit_parameter_is_flag(int64_t id)
{
    return id == KEDGE_SUIT_PARAMETER_STRICT_ORDER || id == KEDGE_SUIT_PARAMETER_SOFT_FAILURE;
}

enum kedge_rc suit_parameter_id(const struct kedge_cbor_item *key, int64_t *id)
{
    if ((key->type != KEDGE_CBOR_UINT && key->type != KEDGE_CBOR_NINT) || key->value > INT64_MAX)
        return KEDGE_E_COMMAND;
    *id = key->type == KEDGE_CBOR_UINT ? (int64_t)key->value : -1 - (int64_t)key->value;
    return KEDGE_OK;
}

enum kedge_rc suit_parameter_set(struct kedge_suit_parameters *parameters, int64_t id,
                                 struct kedge_cursor *value)
{
    const uint32_t judged_later = KEDGE_SUIT_HAS_VERSION | KEDGE_SUIT_HAS_HARDWARE;
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (table[i].id != id)
            continue;
        KEDGE_TRY(table[i].set(value, parameters));
        parameters->set |= table[i].bit;
        parameters->unjudged |= table[i].bit & judged_later;
        return KEDGE_OK;
    }
    return KEDGE_E_COMMAND;
}

bool kedge_suit_version_holds(const struct kedge_suit_version *running,
                              const struct kedge_suit_parameters *set)
{
    int order = kedge_suit_version_compare(running, &set->version);
    if (running->count == 0)
        return false;
    switch (set->comparison) {
    case SUIT_VERSION_GREATER:
        return order > 0;
    case SUIT_VERSION_GREATER_EQUAL:
        return order >= 0;
    case SUIT_VERSION_EQUAL:
        return order == 0;
    case SUIT_VERSION_LESSER_EQUAL:
        return order <= 0;
    case SUIT_VERSION_LESSER:
        return order < 0;
    default:
        return false;
    }
}

bool kedge_suit_hardware_listed(struct kedge_slice revision,
                                const struct kedge_suit_parameters *set)
{
    struct kedge_slice revisions[KEDGE_SUIT_HARDWARE_MAX];
    size_t count;
    if (suit_hardware_read(set->hardware, revisions, &count) != KEDGE_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (kedge_slice_equal(revisions[i], revision))
            return true;
    return false;
}
