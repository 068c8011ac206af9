/*
 * Attempts that end in error, and the ones that follow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

static struct kedge_deployment record_of(const struct fixture *f, uint64_t id)
{
    struct kedge_deployment record;
    assert_int_equal(kedge_engine_deployment(f->engine, id, &record), KEDGE_OK);
    return record;
}

static const struct kedge_group *group_of(const struct fixture *f)
{
    return kedge_engine_group(f->engine, 42, 0);
}

static bool was_canceled(const struct fixture *f, uint64_t id)
{
    for (size_t i = 0; i < f->output.command_count; i++)
        if (f->output.commands[i].kind == KEDGE_COMMAND_CANCEL &&
            f->output.commands[i].deployment_id == id)
            return true;
    return false;
}

/* One that is there, and one that never comes, so that nothing ends. */
static void one_device(struct fixture *f)
{
    fill_targets(f, 2);
    f->targets[1].present = false;
    f->spec.policy.retry_after_s = 600;
    f->spec.policy.error_threshold_percent = 100;
}

static void a_failure_is_tried_again_when_the_time_has_come_and_not_before(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    assert_true(said(&f->output, "downloading", "pending"));
    assert_true(was_canceled(f, 101)); /* whatever is still at it */
    assert_int_equal(record_of(f, 101).retry_at_ms, NOW + 600000);
    assert_int_equal(f->output.next_tick_at_ms, NOW + 600000);
    assert_says(f, 101, "attempt 2 is due in 600 s (attempt 1 failed, and 1 of 1 more after that");
    tick_at(f, NOW + 599999);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    tick_at(f, NOW + 600000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(offers(&f->output), 1);
    assert_int_equal(record_of(f, 101).retry_at_ms, 0);
    assert_string_equal(f->output.history[0].text,
                        "offered as 1 of at most 100 in flight, attempt 2");
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
    assert_says(f, 101, "failed: attempt 2 failed, and no other one follows");
}

static void without_a_word_of_it_nothing_is_tried_again(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
}

/* Two time-outs leave the one attempt after a failure, and what is rejected has none. */
static void each_kind_has_attempts_of_its_own(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 1;
    f->spec.policy.retry_timed_out = 2;
    f->spec.policy.retry_after_s = 10;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_TIMED_OUT);
    tick_at(f, f->now_ms + 10000);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    tick_at(f, f->now_ms + 10000);
    report(f, 101, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    tick_at(f, f->now_ms + 10000);
    struct kedge_deployment record = record_of(f, 101);
    assert_int_equal(record.retries[KEDGE_ERROR_KIND_FAILED], 1);
    assert_int_equal(record.retries[KEDGE_ERROR_KIND_REJECTED], 0);
    assert_int_equal(record.retries[KEDGE_ERROR_KIND_TIMED_OUT], 2);
    report(f, 101, KEDGE_DEPLOYMENT_REJECTED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_REJECTED);
    assert_says(f, 101, "attempt 4 was rejected, and no other one follows");
}

static void assert_waits_s(struct fixture *f, uint64_t span_s)
{
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(record_of(f, 101).retry_at_ms, f->now_ms + span_s * 1000);
    tick_at(f, f->now_ms + span_s * 1000 - 1);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    tick_at(f, f->now_ms + 1);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
}

static void the_wait_doubles_up_to_its_bound(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 5;
    f->spec.policy.retry_after_s = 10;
    f->spec.policy.retry_after_max_s = 50;
    create_and_start(f);
    assert_waits_s(f, 10);
    assert_waits_s(f, 20);
    assert_waits_s(f, 40);
    assert_waits_s(f, 50);
    assert_waits_s(f, 50);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
}

static void without_a_bound_the_wait_stays_the_same(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 3;
    f->spec.policy.retry_after_s = 10;
    create_and_start(f);
    assert_waits_s(f, 10);
    assert_waits_s(f, 10);
    assert_waits_s(f, 10);
}

/* At a threshold of 0 the first error stops the rollout: that is the end of the last attempt. */
static void errors_stop_a_rollout_only_with_the_last_attempt(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 2);
    f->spec.policy.retry_failed = 1;
    f->spec.policy.error_threshold_percent = 0;
    f->spec.policy.error_minimum_sample = 0;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(group_of(f)->errors, 0);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    tick_at(f, NOW + 600000);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(group_of(f)->errors, 1);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
}

