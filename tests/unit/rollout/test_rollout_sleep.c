/*
 * Devices that cannot be reached just now.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

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
    assert_says(f, 103, "1 of at most 1 device is in flight");
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

/* Its offer is taken back after the deadline: nobody would look at it again. */
static void who_falls_asleep_after_the_deadline_has_timed_out(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 60;
    create_and_start(f);
    tick_at(f, NOW + 60000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    sleeps(f, "dev-0", NOW + 90000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0); /* it was offered nothing */
}

/* One that was installing when its rollout was aborted, and has lost what it had, is not to begin
 * anew: as one that sleeps it would be pending again, in a rollout that offers nothing any more. */
static void one_that_lost_its_download_after_an_abort_is_canceled(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTING);
    report(f, 101, KEDGE_DEPLOYMENT_OFFERED);
    assert_true(said(&f->output, "installing", "offered"));
    assert_true(said(&f->output, "offered", "canceled"));
    assert_int_equal(f->output.command_count, 1);
    assert_int_equal(f->output.commands[0].kind, KEDGE_COMMAND_CANCEL);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    sleeps(f, "dev-0", 0);
    assert_int_equal(f->output.deployment_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(absent_and_sleeping_devices_wait_without_a_place),
        TEST(what_a_device_that_falls_asleep_was_only_offered_is_pending_again),
        TEST(a_sleeper_goes_on_when_it_wakes_and_holds_no_place_until_then),
        TEST(an_abort_waits_for_a_sleeper_that_installs),
        TEST(one_that_lost_its_download_after_an_abort_is_canceled),
        TEST(who_falls_asleep_after_the_deadline_has_timed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
