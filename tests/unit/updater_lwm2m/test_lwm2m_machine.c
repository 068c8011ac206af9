/*
 * test_lwm2m_machine.c: the machine that takes a device through object 5, in simulated time against
 * simulated devices: each way through it by hand, then thousands of devices that lose, restart,
 * lie and are meddled with, under the invariants of design decision 7.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <inttypes.h>

#include "updater/lwm2m/machine.h"

#include <kedge/coap.h>

#define FILE_NAME "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OUR_URI "coap://192.0.2.1:5683/fw/" FILE_NAME
#define OTHER_URI "coap://192.0.2.9/other.bin"
#define POLL_MS 30000u
#define QUICK_POLL_MS 5000u

struct sim {
    struct kedge_machine machine;
    uint64_t now_ms;
    /* the device */
    int64_t state, result;
    const char *version;
    char uri[256];
    bool unobservable;
    uint8_t uri_code, execute_code; /* 0: 2.04 */
    bool silent;
    /* what was done to it */
    unsigned uris, resets, executes, probes, explained;
    bool back; /* it was heard of since the last Execute */
    /* what was reported */
    unsigned reports;
    enum kedge_update_phase phase;
    char reason[KEDGE_UPDATE_REASON_MAX + 1];
    int update_result;
    uint64_t bytes_done;
    enum kedge_machine_action last;
};

static struct kedge_update_plan plan_of(enum kedge_update_phase reached)
{
    return (struct kedge_update_plan){.file = FILE_NAME,
                                      .file_size = 100000,
                                      .version = "2.0.0",
                                      .reached = reached,
                                      .soak_s = 60,
                                      .offer_limit_s = 300,
                                      .download_limit_s = 600,
                                      .install_limit_s = 500,
                                      .verify_limit_s = 2400};
}

static void begin(struct sim *sim, enum kedge_update_phase reached)
{
    const struct kedge_update_plan plan = plan_of(reached);
    sim->now_ms = 1000000;
    sim->phase = reached;
    if (sim->version == NULL)
        sim->version = "1.0.0";
    kedge_machine_begin(&sim->machine, &plan, POLL_MS, QUICK_POLL_MS, true, sim->now_ms);
}

static void take_reports(struct sim *sim)
{
    struct kedge_update_report report;
    while (kedge_machine_report(&sim->machine, &report)) {
        sim->reports++;
        sim->phase = report.phase;
        sim->update_result = report.update_result;
        sim->bytes_done = report.bytes_done;
        if (report.reason != NULL)
            snprintf(sim->reason, sizeof sim->reason, "%s", report.reason);
    }
}

static void answer_probe(struct sim *sim)
{
    struct kedge_machine_view view = {.state = sim->state, .result = sim->result, .version = ""};
    sim->probes++;
    if (sim->silent) {
        kedge_machine_probe_failed(&sim->machine, "/5/0/3", 0, sim->now_ms);
        return;
    }
    if (kedge_machine_wants_version(sim->state))
        view.version = sim->version;
    if (kedge_machine_wants_uri(&sim->machine, sim->state))
        view.uri = sim->uri;
    kedge_machine_probed(&sim->machine, &view, sim->now_ms);
}

static void answer_uri(struct sim *sim)
{
    sim->uris++;
    if (sim->silent || sim->uri_code != 0) {
        kedge_machine_uri_written(&sim->machine, sim->silent ? 0 : sim->uri_code, sim->now_ms);
        return;
    }
    strcpy(sim->uri, OUR_URI);
    sim->state = KEDGE_FIRMWARE_DOWNLOADING;
    sim->result = 0;
    kedge_machine_uri_written(&sim->machine, KEDGE_COAP_CHANGED, sim->now_ms);
}

static void answer_execute(struct sim *sim)
{
    sim->executes++;
    sim->back = false;
    if (!sim->silent && sim->execute_code == 0)
        sim->state = KEDGE_FIRMWARE_UPDATING;
    kedge_machine_executed(&sim->machine,
                           sim->silent              ? 0
                           : sim->execute_code != 0 ? sim->execute_code
                                                    : KEDGE_COAP_CHANGED,
                           sim->now_ms);
}

/* Carries out one action; false when the machine waits or is over. */
static bool step(struct sim *sim, uint64_t *wait_ms)
{
    take_reports(sim);
    sim->last = kedge_machine_next(&sim->machine, sim->now_ms, wait_ms);
    take_reports(sim);
    switch (sim->last) {
    case KEDGE_MACHINE_PROBE:
        answer_probe(sim);
        break;
    case KEDGE_MACHINE_WRITE_URI:
        answer_uri(sim);
        break;
    case KEDGE_MACHINE_RESET:
        sim->resets++;
        sim->state = sim->result = 0;
        sim->uri[0] = '\0';
        kedge_machine_reset_done(&sim->machine, KEDGE_COAP_CHANGED, sim->now_ms);
        break;
    case KEDGE_MACHINE_OBSERVE:
        kedge_machine_observed(&sim->machine, !sim->unobservable && !sim->silent, sim->now_ms);
        break;
    case KEDGE_MACHINE_EXECUTE:
        answer_execute(sim);
        break;
    case KEDGE_MACHINE_EXPLAIN:
        sim->explained++;
        kedge_machine_explained(&sim->machine, "the health command exited with 1");
        break;
    case KEDGE_MACHINE_WAIT:
    case KEDGE_MACHINE_OVER:
        break;
    }
    take_reports(sim);
    return sim->last != KEDGE_MACHINE_WAIT && sim->last != KEDGE_MACHINE_OVER;
}

