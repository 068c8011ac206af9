/*
 * test_lwm2m_machine.c: how the machine takes a device through object 5: success by what it shows,
 * and every way to fail.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/machine_sim.h"

/* ---- success, by decision 7 ---- */

static void test_success_needs_the_return_the_result_the_version_and_the_soak(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    /* Before it has come back, nothing that it says is believed. */
    sim.version = "2.0.0";
    becomes(&sim, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_SUCCESS);
    pass_s(&sim, 300);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    /* Back, but on trial. */
    sim.state = KEDGE_FIRMWARE_UPDATING;
    sim.result = 0;
    registers(&sim);
    pass_s(&sim, 300);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    becomes(&sim, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_SUCCESS);
    pass_s(&sim, 59);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    pass_s(&sim, 2);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "version 2.0.0");
    assert_int_equal(sim.uris, 1);
    assert_int_equal(sim.resets, 0);
}

static void
test_one_that_installs_without_being_told_is_believed_once_it_has_come_back(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    pass_s(&sim, 1);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    /* Nothing is seen of what it does until it registers. */
    sim.version = "2.0.0";
    sim.state = KEDGE_FIRMWARE_IDLE;
    sim.result = KEDGE_RESULT_SUCCESS;
    registers(&sim);
    pass_s(&sim, 59);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    pass_s(&sim, 2);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "version 2.0.0");
    assert_int_equal(sim.executes, 0);
}

/* What a device shows when it is back, and whether that is a success by each of the three. */
static void test_what_counts_as_success_is_that_of_the_class(void **state)
{
    static const struct {
        const char *version;
        int64_t result;
        bool counts[KEDGE_SUCCESS_COUNT];
    } rows[] = {
        {"2.0.0", KEDGE_RESULT_SUCCESS, {true, true, true}},
        {"2.0.0", KEDGE_RESULT_INITIAL, {false, false, true}},
        {"build 7", KEDGE_RESULT_SUCCESS, {false, true, false}},
        {"1.0.0", KEDGE_RESULT_INITIAL, {false, false, false}},
        {"2.0.0", KEDGE_RESULT_FAILED, {false, false, false}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned success = 0; success < KEDGE_SUCCESS_COUNT; success++) {
            struct sim sim = {.success = (enum kedge_update_success)success};
            install(&sim);
            sim.version = rows[i].version;
            sim.state = KEDGE_FIRMWARE_IDLE;
            sim.result = rows[i].result;
            registers(&sim);
            pass_s(&sim, 100);
            bool succeeded = sim.machine.ended && sim.phase == KEDGE_UPDATE_SUCCEEDED;
            if (succeeded != rows[i].counts[success])
                fail_msg("version %s, Result %d, by %u: %s", rows[i].version, (int)rows[i].result,
                         success, kedge_update_phase_name(sim.phase));
        }
}

static void test_by_the_result_alone_nothing_is_known_before_execute(void **state)
{
    (void)state;
    struct sim sim = {
        .success = KEDGE_SUCCESS_RESULT, .result = KEDGE_RESULT_SUCCESS, .version = "2.0.0"};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    assert_int_equal(sim.uris, 1);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
}

static void test_a_success_that_does_not_outlive_the_soak_is_a_failure(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    sim.version = "2.0.0";
    sim.state = 0;
    sim.result = 1;
    registers(&sim);
    pass_s(&sim, 30);
    sim.version = "1.0.0";
    sim.result = KEDGE_RESULT_FAILED;
    registers(&sim);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "within the soak");
    assert_int_equal(sim.update_result, KEDGE_RESULT_FAILED);
}

static void test_a_device_that_says_success_on_the_old_version_failed(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    sim.state = 0;
    sim.result = KEDGE_RESULT_SUCCESS;
    registers(&sim);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "1.0.0, not 2.0.0");
}

static void test_the_new_version_without_a_result_is_not_believed(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    sim.version = "2.0.0";
    sim.state = 0;
    sim.result = 0;
    registers(&sim);
    pass_s(&sim, 2000);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    pass_s(&sim, 500);
    assert_ended(&sim, KEDGE_UPDATE_TIMED_OUT, "Result 0");
}

