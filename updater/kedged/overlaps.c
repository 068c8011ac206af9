/* overlaps.c: asks the engine for the other rollouts of each device. */
#define _GNU_SOURCE
#include "updater/kedged/overlaps.h"
#include "updater/kedged/call.h"
#include "updater/kedged/steering.h"

#include <stdio.h>

#define DEVICES_AT_ONCE 1000u

struct looking {
    struct kedge_bridge *bridge;
    const struct kedge_targets *targets;
    struct kedge_backend_plan *plan;
    size_t from;          /* of the targets */
    const char *endpoint; /* that is being looked at */
};

static struct kedge_backend_overlap *find(struct kedge_backend_plan *plan,
                                          const struct kedge_rollout *rollout)
{
    uint32_t index = 0;
    while (index < plan->overlap_count && plan->overlaps[index].rollout_id != rollout->id)
        index++;
    if (index == KEDGE_BACKEND_OVERLAPS_MAX)
        return NULL;
    struct kedge_backend_overlap *overlap = &plan->overlaps[index];
    if (index < plan->overlap_count)
        return overlap;
    plan->overlap_count++;
    *overlap = (struct kedge_backend_overlap){
        .rollout_id = rollout->id, .state = rollout->state, .priority = rollout->policy.priority};
    (void)snprintf(overlap->name, sizeof(overlap->name), "%s", rollout->name);
    return overlap;
}

static void count_overlap(void *context, const struct kedge_rollout *rollout)
{
    struct looking *looking = context;
    struct kedge_backend_overlap *overlap = find(looking->plan, rollout);
    if (overlap == NULL)
        looking->plan->overlaps_left_out++;
    else if (overlap->device_count++ == 0)
        (void)snprintf(overlap->example, sizeof(overlap->example), "%s", looking->endpoint);
}

static void look(struct kedge_call *call)
{
    struct looking *looking = call->context;
    const struct kedge_engine *engine = kedge_steering_engine(looking->bridge->steering);
    for (size_t i = 0; engine != NULL && i < DEVICES_AT_ONCE; i++) {
        if (looking->from + i == looking->targets->count)
            break;
        looking->endpoint = looking->targets->items[looking->from + i].endpoint;
        kedge_engine_device_rollouts(engine, looking->endpoint, count_overlap, looking);
    }
    kedge_call_answer(call, KEDGE_OK, "");
}

enum kedge_rc kedge_overlaps_find(struct kedge_backend_state *state,
                                  const struct kedge_targets *targets,
                                  struct kedge_backend_plan *plan)
{
    struct looking looking = {.bridge = state->bridge, .targets = targets, .plan = plan};
    for (; looking.from < targets->count; looking.from += DEVICES_AT_ONCE) {
        struct kedge_call call = {.fn = look, .context = &looking};
        KEDGE_TRY(kedge_call_network(state->net, &call));
    }
    return KEDGE_OK;
}
