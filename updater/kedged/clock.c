/*
 * clock.c: whether the wall clock was set.
 *
 * CLOCK_BOOTTIME is set by nobody, runs on while the system sleeps, and is the same for every
 * process of one boot, so the difference of the two clocks changes only when the wall clock is set.
 * Both are slewed alike.
 */
#define _GNU_SOURCE
#include "updater/kedged/clock.h"

#include <stdio.h>
#include <string.h>

#define READ_MAX_MS 10u /* the two clocks were read at the same time */
#define TRIES_MAX 16

void kedge_clock_boot(char boot[KEDGE_CLOCK_BOOT_MAX + 1])
{
    memset(boot, 0, KEDGE_CLOCK_BOOT_MAX + 1);
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL)
        return;
    if (fread(boot, 1, KEDGE_CLOCK_BOOT_MAX, file) != KEDGE_CLOCK_BOOT_MAX)
        boot[0] = '\0';
    (void)fclose(file);
}

uint64_t kedge_clock_read(int64_t *ahead_ms)
{
    uint64_t wall_ms = 0, before_ms = 0, after_ms = 0;
    /* A thread that has to wait between the two would see a step that was none. */
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        before_ms = kedge_clock_ms(CLOCK_BOOTTIME);
        wall_ms = kedge_wall_ms();
        after_ms = kedge_clock_ms(CLOCK_BOOTTIME);
        if (after_ms - before_ms <= READ_MAX_MS)
            break;
    }
    *ahead_ms = (int64_t)wall_ms - (int64_t)after_ms;
    return wall_ms;
}

int64_t kedge_clock_step(const struct kedge_clock_record *record,
                         const char boot[KEDGE_CLOCK_BOOT_MAX + 1], int64_t ahead_ms)
{
    int64_t step_ms = ahead_ms - record->ahead_ms;
    if (boot[0] == '\0' || strcmp(record->boot, boot) != 0 ||
        (step_ms < KEDGE_CLOCK_STEP_MIN_MS && step_ms > -KEDGE_CLOCK_STEP_MIN_MS))
        return 0;
    return step_ms;
}
