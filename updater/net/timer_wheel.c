/*
 * timer_wheel.c: a hierarchical timing wheel (Varghese and Lauck, 1987).
 *
 * Method: time goes in ticks of 10 ms. The first wheel has a slot for each of the next 256 ticks;
 * a slot of each wheel behind it spans a whole turn of the one before, 64 slots each. A timer sits
 * in the wheel that reaches to its tick. When a wheel has turned once, the next slot of the wheel
 * behind it is emptied and its timers are armed anew, which now puts them further to the front.
 * Arming and cancelling are O(1); each timer moves at most four times.
 */
#include "updater/net/internal.h"

#define FIRST_BITS 8u
#define LEVEL_BITS 6u
#define LAST_TICKS ((UINT64_C(1) << (FIRST_BITS + (WHEEL_LEVELS - 1) * LEVEL_BITS)) - 1)

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
    *wheel = (struct timer_wheel){.now_tick = now_ms / WHEEL_TICK_MS};
}

static void link_at(struct kedge_net_timer **slot, struct kedge_net_timer *timer)
{
    timer->next = *slot;
    timer->link = slot;
    if (timer->next != NULL)
        timer->next->link = &timer->next;
    *slot = timer;
}

static void unlink_timer(struct kedge_net_timer *timer)
{
    *timer->link = timer->next;
    if (timer->next != NULL)
        timer->next->link = timer->link;
    timer->next = NULL;
    timer->link = NULL;
}

/* Rounded up: a timer never fires before its time. */
static uint64_t tick_of(const struct kedge_net_timer *timer)
{
    return (timer->at_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
}

static void place(struct timer_wheel *wheel, struct kedge_net_timer *timer)
{
    uint64_t tick = tick_of(timer);
    if (tick <= wheel->now_tick)
        tick = wheel->now_tick + 1;
    uint64_t ahead = tick - wheel->now_tick;
    if (ahead > LAST_TICKS) {
        ahead = LAST_TICKS;
        tick = wheel->now_tick + ahead;
    }
    if (ahead < WHEEL_FIRST_SLOTS) {
        link_at(&wheel->first[tick % WHEEL_FIRST_SLOTS], timer);
        return;
    }
    unsigned bits = FIRST_BITS;
    size_t level = 0;
    while (ahead >> (bits + LEVEL_BITS) != 0) {
        bits += LEVEL_BITS;
        level++;
    }
    link_at(&wheel->levels[level][(tick >> bits) % WHEEL_SLOTS], timer);
}

void timer_wheel_arm(struct timer_wheel *wheel, struct kedge_net_timer *timer)
{
    timer_wheel_cancel(wheel, timer);
    wheel->armed++;
    place(wheel, timer);
}

void timer_wheel_cancel(struct timer_wheel *wheel, struct kedge_net_timer *timer)
{
    if (timer->link == NULL)
        return;
    unlink_timer(timer);
    wheel->armed--;
}

/* Moves the timers of the slots whose turn begins now further to the front. */
static void cascade(struct timer_wheel *wheel)
{
    unsigned bits = FIRST_BITS;
    for (size_t level = 0; level < WHEEL_LEVELS - 1; level++) {
        size_t slot = (size_t)(wheel->now_tick >> bits) % WHEEL_SLOTS;
        struct kedge_net_timer *timer = wheel->levels[level][slot];
        wheel->levels[level][slot] = NULL;
        while (timer != NULL) {
            struct kedge_net_timer *next = timer->next;
            /* One that is due with this very tick must not wait for the next one. */
            if (tick_of(timer) <= wheel->now_tick)
                link_at(&wheel->first[wheel->now_tick % WHEEL_FIRST_SLOTS], timer);
            else
                place(wheel, timer);
            timer = next;
        }
        if (slot != 0)
            return;
        bits += LEVEL_BITS;
    }
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
    uint64_t target = now_ms / WHEEL_TICK_MS;
    while (wheel->now_tick < target) {
        if (wheel->armed == 0) {
            wheel->now_tick = target;
            return;
        }
        wheel->now_tick++;
        size_t slot = wheel->now_tick % WHEEL_FIRST_SLOTS;
        if (slot == 0)
            cascade(wheel);
        while (wheel->first[slot] != NULL) {
            struct kedge_net_timer *timer = wheel->first[slot];
            unlink_timer(timer);
            wheel->armed--;
            timer->fn(timer->context);
        }
    }
}

int timer_wheel_wait_ms(const struct timer_wheel *wheel, uint64_t now_ms)
{
    if (wheel->armed == 0)
        return -1;
    uint64_t tick = wheel->now_tick + 1;
    /* To the next timer of the first wheel, or to its end, where the others may come in. */
    while (tick % WHEEL_FIRST_SLOTS != 0 && wheel->first[tick % WHEEL_FIRST_SLOTS] == NULL)
        tick++;
    uint64_t at_ms = tick * WHEEL_TICK_MS;
    return at_ms <= now_ms ? 0 : (int)(at_ms - now_ms);
}
