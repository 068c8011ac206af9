/*
 * test_rollout_divide.c: the devices of a rollout put into its groups: everybody once, as many as
 * was asked, in an order that can be repeated, and no place at once. CMakeLists.txt compiles it
 * against ways of dividing that are wrong in one line: each must fail here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/group_plans.h"
#include "updater/rollout/divide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX 3000u

struct fleet {
    char endpoints[DEVICES_MAX][16];
    char places[DEVICES_MAX][16];
    struct kedge_rollout_target targets[DEVICES_MAX];
    uint32_t count;
};

static struct fleet *new_fleet(uint32_t count, uint32_t places)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    assert_non_null(fleet);
    fleet->count = count;
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(fleet->endpoints[i], sizeof(fleet->endpoints[i]), "d%u", i);
        if (places > 0)
            (void)snprintf(fleet->places[i], sizeof(fleet->places[i]), "site-%u", i % places);
        fleet->targets[i].endpoint = fleet->endpoints[i];
        fleet->targets[i].place = places > 0 ? fleet->places[i] : NULL;
    }
    return fleet;
}

static void divide(struct fleet *fleet, const struct kedge_group_plan *groups, uint32_t count,
                   uint32_t seed)
{
    char text[KEDGE_DIVIDE_TEXT_MAX];
    assert_int_equal(kedge_groups_divide(groups, count, seed, fleet->targets, fleet->count, text),
                     KEDGE_OK);
}

static const struct kedge_group_plan rest = {.share = KEDGE_GROUP_REST};
static const struct kedge_group_plan ten_thirty_sixty[] = {PERCENT(10), PERCENT(30), REST};

static void everybody_is_in_one_group_and_groups_are_as_large_as_asked(void **state)
{
    (void)state;
    for (uint32_t devices = 7; devices <= 200; devices++) {
        struct fleet *fleet = new_fleet(devices, devices % 5);
        uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX], found[3] = {0};
        char text[KEDGE_DIVIDE_TEXT_MAX];
        bool seen[200] = {false};
        divide(fleet, ten_thirty_sixty, 3, devices);
        assert_int_equal(kedge_groups_size(ten_thirty_sixty, 3, devices, sizes, text), KEDGE_OK);
        assert_int_equal(sizes[0], (devices + 9) / 10);
        assert_int_equal(sizes[0] + sizes[1], (devices * 4 + 9) / 10);
        assert_int_equal(sizes[0] + sizes[1] + sizes[2], devices);
        for (uint32_t i = 0; i < devices; i++) {
            uint32_t number = (uint32_t)atoi(fleet->targets[i].endpoint + 1);
            assert_false(seen[number]);
            seen[number] = true;
            found[fleet->targets[i].group_index]++;
            assert_true(i == 0 ||
                        fleet->targets[i].group_index >= fleet->targets[i - 1].group_index);
        }
        assert_memory_equal(found, sizes, sizeof(found));
        free(fleet);
    }
}

static void counts_percentages_and_the_rest_go_together(void **state)
{
    (void)state;
    static const struct kedge_group_plan plan[] = {DEVICES(5), PERCENT(10), DEVICES(100), REST};
    static const uint32_t expected[] = {5, 21, 100, 79};
    uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX];
    char text[KEDGE_DIVIDE_TEXT_MAX];
    assert_int_equal(kedge_groups_size(plan, 4, 205, sizes, text), KEDGE_OK);
    assert_memory_equal(sizes, expected, sizeof(expected));
}

/* Of 40 devices filters mean 10, 5 of them first: the percentages are of the other 30. */
static void a_filter_takes_its_own_and_the_others_are_divided(void **state)
{
    (void)state;
    static const struct kedge_group_plan plan[] = {PERCENT(50), FILTER(0), PERCENT(50), FILTER(0)};
    struct fleet *fleet = new_fleet(40, 2);
    uint32_t found[4] = {0}, of_a_place[4] = {0};
    for (uint32_t i = 0; i < 10; i++)
        fleet->targets[i].filter_group = i < 6 ? 2 : 4;
    divide(fleet, plan, 4, 9);
    for (uint32_t i = 0; i < 40; i++) {
        const struct kedge_rollout_target *target = &fleet->targets[i];
        uint32_t number = (uint32_t)atoi(target->endpoint + 1);
        found[target->group_index]++;
        of_a_place[target->group_index] += strcmp(target->place, "site-0") == 0;
        if (number < 10)
            assert_int_equal(target->group_index, number < 6 ? 1 : 3);
        else
            assert_true(target->group_index == 0 || target->group_index == 2);
    }
    assert_int_equal(found[0], 15);
    assert_int_equal(found[1], 6);
    assert_int_equal(found[2], 15);
    assert_int_equal(found[3], 4);
    assert_in_range(of_a_place[0], 7, 8); /* in what filters leave, places are spread as well */
    free(fleet);
}

