/*
 * pacing.h: downloads by HTTP at the pace of all that is carried to devices (updater/pace/pace.h).
 *
 * Method: a download takes a turn for one piece at a time, and its connection is suspended until
 * that has come, so that it costs no thread. One thread resumes them in the order of their turns.
 */
#ifndef KEDGE_UPDATER_API_PACING_H
#define KEDGE_UPDATER_API_PACING_H

#include <microhttpd.h>
#include <pthread.h>
#include <sys/queue.h>

#include "updater/pace/pace.h"

/* A piece is what goes out in 10 ms, within these: no larger than a block by CoAP where turns are
 * rare, so that everybody gets on alike, and larger where they are many. */
#define PACING_PIECE_MIN 1024u
#define PACING_PIECE_MAX 16384u
#define PACING_BEGIN_WAIT_MAX_S 20u /* who would wait longer for a first piece does not begin */

struct paced;

/** Zeroed there is no pace. */
struct pacing {
    struct kedge_pace *pace;
    pthread_mutex_t lock; /* for all that follows */
    pthread_cond_t wake;  /* on the monotonic clock */
    pthread_t thread;
    STAILQ_HEAD(, paced) waiting; /* in the order of their turns */
    bool started, ending;
};

/** `pace` may be NULL, and outlives it. */
void pacing_init(struct pacing *pacing, struct kedge_pace *pace);
/** 0, or the error number. */
int pacing_start(struct pacing *pacing);
/** Cuts off what waits: before the connections' threads are stopped. */
void pacing_end(struct pacing *pacing);
/** After they were. */
void pacing_close(struct pacing *pacing);

/** Whether downloads go at a pace. */
bool pacing_is_on(const struct pacing *pacing);
/** Whether the first piece of one more would have to wait too long. */
bool pacing_is_full(const struct pacing *pacing);
/** The bytes of a file from `first` on, at the pace; takes `file` over, but not when it returns
 * NULL: no memory. */
struct MHD_Response *pacing_response(struct pacing *pacing, struct MHD_Connection *connection,
                                     int file, uint64_t first, uint64_t size);

#endif
