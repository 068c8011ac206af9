/*
 * tables.h: what each event does to each state: total tables, one row a state, one column an event.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_TABLES_H
#define KEDGE_UPDATER_ROLLOUT_TABLES_H

#include "updater/rollout/rollout.h"

/* A cell: 0 was forgotten (the unit test finds it), STAY, REFUSE, or GO_BASE + the next state. */
enum { KEDGE_CELL_MISSING = 0, KEDGE_CELL_STAY = 1, KEDGE_CELL_REFUSE = 2, KEDGE_CELL_GO = 3 };

enum kedge_rollout_event {
    KEDGE_ON_START,
    KEDGE_ON_PAUSE,
    KEDGE_ON_RESUME,
    KEDGE_ON_ABORT,
    KEDGE_ON_ROLL_BACK,
    KEDGE_ON_APPROVE,          /* in a group's turn it moves the group alone: see approve.c */
    KEDGE_ON_ERRORS_PAUSE,     /* the error threshold or a gate tripped, and the action is pause */
    KEDGE_ON_ERRORS_ABORT,     /* likewise, and the action is abort */
    KEDGE_ON_ERRORS_ROLL_BACK, /* likewise */
    KEDGE_ON_DRAINED,          /* nothing is in flight any more */
    KEDGE_ON_GROUPS_DONE,
    KEDGE_ON_MADE,            /* the last device of a draft is written */
    KEDGE_ON_MADE_TO_APPROVE, /* likewise, and somebody must approve it */
    KEDGE_ON_REVERTED,        /* the rollout that takes its devices back has ended */
    KEDGE_ROLLOUT_EVENT_COUNT
};

enum kedge_group_event {
    KEDGE_ON_GROUP_START,
    KEDGE_ON_GROUP_ENDED, /* none of its deployments is open any more */
    KEDGE_ON_GROUP_SOAKED,
    KEDGE_ON_GATE_PASSED,
    KEDGE_ON_GATE_FAILED,
    KEDGE_ON_GROUP_ABORTED,
    KEDGE_GROUP_EVENT_COUNT
};

enum kedge_deployment_event {
    KEDGE_ON_OFFER,
    KEDGE_ON_ALREADY, /* the device runs the version and was never offered it */
    KEDGE_ON_DEADLINE,
    KEDGE_ON_CANCEL,
    KEDGE_ON_SUPERSEDE,
    KEDGE_ON_ASLEEP,    /* its device fell asleep */
    KEDGE_ON_WITHDRAW,  /* it waits for a window, and is not to be waited for any more */
    KEDGE_ON_FELL_BACK, /* its device had succeeded and runs another version now */
    KEDGE_ON_RETRY,     /* its attempt ended in error, and another one follows */
    KEDGE_ON_STEP,      /* its device has confirmed an intermediate version, and the next follows */
    /* reports of the driver, in the order of the states from offered to canceled */
    KEDGE_ON_REPORT_OFFERED,
    KEDGE_ON_REPORT_DOWNLOADING,
    KEDGE_ON_REPORT_DOWNLOADED,
    KEDGE_ON_REPORT_INSTALLING,
    KEDGE_ON_REPORT_VERIFYING,
    KEDGE_ON_REPORT_SUCCEEDED,
    KEDGE_ON_REPORT_FAILED,
    KEDGE_ON_REPORT_REJECTED,
    KEDGE_ON_REPORT_TIMED_OUT,
    KEDGE_ON_REPORT_CANCELED,
    KEDGE_DEPLOYMENT_EVENT_COUNT
};

extern const uint8_t kedge_rollout_table[KEDGE_ROLLOUT_STATE_COUNT][KEDGE_ROLLOUT_EVENT_COUNT];
extern const uint8_t kedge_group_table[KEDGE_GROUP_STATE_COUNT][KEDGE_GROUP_EVENT_COUNT];
extern const uint8_t kedge_deployment_table[KEDGE_DEPLOYMENT_STATE_COUNT]
                                           [KEDGE_DEPLOYMENT_EVENT_COUNT];

#endif
