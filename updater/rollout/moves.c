/*
 * moves.c: one step of one rollout, group or deployment: the table decides, the figures follow, and
 * the history says so. Nothing else changes a state.
 */
#include "updater/rollout/engine.h"

/* The next state, or -1 when the event does not move this one. */
static int next_state(uint8_t cell, int state)
{
    int next = (int)cell - KEDGE_CELL_GO;
    return next < 0 || next == state ? -1 : next;
}

enum kedge_rc engine_move_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                  enum kedge_rollout_event event, const char *text, bool *moved)
{
    struct kedge_rollout *record = &rollout->record;
    int next = next_state(kedge_rollout_table[record->state][event], (int)record->state);
    if (moved != NULL)
        *moved = next >= 0;
    if (next < 0)
        return KEDGE_OK;

    struct kedge_history_entry entry = {.rollout_id = record->id, .group_index = -1};
    engine_copy_text(entry.from, sizeof(entry.from), kedge_rollout_state_name(record->state));
    record->state = (enum kedge_rollout_state)next;
    engine_copy_text(entry.to, sizeof(entry.to), kedge_rollout_state_name(record->state));
    engine_copy_text(record->reason, sizeof(record->reason), text);
    if (kedge_rollout_state_ended(record->state)) {
        record->ended_at_ms = engine->now_ms;
        kedge_timer_cancel(&engine->timers, &rollout->deadline_timer);
        kedge_timer_cancel(&engine->timers, &rollout->offer_timer);
        engine_end_sweep(engine, rollout);
        engine_end_timing(engine, rollout);
        engine_tell_reverted(engine, rollout);
    }
    engine_rollout_changed(engine, rollout);
    engine_unsettle(engine, rollout);
    KEDGE_TRY(engine_say(engine, &entry, text));
    return engine_audit_rollout(engine, event, &entry, text);
}

enum kedge_rc engine_move_group(struct kedge_engine *engine, struct group_node *group,
                                enum kedge_group_event event, const char *text)
{
    struct kedge_group *record = &group->record;
    int next = next_state(kedge_group_table[record->state][event], (int)record->state);
    if (next < 0)
        return KEDGE_OK;

    struct kedge_history_entry entry = {.rollout_id = record->rollout_id,
                                        .group_index = record->index};
    engine_copy_text(entry.from, sizeof(entry.from), kedge_group_state_name(record->state));
    record->state = (enum kedge_group_state)next;
    engine_copy_text(entry.to, sizeof(entry.to), kedge_group_state_name(record->state));
    engine_copy_text(record->reason, sizeof(record->reason), text);
    if (kedge_group_state_ended(record->state))
        record->ended_at_ms = engine->now_ms;
    if (record->state != KEDGE_GROUP_SOAKING)
        kedge_timer_cancel(&engine->timers, &group->soak_timer);
    engine_group_changed(engine, group);
    KEDGE_TRY(engine_say(engine, &entry, text));
    return engine_audit_group(engine, event, &entry, text);
}

void engine_count_deployment(struct deployment_node *node, bool add)
{
    struct kedge_group *figures = &node->group->record;
    uint32_t step = add ? 1 : UINT32_MAX; /* adding the latter takes one away */
    figures->counts[node->state] += step;
    bool offered = node->offered_at_ms != 0;
    if (node->state == KEDGE_DEPLOYMENT_FAILED || node->state == KEDGE_DEPLOYMENT_REJECTED ||
        (node->state == KEDGE_DEPLOYMENT_TIMED_OUT && offered))
        figures->errors += step;
    if (node->state == KEDGE_DEPLOYMENT_SUCCEEDED && !offered)
        figures->already += step;
}

void engine_review_place(struct kedge_engine *engine, struct deployment_node *node)
{
    struct rollout_node *rollout = node->group->rollout;
    bool holds = kedge_deployment_state_busy(node->state) && !node->device->asleep && !node->held;
    if (holds == node->placed)
        return;
    node->placed = holds;
    rollout->placed += holds ? 1 : UINT32_MAX; /* adding the latter takes one away */
    engine_unsettle(engine, rollout);
}

static enum kedge_rc begin_work(struct kedge_engine *engine, struct deployment_node *node)
{
    node->offered_at_ms = engine->now_ms;
    node->retry_at_ms = 0;
    node->device->working = node;
    node->device->kept = NULL;
    node->group->rollout->busy++;
    engine_review_place(engine, node);
    return engine_set_text(&node->version_before, node->device->version);
}

