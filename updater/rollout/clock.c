/*
 * clock.c: what becomes of the times that are waited for when the wall clock is set.
 *
 * A deadline and a soak are spans that a person asked for; records name the Unix time at which they
 * end. (A start time and a window are by the clock itself: timing.c.) When the clock is set, that
 * time moves with it, so that what is left of the span stays what it was. Times that have passed
 * are history and stay as they were written.
 */
#include "updater/rollout/engine.h"

static uint64_t moved(uint64_t at_ms, int64_t step_ms)
{
    if (step_ms >= 0)
        return at_ms > UINT64_MAX - (uint64_t)step_ms ? UINT64_MAX : at_ms + (uint64_t)step_ms;
    uint64_t back_ms = (uint64_t)-step_ms;
    return at_ms > back_ms ? at_ms - back_ms : 1; /* 0 would be "none" */
}

/* All timers move by the same step, so their order in the heap stays what it was. */
static void move_timer(struct kedge_timer *timer, int64_t step_ms)
{
    if (timer->position != 0)
        timer->at_ms = moved(timer->at_ms, step_ms);
}

static void move_group(struct kedge_engine *engine, struct group_node *group, int64_t step_ms)
{
    if (group->record.state == KEDGE_GROUP_SOAKING) {
        group->record.soak_until_ms = moved(group->record.soak_until_ms, step_ms);
        engine_group_changed(engine, group);
    }
    move_timer(&group->soak_timer, step_ms);
    for (struct deployment_node *node = group->deployments; node != NULL;
         node = node->next_in_group) {
        move_timer(&node->wait_timer, step_ms);
        if (node->retry_at_ms != 0) {
            node->retry_at_ms = moved(node->retry_at_ms, step_ms);
            engine_deployment_changed(engine, node);
        }
        struct device_node *device = node->device;
        if (device->open == node && device->expected_at_ms != 0)
            device->expected_at_ms = moved(device->expected_at_ms, step_ms);
    }
}

void kedge_engine_clock_stepped(struct kedge_engine *engine, int64_t step_ms)
{
    struct rollout_node *rollout = engine->first_rollout;
    for (; rollout != NULL; rollout = rollout->next)
        engine_unset_wall_times(engine, rollout);
    for (rollout = engine->first_rollout; rollout != NULL; rollout = rollout->next) {
        move_timer(&rollout->slice_timer, step_ms);
        rollout->slice_ends_at_ms = 0;
        if (kedge_rollout_state_ended(rollout->record.state))
            continue;
        if (rollout->record.deadline_at_ms != 0) {
            rollout->record.deadline_at_ms = moved(rollout->record.deadline_at_ms, step_ms);
            engine_rollout_changed(engine, rollout);
        }
        move_timer(&rollout->deadline_timer, step_ms);
        move_timer(&rollout->offer_timer, step_ms);
        if (rollout->credited_at_ms != 0)
            rollout->credited_at_ms = moved(rollout->credited_at_ms, step_ms);
        for (uint32_t i = 0; i < rollout->record.group_count; i++)
            move_group(engine, &rollout->groups[i], step_ms);
    }
    for (rollout = engine->first_rollout; rollout != NULL; rollout = rollout->next)
        engine_set_wall_times(engine, rollout);
}
