/* test_fetch_budget.c: what one update may take off the link. */
#include "agent/fetch/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <kedge/payload.h>

static char words[KEDGE_BUDGET_WORDS_MAX];

static void a_limit_is_spent_to_its_last_byte(void **state)
{
    (void)state;
    struct kedge_budget budget = {.limit = 1000};
    assert_true(kedge_budget_spend(&budget, 600, 5000, words));
    assert_true(kedge_budget_spend(&budget, 400, 5000, words));
    assert_false(kedge_budget_spend(&budget, 1, 5000, words));
    assert_string_equal(words,
                        "1001 bytes were received for this update: more than its budget of 1000");
}

static void without_a_limit_the_size_counts_four_times(void **state)
{
    (void)state;
    struct kedge_budget budget = {.most = 100000};
    assert_true(kedge_budget_spend(&budget, 4000, 1000, words));
    assert_false(kedge_budget_spend(&budget, 1, 1000, words));
}

static void a_size_that_is_not_known_is_taken_for_the_largest(void **state)
{
    (void)state;
    struct kedge_budget budget = {.most = 1000};
    assert_true(kedge_budget_spend(&budget, 4000, 0, words));
    assert_false(kedge_budget_spend(&budget, 1, 0, words));
    struct kedge_budget endless = {.most = 0};
    assert_true(kedge_budget_spend(&endless, UINT64_MAX / 2, 0, words));
    struct kedge_budget huge = {.most = UINT64_MAX / 2};
    assert_true(kedge_budget_spend(&huge, UINT64_MAX / 2, 0, words));
}

static void a_package_may_be_as_large_as_frames_that_do_not_compress(void **state)
{
    (void)state;
    struct kedge_budget budget = {.most = kedge_budget_most(2 * KEDGE_FRAME_IMAGE_SIZE)};
    uint64_t largest = 2 * KEDGE_FRAME_MAX + KEDGE_BUDGET_BESIDE_MAX;
    assert_true(kedge_budget_fits(&budget, largest, words));
    assert_false(kedge_budget_fits(&budget, largest + KEDGE_FRAME_MAX, words));
    assert_true(kedge_budget_fits(&budget, 0, words));
    struct kedge_budget any = {.most = 0};
    assert_true(kedge_budget_fits(&any, UINT64_MAX, words));
}

struct notes {
    uint64_t latest;
    unsigned count;
};

static void keep_note(void *context, uint64_t bytes)
{
    struct notes *notes = context;
    assert_true(bytes > notes->latest);
    notes->latest = bytes;
    notes->count++;
}

/* What is written down is never less than what came in, and not by much more. */
static void what_is_spent_is_noted_ahead_in_steps(void **state)
{
    (void)state;
    struct notes notes = {0};
    const uint64_t limit = 10 * (uint64_t)KEDGE_BUDGET_STEP_MIN * KEDGE_BUDGET_STEPS;
    struct kedge_budget budget = {.limit = limit, .note = keep_note, .context = &notes};
    for (uint64_t spent = 1000; spent <= limit; spent += 1000) {
        assert_true(kedge_budget_spend(&budget, 1000, 0, words));
        assert_true(notes.latest >= spent);
        assert_true(notes.latest <= spent + limit / KEDGE_BUDGET_STEPS);
    }
    assert_in_range(notes.count, KEDGE_BUDGET_STEPS - 1, KEDGE_BUDGET_STEPS + 1);
}

static void a_small_budget_is_not_noted_at_each_block(void **state)
{
    (void)state;
    struct notes notes = {0};
    struct kedge_budget budget = {.limit = 10000, .note = keep_note, .context = &notes};
    for (unsigned i = 0; i < 10; i++)
        assert_true(kedge_budget_spend(&budget, 1000, 0, words));
    assert_int_equal(notes.count, 1);
    assert_int_equal(notes.latest, 1000 + KEDGE_BUDGET_STEP_MIN);
}

/* A first block may come before the size is told. */
static void of_a_size_that_is_not_known_the_smallest_step_is_noted(void **state)
{
    (void)state;
    struct notes notes = {0};
    struct kedge_budget budget = {.most = 1u << 30, .note = keep_note, .context = &notes};
    assert_true(kedge_budget_spend(&budget, 1024, 0, words));
    assert_int_equal(notes.latest, 1024 + KEDGE_BUDGET_STEP_MIN);
}

/* As many crashes as there can be, each right after bytes came in. */
static void no_crash_makes_it_more(void **state)
{
    (void)state;
    struct notes notes = {0};
    uint64_t received = 0;
    const uint64_t limit = 20 * KEDGE_BUDGET_STEP_MIN;
    for (bool affordable = true; affordable; received += 5000) {
        struct kedge_budget budget = {.limit = limit,
                                      .spent = notes.latest,
                                      .noted = notes.latest,
                                      .note = keep_note,
                                      .context = &notes};
        affordable = kedge_budget_spend(&budget, 5000, 0, words);
    }
    assert_in_range(received, limit / (1 + KEDGE_BUDGET_STEP_MIN / 5000), limit + 5000);
}

/* Without a limit, and no noting wraps around. */
static void the_largest_numbers_are_noted_too(void **state)
{
    (void)state;
    struct notes notes = {0};
    struct kedge_budget budget = {.note = keep_note, .context = &notes};
    assert_true(kedge_budget_spend(&budget, UINT64_MAX - 5, 0, words));
    assert_true(notes.latest == UINT64_MAX);
    assert_true(kedge_budget_spend(&budget, 5, 0, words));
    assert_int_equal(notes.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_is_spent_to_its_last_byte),
        cmocka_unit_test(without_a_limit_the_size_counts_four_times),
        cmocka_unit_test(a_size_that_is_not_known_is_taken_for_the_largest),
        cmocka_unit_test(a_package_may_be_as_large_as_frames_that_do_not_compress),
        cmocka_unit_test(what_is_spent_is_noted_ahead_in_steps),
        cmocka_unit_test(a_small_budget_is_not_noted_at_each_block),
        cmocka_unit_test(of_a_size_that_is_not_known_the_smallest_step_is_noted),
        cmocka_unit_test(no_crash_makes_it_more),
        cmocka_unit_test(the_largest_numbers_are_noted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
