/* resting.c: see resting.h. */
#define _GNU_SOURCE
#include "updater/kedged/resting.h"

#include "updater/kedged/clock.h"

int kedge_resting_start(struct kedge_resting *resting, void *(*run)(void *context), void *context)
{
    pthread_condattr_t steady;
    *resting = (struct kedge_resting){.running = false};
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&resting->lock, NULL);
    (void)pthread_cond_init(&resting->wake, &steady);
    (void)pthread_condattr_destroy(&steady);
    int failed = pthread_create(&resting->thread, NULL, run, context);
    resting->running = failed == 0;
    return failed;
}

bool kedge_resting_wait(struct kedge_resting *resting, uint64_t span_ms)
{
    const uint64_t at_ms = kedge_clock_ms(CLOCK_MONOTONIC) + span_ms;
    const struct timespec until = {.tv_sec = (time_t)(at_ms / 1000u),
                                   .tv_nsec = (long)(at_ms % 1000u) * 1000000};
    (void)pthread_mutex_lock(&resting->lock);
    while (!resting->ending && pthread_cond_timedwait(&resting->wake, &resting->lock, &until) == 0)
        continue;
    bool going_on = !resting->ending;
    (void)pthread_mutex_unlock(&resting->lock);
    return going_on;
}

void kedge_resting_stop(struct kedge_resting *resting)
{
    if (!resting->running)
        return;
    (void)pthread_mutex_lock(&resting->lock);
    resting->ending = true;
    (void)pthread_cond_signal(&resting->wake);
    (void)pthread_mutex_unlock(&resting->lock);
    (void)pthread_join(resting->thread, NULL);
    (void)pthread_cond_destroy(&resting->wake);
    (void)pthread_mutex_destroy(&resting->lock);
    resting->running = false;
}
