/*
 * late.c: devices that had begun to install when the cancel of a stopped rollout reached them, and
 * come back with its version. What was said of them stays so, with what is true now beside it;
 * where the rollout takes devices back, they are taken back as well.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char late_words[] = "canceled too late: the device has installed version";

static enum kedge_rc say_late(struct kedge_engine *engine, struct deployment_node *node)
{
    char text[KEDGE_REASON_MAX + 1];
    if (node->reason != NULL && strncmp(node->reason, late_words, sizeof(late_words) - 1) == 0)
        return KEDGE_OK;
    (void)snprintf(text, sizeof(text), "%s %.63s and runs it", late_words,
                   engine_offered_version(node));
    KEDGE_TRY(engine_set_text(&node->reason, text));
    engine_deployment_changed(engine, node);
    return engine_note_deployment(engine, node, text);
}

/* Before its own rollout has begun to, has_moved() finds it. */
static enum kedge_rc take_back(struct kedge_engine *engine, const struct rollout_node *rollout,
                               const struct device_node *device)
{
    struct rollout_node *revert = engine_rollout(engine, rollout->record.revert_rollout_id);
    if (revert == NULL || kedge_rollout_state_ended(revert->record.state) ||
        revert->record.state == KEDGE_ROLLOUT_ABORTING ||
        engine_names_device(engine, revert->record.id, device->endpoint))
        return KEDGE_OK;
    struct group_node *group = &revert->groups[0];
    KEDGE_TRY(engine_add_pending(engine, group, device->endpoint));
    revert->record.device_count++;
    engine_rollout_changed(engine, revert);
    engine_group_changed(engine, group);
    KEDGE_TRY(
        engine_note_deployment(engine, group->last, "was moved all the same, and is taken back"));
    /* Nobody would look at it again, if it does not stay. */
    return engine_deadline_passed(engine, revert) ? engine_end_by_deadline(engine, group->last)
                                                  : engine_enter(engine, group->last);
}

enum kedge_rc engine_check_late(struct kedge_engine *engine, struct device_node *device)
{
    /* What is at work on it may be what brought that version. */
    if (device->working != NULL || device->version == NULL)
        return KEDGE_OK;
    for (struct deployment_node *node = device->all; node != NULL; node = node->next_of_device) {
        const struct rollout_node *rollout = node->group->rollout;
        /* Those of an ended one are on their way out. */
        if (kedge_rollout_state_ended(rollout->record.state) || node->offered_at_ms == 0 ||
            strcmp(device->version, engine_offered_version(node)) != 0 ||
            !kedge_deployment_state_ended(node->state))
            continue;
        if (node->state == KEDGE_DEPLOYMENT_CANCELED)
            KEDGE_TRY(say_late(engine, node));
        if (rollout->record.state == KEDGE_ROLLOUT_ROLLING_BACK)
            KEDGE_TRY(take_back(engine, rollout, device));
    }
    return KEDGE_OK;
}
