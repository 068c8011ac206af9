/* model_create.c: somebody creates a rollout of any kind. */
#include "tests/unit/rollout/model.h"

#include <stdlib.h>
#include <string.h>

static const char package_id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* Every other rollout has groups of ten, twenty ... devices, and thresholds that such a group can
 * meet to the device: boundaries are where an engine goes wrong. */
struct making {
    struct kedge_engine_event event;
    struct kedge_rollout_policy *policy;
    uint32_t groups; /* that are planned */
    bool exact;
    struct kedge_group_gate gates[GROUPS_MAX];
    struct kedge_group_plan plans[GROUPS_MAX];
    char version[16], back[16];
};

struct kedge_rollout_target target_of(struct device *device, uint32_t group_index)
{
    return (struct kedge_rollout_target){.endpoint = device->endpoint,
                                         .known = true,
                                         .vendor = VENDOR,
                                         .class_name = CLASS,
                                         .version = device->version,
                                         .zone = device->zone,
                                         .present = device->present && !device->untold,
                                         .asleep = device->asleep,
                                         .group_index = group_index};
}

static void choose_targets(struct making *making, struct kedge_rollout_target *targets)
{
    uint32_t most = w->device_count, count = 0;
    bool leaves_out = option(OPTION_LEAVES_OUT, 100);
    if (making->exact)
        most = 10 * making->groups * (1 + below(w->device_count / 10 / making->groups));
    for (uint32_t i = 0; i < w->device_count && count < most; i++) {
        struct device *device = &w->devices[i];
        if (!making->exact && count >= making->groups && chance(40) && leaves_out)
            continue;
        bool in_turn = making->exact || count < making->groups;
        targets[count] =
            target_of(device, in_turn ? count % making->groups : below(making->groups));
        count++;
    }
    making->event.create.targets = targets;
    making->event.create.target_count = count;
}

static void choose_errors(struct making *making)
{
    struct kedge_rollout_policy *policy = making->policy;
    policy->in_flight_max =
        1 + below(chance(50) ? 3 : 20 + (w->device_count > EVERY_EVENT_MAX ? w->device_count : 0));
    policy->error_threshold_percent = making->exact ? 10 * below(4) : below(101);
    policy->error_minimum_sample = below(20);
    policy->error_action = (enum kedge_error_action)below(3);
    policy->success_threshold_percent = below(101);
    if (!option(OPTION_KINDS, 50))
        return;
    policy->failed_threshold_percent = making->exact ? 10 * below(3) : below(101);
    policy->rejected_threshold_percent = making->exact ? 10 * below(3) : below(101);
    policy->timed_out_threshold_percent = making->exact ? 10 * below(3) : below(101);
}

static void choose_pace(struct kedge_rollout_policy *policy)
{
    if (!option(OPTION_PACE, 40))
        return;
    policy->offers_per_minute = 1 + below(60 + w->device_count / 50);
    policy->ramp_successes = 1 + below(20);
    if (chance(50))
        policy->offers_per_minute_max = policy->offers_per_minute + below(300);
}

static void choose_retries(struct kedge_rollout_policy *policy)
{
    if (!option(OPTION_RETRIES, 60))
        return;
    policy->retry_failed = 1 + below(3);
    policy->retry_rejected = below(3);
    policy->retry_timed_out = below(3);
    policy->retry_after_s = 1 + below(60);
    policy->retry_after_max_s = chance(50) ? below(100) : 0;
}

static void choose_gates(struct making *making)
{
    for (uint32_t g = 0; g < making->groups; g++) {
        struct kedge_group_gate *gate = &making->gates[g];
        kedge_group_gate_unset(gate);
        making->plans[g] = (struct kedge_group_plan){.gate = gate};
        if (option(OPTION_GATES, 30))
            gate->error_threshold_percent = making->exact ? 10 * below(4) : below(101);
        if (option(OPTION_GATES, 30))
            gate->error_minimum_sample = below(20);
        if (option(OPTION_GATES, 30))
            gate->success_threshold_percent = below(101);
        if (option(OPTION_GATES, 30))
            gate->group_soak_s = below(60);
        if (option(OPTION_GATES, 30))
            gate->approval = below(2);
    }
    making->event.create.groups = making->plans;
}

static void choose_revert(struct making *making)
{
    bool rolls_back = making->policy->error_action == KEDGE_ERROR_ROLL_BACK;
    (void)snprintf(making->back, sizeof(making->back), "0.%u.0", below(3));
    if (!option(OPTION_REVERT, 30) && !rolls_back)
        return;
    making->event.create.revert_package_id = package_id;
    making->event.create.revert_version = making->back;
    making->event.create.revert_sequence = making->event.create.sequence + 1;
}

static void choose_times(struct making *making)
{
    struct kedge_rollout_spec *spec = &making->event.create;
    making->policy->group_soak_s = option(OPTION_SOAK, 90) ? below(60) : 0;
    making->policy->deadline_s = option(OPTION_DEADLINE, 50) ? 100 + below(4000) : 0;
    if (making->policy->deadline_s != 0 && chance(30))
        making->policy->deadline_s += below(86400); /* long enough for most windows */
    if (option(OPTION_START_AT, 20))
        spec->start_at_ms = w->now_ms + below(600000);
    if (option(OPTION_WINDOWS, 30)) {
        spec->windows = model_window(below(100));
        spec->download_in_window = chance(40);
    }
    if (option(OPTION_GATE_WINDOWS, 20))
        spec->gate_windows = model_window(below(100));
}

