/*
 * cbor_record.c: CBOR (60) with one value, and LwM2M CBOR (11544), nested maps of ids in which a
 * key may also be an array of several: {5: {0: {3: 1}}} is {[5, 0, 3]: 1}.
 */
#include "core/lwm2m/record_parts.h"

#define TAG_EPOCH_TIME 1u       /* RFC 8949 section 3.4.2 */
#define TAG_DECIMAL_FRACTION 4u /* section 3.4.4 */
#define EXPONENT_MAX 400

/* ---- values ---- */

static enum kedge_rc whole_number(const struct kedge_cbor_item *item,
                                  struct kedge_lwm2m_value *value)
{
    if (item->type == KEDGE_CBOR_UINT && item->value > INT64_MAX) {
        value->type = KEDGE_LWM2M_UNSIGNED;
        value->unsigned_integer = item->value;
        return KEDGE_OK;
    }
    if (item->value > INT64_MAX)
        return KEDGE_E_LIMIT;
    value->type = KEDGE_LWM2M_INTEGER;
    value->integer =
        item->type == KEDGE_CBOR_UINT ? (int64_t)item->value : -1 - (int64_t)item->value;
    return KEDGE_OK;
}

static enum kedge_rc next_whole(struct kedge_cursor *cursor, int64_t *number)
{
    struct kedge_cbor_item item;
    struct kedge_lwm2m_value value;
    KEDGE_TRY(kedge_cbor_next_loose(cursor, &item));
    if (item.type != KEDGE_CBOR_UINT && item.type != KEDGE_CBOR_NINT)
        return KEDGE_E_TYPE;
    KEDGE_TRY(whole_number(&item, &value));
    *number = value.integer;
    return value.type == KEDGE_LWM2M_INTEGER ? KEDGE_OK : KEDGE_E_LIMIT;
}

/* [exponent, mantissa], by way of its decimal text, which is rounded as a whole. */
static enum kedge_rc decimal_fraction(struct kedge_cursor *cursor, struct kedge_lwm2m_value *value)
{
    struct kedge_cbor_item item;
    int64_t exponent, mantissa;
    uint8_t bytes[32];
    struct kedge_writer text = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_cbor_next_loose(cursor, &item));
    if (item.type != KEDGE_CBOR_ARRAY || item.indefinite || item.value != 2)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(next_whole(cursor, &exponent));
    KEDGE_TRY(next_whole(cursor, &mantissa));
    if (exponent < -EXPONENT_MAX || exponent > EXPONENT_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(kedge_lwm2m_integer_write(mantissa, &text));
    KEDGE_TRY(kedge_writer_u8(&text, 'e'));
    KEDGE_TRY(kedge_lwm2m_integer_write(exponent, &text));
    value->type = KEDGE_LWM2M_FLOAT;
    return kedge_lwm2m_float_read(kedge_writer_slice(&text), &value->number);
}

static enum kedge_rc tagged(struct kedge_cursor *cursor, uint64_t tag,
                            struct kedge_lwm2m_value *value)
{
    struct kedge_cbor_item item;
    if (tag == TAG_DECIMAL_FRACTION)
        return decimal_fraction(cursor, value);
    if (tag != TAG_EPOCH_TIME)
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(kedge_cbor_next_loose(cursor, &item));
    if (item.type != KEDGE_CBOR_UINT && item.type != KEDGE_CBOR_NINT &&
        item.type != KEDGE_CBOR_FLOAT)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(cbor_value(cursor, &item, NULL, value));
    if (value->type == KEDGE_LWM2M_INTEGER)
        value->type = KEDGE_LWM2M_TIME;
    return KEDGE_OK;
}

