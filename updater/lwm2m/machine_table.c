/*
 * machine_table.c: what is made of each picture in each step. Total: a row takes exactly one cell
 * for each picture, and the number of rows is checked.
 */
#include "updater/lwm2m/machine.h"

#define CELL(name) KEDGE_VERDICT_##name
#define COUNT(...) +1

/* clang-format off */

/*                IDLE    FAILED  CLAIMS  UPDATED UNCONF. DOWNL'G DOWNL'D DEFERRED NOT_INST. UPDATING FOREIGN */
#define ROWS(ROW)                                                                                           \
    ROW(LOOK,     OFFER,  OFFER,  OFFER,  SETTLE, SETTLE, FOLLOW, RUN,    RUN,     RESET,    AWAIT,   RESET) \
    ROW(DOWNLOAD, OFFER,  FAIL,   OFFER,  AWAIT,  AWAIT,  FOLLOW, RUN,    RUN,     FAIL,     AWAIT,   RESET) \
    ROW(EXECUTE,  OFFER,  FAIL,   FAIL,   AWAIT,  AWAIT,  FOLLOW, RUN,    AWAIT,   FAIL,     AWAIT,   FAIL)  \
    ROW(AWAIT,    STAY,   FAIL,   STAY,   STAY,   STAY,   STAY,   STAY,   STAY,    FAIL,     STAY,    FAIL)  \
    ROW(RETURNED, STAY,   FAIL,   FAIL,   SETTLE, STAY,   FOLLOW, RUN,    STAY,    FAIL,     STAY,    FAIL)  \
    ROW(SOAK,     FAIL,   FAIL,   FAIL,   SETTLE, FAIL,   FAIL,   FAIL,   FAIL,    FAIL,     FAIL,    FAIL)

/* clang-format on */

#define ROW(step, a, b, c, d, e, f, g, h, i, j, k)                               \
    [KEDGE_STEP_##step] = {CELL(a), CELL(b), CELL(c), CELL(d), CELL(e), CELL(f), \
                           CELL(g), CELL(h), CELL(i), CELL(j), CELL(k)},
static const uint8_t verdicts[KEDGE_STEP_COUNT][KEDGE_PICTURE_COUNT] = {ROWS(ROW)};
_Static_assert(0 ROWS(COUNT) == KEDGE_STEP_COUNT, "one row a step");
_Static_assert(KEDGE_PICTURE_COUNT == 11, "one cell a picture");

enum kedge_machine_verdict kedge_machine_verdict(enum kedge_machine_step step,
                                                 enum kedge_machine_picture picture)
{
    return (enum kedge_machine_verdict)verdicts[step][picture];
}
