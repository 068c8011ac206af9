/*
 * test_lwm2m_machine_hold.c: a device that has downloaded and may not install yet, and one whose
 * window shuts before it has begun.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

/* To the point where it has downloaded. */
static void download_held(struct sim *sim)
{
    begin(sim, KEDGE_UPDATE_OFFERED);
    sim->machine.plan.hold_install = true;
    settle(sim);
    becomes(sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    assert_open(sim, KEDGE_UPDATE_DOWNLOADED);
}

static void let_install_for(struct sim *sim, uint64_t seconds)
{
    uint64_t until_ms = seconds == 0 ? 0 : sim->now_ms + seconds * 1000;
    kedge_machine_let_install(&sim->machine, until_ms, sim->now_ms);
    settle(sim);
}

static void test_it_waits_without_a_limit_and_is_seldom_looked_at(void **state)
{
    (void)state;
    struct sim sim = {0};
    download_held(&sim);
    unsigned probes = sim.probes;
    pass_s(&sim, 30 * 86400);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADED);
    assert_int_equal(sim.executes, 0);
    assert_in_range(sim.probes - probes, 700, 740); /* once an hour */
    let_install_for(&sim, 60);
    assert_int_equal(sim.executes, 1);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
}

static void test_who_may_install_at_once_is_not_held_up(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    sim.machine.plan.hold_install = true;
    kedge_machine_let_install(&sim.machine, UINT64_MAX, sim.now_ms);
    settle(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    assert_int_equal(sim.executes, 1);
}

static void test_execute_is_not_sent_from_the_moment_on_at_which_the_window_shuts(void **state)
{
    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        struct sim sim = {0};
        download_held(&sim);
        kedge_machine_gone(&sim.machine); /* out of reach when it may */
        kedge_machine_let_install(&sim.machine, sim.now_ms + 100000, sim.now_ms);
        settle(&sim);
        sim.now_ms += 99999 + late;
        registers(&sim);
        assert_int_equal(sim.executes, 1 - late);
        if (late) {
            assert_open(&sim, KEDGE_UPDATE_DOWNLOADED);
            pass_s(&sim, 86400);
            assert_open(&sim, KEDGE_UPDATE_DOWNLOADED);
        }
    }
}

static void test_the_word_that_it_may_can_be_taken_back(void **state)
{
    (void)state;
    struct sim sim = {0};
    download_held(&sim);
    kedge_machine_gone(&sim.machine);
    kedge_machine_let_install(&sim.machine, UINT64_MAX, sim.now_ms);
    kedge_machine_let_install(&sim.machine, 0, sim.now_ms);
    pass_s(&sim, 3 * 86400); /* no limit counts */
    registers(&sim);
    assert_int_equal(sim.executes, 0);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADED);
}

static void test_from_when_it_may_the_limit_of_an_installation_counts(void **state)
{
    (void)state;
    struct sim sim = {0};
    download_held(&sim);
    pass_s(&sim, 86400);
    kedge_machine_gone(&sim.machine);
    kedge_machine_let_install(&sim.machine, UINT64_MAX, sim.now_ms);
    pass_s(&sim, 499);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADED);
    pass_s(&sim, 2);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "it is not registered");
}

static void test_an_execute_that_was_lost_is_not_sent_again_outside_the_window(void **state)
{
    (void)state;
    struct sim sim = {0};
    download_held(&sim);
    sim.execute_code = KEDGE_COAP_UNAVAILABLE;
    let_install_for(&sim, 4); /* less than the pause before the next try */
    assert_int_equal(sim.executes, 1);
    assert_open(&sim, KEDGE_UPDATE_INSTALLING);
    pass_s(&sim, 86400);
    assert_int_equal(sim.executes, 1);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADED);
    sim.execute_code = 0;
    let_install_for(&sim, 60);
    assert_int_equal(sim.executes, 2);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
}

static void test_a_device_that_loses_its_package_while_it_waits_is_offered_it_again(void **state)
{
    (void)state;
    struct sim sim = {0};
    download_held(&sim);
    sim.state = KEDGE_FIRMWARE_IDLE;
    registers(&sim);
    assert_int_equal(sim.uris, 2);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
}

static void test_what_nobody_holds_back_is_not_touched(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    kedge_machine_let_install(&sim.machine, 0, sim.now_ms);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    assert_int_equal(sim.executes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_waits_without_a_limit_and_is_seldom_looked_at),
        cmocka_unit_test(test_who_may_install_at_once_is_not_held_up),
        cmocka_unit_test(test_execute_is_not_sent_from_the_moment_on_at_which_the_window_shuts),
        cmocka_unit_test(test_the_word_that_it_may_can_be_taken_back),
        cmocka_unit_test(test_from_when_it_may_the_limit_of_an_installation_counts),
        cmocka_unit_test(test_an_execute_that_was_lost_is_not_sent_again_outside_the_window),
        cmocka_unit_test(test_a_device_that_loses_its_package_while_it_waits_is_offered_it_again),
        cmocka_unit_test(test_what_nobody_holds_back_is_not_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
