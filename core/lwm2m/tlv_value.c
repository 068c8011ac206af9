/* tlv_value.c: typed values in TLV (OMA LwM2M Core 1.1 appendix C). */
#include "core/lwm2m/values.h"

#include <string.h>

/* The bytes as a big-endian number; integers come in 1, 2, 4 or 8 of them. */
static enum kedge_rc read_unsigned(struct kedge_slice bytes, uint64_t *number)
{
    if (bytes.size != 1 && bytes.size != 2 && bytes.size != 4 && bytes.size != 8)
        return KEDGE_E_MALFORMED;
    uint64_t read = 0;
    for (size_t i = 0; i < bytes.size; i++)
        read = read << 8 | bytes.data[i];
    *number = read;
    return KEDGE_OK;
}

static enum kedge_rc read_integer(struct kedge_slice bytes, int64_t *number)
{
    uint64_t bits;
    KEDGE_TRY(read_unsigned(bytes, &bits));
    uint64_t sign = (uint64_t)1 << (8 * bytes.size - 1);
    /* Two's complement: the sign bit counts negative. */
    *number = (bits & sign) == 0 ? (int64_t)bits : -1 - (int64_t)((sign - 1) & ~bits);
    return KEDGE_OK;
}

static enum kedge_rc read_float(struct kedge_slice bytes, double *number)
{
    uint64_t bits;
    if (bytes.size != 4 && bytes.size != 8)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(read_unsigned(bytes, &bits));
    if (bytes.size == 8) {
        memcpy(number, &bits, sizeof *number);
    } else {
        uint32_t narrow = (uint32_t)bits;
        float single;
        memcpy(&single, &narrow, sizeof single);
        *number = (double)single;
    }
    return kedge_lwm2m_float_finite(*number) ? KEDGE_OK : KEDGE_E_LIMIT;
}

static enum kedge_rc read_link(struct kedge_slice bytes, struct kedge_lwm2m_object_link *link)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    if (bytes.size != 4)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cursor_u16(&cursor, &link->object));
    return kedge_cursor_u16(&cursor, &link->instance);
}

enum kedge_rc kedge_tlv_value(struct kedge_slice bytes, enum kedge_lwm2m_type type,
                              struct kedge_lwm2m_value *value)
{
    *value = (struct kedge_lwm2m_value){.type = type};
    switch (type) {
    case KEDGE_LWM2M_STRING:
        value->bytes = bytes;
        return kedge_lwm2m_string_check(bytes);
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        return read_integer(bytes, &value->integer);
    case KEDGE_LWM2M_UNSIGNED:
        return read_unsigned(bytes, &value->unsigned_integer);
    case KEDGE_LWM2M_BOOLEAN:
        if (bytes.size != 1 || bytes.data[0] > 1)
            return KEDGE_E_MALFORMED;
        value->integer = bytes.data[0];
        return KEDGE_OK;
    case KEDGE_LWM2M_OPAQUE:
        value->bytes = bytes;
        return KEDGE_OK;
    case KEDGE_LWM2M_FLOAT:
        return read_float(bytes, &value->number);
    case KEDGE_LWM2M_OBJECT_LINK:
        return read_link(bytes, &value->link);
    case KEDGE_LWM2M_NOTHING:
        break;
    }
    return KEDGE_E_ARGUMENT;
}

static size_t integer_size(int64_t number)
{
    if (number >= INT8_MIN && number <= INT8_MAX)
        return 1;
    if (number >= INT16_MIN && number <= INT16_MAX)
        return 2;
    return number >= INT32_MIN && number <= INT32_MAX ? 4 : 8;
}

static size_t unsigned_size(uint64_t number)
{
    return number <= UINT8_MAX ? 1 : number <= UINT16_MAX ? 2 : number <= UINT32_MAX ? 4 : 8;
}

static enum kedge_rc write_number(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                                  uint64_t bits, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(bits >> (8 * (size - 1 - i)));
    return kedge_tlv_write(out, kind, id, kedge_slice(bytes, size));
}

static enum kedge_rc write_float(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                                 double number)
{
    uint64_t bits;
    if (!kedge_lwm2m_float_finite(number))
        return KEDGE_E_LIMIT;
    memcpy(&bits, &number, sizeof bits);
    return write_number(out, kind, id, bits, sizeof bits);
}

enum kedge_rc kedge_tlv_write_value(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                                    const struct kedge_lwm2m_value *value)
{
    switch (value->type) {
    case KEDGE_LWM2M_STRING:
    case KEDGE_LWM2M_OPAQUE:
        return kedge_tlv_write(out, kind, id, value->bytes);
    case KEDGE_LWM2M_INTEGER:
    case KEDGE_LWM2M_TIME:
        return write_number(out, kind, id, (uint64_t)value->integer, integer_size(value->integer));
    case KEDGE_LWM2M_UNSIGNED:
        return write_number(out, kind, id, value->unsigned_integer,
                            unsigned_size(value->unsigned_integer));
    case KEDGE_LWM2M_BOOLEAN:
        return write_number(out, kind, id, value->integer != 0, 1);
    case KEDGE_LWM2M_FLOAT:
        return write_float(out, kind, id, value->number);
    case KEDGE_LWM2M_OBJECT_LINK:
        return write_number(out, kind, id,
                            (uint64_t)value->link.object << 16 | value->link.instance, 4);
    case KEDGE_LWM2M_NOTHING:
        break;
    }
    return KEDGE_E_ARGUMENT;
}
