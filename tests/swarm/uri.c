/* uri.c: see uri.h. */
#include "tests/swarm/uri.h"

#define PORT_DEFAULT 5683u
#define LOOPBACK 127u

static enum kedge_rc read_scheme(struct kedge_cursor *cursor)
{
    static const char scheme[] = "coap://";
    struct kedge_slice bytes;
    if (kedge_cursor_take(cursor, sizeof scheme - 1, &bytes) != KEDGE_OK ||
        !kedge_slice_equal(bytes, kedge_slice(scheme, sizeof scheme - 1)))
        return KEDGE_E_PROTOCOL;
    return KEDGE_OK;
}

static enum kedge_rc read_host(struct kedge_cursor *cursor, uint32_t *host)
{
    *host = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t part;
        if (i > 0 && !kedge_cursor_accept(cursor, '.'))
            return KEDGE_E_URI;
        if (kedge_cursor_decimal(cursor, UINT8_MAX, &part) != KEDGE_OK)
            return KEDGE_E_URI;
        *host = *host << 8 | (uint32_t)part;
    }
    return *host >> 24 == LOOPBACK ? KEDGE_OK : KEDGE_E_URI;
}

enum kedge_rc uri_read(struct kedge_slice text, struct sockaddr_in *server,
                       struct kedge_slice *path)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    uint32_t host;
    uint64_t port = PORT_DEFAULT;
    KEDGE_TRY(read_scheme(&cursor));
    KEDGE_TRY(read_host(&cursor, &host));
    if (kedge_cursor_accept(&cursor, ':') &&
        (kedge_cursor_decimal(&cursor, UINT16_MAX, &port) != KEDGE_OK || port == 0))
        return KEDGE_E_URI;
    if (kedge_cursor_left(&cursor) > 0 && !kedge_cursor_accept(&cursor, '/'))
        return KEDGE_E_URI;
    *server = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(host)};
    return kedge_cursor_take(&cursor, kedge_cursor_left(&cursor), path);
}
