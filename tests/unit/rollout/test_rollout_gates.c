/*
 * When errors stop a rollout, and when a gate opens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

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

/* Of 10 devices one rejection is borne, and errors of other kinds are not counted with it. */
static void each_kind_of_errors_has_a_threshold_of_its_own(void **state)
{
    struct fixture *f = *state;
    fill_targets(f, 10);
    f->spec.policy.error_threshold_percent = 100;
    f->spec.policy.error_minimum_sample = 0;
    f->spec.policy.rejected_threshold_percent = 10;
    f->spec.policy.timed_out_threshold_percent = 30;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_REJECTED);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    report(f, 103, KEDGE_DEPLOYMENT_FAILED);
    report(f, 104, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    report(f, 105, KEDGE_DEPLOYMENT_REJECTED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
    assert_string_equal(kedge_engine_rollout(f->engine, 42)->reason,
                        "2 of 10 devices of group 1 rejected the package, more than 10 %");
    /* Who resumes has accepted these two: failures and time-outs do not bring them up again. */
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    report(f, 106, KEDGE_DEPLOYMENT_FAILED);
    report(f, 107, KEDGE_DEPLOYMENT_TIMED_OUT);
    report(f, 108, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    report(f, 109, KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
    assert_string_equal(kedge_engine_rollout(f->engine, 42)->reason,
                        "4 of 10 devices of group 1 timed out, more than 30 %");
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

/* In the soak of its group one falls back: it counts at the gate, which stays shut. */
static void who_falls_back_later_has_failed_and_counts_at_the_gate(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.group_soak_s = 60;
    f->spec.policy.error_threshold_percent = 20;
    f->spec.policy.success_threshold_percent = 100;
    create_and_start(f);
    for (uint64_t i = 0; i < 5; i++) {
        device(f, KEDGE_EVENT_DEVICE_PRESENT, f->endpoints[i], "1.1.0");
        report(f, 101 + i, KEDGE_DEPLOYMENT_SUCCEEDED);
    }
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_SOAKING);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.1.0");
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_SUCCEEDED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.0.0");
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_FAILED);
    assert_says(f, 104, "had succeeded, and runs version 1.0.0 now instead of 1.1.0");
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 1);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.1.0"); /* too late */
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_FAILED);
    tick_at(f, f->now_ms + 60000);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_FAILED);
}

static void too_many_that_fall_back_stop_a_soak(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.group_soak_s = 60;
    f->spec.policy.error_threshold_percent = 20;
    create_and_start(f);
    for (uint64_t i = 0; i < 5; i++) {
        device(f, KEDGE_EVENT_DEVICE_PRESENT, f->endpoints[i], "1.1.0");
        report(f, 101 + i, KEDGE_DEPLOYMENT_SUCCEEDED);
    }
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-3", "1.0.0");
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-4", "1.0.0");
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
}

/* Its version never was the wanted one, so it says nothing; and what a newer rollout brings is no
 * falling back. */
static void another_version_is_no_falling_back_where_it_does_not_tell(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "0.9.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);

    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-1", "1.1.0");
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    f->spec.version = "1.2.0";
    fill_targets(f, 2);
    create_and_start(f);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-1", "1.2.0");
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_SUCCEEDED);
}

static enum kedge_rc act_as(struct fixture *f, const char *who, enum kedge_engine_event_kind kind)
{
    struct kedge_engine_event event = {.kind = kind, .who = who, .rollout_id = 42};
    return kedge_engine_handle(f->engine, f->now_ms, &event, &f->output);
}

static void somebody_else_lets_a_rollout_begin(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.approval = KEDGE_APPROVAL_START;
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_WAITING_FOR_APPROVAL);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 42), KEDGE_E_STATE);
    assert_int_equal(act_as(f, "alice", KEDGE_EVENT_ROLLOUT_APPROVE), KEDGE_E_CONFLICT);
    assert_string_equal(f->output.refusal, "alice made rollout 42: somebody else must approve it");
    assert_int_equal(act_as(f, "bob", KEDGE_EVENT_ROLLOUT_APPROVE), KEDGE_OK);
    assert_string_equal(f->output.audit[0].what, "rollout.approve");
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_READY);
    assert_string_equal(kedge_engine_rollout(f->engine, 42)->approver, "bob");
    assert_int_equal(act_as(f, "bob", KEDGE_EVENT_ROLLOUT_APPROVE), KEDGE_E_STATE);
    start(f, 42);
    assert_int_equal(act_as(f, "bob", KEDGE_EVENT_ROLLOUT_APPROVE), KEDGE_E_STATE);
    assert_non_null(strstr(f->output.refusal, "no group of rollout 42 waits for an approval"));
}

