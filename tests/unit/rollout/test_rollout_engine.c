/*
 * The engine, scenario by scenario: what a person sees of a rollout.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

static void creating_writes_every_record_and_offers_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(f->output.rollout_id, 42);
    assert_int_equal(f->output.rollout_count, 1);
    assert_int_equal(f->output.group_count, 1);
    assert_int_equal(f->output.deployment_count, 5);
    assert_int_equal(f->output.groups[0].counts[KEDGE_DEPLOYMENT_PENDING], 5);
    assert_int_equal(f->output.command_count, 0);
    assert_string_equal(f->output.audit[0].what, "rollout.create");
    assert_string_equal(f->output.audit[0].who, "alice");
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_READY);
    assert_true(kedge_engine_package_in_use(f->engine, PACKAGE));
}

static void devices_of_another_vendor_or_class_are_refused_by_name(void **state)
{
    struct fixture *f = *state;
    f->targets[1].class_name = "valve";
    f->targets[3].known = false;
    assert_int_equal(create(f), KEDGE_E_CLASS);
    assert_non_null(strstr(f->output.refusal, "2 of 5"));
    assert_non_null(strstr(f->output.refusal, "dev-1 is of vendor acme.example, class valve"));
    assert_non_null(strstr(f->output.refusal, "dev-3 is not known"));
    assert_false(kedge_engine_output_has_records(&f->output));
    f->targets[1].vendor = "other.example";
    assert_int_equal(create(f), KEDGE_E_VENDOR);
    f->targets[1].vendor = "";
    assert_int_equal(create(f), KEDGE_E_VENDOR);
    assert_non_null(strstr(f->output.refusal, "has not said"));
    assert_null(kedge_engine_rollout(f->engine, 42));
}

static void a_policy_out_of_range_is_refused_by_field(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_threshold_percent = 101;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_non_null(strstr(f->output.refusal, "error_threshold_percent is 101"));
    kedge_rollout_policy_default(&f->spec.policy);
    f->spec.policy.in_flight_max = 0;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    kedge_rollout_policy_default(&f->spec.policy);
    f->spec.policy.error_action = (enum kedge_error_action)3;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
}

static void odd_target_lists_are_refused(void **state)
{
    struct fixture *f = *state;
    f->spec.target_count = 0;
    assert_int_equal(create(f), KEDGE_E_NOT_FOUND);
    fill_targets(f, 3);
    f->targets[2].endpoint = "dev-0";
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_non_null(strstr(f->output.refusal, "dev-0 is listed twice"));
    fill_targets(f, 3);
    f->spec.group_count = 2;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_non_null(strstr(f->output.refusal, "group 2 has no device"));
    char longer[KEDGE_NAME_MAX + 2];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    f->spec.group_count = 1;
    f->spec.name = longer;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
}

static void at_most_in_flight_max_devices_are_at_work(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 2;
    create_and_start(f);
    assert_int_equal(offers(&f->output), 2);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_PENDING);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    assert_int_equal(offers(&f->output), 0);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(offers(&f->output), 1);
    assert_int_equal(f->output.commands[0].deployment_id, 103);
}

static void a_rollout_runs_to_its_end_and_says_each_step(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    assert_true(said(&f->output, "ready", "running"));
    assert_true(said(&f->output, "scheduled", "running"));
    assert_true(said(&f->output, "pending", "offered"));
    for (uint64_t id = 101; id <= 105; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_true(said(&f->output, "running", "soaking"));
    assert_true(said(&f->output, "soaking", "waiting_for_gate"));
    assert_true(said(&f->output, "waiting_for_gate", "succeeded"));
    assert_true(said(&f->output, "running", "finished"));
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
    assert_int_equal(kedge_engine_next_tick_at_ms(f->engine), 0);
    assert_false(kedge_engine_package_in_use(f->engine, PACKAGE));
    struct kedge_deployment record;
    assert_int_equal(kedge_engine_deployment(f->engine, 101, &record), KEDGE_E_NOT_FOUND);
}

static void who_runs_the_version_already_is_never_offered_it(void **state)
{
    struct fixture *f = *state;
    f->targets[0].version = "1.1.0";
    f->targets[1].version = "1.1.01"; /* a prefix is not the version */
    f->targets[2].present = false;
    create_and_start(f);
    struct kedge_deployment record;
    assert_int_equal(kedge_engine_deployment(f->engine, 101, &record), KEDGE_OK);
    assert_int_equal(record.state, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_string_equal(record.reason, "already on it");
    assert_int_equal(record.offered_at_ms, 0);
    assert_int_equal(offers(&f->output), 3);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_OFFERED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-2", "1.1.0");
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->already, 2);
}

