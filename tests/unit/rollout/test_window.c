/* test_window.c: windows of time: parsed, written, and open to the second. */
#include "updater/rollout/moment.h"
#include "updater/rollout/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC, when clocks in Berlin change. */
#define SPRING_S 1774746000u
#define AUTUMN_S 1792890000u
#define DAY_S 86400u

/* "Test/Berlin" has the clocks of Berlin in 2026, "Test/West" is five hours behind, always. */
static bool test_offset(void *context, const char *zone, uint64_t at_s,
                        struct kedge_zone_offset *out)
{
    (void)context;
    *out = (struct kedge_zone_offset){.offset_s = 3600, .until_s = SPRING_S};
    if (strcmp(zone, "Test/West") == 0)
        *out = (struct kedge_zone_offset){.offset_s = -5 * 3600, .until_s = UINT64_MAX};
    else if (strcmp(zone, KEDGE_ZONE_UTC) == 0)
        *out = (struct kedge_zone_offset){.offset_s = 0, .until_s = UINT64_MAX};
    else if (strcmp(zone, "Test/Berlin") != 0)
        return false;
    else if (at_s >= AUTUMN_S)
        out->until_s = UINT64_MAX;
    else if (at_s >= SPRING_S)
        *out = (struct kedge_zone_offset){.offset_s = 7200, .until_s = AUTUMN_S};
    return true;
}

static const struct kedge_zones zones = {.offset = test_offset};

static struct kedge_windows windows_of(const char *first, const char *second)
{
    struct kedge_window_problem problem;
    struct kedge_windows windows = {.count = second == NULL ? 1 : 2};
    assert_int_equal(
        kedge_window_parse(kedge_slice_text(first), &zones, &windows.items[0], &problem), KEDGE_OK);
    if (second != NULL)
        assert_int_equal(
            kedge_window_parse(kedge_slice_text(second), &zones, &windows.items[1], &problem),
            KEDGE_OK);
    return windows;
}

static uint64_t at(const char *text)
{
    uint64_t time_ms = 0;
    assert_true(kedge_moment_parse(kedge_slice_text(text), &time_ms));
    return time_ms;
}

static void check(const struct kedge_windows *windows, const char *own, uint64_t at_ms, bool open,
                  uint64_t changes_at_ms)
{
    struct kedge_window_state state;
    kedge_windows_state(windows, &zones, own, at_ms, &state);
    if (state.open != open || state.changes_at_ms != changes_at_ms)
        print_message("at %llu: %d until %llu, not %d until %llu\n", (unsigned long long)at_ms,
                      state.open, (unsigned long long)state.changes_at_ms, open,
                      (unsigned long long)changes_at_ms);
    assert_int_equal(state.open, open);
    assert_true(state.changes_at_ms == changes_at_ms);
}

