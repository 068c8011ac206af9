/* test_client_observe.c: observations and their numbers, and requests that come twice. */
#include "agent/client/observe.h"
#include "agent/client/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct kedge_observe observe;
static struct kedge_recent recent;

static int make(void **state)
{
    (void)state;
    kedge_observe_clear(&observe);
    kedge_recent_clear(&recent);
    return 0;
}

static struct kedge_model_paths path(uint16_t resource)
{
    return (struct kedge_model_paths){.paths = {{.ids = {5, 0, resource}, .depth = 3}}, .count = 1};
}

static struct kedge_observation *add_paths(const struct kedge_model_paths *paths, const char *token,
                                           const char *value)
{
    const struct kedge_observed observed = {.mark = kedge_crc32(0, kedge_slice_text(value))};
    return kedge_observe_add(&observe, paths, KEDGE_LWM2M_FORMAT_TEXT, kedge_slice_text(token),
                             &observed, 0);
}

/* Without any attributes. */
static bool changed(struct kedge_observation *observation, struct kedge_slice value)
{
    static const struct kedge_attribute_values none;
    const struct kedge_observed observed = {.mark = kedge_crc32(0, value)};
    uint64_t wait_ms = 0;
    bool due = kedge_observe_due(observation, &observed, &none, 0, &wait_ms);
    assert_true(due || wait_ms == UINT64_MAX);
    return due;
}

static struct kedge_observation *add(uint16_t resource, const char *token, const char *value)
{
    const struct kedge_model_paths at = path(resource);
    return add_paths(&at, token, value);
}

static void only_a_new_value_is_told_and_its_number_is_higher(void **state)
{
    (void)state;
    struct kedge_observation *observation = add(3, "t", "0");
    assert_non_null(observation);
    uint32_t last = observation->sequence;
    assert_false(changed(observation, kedge_slice_text("0")));
    assert_int_equal(observation->sequence, last);
    for (const char *value = "123012301230"; *value != '\0'; value++) {
        assert_true(changed(observation, kedge_slice(value, 1)));
        assert_true(observation->sequence > last);
        last = observation->sequence;
        assert_false(changed(observation, kedge_slice(value, 1)));
    }
}

/* What was told last is what a new value is measured against, and from when pmin counts. */
static void attributes_hold_back_what_they_do_not_ask_for(void **state)
{
    (void)state;
    struct kedge_attribute_values attributes = {
        .set = 1u << KEDGE_ATTRIBUTE_PMIN | 1u << KEDGE_ATTRIBUTE_ST,
        .values = {[KEDGE_ATTRIBUTE_PMIN] = 10, [KEDGE_ATTRIBUTE_ST] = 5}};
    const struct kedge_model_paths at = path(3);
    struct kedge_observed observed = {.mark = 100, .has_number = true, .number = 100};
    struct kedge_observation *observation = kedge_observe_add(
        &observe, &at, KEDGE_LWM2M_FORMAT_TEXT, kedge_slice_text("t"), &observed, 1000);
    uint64_t wait_ms;
    observed = (struct kedge_observed){104, true, 104};
    assert_false(kedge_observe_due(observation, &observed, &attributes, 30000, &wait_ms));
    assert_int_equal(wait_ms, UINT64_MAX);
    observed = (struct kedge_observed){105, true, 105};
    uint32_t sequence = observation->sequence;
    assert_true(kedge_observe_due(observation, &observed, &attributes, 30000, &wait_ms));
    assert_int_equal(observation->sequence, sequence + 1);
    observed = (struct kedge_observed){100, true, 100};
    assert_false(kedge_observe_due(observation, &observed, &attributes, 31000, &wait_ms));
    assert_int_equal(wait_ms, 9000);
    assert_true(kedge_observe_due(observation, &observed, &attributes, 40000, &wait_ms));
}

static void numbers_stay_within_24_bits(void **state)
{
    (void)state;
    struct kedge_observation *observation = add(3, "t", "0");
    observation->sequence = 0xFFFFFF;
    assert_true(changed(observation, kedge_slice_text("1")));
    assert_int_equal(observation->sequence, 0);
}

static void observing_a_path_again_renews_it_in_its_place(void **state)
{
    (void)state;
    struct kedge_observation *first = add(3, "old", "0");
    uint32_t number = first->sequence;
    struct kedge_observation *second = add(3, "new", "1");
    assert_ptr_equal(first, second);
    assert_true(second->sequence > number);
    assert_int_equal(second->token_size, 3);
    assert_memory_equal(second->token, "new", 3);
    assert_false(kedge_observe_reset(&observe, kedge_slice_text("old")));
    assert_false(changed(second, kedge_slice_text("1")));
}

static void a_request_for_more_than_there_is_place_for_is_not_observed(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < KEDGE_OBSERVE_COUNT; i++)
        assert_non_null(add(i, "t", "0"));
    assert_null(add(KEDGE_OBSERVE_COUNT, "t", "0"));
    const struct kedge_model_paths gone = path(2);
    kedge_observe_cancel(&observe, &gone, kedge_slice_text("another"));
    assert_non_null(add(KEDGE_OBSERVE_COUNT, "t", "0"));
}

