/*
 * uri.h: coap URIs as the devices take them: a server at a numeric IPv4 address of loopback.
 */
#ifndef KEDGE_SWARM_URI_H
#define KEDGE_SWARM_URI_H

#include <kedge/base.h>
#include <netinet/in.h>

/**
 * Reads coap://127.x.y.z[:port][/path]; `path`, without its first slash, borrows `text`.
 * KEDGE_E_PROTOCOL for another scheme, KEDGE_E_URI for anything else that it is not.
 */
enum kedge_rc uri_read(struct kedge_slice text, struct sockaddr_in *server,
                       struct kedge_slice *path) KEDGE_MUST_USE;

#endif
