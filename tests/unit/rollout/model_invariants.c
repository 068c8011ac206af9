/*
 * model_invariants.c: what must hold after every event, checked against mirrors that are built from
 * the engine's outputs only.
 */
#include "tests/unit/rollout/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLICES_APART_MS 5u

/* Only a rollout that is running, at that point of the history, offers anything. */
static void check_offers(const struct kedge_engine_output *output)
{
    static char states[ROLLOUTS_MAX + 1][24];
    for (size_t i = 0; i < output->history_count; i++) {
        uint64_t id = output->history[i].rollout_id;
        (void)snprintf(states[id], sizeof(states[id]), "%s",
                       kedge_rollout_state_name(w->seen.rollouts[id].state));
    }
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        char *state = states[entry->rollout_id];
        if (entry->deployment_id == 0 && entry->group_index < 0)
            memcpy(state, entry->to, sizeof(states[0]));
        INVARIANT(entry->deployment_id == 0 || strcmp(entry->from, "pending") != 0 ||
                      strcmp(entry->to, "offered") != 0 || strcmp(state, "running") == 0,
                  "deployment %" PRIu64 " is offered while its rollout is %s", entry->deployment_id,
                  state);
    }
}

/* Who offers has room: those that woke up count too, though they may be more than there may be. */
static bool has_offered(const struct kedge_engine_output *output, uint64_t rollout_id)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        if (entry->rollout_id == rollout_id && strcmp(entry->from, "pending") == 0 &&
            strcmp(entry->to, "offered") == 0)
            return true;
    }
    return false;
}

static void check_history(const struct kedge_engine_output *output)
{
    /* Replaying the history from what was seen before must lead to the records of this output. */
    static char states[DEPLOYMENTS_MAX + 1][24];
    for (size_t i = 0; i < output->history_count; i++) {
        uint64_t id = output->history[i].deployment_id;
        if (id != 0)
            (void)snprintf(states[id], sizeof(states[id]), "%s",
                           kedge_deployment_state_name(w->seen.deployments[id].state));
    }
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        if (entry->deployment_id == 0)
            continue;
        INVARIANT(strcmp(states[entry->deployment_id], entry->from) == 0,
                  "history of deployment %" PRIu64 " goes on from %s, but it was %s",
                  entry->deployment_id, entry->from, states[entry->deployment_id]);
        memcpy(states[entry->deployment_id], entry->to, sizeof(entry->to));
        bool by_server = strcmp(entry->who, "device") != 0;
        INVARIANT(
            !by_server || strcmp(entry->to, "canceled") != 0 ||
                (strcmp(entry->from, "installing") != 0 && strcmp(entry->from, "verifying") != 0),
            "an abort canceled what was %s", entry->from);
    }
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *record = &output->deployments[i];
        const struct kedge_deployment *before = &w->seen.deployments[record->id];
        bool moved = before->id != 0 && before->state != record->state;
        if (moved)
            INVARIANT(strcmp(states[record->id], kedge_deployment_state_name(record->state)) == 0,
                      "no history leads deployment %" PRIu64 " to %s", record->id,
                      kedge_deployment_state_name(record->state));
    }
}

static void check_terminal(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *after = &output->deployments[i];
        const struct kedge_deployment *before = &w->seen.deployments[after->id];
        bool fell_back =
            before->state == KEDGE_DEPLOYMENT_SUCCEEDED && after->state == KEDGE_DEPLOYMENT_FAILED;
        INVARIANT(before->id == 0 || !kedge_deployment_state_ended(before->state) ||
                      before->state == after->state || fell_back,
                  "deployment %" PRIu64 " left %s", after->id,
                  kedge_deployment_state_name(before->state));
    }
    for (size_t i = 0; i < output->group_count; i++) {
        const struct kedge_group *after = &output->groups[i];
        const struct kedge_group *before = &w->seen.groups[after->rollout_id][after->index];
        INVARIANT(before->rollout_id == 0 || !kedge_group_state_ended(before->state) ||
                      before->state == after->state,
                  "a group left %s", kedge_group_state_name(before->state));
    }
    for (size_t i = 0; i < output->rollout_count; i++) {
        const struct kedge_rollout *after = &output->rollouts[i];
        const struct kedge_rollout *before = &w->seen.rollouts[after->id];
        INVARIANT(before->id == 0 || !kedge_rollout_state_ended(before->state) ||
                      before->state == after->state,
                  "rollout %" PRIu64 " left %s", after->id,
                  kedge_rollout_state_name(before->state));
    }
}

