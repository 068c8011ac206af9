/* test_lwm2m_machine_push.c: how the machine takes a device through a Package that is pushed. */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

#define FILE_SIZE 100000u

static void begin_push(struct sim *sim)
{
    sim->pushed_to = true;
    begin(sim, KEDGE_UPDATE_OFFERED);
    settle(sim);
    assert_open(sim, KEDGE_UPDATE_DOWNLOADING);
    assert_int_equal(sim->machine.push, KEDGE_PUSH_RUNNING);
}

static void stops(struct sim *sim, enum kedge_rc rc, uint8_t code, uint32_t size_max)
{
    kedge_machine_push_stopped(&sim->machine, rc, code, size_max, sim->now_ms);
    settle(sim);
}

static void test_a_pushed_package_is_installed_and_succeeds_like_any_other(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    kedge_machine_block(&sim.machine, FILE_SIZE, sim.now_ms);
    sim.state = KEDGE_FIRMWARE_DOWNLOADED;
    stops(&sim, KEDGE_OK, KEDGE_COAP_CHANGED, 0);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    assert_int_equal(sim.executes, 1);
    assert_int_equal(sim.bytes_done, FILE_SIZE);
    sim.version = "2.0.0";
    sim.state = 0;
    sim.result = KEDGE_RESULT_SUCCESS;
    registers(&sim);
    pass_s(&sim, 61);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
    assert_int_equal(sim.uris, 1);
    assert_int_equal(sim.resets, 0);
}

static void test_blocks_that_are_taken_hold_off_the_limit_of_the_download(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    for (uint64_t i = 1; i <= 10; i++) {
        pass_s(&sim, 590);
        kedge_machine_block(&sim.machine, i * 1024, sim.now_ms);
        settle(&sim);
        assert_int_equal(sim.bytes_done, i * 1024);
    }
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    pass_s(&sim, 601);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "10240 of 100000 bytes");
}

static void test_a_device_that_stays_idle_while_it_takes_blocks_is_left_at_it(void **state)
{
    (void)state;
    struct sim sim = {.result = KEDGE_RESULT_FAILED};
    begin_push(&sim);
    sim.state = 0;
    sim.result = KEDGE_RESULT_FAILED; /* as before the push */
    pass_s(&sim, 300);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    assert_int_equal(sim.uris, 1);
    assert_true(kedge_machine_holds_package(&sim.machine));
    sim.state = KEDGE_FIRMWARE_DOWNLOADED;
    sim.result = 0;
    stops(&sim, KEDGE_OK, KEDGE_COAP_CHANGED, 0);
    assert_int_equal(sim.executes, 1);
    assert_int_equal(sim.resets, 0);
}

static void test_what_is_held_up_goes_on_once_the_device_says_that_it_waits(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    kedge_machine_block(&sim.machine, 4096, sim.now_ms);
    sim.silent = true;
    stops(&sim, KEDGE_E_TIMEOUT, 0, 0);
    pass_s(&sim, 60);
    assert_int_equal(sim.goings_on, 0);
    sim.silent = false;
    pass_s(&sim, 10);
    assert_int_equal(sim.goings_on, 1);
    assert_int_equal(sim.machine.push, KEDGE_PUSH_RUNNING);
    assert_non_null(strstr(sim.reason, "from byte 4096"));
    assert_int_equal(sim.uris, 1);
}

static void test_a_device_that_moves_is_pushed_on_at_its_new_address(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    kedge_machine_push_stopped(&sim.machine, KEDGE_E_CANCELED, 0, 0, sim.now_ms);
    kedge_machine_gone(&sim.machine);
    pass_s(&sim, 100);
    assert_int_equal(sim.goings_on, 0);
    kedge_machine_touched(&sim.machine, sim.now_ms);
    settle(&sim);
    assert_int_equal(sim.goings_on, 1);
    assert_int_equal(sim.uris, 1);
}

static void test_a_device_that_lost_its_part_in_a_restart_is_pushed_to_anew(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    for (unsigned i = 2; i <= KEDGE_MACHINE_TRIES_MAX; i++) {
        kedge_machine_block(&sim.machine, 4096, sim.now_ms);
        kedge_machine_push_stopped(&sim.machine, KEDGE_E_CANCELED, 0, 0, sim.now_ms);
        sim.state = 0;
        registers(&sim);
        assert_int_equal(sim.uris, i);
        assert_int_equal(sim.goings_on, 0);
        assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
        assert_int_equal(sim.machine.bytes_done, 0);
    }
    kedge_machine_push_stopped(&sim.machine, KEDGE_E_CANCELED, 0, 0, sim.now_ms);
    sim.state = 0;
    registers(&sim);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "3 times");
}

static void test_what_holds_it_up_at_once_is_not_tried_at_once(void **state)
{
    (void)state;
    struct sim sim = {.unobservable = true};
    begin_push(&sim);
    for (unsigned i = 0; i < 10; i++) {
        stops(&sim, KEDGE_E_MALFORMED, 0, 0);
        assert_int_equal(sim.goings_on, i);
        pass_s(&sim, 6);
        assert_int_equal(sim.goings_on, i + 1);
    }
    pass_s(&sim, 601);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "no progress");
}

/* A block that was given up has taken a minute and a half already. */
static void test_what_was_not_answered_is_asked_after_at_once(void **state)
{
    (void)state;
    struct sim sim = {.unobservable = true};
    begin_push(&sim);
    stops(&sim, KEDGE_E_TIMEOUT, 0, 0);
    assert_int_equal(sim.goings_on, 1);
}

