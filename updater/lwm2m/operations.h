/*
 * operations.h: what a server asks of a registered device (OMA LwM2M Core 1.2, section 6.3 and
 * 6.4). On the network thread; confirmable, one at a time for each device; none of these blocks or
 * calls back before it has returned.
 *
 * The payload goes in the best format that the device has; when it refuses one by 4.15, or by 4.06
 * the one that is asked for, the next is tried, and when that does, the refusal is remembered until
 * its next Register (updater/lwm2m/formats.h). What is to be written goes by Block1 (RFC 7959) when
 * it does not fit into one message; the paths of composite reads must fit.
 */
#ifndef KEDGE_UPDATER_OPERATIONS_H
#define KEDGE_UPDATER_OPERATIONS_H

#include "updater/net/net.h"

#include <kedge/lwm2m_operation.h>

struct kedge_fleet;

/** What a device answered. Borrowed for the call. */
struct kedge_operation_answer {
    uint8_t code;            /* 2.05, 2.04, 4.04, ... */
    uint32_t content_format; /* of the payload; KEDGE_LWM2M_FORMAT_NONE: it did not say */
    struct kedge_slice payload;
    struct kedge_lwm2m_path created; /* of 2.01: what it named the new instance; else depth 0 */
    bool observing;                  /* of an observation: newer values will follow */
    uint32_t max_age_s;              /* how long it holds; UINT32_MAX: it did not say */
    struct kedge_writer *scratch;    /* to decode values into that cannot be borrowed */
};

/**
 * How it ended: KEDGE_OK with the answer (any code), else NULL and KEDGE_E_TIMEOUT, KEDGE_E_REFUSED
 * (RST), KEDGE_E_LIMIT (too large), KEDGE_E_MALFORMED (an answer to a block that is none to that)
 * or KEDGE_E_CANCELED (the registration it was made under ended). Called once; for an observation
 * with each newer value, until it ends with another rc than KEDGE_OK or with an answer that is not
 * `observing`.
 */
typedef void kedge_operation_fn(void *context, enum kedge_rc rc,
                                const struct kedge_operation_answer *answer);

/**
 * Asks the device that is registered under this endpoint. Fails at once, and then without a
 * callback, with KEDGE_E_NOT_FOUND (none is), KEDGE_E_STATE (it is in queue mode and asleep:
 * nothing is sent), KEDGE_E_BUSY (too much waits for it), KEDGE_E_BUFFER (too large),
 * KEDGE_E_ARGUMENT and KEDGE_E_TYPE (path, records and kind do not go together),
 * KEDGE_E_CONNECTION, KEDGE_E_MEMORY. `handle` (may be NULL) names it for kedge_device_cancel().
 */
enum kedge_rc kedge_device_ask(struct kedge_fleet *fleet, const char *endpoint,
                               const struct kedge_operation_request *request,
                               kedge_operation_fn *fn, void *context,
                               uint64_t *handle) KEDGE_MUST_USE;
/** No callback any more; the next notification of an observation is refused, which ends it. */
void kedge_device_cancel(struct kedge_fleet *fleet, uint64_t handle);
/** The same, and a device that is awake is asked to end the observation (OMA LwM2M Core 1.2,
 * section 6.4.4). */
void kedge_device_unobserve(struct kedge_fleet *fleet, uint64_t handle);

#endif
