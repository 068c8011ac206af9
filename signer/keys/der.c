/* der.c: see der.h. */
#include "signer/keys/der.h"

/* X.690 section 10.1: the shortest form is the only one. */
static enum kedge_rc take_length(struct kedge_cursor *cursor, size_t *length)
{
    uint8_t first;
    KEDGE_TRY(kedge_cursor_u8(cursor, &first));
    if (first < 0x80) {
        *length = first;
        return KEDGE_OK;
    }
    if (first == 0x81) {
        uint8_t byte;
        KEDGE_TRY(kedge_cursor_u8(cursor, &byte));
        *length = byte;
        return byte >= 0x80 ? KEDGE_OK : KEDGE_E_MALFORMED;
    }
    if (first == 0x82) {
        uint16_t word;
        KEDGE_TRY(kedge_cursor_u16(cursor, &word));
        *length = word;
        return word > 0xFF ? KEDGE_OK : KEDGE_E_MALFORMED;
    }
    return KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_der_take(struct kedge_cursor *cursor, uint8_t tag, struct kedge_slice *content)
{
    struct kedge_cursor at = *cursor;
    uint8_t actual;
    size_t length;
    KEDGE_TRY(kedge_cursor_u8(&at, &actual));
    if (actual != tag)
        return KEDGE_E_TYPE;
    KEDGE_TRY(take_length(&at, &length));
    KEDGE_TRY(kedge_cursor_take(&at, length, content));
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_der_enter(struct kedge_cursor *cursor, uint8_t tag,
                              struct kedge_cursor *content)
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_der_take(cursor, tag, &bytes));
    *content = kedge_cursor(bytes);
    return KEDGE_OK;
}

bool kedge_der_next_is(const struct kedge_cursor *cursor, uint8_t tag)
{
    struct kedge_cursor at = *cursor;
    uint8_t actual;
    return kedge_cursor_u8(&at, &actual) == KEDGE_OK && actual == tag;
}

enum kedge_rc kedge_der_uint(struct kedge_cursor *cursor, uint32_t *value)
{
    struct kedge_cursor digits;
    KEDGE_TRY(kedge_der_enter(cursor, KEDGE_DER_INTEGER, &digits));
    uint8_t byte;
    uint64_t number = 0;
    if (digits.bytes.size == 0)
        return KEDGE_E_MALFORMED;
    if (digits.bytes.size > 5)
        return KEDGE_E_LIMIT;
    for (size_t i = 0; i < digits.bytes.size; i++) {
        KEDGE_TRY(kedge_cursor_u8(&digits, &byte));
        if (i == 0 && byte >= 0x80)
            return KEDGE_E_LIMIT; /* negative */
        number = number << 8 | byte;
    }
    if (number > UINT32_MAX)
        return KEDGE_E_LIMIT;
    *value = (uint32_t)number;
    return KEDGE_OK;
}

enum kedge_rc kedge_der_end(const struct kedge_cursor *cursor)
{
    return kedge_cursor_left(cursor) == 0 ? KEDGE_OK : KEDGE_E_TRAILING;
}

enum kedge_rc kedge_der_put(struct kedge_writer *out, uint8_t tag, struct kedge_slice content)
{
    KEDGE_TRY(kedge_writer_u8(out, tag));
    if (content.size > UINT16_MAX)
        return KEDGE_E_LIMIT;
    if (content.size > 0xFF) {
        KEDGE_TRY(kedge_writer_u8(out, 0x82));
        KEDGE_TRY(kedge_writer_u16(out, (uint16_t)content.size));
    } else {
        if (content.size >= 0x80)
            KEDGE_TRY(kedge_writer_u8(out, 0x81));
        KEDGE_TRY(kedge_writer_u8(out, (uint8_t)content.size));
    }
    return kedge_writer_put(out, content);
}

enum kedge_rc kedge_der_put_uint(struct kedge_writer *out, uint32_t value)
{
    /* A leading zero keeps the sign; then the shortest form that still does. */
    const uint8_t bytes[5] = {0, (uint8_t)(value >> 24), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 8), (uint8_t)value};
    size_t skip = 0;
    while (skip < 4 && bytes[skip] == 0 && bytes[skip + 1] < 0x80)
        skip++;
    return kedge_der_put(out, KEDGE_DER_INTEGER, kedge_slice(bytes + skip, sizeof bytes - skip));
}
