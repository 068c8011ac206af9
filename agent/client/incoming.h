/* incoming.h: a request of a server as it came, taken out of libcoap's message. */
#ifndef KEDGE_AGENT_INCOMING_H
#define KEDGE_AGENT_INCOMING_H

#include "agent/client/body.h"
#include "agent/client/collect.h"
#include "agent/client/model.h"
#include "agent/client/recent.h"
#include "agent/fetch/intake.h"

/** What the model needs to know of it is in `model`. Borrows from the message. */
struct kedge_incoming {
    struct kedge_model_request model;
    coap_bin_const_t token;
    bool has_observe;
    uint32_t observe;
    bool has_block1;
    coap_block_t block1;
    size_t size_max;        /* of a payload that has turned out too large; 0: it has not */
    struct kedge_body body; /* which block of the answer is asked for */
    struct kedge_recent_key key;
};

/** False when the path is none of LwM2M's: there is nothing there. All but the path is set then. */
bool kedge_incoming_take(const coap_pdu_t *pdu, struct kedge_incoming *in);
/** The block of the payload that came, for intake.h; with `has_block1` alone. */
struct kedge_intake_block kedge_incoming_block(const coap_pdu_t *pdu,
                                               const struct kedge_incoming *in);

/**
 * kedge_incoming_collect() puts a payload that comes in blocks together: 0 when it is whole, also
 * of a request that has no blocks; otherwise the code to answer with, see collect.h.
 */
uint8_t kedge_incoming_collect(const coap_pdu_t *pdu, struct kedge_incoming *in,
                               struct kedge_collect *collect, uint64_t now_ms);
/** What the request, with all of its payload, was answered with. */
void kedge_incoming_answered(const struct kedge_incoming *in, struct kedge_collect *collect,
                             uint8_t code);

/** RFC 7959 sections 2.3 and 2.9.3: tells in the answer which block it is to, whether more are to
 * come, and how much may. */
void kedge_incoming_add_block(const struct kedge_incoming *in, uint8_t code, coap_pdu_t *response);

/** Has every path and every method handled by `on_request`. KEDGE_E_MEMORY. */
enum kedge_rc kedge_incoming_register(coap_context_t *context,
                                      coap_method_handler_t on_request) KEDGE_MUST_USE;

#endif
