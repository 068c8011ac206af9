/*
 * tables.c: the three state tables.
 *
 * A row macro takes exactly one cell for each event, so a missing column does not compile, and the
 * number of rows is checked below; -Woverride-init refuses a state that has two rows.
 */
#include "updater/rollout/tables.h"

#define STAY KEDGE_CELL_STAY
#define NO KEDGE_CELL_REFUSE
#define GO(state) (KEDGE_CELL_GO + (state))

#define COUNT_ROW(...) +1

/* clang-format off */

/*                    START        PAUSE       RESUME       ABORT         ROLL_BACK         APPROVE    ERRORS_PAUSE ERRORS_ABORT ERRORS_ROLL_BACK  DRAINED      GROUPS_DONE   MADE       MADE_TO_APPROVE           REVERTED */
#define ROLLOUT_ROWS(ROW)                                                                                                                                                                  \
    ROW(DRAFT,                NO, NO,          NO,          TO(ABORTING), NO,               NO,        STAY,        STAY,         STAY,             STAY,        STAY,         TO(READY), TO(WAITING_FOR_APPROVAL), STAY) \
    ROW(WAITING_FOR_APPROVAL, NO, NO,          NO,          TO(ABORTING), NO,               TO(READY), STAY,        STAY,         STAY,             STAY,        STAY,         STAY,      STAY,                     STAY) \
    ROW(READY,       TO(RUNNING), NO,          NO,          TO(ABORTING), NO,               NO,        STAY,        STAY,         STAY,             STAY,        STAY,         STAY,      STAY,                     STAY) \
    ROW(RUNNING,              NO, TO(PAUSED),  NO,          TO(ABORTING), TO(ROLLING_BACK), STAY,      TO(PAUSED),  TO(ABORTING), TO(ROLLING_BACK), STAY,        TO(FINISHED), STAY,      STAY,                     STAY) \
    ROW(PAUSED,               NO, NO,          TO(RUNNING), TO(ABORTING), TO(ROLLING_BACK), STAY,      STAY,        TO(ABORTING), TO(ROLLING_BACK), STAY,        STAY,         STAY,      STAY,                     STAY) \
    ROW(ABORTING,             NO, NO,          NO,          NO,           NO,               NO,        STAY,        STAY,         STAY,             TO(ABORTED), STAY,         STAY,      STAY,                     STAY) \
    ROW(ABORTED,              NO, NO,          NO,          NO,           NO,               NO,        STAY,        STAY,         STAY,             STAY,        STAY,         STAY,      STAY,                     STAY) \
    ROW(ROLLING_BACK,         NO, NO,          NO,          NO,           NO,               NO,        STAY,        STAY,         STAY,             STAY,        STAY,         STAY,      STAY,                     TO(ROLLED_BACK)) \
    ROW(ROLLED_BACK,          NO, NO,          NO,          NO,           NO,               NO,        STAY,        STAY,         STAY,             STAY,        STAY,         STAY,      STAY,                     STAY) \
    ROW(FINISHED,             NO, NO,          NO,          NO,           NO,               NO,        STAY,        STAY,         STAY,             STAY,        STAY,         STAY,      STAY,                     STAY)

