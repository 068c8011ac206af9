/*
 * keep.c: a success lasts for as long as its device runs the version. One that is seen on it and
 * then on another one has fallen back, whatever the reason: its deployment has failed, and counts
 * as that at the gate. It is so until the rollout has ended, or another one has begun with the
 * device.
 *
 * Only what was seen to run the version can leave it: of some devices the version does not tell.
 * What was seen before a restart of the server was, too: one that falls back meanwhile is noticed
 * when it registers again.
 */
#include "updater/rollout/engine.h"

#include <stdio.h>
#include <string.h>

void engine_keep(struct deployment_node *node)
{
    node->next_kept = node->device->kept;
    node->device->kept = node;
}

void engine_forget_kept(struct deployment_node *node)
{
    struct deployment_node **link = &node->device->kept;
    while (*link != NULL && *link != node)
        link = &(*link)->next_kept;
    if (*link != NULL)
        *link = node->next_kept;
}

/* In the same moment, too: whoever waits for a device has it as soon as that is free. */
static bool has_begun_since(const struct deployment_node *other, const struct deployment_node *node)
{
    return other != node && other->offered_at_ms != 0 && other->offered_at_ms >= node->ended_at_ms;
}

void engine_review_kept(struct deployment_node *node)
{
    const struct deployment_node *other = node->device->all;
    if (node->state != KEDGE_DEPLOYMENT_SUCCEEDED)
        return;
    while (other != NULL && !has_begun_since(other, node))
        other = other->next_of_device;
    if (other != NULL)
        engine_forget_kept(node);
}

static enum kedge_rc fall_back(struct kedge_engine *engine, struct deployment_node *node,
                               const char *version)
{
    char text[KEDGE_REASON_MAX + 1];
    (void)snprintf(text, sizeof(text), "had succeeded, and runs version %.63s now instead of %.63s",
                   version, node->group->rollout->record.version);
    engine_forget_kept(node);
    engine->who = "device";
    return engine_move_deployment(engine, node, KEDGE_ON_FELL_BACK, text, NULL);
}

enum kedge_rc engine_check_kept(struct kedge_engine *engine, struct device_node *device,
                                const char *version)
{
    if (device->version == NULL || version == NULL || version[0] == '\0')
        return KEDGE_OK;
    struct deployment_node *node = device->kept;
    while (node != NULL) {
        struct deployment_node *next = node->next_kept;
        const struct kedge_rollout *rollout = &node->group->rollout->record;
        const char *wanted = rollout->version;
        if (!kedge_rollout_state_ended(rollout->state) && strcmp(device->version, wanted) == 0 &&
            strcmp(version, wanted) != 0)
            KEDGE_TRY(fall_back(engine, node, version));
        node = next;
    }
    return KEDGE_OK;
}

enum kedge_rc engine_remember(struct kedge_engine *engine, const struct kedge_engine_device *then)
{
    struct device_node *device =
        then->endpoint == NULL ? NULL : engine_device(engine, then->endpoint);
    return device == NULL || device->version != NULL
               ? KEDGE_OK
               : engine_set_text(&device->version, then->version);
}
