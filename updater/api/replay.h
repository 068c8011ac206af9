/*
 * replay.h: Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a request that makes a
 * thing, and is sent again with the same key by the same token, is answered as the first time and
 * makes nothing.
 *
 * Before anything is made it is on disk that a request of this key was begun; after that, its
 * answer. Who comes again between the two, as after a power cut, is told that it is not known: so
 * never is anything made twice. A refusal that made nothing is not kept: the key may be tried
 * again.
 */
#ifndef KEDGE_UPDATER_API_REPLAY_H
#define KEDGE_UPDATER_API_REPLAY_H

#include "updater/api/internal.h"

#define REPLAY_KEY_MAX 64u
#define REPLAY_KEPT_S (24u * 3600u)
#define REPLAY_KEPT_MAX 1000u /* of one token: beyond that, its oldest are forgotten sooner */

/** Whether the handler is to run; if not, the answer is there. */
bool replay_enter(struct request *request);
/** Keeps the answer of a handler that has run, where a key was given. */
void replay_leave(struct request *request);

#endif
