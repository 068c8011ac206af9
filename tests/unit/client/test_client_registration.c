/* test_client_registration.c: when an agent registers, updates, tries again and gives up. */
#include "agent/client/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <kedge/coap.h>
#include <string.h>

#define LIFETIME_S 86400u

struct world {
    struct kedge_registration registration;
    struct kedge_random random;
    uint32_t random_number;
    enum kedge_rc random_rc;
    uint64_t now_ms;
};

static enum kedge_rc fill(void *context, void *out, size_t size)
{
    const struct world *world = context;
    assert_int_equal(size, sizeof world->random_number);
    memcpy(out, &world->random_number, size);
    return world->random_rc;
}

static int make(void **state)
{
    static struct world world;
    world = (struct world){.random = {&world, fill}, .random_rc = KEDGE_OK, .now_ms = 1000};
    kedge_registration_begin(&world.registration, &world.random, LIFETIME_S, world.now_ms);
    *state = &world;
    return 0;
}

/* What is to be done now; what is to be sent counts as sent. */
static enum kedge_registration_action next(struct world *world, uint64_t *wait_ms)
{
    enum kedge_registration_action action =
        kedge_registration_next(&world->registration, world->now_ms, wait_ms);
    if (action != KEDGE_REGISTRATION_WAIT && action != KEDGE_REGISTRATION_OVER)
        kedge_registration_sent(&world->registration, action);
    return action;
}

static void assert_next(struct world *world, enum kedge_registration_action action)
{
    uint64_t wait_ms;
    assert_int_equal(next(world, &wait_ms), action);
}

/* Lets the time pass until something is sent; returns how long that was. */
static uint64_t until(struct world *world, enum kedge_registration_action action)
{
    uint64_t wait_ms, from_ms = world->now_ms;
    enum kedge_registration_action now;
    while ((now = next(world, &wait_ms)) == KEDGE_REGISTRATION_WAIT) {
        assert_true(wait_ms > 0 && wait_ms < UINT64_MAX);
        world->now_ms += wait_ms;
    }
    assert_int_equal(now, action);
    return world->now_ms - from_ms;
}

static bool answer(struct world *world, uint8_t code)
{
    return kedge_registration_answered(&world->registration, code, world->now_ms);
}

static void unanswered(struct world *world)
{
    kedge_registration_unanswered(&world->registration, world->now_ms);
}

static void register_device(struct world *world)
{
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_true(answer(world, KEDGE_COAP_CREATED));
}

static void it_registers_at_once_and_waits_for_the_answer(void **state)
{
    struct world *world = *state;
    uint64_t wait_ms;
    assert_false(kedge_registration_is_up(&world->registration));
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    world->now_ms += 10000000;
    assert_int_equal(next(world, &wait_ms), KEDGE_REGISTRATION_WAIT);
    assert_int_equal(wait_ms, UINT64_MAX);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_true(kedge_registration_is_up(&world->registration));
}

static void an_update_goes_out_early_enough_to_be_repeated(void **state)
{
    struct world *world = *state;
    register_device(world);
    uint64_t after_ms = until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    assert_int_equal(after_ms, LIFETIME_S * 1000ull - KEDGE_REGISTRATION_MARGIN_MS);
    assert_false(answer(world, KEDGE_COAP_CHANGED));
    assert_true(kedge_registration_is_up(&world->registration));
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_UPDATE), after_ms);
}

static void a_short_lifetime_is_updated_at_its_half(void **state)
{
    struct world *world = *state;
    assert_true(kedge_registration_set_lifetime(&world->registration, 20, world->now_ms));
    register_device(world);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_UPDATE), 10000);
}

