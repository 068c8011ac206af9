/*
 * load.c: an engine from records: after a restart, and after a write that failed.
 */
#include "updater/rollout/engine.h"

#include <string.h>

static bool text_ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

enum kedge_rc kedge_engine_load_rollout(struct kedge_engine *engine,
                                        const struct kedge_rollout *record)
{
    if (!engine->loading)
        return KEDGE_E_STATE;
    if (record->id == 0 || (unsigned)record->state >= KEDGE_ROLLOUT_STATE_COUNT ||
        record->group_count == 0 || record->group_count > KEDGE_ROLLOUT_GROUPS_MAX ||
        engine_rollout(engine, record->id) != NULL)
        return KEDGE_E_MALFORMED;
    struct rollout_node *rollout;
    return engine_add_rollout(engine, record, &rollout);
}

enum kedge_rc kedge_engine_load_group(struct kedge_engine *engine, const struct kedge_group *record)
{
    if (!engine->loading)
        return KEDGE_E_STATE;
    struct rollout_node *rollout = engine_rollout(engine, record->rollout_id);
    if (rollout == NULL || record->index >= rollout->record.group_count ||
        (unsigned)record->state >= KEDGE_GROUP_STATE_COUNT || rollout->groups[record->index].loaded)
        return KEDGE_E_MALFORMED;
    struct group_node *group = &rollout->groups[record->index];
    group->record = *record;
    group->loaded = true;
    if (kedge_rollout_state_ended(rollout->record.state)) {
        for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
            group->size += record->counts[i];
        return KEDGE_OK;
    }
    /* The deployments are the truth; they are counted as they come. */
    memset(group->record.counts, 0, sizeof(group->record.counts));
    group->record.errors = 0;
    group->record.already = 0;
    return KEDGE_OK;
}

/* A deployment fits when its device has no other one in flight, nor another of the same rollout. */
static bool fits_device(const struct kedge_engine *engine, const struct kedge_deployment *record)
{
    const struct device_node *device = engine_device(engine, record->endpoint);
    if (device == NULL || kedge_deployment_state_ended(record->state))
        return true;
    if (device->working != NULL && kedge_deployment_state_busy(record->state))
        return false;
    const struct deployment_node *node = device->open;
    while (node != NULL && node->group->record.rollout_id != record->rollout_id)
        node = node->next_in_device;
    return node == NULL;
}

static bool was_tried(const struct kedge_deployment *record)
{
    unsigned retries = 0;
    for (unsigned kind = 0; kind < KEDGE_ERROR_KIND_COUNT; kind++)
        retries += record->retries[kind];
    return retries > 0 || record->steps_done != 0;
}

enum kedge_rc kedge_engine_load_deployment(struct kedge_engine *engine,
                                           const struct kedge_deployment *record)
{
    if (!engine->loading)
        return KEDGE_E_STATE;
    struct rollout_node *rollout = engine_rollout(engine, record->rollout_id);
    if (rollout == NULL || record->id == 0 || engine_deployment(engine, record->id) != NULL ||
        record->group_index >= rollout->record.group_count ||
        !rollout->groups[record->group_index].loaded ||
        record->step > rollout->record.intermediate_count ||
        record->steps_done >> rollout->record.intermediate_count != 0 ||
        (unsigned)record->state >= KEDGE_DEPLOYMENT_STATE_COUNT || record->endpoint[0] == '\0' ||
        !text_ends(record->endpoint, sizeof(record->endpoint)) || !fits_device(engine, record))
        return KEDGE_E_MALFORMED;
    if (kedge_rollout_state_ended(rollout->record.state))
        return KEDGE_OK;
    bool busy = kedge_deployment_state_busy(record->state);
    if (!kedge_deployment_state_ended(record->state) &&
        (busy || was_tried(record)) != (record->offered_at_ms != 0))
        return KEDGE_E_MALFORMED;

    struct deployment_node *node;
    KEDGE_TRY(engine_add_deployment(engine, &rollout->groups[record->group_index], record->id,
                                    record->endpoint, record->state, &node));
    node->update_result = record->update_result;
    node->bytes_done = record->bytes_done;
    node->bytes_total = record->bytes_total;
    node->offered_at_ms = record->offered_at_ms;
    node->retry_at_ms = record->retry_at_ms;
    node->steps_done = record->steps_done;
    node->step = record->step;
    memcpy(node->retries, record->retries, sizeof(node->retries));
    node->changed_at_ms = record->changed_at_ms;
    node->ended_at_ms = record->ended_at_ms;
    engine_count_deployment(node, true);
    if (node->state == KEDGE_DEPLOYMENT_SUCCEEDED)
        engine_keep(node);
    if (busy) {
        node->device->working = node;
        rollout->busy++;
        engine_review_place(engine, node);
    }
    KEDGE_TRY(engine_set_text(&node->reason, record->reason));
    return engine_set_text(&node->version_before, record->version_before);
}