/* The rules' rows have the rollout as their subject, and why they did so. */
static void what_rules_decide_is_audited_and_what_devices_do_is_not(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.error_threshold_percent = 20;
    f->spec.policy.error_minimum_sample = 0;
    create_and_start(f);
    assert_audited(f, "alice rollout.start, server group.start");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_audited(f, "");
    report(f, 103, KEDGE_DEPLOYMENT_FAILED);
    assert_audited(f, "server rollout.pause");
    assert_string_equal(f->output.audit[0].subject, "42");
    assert_string_equal(f->output.audit[0].before, "running");
    assert_string_equal(f->output.audit[0].after,
                        "paused: 2 of 5 devices of group 1 ended in error, more than 20 %");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    assert_audited(f, "alice rollout.resume");
    report(f, 104, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_audited(f, "");
    f->now_ms++;
    report(f, 105, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_audited(f, "server gate.fail, server rollout.finish");
    assert_string_equal(f->output.audit[0].before, "group 1 waiting_for_gate");
}

static void somebody_else_lets_a_rollout_go_on_behind_each_gate(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_EXPLANATION_MAX];
    fill_targets(f, 2);
    f->targets[1].group_index = 1;
    f->spec.group_count = 2;
    f->spec.policy.approval = KEDGE_APPROVAL_GROUPS;
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(act_as(f, "bob", KEDGE_EVENT_ROLLOUT_APPROVE), KEDGE_OK);
    start(f, 42);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_WAITING_FOR_GATE);
    assert_int_equal(offers(&f->output), 0);
    assert_int_equal(kedge_engine_explain_rollout(f->engine, 42, f->now_ms, text), KEDGE_OK);
    assert_non_null(strstr(text, "1 of 1 device succeeded, and somebody other than alice must "
                                 "approve that group 2 begins"));
    assert_int_equal(act_as(f, "alice", KEDGE_EVENT_ROLLOUT_APPROVE), KEDGE_E_CONFLICT);
    assert_int_equal(act_as(f, "carol", KEDGE_EVENT_ROLLOUT_APPROVE), KEDGE_OK);
    assert_string_equal(kedge_engine_group(f->engine, 42, 0)->approver, "carol");
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_SUCCEEDED);
    assert_int_equal(offers(&f->output), 1);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED); /* nothing follows the last gate */
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_FINISHED);
}

/* Two groups of five; the first bears one error of five less than the rollout does. */
static void what_a_group_says_of_its_gate_counts_for_it_alone(void **state)
{
    struct fixture *f = *state;
    struct kedge_group_gate gate;
    kedge_group_gate_unset(&gate);
    gate.error_threshold_percent = 20;
    gate.error_minimum_sample = 2;
    const struct kedge_group_plan plans[] = {{.name = "careful", .gate = &gate}, {.name = "b"}};
    fill_targets(f, 10);
    for (size_t i = 5; i < 10; i++)
        f->targets[i].group_index = 1;
    f->spec.group_count = 2;
    f->spec.groups = plans;
    f->spec.policy.error_threshold_percent = 40;
    f->spec.policy.error_minimum_sample = 0;
    f->spec.policy.success_threshold_percent = 0;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
    assert_string_equal(kedge_engine_rollout(f->engine, 42)->reason,
                        "2 of 5 devices of group 1 ended in error, more than 20 %");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    for (uint64_t id = 103; id <= 105; id++)
        report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 106, KEDGE_DEPLOYMENT_FAILED);
    report(f, 107, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    report(f, 108, KEDGE_DEPLOYMENT_FAILED);
    assert_string_equal(kedge_engine_rollout(f->engine, 42)->reason,
                        "3 of 5 devices of group 2 ended in error, more than 40 %");
}

/* Four of five are 80 %: enough for the rollout, and not for this group; at 80 % they are. */
static void a_group_may_ask_for_more_successes_and_a_soak_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct kedge_group_gate gate;
    kedge_group_gate_unset(&gate);
    gate.group_soak_s = 30;
    const struct kedge_group_plan plans[] = {{.gate = &gate}};
    f->spec.groups = plans;
    f->spec.policy.error_threshold_percent = 100;
    f->spec.policy.group_soak_s = 7;
    for (gate.success_threshold_percent = 80; gate.success_threshold_percent <= 81;
         gate.success_threshold_percent++) {
        assert_int_equal(create(f), KEDGE_OK);
        uint64_t rollout = f->output.rollout_id;
        uint64_t first = 101 + (rollout - 42) * 5;
        start(f, rollout);
        report(f, first, KEDGE_DEPLOYMENT_FAILED);
        for (uint64_t id = first + 1; id < first + 5; id++)
            report(f, id, KEDGE_DEPLOYMENT_SUCCEEDED);
        tick_at(f, f->now_ms + 29999);
        assert_int_equal(kedge_engine_group(f->engine, rollout, 0)->state, KEDGE_GROUP_SOAKING);
        tick_at(f, f->now_ms + 1);
        assert_int_equal(kedge_engine_group(f->engine, rollout, 0)->state,
                         rollout == 42 ? KEDGE_GROUP_SUCCEEDED : KEDGE_GROUP_FAILED);
    }
}

