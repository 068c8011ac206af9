/* hosts.c: addresses and networks, from text and from sockets. */
#include "updater/api/hosts.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "updater/api/scan.h"

#define V4_AT 12u /* where an IPv4 address stands in one of IPv6 */
#define V4_BITS_BEFORE (8u * V4_AT)
#define HOST_BITS 128u

static const uint8_t v4_prefix[V4_AT] = {[10] = 0xFF, [11] = 0xFF};

static struct host host_of_v4(const void *bytes)
{
    struct host host;
    memcpy(host.bytes, v4_prefix, V4_AT);
    memcpy(&host.bytes[V4_AT], bytes, 4);
    return host;
}

struct host host_of(const struct sockaddr *address)
{
    struct host host;
    if (address->sa_family == AF_INET)
        return host_of_v4(&((const struct sockaddr_in *)(const void *)address)->sin_addr);
    memcpy(host.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    return host;
}

enum kedge_rc host_parse(struct kedge_slice text, struct host *out)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t v4[4];
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, 0, text.size) != NULL)
        return KEDGE_E_MALFORMED;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET, copy, v4) == 1) {
        *out = host_of_v4(v4);
        return KEDGE_OK;
    }
    return inet_pton(AF_INET6, copy, out->bytes) == 1 ? KEDGE_OK : KEDGE_E_MALFORMED;
}

bool host_is_v4(const struct host *host)
{
    return memcmp(host->bytes, v4_prefix, V4_AT) == 0;
}

void host_text(const struct host *host, char out[INET6_ADDRSTRLEN])
{
    bool v4 = host_is_v4(host);
    (void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &host->bytes[V4_AT] : host->bytes, out,
                    INET6_ADDRSTRLEN);
}

bool host_is_loopback(const struct host *host)
{
    return host_is_v4(host) ? host->bytes[V4_AT] == 127
                            : memcmp(host->bytes, &in6addr_loopback, 16) == 0;
}

/* ---- networks ---- */

/* The bits of a byte that are among the first `bits` of it. */
static uint8_t leading(uint32_t bits)
{
    if (bits >= 8)
        return 0xFF;
    return (uint8_t)((0xFF00u >> bits) & 0xFFu);
}

static struct host mask(const struct host *host, uint32_t bits)
{
    struct host out = *host;
    for (uint32_t i = 0; i < sizeof(out.bytes); i++)
        out.bytes[i] &= leading(bits > 8 * i ? bits - 8 * i : 0);
    return out;
}

static bool same(const struct host *a, const struct host *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static enum kedge_rc take_network(struct kedge_cursor *cursor, struct network *out)
{
    uint64_t bits;
    KEDGE_TRY(host_parse(scan_until(cursor, "/, "), &out->first));
    out->bits = HOST_BITS;
    if (!kedge_cursor_accept(cursor, '/'))
        return KEDGE_OK;
    uint32_t before = host_is_v4(&out->first) ? V4_BITS_BEFORE : 0;
    KEDGE_TRY(kedge_cursor_decimal(cursor, HOST_BITS - before, &bits));
    out->bits = before + (uint32_t)bits;
    struct host first = mask(&out->first, out->bits);
    return same(&first, &out->first) ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc networks_parse(struct kedge_slice text, struct networks *out)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    out->count = 0;
    for (bool more = text.size > 0; more; more = kedge_cursor_accept(&cursor, ',')) {
        if (out->count == NETWORKS_MAX)
            return KEDGE_E_LIMIT;
        scan_blanks(&cursor);
        KEDGE_TRY(take_network(&cursor, &out->items[out->count]));
        scan_blanks(&cursor);
        out->count++;
    }
    return kedge_cursor_left(&cursor) == 0 ? KEDGE_OK : KEDGE_E_MALFORMED;
}

bool networks_hold(const struct networks *networks, const struct host *host)
{
    for (size_t i = 0; i < networks->count; i++) {
        struct host first = mask(host, networks->items[i].bits);
        if (same(&first, &networks->items[i].first))
            return true;
    }
    return false;
}
