/*
 * clock.h: wall time, as records hold it.
 */
#ifndef KEDGE_UPDATER_CLOCK_H
#define KEDGE_UPDATER_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Unix time in milliseconds. */
static inline uint64_t kedge_wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

#endif
