/*
 * pace.h: the bytes a second that all who carry images to devices have together: blocks by CoAP,
 * blocks that are pushed, and downloads by HTTP, on whichever thread each of them is.
 *
 * Method: the virtual scheduling algorithm of ITU-T I.371, used to delay and not to refuse. There
 * is one number: the time at which all that was asked for so far has been sent at the rate. Who
 * wants to send takes its share, which moves that time on, and is told when it may. So turns come
 * in the order in which they were taken, nobody is passed over, and at any time no more has been
 * sent than
 *
 *   burst + rate * (time since the first byte)
 *
 * bytes, where the burst is KEDGE_PACE_BURST_MS of the rate. Whoever has one turn at a time gets as
 * many turns as anybody else.
 */
#ifndef KEDGE_UPDATER_PACE_H
#define KEDGE_UPDATER_PACE_H

#include <kedge/base.h>

#define KEDGE_PACE_BURST_MS 100u
/* Below, one block takes so long that devices give their requests up (RFC 7252 section 4.8.2). */
#define KEDGE_PACE_RATE_MIN 10000u
#define KEDGE_PACE_RATE_MAX 1000000000u

/** Zeroed, there is no limit. Any thread. */
struct kedge_pace {
    uint64_t bytes_per_s;          /* set once, before it is used; 0: no limit */
    _Atomic uint64_t sent_at_ns;   /* when all that was taken has been sent at the rate */
    _Atomic uint64_t waited_bytes; /* so far: such as were not to be sent at once */
};

/** The clock of a pace: CLOCK_MONOTONIC. */
uint64_t kedge_pace_now_ns(void);
/** How many bytes may leave at once after a pause. */
uint64_t kedge_pace_burst(const struct kedge_pace *pace);
/** How long it is until who takes `size` bytes now may send them; 0: at once. */
uint64_t kedge_pace_wait_ns(const struct kedge_pace *pace, uint64_t size, uint64_t now_ns);
/**
 * Takes the next turn for `size` bytes, and returns when they may be sent (at most `now_ns`: at
 * once). A turn that is not used is lost. `now_ns` may be a little behind the clock.
 */
uint64_t kedge_pace_take(struct kedge_pace *pace, uint64_t size, uint64_t now_ns);

#endif
