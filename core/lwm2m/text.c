/* text.c: values in plain text (OMA LwM2M Core 1.1 section 7.4.1 and appendix C). */
#include "core/lwm2m/values.h"

#include <string.h>

enum kedge_rc kedge_lwm2m_string_check(struct kedge_slice text)
{
    if (text.size > KEDGE_LWM2M_STRING_MAX)
        return KEDGE_E_LIMIT;
    bool has_nul = text.size > 0 && memchr(text.data, '\0', text.size) != NULL;
    return has_nul || !kedge_utf8_valid(text) ? KEDGE_E_MALFORMED : KEDGE_OK;
}

static enum kedge_rc read_unsigned(struct kedge_slice text, uint64_t *number)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    KEDGE_TRY(kedge_cursor_decimal(&cursor, UINT64_MAX, number));
    return kedge_cursor_left(&cursor) > 0 ? KEDGE_E_MALFORMED : KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_integer_read(struct kedge_slice text, int64_t *number)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    bool negative = kedge_cursor_accept(&cursor, '-');
    uint64_t max = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t magnitude;
    KEDGE_TRY(kedge_cursor_decimal(&cursor, max, &magnitude));
    if (kedge_cursor_left(&cursor) > 0 || (negative && magnitude == 0))
        return KEDGE_E_MALFORMED;
    /* -1 - (m - 1), because INT64_MIN has no positive counterpart. */
    *number = negative ? -1 - (int64_t)(magnitude - 1) : (int64_t)magnitude;
    return KEDGE_OK;
}

static enum kedge_rc read_boolean(struct kedge_slice text, int64_t *boolean)
{
    if (text.size != 1 || (text.data[0] != '0' && text.data[0] != '1'))
        return KEDGE_E_MALFORMED;
    *boolean = text.data[0] - '0';
    return KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_link_read(struct kedge_slice text, struct kedge_lwm2m_object_link *link)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    uint64_t object, instance;
    KEDGE_TRY(kedge_cursor_decimal(&cursor, UINT16_MAX, &object));
    if (!kedge_cursor_accept(&cursor, ':'))
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cursor_decimal(&cursor, UINT16_MAX, &instance));
    if (kedge_cursor_left(&cursor) > 0)
        return KEDGE_E_MALFORMED;
    *link = (struct kedge_lwm2m_object_link){(uint16_t)object, (uint16_t)instance};
    return KEDGE_OK;
}

static enum kedge_rc read_opaque(struct kedge_slice text, struct kedge_writer *scratch,
                                 struct kedge_slice *bytes)
{
    if (scratch == NULL)
        return KEDGE_E_BUFFER;
    size_t start = scratch->size;
    KEDGE_TRY(kedge_base64_decode(text, scratch));
    size_t size = scratch->size - start;
    *bytes = kedge_slice(size > 0 ? scratch->data + start : NULL, size);
    return KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_text_read(struct kedge_slice text, enum kedge_lwm2m_type type,
                                    struct kedge_writer *scratch, struct kedge_lwm2m_value *value)
{
    *value = (struct kedge_lwm2m_value){.type = type};
    switch (type) {
    case KEDGE_LWM2M_STRING:
        value->bytes = text;
        return kedge_lwm2m_string_check(text);
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        return kedge_lwm2m_integer_read(text, &value->integer);
    case KEDGE_LWM2M_UNSIGNED:
        return read_unsigned(text, &value->unsigned_integer);
    case KEDGE_LWM2M_BOOLEAN:
        return read_boolean(text, &value->integer);
    case KEDGE_LWM2M_OPAQUE:
        return read_opaque(text, scratch, &value->bytes);
    case KEDGE_LWM2M_FLOAT:
        return kedge_lwm2m_float_read(text, &value->number);
    case KEDGE_LWM2M_OBJECT_LINK:
        return kedge_lwm2m_link_read(text, &value->link);
    case KEDGE_LWM2M_NOTHING:
        break;
    }
    return KEDGE_E_ARGUMENT;
}

enum kedge_rc kedge_lwm2m_integer_write(int64_t number, struct kedge_writer *out)
{
    if (number >= 0)
        return kedge_writer_decimal(out, (uint64_t)number);
    struct kedge_writer at = *out;
    KEDGE_TRY(kedge_writer_u8(&at, '-'));
    KEDGE_TRY(kedge_writer_decimal(&at, (uint64_t)(-1 - number) + 1));
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_link_write(const struct kedge_lwm2m_object_link *link,
                                     struct kedge_writer *out)
{
    struct kedge_writer at = *out;
    KEDGE_TRY(kedge_writer_decimal(&at, link->object));
    KEDGE_TRY(kedge_writer_u8(&at, ':'));
    KEDGE_TRY(kedge_writer_decimal(&at, link->instance));
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_text_write(const struct kedge_lwm2m_value *value,
                                     struct kedge_writer *out)
{
    switch (value->type) {
    case KEDGE_LWM2M_STRING:
        return kedge_writer_put(out, value->bytes);
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        return kedge_lwm2m_integer_write(value->integer, out);
    case KEDGE_LWM2M_UNSIGNED:
        return kedge_writer_decimal(out, value->unsigned_integer);
    case KEDGE_LWM2M_BOOLEAN:
        return kedge_writer_u8(out, value->integer != 0 ? '1' : '0');
    case KEDGE_LWM2M_OPAQUE:
        return kedge_base64_encode(value->bytes, out);
    case KEDGE_LWM2M_FLOAT:
        return kedge_lwm2m_float_write(value->number, out);
    case KEDGE_LWM2M_OBJECT_LINK:
        return kedge_lwm2m_link_write(&value->link, out);
    case KEDGE_LWM2M_NOTHING:
        break;
    }
    return KEDGE_E_ARGUMENT;
}
