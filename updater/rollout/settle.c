/*
 * settle.c: what follows from a step. Places in flight are filled, thresholds and gates judged,
 * groups and rollouts go on, until nothing more follows.
 */
#include "updater/rollout/timing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void engine_unsettle(struct kedge_engine *engine, struct rollout_node *rollout)
{
    if (rollout->unsettled)
        return;
    rollout->unsettled = true;
    rollout->next_unsettled = engine->unsettled;
    engine->unsettled = rollout;
}

/* ---- who may be offered ---- */

void engine_stop_waiting(struct deployment_node *node)
{
    if (!node->waiting)
        return;
    struct group_node *group = node->group;
    if (node->previous_waiting != NULL)
        node->previous_waiting->next_waiting = node->next_waiting;
    else
        group->first_waiting = node->next_waiting;
    if (node->next_waiting != NULL)
        node->next_waiting->previous_waiting = node->previous_waiting;
    else
        group->last_waiting = node->previous_waiting;
    node->waiting = false;
}

static void start_waiting(struct kedge_engine *engine, struct deployment_node *node)
{
    if (node->waiting)
        return;
    struct group_node *group = node->group;
    node->waiting = true;
    node->next_waiting = NULL;
    node->previous_waiting = group->last_waiting;
    if (group->last_waiting != NULL)
        group->last_waiting->next_waiting = node;
    else
        group->first_waiting = node;
    group->last_waiting = node;
    engine_unsettle(engine, group->rollout);
}

static bool text_differs(const char *known, const char *wanted)
{
    return known != NULL && strcmp(known, wanted) != 0;
}

/* What a device did not say was right when the rollout was created. */
bool engine_device_fits(const struct device_node *device, const struct rollout_node *rollout)
{
    return !text_differs(device->vendor, rollout->record.vendor) &&
           !text_differs(device->class_name, rollout->record.class_name);
}

bool engine_goes_on(const struct rollout_node *rollout)
{
    return rollout->record.state == KEDGE_ROLLOUT_RUNNING ||
           rollout->record.state == KEDGE_ROLLOUT_PAUSED;
}

/* It could take the package when the rollout was created, and now says what it cannot take it with:
 * it will never be offered it, and nobody should wait for it. */
static enum kedge_rc give_up(struct kedge_engine *engine, struct deployment_node *node,
                             const char *why)
{
    engine_stop_waiting(node);
    return engine_move_deployment(engine, node, KEDGE_ON_CANCEL, why, NULL);
}

static enum kedge_rc give_up_changed(struct kedge_engine *engine, struct deployment_node *node)
{
    const struct device_node *device = node->device;
    const struct kedge_rollout *record = &node->group->rollout->record;
    char text[KEDGE_REASON_MAX + 1];
    (void)snprintf(text, sizeof(text),
                   "the device now says that it is a %.40s of %.40s; the package is for a %.40s of "
                   "%.40s",
                   device->class_name == NULL ? record->class_name : device->class_name,
                   device->vendor == NULL ? record->vendor : device->vendor, record->class_name,
                   record->vendor);
    return give_up(engine, node, text);
}

enum kedge_rc engine_review_deployment(struct kedge_engine *engine, struct deployment_node *node)
{
    const struct device_node *device = node->device;
    const struct rollout_node *rollout = node->group->rollout;
    char why[KEDGE_REASON_MAX + 1];
    /* While a device is at work its version may be one on trial: it counts only afterwards. */
    if (node->state != KEDGE_DEPLOYMENT_PENDING || !engine_goes_on(rollout) ||
        node->group->record.state != KEDGE_GROUP_RUNNING || device->working != NULL ||
        !device->present || engine_goes_first(node) != NULL || engine_superseding(node) != NULL) {
        engine_stop_waiting(node);
        return KEDGE_OK;
    }
    if (!engine_device_fits(device, rollout))
        return give_up_changed(engine, node);
    if (device->version != NULL && strcmp(device->version, rollout->record.version) == 0)
        return engine_move_deployment(engine, node, KEDGE_ON_ALREADY, "already on it", NULL);
    if (!engine_find_step(node, why))
        return give_up(engine, node, why);
    bool may_download;
    KEDGE_TRY(engine_may_download(engine, node, &may_download));
    if (!may_download) {
        engine_stop_waiting(node);
        return KEDGE_OK;
    }
    if (device->asleep || node->retry_at_ms > engine->now_ms)
        engine_stop_waiting(node);
    else
        start_waiting(engine, node);
    return KEDGE_OK;
}

