/* bind_rollouts.c: the values of a rollout, a group, a deployment and their history. */
#include "updater/store/sqlite/rows.h"

#include <inttypes.h>
#include <stdio.h>

static void bind_policy(struct sql_binder *to, const struct kedge_rollout_policy *policy)
{
    bind_number(to, policy->in_flight_max);
    bind_number(to, policy->error_threshold_percent);
    bind_number(to, policy->error_minimum_sample);
    bind_text(to, kedge_error_action_name(policy->error_action));
    bind_number(to, policy->success_threshold_percent);
    bind_number(to, policy->deployment_soak_s);
    bind_number(to, policy->group_soak_s);
    bind_number(to, policy->deadline_s);
    bind_number(to, policy->offer_limit_s);
    bind_number(to, policy->download_limit_s);
    bind_number(to, policy->install_limit_s);
    bind_number(to, policy->verify_limit_s);
}

/* "1.4.0 3": a version has no blanks. */
static void bind_intermediates(struct sql_binder *to, const struct kedge_rollout *record)
{
    char lines[KEDGE_INTERMEDIATES_MAX * (KEDGE_VERSION_MAX + 24)];
    size_t used = 0;
    lines[0] = '\0';
    for (uint32_t i = 0; i < record->intermediate_count; i++)
        used +=
            (size_t)snprintf(&lines[used], sizeof(lines) - used, "%s %" PRIu64 "\n",
                             record->intermediates[i].version, record->intermediates[i].sequence);
    bind_copied_text(to, lines);
}

void sql_bind_rollout(struct sql_binder *to, const struct kedge_rollout *record)
{
    bind_unsigned(to, record->id);
    bind_text(to, kedge_rollout_state_name(record->state));
    bind_text(to, record->name);
    bind_text(to, record->package_id);
    bind_text(to, record->vendor);
    bind_text(to, record->class_name);
    bind_text(to, record->version);
    bind_unsigned(to, record->sequence);
    bind_number(to, record->all_devices);
    bind_text(to, record->author);
    bind_policy(to, &record->policy);
    bind_number(to, record->group_count);
    bind_number(to, record->device_count);
    bind_unsigned(to, record->created_at_ms);
    bind_unsigned(to, record->started_at_ms);
    bind_unsigned(to, record->deadline_at_ms);
    bind_unsigned(to, record->ended_at_ms);
    bind_text(to, record->reason);
    bind_text(to, kedge_severity_name(record->policy.severity));
    bind_number(to, record->policy.max_defer_s);
    bind_number(to, record->seed);
    bind_text(to, record->spread_by);
    bind_text(to, record->revert_package_id[0] == '\0' ? NULL : record->revert_package_id);
    bind_text(to, record->revert_version);
    bind_unsigned(to, record->revert_sequence);
    bind_unsigned(to, record->revert_rollout_id);
    bind_unsigned(to, record->reverts_rollout_id);
    bind_text(to, kedge_approval_name(record->policy.approval));
    bind_text(to, record->approver);
    bind_text(to, record->filter);
    bind_unsigned(to, record->start_at_ms);
    bind_text(to, record->windows);
    bind_text(to, record->gate_windows);
    bind_number(to, record->download_in_window);
    for (size_t i = POLICY_FIELDS_BEFORE; i < KEDGE_POLICY_FIELD_COUNT; i++)
        bind_number(to, kedge_policy_get(&record->policy, &kedge_policy_fields[i]));
    bind_number(to, record->dynamic);
    bind_unsigned(to, record->closed_at_ms);
    for (uint32_t i = 0; i < KEDGE_INTERMEDIATES_MAX; i++)
        bind_text(to, i < record->intermediate_count ? record->intermediates[i].package_id : NULL);
    bind_intermediates(to, record);
}

void sql_bind_group(struct sql_binder *to, const struct kedge_group *record)
{
    bind_unsigned(to, record->rollout_id);
    bind_number(to, record->index);
    bind_text(to, kedge_group_state_name(record->state));
    bind_text(to, record->name);
    for (int i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        bind_number(to, record->counts[i]);
    bind_number(to, record->errors);
    bind_number(to, record->already);
    bind_number(to, record->errors_accepted);
    bind_unsigned(to, record->started_at_ms);
    bind_unsigned(to, record->soak_until_ms);
    bind_unsigned(to, record->ended_at_ms);
    bind_text(to, record->reason);
    for (int i = 0; i < KEDGE_ERROR_KIND_COUNT; i++)
        bind_number(to, record->kinds_accepted[i]);
    bind_text(to, record->approver);
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++)
        bind_number(to, kedge_gate_get(&record->gate, &kedge_gate_fields[i]));
    bind_number(to, record->gate.approval);
    bind_text(to, record->filter);
}

void sql_bind_deployment(struct sql_binder *to, const struct kedge_deployment *record)
{
    bind_unsigned(to, record->id);
    bind_unsigned(to, record->rollout_id);
    bind_number(to, record->group_index);
    bind_text(to, kedge_deployment_state_name(record->state));
    bind_text(to, record->endpoint);
    bind_text(to, record->version_before);
    bind_number(to, record->update_result);
    bind_unsigned(to, record->bytes_done);
    bind_unsigned(to, record->bytes_total);
    bind_unsigned(to, record->offered_at_ms);
    bind_unsigned(to, record->changed_at_ms);
    bind_unsigned(to, record->ended_at_ms);
    bind_text(to, record->reason);
    for (int i = 0; i < KEDGE_ERROR_KIND_COUNT; i++)
        bind_number(to, record->retries[i]);
    bind_unsigned(to, record->retry_at_ms);
    bind_number(to, record->steps_done);
    bind_number(to, record->step);
}

void sql_bind_history(struct sql_binder *to, const struct kedge_history_entry *entry)
{
    bind_unsigned(to, entry->at_ms);
    bind_unsigned(to, entry->rollout_id);
    bind_number(to, entry->group_index);
    bind_unsigned(to, entry->deployment_id);
    bind_text(to, entry->endpoint);
    bind_text(to, entry->who);
    bind_text(to, entry->from);
    bind_text(to, entry->to);
    bind_text(to, entry->text);
}
