/*
 * test_lwm2m_machine_setbacks.c: devices that go back again and again, and would have a new limit
 * each time: they are given up.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

#define ROUNDS_MAX 100u /* far more than any may have */

static void
test_one_that_is_never_seen_downloaded_and_comes_back_each_time_is_given_up(void **state)
{
    (void)state;
    struct sim sim = {0};
    unsigned rounds = 0;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    for (; !sim.machine.ended && rounds < ROUNDS_MAX; rounds++) {
        becomes(&sim, KEDGE_FIRMWARE_UPDATING, 0);
        sim.state = KEDGE_FIRMWARE_DOWNLOADING;
        registers(&sim);
    }
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "went back 9 times, the last time to State 1");
    assert_int_equal(rounds, KEDGE_MACHINE_SETBACKS_MAX + 1);
    assert_int_equal(sim.executes, 0);
}

static void test_one_that_is_busy_and_idle_and_downloading_in_turn_is_given_up(void **state)
{
    (void)state;
    for (int pushed = 0; pushed < 2; pushed++) {
        struct sim sim = {.uri_code = KEDGE_COAP_UNAVAILABLE, .pushed_to = pushed != 0};
        strcpy(sim.uri, OUR_URI);
        begin(&sim, KEDGE_UPDATE_OFFERED);
        settle(&sim);
        for (unsigned i = 0; !sim.machine.ended && i < ROUNDS_MAX; i++) {
            sim.state =
                sim.state == KEDGE_FIRMWARE_IDLE ? KEDGE_FIRMWARE_DOWNLOADING : KEDGE_FIRMWARE_IDLE;
            pass_s(&sim, 40);
        }
        assert_ended(&sim, KEDGE_UPDATE_FAILED, "went back 9 times, the last time to State 0");
    }
}

static void test_one_that_is_busy_for_execute_and_goes_back_each_time_is_given_up(void **state)
{
    (void)state;
    struct sim sim = {.execute_code = KEDGE_COAP_UNAVAILABLE};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    for (unsigned i = 0; !sim.machine.ended && i < ROUNDS_MAX; i++) {
        becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
        pass_s(&sim, 6);
        becomes(&sim, KEDGE_FIRMWARE_DOWNLOADING, 0);
        pass_s(&sim, 6);
    }
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "went back 9 times, the last time to State 1");
}

static void test_restarts_in_the_middle_of_a_download_are_no_setbacks(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    for (unsigned i = 1; i <= 3 * KEDGE_MACHINE_SETBACKS_MAX; i++) {
        pass_s(&sim, 500);
        kedge_machine_block(&sim.machine, i * 1024, sim.now_ms);
        registers(&sim);
        assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    }
    assert_int_equal(sim.machine.setbacks, 0);
}

static void test_one_that_goes_back_a_few_times_may_succeed(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    for (unsigned i = 0; i < KEDGE_MACHINE_SETBACKS_MAX; i++) {
        becomes(&sim, KEDGE_FIRMWARE_UPDATING, 0);
        sim.state = KEDGE_FIRMWARE_DOWNLOADING;
        registers(&sim);
    }
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    sim.state = KEDGE_FIRMWARE_IDLE;
    sim.result = KEDGE_RESULT_SUCCESS;
    sim.version = "2.0.0";
    registers(&sim);
    pass_s(&sim, 61);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_one_that_is_never_seen_downloaded_and_comes_back_each_time_is_given_up),
        cmocka_unit_test(test_one_that_is_busy_and_idle_and_downloading_in_turn_is_given_up),
        cmocka_unit_test(test_one_that_is_busy_for_execute_and_goes_back_each_time_is_given_up),
        cmocka_unit_test(test_restarts_in_the_middle_of_a_download_are_no_setbacks),
        cmocka_unit_test(test_one_that_goes_back_a_few_times_may_succeed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
