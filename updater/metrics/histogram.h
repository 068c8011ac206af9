/*
 * histogram.h: how long something took, in buckets as Prometheus sums them.
 *
 * One for each kind of thing, in the memory of whoever measures. Any thread notes and reads,
 * without a lock: what is read may be one note behind in its sum. It begins zeroed, at each start.
 */
#ifndef KEDGE_UPDATER_HISTOGRAM_H
#define KEDGE_UPDATER_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define KEDGE_HISTOGRAM_BOUNDS 14u

struct kedge_histogram {
    _Atomic uint64_t counts[KEDGE_HISTOGRAM_BOUNDS + 1]; /* the last: longer than every bound */
    _Atomic uint64_t sum_us;
};

/** The upper bounds, in microseconds, growing: from half a millisecond to ten seconds. */
extern const uint32_t kedge_histogram_bounds_us[KEDGE_HISTOGRAM_BOUNDS];

void kedge_histogram_note(struct kedge_histogram *histogram, uint64_t duration_us);

/** Microseconds since some moment of the past, of the monotonic clock: for durations. */
uint64_t kedge_histogram_clock_us(void);

#endif
