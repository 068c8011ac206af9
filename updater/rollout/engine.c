/*
 * engine.c: events in, and looking.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making and destroying ---- */

enum kedge_rc kedge_engine_create(const struct kedge_engine_ids *last, struct kedge_engine **out)
{
    struct kedge_engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL)
        return KEDGE_E_MEMORY;
    engine->last = *last;
    engine->loading = true;
    kedge_engine_set_slice(engine, KEDGE_ENGINE_SLICE_MOVES);
    /* Where the engine lies is not known outside, so nobody chooses endpoint names that collide. */
    uint64_t seed = (uint64_t)(uintptr_t)engine;
    enum kedge_rc rc = kedge_map_init(&engine->rollouts, seed);
    if (rc == KEDGE_OK)
        rc = kedge_map_init(&engine->deployments, seed);
    if (rc == KEDGE_OK)
        rc = kedge_map_init(&engine->devices, seed);
    if (rc != KEDGE_OK) {
        kedge_engine_destroy(engine);
        return rc;
    }
    *out = engine;
    return KEDGE_OK;
}

/* Its timers first: the heap of those that are left must not point at what is freed. */
static void free_rollout(struct kedge_engine *engine, struct rollout_node *rollout)
{
    kedge_timer_cancel(&engine->timers, &rollout->deadline_timer);
    kedge_timer_cancel(&engine->timers, &rollout->offer_timer);
    kedge_timer_cancel(&engine->timers, &rollout->slice_timer);
    engine_free_timing(engine, rollout);
    for (uint32_t i = 0; i < rollout->record.group_count; i++)
        kedge_timer_cancel(&engine->timers, &rollout->groups[i].soak_timer);
    while (engine_drop_deployment(engine, rollout))
        continue;
    free(rollout->groups);
    free(rollout);
}

void kedge_engine_destroy(struct kedge_engine *engine)
{
    if (engine == NULL)
        return;
    while (engine->first_rollout != NULL) {
        struct rollout_node *rollout = engine->first_rollout;
        engine->first_rollout = rollout->next;
        free_rollout(engine, rollout);
    }
    engine_forget_packages(engine);
    kedge_map_free(&engine->rollouts);
    kedge_map_free(&engine->deployments);
    kedge_map_free(&engine->devices);
    kedge_timers_free(&engine->timers);
    free(engine);
}

/* ---- finding ---- */

struct rollout_node *engine_rollout(const struct kedge_engine *engine, uint64_t id)
{
    struct kedge_map_link *link =
        kedge_map_first(&engine->rollouts, kedge_map_hash_number(&engine->rollouts, id));
    while (link != NULL && ((struct rollout_node *)link)->record.id != id)
        link = kedge_map_next(link);
    return (struct rollout_node *)link;
}

struct deployment_node *engine_deployment(const struct kedge_engine *engine, uint64_t id)
{
    struct kedge_map_link *link =
        kedge_map_first(&engine->deployments, kedge_map_hash_number(&engine->deployments, id));
    while (link != NULL && ((struct deployment_node *)link)->id != id)
        link = kedge_map_next(link);
    return (struct deployment_node *)link;
}

struct device_node *engine_device(const struct kedge_engine *engine, const char *endpoint)
{
    struct kedge_map_link *link =
        kedge_map_first(&engine->devices, kedge_map_hash_text(&engine->devices, endpoint));
    while (link != NULL && strcmp(((struct device_node *)link)->endpoint, endpoint) != 0)
        link = kedge_map_next(link);
    return (struct device_node *)link;
}