static void test_an_update_of_the_registration_counts_as_coming_back_for_success_alone(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    sim.state = KEDGE_FIRMWARE_DOWNLOADED; /* it has not begun to install yet */
    kedge_machine_touched(&sim.machine, sim.now_ms);
    settle(&sim);
    assert_open(&sim, KEDGE_UPDATE_VERIFYING);
    assert_int_equal(sim.executes, 1);
    sim.version = "2.0.0";
    becomes(&sim, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_SUCCESS);
    pass_s(&sim, 61);
    assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
}

/* ---- failures ---- */

/* The record may be behind it by all that was not durable when the server ended. */
static void test_one_that_was_updated_before_a_restart_is_believed_at_the_first_look(void **state)
{
    (void)state;
    static const enum kedge_update_phase reached[] = {
        KEDGE_UPDATE_DOWNLOADING, KEDGE_UPDATE_DOWNLOADED, KEDGE_UPDATE_INSTALLING,
        KEDGE_UPDATE_VERIFYING};
    for (size_t i = 0; i < sizeof(reached) / sizeof(reached[0]); i++) {
        struct sim sim = {.version = "2.0.0", .result = 1};
        begin(&sim, reached[i]);
        settle(&sim);
        assert_open(&sim, KEDGE_UPDATE_VERIFYING);
        pass_s(&sim, 60); /* the soak, and no other wait */
        assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "was still so after 60 s");
    }
}

static void test_a_rollback_is_a_failure_with_the_words_of_the_device(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    registers(&sim);
    sim.state = 0;
    sim.result = KEDGE_RESULT_FAILED;
    registers(&sim);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "the health command exited with 1");
    assert_int_equal(sim.explained, 1);
    assert_int_equal(sim.update_result, KEDGE_RESULT_FAILED);
    assert_false(kedge_machine_holds_package(&sim.machine));
}

static void test_results_of_a_download_end_as_rejected_failed_or_canceled(void **state)
{
    (void)state;
    static const struct {
        int result;
        enum kedge_update_phase phase;
    } ends[] = {{2, KEDGE_UPDATE_REJECTED}, {3, KEDGE_UPDATE_FAILED},   {4, KEDGE_UPDATE_FAILED},
                {5, KEDGE_UPDATE_REJECTED}, {6, KEDGE_UPDATE_REJECTED}, {7, KEDGE_UPDATE_REJECTED},
                {8, KEDGE_UPDATE_FAILED},   {9, KEDGE_UPDATE_REJECTED}, {10, KEDGE_UPDATE_CANCELED},
                {77, KEDGE_UPDATE_FAILED}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct sim sim = {0};
        char words[32];
        begin(&sim, KEDGE_UPDATE_OFFERED);
        settle(&sim);
        becomes(&sim, KEDGE_FIRMWARE_IDLE, ends[i].result);
        snprintf(words, sizeof words, "Result %d (", ends[i].result);
        assert_ended(&sim, ends[i].phase, words);
        assert_int_equal(sim.update_result, ends[i].result);
    }
}

static void test_an_install_that_fails_before_the_restart_is_a_failure(void **state)
{
    (void)state;
    struct sim sim = {0};
    install(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, KEDGE_RESULT_FAILED);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "State 2");
}

static void test_a_refused_uri_is_a_rejection_with_code_and_result(void **state)
{
    (void)state;
    struct sim sim = {.uri_code = KEDGE_COAP_BAD_REQUEST, .result = 9};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    assert_ended(&sim, KEDGE_UPDATE_REJECTED, "answered 4.00 to the Package URI; Result 9");
    assert_int_equal(sim.uris, 1);
}

static void test_a_device_without_object_5_fails_at_once(void **state)
{
    (void)state;
    struct sim sim = {0};
    uint64_t wait_ms;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    assert_int_equal(kedge_machine_next(&sim.machine, sim.now_ms, &wait_ms), KEDGE_MACHINE_PROBE);
    kedge_machine_probe_failed(&sim.machine, "/5/0/3", KEDGE_COAP_NOT_FOUND, sim.now_ms);
    settle(&sim);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "answered 4.04 to a read of /5/0/3");
}

