/*
 * timers.h: a heap of the times that the engine waits for; timers stand inside what waits.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_TIMERS_H
#define KEDGE_UPDATER_ROLLOUT_TIMERS_H

#include <kedge/base.h>

enum kedge_timer_kind {
    KEDGE_TIMER_DEADLINE,
    KEDGE_TIMER_SOAK,
    KEDGE_TIMER_RETURN,
    KEDGE_TIMER_RETRY,
    KEDGE_TIMER_OFFER,
    KEDGE_TIMER_SLICE,
    KEDGE_TIMER_START, /* of the rollout, or its next gate */
    KEDGE_TIMER_WINDOW
};

/** `owner` is the rollout, group, deployment or zone that waits; position 0: not set. */
struct kedge_timer {
    uint64_t at_ms;
    size_t position;
    enum kedge_timer_kind kind;
    void *owner;
};

struct kedge_timers {
    struct kedge_timer **heap; /* from index 1 */
    size_t count;
    size_t capacity;
};

void kedge_timers_free(struct kedge_timers *timers);
/** Sets or moves the timer. KEDGE_E_MEMORY. */
enum kedge_rc kedge_timer_set(struct kedge_timers *timers, struct kedge_timer *timer,
                              uint64_t at_ms) KEDGE_MUST_USE;
/** Takes the timer out; one that is not set is fine. */
void kedge_timer_cancel(struct kedge_timers *timers, struct kedge_timer *timer);
/** The timer that is due first; NULL when none is set. */
struct kedge_timer *kedge_timers_first(const struct kedge_timers *timers);

#endif
