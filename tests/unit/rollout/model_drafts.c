/*
 * model_drafts.c: rollouts that are made in parts. Whoever makes one does not live through a crash,
 * and nobody else goes on with it.
 */
#include "tests/unit/rollout/model.h"

#include <stdlib.h>

bool draft_begin(struct kedge_rollout_spec *spec)
{
    struct draft *draft = &w->draft;
    if (!option(OPTION_DRAFT, 30) || draft->rollout_id != 0 || spec->target_count < 2)
        return false;
    draft->count = (uint32_t)spec->target_count;
    draft->given = 1 + below(draft->count - 1);
    for (uint32_t i = 0; i < draft->count; i++)
        draft->parts[i] = (struct part){.device = index_of(device_of(spec->targets[i].endpoint)),
                                        .group_index = spec->targets[i].group_index};
    spec->target_total = draft->count;
    spec->target_count = draft->given;
    draft->rollout_id = w->seen.last.rollout_id + 1;
    return true;
}

static uint32_t fill(struct kedge_rollout_target *targets, uint32_t most)
{
    const struct draft *draft = &w->draft;
    uint32_t count = draft->count - draft->given < most ? draft->count - draft->given : most;
    for (uint32_t i = 0; i < count; i++) {
        const struct part *part = &draft->parts[draft->given + i];
        targets[i] = target_of(&w->devices[part->device], part->group_index);
    }
    return count;
}

void do_add(void)
{
    struct draft *draft = &w->draft;
    uint64_t id = draft->rollout_id;
    if (id == 0)
        return;
    struct kedge_rollout_target *targets = calloc(w->device_count, sizeof(*targets));
    if (targets == NULL)
        abort();
    uint32_t count = fill(targets, 1 + below(w->device_count));
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_ADD,
                                       .who = "alice",
                                       .rollout_id = id,
                                       .add = {.targets = targets, .count = count}};
    bool was_draft = w->seen.rollouts[id].state == KEDGE_ROLLOUT_DRAFT;
    say("alice adds %" PRIu32 " devices to rollout %" PRIu64, count, id);
    draft->given += count;
    if (!was_draft || draft->given == draft->count)
        draft->rollout_id = 0;
    INVARIANT((handle(&event) == KEDGE_OK) == was_draft,
              "%" PRIu32 " devices are %s a rollout that is %s", count,
              was_draft ? "not added to" : "added to",
              kedge_rollout_state_name(w->seen.rollouts[id].state));
    free(targets);
}

/* A draft is one as long as devices are missing, and somebody is at it. */
void check_drafts(void)
{
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        const struct kedge_rollout *rollout = &w->seen.rollouts[id];
        uint64_t written = 0;
        if (!rollout_exists(id))
            continue;
        for (uint32_t g = 0; g < rollout->group_count; g++)
            for (unsigned s = 0; s < KEDGE_DEPLOYMENT_STATE_COUNT; s++)
                written += w->seen.groups[id][g].counts[s];
        bool is_draft = rollout->state == KEDGE_ROLLOUT_DRAFT;
        INVARIANT(is_draft ? written < rollout->device_count : written == rollout->device_count,
                  "rollout %" PRIu64 " is %s with %" PRIu64 " of %" PRIu32 " devices", id,
                  kedge_rollout_state_name(rollout->state), written, rollout->device_count);
        INVARIANT(!is_draft || w->draft.rollout_id == id,
                  "rollout %" PRIu64 " is a draft, and nobody is at it", id);
    }
}
