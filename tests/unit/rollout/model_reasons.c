/* model_reasons.c: what is said of a deployment is what it waits for, by what the model knows. */
#include "tests/unit/rollout/model.h"

#include <string.h>

#define WORDS_MAX 96u

static unsigned attempts(const struct kedge_deployment *record)
{
    unsigned count = 1;
    for (unsigned kind = 0; kind < KEDGE_ERROR_KIND_COUNT; kind++)
        count += record->retries[kind];
    return count;
}

/* Of one that is pending, in a group that runs. */
static void expect_of_device(const struct kedge_deployment *record, char words[WORDS_MAX])
{
    const struct kedge_rollout *rollout = &w->seen.rollouts[record->rollout_id];
    const struct device *device = device_of(record->endpoint);
    uint32_t in_flight = w->tallies[rollout->id].in_flight, most = rollout->policy.in_flight_max;
    if (device->working != 0)
        (void)snprintf(words, WORDS_MAX, "still at work for rollout %" PRIu64 " ",
                       w->seen.deployments[device->working].rollout_id);
    else if (goes_first(record) != NULL)
        (void)snprintf(words, WORDS_MAX, "rollout %" PRIu64 " goes first with this device",
                       goes_first(record)->rollout_id);
    else if (superseding(record) != NULL)
        (void)snprintf(words, WORDS_MAX, "which is newer, is taking the device over");
    else if (!device->told_present)
        (void)snprintf(words, WORDS_MAX, "is not registered");
    else if (device->told_asleep)
        (void)snprintf(words, WORDS_MAX, "is asleep");
    else if (record->retry_at_ms > w->now_ms)
        (void)snprintf(words, WORDS_MAX, "attempt %u is due in ", attempts(record));
    else if (rollout->download_in_window &&
             !windows_open(rollout->windows, device->zone, w->now_ms))
        (void)snprintf(words, WORDS_MAX, "waits for its window, which opens ");
    else if (in_flight < most)
        (void)snprintf(words, WORDS_MAX, "waits for its turn");
    else
        (void)snprintf(words, WORDS_MAX,
                       "waits for a place, %" PRIu32 " of at most %" PRIu32 " device", in_flight,
                       most);
}

static void expect_of_pending(const struct kedge_deployment *record, char words[WORDS_MAX])
{
    const struct kedge_rollout *rollout = &w->seen.rollouts[record->rollout_id];
    bool stops =
        rollout->state == KEDGE_ROLLOUT_ABORTING || rollout->state == KEDGE_ROLLOUT_ROLLING_BACK;
    if (rollout->state == KEDGE_ROLLOUT_PAUSED)
        (void)snprintf(words, WORDS_MAX, "the rollout is paused (");
    else if (stops)
        (void)snprintf(words, WORDS_MAX, "are canceled one after the other");
    else if (rollout->state == KEDGE_ROLLOUT_DRAFT)
        (void)snprintf(words, WORDS_MAX, "the rollout is being created, ");
    else if (rollout->state != KEDGE_ROLLOUT_RUNNING)
        (void)snprintf(words, WORDS_MAX, "the rollout is %s and has not been started",
                       kedge_rollout_state_name(rollout->state));
    else if (w->seen.groups[rollout->id][0].state == KEDGE_GROUP_SCHEDULED)
        (void)snprintf(words, WORDS_MAX, "%s",
                       rollout->deadline_at_ms != 0 && rollout->deadline_at_ms <= w->now_ms
                           ? "; the deadline is in 0 s"
                           : "takes its devices over from others one after the other");
    else if (w->seen.groups[rollout->id][record->group_index].state == KEDGE_GROUP_SCHEDULED)
        (void)snprintf(words, WORDS_MAX, "starts after the gate of group %" PRIu32,
                       record->group_index);
    else
        expect_of_device(record, words);
}

static void expect_of_busy(const struct kedge_deployment *record, char words[WORDS_MAX])
{
    const struct kedge_rollout *rollout = &w->seen.rollouts[record->rollout_id];
    const struct device *device = device_of(record->endpoint);
    bool open = windows_open(rollout->windows, device->zone, w->now_ms);
    if (is_held(record) && rollout->state == KEDGE_ROLLOUT_PAUSED)
        (void)snprintf(words, WORDS_MAX, "the rollout is paused (");
    else if (is_held(record) && !open && !device->untold)
        (void)snprintf(words, WORDS_MAX, "waits for its window, which opens ");
    else if (!is_held(record) && device->told_present && device->told_asleep)
        (void)snprintf(words, WORDS_MAX, "holds no place");
    else
        (void)snprintf(words, WORDS_MAX, "%s", kedge_deployment_state_name(record->state));
}

void check_reason(const struct kedge_deployment *record)
{
    char text[KEDGE_EXPLANATION_MAX], words[WORDS_MAX];
    if (record->state == KEDGE_DEPLOYMENT_PENDING)
        expect_of_pending(record, words);
    else
        expect_of_busy(record, words);
    INVARIANT(kedge_engine_explain_deployment(w->engine, record->id, w->now_ms, text) == KEDGE_OK,
              "nothing is said of deployment %" PRIu64, record->id);
    INVARIANT(strstr(text, words) != NULL, "of deployment %" PRIu64 " it is not said \"%s\" but %s",
              record->id, words, text);
}
