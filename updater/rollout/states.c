/*
 * states.c: names and phases of the states, from the tables of rollout.h, and the default policy.
 */
#include "updater/rollout/rollout.h"

#include <string.h>

enum phase { OPEN, BUSY, ENDED };

struct state_row {
    const char *name;
    enum phase phase;
};

#define STATE_ROW(name, text, phase) {text, phase},
static const struct state_row rollout_rows[] = {KEDGE_ROLLOUT_STATES(STATE_ROW)};
static const struct state_row group_rows[] = {KEDGE_GROUP_STATES(STATE_ROW)};
static const struct state_row deployment_rows[] = {KEDGE_DEPLOYMENT_STATES(STATE_ROW)};
#undef STATE_ROW

static const char *row_name(const struct state_row *rows, unsigned count, unsigned state)
{
    return state < count ? rows[state].name : "unknown";
}

static bool row_parse(const struct state_row *rows, unsigned count, const char *name, unsigned *out)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool row_is(const struct state_row *rows, unsigned count, unsigned state, enum phase phase)
{
    return state < count && rows[state].phase == phase;
}

const char *kedge_rollout_state_name(enum kedge_rollout_state state)
{
    return row_name(rollout_rows, KEDGE_ROLLOUT_STATE_COUNT, state);
}

const char *kedge_group_state_name(enum kedge_group_state state)
{
    return row_name(group_rows, KEDGE_GROUP_STATE_COUNT, state);
}

const char *kedge_deployment_state_name(enum kedge_deployment_state state)
{
    return row_name(deployment_rows, KEDGE_DEPLOYMENT_STATE_COUNT, state);
}

bool kedge_rollout_state_parse(const char *name, enum kedge_rollout_state *out)
{
    unsigned state;
    if (!row_parse(rollout_rows, KEDGE_ROLLOUT_STATE_COUNT, name, &state))
        return false;
    *out = (enum kedge_rollout_state)state;
    return true;
}

bool kedge_group_state_parse(const char *name, enum kedge_group_state *out)
{
    unsigned state;
    if (!row_parse(group_rows, KEDGE_GROUP_STATE_COUNT, name, &state))
        return false;
    *out = (enum kedge_group_state)state;
    return true;
}

bool kedge_deployment_state_parse(const char *name, enum kedge_deployment_state *out)
{
    unsigned state;
    if (!row_parse(deployment_rows, KEDGE_DEPLOYMENT_STATE_COUNT, name, &state))
        return false;
    *out = (enum kedge_deployment_state)state;
    return true;
}

bool kedge_rollout_state_ended(enum kedge_rollout_state state)
{
    return row_is(rollout_rows, KEDGE_ROLLOUT_STATE_COUNT, state, ENDED);
}

bool kedge_group_state_ended(enum kedge_group_state state)
{
    return row_is(group_rows, KEDGE_GROUP_STATE_COUNT, state, ENDED);
}

bool kedge_deployment_state_ended(enum kedge_deployment_state state)
{
    return row_is(deployment_rows, KEDGE_DEPLOYMENT_STATE_COUNT, state, ENDED);
}

bool kedge_deployment_state_busy(enum kedge_deployment_state state)
{
    return row_is(deployment_rows, KEDGE_DEPLOYMENT_STATE_COUNT, state, BUSY);
}

uint32_t kedge_group_errors(const struct kedge_group *group, enum kedge_error_kind kind)
{
    uint32_t failed = group->counts[KEDGE_DEPLOYMENT_FAILED];
    uint32_t rejected = group->counts[KEDGE_DEPLOYMENT_REJECTED];
    if (kind == KEDGE_ERROR_KIND_FAILED)
        return failed;
    /* Of those that timed out, some were never offered anything. */
    return kind == KEDGE_ERROR_KIND_REJECTED ? rejected : group->errors - failed - rejected;
}

static const char *const error_actions[] = {"pause", "abort", "roll_back"};

const char *kedge_error_action_name(enum kedge_error_action action)
{
    return (unsigned)action < 3 ? error_actions[action] : "unknown";
}

bool kedge_error_action_parse(const char *name, enum kedge_error_action *out)
{
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(error_actions[i], name) == 0) {
            *out = (enum kedge_error_action)i;
            return true;
        }
    }
    return false;
}

static const char *const severities[KEDGE_SEVERITY_COUNT] = {
    [KEDGE_SEVERITY_UNSET] = "",
    [KEDGE_SEVERITY_CRITICAL] = "critical",
    [KEDGE_SEVERITY_MANDATORY] = "mandatory",
    [KEDGE_SEVERITY_OPTIONAL] = "optional"};

const char *kedge_severity_name(enum kedge_severity severity)
{
    return (unsigned)severity < KEDGE_SEVERITY_COUNT ? severities[severity] : "unknown";
}

bool kedge_severity_parse(const char *name, enum kedge_severity *out)
{
    for (unsigned i = 0; i < KEDGE_SEVERITY_COUNT; i++)
        if (strcmp(severities[i], name) == 0) {
            *out = (enum kedge_severity)i;
            return true;
        }
    return false;
}

static const char *const approvals[KEDGE_APPROVAL_COUNT] = {[KEDGE_APPROVAL_NONE] = "none",
                                                            [KEDGE_APPROVAL_START] = "start",
                                                            [KEDGE_APPROVAL_GROUPS] = "groups"};

const char *kedge_approval_name(enum kedge_approval approval)
{
    return (unsigned)approval < KEDGE_APPROVAL_COUNT ? approvals[approval] : "unknown";
}

