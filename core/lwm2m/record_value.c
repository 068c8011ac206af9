/* record_value.c: what stands in a record as a value of the type that is asked for. */
#include "core/lwm2m/record_parts.h"

#define TWO_TO_63 9223372036854775808.0
#define TWO_TO_64 18446744073709551616.0

static enum kedge_rc to_integer(const struct kedge_lwm2m_value *from, int64_t *integer)
{
    switch (from->type) {
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        *integer = from->integer;
        return KEDGE_OK;
    case KEDGE_LWM2M_UNSIGNED:
        *integer = (int64_t)(from->unsigned_integer & INT64_MAX);
        return from->unsigned_integer <= INT64_MAX ? KEDGE_OK : KEDGE_E_LIMIT;
    case KEDGE_LWM2M_FLOAT:
        if (from->number < -TWO_TO_63 || from->number >= TWO_TO_63)
            return KEDGE_E_LIMIT;
        *integer = (int64_t)from->number;
        /* What is left over tells a fraction. */
        return from->number - (double)*integer > 0 || from->number - (double)*integer < 0
                   ? KEDGE_E_TYPE
                   : KEDGE_OK;
    default:
        return KEDGE_E_TYPE;
    }
}

static enum kedge_rc to_unsigned(const struct kedge_lwm2m_value *from, uint64_t *number)
{
    int64_t integer;
    if (from->type == KEDGE_LWM2M_UNSIGNED) {
        *number = from->unsigned_integer;
        return KEDGE_OK;
    }
    if (from->type == KEDGE_LWM2M_FLOAT && from->number >= TWO_TO_63) {
        /* So large a double is whole. */
        *number = from->number < TWO_TO_64 ? (uint64_t)from->number : 0;
        return from->number < TWO_TO_64 ? KEDGE_OK : KEDGE_E_LIMIT;
    }
    KEDGE_TRY(to_integer(from, &integer));
    *number = (uint64_t)integer;
    return integer >= 0 ? KEDGE_OK : KEDGE_E_LIMIT;
}

static enum kedge_rc to_float(const struct kedge_lwm2m_value *from, double *number)
{
    switch (from->type) {
    case KEDGE_LWM2M_FLOAT:
        *number = from->number;
        return KEDGE_OK;
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        *number = (double)from->integer;
        return KEDGE_OK;
    case KEDGE_LWM2M_UNSIGNED:
        *number = (double)from->unsigned_integer;
        return KEDGE_OK;
    default:
        return KEDGE_E_TYPE;
    }
}

/* CBOR (60, 11544) has no type for links of its own: they are strings there. */
static enum kedge_rc to_link(const struct kedge_lwm2m_value *from,
                             struct kedge_lwm2m_object_link *link)
{
    if (from->type == KEDGE_LWM2M_STRING)
        return kedge_lwm2m_link_read(from->bytes, link);
    *link = from->link;
    return from->type == KEDGE_LWM2M_OBJECT_LINK ? KEDGE_OK : KEDGE_E_TYPE;
}

static enum kedge_rc convert(const struct kedge_lwm2m_value *from, enum kedge_lwm2m_type type,
                             struct kedge_lwm2m_value *value)
{
    *value = (struct kedge_lwm2m_value){.type = type};
    switch (type) {
    case KEDGE_LWM2M_STRING:
        value->bytes = from->bytes;
        return from->type == type ? kedge_lwm2m_string_check(from->bytes) : KEDGE_E_TYPE;
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        return to_integer(from, &value->integer);
    case KEDGE_LWM2M_UNSIGNED:
        return to_unsigned(from, &value->unsigned_integer);
    case KEDGE_LWM2M_BOOLEAN:
        value->integer = from->integer;
        return from->type == type ? KEDGE_OK : KEDGE_E_TYPE;
    case KEDGE_LWM2M_OPAQUE:
        value->bytes = from->bytes;
        return from->type == type ? KEDGE_OK : KEDGE_E_TYPE;
    case KEDGE_LWM2M_FLOAT:
        return to_float(from, &value->number);
    case KEDGE_LWM2M_OBJECT_LINK:
        return to_link(from, &value->link);
    case KEDGE_LWM2M_NOTHING:
        return from->type == type ? KEDGE_OK : KEDGE_E_TYPE;
    }
    return KEDGE_E_ARGUMENT;
}

