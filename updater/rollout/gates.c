/*
 * gates.c: whether a group goes badly enough to stop its rollout, and well enough for the next one.
 *
 * Percentages are compared by cross-multiplying in 64 bits, so a boundary is exact: errors trip
 * when errors * 100 > percent * size, a gate opens when succeeded * 100 >= percent * size.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>

/* Errors that count together, of how many a group bears, and how they are spoken of. */
struct verdict {
    uint32_t errors, accepted, percent;
    const char *words;
};

static struct verdict of_kind(const struct group_node *group, enum kedge_error_kind kind)
{
    static const char *const words[KEDGE_ERROR_KIND_COUNT] = {
        [KEDGE_ERROR_KIND_FAILED] = "failed",
        [KEDGE_ERROR_KIND_REJECTED] = "rejected the package",
        [KEDGE_ERROR_KIND_TIMED_OUT] = "timed out",
    };
    const struct kedge_rollout_policy *policy = &group->rollout->record.policy;
    const uint32_t percents[KEDGE_ERROR_KIND_COUNT] = {
        [KEDGE_ERROR_KIND_FAILED] = policy->failed_threshold_percent,
        [KEDGE_ERROR_KIND_REJECTED] = policy->rejected_threshold_percent,
        [KEDGE_ERROR_KIND_TIMED_OUT] = policy->timed_out_threshold_percent,
    };
    return (struct verdict){.errors = kedge_group_errors(&group->record, kind),
                            .accepted = group->record.kinds_accepted[kind],
                            .percent = percents[kind],
                            .words = words[kind]};
}

static bool trips(const struct group_node *group, const struct verdict *verdict)
{
    return verdict->errors > verdict->accepted &&
           (uint64_t)verdict->errors * 100 > (uint64_t)verdict->percent * group->size;
}

/* All errors first, then each kind of them; NULL words: the group bears what there is. */
static struct verdict judge(const struct group_node *group)
{
    const struct kedge_group *figures = &group->record;
    struct verdict verdict = {.errors = figures->errors,
                              .accepted = figures->errors_accepted,
                              .percent = engine_error_threshold_percent(group),
                              .words = "ended in error"};
    uint64_t tried =
        (uint64_t)figures->counts[KEDGE_DEPLOYMENT_SUCCEEDED] - figures->already + figures->errors;
    if (tried < engine_error_minimum_sample(group) && (group->open > 0 || engine_may_grow(group)))
        return (struct verdict){0};
    for (unsigned kind = 0; !trips(group, &verdict); kind++) {
        if (kind == KEDGE_ERROR_KIND_COUNT)
            return (struct verdict){0};
        verdict = of_kind(group, (enum kedge_error_kind)kind);
    }
    return verdict;
}

static void count_stop(struct kedge_engine *engine, const struct rollout_node *rollout)
{
    const enum kedge_error_action action = rollout->record.policy.error_action;
    if (rollout->record.state != KEDGE_ROLLOUT_RUNNING)
        return;
    engine->decisions.paused += action == KEDGE_ERROR_PAUSE;
    engine->decisions.aborted += action == KEDGE_ERROR_ABORT;
    engine->decisions.rolled_back += action == KEDGE_ERROR_ROLL_BACK;
}

static enum kedge_rc act_on_errors(struct kedge_engine *engine, struct rollout_node *rollout,
                                   const char *text, bool *moved)
{
    *moved = true;
    count_stop(engine, rollout);
    switch (rollout->record.policy.error_action) {
    case KEDGE_ERROR_ABORT:
        return engine_abort_rollout(engine, rollout, KEDGE_ON_ERRORS_ABORT, text);
    case KEDGE_ERROR_ROLL_BACK:
        return engine_roll_back_rollout(engine, rollout, KEDGE_ON_ERRORS_ROLL_BACK, text);
    case KEDGE_ERROR_PAUSE:
        break;
    }
    return engine_move_rollout(engine, rollout, KEDGE_ON_ERRORS_PAUSE, text, moved);
}

enum kedge_rc engine_judge_errors(struct kedge_engine *engine, struct group_node *group,
                                  bool *acted)
{
    *acted = false;
    /* Those that fall back after the last end count, too. */
    if (group->record.state == KEDGE_GROUP_SCHEDULED ||
        kedge_group_state_ended(group->record.state))
        return KEDGE_OK;
    struct verdict verdict = judge(group);
    if (verdict.words == NULL)
        return KEDGE_OK;
    char text[160];
    (void)snprintf(text, sizeof(text),
                   "%" PRIu32 " of %" PRIu32 " %s of group %" PRIu32 " %s, more than %" PRIu32
                   " %%",
                   verdict.errors, group->size, kedge_by_count(group->size, "device", "devices"),
                   group->record.index + 1, verdict.words, verdict.percent);
    return act_on_errors(engine, group->rollout, text, acted);
}

enum kedge_rc engine_judge_gate(struct kedge_engine *engine, struct group_node *group, bool *judged)
{
    struct rollout_node *rollout = group->rollout;
    uint32_t percent = engine_success_threshold_percent(group);
    uint32_t succeeded = group->record.counts[KEDGE_DEPLOYMENT_SUCCEEDED];
    bool passed = (uint64_t)succeeded * 100 >= (uint64_t)percent * group->size;
    *judged = !passed || !engine_gate_needs_approval(group);
    if (*judged && passed)
        KEDGE_TRY(engine_await_gate_window(engine, group, judged));
    if (!*judged)
        return KEDGE_OK;
    char text[160];
    (void)snprintf(text, sizeof(text),
                   "%" PRIu32 " of %" PRIu32 " %s succeeded, %s %" PRIu32 " %%", succeeded,
                   group->size, kedge_by_count(group->size, "device", "devices"),
                   passed ? "at least" : "less than", percent);
    KEDGE_TRY(engine_move_group(engine, group, passed ? KEDGE_ON_GATE_PASSED : KEDGE_ON_GATE_FAILED,
                                text));
    engine->decisions.passed += passed;
    engine->decisions.failed += !passed;
    rollout->current++;
    if (passed || rollout->current == rollout->record.group_count)
        return KEDGE_OK;
    char reason[KEDGE_REASON_MAX + 1];
    (void)snprintf(reason, sizeof(reason), "the gate of group %" PRIu32 " did not open: %s",
                   group->record.index + 1, text);
    bool moved;
    return act_on_errors(engine, rollout, reason, &moved);
}
