/*
 * Rollouts that are rolled back: by errors, and by people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

#define HOUR_MS 3600000u
/* NOW is a Tuesday, 22:13:20 UTC. */
#define NIGHT "daily 23:00-01:00 UTC"
#define OPENS (NOW + 2800000u)
#define SHUTS (OPENS + 2 * HOUR_MS)
#define BACK "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* Five devices, of which one error is too many; the way back is version 1.0.9. */
static void with_a_way_back(struct fixture *f)
{
    f->spec.revert_package_id = BACK;
    f->spec.revert_version = "1.0.9";
    f->spec.revert_sequence = 8;
    f->spec.policy.error_action = KEDGE_ERROR_ROLL_BACK;
    f->spec.policy.error_threshold_percent = 0;
    f->spec.policy.error_minimum_sample = 0;
    f->spec.policy.in_flight_max = 4;
}

static const char *refusal_of(struct fixture *f)
{
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_int_equal(f->output.rollout_count, 0);
    return f->output.refusal;
}

static void a_plan_that_rolls_back_needs_a_package_that_takes_devices_back(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_action = KEDGE_ERROR_ROLL_BACK;
    assert_non_null(strstr(refusal_of(f), "needs a revert package"));
    with_a_way_back(f);
    f->spec.revert_sequence = 7;
    assert_non_null(strstr(refusal_of(f), "must be above that of the package, 7"));
    with_a_way_back(f);
    f->spec.revert_version = "1.1.0";
    assert_non_null(strstr(refusal_of(f), "has the version of the package, 1.1.0"));
    f->spec.revert_version = "";
    assert_non_null(strstr(refusal_of(f), "no id or version"));
    with_a_way_back(f);
    f->spec.revert_package_id = "00";
    assert_non_null(strstr(refusal_of(f), "no id or version"));
    with_a_way_back(f);
    assert_int_equal(create(f), KEDGE_OK);
    assert_true(kedge_engine_package_in_use(f->engine, BACK));
}

static void assert_rollout_says(struct fixture *f, uint64_t id, const char *words)
{
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_rollout(f->engine, id, f->now_ms, text), KEDGE_OK);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

/* 101 has moved, 102 fails, 103 installs, 104 downloads, 105 waits. */
static void fail_with_others_at_work(struct fixture *f)
{
    with_a_way_back(f);
    create_and_start(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 103, KEDGE_DEPLOYMENT_INSTALLING);
    report(f, 104, KEDGE_DEPLOYMENT_DOWNLOADING);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
}

static void errors_take_back_whom_the_rollout_had_moved_and_nobody_else(void **state)
{
    struct fixture *f = *state;
    fail_with_others_at_work(f);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLING_BACK);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_INSTALLING);
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_CANCELED);
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_CANCELED);
    assert_rollout_says(f, 42, "waits for 1 device that is installing already");
    assert_null(kedge_engine_rollout(f->engine, 43));

    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-2", "1.1.0");
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    const struct kedge_rollout *revert = kedge_engine_rollout(f->engine, 43);
    assert_non_null(revert);
    assert_int_equal(revert->state, KEDGE_ROLLOUT_RUNNING);
    assert_string_equal(revert->package_id, BACK);
    assert_string_equal(revert->version, "1.0.9");
    assert_int_equal(revert->sequence, 8);
    assert_int_equal(revert->device_count, 2);
    assert_int_equal(revert->reverts_rollout_id, 42);
    assert_int_equal(kedge_engine_rollout(f->engine, 42)->revert_rollout_id, 43);
    assert_int_equal(offers(&f->output), 2);
    assert_rollout_says(f, 42, "rollout 43, running, takes those that moved back to version 1.0.9");

    report(f, 106, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLING_BACK);
    report(f, 107, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 43), KEDGE_ROLLOUT_FINISHED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLED_BACK);
    assert_rollout_says(f, 42, "1 of 2 devices that had moved are on version 1.0.9 now");
}

/* Its word was that it failed; its version says that it is on the new one all the same. */
static void who_runs_the_version_is_taken_back_whatever_was_said_of_it(void **state)
{
    struct fixture *f = *state;
    with_a_way_back(f);
    create_and_start(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-1", "1.1.0");
    report(f, 103, KEDGE_DEPLOYMENT_CANCELED);
    report(f, 104, KEDGE_DEPLOYMENT_CANCELED);
    report(f, 102, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(kedge_engine_rollout(f->engine, 43)->device_count, 1);
    assert_string_equal(f->output.commands[f->output.command_count - 1].endpoint, "dev-1");
}

/* 104 downloads when the rollout is stopped, and had begun to install when its cancel arrived. */
static void who_was_canceled_too_late_is_taken_back_as_well(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment record;
    fail_with_others_at_work(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-2", "1.1.0");
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED); /* 43 takes back dev-0 and dev-2 */
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.1.0");
    assert_int_equal(kedge_engine_deployment(f->engine, 104, &record), KEDGE_OK);
    assert_int_equal(record.state, KEDGE_DEPLOYMENT_CANCELED);
    assert_string_equal(record.reason,
                        "canceled too late: the device has installed version 1.1.0 and runs it");
    assert_int_equal(kedge_engine_rollout(f->engine, 43)->device_count, 3);
    assert_int_equal(state_of(f, 108), KEDGE_DEPLOYMENT_OFFERED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.1.0"); /* is said once, and taken back once */
    assert_int_equal(f->output.deployment_count, 0);
    for (uint64_t id = 106; id <= 108; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLED_BACK);
    assert_rollout_says(f, 42, "3 of 3 devices that had moved are on version 1.0.9 now");
}

/* Nobody looks at what is pending after the deadline: what comes so late ends at once. */
static void who_comes_after_the_deadline_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 100;
    fail_with_others_at_work(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-2", "1.1.0");
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    tick_at(f, f->now_ms + 200000);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.1.0");
    assert_int_equal(state_of(f, 108), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(offers(&f->output), 0);
    report(f, 106, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 107, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLED_BACK);
    assert_rollout_says(f, 42, "2 of 3 devices that had moved are on version 1.0.9 now");
}

static void who_was_never_offered_it_is_not_taken_back(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 6);
    fail_with_others_at_work(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-2", "1.1.0");
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-5", "1.1.0"); /* by whatever way */
    assert_int_equal(kedge_engine_rollout(f->engine, 43)->device_count, 2);
}

static void without_anybody_moved_it_is_rolled_back_at_once(void **state)
{
    struct fixture *f = *state;
    with_a_way_back(f);
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_REJECTED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLED_BACK);
    assert_null(kedge_engine_rollout(f->engine, 43));
    assert_rollout_says(f, 42, "no device had moved");
    assert_false(kedge_engine_package_in_use(f->engine, BACK));
}

static void a_person_may_roll_back_what_runs_or_is_paused(void **state)
{
    struct fixture *f = *state;
    with_a_way_back(f);
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ROLL_BACK, 42), KEDGE_E_STATE);
    start(f, 42);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ROLL_BACK, 42), KEDGE_OK);
    /* What follows is of the one that takes back. */
    assert_audited(
        f,
        "alice rollout.roll_back, server rollout.create, server rollout.start, server group.start");
    assert_int_equal(kedge_engine_rollout(f->engine, 43)->device_count, 1);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_E_STATE);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 43), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLED_BACK);
    assert_rollout_says(f, 42, "0 of 1 device that had moved is on version 1.0.9 now");
}

