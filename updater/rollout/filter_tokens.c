/*
 * filter_tokens.c: words, texts and signs.
 */
#include "updater/rollout/filter_tokens.h"

#include <string.h>

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '_' || byte == '-' || byte == '+';
}

static size_t run_size(struct kedge_cursor cursor, bool (*kind)(uint8_t))
{
    size_t size = 0;
    uint8_t byte;
    while (kedge_cursor_u8(&cursor, &byte) == KEDGE_OK && kind(byte))
        size++;
    return size;
}

/* From behind the opening quote to behind the closing one. */
static enum kedge_rc take_text(struct kedge_cursor *cursor, uint8_t quote,
                               struct filter_token *token, const char **why)
{
    struct kedge_cursor begin = *cursor;
    uint8_t byte = 0;
    token->kind = FILTER_TEXT;
    *why = "this text in quotes does not end";
    do {
        KEDGE_TRY(kedge_cursor_u8(cursor, &byte));
        if (byte == '\\') {
            token->escaped = true;
            KEDGE_TRY(kedge_cursor_u8(cursor, &byte));
            if (byte == '"' || byte == '\'' || byte == '\\') {
                byte = 0;
                continue;
            }
            *why = "in quotes, a backslash stands before a quote or another backslash only";
            return KEDGE_E_MALFORMED;
        }
        if (byte < 0x20 || byte == 0x7F) {
            *why = "a control character cannot stand in a filter";
            return KEDGE_E_MALFORMED;
        }
    } while (byte != quote);
    return kedge_cursor_take(&begin, cursor->offset - 1 - begin.offset, &token->bytes);
}

/* The longest sign that there is at the cursor. */
static size_t sign_size(struct kedge_cursor cursor)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "&&", "||", "<",
                                        ">",  "(",  ")",  ",",  "=",  "!"};
    struct kedge_slice at;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        struct kedge_cursor copy = cursor;
        struct kedge_slice sign = kedge_slice_text(signs[i]);
        if (kedge_cursor_take(&copy, sign.size, &at) == KEDGE_OK && kedge_slice_equal(at, sign))
            return sign.size;
    }
    return 0;
}

enum kedge_rc filter_token_next(struct kedge_cursor *cursor, struct filter_token *token,
                                const char **why)
{
    KEDGE_TRY(kedge_cursor_skip(cursor, run_size(*cursor, is_space)));
    *token = (struct filter_token){.kind = FILTER_END, .offset = cursor->offset};
    if (kedge_cursor_left(cursor) == 0)
        return KEDGE_OK;
    if (kedge_cursor_accept(cursor, '"'))
        return take_text(cursor, '"', token, why);
    if (kedge_cursor_accept(cursor, '\''))
        return take_text(cursor, '\'', token, why);
    size_t size = run_size(*cursor, is_word);
    token->kind = size > 0 ? FILTER_WORD : FILTER_SIGN;
    if (size == 0)
        size = sign_size(*cursor);
    *why = "this character has no place in a filter";
    return size > 0 ? kedge_cursor_take(cursor, size, &token->bytes) : KEDGE_E_MALFORMED;
}

bool filter_token_is(const struct filter_token *token, enum filter_token_kind kind,
                     const char *text)
{
    return token->kind == kind && kedge_slice_equal(token->bytes, kedge_slice_text(text));
}

void filter_token_place(struct kedge_slice text, size_t offset, unsigned *line, unsigned *column)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    uint8_t byte;
    *line = *column = 1;
    while (cursor.offset < offset && kedge_cursor_u8(&cursor, &byte) == KEDGE_OK) {
        if (byte == '\n') {
            ++*line;
            *column = 1;
        } else if ((byte & 0xC0u) != 0x80u) { /* no byte that continues a character */
            ++*column;
        }
    }
}