static void says(struct fixture *f, const char *words)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                       .report = {.deployment_id = 101,
                                                  .state = KEDGE_DEPLOYMENT_VERIFYING,
                                                  .update_result = KEDGE_UPDATE_RESULT_NONE,
                                                  .reason = words}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

static void words_that_change_no_state_are_history_once(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment record;
    create_and_start(f);
    says(f, "answered 2.04");
    says(f, "registered again");
    assert_int_equal(f->output.history_count, 1);
    assert_string_equal(f->output.history[0].text, "registered again");
    assert_string_equal(f->output.history[0].from, "verifying");
    assert_string_equal(f->output.history[0].to, "verifying");
    assert_int_equal(f->output.deployment_count, 1);
    says(f, "registered again");
    assert_int_equal(f->output.history_count, 0);
    assert_int_equal(kedge_engine_deployment(f->engine, 101, &record), KEDGE_OK);
    assert_string_equal(record.reason, "registered again");
}

static void progress_alone_writes_nothing(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                       .report = {.deployment_id = 101,
                                                  .state = KEDGE_DEPLOYMENT_DOWNLOADING,
                                                  .update_result = KEDGE_UPDATE_RESULT_NONE,
                                                  .bytes_done = 40,
                                                  .bytes_total = 100}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
    assert_false(kedge_engine_output_has_records(&f->output));
    struct kedge_deployment record;
    assert_int_equal(kedge_engine_deployment(f->engine, 101, &record), KEDGE_OK);
    assert_int_equal(record.bytes_done, 40);
}

/* Six a minute, one every ten seconds; twelve after two have succeeded. */
static void devices_are_offered_it_at_a_pace_that_grows_with_successes(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 10);
    f->spec.policy.offers_per_minute = 6;
    f->spec.policy.offers_per_minute_max = 5;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    f->spec.policy.offers_per_minute_max = 12;
    f->spec.policy.ramp_successes = 2;
    create_and_start(f);
    assert_int_equal(offers(&f->output), 1);
    assert_says(f, 102, "6 devices a minute are offered the package now, and the next one in 10 s");
    tick_at(f, NOW + 9999);
    assert_int_equal(offers(&f->output), 0);
    tick_at(f, NOW + 10000);
    assert_int_equal(offers(&f->output), 1);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_next_tick_at_ms(f->engine), NOW + 15000);
    tick_at(f, NOW + 15000);
    assert_int_equal(offers(&f->output), 1);
    tick_at(f, NOW + 19999);
    assert_int_equal(offers(&f->output), 0);
    tick_at(f, NOW + 20000);
    assert_int_equal(offers(&f->output), 1);
    tick_at(f, NOW + 500000); /* a time without ticks is not made up for */
    assert_int_equal(offers(&f->output), 1);
}

static void a_pause_lets_go_on_what_is_in_flight_and_offers_nothing_new(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(f->output.command_count, 0);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    assert_int_equal(offers(&f->output), 1);
}

static void an_abort_cancels_what_is_not_installing_yet(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 3;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADED);
    report(f, 102, KEDGE_DEPLOYMENT_VERIFYING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(f->output.command_count, 2);
    assert_int_equal(f->output.commands[0].kind, KEDGE_COMMAND_CANCEL);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_CANCELED);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_VERIFYING);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_CANCELED);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED); /* too late: it stays canceled */
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_CANCELED);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_FAILED);
}

static void what_does_not_fit_the_state_is_refused_with_words(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_E_STATE);
    assert_string_equal(f->output.refusal, "rollout 42 is ready: it cannot be paused");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 7), KEDGE_E_NOT_FOUND);
    assert_string_equal(f->output.refusal, "there is no rollout 7");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 42), KEDGE_E_STATE);
}

static void a_newer_rollout_supersedes_what_has_not_really_begun(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 2;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    f->spec.version = "1.2.0";
    f->spec.policy.in_flight_max = 10;
    create_and_start(f);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_DOWNLOADING);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_int_equal(f->output.commands[0].kind, KEDGE_COMMAND_CANCEL);
    assert_int_equal(f->output.commands[0].deployment_id, 102);
    assert_int_equal(offers(&f->output), 4);
    /* dev-0 is still at work for the older one */
    assert_int_equal(state_of(f, 106), KEDGE_DEPLOYMENT_PENDING);
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_deployment(f->engine, 106, f->now_ms, text), KEDGE_OK);
    assert_string_equal(text, "pending: the device is still at work for rollout 42 (downloading)");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 106), KEDGE_DEPLOYMENT_OFFERED);
}

