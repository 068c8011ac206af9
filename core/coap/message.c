/*
 * message.c: taking a datagram apart (RFC 7252 section 3). All of it is checked at once, so that
 * walking the options afterwards cannot fail.
 */
#include <kedge/coap.h>
#include <string.h>

#define VERSION 1u
#define PAYLOAD_MARKER 0xFFu

/* RFC 7252 section 3.1: 13 and 14 announce one and two more bytes; 15 is reserved. */
static enum kedge_rc extended(struct kedge_cursor *cursor, uint8_t nibble, uint32_t *value)
{
    uint8_t u8;
    uint16_t u16;
    switch (nibble) {
    case 13:
        KEDGE_TRY(kedge_cursor_u8(cursor, &u8));
        *value = 13u + u8;
        return KEDGE_OK;
    case 14:
        KEDGE_TRY(kedge_cursor_u16(cursor, &u16));
        *value = 269u + u16;
        return KEDGE_OK;
    case 15:
        return KEDGE_E_MALFORMED;
    default:
        *value = nibble;
        return KEDGE_OK;
    }
}

/* Reads one option; KEDGE_E_NOT_FOUND at the payload marker or the end. */
static enum kedge_rc next_option(struct kedge_cursor *cursor, uint32_t *number,
                                 struct kedge_slice *value)
{
    if (kedge_cursor_left(cursor) == 0 || cursor->bytes.data[cursor->offset] == PAYLOAD_MARKER)
        return KEDGE_E_NOT_FOUND;
    uint8_t head;
    uint32_t delta;
    uint32_t length;
    KEDGE_TRY(kedge_cursor_u8(cursor, &head));
    KEDGE_TRY(extended(cursor, head >> 4, &delta));
    KEDGE_TRY(extended(cursor, head & 0x0F, &length));
    KEDGE_TRY(kedge_cursor_take(cursor, length, value));
    *number += delta;
    return *number > UINT16_MAX ? KEDGE_E_MALFORMED : KEDGE_OK;
}

static enum kedge_rc check_options(struct kedge_cursor *cursor)
{
    uint32_t number = 0;
    size_t count = 0;
    struct kedge_slice value;
    enum kedge_rc rc;
    while ((rc = next_option(cursor, &number, &value)) == KEDGE_OK)
        if (++count > KEDGE_COAP_OPTIONS_MAX)
            return KEDGE_E_LIMIT;
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

static enum kedge_rc read_token(struct kedge_cursor *cursor, uint8_t size,
                                struct kedge_coap_message *out)
{
    struct kedge_slice token;
    if (size > KEDGE_COAP_TOKEN_MAX)
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(kedge_cursor_take(cursor, size, &token));
    if (token.size > 0)
        memcpy(out->token, token.data, token.size);
    out->token_size = token.size;
    return KEDGE_OK;
}

enum kedge_rc kedge_coap_parse(struct kedge_slice datagram, struct kedge_coap_message *out)
{
    struct kedge_cursor cursor = kedge_cursor(datagram);
    uint8_t head;
    *out = (struct kedge_coap_message){0};
    KEDGE_TRY(kedge_cursor_u8(&cursor, &head));
    KEDGE_TRY(kedge_cursor_u8(&cursor, &out->code));
    KEDGE_TRY(kedge_cursor_u16(&cursor, &out->message_id));
    if (head >> 6 != VERSION)
        return KEDGE_E_UNSUPPORTED;
    out->type = (enum kedge_coap_type)(head >> 4 & 0x03);
    KEDGE_TRY(read_token(&cursor, head & 0x0F, out));
    size_t start = cursor.offset;
    KEDGE_TRY(check_options(&cursor));
    if (cursor.offset > start)
        out->options = kedge_slice(datagram.data + start, cursor.offset - start);
    if (kedge_cursor_left(&cursor) > 0) {
        KEDGE_TRY(kedge_cursor_skip(&cursor, 1));
        /* Section 3: a marker with nothing behind it is a format error. */
        if (kedge_cursor_left(&cursor) == 0)
            return KEDGE_E_MALFORMED;
        KEDGE_TRY(kedge_cursor_take(&cursor, kedge_cursor_left(&cursor), &out->payload));
    }
    /* Section 4.1: an empty message has nothing behind its message id. */
    if (out->code == KEDGE_COAP_EMPTY && datagram.size != 4)
        return KEDGE_E_MALFORMED;
    return KEDGE_OK;
}

struct kedge_coap_options kedge_coap_options(const struct kedge_coap_message *message)
{
    return (struct kedge_coap_options){.cursor = kedge_cursor(message->options)};
}

bool kedge_coap_option_next(struct kedge_coap_options *walk, struct kedge_coap_option *option)
{
    uint32_t number = walk->number;
    if (next_option(&walk->cursor, &number, &option->value) != KEDGE_OK)
        return false;
    walk->number = (uint16_t)number;
    option->number = walk->number;
    return true;
}

void kedge_coap_code_text(uint8_t code, char text[5])
{
    uint8_t detail = code & 0x1F;
    text[0] = (char)('0' + (code >> 5));
    text[1] = '.';
    text[2] = (char)('0' + detail / 10);
    text[3] = (char)('0' + detail % 10);
    text[4] = '\0';
}