enum kedge_rc kedge_lwm2m_record_value(const struct kedge_lwm2m_record *record,
                                       enum kedge_lwm2m_type type, struct kedge_writer *scratch,
                                       struct kedge_lwm2m_value *value)
{
    switch (record->encoding) {
    case KEDGE_LWM2M_TYPED:
        return convert(&record->value, type, value);
    case KEDGE_LWM2M_AS_TEXT:
        return kedge_lwm2m_text_read(record->value.bytes, type, scratch, value);
    case KEDGE_LWM2M_AS_STRING:
        if (type != KEDGE_LWM2M_STRING && type != KEDGE_LWM2M_OPAQUE)
            return KEDGE_E_TYPE;
        return kedge_lwm2m_text_read(record->value.bytes, type, scratch, value);
    case KEDGE_LWM2M_AS_BYTES:
        if (type != KEDGE_LWM2M_OPAQUE)
            return KEDGE_E_TYPE;
        return kedge_tlv_value(record->value.bytes, type, value);
    case KEDGE_LWM2M_AS_TLV:
        return kedge_tlv_value(record->value.bytes, type, value);
    }
    return KEDGE_E_ARGUMENT;
}

enum kedge_rc kedge_lwm2m_record_best(const struct kedge_lwm2m_record *record,
                                      struct kedge_writer *scratch, struct kedge_lwm2m_value *value)
{
    static const enum kedge_lwm2m_type told[] = {
        [KEDGE_LWM2M_AS_TEXT] = KEDGE_LWM2M_STRING,
        [KEDGE_LWM2M_AS_STRING] = KEDGE_LWM2M_STRING,
        [KEDGE_LWM2M_AS_BYTES] = KEDGE_LWM2M_OPAQUE,
        [KEDGE_LWM2M_AS_TLV] = KEDGE_LWM2M_OPAQUE,
    };
    const struct kedge_lwm2m_definition *definition =
        record->path.depth >= RESOURCE_DEPTH
            ? kedge_lwm2m_definition(record->path.ids[0], record->path.ids[2])
            : NULL;
    if (definition != NULL &&
        kedge_lwm2m_record_value(record, definition->type, scratch, value) == KEDGE_OK)
        return KEDGE_OK;
    enum kedge_lwm2m_type type =
        record->encoding == KEDGE_LWM2M_TYPED ? record->value.type : told[record->encoding];
    return kedge_lwm2m_record_value(record, type, scratch, value);
}

/* ---- the one value of an answer ---- */

/* Whether `path` is the resource of which `other` is an instance, or the other way round. */
static bool is_other_kind(const struct kedge_lwm2m_path *path, const struct kedge_lwm2m_path *other)
{
    return path->depth != other->depth && kedge_lwm2m_path_shares(path, other, RESOURCE_DEPTH);
}

enum kedge_rc kedge_lwm2m_value_read(uint32_t content_format, struct kedge_slice payload,
                                     const struct kedge_lwm2m_path *path,
                                     enum kedge_lwm2m_type type, struct kedge_writer *scratch,
                                     struct kedge_lwm2m_value *value)
{
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record, found;
    size_t count = 0;
    bool other_kind = false;
    enum kedge_rc rc;
    if (path->depth < RESOURCE_DEPTH)
        return KEDGE_E_ARGUMENT;
    KEDGE_TRY(kedge_lwm2m_reader_open(&reader, content_format, payload, path, scratch));
    reader.scope_ = 1; /* some clients answer with more than was asked for */
    size_t used = scratch != NULL ? scratch->size : 0;
    while ((rc = kedge_lwm2m_reader_next(&reader, &record)) == KEDGE_OK) {
        other_kind = other_kind || is_other_kind(path, &record.path);
        if (kedge_lwm2m_path_compare(path, &record.path) != 0) {
            if (scratch != NULL)
                scratch->size = used; /* nobody wants it */
            continue;
        }
        used = scratch != NULL ? scratch->size : 0;
        found = record;
        count++;
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return rc;
    if (count == 0)
        return other_kind ? KEDGE_E_TYPE : KEDGE_E_NOT_FOUND;
    return count == 1 ? kedge_lwm2m_record_value(&found, type, scratch, value) : KEDGE_E_MALFORMED;
}
