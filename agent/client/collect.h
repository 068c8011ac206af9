/*
 * collect.h: a request whose payload comes in blocks (RFC 7959 Block1), put together before it is
 * carried out. Pure. One at a time: the first block of another request takes its place. What is a
 * stream, a package to /5/0/0, does not come here (intake.h).
 */
#ifndef KEDGE_AGENT_COLLECT_H
#define KEDGE_AGENT_COLLECT_H

#include "agent/client/model.h"
#include "agent/fetch/intake.h"

#define KEDGE_COLLECT_PATIENCE_MS 247000u /* EXCHANGE_LIFETIME, between two blocks */

struct kedge_collect {
    uint8_t *bytes; /* the caller's */
    size_t capacity;

    size_t size;
    struct kedge_intake intake;
    /* Of the request that they are of. */
    uint8_t method;
    struct kedge_lwm2m_path path;
    uint32_t format;
    uint8_t answered; /* what the whole request was answered with; 0: it was not yet */
};

/**
 * kedge_collect_take() takes a block of `request`: 0 when the payload is whole, and is that of
 * `request` now, until the next block comes. Otherwise the code to answer with: 2.31 when more is
 * to come, 4.08 out of place or late, 4.13 beyond `capacity`, 4.00 for a block that contradicts
 * itself; to a last block that comes again, what was answered to it (if it was said).
 */
uint8_t kedge_collect_take(struct kedge_collect *collect, struct kedge_model_request *request,
                           const struct kedge_intake_block *block, uint64_t now_ms);
void kedge_collect_answered(struct kedge_collect *collect, uint8_t code);
/** Forgets what has come. */
void kedge_collect_clear(struct kedge_collect *collect);

#endif