static void lifetimes_out_of_range_are_refused(void **state)
{
    struct world *world = *state;
    register_device(world);
    const int64_t wrong[] = {-1, 0, 1, (int64_t)KEDGE_LIFETIME_MAX_S + 1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(
            kedge_registration_set_lifetime(&world->registration, wrong[i], world->now_ms));
    assert_int_equal(world->registration.lifetime_s, LIFETIME_S);
    assert_next(world, KEDGE_REGISTRATION_WAIT);
}

static void a_new_lifetime_is_told_by_an_update_at_once(void **state)
{
    struct world *world = *state;
    register_device(world);
    assert_false(kedge_registration_tells_lifetime(&world->registration));
    assert_true(kedge_registration_set_lifetime(&world->registration, 600, world->now_ms));
    assert_true(kedge_registration_tells_lifetime(&world->registration));
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_UPDATE), 0);
    answer(world, KEDGE_COAP_CHANGED);
    assert_false(kedge_registration_tells_lifetime(&world->registration));
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_UPDATE),
                     600000 - KEDGE_REGISTRATION_MARGIN_MS);
}

/* The server may write /1/0/1 before it answers the request that is on its way. */
static void a_lifetime_that_changes_under_way_is_told_by_the_next_update(void **state)
{
    struct world *world = *state;
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_true(kedge_registration_set_lifetime(&world->registration, 600, world->now_ms));
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_UPDATE), 0);
    assert_true(kedge_registration_tells_lifetime(&world->registration));

    assert_true(kedge_registration_set_lifetime(&world->registration, 700, world->now_ms));
    answer(world, KEDGE_COAP_CHANGED);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_UPDATE), 0);
    assert_true(kedge_registration_tells_lifetime(&world->registration));
    answer(world, KEDGE_COAP_CHANGED);
    assert_false(kedge_registration_tells_lifetime(&world->registration));
}

static void a_lifetime_nobody_acknowledged_is_told_again(void **state)
{
    struct world *world = *state;
    register_device(world);
    assert_true(kedge_registration_set_lifetime(&world->registration, 600, world->now_ms));
    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    unanswered(world);
    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    assert_true(kedge_registration_tells_lifetime(&world->registration));
}

static void a_trigger_sends_an_update_at_once(void **state)
{
    struct world *world = *state;
    register_device(world);
    assert_next(world, KEDGE_REGISTRATION_WAIT);
    kedge_registration_trigger(&world->registration, world->now_ms);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_UPDATE), 0);
}

static void a_server_that_has_forgotten_the_device_gets_a_register_at_once(void **state)
{
    struct world *world = *state;
    register_device(world);
    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    assert_false(answer(world, KEDGE_COAP_NOT_FOUND));
    assert_false(kedge_registration_is_up(&world->registration));
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_REGISTER), 0);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_true(kedge_registration_is_up(&world->registration));
}

static void a_renewal_registers_instead_of_updating(void **state)
{
    struct world *world = *state;
    register_device(world);
    kedge_registration_renew(&world->registration, world->now_ms);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_REGISTER), 0);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_next(world, KEDGE_REGISTRATION_WAIT);

    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    kedge_registration_renew(&world->registration, world->now_ms);
    answer(world, KEDGE_COAP_CHANGED);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_REGISTER), 0);
}

static void updates_that_nobody_answers_end_in_a_register(void **state)
{
    struct world *world = *state;
    register_device(world);
    for (unsigned i = 0; i < KEDGE_REGISTRATION_UNANSWERED_MAX; i++) {
        until(world, KEDGE_REGISTRATION_SEND_UPDATE);
        unanswered(world);
    }
    assert_false(kedge_registration_is_up(&world->registration));
    until(world, KEDGE_REGISTRATION_SEND_REGISTER);
}

static void one_lost_update_is_repeated_as_an_update(void **state)
{
    struct world *world = *state;
    register_device(world);
    for (unsigned i = 0; i < 10; i++) {
        until(world, KEDGE_REGISTRATION_SEND_UPDATE);
        unanswered(world);
        assert_true(until(world, KEDGE_REGISTRATION_SEND_UPDATE) <= KEDGE_BACKOFF_FIRST_MS);
        answer(world, KEDGE_COAP_CHANGED);
    }
}

