/*
 * test_lwm2m_machine_lost.c: devices that are slow, away, meddled with, or found in the middle of
 * something.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

/* ---- slow and lost ---- */

static void test_a_device_that_downloads_later_than_it_answers_is_not_hurried(void **state)
{
    (void)state;
    struct sim sim = {.result = KEDGE_RESULT_FAILED}; /* of an earlier update */
    uint64_t wait_ms;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    while (step(&sim, &wait_ms) && sim.last != KEDGE_MACHINE_OFFER) {
    }
    sim.state = 0;
    sim.result = KEDGE_RESULT_FAILED;
    settle(&sim);
    kedge_machine_state_noticed(&sim.machine, 0, sim.now_ms);
    settle(&sim);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    sim.now_ms += 2000;
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADING, 0);
    pass_s(&sim, 60);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    assert_int_equal(sim.uris, 1);
}

static void test_the_download_limit_counts_from_the_last_progress(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    for (unsigned i = 1; i <= 20; i++) {
        pass_s(&sim, 500);
        kedge_machine_block(&sim.machine, i * 1024, sim.now_ms);
        settle(&sim);
        assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
        assert_int_equal(sim.bytes_done, i * 1024);
    }
    /* The same blocks over and over are no progress. */
    pass_s(&sim, 500);
    kedge_machine_block(&sim.machine, 1024, sim.now_ms);
    pass_s(&sim, 101);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "20480 of 100000 bytes");
    assert_true(kedge_machine_holds_package(&sim.machine));
}

static void test_progress_is_reported_at_a_bounded_rate_and_at_the_end(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    unsigned before = sim.reports;
    for (unsigned i = 1; i <= 97; i++) {
        kedge_machine_block(&sim.machine, i * 1024, sim.now_ms);
        take_reports(&sim);
        sim.now_ms += 30;
    }
    kedge_machine_block(&sim.machine, 100000, sim.now_ms);
    take_reports(&sim);
    assert_int_equal(sim.reports - before, 4);
    assert_int_equal(sim.bytes_done, 100000);
}

static void test_a_device_that_never_answers_runs_into_the_limit_of_its_step(void **state)
{
    (void)state;
    struct sim silent = {.silent = true};
    begin(&silent, KEDGE_UPDATE_OFFERED);
    pass_s(&silent, 299);
    assert_open(&silent, KEDGE_UPDATE_OFFERED);
    pass_s(&silent, 2);
    assert_ended(&silent, KEDGE_UPDATE_TIMED_OUT, "300 s");
    struct sim installing = {0};
    begin(&installing, KEDGE_UPDATE_OFFERED);
    settle(&installing);
    installing.silent = true;
    kedge_machine_state_noticed(&installing.machine, KEDGE_FIRMWARE_DOWNLOADED, installing.now_ms);
    installing.silent = false;
    installing.state = KEDGE_FIRMWARE_DOWNLOADED;
    uint64_t wait_ms;
    while (step(&installing, &wait_ms) && installing.machine.next != KEDGE_MACHINE_EXECUTE) {
    }
    installing.silent = true;
    pass_s(&installing, 501);
    assert_ended(&installing, KEDGE_UPDATE_TIMED_OUT, "no answer to Execute");
    struct sim verifying = {0};
    install(&verifying);
    verifying.silent = true;
    pass_s(&verifying, 2401);
    assert_ended(&verifying, KEDGE_UPDATE_TIMED_OUT, "2400 s after Execute");
}

static void test_an_execute_whose_answer_is_lost_in_the_restart_counts(void **state)
{
    (void)state;
    struct sim sim = {0};
    uint64_t wait_ms;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    sim.state = KEDGE_FIRMWARE_DOWNLOADED;
    kedge_machine_state_noticed(&sim.machine, 2, sim.now_ms);
    while (step(&sim, &wait_ms) && sim.machine.next != KEDGE_MACHINE_EXECUTE) {
    }
    sim.silent = true; /* sent, not answered: it restarts at once */
    settle(&sim);
    sim.silent = false;
    sim.state = 0;
    sim.result = 1;
    sim.version = "2.0.0";
    registers(&sim);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    pass_s(&sim, 61);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
    assert_int_equal(sim.executes, 1);
}

