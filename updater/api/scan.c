/* scan.c: blanks and words. */
#include "updater/api/scan.h"

#include <string.h>

void scan_blanks(struct kedge_cursor *cursor)
{
    while (kedge_cursor_accept(cursor, ' ') || kedge_cursor_accept(cursor, '\t'))
        continue;
}

struct kedge_slice scan_until(struct kedge_cursor *cursor, const char *ends)
{
    struct kedge_cursor look = *cursor;
    struct kedge_slice word = kedge_slice(NULL, 0);
    size_t size = 0;
    uint8_t byte;
    while (kedge_cursor_u8(&look, &byte) == KEDGE_OK && memchr(ends, byte, strlen(ends)) == NULL)
        size++;
    /* So many were there. */
    return kedge_cursor_take(cursor, size, &word) == KEDGE_OK ? word : kedge_slice(NULL, 0);
}
