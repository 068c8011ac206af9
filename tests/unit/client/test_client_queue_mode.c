/* test_client_queue_mode.c: when a device in queue mode listens, and when it sleeps. */
#include "agent/client/queue_mode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct kedge_queue_mode queue;
static uint64_t wait_ms;

static int set_up(void **state)
{
    (void)state;
    queue = (struct kedge_queue_mode){.on = true, .awake_ms = 93000};
    wait_ms = 60000;
    kedge_queue_mode_stir(&queue, 1000);
    return 0;
}

static bool falls_asleep(bool busy, uint64_t now_ms)
{
    wait_ms = 60000;
    return kedge_queue_mode_poll(&queue, busy, now_ms, &wait_ms);
}

static void it_listens_for_its_time_after_the_last_message(void **state)
{
    (void)state;
    assert_false(falls_asleep(false, 1000));
    assert_int_equal(wait_ms, 60000);
    assert_false(falls_asleep(false, 60000));
    assert_int_equal(wait_ms, 34000);
    assert_false(kedge_queue_mode_stir(&queue, 90000));
    assert_false(falls_asleep(false, 182999));
    assert_int_equal(wait_ms, 1);
    assert_true(falls_asleep(false, 183000));
    assert_true(queue.asleep);
}

static void it_falls_asleep_once_and_then_sleeps_until_it_stirs(void **state)
{
    (void)state;
    assert_true(falls_asleep(false, 94000));
    assert_false(falls_asleep(false, 94001));
    assert_int_equal(wait_ms, 60000);
    assert_true(queue.asleep);
    assert_true(kedge_queue_mode_stir(&queue, 500000));
    assert_false(queue.asleep);
    assert_false(falls_asleep(false, 592999));
    assert_true(falls_asleep(false, 593000));
}

static void work_keeps_it_awake_and_counts_like_a_message(void **state)
{
    (void)state;
    assert_false(falls_asleep(true, 500000));
    assert_int_equal(wait_ms, 60000);
    assert_false(falls_asleep(false, 592999));
    assert_true(falls_asleep(false, 593000));
    assert_false(falls_asleep(true, 600000));
    assert_false(queue.asleep);
}

static void without_queue_mode_it_never_sleeps(void **state)
{
    (void)state;
    queue.on = false;
    assert_false(falls_asleep(false, UINT64_MAX));
    assert_int_equal(wait_ms, 60000);
    assert_false(queue.asleep);
}

static void a_device_that_is_told_to_stay_awake_wakes(void **state)
{
    (void)state;
    assert_true(falls_asleep(false, 94000));
    queue.on = false;
    assert_false(falls_asleep(false, 94001));
    assert_false(queue.asleep);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_listens_for_its_time_after_the_last_message),
        TEST(it_falls_asleep_once_and_then_sleeps_until_it_stirs),
        TEST(work_keeps_it_awake_and_counts_like_a_message),
        TEST(without_queue_mode_it_never_sleeps),
        TEST(a_device_that_is_told_to_stay_awake_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
