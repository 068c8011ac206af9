/*
 * approve.c: a second person. Where a rollout asks for it, somebody else than its author lets it
 * begin, and go on behind each gate. Who that is, is told by the names of their tokens.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool engine_gate_needs_approval(const struct group_node *group)
{
    const struct kedge_rollout *rollout = &group->rollout->record;
    return engine_gate_asks_somebody(group) && group->record.index + 1 < rollout->group_count &&
           group->record.approver[0] == '\0';
}

/* The group whose gate has been met and waits for a person; NULL: none does. */
static struct group_node *waiting_gate(struct rollout_node *rollout)
{
    if (rollout->current == rollout->record.group_count)
        return NULL;
    struct group_node *group = &rollout->groups[rollout->current];
    bool waits = group->record.state == KEDGE_GROUP_WAITING_FOR_GATE;
    return waits && engine_gate_needs_approval(group) ? group : NULL;
}

static enum kedge_rc approve_gate(struct kedge_engine *engine, struct group_node *group,
                                  const char *text)
{
    struct kedge_history_entry entry = {.rollout_id = group->record.rollout_id,
                                        .group_index = group->record.index};
    const char *state = kedge_group_state_name(group->record.state);
    engine_copy_text(entry.from, sizeof(entry.from), state);
    engine_copy_text(entry.to, sizeof(entry.to), state);
    engine_copy_text(group->record.approver, sizeof(group->record.approver), engine->who);
    engine_group_changed(engine, group);
    engine_unsettle(engine, group->rollout);
    return engine_say(engine, &entry, text);
}

enum kedge_rc engine_approve_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                     const char *text)
{
    struct kedge_rollout *record = &rollout->record;
    if (strcmp(record->author, engine->who) == 0)
        return engine_refuse(engine, KEDGE_E_CONFLICT,
                             "%.64s made rollout %" PRIu64 ": somebody else must approve it",
                             record->author, record->id);
    if (record->state == KEDGE_ROLLOUT_WAITING_FOR_APPROVAL) {
        if (engine_start_is_due(engine, rollout)) /* it would begin at once */
            KEDGE_TRY(engine_check_start(engine, rollout));
        engine_copy_text(record->approver, sizeof(record->approver), engine->who);
        return engine_move_rollout(engine, rollout, KEDGE_ON_APPROVE, text, NULL);
    }
    struct group_node *group = waiting_gate(rollout);
    if (group == NULL)
        return engine_refuse(engine, KEDGE_E_STATE,
                             "no group of rollout %" PRIu64 " waits for an approval now",
                             record->id);
    return approve_gate(engine, group, text);
}
