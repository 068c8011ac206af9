/*
 * group_filters.c: the devices that the filters of groups mean, found among the targets by a search
 * in their names.
 */
#include "updater/kedged/group_filters.h"

#include <stdlib.h>
#include <string.h>

struct marking {
    struct kedge_rollout_target **by_name; /* sorted */
    size_t count;
    uint32_t group; /* from 1 */
};

static int compare_targets(const void *left, const void *right)
{
    const struct kedge_rollout_target *const *a = left, *const *b = right;
    return strcmp((*a)->endpoint, (*b)->endpoint);
}

static int compare_name(const void *name, const void *item)
{
    const struct kedge_rollout_target *const *target = item;
    return strcmp(name, (*target)->endpoint);
}

/* One that is listed twice is marked once: the engine refuses it anyway. */
static bool mark(void *context, const struct kedge_device_record *record)
{
    struct marking *marking = context;
    struct kedge_rollout_target **found =
        bsearch(record->endpoint, marking->by_name, marking->count, sizeof(*marking->by_name),
                compare_name);
    if (found != NULL && (*found)->filter_group == 0)
        (*found)->filter_group = marking->group;
    return true;
}

enum kedge_rc kedge_group_filters_apply(struct kedge_targets *targets, struct kedge_reader *reader,
                                        const struct kedge_group_plan *groups, uint32_t group_count,
                                        uint64_t now_ms)
{
    struct kedge_filter_problem problem;
    struct marking marking = {.count = targets->count};
    struct kedge_filter *filter = malloc(sizeof(*filter));
    struct kedge_matching which = {.filter = filter, .now_ms = now_ms};
    enum kedge_rc rc = KEDGE_OK;
    marking.by_name = calloc(targets->count + 1, sizeof(*marking.by_name));
    if (filter == NULL || marking.by_name == NULL)
        rc = KEDGE_E_MEMORY;
    for (size_t i = 0; rc == KEDGE_OK && i < targets->count; i++)
        marking.by_name[i] = &targets->items[i];
    if (rc == KEDGE_OK)
        qsort(marking.by_name, marking.count, sizeof(*marking.by_name), compare_targets);
    for (uint32_t i = 0; rc == KEDGE_OK && i < group_count; i++) {
        if (groups[i].share != KEDGE_GROUP_FILTER)
            continue;
        marking.group = i + 1;
        rc = kedge_filter_parse(KEDGE_FILTER_OF_DEVICE, kedge_slice_text(groups[i].filter), filter,
                                &problem);
        if (rc == KEDGE_OK)
            rc = kedge_reader_matching(reader, &which, NULL, mark, &marking);
    }
    free(marking.by_name);
    free(filter);
    return rc;
}
