/*
 * uri.h: a coap:// or coaps:// URI as a device is given it: checked, and cut into what a session
 * and a request need. The cutting is libcoap's; what it lets pass and should not is refused here.
 */
#ifndef KEDGE_AGENT_URI_H
#define KEDGE_AGENT_URI_H

#include <kedge/base.h>
#include <kedge/lwm2m.h>

#define KEDGE_URI_MAX 255u /* of /5/0/1 */
#define KEDGE_URI_HOST_MAX 253u

struct kedge_uri {
    bool secure; /* coaps */
    uint16_t port;
    char host[KEDGE_URI_HOST_MAX + 1]; /* without the brackets of an IPv6 address */
    char text[KEDGE_URI_MAX + 1];
    struct kedge_slice path; /* in `text`, without the leading slash, still percent-encoded */
    struct kedge_slice query;
};

/**
 * kedge_uri_protocol() says by which protocol a package at `text` is fetched. KEDGE_E_URI when it
 * is no URI, KEDGE_E_PROTOCOL when it is one of a scheme that nothing here can fetch by.
 */
enum kedge_rc kedge_uri_protocol(struct kedge_slice text,
                                 enum kedge_firmware_protocol *protocol) KEDGE_MUST_USE;

/**
 * kedge_uri_parse() checks `text` and takes it apart; `uri` must then not be copied. KEDGE_E_URI
 * when it is no URI or lacks what RFC 7252 section 6 asks for, KEDGE_E_PROTOCOL when it is one of
 * another scheme.
 */
enum kedge_rc kedge_uri_parse(struct kedge_slice text, struct kedge_uri *uri) KEDGE_MUST_USE;

/** kedge_uri_same_server() says whether both name the same scheme, host and port. */
bool kedge_uri_same_server(const struct kedge_uri *a, const struct kedge_uri *b);

/**
 * kedge_uri_options() calls `add` for each Uri-Path (11) and Uri-Query (15) option, in order,
 * percent-decoded; `add` returns false to stop, and so does this.
 */
bool kedge_uri_options(const struct kedge_uri *uri,
                       bool (*add)(void *context, uint16_t number, struct kedge_slice value),
                       void *context);

#endif
