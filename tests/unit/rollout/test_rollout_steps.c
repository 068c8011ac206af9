/*
 * Intermediate packages: which one a device is offered, that it is counted once, what becomes of
 * one that has come half of the way, and which chains are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

#define FIRST "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SECOND "2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct kedge_intermediate intermediates[] = {
    {.package_id = FIRST, .version = "1.4.0", .sequence = 3},
    {.package_id = SECOND, .version = "1.9.0", .sequence = 4},
};
static const struct kedge_fit_conditions conditions[] = {
    {.max_version = "1.3.9", .sequence = 3},
    {.min_version = "1.4.0", .max_version = "1.8.9", .sequence = 4},
};

/* Rollout 42 to 2.0.0, which replaces 1.9.0 and later, with 101 to 105, which run 1.0.0. */
static void create_chain(struct fixture *f)
{
    f->spec.version = "2.0.0";
    f->spec.conditions = (struct kedge_fit_conditions){.min_version = "1.9.0", .sequence = 7};
    f->spec.intermediates = intermediates;
    f->spec.intermediate_conditions = conditions;
    f->spec.intermediate_count = 2;
    create_and_start(f);
}

static struct kedge_deployment record_of(const struct fixture *f, uint64_t id)
{
    struct kedge_deployment record;
    assert_int_equal(kedge_engine_deployment(f->engine, id, &record), KEDGE_OK);
    return record;
}

/* Also of one that is dropped, as its rollout has ended. */
static void assert_written(const struct fixture *f, uint64_t id, enum kedge_deployment_state state)
{
    for (size_t i = 0; i < f->output.deployment_count; i++)
        if (f->output.deployments[i].id == id) {
            assert_int_equal(f->output.deployments[i].state, state);
            return;
        }
    fail();
}

static void assert_at(const struct fixture *f, uint64_t id, const char *version, unsigned done)
{
    struct kedge_deployment record = record_of(f, id);
    const struct kedge_rollout *rollout = kedge_engine_rollout(f->engine, record.rollout_id);
    assert_string_equal(kedge_rollout_step_version(rollout, record.step), version);
    assert_int_equal(record.steps_done, done);
    assert_int_equal(record.state, KEDGE_DEPLOYMENT_OFFERED);
}

static void assert_says_its_step_once(const struct fixture *f, uint64_t id)
{
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_deployment(f->engine, id, f->now_ms, text), KEDGE_OK);
    const char *step = strstr(text, ", step ");
    assert_non_null(step);
    assert_null(strstr(step + 1, ", step "));
}

static void a_device_goes_through_them_one_by_one_and_is_counted_once(void **state)
{
    struct fixture *f = *state;
    f->targets[0].version = "1.9.5"; /* takes it at once */
    f->targets[1].version = "1.5.0"; /* goes through the second alone */
    create_chain(f);
    assert_at(f, 101, "2.0.0", 0);
    assert_at(f, 102, "1.9.0", 0);
    assert_at(f, 103, "1.4.0", 0);
    assert_says(f, 101, "offered as 1 of at most 100 in flight");
    assert_says(f, 102, ", step 1 of 2: to version 1.9.0 (package 21234567), then to 2.0.0");
    assert_says_its_step_once(f, 102);
    assert_says(f, 103, ", step 1 of 3: to version 1.4.0 (package 11234567), then to 2.0.0");
    report(f, 103, KEDGE_DEPLOYMENT_VERIFYING);
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_true(said(&f->output, "verifying", "pending"));
    assert_true(said(&f->output, "pending", "offered"));
    assert_int_equal(offers(&f->output), 1);
    assert_at(f, 103, "1.9.0", 1);
    assert_says(f, 103, ", step 2 of 3: to version 1.9.0");
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_at(f, 103, "2.0.0", 3);
    assert_says(f, 103, ", step 3 of 3: to version 2.0.0 (package 01234567)");
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->counts[KEDGE_DEPLOYMENT_SUCCEEDED], 0);
    report(f, 103, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->counts[KEDGE_DEPLOYMENT_SUCCEEDED], 1);
}

static void an_error_at_any_step_is_one_and_ends_it(void **state)
{
    struct fixture *f = *state;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 1);
}

static void an_attempt_that_follows_is_at_the_step_that_failed(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.retry_failed = 1;
    f->spec.policy.retry_after_s = 1;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    tick_at(f, NOW + 1000);
    assert_at(f, 101, "1.9.0", 1);
}

/* It says a version that no package behind what it has confirmed replaces. */
static void who_leaves_the_way_is_not_sent_through_it_again(void **state)
{
    struct fixture *f = *state;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    sleeps(f, "dev-0", NOW + 60000);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_CANCELED);
    assert_says(f, 101, "not offered: the device now runs a version that the package does not");
}

static void the_deadline_ends_who_waits_for_its_next_step(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 60;
    f->spec.policy.in_flight_max = 1;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED); /* its place is that of 102 now */
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_PENDING);
    assert_says(f, 101, "waits for a place");
    tick_at(f, NOW + 60000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors,
                     1); /* it was offered something */
}