static bool goes_on(const struct kedge_rollout *rollout)
{
    return rollout->state == KEDGE_ROLLOUT_RUNNING || rollout->state == KEDGE_ROLLOUT_PAUSED;
}

static bool another_one_waits(const struct kedge_deployment *record)
{
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *other = &w->seen.deployments[id];
        if (other->id != 0 && other->rollout_id != record->rollout_id &&
            strcmp(other->endpoint, record->endpoint) == 0 &&
            !kedge_deployment_state_ended(other->state) &&
            goes_on(&w->seen.rollouts[other->rollout_id]))
            return true;
    }
    return false;
}

/* Another attempt is one of those that the policy has, begins when it is due, and is given only
 * where the rollout goes on and no newer one waits for the device. */
static void check_attempts(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *after = &output->deployments[i];
        const struct kedge_deployment *before = &w->seen.deployments[after->id];
        const struct kedge_rollout *rollout = &w->seen.rollouts[after->rollout_id];
        if (before->id == 0)
            continue;
        INVARIANT(before->retry_at_ms <= w->now_ms || before->state != KEDGE_DEPLOYMENT_PENDING ||
                      !kedge_deployment_state_busy(after->state),
                  "deployment %" PRIu64 " has another attempt before it is due", after->id);
        const uint32_t most[] = {rollout->policy.retry_failed, rollout->policy.retry_rejected,
                                 rollout->policy.retry_timed_out};
        for (unsigned kind = 0; kind < KEDGE_ERROR_KIND_COUNT; kind++) {
            INVARIANT(after->retries[kind] <= most[kind],
                      "deployment %" PRIu64 " has more attempts than it may have", after->id);
            INVARIANT(after->retries[kind] == before->retries[kind] ||
                          (goes_on(rollout) && !another_one_waits(after)),
                      "deployment %" PRIu64 " of the %s rollout %" PRIu64
                      " has another attempt in vain",
                      after->id, kedge_rollout_state_name(rollout->state), rollout->id);
        }
    }
}

static bool is_second_person(const struct kedge_rollout *rollout, const char *who)
{
    return who[0] != '\0' && strcmp(who, rollout->author) != 0;
}

static uint32_t own_or(uint32_t own, uint32_t of_rollout)
{
    return own < KEDGE_GATE_UNSET ? own : of_rollout;
}

static bool goes_on_soon(uint64_t within_ms)
{
    uint64_t next_ms = kedge_engine_next_tick_at_ms(w->engine);
    return next_ms != 0 && next_ms <= w->now_ms + within_ms;
}

/* A slice is over, and the next one has not come yet. */
static bool between_slices(void)
{
    return w->slice_moves > 0 && goes_on_soon(SLICES_APART_MS);
}

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

