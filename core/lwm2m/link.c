/* link.c: link format (RFC 6690 section 2), of which LwM2M uses lists of paths with attributes. */
#include <kedge/lwm2m.h>

#include <string.h>

/* Moves past the bytes that `belongs` takes and views them; there must be one at least. */
static enum kedge_rc take_run(struct kedge_cursor *cursor, bool (*belongs)(uint8_t byte),
                              struct kedge_slice *run)
{
    size_t start = cursor->offset;
    while (kedge_cursor_left(cursor) > 0 && belongs(cursor->bytes.data[cursor->offset]))
        cursor->offset++;
    if (cursor->offset == start)
        return kedge_cursor_left(cursor) > 0 ? KEDGE_E_MALFORMED : KEDGE_E_TRUNCATED;
    *run = kedge_slice(cursor->bytes.data + start, cursor->offset - start);
    return KEDGE_OK;
}

static bool is_visible(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7F;
}

static bool in_target(uint8_t byte)
{
    return is_visible(byte) && byte != '<' && byte != '>' && byte != '"' && byte != '\\';
}

/* RFC 6690's parmname with the asterisk of ext-name-star. */
static bool in_name(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || (byte != '\0' && strchr("!#$&+-.^_`|~*", byte) != NULL);
}

static bool in_token(uint8_t byte)
{
    return is_visible(byte) && byte != '"' && byte != ',' && byte != ';' && byte != '\\';
}

/* What stands between the quotes; the opening one has been read. */
static enum kedge_rc take_quoted(struct kedge_cursor *cursor, struct kedge_slice *value)
{
    size_t start = cursor->offset;
    uint8_t byte = 0;
    while (!kedge_cursor_accept(cursor, '"')) {
        bool escaped = kedge_cursor_accept(cursor, '\\');
        KEDGE_TRY(kedge_cursor_u8(cursor, &byte));
        if (byte < 0x20 || byte == 0x7F || (escaped && byte >= 0x80))
            return KEDGE_E_MALFORMED;
    }
    *value = kedge_slice(cursor->bytes.data + start, cursor->offset - start - 1);
    return kedge_utf8_valid(*value) ? KEDGE_OK : KEDGE_E_MALFORMED;
}

/* One attribute; the semicolon before it has been read. */
static enum kedge_rc take_attribute(struct kedge_cursor *cursor, struct kedge_slice *name,
                                    struct kedge_slice *value)
{
    KEDGE_TRY(take_run(cursor, in_name, name));
    *value = kedge_slice(name->data + name->size, 0);
    if (!kedge_cursor_accept(cursor, '='))
        return KEDGE_OK;
    if (kedge_cursor_accept(cursor, '"'))
        return take_quoted(cursor, value);
    return take_run(cursor, in_token, value);
}

static enum kedge_rc take_link(struct kedge_cursor *cursor, struct kedge_link *link)
{
    struct kedge_slice name;
    struct kedge_slice value;
    if (!kedge_cursor_accept(cursor, '<'))
        return kedge_cursor_left(cursor) > 0 ? KEDGE_E_MALFORMED : KEDGE_E_TRUNCATED;
    KEDGE_TRY(take_run(cursor, in_target, &link->target));
    if (!kedge_cursor_accept(cursor, '>'))
        return kedge_cursor_left(cursor) > 0 ? KEDGE_E_MALFORMED : KEDGE_E_TRUNCATED;
    size_t start = cursor->offset;
    while (kedge_cursor_accept(cursor, ';'))
        KEDGE_TRY(take_attribute(cursor, &name, &value));
    link->attributes = kedge_slice(cursor->bytes.data + start, cursor->offset - start);
    return KEDGE_OK;
}

enum kedge_rc kedge_link_next(struct kedge_cursor *cursor, struct kedge_link *link)
{
    if (kedge_cursor_left(cursor) == 0)
        return KEDGE_E_NOT_FOUND;
    struct kedge_cursor at = *cursor;
    struct kedge_link read;
    if (at.offset > 0) {
        if (!kedge_cursor_accept(&at, ','))
            return KEDGE_E_MALFORMED;
        while (kedge_cursor_accept(&at, ' ')) {
        }
    }
    KEDGE_TRY(take_link(&at, &read));
    if (kedge_cursor_left(&at) > 0 && at.bytes.data[at.offset] != ',')
        return KEDGE_E_MALFORMED;
    *link = read;
    *cursor = at;
    return KEDGE_OK;
}

bool kedge_link_attribute(const struct kedge_link *link, const char *name,
                          struct kedge_slice *value)
{
    struct kedge_cursor cursor = kedge_cursor(link->attributes);
    struct kedge_slice wanted = kedge_slice_text(name);
    struct kedge_slice read_name;
    struct kedge_slice read_value;
    while (kedge_cursor_accept(&cursor, ';') &&
           take_attribute(&cursor, &read_name, &read_value) == KEDGE_OK) {
        if (kedge_slice_equal(read_name, wanted)) {
            *value = read_value;
            return true;
        }
    }
    return false;
}

enum kedge_rc kedge_link_write(struct kedge_writer *out, const char *target, const char *attributes)
{
    struct kedge_writer at = *out;
    KEDGE_TRY(kedge_writer_put(&at, kedge_slice_text(at.size > 0 ? ",<" : "<")));
    KEDGE_TRY(kedge_writer_put(&at, kedge_slice_text(target)));
    KEDGE_TRY(kedge_writer_u8(&at, '>'));
    KEDGE_TRY(kedge_writer_put(&at, kedge_slice_text(attributes)));
    *out = at;
    return KEDGE_OK;
}