static void windows_are_written_in_one_way(void **state)
{
    static const struct {
        const char *text, *canonical;
    } cases[] = {
        {"Mon-Fri 22:00-04:00 Test/Berlin", "Mon-Fri 22:00-04:00 Test/Berlin"},
        {"daily 00:00-24:00", "daily 00:00-24:00 UTC"},
        {"  Sat,Sun   08:30+90m  ", "Sat,Sun 08:30-10:00 UTC"},
        {"Fri 18:00+60h Test/West fixed", "Fri 18:00+60h Test/West fixed"},
        {"Sat-Mon 20:00+4h", "Mon,Sat,Sun 20:00-24:00 UTC"},
        {"Fri-Mon 20:00+24h", "Mon,Fri-Sun 20:00+24h UTC"},
        {"Mon,Tue,Thu,Fri 23:59+0h1m", "Mon,Tue,Thu,Fri 23:59-24:00 UTC"},
        {"Mon-Sun 22:00-04:00", "daily 22:00-04:00 UTC"},
        {"Mon 00:00+168h", "Mon 00:00+168h UTC"},
        {"Mon 12:00+30h30m", "Mon 12:00+30h30m UTC"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[KEDGE_WINDOW_TEXT_MAX + 1];
        struct kedge_windows windows = windows_of(cases[i].text, NULL), again;
        kedge_window_text(&windows.items[0], text);
        assert_string_equal(text, cases[i].canonical);
        assert_int_equal(kedge_windows_load(text, &again), KEDGE_OK);
        assert_memory_equal(&again.items[0], &windows.items[0], sizeof(again.items[0]));
    }
}

static void several_windows_stand_one_a_line(void **state)
{
    char text[KEDGE_WINDOWS_TEXT_MAX + 1];
    struct kedge_windows windows = windows_of("Mon 01:00-02:00", "Tue 03:00-04:00 Test/West"),
                         again;
    (void)state;
    assert_int_equal(kedge_windows_text(&windows, text), KEDGE_OK);
    assert_string_equal(text, "Mon 01:00-02:00 UTC\nTue 03:00-04:00 Test/West");
    assert_int_equal(kedge_windows_load(text, &again), KEDGE_OK);
    assert_int_equal(again.count, 2);
    assert_int_equal(kedge_windows_load("", &again), KEDGE_OK);
    assert_int_equal(again.count, 0);
    assert_int_equal(kedge_windows_load("Mon 01:00", &again), KEDGE_E_MALFORMED);
    char nine[10 * 20] = "";
    for (int i = 0; i < 9; i++)
        strcat(nine, i > 0 ? "\nMon 01:00-02:00" : "Mon 01:00-02:00");
    assert_int_equal(kedge_windows_load(nine, &again), KEDGE_E_MALFORMED);
}

static void what_is_no_window_says_where(void **state)
{
    static const struct {
        const char *text;
        enum kedge_rc rc;
        unsigned column;
        const char *says;
    } cases[] = {
        {"", KEDGE_E_MALFORMED, 1, "a day (Mon, Tue, Wed, Thu, Fri, Sat, Sun) or daily is missing"},
        {"22:00-04:00", KEDGE_E_MALFORMED, 1, "\"22:00-04:00\" stands where a day"},
        {"Mon-Fry 22:00-04:00", KEDGE_E_MALFORMED, 5, "\"Fry\""},
        {"Mon, 22:00-04:00", KEDGE_E_MALFORMED, 5, "missing"},
        {"Monday 22:00-04:00", KEDGE_E_MALFORMED, 4, "\"day\" stands where a comma"},
        {"Mon", KEDGE_E_MALFORMED, 4, "a time of day from 00:00 to 23:59 is missing"},
        {"Mon 24:00-04:00", KEDGE_E_MALFORMED, 5, "\"24:00-04:00\""},
        {"Mon 22:60-04:00", KEDGE_E_MALFORMED, 5, "22:60"},
        {"Mon 22:00", KEDGE_E_MALFORMED, 10, "-HH:MM, when it ends"},
        {"Mon 22:00-24:01", KEDGE_E_MALFORMED, 11, "\"24:01\""},
        {"Mon 22:00-04:00x", KEDGE_E_MALFORMED, 16, "\"x\""},
        {"Mon 22:00+6", KEDGE_E_MALFORMED, 11, "\"6\" stands where a length"},
        {"Mon 22:00+6d", KEDGE_E_MALFORMED, 11, "a length"},
        {"Mon 22:00-22:00", KEDGE_E_ARGUMENT, 10, "never opens"},
        {"Mon 22:00+0m", KEDGE_E_ARGUMENT, 10, "never opens"},
        {"Mon 22:00+169h", KEDGE_E_LIMIT, 10, "longer than a week"},
        {"Mon 22:00-04:00 Berlin", KEDGE_E_MALFORMED, 17, "\"Berlin\" stands where a time zone"},
        {"Mon 22:00-04:00 ../../etc/passwd", KEDGE_E_MALFORMED, 17, "a time zone"},
        {"Mon 22:00-04:00 /etc/localtime", KEDGE_E_MALFORMED, 17, "a time zone"},
        {"Mon 22:00-04:00 Test/../passwd", KEDGE_E_MALFORMED, 17, "a time zone"},
        {"Mon 22:00-04:00 CET-1CEST,M3.5.0", KEDGE_E_MALFORMED, 17, "a time zone"},
        {"Mon 22:00-04:00 Europe/Atlantis", KEDGE_E_NOT_FOUND, 17, "no time zone \"Europe/Atlan"},
        {"Mon 22:00-04:00 Test/West always", KEDGE_E_MALFORMED, 27, "\"always\""},
        {"Mon 22:00-04:00 Test/West fixed x", KEDGE_E_MALFORMED, 33, "\"x\" stands where the end"},
        {"mon 22:00-04:00", KEDGE_E_MALFORMED, 1, "\"mon\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kedge_window window;
        struct kedge_window_problem problem;
        enum kedge_rc rc =
            kedge_window_parse(kedge_slice_text(cases[i].text), &zones, &window, &problem);
        if (rc != cases[i].rc || problem.column != cases[i].column ||
            strstr(problem.text, cases[i].says) == NULL)
            print_message("\"%s\": %d, column %u: %s\n", cases[i].text, (int)rc, problem.column,
                          problem.text);
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(problem.column, cases[i].column);
        assert_non_null(strstr(problem.text, cases[i].says));
    }
}

static void they_open_and_shut_to_the_second(void **state)
{
    struct kedge_windows night = windows_of("Mon-Fri 22:00-04:00 Test/West", NULL);
    (void)state;
    /* 2026-11-26 is a Thursday; it is 22:00 five hours behind UTC at 03:00 of the next day. */
    uint64_t opens = at("2026-11-27T03:00:00Z"), shuts = at("2026-11-27T09:00:00Z");
    check(&night, NULL, opens - 1, false, opens);
    check(&night, NULL, opens, true, shuts);
    check(&night, NULL, shuts - 1, true, shuts);
    check(&night, NULL, shuts, false, at("2026-11-28T03:00:00Z"));
    /* Friday's is the last of the week. */
    check(&night, NULL, at("2026-11-28T09:00:00Z"), false, at("2026-12-01T03:00:00Z"));
    check(&night, NULL, at("1970-01-01T00:00:00Z"), false, at("1970-01-01T03:00:00Z"));
}

static void what_touches_is_one(void **state)
{
    struct kedge_windows weekend = windows_of("Fri 18:00-24:00", "Sat-Sun 00:00-24:00");
    struct kedge_windows always = windows_of("daily 00:00-24:00", NULL);
    struct kedge_windows within = windows_of("Mon 10:00-11:00", "Mon 08:00-12:00");
    struct kedge_windows none = {.count = 0};
    (void)state;
    check(&weekend, NULL, at("2026-11-27T18:00:00Z"), true, at("2026-11-30T00:00:00Z"));
    check(&weekend, NULL, at("2026-11-30T00:00:00Z"), false, at("2026-12-04T18:00:00Z"));
    check(&always, NULL, at("2026-11-27T18:00:00Z"), true, KEDGE_WINDOW_NEVER);
    check(&within, NULL, at("2026-11-30T10:30:00Z"), true, at("2026-11-30T12:00:00Z"));
    check(&within, NULL, at("2026-11-30T07:59:59Z"), false, at("2026-11-30T08:00:00Z"));
    check(&none, NULL, 0, true, KEDGE_WINDOW_NEVER);
}

static void an_hour_that_is_skipped_is_not_there(void **state)
{
    struct kedge_windows inside = windows_of("daily 02:15-02:45 Test/Berlin", NULL);
    struct kedge_windows across = windows_of("daily 22:00-04:00 Test/Berlin", NULL);
    struct kedge_windows into = windows_of("daily 02:30-03:30 Test/Berlin", NULL);
    uint64_t jump = (uint64_t)SPRING_S * 1000;
    (void)state;
    check(&inside, NULL, jump - 86400000 + 1800000, true, jump - 86400000 + 2700000);
    check(&inside, NULL, jump - 86400000 + 2700000, false, jump + 86400000 - 2700000);
    /* 21:00 UTC to 02:00 UTC: five hours. */
    check(&across, NULL, jump - 4 * 3600000, true, jump + 3600000);
    /* Its first half hour is the one that is skipped: it opens when the clocks jump. */
    check(&into, NULL, jump - 1, false, jump);
    check(&into, NULL, jump, true, jump + 1800000);
}

static void an_hour_that_is_read_twice_is_there_twice(void **state)
{
    struct kedge_windows inside = windows_of("daily 02:15-02:45 Test/Berlin", NULL);
    struct kedge_windows across = windows_of("daily 22:00-04:00 Test/Berlin", NULL);
    struct kedge_windows up_to = windows_of("daily 01:00-02:30 Test/Berlin", NULL);
    uint64_t jump = (uint64_t)AUTUMN_S * 1000;
    (void)state;
    check(&inside, NULL, jump - 2700000, true, jump - 900000);
    check(&inside, NULL, jump - 900000, false, jump + 900000);
    check(&inside, NULL, jump + 900000, true, jump + 2700000);
    /* 20:00 UTC to 03:00 UTC: seven hours. */
    check(&across, NULL, jump - 5 * 3600000, true, jump + 2 * 3600000);
    /* Open to 02:30, shut to 03:00, which is 02:00 again, and open to 02:30 once more. */
    check(&up_to, NULL, jump - 7200000, true, jump - 1800000);
    check(&up_to, NULL, jump - 1800000, false, jump);
    check(&up_to, NULL, jump, true, jump + 1800000);
}

static void a_zone_of_its_own_counts_first(void **state)
{
    struct kedge_windows night = windows_of("daily 22:00-04:00 Test/Berlin", NULL);
    struct kedge_windows fixed = windows_of("daily 22:00-04:00 Test/Berlin fixed", NULL);
    uint64_t berlin = at("2026-11-26T21:00:00Z"), west = at("2026-11-27T03:00:00Z");
    (void)state;
    check(&night, "", berlin - 1, false, berlin);
    check(&night, "Test/West", berlin, false, west);
    check(&night, "Test/West", west, true, west + 6 * 3600000);
    check(&night, "Test/Nowhere", berlin, true, berlin + 6 * 3600000);
    check(&fixed, "Test/West", berlin, true, berlin + 6 * 3600000);
    assert_string_equal(kedge_windows_zone(&night, &zones, "Test/West"), "Test/West");
    assert_string_equal(kedge_windows_zone(&night, &zones, "Test/Nowhere"), "Test/Berlin");
    assert_string_equal(kedge_windows_zone(&fixed, &zones, "Test/West"), "Test/Berlin");
}

/* Each minute of a year against a clock that is read. */
static void they_are_open_while_the_clock_says_so(void **state)
{
    struct kedge_windows windows = windows_of("Mon,Sat 23:30+3h Test/Berlin", "Sun 02:00-02:59");
    uint64_t until = 0;
    bool open = false;
    (void)state;
    for (uint64_t at_s = 1767225600; at_s < 1767225600 + 366 * DAY_S; at_s += 60) {
        struct kedge_window_state now;
        struct kedge_zone_offset offset;
        (void)test_offset(NULL, "Test/Berlin", at_s, &offset);
        uint64_t reads = at_s + (uint64_t)(int64_t)offset.offset_s;
        uint64_t day = (reads / DAY_S + 3) % 7, of_day = reads % DAY_S;
        uint64_t utc_day = (at_s / DAY_S + 3) % 7, utc_of_day = at_s % DAY_S;
        bool expected = ((day == 0 || day == 5) && of_day >= 84600) ||
                        ((day == 1 || day == 6) && of_day < 9000) ||
                        (utc_day == 6 && utc_of_day >= 7200 && utc_of_day < 10740);
        kedge_windows_state(&windows, &zones, NULL, at_s * 1000, &now);
        assert_int_equal(now.open, expected);
        if (until != 0 && at_s * 1000 < until) {
            assert_int_equal(now.open, open); /* as was said before */
            assert_true(now.changes_at_ms == until);
        }
        open = now.open;
        until = now.changes_at_ms;
    }
}

static void moments_are_days_of_the_calendar(void **state)
{
    char text[KEDGE_MOMENT_TEXT_MAX];
    static const char *const moments[] = {"1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z",
                                          "2100-02-28T12:00:00Z", "2100-03-01T00:00:00Z",
                                          "2026-12-31T23:59:59Z", "2400-02-29T01:02:03Z"};
    uint64_t time_ms;
    (void)state;
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        kedge_moment_text(at(moments[i]), text);
        assert_string_equal(text, moments[i]);
    }
    assert_true(at("2026-11-26T10:00:00+01:00") == at("2026-11-26T09:00:00Z"));
    assert_true(at("2026-11-26T05:30:00-03:30") == at("2026-11-26T09:00:00Z"));
    static const char *const none[] = {"2026-11-31",
                                       "2026-11-26T24:00:00Z",
                                       "2026-11-26T10:00:00",
                                       "2026-11-26T10:00:00+1:00",
                                       "1970-01-01T00:00:00+01:00",
                                       "2026-11-26T10:00:00Zx",
                                       "1969-12-31",
                                       ""};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(kedge_moment_parse(kedge_slice_text(none[i]), &time_ms));
}

static void spans_are_said_in_two_units(void **state)
{
    static const struct {
        uint64_t span_ms;
        const char *text;
    } cases[] = {{0, "0 s"},
                 {59999, "59 s"},
                 {60000, "1 min"},
                 {3599999, "59 min"},
                 {11520000, "3 h 12 min"},
                 {47 * 3600000 + 3540000, "47 h 59 min"},
                 {53 * 3600000, "2 d 5 h"}};
    char text[KEDGE_SPAN_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        kedge_span_text(cases[i].span_ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_written_in_one_way),
        cmocka_unit_test(several_windows_stand_one_a_line),
        cmocka_unit_test(what_is_no_window_says_where),
        cmocka_unit_test(they_open_and_shut_to_the_second),
        cmocka_unit_test(what_touches_is_one),
        cmocka_unit_test(an_hour_that_is_skipped_is_not_there),
        cmocka_unit_test(an_hour_that_is_read_twice_is_there_twice),
        cmocka_unit_test(a_zone_of_its_own_counts_first),
        cmocka_unit_test(they_are_open_while_the_clock_says_so),
        cmocka_unit_test(moments_are_days_of_the_calendar),
        cmocka_unit_test(spans_are_said_in_two_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
