/* group_plans.h: how groups are asked for, in short, for tables of them. */
#ifndef KEDGE_TESTS_GROUP_PLANS_H
#define KEDGE_TESTS_GROUP_PLANS_H

#include "updater/rollout/rollout.h"

#define PERCENT(percent)                                \
    {                                                   \
        .share = KEDGE_GROUP_PERCENT, .size = (percent) \
    }
#define DEVICES(count)                              \
    {                                               \
        .share = KEDGE_GROUP_COUNT, .size = (count) \
    }
#define REST                      \
    {                             \
        .share = KEDGE_GROUP_REST \
    }
/* `count` is what it takes, for the tables that say so. */
#define FILTER(count)                                \
    {                                                \
        .share = KEDGE_GROUP_FILTER, .size = (count) \
    }

#endif