static void without_a_way_back_nobody_can_roll_back(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ROLL_BACK, 42), KEDGE_E_STATE);
    assert_non_null(strstr(f->output.refusal, "without a revert package"));
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

/* kill -9 between the roll-back and the end of those that install. */
static void a_restart_takes_the_rolling_back_up_again(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment records[5];
    fail_with_others_at_work(f);
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    take_deployments(f, 101, 5, records);
    reload(f, &rollout, &group, records, 5);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLING_BACK);
    tick_at(f, f->now_ms + 1000 * f->spec.policy.install_limit_s); /* 103 does not come back */
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(kedge_engine_rollout(f->engine, 43)->device_count, 1);
    assert_int_equal(offers(&f->output), 0); /* dev-0 has not come back either */
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    assert_int_equal(offers(&f->output), 1);
}

/* 101 has moved, and 102 fails when the windows have just shut: 43 is to take 101 back. */
static void fail_after_the_window(struct fixture *f)
{
    with_a_way_back(f);
    f->spec.windows = NIGHT;
    f->spec.policy.deadline_s = 4 * 3600;
    create_and_start(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    tick_at(f, SHUTS);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
}

/* Its deadline would come before the next window, and nobody would be taken back. */
static void devices_are_taken_back_when_the_windows_open(void **state)
{
    struct fixture *f = *state;
    fail_after_the_window(f);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLING_BACK);
    assert_int_equal(rollout_state(f, 43), KEDGE_ROLLOUT_READY);
    assert_rollout_says(f, 43, "takes back what rollout 42 had moved, when its windows open");
    assert_rollout_says(f, 43, "2023-11-15T23:00:00Z");
    assert_true(kedge_engine_rollout(f->engine, 43)->start_at_ms == OPENS + 24 * HOUR_MS);
    assert_int_equal(offers(&f->output), 0);

    tick_at(f, OPENS + 24 * HOUR_MS);
    assert_int_equal(rollout_state(f, 43), KEDGE_ROLLOUT_RUNNING);
    assert_int_equal(offers(&f->output), 1);
    report(f, 106, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ROLLED_BACK);
}

/* The server is down while they are open, and started when they have shut again. */
static void a_way_back_that_misses_its_windows_waits_for_the_next(void **state)
{
    struct fixture *f = *state;
    fail_after_the_window(f);
    assert_audited(f, "server rollout.roll_back, server rollout.create, server rollout.start_postponed");
    struct kedge_rollout record = *kedge_engine_rollout(f->engine, 43);
    struct kedge_group group = *kedge_engine_group(f->engine, 43, 0);
    struct kedge_deployment records[1];
    take_deployments(f, 106, 1, records);
    f->now_ms = SHUTS + 24 * HOUR_MS;
    reload(f, &record, &group, records, 1);
    assert_int_equal(rollout_state(f, 43), KEDGE_ROLLOUT_READY);
    assert_audited(f, "server rollout.start_postponed");
    assert_true(f->output.rollouts[0].start_at_ms == OPENS + 48 * HOUR_MS);
    tick_at(f, OPENS + 48 * HOUR_MS);
    assert_int_equal(rollout_state(f, 43), KEDGE_ROLLOUT_RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_that_rolls_back_needs_a_package_that_takes_devices_back),
        TEST(errors_take_back_whom_the_rollout_had_moved_and_nobody_else),
        TEST(who_runs_the_version_is_taken_back_whatever_was_said_of_it),
        TEST(who_was_canceled_too_late_is_taken_back_as_well),
        TEST(who_comes_after_the_deadline_is_not_waited_for),
        TEST(who_was_never_offered_it_is_not_taken_back),
        TEST(without_anybody_moved_it_is_rolled_back_at_once),
        TEST(a_person_may_roll_back_what_runs_or_is_paused),
        TEST(without_a_way_back_nobody_can_roll_back),
        TEST(a_restart_takes_the_rolling_back_up_again),
        TEST(devices_are_taken_back_when_the_windows_open),
        TEST(a_way_back_that_misses_its_windows_waits_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