void engine_deployment_record(const struct deployment_node *node, struct kedge_deployment *out)
{
    *out = (struct kedge_deployment){.id = node->id,
                                     .rollout_id = node->group->record.rollout_id,
                                     .group_index = node->group->record.index,
                                     .state = node->state,
                                     .update_result = node->update_result,
                                     .bytes_done = node->bytes_done,
                                     .bytes_total = node->bytes_total,
                                     .offered_at_ms = node->offered_at_ms,
                                     .retry_at_ms = node->retry_at_ms,
                                     .steps_done = node->steps_done,
                                     .step = node->step,
                                     .changed_at_ms = node->changed_at_ms,
                                     .ended_at_ms = node->ended_at_ms};
    memcpy(out->retries, node->retries, sizeof(out->retries));
    engine_copy_text(out->endpoint, sizeof(out->endpoint), node->device->endpoint);
    engine_copy_text(out->version_before, sizeof(out->version_before), node->version_before);
    engine_copy_text(out->reason, sizeof(out->reason), node->reason);
}

uint64_t engine_after_s(uint64_t from_ms, uint32_t span_s)
{
    uint64_t span_ms = (uint64_t)span_s * 1000;
    return from_ms > UINT64_MAX - span_ms ? UINT64_MAX : from_ms + span_ms;
}

enum kedge_rc engine_refuse(struct kedge_engine *engine, enum kedge_rc rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(engine->output->refusal, sizeof(engine->output->refusal), format, arguments);
    va_end(arguments);
    return rc;
}

/* ---- what a person asks for ---- */

static const struct action {
    enum kedge_rollout_event event;
    const char *audit;
    const char *participle;
} actions[] = {
    [KEDGE_EVENT_ROLLOUT_START] = {KEDGE_ON_START, "rollout.start", "started"},
    [KEDGE_EVENT_ROLLOUT_PAUSE] = {KEDGE_ON_PAUSE, "rollout.pause", "paused"},
    [KEDGE_EVENT_ROLLOUT_RESUME] = {KEDGE_ON_RESUME, "rollout.resume", "resumed"},
    [KEDGE_EVENT_ROLLOUT_ABORT] = {KEDGE_ON_ABORT, "rollout.abort", "aborted"},
    [KEDGE_EVENT_ROLLOUT_ROLL_BACK] = {KEDGE_ON_ROLL_BACK, "rollout.roll_back", "rolled back"},
    [KEDGE_EVENT_ROLLOUT_APPROVE] = {KEDGE_ON_APPROVE, "rollout.approve", "approved"},
};

static enum kedge_rc resume_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                    const char *text)
{
    /* Who resumes has seen the errors so far; only further ones stop the rollout again. */
    for (uint32_t i = 0; i < rollout->record.group_count; i++) {
        struct group_node *group = &rollout->groups[i];
        if (group->record.errors_accepted == group->record.errors)
            continue;
        group->record.errors_accepted = group->record.errors;
        for (unsigned kind = 0; kind < KEDGE_ERROR_KIND_COUNT; kind++)
            group->record.kinds_accepted[kind] =
                kedge_group_errors(&group->record, (enum kedge_error_kind)kind);
        engine_group_changed(engine, group);
    }
    return engine_move_rollout(engine, rollout, KEDGE_ON_RESUME, text, NULL);
}

