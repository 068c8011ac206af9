/* test_client_bootstrap_course.c: when an agent asks for an account, and how it goes on. */
#include "agent/client/bootstrap_course.h"

#include <kedge/coap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define PATIENCE_MS 247000u

struct world {
    struct kedge_bootstrap_course course;
    struct kedge_registration registration;
    struct kedge_account_server server;
    struct kedge_random random;
    uint32_t random_number;
    uint64_t now_ms;
};

static enum kedge_rc fill(void *context, void *out, size_t size)
{
    const struct world *world = context;
    assert_int_equal(size, sizeof world->random_number);
    memcpy(out, &world->random_number, size);
    return KEDGE_OK;
}

static int make(void **state)
{
    static struct world world;
    world = (struct world){.random = {&world, fill}, .now_ms = 5000};
    kedge_bootstrap_course_begin(&world.course, &world.random, PATIENCE_MS);
    kedge_registration_begin(&world.registration, &world.random, 86400, world.now_ms);
    kedge_account_server_init(&world.server, 0);
    *state = &world;
    return 0;
}

static enum kedge_bootstrap_action next(struct world *world, uint64_t *wait_ms)
{
    enum kedge_bootstrap_action action =
        kedge_bootstrap_course_next(&world->course, world->now_ms, wait_ms);
    if (action == KEDGE_BOOTSTRAP_ASK || action == KEDGE_BOOTSTRAP_ASK_FOR_PACK)
        kedge_bootstrap_course_asked(&world->course, action, world->now_ms);
    return action;
}

static void assert_next(struct world *world, enum kedge_bootstrap_action action)
{
    uint64_t wait_ms;
    assert_int_equal(next(world, &wait_ms), action);
}

/* Lets the time pass until there is something to do; returns how long that was. */
static uint64_t until(struct world *world, enum kedge_bootstrap_action action)
{
    uint64_t wait_ms, from_ms = world->now_ms;
    enum kedge_bootstrap_action now;
    while ((now = next(world, &wait_ms)) == KEDGE_BOOTSTRAP_WAIT) {
        assert_true(wait_ms > 0 && wait_ms < UINT64_MAX);
        world->now_ms += wait_ms;
    }
    assert_int_equal(now, action);
    return world->now_ms - from_ms;
}

static void failed(struct world *world)
{
    kedge_bootstrap_course_failed(&world->course, world->now_ms);
}

static void want(struct world *world, uint32_t hold_off_s)
{
    kedge_bootstrap_course_want(&world->course, hold_off_s, world->now_ms);
}

static void a_device_with_an_account_asks_for_nothing(void **state)
{
    struct world *world = *state;
    uint64_t wait_ms;
    assert_int_equal(next(world, &wait_ms), KEDGE_BOOTSTRAP_WAIT);
    assert_int_equal(wait_ms, UINT64_MAX);
    assert_false(kedge_bootstrap_course_runs(&world->course));
}

static void one_without_asks_for_a_pack_after_the_hold_off_time(void **state)
{
    struct world *world = *state;
    want(world, 30);
    want(world, 300); /* is due already */
    assert_int_equal(until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK), 30000);
    assert_true(kedge_bootstrap_course_runs(&world->course));
    kedge_bootstrap_course_finished(&world->course);
    assert_false(kedge_bootstrap_course_runs(&world->course));
    assert_next(world, KEDGE_BOOTSTRAP_WAIT);
}

