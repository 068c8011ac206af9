/*
 * json_record.c: SenML in JSON (RFC 8428 section 5), and the JSON of LwM2M 1.0 (section 6.4.4
 * there), which has the records of one base name under "e":
 *
 *   [{"bn":"/5/0/","n":"3","v":0},{"n":"1","vs":""}]
 *   {"bn":"/5/0/","e":[{"n":"3","v":0},{"n":"1","sv":""}]}
 */
#include "core/lwm2m/json.h"
#include "core/lwm2m/record_parts.h"

#include <string.h>

#define LABEL_MAX 32u /* bytes; longer ones are none that are known */

/* ---- labels ---- */

struct label_text {
    uint8_t bytes[LABEL_MAX];
    struct kedge_slice text; /* empty when it is longer */
};

static enum kedge_rc read_label(struct kedge_cursor *cursor, struct label_text *label)
{
    struct json_string string;
    struct kedge_writer out = kedge_writer(label->bytes, sizeof label->bytes);
    KEDGE_TRY(json_read_string(cursor, &string));
    KEDGE_TRY(json_expect(cursor, ':'));
    enum kedge_rc rc = json_unescape(&string, &out, &label->text);
    if (rc == KEDGE_E_BUFFER)
        label->text = kedge_slice(NULL, 0);
    return rc == KEDGE_E_BUFFER ? KEDGE_OK : rc;
}

