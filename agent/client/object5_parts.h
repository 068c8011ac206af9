/*
 * object5_parts.h: what the parts of object 5 share: its table and resources (object5.c), the
 * download (object5_download.c) and the way from Execute to the reboot (object5_update.c).
 */
#ifndef KEDGE_AGENT_OBJECT5_PARTS_H
#define KEDGE_AGENT_OBJECT5_PARTS_H

#include "agent/client/object5.h"

/** The slot that does not run. */
uint8_t kedge_object5_spare(const struct kedge_object5 *object);
uint64_t kedge_object5_now_ms(const struct kedge_object5 *object);

/**
 * kedge_object5_apply() takes an event through the table. With `durable`, nothing changes unless it
 * is on disk first. `reason` (may be NULL: keep) are the words behind `result`. Answers with a CoAP
 * code. Any event but a deferral ends the wait for consent.
 */
uint8_t kedge_object5_apply(struct kedge_object5 *object, enum kedge_firmware_event event,
                            int result, const char *reason, bool durable);

/* ---- object5_download.c ---- */

/** In the state Downloading: fetches what the URI names, on from where an earlier download of it
 * came to; without one, waits for a push. */
void kedge_object5_begin_download(struct kedge_object5 *object);
/** Stops a download that is on, after noting how far it is and what it cost: it can be gone on
 * with.
 */
void kedge_object5_stop_download(struct kedge_object5 *object);
/** A block of a push that was begun. Answers with a CoAP code. */
uint8_t kedge_object5_take_pushed(struct kedge_object5 *object,
                                  const struct kedge_intake_block *block);

/* ---- object5_update.c ---- */

uint8_t kedge_object5_update(struct kedge_object5 *object);
/** After a restart: goes on waiting, if it did. */
void kedge_object5_resume_consent(struct kedge_object5 *object);
void kedge_object5_poll_update(struct kedge_object5 *object, uint64_t *wait_ms);

#endif