static void without_a_pack_it_is_asked_step_by_step_at_once(void **state)
{
    struct world *world = *state;
    want(world, 0);
    assert_next(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    kedge_bootstrap_course_no_pack(&world->course, world->now_ms);
    assert_next(world, KEDGE_BOOTSTRAP_ASK);
    kedge_bootstrap_course_accepted(&world->course);
    assert_int_equal(world->course.phase, KEDGE_BOOTSTRAP_SERVED);
    assert_next(world, KEDGE_BOOTSTRAP_WAIT);
    kedge_bootstrap_course_finished(&world->course);
    assert_int_equal(world->course.phase, KEDGE_BOOTSTRAP_IDLE);
}

static void the_next_attempt_asks_for_a_pack_again(void **state)
{
    struct world *world = *state;
    want(world, 0);
    assert_next(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    kedge_bootstrap_course_no_pack(&world->course, world->now_ms);
    assert_next(world, KEDGE_BOOTSTRAP_ASK);
    failed(world);
    until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
}

/* 247 s from the request to Finish, whatever the server says in between. */
static void a_server_that_does_not_finish_is_given_up(void **state)
{
    struct world *world = *state;
    want(world, 0);
    assert_next(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    assert_int_equal(until(world, KEDGE_BOOTSTRAP_GIVE_UP), PATIENCE_MS);
    failed(world);
    until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    kedge_bootstrap_course_no_pack(&world->course, world->now_ms);
    assert_next(world, KEDGE_BOOTSTRAP_ASK);
    world->now_ms += 100000;
    kedge_bootstrap_course_accepted(&world->course);
    assert_int_equal(until(world, KEDGE_BOOTSTRAP_GIVE_UP), PATIENCE_MS - 100000);
}

static void failures_are_followed_by_pauses_that_double_and_are_spread(void **state)
{
    struct world *world = *state;
    uint64_t pause_ms = KEDGE_BACKOFF_FIRST_MS;
    want(world, 0);
    for (unsigned i = 0; i < 12; i++) {
        until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
        world->random_number = i * 12345;
        failed(world);
        uint64_t paused_ms = world->course.next_at_ms - world->now_ms;
        assert_in_range(paused_ms, pause_ms / 2, pause_ms);
        assert_int_equal(paused_ms, pause_ms - world->random_number % (pause_ms / 2 + 1));
        pause_ms = pause_ms * 2 > KEDGE_BACKOFF_MAX_MS ? KEDGE_BACKOFF_MAX_MS : pause_ms * 2;
    }
}

static void a_trigger_is_followed_at_once(void **state)
{
    struct world *world = *state;
    kedge_bootstrap_course_trigger(&world->course, world->now_ms);
    assert_next(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    kedge_bootstrap_course_trigger(&world->course, world->now_ms); /* it is at it */
    assert_next(world, KEDGE_BOOTSTRAP_WAIT);
    kedge_bootstrap_course_finished(&world->course);
    assert_next(world, KEDGE_BOOTSTRAP_WAIT);
}

static void a_trigger_ends_a_pause(void **state)
{
    struct world *world = *state;
    want(world, 0);
    for (unsigned i = 0; i < 9; i++) {
        until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
        failed(world);
    }
    kedge_bootstrap_course_trigger(&world->course, world->now_ms);
    assert_int_equal(until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK), 0);
}

/* The account that it has is still good. */
static void what_a_registered_server_asked_for_is_given_up_after_some_tries(void **state)
{
    struct world *world = *state;
    kedge_bootstrap_course_trigger(&world->course, world->now_ms);
    for (unsigned i = 0; i < KEDGE_BOOTSTRAP_TRIES_MAX; i++) {
        until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
        kedge_bootstrap_course_registered(&world->course);
        failed(world);
        kedge_bootstrap_course_registered(&world->course); /* by itself that ends nothing */
    }
    assert_int_equal(world->course.phase, KEDGE_BOOTSTRAP_IDLE);
    kedge_bootstrap_course_trigger(&world->course, world->now_ms);
    assert_int_equal(until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK), 0);
}

static void without_a_registration_it_is_never_given_up(void **state)
{
    struct world *world = *state;
    kedge_bootstrap_course_trigger(&world->course, world->now_ms);
    until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    want(world, 0); /* and now the registration is lost too */
    for (unsigned i = 0; i < 4 * KEDGE_BOOTSTRAP_TRIES_MAX; i++) {
        failed(world);
        until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    }
}

static void a_registration_that_stands_again_needs_no_other_account(void **state)
{
    struct world *world = *state;
    want(world, 30);
    kedge_bootstrap_course_registered(&world->course);
    assert_next(world, KEDGE_BOOTSTRAP_WAIT);
    assert_int_equal(world->course.phase, KEDGE_BOOTSTRAP_IDLE);
    /* One that is at it goes on: what it gets is good. */
    want(world, 0);
    assert_next(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK);
    kedge_bootstrap_course_registered(&world->course);
    assert_true(kedge_bootstrap_course_runs(&world->course));
}

/* A bootstrap server that gives an account of no use, again and again. */
static void accounts_that_do_not_work_are_asked_for_with_growing_pauses(void **state)
{
    struct world *world = *state;
    uint64_t pause_ms = KEDGE_BACKOFF_FIRST_MS;
    want(world, 0);
    assert_int_equal(until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK), 0);
    for (unsigned i = 0; i < 10; i++) {
        kedge_bootstrap_course_finished(&world->course);
        want(world, 0);
        assert_int_equal(until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK), pause_ms);
        pause_ms = pause_ms * 2 > KEDGE_BACKOFF_MAX_MS ? KEDGE_BACKOFF_MAX_MS : pause_ms * 2;
    }
    kedge_bootstrap_course_finished(&world->course);
    kedge_bootstrap_course_registered(&world->course);
    want(world, 0);
    assert_int_equal(until(world, KEDGE_BOOTSTRAP_ASK_FOR_PACK), 0);
}

