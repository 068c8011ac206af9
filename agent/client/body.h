/*
 * body.h: an answer or notification that may be longer than a datagram: which block of it goes into
 * this one (RFC 7959 section 2.3). Nothing is kept between blocks; the ETag tells the server when
 * the value changed while it was fetching it.
 */
#ifndef KEDGE_AGENT_BODY_H
#define KEDGE_AGENT_BODY_H

#include <coap3/coap.h>
#include <kedge/base.h>

#define KEDGE_BODY_BLOCK 1024u
#define KEDGE_BODY_SZX 6u /* blocks of 1,024 bytes, unless the request asks for smaller ones */

struct kedge_body {
    coap_block_t block; /* number and size that are asked for */
};

/** What the request's Block2 asks for; the first block where it has none. */
struct kedge_body kedge_body_asked(const coap_pdu_t *request);
/** Adds an ETag where `payload` does not fit into one block. */
void kedge_body_tag(coap_pdu_t *pdu, const struct kedge_body *body, struct kedge_slice payload);
/** Adds Block2 where it is needed, and the payload or the block of it: false when it is beyond the
 * end. Nothing may be added after it. */
bool kedge_body_add(coap_pdu_t *pdu, const struct kedge_body *body, struct kedge_slice payload);

#endif
