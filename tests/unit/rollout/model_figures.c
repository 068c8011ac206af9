/*
 * model_figures.c: counts are the sum of their parts, no more are in flight than may be, groups go
 * one after the other, and errors stop a rollout when they should and not otherwise.
 */
#include "tests/unit/rollout/model.h"

#include <stdlib.h>
#include <string.h>

/* ---- adding up ---- */

bool is_held(const struct kedge_deployment *record)
{
    return record->state == KEDGE_DEPLOYMENT_DOWNLOADED &&
           w->seen.rollouts[record->rollout_id].windows[0] != '\0' &&
           w->install_until_ms[record->id] == 0;
}

void review_place(uint64_t deployment_id)
{
    const struct kedge_deployment *record = &w->seen.deployments[deployment_id];
    const struct device *device = device_of(record->endpoint);
    struct tally *tally = &w->tallies[record->rollout_id];
    bool busy = kedge_deployment_state_busy(record->state);
    uint8_t before = w->places[deployment_id], after = 0;
    if (busy && !device->told_asleep && !is_held(record))
        after |= PLACE_HELD;
    if (busy && device->woke)
        after |= PLACE_UNINVITED;
    tally->in_flight += (uint32_t)((after & PLACE_HELD) != 0) - ((before & PLACE_HELD) != 0);
    tally->uninvited +=
        (uint32_t)((after & PLACE_UNINVITED) != 0) - ((before & PLACE_UNINVITED) != 0);
    w->places[deployment_id] = after;
}

static void drop_place(const struct kedge_deployment *record)
{
    struct tally *tally = &w->tallies[record->rollout_id];
    tally->in_flight -= (w->places[record->id] & PLACE_HELD) != 0;
    tally->uninvited -= (w->places[record->id] & PLACE_UNINVITED) != 0;
    w->places[record->id] = 0;
}

static bool is_error(const struct kedge_deployment *record)
{
    return record->state == KEDGE_DEPLOYMENT_FAILED || record->state == KEDGE_DEPLOYMENT_REJECTED ||
           (record->state == KEDGE_DEPLOYMENT_TIMED_OUT && record->offered_at_ms != 0);
}

void count_one(const struct kedge_deployment *record, bool add)
{
    struct tally *tally = &w->tallies[record->rollout_id];
    struct device *device = device_of(record->endpoint);
    uint32_t step = add ? 1 : UINT32_MAX; /* adding the latter takes one away */
    bool already = record->state == KEDGE_DEPLOYMENT_SUCCEEDED && record->offered_at_ms == 0;
    tally->counts[record->group_index][record->state] += step;
    tally->errors[record->group_index] += is_error(record) ? step : 0;
    tally->already[record->group_index] += already ? step : 0;
    if (!add) {
        drop_place(record);
        device->working = device->working == record->id ? 0 : device->working;
        return;
    }
    if (kedge_deployment_state_busy(record->state)) {
        INVARIANT(device->working == 0, "%s works for deployments %" PRIu64 " and %" PRIu64,
                  record->endpoint, device->working, record->id);
        device->working = record->id;
    }
    review_place(record->id);
}

void count_all(void)
{
    memset(w->tallies, 0, (w->rollouts_max + 1) * sizeof(*w->tallies));
    for (uint32_t i = 0; i < w->device_count; i++)
        w->devices[i].working = 0;
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++)
        if (w->seen.deployments[id].id != 0)
            count_one(&w->seen.deployments[id], true);
}

/* ---- in flight ---- */

/* Who gives a place away has one: those that woke up count too, though they may be more than there
 * may be. */
static bool gives_a_place(const struct kedge_engine_output *output, uint64_t rollout_id)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        bool offers = strcmp(entry->from, "pending") == 0 && strcmp(entry->to, "offered") == 0;
        if (entry->rollout_id == rollout_id && entry->deployment_id != 0 && offers)
            return true;
    }
    return false;
}

