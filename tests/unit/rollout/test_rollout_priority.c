/*
 * Two rollouts that want the same device: which one gets it, what becomes of the other, and that
 * nobody waits without an end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <stdio.h>
#include <string.h>

/* Rollout 42 of this priority with 101 to 105, one in flight at a time; 101 is offered it. */
static void create_first(struct fixture *f, uint32_t priority)
{
    f->spec.policy.in_flight_max = 1;
    f->spec.policy.priority = priority;
    create_and_start(f);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
}

/* Rollout 43 of this priority with 106 to 110, all in flight at once. */
static void create_second(struct fixture *f, uint32_t priority)
{
    f->spec.version = "1.2.0";
    f->spec.policy.in_flight_max = 10;
    f->spec.policy.priority = priority;
    create_and_start(f);
}

/* As the last event left it: a rollout that has ended with it is not held any more. */
static enum kedge_deployment_state left(const struct fixture *f, uint64_t id)
{
    for (size_t i = 0; i < f->output.deployment_count; i++)
        if (f->output.deployments[i].id == id)
            return f->output.deployments[i].state;
    return state_of(f, id);
}

static void assert_all(struct fixture *f, uint64_t first, uint64_t last,
                       enum kedge_deployment_state state)
{
    for (uint64_t id = first; id <= last; id++)
        assert_int_equal(left(f, id), state);
}

