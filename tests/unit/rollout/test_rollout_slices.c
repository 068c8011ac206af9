/*
 * What concerns all devices of a rollout is done a slice at a time, and goes on after a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <stdio.h>

#define APART_MS 5u

static unsigned in_state(const struct fixture *f, enum kedge_deployment_state state)
{
    return kedge_engine_group(f->engine, 42, 0)->counts[state];
}

static void next_slice(struct fixture *f)
{
    assert_in_range(f->output.next_tick_at_ms, f->now_ms + 1, f->now_ms + APART_MS);
    tick_at(f, f->output.next_tick_at_ms);
}

static void offers_are_made_a_slice_at_a_time(void **state)
{
    struct fixture *f = *state;
    kedge_engine_set_slice(f->engine, 2);
    create_and_start(f);
    assert_int_equal(offers(&f->output), 2);
    assert_says(f, 103, "waits for its turn, the package is offered to 2 devices at a time");
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING); /* what happens meanwhile is no next slice */
    assert_int_equal(offers(&f->output), 0);
    next_slice(f);
    assert_int_equal(offers(&f->output), 2);
    next_slice(f);
    assert_int_equal(offers(&f->output), 1);
    assert_int_equal(f->output.commands[0].deployment_id, 105);
    assert_int_equal(f->output.next_tick_at_ms, 0);
}

static void the_first_offer_does_not_wait_until_the_whole_group_was_looked_at(void **state)
{
    enum { DEVICES = 100, ASLEEP = 10 };
    static struct kedge_rollout_target targets[DEVICES];
    static char endpoints[DEVICES][8];
    struct fixture *f = *state;
    for (unsigned i = 0; i < DEVICES; i++) {
        (void)snprintf(endpoints[i], sizeof(endpoints[i]), "many-%u", i % 1000);
        targets[i] = f->targets[0];
        targets[i].endpoint = endpoints[i];
        targets[i].asleep = i < ASLEEP;
    }
    f->spec.targets = targets;
    f->spec.target_count = DEVICES;
    kedge_engine_set_slice(f->engine, 1); /* which is worth 16 looks */
    create_and_start(f);
    assert_int_equal(offers(&f->output), 1);
    assert_int_equal(f->output.commands[0].deployment_id, 101 + ASLEEP);
    while (f->output.next_tick_at_ms != 0)
        next_slice(f);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_OFFERED), DEVICES - ASLEEP);
}

static void devices_that_run_the_version_already_are_found_a_slice_at_a_time(void **state)
{
    struct fixture *f = *state;
    kedge_engine_set_slice(f->engine, 2);
    for (int i = 0; i < 5; i++)
        f->targets[i].version = "1.1.0";
    create_and_start(f);
    unsigned found = in_state(f, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_in_range(found, 1, 4);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    while (rollout_state(f, 42) == KEDGE_ROLLOUT_RUNNING)
        next_slice(f);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_SUCCEEDED), 5);
}

static void a_pause_interrupts_what_a_group_begins_with_and_a_resume_goes_on(void **state)
{
    struct fixture *f = *state;
    kedge_engine_set_slice(f->engine, 2);
    create_and_start(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    next_slice(f);
    assert_int_equal(offers(&f->output), 0);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    assert_int_equal(offers(&f->output), 2);
}

/* ---- taking devices over ---- */

static unsigned superseded(const struct fixture *f)
{
    return in_state(f, KEDGE_DEPLOYMENT_SUPERSEDED);
}

/* 42 waits for a place with all but 101; 43 begins for the same devices, 106 to 110, a move at a
 * time, and has come by the first. */
static void take_over(struct fixture *f)
{
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    f->spec.version = "1.2.0";
    assert_int_equal(create(f), KEDGE_OK);
    kedge_engine_set_slice(f->engine, 1);
    f->now_ms += APART_MS;
    start(f, 43);
    assert_in_range(superseded(f), 1, 3);
    assert_int_equal(kedge_engine_group(f->engine, 43, 0)->state, KEDGE_GROUP_SCHEDULED);
}

static void a_rollout_takes_its_devices_over_a_slice_at_a_time(void **state)
{
    struct fixture *f = *state;
    take_over(f);
    assert_says(f, 105, "pending: rollout 43, which is newer, is taking the device over");
    assert_says(f, 110, "pending: the rollout begins, and takes its devices over from others");
    /* A place is free now, and nobody is offered what is not said to be superseded yet. */
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(offers(&f->output), 0);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-4", "1.1.0"); /* has it already */
    assert_int_equal(offers(&f->output), 0);
    while (offers(&f->output) == 0)
        next_slice(f);
    assert_int_equal(superseded(f), 4);
    assert_int_equal(f->output.commands[0].deployment_id, 106);
}

static void a_pause_does_not_interrupt_it(void **state)
{
    struct fixture *f = *state;
    take_over(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 43), KEDGE_OK);
    while (superseded(f) < 4)
        next_slice(f);
    assert_int_equal(offers(&f->output), 0);
}