static enum senml_label lwm2m_json_label_of(struct kedge_slice name)
{
    static const struct {
        const char *name;
        enum senml_label label;
    } labels[] = {
        {"n", SENML_NAME},    {"v", SENML_VALUE},        {"bv", SENML_BOOLEAN},
        {"sv", SENML_STRING}, {"ov", SENML_OBJECT_LINK}, {"t", SENML_IGNORED},
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (kedge_slice_equal(name, kedge_slice_text(labels[i].name)))
            return labels[i].label;
    return SENML_LABEL_COUNT;
}

/* RFC 8428 section 4.4: what ends in an underscore must be understood. */
static bool must_be_understood(const struct kedge_lwm2m_reader *reader, struct kedge_slice name)
{
    return reader->format == KEDGE_LWM2M_FORMAT_SENML_JSON && name.size > 0 &&
           name.data[name.size - 1] == '_';
}

/* ---- values ---- */

static enum kedge_rc read_text(struct kedge_lwm2m_reader *reader, struct kedge_cursor *cursor,
                               struct kedge_slice *text)
{
    struct json_string string;
    KEDGE_TRY(json_read_string(cursor, &string));
    return json_unescape(&string, reader->scratch_, text);
}

static enum kedge_rc read_number(struct kedge_cursor *cursor, struct kedge_lwm2m_value *value)
{
    struct kedge_slice text;
    KEDGE_TRY(json_read_number(cursor, &text));
    value->type = KEDGE_LWM2M_INTEGER;
    if (kedge_lwm2m_integer_read(text, &value->integer) == KEDGE_OK)
        return KEDGE_OK;
    value->type = KEDGE_LWM2M_UNSIGNED;
    struct kedge_cursor digits = kedge_cursor(text);
    if (kedge_cursor_decimal(&digits, UINT64_MAX, &value->unsigned_integer) == KEDGE_OK &&
        kedge_cursor_left(&digits) == 0)
        return KEDGE_OK;
    value->type = KEDGE_LWM2M_FLOAT;
    return kedge_lwm2m_float_read(text, &value->number);
}

static enum kedge_rc read_boolean(struct kedge_cursor *cursor, struct kedge_lwm2m_value *value)
{
    bool boolean;
    KEDGE_TRY(json_read_boolean(cursor, &boolean));
    value->type = KEDGE_LWM2M_BOOLEAN;
    value->integer = boolean;
    return KEDGE_OK;
}

/* Section 5: octets are in Base64 for URLs, without padding. */
static enum kedge_rc read_data(struct kedge_lwm2m_reader *reader, struct kedge_cursor *cursor,
                               struct kedge_lwm2m_value *value)
{
    struct kedge_slice text;
    KEDGE_TRY(read_text(reader, cursor, &text));
    value->type = KEDGE_LWM2M_OPAQUE;
    if (reader->scratch_ == NULL)
        return KEDGE_E_BUFFER;
    size_t start = reader->scratch_->size;
    KEDGE_TRY(kedge_base64url_decode(text, reader->scratch_));
    value->bytes = kedge_slice(reader->scratch_->data + start, reader->scratch_->size - start);
    return KEDGE_OK;
}

static enum kedge_rc read_link(struct kedge_lwm2m_reader *reader, struct kedge_cursor *cursor,
                               struct kedge_lwm2m_value *value)
{
    struct kedge_slice text;
    KEDGE_TRY(read_text(reader, cursor, &text));
    value->type = KEDGE_LWM2M_OBJECT_LINK;
    return kedge_lwm2m_link_read(text, &value->link);
}

static enum kedge_rc read_string(struct kedge_lwm2m_reader *reader, struct kedge_cursor *cursor,
                                 struct senml_fields *fields)
{
    fields->value.type = KEDGE_LWM2M_STRING;
    if (reader->format == KEDGE_LWM2M_FORMAT_JSON)
        fields->encoding = KEDGE_LWM2M_AS_STRING;
    return read_text(reader, cursor, &fields->value.bytes);
}

static enum kedge_rc read_version(struct kedge_cursor *cursor)
{
    struct kedge_lwm2m_value version = {.type = KEDGE_LWM2M_INTEGER};
    KEDGE_TRY(read_number(cursor, &version));
    return senml_check_version(&version);
}

/* ---- records ---- */

static enum kedge_rc take_member(struct kedge_lwm2m_reader *reader, struct kedge_cursor *cursor,
                                 enum senml_label label, struct senml_fields *fields)
{
    KEDGE_TRY(senml_note(fields, label));
    switch (label) {
    case SENML_BASE_NAME:
        return read_text(reader, cursor, &fields->base_name);
    case SENML_NAME:
        return read_text(reader, cursor, &fields->name);
    case SENML_BASE_VERSION:
        return read_version(cursor);
    case SENML_BASE_VALUE:
        return read_number(cursor, &fields->base_value);
    case SENML_VALUE:
        return read_number(cursor, &fields->value);
    case SENML_STRING:
        return read_string(reader, cursor, fields);
    case SENML_BOOLEAN:
        return read_boolean(cursor, &fields->value);
    case SENML_DATA:
        return read_data(reader, cursor, &fields->value);
    case SENML_OBJECT_LINK:
        return read_link(reader, cursor, &fields->value);
    default:
        return json_skip(cursor, KEDGE_LWM2M_NESTING_MAX);
    }
}

static enum kedge_rc take_object(struct kedge_lwm2m_reader *reader, struct kedge_cursor *cursor,
                                 struct senml_fields *fields)
{
    bool senml = reader->format == KEDGE_LWM2M_FORMAT_SENML_JSON;
    struct label_text label;
    KEDGE_TRY(json_expect(cursor, '{'));
    if (json_accept(cursor, '}'))
        return KEDGE_OK;
    do {
        KEDGE_TRY(read_label(cursor, &label));
        if (must_be_understood(reader, label.text))
            return KEDGE_E_UNSUPPORTED;
        enum senml_label known =
            senml ? senml_label_of(label.text) : lwm2m_json_label_of(label.text);
        KEDGE_TRY(take_member(reader, cursor, known == SENML_LABEL_COUNT ? SENML_IGNORED : known,
                              fields));
    } while (json_accept(cursor, ','));
    return json_expect(cursor, '}');
}

/* The next object of the array that the reader's cursor is in; KEDGE_E_NOT_FOUND behind the last.
 */
static enum kedge_rc next_object(struct kedge_lwm2m_reader *reader, struct senml_fields *fields)
{
    bool first = !reader->begun_;
    reader->begun_ = true;
    if (json_accept(&reader->cursor_, ']'))
        return KEDGE_E_NOT_FOUND;
    if (!first)
        KEDGE_TRY(json_expect(&reader->cursor_, ','));
    return take_object(reader, &reader->cursor_, fields);
}

/* ---- SenML JSON ---- */

enum kedge_rc senml_json_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record)
{
    struct senml_fields fields = {.encoding = KEDGE_LWM2M_TYPED};
    if (!reader->begun_)
        KEDGE_TRY(json_expect(&reader->cursor_, '['));
    enum kedge_rc rc = reader->ended_ ? KEDGE_E_NOT_FOUND : next_object(reader, &fields);
    if (rc == KEDGE_E_NOT_FOUND) {
        reader->ended_ = true;
        KEDGE_TRY(json_end(&reader->cursor_));
    }
    KEDGE_TRY(rc);
    return senml_resolve(reader, &fields, record);
}

/* ---- LwM2M JSON ---- */

/* The base name, and where the elements are: members come in any order, so all are looked at. */
static enum kedge_rc open_frame(struct kedge_lwm2m_reader *reader)
{
    struct kedge_cursor *cursor = &reader->cursor_;
    struct kedge_cursor elements = {.offset = 0};
    struct senml_fields frame = {.encoding = KEDGE_LWM2M_TYPED};
    struct label_text label;
    KEDGE_TRY(json_expect(cursor, '{'));
    do {
        KEDGE_TRY(read_label(cursor, &label));
        if (kedge_slice_equal(label.text, kedge_slice_text("bn"))) {
            KEDGE_TRY(senml_note(&frame, SENML_BASE_NAME));
            KEDGE_TRY(read_text(reader, cursor, &frame.base_name));
            continue;
        }
        if (kedge_slice_equal(label.text, kedge_slice_text("e"))) {
            if (elements.bytes.data != NULL)
                return KEDGE_E_MALFORMED;
            elements = *cursor;
        }
        KEDGE_TRY(json_skip(cursor, KEDGE_LWM2M_NESTING_MAX));
    } while (json_accept(cursor, ','));
    KEDGE_TRY(json_expect(cursor, '}'));
    KEDGE_TRY(json_end(cursor));
    if (elements.bytes.data == NULL)
        return KEDGE_E_MISSING;
    if (frame.base_name.size > sizeof reader->base_name_)
        return KEDGE_E_LIMIT;
    if (frame.base_name.size > 0)
        memcpy(reader->base_name_, frame.base_name.data, frame.base_name.size);
    reader->base_name_size_ = frame.base_name.size;
    reader->cursor_ = elements;
    return json_expect(&reader->cursor_, '[');
}