static void a_later_one_of_the_same_or_a_higher_priority_supersedes(void **state)
{
    struct fixture *f = *state;
    create_first(f, 50);
    create_second(f, 50);
    assert_all(f, 101, 105, KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_all(f, 106, 110, KEDGE_DEPLOYMENT_OFFERED);
    f->spec.policy.priority = 51;
    report(f, 106, KEDGE_DEPLOYMENT_DOWNLOADING);
    create_and_start(f);
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_DOWNLOADING); /* has really begun */
    assert_all(f, 107, 110, KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_int_equal(left(f, 111), KEDGE_DEPLOYMENT_PENDING);
    assert_all(f, 112, 115, KEDGE_DEPLOYMENT_OFFERED);
}

static void a_later_one_of_a_lower_priority_waits_and_says_for_what(void **state)
{
    struct fixture *f = *state;
    create_first(f, 60);
    create_second(f, 59);
    assert_int_equal(offers(&f->output), 0);
    assert_int_equal(left(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    assert_all(f, 102, 105, KEDGE_DEPLOYMENT_PENDING);
    assert_all(f, 106, 110, KEDGE_DEPLOYMENT_PENDING);
    assert_says(f, 106, "pending: the device is still at work for rollout 42 (offered)");
    assert_says(f, 107,
                "pending: rollout 42 goes first with this device, whose part in it is "
                "pending: its priority is 60, and that of this one 59");
    bool noted = false;
    for (size_t i = 0; i < f->output.history_count; i++)
        noted |= f->output.history[i].deployment_id == 107 &&
                 strstr(f->output.history[i].text, "rollout 42 goes first") != NULL;
    assert_true(noted);
}

static void it_has_each_device_when_the_other_is_done_with_it(void **state)
{
    struct fixture *f = *state;
    create_first(f, 60);
    create_second(f, 59);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(left(f, 102), KEDGE_DEPLOYMENT_OFFERED);
    assert_all(f, 107, 110, KEDGE_DEPLOYMENT_PENDING);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(left(f, 107), KEDGE_DEPLOYMENT_OFFERED);
    /* also when what the other had there ends without having begun */
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_all(f, 103, 105, KEDGE_DEPLOYMENT_CANCELED);
    assert_all(f, 108, 110, KEDGE_DEPLOYMENT_OFFERED);
}

static void a_paused_one_goes_first_as_well(void **state)
{
    struct fixture *f = *state;
    create_first(f, 60);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    create_second(f, 59);
    assert_int_equal(offers(&f->output), 0);
    assert_says(f, 107, "rollout 42 goes first with this device");
}

static void the_deadline_ends_the_waiting_on_either_side(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 60;
    create_first(f, 60);
    f->spec.policy.deadline_s = 90;
    create_second(f, 59);
    tick_at(f, NOW + 60000);
    assert_all(f, 102, 105, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_all(f, 107, 110, KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_PENDING); /* 101 is at work */
    tick_at(f, NOW + 90001);
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_TIMED_OUT);
}

/* Who waits for the device below does not take an attempt away, and waits for that, too. */
static void an_attempt_that_follows_goes_first_as_well(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.retry_failed = 1;
    f->spec.policy.retry_after_s = 10;
    create_first(f, 60);
    create_second(f, 59);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(left(f, 101), KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_PENDING);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 104, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 105, KEDGE_DEPLOYMENT_SUCCEEDED);
    tick_at(f, NOW + 10000);
    assert_int_equal(left(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(left(f, 101), KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_OFFERED);
}

static void who_has_no_attempt_left_against_a_higher_one_ends(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.retry_failed = 3;
    create_first(f, 40);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    create_second(f, 41);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(left(f, 101), KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_OFFERED);
}

/* It had begun when the newer one came, and has lost that since: it is not offered it again. */
static void one_that_falls_asleep_again_before_it_begins_yields_to_the_newer(void **state)
{
    struct fixture *f = *state;
    create_first(f, 50);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    create_second(f, 50);
    report(f, 101, KEDGE_DEPLOYMENT_OFFERED);
    sleeps(f, "dev-0", NOW + 60000);
    assert_int_equal(left(f, 101), KEDGE_DEPLOYMENT_SUPERSEDED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(left(f, 106), KEDGE_DEPLOYMENT_OFFERED);
}

/* In whatever order a device comes to match them, 42 has it before 43. */
static void who_joins_an_older_one_of_a_higher_priority_goes_there_first(void **state)
{
    struct fixture *f = *state;
    f->spec.dynamic = true;
    f->spec.policy.success_threshold_percent = 0;
    f->spec.policy.priority = 60;
    create_and_start(f); /* 42 */
    for (uint64_t id = 101; id <= 105; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    create_second(f, 50); /* 43 */
    for (uint64_t id = 106; id <= 110; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 43), KEDGE_OK);
    joins(f, 43, "late"); /* 111 */
    joins(f, 42, "late"); /* 112 */
    assert_int_equal(left(f, 111), KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(left(f, 112), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 43), KEDGE_OK);
    joins(f, 42, "later"); /* 113 */
    joins(f, 43, "later"); /* 114 */
    assert_int_equal(left(f, 113), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(left(f, 114), KEDGE_DEPLOYMENT_PENDING);
    report(f, 112, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 113, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(left(f, 111), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(left(f, 114), KEDGE_DEPLOYMENT_OFFERED);
}

/* The one that waits could be offered its package at once, and then the other comes. */
static void who_waits_for_a_place_when_a_higher_one_is_joined_waits_for_that(void **state)
{
    struct fixture *f = *state;
    f->spec.dynamic = true;
    f->spec.policy.success_threshold_percent = 0;
    f->spec.policy.priority = 60;
    fill_targets(f, 1);
    create_and_start(f); /* 42, with dev-0 */
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    fill_targets(f, 3);
    f->spec.dynamic = false;
    f->spec.version = "1.2.0";
    f->spec.policy.in_flight_max = 1;
    f->spec.policy.priority = 50;
    create_and_start(f);   /* 43, with 102 to 104 */
    joins(f, 42, "dev-1"); /* 105 */
    assert_int_equal(left(f, 105), KEDGE_DEPLOYMENT_OFFERED);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(left(f, 103), KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(left(f, 104), KEDGE_DEPLOYMENT_OFFERED);
}

/* The wall clock was set back between the two starts: the one that was started later is later. */
static void which_was_later_does_not_depend_on_the_wall_clock(void **state)
{
    struct fixture *f = *state;
    create_first(f, 50);
    kedge_engine_clock_stepped(f->engine, -3600000);
    f->now_ms -= 3600000;
    create_second(f, 50);
    assert_all(f, 101, 105, KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_all(f, 106, 110, KEDGE_DEPLOYMENT_OFFERED);
    assert_true(kedge_engine_rollout(f->engine, 43)->started_at_ms >
                kedge_engine_rollout(f->engine, 42)->started_at_ms);
}

static void what_takes_devices_back_has_the_priority_of_the_first(void **state)
{
    struct fixture *f = *state;
    f->spec.revert_package_id = PACKAGE;
    f->spec.revert_version = "1.0.1";
    f->spec.revert_sequence = 8;
    create_first(f, 77);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ROLL_BACK, 42), KEDGE_OK);
    assert_int_equal(kedge_engine_rollout(f->engine, 43)->policy.priority, 77);
}

static void a_priority_out_of_range_is_refused(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.priority = 101;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_string_equal(f->output.refusal, "priority is 101, it must be 0 to 100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_later_one_of_the_same_or_a_higher_priority_supersedes),
        TEST(a_later_one_of_a_lower_priority_waits_and_says_for_what),
        TEST(it_has_each_device_when_the_other_is_done_with_it),
        TEST(a_paused_one_goes_first_as_well),
        TEST(the_deadline_ends_the_waiting_on_either_side),
        TEST(an_attempt_that_follows_goes_first_as_well),
        TEST(who_has_no_attempt_left_against_a_higher_one_ends),
        TEST(one_that_falls_asleep_again_before_it_begins_yields_to_the_newer),
        TEST(who_joins_an_older_one_of_a_higher_priority_goes_there_first),
        TEST(who_waits_for_a_place_when_a_higher_one_is_joined_waits_for_that),
        TEST(which_was_later_does_not_depend_on_the_wall_clock),
        TEST(what_takes_devices_back_has_the_priority_of_the_first),
        TEST(a_priority_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