static void an_abort_leaves_the_others_to_whom_they_were(void **state)
{
    struct fixture *f = *state;
    take_over(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    unsigned taken = superseded(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 43), KEDGE_OK);
    while (kedge_engine_rollout(f->engine, 43) != NULL &&
           rollout_state(f, 43) == KEDGE_ROLLOUT_ABORTING)
        next_slice(f);
    assert_int_equal(superseded(f), taken);
    assert_int_equal(state_of(f, 102 + taken), KEDGE_DEPLOYMENT_OFFERED);
}

/* What is durable says how far it came. */
static void it_goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment records[10];
    take_over(f);
    struct kedge_rollout rollouts[] = {*kedge_engine_rollout(f->engine, 42),
                                       *kedge_engine_rollout(f->engine, 43)};
    struct kedge_group groups[] = {*kedge_engine_group(f->engine, 42, 0),
                                   *kedge_engine_group(f->engine, 43, 0)};
    struct kedge_engine_ids last = {.rollout_id = 43, .deployment_id = 110};
    take_deployments(f, 101, 10, records);
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(kedge_engine_load_rollout(f->engine, &rollouts[i]), KEDGE_OK);
        assert_int_equal(kedge_engine_load_group(f->engine, &groups[i]), KEDGE_OK);
    }
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(kedge_engine_load_deployment(f->engine, &records[i]), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    assert_int_equal(superseded(f), 4);
    assert_int_equal(kedge_engine_group(f->engine, 43, 0)->state, KEDGE_GROUP_RUNNING);
}

/* Aborts 42 in slices of two moves and stops after the first one. */
static void abort_in_slices(struct fixture *f)
{
    create_and_start(f);
    kedge_engine_set_slice(f->engine, 2);
    f->now_ms += APART_MS;
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    unsigned canceled = in_state(f, KEDGE_DEPLOYMENT_CANCELED);
    assert_in_range(canceled, 1, 2);
    assert_int_equal(f->output.command_count, canceled);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTING);
}

static void an_abort_cancels_a_slice_at_a_time(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 3;
    abort_in_slices(f);
    assert_says(f, 104, "the rollout is aborting, its devices are canceled one after the other");
    while (rollout_state(f, 42) == KEDGE_ROLLOUT_ABORTING)
        next_slice(f);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_CANCELED), 5);
    assert_int_equal(f->output.next_tick_at_ms, 0);
}

static void an_abort_goes_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment records[5];
    abort_in_slices(f);
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    take_deployments(f, 101, 5, records);
    reload(f, &rollout, &group, records, 5);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_CANCELED), 5);
}

static void who_was_installing_and_would_begin_anew_is_canceled_by_an_abort(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_INSTALLING);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    assert_int_equal(f->output.command_count, 1);
    assert_int_equal(f->output.commands[0].kind, KEDGE_COMMAND_CANCEL);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_CANCELED), 5);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
}

static void an_abort_overtakes_the_deadline(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 60;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    kedge_engine_set_slice(f->engine, 1);
    tick_at(f, NOW + 60000);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_TIMED_OUT), 1);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    while (rollout_state(f, 42) == KEDGE_ROLLOUT_ABORTING)
        next_slice(f);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_TIMED_OUT), 1);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_CANCELED), 4);
}

static void the_deadline_does_not_overtake_an_abort(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 60;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    kedge_engine_set_slice(f->engine, 1);
    f->now_ms = NOW + 59999;
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    tick_at(f, NOW + 60000);
    while (rollout_state(f, 42) == KEDGE_ROLLOUT_ABORTING)
        next_slice(f);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_CANCELED), 5);
}

static void nothing_is_offered_while_the_deadline_ends_what_is_pending(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 60;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    kedge_engine_set_slice(f->engine, 1);
    tick_at(f, NOW + 60000);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED); /* its place is free */
    assert_int_equal(offers(&f->output), 0);
    while (rollout_state(f, 42) == KEDGE_ROLLOUT_RUNNING)
        next_slice(f);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_SUCCEEDED), 1);
    assert_int_equal(in_state(f, KEDGE_DEPLOYMENT_TIMED_OUT), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offers_are_made_a_slice_at_a_time),
        TEST(the_first_offer_does_not_wait_until_the_whole_group_was_looked_at),
        TEST(devices_that_run_the_version_already_are_found_a_slice_at_a_time),
        TEST(a_pause_interrupts_what_a_group_begins_with_and_a_resume_goes_on),
        TEST(a_rollout_takes_its_devices_over_a_slice_at_a_time),
        TEST(a_pause_does_not_interrupt_it),
        TEST(an_abort_leaves_the_others_to_whom_they_were),
        TEST(it_goes_on_after_a_restart),
        TEST(an_abort_cancels_a_slice_at_a_time),
        TEST(an_abort_goes_on_after_a_restart),
        TEST(who_was_installing_and_would_begin_anew_is_canceled_by_an_abort),
        TEST(an_abort_overtakes_the_deadline),
        TEST(the_deadline_does_not_overtake_an_abort),
        TEST(nothing_is_offered_while_the_deadline_ends_what_is_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
