/* test_net_pool.c: things from a pool: apart from each other, zeroed, and used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "updater/net/pool.h"

#define THINGS 5000u
#define SIZE 136u

static void test_things_do_not_touch_and_are_zeroed_whoever_had_them_before(void **state)
{
    static unsigned char *things[THINGS];
    static const unsigned char zeroes[SIZE];
    struct kedge_pool pool = {.size = SIZE};
    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < THINGS; i++) {
            things[i] = kedge_pool_take(&pool);
            assert_non_null(things[i]);
            assert_int_equal((uintptr_t)things[i] % sizeof(void *), 0);
            assert_memory_equal(things[i], zeroes, SIZE);
            memset(things[i], (int)(i % 251 + 1), SIZE);
        }
        for (unsigned i = 0; i < THINGS; i++) {
            assert_int_equal(things[i][0], i % 251 + 1);
            assert_int_equal(things[i][SIZE - 1], i % 251 + 1);
            kedge_pool_give(&pool, things[i]);
        }
    }
    kedge_pool_clear(&pool);
}

static void test_what_was_given_back_is_taken_before_there_is_more(void **state)
{
    struct kedge_pool pool = {.size = SIZE};
    (void)state;
    void *first = kedge_pool_take(&pool);
    const struct kedge_pool_block *blocks = pool.blocks;
    for (unsigned i = 0; i < THINGS; i++) {
        kedge_pool_give(&pool, first);
        assert_ptr_equal(kedge_pool_take(&pool), first);
    }
    assert_ptr_equal(pool.blocks, blocks);
    kedge_pool_clear(&pool);
    assert_null(pool.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_things_do_not_touch_and_are_zeroed_whoever_had_them_before),
        cmocka_unit_test(test_what_was_given_back_is_taken_before_there_is_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
