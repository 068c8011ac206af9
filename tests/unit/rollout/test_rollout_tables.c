/*
 * The state tables are total, what has ended stays, and names lead to states and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/rollout/tables.h"

#include <string.h>

/* Each cell is a decision, and each that goes somewhere goes to a state that exists. */
static void check_cells(const uint8_t *cells, unsigned states, unsigned events)
{
    for (unsigned i = 0; i < states * events; i++) {
        assert_int_not_equal(cells[i], KEDGE_CELL_MISSING);
        assert_true(cells[i] < KEDGE_CELL_GO + states);
    }
}

static void every_cell_of_every_table_is_decided(void **state)
{
    (void)state;
    check_cells(&kedge_rollout_table[0][0], KEDGE_ROLLOUT_STATE_COUNT, KEDGE_ROLLOUT_EVENT_COUNT);
    check_cells(&kedge_group_table[0][0], KEDGE_GROUP_STATE_COUNT, KEDGE_GROUP_EVENT_COUNT);
    check_cells(&kedge_deployment_table[0][0], KEDGE_DEPLOYMENT_STATE_COUNT,
                KEDGE_DEPLOYMENT_EVENT_COUNT);
}

static void what_has_ended_goes_nowhere(void **state)
{
    (void)state;
    for (unsigned s = 0; s < KEDGE_ROLLOUT_STATE_COUNT; s++)
        for (unsigned e = 0; e < KEDGE_ROLLOUT_EVENT_COUNT; e++)
            if (kedge_rollout_state_ended((enum kedge_rollout_state)s))
                assert_true(kedge_rollout_table[s][e] < KEDGE_CELL_GO);
    for (unsigned s = 0; s < KEDGE_GROUP_STATE_COUNT; s++)
        for (unsigned e = 0; e < KEDGE_GROUP_EVENT_COUNT; e++)
            if (kedge_group_state_ended((enum kedge_group_state)s))
                assert_true(kedge_group_table[s][e] < KEDGE_CELL_GO);
    for (unsigned s = 0; s < KEDGE_DEPLOYMENT_STATE_COUNT; s++)
        for (unsigned e = 0; e < KEDGE_DEPLOYMENT_EVENT_COUNT; e++)
            if (kedge_deployment_state_ended((enum kedge_deployment_state)s) &&
                (s != KEDGE_DEPLOYMENT_SUCCEEDED || e != KEDGE_ON_FELL_BACK))
                assert_true(kedge_deployment_table[s][e] < KEDGE_CELL_GO);
}

static void pending_ends_only_by_what_the_server_decides(void **state)
{
    (void)state;
    for (unsigned e = KEDGE_ON_REPORT_OFFERED; e < KEDGE_DEPLOYMENT_EVENT_COUNT; e++)
        assert_int_equal(kedge_deployment_table[KEDGE_DEPLOYMENT_PENDING][e], KEDGE_CELL_STAY);
}

static void names_lead_to_states_and_back(void **state)
{
    (void)state;
    for (unsigned s = 0; s < KEDGE_ROLLOUT_STATE_COUNT; s++) {
        enum kedge_rollout_state found;
        assert_true(kedge_rollout_state_parse(kedge_rollout_state_name((enum kedge_rollout_state)s),
                                              &found));
        assert_int_equal(found, s);
    }
    for (unsigned s = 0; s < KEDGE_GROUP_STATE_COUNT; s++) {
        enum kedge_group_state found;
        assert_true(
            kedge_group_state_parse(kedge_group_state_name((enum kedge_group_state)s), &found));
        assert_int_equal(found, s);
    }
    for (unsigned s = 0; s < KEDGE_DEPLOYMENT_STATE_COUNT; s++) {
        enum kedge_deployment_state found;
        assert_true(kedge_deployment_state_parse(
            kedge_deployment_state_name((enum kedge_deployment_state)s), &found));
        assert_int_equal(found, s);
    }
    enum kedge_deployment_state none;
    assert_false(kedge_deployment_state_parse("done", &none));
    assert_string_equal(kedge_deployment_state_name(KEDGE_DEPLOYMENT_STATE_COUNT), "unknown");
    assert_string_equal(kedge_rollout_state_name((enum kedge_rollout_state) - 1), "unknown");
    assert_string_equal(kedge_deployment_state_name(KEDGE_DEPLOYMENT_TIMED_OUT), "timed_out");
}

static void busy_is_offered_to_verifying(void **state)
{
    (void)state;
    for (unsigned s = 0; s < KEDGE_DEPLOYMENT_STATE_COUNT; s++)
        assert_int_equal(kedge_deployment_state_busy((enum kedge_deployment_state)s),
                         s >= KEDGE_DEPLOYMENT_OFFERED && s <= KEDGE_DEPLOYMENT_VERIFYING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_of_every_table_is_decided),
        cmocka_unit_test(what_has_ended_goes_nowhere),
        cmocka_unit_test(pending_ends_only_by_what_the_server_decides),
        cmocka_unit_test(names_lead_to_states_and_back),
        cmocka_unit_test(busy_is_offered_to_verifying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
