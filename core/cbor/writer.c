/* writer.c: the canonical writer: every head in its shortest form, every length definite. */
#include <kedge/cbor.h>

#include <float.h>
#include <string.h>

/* Writes a head whole or not at all. */
static enum kedge_rc write_head(struct kedge_writer *out, uint8_t major, uint64_t value)
{
    struct kedge_writer undo = *out;
    uint8_t top = (uint8_t)(major << 5);
    if (value < 24)
        return kedge_writer_u8(out, (uint8_t)(top | value));
    enum kedge_rc rc;
    if (value <= UINT8_MAX) {
        rc = kedge_writer_u8(out, (uint8_t)(top | 24));
        rc = rc != KEDGE_OK ? rc : kedge_writer_u8(out, (uint8_t)value);
    } else if (value <= UINT16_MAX) {
        rc = kedge_writer_u8(out, (uint8_t)(top | 25));
        rc = rc != KEDGE_OK ? rc : kedge_writer_u16(out, (uint16_t)value);
    } else if (value <= UINT32_MAX) {
        rc = kedge_writer_u8(out, (uint8_t)(top | 26));
        rc = rc != KEDGE_OK ? rc : kedge_writer_u32(out, (uint32_t)value);
    } else {
        rc = kedge_writer_u8(out, (uint8_t)(top | 27));
        rc = rc != KEDGE_OK ? rc : kedge_writer_u64(out, value);
    }
    if (rc != KEDGE_OK)
        *out = undo;
    return rc;
}

static enum kedge_rc write_string(struct kedge_writer *out, uint8_t major, struct kedge_slice bytes)
{
    struct kedge_writer undo = *out;
    KEDGE_TRY(write_head(out, major, bytes.size));
    enum kedge_rc rc = kedge_writer_put(out, bytes);
    if (rc != KEDGE_OK)
        *out = undo;
    return rc;
}

enum kedge_rc kedge_cbor_write_uint(struct kedge_writer *out, uint64_t value)
{
    return write_head(out, KEDGE_CBOR_UINT, value);
}

enum kedge_rc kedge_cbor_write_int(struct kedge_writer *out, int64_t value)
{
    if (value >= 0)
        return write_head(out, KEDGE_CBOR_UINT, (uint64_t)value);
    return write_head(out, KEDGE_CBOR_NINT, (uint64_t)(-1 - value));
}

enum kedge_rc kedge_cbor_write_bool(struct kedge_writer *out, bool value)
{
    return write_head(out, 7, value ? 21 : 20);
}

enum kedge_rc kedge_cbor_write_float(struct kedge_writer *out, double number)
{
    struct kedge_writer at = *out;
    /* Converting what is beyond the range of float is not defined (C11 6.3.1.5). */
    bool in_range = number >= -(double)FLT_MAX && number <= (double)FLT_MAX;
    float single = in_range ? (float)number : 0;
    bool same = in_range && (double)single >= number && (double)single <= number;
    uint32_t narrow;
    uint64_t wide;
    memcpy(&narrow, &single, sizeof narrow);
    memcpy(&wide, &number, sizeof wide);
    KEDGE_TRY(kedge_writer_u8(&at, same ? 0xFA : 0xFB));
    KEDGE_TRY(same ? kedge_writer_u32(&at, narrow) : kedge_writer_u64(&at, wide));
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_write_null(struct kedge_writer *out)
{
    return write_head(out, 7, 22);
}

enum kedge_rc kedge_cbor_write_bstr(struct kedge_writer *out, struct kedge_slice bytes)
{
    return write_string(out, KEDGE_CBOR_BSTR, bytes);
}

enum kedge_rc kedge_cbor_write_tstr(struct kedge_writer *out, struct kedge_slice text)
{
    return write_string(out, KEDGE_CBOR_TSTR, text);
}

enum kedge_rc kedge_cbor_write_bstr_head(struct kedge_writer *out, uint64_t size)
{
    return write_head(out, KEDGE_CBOR_BSTR, size);
}

enum kedge_rc kedge_cbor_write_array(struct kedge_writer *out, uint64_t count)
{
    return write_head(out, KEDGE_CBOR_ARRAY, count);
}

enum kedge_rc kedge_cbor_write_map(struct kedge_writer *out, uint64_t pairs)
{
    return write_head(out, KEDGE_CBOR_MAP, pairs);
}

enum kedge_rc kedge_cbor_write_tag(struct kedge_writer *out, uint64_t number)
{
    return write_head(out, KEDGE_CBOR_TAG, number);
}

enum kedge_rc kedge_cbor_write_item(struct kedge_writer *out, const struct kedge_cbor_item *item)
{
    switch (item->type) {
    case KEDGE_CBOR_BSTR:
    case KEDGE_CBOR_TSTR:
        return write_string(out, (uint8_t)item->type, item->bytes);
    case KEDGE_CBOR_FALSE:
    case KEDGE_CBOR_TRUE:
        return kedge_cbor_write_bool(out, item->type == KEDGE_CBOR_TRUE);
    case KEDGE_CBOR_NULL:
        return kedge_cbor_write_null(out);
    case KEDGE_CBOR_FLOAT:
        return kedge_cbor_write_float(out, item->number);
    case KEDGE_CBOR_BREAK:
        return KEDGE_E_ARGUMENT; /* nothing of indefinite length is written */
    default:
        return write_head(out, (uint8_t)item->type, item->value);
    }
}
