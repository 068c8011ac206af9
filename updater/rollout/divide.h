/*
 * divide.h: the devices of a new rollout, put in order and divided into its groups.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_DIVIDE_H
#define KEDGE_UPDATER_ROLLOUT_DIVIDE_H

#include "updater/rollout/rollout.h"

#define KEDGE_DIVIDE_TEXT_MAX 256u /* of a refusal, with its NUL */

/**
 * How many of `device_count` devices each group gets. A group with a filter has as many as its
 * filter takes, which stands in `sizes` already; all that follows is of the devices that are left.
 * Percentages are of all of these and are rounded where they add up: groups that make up P percent
 * together have ceil(P * devices / 100) devices, so each one is at most one device off, and 100 %
 * are all of them.
 * KEDGE_E_ARGUMENT, with words in `text`, when the groups do not add up to the devices, when one
 * would be empty, or when a size is out of its range; KEDGE_E_LIMIT for more than
 * KEDGE_ROLLOUT_GROUPS_MAX.
 */
enum kedge_rc kedge_groups_size(const struct kedge_group_plan *groups, uint32_t group_count,
                                uint32_t device_count, uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX],
                                char text[KEDGE_DIVIDE_TEXT_MAX]) KEDGE_MUST_USE;

/**
 * Puts the targets in the order that `seed` gives and sets the group_index of each. The order
 * depends on the seed, the endpoints, the places and whom filters take alone: not on how they were
 * listed, nor on this machine. Within any stretch of what a filter takes, and of what all of them
 * leave, each place has its share, so no group takes a place at once.
 * Refuses as kedge_groups_size() does, and leaves the targets alone then; KEDGE_E_MEMORY.
 */
enum kedge_rc kedge_groups_divide(const struct kedge_group_plan *groups, uint32_t group_count,
                                  uint32_t seed, struct kedge_rollout_target *targets,
                                  size_t target_count,
                                  char text[KEDGE_DIVIDE_TEXT_MAX]) KEDGE_MUST_USE;

#endif
