/*
 * Who is logged in with a browser: a secret stands for its token until it ends, and no one token
 * takes all the places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/api/sessions.h"

#include <string.h>

static struct sessions sessions;

static int set_up(void **state)
{
    (void)state;
    sessions_init(&sessions);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sessions_close(&sessions);
    return 0;
}

static void token_of(uint32_t number, uint8_t token[KEDGE_SHA256_SIZE])
{
    memset(token, 0, KEDGE_SHA256_SIZE);
    memcpy(token, &number, sizeof(number));
}

static void begin(uint32_t token_number, uint64_t now_s, char secret[SESSION_SECRET_SIZE + 1])
{
    uint8_t token[KEDGE_SHA256_SIZE];
    token_of(token_number, token);
    assert_int_equal(sessions_begin(&sessions, token, now_s, secret), KEDGE_OK);
    assert_int_equal(strlen(secret), SESSION_SECRET_SIZE);
}

static bool stands(const char *secret, uint64_t now_s, uint32_t token_number)
{
    uint8_t token[KEDGE_SHA256_SIZE], found[KEDGE_SHA256_SIZE];
    token_of(token_number, token);
    return sessions_find(&sessions, secret, now_s, found) &&
           memcmp(found, token, sizeof(token)) == 0;
}

static void a_secret_stands_for_its_token_until_its_time_is_over(void **state)
{
    (void)state;
    char first[SESSION_SECRET_SIZE + 1], second[SESSION_SECRET_SIZE + 1];
    begin(1, 100, first);
    begin(2, 200, second);
    assert_string_not_equal(first, second);
    assert_true(stands(first, 100 + SESSION_LIFETIME_S - 1, 1));
    assert_false(stands(first, 100 + SESSION_LIFETIME_S, 1));
    assert_true(stands(second, 100 + SESSION_LIFETIME_S, 2));
}

static void a_secret_that_nobody_has_stands_for_nothing(void **state)
{
    (void)state;
    char secret[SESSION_SECRET_SIZE + 1];
    begin(1, 0, secret);
    secret[0] = secret[0] == '0' ? '1' : '0';
    assert_false(stands(secret, 1, 1));
    assert_false(stands("", 1, 1));
}

static void who_logs_out_is_unknown_and_others_are_not(void **state)
{
    (void)state;
    char first[SESSION_SECRET_SIZE + 1], second[SESSION_SECRET_SIZE + 1];
    begin(1, 0, first);
    begin(1, 0, second);
    assert_true(sessions_end(&sessions, first));
    assert_false(sessions_end(&sessions, first));
    assert_false(stands(first, 1, 1));
    assert_true(stands(second, 1, 1));
}

static void a_token_that_logs_in_too_often_loses_its_own_oldest_session_alone(void **state)
{
    (void)state;
    char other[SESSION_SECRET_SIZE + 1], oldest[SESSION_SECRET_SIZE + 1];
    char secret[SESSION_SECRET_SIZE + 1];
    begin(2, 0, other);
    begin(1, 1, oldest);
    for (uint64_t i = 1; i < SESSIONS_OF_TOKEN_MAX; i++)
        begin(1, 1 + i, secret);
    assert_true(stands(oldest, 50, 1));
    begin(1, 100, secret);
    assert_false(stands(oldest, 100, 1));
    assert_true(stands(other, 100, 2));
    assert_true(stands(secret, 100, 1));
}

static void when_all_places_are_taken_the_one_that_ends_first_gives_way(void **state)
{
    (void)state;
    char first[SESSION_SECRET_SIZE + 1], second[SESSION_SECRET_SIZE + 1];
    char secret[SESSION_SECRET_SIZE + 1];
    begin(1, 0, first);
    begin(2, 1, second);
    for (uint32_t i = 2; i < SESSIONS_MAX; i++)
        begin(10 + i, 2, secret);
    assert_true(stands(first, 3, 1));
    begin(3, 3, secret);
    assert_false(stands(first, 3, 1));
    assert_true(stands(second, 3, 2));
    assert_true(stands(secret, 3, 3));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_stands_for_its_token_until_its_time_is_over),
        TEST(a_secret_that_nobody_has_stands_for_nothing),
        TEST(who_logs_out_is_unknown_and_others_are_not),
        TEST(a_token_that_logs_in_too_often_loses_its_own_oldest_session_alone),
        TEST(when_all_places_are_taken_the_one_that_ends_first_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
