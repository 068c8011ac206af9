/* test_api_conditions.c: RFC 9110 sections 13 and 14, case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "updater/api/conditions.h"

#include <cmocka.h>

#define SIZE 1000u
#define TAG "\"abc\""
#define LINES_MAX 3u

struct line {
    const char *name, *value;
};

struct expectation {
    struct line lines[LINES_MAX];
    enum conditions_verdict verdict;
    uint64_t first, size; /* of CONDITIONS_PART */
};

static void expect(const struct expectation *row, bool head)
{
    struct conditions conditions = {.tag = kedge_slice_text("abc")};
    struct byte_range range = {0};
    for (size_t i = 0; i < LINES_MAX && row->lines[i].name != NULL; i++)
        conditions_take(&conditions, row->lines[i].name, kedge_slice_text(row->lines[i].value));
    enum conditions_verdict verdict = conditions_judge(&conditions, head, SIZE, &range);
    if (verdict != row->verdict)
        print_error("%s: %s\n", row->lines[0].name, row->lines[0].value);
    assert_int_equal(verdict, row->verdict);
    if (verdict == CONDITIONS_PART) {
        assert_int_equal(range.first, row->first);
        assert_int_equal(range.size, row->size);
    }
}

static void expect_all(const struct expectation *rows, size_t count, bool head)
{
    for (size_t i = 0; i < count; i++)
        expect(&rows[i], head);
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void a_range_names_bytes_by_their_first_and_last(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"Range", "bytes=0-0"}}, CONDITIONS_PART, 0, 1},
        {{{"Range", "bytes=0-999"}}, CONDITIONS_PART, 0, 1000},
        {{{"Range", "bytes=500-"}}, CONDITIONS_PART, 500, 500},
        {{{"Range", "bytes=999-"}}, CONDITIONS_PART, 999, 1},
        {{{"Range", "bytes=10-19"}}, CONDITIONS_PART, 10, 10},
        {{{"Range", "bytes=010-0019"}}, CONDITIONS_PART, 10, 10},
        {{{"Range", "bytes=990-5000"}}, CONDITIONS_PART, 990, 10},
        {{{"Range", "bytes=0-18446744073709551615"}}, CONDITIONS_PART, 0, 1000},
        {{{"Range", "bytes=0-99999999999999999999999"}}, CONDITIONS_PART, 0, 1000},
        {{{"range", "BYTES=1-2"}}, CONDITIONS_PART, 1, 2},
        {{{"Range", "bytes=1-2 \t"}}, CONDITIONS_PART, 1, 2},
        {{{"Range", "bytes=1-2 , "}}, CONDITIONS_PART, 1, 2},
    };
    expect_all(rows, COUNT(rows), false);
}

static void a_suffix_names_bytes_from_the_end(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"Range", "bytes=-1"}}, CONDITIONS_PART, 999, 1},
        {{{"Range", "bytes=-1000"}}, CONDITIONS_PART, 0, 1000},
        {{{"Range", "bytes=-1001"}}, CONDITIONS_PART, 0, 1000},
        {{{"Range", "bytes=-99999999999999999999999"}}, CONDITIONS_PART, 0, 1000},
        {{{"Range", "bytes=-0"}}, CONDITIONS_UNSATISFIABLE, 0, 0},
    };
    expect_all(rows, COUNT(rows), false);
}

static void a_range_behind_the_end_cannot_be_satisfied(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"Range", "bytes=1000-"}}, CONDITIONS_UNSATISFIABLE, 0, 0},
        {{{"Range", "bytes=1000-1000"}}, CONDITIONS_UNSATISFIABLE, 0, 0},
        {{{"Range", "bytes=18446744073709551615-"}}, CONDITIONS_UNSATISFIABLE, 0, 0},
        {{{"Range", "bytes=18446744073709551616-"}}, CONDITIONS_UNSATISFIABLE, 0, 0},
        {{{"Range", "bytes=99999999999999999999999-"}}, CONDITIONS_UNSATISFIABLE, 0, 0},
    };
    expect_all(rows, COUNT(rows), false);
}

static void what_is_no_single_range_of_bytes_is_ignored(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",           "bytes",         "bytes=",         "bytes=-",     "bytes=a-b",
        "bytes=0",    "bytes=5-4",     "bytes=1-2x",     "bytes=x1-2",  "bytes 0-1",
        "bytes=0-1,", "bytes=0-1,5-6", "bytes=0-1, 5-6", "bytes=--1",   "bytes=1--2",
        "items=0-1",  "octets=0-1",    "bytes =0-1",     "bytes=0 -1",  "bytes=0- 1",
        "bytes=+0-1", "bytes=0x1-2",   "bytes=0-1;q=1",  "bytes=0-1-2", "bytes=,0-1",
        "0-1",        "=0-1",          "bytes=0-,5-",    "bytes=-1,-2", "bytes=0-1,5000-",
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        /* a comma behind the last is an empty element, which is nothing */
        bool trailing = strcmp(values[i], "bytes=0-1,") == 0;
        const struct expectation row = {
            {{"Range", values[i]}}, trailing ? CONDITIONS_PART : CONDITIONS_WHOLE, 0, 2};
        expect(&row, false);
    }
    const struct expectation twice = {
        {{"Range", "bytes=0-1"}, {"Range", "bytes=0-1"}}, CONDITIONS_WHOLE, 0, 0};
    expect(&twice, false);
}

