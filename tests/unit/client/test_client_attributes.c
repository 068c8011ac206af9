/* test_client_attributes.c: what Write-Attributes takes, and when an observation is notified. */
#include "agent/client/attributes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <kedge/coap.h>
#include <stdio.h>
#include <string.h>

static struct kedge_attributes attributes;

static int make(void **state)
{
    (void)state;
    memset(&attributes, 0, sizeof attributes);
    return 0;
}

static struct kedge_lwm2m_path at(const char *text)
{
    struct kedge_lwm2m_path path;
    assert_int_equal(kedge_lwm2m_path_parse(kedge_slice_text(text), &path), KEDGE_OK);
    return path;
}

/* Queries apart from each other by '&'. */
static uint8_t write(const char *path_text, const char *queries)
{
    struct kedge_attribute_change change = {.unset = 0};
    while (*queries != '\0') {
        size_t size = strcspn(queries, "&");
        if (kedge_attributes_parse(&change, kedge_slice(queries, size)) != KEDGE_OK)
            return KEDGE_COAP_BAD_REQUEST;
        queries += size + (queries[size] == '&');
    }
    const struct kedge_lwm2m_path path = at(path_text);
    return kedge_attributes_write(&attributes, &path, path.depth > 2, &change);
}

static void assert_text(struct kedge_attribute_values values, const char *expected)
{
    char text[KEDGE_ATTRIBUTES_TEXT_MAX + 1];
    struct kedge_writer out = kedge_writer(text, KEDGE_ATTRIBUTES_TEXT_MAX);
    assert_int_equal(kedge_attributes_text(&values, &out), KEDGE_OK);
    text[out.size] = '\0';
    assert_string_equal(text, expected);
}

static void assert_holds(const char *path_text, const char *expected)
{
    const struct kedge_lwm2m_path path = at(path_text);
    assert_text(kedge_attributes_for(&attributes, &path), expected);
}

/* ---- Write-Attributes ---- */

static void every_attribute_is_set_changed_and_taken_away(void **state)
{
    (void)state;
    assert_int_equal(write("/5/0/3", "pmin=10&pmax=60&epmin=1&epmax=2&gt=3.5&lt=-1&st=0.5"),
                     KEDGE_COAP_CHANGED);
    assert_holds("/5/0/3", ";pmin=10;pmax=60;epmin=1;epmax=2;gt=3.5;lt=-1;st=0.5");
    assert_int_equal(write("/5/0/3", "pmin=0&pmax&gt&lt&st"), KEDGE_COAP_CHANGED);
    assert_holds("/5/0/3", ";pmin=0;epmin=1;epmax=2");
    assert_int_equal(write("/5/0/3", "pmin&epmin&epmax"), KEDGE_COAP_CHANGED);
    assert_holds("/5/0/3", "");
}

static void what_makes_no_sense_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(write("/5/0/3", "pmin=10"), KEDGE_COAP_CHANGED);
    const char *const wrong[] = {"pmin=20&unknown=1",
                                 "pmin=20&pmin=30",
                                 "pmin=20&pmax=x",
                                 "pmin=-1",
                                 "pmin=1.5",
                                 "pmin=",
                                 "pmin=315360001",
                                 "gt=nan",
                                 "gt=inf",
                                 "st=0",
                                 "st=-1",
                                 "=5",
                                 "pmin&pmin=20",
                                 "PMIN=20",
                                 "pmin=20&dim=4",
                                 "gt=1&lt=1",
                                 "gt=1&lt=0&st=0.5",
                                 "lt=2&gt=1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(write("/5/0/3", wrong[i]), KEDGE_COAP_BAD_REQUEST);
    assert_holds("/5/0/3", ";pmin=10");
}

