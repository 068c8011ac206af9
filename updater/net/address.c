/* address.c: socket addresses, compared by what identifies a peer. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/net/internal.h"

#define SECURE_PREFIX "coaps://"

bool kedge_address_equal(const struct kedge_address *a, const struct kedge_address *b)
{
    if (a->any.sa_family != b->any.sa_family || a->secure != b->secure)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

size_t address_bytes(const struct kedge_address *address, uint8_t out[ADDRESS_BYTES_MAX])
{
    out[0] = address->secure;
    if (address->any.sa_family == AF_INET) {
        memcpy(out + 1, &address->v4.sin_addr, 4);
        memcpy(out + 5, &address->v4.sin_port, 2);
        return 7;
    }
    memcpy(out + 1, &address->v6.sin6_addr, 16);
    memcpy(out + 17, &address->v6.sin6_port, 2);
    memcpy(out + 19, &address->v6.sin6_scope_id, 4);
    return 23;
}

uint64_t kedge_address_hash(const struct kedge_siphash_key *key,
                            const struct kedge_address *address)
{
    uint8_t bytes[ADDRESS_BYTES_MAX];
    return kedge_siphash(key, bytes, address_bytes(address, bytes));
}

socklen_t kedge_address_size(const struct kedge_address *address)
{
    return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

static char *put_number(char *at, unsigned number)
{
    char digits[5]; /* of at most 65535 */
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* By hand: it is written for each Update, and printf was 3 % of what that costs. */
static void put_v4(char *at, const struct sockaddr_in *address)
{
    const uint8_t *parts = (const uint8_t *)&address->sin_addr;
    for (size_t i = 0; i < 4; i++) {
        at = put_number(at, parts[i]);
        *at++ = i < 3 ? '.' : ':';
    }
    *put_number(at, ntohs(address->sin_port)) = '\0';
}

void kedge_address_text(const struct kedge_address *address, char text[KEDGE_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const char *scheme = address->secure ? SECURE_PREFIX : "";
    if (address->any.sa_family == AF_INET) {
        strcpy(text, scheme);
        put_v4(text + strlen(scheme), &address->v4);
        return;
    }
    inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
    snprintf(text, KEDGE_ADDRESS_TEXT_MAX, "%s[%s]:%u", scheme, host, ntohs(address->v6.sin6_port));
}

bool kedge_address_is_loopback(const struct kedge_address *address)
{
    return address->any.sa_family == AF_INET ? ntohl(address->v4.sin_addr.s_addr) >> 24 == 127
                                             : IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

enum kedge_rc kedge_address_from_host(const char *host, uint16_t port, struct kedge_address *out)
{
    struct kedge_address address;
    memset(&address, 0, sizeof address);
    if (inet_pton(AF_INET, host[0] != '\0' ? host : "0.0.0.0", &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
    } else {
        return KEDGE_E_MALFORMED;
    }
    *out = address;
    return KEDGE_OK;
}

void kedge_address_set_port(struct kedge_address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons(port);
    else
        address->v6.sin6_port = htons(port);
}

static enum kedge_rc parse_plain(const char *text, struct kedge_address *out)
{
    char host[KEDGE_ADDRESS_TEXT_MAX];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return KEDGE_E_MALFORMED;
    size_t size = (size_t)(colon - text);
    memcpy(host, text, size);
    host[size] = '\0';
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > UINT16_MAX)
        return KEDGE_E_MALFORMED;
    /* An IPv6 address stands in brackets: without them, its last part would be taken for a port. */
    if (host[0] != '[')
        return strchr(host, ':') == NULL ? kedge_address_from_host(host, (uint16_t)port, out)
                                         : KEDGE_E_MALFORMED;
    if (size < 2 || host[size - 1] != ']')
        return KEDGE_E_MALFORMED;
    host[size - 1] = '\0';
    return kedge_address_from_host(host + 1, (uint16_t)port, out);
}

enum kedge_rc kedge_address_parse(const char *text, struct kedge_address *out)
{
    bool secure = strncmp(text, SECURE_PREFIX, strlen(SECURE_PREFIX)) == 0;
    KEDGE_TRY(parse_plain(secure ? text + strlen(SECURE_PREFIX) : text, out));
    out->secure = secure;
    return KEDGE_OK;
}
