/*
 * queue_mode.h: when a device in queue mode listens (OMA LwM2M Core 1.1, section 6.5 of transport):
 * for a time after its last message in either direction, and as long as it is at work; then it
 * sleeps until it has something to say. Pure.
 */
#ifndef KEDGE_AGENT_QUEUE_MODE_H
#define KEDGE_AGENT_QUEUE_MODE_H

#include <kedge/base.h>

#define KEDGE_AWAKE_DEFAULT_S 93u /* MAX_TRANSMIT_WAIT, RFC 7252 section 4.8.2 */

struct kedge_queue_mode {
    bool on;
    uint64_t awake_ms; /* how long it listens */
    uint64_t stirred_at_ms;
    bool asleep;
};

/** A message was sent, or came: it is awake. True when it was asleep before that. */
bool kedge_queue_mode_stir(struct kedge_queue_mode *queue, uint64_t now_ms);
/**
 * kedge_queue_mode_poll() lets it fall asleep when its time is over; true when it just did. While
 * it is `busy` it stays awake, and that counts like a message. Lowers `wait_ms` to when it may
 * sleep.
 */
bool kedge_queue_mode_poll(struct kedge_queue_mode *queue, bool busy, uint64_t now_ms,
                           uint64_t *wait_ms);

#endif
