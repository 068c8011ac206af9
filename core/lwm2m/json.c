/* json.c: JSON (RFC 8259) piece by piece, in place. */
#include "core/lwm2m/json.h"

#include <string.h>

static void skip_space(struct kedge_cursor *cursor)
{
    while (kedge_cursor_accept(cursor, ' ') || kedge_cursor_accept(cursor, '\t') ||
           kedge_cursor_accept(cursor, '\n') || kedge_cursor_accept(cursor, '\r')) {
    }
}

/* What it means that something else stands here, or nothing. */
static enum kedge_rc missing(const struct kedge_cursor *cursor)
{
    return kedge_cursor_left(cursor) > 0 ? KEDGE_E_MALFORMED : KEDGE_E_TRUNCATED;
}

bool json_accept(struct kedge_cursor *cursor, uint8_t byte)
{
    skip_space(cursor);
    return kedge_cursor_accept(cursor, byte);
}

enum kedge_rc json_expect(struct kedge_cursor *cursor, uint8_t byte)
{
    return json_accept(cursor, byte) ? KEDGE_OK : missing(cursor);
}

enum kedge_rc json_end(struct kedge_cursor *cursor)
{
    skip_space(cursor);
    return kedge_cursor_left(cursor) == 0 ? KEDGE_OK : KEDGE_E_TRAILING;
}

/* ---- strings ---- */

enum kedge_rc json_read_string(struct kedge_cursor *cursor, struct json_string *string)
{
    KEDGE_TRY(json_expect(cursor, '"'));
    size_t start = cursor->offset;
    string->escaped = false;
    while (!kedge_cursor_accept(cursor, '"')) {
        uint8_t byte;
        KEDGE_TRY(kedge_cursor_u8(cursor, &byte));
        if (byte < 0x20)
            return KEDGE_E_MALFORMED;
        if (byte != '\\')
            continue;
        string->escaped = true;
        KEDGE_TRY(kedge_cursor_u8(cursor, &byte)); /* json_unescape() looks what it is */
    }
    string->raw = kedge_slice(cursor->bytes.data + start, cursor->offset - start - 1);
    return kedge_utf8_valid(string->raw) ? KEDGE_OK : KEDGE_E_MALFORMED;
}

static enum kedge_rc read_unit(struct kedge_cursor *cursor, uint32_t *unit)
{
    struct kedge_slice digits;
    uint8_t bytes[2];
    KEDGE_TRY(kedge_cursor_take(cursor, 4, &digits));
    KEDGE_TRY(kedge_hex_decode(digits, bytes, sizeof bytes));
    *unit = (uint32_t)bytes[0] << 8 | bytes[1];
    return KEDGE_OK;
}

/* Section 7: what is beyond 16 bits takes two escapes, a high surrogate and a low one. */
static enum kedge_rc read_code_point(struct kedge_cursor *cursor, uint32_t *point)
{
    uint32_t low;
    KEDGE_TRY(read_unit(cursor, point));
    if (*point < 0xD800 || *point > 0xDFFF)
        return KEDGE_OK;
    if (*point > 0xDBFF || !kedge_cursor_accept(cursor, '\\') || !kedge_cursor_accept(cursor, 'u'))
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(read_unit(cursor, &low));
    if (low < 0xDC00 || low > 0xDFFF)
        return KEDGE_E_MALFORMED;
    *point = 0x10000 + ((*point - 0xD800) << 10) + (low - 0xDC00);
    return KEDGE_OK;
}

static enum kedge_rc put_utf8(struct kedge_writer *out, uint32_t point)
{
    uint8_t bytes[4];
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size; i-- > 0; point >>= 6)
        bytes[i] = (uint8_t)(i == 0 ? heads[size] | point : 0x80u | (point & 0x3Fu));
    return kedge_writer_put(out, kedge_slice(bytes, size));
}

static enum kedge_rc put_escaped(struct kedge_cursor *cursor, struct kedge_writer *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    uint8_t name;
    uint32_t point;
    KEDGE_TRY(kedge_cursor_u8(cursor, &name));
    if (name == 'u') {
        KEDGE_TRY(read_code_point(cursor, &point));
        return put_utf8(out, point);
    }
    const char *found = name != '\0' ? strchr(names, name) : NULL;
    if (found == NULL)
        return KEDGE_E_MALFORMED;
    return kedge_writer_u8(out, (uint8_t)meanings[found - names]);
}