/* Tries `times` and checks that each pause is within [half, whole] of what doubling gives. */
static void fail_and_check_pauses(struct world *world, unsigned times, bool refused)
{
    uint64_t pause_ms = KEDGE_BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < times; i++) {
        if (refused)
            assert_false(answer(world, KEDGE_COAP_FORBIDDEN));
        else
            unanswered(world);
        uint64_t waited_ms = until(world, KEDGE_REGISTRATION_SEND_REGISTER);
        assert_true(waited_ms >= pause_ms / 2);
        assert_true(waited_ms <= pause_ms);
        pause_ms *= 2;
        if (pause_ms > KEDGE_BACKOFF_MAX_MS)
            pause_ms = KEDGE_BACKOFF_MAX_MS;
    }
}

static void pauses_double_up_to_their_limit_and_never_end(void **state)
{
    struct world *world = *state;
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    fail_and_check_pauses(world, 1000, false);
}

static void a_refused_register_is_tried_again_after_a_pause(void **state)
{
    struct world *world = *state;
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    fail_and_check_pauses(world, 20, true);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    unanswered(world);
    /* Success has taken the pauses back to the first one. */
    assert_true(until(world, KEDGE_REGISTRATION_SEND_UPDATE) <= KEDGE_BACKOFF_FIRST_MS);
}

static void pauses_differ_from_device_to_device(void **state)
{
    struct world *world = *state;
    uint64_t waits[3];
    const uint32_t numbers[] = {0, 123456789, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        make(state);
        world->random_number = numbers[i];
        assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
        unanswered(world);
        waits[i] = until(world, KEDGE_REGISTRATION_SEND_REGISTER);
    }
    assert_int_not_equal(waits[0], waits[1]);
    assert_int_not_equal(waits[1], waits[2]);
}

static void without_random_numbers_the_pause_is_the_whole_one(void **state)
{
    struct world *world = *state;
    world->random_number = 499;
    world->random_rc = KEDGE_E_SYSTEM;
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    unanswered(world);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_REGISTER), KEDGE_BACKOFF_FIRST_MS);
}

static void stopping_deregisters_and_is_then_over(void **state)
{
    struct world *world = *state;
    register_device(world);
    kedge_registration_stop(&world->registration);
    assert_next(world, KEDGE_REGISTRATION_SEND_DEREGISTER);
    assert_next(world, KEDGE_REGISTRATION_WAIT);
    assert_false(answer(world, KEDGE_COAP_DELETED));
    assert_next(world, KEDGE_REGISTRATION_OVER);
    assert_false(kedge_registration_is_up(&world->registration));
}

static void stopping_gives_up_when_nobody_answers_or_nothing_is_registered(void **state)
{
    struct world *world = *state;
    register_device(world);
    kedge_registration_stop(&world->registration);
    assert_next(world, KEDGE_REGISTRATION_SEND_DEREGISTER);
    unanswered(world);
    assert_next(world, KEDGE_REGISTRATION_OVER);

    make(state);
    kedge_registration_stop(&world->registration);
    assert_next(world, KEDGE_REGISTRATION_OVER);
}

static void stopping_waits_for_the_request_on_its_way(void **state)
{
    struct world *world = *state;
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    kedge_registration_stop(&world->registration);
    assert_next(world, KEDGE_REGISTRATION_WAIT);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_next(world, KEDGE_REGISTRATION_SEND_DEREGISTER);
}

static void an_answer_to_nothing_changes_nothing(void **state)
{
    struct world *world = *state;
    assert_false(answer(world, KEDGE_COAP_CREATED));
    assert_false(kedge_registration_is_up(&world->registration));
    register_device(world);
    assert_false(answer(world, KEDGE_COAP_NOT_FOUND));
    assert_true(kedge_registration_is_up(&world->registration));
}

/* ---- a server that sends the device away, and one of an older version ---- */

static void a_disabled_device_deregisters_and_comes_back(void **state)
{
    struct world *world = *state;
    register_device(world);
    kedge_registration_disable(&world->registration, 100, world->now_ms);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_DEREGISTER), 0);
    assert_false(world->registration.disabled);
    answer(world, KEDGE_COAP_DELETED);
    assert_true(world->registration.disabled);
    assert_false(kedge_registration_is_up(&world->registration));
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_REGISTER), 100000);
    assert_false(world->registration.disabled);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
}