/* What may be refused is only what cannot be: windows that do not open before the deadline. */
static void ask(struct making *making)
{
    const struct kedge_rollout_spec *spec = &making->event.create;
    bool timed = spec->windows != NULL || spec->gate_windows != NULL;
    bool in_parts = draft_begin(&making->event.create);
    enum kedge_rc rc = handle(&making->event);
    INVARIANT(rc == KEDGE_OK || (timed && making->policy->deadline_s != 0 &&
                                 strstr(w->output.refusal, "before the deadline") != NULL),
              "a rollout is refused: %s", w->output.refusal);
    if (rc != KEDGE_OK) {
        w->draft.rollout_id = in_parts ? 0 : w->draft.rollout_id;
        return;
    }
    const struct kedge_rollout_policy *policy = making->policy;
    w->created++;
    say("alice creates rollout %" PRIu64 " to %s: %zu devices in %" PRIu32 " groups%s, %" PRIu32
        " in flight; errors > %" PRIu32 " %% (sample %" PRIu32 ", kinds %" PRIu32 "/%" PRIu32
        "/%" PRIu32 ") %s; gate %" PRIu32 " %%, soak %" PRIu32 " s",
        w->seen.last.rollout_id, spec->version, spec->target_count, spec->group_count,
        spec->dynamic ? " and those that join" : "", policy->in_flight_max,
        policy->error_threshold_percent, policy->error_minimum_sample,
        policy->failed_threshold_percent, policy->rejected_threshold_percent,
        policy->timed_out_threshold_percent, kedge_error_action_name(policy->error_action),
        policy->success_threshold_percent, policy->group_soak_s);
    if (policy->deadline_s + policy->offers_per_minute + policy->retry_failed > 0 ||
        policy->priority != KEDGE_PRIORITY_DEFAULT)
        say("  priority %" PRIu32 ", deadline %" PRIu32 " s, %" PRIu32 " to %" PRIu32
            " offers a minute, retries %" PRIu32 "/%" PRIu32 "/%" PRIu32 " after %" PRIu32 " s",
            policy->priority, policy->deadline_s, policy->offers_per_minute,
            policy->offers_per_minute_max, policy->retry_failed, policy->retry_rejected,
            policy->retry_timed_out, policy->retry_after_s);
    if (in_parts || spec->intermediate_count > 0)
        say("  %zu devices are to be added; by way of %" PRIu32 " versions",
            in_parts ? spec->target_total - spec->target_count : 0, spec->intermediate_count);
    if (timed || spec->start_at_ms != 0)
        say("  windows \"%s\"%s, of gates \"%s\", starts in %.1f s",
            spec->windows == NULL ? "" : spec->windows,
            spec->download_in_window ? " for downloads, too" : "",
            spec->gate_windows == NULL ? "" : spec->gate_windows,
            spec->start_at_ms == 0 ? 0.0 : (double)(spec->start_at_ms - w->now_ms) / 1000);
}

void do_create(void)
{
    static struct making making;
    if (w->created == w->created_max)
        return;
    memset(&making, 0, sizeof(making));
    uint32_t groups_max = w->device_count < GROUPS_MAX - 1 ? w->device_count : GROUPS_MAX - 1;
    making.groups = option(OPTION_GROUPS, 100) ? 1 + below(groups_max) : 1;
    making.exact = chance(50) && w->device_count >= 10 * making.groups;
    bool dynamic = option(OPTION_DYNAMIC, 30);
    (void)snprintf(making.version, sizeof(making.version), "1.%u.0", below(6));
    making.event = (struct kedge_engine_event){.kind = KEDGE_EVENT_ROLLOUT_CREATE,
                                               .who = "alice",
                                               .create = {.name = "model",
                                                          .package_id = package_id,
                                                          .vendor = VENDOR,
                                                          .class_name = CLASS,
                                                          .version = making.version,
                                                          .sequence = w->events,
                                                          .all_devices = dynamic,
                                                          .dynamic = dynamic,
                                                          .group_count = making.groups}};
    chain_choose(&making.event.create);
    making.policy = &making.event.create.policy;
    kedge_rollout_policy_default(making.policy);
    choose_errors(&making);
    choose_pace(making.policy);
    choose_retries(making.policy);
    if (option(OPTION_APPROVAL, 40))
        making.policy->approval = (enum kedge_approval)below(3);
    making.policy->priority += option(OPTION_PRIORITY, 30) ? below(20) : 0;
    choose_gates(&making);
    choose_revert(&making);
    choose_times(&making);
    struct kedge_rollout_target *targets = calloc(w->device_count, sizeof(*targets));
    if (targets == NULL)
        abort();
    choose_targets(&making, targets);
    ask(&making);
    free(targets);
}