static void check_in_flight(const struct kedge_engine_output *output,
                            const struct kedge_rollout *rollout)
{
    const struct tally *tally = &w->tallies[rollout->id];
    uint32_t most = rollout->policy.in_flight_max;
    uint32_t over =
        tally->in_flight <= most || gives_a_place(output, rollout->id) ? 0 : tally->uninvited;
    INVARIANT(tally->in_flight <= most + over,
              "rollout %" PRIu64 " has %" PRIu32 " in flight, at most %" PRIu32 " are allowed",
              rollout->id, tally->in_flight, most);
}

static void check_sums(const struct kedge_rollout *rollout)
{
    const struct tally *tally = &w->tallies[rollout->id];
    for (uint32_t g = 0; g < rollout->group_count; g++) {
        const struct kedge_group *group = &w->seen.groups[rollout->id][g];
        INVARIANT(memcmp(tally->counts[g], group->counts, sizeof(group->counts)) == 0 &&
                      tally->errors[g] == group->errors && tally->already[g] == group->already,
                  "the counts of rollout %" PRIu64 " are not the sum of its parts", rollout->id);
    }
}

/* ---- thresholds ---- */

/* Whether the group has more errors than its rollout bears and a person has accepted, all of them
 * or of one kind; in another arithmetic than the engine's: errors > the percentage, rounded down.
 */
static bool unbearable(const struct kedge_rollout *rollout, const struct kedge_group *group)
{
    const struct kedge_rollout_policy *policy = &rollout->policy;
    uint64_t size = 0;
    for (unsigned s = 0; s < KEDGE_DEPLOYMENT_STATE_COUNT; s++)
        size += group->counts[s];
    uint32_t failed = group->counts[KEDGE_DEPLOYMENT_FAILED];
    uint32_t rejected = group->counts[KEDGE_DEPLOYMENT_REJECTED];
    uint32_t late = group->errors - failed - rejected;
    uint32_t percent = own_or(group->gate.error_threshold_percent, policy->error_threshold_percent);
    return (group->errors > size * percent / 100 && group->errors > group->errors_accepted) ||
           (failed > size * policy->failed_threshold_percent / 100 &&
            failed > group->kinds_accepted[0]) ||
           (rejected > size * policy->rejected_threshold_percent / 100 &&
            rejected > group->kinds_accepted[1]) ||
           (late > size * policy->timed_out_threshold_percent / 100 &&
            late > group->kinds_accepted[2]);
}

/* Whoever could still be told to begin has been canceled, and stays so. */
static void check_stopping(const struct kedge_rollout *rollout)
{
    uint32_t count = 0;
    for (uint32_t g = 0; g < rollout->group_count; g++)
        for (unsigned s = 0; s < KEDGE_DEPLOYMENT_INSTALLING; s++)
            count += w->seen.groups[rollout->id][g].counts[s];
    bool stopping =
        rollout->state == KEDGE_ROLLOUT_ABORTING || rollout->state == KEDGE_ROLLOUT_ROLLING_BACK;
    INVARIANT(count == 0 || (stopping && between_slices()) ||
                  (!stopping && !kedge_rollout_state_ended(rollout->state)),
              "rollout %" PRIu64 " is %s, and %" PRIu32 " of its devices may begin", rollout->id,
              kedge_rollout_state_name(rollout->state), count);
}

