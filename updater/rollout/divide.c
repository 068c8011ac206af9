/*
 * divide.c: which device is in which group, and when it has its turn there.
 *
 * Method. Each device has a number that follows from the seed and its name; by it the devices of
 * one place are in a random order. The k-th of a place's n devices then stands at (k + shift) / n
 * of the whole way, with a shift below 1 that follows from the seed and the place. Devices of all
 * places, sorted by where they stand, are the order of the rollout: whatever stretch of it is cut
 * out holds of every place the same share, to a device or two, and places of one device each are
 * simply in random order. Without places all devices are of one. Those that a group's filter takes
 * are a pool of their own, in which the same is done; what is left is the pool of the other groups.
 */
#include "updater/rollout/divide.h"
#include "updater/rollout/map.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static enum kedge_rc
refuse(char text[KEDGE_DIVIDE_TEXT_MAX], enum kedge_rc rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, KEDGE_DIVIDE_TEXT_MAX, format, arguments);
    va_end(arguments);
    return rc;
}

/* ---- how large they are ---- */

static enum kedge_rc check_plan(const struct kedge_group_plan *groups, uint32_t group_count,
                                char text[KEDGE_DIVIDE_TEXT_MAX])
{
    if (group_count == 0 || group_count > KEDGE_ROLLOUT_GROUPS_MAX)
        return refuse(text, KEDGE_E_LIMIT, "a rollout has 1 to %u groups",
                      KEDGE_ROLLOUT_GROUPS_MAX);
    for (uint32_t i = 0; i < group_count; i++) {
        const struct kedge_group_plan *group = &groups[i];
        if (group->share == KEDGE_GROUP_REST && i + 1 < group_count)
            return refuse(text, KEDGE_E_ARGUMENT,
                          "group %" PRIu32 " is the rest, but the rest must be the last group",
                          i + 1);
        uint32_t most = group->share == KEDGE_GROUP_PERCENT ? 100 : KEDGE_ROLLOUT_TARGETS_MAX;
        bool sized = group->share == KEDGE_GROUP_PERCENT || group->share == KEDGE_GROUP_COUNT;
        if (sized && (group->size == 0 || group->size > most))
            return refuse(text, KEDGE_E_ARGUMENT,
                          "group %" PRIu32 " has the size %" PRIu32 ", it must be 1 to %" PRIu32,
                          i + 1, group->size, most);
    }
    return KEDGE_OK;
}

/* What the groups before the rest take: where each one ends, counted in devices. */
struct taken {
    uint64_t percent, count;
};

static uint64_t end_of(const struct taken *taken, uint32_t device_count)
{
    return (taken->percent * device_count + 99) / 100 + taken->count;
}

static enum kedge_rc check_sum(const struct taken *taken, bool rest, uint32_t device_count,
                               const char *left, char text[KEDGE_DIVIDE_TEXT_MAX])
{
    uint64_t end = end_of(taken, device_count);
    if (taken->percent > 100)
        return refuse(text, KEDGE_E_ARGUMENT,
                      "the percentages of the groups add up to %" PRIu64 " %%, more than 100 %%",
                      taken->percent);
    if (end > device_count)
        return refuse(text, KEDGE_E_ARGUMENT,
                      "the groups take %" PRIu64 " %s, but there %s only %" PRIu32 "%s", end,
                      kedge_by_count(end, "device", "devices"),
                      kedge_by_count(device_count, "is", "are"), device_count, left);
    if (rest || end == device_count)
        return KEDGE_OK;
    if (taken->count == 0 && taken->percent > 0)
        return refuse(text, KEDGE_E_ARGUMENT,
                      "the percentages of the groups add up to %" PRIu64
                      " %%, not to 100 %%: add a group of the rest",
                      taken->percent);
    return refuse(text, KEDGE_E_ARGUMENT,
                  "the groups take only %" PRIu64 " of %" PRIu32
                  " %s%s: add a group of the rest",
                  end, device_count, kedge_by_count(device_count, "device", "devices"), left);
}

static uint64_t taken_by_filters(const struct kedge_group_plan *groups, uint32_t group_count,
                                 const uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX])
{
    uint64_t taken = 0;
    for (uint32_t i = 0; i < group_count; i++)
        taken += groups[i].share == KEDGE_GROUP_FILTER ? sizes[i] : 0;
    return taken;
}

static enum kedge_rc refuse_empty(const struct kedge_group_plan *group, uint32_t number,
                                  uint32_t device_count, char text[KEDGE_DIVIDE_TEXT_MAX])
{
    return refuse(text, KEDGE_E_ARGUMENT,
                  "group %" PRIu32 " would have none of the %" PRIu32 " %s%s", number,
                  device_count, kedge_by_count(device_count, "device", "devices"),
                  group->share == KEDGE_GROUP_FILTER
                      ? ": its filter means none of those that the groups before it leave"
                      : "");
}

enum kedge_rc kedge_groups_size(const struct kedge_group_plan *groups, uint32_t group_count,
                                uint32_t device_count, uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX],
                                char text[KEDGE_DIVIDE_TEXT_MAX])
{
    struct taken taken = {0};
    uint64_t begin = 0;
    KEDGE_TRY(check_plan(groups, group_count, text));
    bool rest = groups[group_count - 1].share == KEDGE_GROUP_REST;
    uint64_t filtered = taken_by_filters(groups, group_count, sizes);
    uint32_t left = (uint32_t)(device_count - filtered);
    for (uint32_t i = 0; i < group_count; i++) {
        taken.percent += groups[i].share == KEDGE_GROUP_PERCENT ? groups[i].size : 0;
        taken.count += groups[i].share == KEDGE_GROUP_COUNT ? groups[i].size : 0;
        uint64_t end = groups[i].share == KEDGE_GROUP_REST ? left : end_of(&taken, left);
        if (groups[i].share != KEDGE_GROUP_FILTER)
            sizes[i] = end > begin ? (uint32_t)(end - begin) : 0;
        begin = end;
    }
    KEDGE_TRY(check_sum(&taken, rest, left, filtered > 0 ? " that no filter takes" : "", text));
    for (uint32_t i = 0; i < group_count; i++)
        if (sizes[i] == 0)
            return refuse_empty(&groups[i], i + 1, device_count, text);
    return KEDGE_OK;
}

