/*
 * timers.c: a binary heap whose members know their place in it.
 */
#include "updater/rollout/timers.h"

#include <stdlib.h>

void kedge_timers_free(struct kedge_timers *timers)
{
    free(timers->heap);
    *timers = (struct kedge_timers){0};
}

static void place(struct kedge_timers *timers, struct kedge_timer *timer, size_t position)
{
    timers->heap[position] = timer;
    timer->position = position;
}

static void sift(struct kedge_timers *timers, struct kedge_timer *timer)
{
    size_t at = timer->position;
    while (at > 1 && timers->heap[at / 2]->at_ms > timer->at_ms) {
        place(timers, timers->heap[at / 2], at);
        at /= 2;
    }
    while (at * 2 <= timers->count) {
        size_t child = at * 2;
        if (child < timers->count && timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms)
            child++;
        if (timers->heap[child]->at_ms >= timer->at_ms)
            break;
        place(timers, timers->heap[child], at);
        at = child;
    }
    place(timers, timer, at);
}

enum kedge_rc kedge_timer_set(struct kedge_timers *timers, struct kedge_timer *timer,
                              uint64_t at_ms)
{
    if (timer->position == 0) {
        if (timers->count + 1 >= timers->capacity) {
            size_t capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
            struct kedge_timer **heap = realloc(timers->heap, capacity * sizeof(*heap));
            if (heap == NULL)
                return KEDGE_E_MEMORY;
            timers->heap = heap;
            timers->capacity = capacity;
        }
        place(timers, timer, ++timers->count);
    }
    timer->at_ms = at_ms;
    sift(timers, timer);
    return KEDGE_OK;
}

void kedge_timer_cancel(struct kedge_timers *timers, struct kedge_timer *timer)
{
    if (timer->position == 0)
        return;
    struct kedge_timer *last = timers->heap[timers->count--];
    if (last != timer) {
        last->position = timer->position;
        sift(timers, last);
    }
    timer->position = 0;
}

struct kedge_timer *kedge_timers_first(const struct kedge_timers *timers)
{
    return timers->count == 0 ? NULL : timers->heap[1];
}
