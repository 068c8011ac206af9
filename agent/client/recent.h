/*
 * recent.h: the latest requests that changed something, and how they were answered, so that one
 * that comes again (RFC 7252 section 4.5) is answered again and not done twice. libcoap 4.3.1 does
 * not filter them. Reads are not kept: doing those twice does no harm.
 */
#ifndef KEDGE_AGENT_RECENT_H
#define KEDGE_AGENT_RECENT_H

#include <kedge/base.h>

#define KEDGE_RECENT_COUNT 16u
#define KEDGE_RECENT_LIFETIME_MS 247000u /* EXCHANGE_LIFETIME, RFC 7252 section 4.8.2 */

/** What tells one request from another: message id, and a CRC over code, token, path and payload.
 */
struct kedge_recent_key {
    uint16_t message_id;
    uint32_t content;
};

struct kedge_recent {
    struct kedge_recent_entry {
        struct kedge_recent_key key;
        uint8_t code; /* of the answer; 0: the place is free */
        uint64_t at_ms;
    } entries[KEDGE_RECENT_COUNT];
    size_t next;
};

/** The code that the same request was answered with, or 0. */
uint8_t kedge_recent_find(const struct kedge_recent *recent, struct kedge_recent_key key,
                          uint64_t now_ms);
void kedge_recent_keep(struct kedge_recent *recent, struct kedge_recent_key key, uint8_t code,
                       uint64_t now_ms);
/** Forgets all: a new session has message ids of its own. */
void kedge_recent_clear(struct kedge_recent *recent);

#endif
