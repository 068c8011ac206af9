/* model_outputs.c: what an output may say, by what was seen before and after it. */
#include "tests/unit/rollout/model.h"

#include <string.h>

static bool is_offer(const struct kedge_history_entry *entry)
{
    return entry->deployment_id != 0 && strcmp(entry->from, "pending") == 0 &&
           strcmp(entry->to, "offered") == 0;
}

/* Only a rollout that is running, at that point of the history, offers anything; and where
 * downloads are kept in windows, while that of the device is open. */
static void check_offers(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        const struct kedge_rollout *rollout = &w->seen.rollouts[entry->rollout_id];
        const char *state = kedge_rollout_state_name(rollout->state);
        if (!is_offer(entry))
            continue;
        for (size_t k = 0; k < i; k++) {
            const struct kedge_history_entry *before = &output->history[k];
            if (before->rollout_id == entry->rollout_id && before->deployment_id == 0 &&
                before->group_index < 0)
                state = before->to;
        }
        INVARIANT(strcmp(state, "running") == 0,
                  "deployment %" PRIu64 " is offered while its rollout is %s", entry->deployment_id,
                  state);
        INVARIANT(!rollout->download_in_window ||
                      windows_open(rollout->windows, device_of(entry->endpoint)->zone, w->now_ms),
                  "deployment %" PRIu64 " is offered out of its window", entry->deployment_id);
    }
}

/* Who may install may do so in the window of its device, and until that shuts. */
static void check_installs(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->command_count; i++) {
        const struct kedge_engine_command *command = &output->commands[i];
        const struct kedge_rollout *rollout = &w->seen.rollouts[command->rollout_id];
        const char *zone = device_of(command->endpoint)->zone;
        uint64_t until_ms = command->install_until_ms;
        if (command->kind != KEDGE_COMMAND_INSTALL || until_ms == 0)
            continue;
        INVARIANT(until_ms > w->now_ms && windows_open(rollout->windows, zone, w->now_ms) &&
                      windows_open(rollout->windows, zone, until_ms - 1) &&
                      !windows_open(rollout->windows, zone, until_ms),
                  "deployment %" PRIu64 " may install out of its window", command->deployment_id);
    }
}

static enum kedge_deployment_state state_of(const char *name)
{
    enum kedge_deployment_state state = KEDGE_DEPLOYMENT_STATE_COUNT;
    return kedge_deployment_state_parse(name, &state) ? state : KEDGE_DEPLOYMENT_STATE_COUNT;
}

/* Replaying the history from what was seen before must lead to the records of the output. */
static void check_history(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        uint64_t id = output->history[i].deployment_id;
        w->states[id] = (uint8_t)w->seen.deployments[id].state;
    }
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        enum kedge_deployment_state from = state_of(entry->from), to = state_of(entry->to);
        if (entry->deployment_id == 0)
            continue;
        INVARIANT(w->states[entry->deployment_id] == from || entry->from[0] == '\0',
                  "history of deployment %" PRIu64 " goes on from %s, but it was %s",
                  entry->deployment_id, entry->from,
                  kedge_deployment_state_name(
                      (enum kedge_deployment_state)w->states[entry->deployment_id]));
        w->states[entry->deployment_id] = (uint8_t)to;
        INVARIANT(strcmp(entry->who, "device") == 0 || to != KEDGE_DEPLOYMENT_CANCELED ||
                      (from != KEDGE_DEPLOYMENT_INSTALLING && from != KEDGE_DEPLOYMENT_VERIFYING),
                  "an abort canceled what was %s", entry->from);
    }
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *record = &output->deployments[i];
        const struct kedge_deployment *before = &w->seen.deployments[record->id];
        INVARIANT(before->id == 0 || before->state == record->state ||
                      w->states[record->id] == (uint8_t)record->state,
                  "no history leads deployment %" PRIu64 " to %s", record->id,
                  kedge_deployment_state_name(record->state));
    }
}

/* What has ended stays so; but for a device that falls back. */
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
                          (goes_on(rollout) && superseding(after) == NULL),
                      "deployment %" PRIu64 " of the %s rollout %" PRIu64
                      " has another attempt in vain",
                      after->id, kedge_rollout_state_name(rollout->state), rollout->id);
        }
    }
}

void check_output(const struct kedge_engine_output *output)
{
    check_history(output);
    check_offers(output);
    check_installs(output);
    check_terminal(output);
    check_attempts(output);
    check_chains(output);
}

/* ---- gates ---- */

bool gate_is_met(const struct kedge_rollout *rollout, const struct kedge_group *group)
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

bool gate_waits_for_somebody(const struct kedge_rollout *rollout, const struct kedge_group *group)
{
    bool last = group->index + 1 == rollout->group_count;
    uint32_t asks =
        own_or(group->gate.approval, rollout->policy.approval == KEDGE_APPROVAL_GROUPS ? 1 : 0);
    bool approved = group->approver[0] != '\0' && strcmp(group->approver, rollout->author) != 0;
    return !last && asks != 0 && !approved;
}

static bool is_gate(const struct kedge_history_entry *entry)
{
    return entry->group_index >= 0 && entry->deployment_id == 0 &&
           strcmp(entry->from, "waiting_for_gate") == 0 &&
           strstr(entry->text, " succeeded, ") != NULL; /* not approved, nor aborted */
}

