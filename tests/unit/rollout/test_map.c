/*
 * A table that grows a few buckets at a time finds and forgets what it holds at any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/rollout/map.h"

#define LINKS 3000u

struct held {
    struct kedge_map_link link; /* the first member */
    uint64_t number;
};

static struct held held[LINKS];

static const struct held *find(const struct kedge_map *map, uint64_t number)
{
    struct kedge_map_link *link = kedge_map_first(map, kedge_map_hash_number(map, number));
    while (link != NULL && ((struct held *)link)->number != number)
        link = kedge_map_next(link);
    return (struct held *)link;
}

static void insert(struct kedge_map *map, uint64_t i)
{
    held[i].number = i;
    assert_int_equal(kedge_map_insert(map, &held[i].link, kedge_map_hash_number(map, i)), KEDGE_OK);
}

static void all_are_found_while_it_grows(void **state)
{
    (void)state;
    struct kedge_map map;
    assert_int_equal(kedge_map_init(&map, 7), KEDGE_OK);
    for (uint64_t i = 0; i < LINKS; i++) {
        assert_null(find(&map, i));
        insert(&map, i);
        for (uint64_t k = 0; k <= i; k += 1 + i / 50)
            assert_ptr_equal(find(&map, k), &held[k]);
    }
    assert_int_equal(map.count, LINKS);
    assert_true(map.bucket_count >= LINKS);
    kedge_map_free(&map);
}

static void what_is_removed_while_it_grows_is_gone_and_nothing_else(void **state)
{
    (void)state;
    struct kedge_map map;
    assert_int_equal(kedge_map_init(&map, 7), KEDGE_OK);
    for (uint64_t i = 0; i < LINKS; i++) {
        insert(&map, i);
        if (i % 3 == 2)
            kedge_map_remove(&map, &held[i / 2].link);
        if (i % 3 == 2)
            insert(&map, i / 2);
        if (i % 5 == 4)
            kedge_map_remove(&map, &held[i].link);
        if (i % 5 == 4)
            assert_null(find(&map, i));
        if (i % 5 == 4)
            insert(&map, i);
    }
    for (uint64_t i = 0; i < LINKS; i++)
        assert_ptr_equal(find(&map, i), &held[i]);
    for (uint64_t i = 0; i < LINKS; i++)
        kedge_map_remove(&map, &held[i].link);
    for (uint64_t i = 0; i < LINKS; i++)
        assert_null(find(&map, i));
    assert_int_equal(map.count, 0);
    kedge_map_free(&map);
}

/* Of the old buckets a few are moved by each insertion: none moves as many as there are. */
static void no_insertion_moves_everything(void **state)
{
    (void)state;
    struct kedge_map map;
    size_t grown = 0;
    assert_int_equal(kedge_map_init(&map, 7), KEDGE_OK);
    for (uint64_t i = 0; i < LINKS; i++) {
        size_t before = map.old == NULL ? 0 : map.moved;
        insert(&map, i);
        grown += map.old != NULL && map.moved < before + 10;
        assert_true(map.old == NULL || map.moved < before + 10);
    }
    assert_true(grown > 100);
    kedge_map_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found_while_it_grows),
        cmocka_unit_test(what_is_removed_while_it_grows_is_gone_and_nothing_else),
        cmocka_unit_test(no_insertion_moves_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