bool kedge_approval_parse(const char *name, enum kedge_approval *out)
{
    for (unsigned i = 0; i < KEDGE_APPROVAL_COUNT; i++)
        if (strcmp(approvals[i], name) == 0) {
            *out = (enum kedge_approval)i;
            return true;
        }
    return false;
}

void kedge_rollout_policy_default(struct kedge_rollout_policy *policy)
{
    *policy = (struct kedge_rollout_policy){
        .in_flight_max = 100,
        .error_threshold_percent = 20,
        .error_minimum_sample = 10,
        .error_action = KEDGE_ERROR_PAUSE,
        .success_threshold_percent = 80,
        .offer_limit_s = 300,
        .download_limit_s = 600,
        .install_limit_s = 600,
        /* above the agent's trial limit of 30 minutes, after which it is back on its old version */
        .verify_limit_s = 2400,
        .failed_threshold_percent = 100,
        .rejected_threshold_percent = 100,
        .timed_out_threshold_percent = 100,
        .ramp_successes = 10,
        .retry_after_s = 600,
        .priority = KEDGE_PRIORITY_DEFAULT,
        .max_defer_s = KEDGE_DEFER_UNSET,
    };
}

#define FIELD(member, least, most)                                          \
    {                                                                       \
#member, offsetof(struct kedge_rollout_policy, member), least, most \
    }
const struct kedge_policy_field kedge_policy_fields[KEDGE_POLICY_FIELD_COUNT] = {
    FIELD(in_flight_max, 1, KEDGE_ROLLOUT_TARGETS_MAX),
    FIELD(error_threshold_percent, 0, 100),
    FIELD(error_minimum_sample, 0, KEDGE_ROLLOUT_TARGETS_MAX),
    FIELD(success_threshold_percent, 0, 100),
    FIELD(deployment_soak_s, 0, KEDGE_SPAN_MAX_S),
    FIELD(group_soak_s, 0, KEDGE_SPAN_MAX_S),
    FIELD(deadline_s, 0, KEDGE_SPAN_MAX_S),
    FIELD(offer_limit_s, 1, KEDGE_SPAN_MAX_S),
    FIELD(download_limit_s, 1, KEDGE_SPAN_MAX_S),
    FIELD(install_limit_s, 1, KEDGE_SPAN_MAX_S),
    FIELD(verify_limit_s, 1, KEDGE_SPAN_MAX_S),
    FIELD(failed_threshold_percent, 0, 100),
    FIELD(rejected_threshold_percent, 0, 100),
    FIELD(timed_out_threshold_percent, 0, 100),
    FIELD(offers_per_minute, 0, KEDGE_ROLLOUT_TARGETS_MAX),
    FIELD(offers_per_minute_max, 0, KEDGE_ROLLOUT_TARGETS_MAX),
    FIELD(ramp_successes, 1, KEDGE_ROLLOUT_TARGETS_MAX),
    FIELD(retry_failed, 0, KEDGE_RETRIES_MAX),
    FIELD(retry_rejected, 0, KEDGE_RETRIES_MAX),
    FIELD(retry_timed_out, 0, KEDGE_RETRIES_MAX),
    FIELD(retry_after_s, 1, KEDGE_SPAN_MAX_S),
    FIELD(retry_after_max_s, 0, KEDGE_SPAN_MAX_S),
    FIELD(priority, 0, KEDGE_PRIORITY_MAX),
};
#undef FIELD

#define GATE_FIELD(member, least, most)                                 \
    {                                                                   \
#member, offsetof(struct kedge_group_gate, member), least, most \
    }
const struct kedge_policy_field kedge_gate_fields[KEDGE_GATE_FIELD_COUNT] = {
    GATE_FIELD(error_threshold_percent, 0, 100),
    GATE_FIELD(error_minimum_sample, 0, KEDGE_ROLLOUT_TARGETS_MAX),
    GATE_FIELD(success_threshold_percent, 0, 100),
    GATE_FIELD(group_soak_s, 0, KEDGE_SPAN_MAX_S),
};
#undef GATE_FIELD

void kedge_group_gate_unset(struct kedge_group_gate *gate)
{
    *gate = (struct kedge_group_gate){.error_threshold_percent = KEDGE_GATE_UNSET,
                                      .error_minimum_sample = KEDGE_GATE_UNSET,
                                      .success_threshold_percent = KEDGE_GATE_UNSET,
                                      .group_soak_s = KEDGE_GATE_UNSET,
                                      .approval = KEDGE_GATE_UNSET};
}

uint32_t kedge_gate_get(const struct kedge_group_gate *gate, const struct kedge_policy_field *field)
{
    uint32_t value;
    memcpy(&value, (const char *)gate + field->offset, sizeof(value));
    return value;
}

void kedge_gate_set(struct kedge_group_gate *gate, const struct kedge_policy_field *field,
                    uint32_t value)
{
    memcpy((char *)gate + field->offset, &value, sizeof(value));
}

uint32_t kedge_policy_get(const struct kedge_rollout_policy *policy,
                          const struct kedge_policy_field *field)
{
    uint32_t value;
    memcpy(&value, (const char *)policy + field->offset, sizeof(value));
    return value;
}

void kedge_policy_set(struct kedge_rollout_policy *policy, const struct kedge_policy_field *field,
                      uint32_t value)
{
    memcpy((char *)policy + field->offset, &value, sizeof(value));
}
