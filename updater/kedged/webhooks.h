/*
 * webhooks.h: what happened to rollouts, groups and deployments, posted to where an admin asked.
 *
 *   webhooks.c         what hooks there are, and one thread that delivers to all of them
 *   webhook_request.c  one event on its way (libcurl)
 *   webhook_body.c     an event as it is posted, and its signature
 *   webhook_changes.c  hooks made and removed, undelivered events asked for again
 *
 * Method: the queue is the history itself, which is on disk, in order, and written with what
 * happened. A hook remembers up to which entry it has delivered; so nothing is lost by a crash, and
 * what was answered just before one is delivered again. Each hook has one request on its way at a
 * time: one that stalls holds no other up. What fails is tried again, later and later; an event
 * that was tried as often as the hook says is put aside as undelivered, and the next one's turn
 * comes, once for each pause, until one arrives. Of deployments, of which there are as many as
 * devices, a hook leaves out those that are WEBHOOK_LAG_MAX entries behind, and no others.
 *
 * Notes: "webhook" by name, what was asked for; "webhook_at" by name, how far it is; "undelivered"
 * by number, with what was posted.
 */
#ifndef KEDGE_UPDATER_KEDGED_WEBHOOKS_H
#define KEDGE_UPDATER_KEDGED_WEBHOOKS_H

#include "updater/store/store.h"

#define WEBHOOKS_MAX 16u
#define WEBHOOK_URL_MAX 1023u
#define WEBHOOK_SECRET_MAX 128u
#define WEBHOOK_LAG_MAX 10000u          /* entries of the history */
#define WEBHOOK_UNDELIVERED_MAX 1000u   /* events that are kept, of all hooks */
#define WEBHOOK_LIMIT_S 20              /* for one answer */
#define WEBHOOK_PAUSE_MAX_MS 60000u     /* between two attempts; the first is 1 s */
#define WEBHOOK_RETRY_AFTER_MAX_S 3600u /* that a receiver can ask for instead */
#define WEBHOOK_NUMBER_SIZE 21u         /* of what is undelivered: 20 digits, with the NUL */

struct kedge_webhooks;

/** Starts the thread. The store outlives it. KEDGE_E_MEMORY, KEDGE_E_SYSTEM. */
enum kedge_rc kedge_webhooks_start(struct kedge_store *store, const char *folder,
                                   struct kedge_webhooks **out) KEDGE_MUST_USE;
/** Cuts what is on its way off: it is delivered after the next start. NULL is fine. */
void kedge_webhooks_stop(struct kedge_webhooks *webhooks);
/** "There is more history." From any thread; NULL is fine, and likewise below. */
void kedge_webhooks_wake(struct kedge_webhooks *webhooks);
/** "The notes of hooks, or of what is to be delivered again, have changed." */
void kedge_webhooks_reload(struct kedge_webhooks *webhooks);

/* webhook_body.c */

/** The body for the entry, as JSON; NULL: no memory. Free it. */
char *webhook_body(const char *webhook, const struct kedge_history_entry *entry);
/** "rollout", "group" or "deployment": of what the entry is. */
const char *webhook_event_name(const struct kedge_history_entry *entry);
/** "t=SECONDS,v1=HEX": HMAC-SHA-256 by the secret over "SECONDS.BODY". */
void webhook_sign(const char *secret, uint64_t at_s, const char *body, char out[128]);

#endif
