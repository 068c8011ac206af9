/*
 * retry.c: attempts that end in error. Where the policy has more of them for that kind of error,
 * the deployment is pending again, and its next attempt is not due before a while has passed. That
 * is no end: it counts neither as an error nor as tried, its group does not end, and no gate is
 * judged, before its last attempt has ended.
 *
 * The kinds are counted apart, so that a device that could not be reached three times still has
 * its attempts after a failed installation. No further attempt follows when the rollout is ending,
 * when its deadline has passed, or when one waits for the device that supersedes it.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>

unsigned engine_retries(const struct deployment_node *node)
{
    unsigned retries = 0;
    for (unsigned kind = 0; kind < KEDGE_ERROR_KIND_COUNT; kind++)
        retries += node->retries[kind];
    return retries;
}

uint32_t engine_retry_after_s(const struct kedge_rollout_policy *policy, unsigned retries)
{
    uint64_t span_s = policy->retry_after_s;
    for (; retries > 1 && span_s < policy->retry_after_max_s; retries--)
        span_s *= 2;
    return policy->retry_after_max_s != 0 && span_s > policy->retry_after_max_s
               ? policy->retry_after_max_s
               : (uint32_t)span_s;
}

const char *engine_attempt_words(const struct deployment_node *node, char text[24])
{
    text[0] = '\0';
    if (engine_retries(node) > 0)
        (void)snprintf(text, 24, ", attempt %u", engine_retries(node) + 1);
    return text;
}

enum kedge_rc engine_await_retry(struct kedge_engine *engine, struct deployment_node *node)
{
    node->wait_timer.kind = KEDGE_TIMER_RETRY;
    return kedge_timer_set(&engine->timers, &node->wait_timer, node->retry_at_ms);
}

static bool kind_of(enum kedge_deployment_event event, enum kedge_error_kind *kind)
{
    switch (event) {
    case KEDGE_ON_REPORT_FAILED:
        *kind = KEDGE_ERROR_KIND_FAILED;
        return true;
    case KEDGE_ON_REPORT_REJECTED:
        *kind = KEDGE_ERROR_KIND_REJECTED;
        return true;
    case KEDGE_ON_REPORT_TIMED_OUT:
        *kind = KEDGE_ERROR_KIND_TIMED_OUT;
        return true;
    default:
        return false;
    }
}

static uint32_t retries_of(const struct kedge_rollout_policy *policy, enum kedge_error_kind kind)
{
    const uint32_t most[KEDGE_ERROR_KIND_COUNT] = {
        [KEDGE_ERROR_KIND_FAILED] = policy->retry_failed,
        [KEDGE_ERROR_KIND_REJECTED] = policy->retry_rejected,
        [KEDGE_ERROR_KIND_TIMED_OUT] = policy->retry_timed_out,
    };
    return most[kind];
}

static const char *const words[KEDGE_ERROR_KIND_COUNT] = {
    [KEDGE_ERROR_KIND_FAILED] = "failed",
    [KEDGE_ERROR_KIND_REJECTED] = "was rejected",
    [KEDGE_ERROR_KIND_TIMED_OUT] = "timed out",
};

static enum kedge_rc try_again(struct kedge_engine *engine, struct deployment_node *node,
                               enum kedge_error_kind kind, const char *why, bool *moved)
{
    const struct kedge_rollout_policy *policy = &node->group->rollout->record.policy;
    char text[2 * KEDGE_REASON_MAX];
    unsigned attempt = engine_retries(node) + 1;
    uint32_t after_s = engine_retry_after_s(policy, attempt);
    node->retries[kind]++;
    (void)snprintf(text, sizeof(text),
                   "attempt %u %s, and %u of %" PRIu32 " more after that follows in %" PRIu32
                   " s%s%s",
                   attempt, words[kind], node->retries[kind], retries_of(policy, kind), after_s,
                   why == NULL ? "" : ": ", why == NULL ? "" : why);
    node->retry_at_ms = engine_after_s(engine->now_ms, after_s);
    KEDGE_TRY(engine_move_deployment(engine, node, KEDGE_ON_RETRY, text, moved));
    /* Its device may run the version already, or say now that it cannot take it: then it has ended.
     */
    if (node->state == KEDGE_DEPLOYMENT_PENDING)
        KEDGE_TRY(engine_await_retry(engine, node));
    /* Whatever of the driver is still at it: the next attempt begins anew. */
    return engine_command(engine, KEDGE_COMMAND_CANCEL, node);
}

enum kedge_rc engine_end_attempt(struct kedge_engine *engine, struct deployment_node *node,
                                 enum kedge_deployment_event event, const char *text, bool *moved)
{
    enum kedge_error_kind kind;
    const struct rollout_node *rollout = node->group->rollout;
    if (!kind_of(event, &kind))
        return engine_move_deployment(engine, node, event, text, moved);
    if (node->retries[kind] < retries_of(&rollout->record.policy, kind) &&
        engine_goes_on(rollout) && engine_superseding(node) == NULL &&
        !engine_deadline_passed(engine, rollout))
        return try_again(engine, node, kind, text, moved);
    if (engine_retries(node) == 0)
        return engine_move_deployment(engine, node, event, text, moved);
    char last[2 * KEDGE_REASON_MAX];
    (void)snprintf(last, sizeof(last), "attempt %u %s, and no other one follows%s%s",
                   engine_retries(node) + 1, words[kind], text == NULL ? "" : ": ",
                   text == NULL ? "" : text);
    return engine_move_deployment(engine, node, event, last, moved);
}
