/*
 * failures.h: how often each address has lately come with a token that is unknown. Addresses share
 * counters as in crowd.h.
 */
#ifndef KEDGE_UPDATER_API_FAILURES_H
#define KEDGE_UPDATER_API_FAILURES_H

#include "updater/api/crowd.h"

#include <pthread.h>

#define FAILURES_MAX 20u      /* of an address in one window */
#define FAILURES_WINDOW_S 10u /* then all counters begin anew */

struct failures {
    pthread_mutex_t lock;
    struct crowd crowd;
    uint64_t window; /* which one they are counted in */
};

void failures_init(struct failures *failures);
/** Before the first is counted. 0, or the error number. */
int failures_start(struct failures *failures);
void failures_close(struct failures *failures);
/**
 * Counts one of this address at `now_s`, which never goes back. 0, or, when it has had too many in
 * this window, the seconds until the next. `*first` when it is the first one too many.
 */
uint32_t failures_count(struct failures *failures, const struct host *host, uint64_t now_s,
                        bool *first);

#endif