/* Behind a gate that stays shut nothing begins before a person has resumed the rollout. */
static void check_shut_gate(const struct kedge_engine_output *output, size_t index,
                            uint64_t rollout_id)
{
    bool stopped = false;
    for (size_t k = index + 1; k < output->history_count && !stopped; k++) {
        const struct kedge_history_entry *next = &output->history[k];
        stopped = next->rollout_id == rollout_id && next->group_index < 0 &&
                  strcmp(next->from, "running") == 0;
        INVARIANT(next->rollout_id != rollout_id || next->group_index < 0 ||
                      strcmp(next->to, "running") != 0,
                  "a group began behind a gate that stayed shut");
    }
    INVARIANT(stopped, "rollout %" PRIu64 " runs on behind a gate that stayed shut", rollout_id);
}

/* A gate opens when it is met, in its windows, and not otherwise. */
static void check_gates(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        if (!is_gate(entry))
            continue;
        const struct kedge_rollout *rollout = &w->seen.rollouts[entry->rollout_id];
        const struct kedge_group *group = &w->seen.groups[rollout->id][entry->group_index];
        bool met = gate_is_met(rollout, group), opened = strcmp(entry->to, "succeeded") == 0;
        bool last = group->index + 1 == rollout->group_count;
        INVARIANT(met == opened, "the gate of a group of rollout %" PRIu64 " %s", rollout->id,
                  opened ? "opened without enough successes" : "stayed shut with enough of them");
        INVARIANT(!opened || !gate_waits_for_somebody(rollout, group),
                  "a gate of rollout %" PRIu64 " opened without a second person", rollout->id);
        INVARIANT(!opened || last || windows_open(rollout->gate_windows, "", w->now_ms),
                  "a gate of rollout %" PRIu64 " opened out of its window", rollout->id);
        if (!opened && !last)
            check_shut_gate(output, i, rollout->id);
    }
}

/* What is durable by now says the same as what opened the gate. */
void check_durable(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        struct kedge_group durable;
        if (!is_gate(entry) || strcmp(entry->to, "succeeded") != 0)
            continue;
        durable = w->durable.groups[entry->rollout_id][entry->group_index];
        memset(durable.counts, 0, sizeof(durable.counts));
        for (uint64_t id = 1; id <= w->durable.last.deployment_id; id++) {
            const struct kedge_deployment *record = &w->durable.deployments[id];
            if (record->id != 0 && record->rollout_id == entry->rollout_id &&
                record->group_index == (uint32_t)entry->group_index)
                durable.counts[record->state]++;
        }
        INVARIANT(gate_is_met(&w->durable.rollouts[entry->rollout_id], &durable),
                  "a gate of rollout %" PRIu64 " rests on what is not durable", entry->rollout_id);
    }
}

/* ---- the pace ---- */

uint32_t rate_of(const struct kedge_rollout *rollout)
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
        if (pace->peak == 0 || !is_offer(entry))
            continue;
        pace->since_ms = pace->offers++ == 0 ? w->now_ms : pace->since_ms;
        double allowed = (double)(w->now_ms - pace->since_ms) * pace->peak / 60000;
        INVARIANT((double)pace->offers <= allowed + pace->peak / 60.0 + 1.001,
                  "rollout %" PRIu64 " has offered %" PRIu64 " in %" PRIu64 " ms at %" PRIu32
                  " a minute",
                  entry->rollout_id, pace->offers, w->now_ms - pace->since_ms, pace->peak);
    }
}

/* One that starts in the same output may have started after the offer. */
static void check_is_not_there(const struct kedge_deployment *other, uint64_t offered_id,
                               const char *words)
{
    INVARIANT(other == NULL || w->seen.rollouts[other->rollout_id].started_at_ms >= w->now_ms,
              "deployment %" PRIu64 " is offered, and rollout %" PRIu64 " %s", offered_id,
              other->rollout_id, words);
}

/* Nobody is offered anything while another rollout goes first with the device, or has it. */
static void check_who_goes_first(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        if (!is_offer(entry))
            continue;
        const struct kedge_deployment *offered = &w->seen.deployments[entry->deployment_id];
        check_is_not_there(goes_first(offered), offered->id, "goes first with its device");
        check_is_not_there(superseding(offered), offered->id, "is newer, and has its device");
    }
}

/* None begins whose windows do not open before its deadline. */
static void check_beginnings(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->history_count; i++) {
        const struct kedge_history_entry *entry = &output->history[i];
        const struct kedge_rollout *rollout = &w->seen.rollouts[entry->rollout_id];
        uint32_t deadline_s = rollout->policy.deadline_s;
        if (entry->group_index >= 0 || strcmp(entry->from, "ready") != 0 ||
            strcmp(entry->to, "running") != 0 || deadline_s == 0)
            continue;
        INVARIANT(windows_open_within(rollout->windows, w->now_ms, deadline_s),
                  "rollout %" PRIu64 " begins, and its windows do not open before its deadline",
                  rollout->id);
        INVARIANT(rollout->group_count < 2 ||
                      windows_open_within(rollout->gate_windows, w->now_ms, deadline_s),
                  "rollout %" PRIu64 " begins, and its gates do not open before its deadline",
                  rollout->id);
    }
}

void check_seen(const struct kedge_engine_output *output)
{
    check_drafts();
    check_beginnings(output);
    check_who_goes_first(output);
    check_figures(output);
    check_gates(output);
    check_pace(output);
    check_reverts(output);
    for (size_t i = 0; i < output->deployment_count; i++) {
        struct device *device = device_of(output->deployments[i].endpoint);
        device->woke = device->woke && device->working != 0;
    }
}