static void a_rollout_that_is_not_started_supersedes_nothing(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_PENDING);
}

static void the_deadline_ends_what_is_pending_to_the_millisecond(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 1;
    f->spec.policy.deadline_s = 60;
    f->spec.policy.error_threshold_percent = 0; /* what was never tried is no error */
    create_and_start(f);
    assert_int_equal(f->output.next_tick_at_ms, NOW + 60000);
    tick_at(f, NOW + 59999);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_PENDING);
    tick_at(f, NOW + 60000);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
}

static void every_explanation_gives_the_figures(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_EXPLANATION_MAX];
    f->spec.policy.in_flight_max = 2;
    f->spec.policy.deadline_s = 60;
    f->targets[4].present = false;
    create_and_start(f);
    f->now_ms += 5000;
    assert_int_equal(kedge_engine_explain_deployment(f->engine, 103, f->now_ms, text), KEDGE_OK);
    assert_string_equal(text, "pending: waits for a place, 2 of at most 2 devices are in flight; "
                              "the deadline is in 55 s");
    assert_int_equal(kedge_engine_explain_deployment(f->engine, 105, f->now_ms, text), KEDGE_OK);
    assert_non_null(strstr(text, "the device is not registered"));
    assert_int_equal(kedge_engine_explain_rollout(f->engine, 42, f->now_ms, text), KEDGE_OK);
    assert_string_equal(text, "running: group 1 is running: of 5 devices 0 succeeded, 0 ended in "
                              "error (more than 20 % would pause the rollout), 2 are in flight, 3 "
                              "are pending");
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(kedge_engine_explain_deployment(f->engine, 101, f->now_ms, text), KEDGE_OK);
    assert_string_equal(text, "failed: it says so");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    assert_int_equal(kedge_engine_explain_deployment(f->engine, 104, f->now_ms, text), KEDGE_OK);
    assert_non_null(strstr(text, "the rollout is paused (paused by alice)"));
    assert_int_equal(kedge_engine_explain_group(f->engine, 42, 0, f->now_ms, text), KEDGE_OK);
    assert_int_equal(kedge_engine_explain_group(f->engine, 42, 1, f->now_ms, text),
                     KEDGE_E_NOT_FOUND);
}

/* Nobody waits for it, and it is no error: it never was offered anything. */
static void a_device_that_is_of_another_class_meanwhile_ends_its_part(void **state)
{
    struct fixture *f = *state;
    struct kedge_engine_event changed = {
        .kind = KEDGE_EVENT_DEVICE_PRESENT,
        .device = {.vendor = "vendor.example", .class_name = "valve", .version = "1.0.0"}};
    struct kedge_deployment deployment;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    uint64_t id = state_of(f, 101) == KEDGE_DEPLOYMENT_PENDING ? 101 : 102;
    assert_int_equal(kedge_engine_deployment(f->engine, id, &deployment), KEDGE_OK);
    changed.device.endpoint = deployment.endpoint;
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &changed, &f->output), KEDGE_OK);
    assert_int_equal(state_of(f, id), KEDGE_DEPLOYMENT_CANCELED);
    assert_int_equal(offers(&f->output), 0);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0);
    assert_int_equal(kedge_engine_deployment(f->engine, id, &deployment), KEDGE_OK);
    assert_non_null(strstr(deployment.reason, "now says that it is a valve of vendor.example; the "
                                              "package is for a meter of"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creating_writes_every_record_and_offers_nothing),
        TEST(devices_of_another_vendor_or_class_are_refused_by_name),
        TEST(a_policy_out_of_range_is_refused_by_field),
        TEST(odd_target_lists_are_refused),
        TEST(at_most_in_flight_max_devices_are_at_work),
        TEST(a_rollout_runs_to_its_end_and_says_each_step),
        TEST(who_runs_the_version_already_is_never_offered_it),
        TEST(words_that_change_no_state_are_history_once),
        TEST(progress_alone_writes_nothing),
        TEST(devices_are_offered_it_at_a_pace_that_grows_with_successes),
        TEST(a_pause_lets_go_on_what_is_in_flight_and_offers_nothing_new),
        TEST(an_abort_cancels_what_is_not_installing_yet),
        TEST(what_does_not_fit_the_state_is_refused_with_words),
        TEST(a_newer_rollout_supersedes_what_has_not_really_begun),
        TEST(a_rollout_that_is_not_started_supersedes_nothing),
        TEST(the_deadline_ends_what_is_pending_to_the_millisecond),
        TEST(every_explanation_gives_the_figures),
        TEST(a_device_that_is_of_another_class_meanwhile_ends_its_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
