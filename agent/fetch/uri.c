/* uri.c: see uri.h. */
#include "agent/fetch/uri.h"

#include <coap3/coap.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define OPTIONS_SIZE (2u * KEDGE_URI_MAX + 64u) /* each segment has a head of up to 3 bytes */

/* RFC 3986 section 3.1. */
static size_t scheme_length(struct kedge_slice text)
{
    size_t length = 0;
    while (length < text.size && (isalnum(text.data[length]) || strchr("+-.", text.data[length])) &&
           text.data[length] != '\0')
        length++;
    if (length == 0 || !isalpha(text.data[0]) || text.size - length < 3 ||
        memcmp(text.data + length, "://", 3) != 0)
        return 0;
    return length;
}

static bool scheme_is(struct kedge_slice text, size_t length, const char *scheme)
{
    return length == strlen(scheme) && strncasecmp((const char *)text.data, scheme, length) == 0;
}

/* Printable ASCII without what RFC 3986 excludes; every percent sign begins a whole escape. */
static bool characters_fit(struct kedge_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c <= 0x20 || c >= 0x7F || strchr("\"<>\\^`{|}#", c) != NULL)
            return false;
        if (c == '%' &&
            (text.size - i < 3 || !isxdigit(text.data[i + 1]) || !isxdigit(text.data[i + 2])))
            return false;
    }
    return true;
}

enum kedge_rc kedge_uri_protocol(struct kedge_slice text, enum kedge_firmware_protocol *protocol)
{
    static const struct {
        const char *scheme;
        enum kedge_firmware_protocol protocol;
    } known[] = {{"coap", KEDGE_PROTOCOL_COAP},
                 {"coaps", KEDGE_PROTOCOL_COAPS},
                 {"http", KEDGE_PROTOCOL_HTTP},
                 {"https", KEDGE_PROTOCOL_HTTPS}};
    size_t scheme = scheme_length(text);
    if (scheme == 0 || text.size > KEDGE_URI_MAX || !characters_fit(text))
        return KEDGE_E_URI;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (scheme_is(text, scheme, known[i].scheme)) {
            *protocol = known[i].protocol;
            return KEDGE_OK;
        }
    return KEDGE_E_PROTOCOL;
}

enum kedge_rc kedge_uri_parse(struct kedge_slice text, struct kedge_uri *uri)
{
    enum kedge_firmware_protocol protocol;
    KEDGE_TRY(kedge_uri_protocol(text, &protocol));
    if (protocol != KEDGE_PROTOCOL_COAP && protocol != KEDGE_PROTOCOL_COAPS)
        return KEDGE_E_PROTOCOL;
    *uri = (struct kedge_uri){.secure = protocol == KEDGE_PROTOCOL_COAPS};
    memcpy(uri->text, text.data, text.size);
    for (size_t i = 0; uri->text[i] != ':'; i++)
        uri->text[i] = (char)tolower((unsigned char)uri->text[i]);
    coap_uri_t parts;
    if (coap_split_uri((const uint8_t *)uri->text, text.size, &parts) != 0)
        return KEDGE_E_URI;
    /* RFC 7252 section 6.1: no user information; a host there must be, and a port that can be. */
    if (parts.host.length == 0 || parts.host.length > KEDGE_URI_HOST_MAX || parts.port == 0 ||
        memchr(parts.host.s, '@', parts.host.length) != NULL)
        return KEDGE_E_URI;
    memcpy(uri->host, parts.host.s, parts.host.length);
    uri->port = parts.port;
    uri->path = kedge_slice(parts.path.s, parts.path.length);
    uri->query = kedge_slice(parts.query.s, parts.query.length);
    return KEDGE_OK;
}

bool kedge_uri_same_server(const struct kedge_uri *a, const struct kedge_uri *b)
{
    return a->secure == b->secure && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

/* libcoap leaves the segments as encoded options with delta 0, `count` of them. */
static bool hand_out(const uint8_t *options, size_t size, int count, uint16_t number,
                     bool (*add)(void *context, uint16_t number, struct kedge_slice value),
                     void *context)
{
    for (int i = 0; i < count; i++) {
        coap_option_t option;
        size_t used = coap_opt_parse(options, size, &option);
        if (used == 0 || !add(context, number, kedge_slice(option.value, option.length)))
            return false;
        options += used;
        size -= used;
    }
    return true;
}

bool kedge_uri_options(const struct kedge_uri *uri,
                       bool (*add)(void *context, uint16_t number, struct kedge_slice value),
                       void *context)
{
    uint8_t options[OPTIONS_SIZE];
    size_t size = sizeof options;
    int count =
        uri->path.size > 0 ? coap_split_path(uri->path.data, uri->path.size, options, &size) : 0;
    if (count < 0 || !hand_out(options, size, count, COAP_OPTION_URI_PATH, add, context))
        return false;
    size = sizeof options;
    count = uri->query.size > 0 ? coap_split_query(uri->query.data, uri->query.size, options, &size)
                                : 0;
    return count >= 0 && hand_out(options, size, count, COAP_OPTION_URI_QUERY, add, context);
}
