/*
 * join.c: devices that come to match a dynamic rollout after it was created.
 *
 * They stand in a group of their own, its last one. So no group that was planned ever changes, and
 * each gate is judged over exactly the devices that the plan showed. The last group does not end by
 * itself as long as devices may join it: the rollout finishes after somebody has closed it, or at
 * its deadline. Its errors are judged over those that have joined so far, once enough were tried.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One that is being aborted or rolled back, or has ended, is not one to begin with. */
static bool is_joinable(const struct rollout_node *rollout)
{
    enum kedge_rollout_state state = rollout->record.state;
    return rollout->record.dynamic && rollout->record.closed_at_ms == 0 &&
           state != KEDGE_ROLLOUT_DRAFT && !kedge_rollout_state_ended(state) &&
           state != KEDGE_ROLLOUT_ABORTING && state != KEDGE_ROLLOUT_ROLLING_BACK;
}

bool engine_may_grow(const struct group_node *group)
{
    const struct rollout_node *rollout = group->rollout;
    return is_joinable(rollout) && group->record.index + 1 == rollout->record.group_count;
}

uint64_t kedge_engine_joinable(const struct kedge_engine *engine, uint64_t before_id)
{
    uint64_t newest = 0;
    const struct rollout_node *rollout = engine->first_dynamic;
    for (; rollout != NULL; rollout = rollout->next_dynamic) {
        uint64_t id = rollout->record.id;
        if (is_joinable(rollout) && (before_id == 0 || id < before_id) && id > newest)
            newest = id;
    }
    return newest;
}

bool engine_names_device(const struct kedge_engine *engine, uint64_t rollout_id,
                         const char *endpoint)
{
    const struct device_node *device = engine_device(engine, endpoint);
    const struct deployment_node *node = device == NULL ? NULL : device->all;
    while (node != NULL && node->group->record.rollout_id != rollout_id)
        node = node->next_of_device;
    return node != NULL;
}

enum kedge_rc engine_join(struct kedge_engine *engine, const struct kedge_engine_event *event)
{
    struct rollout_node *rollout = engine_rollout(engine, event->rollout_id);
    const char *endpoint = event->join.endpoint;
    if (rollout == NULL || !is_joinable(rollout) || endpoint == NULL || endpoint[0] == '\0' ||
        strlen(endpoint) > KEDGE_ENDPOINT_MAX ||
        rollout->record.device_count >= KEDGE_ROLLOUT_TARGETS_MAX ||
        engine_names_device(engine, event->rollout_id, endpoint))
        return KEDGE_OK;
    struct group_node *group = &rollout->groups[rollout->record.group_count - 1];
    KEDGE_TRY(engine_add_target(engine, group, &event->join));
    rollout->record.device_count++;
    engine_rollout_changed(engine, rollout);
    engine_group_changed(engine, group);
    KEDGE_TRY(engine_note_deployment(engine, group->last, "has come to match, and joins"));
    KEDGE_TRY(engine_enter(engine, group->last));
    return engine_review_device(engine, group->last->device);
}

enum kedge_rc engine_close(struct kedge_engine *engine, struct rollout_node *rollout,
                           const char *text)
{
    struct kedge_rollout *record = &rollout->record;
    struct kedge_history_entry entry = {.rollout_id = record->id, .group_index = -1};
    engine_copy_text(entry.from, sizeof(entry.from), kedge_rollout_state_name(record->state));
    engine_copy_text(entry.to, sizeof(entry.to), kedge_rollout_state_name(record->state));
    record->closed_at_ms = engine->now_ms;
    engine_rollout_changed(engine, rollout);
    engine_unsettle(engine, rollout);
    return engine_say(engine, &entry, text);
}

enum kedge_rc engine_close_rollout(struct kedge_engine *engine, uint64_t rollout_id)
{
    struct rollout_node *rollout = engine_rollout(engine, rollout_id);
    if (rollout == NULL)
        return engine_refuse(engine, KEDGE_E_NOT_FOUND, "there is no rollout %" PRIu64, rollout_id);
    if (!rollout->record.dynamic)
        return engine_refuse(engine, KEDGE_E_STATE,
                             "rollout %" PRIu64 " is static: no device joins it anyway",
                             rollout_id);
    if (!is_joinable(rollout))
        return engine_refuse(engine, KEDGE_E_STATE, "rollout %" PRIu64 " is %s%s", rollout_id,
                             kedge_rollout_state_name(rollout->record.state),
                             rollout->record.closed_at_ms != 0 ? ", and closed already"
                                                               : ": no device joins it any more");
    char text[128];
    (void)snprintf(text, sizeof(text), "closed by %.64s: no device joins any more", engine->who);
    KEDGE_TRY(engine_close(engine, rollout, text));
    return engine_audit(engine, "rollout.close", rollout_id, "", "closed");
}
