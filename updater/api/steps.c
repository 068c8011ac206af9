/* steps.c: the groups of a new rollout. */
#include "updater/api/steps.h"
#include "updater/api/filters.h"

#include <stdio.h>

static bool refuse_share(struct request *request, const char *within)
{
    char field[32];
    (void)snprintf(field, sizeof(field), "groups[%.20s]", within);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field,
           "%s needs one of \"percent\", \"count\", \"filter\" and \"rest\": true", field);
    return false;
}

/* The one of them that says how large the group is; the others are 0 and NULL. */
struct share {
    uint32_t percent, count;
    bool rest;
    const char *filter;
};

static bool take_share(struct request *request, const struct share *share, const char *number,
                       struct kedge_group_plan *plan)
{
    char field[48];
    if ((share->percent > 0) + (share->count > 0) + share->rest + (share->filter != NULL) != 1)
        return refuse_share(request, number);
    plan->size = share->percent + share->count;
    plan->share = share->percent > 0      ? KEDGE_GROUP_PERCENT
                  : share->count > 0      ? KEDGE_GROUP_COUNT
                  : share->filter == NULL ? KEDGE_GROUP_REST
                                          : KEDGE_GROUP_FILTER;
    plan->filter = share->filter;
    (void)snprintf(field, sizeof(field), "groups[%.20s].filter", number);
    return share->filter == NULL || filter_check(request, field, share->filter);
}

#define SHARE_FIELDS 6u /* name, the four of struct share, and approval */

static bool read_plan(struct request *request, json_t *json, size_t index,
                      struct kedge_group_plan *plan, struct kedge_group_gate *gate)
{
    struct share share = {.rest = false};
    bool approval = false;
    uint32_t numbers[KEDGE_GATE_FIELD_COUNT];
    struct field fields[SHARE_FIELDS + KEDGE_GATE_FIELD_COUNT] = {
        {.name = "name",
         .kind = FIELD_NAME,
         .least = 1,
         .most = KEDGE_NAME_MAX,
         .text = &plan->name},
        {.name = "percent",
         .kind = FIELD_NUMBER,
         .least = 1,
         .most = 100,
         .number = &share.percent},
        {.name = "count",
         .kind = FIELD_NUMBER,
         .least = 1,
         .most = KEDGE_ROLLOUT_TARGETS_MAX,
         .number = &share.count},
        {.name = "rest", .kind = FIELD_FLAG, .flag = &share.rest},
        {.name = "filter",
         .kind = FIELD_TEXT,
         .least = 1,
         .most = KEDGE_GROUP_FILTER_MAX,
         .text = &share.filter},
        {.name = "approval", .kind = FIELD_FLAG, .flag = &approval},
    };
    char within[32], number[20];
    (void)snprintf(number, sizeof(number), "%zu", index);
    (void)snprintf(within, sizeof(within), "groups[%s].", number);
    *plan = (struct kedge_group_plan){.share = KEDGE_GROUP_REST, .gate = gate};
    kedge_group_gate_unset(gate);
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++) {
        numbers[i] = KEDGE_GATE_UNSET;
        fields[SHARE_FIELDS + i] = (struct field){.name = kedge_gate_fields[i].name,
                                                  .kind = FIELD_NUMBER,
                                                  .least = kedge_gate_fields[i].least,
                                                  .most = kedge_gate_fields[i].most,
                                                  .number = &numbers[i]};
    }
    if (!body_read(request, json, within, fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++)
        kedge_gate_set(gate, &kedge_gate_fields[i], numbers[i]);
    if (json_object_get(json, "approval") != NULL)
        gate->approval = approval;
    return take_share(request, &share, number, plan);
}

bool steps_read(struct request *request, json_t *groups,
                struct kedge_group_plan plans[KEDGE_ROLLOUT_GROUPS_MAX],
                struct kedge_group_gate gates[KEDGE_ROLLOUT_GROUPS_MAX], uint32_t *count)
{
    size_t index;
    json_t *json;
    *count = 0;
    json_array_foreach(groups, index, json)
    {
        if (!read_plan(request, json, index, &plans[index], &gates[index]))
            return false;
        ++*count;
    }
    return true;
}
