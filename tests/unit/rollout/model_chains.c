/*
 * model_chains.c: rollouts with intermediate packages. Which one a device is to be offered is told
 * here by an arithmetic of its own: versions are numbers.
 */
#include "tests/unit/rollout/model.h"

#include <stdlib.h>
#include <string.h>

#define LINKS_MAX 3u

/* The last one is the rollout's own. Whatever a device runs, one of them replaces it. */
static const struct chain {
    uint32_t count;
    struct link {
        const char *package_id, *version;
        const char *least, *most; /* versions that it replaces; NULL: any */
    } links[LINKS_MAX];
} chains[] = {
    {2,
     {{"c000000000000000000000000000000000000000000000000000000000000000", "1.9.0", NULL, NULL},
      {"c100000000000000000000000000000000000000000000000000000000000000", "2.0.0", "1.9.0", NULL}}},
    {3,
     {{"c200000000000000000000000000000000000000000000000000000000000000", "1.7.0", NULL, "1.6.9"},
      {"c300000000000000000000000000000000000000000000000000000000000000", "1.9.0", "1.7.0", NULL},
      {"c400000000000000000000000000000000000000000000000000000000000000", "2.1.0", "1.9.0",
       "1.9.9"}}},
};

#define CHAIN_COUNT (sizeof(chains) / sizeof(chains[0]))

static struct kedge_fit_conditions conditions_of(const struct chain *chain, uint32_t index)
{
    const struct link *link = &chain->links[index];
    return (struct kedge_fit_conditions){
        .min_version = link->least, .max_version = link->most, .sequence = index + 1};
}

void chain_choose(struct kedge_rollout_spec *spec)
{
    static struct kedge_intermediate intermediates[LINKS_MAX];
    static struct kedge_fit_conditions conditions[LINKS_MAX];
    const struct chain *chain = &chains[below(CHAIN_COUNT)];
    if (!option(OPTION_CHAIN, 25))
        return;
    spec->intermediate_count = chain->count - 1;
    for (uint32_t i = 0; i + 1 < chain->count; i++) {
        const struct link *link = &chain->links[i];
        conditions[i] = conditions_of(chain, i);
        intermediates[i] = (struct kedge_intermediate){.sequence = i + 1};
        memcpy(intermediates[i].package_id, link->package_id, strlen(link->package_id));
        memcpy(intermediates[i].version, link->version, strlen(link->version));
    }
    spec->intermediates = intermediates;
    spec->intermediate_conditions = conditions;
    spec->package_id = chain->links[chain->count - 1].package_id;
    spec->version = chain->links[chain->count - 1].version;
    spec->sequence = chain->count;
    spec->conditions = conditions_of(chain, chain->count - 1);
}

void chain_load_packages(void)
{
    for (size_t c = 0; c < CHAIN_COUNT; c++)
        for (uint32_t i = 0; i < chains[c].count; i++) {
            struct kedge_fit_conditions conditions = conditions_of(&chains[c], i);
            INVARIANT(kedge_engine_load_package(w->engine, chains[c].links[i].package_id,
                                                &conditions) == KEDGE_OK,
                      "a package not loaded");
        }
}

/* ---- invariants ---- */

static unsigned number_of(const char *version)
{
    unsigned number = 0;
    for (int i = 0; i < 3; i++) {
        char *end;
        number = 100 * number + (unsigned)strtoul(version, &end, 10);
        version = *end == '.' ? end + 1 : end;
    }
    return number;
}

static bool replaces(const struct link *link, const char *version)
{
    unsigned number = number_of(version);
    return strcmp(link->version, version) != 0 &&
           (link->least == NULL || number >= number_of(link->least)) &&
           (link->most == NULL || number <= number_of(link->most));
}

static const struct chain *chain_of(const struct kedge_rollout *rollout)
{
    for (size_t c = 0; c < CHAIN_COUNT; c++)
        if (strcmp(chains[c].links[chains[c].count - 1].package_id, rollout->package_id) == 0)
            return &chains[c];
    return NULL;
}

/* The latest that replaces what the device runs, behind all that it has confirmed. */
static void check_step(const struct chain *chain, const struct kedge_deployment *after)
{
    const struct device *device = device_of(after->endpoint);
    uint32_t first = 0, step = chain->count;
    for (uint32_t i = 0; i < chain->count; i++)
        if ((after->steps_done >> i & 1u) != 0)
            first = i + 1;
    while (step > first && !replaces(&chain->links[step - 1], device->told))
        step--;
    INVARIANT(step > first && after->step + 1u == step,
              "%s runs %s and is offered package %u of a chain of %" PRIu32, device->endpoint,
              device->told, after->step + 1u, chain->count);
}

/* Of an output that w->seen does not hold yet. */
void check_chains(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *after = &output->deployments[i];
        const struct kedge_deployment *before = &w->seen.deployments[after->id];
        const struct kedge_rollout *rollout = &w->seen.rollouts[after->rollout_id];
        const struct chain *chain = chain_of(rollout);
        if (before->id == 0)
            continue;
        INVARIANT((before->steps_done & ~after->steps_done) == 0,
                  "deployment %" PRIu64 " forgets what it has gone through", after->id);
        if (chain != NULL && after->state == KEDGE_DEPLOYMENT_OFFERED &&
            before->state == KEDGE_DEPLOYMENT_PENDING)
            check_step(chain, after);
        INVARIANT(after->state != KEDGE_DEPLOYMENT_SUCCEEDED || before->state == after->state ||
                      strcmp(device_of(after->endpoint)->version, rollout->version) == 0,
                  "deployment %" PRIu64 " has succeeded on version %s, not %s", after->id,
                  device_of(after->endpoint)->version, rollout->version);
    }
}

void check_confirmed(const struct kedge_deployment *before)
{
    uint32_t steps = w->seen.rollouts[before->rollout_id].intermediate_count;
    const struct kedge_deployment *after = &w->seen.deployments[before->id];
    INVARIANT(!kedge_deployment_state_busy(before->state) || before->step >= steps ||
                  (after->steps_done >> before->step & 1u) != 0,
              "deployment %" PRIu64 " has gone through step %u, and it is not written", before->id,
              before->step + 1u);
}
