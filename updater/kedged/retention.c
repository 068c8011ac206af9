/* retention.c: see retention.h. */
#define _GNU_SOURCE
#include "updater/kedged/retention.h"

#include "updater/kedged/call.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"
#include "updater/store/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000u

/* ---- one look ---- */

/* Takes the batch over. */
static enum kedge_rc commit(const struct kedge_retention *retention, struct kedge_batch *batch,
                            enum kedge_rc rc)
{
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        return rc;
    }
    rc = kedge_call_commit(retention->store, batch, text);
    if (rc != KEDGE_OK && rc != KEDGE_E_CONFLICT && retention->bridge != NULL)
        kedge_bridge_store_failed(retention->bridge, text);
    return rc;
}

static enum kedge_rc remove_slice(const struct kedge_retention *retention,
                                  struct kedge_reader *reader, uint64_t before_ms, uint64_t now_ms)
{
    struct kedge_removal_slice slice;
    KEDGE_TRY(kedge_reader_next_removal(reader, before_ms, now_ms, &slice));
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return commit(retention, batch, kedge_batch_remove(batch, &slice));
}

static void describe(const struct kedge_retention *retention,
                     const struct kedge_removal_totals *totals, uint64_t now_ms,
                     struct kedge_audit_entry *entry)
{
    *entry = (struct kedge_audit_entry){
        .at_ms = now_ms, .who = "server", .what = "history.remove", .subject = "rollouts"};
    (void)snprintf(entry->before, sizeof(entry->before), "ended more than %" PRIu32 " %s ago",
                   retention->days, kedge_by_count(retention->days, "day", "days"));
    (void)snprintf(entry->after, sizeof(entry->after),
                   "of %" PRIu64 " %s %" PRIu64 " %s and %" PRIu64
                   " %s of the history were removed",
                   totals->rollouts, kedge_by_count(totals->rollouts, "rollout", "rollouts"),
                   totals->deployments,
                   kedge_by_count(totals->deployments, "deployment", "deployments"),
                   totals->history, kedge_by_count(totals->history, "entry", "entries"));
}

/* Of what this look has finished, and one before it that was cut off. */
static enum kedge_rc audit(const struct kedge_retention *retention, struct kedge_reader *reader,
                           uint64_t now_ms)
{
    struct kedge_removal_totals totals = {.rollouts = 0};
    struct kedge_audit_entry entry;
    KEDGE_TRY(kedge_reader_removal_totals(reader, &totals));
    if (totals.rollouts == 0)
        return KEDGE_OK;
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    describe(retention, &totals, now_ms, &entry);
    KEDGE_TRY(commit(retention, batch, kedge_batch_audit_removals(batch, &entry)));
    kedge_log(KEDGE_LOG_INFO, "history: %s, which %s", entry.after, entry.before);
    return KEDGE_OK;
}

void kedge_retention_look(const struct kedge_retention *retention, uint64_t now_ms,
                          bool (*rest)(void *context), void *context)
{
    const uint64_t kept_ms = (uint64_t)retention->days * DAY_MS;
    char error[KEDGE_STORE_ERROR_MAX];
    struct kedge_reader *reader;
    if (retention->days == 0 || now_ms < kept_ms)
        return;
    enum kedge_rc rc = kedge_reader_open(retention->folder, &reader, error);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_WARNING, "history: %s", error);
        return;
    }
    while (rc == KEDGE_OK && rest(context))
        if (!kedge_store_behind(retention->store))
            rc = remove_slice(retention, reader, now_ms - kept_ms, now_ms);
    if (rc == KEDGE_E_NOT_FOUND || rc == KEDGE_OK)
        rc = audit(retention, reader, now_ms);
    if (rc != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "history: what is old could not be removed: %s",
                  kedge_rc_text(rc));
    kedge_reader_close(reader);
}

/* ---- the thread ---- */

static bool rest(void *context)
{
    struct kedge_retention *retention = context;
    return kedge_resting_wait(&retention->resting, KEDGE_RETENTION_REST_MS);
}

static void *run(void *context)
{
    struct kedge_retention *retention = context;
    uint64_t span_ms = KEDGE_RETENTION_FIRST_S * 1000u;
    while (kedge_resting_wait(&retention->resting, span_ms)) {
        kedge_retention_look(retention, kedge_wall_ms(), rest, retention);
        span_ms = KEDGE_RETENTION_PERIOD_S * 1000u;
    }
    return NULL;
}

int kedge_retention_start(struct kedge_retention *retention, struct kedge_store *store,
                          struct kedge_bridge *bridge, const char *folder, uint32_t days)
{
    *retention =
        (struct kedge_retention){.store = store, .bridge = bridge, .folder = folder, .days = days};
    if (days == 0)
        return 0;
    return kedge_resting_start(&retention->resting, run, retention);
}

void kedge_retention_stop(struct kedge_retention *retention)
{
    kedge_resting_stop(&retention->resting);
}