static void test_an_execute_that_was_lost_is_sent_again(void **state)
{
    (void)state;
    struct sim sim = {0};
    uint64_t wait_ms;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    sim.state = KEDGE_FIRMWARE_DOWNLOADED;
    kedge_machine_state_noticed(&sim.machine, 2, sim.now_ms);
    while (step(&sim, &wait_ms) && sim.machine.next != KEDGE_MACHINE_EXECUTE) {
    }
    sim.silent = true;
    settle(&sim);
    sim.silent = false;
    pass_s(&sim, 10);
    assert_int_equal(sim.executes, 2);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
}

static void test_who_was_told_to_install_is_not_taken_for_one_that_ran_it_already(void **state)
{
    (void)state;
    struct sim sim = {0};
    uint64_t wait_ms;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    sim.state = KEDGE_FIRMWARE_DOWNLOADED;
    kedge_machine_state_noticed(&sim.machine, 2, sim.now_ms);
    while (step(&sim, &wait_ms) && sim.machine.next != KEDGE_MACHINE_EXECUTE) {
    }
    sim.silent = true; /* sent, and its answer lost */
    settle(&sim);
    sim.silent = false;
    sim.state = sim.result = 0; /* the package seems lost: it is offered again */
    sim.uri_code = KEDGE_COAP_INTERNAL_ERROR;
    while (step(&sim, &wait_ms) || sim.last == KEDGE_MACHINE_WAIT) {
        sim.now_ms += wait_ms;
        if (sim.last == KEDGE_MACHINE_OFFER)
            break;
    }
    sim.version = "2.0.0"; /* but it was installed meanwhile */
    settle(&sim);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    registers(&sim);
    pass_s(&sim, 100);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    becomes(&sim, 0, KEDGE_RESULT_SUCCESS);
    pass_s(&sim, 61);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "came back");
}

static void test_a_device_that_cannot_be_observed_is_polled(void **state)
{
    (void)state;
    struct sim sim = {.unobservable = true};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    pass_s(&sim, 6);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
}

static void test_a_device_that_restarts_is_observed_anew(void **state)
{
    (void)state;
    struct sim sim = {.unobservable = true};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    assert_false(sim.machine.observing);
    sim.unobservable = false;
    registers(&sim);
    assert_true(sim.machine.observing);
    /* Whoever says that it registered need not say that it was gone. */
    kedge_machine_registered(&sim.machine, sim.now_ms);
    assert_false(sim.machine.observing);
    settle(&sim);
    assert_true(sim.machine.observing);
}

static void test_a_lost_notification_is_made_up_for_by_the_poll(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    sim.state = KEDGE_FIRMWARE_DOWNLOADED;
    pass_s(&sim, 31);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
}

static void test_a_device_that_is_away_is_waited_for_within_the_limit(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    kedge_machine_gone(&sim.machine);
    pass_s(&sim, 200);
    assert_int_equal(sim.probes, 0);
    registers(&sim);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    kedge_machine_gone(&sim.machine);
    pass_s(&sim, 601);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "it is not registered");
}

/* ---- out of reach ---- */

static void test_a_device_that_may_be_out_of_reach_has_that_on_top_of_each_limit(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    kedge_machine_may_be_away(&sim.machine, 3600, sim.now_ms);
    pass_s(&sim, 3600 + 599);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    /* It is longer from the beginning, too. */
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    pass_s(&sim, 3600 + 2399);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    kedge_machine_may_be_away(&sim.machine, 3601, sim.now_ms);
    pass_s(&sim, 1);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    pass_s(&sim, 1);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "not back and confirmed 6001 s after Execute");
}

static void test_once_it_can_be_reached_its_limit_begins_anew_without_that(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    kedge_machine_may_be_away(&sim.machine, 3600, sim.now_ms);
    pass_s(&sim, 3600);
    kedge_machine_may_be_away(&sim.machine, 0, sim.now_ms);
    pass_s(&sim, 2399);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    pass_s(&sim, 1);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "not back and confirmed 2400 s after Execute");
}

static void test_one_that_goes_out_of_reach_again_and_again_comes_to_an_end(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    const uint64_t began_ms = sim.now_ms;
    for (unsigned i = 0; i < 1000 && !sim.machine.ended; i++) {
        kedge_machine_may_be_away(&sim.machine, 300, sim.now_ms);
        pass_s(&sim, 100);
        kedge_machine_may_be_away(&sim.machine, 0, sim.now_ms);
        pass_s(&sim, 2000);
    }
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "not back");
    assert_true(sim.now_ms - began_ms < UINT64_C(5) * 2500 * 1000);
}