static void check_group(const struct kedge_rollout *rollout, const struct kedge_group *group)
{
    uint32_t g = group->index;
    uint64_t open = 0;
    for (unsigned s = 0; s <= KEDGE_DEPLOYMENT_VERIFYING; s++)
        open += group->counts[s];
    uint64_t tried = group->counts[KEDGE_DEPLOYMENT_SUCCEEDED] - group->already + group->errors;
    bool running = rollout->state == KEDGE_ROLLOUT_RUNNING, grows = may_grow(rollout, g);
    uint32_t sample =
        own_or(group->gate.error_minimum_sample, rollout->policy.error_minimum_sample);
    bool enough = (open == 0 && !grows) || tried >= sample;
    INVARIANT(!running || !grows || group->state <= KEDGE_GROUP_RUNNING,
              "rollout %" PRIu64 " is open, and the group of those that join it is not",
              rollout->id);
    INVARIANT(!running || group->state == KEDGE_GROUP_SCHEDULED ||
                  kedge_group_state_ended(group->state) || !enough || !unbearable(rollout, group),
              "rollout %" PRIu64 " runs on with %" PRIu32 " errors", rollout->id, group->errors);
    INVARIANT(!running || group->state != KEDGE_GROUP_RUNNING || open > 0 || grows ||
                  between_slices(),
              "a group of rollout %" PRIu64 " runs on without anybody at work", rollout->id);
    INVARIANT(open == 0 || group->state == KEDGE_GROUP_SCHEDULED ||
                  group->state == KEDGE_GROUP_RUNNING || !goes_on(rollout),
              "a group of rollout %" PRIu64 " has ended before its devices have", rollout->id);
    bool before_ended = g == 0 || kedge_group_state_ended(w->seen.groups[rollout->id][g - 1].state);
    INVARIANT(group->state == KEDGE_GROUP_SCHEDULED || before_ended,
              "group %" PRIu32 " began before the one before it had ended", g);
}

static bool is_second_person(const struct kedge_rollout *rollout)
{
    return rollout->approver[0] != '\0' && strcmp(rollout->approver, rollout->author) != 0;
}

/* A rollout stops for errors only when there are more than it bears. */
static void check_reasons(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        if (entry->deployment_id != 0 || entry->group_index >= 0 ||
            strstr(entry->text, ", more than ") == NULL)
            continue;
        const struct kedge_rollout *rollout = &w->seen.rollouts[entry->rollout_id];
        bool justified = false;
        for (uint32_t g = 0; g < rollout->group_count; g++)
            justified |= unbearable(rollout, &w->seen.groups[rollout->id][g]);
        INVARIANT(justified, "rollout %" PRIu64 " stopped for errors that it bears", rollout->id);
    }
}

/* ---- after a stop ---- */

/* Errors that the group may still come to: of those in flight, and of those that had an attempt and
 * may run into the deadline. Successes that do not last come on top, in see(). */
static uint64_t errors_to_come(const struct kedge_rollout *rollout, uint32_t group)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < w->device_count; i++) {
        const struct kedge_deployment *record = deployment_of(rollout->id, &w->devices[i]);
        if (record == NULL || record->group_index != group)
            continue;
        count += kedge_deployment_state_busy(record->state);
        count += record->state == KEDGE_DEPLOYMENT_PENDING && record->offered_at_ms != 0;
    }
    return count;
}

/* A rollout that has stopped has no more errors than it had, and those of what was in flight. */
static void check_stop(const struct kedge_rollout *rollout)
{
    for (uint32_t g = 0; g < rollout->group_count; g++) {
        struct stop *stop = &w->stops[rollout->id][g];
        uint32_t errors = w->seen.groups[rollout->id][g].errors;
        bool stopped = rollout->started_at_ms != 0 && rollout->state != KEDGE_ROLLOUT_RUNNING;
        if (stopped && !stop->stopped)
            stop->most = errors + errors_to_come(rollout, g);
        stop->stopped = stopped;
        INVARIANT(!stopped || errors <= stop->most,
                  "rollout %" PRIu64 " has stopped and comes to %" PRIu32
                  " errors, of at most %" PRIu64,
                  rollout->id, errors, stop->most);
    }
}

void check_figures(const struct kedge_engine_output *output)
{
    check_reasons(output);
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        const struct kedge_rollout *rollout = &w->seen.rollouts[id];
        if (!rollout_exists(id))
            continue;
        check_in_flight(output, rollout);
        check_sums(rollout);
        check_stopping(rollout);
        INVARIANT(rollout->started_at_ms == 0 || rollout->policy.approval == KEDGE_APPROVAL_NONE ||
                      is_second_person(rollout),
                  "rollout %" PRIu64 " began without a second person", rollout->id);
        for (uint32_t g = 0; g < rollout->group_count; g++)
            check_group(rollout, &w->seen.groups[id][g]);
        check_stop(rollout);
    }
}