enum kedge_rc json_unescape(const struct json_string *string, struct kedge_writer *out,
                            struct kedge_slice *text)
{
    *text = string->raw;
    if (!string->escaped)
        return KEDGE_OK;
    if (out == NULL)
        return KEDGE_E_BUFFER;
    struct kedge_writer at = *out;
    struct kedge_cursor cursor = kedge_cursor(string->raw);
    uint8_t byte;
    while (kedge_cursor_left(&cursor) > 0) {
        KEDGE_TRY(kedge_cursor_u8(&cursor, &byte));
        KEDGE_TRY(byte == '\\' ? put_escaped(&cursor, &at) : kedge_writer_u8(&at, byte));
    }
    *text = kedge_slice(out->data + out->size, at.size - out->size);
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc json_write_string(struct kedge_writer *out, struct kedge_slice text)
{
    static const char hex[] = "0123456789abcdef";
    struct kedge_writer at = *out;
    KEDGE_TRY(kedge_writer_u8(&at, '"'));
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        const char control[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        if (byte < 0x20)
            KEDGE_TRY(kedge_writer_put(&at, kedge_slice(control, sizeof control)));
        else if (byte == '"' || byte == '\\')
            KEDGE_TRY(kedge_writer_u8(&at, '\\'));
        if (byte >= 0x20)
            KEDGE_TRY(kedge_writer_u8(&at, byte));
    }
    KEDGE_TRY(kedge_writer_u8(&at, '"'));
    *out = at;
    return KEDGE_OK;
}

/* ---- numbers and words ---- */

static size_t take_digits(struct kedge_cursor *cursor)
{
    size_t start = cursor->offset;
    while (kedge_cursor_left(cursor) > 0 && cursor->bytes.data[cursor->offset] >= '0' &&
           cursor->bytes.data[cursor->offset] <= '9')
        cursor->offset++;
    return cursor->offset - start;
}

enum kedge_rc json_read_number(struct kedge_cursor *cursor, struct kedge_slice *number)
{
    skip_space(cursor);
    size_t start = cursor->offset;
    (void)kedge_cursor_accept(cursor, '-');
    if (!kedge_cursor_accept(cursor, '0') && take_digits(cursor) == 0)
        return missing(cursor);
    if (kedge_cursor_accept(cursor, '.') && take_digits(cursor) == 0)
        return missing(cursor);
    if (kedge_cursor_accept(cursor, 'e') || kedge_cursor_accept(cursor, 'E')) {
        if (!kedge_cursor_accept(cursor, '-'))
            (void)kedge_cursor_accept(cursor, '+');
        if (take_digits(cursor) == 0)
            return missing(cursor);
    }
    *number = kedge_slice(cursor->bytes.data + start, cursor->offset - start);
    return KEDGE_OK;
}

static bool accept_word(struct kedge_cursor *cursor, const char *word)
{
    struct kedge_cursor at = *cursor;
    struct kedge_slice wanted = kedge_slice_text(word), found;
    skip_space(&at);
    if (kedge_cursor_take(&at, wanted.size, &found) != KEDGE_OK ||
        !kedge_slice_equal(found, wanted))
        return false;
    *cursor = at;
    return true;
}

enum kedge_rc json_read_boolean(struct kedge_cursor *cursor, bool *boolean)
{
    *boolean = accept_word(cursor, "true");
    return *boolean || accept_word(cursor, "false") ? KEDGE_OK : missing(cursor);
}

enum kedge_rc json_read_null(struct kedge_cursor *cursor)
{
    return accept_word(cursor, "null") ? KEDGE_OK : missing(cursor);
}

/* ---- any value ---- */

static enum kedge_rc skip_members(struct kedge_cursor *cursor, bool named, uint8_t closing,
                                  unsigned depth_left)
{
    struct json_string name;
    if (json_accept(cursor, closing))
        return KEDGE_OK;
    do {
        if (named) {
            KEDGE_TRY(json_read_string(cursor, &name));
            KEDGE_TRY(json_expect(cursor, ':'));
        }
        KEDGE_TRY(json_skip(cursor, depth_left));
    } while (json_accept(cursor, ','));
    return json_expect(cursor, closing);
}

/* Recurses so deep at most as its caller says. */
enum kedge_rc json_skip(struct kedge_cursor *cursor, unsigned depth_left)
{
    struct json_string string;
    struct kedge_slice number;
    skip_space(cursor);
    uint8_t next = kedge_cursor_left(cursor) > 0 ? cursor->bytes.data[cursor->offset] : 0;
    if (next == '"')
        return json_read_string(cursor, &string);
    if (next == '{' || next == '[') {
        if (depth_left == 0)
            return KEDGE_E_LIMIT;
        cursor->offset++;
        return skip_members(cursor, next == '{', next == '{' ? '}' : ']', depth_left - 1);
    }
    if (accept_word(cursor, "true") || accept_word(cursor, "false") || accept_word(cursor, "null"))
        return KEDGE_OK;
    return json_read_number(cursor, &number);
}