/* With a sample of two, one that waits for its next attempt has not been tried. */
static void who_waits_for_an_attempt_is_not_in_the_sample(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 3);
    f->spec.policy.retry_failed = 1;
    f->spec.policy.error_threshold_percent = 0;
    f->spec.policy.error_minimum_sample = 2;
    create_and_start(f);
    report(f, 102, KEDGE_DEPLOYMENT_REJECTED);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    tick_at(f, NOW + 600000);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
}

/* Half of the group is enough, and there already; but the other half is yet to be tried again. */
static void no_gate_is_judged_before_the_last_attempt_has_ended(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 3);
    f->targets[2].group_index = 1;
    f->spec.group_count = 2;
    f->spec.policy.retry_timed_out = 1;
    f->spec.policy.success_threshold_percent = 50;
    f->spec.policy.error_threshold_percent = 100;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 102, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(group_of(f)->state, KEDGE_GROUP_RUNNING);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_PENDING);
    tick_at(f, NOW + 600000);
    report(f, 102, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(group_of(f)->state, KEDGE_GROUP_SUCCEEDED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_OFFERED);
}

static void after_the_deadline_no_further_attempt_follows(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.retry_failed = 1;
    f->spec.policy.deadline_s = 60;
    create_and_start(f);
    tick_at(f, NOW + 60000);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
}

static void at_the_deadline_the_last_attempt_has_been_and_counts(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 2);
    f->spec.policy.retry_failed = 1;
    f->spec.policy.deadline_s = 60;
    f->targets[1].present = false;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    tick_at(f, NOW + 60000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_TIMED_OUT); /* which was offered nothing */
    assert_int_equal(group_of(f)->errors, 1);
    assert_says(f, 101, "still pending, attempt 2, at the rollout's deadline, 60 s after");
}

static void after_the_deadline_no_attempt_follows(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 1;
    f->spec.policy.deadline_s = 60;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    tick_at(f, NOW + 60000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_INSTALLING);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_true(said(&f->output, "installing", "failed"));
}

static void an_abort_cancels_who_waits_and_gives_nobody_another_attempt(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 2);
    f->spec.policy.retry_failed = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    report(f, 102, KEDGE_DEPLOYMENT_INSTALLING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_CANCELED);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_true(said(&f->output, "installing", "failed"));
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    assert_int_equal(f->output.next_tick_at_ms, 0);
}

