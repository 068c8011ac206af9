/*
 * A wall clock that is set: spans go on as they pass, forward or back, while the engine runs and
 * over a loading.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/rollout/rollout.h"

#include <string.h>

#define PACKAGE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NOW 1700000000000u
#define DAY_MS 86400000
#define DEADLINE_S 3600u
#define SOAK_S 600u

/* A rollout of one device, as it is durable. */
struct fixture {
    struct kedge_engine *engine;
    struct kedge_engine_output output;
    struct kedge_rollout rollout;
    struct kedge_group group;
    struct kedge_deployment deployment;
    uint64_t now_ms;
};

static void keep(struct fixture *f)
{
    if (f->output.rollout_count > 0)
        f->rollout = f->output.rollouts[0];
    if (f->output.group_count > 0)
        f->group = f->output.groups[0];
    if (f->output.deployment_count > 0)
        f->deployment = f->output.deployments[0];
}

static void tell(struct fixture *f, const struct kedge_engine_event *event)
{
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, event, &f->output), KEDGE_OK);
    keep(f);
}

static void pass(struct fixture *f, uint32_t span_s)
{
    f->now_ms += span_s * (uint64_t)1000;
    tell(f, &(struct kedge_engine_event){.kind = KEDGE_EVENT_TICK});
}

static void set_clock(struct fixture *f, int64_t step_ms)
{
    f->now_ms += (uint64_t)step_ms;
    kedge_engine_clock_stepped(f->engine, step_ms);
}

static void begin(struct fixture *f, bool present)
{
    const struct kedge_engine_ids last = {0};
    const struct kedge_rollout_target target = {.endpoint = "d",
                                                .known = true,
                                                .vendor = "v",
                                                .class_name = "c",
                                                .version = "1.0.0",
                                                .present = present};
    struct kedge_engine_event create = {.kind = KEDGE_EVENT_ROLLOUT_CREATE,
                                        .who = "alice",
                                        .create = {.name = "n",
                                                   .package_id = PACKAGE,
                                                   .vendor = "v",
                                                   .class_name = "c",
                                                   .version = "1.1.0",
                                                   .group_count = 1,
                                                   .targets = &target,
                                                   .target_count = 1}};
    kedge_rollout_policy_default(&create.create.policy);
    create.create.policy.deadline_s = DEADLINE_S;
    create.create.policy.group_soak_s = SOAK_S;
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    tell(f, &create);
    tell(f, &(struct kedge_engine_event){
                .kind = KEDGE_EVENT_ROLLOUT_START, .who = "alice", .rollout_id = 1});
}

static void load(struct fixture *f, int64_t step_ms)
{
    const struct kedge_engine_ids last = {.rollout_id = 1, .deployment_id = 1};
    kedge_engine_destroy(f->engine);
    assert_int_equal(kedge_engine_create(&last, &f->engine), KEDGE_OK);
    assert_int_equal(kedge_engine_load_rollout(f->engine, &f->rollout), KEDGE_OK);
    assert_int_equal(kedge_engine_load_group(f->engine, &f->group), KEDGE_OK);
    assert_int_equal(kedge_engine_load_deployment(f->engine, &f->deployment), KEDGE_OK);
    if (step_ms != 0)
        kedge_engine_clock_stepped(f->engine, step_ms);
    assert_int_equal(kedge_engine_load_done(f->engine, f->now_ms, &f->output), KEDGE_OK);
    keep(f);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.now_ms = NOW};
    kedge_engine_output_init(&fixture.output);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kedge_engine_output_clear(&f->output);
    kedge_engine_destroy(f->engine);
    return 0;
}

static const int64_t steps_ms[] = {DAY_MS, -DAY_MS, 10000, -10000};
#define EACH_STEP(step_ms)                                                 \
    for (size_t i_ = 0; i_ < sizeof(steps_ms) / sizeof(steps_ms[0]); i_++) \
        for (int64_t step_ms = steps_ms[i_], once_ = 1; once_ != 0; once_ = 0)

