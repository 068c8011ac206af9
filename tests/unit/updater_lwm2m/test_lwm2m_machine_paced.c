/* test_lwm2m_machine_paced.c: a device whose bytes the server itself holds back. */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

#define RATE 50000u

static void download(struct sim *sim)
{
    begin(sim, KEDGE_UPDATE_OFFERED);
    settle(sim);
    assert_open(sim, KEDGE_UPDATE_DOWNLOADING);
    becomes(sim, KEDGE_FIRMWARE_DOWNLOADING, 0);
}

static void hold_back(struct sim *sim, uint64_t wait_s)
{
    kedge_machine_held_back(&sim->machine, wait_s * 1000, RATE, sim->now_ms);
    settle(sim);
}

static void test_what_the_server_holds_back_counts_for_no_limit(void **state)
{
    struct sim sim = {0};
    (void)state;
    download(&sim);
    pass_s(&sim, 500); /* of 600 */
    hold_back(&sim, 400);
    pass_s(&sim, 490);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    pass_s(&sim, 20);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "");
}

static void test_asking_again_while_it_is_held_back_gains_nothing(void **state)
{
    struct sim sim = {0};
    (void)state;
    download(&sim);
    for (unsigned i = 0; i < 40; i++) {
        hold_back(&sim, 40 - i); /* the same 40 s */
        pass_s(&sim, 1);
    }
    pass_s(&sim, 595);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    pass_s(&sim, 10);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "");
}

static void test_a_limit_that_begins_meanwhile_counts_from_the_release(void **state)
{
    struct sim sim = {0};
    (void)state;
    download(&sim);
    hold_back(&sim, 1000);
    kedge_machine_block(&sim.machine, 1024, sim.now_ms);
    settle(&sim);
    pass_s(&sim, 1590);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    pass_s(&sim, 20);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "");
}

static void test_it_is_said_once_and_reported_until_it_is_over(void **state)
{
    struct sim sim = {0};
    struct kedge_update_report report;
    (void)state;
    download(&sim);
    unsigned reports = sim.reports;
    kedge_machine_held_back(&sim.machine, 900, RATE, sim.now_ms); /* not worth a word */
    settle(&sim);
    assert_int_equal(sim.reports, reports);
    for (unsigned i = 1; i <= 3; i++) {
        kedge_machine_held_back(&sim.machine, 2000, RATE, sim.now_ms);
        sim.now_ms += 2000;
        kedge_machine_block(&sim.machine, 1024 * i, sim.now_ms);
        assert_true(kedge_machine_report(&sim.machine, &report));
        assert_int_equal(report.held_bytes_per_s, RATE);
        assert_int_equal(report.reason != NULL, i == 1);
        if (i == 1)
            assert_string_equal(report.reason,
                                "its download waits for the server's download rate, 50000 bytes "
                                "a second for all devices");
    }
    sim.now_ms += 5000;
    kedge_machine_block(&sim.machine, 1024 * 9, sim.now_ms);
    assert_true(kedge_machine_report(&sim.machine, &report));
    assert_int_equal(report.held_bytes_per_s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_server_holds_back_counts_for_no_limit),
        cmocka_unit_test(test_asking_again_while_it_is_held_back_gains_nothing),
        cmocka_unit_test(test_a_limit_that_begins_meanwhile_counts_from_the_release),
        cmocka_unit_test(test_it_is_said_once_and_reported_until_it_is_over)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