static enum kedge_rc act(struct kedge_engine *engine, const struct kedge_engine_event *event)
{
    const struct action *action = &actions[event->kind];
    struct rollout_node *rollout = engine_rollout(engine, event->rollout_id);
    if (rollout == NULL)
        return engine_refuse(engine, KEDGE_E_NOT_FOUND, "there is no rollout %" PRIu64,
                             event->rollout_id);
    enum kedge_rollout_state before = rollout->record.state;
    if (kedge_rollout_table[before][action->event] == KEDGE_CELL_REFUSE)
        return engine_refuse(engine, KEDGE_E_STATE, "rollout %" PRIu64 " is %s: it cannot be %s",
                             event->rollout_id, kedge_rollout_state_name(before),
                             action->participle);
    if (action->event == KEDGE_ON_ROLL_BACK && rollout->record.revert_package_id[0] == '\0')
        return engine_refuse(engine, KEDGE_E_STATE,
                             "rollout %" PRIu64 " was created without a revert package, so it "
                             "cannot be rolled back: abort it, and create a rollout of one",
                             event->rollout_id);
    char text[128];
    (void)snprintf(text, sizeof(text), "%s by %.64s", action->participle, engine->who);
    const char *who = engine->who;
    switch (action->event) {
    case KEDGE_ON_START:
        KEDGE_TRY(engine_check_start(engine, rollout));
        KEDGE_TRY(engine_start_rollout(engine, rollout, text));
        break;
    case KEDGE_ON_RESUME:
        KEDGE_TRY(resume_rollout(engine, rollout, text));
        break;
    case KEDGE_ON_ABORT:
        KEDGE_TRY(engine_abort_rollout(engine, rollout, KEDGE_ON_ABORT, text));
        break;
    case KEDGE_ON_APPROVE:
        KEDGE_TRY(engine_approve_rollout(engine, rollout, text));
        break;
    case KEDGE_ON_ROLL_BACK:
        KEDGE_TRY(engine_roll_back_rollout(engine, rollout, KEDGE_ON_ROLL_BACK, text));
        break;
    default:
        KEDGE_TRY(engine_move_rollout(engine, rollout, action->event, text, NULL));
        break;
    }
    engine->who = who;
    return engine_audit(engine, action->audit, event->rollout_id, kedge_rollout_state_name(before),
                        kedge_rollout_state_name(rollout->record.state));
}

/* ---- what devices do ---- */

static enum kedge_rc device_present(struct kedge_engine *engine,
                                    const struct kedge_engine_device *now)
{
    struct device_node *device =
        now->endpoint == NULL ? NULL : engine_device(engine, now->endpoint);
    if (device == NULL)
        return KEDGE_OK;
    KEDGE_TRY(engine_check_kept(engine, device, now->version));
    KEDGE_TRY(engine_set_text(&device->vendor, now->vendor));
    KEDGE_TRY(engine_set_text(&device->class_name, now->class_name));
    KEDGE_TRY(engine_set_text(&device->version, now->version));
    KEDGE_TRY(engine_set_text(&device->hardware, now->hardware));
    device->limits = now->limits;
    device->present = true;
    KEDGE_TRY(engine_check_late(engine, device));
    bool was_asleep = device->asleep;
    KEDGE_TRY(engine_device_wakes(engine, device));
    KEDGE_TRY(engine_attend_device(engine, device));
    KEDGE_TRY(engine_review_held_device(engine, device, was_asleep));
    return engine_review_device(engine, device);
}

static enum kedge_rc device_asleep(struct kedge_engine *engine,
                                   const struct kedge_engine_device *now)
{
    struct device_node *device =
        now->endpoint == NULL ? NULL : engine_device(engine, now->endpoint);
    if (device == NULL)
        return KEDGE_OK;
    device->present = true;
    KEDGE_TRY(engine_device_sleeps(engine, device, now));
    KEDGE_TRY(engine_review_held_device(engine, device, false));
    return engine_review_device(engine, device);
}

static enum kedge_rc device_gone(struct kedge_engine *engine, const struct kedge_engine_device *now)
{
    struct device_node *device =
        now->endpoint == NULL ? NULL : engine_device(engine, now->endpoint);
    if (device == NULL)
        return KEDGE_OK;
    device->present = false;
    return engine_review_device(engine, device);
}

static enum kedge_rc device_zone(struct kedge_engine *engine, const struct kedge_engine_device *now)
{
    struct device_node *device =
        now->endpoint == NULL ? NULL : engine_device(engine, now->endpoint);
    return device == NULL ? KEDGE_OK : engine_set_zone(engine, device, now->zone);
}