/* ---- whatever state it is in ---- */

static void test_a_device_on_the_version_already_is_watched_and_has_succeeded(void **state)
{
    (void)state;
    static const int results[] = {0, 1, 8};
    for (size_t i = 0; i < 3; i++) {
        struct sim sim = {.version = "2.0.0", .result = results[i]};
        char words[32];
        begin(&sim, KEDGE_UPDATE_OFFERED);
        pass_s(&sim, 61);
        (void)snprintf(words, sizeof words, "already, with Result %d", results[i]);
        assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, words);
        assert_int_equal(sim.uris, 0);
    }
}

static void test_a_package_of_somebody_else_is_taken_back_first(void **state)
{
    (void)state;
    static const int states[] = {KEDGE_FIRMWARE_DOWNLOADING, KEDGE_FIRMWARE_DOWNLOADED};
    static const char *const uris[] = {OTHER_URI, "", (OUR_URI "0"), "/fw/" FILE_NAME};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 4; j++) {
            struct sim sim = {.state = states[i]};
            strcpy(sim.uri, uris[j]);
            begin(&sim, KEDGE_UPDATE_OFFERED);
            settle(&sim);
            assert_int_equal(sim.resets, 1);
            assert_int_equal(sim.executes, 0);
            assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
        }
    }
}

static void test_a_foreign_installation_is_waited_for(void **state)
{
    (void)state;
    struct sim sim = {.state = KEDGE_FIRMWARE_UPDATING, .uri = OTHER_URI};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    pass_s(&sim, 100);
    assert_int_equal(sim.resets, 0);
    assert_open(&sim, KEDGE_UPDATE_OFFERED);
    sim.state = 0;
    sim.result = 1;
    sim.version = "1.5.0";
    sim.uri[0] = '\0';
    registers(&sim);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
}

static void test_our_own_package_is_taken_up_where_it_is(void **state)
{
    (void)state;
    struct sim downloading = {.state = 1, .uri = OUR_URI};
    begin(&downloading, KEDGE_UPDATE_DOWNLOADING);
    settle(&downloading);
    assert_int_equal(downloading.uris + downloading.resets, 0);
    assert_open(&downloading, KEDGE_UPDATE_DOWNLOADING);
    struct sim downloaded = {.state = 2, .uri = OUR_URI};
    begin(&downloaded, KEDGE_UPDATE_OFFERED);
    settle(&downloaded);
    assert_int_equal(downloaded.uris + downloaded.resets, 0);
    assert_int_equal(downloaded.executes, 1);
    struct sim updating = {.state = 3, .uri = OUR_URI};
    begin(&updating, KEDGE_UPDATE_INSTALLING);
    settle(&updating);
    assert_open(&updating, KEDGE_UPDATE_VERIFYING);
    /* It may have come back before this server was started: its confirmation is enough. */
    updating.version = "2.0.0";
    becomes(&updating, 0, 1);
    pass_s(&updating, 61);
    assert_ended(&updating, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
    assert_int_equal(updating.executes, 0);
}

static void test_after_a_restart_of_the_server_an_old_failure_is_told_from_this_one(void **state)
{
    (void)state;
    /* The record says that it was installing: the failure is of this job. */
    struct sim of_this = {.result = KEDGE_RESULT_FAILED};
    begin(&of_this, KEDGE_UPDATE_VERIFYING);
    settle(&of_this);
    assert_ended(&of_this, KEDGE_UPDATE_FAILED, "Result 8");
    /* It was only offered: the failure is of an earlier one. */
    struct sim of_earlier = {.result = KEDGE_RESULT_FAILED};
    begin(&of_earlier, KEDGE_UPDATE_OFFERED);
    settle(&of_earlier);
    assert_open(&of_earlier, KEDGE_UPDATE_DOWNLOADING);
}

static void test_a_deferred_installation_is_waited_for(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_DEFERRED);
    pass_s(&sim, 1000);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    assert_int_equal(sim.executes, 1);
    becomes(&sim, KEDGE_FIRMWARE_UPDATING, 0);
    sim.state = 0;
    sim.result = 1;
    sim.version = "2.0.0";
    registers(&sim);
    pass_s(&sim, 61);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
}