/* The rule between lt, gt and st is about what holds after the change. */
static void a_change_is_judged_with_what_was_there_before(void **state)
{
    (void)state;
    assert_int_equal(write("/5/0/3", "gt=10"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0/3", "lt=10"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(write("/5/0/3", "lt=8"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0/3", "st=1"), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(write("/5/0/3", "st=0.5"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0/3", "lt=20&gt"), KEDGE_COAP_CHANGED);
    assert_holds("/5/0/3", ";lt=20;st=0.5");
}

static void conditions_go_to_one_number_alone(void **state)
{
    (void)state;
    const char *const conditions[] = {"gt=1", "lt=1", "st=1"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(write("/5/0", conditions[i]), KEDGE_COAP_BAD_REQUEST);
        assert_int_equal(write("/5", conditions[i]), KEDGE_COAP_BAD_REQUEST);
    }
    assert_int_equal(write("/5/0", "pmin=1"), KEDGE_COAP_CHANGED);
}

static void the_nearest_path_counts(void **state)
{
    (void)state;
    assert_int_equal(write("/5", "pmin=1&pmax=100&epmin=7"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0", "pmin=2&pmax=200"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0/8", "pmin=3"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0/8/1", "pmin=4"), KEDGE_COAP_CHANGED);
    assert_holds("/5/0/8/1", ";pmin=4;pmax=200;epmin=7");
    assert_holds("/5/0/8", ";pmin=3;pmax=200;epmin=7");
    assert_holds("/5/0/3", ";pmin=2;pmax=200;epmin=7");
    assert_holds("/5", ";pmin=1;pmax=100;epmin=7");
    assert_holds("/3/0/3", "");
    const struct kedge_lwm2m_path path = at("/5/0/8");
    assert_text(kedge_attributes_own(&attributes, &path), ";pmin=3");
}

static void a_path_too_many_is_refused_and_a_freed_place_is_taken(void **state)
{
    (void)state;
    char path[16];
    for (unsigned i = 0; i < KEDGE_ATTRIBUTES_PATHS_MAX; i++) {
        snprintf(path, sizeof path, "/5/0/%u", i);
        assert_int_equal(write(path, "pmin=1"), KEDGE_COAP_CHANGED);
    }
    assert_int_equal(write("/6", "pmin=1"), KEDGE_COAP_INTERNAL_ERROR);
    assert_int_equal(write("/6", "pmin"), KEDGE_COAP_CHANGED); /* there is none: fine */
    assert_int_equal(write("/5/0/15", "pmin=2"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0/7", "pmin"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/6", "pmin=9"), KEDGE_COAP_CHANGED);
    assert_holds("/6", ";pmin=9");
    assert_holds("/5/0/15", ";pmin=2");
}

static void together_the_slower_pmin_and_the_faster_pmax_hold(void **state)
{
    (void)state;
    assert_int_equal(write("/5/0/3", "pmin=1&pmax=50&gt=4"), KEDGE_COAP_CHANGED);
    assert_int_equal(write("/5/0/5", "pmin=2&pmax=40&epmin=3&epmax=9"), KEDGE_COAP_CHANGED);
    const struct kedge_lwm2m_path a = at("/5/0/3"), b = at("/5/0/5");
    struct kedge_attribute_values first = kedge_attributes_for(&attributes, &a);
    struct kedge_attribute_values second = kedge_attributes_for(&attributes, &b);
    struct kedge_attribute_values both = first;
    kedge_attributes_combine(&both, &second);
    assert_text(both, ";pmin=2;pmax=40;epmin=3;epmax=9");
    kedge_attributes_combine(&second, &first);
    assert_text(second, ";pmin=2;pmax=40;epmin=3;epmax=9");
}

/* ---- when to notify ---- */

static struct kedge_attribute_look look;
static uint64_t wait_ms;

/* What was told at 0 was `told`; what is there at `now_ms` is `number`. */
static bool is_due(const char *queries, double told, double number, uint64_t now_ms)
{
    memset(&attributes, 0, sizeof attributes);
    assert_int_equal(write("/5/0/3", queries), KEDGE_COAP_CHANGED);
    const struct kedge_lwm2m_path path = at("/5/0/3");
    const struct kedge_attribute_values values = kedge_attributes_for(&attributes, &path);
    look = (struct kedge_attribute_look){.changed = told < number || told > number,
                                         .has_number = true,
                                         .told = told,
                                         .number = number};
    return kedge_attributes_due(&values, &look, now_ms, &wait_ms);
}

static void without_attributes_a_change_is_told_at_once(void **state)
{
    (void)state;
    assert_true(is_due("", 1, 2, 0));
    assert_false(is_due("", 1, 1, 1000000));
    assert_int_equal(wait_ms, UINT64_MAX);
}

static void a_change_waits_for_pmin(void **state)
{
    (void)state;
    assert_false(is_due("pmin=10", 1, 2, 9999));
    assert_int_equal(wait_ms, 1);
    assert_true(is_due("pmin=10", 1, 2, 10000));
    assert_false(is_due("pmin=10", 1, 1, 10000));
    assert_int_equal(wait_ms, UINT64_MAX);
}

static void pmax_tells_what_has_not_changed(void **state)
{
    (void)state;
    assert_false(is_due("pmax=10", 1, 1, 9999));
    assert_int_equal(wait_ms, 1);
    assert_true(is_due("pmax=10", 1, 1, 10000));
    assert_true(is_due("pmin=10&pmax=10", 1, 1, 10000));
    assert_false(is_due("pmin=20&pmax=10", 1, 1, 10000)); /* pmax below pmin is not minded */
    assert_int_equal(wait_ms, UINT64_MAX);
    assert_false(is_due("pmin=20&pmax=10", 1, 2, 10000));
    assert_int_equal(wait_ms, 10000);
    assert_false(is_due("pmax=0", 1, 1, 10000));
}

static void a_threshold_counts_when_it_is_crossed_either_way(void **state)
{
    (void)state;
    assert_true(is_due("gt=10", 10, 10.5, 0));
    assert_true(is_due("gt=10", 10.5, 10, 0));
    assert_false(is_due("gt=10", 10.5, 99, 0));
    assert_false(is_due("gt=10", 1, 10, 0));
    assert_true(is_due("lt=10", 10, 9.5, 0));
    assert_true(is_due("lt=10", 9.5, 10, 0));
    assert_false(is_due("lt=10", 9.5, 1, 0));
    assert_false(is_due("lt=10", 99, 10, 0));
    assert_true(is_due("lt=5&gt=10", 7, 4, 0));
    assert_true(is_due("lt=5&gt=10", 7, 11, 0));
    assert_false(is_due("lt=5&gt=10", 5, 10, 0));
}

static void a_step_counts_from_what_was_told(void **state)
{
    (void)state;
    assert_true(is_due("st=5", 10, 15, 0));
    assert_true(is_due("st=5", 10, 5, 0));
    assert_false(is_due("st=5", 10, 14.5, 0));
    assert_false(is_due("st=5", 10, 5.5, 0));
    assert_true(is_due("st=5&gt=100", 10, 15, 0));
    assert_true(is_due("st=5&pmax=1", 10, 11, 1000)); /* pmax all the same */
}

static void epmax_looks_though_nothing_happens(void **state)
{
    (void)state;
    struct kedge_attribute_values values = {.set = 1u << KEDGE_ATTRIBUTE_EPMAX,
                                            .values = {[KEDGE_ATTRIBUTE_EPMAX] = 5}};
    struct kedge_attribute_look seen = {.changed = false};
    uint64_t own_ms;
    assert_false(kedge_attributes_due(&values, &seen, 1000, &own_ms));
    assert_int_equal(own_ms, 5000);
    seen.changed = true;
    assert_true(kedge_attributes_due(&values, &seen, 1001, &own_ms));
    /* With both, it is looked at as soon as epmin lets it. */
    seen.changed = false;
    values.set |= 1u << KEDGE_ATTRIBUTE_EPMIN;
    values.values[KEDGE_ATTRIBUTE_EPMIN] = 2;
    assert_false(kedge_attributes_due(&values, &seen, 9000, &own_ms));
    assert_int_equal(own_ms, 2000);
}

static void between_two_looks_nothing_is_seen(void **state)
{
    (void)state;
    assert_false(is_due("epmin=10", 1, 2, 9999));
    assert_int_equal(wait_ms, 1);
    assert_int_equal(look.looked_at_ms, 0);
    assert_true(is_due("epmin=10", 1, 2, 10000));
    assert_int_equal(look.looked_at_ms, 10000);
    assert_false(is_due("epmin=10", 1, 1, 10000));
    assert_int_equal(wait_ms, 10000);
    assert_true(is_due("epmin=10&pmax=5", 1, 2, 5000));
    assert_false(is_due("epmin=10&pmax=30", 1, 2, 9000));
    assert_int_equal(wait_ms, 1000);
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_attribute_is_set_changed_and_taken_away),
        TEST(what_makes_no_sense_changes_nothing),
        TEST(a_change_is_judged_with_what_was_there_before),
        TEST(conditions_go_to_one_number_alone),
        TEST(the_nearest_path_counts),
        TEST(a_path_too_many_is_refused_and_a_freed_place_is_taken),
        TEST(together_the_slower_pmin_and_the_faster_pmax_hold),
        TEST(without_attributes_a_change_is_told_at_once),
        TEST(a_change_waits_for_pmin),
        TEST(pmax_tells_what_has_not_changed),
        TEST(a_threshold_counts_when_it_is_crossed_either_way),
        TEST(a_step_counts_from_what_was_told),
        TEST(epmax_looks_though_nothing_happens),
        TEST(between_two_looks_nothing_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