enum kedge_rc engine_review_device(struct kedge_engine *engine, struct device_node *device)
{
    struct deployment_node *node = device->open;
    while (node != NULL) {
        struct deployment_node *next = node->next_in_device;
        KEDGE_TRY(engine_review_deployment(engine, node));
        node = next;
    }
    return KEDGE_OK;
}

enum kedge_rc engine_fill_places(struct kedge_engine *engine, struct group_node *group)
{
    struct rollout_node *rollout = group->rollout;
    while (group->first_waiting != NULL && rollout->placed < rollout->record.policy.in_flight_max) {
        struct deployment_node *node = group->first_waiting;
        bool taken;
        if (engine_superseding(node) != NULL) { /* since it waits, and it has not been said yet */
            engine_stop_waiting(node);
            continue;
        }
        KEDGE_TRY(engine_take_move(engine, rollout, &taken));
        if (taken)
            KEDGE_TRY(engine_take_offer(engine, rollout, &taken));
        if (!taken)
            return KEDGE_OK;
        char text[128 + ENGINE_STEP_MAX], attempt[24], step[ENGINE_STEP_MAX];
        (void)snprintf(text, sizeof(text),
                       "offered as %" PRIu32 " of at most %" PRIu32 " in flight%s%s",
                       rollout->placed + 1, rollout->record.policy.in_flight_max,
                       engine_attempt_words(node, attempt), engine_step_words(node, step));
        KEDGE_TRY(engine_move_deployment(engine, node, KEDGE_ON_OFFER, text, NULL));
        node->attended = true;
        KEDGE_TRY(engine_command(engine, KEDGE_COMMAND_OFFER, node));
        /* The other rollouts of this device wait for it now. */
        KEDGE_TRY(engine_review_device(engine, node->device));
    }
    return KEDGE_OK;
}

/* ---- groups and rollouts go on ---- */

static enum kedge_rc start_group(struct kedge_engine *engine, struct group_node *group)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "started with %" PRIu32 " %s", group->size,
                   kedge_by_count(group->size, "device", "devices"));
    group->record.started_at_ms = engine->now_ms;
    KEDGE_TRY(engine_move_group(engine, group, KEDGE_ON_GROUP_START, text));
    engine_begin_sweep(engine, group->rollout, SWEEP_REVIEW);
    return KEDGE_OK;
}

static enum kedge_rc end_group(struct kedge_engine *engine, struct group_node *group)
{
    uint32_t soak_s = engine_group_soak_s(group);
    char text[96];
    (void)snprintf(text, sizeof(text),
                   "%s %" PRIu32 " %s done; soaking for %" PRIu32 " s",
                   kedge_by_count(group->size, "its", "all"), group->size,
                   kedge_by_count(group->size, "device is", "devices are"), soak_s);
    group->record.soak_until_ms = engine_after_s(engine->now_ms, soak_s);
    KEDGE_TRY(kedge_timer_set(&engine->timers, &group->soak_timer, group->record.soak_until_ms));
    return engine_move_group(engine, group, KEDGE_ON_GROUP_ENDED, text);
}

