/*
 * tlv_record.c: TLV as records. Clients differ in whether they put instance and resource around
 * what was asked for; what is not told is taken from the path that was asked for.
 */
#include "core/lwm2m/record_parts.h"

#include <string.h>

/* ---- reading ---- */

/* The path of the entries at the outermost level, when the first of them is of this kind. */
static enum kedge_rc outermost_path(const struct kedge_lwm2m_path *asked, enum kedge_tlv_kind kind,
                                    struct kedge_lwm2m_path *path)
{
    static const uint8_t depths[] = {[KEDGE_TLV_OBJECT_INSTANCE] = 1,
                                     [KEDGE_TLV_RESOURCE] = 2,
                                     [KEDGE_TLV_MULTIPLE_RESOURCE] = 2,
                                     [KEDGE_TLV_RESOURCE_INSTANCE] = 3};
    *path = *asked;
    path->depth = depths[kind];
    /* Of an object with one instance, its resources may stand alone. */
    if (asked->depth == 1 && path->depth == 2)
        path->ids[1] = 0;
    else if (asked->depth < path->depth)
        return KEDGE_E_MALFORMED;
    return KEDGE_OK;
}

static enum kedge_rc begin(struct kedge_lwm2m_reader *reader)
{
    struct kedge_tlv_entry first;
    struct kedge_cursor at = reader->cursor_;
    if (reader->path_.depth == 0)
        return KEDGE_E_TYPE; /* TLV says no object */
    reader->begun_ = true;
    enum kedge_rc rc = kedge_tlv_next(&at, &first);
    if (rc == KEDGE_E_NOT_FOUND)
        return KEDGE_OK;
    KEDGE_TRY(rc);
    reader->levels_[0].entries = reader->cursor_;
    KEDGE_TRY(outermost_path(&reader->path_, first.kind, &reader->levels_[0].path));
    reader->depth_ = 1;
    return KEDGE_OK;
}

static bool belongs(const struct kedge_tlv_entry *entry, const struct kedge_lwm2m_path *within)
{
    switch (entry->kind) {
    case KEDGE_TLV_OBJECT_INSTANCE:
        return within->depth == 1;
    case KEDGE_TLV_RESOURCE:
    case KEDGE_TLV_MULTIPLE_RESOURCE:
        return within->depth == 2;
    case KEDGE_TLV_RESOURCE_INSTANCE:
        return within->depth == 3;
    }
    return false;
}

/* An entry: a value makes a record, anything else a level more. */
static enum kedge_rc take(struct kedge_lwm2m_reader *reader, const struct kedge_tlv_entry *entry,
                          struct kedge_lwm2m_record *record, bool *is_record)
{
    struct kedge_lwm2m_path path = reader->levels_[reader->depth_ - 1].path;
    if (!belongs(entry, &path))
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(path_append(&path, entry->id));
    *is_record = entry->kind == KEDGE_TLV_RESOURCE || entry->kind == KEDGE_TLV_RESOURCE_INSTANCE;
    if (*is_record) {
        record->path = path;
        record->encoding = KEDGE_LWM2M_AS_TLV;
        record->value.type = KEDGE_LWM2M_OPAQUE;
        record->value.bytes = entry->value;
        return KEDGE_OK;
    }
    /* At most instance, resource, resource instance: belongs() sees to it. */
    struct kedge_lwm2m_level_ *level = &reader->levels_[reader->depth_++];
    *level = (struct kedge_lwm2m_level_){.entries = kedge_cursor(entry->value), .path = path};
    return KEDGE_OK;
}

enum kedge_rc tlv_record_next(struct kedge_lwm2m_reader *reader, struct kedge_lwm2m_record *record)
{
    bool is_record = false;
    if (!reader->begun_)
        KEDGE_TRY(begin(reader));
    while (!is_record) {
        struct kedge_tlv_entry entry;
        if (reader->depth_ == 0)
            return KEDGE_E_NOT_FOUND;
        enum kedge_rc rc = kedge_tlv_next(&reader->levels_[reader->depth_ - 1].entries, &entry);
        if (rc == KEDGE_E_NOT_FOUND) {
            reader->depth_--;
            continue;
        }
        KEDGE_TRY(rc);
        KEDGE_TRY(take(reader, &entry, record, &is_record));
    }
    return KEDGE_OK;
}

/* ---- writing ---- */

static enum kedge_rc write_below(uint8_t depth, const struct kedge_lwm2m_record *records,
                                 size_t count, struct kedge_writer *out);

/* An entry around others: they are written where the longest head would end, then moved up. */
static enum kedge_rc write_nested(enum kedge_tlv_kind kind, uint8_t depth,
                                  const struct kedge_lwm2m_record *records, size_t count,
                                  struct kedge_writer *out)
{
    if (out->capacity - out->size < KEDGE_TLV_HEAD_MAX)
        return KEDGE_E_BUFFER;
    struct kedge_writer inner = kedge_writer(out->data + out->size + KEDGE_TLV_HEAD_MAX,
                                             out->capacity - out->size - KEDGE_TLV_HEAD_MAX);
    KEDGE_TRY(write_below((uint8_t)(depth + 1), records, count, &inner));
    KEDGE_TRY(kedge_tlv_write_head(out, kind, records[0].path.ids[depth], inner.size));
    if (inner.size > 0)
        memmove(out->data + out->size, inner.data, inner.size);
    out->size += inner.size;
    return KEDGE_OK;
}

static enum kedge_rc write_entry(uint8_t depth, const struct kedge_lwm2m_record *records,
                                 size_t count, struct kedge_writer *out)
{
    if (records[0].path.depth > depth + 1)
        return write_nested(depth == 1 ? KEDGE_TLV_OBJECT_INSTANCE : KEDGE_TLV_MULTIPLE_RESOURCE,
                            depth, records, count, out);
    if (count != 1)
        return KEDGE_E_ARGUMENT; /* a path twice, or a resource and an instance of it */
    return kedge_tlv_write_value(out, depth == 2 ? KEDGE_TLV_RESOURCE : KEDGE_TLV_RESOURCE_INSTANCE,
                                 records[0].path.ids[depth], &records[0].value);
}

/* Entries for the id at `depth` of the paths; recurses into three levels at most. */
static enum kedge_rc write_below(uint8_t depth, const struct kedge_lwm2m_record *records,
                                 size_t count, struct kedge_writer *out)
{
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count; end++)
            if (records[end].path.ids[depth] != records[start].path.ids[depth])
                break;
        KEDGE_TRY(write_entry(depth, records + start, end - start, out));
    }
    return KEDGE_OK;
}

enum kedge_rc tlv_records_write(const struct kedge_lwm2m_path *path,
                                const struct kedge_lwm2m_record *records, size_t count,
                                struct kedge_writer *out)
{
    /* To a resource or an instance of one, the resource itself is written around it. */
    uint8_t depth = path->depth < 2 ? path->depth : 2;
    return depth == 0 ? KEDGE_E_TYPE : write_below(depth, records, count, out);
}
