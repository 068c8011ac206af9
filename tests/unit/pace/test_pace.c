/* test_pace.c: the bytes a second of all together: never more, in turn, and from any thread. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/pace/pace.h"

#include <pthread.h>
#include <stdlib.h>

#define START_NS 5000000000u
#define NS_PER_MS 1000000u

static void test_without_a_rate_nobody_waits(void **state)
{
    struct kedge_pace pace = {0};
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(kedge_pace_take(&pace, 1u << 30, START_NS), 0);
        assert_int_equal(kedge_pace_wait_ns(&pace, 1u << 30, START_NS), 0);
    }
    assert_int_equal(pace.waited_bytes, 0);
}

static void test_a_burst_leaves_at_once_and_what_is_beyond_it_by_the_rate(void **state)
{
    struct kedge_pace pace = {.bytes_per_s = 100000};
    (void)state;
    assert_int_equal(kedge_pace_burst(&pace), 10000);
    for (unsigned i = 0; i < 10; i++)
        assert_true(kedge_pace_take(&pace, 1000, START_NS) <= START_NS);
    assert_int_equal(pace.waited_bytes, 0);
    assert_int_equal(kedge_pace_wait_ns(&pace, 1000, START_NS), 10 * NS_PER_MS);
    for (unsigned i = 1; i <= 10; i++)
        assert_int_equal(kedge_pace_take(&pace, 1000, START_NS), START_NS + i * 10 * NS_PER_MS);
    assert_int_equal(pace.waited_bytes, 10000);
}

static void test_a_pause_gives_one_burst_and_no_more(void **state)
{
    struct kedge_pace pace = {.bytes_per_s = 100000};
    const uint64_t later_ns = START_NS + 3600000000000u;
    (void)state;
    (void)kedge_pace_take(&pace, 50000, START_NS);
    assert_true(kedge_pace_take(&pace, 10000, later_ns) <= later_ns);
    assert_int_equal(kedge_pace_take(&pace, 1000, later_ns), later_ns + 10 * NS_PER_MS);
}

/* Whoever asks in whatever sizes and gaps: up to any time no more was sent than may have been. */
static void test_at_any_time_no_more_was_sent_than_burst_and_rate(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 50; seed++) {
        struct kedge_pace pace = {.bytes_per_s = 10000u + 77777u * seed};
        uint64_t now_ns = START_NS, sent = 0, before_ns = 0;
        srand(seed);
        for (unsigned i = 0; i < 1000; i++) {
            uint64_t size = 1u + (unsigned)rand() % 16384u;
            uint64_t due_ns = kedge_pace_take(&pace, size, now_ns);
            uint64_t at_ns = due_ns > now_ns ? due_ns : now_ns;
            sent += size;
            /* In turn: nobody who takes a turn later may send earlier. */
            assert_true(due_ns >= before_ns);
            before_ns = due_ns;
            uint64_t may = pace.bytes_per_s * (at_ns - START_NS) / 1000000000u;
            assert_true(sent <= may + kedge_pace_burst(&pace) + 1);
            now_ns += (unsigned)rand() % 3u == 0 ? (uint64_t)((unsigned)rand() % 400000000u) : 0;
        }
    }
}

struct sharer {
    struct kedge_pace *pace;
    uint64_t last_ns, taken;
};

static void *share(void *context)
{
    struct sharer *sharer = context;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t due_ns = kedge_pace_take(sharer->pace, 100, START_NS);
        sharer->last_ns = due_ns > sharer->last_ns ? due_ns : sharer->last_ns;
        sharer->taken += 100;
    }
    return NULL;
}

static void test_threads_share_one_rate(void **state)
{
    struct kedge_pace pace = {.bytes_per_s = 1000000};
    struct sharer sharers[4];
    pthread_t threads[4];
    uint64_t taken = 0, last_ns = 0;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        sharers[i] = (struct sharer){.pace = &pace};
        assert_int_equal(pthread_create(&threads[i], NULL, share, &sharers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += sharers[i].taken;
        last_ns = sharers[i].last_ns > last_ns ? sharers[i].last_ns : last_ns;
    }
    /* 8,000,000 bytes, of which a tenth of a second's were there: not one was lost or given twice.
     */
    assert_int_equal(last_ns, START_NS + (taken - kedge_pace_burst(&pace)) * 1000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_rate_nobody_waits),
        cmocka_unit_test(test_a_burst_leaves_at_once_and_what_is_beyond_it_by_the_rate),
        cmocka_unit_test(test_a_pause_gives_one_burst_and_no_more),
        cmocka_unit_test(test_at_any_time_no_more_was_sent_than_burst_and_rate),
        cmocka_unit_test(test_threads_share_one_rate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
