/* pace.c: see pace.h. */
#define _GNU_SOURCE
#include "updater/pace/pace.h"

#include <stdatomic.h>
#include <time.h>

#define NS_PER_S 1000000000u
#define BURST_NS ((uint64_t)KEDGE_PACE_BURST_MS * 1000000u)

uint64_t kedge_pace_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t kedge_pace_burst(const struct kedge_pace *pace)
{
    return pace->bytes_per_s * KEDGE_PACE_BURST_MS / 1000u;
}

static uint64_t span_ns(const struct kedge_pace *pace, uint64_t size)
{
    return (size * NS_PER_S + pace->bytes_per_s - 1) / pace->bytes_per_s;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t kedge_pace_wait_ns(const struct kedge_pace *pace, uint64_t size, uint64_t now_ns)
{
    if (pace->bytes_per_s == 0)
        return 0;
    uint64_t at_ns = later(pace->sent_at_ns, now_ns) + span_ns(pace, size);
    return at_ns > now_ns + BURST_NS ? at_ns - BURST_NS - now_ns : 0;
}

uint64_t kedge_pace_take(struct kedge_pace *pace, uint64_t size, uint64_t now_ns)
{
    if (pace->bytes_per_s == 0)
        return 0;
    uint64_t before_ns = pace->sent_at_ns, after_ns;
    do
        after_ns = later(before_ns, now_ns) + span_ns(pace, size);
    while (!atomic_compare_exchange_weak(&pace->sent_at_ns, &before_ns, after_ns));
    uint64_t due_ns = later(after_ns, BURST_NS) - BURST_NS;
    if (due_ns > now_ns)
        pace->waited_bytes += size;
    return due_ns;
}