/* Words that change no state are history, too: what was sent, and what came back. */
static enum kedge_rc note_words(struct kedge_engine *engine, struct deployment_node *node,
                                const char *words)
{
    if (words == NULL || (node->reason != NULL && strcmp(node->reason, words) == 0))
        return KEDGE_OK;
    KEDGE_TRY(engine_set_text(&node->reason, words));
    engine_deployment_changed(engine, node);
    return engine_note_deployment(engine, node, words);
}

static enum kedge_rc deployment_report(struct kedge_engine *engine,
                                       const struct kedge_deployment_report *report)
{
    if ((unsigned)report->state < KEDGE_DEPLOYMENT_OFFERED ||
        (unsigned)report->state > KEDGE_DEPLOYMENT_CANCELED)
        return engine_refuse(engine, KEDGE_E_ARGUMENT, "a report cannot have the state %s",
                             kedge_deployment_state_name(report->state));
    struct deployment_node *node = engine_deployment(engine, report->deployment_id);
    if (node == NULL || !kedge_deployment_state_busy(node->state))
        return KEDGE_OK;
    node->bytes_done = report->bytes_done;
    node->bytes_total = report->bytes_total;
    node->slowed = report->held_bytes_per_s > 0;
    if (node->slowed)
        engine->download_bytes_per_s = report->held_bytes_per_s;
    if (report->update_result != KEDGE_UPDATE_RESULT_NONE)
        node->update_result = report->update_result;
    unsigned event = KEDGE_ON_REPORT_OFFERED + (unsigned)report->state - KEDGE_DEPLOYMENT_OFFERED;
    engine->who = "device";
    bool moved;
    if (report->state == KEDGE_DEPLOYMENT_SUCCEEDED && engine_is_at_step(node))
        return engine_end_step(engine, node, report->reason, &moved);
    KEDGE_TRY(engine_end_attempt(engine, node, (enum kedge_deployment_event)event, report->reason,
                                 &moved));
    if (!moved)
        return note_words(engine, node, report->reason);
    bool begins_anew =
        kedge_deployment_state_busy(node->state) && node->state < KEDGE_DEPLOYMENT_INSTALLING;
    if (!begins_anew)
        return KEDGE_OK;
    KEDGE_TRY(engine_cancel_restarted(engine, node));
    return engine_end_late_hold(engine, node);
}

static enum kedge_rc dispatch(struct kedge_engine *engine, const struct kedge_engine_event *event)
{
    switch (event->kind) {
    case KEDGE_EVENT_ROLLOUT_CREATE:
        return engine_create_rollout(engine, &event->create);
    case KEDGE_EVENT_ROLLOUT_ADD:
        return engine_add_part(engine, event);
    case KEDGE_EVENT_ROLLOUT_START:
    case KEDGE_EVENT_ROLLOUT_PAUSE:
    case KEDGE_EVENT_ROLLOUT_RESUME:
    case KEDGE_EVENT_ROLLOUT_ABORT:
    case KEDGE_EVENT_ROLLOUT_ROLL_BACK:
    case KEDGE_EVENT_ROLLOUT_APPROVE:
        return act(engine, event);
    case KEDGE_EVENT_ROLLOUT_CLOSE:
        return engine_close_rollout(engine, event->rollout_id);
    case KEDGE_EVENT_ROLLOUT_JOIN:
        return engine_join(engine, event);
    case KEDGE_EVENT_DEVICE_PRESENT:
        return device_present(engine, &event->device);
    case KEDGE_EVENT_DEVICE_REMEMBERED:
        return engine_remember(engine, &event->device);
    case KEDGE_EVENT_DEVICE_ASLEEP:
        return device_asleep(engine, &event->device);
    case KEDGE_EVENT_DEVICE_GONE:
        return device_gone(engine, &event->device);
    case KEDGE_EVENT_DEVICE_ZONE:
        return device_zone(engine, &event->device);
    case KEDGE_EVENT_DEPLOYMENT_REPORT:
        return deployment_report(engine, &event->report);
    case KEDGE_EVENT_TICK:
        return engine_tick(engine);
    }
    return engine_refuse(engine, KEDGE_E_ARGUMENT, "there is no such event");
}

