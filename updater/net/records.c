/* records.c: see records.h. */
#include "updater/net/records.h"

#include <string.h>

#define VERSION_MAJOR 0xFEu /* 1's complement of 1 */
#define CLIENT_HELLO 1u
#define EXTENSION_CLIENT_CERTIFICATE_TYPE 19u /* RFC 7250 section 7 */
#define CERTIFICATE_TYPE_X509 0u

enum kedge_rc dtls_record_next(struct kedge_cursor *cursor, struct dtls_record *record)
{
    uint8_t major, minor;
    uint16_t size;
    KEDGE_TRY(kedge_cursor_u8(cursor, &record->content));
    KEDGE_TRY(kedge_cursor_u8(cursor, &major));
    KEDGE_TRY(kedge_cursor_u8(cursor, &minor));
    KEDGE_TRY(kedge_cursor_u16(cursor, &record->epoch));
    KEDGE_TRY(kedge_cursor_skip(cursor, 6)); /* the sequence number */
    KEDGE_TRY(kedge_cursor_u16(cursor, &size));
    if (major != VERSION_MAJOR)
        return KEDGE_E_UNSUPPORTED;
    return kedge_cursor_take(cursor, size, &record->fragment);
}

/* A vector behind its length of one or two bytes (RFC 5246 section 4.3). */
static enum kedge_rc take_vector8(struct kedge_cursor *cursor, struct kedge_slice *out)
{
    uint8_t size;
    KEDGE_TRY(kedge_cursor_u8(cursor, &size));
    return kedge_cursor_take(cursor, size, out);
}

static enum kedge_rc take_vector16(struct kedge_cursor *cursor, struct kedge_slice *out)
{
    uint16_t size;
    KEDGE_TRY(kedge_cursor_u16(cursor, &size));
    return kedge_cursor_take(cursor, size, out);
}

static enum kedge_rc take_u24(struct kedge_cursor *cursor, uint32_t *out)
{
    uint8_t high;
    uint16_t low;
    KEDGE_TRY(kedge_cursor_u8(cursor, &high));
    KEDGE_TRY(kedge_cursor_u16(cursor, &low));
    *out = (uint32_t)high << 16 | low;
    return KEDGE_OK;
}

static enum kedge_rc read_extensions(struct kedge_slice bytes, struct dtls_hello *hello)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    while (kedge_cursor_left(&cursor) > 0) {
        uint16_t type;
        struct kedge_slice body, types;
        KEDGE_TRY(kedge_cursor_u16(&cursor, &type));
        KEDGE_TRY(take_vector16(&cursor, &body));
        if (type != EXTENSION_CLIENT_CERTIFICATE_TYPE)
            continue;
        struct kedge_cursor inner = kedge_cursor(body);
        KEDGE_TRY(take_vector8(&inner, &types));
        hello->raw_keys_only =
            types.size > 0 && memchr(types.data, CERTIFICATE_TYPE_X509, types.size) == NULL;
    }
    return KEDGE_OK;
}

static enum kedge_rc read_hello(struct kedge_slice bytes, struct dtls_hello *hello)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    struct kedge_slice session, cookie, suites, compressions, extensions;
    KEDGE_TRY(kedge_cursor_skip(&cursor, 2)); /* the version: GnuTLS judges it */
    KEDGE_TRY(kedge_cursor_take(&cursor, DTLS_RANDOM_SIZE, &hello->random));
    KEDGE_TRY(take_vector8(&cursor, &session));
    KEDGE_TRY(take_vector8(&cursor, &cookie));
    KEDGE_TRY(take_vector16(&cursor, &suites));
    KEDGE_TRY(take_vector8(&cursor, &compressions));
    hello->has_cookie = cookie.size > 0;
    if (kedge_cursor_left(&cursor) == 0)
        return KEDGE_OK;
    KEDGE_TRY(take_vector16(&cursor, &extensions));
    return read_extensions(extensions, hello);
}

enum kedge_rc dtls_hello_parse(struct kedge_slice datagram, struct dtls_hello *hello)
{
    struct kedge_cursor records = kedge_cursor(datagram);
    struct dtls_record record;
    uint8_t type;
    uint32_t size, offset, fragment_size;
    *hello = (struct dtls_hello){.has_cookie = false};
    if (dtls_record_next(&records, &record) != KEDGE_OK || record.content != DTLS_HANDSHAKE ||
        record.epoch != 0)
        return KEDGE_E_NOT_FOUND;
    struct kedge_cursor cursor = kedge_cursor(record.fragment);
    if (kedge_cursor_u8(&cursor, &type) != KEDGE_OK || type != CLIENT_HELLO)
        return KEDGE_E_NOT_FOUND;
    KEDGE_TRY(take_u24(&cursor, &size));
    KEDGE_TRY(kedge_cursor_skip(&cursor, 2)); /* the message's sequence number */
    KEDGE_TRY(take_u24(&cursor, &offset));
    KEDGE_TRY(take_u24(&cursor, &fragment_size));
    /* Its cookie must be checked without remembering anything, so it cannot be in pieces. */
    if (offset != 0 || fragment_size != size || size != kedge_cursor_left(&cursor))
        return KEDGE_E_UNSUPPORTED;
    struct kedge_slice body;
    KEDGE_TRY(kedge_cursor_take(&cursor, size, &body));
    return read_hello(body, hello);
}