/* Devices may join its last group, which does not end before somebody has closed the rollout. */
static bool may_grow(const struct kedge_rollout *rollout, uint32_t group)
{
    return rollout->dynamic && rollout->closed_at_ms == 0 && group + 1 == rollout->group_count;
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

static void check_thresholds(const struct kedge_rollout *rollout)
{
    INVARIANT(rollout->started_at_ms == 0 || rollout->policy.approval == KEDGE_APPROVAL_NONE ||
                  is_second_person(rollout, rollout->approver),
              "rollout %" PRIu64 " began without a second person", rollout->id);
    for (uint32_t g = 0; g < rollout->group_count; g++) {
        const struct kedge_group *group = &w->seen.groups[rollout->id][g];
        uint64_t open = 0;
        for (unsigned s = 0; s <= KEDGE_DEPLOYMENT_VERIFYING; s++)
            open += group->counts[s];
        uint64_t tried = group->counts[KEDGE_DEPLOYMENT_SUCCEEDED] - group->already + group->errors;
        bool enough = (open == 0 && !may_grow(rollout, g)) ||
                      tried >= own_or(group->gate.error_minimum_sample,
                                      rollout->policy.error_minimum_sample);
        INVARIANT(rollout->state != KEDGE_ROLLOUT_RUNNING || !may_grow(rollout, g) ||
                      group->state <= KEDGE_GROUP_RUNNING,
                  "rollout %" PRIu64 " is open, and the group of those that join it is not",
                  rollout->id);
        INVARIANT(
            rollout->state != KEDGE_ROLLOUT_RUNNING || group->state == KEDGE_GROUP_SCHEDULED ||
                kedge_group_state_ended(group->state) || !enough || !unbearable(rollout, group),
            "rollout %" PRIu64 " runs on with %" PRIu32 " errors", rollout->id, group->errors);
        INVARIANT(rollout->state != KEDGE_ROLLOUT_RUNNING || group->state != KEDGE_GROUP_RUNNING ||
                      open > 0 || may_grow(rollout, g) || between_slices(),
                  "a group of rollout %" PRIu64 " runs on without anybody at work", rollout->id);
        INVARIANT(open == 0 || group->state == KEDGE_GROUP_SCHEDULED ||
                      group->state == KEDGE_GROUP_RUNNING || !goes_on(rollout),
                  "a group of rollout %" PRIu64 " has ended before its devices have", rollout->id);
        bool before_ended =
            g == 0 || kedge_group_state_ended(w->seen.groups[rollout->id][g - 1].state);
        INVARIANT(group->state == KEDGE_GROUP_SCHEDULED || before_ended,
                  "group %" PRIu32 " began before the one before it had ended", g);
    }
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

static bool gate_is_met(const struct kedge_rollout *rollout, const struct kedge_group *group)
{
    uint64_t size = 0;
    for (unsigned s = 0; s < KEDGE_DEPLOYMENT_STATE_COUNT; s++)
        size += group->counts[s];
    /* in another arithmetic than the engine's: the percentage, rounded up to a device */
    uint32_t percent =
        own_or(group->gate.success_threshold_percent, rollout->policy.success_threshold_percent);
    uint64_t needed = (size * percent + 99) / 100;
    return group->counts[KEDGE_DEPLOYMENT_SUCCEEDED] >= needed;
}

/* A gate opens when it is met and not otherwise, and no group begins behind one that stays shut
 * before a person has resumed the rollout. */
static void check_gates(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        if (entry->group_index < 0 || entry->deployment_id != 0 ||
            strcmp(entry->from, "waiting_for_gate") != 0 ||
            strstr(entry->text, "devices succeeded") == NULL) /* approved, or aborted meanwhile */
            continue;
        const struct kedge_rollout *rollout = &w->seen.rollouts[entry->rollout_id];
        bool met = gate_is_met(rollout, &w->seen.groups[rollout->id][entry->group_index]);
        bool opened = strcmp(entry->to, "succeeded") == 0;
        INVARIANT(met == opened, "the gate of a group of rollout %" PRIu64 " %s", rollout->id,
                  opened ? "opened without enough successes" : "stayed shut with enough of them");
        const struct kedge_group *group = &w->seen.groups[rollout->id][entry->group_index];
        bool last = (uint32_t)entry->group_index + 1 == rollout->group_count;
        uint32_t asks =
            own_or(group->gate.approval, rollout->policy.approval == KEDGE_APPROVAL_GROUPS ? 1 : 0);
        INVARIANT(!opened || last || asks == 0 || is_second_person(rollout, group->approver),
                  "a gate of rollout %" PRIu64 " opened without a second person", rollout->id);
        if (opened || last)
            continue;
        bool stopped = false;
        for (size_t k = i + 1; k < output->history_count && !stopped; k++) {
            const struct kedge_history_entry *next = &output->history[k];
            stopped = next->rollout_id == rollout->id && next->group_index < 0 &&
                      strcmp(next->from, "running") == 0;
            INVARIANT(next->rollout_id != rollout->id || next->group_index < 0 ||
                          strcmp(next->to, "running") != 0,
                      "a group began behind a gate that stayed shut");
        }
        INVARIANT(stopped, "rollout %" PRIu64 " runs on behind a gate that stayed shut",
                  rollout->id);
    }
}

struct tally {
    uint32_t counts[GROUPS_MAX][KEDGE_DEPLOYMENT_STATE_COUNT];
    uint32_t errors[GROUPS_MAX], already[GROUPS_MAX];
    uint32_t in_flight;
    uint32_t uninvited; /* of these, the ones that slept since they were offered */
};

static void tally_all(struct tally *tallies, uint64_t *working)
{
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->id == 0)
            continue;
        struct tally *tally = &tallies[record->rollout_id];
        bool offered = record->offered_at_ms != 0;
        tally->counts[record->group_index][record->state]++;
        tally->errors[record->group_index] +=
            record->state == KEDGE_DEPLOYMENT_FAILED ||
            record->state == KEDGE_DEPLOYMENT_REJECTED ||
            (record->state == KEDGE_DEPLOYMENT_TIMED_OUT && offered);
        tally->already[record->group_index] +=
            record->state == KEDGE_DEPLOYMENT_SUCCEEDED && !offered;
        if (!kedge_deployment_state_busy(record->state))
            continue;
        tally->in_flight += !device_of(record->endpoint)->told_asleep;
        tally->uninvited += device_of(record->endpoint)->woke;
        uint64_t *slot = &working[device_of(record->endpoint) - w->devices];
        INVARIANT(*slot == 0, "%s works for deployments %" PRIu64 " and %" PRIu64, record->endpoint,
                  *slot, id);
        *slot = id;
    }
}

