/*
 * Devices that come to match a dynamic rollout later: which group they join, what that does to
 * gates and errors, when nobody joins any more; and that a static rollout stays as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <stdio.h>
#include <string.h>

static void succeeds(struct fixture *f, uint64_t first, uint64_t last)
{
    for (uint64_t id = first; id <= last; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
}

/* Rollout 42 with 101 to 105 in its first group and nobody in the second, which is joined. */
static void create_dynamic(struct fixture *f)
{
    f->spec.dynamic = true;
    create_and_start(f);
}

static enum kedge_group_state group_state(const struct fixture *f, uint32_t index)
{
    return kedge_engine_group(f->engine, 42, index)->state;
}

static void who_comes_later_joins_the_last_group_and_changes_no_other(void **state)
{
    struct fixture *f = *state;
    create_dynamic(f);
    const struct kedge_rollout *rollout = kedge_engine_rollout(f->engine, 42);
    assert_int_equal(rollout->group_count, 2);
    assert_string_equal(kedge_engine_group(f->engine, 42, 1)->name, "joined");
    assert_int_equal(kedge_engine_joinable(f->engine, 0), 42);
    joins(f, 42, "late");
    assert_int_equal(f->output.deployment_count, 1);
    assert_int_equal(f->output.deployments[0].group_index, 1);
    assert_int_equal(f->output.rollouts[0].device_count, 6);
    assert_true(said(&f->output, "pending", "pending"));
    assert_int_equal(offers(&f->output), 0); /* its group has not begun */
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->counts[KEDGE_DEPLOYMENT_OFFERED], 5);
    assert_says(f, 106, "group 2 starts after the gate of group 1");
    succeeds(f, 101, 105);
    assert_int_equal(group_state(f, 0), KEDGE_GROUP_SUCCEEDED);
    assert_int_equal(state_of(f, 106), KEDGE_DEPLOYMENT_OFFERED);
}

static void it_runs_until_somebody_closes_it(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_EXPLANATION_MAX];
    create_dynamic(f);
    succeeds(f, 101, 105);
    assert_int_equal(group_state(f, 1), KEDGE_GROUP_RUNNING);
    assert_int_equal(kedge_engine_explain_group(f->engine, 42, 1, f->now_ms, text), KEDGE_OK);
    assert_non_null(strstr(text, "all 0 devices that joined are done"));
    joins(f, 42, "late");
    assert_int_equal(offers(&f->output), 1);
    succeeds(f, 106, 106);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_CLOSE, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
    assert_audited(f, "alice rollout.close, server gate.pass, server rollout.finish");
}

static void who_is_at_work_when_it_is_closed_goes_on_to_the_end(void **state)
{
    struct fixture *f = *state;
    create_dynamic(f);
    succeeds(f, 101, 105);
    joins(f, 42, "late");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_CLOSE, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    joins(f, 42, "too-late");
    assert_int_equal(f->output.deployment_count, 0);
    assert_int_equal(kedge_engine_joinable(f->engine, 0), 0);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_CLOSE, 42), KEDGE_E_STATE);
    assert_non_null(strstr(f->output.refusal, "closed already"));
    succeeds(f, 106, 106);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
}

static void nobody_joins_twice_nor_a_static_rollout(void **state)
{
    struct fixture *f = *state;
    create_dynamic(f);
    joins(f, 42, "dev-3"); /* is in its first group */
    assert_int_equal(f->output.deployment_count, 0);
    succeeds(f, 101, 105);
    joins(f, 42, "dev-3"); /* whose part in it has ended */
    assert_int_equal(f->output.deployment_count, 0);
    f->spec.dynamic = false;
    f->spec.version = "1.2.0";
    create_and_start(f);
    joins(f, 43, "late");
    assert_int_equal(f->output.deployment_count, 0);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_CLOSE, 43), KEDGE_E_STATE);
    assert_non_null(strstr(f->output.refusal, "is static"));
}

static void errors_of_those_that_joined_wait_for_the_sample(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_minimum_sample = 3;
    create_dynamic(f);
    succeeds(f, 101, 105);
    /* One that fails alone is all of the group so far, and no sample: others may join. */
    static const char *const late[] = {"late-0", "late-1", "late-2"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
        joins(f, 42, late[i]);
        report(f, 106 + i, KEDGE_DEPLOYMENT_FAILED);
    }
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
}

