/*
 * draft.c: a rollout over more devices than one step should make is made in parts. It is a draft
 * until the last one is there, and nobody can start it before.
 *
 * Nothing but what is written so far is known of a draft after a restart: who it was to be for was
 * said by a person, of whom nobody waits for the answer any more. So it is aborted then, and says
 * how far it came.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void engine_say_what_for(const struct kedge_rollout *record, char reason[KEDGE_REASON_MAX + 1])
{
    switch (record->state) {
    case KEDGE_ROLLOUT_DRAFT:
        engine_copy_text(reason, KEDGE_REASON_MAX + 1, "being created");
        return;
    case KEDGE_ROLLOUT_WAITING_FOR_APPROVAL:
        (void)snprintf(reason, KEDGE_REASON_MAX + 1,
                       "created; waiting for somebody other than %s to approve it", record->author);
        return;
    default:
        engine_copy_text(reason, KEDGE_REASON_MAX + 1,
                         record->start_at_ms == 0 ? "created; waiting to be started"
                                                  : "created; waiting for its start time");
    }
}

uint32_t engine_devices_written(const struct rollout_node *rollout)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i < rollout->record.group_count; i++)
        written += rollout->groups[i].size;
    return written;
}

static uint32_t planned_groups(const struct rollout_node *rollout)
{
    return rollout->record.group_count - rollout->record.dynamic;
}

/* ---- the parts ---- */

static enum kedge_rc check_part(struct kedge_engine *engine, const struct rollout_node *rollout,
                                const struct kedge_rollout_spec *part)
{
    const struct kedge_rollout *record = &rollout->record;
    uint32_t left = record->device_count - engine_devices_written(rollout);
    if (record->state != KEDGE_ROLLOUT_DRAFT)
        return engine_refuse(engine, KEDGE_E_STATE,
                             "rollout %" PRIu64 " is %s (%s): no devices are added to it any more",
                             record->id, kedge_rollout_state_name(record->state), record->reason);
    if (part->target_count > left)
        return engine_refuse(engine, KEDGE_E_LIMIT,
                             "rollout %" PRIu64 " was to have %" PRIu32 " %s", record->id,
                             record->device_count,
                             kedge_by_count(record->device_count, "device", "devices"));
    KEDGE_TRY(engine_check_part(engine, part));
    for (size_t i = 0; i < part->target_count; i++)
        if (engine_names_device(engine, record->id, part->targets[i].endpoint))
            return engine_refuse(engine, KEDGE_E_ARGUMENT, "device %s is listed twice",
                                 part->targets[i].endpoint);
    return KEDGE_OK;
}

static enum kedge_rc complete(struct kedge_engine *engine, struct rollout_node *rollout)
{
    struct kedge_rollout then = rollout->record;
    bool asks = then.policy.approval != KEDGE_APPROVAL_NONE;
    char reason[KEDGE_REASON_MAX + 1];
    then.state = asks ? KEDGE_ROLLOUT_WAITING_FOR_APPROVAL : KEDGE_ROLLOUT_READY;
    engine_say_what_for(&then, reason);
    KEDGE_TRY(engine_move_rollout(engine, rollout, asks ? KEDGE_ON_MADE_TO_APPROVE : KEDGE_ON_MADE,
                                  reason, NULL));
    return engine_await_start(engine, rollout);
}

enum kedge_rc engine_add_part(struct kedge_engine *engine, const struct kedge_engine_event *event)
{
    struct rollout_node *rollout = engine_rollout(engine, event->rollout_id);
    if (rollout == NULL)
        return engine_refuse(engine, KEDGE_E_NOT_FOUND, "there is no rollout %" PRIu64,
                             event->rollout_id);
    const struct kedge_rollout *record = &rollout->record;
    const struct kedge_rollout_spec part = {.vendor = record->vendor,
                                            .class_name = record->class_name,
                                            .group_count = planned_groups(rollout),
                                            .targets = event->add.targets,
                                            .target_count = event->add.count};
    KEDGE_TRY(check_part(engine, rollout, &part));
    for (size_t i = 0; i < part.target_count; i++) {
        struct group_node *group = &rollout->groups[part.targets[i].group_index];
        KEDGE_TRY(engine_add_target(engine, group, &part.targets[i]));
        engine_group_changed(engine, group);
    }
    return engine_devices_written(rollout) == record->device_count ? complete(engine, rollout)
                                                                   : KEDGE_OK;
}

/* ---- those that are not completed ---- */

void engine_cut_draft(struct kedge_engine *engine, struct rollout_node *rollout)
{
    if (rollout->record.state != KEDGE_ROLLOUT_DRAFT)
        return;
    rollout->record.device_count = engine_devices_written(rollout);
    engine_rollout_changed(engine, rollout);
}

enum kedge_rc engine_end_orphan(struct kedge_engine *engine, struct rollout_node *rollout)
{
    char text[KEDGE_REASON_MAX + 1];
    if (!rollout->orphaned || rollout->record.state != KEDGE_ROLLOUT_DRAFT)
        return KEDGE_OK;
    (void)snprintf(text, sizeof(text),
                   "the server ended while it created the rollout, with %" PRIu32 " of %" PRIu32
                   " %s written: create it again",
                   engine_devices_written(rollout), rollout->record.device_count,
                   kedge_by_count(rollout->record.device_count, "device", "devices"));
    return engine_abort_rollout(engine, rollout, KEDGE_ON_ABORT, text);
}