uint32_t engine_phase_limit_s(const struct kedge_rollout_policy *policy,
                              enum kedge_deployment_state state)
{
    switch (state) {
    case KEDGE_DEPLOYMENT_OFFERED:
        return policy->offer_limit_s;
    case KEDGE_DEPLOYMENT_DOWNLOADING:
        return policy->download_limit_s;
    case KEDGE_DEPLOYMENT_VERIFYING:
        return policy->verify_limit_s;
    default:
        return policy->install_limit_s;
    }
}

/* After a reboot nobody can say whether the clock was set: what is left is at most the whole span.
 */
static bool cut_to_span(uint64_t *at_ms, uint64_t now_ms, uint32_t span_s)
{
    uint64_t latest_ms = engine_after_s(now_ms, span_s);
    if (*at_ms <= latest_ms)
        return false;
    *at_ms = latest_ms;
    return true;
}

static enum kedge_rc begin_wait(struct kedge_engine *engine, struct deployment_node *node)
{
    const struct kedge_rollout_policy *policy = &node->group->rollout->record.policy;
    if (node->state != KEDGE_DEPLOYMENT_PENDING || node->retry_at_ms == 0)
        return KEDGE_OK;
    if (cut_to_span(&node->retry_at_ms, engine->now_ms,
                    engine_retry_after_s(policy, engine_retries(node))))
        engine_deployment_changed(engine, node);
    return engine_await_retry(engine, node);
}

static enum kedge_rc begin_group(struct kedge_engine *engine, struct group_node *group)
{
    const struct kedge_rollout_policy *policy = &group->rollout->record.policy;
    if (group->record.state == KEDGE_GROUP_SOAKING) {
        if (cut_to_span(&group->record.soak_until_ms, engine->now_ms, engine_group_soak_s(group)))
            engine_group_changed(engine, group);
        KEDGE_TRY(
            kedge_timer_set(&engine->timers, &group->soak_timer, group->record.soak_until_ms));
    }
    struct deployment_node *node = group->deployments;
    for (; node != NULL; node = node->next_in_group) {
        KEDGE_TRY(begin_wait(engine, node));
        engine_review_kept(node);
        if (!kedge_deployment_state_busy(node->state))
            continue;
        bool waits;
        KEDGE_TRY(engine_hold_at_load(engine, node, &waits));
        if (waits)
            continue;
        uint64_t at_ms = engine_after_s(engine->now_ms, engine_phase_limit_s(policy, node->state));
        KEDGE_TRY(kedge_timer_set(&engine->timers, &node->wait_timer, at_ms));
    }
    return KEDGE_OK;
}

static enum kedge_rc begin_rollout(struct kedge_engine *engine, struct rollout_node *rollout)
{
    uint32_t devices = 0;
    for (uint32_t i = 0; i < rollout->record.group_count; i++) {
        if (!rollout->groups[i].loaded)
            return KEDGE_E_MALFORMED;
        devices += rollout->groups[i].size;
    }
    rollout->orphaned = rollout->record.state == KEDGE_ROLLOUT_DRAFT;
    if (rollout->orphaned ? devices > rollout->record.device_count
                          : devices != rollout->record.device_count)
        return KEDGE_E_MALFORMED;
    if (rollout->record.deadline_at_ms != 0) {
        if (cut_to_span(&rollout->record.deadline_at_ms, engine->now_ms,
                        rollout->record.policy.deadline_s))
            engine_rollout_changed(engine, rollout);
        KEDGE_TRY(kedge_timer_set(&engine->timers, &rollout->deadline_timer,
                                  rollout->record.deadline_at_ms));
    }
    for (uint32_t i = 0; i < rollout->record.group_count; i++)
        KEDGE_TRY(begin_group(engine, &rollout->groups[i]));
    if (rollout->record.state == KEDGE_ROLLOUT_ABORTING ||
        rollout->record.state == KEDGE_ROLLOUT_ROLLING_BACK)
        engine_begin_sweep(engine, rollout, SWEEP_CANCEL);
    if (engine_goes_on(rollout) && rollout->groups[0].record.state == KEDGE_GROUP_SCHEDULED)
        engine_begin_claims(engine, rollout);
    engine_unsettle(engine, rollout);
    return engine_await_start(engine, rollout);
}

enum kedge_rc kedge_engine_load_done(struct kedge_engine *engine, uint64_t now_ms,
                                     struct kedge_engine_output *output)
{
    if (!engine->loading)
        return KEDGE_E_STATE;
    kedge_engine_output_clear(output);
    engine->output = output;
    engine->now_ms = now_ms;
    for (struct rollout_node *rollout = engine->first_rollout; rollout != NULL;
         rollout = rollout->next)
        if (!kedge_rollout_state_ended(rollout->record.state))
            KEDGE_TRY(begin_rollout(engine, rollout));
    engine->loading = false;
    struct kedge_engine_event tick = {.kind = KEDGE_EVENT_TICK};
    return kedge_engine_handle(engine, now_ms, &tick, output);
}