/* Clients that stream a value write it so. One chunk alone is borrowed. */
static enum kedge_rc join_chunks(struct kedge_cursor *cursor, enum kedge_cbor_type type,
                                 struct kedge_writer *scratch, struct kedge_slice *joined)
{
    struct kedge_slice chunk;
    size_t start = scratch != NULL ? scratch->size : 0, count = 0;
    enum kedge_rc rc;
    while ((rc = kedge_cbor_next_chunk(cursor, type, &chunk)) == KEDGE_OK) {
        if (chunk.size == 0)
            continue;
        if (++count == 1) {
            *joined = chunk;
            continue;
        }
        if (scratch == NULL)
            return KEDGE_E_BUFFER;
        if (count == 2)
            KEDGE_TRY(kedge_writer_put(scratch, *joined));
        KEDGE_TRY(kedge_writer_put(scratch, chunk));
        *joined = kedge_slice(scratch->data + start, scratch->size - start);
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return rc;
    return type == KEDGE_CBOR_BSTR || kedge_utf8_valid(*joined) ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc cbor_value(struct kedge_cursor *cursor, const struct kedge_cbor_item *item,
                         struct kedge_writer *scratch, struct kedge_lwm2m_value *value)
{
    *value = (struct kedge_lwm2m_value){.bytes = item->bytes};
    if (item->indefinite && (item->type == KEDGE_CBOR_BSTR || item->type == KEDGE_CBOR_TSTR))
        KEDGE_TRY(join_chunks(cursor, item->type, scratch, &value->bytes));
    switch (item->type) {
    case KEDGE_CBOR_UINT:
    case KEDGE_CBOR_NINT:
        return whole_number(item, value);
    case KEDGE_CBOR_BSTR:
        value->type = KEDGE_LWM2M_OPAQUE;
        return KEDGE_OK;
    case KEDGE_CBOR_TSTR:
        value->type = KEDGE_LWM2M_STRING;
        return KEDGE_OK;
    case KEDGE_CBOR_FALSE:
    case KEDGE_CBOR_TRUE:
        value->type = KEDGE_LWM2M_BOOLEAN;
        value->integer = item->type == KEDGE_CBOR_TRUE;
        return KEDGE_OK;
    case KEDGE_CBOR_FLOAT:
        value->type = KEDGE_LWM2M_FLOAT;
        value->number = item->number;
        return KEDGE_OK;
    case KEDGE_CBOR_TAG:
        return tagged(cursor, item->value, value);
    default:
        return KEDGE_E_TYPE;
    }
}

enum kedge_rc cbor_value_write(const struct kedge_lwm2m_value *value, struct kedge_writer *out)
{
    uint8_t bytes[16];
    struct kedge_writer text = kedge_writer(bytes, sizeof bytes);
    switch (value->type) {
    case KEDGE_LWM2M_STRING:
        return kedge_cbor_write_tstr(out, value->bytes);
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        return kedge_cbor_write_int(out, value->integer);
    case KEDGE_LWM2M_UNSIGNED:
        return kedge_cbor_write_uint(out, value->unsigned_integer);
    case KEDGE_LWM2M_BOOLEAN:
        return kedge_cbor_write_bool(out, value->integer != 0);
    case KEDGE_LWM2M_OPAQUE:
        return kedge_cbor_write_bstr(out, value->bytes);
    case KEDGE_LWM2M_FLOAT:
        return kedge_lwm2m_float_finite(value->number) ? kedge_cbor_write_float(out, value->number)
                                                       : KEDGE_E_LIMIT;
    case KEDGE_LWM2M_OBJECT_LINK:
        KEDGE_TRY(kedge_lwm2m_link_write(&value->link, &text));
        return kedge_cbor_write_tstr(out, kedge_writer_slice(&text));
    case KEDGE_LWM2M_NOTHING:
        break;
    }
    return KEDGE_E_TYPE;
}

/* ---- CBOR: one value ---- */

enum kedge_rc cbor_record_next(struct kedge_lwm2m_reader *reader, struct kedge_lwm2m_record *record)
{
    struct kedge_cbor_item item;
    if (reader->begun_)
        return KEDGE_E_NOT_FOUND;
    reader->begun_ = true;
    record->path = reader->path_;
    KEDGE_TRY(kedge_cbor_next_loose(&reader->cursor_, &item));
    KEDGE_TRY(cbor_value(&reader->cursor_, &item, reader->scratch_, &record->value));
    return kedge_cbor_end(&reader->cursor_);
}

/* ---- LwM2M CBOR: reading ---- */

static enum kedge_rc open_map(struct kedge_lwm2m_reader *reader, const struct kedge_cbor_item *map,
                              const struct kedge_lwm2m_path *path)
{
    /* Each level has one id more than the one around it, four at most: five levels are enough. */
    if (reader->depth_ == sizeof reader->levels_ / sizeof reader->levels_[0])
        return KEDGE_E_MALFORMED;
    reader->levels_[reader->depth_++] = (struct kedge_lwm2m_level_){
        .left = (size_t)map->value, .indefinite = map->indefinite, .path = *path};
    return map->indefinite || map->value <= kedge_cursor_left(&reader->cursor_) / 2
               ? KEDGE_OK
               : KEDGE_E_TRUNCATED;
}

static enum kedge_rc begin(struct kedge_lwm2m_reader *reader)
{
    struct kedge_cbor_item item;
    const struct kedge_lwm2m_path root = {.depth = 0};
    reader->begun_ = true;
    KEDGE_TRY(kedge_cbor_next_loose(&reader->cursor_, &item));
    if (item.type != KEDGE_CBOR_MAP)
        return KEDGE_E_TYPE;
    return open_map(reader, &item, &root);
}

/* An id, or an array of one to four, behind the path of the level. */
static enum kedge_rc take_key(struct kedge_cursor *cursor, const struct kedge_cbor_item *key,
                              struct kedge_lwm2m_path *path)
{
    struct kedge_cbor_item item;
    if (key->type == KEDGE_CBOR_UINT)
        return path_append(path, key->value);
    if (key->type != KEDGE_CBOR_ARRAY || (!key->indefinite && key->value == 0))
        return KEDGE_E_MALFORMED;
    uint8_t before = path->depth;
    for (uint64_t i = 0; key->indefinite || i < key->value; i++) {
        KEDGE_TRY(kedge_cbor_next_loose(cursor, &item));
        if (key->indefinite && item.type == KEDGE_CBOR_BREAK)
            break;
        if (item.type != KEDGE_CBOR_UINT)
            return KEDGE_E_MALFORMED;
        KEDGE_TRY(path_append(path, item.value)); /* ends the loop after four */
    }
    return path->depth > before ? KEDGE_OK : KEDGE_E_MALFORMED;
}

/* The next key of the innermost map that is not at its end. */
static enum kedge_rc next_key(struct kedge_lwm2m_reader *reader, struct kedge_cbor_item *key)
{
    while (reader->depth_ > 0) {
        struct kedge_lwm2m_level_ *level = &reader->levels_[reader->depth_ - 1];
        if (!level->indefinite && level->left == 0) {
            reader->depth_--;
            continue;
        }
        KEDGE_TRY(kedge_cbor_next_loose(&reader->cursor_, key));
        if (!level->indefinite || key->type != KEDGE_CBOR_BREAK) {
            level->left -= level->indefinite ? 0 : 1;
            return KEDGE_OK;
        }
        reader->depth_--;
    }
    KEDGE_TRY(kedge_cbor_end(&reader->cursor_));
    return KEDGE_E_NOT_FOUND;
}

enum kedge_rc lwm2m_cbor_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record)
{
    struct kedge_cbor_item item;
    if (!reader->begun_)
        KEDGE_TRY(begin(reader));
    for (;;) {
        KEDGE_TRY(next_key(reader, &item));
        struct kedge_lwm2m_path path = reader->levels_[reader->depth_ - 1].path;
        KEDGE_TRY(take_key(&reader->cursor_, &item, &path));
        KEDGE_TRY(kedge_cbor_next_loose(&reader->cursor_, &item));
        if (item.type != KEDGE_CBOR_MAP) {
            record->path = path;
            return cbor_value(&reader->cursor_, &item, reader->scratch_, &record->value);
        }
        KEDGE_TRY(open_map(reader, &item, &path));
    }
}

/* ---- LwM2M CBOR: writing ---- */

static size_t group_end(const struct kedge_lwm2m_record *records, size_t count, size_t start,
                        uint8_t depth)
{
    size_t end = start + 1;
    while (end < count && records[end].path.ids[depth] == records[start].path.ids[depth])
        end++;
    return end;
}

/* A map of the ids at `depth`; recurses into four levels at most. */
static enum kedge_rc write_map(uint8_t depth, const struct kedge_lwm2m_record *records,
                               size_t count, struct kedge_writer *out)
{
    size_t pairs = 0;
    for (size_t start = 0; start < count; start = group_end(records, count, start, depth))
        pairs++;
    KEDGE_TRY(kedge_cbor_write_map(out, pairs));
    for (size_t start = 0, end; start < count; start = end) {
        end = group_end(records, count, start, depth);
        KEDGE_TRY(kedge_cbor_write_uint(out, records[start].path.ids[depth]));
        if (depth + 1u < PATH_DEPTH_MAX && records[start].path.depth > depth + 1u)
            KEDGE_TRY(write_map((uint8_t)(depth + 1), records + start, end - start, out));
        else if (end - start == 1)
            KEDGE_TRY(cbor_value_write(&records[start].value, out));
        else
            return KEDGE_E_ARGUMENT; /* a path twice, or a resource and an instance of it */
    }
    return KEDGE_OK;
}

enum kedge_rc lwm2m_cbor_records_write(const struct kedge_lwm2m_record *records, size_t count,
                                       struct kedge_writer *out)
{
    return write_map(0, records, count, out);
}