static void test_a_state_that_is_none_is_a_failure(void **state)
{
    (void)state;
    struct sim sim = {.state = 4};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "no State");
}

static void test_a_failure_is_reported_without_words_when_the_device_is_gone(void **state)
{
    (void)state;
    struct sim sim = {0};
    uint64_t wait_ms;
    install(&sim);
    sim.state = 0;
    sim.result = 8;
    kedge_machine_registered(&sim.machine, sim.now_ms);
    while (step(&sim, &wait_ms) && sim.machine.next != KEDGE_MACHINE_EXPLAIN) {
    }
    kedge_machine_gone(&sim.machine);
    settle(&sim);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "Result 8");
    assert_int_equal(sim.explained, 0);
}

/* Busy is no refusal, and costs none of the tries: of the URI, a reset, Execute. */
static void test_a_device_that_is_busy_for_long_is_served_all_the_same(void **state)
{
    (void)state;
    for (int pushed = 0; pushed < 2; pushed++) {
        struct sim sim = {.uri_code = KEDGE_COAP_UNAVAILABLE, .pushed_to = pushed != 0};
        begin(&sim, KEDGE_UPDATE_OFFERED);
        pass_s(&sim, 100);
        assert_open(&sim, KEDGE_UPDATE_OFFERED);
        assert_true(sim.uris > KEDGE_MACHINE_TRIES_MAX);
        sim.uri_code = 0;
        pass_s(&sim, 10);
        assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
        sim.execute_code = KEDGE_COAP_TOO_MANY_REQUESTS;
        becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
        pass_s(&sim, 100);
        assert_true(sim.executes > KEDGE_MACHINE_TRIES_MAX);
        assert_open(&sim, KEDGE_UPDATE_INSTALLING);
        sim.execute_code = 0;
        pass_s(&sim, 10);
        assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    }
}

static void test_a_device_that_is_busy_for_ever_times_out(void **state)
{
    (void)state;
    struct sim sim = {.uri_code = KEDGE_COAP_UNAVAILABLE};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    pass_s(&sim, 301);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "did not take the package within 300 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_device_that_is_busy_for_long_is_served_all_the_same),
        cmocka_unit_test(test_a_device_that_is_busy_for_ever_times_out),
        cmocka_unit_test(test_a_device_that_downloads_later_than_it_answers_is_not_hurried),
        cmocka_unit_test(test_the_download_limit_counts_from_the_last_progress),
        cmocka_unit_test(test_progress_is_reported_at_a_bounded_rate_and_at_the_end),
        cmocka_unit_test(test_a_device_that_never_answers_runs_into_the_limit_of_its_step),
        cmocka_unit_test(test_an_execute_whose_answer_is_lost_in_the_restart_counts),
        cmocka_unit_test(test_an_execute_that_was_lost_is_sent_again),
        cmocka_unit_test(test_who_was_told_to_install_is_not_taken_for_one_that_ran_it_already),
        cmocka_unit_test(test_a_device_that_cannot_be_observed_is_polled),
        cmocka_unit_test(test_a_device_that_restarts_is_observed_anew),
        cmocka_unit_test(test_a_lost_notification_is_made_up_for_by_the_poll),
        cmocka_unit_test(test_a_device_that_is_away_is_waited_for_within_the_limit),
        cmocka_unit_test(test_a_device_that_may_be_out_of_reach_has_that_on_top_of_each_limit),
        cmocka_unit_test(test_once_it_can_be_reached_its_limit_begins_anew_without_that),
        cmocka_unit_test(test_one_that_goes_out_of_reach_again_and_again_comes_to_an_end),
        cmocka_unit_test(test_a_device_on_the_version_already_is_watched_and_has_succeeded),
        cmocka_unit_test(test_a_package_of_somebody_else_is_taken_back_first),
        cmocka_unit_test(test_a_foreign_installation_is_waited_for),
        cmocka_unit_test(test_our_own_package_is_taken_up_where_it_is),
        cmocka_unit_test(test_after_a_restart_of_the_server_an_old_failure_is_told_from_this_one),
        cmocka_unit_test(test_a_deferred_installation_is_waited_for),
        cmocka_unit_test(test_a_state_that_is_none_is_a_failure),
        cmocka_unit_test(test_a_failure_is_reported_without_words_when_the_device_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
