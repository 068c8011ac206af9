/* test_client_trial.c: when new firmware is confirmed, and what ends its trial. */
#include "agent/client/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define LIMIT_MS 60000u

static struct kedge_trial trial;
static uint64_t now_ms;

static void begin(bool has_command, bool without_server, uint64_t soak_ms)
{
    const struct kedge_trial_policy policy = {.has_command = has_command,
                                              .without_server = without_server,
                                              .command_limit_ms = LIMIT_MS,
                                              .soak_ms = soak_ms};
    kedge_trial_begin(&trial, &policy, 0);
}

/* Where nobody else ends a trial that lasts too long. */
static void begin_with_limit(bool has_command)
{
    const struct kedge_trial_policy policy = {.has_command = has_command,
                                              .command_limit_ms = 10 * LIMIT_MS,
                                              .limit_ms = LIMIT_MS};
    kedge_trial_begin(&trial, &policy, now_ms);
}

static int make(void **state)
{
    (void)state;
    now_ms = 5000;
    begin(true, false, 0);
    return 0;
}

static void assert_next(enum kedge_trial_action action)
{
    uint64_t wait_ms;
    assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), action);
}

static void start_health(void)
{
    assert_next(KEDGE_TRIAL_RUN_HEALTH);
    kedge_trial_health_started(&trial, true, now_ms);
}

static void without_a_trial_there_is_nothing_to_do(void **state)
{
    (void)state;
    memset(&trial, 0, sizeof trial);
    kedge_trial_server_reached(&trial);
    kedge_trial_health_ended(&trial, 1, 0);
    assert_next(KEDGE_TRIAL_NOTHING);
}

static void it_confirms_when_health_passed_and_then_the_server_was_reached(void **state)
{
    (void)state;
    start_health();
    kedge_trial_health_ended(&trial, 0, 0);
    assert_next(KEDGE_TRIAL_WAIT);
    kedge_trial_server_reached(&trial);
    assert_next(KEDGE_TRIAL_CONFIRM);
    kedge_trial_confirmed(&trial, true, now_ms);
    assert_next(KEDGE_TRIAL_NOTHING);
}

static void it_confirms_when_the_server_was_reached_and_then_health_passed(void **state)
{
    (void)state;
    start_health();
    kedge_trial_server_reached(&trial);
    assert_next(KEDGE_TRIAL_WAIT);
    kedge_trial_health_ended(&trial, 0, 0);
    assert_next(KEDGE_TRIAL_CONFIRM);
}

static void without_a_health_command_the_server_alone_confirms(void **state)
{
    (void)state;
    begin(false, false, 0);
    assert_next(KEDGE_TRIAL_WAIT);
    kedge_trial_server_reached(&trial);
    assert_next(KEDGE_TRIAL_CONFIRM);
}

static void a_failing_health_command_ends_the_trial_at_once(void **state)
{
    (void)state;
    start_health();
    kedge_trial_server_reached(&trial);
    kedge_trial_health_ended(&trial, 3, 0);
    assert_next(KEDGE_TRIAL_REJECT);
    assert_string_equal(trial.reason, "health command exit status 3");
    kedge_trial_rejected(&trial);
    assert_next(KEDGE_TRIAL_NOTHING);
}

static void a_health_command_that_dies_ends_the_trial_at_once(void **state)
{
    (void)state;
    start_health();
    kedge_trial_health_ended(&trial, 0, 11);
    assert_next(KEDGE_TRIAL_REJECT);
    assert_string_equal(trial.reason, "health command ended by signal 11");
}

static void a_health_command_that_cannot_be_started_ends_the_trial(void **state)
{
    (void)state;
    assert_next(KEDGE_TRIAL_RUN_HEALTH);
    kedge_trial_health_started(&trial, false, now_ms);
    assert_next(KEDGE_TRIAL_REJECT);
    assert_string_equal(trial.reason, "health command could not be started");
}