static void
test_a_device_that_does_not_take_this_server_for_its_own_yet_is_asked_again(void **state)
{
    (void)state;
    struct sim sim = {0};
    uint64_t wait_ms;
    begin(&sim, KEDGE_UPDATE_DOWNLOADING);
    assert_int_equal(kedge_machine_next(&sim.machine, sim.now_ms, &wait_ms), KEDGE_MACHINE_PROBE);
    kedge_machine_probe_failed(&sim.machine, "/5/0/3", KEDGE_COAP_UNAUTHORIZED, sim.now_ms);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    strcpy(sim.uri, OUR_URI);
    sim.state = KEDGE_FIRMWARE_DOWNLOADING;
    registers(&sim);
    assert_open(&sim, KEDGE_UPDATE_DOWNLOADING);
    assert_int_equal(sim.uris, 0);
    struct sim stubborn = {0};
    begin(&stubborn, KEDGE_UPDATE_OFFERED);
    while (kedge_machine_next(&stubborn.machine, stubborn.now_ms, &wait_ms) != KEDGE_MACHINE_OVER) {
        if (wait_ms == 0)
            kedge_machine_probe_failed(&stubborn.machine, "/5/0/3", KEDGE_COAP_UNAUTHORIZED,
                                       stubborn.now_ms);
        stubborn.now_ms += wait_ms;
    }
    settle(&stubborn);
    assert_ended(&stubborn, KEDGE_UPDATE_TIMED_OUT, "it last answered 4.01");
}

static void
test_a_device_that_loses_the_package_is_offered_it_a_bounded_number_of_times(void **state)
{
    (void)state;
    struct sim sim = {0};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    for (unsigned i = 0; i < KEDGE_MACHINE_TRIES_MAX; i++) {
        settle(&sim);
        assert_int_equal(sim.uris, i + 1);
        pass_s(&sim, 20);
        sim.state = 0;
        registers(&sim);
    }
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "lost it");
}

static void
test_a_device_that_never_begins_to_install_is_told_a_bounded_number_of_times(void **state)
{
    (void)state;
    struct sim sim = {.execute_code = KEDGE_COAP_METHOD_NOT_ALLOWED};
    begin(&sim, KEDGE_UPDATE_OFFERED);
    settle(&sim);
    becomes(&sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    pass_s(&sim, 100);
    assert_ended(&sim, KEDGE_UPDATE_FAILED, "told to install 3 times");
    assert_int_equal(sim.executes, KEDGE_MACHINE_TRIES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success_needs_the_return_the_result_the_version_and_the_soak),
        cmocka_unit_test(
            test_one_that_installs_without_being_told_is_believed_once_it_has_come_back),
        cmocka_unit_test(test_what_counts_as_success_is_that_of_the_class),
        cmocka_unit_test(test_by_the_result_alone_nothing_is_known_before_execute),
        cmocka_unit_test(test_a_success_that_does_not_outlive_the_soak_is_a_failure),
        cmocka_unit_test(test_a_device_that_says_success_on_the_old_version_failed),
        cmocka_unit_test(test_the_new_version_without_a_result_is_not_believed),
        cmocka_unit_test(
            test_an_update_of_the_registration_counts_as_coming_back_for_success_alone),
        cmocka_unit_test(test_one_that_was_updated_before_a_restart_is_believed_at_the_first_look),
        cmocka_unit_test(test_a_rollback_is_a_failure_with_the_words_of_the_device),
        cmocka_unit_test(test_results_of_a_download_end_as_rejected_failed_or_canceled),
        cmocka_unit_test(test_an_install_that_fails_before_the_restart_is_a_failure),
        cmocka_unit_test(test_a_refused_uri_is_a_rejection_with_code_and_result),
        cmocka_unit_test(test_a_device_without_object_5_fails_at_once),
        cmocka_unit_test(
            test_a_device_that_does_not_take_this_server_for_its_own_yet_is_asked_again),
        cmocka_unit_test(
            test_a_device_that_loses_the_package_is_offered_it_a_bounded_number_of_times),
        cmocka_unit_test(
            test_a_device_that_never_begins_to_install_is_told_a_bounded_number_of_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
