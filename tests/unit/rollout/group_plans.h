/* group_plans.h: how groups are asked for, in short, for tables of them. */
#ifndef KEDGE_TESTS_GROUP_PLANS_H
#define KEDGE_TESTS_GROUP_PLANS_H

#include "updater/rollout/rollout.h"

#define PERCENT(size)                   \
    {                                   \
        NULL, KEDGE_GROUP_PERCENT, size \
    }
#define DEVICES(size)                 \
    {                                 \
        NULL, KEDGE_GROUP_COUNT, size \
    }
#define REST                      \
    {                             \
        NULL, KEDGE_GROUP_REST, 0 \
    }

#endif
