/*
 * backend.c: the table, what its parts share, and what only looks.
 */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"

#include "updater/kedged/call.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/glance.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- what the parts share ---- */

enum kedge_rc kedge_backend_refuse(char *text, enum kedge_rc rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, KEDGE_BACKEND_TEXT_MAX, format, arguments);
    va_end(arguments);
    return rc;
}

enum kedge_rc kedge_backend_name_conflict(char *text, enum kedge_rc rc)
{
    if (rc != KEDGE_E_CONFLICT)
        return rc;
    return kedge_backend_refuse(text, rc,
                                "an identity belongs to another endpoint already, or two "
                                "endpoints here have the same");
}

enum kedge_rc kedge_backend_reader(struct kedge_backend_state *state, struct kedge_reader **reader,
                                   char *text)
{
    char error[KEDGE_STORE_ERROR_MAX];
    enum kedge_rc rc = kedge_reader_open(state->folder, reader, error);
    return rc == KEDGE_OK ? rc : kedge_backend_refuse(text, rc, "%s", error);
}

enum kedge_rc kedge_backend_read_as(const struct kedge_reader *reader, enum kedge_rc rc, char *text)
{
    if (rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND)
        return rc;
    /* a damaged row is no fault of what was asked */
    return kedge_backend_refuse(text, rc == KEDGE_E_MALFORMED ? KEDGE_E_SYSTEM : rc,
                                "the store could not be read: %s", kedge_reader_error(reader));
}

enum kedge_rc kedge_backend_read_before(const struct kedge_reader *reader, enum kedge_rc rc,
                                        char *identity, char *text)
{
    if (rc != KEDGE_E_NOT_FOUND)
        return kedge_backend_read_as(reader, rc, text);
    identity[0] = '\0';
    return KEDGE_OK;
}

enum kedge_rc kedge_backend_add_audit(struct kedge_batch *batch, const struct kedge_change *change)
{
    struct kedge_audit_entry entry = {.at_ms = kedge_wall_ms()};
    (void)snprintf(entry.who, sizeof(entry.who), "%s", change->who);
    (void)snprintf(entry.what, sizeof(entry.what), "%s", change->what);
    (void)snprintf(entry.subject, sizeof(entry.subject), "%s", change->subject);
    (void)snprintf(entry.before, sizeof(entry.before), "%s", change->before ? change->before : "");
    (void)snprintf(entry.after, sizeof(entry.after), "%s", change->after ? change->after : "");
    return kedge_batch_add_audit(batch, &entry);
}

enum kedge_rc kedge_backend_commit(struct kedge_backend_state *state, struct kedge_batch *batch,
                                   enum kedge_rc rc, const struct kedge_change *change, char *text)
{
    if (rc == KEDGE_OK && change != NULL)
        rc = kedge_backend_add_audit(batch, change);
    if (rc != KEDGE_OK) {
        kedge_batch_destroy(batch);
        return rc;
    }
    rc = kedge_call_commit(state->store, batch, text);
    if (rc != KEDGE_OK && rc != KEDGE_E_CONFLICT)
        kedge_bridge_store_failed(state->bridge, text);
    return rc;
}

/* ---- tags ---- */

static enum kedge_rc device_set_tags(void *context, const char *who, const char *endpoint,
                                     const char *tags_json, char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_reader *reader;
    struct kedge_device_record record;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    enum kedge_rc rc =
        kedge_backend_read_as(reader, kedge_reader_device(reader, endpoint, &record), text);
    kedge_reader_close(reader);
    if (rc == KEDGE_E_NOT_FOUND)
        return kedge_backend_refuse(text, rc, "there is no device %s", endpoint);
    KEDGE_TRY(rc);
    const struct kedge_change change = {.who = who,
                                        .what = "device.tag",
                                        .subject = endpoint,
                                        .before = record.tags,
                                        .after = tags_json};
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    rc = kedge_batch_set_tags(batch, endpoint, tags_json);
    rc = kedge_backend_commit(state, batch, rc, &change, text);
    if (rc == KEDGE_OK)
        kedge_backend_devices_changed(state, &endpoint, 1);
    return rc;
}

/* ---- looking, on the network thread ---- */

static const char held_text[] = "the store cannot be written at the moment; see the server's log";

struct explaining {
    struct kedge_backend_state *state;
    uint64_t rollout_id;
    int64_t group_index;
    char *explanation;
};

static void explain(struct kedge_call *call)
{
    struct explaining *explaining = call->context;
    const struct kedge_engine *engine = kedge_steering_engine(explaining->state->bridge->steering);
    if (engine == NULL) {
        kedge_call_answer(call, KEDGE_E_BUSY, held_text);
        return;
    }
    uint64_t now_ms = kedge_wall_ms();
    enum kedge_rc rc = explaining->group_index < 0
                           ? kedge_engine_explain_rollout(engine, explaining->rollout_id, now_ms,
                                                          explaining->explanation)
                           : kedge_engine_explain_group(engine, explaining->rollout_id,
                                                        (uint32_t)explaining->group_index, now_ms,
                                                        explaining->explanation);
    kedge_call_answer(call, rc, "");
}

static enum kedge_rc rollout_explain(void *context, uint64_t rollout_id, int64_t group_index,
                                     char explanation[KEDGE_EXPLANATION_MAX])
{
    struct kedge_backend_state *state = context;
    struct explaining explaining = {state, rollout_id, group_index, explanation};
    struct kedge_call call = {.fn = explain, .context = &explaining};
    return kedge_call_network(state->net, &call);
}

struct reaching {
    struct kedge_backend_state *state;
    const char *endpoint;
    struct kedge_backend_reach *out;
};

