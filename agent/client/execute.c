/*
 * execute.c: see execute.h. The grammar is
 *
 *     arglist = arg *( "," arg )        arg = DIGIT [ "=" "'" *CHAR "'" ]
 *     CHAR    = "!" / %x23-26 / %x28-5B / %x5D-7E
 */
#include "agent/client/execute.h"

static bool is_character(uint8_t byte)
{
    return byte == '!' || (byte >= 0x23 && byte <= 0x7E && byte != '\'' && byte != '\\');
}

static enum kedge_rc take_value(struct kedge_cursor *cursor)
{
    if (!kedge_cursor_accept(cursor, '\''))
        return KEDGE_E_MALFORMED;
    uint8_t byte;
    do
        KEDGE_TRY(kedge_cursor_u8(cursor, &byte));
    while (is_character(byte));
    return byte == '\'' ? KEDGE_OK : KEDGE_E_MALFORMED;
}

static enum kedge_rc take_argument(struct kedge_cursor *cursor)
{
    uint8_t digit;
    KEDGE_TRY(kedge_cursor_u8(cursor, &digit));
    if (digit < '0' || digit > '9')
        return KEDGE_E_MALFORMED;
    return kedge_cursor_accept(cursor, '=') ? take_value(cursor) : KEDGE_OK;
}

enum kedge_rc kedge_execute_check(struct kedge_slice text)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    if (text.size == 0)
        return KEDGE_OK;
    do
        KEDGE_TRY(take_argument(&cursor));
    while (kedge_cursor_accept(&cursor, ','));
    return kedge_cursor_left(&cursor) == 0 ? KEDGE_OK : KEDGE_E_MALFORMED;
}
