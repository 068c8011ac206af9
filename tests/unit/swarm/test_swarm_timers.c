/* test_swarm_timers.c: the heap fires what is due, in order, and nothing that was taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/swarm/draw.h"
#include "tests/swarm/timers.h"

#define COUNT 500u

struct fixture {
    struct swarm_timers heap;
    struct swarm_timer timers[COUNT];
    uint64_t fired[COUNT]; /* when each was due, in the order of firing */
    size_t fired_count;
};

static struct fixture fixture;

static int open_heap(void **state)
{
    *state = &fixture;
    fixture = (struct fixture){.fired_count = 0};
    return timers_init(&fixture.heap, COUNT) == KEDGE_OK ? 0 : -1;
}

static int close_heap(void **state)
{
    (void)state;
    timers_free(&fixture.heap);
    return 0;
}

static void on_time(void *context)
{
    const struct swarm_timer *timer = context;
    fixture.fired[fixture.fired_count++] = timer->at_ms;
}

static void arm(size_t index, uint64_t at_ms)
{
    struct swarm_timer *timer = &fixture.timers[index];
    assert_true(timers_arm(&fixture.heap, timer, at_ms, on_time, timer));
}

static void assert_heap_is_in_order(void)
{
    const struct swarm_timers *heap = &fixture.heap;
    for (size_t i = 1; i <= heap->count; i++) {
        assert_int_equal(heap->heap[i]->place, i);
        assert_true(i == 1 || heap->heap[i / 2]->at_ms <= heap->heap[i]->at_ms);
    }
}

static void test_what_is_due_fires_in_order_and_the_rest_waits(void **state)
{
    struct draw draw = {.state = 1};
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        arm(i, draw_between(&draw, 0, 999));
    assert_heap_is_in_order();
    timers_run(&fixture.heap, 499);
    for (size_t i = 0; i < fixture.fired_count; i++) {
        assert_true(fixture.fired[i] <= 499);
        assert_true(i == 0 || fixture.fired[i - 1] <= fixture.fired[i]);
    }
    assert_true(fixture.fired_count > 0);
    assert_int_equal(fixture.fired_count + fixture.heap.count, COUNT);
    assert_true(fixture.heap.heap[1]->at_ms > 499);
    timers_run(&fixture.heap, 999);
    assert_int_equal(fixture.fired_count, COUNT);
}

static void test_any_of_them_can_be_taken_back_or_armed_anew(void **state)
{
    struct draw draw = {.state = 2};
    size_t kept = 0;
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT; i++)
            arm(i, draw_between(&draw, 0, 999));
        for (size_t i = 0; i < COUNT; i++)
            if (draw_chance(&draw, 0.3))
                timers_cancel(&fixture.heap, &fixture.timers[i]);
        assert_heap_is_in_order();
    }
    for (size_t i = 0; i < COUNT; i++)
        kept += fixture.timers[i].place > 0;
    assert_int_equal(kept, fixture.heap.count);
    timers_run(&fixture.heap, 999);
    assert_int_equal(fixture.fired_count, kept);
}

static void test_cancelling_what_is_not_armed_does_nothing(void **state)
{
    (void)state;
    arm(0, 5);
    timers_cancel(&fixture.heap, &fixture.timers[1]);
    timers_run(&fixture.heap, 5);
    timers_cancel(&fixture.heap, &fixture.timers[0]);
    assert_int_equal(fixture.fired_count, 1);
    assert_int_equal(fixture.heap.count, 0);
}

static void test_a_full_heap_says_so(void **state)
{
    struct swarm_timer one_more = {.place = 0};
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        arm(i, i);
    assert_false(timers_arm(&fixture.heap, &one_more, 0, on_time, &one_more));
    assert_int_equal(one_more.place, 0);
    arm(0, 1000); /* one that is armed already has its place */
    assert_int_equal(fixture.heap.count, COUNT);
}

static void arm_the_next(void *context)
{
    (void)context;
    fixture.fired_count++;
    arm(1, 7);
}

static void test_a_timer_may_arm_others_while_it_fires(void **state)
{
    (void)state;
    assert_true(timers_arm(&fixture.heap, &fixture.timers[0], 5, arm_the_next, NULL));
    timers_run(&fixture.heap, 7);
    assert_int_equal(fixture.fired_count, 2);
    assert_int_equal(fixture.heap.count, 0);
}

static void test_the_wait_is_until_the_next_and_bounded(void **state)
{
    (void)state;
    assert_int_equal(timers_wait_ms(&fixture.heap, 0, 200), 200);
    arm(0, 150);
    assert_int_equal(timers_wait_ms(&fixture.heap, 100, 200), 50);
    assert_int_equal(timers_wait_ms(&fixture.heap, 150, 200), 0);
    assert_int_equal(timers_wait_ms(&fixture.heap, 151, 200), 0);
    arm(0, UINT64_MAX);
    assert_int_equal(timers_wait_ms(&fixture.heap, 0, 200), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_due_fires_in_order_and_the_rest_waits,
                                        open_heap, close_heap),
        cmocka_unit_test_setup_teardown(test_any_of_them_can_be_taken_back_or_armed_anew, open_heap,
                                        close_heap),
        cmocka_unit_test_setup_teardown(test_cancelling_what_is_not_armed_does_nothing, open_heap,
                                        close_heap),
        cmocka_unit_test_setup_teardown(test_a_full_heap_says_so, open_heap, close_heap),
        cmocka_unit_test_setup_teardown(test_a_timer_may_arm_others_while_it_fires, open_heap,
                                        close_heap),
        cmocka_unit_test_setup_teardown(test_the_wait_is_until_the_next_and_bounded, open_heap,
                                        close_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