/* ---- the pace ---- */

static uint32_t rate_of(const struct kedge_rollout *rollout)
{
    const struct kedge_rollout_policy *policy = &rollout->policy;
    uint32_t successes = 0;
    double rate = policy->offers_per_minute; /* another arithmetic than the engine's */
    for (uint32_t g = 0; g < rollout->group_count; g++) {
        const struct kedge_group *group = &w->seen.groups[rollout->id][g];
        successes += group->counts[KEDGE_DEPLOYMENT_SUCCEEDED] - group->already;
    }
    for (; successes >= policy->ramp_successes && rate < policy->offers_per_minute_max;
         successes -= policy->ramp_successes)
        rate *= 2;
    if (policy->offers_per_minute_max != 0 && rate > policy->offers_per_minute_max)
        rate = policy->offers_per_minute_max;
    return (uint32_t)rate;
}

/* Never more offers than the time since the engine was made allows, with a second's worth and one
 * on top. */
static void check_pace(const struct kedge_engine_output *output)
{
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        struct pace *pace = &w->paces[id];
        uint32_t rate = rollout_exists(id) ? rate_of(&w->seen.rollouts[id]) : 0;
        pace->peak = rate > pace->peak ? rate : pace->peak;
    }
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        struct pace *pace = &w->paces[entry->rollout_id];
        if (pace->peak == 0 || strcmp(entry->from, "pending") != 0 ||
            strcmp(entry->to, "offered") != 0)
            continue;
        pace->since_ms = pace->offers++ == 0 ? w->now_ms : pace->since_ms;
        double allowed = (double)(w->now_ms - pace->since_ms) * pace->peak / 60000;
        INVARIANT((double)pace->offers <= allowed + pace->peak / 60.0 + 1.001,
                  "rollout %" PRIu64 " has offered %" PRIu64 " in %" PRIu64 " ms at %" PRIu32
                  " a minute",
                  entry->rollout_id, pace->offers, w->now_ms - pace->since_ms, pace->peak);
    }
}

/* Nobody waits who could be offered the package at once. */
static void check_nobody_waits(const uint64_t *working, const struct tally *tallies)
{
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->id == 0 || record->state != KEDGE_DEPLOYMENT_PENDING)
            continue;
        const struct kedge_rollout *rollout = &w->seen.rollouts[record->rollout_id];
        const struct kedge_group *group = &w->seen.groups[rollout->id][record->group_index];
        const struct device *device = device_of(record->endpoint);
        bool could = rollout->state == KEDGE_ROLLOUT_RUNNING &&
                     group->state == KEDGE_GROUP_RUNNING && device->present && !device->asleep &&
                     !device->untold && working[device - w->devices] == 0 &&
                     record->retry_at_ms <= w->now_ms &&
                     tallies[rollout->id].in_flight < rollout->policy.in_flight_max;
        uint64_t turn_ms = rate_of(rollout) != 0 ? 60000 / rate_of(rollout) + 1 : 0;
        bool in_turn = between_slices() || (turn_ms > 0 && goes_on_soon(turn_ms));
        INVARIANT(!could || in_turn, "deployment %" PRIu64 " waits for nothing", id);
        INVARIANT(record->retry_at_ms <= w->now_ms || goes_on_soon(record->retry_at_ms - w->now_ms),
                  "nobody looks at deployment %" PRIu64 " when its attempt is due", id);
    }
}

/* ---- rolling back ---- */

static const struct kedge_deployment *deployment_of(uint64_t rollout_id, const char *endpoint)
{
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->rollout_id == rollout_id && strcmp(record->endpoint, endpoint) == 0)
            return record;
    }
    return NULL;
}

