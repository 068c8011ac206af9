/*
 * What a package asks of devices, looked at again when one is about to be offered it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

/* For hardware A and B, from 1.0.0 to 1.0.9; all five devices are away, and were fit. */
static void create_with_terms(struct fixture *f)
{
    f->spec.conditions = (struct kedge_fit_conditions){
        .hardware = "A\nB", .min_version = "1.0.0", .max_version = "1.0.9"};
    for (size_t i = 0; i < f->spec.target_count; i++) {
        f->targets[i].hardware = "A";
        f->targets[i].present = false;
    }
    create_and_start(f);
}

static void comes(struct fixture *f, const char *endpoint, const char *hardware,
                  const char *version)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEVICE_PRESENT,
                                       .device = {.endpoint = endpoint,
                                                  .vendor = "acme.example",
                                                  .class_name = "meter",
                                                  .version = version,
                                                  .hardware = hardware}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

static void who_cannot_take_it_any_more_is_not_offered_it_and_nobody_waits(void **state)
{
    struct fixture *f = *state;
    create_with_terms(f);
    comes(f, "dev-0", "B", "1.0.9");
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_OFFERED);
    comes(f, "dev-1", "C", "1.0.0"); /* its board was replaced */
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_CANCELED);
    assert_says(f, 102,
                "canceled: not offered: the device now has a hardware revision that the package is "
                "not for (hardware \"C\")");
    comes(f, "dev-2", "A", "1.0.10"); /* somebody updated it by hand */
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_CANCELED);
    assert_says(f, 103, "runs a version that the package does not replace (version \"1.0.10\")");
    comes(f, "dev-3", NULL, "1.0.0");
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_CANCELED);
    comes(f, "dev-4", "C", "1.1.0"); /* runs it already */
    assert_int_equal(state_of(f, 105), KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_not_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

static void one_that_changes_while_it_waits_for_a_place_is_looked_at_then(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 1;
    create_with_terms(f);
    comes(f, "dev-0", "A", "1.0.0");
    comes(f, "dev-1", "A", "1.0.0");
    assert_says(f, 102, "waits for a place");
    comes(f, "dev-1", "A", "2.0.0");
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_CANCELED);
}

static void comes_with_limits(struct fixture *f, const char *endpoint, uint64_t sequence_floor,
                              uint64_t slot_capacity)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_DEVICE_PRESENT,
        .device = {.endpoint = endpoint,
                   .vendor = "acme.example",
                   .class_name = "meter",
                   .version = "1.0.0",
                   .hardware = "A",
                   .limits = {.sequence_floor = sequence_floor, .slot_capacity = slot_capacity}}};
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &event, &f->output), KEDGE_OK);
}

static void who_says_that_it_does_not_take_it_is_not_offered_it(void **state)
{
    struct fixture *f = *state;
    f->spec.conditions.sequence = 7;
    f->spec.conditions.image_size = 1000;
    for (size_t i = 0; i < 5; i++)
        f->targets[i].present = false;
    f->targets[0].present = true;
    f->targets[0].limits = (struct kedge_fit_limits){8, 1000};
    create_and_start(f);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_CANCELED);
    assert_says(f, 101,
                "canceled: not offered: the device takes no sequence number below 8, and the "
                "package has 7");
    comes_with_limits(f, "dev-1", 7, 999);
    assert_says(f, 102, "canceled: not offered: the device has room for an image of 999 bytes");
    comes_with_limits(f, "dev-2", 7, 1000);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_OFFERED);
    comes_with_limits(f, "dev-3", 0, 0); /* does not say: it judges itself */
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0);
}

/* What a device has confirmed is the least that it takes, before it says so again. */
static void who_has_confirmed_a_higher_sequence_is_not_offered_a_lower_one(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.priority = 60;
    f->spec.conditions.sequence = 7;
    fill_targets(f, 2);
    f->targets[0].limits.sequence_floor = 3;
    create_and_start(f); /* 42, sequence 7, with 101 and 102, who does not say */
    f->spec.policy.priority = 50;
    f->spec.version = "1.0.5";
    f->spec.sequence = f->spec.conditions.sequence = 6;
    f->spec.package_id = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    create_and_start(f); /* 43, sequence 6, waits with 103 and 104 */
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_CANCELED);
    assert_says(f, 103, "the device takes no sequence number below 7, and the package has 6");
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_OFFERED);
}

static void the_terms_are_loaded_with_the_rollouts(void **state)
{
    struct fixture *f = *state;
    struct kedge_deployment records[5];
    create_with_terms(f);
    struct kedge_rollout rollout = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    const struct kedge_fit_conditions conditions = f->spec.conditions;
    take_deployments(f, 101, 5, records);
    struct kedge_engine_ids last = {.rollout_id = 42, .deployment_id = 105};
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_rollout(f->engine, &rollout), KEDGE_OK);
    assert_int_equal(kedge_engine_load_package(f->engine, PACKAGE, &conditions), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(f->engine, &group), KEDGE_OK);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(kedge_engine_load_deployment(f->engine, &records[i]), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    comes(f, "dev-1", "C", "1.0.0");
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_CANCELED);
    comes(f, "dev-2", "B", "1.0.0");
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_OFFERED);
}

static void what_takes_devices_back_has_terms_of_its_own(void **state)
{
    struct fixture *f = *state;
    f->spec.revert_package_id = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
    f->spec.revert_version = "1.0.9";
    f->spec.revert_sequence = 8;
    f->spec.revert_conditions = (struct kedge_fit_conditions){.hardware = "A"};
    create_with_terms(f);
    comes(f, "dev-0", "A", "1.0.0");
    comes(f, "dev-1", "B", "1.0.0");
    comes(f, "dev-0", "A", "1.1.0");
    comes(f, "dev-1", "B", "1.1.0");
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    report(f, 102, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ROLL_BACK, 42), KEDGE_OK);
    assert_int_equal(state_of(f, 106), KEDGE_DEPLOYMENT_OFFERED);
    assert_int_equal(state_of(f, 107), KEDGE_DEPLOYMENT_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_cannot_take_it_any_more_is_not_offered_it_and_nobody_waits),
        TEST(one_that_changes_while_it_waits_for_a_place_is_looked_at_then),
        TEST(who_says_that_it_does_not_take_it_is_not_offered_it),
        TEST(who_has_confirmed_a_higher_sequence_is_not_offered_a_lower_one),
        TEST(the_terms_are_loaded_with_the_rollouts),
        TEST(what_takes_devices_back_has_terms_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
