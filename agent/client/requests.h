/* requests.h: what the server asks of the device, from libcoap to model.h and back. */
#ifndef KEDGE_AGENT_REQUESTS_H
#define KEDGE_AGENT_REQUESTS_H

#include <coap3/coap.h>
#include <kedge/base.h>

/** Sets the handler for every path and method; the context's app data is a struct kedge_server. */
enum kedge_rc kedge_requests_register(coap_context_t *context) KEDGE_MUST_USE;

#endif
