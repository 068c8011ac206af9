/* uri.c: see uri.h. */
#include "tests/swarm/uri.h"

#define PORT_DEFAULT 5683u
#define PORT_SECURE_DEFAULT 5684u
#define LOOPBACK 127u

static bool accept_text(struct kedge_cursor *cursor, const char *text)
{
    struct kedge_cursor ahead = *cursor;
    struct kedge_slice wanted = kedge_slice_text(text), bytes;
    if (kedge_cursor_take(&ahead, wanted.size, &bytes) != KEDGE_OK ||
        !kedge_slice_equal(bytes, wanted))
        return false;
    *cursor = ahead;
    return true;
}

static enum kedge_rc read_scheme(struct kedge_cursor *cursor, bool *secure)
{
    *secure = accept_text(cursor, "coaps://");
    return *secure || accept_text(cursor, "coap://") ? KEDGE_OK : KEDGE_E_PROTOCOL;
}

static enum kedge_rc read_ipv4(struct kedge_cursor *cursor, struct sockaddr_in *server)
{
    uint32_t host = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t part;
        if (i > 0 && !kedge_cursor_accept(cursor, '.'))
            return KEDGE_E_URI;
        if (kedge_cursor_decimal(cursor, UINT8_MAX, &part) != KEDGE_OK)
            return KEDGE_E_URI;
        host = host << 8 | (uint32_t)part;
    }
    *server = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    return host >> 24 == LOOPBACK ? KEDGE_OK : KEDGE_E_URI;
}

static enum kedge_rc read_host(struct kedge_cursor *cursor, struct swarm_address *server)
{
    if (!accept_text(cursor, "[::1]"))
        return read_ipv4(cursor, &server->v4);
    server->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return KEDGE_OK;
}

enum kedge_rc uri_read(struct kedge_slice text, struct swarm_uri *out)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    *out = (struct swarm_uri){.secure = false};
    KEDGE_TRY(read_scheme(&cursor, &out->secure));
    KEDGE_TRY(read_host(&cursor, &out->server));
    uint64_t port = out->secure ? PORT_SECURE_DEFAULT : PORT_DEFAULT;
    if (kedge_cursor_accept(&cursor, ':') &&
        (kedge_cursor_decimal(&cursor, UINT16_MAX, &port) != KEDGE_OK || port == 0))
        return KEDGE_E_URI;
    if (kedge_cursor_left(&cursor) > 0 && !kedge_cursor_accept(&cursor, '/'))
        return KEDGE_E_URI;
    if (out->server.any.sa_family == AF_INET6)
        out->server.v6.sin6_port = htons((uint16_t)port);
    else
        out->server.v4.sin_port = htons((uint16_t)port);
    return kedge_cursor_take(&cursor, kedge_cursor_left(&cursor), &out->path);
}
