/*
 * cut.h: every state of the flash that a cut of power during a session may leave behind.
 *
 * NOR: operations are durable as they happen. A cut falls between two of them, or inside one: some
 * of a write's units are done and the next one is torn; some of an erase's sectors are done and the
 * next one holds anything between its old bytes and erased ones. Torn units count as written;
 * behind ECC they cannot be read.
 *
 * A cached disk, and the folder beside a flash: what has not been synced may be lost or kept sector
 * by sector, in any combination; and a sector may be torn inside, or be noise. What a file system
 * does to names and lengths is done or not.
 */
#ifndef KEDGE_TESTS_POWERCUT_CUT_H
#define KEDGE_TESTS_POWERCUT_CUT_H

#include "tests/powercut/device.h"

/** A session as it happened. */
struct recording {
    uint8_t *start; /* the state at power-on */
    struct sim_op *log;
    size_t log_count;
    uint8_t *data;
    struct mark marks[MARKS_MAX];
    size_t mark_count;
};

/** Takes the log over from `device`, which begins a new one; `start` becomes the recording's. */
void recording_take(struct recording *recording, struct device *device, uint8_t *start);
void recording_free(struct recording *recording);

/** One cut: the state that it left and what had been promised by then. */
typedef void cut_fn(void *context, const uint8_t *state, const struct promises *promises);

/** At how many places inside a long operation the power is cut. */
enum cut_detail {
    CUT_SPREAD, /* at its ends, and a few between */
    CUT_MANY,   /* up to 256 */
    CUT_EVERY   /* each unit */
};

/** Calls `each` for all cuts, inside long operations as `detail` says. What it is given is good for
 * the call. */
void cut_each(const struct sim_flash *sim, const struct recording *recording,
              enum cut_detail detail, cut_fn *each, void *context);

#endif
