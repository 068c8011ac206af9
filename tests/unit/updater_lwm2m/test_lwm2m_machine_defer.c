/*
 * test_lwm2m_machine_defer.c: what a device is told before Execute, and one that puts the update
 * off.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

static void test_what_it_is_to_know_is_told_once_and_before_execute(void **state)
{
    (void)state;
    struct sim plain = {0}, told = {.tells_severity = true};
    install(&plain);
    assert_int_equal(plain.preparations, 0);
    install(&told);
    assert_int_equal(told.preparations, 1);
    told.state = KEDGE_FIRMWARE_DOWNLOADED; /* it has lost Execute in a restart */
    registers(&told);
    assert_int_equal(told.executes, 2);
    assert_int_equal(told.preparations, 1);
}

static void test_one_that_puts_it_off_is_waited_for_as_long_as_it_may(void **state)
{
    (void)state;
    struct sim sim = {.tells_max_defer = true, .max_defer_s = 86400};
    install(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_DEFERRED);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    assert_string_equal(sim.reason, "put off (Result 11, deferred), for 86400 s at most");
    pass_s(&sim, 86400 + 2300);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    assert_int_equal(sim.executes, 1);
    pass_s(&sim, 200);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "put off (Result 11) for longer than it may be");
}

static void test_one_that_installs_after_all_has_the_time_of_any_other(void **state)
{
    (void)state;
    struct sim sim = {.tells_max_defer = true, .max_defer_s = 86400};
    install(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_DEFERRED);
    pass_s(&sim, 80000);
    becomes(&sim, KEDGE_FIRMWARE_UPDATING, 0);
    pass_s(&sim, 60); /* it is looked at in its time: that it installs is no news */
    assert_string_equal(sim.reason, "it is not put off any more");
    pass_s(&sim, 2200);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    sim.version = "2.0.0";
    sim.state = KEDGE_FIRMWARE_IDLE;
    sim.result = KEDGE_RESULT_SUCCESS;
    registers(&sim);
    pass_s(&sim, 61);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
}

static void test_without_a_bound_it_may_put_it_off_as_long_as_it_may_take(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_DEFERRED);
    assert_string_equal(sim.reason, "put off (Result 11, deferred)");
    pass_s(&sim, 2500);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "put off");
}

/* Off and on for ever: each change is believed, three times. */
static void test_one_that_cannot_make_up_its_mind_is_given_up(void **state)
{
    (void)state;
    struct sim sim = {.tells_max_defer = true, .max_defer_s = 1000};
    install(&sim);
    for (int i = 0; i < 100 && !sim.machine.ended; i++) {
        becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_DEFERRED);
        pass_s(&sim, 900);
        becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
        pass_s(&sim, 900);
    }
    assert_int_equal(sim.phase, KEDGE_UPDATE_TIMED_OUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_is_to_know_is_told_once_and_before_execute),
        cmocka_unit_test(test_one_that_puts_it_off_is_waited_for_as_long_as_it_may),
        cmocka_unit_test(test_one_that_installs_after_all_has_the_time_of_any_other),
        cmocka_unit_test(test_without_a_bound_it_may_put_it_off_as_long_as_it_may_take),
        cmocka_unit_test(test_one_that_cannot_make_up_its_mind_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