/* Whom a rollout had moved is taken back, and nobody else. */
static void check_who_is_taken_back(const struct kedge_rollout *rollout)
{
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->id != 0 && record->rollout_id == rollout->id) {
            bool moved = record->state == KEDGE_DEPLOYMENT_SUCCEEDED && record->offered_at_ms != 0;
            INVARIANT(!moved || (rollout->revert_rollout_id != 0 &&
                                 deployment_of(rollout->revert_rollout_id, record->endpoint)),
                      "%s was moved by rollout %" PRIu64 " and is not taken back", record->endpoint,
                      rollout->id);
            INVARIANT(kedge_deployment_state_ended(record->state),
                      "rollout %" PRIu64 " takes devices back with others at work", rollout->id);
        }
        if (rollout->revert_rollout_id == 0 || record->rollout_id != rollout->revert_rollout_id)
            continue;
        const struct kedge_deployment *before = deployment_of(rollout->id, record->endpoint);
        INVARIANT(before != NULL && before->offered_at_ms != 0,
                  "%s is taken back, though it was never offered anything", record->endpoint);
    }
}

static void check_reverts(const struct kedge_engine_output *output, const struct tally *tallies)
{
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        const struct kedge_rollout *rollout = &w->seen.rollouts[id];
        if (rollout->state != KEDGE_ROLLOUT_ROLLING_BACK &&
            rollout->state != KEDGE_ROLLOUT_ROLLED_BACK)
            continue;
        const struct kedge_rollout *revert = &w->seen.rollouts[rollout->revert_rollout_id];
        uint32_t busy = 0;
        for (uint32_t g = 0; g < rollout->group_count; g++)
            for (unsigned s = KEDGE_DEPLOYMENT_OFFERED; s <= KEDGE_DEPLOYMENT_VERIFYING; s++)
                busy += tallies[id].counts[g][s];
        bool under_way = revert->id != 0 && !kedge_rollout_state_ended(revert->state);
        INVARIANT(rollout->state != KEDGE_ROLLOUT_ROLLED_BACK || !under_way,
                  "rollout %" PRIu64 " is rolled back before its devices are", id);
        INVARIANT(rollout->state != KEDGE_ROLLOUT_ROLLING_BACK || busy > 0 || under_way ||
                      between_slices(),
                  "rollout %" PRIu64 " is rolling back and waits for nothing", id);
        INVARIANT(revert->id == 0 || revert->reverts_rollout_id == id,
                  "rollout %" PRIu64 " does not know what it takes back", revert->id);
    }
    for (size_t i = 0; i < output->rollout_count; i++) {
        const struct kedge_rollout *rollout = &output->rollouts[i];
        if (rollout->revert_rollout_id != 0 || rollout->state == KEDGE_ROLLOUT_ROLLED_BACK)
            check_who_is_taken_back(rollout);
    }
}

void check_seen(const struct kedge_engine_output *output)
{
    check_reasons(output);
    check_gates(output);
    check_pace(output);
    static struct tally tallies[ROLLOUTS_MAX + 1];
    static uint64_t working[DEVICES];
    memset(tallies, 0, sizeof(tallies));
    memset(working, 0, sizeof(working));
    tally_all(tallies, working);
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        if (!rollout_exists(id))
            continue;
        const struct kedge_rollout *rollout = &w->seen.rollouts[id];
        uint32_t over = has_offered(output, id) ? 0 : tallies[id].uninvited;
        INVARIANT(tallies[id].in_flight <= rollout->policy.in_flight_max + over,
                  "rollout %" PRIu64 " has %" PRIu32 " in flight, at most %" PRIu32 " are allowed",
                  id, tallies[id].in_flight, rollout->policy.in_flight_max);
        for (uint32_t g = 0; g < rollout->group_count; g++) {
            const struct kedge_group *group = &w->seen.groups[id][g];
            INVARIANT(memcmp(tallies[id].counts[g], group->counts, sizeof(group->counts)) == 0 &&
                          tallies[id].errors[g] == group->errors &&
                          tallies[id].already[g] == group->already,
                      "the counts of rollout %" PRIu64 " are not the sum of its parts", id);
        }
        check_stopping(rollout);
        check_thresholds(rollout);
    }
    check_nobody_waits(working, tallies);
    check_reverts(output, tallies);
    for (int i = 0; i < DEVICES; i++)
        w->devices[i].woke = w->devices[i].woke && working[i] != 0;
}

void check_output(const struct kedge_engine_output *output)
{
    check_history(output);
    check_offers(output);
    check_terminal(output);
    check_attempts(output);
}
