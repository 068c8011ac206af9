/*
 * priority.c: which of two rollouts gets a device that both want.
 *
 * Method: rollouts that go on stand in one order, by priority and then by their start. One that
 * was started later and is not of a lower priority supersedes what the other has not begun with on
 * a device. One that was started later and is of a lower priority waits there until the device's
 * part in the other has ended, however it ends. So whoever waits, waits for one that stands higher,
 * and no two wait for each other. What is in flight is not taken away by anybody: the device is
 * waited for.
 *
 * A rollout that begins goes over its devices a slice at a time, and superseding is said of what it
 * comes by. Until then nothing is offered there for the older one, and no group of the newer one
 * begins: that none has is how a restart knows that it must go over them again. What it has come by
 * before is superseded already, and stays so.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>

uint64_t engine_start_moment(const struct kedge_engine *engine)
{
    uint64_t at_ms = engine->now_ms;
    const struct rollout_node *rollout = engine->first_rollout;
    for (; rollout != NULL; rollout = rollout->next)
        if (engine_goes_on(rollout) && rollout->record.started_at_ms >= at_ms)
            at_ms = rollout->record.started_at_ms + 1;
    return at_ms;
}

static bool supersedes(const struct rollout_node *one, const struct rollout_node *other)
{
    return one->record.policy.priority >= other->record.policy.priority &&
           one->record.started_at_ms > other->record.started_at_ms;
}

const struct deployment_node *engine_superseding(const struct deployment_node *node)
{
    const struct deployment_node *other = node->device->open;
    while (other != NULL && (!engine_goes_on(other->group->rollout) ||
                             !supersedes(other->group->rollout, node->group->rollout)))
        other = other->next_in_device;
    return other;
}

static bool stands_higher(const struct rollout_node *one, const struct rollout_node *other)
{
    return one->record.policy.priority > other->record.policy.priority || supersedes(one, other);
}

const struct deployment_node *engine_goes_first(const struct deployment_node *node)
{
    const struct deployment_node *first = NULL;
    uint32_t own = node->group->rollout->record.policy.priority;
    const struct deployment_node *other = node->device->open;
    for (; other != NULL; other = other->next_in_device) {
        const struct rollout_node *rollout = other->group->rollout;
        if (engine_goes_on(rollout) && rollout->record.policy.priority > own &&
            (first == NULL || stands_higher(rollout, first->group->rollout)))
            first = other;
    }
    return first;
}

void engine_begin_claims(struct kedge_engine *engine, struct rollout_node *rollout)
{
    const struct rollout_node *other = engine->first_rollout;
    while (other != NULL && (other == rollout || !engine_goes_on(other)))
        other = other->next;
    if (other != NULL)
        engine_begin_sweep(engine, rollout, SWEEP_CLAIM);
}

static enum kedge_rc supersede(struct kedge_engine *engine, struct deployment_node *node,
                               const char *text)
{
    bool busy = kedge_deployment_state_busy(node->state);
    bool moved;
    KEDGE_TRY(engine_withdraw_held(engine, node, text));
    KEDGE_TRY(engine_move_deployment(engine, node, KEDGE_ON_SUPERSEDE, text, &moved));
    return moved && busy ? engine_command(engine, KEDGE_COMMAND_CANCEL, node) : KEDGE_OK;
}

enum kedge_rc engine_yield(struct kedge_engine *engine, struct deployment_node *node)
{
    char text[96];
    const struct deployment_node *newer = engine_superseding(node);
    if (newer == NULL)
        return KEDGE_OK;
    (void)snprintf(text, sizeof(text), "rollout %" PRIu64 ", which is newer, has the device",
                   newer->group->record.rollout_id);
    return supersede(engine, node, text);
}

static enum kedge_rc say_who_goes_first(struct kedge_engine *engine,
                                        const struct deployment_node *node)
{
    char text[128];
    const struct deployment_node *first = engine_goes_first(node);
    if (first == NULL)
        return KEDGE_OK;
    (void)snprintf(text, sizeof(text),
                   "rollout %" PRIu64 " goes first with this device: its priority is %" PRIu32
                   ", and that of this one %" PRIu32,
                   first->group->record.rollout_id, first->group->rollout->record.policy.priority,
                   node->group->rollout->record.policy.priority);
    return engine_note_deployment(engine, node, text);
}

enum kedge_rc engine_claim_device(struct kedge_engine *engine, struct deployment_node *node)
{
    char text[96];
    (void)snprintf(text, sizeof(text), "rollout %" PRIu64 " was started for the same device",
                   node->group->record.rollout_id);
    KEDGE_TRY(say_who_goes_first(engine, node));
    struct deployment_node *other = node->device->open;
    while (other != NULL) {
        struct deployment_node *next = other->next_in_device;
        if (engine_goes_on(other->group->rollout) &&
            supersedes(node->group->rollout, other->group->rollout))
            KEDGE_TRY(supersede(engine, other, text));
        other = next;
    }
    return KEDGE_OK;
}

enum kedge_rc engine_enter(struct kedge_engine *engine, struct deployment_node *node)
{
    const struct rollout_node *rollout = node->group->rollout;
    if (!engine_goes_on(rollout))
        return KEDGE_OK;
    KEDGE_TRY(engine_yield(engine, node));
    bool is_left = node->state == KEDGE_DEPLOYMENT_PENDING;
    bool comes_by = rollout->sweep.kind == SWEEP_CLAIM; /* going over all of them */
    return is_left && !comes_by ? engine_claim_device(engine, node) : KEDGE_OK;
}

void kedge_engine_device_rollouts(const struct kedge_engine *engine, const char *endpoint,
                                  void (*fn)(void *context, const struct kedge_rollout *rollout),
                                  void *context)
{
    const struct device_node *device = engine_device(engine, endpoint);
    const struct deployment_node *node = device == NULL ? NULL : device->open;
    for (; node != NULL; node = node->next_in_device)
        if (engine_goes_on(node->group->rollout))
            fn(context, &node->group->rollout->record);
}
