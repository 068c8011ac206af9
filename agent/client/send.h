/*
 * send.h: what the device tells of its own accord by Send (OMA LwM2M Core 1.1, section 6.4.6):
 * State, Result and the versions whenever they are others than the server has acknowledged. Pure;
 * the message is sender.c's.
 */
#ifndef KEDGE_AGENT_SEND_H
#define KEDGE_AGENT_SEND_H

#include "agent/client/backoff.h"

struct kedge_send {
    bool muted; /* /1/0/23 */
    bool told;  /* `mark` was acknowledged, or refused for what it is */
    bool waiting;
    uint32_t mark; /* of what was sent last, as the model has it */
    uint64_t next_at_ms;
    struct kedge_backoff backoff;
};

void kedge_send_begin(struct kedge_send *send, bool muted);
/**
 * kedge_send_due() says whether what has `mark` is to be sent now. Otherwise lowers `wait_ms` when
 * only time is missing.
 */
bool kedge_send_due(const struct kedge_send *send, uint32_t mark, uint64_t now_ms,
                    uint64_t *wait_ms);
/** It is on its way. */
void kedge_send_sent(struct kedge_send *send, uint32_t mark);
/**
 * The server answered with a CoAP code. 4.xx is about what was sent, which is not repeated, but for
 * 4.04: the server has no such registration. False for that: register, and it is sent again.
 */
bool kedge_send_answered(struct kedge_send *send, uint8_t code, const struct kedge_random *random,
                         uint64_t now_ms);
/** It did not arrive, as far as anybody knows: it is sent again after a pause. */
void kedge_send_lost(struct kedge_send *send, const struct kedge_random *random, uint64_t now_ms);

#endif
