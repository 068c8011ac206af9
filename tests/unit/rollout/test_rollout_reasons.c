/*
 * Why a group is where it is, and what it waits for, also while its rollout does not go on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <stdio.h>
#include <string.h>

static void assert_group_says(struct fixture *f, uint32_t index, const char *words)
{
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_group(f->engine, 42, index, f->now_ms, text), KEDGE_OK);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void assert_rollout_says(struct fixture *f, const char *words)
{
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_rollout(f->engine, 42, f->now_ms, text), KEDGE_OK);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void act_on(struct fixture *f, enum kedge_engine_event_kind kind)
{
    assert_int_equal(act(f, kind, 42), KEDGE_OK);
}

static void approve(struct fixture *f)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_ROLLOUT_APPROVE, .who = "bob", .rollout_id = 42};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

/* dev-0 and dev-1 in the first group, the others in the second. */
static void start_two_groups(struct fixture *f)
{
    f->spec.group_count = 2;
    for (size_t i = 2; i < 5; i++)
        f->targets[i].group_index = 1;
    create_and_start(f);
}

static void a_soak_that_has_passed_waits_for_somebody_to_resume(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.group_soak_s = 60;
    start_two_groups(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_group_says(f, 0, "group 1 is soaking: its gate is judged in 60 s");
    act_on(f, KEDGE_EVENT_ROLLOUT_PAUSE);
    tick_at(f, NOW + 70000);
    assert_group_says(f, 0,
                      "group 1 is soaking for another 0 s: the rollout is paused, and its gate "
                      "is judged after that and when somebody has resumed it");
    assert_group_says(f, 1, "group 2 is scheduled: it starts after the gate of group 1");
    act_on(f, KEDGE_EVENT_ROLLOUT_RESUME);
    assert_group_says(f, 0, "group 1 is succeeded: 2 of 2 devices succeeded, at least 80 %");
}

static void a_group_whose_devices_are_done_waits_for_somebody_to_resume(void **state)
{
    struct fixture *f = *state;
    f->spec.dynamic = true; /* which has another group that waits for devices to come */
    start_two_groups(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    act_on(f, KEDGE_EVENT_ROLLOUT_PAUSE);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_group_says(f, 0,
                      "group 1 is running: of 2 devices 2 succeeded, 0 ended in error (more "
                      "than 20 % would pause the rollout), 0 are in flight, 0 are pending; the "
                      "rollout is paused, and it goes no further before somebody resumes it");
}

static void a_gate_that_waits_for_an_approval_waits_for_the_rollout_too(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.approval = KEDGE_APPROVAL_GROUPS;
    f->spec.group_count = 2;
    for (size_t i = 2; i < 5; i++)
        f->targets[i].group_index = 1;
    assert_int_equal(create(f), KEDGE_OK);
    approve(f);
    start(f, 42);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_group_says(f, 0, "somebody other than alice must approve that group 2 begins");
    act_on(f, KEDGE_EVENT_ROLLOUT_PAUSE);
    assert_group_says(f, 0,
                      "must approve that group 2 begins; the rollout is paused, and it goes no "
                      "further before somebody resumes it");
}

static void groups_of_a_rollout_that_ends_wait_for_nothing_else(void **state)
{
    struct fixture *f = *state;
    start_two_groups(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    act_on(f, KEDGE_EVENT_ROLLOUT_ABORT);
    assert_group_says(f, 0,
                      "group 1 is running: the rollout is aborting, and the group ends with it, "
                      "when 1 device that is installing already is done");
    assert_group_says(f, 1,
                      "group 2 is scheduled: the rollout is aborting, and the group ends with "
                      "it, when 1 device ");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_group_says(f, 1, "group 2 is failed: the rollout was aborted");
}

static void one_that_was_approved_waits_to_be_started(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.approval = KEDGE_APPROVAL_START;
    assert_int_equal(create(f), KEDGE_OK);
    assert_rollout_says(f,
                        "waiting_for_approval: created; waiting for somebody other than alice to "
                        "approve it, with 5 devices in 1 group");
    approve(f);
    assert_rollout_says(
        f, "ready: approved by bob; waiting to be started, with 5 devices in 1 group");
}

static void one_that_was_aborted_says_how_far_it_came(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 102, KEDGE_DEPLOYMENT_FAILED);
    act_on(f, KEDGE_EVENT_ROLLOUT_ABORT);
    assert_rollout_says(f,
                        "aborted: aborted by alice; of 5 devices 1 had succeeded, and 1 had ended "
                        "in error");
}

static void an_abort_of_many_says_how_many_are_left(void **state)
{
    struct fixture *f = *state;
    kedge_engine_set_slice(f->engine, 1);
    create_and_start(f);
    act_on(f, KEDGE_EVENT_ROLLOUT_ABORT);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTING);
    uint32_t left = 5 - kedge_engine_group(f->engine, 42, 0)->counts[KEDGE_DEPLOYMENT_CANCELED];
    char words[128];
    assert_true(left > 0);
    (void)snprintf(words, sizeof(words),
                   "aborting: aborted by alice; %u devices are still to be canceled",
                   (unsigned)left);
    assert_rollout_says(f, words);
    (void)snprintf(words, sizeof(words),
                   "the group ends with it, when %u devices of it are canceled", (unsigned)left);
    assert_group_says(f, 0, words);
}

/* dev-0 alone in the first group, the others in the second. */
static void a_group_of_one_is_told_as_one(void **state)
{
    struct fixture *f = *state;
    f->spec.group_count = 2;
    for (size_t i = 1; i < 5; i++)
        f->targets[i].group_index = 1;
    f->spec.policy.group_soak_s = 60;
    create_and_start(f);
    assert_rollout_says(f, "running: group 1 is running: of 1 device 0 succeeded, 0 ended in error "
                           "(more than 20 % would pause the rollout), 1 is in flight, 0 are "
                           "pending");
    act_on(f, KEDGE_EVENT_ROLLOUT_PAUSE);
    assert_rollout_says(f, "; 1 device in flight goes on, and nobody new");
    act_on(f, KEDGE_EVENT_ROLLOUT_RESUME);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_string_equal(kedge_engine_group(f->engine, 42, 0)->reason,
                        "its 1 device is done; soaking for 60 s");
    tick_at(f, NOW + 70000);
    assert_group_says(f, 0, "group 1 is succeeded: 1 of 1 device succeeded, at least 80 %");
}

static void a_result_is_told_by_the_reason_alone(void **state)
{
    struct kedge_deployment record = {.state = KEDGE_DEPLOYMENT_SUCCEEDED, .update_result = 1};
    char text[KEDGE_EXPLANATION_MAX];
    (void)state;
    strcpy(record.reason, "runs version 1.1.0 already, with Result 1");
    kedge_deployment_explain(&record, text);
    assert_string_equal(text, "succeeded: runs version 1.1.0 already, with Result 1");
    record = (struct kedge_deployment){.state = KEDGE_DEPLOYMENT_FAILED, .update_result = 8};
    strcpy(record.reason, "State 0 (Idle), Result 8 (update failed)");
    kedge_deployment_explain(&record, text);
    assert_string_equal(text, "failed: State 0 (Idle), Result 8 (update failed)");
    strcpy(record.reason, "canceled by alice");
    kedge_deployment_explain(&record, text);
    assert_string_equal(text, "failed: canceled by alice");
    record.reason[0] = '\0';
    kedge_deployment_explain(&record, text);
    assert_string_equal(text, "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_soak_that_has_passed_waits_for_somebody_to_resume),
        TEST(a_group_whose_devices_are_done_waits_for_somebody_to_resume),
        TEST(a_gate_that_waits_for_an_approval_waits_for_the_rollout_too),
        TEST(groups_of_a_rollout_that_ends_wait_for_nothing_else),
        TEST(one_that_was_approved_waits_to_be_started),
        TEST(one_that_was_aborted_says_how_far_it_came),
        TEST(an_abort_of_many_says_how_many_are_left),
        TEST(a_group_of_one_is_told_as_one),
        cmocka_unit_test(a_result_is_told_by_the_reason_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
