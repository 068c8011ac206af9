/* steps.c: the groups of a new rollout. */
#include "updater/api/steps.h"

#include <stdio.h>

static bool refuse_share(struct request *request, const char *within)
{
    char field[32];
    (void)snprintf(field, sizeof(field), "groups[%.20s]", within);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field,
           "%s needs one of \"percent\", \"count\" and \"rest\": true", field);
    return false;
}

static bool read_plan(struct request *request, json_t *json, size_t index,
                      struct kedge_group_plan *plan)
{
    uint32_t percent = 0, count = 0;
    bool rest = false;
    const struct field fields[] = {
        {.name = "name",
         .kind = FIELD_TEXT,
         .least = 1,
         .most = KEDGE_NAME_MAX,
         .text = &plan->name},
        {.name = "percent", .kind = FIELD_NUMBER, .least = 1, .most = 100, .number = &percent},
        {.name = "count",
         .kind = FIELD_NUMBER,
         .least = 1,
         .most = KEDGE_ROLLOUT_TARGETS_MAX,
         .number = &count},
        {.name = "rest", .kind = FIELD_FLAG, .flag = &rest},
    };
    char within[32], number[20];
    (void)snprintf(number, sizeof(number), "%zu", index);
    (void)snprintf(within, sizeof(within), "groups[%s].", number);
    *plan = (struct kedge_group_plan){.share = KEDGE_GROUP_REST};
    if (!body_read(request, json, within, fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    if ((percent > 0) + (count > 0) + rest != 1)
        return refuse_share(request, number);
    if (percent > 0)
        plan->share = KEDGE_GROUP_PERCENT;
    else if (count > 0)
        plan->share = KEDGE_GROUP_COUNT;
    plan->size = percent + count;
    return true;
}

bool steps_read(struct request *request, json_t *groups,
                struct kedge_group_plan plans[KEDGE_ROLLOUT_GROUPS_MAX], uint32_t *count)
{
    size_t index;
    json_t *json;
    *count = 0;
    json_array_foreach(groups, index, json)
    {
        if (!read_plan(request, json, index, &plans[index]))
            return false;
        ++*count;
    }
    return true;
}