static void a_pause_lets_the_attempt_wait_for_the_resume(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 1;
    create_and_start(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    tick_at(f, NOW + 600000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    assert_says(f, 101, "pending: the rollout is paused (paused by alice); attempt 2 is due (");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
}

static void reload_one(struct fixture *f)
{
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *group_of(f);
    struct kedge_deployment records[] = {record_of(f, 101), record_of(f, 102)};
    reload(f, &rollout, &group, records, 2);
}

static void after_a_restart_the_attempt_comes_when_it_was_due(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 2;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    f->now_ms += 100000;
    reload_one(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(offers(&f->output), 0);
    assert_int_equal(f->output.next_tick_at_ms, NOW + 600000);
    assert_says(f, 101, "attempt 2 is due in 500 s");
    tick_at(f, NOW + 600000);
    assert_int_equal(offers(&f->output), 1);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    tick_at(f, NOW + 1200000);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED); /* the first attempt was not forgotten */
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(group_of(f)->errors, 1);
}

static void after_a_restart_no_attempt_waits_longer_than_it_would_have(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    f->now_ms = NOW - 1000000; /* by a clock that nobody can vouch for */
    reload_one(f);
    assert_int_equal(record_of(f, 101).retry_at_ms, f->now_ms + 600000);
}

static void who_does_not_come_back_after_a_restart_has_its_attempts_too(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_timed_out = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_VERIFYING);
    reload_one(f);
    tick_at(f, NOW + f->spec.policy.verify_limit_s * 1000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    assert_says(f, 101, "did not come back in time after a restart of the server");
}

static void when_the_clock_is_set_the_attempt_moves_with_it(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    kedge_engine_clock_stepped(f->engine, -3600000);
    assert_int_equal(record_of(f, 101).retry_at_ms, NOW - 3600000 + 600000);
    tick_at(f, NOW - 3600000 + 600000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
}

/* It timed out, and comes back on the version: a success of the rollout, which it moved. */
static void who_comes_back_on_the_version_needs_no_other_attempt(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_timed_out = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_VERIFYING);
    report(f, 101, KEDGE_DEPLOYMENT_TIMED_OUT);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(group_of(f)->already, 0);
}

/* It came back first: nothing is waited for, least of all at no time. */
static void who_is_back_on_the_version_when_the_attempt_ends_needs_no_other(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_timed_out = 1;
    f->spec.policy.deadline_s = 3600;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_VERIFYING);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    report(f, 101, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_true(f->output.next_tick_at_ms == NOW + 3600000);
}

static void a_newer_rollout_takes_the_place_of_an_attempt(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 2);
    f->spec.policy.retry_failed = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    report(f, 102, KEDGE_DEPLOYMENT_INSTALLING);
    f->spec.version = "1.2.0";
    create_and_start(f);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUPERSEDED);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_FAILED);
}

static void falling_asleep_takes_no_attempt_away(void **state)
{
    struct fixture *f = *state;
    one_device(f);
    f->spec.policy.retry_failed = 2;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    tick_at(f, NOW + 600000);
    sleeps(f, "dev-0", NOW + 90000000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    reload_one(f); /* and its record is one that fits */
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    assert_string_equal(f->output.history[0].text,
                        "offered as 1 of at most 100 in flight, attempt 2");
}

/* A success that does not last has ended already: what it was is not tried again. */
static void who_falls_back_is_not_tried_again(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 2);
    f->spec.policy.retry_failed = 1;
    f->spec.policy.error_threshold_percent = 100;
    create_and_start(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.1.0");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failure_is_tried_again_when_the_time_has_come_and_not_before),
        TEST(without_a_word_of_it_nothing_is_tried_again),
        TEST(each_kind_has_attempts_of_its_own),
        TEST(the_wait_doubles_up_to_its_bound),
        TEST(without_a_bound_the_wait_stays_the_same),
        TEST(errors_stop_a_rollout_only_with_the_last_attempt),
        TEST(who_waits_for_an_attempt_is_not_in_the_sample),
        TEST(no_gate_is_judged_before_the_last_attempt_has_ended),
        TEST(after_the_deadline_no_further_attempt_follows),
        TEST(at_the_deadline_the_last_attempt_has_been_and_counts),
        TEST(after_the_deadline_no_attempt_follows),
        TEST(an_abort_cancels_who_waits_and_gives_nobody_another_attempt),
        TEST(a_pause_lets_the_attempt_wait_for_the_resume),
        TEST(after_a_restart_the_attempt_comes_when_it_was_due),
        TEST(after_a_restart_no_attempt_waits_longer_than_it_would_have),
        TEST(who_does_not_come_back_after_a_restart_has_its_attempts_too),
        TEST(when_the_clock_is_set_the_attempt_moves_with_it),
        TEST(who_comes_back_on_the_version_needs_no_other_attempt),
        TEST(who_is_back_on_the_version_when_the_attempt_ends_needs_no_other),
        TEST(a_newer_rollout_takes_the_place_of_an_attempt),
        TEST(falling_asleep_takes_no_attempt_away),
        TEST(who_falls_back_is_not_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