static void the_gate_of_those_that_joined_is_judged_when_it_is_closed(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_threshold_percent = 100;
    create_dynamic(f);
    succeeds(f, 101, 105);
    joins(f, 42, "late");
    report(f, 106, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(group_state(f, 1), KEDGE_GROUP_RUNNING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_CLOSE, 42), KEDGE_OK);
    assert_int_equal(group_state(f, 1), KEDGE_GROUP_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
}

static void the_deadline_closes_it(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 100;
    create_dynamic(f);
    succeeds(f, 101, 105);
    tick_at(f, NOW + 100000);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
}

static void a_list_of_devices_cannot_be_dynamic(void **state)
{
    struct fixture *f = *state;
    f->spec.dynamic = true;
    f->spec.all_devices = false;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_non_null(strstr(f->output.refusal, "not one for a list"));
    f->spec.all_devices = true;
    f->spec.group_count = KEDGE_ROLLOUT_GROUPS_MAX;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_non_null(strstr(f->output.refusal, "1 to 63 groups"));
}

static void who_joins_ends_what_an_older_rollout_had_not_begun_with(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 6);
    f->spec.policy.in_flight_max = 1;
    create_and_start(f); /* 42, static, with dev-0 to dev-5, of which one is offered it */
    f->spec.version = "1.2.0";
    f->spec.dynamic = true;
    fill_targets(f, 1);
    create_and_start(f); /* 43, with dev-0 */
    joins(f, 43, "dev-5");
    assert_int_equal(state_of(f, 106), KEDGE_DEPLOYMENT_SUPERSEDED);
}

/* The newest is told first, and keeps the device. */
static void who_matches_two_rollouts_is_the_newer_ones(void **state)
{
    struct fixture *f = *state;
    create_dynamic(f); /* 42 */
    f->spec.version = "1.2.0";
    create_and_start(f); /* 43 */
    joins(f, 43, "late");
    joins(f, 42, "late");
    assert_int_equal(state_of(f, 111), KEDGE_DEPLOYMENT_PENDING);
    assert_int_equal(state_of(f, 112), KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_says(f, 112, "rollout 43, which is newer, has the device");
    joins(f, 42, "later");
    joins(f, 43, "later");
    assert_int_equal(state_of(f, 113), KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_int_equal(state_of(f, 114), KEDGE_DEPLOYMENT_PENDING);
}

static void it_is_loaded_as_it_was(void **state)
{
    struct fixture *f = *state;
    static struct kedge_deployment records[6];
    create_dynamic(f);
    joins(f, 42, "late");
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group groups[2] = {*kedge_engine_group(f->engine, 42, 0),
                                    *kedge_engine_group(f->engine, 42, 1)};
    take_deployments(f, 101, 6, records);
    struct kedge_engine_ids last = {.rollout_id = 42, .deployment_id = 106};
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_rollout(f->engine, &rollout), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(f->engine, &groups[0]), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(f->engine, &groups[1]), KEDGE_OK);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(kedge_engine_load_deployment(f->engine, &records[i]), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    assert_int_equal(kedge_engine_joinable(f->engine, 0), 42);
    joins(f, 42, "late");
    assert_int_equal(f->output.deployment_count, 0);
    joins(f, 42, "later");
    assert_int_equal(f->output.deployments[0].id, 107);
}

static void of_several_the_newest_is_told_first(void **state)
{
    struct fixture *f = *state;
    create_dynamic(f);
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(kedge_engine_joinable(f->engine, 0), 43);
    assert_int_equal(kedge_engine_joinable(f->engine, 43), 42);
    assert_int_equal(kedge_engine_joinable(f->engine, 42), 0);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 43), KEDGE_OK);
    assert_int_equal(kedge_engine_joinable(f->engine, 0), 42);
}

static void changes(struct fixture *f, const char *endpoint, const char *class_name,
                    const char *version)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEVICE_PRESENT,
                                       .device = {.endpoint = endpoint,
                                                  .vendor = "acme.example",
                                                  .class_name = class_name,
                                                  .version = version}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

/* Whatever part of it has begun, no rollout waits for a device of another class. */
static void a_device_that_changes_its_class_keeps_nobody_waiting(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 1;
    f->spec.policy.success_threshold_percent = 0;
    create_and_start(f);
    changes(f, "dev-1", "gateway", "9.0.0"); /* pending */
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_CANCELED);
    changes(f, "dev-0", "gateway", "1.0.0"); /* at work: it goes on to what its driver says */
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    report(f, 101, KEDGE_DEPLOYMENT_REJECTED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_OFFERED);
    device(f, KEDGE_EVENT_DEVICE_GONE, "dev-4", "1.0.0");
    succeeds(f, 103, 104);
    changes(f, "dev-4", "gateway", "9.0.0"); /* away, and another one when it comes */
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_comes_later_joins_the_last_group_and_changes_no_other),
        TEST(it_runs_until_somebody_closes_it),
        TEST(who_is_at_work_when_it_is_closed_goes_on_to_the_end),
        TEST(nobody_joins_twice_nor_a_static_rollout),
        TEST(errors_of_those_that_joined_wait_for_the_sample),
        TEST(the_gate_of_those_that_joined_is_judged_when_it_is_closed),
        TEST(the_deadline_closes_it),
        TEST(a_list_of_devices_cannot_be_dynamic),
        TEST(who_joins_ends_what_an_older_rollout_had_not_begun_with),
        TEST(who_matches_two_rollouts_is_the_newer_ones),
        TEST(it_is_loaded_as_it_was),
        TEST(of_several_the_newest_is_told_first),
        TEST(a_device_that_changes_its_class_keeps_nobody_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
