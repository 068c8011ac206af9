/*
 * The engine, scenario by scenario: what a person sees of a rollout.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/rollout/rollout.h"

#include <stdio.h>
#include <string.h>

#define PACKAGE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NOW 1700000000000u

struct fixture {
    struct kedge_engine *engine;
    struct kedge_engine_output output;
    struct kedge_rollout_spec spec;
    struct kedge_rollout_target targets[10];
    char endpoints[10][8];
    uint64_t now_ms;
};

static void fill_targets(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(f->endpoints[i], sizeof(f->endpoints[i]), "dev-%u", (unsigned)i);
        f->targets[i] = (struct kedge_rollout_target){.endpoint = f->endpoints[i],
                                                      .known = true,
                                                      .vendor = "acme.example",
                                                      .class_name = "meter",
                                                      .version = "1.0.0",
                                                      .present = true};
    }
    f->spec.targets = f->targets;
    f->spec.target_count = count;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    *f = (struct fixture){.now_ms = NOW};
    f->spec = (struct kedge_rollout_spec){.name = "July",
                                          .package_id = PACKAGE,
                                          .vendor = "acme.example",
                                          .class_name = "meter",
                                          .version = "1.1.0",
                                          .sequence = 7,
                                          .all_devices = true,
                                          .group_count = 1};
    kedge_rollout_policy_default(&f->spec.policy);
    fill_targets(f, 5);
    kedge_engine_output_init(&f->output);
    struct kedge_engine_ids last = {.rollout_id = 41, .deployment_id = 100};
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kedge_engine_output_clear(&f->output);
    kedge_engine_destroy(f->engine);
    return 0;
}

static enum kedge_rc create(struct fixture *f)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_ROLLOUT_CREATE, .who = "alice", .create = f->spec};
    return kedge_engine_handle(f->engine, f->now_ms, &event, &f->output);
}

static enum kedge_rc act(struct fixture *f, enum kedge_engine_event_kind kind, uint64_t rollout_id)
{
    struct kedge_engine_event event = {.kind = kind, .who = "alice", .rollout_id = rollout_id};
    return kedge_engine_handle(f->engine, f->now_ms, &event, &f->output);
}

static void start(struct fixture *f, uint64_t rollout_id)
{
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, rollout_id), KEDGE_OK);
}

static void create_and_start(struct fixture *f)
{
    assert_int_equal(create(f), KEDGE_OK);
    start(f, f->output.rollout_id);
}

static void report(struct fixture *f, uint64_t id, enum kedge_deployment_state to)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                       .report = {.deployment_id = id,
                                                  .state = to,
                                                  .update_result = KEDGE_UPDATE_RESULT_NONE,
                                                  .reason = "it says so"}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

static void device(struct fixture *f, enum kedge_engine_event_kind kind, const char *endpoint,
                   const char *version)
{
    struct kedge_engine_event event = {.kind = kind,
                                       .device = {.endpoint = endpoint,
                                                  .vendor = "acme.example",
                                                  .class_name = "meter",
                                                  .version = version}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

static enum kedge_deployment_state state_of(const struct fixture *f, uint64_t id)
{
    struct kedge_deployment record;
    assert_int_equal(kedge_engine_deployment(f->engine, id, &record), KEDGE_OK);
    return record.state;
}

static enum kedge_rollout_state rollout_state(const struct fixture *f, uint64_t id)
{
    return kedge_engine_rollout(f->engine, id)->state;
}

static size_t offers(const struct kedge_engine_output *output)
{
    size_t count = 0;
    for (size_t i = 0; i < output->command_count; i++)
        count += output->commands[i].kind == KEDGE_COMMAND_OFFER;
    return count;
}

static bool said(const struct kedge_engine_output *output, const char *from, const char *to)
{
    for (size_t i = 0; i < output->history_count; i++)
        if (strcmp(output->history[i].from, from) == 0 && strcmp(output->history[i].to, to) == 0)
            return true;
    return false;
}

/* ---- creating ---- */

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
    f->spec.policy.error_action = KEDGE_ERROR_ROLL_BACK;
    assert_int_equal(create(f), KEDGE_E_UNSUPPORTED);
    assert_non_null(strstr(f->output.refusal, "revert package"));
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

/* ---- running ---- */

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

static void absent_and_sleeping_devices_wait_without_a_place(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 1;
    f->targets[0].present = false;
    f->targets[1].asleep = true;
    create_and_start(f);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_OFFERED);
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 104, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 105, KEDGE_DEPLOYMENT_SUCCEEDED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-1", "1.0.0");
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_OFFERED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
}

