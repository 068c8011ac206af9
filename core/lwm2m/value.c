/* value.c: one value, whichever format it came in. */
#include "core/lwm2m/values.h"

#define RESOURCE_DEPTH 3u
#define INSTANCE_DEPTH 4u

/* The instances of a multiple resource, each id once. */
static enum kedge_rc find_instance(struct kedge_slice instances, uint16_t id,
                                   struct kedge_slice *value)
{
    struct kedge_cursor cursor = kedge_cursor(instances);
    struct kedge_tlv_entry entry;
    size_t count = 0;
    enum kedge_rc rc;
    while ((rc = kedge_tlv_next(&cursor, &entry)) == KEDGE_OK) {
        if (entry.kind != KEDGE_TLV_RESOURCE_INSTANCE)
            return KEDGE_E_MALFORMED;
        if (entry.id != id)
            continue;
        *value = entry.value;
        count++;
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return rc;
    return count == 0 ? KEDGE_E_NOT_FOUND : count == 1 ? KEDGE_OK : KEDGE_E_MALFORMED;
}

/* Clients answer a read of /5/0/8/1 with the instance alone or with the resource around it. */
static enum kedge_rc find_value(struct kedge_slice payload, const struct kedge_lwm2m_path *path,
                                struct kedge_slice *value)
{
    struct kedge_cursor cursor = kedge_cursor(payload);
    struct kedge_tlv_entry entry;
    if (path->depth == INSTANCE_DEPTH && kedge_tlv_next(&cursor, &entry) == KEDGE_OK &&
        entry.kind == KEDGE_TLV_RESOURCE_INSTANCE)
        return find_instance(payload, path->ids[3], value);
    KEDGE_TRY(kedge_tlv_find_entry(payload, path->ids[1], path->ids[2], &entry));
    bool multiple = entry.kind == KEDGE_TLV_MULTIPLE_RESOURCE;
    if (multiple != (path->depth == INSTANCE_DEPTH))
        return KEDGE_E_TYPE;
    if (multiple)
        return find_instance(entry.value, path->ids[3], value);
    *value = entry.value;
    return KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_value_read(uint32_t content_format, struct kedge_slice payload,
                                     const struct kedge_lwm2m_path *path,
                                     enum kedge_lwm2m_type type, struct kedge_writer *scratch,
                                     struct kedge_lwm2m_value *value)
{
    struct kedge_slice bytes;
    if (path->depth != RESOURCE_DEPTH && path->depth != INSTANCE_DEPTH)
        return KEDGE_E_ARGUMENT;
    switch (content_format) {
    case KEDGE_LWM2M_FORMAT_NONE:
    case KEDGE_LWM2M_FORMAT_TEXT:
        return kedge_lwm2m_text_read(payload, type, scratch, value);
    case KEDGE_LWM2M_FORMAT_OPAQUE:
        if (type != KEDGE_LWM2M_OPAQUE)
            return KEDGE_E_TYPE;
        return kedge_tlv_value(payload, type, value);
    case KEDGE_LWM2M_FORMAT_TLV:
        KEDGE_TRY(find_value(payload, path, &bytes));
        return kedge_tlv_value(bytes, type, value);
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}
