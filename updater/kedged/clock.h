/*
 * clock.h: wall time, as records hold it, and by what it is told that it was set.
 */
#ifndef KEDGE_UPDATER_CLOCK_H
#define KEDGE_UPDATER_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "updater/store/store.h"

static inline uint64_t kedge_clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/** Unix time in milliseconds. */
static inline uint64_t kedge_wall_ms(void)
{
    return kedge_clock_ms(CLOCK_REALTIME);
}

/** Below this a difference counts as none: no span is shorter. */
#define KEDGE_CLOCK_STEP_MIN_MS 1000

/** What the system calls this boot; "" when it does not say. */
void kedge_clock_boot(char boot[KEDGE_CLOCK_BOOT_MAX + 1]);
/** Unix time in milliseconds, and by how much that is ahead of the time since boot. */
uint64_t kedge_clock_read(int64_t *ahead_ms);
/**
 * By how much the wall clock was set since it was `record->ahead_ms` ahead: 0 for less than
 * KEDGE_CLOCK_STEP_MIN_MS, and when `record` is of another boot, or of one that is not known.
 */
int64_t kedge_clock_step(const struct kedge_clock_record *record,
                         const char boot[KEDGE_CLOCK_BOOT_MAX + 1], int64_t ahead_ms);

#endif
