/*
 * precondition.h: entity tags of things that people change, and If-Match (RFC 9110 section 13.1.1).
 *
 * The tag of a thing names what a person may have looked at before changing it: of a device its
 * tags; of a rollout all but its figures, with the states of its groups. So it stays the same while
 * devices come and go.
 *
 * A change that brings If-Match is alone with the thing, from the comparison to its end: no other
 * change by a person comes between. What a rollout does by itself may; then its own states refuse
 * what does not go any more.
 */
#ifndef KEDGE_UPDATER_API_PRECONDITION_H
#define KEDGE_UPDATER_API_PRECONDITION_H

#include <kedge/crypto.h>

#include "updater/api/internal.h"

/** Those who change something just now: many, or one alone. NULL without memory. */
struct changers *changers_create(void);
/** NULL is fine. */
void changers_destroy(struct changers *changers);

/**
 * Whether the change may go on; else it was refused with 412. Call precondition_leave() in both
 * cases, when it is done: it adds the tag to an answer with 200.
 */
bool precondition_enter(struct request *request);
void precondition_leave(struct request *request);

#endif
