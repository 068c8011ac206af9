/* The bootloader's judgements about time, on a simulated clock. */
#include "agent/boot/policy.h"
#include "agent/client/trial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define REBOOT 75
#define MINUTE UINT64_C(60000)
#define LIMIT (KEDGE_TRIAL_LIMIT_DEFAULT_S * UINT64_C(1000))

struct simulated_clock {
    uint64_t now_ms;
};

static uint64_t read_clock(void *context)
{
    return ((struct simulated_clock *)context)->now_ms;
}

/* A trial whose health is good and whose server is away: both judges over the same clock. */
static void five_minutes_without_a_server_revert_nobody(void **state)
{
    (void)state;
    struct simulated_clock simulated = {.now_ms = 1000};
    struct kedge_clock clock = {
        .context = &simulated, .monotonic_ms = read_clock, .wall_ms = read_clock};
    struct kedge_trial_limit limit;
    struct kedge_trial trial;
    uint64_t wait_ms;
    kedge_trial_limit_init(&limit, LIMIT);
    kedge_trial_limit_boot(&limit, true, 2, clock.monotonic_ms(clock.context));
    const struct kedge_trial_policy policy = {.has_command = true, .command_limit_ms = MINUTE};
    kedge_trial_begin(&trial, &policy, 0);
    assert_int_equal(kedge_trial_next(&trial, clock.monotonic_ms(clock.context), &wait_ms),
                     KEDGE_TRIAL_RUN_HEALTH);
    kedge_trial_health_started(&trial, true, clock.monotonic_ms(clock.context));
    kedge_trial_health_ended(&trial, 0, 0);

    for (uint64_t second = 0; second < 5 * 60; second++) {
        simulated.now_ms += 1000;
        assert_true(kedge_trial_limit_left_ms(&limit, clock.monotonic_ms(clock.context)) > 0);
        assert_int_equal(kedge_trial_next(&trial, clock.monotonic_ms(clock.context), &wait_ms),
                         KEDGE_TRIAL_WAIT);
    }
    /* The server is back: confirmed, as if nothing had been. */
    kedge_trial_server_reached(&trial);
    assert_int_equal(kedge_trial_next(&trial, clock.monotonic_ms(clock.context), &wait_ms),
                     KEDGE_TRIAL_CONFIRM);
    kedge_trial_limit_end(&limit);
    simulated.now_ms += LIMIT;
    assert_true(kedge_trial_limit_left_ms(&limit, clock.monotonic_ms(clock.context)) == UINT64_MAX);
}

static void the_limit_passes_after_thirty_minutes_and_no_sooner(void **state)
{
    (void)state;
    struct kedge_trial_limit limit;
    kedge_trial_limit_init(&limit, LIMIT);
    kedge_trial_limit_boot(&limit, true, 2, 5000);
    assert_true(LIMIT == 30 * MINUTE);
    assert_true(kedge_trial_limit_left_ms(&limit, 5000) == LIMIT);
    assert_true(kedge_trial_limit_left_ms(&limit, 5000 + LIMIT - 1) == 1);
    assert_true(kedge_trial_limit_left_ms(&limit, 5000 + LIMIT) == 0);
    assert_true(kedge_trial_limit_left_ms(&limit, 5000 + 10 * LIMIT) == 0);
}

static void another_boot_of_the_same_trial_does_not_reset_it(void **state)
{
    (void)state;
    struct kedge_trial_limit limit;
    kedge_trial_limit_init(&limit, LIMIT);
    kedge_trial_limit_boot(&limit, true, 2, 0);
    kedge_trial_limit_boot(&limit, true, 2, 20 * MINUTE);
    assert_true(kedge_trial_limit_left_ms(&limit, 20 * MINUTE) == 10 * MINUTE);
    /* The trial of another package begins anew. */
    kedge_trial_limit_boot(&limit, true, 3, 20 * MINUTE);
    assert_true(kedge_trial_limit_left_ms(&limit, 20 * MINUTE) == LIMIT);
    kedge_trial_limit_boot(&limit, false, 1, 21 * MINUTE);
    assert_true(kedge_trial_limit_left_ms(&limit, 21 * MINUTE) == UINT64_MAX);
}

static enum kedge_after after(struct kedge_restarts *restarts, int status, int signal_number,
                              uint64_t ran_ms, uint64_t *wait_ms)
{
    struct kedge_agent_end end = {
        .status = status, .signal_number = signal_number, .ran_ms = ran_ms};
    return kedge_restart_after(restarts, &end, REBOOT, wait_ms);
}

static void a_reboot_that_is_asked_for_is_immediate(void **state)
{
    (void)state;
    struct kedge_restarts restarts = {0};
    uint64_t wait_ms;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(after(&restarts, REBOOT, 0, 60000, &wait_ms), KEDGE_AFTER_BOOT);
        assert_int_equal(wait_ms, 0);
    }
    for (unsigned i = 0; i < KEDGE_RESTART_FREE_REBOOTS; i++) {
        assert_int_equal(after(&restarts, REBOOT, 0, 50, &wait_ms), KEDGE_AFTER_BOOT);
        assert_int_equal(wait_ms, 0);
    }
    assert_int_equal(after(&restarts, REBOOT, 0, 50, &wait_ms), KEDGE_AFTER_BOOT);
    assert_int_equal(wait_ms, 1000);
}

static void crashes_back_off_until_a_run_lasts(void **state)
{
    (void)state;
    static const uint64_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct kedge_restarts restarts = {0};
    uint64_t wait_ms;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_int_equal(after(&restarts, 1, i % 2 == 0 ? 0 : 11, 100, &wait_ms), KEDGE_AFTER_BOOT);
        assert_int_equal(wait_ms, waits[i]);
    }
    assert_int_equal(after(&restarts, 1, 0, KEDGE_RESTART_QUICK_MS, &wait_ms), KEDGE_AFTER_BOOT);
    assert_int_equal(wait_ms, 1000);
}

static void an_agent_that_ends_well_switches_the_device_off(void **state)
{
    (void)state;
    struct kedge_restarts restarts = {0};
    uint64_t wait_ms;
    assert_int_equal(after(&restarts, 0, 0, 100, &wait_ms), KEDGE_AFTER_OFF);
    /* Signal 0 is no signal, but an exit status of 0 behind a signal is no good end. */
    assert_int_equal(after(&restarts, 0, 9, 100, &wait_ms), KEDGE_AFTER_BOOT);
}

static void a_wrong_command_line_ends_it_unless_new_firmware_says_so(void **state)
{
    (void)state;
    struct kedge_restarts restarts = {0};
    struct kedge_agent_end end = {.status = 2, .on_trial = true, .ran_ms = 10};
    uint64_t wait_ms;
    assert_int_equal(kedge_restart_after(&restarts, &end, REBOOT, &wait_ms), KEDGE_AFTER_BOOT);
    end.on_trial = false;
    assert_int_equal(kedge_restart_after(&restarts, &end, REBOOT, &wait_ms), KEDGE_AFTER_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_minutes_without_a_server_revert_nobody),
        cmocka_unit_test(the_limit_passes_after_thirty_minutes_and_no_sooner),
        cmocka_unit_test(another_boot_of_the_same_trial_does_not_reset_it),
        cmocka_unit_test(a_reboot_that_is_asked_for_is_immediate),
        cmocka_unit_test(crashes_back_off_until_a_run_lasts),
        cmocka_unit_test(an_agent_that_ends_well_switches_the_device_off),
        cmocka_unit_test(a_wrong_command_line_ends_it_unless_new_firmware_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
