/* histogram.c: see histogram.h. */
#define _GNU_SOURCE
#include "updater/metrics/histogram.h"

#include <time.h>

const uint32_t kedge_histogram_bounds_us[KEDGE_HISTOGRAM_BOUNDS] = {
    500,    1000,   2500,   5000,    10000,   25000,   50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

void kedge_histogram_note(struct kedge_histogram *histogram, uint64_t duration_us)
{
    unsigned bucket = 0;
    while (bucket < KEDGE_HISTOGRAM_BOUNDS && duration_us > kedge_histogram_bounds_us[bucket])
        bucket++;
    atomic_fetch_add_explicit(&histogram->counts[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, duration_us, memory_order_relaxed);
}

uint64_t kedge_histogram_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}
