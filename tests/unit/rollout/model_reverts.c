/* model_reverts.c: whom a rollout had moved is taken back, and nobody else. */
#include "tests/unit/rollout/model.h"

static void check_who_is_taken_back(const struct kedge_rollout *rollout)
{
    for (uint32_t i = 0; i < w->device_count; i++) {
        const struct device *device = &w->devices[i];
        const struct kedge_deployment *record = deployment_of(rollout->id, device);
        const struct kedge_deployment *back =
            rollout->revert_rollout_id == 0 ? NULL
                                            : deployment_of(rollout->revert_rollout_id, device);
        bool moved = record != NULL && record->offered_at_ms != 0 &&
                     (record->state == KEDGE_DEPLOYMENT_SUCCEEDED || record->steps_done != 0);
        INVARIANT(!moved || back != NULL,
                  "%s was moved by rollout %" PRIu64 " and is not taken back", device->endpoint,
                  rollout->id);
        INVARIANT(record == NULL || kedge_deployment_state_ended(record->state),
                  "rollout %" PRIu64 " takes devices back with others at work", rollout->id);
        INVARIANT(back == NULL || (record != NULL && record->offered_at_ms != 0),
                  "%s is taken back, though it was never offered anything", device->endpoint);
    }
}

static void check_revert(const struct kedge_rollout *rollout)
{
    const struct kedge_rollout *revert = &w->seen.rollouts[rollout->revert_rollout_id];
    uint32_t busy = 0;
    for (uint32_t g = 0; g < rollout->group_count; g++)
        for (unsigned s = KEDGE_DEPLOYMENT_OFFERED; s <= KEDGE_DEPLOYMENT_VERIFYING; s++)
            busy += w->tallies[rollout->id].counts[g][s];
    bool under_way = revert->id != 0 && !kedge_rollout_state_ended(revert->state);
    INVARIANT(rollout->state != KEDGE_ROLLOUT_ROLLED_BACK || !under_way,
              "rollout %" PRIu64 " is rolled back before its devices are", rollout->id);
    INVARIANT(rollout->state != KEDGE_ROLLOUT_ROLLING_BACK || busy > 0 || under_way ||
                  between_slices(),
              "rollout %" PRIu64 " is rolling back and waits for nothing", rollout->id);
    INVARIANT(revert->id == 0 || revert->reverts_rollout_id == rollout->id,
              "rollout %" PRIu64 " does not know what it takes back", revert->id);
}

void check_reverts(const struct kedge_engine_output *output)
{
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        const struct kedge_rollout *rollout = &w->seen.rollouts[id];
        if (rollout->state == KEDGE_ROLLOUT_ROLLING_BACK ||
            rollout->state == KEDGE_ROLLOUT_ROLLED_BACK)
            check_revert(rollout);
    }
    for (size_t i = 0; i < output->rollout_count; i++) {
        const struct kedge_rollout *rollout = &output->rollouts[i];
        if (rollout->revert_rollout_id != 0 || rollout->state == KEDGE_ROLLOUT_ROLLED_BACK)
            check_who_is_taken_back(rollout);
    }
}
