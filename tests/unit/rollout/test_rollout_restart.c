/*
 * What an engine makes of records: after a restart of the server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

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
    take_deployments(f, 101, 5, records);
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

/* 101 has succeeded with another at work, when the server goes; it says what was heard of it last.
 */
static void restart_with_a_success(struct fixture *f, const char *remembered)
{
    struct kedge_deployment records[5];
    create_and_start(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    take_deployments(f, 101, 5, records);
    reload(f, &rollout, &group, records, 5);
    device(f, KEDGE_EVENT_DEVICE_REMEMBERED, "dev-0", remembered);
    assert_int_equal(f->output.deployment_count, 0);
}

static void who_fell_back_while_the_server_was_down_is_noticed_when_it_comes(void **state)
{
    struct fixture *f = *state;
    restart_with_a_success(f, "1.1.0");
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 1);
}

/* By another path, or by the Result alone: the version did not tell before, and does not now. */
static void who_was_never_seen_on_the_version_cannot_have_left_it(void **state)
{
    struct fixture *f = *state;
    restart_with_a_success(f, "1.0.0");
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);
}

static void what_a_device_says_counts_more_than_what_is_remembered(void **state)
{
    struct fixture *f = *state;
    restart_with_a_success(f, "1.1.0");
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    device(f, KEDGE_EVENT_DEVICE_REMEMBERED, "dev-0", "1.0.0");
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);
}

/* 101 has succeeded in rollout 42, which goes on; a newer one, for version 2.0.0, has the device.
 */
static void restart_with_a_newer_rollout(struct fixture *f, enum kedge_deployment_state newer)
{
    struct kedge_rollout rollouts[2];
    struct kedge_group groups[2];
    struct kedge_deployment records[6];
    create_and_start(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    f->now_ms += 1000;
    f->spec.version = "2.0.0";
    f->spec.target_count = 1;
    create_and_start(f);
    assert_int_equal(offers(&f->output), 1);
    report(f, 106, newer);
    for (uint64_t i = 0; i < 2; i++) {
        rollouts[i] = *kedge_engine_rollout(f->engine, 42 + i);
        groups[i] = *kedge_engine_group(f->engine, 42 + i, 0);
    }
    /* it waits for the gate of a group that soaks, say */
    rollouts[1].state = KEDGE_ROLLOUT_RUNNING;
    groups[1].state =
        kedge_deployment_state_ended(newer) ? KEDGE_GROUP_SOAKING : KEDGE_GROUP_RUNNING;
    groups[1].soak_until_ms = f->now_ms + 1000000;
    groups[1].gate.group_soak_s = 1000;
    take_deployments(f, 101, 6, records);
    struct kedge_engine_ids last = {.rollout_id = 43, .deployment_id = 106};
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kedge_engine_load_rollout(f->engine, &rollouts[i]), KEDGE_OK);
        assert_int_equal(kedge_engine_load_group(f->engine, &groups[i]), KEDGE_OK);
    }
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(kedge_engine_load_deployment(f->engine, &records[i]), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    device(f, KEDGE_EVENT_DEVICE_REMEMBERED, "dev-0", "1.1.0");
}

static void who_is_moved_on_by_a_newer_rollout_during_a_restart_has_not_fallen_back(void **state)
{
    struct fixture *f = *state;
    restart_with_a_newer_rollout(f, KEDGE_DEPLOYMENT_VERIFYING);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "2.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0);
}

static void who_moves_on_late_for_a_newer_rollout_has_not_fallen_back(void **state)
{
    struct fixture *f = *state;
    restart_with_a_newer_rollout(f, KEDGE_DEPLOYMENT_TIMED_OUT);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "2.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_a_restart_what_is_in_flight_is_taken_up_again),
        TEST(who_does_not_come_back_after_a_restart_times_out),
        TEST(a_sleeper_has_its_lifetime_on_top_after_a_restart),
        TEST(a_device_without_association_is_waited_for_and_that_is_said),
        TEST(who_fell_back_while_the_server_was_down_is_noticed_when_it_comes),
        TEST(who_was_never_seen_on_the_version_cannot_have_left_it),
        TEST(what_a_device_says_counts_more_than_what_is_remembered),
        TEST(who_is_moved_on_by_a_newer_rollout_during_a_restart_has_not_fallen_back),
        TEST(who_moves_on_late_for_a_newer_rollout_has_not_fallen_back),
        TEST(records_that_do_not_fit_together_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
