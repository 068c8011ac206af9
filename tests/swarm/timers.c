/* timers.c: see timers.h. */
#include "tests/swarm/timers.h"

#include <stdlib.h>

enum kedge_rc timers_init(struct swarm_timers *timers, size_t capacity)
{
    *timers = (struct swarm_timers){.capacity = capacity};
    timers->heap = calloc(capacity + 1, sizeof *timers->heap);
    return timers->heap != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

void timers_free(struct swarm_timers *timers)
{
    free(timers->heap);
    *timers = (struct swarm_timers){0};
}

static void put(struct swarm_timers *timers, size_t place, struct swarm_timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void rise(struct swarm_timers *timers, struct swarm_timer *timer, size_t place)
{
    while (place > 1 && timers->heap[place / 2]->at_ms > timer->at_ms) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sink(struct swarm_timers *timers, struct swarm_timer *timer, size_t place)
{
    for (size_t below; (below = 2 * place) <= timers->count; place = below) {
        if (below < timers->count && timers->heap[below + 1]->at_ms < timers->heap[below]->at_ms)
            below++;
        if (timers->heap[below]->at_ms >= timer->at_ms)
            break;
        put(timers, place, timers->heap[below]);
    }
    put(timers, place, timer);
}

void timers_cancel(struct swarm_timers *timers, struct swarm_timer *timer)
{
    size_t place = timer->place;
    if (place == 0)
        return;
    timer->place = 0;
    struct swarm_timer *last = timers->heap[timers->count--];
    if (last == timer)
        return;
    if (place > 1 && timers->heap[place / 2]->at_ms > last->at_ms)
        rise(timers, last, place);
    else
        sink(timers, last, place);
}

bool timers_arm(struct swarm_timers *timers, struct swarm_timer *timer, uint64_t at_ms,
                void (*fn)(void *context), void *context)
{
    timers_cancel(timers, timer);
    if (timers->count == timers->capacity)
        return false;
    timer->at_ms = at_ms;
    timer->fn = fn;
    timer->context = context;
    rise(timers, timer, ++timers->count);
    return true;
}

void timers_run(struct swarm_timers *timers, uint64_t now_ms)
{
    while (timers->count > 0 && timers->heap[1]->at_ms <= now_ms) {
        struct swarm_timer *timer = timers->heap[1];
        timers_cancel(timers, timer);
        timer->fn(timer->context);
    }
}

int timers_wait_ms(const struct swarm_timers *timers, uint64_t now_ms, int most_ms)
{
    if (timers->count == 0)
        return most_ms;
    uint64_t at_ms = timers->heap[1]->at_ms;
    if (at_ms <= now_ms)
        return 0;
    return at_ms - now_ms < (uint64_t)most_ms ? (int)(at_ms - now_ms) : most_ms;
}