/* ---- in which order ---- */

struct turn {
    const struct kedge_rollout_target *target;
    const char *place;
    uint64_t number; /* of the device, by the seed */
    uint32_t pool;   /* 0: of those that no filter takes; else the group of the filter, from 1 */
    uint32_t rank;   /* in its place in its pool, */
    uint32_t peers;  /* which has so many devices */
    uint16_t shift;  /* of its place, in 65536ths */
};

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_devices(const struct turn *a, const struct turn *b)
{
    int order = compare_numbers(a->number, b->number);
    return order != 0 ? order : strcmp(a->target->endpoint, b->target->endpoint);
}

static int compare_in_place(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    int order = compare_numbers(a->pool, b->pool);
    if (order != 0)
        return order;
    order = strcmp(a->place, b->place);
    return order != 0 ? order : compare_devices(a, b);
}

/* (rank + shift) / peers, by cross-multiplying: below 2^37 times 2^20. */
static int compare_turns(const void *left, const void *right)
{
    const struct turn *a = left, *b = right;
    uint64_t a_stands = ((uint64_t)a->rank << 16 | a->shift) * b->peers;
    uint64_t b_stands = ((uint64_t)b->rank << 16 | b->shift) * a->peers;
    int order = compare_numbers(a->pool, b->pool);
    if (order != 0)
        return order;
    order = compare_numbers(a_stands, b_stands);
    return order != 0 ? order : compare_devices(a, b);
}

static void rank_places(struct turn *turns, size_t count, const struct kedge_map *random)
{
    size_t begin = 0;
    while (begin < count) {
        size_t end = begin + 1;
        while (end < count && turns[end].pool == turns[begin].pool &&
               strcmp(turns[end].place, turns[begin].place) == 0)
            end++;
        uint16_t shift = (uint16_t)kedge_map_hash_text(random, turns[begin].place);
        for (size_t i = begin; i < end; i++) {
            turns[i].rank = (uint32_t)(i - begin);
            turns[i].peers = (uint32_t)(end - begin);
            turns[i].shift = shift;
        }
        begin = end;
    }
}

static void order_turns(struct turn *turns, size_t count, uint32_t seed)
{
    const struct kedge_map random = {.seed = seed};
    for (size_t i = 0; i < count; i++)
        turns[i].number = kedge_map_hash_text(&random, turns[i].target->endpoint);
    qsort(turns, count, sizeof(*turns), compare_in_place);
    rank_places(turns, count, &random);
    qsort(turns, count, sizeof(*turns), compare_turns);
}

/* Counts whom each filter takes. */
static void count_filters(const struct kedge_rollout_target *targets, size_t count,
                          uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX])
{
    memset(sizes, 0, KEDGE_ROLLOUT_GROUPS_MAX * sizeof(*sizes));
    for (size_t i = 0; i < count; i++)
        if (targets[i].filter_group > 0 && targets[i].filter_group <= KEDGE_ROLLOUT_GROUPS_MAX)
            sizes[targets[i].filter_group - 1]++;
}

/* The next group that is not full yet and is no filter's. */
static uint32_t next_group(const struct kedge_group_plan *groups, uint32_t group_count,
                           uint32_t from)
{
    while (from + 1 < group_count && groups[from].share == KEDGE_GROUP_FILTER)
        from++;
    return from;
}

enum kedge_rc kedge_groups_divide(const struct kedge_group_plan *groups, uint32_t group_count,
                                  uint32_t seed, struct kedge_rollout_target *targets,
                                  size_t target_count, char text[KEDGE_DIVIDE_TEXT_MAX])
{
    uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX];
    if (target_count == 0 || target_count > KEDGE_ROLLOUT_TARGETS_MAX)
        return refuse(text, KEDGE_E_LIMIT, "a rollout has 1 to %u devices",
                      KEDGE_ROLLOUT_TARGETS_MAX);
    count_filters(targets, target_count, sizes);
    KEDGE_TRY(kedge_groups_size(groups, group_count, (uint32_t)target_count, sizes, text));
    struct turn *turns = calloc(target_count, sizeof(*turns));
    struct kedge_rollout_target *listed = malloc(target_count * sizeof(*listed));
    enum kedge_rc rc = KEDGE_E_MEMORY;
    if (turns == NULL || listed == NULL)
        goto cleanup;
    memcpy(listed, targets, target_count * sizeof(*listed));
    for (size_t i = 0; i < target_count; i++) {
        turns[i].target = &listed[i];
        turns[i].place = listed[i].place == NULL ? "" : listed[i].place;
        turns[i].pool = listed[i].filter_group;
    }
    order_turns(turns, target_count, seed);
    uint32_t group = next_group(groups, group_count, 0), left = sizes[group];
    for (size_t i = 0; i < target_count; i++) {
        targets[i] = *turns[i].target;
        if (turns[i].pool > 0) {
            targets[i].group_index = turns[i].pool - 1;
            continue;
        }
        if (left == 0) {
            group = next_group(groups, group_count, group + 1);
            left = sizes[group];
        }
        targets[i].group_index = group;
        left--;
    }
    rc = KEDGE_OK;
cleanup:
    free(listed);
    free(turns);
    return rc;
}
