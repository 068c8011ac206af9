/* senml_cbor.c: SenML in CBOR (RFC 8428 section 6), whose labels are small numbers. */
#include "core/lwm2m/record_parts.h"

static const struct {
    int64_t number;
    enum senml_label label;
} numbers[] = {
    {-1, SENML_BASE_VERSION}, {-2, SENML_BASE_NAME}, {-3, SENML_IGNORED}, {-4, SENML_IGNORED},
    {-5, SENML_BASE_VALUE},   {-6, SENML_IGNORED},   {0, SENML_NAME},     {1, SENML_IGNORED},
    {2, SENML_VALUE},         {3, SENML_STRING},     {4, SENML_BOOLEAN},  {5, SENML_IGNORED},
    {6, SENML_IGNORED},       {7, SENML_IGNORED},    {8, SENML_DATA},
};

/* ---- anything, for labels that are not known ---- */

static enum kedge_rc skip_nested(struct kedge_cursor *cursor, unsigned depth_left);

static enum kedge_rc skip_indefinite(struct kedge_cursor *cursor, unsigned depth_left)
{
    struct kedge_cbor_item item;
    struct kedge_cursor at = *cursor;
    KEDGE_TRY(kedge_cbor_next_loose(&at, &item));
    while (item.type != KEDGE_CBOR_BREAK) {
        KEDGE_TRY(skip_nested(cursor, depth_left));
        at = *cursor;
        KEDGE_TRY(kedge_cbor_next_loose(&at, &item));
    }
    *cursor = at;
    return KEDGE_OK;
}

static enum kedge_rc skip_chunks(struct kedge_cursor *cursor, enum kedge_cbor_type type)
{
    struct kedge_slice chunk;
    enum kedge_rc rc;
    while ((rc = kedge_cbor_next_chunk(cursor, type, &chunk)) == KEDGE_OK) {
    }
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

static enum kedge_rc skip_nested(struct kedge_cursor *cursor, unsigned depth_left)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_next_loose(cursor, &item));
    if (item.type == KEDGE_CBOR_BREAK)
        return KEDGE_E_MALFORMED;
    if (item.indefinite && (item.type == KEDGE_CBOR_BSTR || item.type == KEDGE_CBOR_TSTR))
        return skip_chunks(cursor, item.type);
    if (item.type < KEDGE_CBOR_ARRAY || item.type > KEDGE_CBOR_TAG)
        return KEDGE_OK;
    if (depth_left == 0)
        return KEDGE_E_LIMIT;
    if (item.indefinite)
        return skip_indefinite(cursor, depth_left - 1);
    uint64_t each = item.type == KEDGE_CBOR_MAP ? 2 : 1;
    uint64_t count = item.type == KEDGE_CBOR_TAG ? 1 : item.value;
    if (count > kedge_cursor_left(cursor) / each)
        return KEDGE_E_TRUNCATED;
    for (uint64_t i = 0; i < each * count; i++)
        KEDGE_TRY(skip_nested(cursor, depth_left - 1));
    return KEDGE_OK;
}

enum kedge_rc cbor_skip_loose(struct kedge_cursor *cursor)
{
    return skip_nested(cursor, KEDGE_LWM2M_NESTING_MAX);
}

/* ---- reading ---- */

static enum kedge_rc label_of(const struct kedge_cbor_item *key, enum senml_label *label)
{
    *label = SENML_LABEL_COUNT;
    if (key->type == KEDGE_CBOR_TSTR) {
        if (key->indefinite)
            return KEDGE_E_UNSUPPORTED;
        *label = senml_label_of(key->bytes);
        if (*label != SENML_LABEL_COUNT && *label != SENML_OBJECT_LINK)
            return KEDGE_E_MALFORMED; /* it has a number, by which it must be called */
        bool must = key->bytes.size > 0 && key->bytes.data[key->bytes.size - 1] == '_';
        return must ? KEDGE_E_UNSUPPORTED : KEDGE_OK;
    }
    if (key->type != KEDGE_CBOR_UINT && key->type != KEDGE_CBOR_NINT)
        return KEDGE_E_TYPE;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        bool negative = numbers[i].number < 0;
        uint64_t argument = (uint64_t)(negative ? -1 - numbers[i].number : numbers[i].number);
        if (negative == (key->type == KEDGE_CBOR_NINT) && argument == key->value)
            *label = numbers[i].label;
    }
    return KEDGE_OK;
}

