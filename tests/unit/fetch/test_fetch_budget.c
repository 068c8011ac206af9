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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_is_spent_to_its_last_byte),
        cmocka_unit_test(without_a_limit_the_size_counts_four_times),
        cmocka_unit_test(a_size_that_is_not_known_is_taken_for_the_largest),
        cmocka_unit_test(a_package_may_be_as_large_as_frames_that_do_not_compress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