static void head_has_no_ranges(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"Range", "bytes=0-1"}}, CONDITIONS_WHOLE, 0, 0},
        {{{"Range", "bytes=5000-"}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", "\"x\""}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-None-Match", TAG}}, CONDITIONS_NOT_MODIFIED, 0, 0},
    };
    expect_all(rows, COUNT(rows), true);
}

static void if_match_compares_strongly(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"If-Match", TAG}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", "*"}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", " * "}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", "\"x\", " TAG}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", "\"x,\"," TAG " ,\"y\""}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", ",, " TAG ",,"}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", "\"x\""}, {"if-match", TAG}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Match", "\"\""}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "W/" TAG}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "abc"}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", ""}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "\"abc"}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "\"abcd\""}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "\"ABC\""}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "*, " TAG}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", TAG "\"x\""}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "\"x\" " TAG}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-Match", "\"a b\", " TAG}}, CONDITIONS_FAILED, 0, 0},
    };
    expect_all(rows, COUNT(rows), false);
}

static void if_none_match_compares_weakly(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"If-None-Match", TAG}}, CONDITIONS_NOT_MODIFIED, 0, 0},
        {{{"If-None-Match", "W/" TAG}}, CONDITIONS_NOT_MODIFIED, 0, 0},
        {{{"If-None-Match", "*"}}, CONDITIONS_NOT_MODIFIED, 0, 0},
        {{{"If-None-Match", "W/\"x\", W/" TAG}}, CONDITIONS_NOT_MODIFIED, 0, 0},
        {{{"If-None-Match", "w/" TAG}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-None-Match", "W/ " TAG}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-None-Match", "\"x\""}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-None-Match", "abc"}}, CONDITIONS_WHOLE, 0, 0},
    };
    expect_all(rows, COUNT(rows), false);
}

static void if_range_lets_a_range_through_that_is_of_the_same_bytes(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"Range", "bytes=1-2"}, {"If-Range", TAG}}, CONDITIONS_PART, 1, 2},
        {{{"Range", "bytes=1-2"}, {"If-Range", "\"x\""}}, CONDITIONS_WHOLE, 0, 0},
        {{{"Range", "bytes=1-2"}, {"If-Range", "W/" TAG}}, CONDITIONS_WHOLE, 0, 0},
        {{{"Range", "bytes=1-2"}, {"If-Range", TAG ", " TAG}}, CONDITIONS_WHOLE, 0, 0},
        {{{"Range", "bytes=1-2"}, {"If-Range", "*"}}, CONDITIONS_WHOLE, 0, 0},
        {{{"Range", "bytes=1-2"}, {"If-Range", "Sun, 06 Nov 1994 08:49:37 GMT"}},
         CONDITIONS_WHOLE,
         0,
         0},
        {{{"Range", "bytes=5000-"}, {"If-Range", "\"x\""}}, CONDITIONS_WHOLE, 0, 0},
        {{{"Range", "bytes=5000-"}, {"If-Range", TAG}}, CONDITIONS_UNSATISFIABLE, 0, 0},
        {{{"If-Range", "\"x\""}}, CONDITIONS_WHOLE, 0, 0},
    };
    expect_all(rows, COUNT(rows), false);
}

static void conditions_come_in_the_order_of_section_13_2_2(void **state)
{
    (void)state;
    static const struct expectation rows[] = {
        {{{"If-None-Match", TAG}, {"If-Match", "\"x\""}}, CONDITIONS_FAILED, 0, 0},
        {{{"If-None-Match", TAG}, {"If-Match", TAG}}, CONDITIONS_NOT_MODIFIED, 0, 0},
        {{{"Range", "bytes=5000-"}, {"If-Match", "\"x\""}}, CONDITIONS_FAILED, 0, 0},
        {{{"Range", "bytes=5000-"}, {"If-None-Match", TAG}}, CONDITIONS_NOT_MODIFIED, 0, 0},
        {{{"Range", "bytes=1-2"}, {"If-Match", TAG}}, CONDITIONS_PART, 1, 2},
        /* nothing here has a date of modification */
        {{{"If-Modified-Since", "Sun, 06 Nov 2094 08:49:37 GMT"}}, CONDITIONS_WHOLE, 0, 0},
        {{{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}, CONDITIONS_WHOLE, 0, 0},
    };
    expect_all(rows, COUNT(rows), false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_names_bytes_by_their_first_and_last),
        cmocka_unit_test(a_suffix_names_bytes_from_the_end),
        cmocka_unit_test(a_range_behind_the_end_cannot_be_satisfied),
        cmocka_unit_test(what_is_no_single_range_of_bytes_is_ignored),
        cmocka_unit_test(head_has_no_ranges),
        cmocka_unit_test(if_match_compares_strongly),
        cmocka_unit_test(if_none_match_compares_weakly),
        cmocka_unit_test(if_range_lets_a_range_through_that_is_of_the_same_bytes),
        cmocka_unit_test(conditions_come_in_the_order_of_section_13_2_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