static void goes_out_of_reach(struct fixture *f, const char *endpoint, bool unassociated,
                              uint64_t expected_at_ms)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEVICE_ASLEEP,
                                       .device = {.endpoint = endpoint,
                                                  .unassociated = unassociated,
                                                  .expected_at_ms = expected_at_ms}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

static void sleeps(struct fixture *f, const char *endpoint, uint64_t expected_at_ms)
{
    goes_out_of_reach(f, endpoint, false, expected_at_ms);
}

static void loses_association(struct fixture *f, const char *endpoint, uint64_t expected_at_ms)
{
    goes_out_of_reach(f, endpoint, true, expected_at_ms);
}

static void assert_says(struct fixture *f, uint64_t id, const char *words)
{
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_deployment(f->engine, id, f->now_ms, text), KEDGE_OK);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void what_a_device_that_falls_asleep_was_only_offered_is_pending_again(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment record;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    sleeps(f, "dev-0", NOW + 60000);
    assert_int_equal(kedge_engine_deployment(f->engine, 101, &record), KEDGE_OK);
    assert_int_equal(record.state, KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(record.offered_at_ms, 0);
    assert_string_equal(record.version_before, "");
    assert_true(said(&f->output, "offered", "pending"));
    assert_int_equal(f->output.commands[0].kind, KEDGE_COMMAND_CANCEL);
    assert_int_equal(f->output.commands[0].deployment_id, 101);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_OFFERED); /* its place is somebody else's */
    assert_says(f, 101,
                "the device is asleep; it is offered the package when it wakes up, which "
                "is expected within 60 s");
    /* Awake, it waits for a place like any other. */
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    assert_says(f, 101, "waits for a place");
    for (uint64_t id = 102; id <= 105; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
}

static void a_sleeper_goes_on_when_it_wakes_and_holds_no_place_until_then(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_EXPLANATION_MAX];
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    sleeps(f, "dev-0", NOW + 86400000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_DOWNLOADING);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_OFFERED);
    assert_true(said(&f->output, "downloading", "downloading"));
    assert_says(f, 101,
                "the device is asleep, and holds no place; it goes on when it wakes up, "
                "which is expected within 86400 s (before that: it says so)");
    assert_int_equal(kedge_engine_explain_group(f->engine, 42, 0, f->now_ms, text), KEDGE_OK);
    assert_non_null(strstr(text, "2 are in flight (1 of them asleep, without a place), 3 are"));
    sleeps(f, "dev-0", NOW + 86400000);
    assert_int_equal(f->output.history_count, 0); /* it is said once */
    /* It goes on at once, and nothing new is offered until there is room again. */
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_PENDING);
    assert_says(f, 103, "1 of at most 1 devices are in flight");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_OFFERED);
}

static void an_abort_waits_for_a_sleeper_that_installs(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    sleeps(f, "dev-0", NOW + 60000);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
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

/* ---- errors ---- */

/* Of 10 devices at a threshold of 30 %: three errors are borne, four are not. */
static void errors_trip_above_the_threshold_and_not_at_it(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 10);
    f->spec.policy.error_threshold_percent = 30;
    f->spec.policy.error_minimum_sample = 4;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    report(f, 102, KEDGE_DEPLOYMENT_REJECTED);
    report(f, 103, KEDGE_DEPLOYMENT_TIMED_OUT);
    report(f, 104, KEDGE_DEPLOYMENT_CANCELED); /* no error */
    report(f, 105, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    report(f, 106, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
    assert_non_null(strstr(kedge_engine_rollout(f->engine, 42)->reason, "4 of 10"));
}

static void errors_are_not_judged_before_the_sample_is_there(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_threshold_percent = 0;
    f->spec.policy.error_minimum_sample = 3;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
}

static void a_group_smaller_than_the_sample_is_judged_at_its_end(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 1);
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_FAILED);
}

static void who_resumes_accepts_the_errors_so_far_and_no_more(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_threshold_percent = 20;
    f->spec.policy.error_minimum_sample = 0;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    report(f, 104, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
}

static void errors_abort_when_that_is_the_action(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_threshold_percent = 0;
    f->spec.policy.error_minimum_sample = 0;
    f->spec.policy.error_action = KEDGE_ERROR_ABORT;
    f->spec.policy.in_flight_max = 2;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTING);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_CANCELED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_INSTALLING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
}

/* ---- people ---- */

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

/* ---- several rollouts ---- */

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

/* ---- time ---- */

static void tick_at(struct fixture *f, uint64_t at_ms)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_TICK};
    f->now_ms = at_ms;
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
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