static void a_step_that_is_confirmed_after_the_deadline_is_the_last_one(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 60;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    tick_at(f, NOW + 60000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_INSTALLING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(offers(&f->output), 0);
}

static void a_step_that_is_confirmed_after_an_abort_is_the_last_one(void **state)
{
    struct fixture *f = *state;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_written(f, 101, KEDGE_DEPLOYMENT_CANCELED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
}

static void a_newer_rollout_has_the_device_after_the_step_that_is_at_work(void **state)
{
    struct fixture *f = *state;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    f->spec.intermediate_count = 0;
    f->spec.package_id = "4123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    f->spec.version = "3.0.0";
    f->spec.conditions = (struct kedge_fit_conditions){.hardware = NULL};
    assert_int_equal(create(f), KEDGE_OK);
    start(f, 43);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_INSTALLING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_written(f, 101, KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_written(f, 106, KEDGE_DEPLOYMENT_OFFERED);
}

static void who_has_come_half_of_the_way_is_taken_back_as_well(void **state)
{
    struct fixture *f = *state;
    f->spec.revert_package_id = "3123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    f->spec.revert_version = "2.0.1";
    f->spec.revert_sequence = 8;
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 101, KEDGE_DEPLOYMENT_DOWNLOADING); /* its second step */
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ROLL_BACK, 42), KEDGE_OK);
    const struct kedge_rollout *revert = kedge_engine_rollout(f->engine, 43);
    assert_non_null(revert);
    assert_int_equal(revert->device_count, 1);
    assert_int_equal(revert->intermediate_count, 0);
    assert_string_equal(record_of(f, 106).endpoint, "dev-0");
}

static void where_it_is_outlives_a_restart(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment records[5];
    create_chain(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    sleeps(f, "dev-0", NOW + 60000); /* pending, between two steps */
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    for (uint64_t i = 0; i < 5; i++)
        records[i] = record_of(f, 101 + i);
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    reload(f, &rollout, &group, records, 5);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.4.0");
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-1", "1.4.0");
    assert_at(f, 102, "1.9.0", 1);
    assert_at(f, 101, "2.0.0", 1); /* whose terms are not known: nothing is asked of it */
    records[0].steps_done = 4;     /* there is no third one */
    struct kedge_engine_ids last = {.rollout_id = 42, .deployment_id = 105};
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_rollout(f->engine, &rollout), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(f->engine, &group), KEDGE_OK);
    assert_int_equal(kedge_engine_load_deployment(f->engine, &records[0]), KEDGE_E_MALFORMED);
}

static void its_packages_are_in_use_until_it_has_ended(void **state)
{
    struct fixture *f = *state;
    create_chain(f);
    assert_true(kedge_engine_package_in_use(f->engine, PACKAGE));
    assert_true(kedge_engine_package_in_use(f->engine, SECOND));
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    assert_false(kedge_engine_package_in_use(f->engine, FIRST));
}

static void assert_refused(struct fixture *f, const char *words)
{
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    if (strstr(f->output.refusal, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->output.refusal, words);
}

static void a_chain_that_leads_nowhere_is_refused(void **state)
{
    struct fixture *f = *state;
    struct kedge_intermediate two[2];
    struct kedge_fit_conditions asked[2];
    memcpy(two, intermediates, sizeof(two));
    memcpy(asked, conditions, sizeof(asked));
    f->spec.version = "2.0.0";
    f->spec.conditions = (struct kedge_fit_conditions){.min_version = "1.9.0", .sequence = 7};
    f->spec.intermediates = two;
    f->spec.intermediate_conditions = asked;
    f->spec.intermediate_count = 1;
    assert_refused(f, "intermediate package 1 does not lead to version 2.0.0: no package behind it "
                      "replaces 1.4.0");
    f->spec.intermediate_count = 2;
    asked[1].sequence = 7;
    assert_refused(f, "intermediate package 2 (1.9.0) has the sequence number 7: it must be below");
    asked[1].sequence = 4;
    strcpy(two[0].version, "1.9.0");
    assert_refused(f, "intermediate package 1 has the version 1.9.0 of one behind it");
    f->spec.intermediate_count = KEDGE_INTERMEDIATES_MAX + 1;
    assert_refused(f, "at most 4 intermediate packages");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_goes_through_them_one_by_one_and_is_counted_once),
        TEST(an_error_at_any_step_is_one_and_ends_it),
        TEST(an_attempt_that_follows_is_at_the_step_that_failed),
        TEST(who_leaves_the_way_is_not_sent_through_it_again),
        TEST(the_deadline_ends_who_waits_for_its_next_step),
        TEST(a_step_that_is_confirmed_after_the_deadline_is_the_last_one),
        TEST(a_step_that_is_confirmed_after_an_abort_is_the_last_one),
        TEST(a_newer_rollout_has_the_device_after_the_step_that_is_at_work),
        TEST(who_has_come_half_of_the_way_is_taken_back_as_well),
        TEST(where_it_is_outlives_a_restart),
        TEST(its_packages_are_in_use_until_it_has_ended),
        TEST(a_chain_that_leads_nowhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