static enum kedge_rc finish_rollout(struct kedge_engine *engine, struct rollout_node *rollout)
{
    uint32_t succeeded = 0;
    for (uint32_t i = 0; i < rollout->record.group_count; i++)
        succeeded += rollout->groups[i].record.counts[KEDGE_DEPLOYMENT_SUCCEEDED];
    char text[128];
    (void)snprintf(text, sizeof(text),
                   "all groups are done: %" PRIu32 " of %" PRIu32 " %s succeeded", succeeded,
                   rollout->record.device_count,
                   kedge_by_count(rollout->record.device_count, "device", "devices"));
    return engine_move_rollout(engine, rollout, KEDGE_ON_GROUPS_DONE, text, NULL);
}

/* One step of a running rollout; *stepped says whether there may be another. */
static enum kedge_rc step_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                  bool *stepped)
{
    *stepped = true;
    if (rollout->current == rollout->record.group_count)
        return finish_rollout(engine, rollout);
    struct group_node *group = &rollout->groups[rollout->current];
    switch (group->record.state) {
    case KEDGE_GROUP_SCHEDULED:
        return start_group(engine, group);
    case KEDGE_GROUP_RUNNING:
        if (group->open == 0 && !engine_may_grow(group))
            return end_group(engine, group);
        *stepped = false;
        KEDGE_TRY(engine_let_install(engine, rollout));
        KEDGE_TRY(engine_fill_places(engine, group));
        if (rollout->sweep.kind == SWEEP_NONE)
            return KEDGE_OK;
        KEDGE_TRY(engine_sweep(engine, rollout));
        return engine_fill_places(engine, group);
    case KEDGE_GROUP_SOAKING:
        if (engine->now_ms >= group->record.soak_until_ms)
            return engine_move_group(engine, group, KEDGE_ON_GROUP_SOAKED, "the soak is over");
        *stepped = false;
        return KEDGE_OK;
    case KEDGE_GROUP_WAITING_FOR_GATE:
        return engine_judge_gate(engine, group, stepped);
    default:
        rollout->current++;
        return KEDGE_OK;
    }
}

enum kedge_rc engine_end_groups(struct kedge_engine *engine, struct rollout_node *rollout,
                                const char *why)
{
    for (uint32_t i = 0; i < rollout->record.group_count; i++)
        KEDGE_TRY(engine_move_group(engine, &rollout->groups[i], KEDGE_ON_GROUP_ABORTED, why));
    return KEDGE_OK;
}

static enum kedge_rc end_abort(struct kedge_engine *engine, struct rollout_node *rollout)
{
    KEDGE_TRY(engine_end_groups(engine, rollout, "the rollout was aborted"));
    char reason[KEDGE_REASON_MAX + 1]; /* why it was aborted is what stays of interest */
    engine_copy_text(reason, sizeof(reason), rollout->record.reason);
    return engine_move_rollout(engine, rollout, KEDGE_ON_DRAINED, reason, NULL);
}

static enum kedge_rc settle_rollout(struct kedge_engine *engine, struct rollout_node *rollout)
{
    bool stepped = true;
    KEDGE_TRY(engine_end_orphan(engine, rollout));
    KEDGE_TRY(engine_start_in_time(engine, rollout));
    while (stepped) {
        if (engine_goes_on(rollout) && rollout->current < rollout->record.group_count) {
            bool acted;
            KEDGE_TRY(engine_judge_errors(engine, &rollout->groups[rollout->current], &acted));
            if (acted)
                continue;
        }
        if (rollout->sweep.kind > SWEEP_REVIEW)
            KEDGE_TRY(engine_sweep(engine, rollout));
        if (rollout->sweep.kind > SWEEP_REVIEW)
            return KEDGE_OK;
        if (rollout->record.state == KEDGE_ROLLOUT_ABORTING && rollout->busy == 0)
            return end_abort(engine, rollout);
        if (rollout->record.state == KEDGE_ROLLOUT_ROLLING_BACK)
            return engine_settle_revert(engine, rollout);
        if (rollout->record.state != KEDGE_ROLLOUT_RUNNING)
            return KEDGE_OK;
        KEDGE_TRY(step_rollout(engine, rollout, &stepped));
    }
    return KEDGE_OK;
}

