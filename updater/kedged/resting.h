/*
 * resting.h: a thread that does something from time to time, and rests in between; it can be ended
 * in the midst of a rest. Time is CLOCK_MONOTONIC.
 */
#ifndef KEDGE_UPDATER_RESTING_H
#define KEDGE_UPDATER_RESTING_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct kedge_resting {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running, ending;
};

/** Begins `run`, which returns once kedge_resting_wait() has been false. 0, or the error number. */
int kedge_resting_start(struct kedge_resting *resting, void *(*run)(void *context), void *context);
/** Of the thread itself: rests for so long. False when it is to end. */
bool kedge_resting_wait(struct kedge_resting *resting, uint64_t span_ms);
/** Ends the thread and waits for it. Also when it was never started (zeroed). */
void kedge_resting_stop(struct kedge_resting *resting);

#endif