static enum kedge_rc expect_type(const struct kedge_lwm2m_value *value, enum kedge_lwm2m_type type)
{
    return value->type == type ? KEDGE_OK : KEDGE_E_TYPE;
}

static enum kedge_rc take_typed(struct senml_fields *fields, enum senml_label label,
                                const struct kedge_lwm2m_value *value)
{
    bool number = value->type == KEDGE_LWM2M_INTEGER || value->type == KEDGE_LWM2M_UNSIGNED ||
                  value->type == KEDGE_LWM2M_FLOAT || value->type == KEDGE_LWM2M_TIME;
    switch (label) {
    case SENML_BASE_NAME:
        fields->base_name = value->bytes;
        return expect_type(value, KEDGE_LWM2M_STRING);
    case SENML_NAME:
        fields->name = value->bytes;
        return expect_type(value, KEDGE_LWM2M_STRING);
    case SENML_BASE_VERSION:
        return senml_check_version(value);
    case SENML_BASE_VALUE:
        fields->base_value = *value;
        return number ? KEDGE_OK : KEDGE_E_TYPE;
    case SENML_VALUE:
        fields->value = *value;
        return number ? KEDGE_OK : KEDGE_E_TYPE;
    case SENML_STRING:
        fields->value = *value;
        return expect_type(value, KEDGE_LWM2M_STRING);
    case SENML_BOOLEAN:
        fields->value = *value;
        return expect_type(value, KEDGE_LWM2M_BOOLEAN);
    case SENML_DATA:
        fields->value = *value;
        return expect_type(value, KEDGE_LWM2M_OPAQUE);
    default: /* SENML_OBJECT_LINK */
        fields->value.type = KEDGE_LWM2M_OBJECT_LINK;
        KEDGE_TRY(expect_type(value, KEDGE_LWM2M_STRING));
        return kedge_lwm2m_link_read(value->bytes, &fields->value.link);
    }
}

static enum kedge_rc take_pair(struct kedge_lwm2m_reader *reader, const struct kedge_cbor_item *key,
                               struct senml_fields *fields)
{
    struct kedge_cursor *cursor = &reader->cursor_;
    enum senml_label label;
    struct kedge_cbor_item item;
    struct kedge_lwm2m_value value;
    KEDGE_TRY(label_of(key, &label));
    if (label == SENML_LABEL_COUNT || label == SENML_IGNORED)
        return cbor_skip_loose(cursor);
    KEDGE_TRY(senml_note(fields, label));
    KEDGE_TRY(kedge_cbor_next_loose(cursor, &item));
    KEDGE_TRY(cbor_value(cursor, &item, reader->scratch_, &value));
    return take_typed(fields, label, &value);
}

static enum kedge_rc take_map(struct kedge_lwm2m_reader *reader, struct senml_fields *fields)
{
    struct kedge_cbor_item map, key;
    KEDGE_TRY(kedge_cbor_next_loose(&reader->cursor_, &map));
    if (map.type != KEDGE_CBOR_MAP)
        return KEDGE_E_TYPE;
    for (uint64_t i = 0; map.indefinite || i < map.value; i++) {
        KEDGE_TRY(kedge_cbor_next_loose(&reader->cursor_, &key));
        if (map.indefinite && key.type == KEDGE_CBOR_BREAK)
            break;
        KEDGE_TRY(take_pair(reader, &key, fields));
    }
    return KEDGE_OK;
}