static void end_work(struct kedge_engine *engine, struct deployment_node *node)
{
    node->device->working = NULL;
    node->group->rollout->busy--;
    engine_review_place(engine, node);
    node->attended = false;
    kedge_timer_cancel(&engine->timers, &node->wait_timer);
}

/* What is pending again was not offered, as far as anybody can tell; unless an attempt or a step
 * has ended. */
static enum kedge_rc forget_offer(struct deployment_node *node)
{
    if (engine_retries(node) > 0 || node->steps_done != 0)
        return KEDGE_OK;
    node->offered_at_ms = 0;
    return engine_set_text(&node->version_before, NULL);
}

static void leave_device(struct kedge_engine *engine, struct deployment_node *node)
{
    node->ended_at_ms = engine->now_ms;
    node->retry_at_ms = 0;
    kedge_timer_cancel(&engine->timers, &node->wait_timer);
    node->group->open--;
    if (node->previous_in_device != NULL)
        node->previous_in_device->next_in_device = node->next_in_device;
    else
        node->device->open = node->next_in_device;
    if (node->next_in_device != NULL)
        node->next_in_device->previous_in_device = node->previous_in_device;
    node->next_in_device = node->previous_in_device = NULL;
}

static enum kedge_rc say_deployment(struct kedge_engine *engine, const struct deployment_node *node,
                                    enum kedge_deployment_state from, const char *text)
{
    struct kedge_history_entry entry = {.rollout_id = node->group->record.rollout_id,
                                        .group_index = node->group->record.index,
                                        .deployment_id = node->id};
    engine_copy_text(entry.endpoint, sizeof(entry.endpoint), node->device->endpoint);
    engine_copy_text(entry.from, sizeof(entry.from), kedge_deployment_state_name(from));
    engine_copy_text(entry.to, sizeof(entry.to), kedge_deployment_state_name(node->state));
    return engine_say(engine, &entry, text);
}

enum kedge_rc engine_note_deployment(struct kedge_engine *engine,
                                     const struct deployment_node *node, const char *text)
{
    return say_deployment(engine, node, node->state, text);
}

enum kedge_rc engine_move_deployment(struct kedge_engine *engine, struct deployment_node *node,
                                     enum kedge_deployment_event event, const char *text,
                                     bool *moved)
{
    enum kedge_deployment_state from = node->state;
    int next = next_state(kedge_deployment_table[from][event], (int)from);
    if (moved != NULL)
        *moved = next >= 0;
    if (next < 0)
        return KEDGE_OK;

    bool was_busy = kedge_deployment_state_busy(from);
    engine_stop_waiting(node);
    engine_count_deployment(node, false);
    node->state = (enum kedge_deployment_state)next;
    node->changed_at_ms = engine->now_ms;
    bool is_busy = kedge_deployment_state_busy(node->state);
    bool ended = kedge_deployment_state_ended(node->state);
    if (!was_busy && is_busy)
        KEDGE_TRY(begin_work(engine, node));
    if (was_busy && !is_busy && !ended)
        KEDGE_TRY(forget_offer(node));
    engine_count_deployment(node, true);
    if (was_busy && !is_busy)
        end_work(engine, node);
    KEDGE_TRY(engine_review_hold(engine, node));
    if (ended && !kedge_deployment_state_ended(from))
        leave_device(engine, node);
    if (node->state == KEDGE_DEPLOYMENT_SUCCEEDED)
        engine_keep(node);
    if (node->state == KEDGE_DEPLOYMENT_SUCCEEDED && was_busy)
        engine_raise_floor(node, node->group->rollout->record.sequence);

    KEDGE_TRY(engine_set_text(&node->reason, text));
    KEDGE_TRY(say_deployment(engine, node, from, text));
    engine_deployment_changed(engine, node);
    engine_group_changed(engine, node->group);
    engine_unsettle(engine, node->group->rollout);
    /* Others may wait for the device, or for what had it first. */
    return (was_busy && !is_busy) || ended ? engine_review_device(engine, node->device) : KEDGE_OK;
}

enum kedge_rc engine_attend_device(struct kedge_engine *engine, struct device_node *device)
{
    struct deployment_node *node = device->working;
    if (node == NULL || node->attended || !device->present || device->asleep)
        return KEDGE_OK;
    node->attended = true;
    kedge_timer_cancel(&engine->timers, &node->wait_timer);
    KEDGE_TRY(engine_note_deployment(engine, node, "taken up again after a restart of the server"));
    return engine_command(engine, KEDGE_COMMAND_OFFER, node);
}