static void begin_anew(struct fixture *f, bool present)
{
    kedge_engine_destroy(f->engine);
    f->now_ms = NOW;
    begin(f, present);
}

static void a_deadline_comes_when_its_span_has_passed(void **state)
{
    struct fixture *f = *state;
    EACH_STEP(step_ms)
    {
        begin_anew(f, false);
        pass(f, 100);
        set_clock(f, step_ms);
        pass(f, DEADLINE_S - 101);
        assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_PENDING);
        assert_int_equal(f->rollout.deadline_at_ms, f->now_ms + 1000);
        pass(f, 1);
        assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_TIMED_OUT);
    }
}

static void a_soak_is_over_when_its_span_has_passed(void **state)
{
    struct fixture *f = *state;
    EACH_STEP(step_ms)
    {
        begin_anew(f, true);
        assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_OFFERED);
        tell(f, &(struct kedge_engine_event){.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                             .report = {.deployment_id = f->deployment.id,
                                                        .state = KEDGE_DEPLOYMENT_SUCCEEDED}});
        assert_int_equal(f->group.state, KEDGE_GROUP_SOAKING);
        set_clock(f, step_ms);
        pass(f, SOAK_S - 1);
        assert_int_equal(f->group.state, KEDGE_GROUP_SOAKING);
        assert_int_equal(f->group.soak_until_ms, f->now_ms + 1000);
        pass(f, 1);
        assert_int_equal(f->group.state, KEDGE_GROUP_SUCCEEDED);
        assert_int_equal(f->rollout.state, KEDGE_ROLLOUT_FINISHED);
    }
}

/* "Devices in flight just after a restart": they are given the whole time limit of their phase. */
static void a_device_in_flight_at_a_restart_has_its_time_limit(void **state)
{
    struct fixture *f = *state;
    EACH_STEP(step_ms)
    {
        begin_anew(f, true);
        load(f, 0);
        uint32_t limit_s = f->rollout.policy.offer_limit_s;
        set_clock(f, step_ms);
        pass(f, limit_s - 1);
        assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_OFFERED);
        pass(f, 1);
        assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_TIMED_OUT);
    }
}

static void a_clock_that_was_set_over_a_restart_moves_no_deadline(void **state)
{
    struct fixture *f = *state;
    EACH_STEP(step_ms)
    {
        begin_anew(f, false);
        pass(f, 100);
        f->now_ms += (uint64_t)step_ms;
        load(f, step_ms);
        assert_int_equal(f->rollout.deadline_at_ms, f->now_ms + (DEADLINE_S - 100) * 1000);
        assert_int_equal(f->output.rollout_count, 1); /* and that is durable */
        pass(f, DEADLINE_S - 101);
        assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_PENDING);
        pass(f, 1);
        assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_TIMED_OUT);
    }
}

/* After a reboot of the machine nobody can tell by how much the clock was set. */
static void a_clock_that_went_back_unnoticed_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    begin(f, false);
    f->now_ms -= DAY_MS;
    load(f, 0);
    assert_int_equal(f->rollout.deadline_at_ms, f->now_ms + DEADLINE_S * 1000);
    pass(f, DEADLINE_S);
    assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_TIMED_OUT);
}

static void a_clock_before_its_epoch_is_a_time_too(void **state)
{
    struct fixture *f = *state;
    begin(f, false);
    kedge_engine_clock_stepped(f->engine, -(int64_t)NOW - DAY_MS);
    f->now_ms = 1;
    pass(f, 0);
    assert_int_equal(f->deployment.state, KEDGE_DEPLOYMENT_TIMED_OUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_comes_when_its_span_has_passed),
        TEST(a_soak_is_over_when_its_span_has_passed),
        TEST(a_device_in_flight_at_a_restart_has_its_time_limit),
        TEST(a_clock_that_was_set_over_a_restart_moves_no_deadline),
        TEST(a_clock_that_went_back_unnoticed_is_not_waited_for),
        TEST(a_clock_before_its_epoch_is_a_time_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