enum kedge_rc kedge_engine_handle(struct kedge_engine *engine, uint64_t now_ms,
                                  const struct kedge_engine_event *event,
                                  struct kedge_engine_output *output)
{
    kedge_engine_output_clear(output);
    engine->output = output;
    engine->now_ms = now_ms;
    engine->who = event->who != NULL ? event->who : "server";
    if (engine->loading || engine->broken)
        return engine_refuse(engine, KEDGE_E_STATE, "the engine is not ready");
    enum kedge_rc rc = dispatch(engine, event);
    if (rc == KEDGE_OK)
        rc = engine_settle(engine);
    if (rc == KEDGE_OK)
        rc = engine_output_records(engine);
    if (rc == KEDGE_E_MEMORY) {
        engine->broken = true;
        kedge_engine_output_clear(output);
    }
    output->next_tick_at_ms = kedge_engine_next_tick_at_ms(engine);
    return rc;
}

/* ---- looking ---- */

uint64_t kedge_engine_next_tick_at_ms(const struct kedge_engine *engine)
{
    const struct kedge_timer *timer = kedge_timers_first(&engine->timers);
    return timer == NULL ? 0 : timer->at_ms;
}

const struct kedge_rollout *kedge_engine_rollout(const struct kedge_engine *engine,
                                                 uint64_t rollout_id)
{
    const struct rollout_node *rollout = engine_rollout(engine, rollout_id);
    return rollout == NULL ? NULL : &rollout->record;
}

const struct kedge_group *kedge_engine_group(const struct kedge_engine *engine, uint64_t rollout_id,
                                             uint32_t index)
{
    const struct rollout_node *rollout = engine_rollout(engine, rollout_id);
    return rollout == NULL || index >= rollout->record.group_count ? NULL
                                                                   : &rollout->groups[index].record;
}

enum kedge_rc kedge_engine_deployment(const struct kedge_engine *engine, uint64_t deployment_id,
                                      struct kedge_deployment *out)
{
    const struct deployment_node *node = engine_deployment(engine, deployment_id);
    if (node == NULL)
        return KEDGE_E_NOT_FOUND;
    engine_deployment_record(node, out);
    return KEDGE_OK;
}

uint64_t kedge_engine_device_deployment(const struct kedge_engine *engine, const char *endpoint)
{
    const struct device_node *device = engine_device(engine, endpoint);
    return device == NULL || device->working == NULL ? 0 : device->working->id;
}

void kedge_engine_figures(const struct kedge_engine *engine, uint64_t *rollouts_running,
                          uint64_t *deployments_busy)
{
    *rollouts_running = *deployments_busy = 0;
    for (const struct rollout_node *rollout = engine->first_rollout; rollout != NULL;
         rollout = rollout->next) {
        *rollouts_running += rollout->record.state == KEDGE_ROLLOUT_RUNNING;
        *deployments_busy += rollout->busy;
    }
}

struct kedge_gate_decisions kedge_engine_gate_decisions(const struct kedge_engine *engine)
{
    return engine->decisions;
}

static bool rests_on(const struct kedge_rollout *rollout, const char *package_id)
{
    bool found = strcmp(rollout->revert_package_id, package_id) == 0;
    for (uint32_t i = 0; i <= rollout->intermediate_count; i++)
        found = found || strcmp(kedge_rollout_step_package(rollout, i), package_id) == 0;
    return found;
}

bool kedge_engine_package_in_use(const struct kedge_engine *engine, const char *package_id)
{
    const struct rollout_node *rollout = engine->first_rollout;
    for (; rollout != NULL; rollout = rollout->next)
        if (!kedge_rollout_state_ended(rollout->record.state) &&
            rests_on(&rollout->record, package_id))
            return true;
    return false;
}
