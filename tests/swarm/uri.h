/*
 * uri.h: coap and coaps URIs as the devices take them: a server at a numeric address of loopback.
 */
#ifndef KEDGE_SWARM_URI_H
#define KEDGE_SWARM_URI_H

#include "tests/swarm/network.h"

struct swarm_uri {
    struct swarm_address server;
    bool secure;             /* coaps */
    struct kedge_slice path; /* without its first slash; borrows the text */
};

/**
 * Reads coap://127.x.y.z[:port][/path] or coap://[::1][:port][/path], or either with coaps.
 * KEDGE_E_PROTOCOL for another scheme, KEDGE_E_URI for anything else that it is not.
 */
enum kedge_rc uri_read(struct kedge_slice text, struct swarm_uri *out) KEDGE_MUST_USE;

#endif