static void test_a_package_pushed_from_the_start_again_makes_progress_again(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    kedge_machine_block(&sim.machine, 50000, sim.now_ms);
    pass_s(&sim, 590);
    kedge_machine_push_restarted(&sim.machine, KEDGE_COAP_INCOMPLETE, sim.now_ms);
    settle(&sim);
    assert_non_null(strstr(sim.reason, "answered 4.08 after 50000 bytes"));
    assert_int_equal(sim.bytes_done, 0);
    pass_s(&sim, 590);
    kedge_machine_block(&sim.machine, 1024, sim.now_ms);
    pass_s(&sim, 590);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
}

/* ---- refusals ---- */

static void test_a_package_that_is_too_large_is_rejected_with_what_would_fit(void **state)
{
    (void)state;
    struct sim sim = {.pushed_to = true, .uri_code = KEDGE_COAP_TOO_LARGE};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    assert_ended(&sim, KEDGE_UPDATE_REJECTED, "answered 4.13 to the Package after 0 of 100000");
    struct sim later = {0};
    begin_push(&later);
    kedge_machine_block(&later.machine, 4096, later.now_ms);
    later.state = 0;
    stops(&later, KEDGE_E_REFUSED, KEDGE_COAP_TOO_LARGE, 65536);
    assert_ended(&later, KEDGE_UPDATE_REJECTED, "which may have 65536 bytes");
    assert_int_equal(later.uris, 1);
}

static void test_a_device_that_refuses_and_says_why_is_reported_with_its_result(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    sim.state = 0;
    sim.result = KEDGE_RESULT_INTEGRITY;
    stops(&sim, KEDGE_E_REFUSED, KEDGE_COAP_BAD_REQUEST, 0);
    assert_ended(&sim, KEDGE_UPDATE_REJECTED, "Result 5");
    assert_int_equal(sim.update_result, KEDGE_RESULT_INTEGRITY);
    /* The notification of the Result may come before the refusal. */
    struct sim noticed = {0};
    begin_push(&noticed);
    becomes(&noticed, 0, KEDGE_RESULT_INTEGRITY);
    assert_ended(&noticed, KEDGE_UPDATE_REJECTED, "Result 5");
}

static void test_a_device_that_refuses_and_still_says_downloading_is_given_up(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        enum kedge_update_phase phase;
    } cases[] = {{KEDGE_COAP_BAD_REQUEST, KEDGE_UPDATE_REJECTED},
                 {KEDGE_COAP_INCOMPLETE, KEDGE_UPDATE_FAILED},
                 {KEDGE_COAP_INTERNAL_ERROR, KEDGE_UPDATE_FAILED}};
    for (size_t i = 0; i < 3; i++) {
        struct sim sim = {0};
        begin_push(&sim);
        stops(&sim, KEDGE_E_REFUSED, cases[i].code, 0);
        assert_ended(&sim, cases[i].phase, "to the Package");
        assert_true(kedge_machine_holds_package(&sim.machine));
    }
}

static void test_blocks_too_small_for_their_number_end_it(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin_push(&sim);
    stops(&sim, KEDGE_E_LIMIT, 0, 0);
    assert_ended(&sim, KEDGE_UPDATE_REJECTED, "Block1");
}

/* ---- after a restart of the server ---- */

static void test_a_push_that_the_server_lost_begins_anew_after_a_reset(void **state)
{
    (void)state;
    struct sim sim = {.pushed_to = true, .state = KEDGE_FIRMWARE_DOWNLOADING};
    begin(&sim, KEDGE_UPDATE_DOWNLOADING);
    settle(&sim);
    assert_int_equal(sim.resets, 1);
    assert_int_equal(sim.uris, 1);
    assert_int_equal(sim.goings_on, 0);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
}

static void test_a_pushed_package_that_was_recorded_as_downloaded_is_executed(void **state)
{
    (void)state;
    static const enum kedge_update_phase reached[] = {KEDGE_UPDATE_DOWNLOADED,
                                                      KEDGE_UPDATE_INSTALLING};
    for (size_t i = 0; i < 2; i++) {
        struct sim sim = {.pushed_to = true, .state = KEDGE_FIRMWARE_DOWNLOADED};
        begin(&sim, reached[i]);
        settle(&sim);
        assert_int_equal(sim.resets, 0);
        assert_int_equal(sim.uris, 0);
        assert_int_equal(sim.executes, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pushed_package_is_installed_and_succeeds_like_any_other),
        cmocka_unit_test(test_blocks_that_are_taken_hold_off_the_limit_of_the_download),
        cmocka_unit_test(test_a_device_that_stays_idle_while_it_takes_blocks_is_left_at_it),
        cmocka_unit_test(test_what_is_held_up_goes_on_once_the_device_says_that_it_waits),
        cmocka_unit_test(test_a_device_that_moves_is_pushed_on_at_its_new_address),
        cmocka_unit_test(test_a_device_that_lost_its_part_in_a_restart_is_pushed_to_anew),
        cmocka_unit_test(test_what_holds_it_up_at_once_is_not_tried_at_once),
        cmocka_unit_test(test_what_was_not_answered_is_asked_after_at_once),
        cmocka_unit_test(test_a_package_pushed_from_the_start_again_makes_progress_again),
        cmocka_unit_test(test_a_package_that_is_too_large_is_rejected_with_what_would_fit),
        cmocka_unit_test(test_a_device_that_refuses_and_says_why_is_reported_with_its_result),
        cmocka_unit_test(test_a_device_that_refuses_and_still_says_downloading_is_given_up),
        cmocka_unit_test(test_blocks_too_small_for_their_number_end_it),
        cmocka_unit_test(test_a_push_that_the_server_lost_begins_anew_after_a_reset),
        cmocka_unit_test(test_a_pushed_package_that_was_recorded_as_downloaded_is_executed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
