/*
 * steps.h: in which steps a new rollout goes, as its body says it.
 */
#ifndef KEDGE_UPDATER_API_STEPS_H
#define KEDGE_UPDATER_API_STEPS_H

#include "updater/api/internal.h"

/**
 * Reads "groups", a list of objects, into `plans`, whose strings are borrowed from it, and which
 * point into `gates`. Whether they
 * add up to the devices is not known here; false when one is no group, which was refused.
 */
bool steps_read(struct request *request, json_t *groups,
                struct kedge_group_plan plans[KEDGE_ROLLOUT_GROUPS_MAX],
                struct kedge_group_gate gates[KEDGE_ROLLOUT_GROUPS_MAX], uint32_t *count);

#endif
