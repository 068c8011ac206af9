/* sampling.c: how the fleet and its rollouts stand, noted from time to time. */
#define _GNU_SOURCE
#include "updater/kedged/sampling.h"

#include "updater/api/json_text.h"
#include "updater/kedged/call.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"
#include "updater/store/figures.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ROLLOUTS_MAX 256u     /* that are noted at once */
#define ENDED_SINCE_MS 60000u /* how long a rollout that has ended is still looked at */

/* ---- the fleet ---- */

static bool add_share(void *context, const struct kedge_fleet_share *share)
{
    json_t *versions = context;
    json_t *item = json_pack("{s:o, s:I}", "version", json_text(share->version), "devices",
                             (json_int_t)share->devices);
    return json_array_append_new(versions, item) == 0;
}

/* Takes `figures` over (NULL: no memory). */
static enum kedge_rc fill_in(struct kedge_sample *sample, json_t *figures)
{
    size_t size = json_dumpb(figures, sample->figures, sizeof(sample->figures) - 1, JSON_COMPACT);
    json_decref(figures);
    return size == 0 || size >= sizeof(sample->figures) ? KEDGE_E_BUFFER : KEDGE_OK;
}

static enum kedge_rc note_fleet(struct kedge_reader *reader, uint64_t now_ms,
                                struct kedge_batch *batch)
{
    struct kedge_fleet_totals totals = {.devices = 0};
    KEDGE_TRY(kedge_reader_fleet_totals(reader, &totals));
    json_t *versions = json_array();
    enum kedge_rc rc =
        kedge_reader_fleet_shares(reader, KEDGE_SAMPLING_SHARES_MAX, add_share, versions);
    if (rc != KEDGE_OK) {
        json_decref(versions);
        return rc;
    }
    json_t *figures = json_pack("{s:I, s:I, s:o}", "devices", (json_int_t)totals.devices,
                                "registered", (json_int_t)totals.registered, "versions", versions);
    struct kedge_sample sample = {.series = KEDGE_SERIES_FLEET, .at_ms = now_ms};
    KEDGE_TRY(fill_in(&sample, figures));
    return kedge_batch_add_sample(batch, &sample);
}

/* ---- rollouts ---- */

struct moving {
    uint64_t ids[ROLLOUTS_MAX];
    size_t count;
};

static bool keep_id(void *context, uint64_t rollout_id)
{
    struct moving *moving = context;
    moving->ids[moving->count++] = rollout_id;
    return moving->count < ROLLOUTS_MAX;
}

static bool add_counts(void *context, const struct kedge_group *group)
{
    uint64_t *counts = context;
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        counts[i] += group->counts[i];
    return true;
}

/* One that stands still is not noted again: the disk of an idle server stays idle. */
static enum kedge_rc note_rollout(struct kedge_reader *reader, uint64_t rollout_id, uint64_t now_ms,
                                  struct kedge_batch *batch)
{
    uint64_t counts[KEDGE_DEPLOYMENT_STATE_COUNT] = {0};
    struct kedge_sample sample = {.series = rollout_id, .at_ms = now_ms}, last;
    KEDGE_TRY(kedge_reader_groups(reader, rollout_id, add_counts, counts));
    json_t *states = json_object();
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        (void)json_object_set_new(states,
                                  kedge_deployment_state_name((enum kedge_deployment_state)i),
                                  json_integer((json_int_t)counts[i]));
    KEDGE_TRY(fill_in(&sample, json_pack("{s:o}", "counts", states)));
    enum kedge_rc rc = kedge_reader_last_sample(reader, rollout_id, &last);
    if (rc == KEDGE_OK && strcmp(last.figures, sample.figures) == 0)
        return KEDGE_OK;
    return rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND ? kedge_batch_add_sample(batch, &sample) : rc;
}

static enum kedge_rc note_rollouts(struct kedge_reader *reader, uint64_t now_ms,
                                   struct kedge_batch *batch)
{
    struct moving moving = {.count = 0};
    KEDGE_TRY(kedge_reader_moving_rollouts(reader, now_ms - ENDED_SINCE_MS, keep_id, &moving));
    for (size_t i = 0; i < moving.count; i++)
        KEDGE_TRY(note_rollout(reader, moving.ids[i], now_ms, batch));
    return KEDGE_OK;
}

/* ---- the thread ---- */

/* What is to be noted at this tick, as a batch. */
static enum kedge_rc collect(const struct kedge_sampling *sampling, bool fleet, uint64_t now_ms,
                             struct kedge_batch *batch)
{
    char error[KEDGE_STORE_ERROR_MAX];
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_reader_open(sampling->folder, &reader, error));
    enum kedge_rc rc = note_rollouts(reader, now_ms, batch);
    if (rc == KEDGE_OK && fleet)
        rc = note_fleet(reader, now_ms, batch);
    kedge_reader_close(reader);
    return rc;
}

static void note(const struct kedge_sampling *sampling, bool fleet)
{
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    struct kedge_batch *batch = kedge_store_behind(sampling->store) ? NULL : kedge_batch_create();
    if (batch == NULL)
        return;
    enum kedge_rc rc = collect(sampling, fleet, kedge_wall_ms(), batch);
    if (rc != KEDGE_OK || kedge_batch_rows(batch) == 0) {
        if (rc != KEDGE_OK)
            kedge_log(KEDGE_LOG_WARNING, "nothing was noted for the charts: %s", kedge_rc_text(rc));
        kedge_batch_destroy(batch);
        return;
    }
    rc = kedge_call_commit(sampling->store, batch, text);
    if (rc != KEDGE_OK && rc != KEDGE_E_CONFLICT)
        kedge_bridge_store_failed(sampling->bridge, text);
}

static void *run(void *context)
{
    struct kedge_sampling *sampling = context;
    unsigned seconds = KEDGE_SAMPLING_FLEET_S; /* since the fleet was noted: the first one is due */
    while (kedge_resting_wait(&sampling->resting, KEDGE_SAMPLING_TICK_S * 1000u)) {
        seconds += KEDGE_SAMPLING_TICK_S;
        bool fleet = seconds >= KEDGE_SAMPLING_FLEET_S;
        note(sampling, fleet);
        seconds = fleet ? 0 : seconds;
    }
    return NULL;
}

int kedge_sampling_start(struct kedge_sampling *sampling, struct kedge_store *store,
                         struct kedge_bridge *bridge, const char *folder)
{
    *sampling = (struct kedge_sampling){.store = store, .bridge = bridge, .folder = folder};
    return kedge_resting_start(&sampling->resting, run, sampling);
}

void kedge_sampling_stop(struct kedge_sampling *sampling)
{
    kedge_resting_stop(&sampling->resting);
}
