/*
 * A rollout that is made in parts is a draft until all its devices are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

/* Begins 42 with the first two of five devices. */
static void begin_draft(struct fixture *f)
{
    f->spec.target_total = f->spec.target_count;
    f->spec.target_count = 2;
    assert_int_equal(create(f), KEDGE_OK);
    assert_int_equal(f->output.rollout_id, 42);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_DRAFT);
}

static enum kedge_rc add(struct fixture *f, size_t from, size_t count)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_ADD,
                                       .who = "alice",
                                       .rollout_id = 42,
                                       .add = {.targets = &f->targets[from], .count = count}};
    return kedge_engine_handle(f->engine, f->now_ms, &event, &f->output);
}

static const char *explained(struct fixture *f)
{
    static char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_rollout(f->engine, 42, f->now_ms, text), KEDGE_OK);
    return text;
}

static void assert_counts(struct fixture *f, enum kedge_deployment_state state, uint32_t count)
{
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->counts[state], count);
}

/* Loads what is durable of 42 anew. */
static void restart(struct fixture *f, uint64_t count)
{
    struct kedge_deployment records[5];
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    take_deployments(f, 101, count, records);
    reload(f, &rollout, &group, records, count);
}

static void it_is_ready_when_the_last_device_is_written(void **state)
{
    struct fixture *f = *state;
    begin_draft(f);
    assert_int_equal(f->output.deployment_count, 2);
    assert_string_equal(explained(f), "draft: being created, 2 of 5 devices are written");
    assert_says(f, 101, "pending: the rollout is being created, 2 of 5 devices are written");
    assert_int_equal(add(f, 2, 2), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_DRAFT);
    assert_int_equal(f->output.deployment_count, 2);
    assert_int_equal(f->output.group_count, 1);
    assert_int_equal(add(f, 4, 1), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_READY);
    assert_true(said(&f->output, "draft", "ready"));
    assert_non_null(strstr(explained(f), "ready: created; waiting to be started"));
    assert_counts(f, KEDGE_DEPLOYMENT_PENDING, 5);
    start(f, 42);
    assert_int_equal(offers(&f->output), 5);
}

static void it_waits_for_an_approval_when_the_last_device_is_written(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.approval = KEDGE_APPROVAL_START;
    begin_draft(f);
    assert_int_equal(add(f, 2, 3), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_WAITING_FOR_APPROVAL);
    assert_non_null(strstr(explained(f), "waiting for somebody other than alice"));
}

static void it_starts_at_its_time_and_not_before_it_is_complete(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + 60000;
    begin_draft(f);
    tick_at(f, NOW + 60000);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_DRAFT);
    assert_int_equal(add(f, 2, 3), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

static void nobody_can_start_a_draft(void **state)
{
    struct fixture *f = *state;
    begin_draft(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 42), KEDGE_E_STATE);
    assert_string_equal(f->output.refusal, "rollout 42 is draft: it cannot be started");
}

static void nobody_joins_a_draft(void **state)
{
    struct fixture *f = *state;
    f->spec.dynamic = true;
    begin_draft(f);
    assert_int_equal(kedge_engine_joinable(f->engine, 0), 0);
    assert_int_equal(add(f, 2, 3), KEDGE_OK);
    assert_int_equal(kedge_engine_joinable(f->engine, 0), 42);
}

static void what_does_not_fit_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    begin_draft(f);
    f->targets[3].vendor = "other.example";
    assert_int_equal(add(f, 2, 2), KEDGE_E_VENDOR);
    f->targets[3].vendor = "acme.example";
    assert_int_equal(add(f, 1, 2), KEDGE_E_ARGUMENT);
    assert_string_equal(f->output.refusal, "device dev-1 is listed twice");
    f->targets[4].group_index = 1;
    assert_int_equal(add(f, 4, 1), KEDGE_E_ARGUMENT);
    f->targets[4].group_index = 0;
    assert_string_equal(explained(f), "draft: being created, 2 of 5 devices are written");
    fill_targets(f, 6);
    assert_int_equal(add(f, 2, 4), KEDGE_E_LIMIT);
    assert_int_equal(add(f, 2, 3), KEDGE_OK);
    assert_int_equal(add(f, 5, 1), KEDGE_E_STATE);
}

static void an_aborted_draft_takes_no_devices_and_counts_those_it_has(void **state)
{
    struct fixture *f = *state;
    begin_draft(f);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    assert_int_equal(kedge_engine_rollout(f->engine, 42)->device_count, 2);
    assert_counts(f, KEDGE_DEPLOYMENT_CANCELED, 2);
    assert_int_equal(add(f, 2, 3), KEDGE_E_STATE);
    assert_non_null(strstr(f->output.refusal, "rollout 42 is aborted (aborted by alice)"));
}

static void a_restart_aborts_a_draft_and_says_how_far_it_came(void **state)
{
    struct fixture *f = *state;
    begin_draft(f);
    assert_int_equal(add(f, 2, 1), KEDGE_OK);
    restart(f, 3);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
    assert_non_null(strstr(explained(f), "with 3 of 5 devices written: create it again"));
    assert_int_equal(kedge_engine_rollout(f->engine, 42)->device_count, 3);
    assert_counts(f, KEDGE_DEPLOYMENT_CANCELED, 3);
    assert_true(said(&f->output, "draft", "aborting"));
}

static void one_that_was_aborted_by_a_restart_survives_another(void **state)
{
    struct fixture *f = *state;
    begin_draft(f);
    kedge_engine_set_slice(f->engine, 1);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTING);
    restart(f, 2);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
}

static void targets_are_checked_all_at_once_before(void **state)
{
    struct fixture *f = *state;
    char why[KEDGE_REFUSAL_MAX];
    assert_int_equal(kedge_rollout_targets_check(&f->spec, why), KEDGE_OK);
    f->spec.group_count = 2;
    assert_int_equal(kedge_rollout_targets_check(&f->spec, why), KEDGE_E_ARGUMENT);
    assert_string_equal(why, "group 2 has no device");
    f->targets[4].group_index = 1;
    f->targets[0].endpoint = "dev-4";
    assert_int_equal(kedge_rollout_targets_check(&f->spec, why), KEDGE_E_ARGUMENT);
    assert_string_equal(why, "device dev-4 is listed twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_ready_when_the_last_device_is_written),
        TEST(it_waits_for_an_approval_when_the_last_device_is_written),
        TEST(it_starts_at_its_time_and_not_before_it_is_complete),
        TEST(nobody_can_start_a_draft),
        TEST(nobody_joins_a_draft),
        TEST(what_does_not_fit_is_refused_and_changes_nothing),
        TEST(an_aborted_draft_takes_no_devices_and_counts_those_it_has),
        TEST(a_restart_aborts_a_draft_and_says_how_far_it_came),
        TEST(one_that_was_aborted_by_a_restart_survives_another),
        TEST(targets_are_checked_all_at_once_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