static void a_health_command_that_hangs_is_killed_at_its_limit_and_ends_the_trial(void **state)
{
    (void)state;
    start_health();
    kedge_trial_server_reached(&trial);
    uint64_t wait_ms;
    assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), KEDGE_TRIAL_WAIT);
    assert_int_equal(wait_ms, LIMIT_MS);
    now_ms += wait_ms - 1;
    assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), KEDGE_TRIAL_WAIT);
    assert_int_equal(wait_ms, 1);
    now_ms += 1;
    assert_next(KEDGE_TRIAL_KILL_HEALTH);
    assert_next(KEDGE_TRIAL_REJECT);
    assert_string_equal(trial.reason, "health command did not end within 60 s");
    /* Its end, told late, saves nothing. */
    kedge_trial_health_ended(&trial, 0, 0);
    assert_next(KEDGE_TRIAL_REJECT);
}

static void five_minutes_without_a_server_revert_nobody(void **state)
{
    (void)state;
    start_health();
    now_ms += 100;
    kedge_trial_health_ended(&trial, 0, 0);
    for (uint64_t end_ms = now_ms + 5 * 60 * 1000; now_ms < end_ms; now_ms += 10) {
        uint64_t wait_ms;
        assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), KEDGE_TRIAL_WAIT);
        assert_int_equal(wait_ms, UINT64_MAX);
    }
    kedge_trial_server_reached(&trial);
    assert_next(KEDGE_TRIAL_CONFIRM);
}

static void a_confirmation_that_cannot_be_written_is_tried_again(void **state)
{
    (void)state;
    begin(false, false, 0);
    kedge_trial_server_reached(&trial);
    for (unsigned i = 0; i < 5; i++) {
        assert_next(KEDGE_TRIAL_CONFIRM);
        kedge_trial_confirmed(&trial, false, now_ms);
        uint64_t wait_ms;
        assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), KEDGE_TRIAL_WAIT);
        assert_int_equal(wait_ms, KEDGE_TRIAL_RETRY_MS);
        now_ms += wait_ms;
    }
    assert_next(KEDGE_TRIAL_CONFIRM);
    kedge_trial_confirmed(&trial, true, now_ms);
    assert_next(KEDGE_TRIAL_NOTHING);
}

static void assert_waits(uint64_t expected_ms)
{
    uint64_t wait_ms;
    assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), KEDGE_TRIAL_WAIT);
    assert_true(wait_ms == expected_ms);
}

static void after_the_soak_the_command_has_to_pass_once_more(void **state)
{
    (void)state;
    begin(true, false, 30000);
    start_health();
    kedge_trial_health_ended(&trial, 0, 0);
    assert_waits(UINT64_MAX); /* the soak begins when the server was reached too */
    now_ms += 50000;
    kedge_trial_server_reached(&trial);
    assert_waits(30000);
    now_ms += 29999;
    assert_waits(1);
    now_ms += 1;
    start_health();
    assert_waits(LIMIT_MS);
    kedge_trial_health_ended(&trial, 0, 0);
    assert_next(KEDGE_TRIAL_CONFIRM);
}

static void what_falls_ill_in_the_soak_goes_back_and_says_when(void **state)
{
    (void)state;
    static const struct {
        int status, signal_number;
        const char *reason;
    } ends[] = {{3, 0, "health command exit status 3, after the soak"},
                {0, 11, "health command ended by signal 11, after the soak"},
                {-1, 0, "health command did not end within 60 s, after the soak"}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        begin(true, false, 1000);
        kedge_trial_server_reached(&trial);
        start_health();
        kedge_trial_health_ended(&trial, 0, 0);
        assert_waits(1000);
        now_ms += 1000;
        start_health();
        if (ends[i].status >= 0) {
            kedge_trial_health_ended(&trial, ends[i].status, ends[i].signal_number);
        } else {
            now_ms += LIMIT_MS;
            assert_next(KEDGE_TRIAL_KILL_HEALTH);
        }
        assert_next(KEDGE_TRIAL_REJECT);
        assert_string_equal(trial.reason, ends[i].reason);
    }
}

