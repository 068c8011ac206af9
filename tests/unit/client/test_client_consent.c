/* test_client_consent.c: how long an update may wait for consent, over restarts and without a
 * clock. */
#include "agent/client/consent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NONE KEDGE_CONSENT_NO_LIMIT
#define DAY_S 86400u

static struct kedge_consent consent;
static struct kedge_consent_clock at;
static uint64_t now_ms, wait_ms;

static int begin(void **state)
{
    (void)state;
    now_ms = 5000000;
    at.since_ms = now_ms;
    kedge_consent_begin(&consent);
    return 0;
}

static enum kedge_consent_step next(uint64_t period_s)
{
    wait_ms = UINT64_MAX;
    return kedge_consent_next(&consent, &at, period_s, now_ms, &wait_ms);
}

/* Lets time pass as the agent does; returns how often it was written down before it was over. */
static unsigned run_to_the_end(uint64_t period_s)
{
    unsigned saved = 0;
    enum kedge_consent_step step;
    while ((step = next(period_s)) != KEDGE_CONSENT_OVER) {
        saved += step == KEDGE_CONSENT_SAVE;
        if (step == KEDGE_CONSENT_WAIT)
            now_ms += wait_ms;
        assert_true(saved < 1000);
    }
    return saved;
}

static void a_critical_update_and_a_period_of_0_are_not_asked_about(void **state)
{
    (void)state;
    assert_false(kedge_consent_is_asked(KEDGE_SEVERITY_CRITICAL, NONE));
    assert_false(kedge_consent_is_asked(KEDGE_SEVERITY_CRITICAL, DAY_S));
    assert_false(kedge_consent_is_asked(KEDGE_SEVERITY_MANDATORY, 0));
    assert_false(kedge_consent_is_asked(KEDGE_SEVERITY_OPTIONAL, 0));
    assert_true(kedge_consent_is_asked(KEDGE_SEVERITY_MANDATORY, NONE));
    assert_true(kedge_consent_is_asked(KEDGE_SEVERITY_OPTIONAL, 1));
}

static void it_waits_to_the_millisecond_and_no_longer(void **state)
{
    (void)state;
    const uint64_t periods_s[] = {1, 2, 63, 64, 65, 3600, DAY_S, 30 * DAY_S};
    for (size_t i = 0; i < sizeof periods_s / sizeof periods_s[0]; i++) {
        begin(NULL);
        uint64_t began_ms = now_ms;
        run_to_the_end(periods_s[i]);
        assert_int_equal(now_ms - began_ms, periods_s[i] * 1000);
        assert_int_equal(kedge_consent_left_s(&consent, periods_s[i]) > 0, true);
        kedge_consent_count(&consent, &at, now_ms);
        assert_int_equal(kedge_consent_left_s(&consent, periods_s[i]), 0);
    }
}

static void it_is_written_down_seldom(void **state)
{
    (void)state;
    assert_true(run_to_the_end(DAY_S) <= 2 * KEDGE_CONSENT_STEPS);
    begin(NULL);
    assert_true(run_to_the_end(10) <= 10);
}

static void without_a_period_it_waits_for_ever(void **state)
{
    (void)state;
    assert_int_equal(next(NONE), KEDGE_CONSENT_WAIT);
    now_ms += UINT64_C(1000) * DAY_S * 1000;
    assert_int_equal(next(NONE), KEDGE_CONSENT_SAVE);
    assert_int_equal(next(NONE), KEDGE_CONSENT_WAIT);
    assert_int_equal(kedge_consent_left_s(&consent, NONE), NONE);
}

static void the_devices_choice_counts_within_the_period(void **state)
{
    (void)state;
    now_ms += 100 * 1000;
    kedge_consent_count(&consent, &at, now_ms);
    kedge_consent_defer(&consent, 50);
    assert_int_equal(kedge_consent_left_s(&consent, DAY_S), 50);
    assert_int_equal(kedge_consent_left_s(&consent, NONE), 50);
    assert_int_equal(kedge_consent_left_s(&consent, 120), 20);
    assert_int_equal(kedge_consent_left_s(&consent, 60), 0);
    kedge_consent_defer(&consent, NONE);
    assert_int_equal(kedge_consent_left_s(&consent, DAY_S), DAY_S - 100);
    assert_int_equal(kedge_consent_left_s(&consent, NONE), NONE);
}

/* Killed again and again, right before it would have written down what it has counted. */
static void a_device_that_restarts_all_the_time_comes_to_the_end_too(void **state)
{
    (void)state;
    unsigned restarts = 0;
    for (; kedge_consent_left_s(&consent, DAY_S) > 0 && restarts < 1000; restarts++) {
        struct kedge_consent written = consent;
        kedge_consent_resume(&written, DAY_S);
        consent = written;
        at.since_ms = now_ms = 1000; /* another boot */
        while (next(DAY_S) == KEDGE_CONSENT_WAIT && wait_ms > 1)
            now_ms += wait_ms - 1;
    }
    assert_true(restarts <= KEDGE_CONSENT_STEPS + 1);
}

/* Otherwise a device could put it off for longer by restarting. */
static void a_restart_never_makes_it_longer(void **state)
{
    (void)state;
    uint64_t ran_ms = 0;
    for (unsigned restarts = 0;; restarts++) {
        assert_true(restarts < 10000);
        uint64_t began_ms = now_ms;
        if (next(DAY_S) == KEDGE_CONSENT_WAIT)
            now_ms += wait_ms / 3 + 1;
        ran_ms += now_ms - began_ms;
        if (next(DAY_S) == KEDGE_CONSENT_OVER)
            break;
        kedge_consent_resume(&consent, DAY_S); /* with what was written down last */
        at.since_ms = now_ms;
    }
    assert_true(ran_ms <= UINT64_C(1000) * DAY_S);
}

static void every_severity_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(kedge_severity_name(KEDGE_SEVERITY_CRITICAL), "critical");
    assert_string_equal(kedge_severity_name(KEDGE_SEVERITY_MANDATORY), "mandatory");
    assert_string_equal(kedge_severity_name(KEDGE_SEVERITY_OPTIONAL), "optional");
    assert_string_equal(kedge_severity_name(3), "unknown");
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_critical_update_and_a_period_of_0_are_not_asked_about),
        TEST(it_waits_to_the_millisecond_and_no_longer),
        TEST(it_is_written_down_seldom),
        TEST(without_a_period_it_waits_for_ever),
        TEST(the_devices_choice_counts_within_the_period),
        TEST(a_device_that_restarts_all_the_time_comes_to_the_end_too),
        TEST(a_restart_never_makes_it_longer),
        TEST(every_severity_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
