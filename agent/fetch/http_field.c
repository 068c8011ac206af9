/* http_field.c: see http_field.h. */
#include "agent/fetch/http_field.h"

#include <strings.h>

#define UNIT "bytes"

/* Section 14.1: the names of units may be written in any case. */
static enum kedge_rc take_unit(struct kedge_cursor *cursor)
{
    struct kedge_slice unit;
    KEDGE_TRY(kedge_cursor_take(cursor, sizeof UNIT - 1, &unit));
    if (strncasecmp((const char *)unit.data, UNIT, unit.size) != 0 ||
        !kedge_cursor_accept(cursor, ' '))
        return KEDGE_E_UNSUPPORTED;
    return KEDGE_OK;
}

/* first "-" last */
static enum kedge_rc take_interval(struct kedge_cursor *cursor, struct kedge_content_range *range)
{
    range->satisfied = true;
    KEDGE_TRY(kedge_cursor_decimal(cursor, INT64_MAX, &range->first));
    if (!kedge_cursor_accept(cursor, '-'))
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cursor_decimal(cursor, INT64_MAX, &range->last));
    return range->first <= range->last ? KEDGE_OK : KEDGE_E_LIMIT;
}

/* A number, or "*" where it is not known; without an interval it must be. */
static enum kedge_rc take_total(struct kedge_cursor *cursor, struct kedge_content_range *range)
{
    if (range->satisfied && kedge_cursor_accept(cursor, '*'))
        return KEDGE_OK;
    range->has_total = true;
    KEDGE_TRY(kedge_cursor_decimal(cursor, INT64_MAX, &range->total));
    return !range->satisfied || range->last < range->total ? KEDGE_OK : KEDGE_E_LIMIT;
}

enum kedge_rc kedge_http_content_range(struct kedge_slice field, struct kedge_content_range *range)
{
    struct kedge_cursor cursor = kedge_cursor(field);
    *range = (struct kedge_content_range){.satisfied = false};
    if (take_unit(&cursor) != KEDGE_OK)
        return KEDGE_E_UNSUPPORTED;
    if (!kedge_cursor_accept(&cursor, '*'))
        KEDGE_TRY(take_interval(&cursor, range));
    if (!kedge_cursor_accept(&cursor, '/'))
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(take_total(&cursor, range));
    return kedge_cursor_left(&cursor) == 0 ? KEDGE_OK : KEDGE_E_MALFORMED;
}

bool kedge_http_etag_is_strong(struct kedge_slice field)
{
    if (field.size < 2 || field.data[0] != '"' || field.data[field.size - 1] != '"')
        return false;
    for (size_t i = 1; i < field.size - 1; i++) {
        uint8_t c = field.data[i];
        if (c < 0x21 || c == '"' || c == 0x7F)
            return false;
    }
    return true;
}
