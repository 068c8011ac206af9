/* cursor.c: the rest of the bounded reader. A failed read leaves the cursor where it was. */
#include <kedge/base.h>

enum kedge_rc kedge_cursor_skip(struct kedge_cursor *cursor, size_t size)
{
    struct kedge_slice skipped;
    return kedge_cursor_take(cursor, size, &skipped);
}

/* Reads `size` bytes as a big-endian number. */
static enum kedge_rc take_number(struct kedge_cursor *cursor, size_t size, uint64_t *out)
{
    struct kedge_slice bytes;
    KEDGE_TRY(kedge_cursor_take(cursor, size, &bytes));
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes.data[i];
    *out = value;
    return KEDGE_OK;
}

enum kedge_rc kedge_cursor_u16(struct kedge_cursor *cursor, uint16_t *out)
{
    uint64_t value;
    KEDGE_TRY(take_number(cursor, 2, &value));
    *out = (uint16_t)value;
    return KEDGE_OK;
}

enum kedge_rc kedge_cursor_u32(struct kedge_cursor *cursor, uint32_t *out)
{
    uint64_t value;
    KEDGE_TRY(take_number(cursor, 4, &value));
    *out = (uint32_t)value;
    return KEDGE_OK;
}

enum kedge_rc kedge_cursor_u64(struct kedge_cursor *cursor, uint64_t *out)
{
    return take_number(cursor, 8, out);
}

bool kedge_cursor_accept(struct kedge_cursor *cursor, uint8_t byte)
{
    if (kedge_cursor_left(cursor) == 0 || cursor->bytes.data[cursor->offset] != byte)
        return false;
    cursor->offset++;
    return true;
}
