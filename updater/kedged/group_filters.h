/*
 * group_filters.h: which of a new rollout's devices are in which group, where groups have filters.
 */
#ifndef KEDGE_UPDATER_GROUP_FILTERS_H
#define KEDGE_UPDATER_GROUP_FILTERS_H

#include "updater/kedged/targets.h"

/**
 * Sets `filter_group` of each target: the first of the groups whose filter means the device, as of
 * `now_ms`. Reads the devices once for each filter. KEDGE_E_MALFORMED for a filter that is none,
 * which whoever asked was to refuse.
 */
enum kedge_rc kedge_group_filters_apply(struct kedge_targets *targets, struct kedge_reader *reader,
                                        const struct kedge_group_plan *groups, uint32_t group_count,
                                        uint64_t now_ms) KEDGE_MUST_USE;

#endif