static void without_a_command_the_soak_is_only_time(void **state)
{
    (void)state;
    begin(false, false, 1000);
    kedge_trial_server_reached(&trial);
    assert_waits(1000);
    now_ms += 1000;
    assert_next(KEDGE_TRIAL_CONFIRM);
    kedge_trial_confirmed(&trial, false, now_ms);
    assert_waits(KEDGE_TRIAL_RETRY_MS); /* and not of the soak once more */
}

static void a_server_that_need_not_be_reached_is_not_waited_for(void **state)
{
    (void)state;
    begin(true, true, 0);
    start_health();
    assert_waits(LIMIT_MS);
    kedge_trial_health_ended(&trial, 0, 0);
    assert_next(KEDGE_TRIAL_CONFIRM);
    begin(true, true, 0);
    start_health();
    kedge_trial_health_ended(&trial, 1, 0);
    assert_next(KEDGE_TRIAL_REJECT);
}

static void the_command_is_started_once(void **state)
{
    (void)state;
    start_health();
    for (unsigned i = 0; i < 10; i++) {
        now_ms += 100;
        assert_next(KEDGE_TRIAL_WAIT);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, make)

static void the_limit_ends_a_trial_whose_server_stays_away(void **state)
{
    (void)state;
    uint64_t wait_ms;
    begin_with_limit(false);
    assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), KEDGE_TRIAL_WAIT);
    assert_int_equal(wait_ms, LIMIT_MS);
    now_ms += LIMIT_MS - 1;
    assert_int_equal(kedge_trial_next(&trial, now_ms, &wait_ms), KEDGE_TRIAL_WAIT);
    assert_int_equal(wait_ms, 1);
    now_ms++;
    assert_next(KEDGE_TRIAL_REJECT);
    assert_true(trial.out_of_time);
    assert_string_equal(trial.reason, "not confirmed within 60 s");
}

static void the_limit_ends_a_health_command_that_still_runs(void **state)
{
    (void)state;
    begin_with_limit(true);
    start_health();
    now_ms += LIMIT_MS;
    assert_next(KEDGE_TRIAL_KILL_HEALTH);
    assert_next(KEDGE_TRIAL_REJECT);
    assert_true(trial.out_of_time);
}

static void a_failed_health_command_is_not_blamed_on_the_limit(void **state)
{
    (void)state;
    begin_with_limit(true);
    start_health();
    kedge_trial_health_ended(&trial, 3, 0);
    now_ms += LIMIT_MS;
    assert_next(KEDGE_TRIAL_REJECT);
    assert_false(trial.out_of_time);
    assert_string_equal(trial.reason, "health command exit status 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_trial_there_is_nothing_to_do),
        TEST(it_confirms_when_health_passed_and_then_the_server_was_reached),
        TEST(it_confirms_when_the_server_was_reached_and_then_health_passed),
        TEST(without_a_health_command_the_server_alone_confirms),
        TEST(a_failing_health_command_ends_the_trial_at_once),
        TEST(a_health_command_that_dies_ends_the_trial_at_once),
        TEST(a_health_command_that_cannot_be_started_ends_the_trial),
        TEST(a_health_command_that_hangs_is_killed_at_its_limit_and_ends_the_trial),
        TEST(five_minutes_without_a_server_revert_nobody),
        TEST(a_confirmation_that_cannot_be_written_is_tried_again),
        TEST(after_the_soak_the_command_has_to_pass_once_more),
        TEST(what_falls_ill_in_the_soak_goes_back_and_says_when),
        TEST(without_a_command_the_soak_is_only_time),
        TEST(a_server_that_need_not_be_reached_is_not_waited_for),
        TEST(the_command_is_started_once),
        TEST(the_limit_ends_a_trial_whose_server_stays_away),
        TEST(the_limit_ends_a_health_command_that_still_runs),
        TEST(a_failed_health_command_is_not_blamed_on_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