#define TO(state) GO(KEDGE_ROLLOUT_##state)
#define ROLLOUT_ROW(state, a, b, c, d, e, f, g, h, i, j, k, l, m, n) \
    [KEDGE_ROLLOUT_##state] = {a, b, c, d, e, f, g, h, i, j, k, l, m, n},
const uint8_t kedge_rollout_table[KEDGE_ROLLOUT_STATE_COUNT][KEDGE_ROLLOUT_EVENT_COUNT] = {
    ROLLOUT_ROWS(ROLLOUT_ROW)};
#undef TO
_Static_assert(0 ROLLOUT_ROWS(COUNT_ROW) == KEDGE_ROLLOUT_STATE_COUNT, "one row a state");
_Static_assert(KEDGE_ROLLOUT_EVENT_COUNT == 14, "one cell an event");

/*                        START        ENDED        SOAKED                GATE_PASSED    GATE_FAILED ABORTED */
#define GROUP_ROWS(ROW)                                                                                     \
    ROW(SCHEDULED,        TO(RUNNING), STAY,        STAY,                 STAY,          STAY,       TO(FAILED)) \
    ROW(RUNNING,          STAY,        TO(SOAKING), STAY,                 STAY,          STAY,       TO(FAILED)) \
    ROW(SOAKING,          STAY,        STAY,        TO(WAITING_FOR_GATE), STAY,          STAY,       TO(FAILED)) \
    ROW(WAITING_FOR_GATE, STAY,        STAY,        STAY,                 TO(SUCCEEDED), TO(FAILED), TO(FAILED)) \
    ROW(SUCCEEDED,        STAY,        STAY,        STAY,                 STAY,          STAY,       STAY)  \
    ROW(FAILED,           STAY,        STAY,        STAY,                 STAY,          STAY,       STAY)

#define TO(state) GO(KEDGE_GROUP_##state)
#define GROUP_ROW(state, a, b, c, d, e, f) [KEDGE_GROUP_##state] = {a, b, c, d, e, f},
const uint8_t kedge_group_table[KEDGE_GROUP_STATE_COUNT][KEDGE_GROUP_EVENT_COUNT] = {
    GROUP_ROWS(GROUP_ROW)};
#undef TO
_Static_assert(0 GROUP_ROWS(COUNT_ROW) == KEDGE_GROUP_STATE_COUNT, "one row a state");
_Static_assert(KEDGE_GROUP_EVENT_COUNT == 6, "one cell an event");

/*
 * What the driver reports of a busy deployment is believed in any order, backwards too: a device
 * may have lost its download, and after a restart the driver begins from what it finds. A report
 * on a pending one comes from a job that was given up, and is ignored; what has ended stays, but for a success that did not last.
 *
 *                   OFFER        ALREADY        DEADLINE       CANCEL        SUPERSEDE       ASLEEP       WITHDRAW     FELL_BACK   RETRY        STEP
 */
#define REPORTS TO(OFFERED), TO(DOWNLOADING), TO(DOWNLOADED), TO(INSTALLING), TO(VERIFYING), \
                TO(SUCCEEDED), TO(FAILED), TO(REJECTED), TO(TIMED_OUT), TO(CANCELED)
#define IGNORED STAY, STAY, STAY, STAY, STAY, STAY, STAY, STAY, STAY, STAY
#define DEPLOYMENT_ROWS(ROW)                                                                              \
    ROW(PENDING,     TO(OFFERED), TO(SUCCEEDED), TO(TIMED_OUT), TO(CANCELED), TO(SUPERSEDED), STAY,        STAY,        STAY,       STAY,        STAY,        IGNORED) \
    ROW(OFFERED,     STAY,        STAY,          STAY,          TO(CANCELED), TO(SUPERSEDED), TO(PENDING), STAY,        STAY,       TO(PENDING), TO(PENDING), REPORTS) \
    ROW(DOWNLOADING, STAY,        STAY,          STAY,          TO(CANCELED), STAY,           STAY,        STAY,        STAY,       TO(PENDING), TO(PENDING), REPORTS) \
    ROW(DOWNLOADED,  STAY,        STAY,          STAY,          TO(CANCELED), STAY,           STAY,        TO(PENDING), STAY,       TO(PENDING), TO(PENDING), REPORTS) \
    ROW(INSTALLING,  STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        STAY,       TO(PENDING), TO(PENDING), REPORTS) \
    ROW(VERIFYING,   STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        STAY,       TO(PENDING), TO(PENDING), REPORTS) \
    ROW(SUCCEEDED,   STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        TO(FAILED), STAY,        STAY,        IGNORED) \
    ROW(FAILED,      STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        STAY,       STAY,        STAY,        IGNORED) \
    ROW(REJECTED,    STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        STAY,       STAY,        STAY,        IGNORED) \
    ROW(TIMED_OUT,   STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        STAY,       STAY,        STAY,        IGNORED) \
    ROW(CANCELED,    STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        STAY,       STAY,        STAY,        IGNORED) \
    ROW(SUPERSEDED,  STAY,        STAY,          STAY,          STAY,         STAY,           STAY,        STAY,        STAY,       STAY,        STAY,        IGNORED)

#define TO(state) GO(KEDGE_DEPLOYMENT_##state)
#define DEPLOYMENT_ROW(state, ...) DEPLOYMENT_CELLS(state, __VA_ARGS__)
#define DEPLOYMENT_CELLS(state, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t) \
    [KEDGE_DEPLOYMENT_##state] = {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t},
const uint8_t
    kedge_deployment_table[KEDGE_DEPLOYMENT_STATE_COUNT][KEDGE_DEPLOYMENT_EVENT_COUNT] = {
        DEPLOYMENT_ROWS(DEPLOYMENT_ROW)};
#undef TO
_Static_assert(0 DEPLOYMENT_ROWS(COUNT_ROW) == KEDGE_DEPLOYMENT_STATE_COUNT, "one row a state");
_Static_assert(KEDGE_DEPLOYMENT_EVENT_COUNT == 20, "one cell an event");
_Static_assert(KEDGE_ON_REPORT_CANCELED - KEDGE_ON_REPORT_OFFERED ==
                   KEDGE_DEPLOYMENT_CANCELED - KEDGE_DEPLOYMENT_OFFERED,
               "reports are in the order of the states");

/* clang-format on */