static enum kedge_rc begin(struct kedge_lwm2m_reader *reader)
{
    struct kedge_cbor_item item;
    reader->begun_ = true;
    KEDGE_TRY(kedge_cbor_next_loose(&reader->cursor_, &item));
    if (item.type != KEDGE_CBOR_ARRAY)
        return KEDGE_E_TYPE;
    if (!item.indefinite && item.value > kedge_cursor_left(&reader->cursor_))
        return KEDGE_E_TRUNCATED;
    reader->left_ = (size_t)item.value;
    reader->indefinite_ = item.indefinite;
    return KEDGE_OK;
}

/* Whether the array has ended, and everything with it. */
static enum kedge_rc look_for_end(struct kedge_lwm2m_reader *reader)
{
    struct kedge_cbor_item item;
    struct kedge_cursor at = reader->cursor_;
    if (reader->indefinite_) {
        KEDGE_TRY(kedge_cbor_next_loose(&at, &item));
        if (item.type != KEDGE_CBOR_BREAK)
            return KEDGE_OK;
    } else if (reader->left_ > 0) {
        reader->left_--;
        return KEDGE_OK;
    }
    KEDGE_TRY(kedge_cbor_end(&at));
    return KEDGE_E_NOT_FOUND;
}

enum kedge_rc senml_cbor_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record)
{
    struct senml_fields fields = {.encoding = KEDGE_LWM2M_TYPED};
    if (!reader->begun_)
        KEDGE_TRY(begin(reader));
    KEDGE_TRY(look_for_end(reader));
    KEDGE_TRY(take_map(reader, &fields));
    return senml_resolve(reader, &fields, record);
}

/* ---- writing ---- */

static enum kedge_rc write_value(const struct kedge_lwm2m_value *value, struct kedge_writer *out)
{
    static const uint8_t labels[] = {
        [KEDGE_LWM2M_STRING] = 3,  [KEDGE_LWM2M_INTEGER] = 2, [KEDGE_LWM2M_UNSIGNED] = 2,
        [KEDGE_LWM2M_BOOLEAN] = 4, [KEDGE_LWM2M_OPAQUE] = 8,  [KEDGE_LWM2M_TIME] = 2,
        [KEDGE_LWM2M_FLOAT] = 2};
    if (value->type == KEDGE_LWM2M_NOTHING)
        return KEDGE_OK;
    if (value->type == KEDGE_LWM2M_OBJECT_LINK)
        KEDGE_TRY(kedge_cbor_write_tstr(out, kedge_slice_text("vlo")));
    else
        KEDGE_TRY(kedge_cbor_write_uint(out, labels[value->type]));
    return cbor_value_write(value, out);
}

/* The base name goes first, where some clients look for it; none asks for the canonical order. */
static enum kedge_rc write_record(const struct record_name *base, const struct record_name *name,
                                  const struct kedge_lwm2m_value *value, struct kedge_writer *out)
{
    size_t pairs = (base->size > 0 ? 1u : 0u) + (name->size > 0 ? 1u : 0u) +
                   (value->type != KEDGE_LWM2M_NOTHING ? 1u : 0u);
    KEDGE_TRY(kedge_cbor_write_map(out, pairs));
    if (base->size > 0) {
        KEDGE_TRY(kedge_cbor_write_int(out, -2));
        KEDGE_TRY(kedge_cbor_write_tstr(out, kedge_slice(base->bytes, base->size)));
    }
    if (name->size > 0) {
        KEDGE_TRY(kedge_cbor_write_uint(out, 0));
        KEDGE_TRY(kedge_cbor_write_tstr(out, kedge_slice(name->bytes, name->size)));
    }
    return write_value(value, out);
}

enum kedge_rc senml_cbor_records_write(const struct kedge_lwm2m_path *path,
                                       const struct kedge_lwm2m_record *records, size_t count,
                                       struct kedge_writer *out)
{
    struct record_name base = {.size = 0}, name;
    KEDGE_TRY(kedge_cbor_write_array(out, count));
    for (size_t i = 0; i < count; i++) {
        base.size = 0;
        if (i == 0)
            record_base_name(path, &records[0], &base);
        record_name(path, &records[i], &name);
        KEDGE_TRY(write_record(&base, &name, &records[i].value, out));
    }
    return KEDGE_OK;
}