enum kedge_rc lwm2m_json_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record)
{
    struct senml_fields fields = {.encoding = KEDGE_LWM2M_TYPED};
    if (!reader->begun_)
        KEDGE_TRY(open_frame(reader));
    enum kedge_rc rc = reader->ended_ ? KEDGE_E_NOT_FOUND : next_object(reader, &fields);
    reader->ended_ = reader->ended_ || rc == KEDGE_E_NOT_FOUND;
    KEDGE_TRY(rc);
    return senml_resolve(reader, &fields, record);
}

/* ---- writing ---- */

static enum kedge_rc put(struct kedge_writer *out, const char *text)
{
    return kedge_writer_put(out, kedge_slice_text(text));
}

static enum kedge_rc put_data(struct kedge_writer *out, struct kedge_slice bytes, bool senml)
{
    KEDGE_TRY(kedge_writer_u8(out, '"'));
    KEDGE_TRY(senml ? kedge_base64url_encode(bytes, out) : kedge_base64_encode(bytes, out));
    return kedge_writer_u8(out, '"');
}

static enum kedge_rc write_value(const struct kedge_lwm2m_value *value, bool senml,
                                 struct kedge_writer *out)
{
    switch (value->type) {
    case KEDGE_LWM2M_STRING:
        KEDGE_TRY(put(out, senml ? "\"vs\":" : "\"sv\":"));
        return json_write_string(out, value->bytes);
    case KEDGE_LWM2M_OPAQUE:
        KEDGE_TRY(put(out, senml ? "\"vd\":" : "\"sv\":"));
        return put_data(out, value->bytes, senml);
    case KEDGE_LWM2M_BOOLEAN:
        KEDGE_TRY(put(out, senml ? "\"vb\":" : "\"bv\":"));
        return put(out, value->integer != 0 ? "true" : "false");
    case KEDGE_LWM2M_OBJECT_LINK:
        KEDGE_TRY(put(out, senml ? "\"vlo\":\"" : "\"ov\":\""));
        KEDGE_TRY(kedge_lwm2m_link_write(&value->link, out));
        return kedge_writer_u8(out, '"');
    case KEDGE_LWM2M_NOTHING:
        return KEDGE_OK;
    default: /* numbers, which are in JSON as in plain text */
        KEDGE_TRY(put(out, "\"v\":"));
        return kedge_lwm2m_text_write(value, out);
    }
}

static enum kedge_rc write_named(const char *label, const struct record_name *name, bool more,
                                 struct kedge_writer *out)
{
    if (name->size == 0)
        return KEDGE_OK;
    KEDGE_TRY(put(out, label));
    KEDGE_TRY(json_write_string(out, kedge_slice(name->bytes, name->size)));
    return more ? kedge_writer_u8(out, ',') : KEDGE_OK;
}

static enum kedge_rc write_record(const struct record_name *base, const struct record_name *name,
                                  const struct kedge_lwm2m_value *value, bool senml,
                                  struct kedge_writer *out)
{
    bool has_value = value->type != KEDGE_LWM2M_NOTHING;
    KEDGE_TRY(kedge_writer_u8(out, '{'));
    KEDGE_TRY(write_named("\"bn\":", base, name->size > 0 || has_value, out));
    KEDGE_TRY(write_named("\"n\":", name, has_value, out));
    KEDGE_TRY(write_value(value, senml, out));
    return kedge_writer_u8(out, '}');
}

enum kedge_rc json_records_write(uint32_t content_format, const struct kedge_lwm2m_path *path,
                                 const struct kedge_lwm2m_record *records, size_t count,
                                 struct kedge_writer *out)
{
    bool senml = content_format == KEDGE_LWM2M_FORMAT_SENML_JSON;
    struct record_name base = {.size = 0}, name;
    const struct record_name none = {.size = 0};
    if (count > 0)
        record_base_name(path, &records[0], &base);
    KEDGE_TRY(put(out, senml ? "[" : "{"));
    if (!senml) {
        KEDGE_TRY(write_named("\"bn\":", &base, true, out));
        KEDGE_TRY(put(out, "\"e\":["));
    }
    for (size_t i = 0; i < count; i++) {
        record_name(path, &records[i], &name);
        if (i > 0)
            KEDGE_TRY(kedge_writer_u8(out, ','));
        KEDGE_TRY(
            write_record(senml && i == 0 ? &base : &none, &name, &records[i].value, senml, out));
    }
    return put(out, senml ? "]" : "]}");
}
