/*
 * gate_rules.c: by what a group is judged. What it says itself counts, and where it says nothing
 * what its rollout says.
 */
#include "updater/rollout/engine.h"

static uint32_t own_or(uint32_t own, uint32_t of_rollout)
{
    return own == KEDGE_GATE_UNSET ? of_rollout : own;
}

uint32_t engine_error_threshold_percent(const struct group_node *group)
{
    return own_or(group->record.gate.error_threshold_percent,
                  group->rollout->record.policy.error_threshold_percent);
}

uint32_t engine_error_minimum_sample(const struct group_node *group)
{
    return own_or(group->record.gate.error_minimum_sample,
                  group->rollout->record.policy.error_minimum_sample);
}

uint32_t engine_success_threshold_percent(const struct group_node *group)
{
    return own_or(group->record.gate.success_threshold_percent,
                  group->rollout->record.policy.success_threshold_percent);
}

uint32_t engine_group_soak_s(const struct group_node *group)
{
    return own_or(group->record.gate.group_soak_s, group->rollout->record.policy.group_soak_s);
}

bool engine_gate_asks_somebody(const struct group_node *group)
{
    return own_or(group->record.gate.approval,
                  group->rollout->record.policy.approval == KEDGE_APPROVAL_GROUPS) == 1;
}