/* It has been told to go; that nobody hears it say so does not matter. */
static void it_goes_without_an_answer_too(void **state)
{
    struct world *world = *state;
    register_device(world);
    kedge_registration_disable(&world->registration, 100, world->now_ms);
    assert_next(world, KEDGE_REGISTRATION_SEND_DEREGISTER);
    unanswered(world);
    assert_true(world->registration.disabled);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_REGISTER), 100000);
}

static void a_disable_in_mid_update_waits_for_its_answer(void **state)
{
    struct world *world = *state;
    uint64_t wait_ms;
    register_device(world);
    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    kedge_registration_disable(&world->registration, 100, world->now_ms);
    assert_int_equal(next(world, &wait_ms), KEDGE_REGISTRATION_WAIT);
    answer(world, KEDGE_COAP_CHANGED);
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_DEREGISTER), 0);
}

static void told_to_end_while_it_is_away_it_is_over(void **state)
{
    struct world *world = *state;
    register_device(world);
    kedge_registration_disable(&world->registration, 100, world->now_ms);
    assert_next(world, KEDGE_REGISTRATION_SEND_DEREGISTER);
    kedge_registration_stop(&world->registration);
    assert_next(world, KEDGE_REGISTRATION_WAIT);
    answer(world, KEDGE_COAP_DELETED);
    assert_next(world, KEDGE_REGISTRATION_OVER);
}

static void a_server_of_an_older_version_is_spoken_to_in_it(void **state)
{
    struct world *world = *state;
    assert_string_equal(kedge_registration_version(&world->registration), "1.1");
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_false(answer(world, KEDGE_COAP_PRECONDITION_FAILED));
    assert_string_equal(kedge_registration_version(&world->registration), "1.0");
    assert_int_equal(until(world, KEDGE_REGISTRATION_SEND_REGISTER), 0);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_string_equal(kedge_registration_version(&world->registration), "1.0");
}

static void a_server_of_neither_version_is_asked_with_pauses(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 3; i++) {
        assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
        assert_string_equal(kedge_registration_version(&world->registration), "1.1");
        answer(world, KEDGE_COAP_PRECONDITION_FAILED);
        assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
        assert_string_equal(kedge_registration_version(&world->registration), "1.0");
        answer(world, KEDGE_COAP_PRECONDITION_FAILED);
        uint64_t wait_ms;
        assert_int_equal(next(world, &wait_ms), KEDGE_REGISTRATION_WAIT);
        assert_in_range(wait_ms, KEDGE_BACKOFF_FIRST_MS / 2, KEDGE_BACKOFF_MAX_MS);
        world->now_ms += wait_ms;
    }
}

#define TEST(name) cmocka_unit_test_setup(name, make)

