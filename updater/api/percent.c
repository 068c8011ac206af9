/* percent.c: percent-encoding in paths and queries. */
#include "updater/api/internal.h"

/* The byte that stands behind a "%". No name holds a NUL. */
static bool take_escaped(struct kedge_cursor *cursor, uint8_t *byte)
{
    struct kedge_slice digits;
    return kedge_cursor_take(cursor, 2, &digits) == KEDGE_OK &&
           kedge_hex_decode(digits, byte, 1) == KEDGE_OK && *byte != 0;
}

bool percent_decode(struct kedge_slice text, char *out, size_t out_size)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    size_t used = 0;
    for (uint8_t byte; kedge_cursor_u8(&cursor, &byte) == KEDGE_OK;) {
        if (byte == '%' && !take_escaped(&cursor, &byte))
            return false;
        if (byte == 0 || used + 1 >= out_size)
            return false;
        out[used++] = (char)byte;
    }
    out[used] = '\0';
    return true;
}