enum kedge_rc engine_settle(struct kedge_engine *engine)
{
    engine->who = "server";
    while (engine->unsettled != NULL) {
        struct rollout_node *rollout = engine->unsettled;
        engine->unsettled = rollout->next_unsettled;
        rollout->unsettled = false;
        KEDGE_TRY(settle_rollout(engine, rollout));
    }
    return KEDGE_OK;
}

/* ---- what a person or the time asks of a whole rollout ---- */

static enum kedge_rc pass_deadline(struct kedge_engine *engine, struct rollout_node *rollout)
{
    engine_begin_sweep(engine, rollout, SWEEP_DEADLINE);
    return rollout->record.dynamic && rollout->record.closed_at_ms == 0
               ? engine_close(engine, rollout, "closed at its deadline: no device joins any more")
               : KEDGE_OK;
}

enum kedge_rc engine_cancel_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                    enum kedge_rollout_event event, const char *text)
{
    engine_cut_draft(engine, rollout);
    KEDGE_TRY(engine_move_rollout(engine, rollout, event, text, NULL));
    engine_begin_sweep(engine, rollout, SWEEP_CANCEL);
    return KEDGE_OK;
}

enum kedge_rc engine_abort_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                   enum kedge_rollout_event event, const char *text)
{
    return engine_cancel_rollout(engine, rollout, event, text);
}

bool engine_deadline_passed(const struct kedge_engine *engine, const struct rollout_node *rollout)
{
    return rollout->record.deadline_at_ms != 0 && engine->now_ms >= rollout->record.deadline_at_ms;
}

enum kedge_rc engine_end_by_deadline(struct kedge_engine *engine, struct deployment_node *node)
{
    char text[96], attempt[24];
    KEDGE_TRY(engine_withdraw_held(engine, node, "still waiting for its window at the deadline"));
    (void)snprintf(text, sizeof(text),
                   "still pending%s, at the rollout's deadline, %" PRIu32 " s after its start",
                   engine_attempt_words(node, attempt),
                   node->group->rollout->record.policy.deadline_s);
    return engine_move_deployment(engine, node, KEDGE_ON_DEADLINE, text, NULL);
}

static enum kedge_rc give_up_return(struct kedge_engine *engine, struct deployment_node *node)
{
    bool moved;
    KEDGE_TRY(engine_end_attempt(
        engine, node, KEDGE_ON_REPORT_TIMED_OUT,
        "the device did not come back in time after a restart of the server", &moved));
    /* A driver that outlived a reload of the engine may still be at it. */
    return engine_command(engine, KEDGE_COMMAND_CANCEL, node);
}

enum kedge_rc engine_tick(struct kedge_engine *engine)
{
    struct kedge_timer *timer;
    while ((timer = kedge_timers_first(&engine->timers)) != NULL &&
           timer->at_ms <= engine->now_ms) {
        kedge_timer_cancel(&engine->timers, timer);
        switch (timer->kind) {
        case KEDGE_TIMER_DEADLINE:
            KEDGE_TRY(pass_deadline(engine, timer->owner));
            break;
        case KEDGE_TIMER_SOAK:
            engine_unsettle(engine, ((struct group_node *)timer->owner)->rollout);
            break;
        case KEDGE_TIMER_SLICE:
        case KEDGE_TIMER_OFFER:
        case KEDGE_TIMER_START:
            engine_unsettle(engine, timer->owner);
            break;
        case KEDGE_TIMER_WINDOW:
            KEDGE_TRY(engine_pass_window(engine, timer->owner));
            break;
        case KEDGE_TIMER_RETURN:
            KEDGE_TRY(give_up_return(engine, timer->owner));
            break;
        case KEDGE_TIMER_RETRY:
            KEDGE_TRY(engine_review_deployment(engine, timer->owner));
            break;
        }
    }
    return KEDGE_OK;
}
