/*
 * test_lwm2m_machine_fresh.c: for how long what was observed holds, and whose blocks show that a
 * device is at it.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

/* ---- notifications ---- */

static void begin_watched(struct sim *sim, bool pushed, uint32_t max_age_s)
{
    sim->pushed_to = pushed;
    begin(sim, KEDGE_UPDATE_OFFERED);
    settle(sim);
    assert_open(sim, KEDGE_UPDATE_DOWNLOADING);
    assert_int_equal(sim->observations, 1);
    kedge_machine_fresh_for(&sim->machine, max_age_s, sim->now_ms);
}

static void test_a_notification_that_is_lost_is_missed_when_max_age_ends(void **state)
{
    (void)state;
    for (int pushed = 0; pushed < 2; pushed++) {
        struct sim sim = {0};
        begin_watched(&sim, pushed != 0, 10);
        sim.state = KEDGE_FIRMWARE_IDLE; /* in the middle of it, and nobody hears of that */
        sim.result = KEDGE_RESULT_INTEGRITY;
        pass_s(&sim, 9);
        assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
        pass_s(&sim, 1);
        assert_ended(&sim, KEDGE_UPDATE_REJECTED, "Result 5");
    }
}

static void test_without_a_max_age_it_is_missed_by_the_poll(void **state)
{
    (void)state;
    for (int pushed = 0; pushed < 2; pushed++) {
        struct sim sim = {0};
        begin_watched(&sim, pushed != 0, UINT32_MAX);
        sim.state = KEDGE_FIRMWARE_IDLE;
        sim.result = KEDGE_RESULT_INTEGRITY;
        pass_s(&sim, 29);
        assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
        pass_s(&sim, 1);
        assert_ended(&sim, KEDGE_UPDATE_REJECTED, "Result 5");
        assert_int_equal(sim.observations, 1);
    }
}

static void test_what_is_not_fresh_any_more_is_observed_anew(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_watched(&sim, false, 10);
    pass_s(&sim, 11);
    assert_int_equal(sim.observations, 2);
    assert_true(sim.machine.observing);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
}

static void test_a_max_age_of_nothing_hurries_nobody(void **state)
{
    (void)state;
    struct sim sim = {.says_max_age = true, .max_age_s = 0};
    begin_watched(&sim, false, 0);
    unsigned before = sim.probes;
    pass_s(&sim, 60);
    assert_int_equal(sim.probes - before, 12);
    assert_int_equal(sim.observations, 13);
}

static void test_a_device_that_notifies_in_time_is_asked_no_more_often(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_watched(&sim, false, 10);
    unsigned before = sim.probes;
    for (unsigned i = 0; i < 3; i++) {
        pass_s(&sim, 9);
        kedge_machine_state_noticed(&sim.machine, sim.state, sim.now_ms);
        kedge_machine_fresh_for(&sim.machine, 10, sim.now_ms);
    }
    assert_int_equal(sim.probes, before);
    assert_int_equal(sim.observations, 1);
}

/* ---- blocks that may be another's ---- */

static void test_one_that_does_not_answer_is_not_at_it(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    sim.silent = true;
    for (unsigned i = 0; i < 63; i++) {
        pass_s(&sim, 10);
        kedge_machine_is_at_it(&sim.machine, sim.now_ms);
    }
    pass_s(&sim, 1);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "no progress of the download for 600 s");
}

static void test_blocks_that_may_be_anothers_keep_nobody_alive_for_ever(void **state)
{
    (void)state;
    struct sim sim = {0};
    uint64_t passed_s = 0;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    for (; !sim.machine.ended && passed_s < 100000; passed_s += 500) {
        pass_s(&sim, 500);
        kedge_machine_is_at_it(&sim.machine, sim.now_ms);
    }
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "no progress");
    assert_in_range(passed_s, KEDGE_MACHINE_SHARED_LIMITS * 600u,
                    (KEDGE_MACHINE_SHARED_LIMITS + 2u) * 600u);
}

static void test_a_block_of_its_own_begins_that_anew(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    for (unsigned i = 1; i <= 100; i++) {
        pass_s(&sim, 500);
        kedge_machine_is_at_it(&sim.machine, sim.now_ms);
        if (i % 20 == 0)
            kedge_machine_block(&sim.machine, i * 512, sim.now_ms);
    }
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_notification_that_is_lost_is_missed_when_max_age_ends),
        cmocka_unit_test(test_without_a_max_age_it_is_missed_by_the_poll),
        cmocka_unit_test(test_what_is_not_fresh_any_more_is_observed_anew),
        cmocka_unit_test(test_a_max_age_of_nothing_hurries_nobody),
        cmocka_unit_test(test_a_device_that_notifies_in_time_is_asked_no_more_often),
        cmocka_unit_test(test_one_that_does_not_answer_is_not_at_it),
        cmocka_unit_test(test_blocks_that_may_be_anothers_keep_nobody_alive_for_ever),
        cmocka_unit_test(test_a_block_of_its_own_begins_that_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