static void a_group_soaks_before_its_gate_and_the_next_waits_for_it(void **state)
{
    struct fixture *f = *state;
    f->spec.group_count = 2;
    f->spec.policy.group_soak_s = 10;
    f->targets[4].group_index = 1;
    create_and_start(f);
    assert_int_equal(offers(&f->output), 4);
    for (uint64_t id = 101; id <= 104; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_SOAKING);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(f->output.next_tick_at_ms, NOW + 10000);
    tick_at(f, NOW + 10000);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_SUCCEEDED);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_OFFERED);
}

/* Four of five are exactly 80 %, and the gate opens; at 81 % it does not. */
static void the_gate_opens_at_the_threshold_and_not_below(void **state)
{
    struct fixture *f = *state;
    for (uint32_t percent = 80; percent <= 81; percent++) {
        f->spec.policy.success_threshold_percent = percent;
        f->spec.policy.error_threshold_percent = 100;
        assert_int_equal(create(f), KEDGE_OK);
        uint64_t rollout = f->output.rollout_id, first = f->output.deployments[0].id;
        for (size_t i = 1; i < 5; i++)
            first = f->output.deployments[i].id < first ? f->output.deployments[i].id : first;
        start(f, rollout);
        report(f, first, KEDGE_DEPLOYMENT_FAILED);
        for (uint64_t id = first + 1; id < first + 5; id++)
            report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
        assert_int_equal(kedge_engine_group(f->engine, rollout, 0)->state,
                         percent == 80 ? KEDGE_GROUP_SUCCEEDED : KEDGE_GROUP_FAILED);
        assert_int_equal(rollout_state(f, rollout), KEDGE_ROLLOUT_FINISHED);
    }
}

static void a_gate_that_stays_shut_pauses_before_the_next_group(void **state)
{
    struct fixture *f = *state;
    f->spec.group_count = 2;
    f->spec.policy.error_threshold_percent = 100;
    f->spec.policy.success_threshold_percent = 100;
    f->targets[4].group_index = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    for (uint64_t id = 102; id <= 104; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_OFFERED);
}

/* ---- restarts ---- */

static void reload(struct fixture *f, const struct kedge_rollout *rollout,
                   const struct kedge_group *group, const struct kedge_deployment *records,
                   size_t count)
{
    struct kedge_engine_ids last = {.rollout_id = 42, .deployment_id = 105};
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_rollout(f->engine, rollout), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(f->engine, group), KEDGE_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kedge_engine_load_deployment(f->engine, &records[i]), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
}

static void run_until_restart(struct fixture *f)
{
    struct kedge_rollout rollout;
    struct kedge_group group;
    struct kedge_deployment records[5];
    f->spec.policy.in_flight_max = 2;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_VERIFYING);
    rollout = *kedge_engine_rollout(f->engine, 42);
    group = *kedge_engine_group(f->engine, 42, 0);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(kedge_engine_deployment(f->engine, 101 + i, &records[i]), KEDGE_OK);
    memset(group.counts, 0xff, sizeof(group.counts)); /* not believed: counted anew */
    reload(f, &rollout, &group, records, 5);
}

static void after_a_restart_what_is_in_flight_is_taken_up_again(void **state)
{
    struct fixture *f = *state;
    run_until_restart(f);
    assert_int_equal(f->output.command_count, 0);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->counts[KEDGE_DEPLOYMENT_PENDING], 3);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    assert_int_equal(offers(&f->output), 1);
    assert_int_equal(f->output.commands[0].deployment_id, 101);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_VERIFYING);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    assert_int_equal(offers(&f->output), 0); /* once is enough */
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.0.0");
    assert_int_equal(offers(&f->output), 0); /* the two places are taken */
}

static void who_does_not_come_back_after_a_restart_times_out(void **state)
{
    struct fixture *f = *state;
    run_until_restart(f);
    uint64_t offer_ms = f->spec.policy.offer_limit_s * 1000;
    assert_int_equal(f->output.next_tick_at_ms, NOW + offer_ms);
    tick_at(f, NOW + offer_ms);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_VERIFYING);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 1);
}

static void a_sleeper_has_its_lifetime_on_top_after_a_restart(void **state)
{
    struct fixture *f = *state;
    run_until_restart(f);
    uint64_t verify_ms = f->spec.policy.verify_limit_s * 1000;
    sleeps(f, "dev-0", NOW + 100000000);
    assert_says(f, 101, "the device is asleep");
    tick_at(f, NOW + verify_ms);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_VERIFYING);
    tick_at(f, NOW + 100000000 + verify_ms);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
}