/* Somebody must approve what follows the first group, and nobody what follows the second. */
static void a_group_may_ask_for_an_approval_or_do_without(void **state)
{
    struct fixture *f = *state;
    struct kedge_group_gate asks, does_without;
    kedge_group_gate_unset(&asks);
    kedge_group_gate_unset(&does_without);
    asks.approval = 1;
    does_without.approval = 0;
    for (enum kedge_approval approval = KEDGE_APPROVAL_NONE; approval < KEDGE_APPROVAL_COUNT;
         approval++) {
        const struct kedge_group_plan plans[] = {{.gate = &asks}, {.gate = &does_without}, {0}};
        fill_targets(f, 3);
        for (uint32_t i = 0; i < 3; i++)
            f->targets[i].group_index = i;
        f->spec.group_count = 3;
        f->spec.groups = plans;
        f->spec.policy.approval = approval;
        assert_int_equal(create(f), KEDGE_OK);
        uint64_t rollout = f->output.rollout_id, first = 101 + (rollout - 42) * 3;
        struct kedge_engine_event approve = {
            .kind = KEDGE_EVENT_ROLLOUT_APPROVE, .who = "bob", .rollout_id = rollout};
        if (approval != KEDGE_APPROVAL_NONE)
            assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &approve, &f->output),
                             KEDGE_OK);
        start(f, rollout);
        report(f, first, KEDGE_DEPLOYMENT_SUCCEEDED);
        assert_int_equal(kedge_engine_group(f->engine, rollout, 0)->state,
                         KEDGE_GROUP_WAITING_FOR_GATE);
        assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &approve, &f->output), KEDGE_OK);
        report(f, first + 1, KEDGE_DEPLOYMENT_SUCCEEDED);
        assert_int_equal(kedge_engine_group(f->engine, rollout, 2)->state, KEDGE_GROUP_RUNNING);
        report(f, first + 2, KEDGE_DEPLOYMENT_SUCCEEDED);
    }
}

static void rules_of_groups_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    struct kedge_group_gate gate;
    const struct kedge_group_plan plans[] = {{.gate = &gate}};
    f->spec.groups = plans;
    for (size_t i = 0; i < KEDGE_GATE_FIELD_COUNT; i++) {
        kedge_group_gate_unset(&gate);
        kedge_gate_set(&gate, &kedge_gate_fields[i], kedge_gate_fields[i].most + 1);
        assert_int_equal(create(f), KEDGE_E_ARGUMENT);
        assert_non_null(strstr(f->output.refusal, kedge_gate_fields[i].name));
        kedge_gate_set(&gate, &kedge_gate_fields[i], kedge_gate_fields[i].most);
        assert_int_equal(create(f), KEDGE_OK);
    }
    gate.approval = 2;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    const struct kedge_group_plan filters[] = {{.share = KEDGE_GROUP_FILTER}};
    f->spec.groups = filters;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(errors_trip_above_the_threshold_and_not_at_it),
        TEST(errors_are_not_judged_before_the_sample_is_there),
        TEST(a_group_smaller_than_the_sample_is_judged_at_its_end),
        TEST(who_resumes_accepts_the_errors_so_far_and_no_more),
        TEST(each_kind_of_errors_has_a_threshold_of_its_own),
        TEST(errors_abort_when_that_is_the_action),
        TEST(a_group_soaks_before_its_gate_and_the_next_waits_for_it),
        TEST(the_gate_opens_at_the_threshold_and_not_below),
        TEST(who_falls_back_later_has_failed_and_counts_at_the_gate),
        TEST(too_many_that_fall_back_stop_a_soak),
        TEST(another_version_is_no_falling_back_where_it_does_not_tell),
        TEST(somebody_else_lets_a_rollout_begin),
        TEST(what_rules_decide_is_audited_and_what_devices_do_is_not),
        TEST(somebody_else_lets_a_rollout_go_on_behind_each_gate),
        TEST(a_gate_that_stays_shut_pauses_before_the_next_group),
        TEST(what_a_group_says_of_its_gate_counts_for_it_alone),
        TEST(a_group_may_ask_for_more_successes_and_a_soak_of_its_own),
        TEST(a_group_may_ask_for_an_approval_or_do_without),
        TEST(rules_of_groups_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
