/*
 * retention.h: the server removes what rollouts did device by device, so many days after they have
 * ended (updater/store/retention.h says what goes and what stays).
 *
 * A thread of its own looks an hour after the start, when the wall clock has been set if it was
 * wrong at boot, and then once a day. It hands the store one small slice at a time, rests after
 * each, and waits where the store is behind. What a look has removed is one entry of the audit log.
 */
#ifndef KEDGE_UPDATER_RETENTION_H
#define KEDGE_UPDATER_RETENTION_H

#include "updater/kedged/bridge.h"
#include "updater/kedged/resting.h"

#define KEDGE_RETENTION_FIRST_S 3600u
#define KEDGE_RETENTION_PERIOD_S 86400u
#define KEDGE_RETENTION_REST_MS 20u /* after each slice */
#define KEDGE_RETENTION_DAYS_MAX 36500u

struct kedge_retention {
    struct kedge_store *store;
    struct kedge_bridge *bridge; /* told when the store cannot be written; NULL: nobody */
    const char *folder;
    uint32_t days; /* 0: for ever */
    struct kedge_resting resting;
};

/**
 * Begins, unless history is kept for ever; store, bridge and folder outlive it. 0, or the error
 * number.
 */
int kedge_retention_start(struct kedge_retention *retention, struct kedge_store *store,
                          struct kedge_bridge *bridge, const char *folder, uint32_t days);
/** Also when it was never started (zeroed). */
void kedge_retention_stop(struct kedge_retention *retention);

/**
 * One look, as of `now_ms` (Unix time): removes all that is due and adds the audit entry. `rest` is
 * called after each slice; when it returns false the look ends, and the next one goes on. What
 * fails is logged, and left for the next look.
 */
void kedge_retention_look(const struct kedge_retention *retention, uint64_t now_ms,
                          bool (*rest)(void *context), void *context);

#endif