static void a_token_that_is_too_long_is_not_kept(void **state)
{
    (void)state;
    assert_non_null(add(3, "12345678", "0"));
    assert_null(add(3, "123456789", "0"));
}

static void a_cancel_matches_by_path_or_by_token(void **state)
{
    (void)state;
    add(3, "three", "0");
    add(5, "five", "0");
    const struct kedge_model_paths at = path(3), other = path(7);
    kedge_observe_cancel(&observe, &at, kedge_slice_text("unknown"));
    assert_false(kedge_observe_reset(&observe, kedge_slice_text("three")));
    kedge_observe_cancel(&observe, &other, kedge_slice_text("five"));
    assert_false(kedge_observe_reset(&observe, kedge_slice_text("five")));
    kedge_observe_cancel(&observe, &other, kedge_slice_text("five")); /* there is none: fine */
}

/* An Observe-Composite of the same paths renews its own; a plain one of the first path is another.
 */
static void several_paths_together_are_an_observation_of_their_own(void **state)
{
    (void)state;
    struct kedge_model_paths both = path(3);
    both.composite = true;
    both.paths[both.count++] = path(5).paths[0];
    struct kedge_observation *single = add(3, "single", "0");
    struct kedge_observation *composite = add_paths(&both, "both", "00");
    assert_non_null(composite);
    assert_ptr_not_equal(single, composite);
    assert_ptr_equal(add_paths(&both, "again", "00"), composite);
    struct kedge_model_paths other = both;
    other.paths[1] = path(6).paths[0];
    kedge_observe_cancel(&observe, &other, kedge_slice_text("unknown"));
    other = path(3);
    kedge_observe_cancel(&observe, &other, kedge_slice_text("unknown"));
    assert_false(single->used);
    assert_true(composite->used);
    kedge_observe_cancel(&observe, &both, kedge_slice_text("unknown"));
    assert_false(composite->used);
}

static void a_reset_ends_the_observation_with_that_token_alone(void **state)
{
    (void)state;
    add(3, "three", "0");
    add(5, "five", "0");
    assert_true(kedge_observe_reset(&observe, kedge_slice_text("three")));
    assert_false(kedge_observe_reset(&observe, kedge_slice_text("three")));
    assert_true(kedge_observe_reset(&observe, kedge_slice_text("five")));
}

/* ---- requests that come twice ---- */

static const struct kedge_recent_key key = {.message_id = 77, .content = 0xABCD};

static void a_request_that_comes_again_finds_its_answer(void **state)
{
    (void)state;
    assert_int_equal(kedge_recent_find(&recent, key, 0), 0);
    kedge_recent_keep(&recent, key, 0x44, 0);
    assert_int_equal(kedge_recent_find(&recent, key, 1000), 0x44);
    const struct kedge_recent_key others[] = {{78, 0xABCD}, {77, 0xABCE}};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(kedge_recent_find(&recent, others[i], 1000), 0);
}

static void a_message_id_is_free_again_after_the_exchange_lifetime(void **state)
{
    (void)state;
    kedge_recent_keep(&recent, key, 0x44, 500);
    assert_int_equal(kedge_recent_find(&recent, key, 500 + KEDGE_RECENT_LIFETIME_MS - 1), 0x44);
    assert_int_equal(kedge_recent_find(&recent, key, 500 + KEDGE_RECENT_LIFETIME_MS), 0);
}

static void the_latest_requests_are_kept_and_a_new_session_forgets_them(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < KEDGE_RECENT_COUNT + 1; i++)
        kedge_recent_keep(&recent, (struct kedge_recent_key){.message_id = i}, 0x44, 0);
    assert_int_equal(kedge_recent_find(&recent, (struct kedge_recent_key){.message_id = 0}, 0), 0);
    for (uint16_t i = 1; i < KEDGE_RECENT_COUNT + 1; i++)
        assert_int_equal(kedge_recent_find(&recent, (struct kedge_recent_key){.message_id = i}, 0),
                         0x44);
    kedge_recent_clear(&recent);
    for (uint16_t i = 0; i < KEDGE_RECENT_COUNT + 1; i++)
        assert_int_equal(kedge_recent_find(&recent, (struct kedge_recent_key){.message_id = i}, 0),
                         0);
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_a_new_value_is_told_and_its_number_is_higher),
        TEST(attributes_hold_back_what_they_do_not_ask_for),
        TEST(numbers_stay_within_24_bits),
        TEST(observing_a_path_again_renews_it_in_its_place),
        TEST(a_request_for_more_than_there_is_place_for_is_not_observed),
        TEST(a_token_that_is_too_long_is_not_kept),
        TEST(a_cancel_matches_by_path_or_by_token),
        TEST(several_paths_together_are_an_observation_of_their_own),
        TEST(a_reset_ends_the_observation_with_that_token_alone),
        TEST(a_request_that_comes_again_finds_its_answer),
        TEST(a_message_id_is_free_again_after_the_exchange_lifetime),
        TEST(the_latest_requests_are_kept_and_a_new_session_forgets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
