/*
 * revert.c: a rollout that is rolled back.
 *
 * Devices only go forward in sequence, so taking them back is an update like any other: to the
 * older image, signed again with a higher sequence number. When a rollout is rolled back, nobody is
 * offered its package any more, and what is installing goes on to its end. Then a rollout of its
 * own brings the revert package to all devices that had moved: with its own deployments and
 * history, because what has ended stays as it was. When that one has ended, the first is rolled
 * back.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum kedge_rc engine_roll_back_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                       enum kedge_rollout_event event, const char *text)
{
    return engine_cancel_rollout(engine, rollout, event, text);
}

/* It took the package, or one on the way to it, or whatever became of it, runs the version of what
 * it was offered now. */
static bool has_moved(const struct deployment_node *node)
{
    const char *version = node->device->version;
    if (node->offered_at_ms == 0)
        return false;
    return node->state == KEDGE_DEPLOYMENT_SUCCEEDED || node->steps_done != 0 ||
           (version != NULL && strcmp(version, engine_offered_version(node)) == 0);
}

static uint32_t count_moved(const struct rollout_node *rollout)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rollout->record.group_count; i++) {
        const struct deployment_node *node = rollout->groups[i].deployments;
        for (; node != NULL; node = node->next_in_group)
            count += has_moved(node);
    }
    return count;
}

/* As the rollout went about it, but in one group that errors do not stop. */
static struct kedge_rollout describe(const struct kedge_engine *engine,
                                     const struct kedge_rollout *from, uint32_t device_count)
{
    struct kedge_rollout record = *from;
    record.id = engine->last.rollout_id + 1;
    record.state = KEDGE_ROLLOUT_READY;
    record.sequence = from->revert_sequence;
    record.intermediate_count = 0;
    record.all_devices = false;
    record.dynamic = false;
    record.closed_at_ms = 0;
    record.policy.error_action = KEDGE_ERROR_PAUSE;
    record.policy.error_threshold_percent = 100;
    record.policy.failed_threshold_percent = 100;
    record.policy.rejected_threshold_percent = 100;
    record.policy.timed_out_threshold_percent = 100;
    record.policy.group_soak_s = 0;
    record.policy.approval = KEDGE_APPROVAL_NONE;
    record.group_count = 1;
    record.device_count = device_count;
    record.created_at_ms = engine->now_ms;
    record.start_at_ms = 0;
    record.started_at_ms = record.deadline_at_ms = record.ended_at_ms = 0;
    record.revert_package_id[0] = record.revert_version[0] = '\0';
    record.revert_sequence = record.revert_rollout_id = 0;
    record.reverts_rollout_id = from->id;
    engine_copy_text(record.package_id, sizeof(record.package_id), from->revert_package_id);
    engine_copy_text(record.version, sizeof(record.version), from->revert_version);
    char name[KEDGE_NAME_MAX + 16];
    (void)snprintf(name, sizeof(name), "revert of %s", from->name);
    engine_copy_text(record.name, sizeof(record.name), name);
    return record;
}

static enum kedge_rc add_moved(struct kedge_engine *engine, const struct rollout_node *from,
                               struct group_node *to)
{
    for (uint32_t i = 0; i < from->record.group_count; i++) {
        const struct deployment_node *node = from->groups[i].deployments;
        for (; node != NULL; node = node->next_in_group)
            if (has_moved(node))
                KEDGE_TRY(engine_add_pending(engine, to, node->device->endpoint));
    }
    return KEDGE_OK;
}

static enum kedge_rc begin_revert(struct kedge_engine *engine, struct rollout_node *rollout,
                                  uint32_t device_count)
{
    struct rollout_node *revert;
    char text[96];
    struct kedge_rollout record = describe(engine, &rollout->record, device_count);
    (void)snprintf(text, sizeof(text), "takes back what rollout %" PRIu64 " had moved",
                   rollout->record.id);
    engine_copy_text(record.reason, sizeof(record.reason), text);
    KEDGE_TRY(engine_add_rollout(engine, &record, &revert));
    engine_rollout_changed(engine, revert);
    engine_copy_text(revert->groups[0].record.name, sizeof(revert->groups[0].record.name), "moved");
    engine_group_changed(engine, &revert->groups[0]);
    KEDGE_TRY(add_moved(engine, rollout, &revert->groups[0]));
    KEDGE_TRY(engine_say_created(engine, &record));
    rollout->record.revert_rollout_id = record.id;
    engine_rollout_changed(engine, rollout);
    return engine_start_revert(engine, revert, text);
}

static enum kedge_rc end_revert(struct kedge_engine *engine, struct rollout_node *rollout,
                                const struct rollout_node *revert)
{
    char text[KEDGE_REASON_MAX + 1];
    const uint32_t *counts = revert->groups[0].record.counts;
    (void)snprintf(text, sizeof(text),
                   "%" PRIu32 " of %" PRIu32 " %s on version %s now (rollout %" PRIu64 ")",
                   counts[KEDGE_DEPLOYMENT_SUCCEEDED], revert->record.device_count,
                   kedge_by_count(revert->record.device_count, "device that had moved is",
                                  "devices that had moved are"),
                   revert->record.version, revert->record.id);
    return engine_move_rollout(engine, rollout, KEDGE_ON_REVERTED, text, NULL);
}

enum kedge_rc engine_settle_revert(struct kedge_engine *engine, struct rollout_node *rollout)
{
    const struct rollout_node *revert = engine_rollout(engine, rollout->record.revert_rollout_id);
    if (revert != NULL)
        return kedge_rollout_state_ended(revert->record.state) ? end_revert(engine, rollout, revert)
                                                               : KEDGE_OK;
    if (rollout->busy > 0)
        return KEDGE_OK;
    KEDGE_TRY(engine_end_groups(engine, rollout, "the rollout is rolled back"));
    uint32_t device_count = count_moved(rollout);
    if (device_count > 0)
        return begin_revert(engine, rollout, device_count);
    return engine_move_rollout(engine, rollout, KEDGE_ON_REVERTED, "no device had moved", NULL);
}

void engine_tell_reverted(struct kedge_engine *engine, const struct rollout_node *revert)
{
    struct rollout_node *rollout = engine_rollout(engine, revert->record.reverts_rollout_id);
    if (rollout != NULL)
        engine_unsettle(engine, rollout);
}