static void settle(struct sim *sim)
{
    uint64_t wait_ms;
    unsigned turns = 0;
    while (step(sim, &wait_ms))
        assert_true(++turns < 50);
}

/* Lets time pass, with all that becomes due in it. */
static void pass_s(struct sim *sim, uint64_t seconds)
{
    uint64_t until_ms = sim->now_ms + seconds * 1000;
    for (;;) {
        uint64_t wait_ms = 0;
        while (step(sim, &wait_ms)) {
        }
        if (sim->last == KEDGE_MACHINE_OVER || sim->now_ms + wait_ms > until_ms)
            break;
        assert_true(wait_ms > 0);
        sim->now_ms += wait_ms;
    }
    sim->now_ms = until_ms;
}

static void becomes(struct sim *sim, int64_t state, int64_t result)
{
    sim->state = state;
    sim->result = result;
    if (sim->machine.observing) {
        kedge_machine_state_noticed(&sim->machine, state, sim->now_ms);
        kedge_machine_result_noticed(&sim->machine, result, sim->now_ms);
    }
    settle(sim);
}

static void registers(struct sim *sim)
{
    kedge_machine_gone(&sim->machine);
    kedge_machine_registered(&sim->machine, sim->now_ms);
    settle(sim);
}

static void assert_ended(struct sim *sim, enum kedge_update_phase phase, const char *words)
{
    if (sim->last != KEDGE_MACHINE_OVER || sim->phase != phase)
        fail_msg("not over and %s, but %s: %s", kedge_update_phase_name(phase),
                 kedge_update_phase_name(sim->phase), sim->reason);
    if (strstr(sim->reason, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", sim->reason, words);
}

static void assert_open(struct sim *sim, enum kedge_update_phase phase)
{
    if (sim->machine.ended || sim->phase != phase)
        fail_msg("not at work and %s, but %s: %s", kedge_update_phase_name(phase),
                 kedge_update_phase_name(sim->phase), sim->reason);
}

/* To the point where Execute has been answered. */
static void install(struct sim *sim)
{
    begin(sim, KEDGE_UPDATE_OFFERED);
    settle(sim);
    assert_open(sim, KEDGE_UPDATE_DOWNLOADING);
    becomes(sim, KEDGE_FIRMWARE_DOWNLOADED, 0);
    assert_open(sim, KEDGE_UPDATE_VERIFYING);
    assert_int_equal(sim->executes, 1);
}

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

/* ---- slow and lost ---- */

static void test_a_device_that_downloads_later_than_it_answers_is_not_hurried(void **state)
{
    (void)state;
    struct sim sim = {.result = KEDGE_RESULT_FAILED}; /* of an earlier update */
    uint64_t wait_ms;
    begin(&sim, KEDGE_UPDATE_OFFERED);
    while (step(&sim, &wait_ms) && sim.last != KEDGE_MACHINE_WRITE_URI) {
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
    sim.uri_code = KEDGE_COAP_CODE(5, 3);
    while (step(&sim, &wait_ms) || sim.last == KEDGE_MACHINE_WAIT) {
        sim.now_ms += wait_ms;
        if (sim.last == KEDGE_MACHINE_WRITE_URI)
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

/* ---- whatever state it is in ---- */

static void test_a_device_on_the_version_already_is_watched_and_has_succeeded(void **state)
{
    (void)state;
    static const int results[] = {0, 1, 8};
    for (size_t i = 0; i < 3; i++) {
        struct sim sim = {.version = "2.0.0", .result = results[i]};
        begin(&sim, KEDGE_UPDATE_OFFERED);
        pass_s(&sim, 61);
        assert_ended(&sim, KEDGE_UPDATE_SUCCEEDED, "already");
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

/* ---- thousands of devices ---- */

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* The device does something of its own: goes on, fails, restarts, is meddled with. */
static void happen(struct sim *sim, uint64_t *seed)
{
    static const char *const versions[] = {"1.0.0", "2.0.0", "1.5.0"};
    switch (draw(seed, 14)) {
    case 0:
    case 1:
    case 2:
        if (sim->state > 0 && sim->state < 3)
            sim->state++;
        break;
    case 3:
        sim->result = draw(seed, 13);
        break;
    case 4:
        sim->state = draw(seed, 4);
        break;
    case 5:
        sim->version = versions[draw(seed, 3)];
        break;
    case 6:
        strcpy(sim->uri, draw(seed, 2) ? OTHER_URI : OUR_URI);
        break;
    case 7:
        sim->silent = draw(seed, 3) == 0;
        break;
    case 8:
        kedge_machine_gone(&sim->machine);
        break;
    case 9:
        sim->back = true;
        kedge_machine_gone(&sim->machine);
        kedge_machine_registered(&sim->machine, sim->now_ms);
        break;
    case 10:
        sim->back = true;
        kedge_machine_touched(&sim->machine, sim->now_ms);
        break;
    case 11:
    case 12: /* all as it should be, but for the return and perhaps the Result */
        sim->state = 0;
        sim->result = draw(seed, 3) != 0;
        sim->version = versions[1];
        break;
    default:
        kedge_machine_block(&sim->machine, draw(seed, 100001), sim->now_ms);
        break;
    }
    if (sim->machine.observing && draw(seed, 2) == 0)
        kedge_machine_state_noticed(&sim->machine, sim->state, sim->now_ms);
}

static void check(const struct sim *sim, uint64_t seed, bool holds, const char *invariant)
{
    if (!holds)
        fail_msg("seed %" PRIu64 ": invariant broken: %s (%s)", seed, invariant, sim->reason);
}

static void live(uint64_t first_seed)
{
    uint64_t seed = first_seed;
    struct sim sim = {.unobservable = draw(&seed, 4) == 0, .state = draw(&seed, 4)};
    enum kedge_update_phase reached = (enum kedge_update_phase)draw(&seed, 5);
    if (draw(&seed, 2) == 0)
        strcpy(sim.uri, OUR_URI);
    begin(&sim, reached);
    sim.machine.plan.soak_s = draw(&seed, 20);
    const uint64_t began_ms = sim.now_ms;
    while (sim.last != KEDGE_MACHINE_OVER) {
        uint64_t wait_ms = 0;
        bool asked = step(&sim, &wait_ms);
        if (sim.last == KEDGE_MACHINE_EXECUTE)
            check(&sim, first_seed, sim.machine.state == KEDGE_FIRMWARE_DOWNLOADED,
                  "Execute is sent only to what was seen as Downloaded");
        if (sim.last == KEDGE_MACHINE_WRITE_URI)
            check(&sim, first_seed, sim.machine.step <= KEDGE_STEP_DOWNLOAD,
                  "the URI is not written while it installs");
        check(&sim, first_seed, sim.uris <= KEDGE_MACHINE_TRIES_MAX,
              "the URI is written so often at most");
        check(&sim, first_seed, sim.executes <= KEDGE_MACHINE_TRIES_MAX, "Execute likewise");
        check(&sim, first_seed, sim.resets <= KEDGE_MACHINE_TRIES_MAX, "the reset likewise");
        check(&sim, first_seed, sim.phase != KEDGE_UPDATE_SUCCEEDED || sim.machine.state == 0,
              "success is State 0");
        if (sim.phase == KEDGE_UPDATE_SUCCEEDED) {
            check(&sim, first_seed, strcmp(sim.version, "2.0.0") == 0, "success is the version");
            check(&sim, first_seed, sim.executes == 0 || sim.machine.result == 1,
                  "success is Result 1");
            check(&sim, first_seed, sim.executes == 0 || sim.back, "success is after the return");
            check(&sim, first_seed, sim.now_ms >= sim.machine.soak_until_ms,
                  "success is after the soak");
        }
        if (!asked && sim.last == KEDGE_MACHINE_WAIT) {
            check(&sim, first_seed, wait_ms > 0, "waiting takes time");
            uint64_t pause_ms = 1 + draw(&seed, 20000);
            sim.now_ms += wait_ms < pause_ms ? wait_ms : pause_ms;
            happen(&sim, &seed);
        }
        check(&sim, first_seed, sim.now_ms - began_ms < UINT64_C(24) * 3600 * 1000,
              "a job ends within a day");
    }
    check(&sim, first_seed, sim.phase >= KEDGE_UPDATE_SUCCEEDED, "the end is reported");
    check(&sim, first_seed, sim.reason[0] != '\0', "with a reason");
}

static void test_whatever_a_device_does_the_job_ends_and_never_lies(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20000; seed++)
        live(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success_needs_the_return_the_result_the_version_and_the_soak),
        cmocka_unit_test(test_a_success_that_does_not_outlive_the_soak_is_a_failure),
        cmocka_unit_test(test_a_device_that_says_success_on_the_old_version_failed),
        cmocka_unit_test(test_the_new_version_without_a_result_is_not_believed),
        cmocka_unit_test(
            test_an_update_of_the_registration_counts_as_coming_back_for_success_alone),
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
        cmocka_unit_test(test_a_device_on_the_version_already_is_watched_and_has_succeeded),
        cmocka_unit_test(test_a_package_of_somebody_else_is_taken_back_first),
        cmocka_unit_test(test_a_foreign_installation_is_waited_for),
        cmocka_unit_test(test_our_own_package_is_taken_up_where_it_is),
        cmocka_unit_test(test_after_a_restart_of_the_server_an_old_failure_is_told_from_this_one),
        cmocka_unit_test(test_a_deferred_installation_is_waited_for),
        cmocka_unit_test(test_a_state_that_is_none_is_a_failure),
        cmocka_unit_test(test_a_failure_is_reported_without_words_when_the_device_is_gone),
        cmocka_unit_test(test_whatever_a_device_does_the_job_ends_and_never_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