/* ---- when an account is of no more use ---- */

static bool is_lost(const struct world *world)
{
    return kedge_bootstrap_registration_is_lost(&world->registration, &world->server,
                                                world->now_ms);
}

/* One attempt to register: refused with `code`, or (0) not answered. */
static void attempt(struct world *world, uint8_t code)
{
    uint64_t wait_ms;
    enum kedge_registration_action action;
    while ((action = kedge_registration_next(&world->registration, world->now_ms, &wait_ms)) ==
           KEDGE_REGISTRATION_WAIT)
        world->now_ms += wait_ms;
    kedge_registration_sent(&world->registration, action);
    if (code == 0)
        kedge_registration_unanswered(&world->registration, world->now_ms);
    else
        kedge_registration_answered(&world->registration, code, world->now_ms);
}

static void an_account_that_is_refused_five_times_is_of_no_use(void **state)
{
    struct world *world = *state;
    for (unsigned i = 0; i < 5; i++) {
        assert_false(is_lost(world));
        attempt(world, KEDGE_COAP_FORBIDDEN);
    }
    assert_true(is_lost(world));
}

static void silence_has_to_last_as_long_as_the_retries_of_lwm2m(void **state)
{
    struct world *world = *state;
    attempt(world, 0);
    uint64_t first_ms = world->now_ms;
    while (!is_lost(world)) {
        assert_true(world->now_ms < first_ms + 900000);
        attempt(world, 0);
    }
    /* 60 + 120 + 240 + 480 s between five attempts. */
    assert_in_range(world->now_ms, first_ms + 900000, first_ms + 900000 + KEDGE_BACKOFF_MAX_MS);
    assert_true(world->registration.failures >= 5);
}

static void a_busy_server_is_no_refusal(void **state)
{
    struct world *world = *state;
    for (unsigned i = 0; i < 6; i++)
        attempt(world, KEDGE_COAP_UNAVAILABLE);
    assert_false(is_lost(world));
}

static void the_bootstrap_server_says_how_often_and_how_long(void **state)
{
    struct world *world = *state;
    world->server.retry_count = 2;
    world->server.retry_timer_s = 1;
    attempt(world, 0);
    assert_false(is_lost(world));
    attempt(world, 0);
    world->now_ms += 1000;
    assert_true(is_lost(world));
    world->server.bootstrap_on_failure = false;
    assert_false(is_lost(world));
    world->server.bootstrap_on_failure = true;
    kedge_registration_stop(&world->registration);
    assert_false(is_lost(world));
}

static void no_number_overflows(void **state)
{
    struct world *world = *state;
    world->server.retry_count = world->server.retry_timer_s = UINT32_MAX;
    for (unsigned i = 0; i < 50; i++)
        attempt(world, 0);
    world->registration.failures = UINT32_MAX;
    assert_false(is_lost(world));
    world->server.retry_count = 0;
    assert_true(is_lost(world)); /* as often as once: the pauses are none */
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_with_an_account_asks_for_nothing),
        TEST(one_without_asks_for_a_pack_after_the_hold_off_time),
        TEST(without_a_pack_it_is_asked_step_by_step_at_once),
        TEST(the_next_attempt_asks_for_a_pack_again),
        TEST(a_server_that_does_not_finish_is_given_up),
        TEST(failures_are_followed_by_pauses_that_double_and_are_spread),
        TEST(a_trigger_is_followed_at_once),
        TEST(a_trigger_ends_a_pause),
        TEST(what_a_registered_server_asked_for_is_given_up_after_some_tries),
        TEST(without_a_registration_it_is_never_given_up),
        TEST(a_registration_that_stands_again_needs_no_other_account),
        TEST(accounts_that_do_not_work_are_asked_for_with_growing_pauses),
        TEST(an_account_that_is_refused_five_times_is_of_no_use),
        TEST(silence_has_to_last_as_long_as_the_retries_of_lwm2m),
        TEST(a_busy_server_is_no_refusal),
        TEST(the_bootstrap_server_says_how_often_and_how_long),
        TEST(no_number_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