/* What bootstrapping anew is decided by: codes that are about the device, and silence. */
static void failures_in_a_row_are_counted_until_a_register_is_taken(void **state)
{
    struct world *world = *state;
    const struct kedge_registration *registration = &world->registration;
    const uint8_t codes[] = {KEDGE_COAP_FORBIDDEN, KEDGE_COAP_UNAVAILABLE, KEDGE_COAP_BAD_REQUEST,
                             KEDGE_COAP_UNAUTHORIZED};
    const unsigned refusals[] = {1, 1, 2, 3};
    uint64_t first_ms = world->now_ms;
    for (unsigned i = 0; i < 4; i++) {
        until(world, KEDGE_REGISTRATION_SEND_REGISTER);
        assert_false(answer(world, codes[i]));
        assert_int_equal(registration->failures, i + 1);
        assert_int_equal(registration->refusals, refusals[i]);
    }
    until(world, KEDGE_REGISTRATION_SEND_REGISTER);
    unanswered(world);
    assert_int_equal(registration->failures, 5);
    assert_int_equal(registration->refusals, 3);
    until(world, KEDGE_REGISTRATION_SEND_REGISTER);
    kedge_registration_rejected(&world->registration, world->now_ms);
    assert_int_equal(registration->failures, 6);
    assert_int_equal(registration->refusals, 4);
    assert_int_equal(registration->failing_since_ms, first_ms);
    until(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_int_equal(registration->failures, 0);
    assert_int_equal(registration->refusals, 0);
}

/* The answer to LwM2M 1.1 that leads to a Register with 1.0. */
static void a_version_that_is_refused_is_no_failure(void **state)
{
    struct world *world = *state;
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_false(answer(world, KEDGE_COAP_PRECONDITION_FAILED));
    assert_int_equal(world->registration.failures, 0);
}

static bool is_under_way(const struct world *world)
{
    return kedge_registration_is_under_way(&world->registration, world->now_ms);
}

static void it_is_under_way_until_the_first_answer_or_failure(void **state)
{
    struct world *world = *state;
    assert_true(is_under_way(world));
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_true(is_under_way(world));
    unanswered(world);
    assert_false(is_under_way(world));
    until(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_false(is_under_way(world));
    assert_true(answer(world, KEDGE_COAP_CREATED));
    assert_false(is_under_way(world));
}

static void it_is_under_way_again_when_the_server_has_forgotten_the_device(void **state)
{
    struct world *world = *state;
    register_device(world);
    until(world, KEDGE_REGISTRATION_SEND_UPDATE);
    assert_false(is_under_way(world));
    assert_false(answer(world, KEDGE_COAP_NOT_FOUND));
    assert_true(is_under_way(world));
    assert_false(answer(world, KEDGE_COAP_FORBIDDEN));
    assert_true(is_under_way(world)); /* an answer to nothing */
    assert_next(world, KEDGE_REGISTRATION_SEND_REGISTER);
    assert_false(answer(world, KEDGE_COAP_FORBIDDEN));
    assert_false(is_under_way(world));
}

static void a_device_that_is_away_or_ends_has_none_under_way(void **state)
{
    struct world *world = *state;
    register_device(world);
    kedge_registration_disable(&world->registration, 100, world->now_ms);
    until(world, KEDGE_REGISTRATION_SEND_DEREGISTER);
    answer(world, KEDGE_COAP_DELETED);
    assert_false(is_under_way(world));
    world->now_ms += 100000;
    assert_true(is_under_way(world));
    kedge_registration_stop(&world->registration);
    assert_false(is_under_way(world));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_registers_at_once_and_waits_for_the_answer),
        TEST(an_update_goes_out_early_enough_to_be_repeated),
        TEST(a_short_lifetime_is_updated_at_its_half),
        TEST(lifetimes_out_of_range_are_refused),
        TEST(a_new_lifetime_is_told_by_an_update_at_once),
        TEST(a_lifetime_that_changes_under_way_is_told_by_the_next_update),
        TEST(a_lifetime_nobody_acknowledged_is_told_again),
        TEST(a_trigger_sends_an_update_at_once),
        TEST(a_server_that_has_forgotten_the_device_gets_a_register_at_once),
        TEST(a_renewal_registers_instead_of_updating),
        TEST(updates_that_nobody_answers_end_in_a_register),
        TEST(one_lost_update_is_repeated_as_an_update),
        TEST(pauses_double_up_to_their_limit_and_never_end),
        TEST(a_refused_register_is_tried_again_after_a_pause),
        TEST(pauses_differ_from_device_to_device),
        TEST(without_random_numbers_the_pause_is_the_whole_one),
        TEST(stopping_deregisters_and_is_then_over),
        TEST(stopping_gives_up_when_nobody_answers_or_nothing_is_registered),
        TEST(stopping_waits_for_the_request_on_its_way),
        TEST(an_answer_to_nothing_changes_nothing),
        TEST(a_disabled_device_deregisters_and_comes_back),
        TEST(it_goes_without_an_answer_too),
        TEST(a_disable_in_mid_update_waits_for_its_answer),
        TEST(told_to_end_while_it_is_away_it_is_over),
        TEST(a_server_of_an_older_version_is_spoken_to_in_it),
        TEST(a_server_of_neither_version_is_asked_with_pauses),
        TEST(failures_in_a_row_are_counted_until_a_register_is_taken),
        TEST(a_version_that_is_refused_is_no_failure),
        TEST(it_is_under_way_until_the_first_answer_or_failure),
        TEST(it_is_under_way_again_when_the_server_has_forgotten_the_device),
        TEST(a_device_that_is_away_or_ends_has_none_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