static void filters_that_take_everybody_or_nobody_are_seen(void **state)
{
    (void)state;
    static const struct {
        struct kedge_group_plan groups[3];
        uint32_t count, takes[3];
        const char *words; /* NULL: it is as it should be */
    } rows[] = {
        {{FILTER(0), REST}, 2, {15}, NULL},
        {{FILTER(0), FILTER(0)}, 2, {15, 85}, NULL},
        {{FILTER(0), FILTER(0)}, 2, {15, 80}, "take only 0 of 5 devices that no filter takes: add"},
        {{FILTER(0), REST}, 2, {100}, "group 2 would have none of the 100 devices"},
        {{FILTER(0), REST}, 2, {0}, "its filter means none of those that the groups before it"},
        {{FILTER(0), PERCENT(40), PERCENT(50)}, 3, {15}, "add up to 90 %, not to 100 %"},
        {{FILTER(0), DEVICES(86), REST},
         3,
         {15},
         "86 devices, but there are only 85 that no filter"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX] = {0};
        char text[KEDGE_DIVIDE_TEXT_MAX] = "";
        memcpy(sizes, rows[i].takes, sizeof(rows[i].takes));
        enum kedge_rc rc = kedge_groups_size(rows[i].groups, rows[i].count, 100, sizes, text);
        assert_int_equal(rc, rows[i].words == NULL ? KEDGE_OK : KEDGE_E_ARGUMENT);
        if (rows[i].words != NULL && strstr(text, rows[i].words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", text, rows[i].words);
    }
}

static void what_does_not_add_up_is_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        struct kedge_group_plan groups[3];
        uint32_t count, devices;
        const char *words;
    } refused[] = {
        {{PERCENT(10), PERCENT(30), PERCENT(50)},
         3,
         100,
         "add up to 90 %, not to 100 %: add a group of the rest"},
        {{PERCENT(60), PERCENT(50), REST}, 3, 100, "add up to 110 %, more than 100 %"},
        {{PERCENT(60), PERCENT(41), {0}}, 2, 100, "add up to 101 %, more than 100 %"},
        {{PERCENT(50), PERCENT(50), REST}, 3, 100, "group 3 would have none of the 100 devices"},
        {{PERCENT(10), PERCENT(10), REST}, 3, 5, "group 2 would have none of the 5 devices"},
        {{DEVICES(150), REST, {0}}, 2, 100, "take 150 devices, but there are only 100"},
        {{DEVICES(50), PERCENT(40), {0}}, 2, 100, "take only 90 of 100 devices"},
        {{REST, PERCENT(40), {0}},
         2,
         100,
         "group 1 is the rest, but the rest must be the last group"},
        {{PERCENT(0), REST, {0}}, 2, 100, "group 1 has the size 0, it must be 1 to 100"},
        {{PERCENT(101), {0}, {0}}, 1, 100, "group 1 has the size 101, it must be 1 to 100"},
        {{REST, {0}, {0}}, 0, 100, "a rollout has 1 to 64 groups"},
        {{REST, {0}, {0}}, 65, 100, "a rollout has 1 to 64 groups"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint32_t sizes[KEDGE_ROLLOUT_GROUPS_MAX];
        char text[KEDGE_DIVIDE_TEXT_MAX] = "";
        enum kedge_rc rc =
            kedge_groups_size(refused[i].groups, refused[i].count, refused[i].devices, sizes, text);
        assert_true(rc == KEDGE_E_ARGUMENT || rc == KEDGE_E_LIMIT);
        if (strstr(text, refused[i].words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", text, refused[i].words);
    }
}

static void a_seed_gives_the_same_order_however_the_devices_are_listed(void **state)
{
    (void)state;
    struct fleet *forth = new_fleet(500, 7), *back = new_fleet(500, 7);
    for (uint32_t i = 0; i < 250; i++) {
        struct kedge_rollout_target target = back->targets[i];
        back->targets[i] = back->targets[499 - i];
        back->targets[499 - i] = target;
    }
    divide(forth, ten_thirty_sixty, 3, 42);
    divide(back, ten_thirty_sixty, 3, 42);
    for (uint32_t i = 0; i < 500; i++) {
        assert_string_equal(forth->targets[i].endpoint, back->targets[i].endpoint);
        assert_int_equal(forth->targets[i].group_index, back->targets[i].group_index);
    }
    free(forth);
    free(back);
}

/* Rollouts of years ago are repeated by their seeds: an order, once given out, stays. */
static void the_order_of_a_seed_never_changes(void **state)
{
    (void)state;
    static const char expected[] = "d1 d6 d2 d7 d8 d4 d5 d3 d9 d0 ";
    struct fleet *fleet = new_fleet(10, 0);
    char order[64] = "";
    divide(fleet, &rest, 1, 1);
    for (uint32_t i = 0; i < 10; i++)
        (void)snprintf(&order[strlen(order)], sizeof(order) - strlen(order), "%s ",
                       fleet->targets[i].endpoint);
    assert_string_equal(order, expected);
    free(fleet);
}

static void another_seed_gives_another_order(void **state)
{
    (void)state;
    struct fleet *first = new_fleet(1000, 0), *second = new_fleet(1000, 0);
    unsigned shared = 0, low = 0;
    divide(first, ten_thirty_sixty, 3, 1);
    divide(second, ten_thirty_sixty, 3, 2);
    for (uint32_t i = 0; i < 100; i++) {
        low += atoi(first->targets[i].endpoint + 1) < 500;
        for (uint32_t k = 0; k < 100; k++)
            shared += strcmp(first->targets[i].endpoint, second->targets[k].endpoint) == 0;
    }
    /* Of a hundred random ones of a thousand: about 10 in both, about 50 of the first half. */
    assert_true(shared < 30);
    assert_true(low > 25 && low < 75);
    free(first);
    free(second);
}

/* Of 30 places with 100 devices each: any stretch from the start holds the same of each, to two. */
static void no_place_is_updated_at_once(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 20; seed++) {
        struct fleet *fleet = new_fleet(3000, 30);
        uint32_t counts[30] = {0};
        divide(fleet, ten_thirty_sixty, 3, seed);
        for (uint32_t i = 0; i < 3000; i++) {
            counts[atoi(fleet->targets[i].place + 5)]++;
            for (uint32_t place = 0; place < 30; place++) {
                assert_true(counts[place] + 2 >= (i + 1) / 30);
                assert_true(counts[place] <= (i + 1) / 30 + 2);
            }
        }
        free(fleet);
    }
}

/* A large place beside small ones: each group has its share of the large one. */
static void places_of_any_size_have_their_share(void **state)
{
    (void)state;
    struct fleet *fleet = new_fleet(1000, 0);
    unsigned large[3] = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        if (i < 600)
            (void)snprintf(fleet->places[i], sizeof(fleet->places[i]), "large");
        else
            (void)snprintf(fleet->places[i], sizeof(fleet->places[i]), "s%u", i / 4);
        fleet->targets[i].place = fleet->places[i];
    }
    divide(fleet, ten_thirty_sixty, 3, 5);
    for (uint32_t i = 0; i < 1000; i++)
        large[fleet->targets[i].group_index] += strcmp(fleet->targets[i].place, "large") == 0;
    assert_in_range(large[0], 40, 80);
    assert_in_range(large[1], 140, 220);
    free(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_is_in_one_group_and_groups_are_as_large_as_asked),
        cmocka_unit_test(counts_percentages_and_the_rest_go_together),
        cmocka_unit_test(a_filter_takes_its_own_and_the_others_are_divided),
        cmocka_unit_test(filters_that_take_everybody_or_nobody_are_seen),
        cmocka_unit_test(what_does_not_add_up_is_refused_in_words),
        cmocka_unit_test(a_seed_gives_the_same_order_however_the_devices_are_listed),
        cmocka_unit_test(the_order_of_a_seed_never_changes),
        cmocka_unit_test(another_seed_gives_another_order),
        cmocka_unit_test(no_place_is_updated_at_once),
        cmocka_unit_test(places_of_any_size_have_their_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
