/**
 * background.h: which threads give way, and to which.
 *
 * The network thread must be at work within microseconds of a datagram, however busy the API is. So
 * what serves people and programs runs at a lower priority: beside the network thread, on the same
 * core, it gets about a tenth. On Linux niceness belongs to a thread, and a thread begins with that
 * of the one that started it (sched(7), setpriority(2)); so whatever is started in here is in the
 * background, also by a library whose threads nobody else could reach.
 */
#ifndef KEDGED_BACKGROUND_H
#define KEDGED_BACKGROUND_H

/** What is added to the niceness that the program was started with; 19 is the most there is. */
#define KEDGE_BACKGROUND_NICENESS 10

/**
 * kedge_background_run() calls `start`, and waits for its end, in a thread of its own in the
 * background, where the threads that it starts stay. Returns 0, or the error of pthread_create(3);
 * then nothing was called.
 */
int kedge_background_run(void (*start)(void *context), void *context);

/**
 * What kedge_foreground_enter() asks for: less than Linux gives by itself (0.7 ms on one core, more
 * on several), or it would end nobody's slice; and not much less, for whoever has used a slice up
 * gives way in the middle of what it does.
 */
#define KEDGE_FOREGROUND_SLICE_NS 500000

/**
 * kedge_foreground_enter() has the calling thread put to work as soon as it is woken: by a slice
 * that is shorter than that of whoever has the core, whose slice is then ended. Since Linux 6.6 even
 * the less urgent come to the end of theirs; sched_setattr(2) takes a slice (sched_runtime) since
 * 6.12, and is asked in vain before. A policy that somebody has chosen for the program stays.
 */
void kedge_foreground_enter(void);

#endif
