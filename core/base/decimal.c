/* decimal.c: natural numbers as people and text formats write them. */
#include <kedge/base.h>

enum kedge_rc kedge_cursor_decimal(struct kedge_cursor *cursor, uint64_t max, uint64_t *out)
{
    struct kedge_cursor at = *cursor;
    uint64_t number = 0;
    size_t digits = 0;
    bool leading_zero = false;
    while (kedge_cursor_left(&at) > 0) {
        uint8_t c = at.bytes.data[at.offset];
        if (c < '0' || c > '9')
            break;
        uint64_t digit = (uint64_t)(c - '0');
        leading_zero = leading_zero || (digits > 0 && number == 0);
        if (digit > max || number > (max - digit) / 10)
            return KEDGE_E_LIMIT;
        number = number * 10 + digit;
        at.offset++;
        digits++;
    }
    if (digits == 0 || leading_zero)
        return KEDGE_E_MALFORMED;
    *out = number;
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_writer_decimal(struct kedge_writer *writer, uint64_t number)
{
    uint8_t digits[20];
    size_t start = sizeof digits;
    do {
        digits[--start] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return kedge_writer_put(writer, kedge_slice(digits + start, sizeof digits - start));
}