static void find_reach(struct kedge_call *call)
{
    struct reaching *reaching = call->context;
    struct kedge_device device;
    bool is_there = kedge_fleet_device(reaching->state->bridge->fleet, reaching->endpoint, &device);
    if (!is_there || !device.registered) {
        kedge_call_answer(call, KEDGE_E_NOT_FOUND, "");
        return;
    }
    *reaching->out = (struct kedge_backend_reach){
        .queue_mode = device.queue_mode,
        .asleep = device.asleep,
        .expected_at_ms = device.lifetime_s != 0 && device.expected_in_s != 0
                              ? kedge_wall_ms() + (uint64_t)device.expected_in_s * 1000u
                              : 0};
    kedge_call_answer(call, KEDGE_OK, "");
}

static enum kedge_rc device_reach(void *context, const char *endpoint,
                                  struct kedge_backend_reach *out)
{
    struct kedge_backend_state *state = context;
    struct reaching reaching = {state, endpoint, out};
    struct kedge_call call = {.fn = find_reach, .context = &reaching};
    return kedge_call_network(state->net, &call);
}

struct looking {
    struct kedge_backend_state *state;
    struct kedge_backend_look *looks;
    size_t count;
};

static void look(struct kedge_call *call)
{
    struct looking *looking = call->context;
    const struct kedge_engine *engine = kedge_steering_engine(looking->state->bridge->steering);
    uint64_t now_ms = kedge_wall_ms();
    for (size_t i = 0; engine != NULL && i < looking->count; i++) {
        struct kedge_backend_look *one = &looking->looks[i];
        struct kedge_deployment deployment;
        one->live = kedge_engine_deployment(engine, one->deployment_id, &deployment) == KEDGE_OK &&
                    kedge_engine_explain_deployment(engine, one->deployment_id, now_ms,
                                                    one->explanation) == KEDGE_OK;
        one->bytes_done = one->live ? deployment.bytes_done : 0;
        one->bytes_total = one->live ? deployment.bytes_total : 0;
    }
    kedge_call_answer(call, engine != NULL ? KEDGE_OK : KEDGE_E_BUSY,
                      engine != NULL ? "" : held_text);
}

static enum kedge_rc deployments_look(void *context, struct kedge_backend_look *looks, size_t count)
{
    struct kedge_backend_state *state = context;
    struct looking looking = {state, looks, count};
    struct kedge_call call = {.fn = look, .context = &looking};
    if (count > KEDGE_BACKEND_LOOKS_MAX)
        return KEDGE_E_LIMIT;
    for (size_t i = 0; i < count; i++)
        looks[i].live = false;
    return kedge_call_network(state->net, &call);
}

/* ---- health ---- */

static void check_up(void *context, void *out)
{
    const struct kedge_bridge *bridge = context;
    struct kedge_backend_health *health = out;
    const struct kedge_engine *engine =
        bridge->ended ? NULL : kedge_steering_engine(bridge->steering);
    health->ready = engine != NULL;
    if (!bridge->ended)
        health->devices_registered = kedge_fleet_counters(bridge->fleet).registered;
    if (engine != NULL)
        kedge_engine_figures(engine, &health->rollouts_running, &health->deployments_busy);
}

static void health(void *context, struct kedge_backend_health *out)
{
    struct kedge_backend_state *state = context;
    *out = (struct kedge_backend_health){.ready = false};
    (void)kedge_glance(state->net, check_up, state->bridge, out, sizeof(*out));
}

/* ---- the table ---- */

void kedge_backend_init(struct kedge_backend_state *state, struct kedge_backend *table)
{
    (void)pthread_mutex_init(&state->trust_lock, NULL);
    (void)pthread_mutex_init(&state->class_lock, NULL);
    (void)pthread_mutex_init(&state->token_lock, NULL);
    (void)pthread_mutex_init(&state->package_lock, NULL);
    *table = (struct kedge_backend){
        .context = state,
        .trust_add = kedge_backend_trust_add,
        .trust_remove = kedge_backend_trust_remove,
        .class_put = kedge_backend_class_put,
        .class_remove = kedge_backend_class_remove,
        .token_create = kedge_backend_token_create,
        .token_revoke = kedge_backend_token_revoke,
        .package_accept = kedge_backend_package_accept,
        .package_delete = kedge_backend_package_delete,
        .rollout_create = kedge_backend_rollout_create,
        .rollout_plan = kedge_backend_rollout_plan,
        .rollout_change = kedge_backend_rollout_change,
        .device_set_tags = device_set_tags,
        .device_ask = kedge_backend_device_ask,
        .credentials_put = kedge_backend_credentials_put,
        .credentials_remove = kedge_backend_credentials_remove,
        .bootstraps_put = kedge_backend_bootstraps_put,
        .bootstrap_remove = kedge_backend_bootstrap_remove,
        .rollout_explain = rollout_explain,
        .device_reach = device_reach,
        .deployments_look = deployments_look,
        .webhook_put = kedge_backend_webhook_put,
        .webhook_remove = kedge_backend_webhook_remove,
        .webhook_again = kedge_backend_webhook_again,
        .note_put = kedge_backend_note_put,
        .note_delete = kedge_backend_note_delete,
        .downloaded = kedge_backend_downloaded,
        .health = health,
        .figures = kedge_backend_figures,
    };
}

void kedge_backend_clear(struct kedge_backend_state *state)
{
    (void)pthread_mutex_destroy(&state->trust_lock);
    (void)pthread_mutex_destroy(&state->class_lock);
    (void)pthread_mutex_destroy(&state->token_lock);
    (void)pthread_mutex_destroy(&state->package_lock);
}
