/*
 * timers.h: what is to happen later: a binary heap of the callers' own timers.
 */
#ifndef KEDGE_SWARM_TIMERS_H
#define KEDGE_SWARM_TIMERS_H

#include <kedge/base.h>

/** Zero it once; the caller's, who does not move it while it is armed. */
struct swarm_timer {
    uint64_t at_ms;
    size_t place; /* in the heap, counted from 1; 0 while it is not armed */
    void (*fn)(void *context);
    void *context;
};

struct swarm_timers {
    struct swarm_timer **heap; /* heap[0] is not used */
    size_t count, capacity;
};

/** Room for `capacity` timers armed at once. KEDGE_E_MEMORY. */
enum kedge_rc timers_init(struct swarm_timers *timers, size_t capacity) KEDGE_MUST_USE;
void timers_free(struct swarm_timers *timers);
/** Arms it, or arms it anew. false when there is no room. */
bool timers_arm(struct swarm_timers *timers, struct swarm_timer *timer, uint64_t at_ms,
                void (*fn)(void *context), void *context);
void timers_cancel(struct swarm_timers *timers, struct swarm_timer *timer);
/** Fires what is due, the earliest first. */
void timers_run(struct swarm_timers *timers, uint64_t now_ms);
/** Milliseconds until the next is due, at most `most_ms`. */
int timers_wait_ms(const struct swarm_timers *timers, uint64_t now_ms, int most_ms);

#endif