static void a_device_without_association_is_waited_for_and_that_is_said(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    loses_association(f, "dev-0", NOW + 60000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    assert_says(f, 101,
                "the device has no association by DTLS; it is offered the package when it has "
                "made one, which is expected within 60 s");
    report(f, 102, KEDGE_DEPLOYMENT_DOWNLOADING);
    loses_association(f, "dev-1", NOW + 60000);
    assert_string_equal(f->output.history[0].text,
                        "the device has no association by DTLS; it is expected within 60 s");
    assert_says(f, 102, "has no association by DTLS, and holds no place; it goes on when it has");
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-1", "1.0.0");
    assert_string_equal(f->output.history[0].text, "the device can be reached again");
    sleeps(f, "dev-1", NOW + 60000); /* of other reasons later on */
    assert_says(f, 102, "the device is asleep");
}

static void records_that_do_not_fit_together_are_refused(void **state)
{
    struct fixture *f = *state;
    struct kedge_engine *engine;
    struct kedge_engine_ids last = {0};
    struct kedge_rollout rollout = {
        .id = 1, .state = KEDGE_ROLLOUT_RUNNING, .group_count = 1, .device_count = 2};
    struct kedge_group group = {.rollout_id = 1, .state = KEDGE_GROUP_RUNNING};
    struct kedge_deployment record = {
        .id = 1, .rollout_id = 1, .state = KEDGE_DEPLOYMENT_OFFERED, .endpoint = "a"};
    assert_int_equal(kedge_engine_create(&last, &engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(engine, &group), KEDGE_E_MALFORMED);
    assert_int_equal(kedge_engine_load_rollout(engine, &rollout), KEDGE_OK);
    assert_int_equal(kedge_engine_load_rollout(engine, &rollout), KEDGE_E_MALFORMED);
    assert_int_equal(kedge_engine_load_deployment(engine, &record), KEDGE_E_MALFORMED);
    assert_int_equal(kedge_engine_load_group(engine, &group), KEDGE_OK);
    assert_int_equal(kedge_engine_load_deployment(engine, &record), KEDGE_E_MALFORMED);
    record.offered_at_ms = NOW;
    assert_int_equal(kedge_engine_load_deployment(engine, &record), KEDGE_OK);
    record.id = 2; /* a second one in flight on the same device */
    assert_int_equal(kedge_engine_load_deployment(engine, &record), KEDGE_E_MALFORMED);
    /* one of the two devices is missing */
    assert_int_equal(kedge_engine_load_done(engine, NOW, &f->output), KEDGE_E_MALFORMED);
    kedge_engine_destroy(engine);
}

/* ---- explanations ---- */

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        TEST(absent_and_sleeping_devices_wait_without_a_place),
        TEST(what_a_device_that_falls_asleep_was_only_offered_is_pending_again),
        TEST(a_device_without_association_is_waited_for_and_that_is_said),
        TEST(a_sleeper_goes_on_when_it_wakes_and_holds_no_place_until_then),
        TEST(an_abort_waits_for_a_sleeper_that_installs),
        TEST(a_sleeper_has_its_lifetime_on_top_after_a_restart),
        TEST(words_that_change_no_state_are_history_once),
        TEST(progress_alone_writes_nothing),
        TEST(errors_trip_above_the_threshold_and_not_at_it),
        TEST(errors_are_not_judged_before_the_sample_is_there),
        TEST(a_group_smaller_than_the_sample_is_judged_at_its_end),
        TEST(who_resumes_accepts_the_errors_so_far_and_no_more),
        TEST(errors_abort_when_that_is_the_action),
        TEST(a_pause_lets_go_on_what_is_in_flight_and_offers_nothing_new),
        TEST(an_abort_cancels_what_is_not_installing_yet),
        TEST(what_does_not_fit_the_state_is_refused_with_words),
        TEST(a_newer_rollout_supersedes_what_has_not_really_begun),
        TEST(a_rollout_that_is_not_started_supersedes_nothing),
        TEST(the_deadline_ends_what_is_pending_to_the_millisecond),
        TEST(a_group_soaks_before_its_gate_and_the_next_waits_for_it),
        TEST(the_gate_opens_at_the_threshold_and_not_below),
        TEST(a_gate_that_stays_shut_pauses_before_the_next_group),
        TEST(after_a_restart_what_is_in_flight_is_taken_up_again),
        TEST(who_does_not_come_back_after_a_restart_times_out),
        TEST(records_that_do_not_fit_together_are_refused),
        TEST(every_explanation_gives_the_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
