/* seams.c: clock, random, and what kedge-boot told the agent that it started. */
#define _GNU_SOURCE
#include "agent/port/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* BOOTTIME goes on while the device sleeps: a trial does not last longer for it. */
static uint64_t monotonic_ms(void *context)
{
    (void)context;
    return clock_ms(CLOCK_BOOTTIME);
}

static uint64_t wall_ms(void *context)
{
    (void)context;
    return clock_ms(CLOCK_REALTIME);
}

const struct kedge_clock *kedge_port_clock(void)
{
    static const struct kedge_clock clock = {.monotonic_ms = monotonic_ms, .wall_ms = wall_ms};
    return &clock;
}

static enum kedge_rc fill(void *context, void *out, size_t size)
{
    (void)context;
    uint8_t *to = out;
    while (size > 0) {
        ssize_t got = getrandom(to, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return KEDGE_E_SYSTEM;
        to += got;
        size -= (size_t)got;
    }
    return KEDGE_OK;
}

const struct kedge_random *kedge_port_random(void)
{
    static const struct kedge_random random = {.fill = fill};
    return &random;
}

static enum kedge_rc read_digit(const char *name, uint8_t *out)
{
    const char *value = getenv(name);
    if (value == NULL)
        return KEDGE_E_NOT_FOUND;
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return KEDGE_E_ARGUMENT;
    *out = (uint8_t)(value[0] - '0');
    return KEDGE_OK;
}

enum kedge_rc kedge_port_running(uint8_t *slot, bool *on_trial)
{
    uint8_t trial;
    KEDGE_TRY(read_digit(KEDGE_BOOT_ENV_SLOT, slot));
    enum kedge_rc rc = read_digit(KEDGE_BOOT_ENV_TRIAL, &trial);
    if (rc != KEDGE_OK)
        return KEDGE_E_ARGUMENT;
    *on_trial = trial == 1;
    return KEDGE_OK;
}
