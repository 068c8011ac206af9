/* test_filter.c: which devices or packages a filter means, and where one that is no filter goes
 * wrong. */
#include "updater/rollout/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1800000000000u /* 2027-01-15T08:00:00Z */
#define DAY_MS 86400000u

static const struct kedge_filter_tag tags[] = {{"eu", ""}, {"site", "hamburg-2"}, {"my ring", "1"}};

static const struct kedge_filter_subject device = {
    .texts = {[KEDGE_FILTER_ENDPOINT] = "edge-0017",
              [KEDGE_FILTER_VENDOR] = "acme.example",
              [KEDGE_FILTER_CLASS] = "board-a",
              [KEDGE_FILTER_HARDWARE] = "rev C",
              [KEDGE_FILTER_SERIAL] = "SN\"7\\",
              [KEDGE_FILTER_VERSION] = "1.4.0-rc.1"},
    .tags = tags,
    .tag_count = 3,
    .registered = true,
    .first_seen_ms = NOW_MS - 30u * (uint64_t)DAY_MS,
    .last_seen_ms = NOW_MS - DAY_MS,
    .now_ms = NOW_MS,
};

static bool matches(const char *text, const struct kedge_filter_subject *subject)
{
    static struct kedge_filter filter;
    struct kedge_filter_problem problem;
    if (kedge_filter_parse(KEDGE_FILTER_OF_DEVICE, kedge_slice_text(text), &filter, &problem) !=
        KEDGE_OK)
        fail_msg("%s: column %u: %s", text, problem.column, problem.text);
    return kedge_filter_matches(&filter, subject);
}

static void check_all(const char *const *texts, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++)
        if (matches(texts[i], &device) != expected)
            fail_msg("%s should%s match", texts[i], expected ? "" : " not");
}

#define CHECK(texts, expected) check_all(texts, sizeof(texts) / sizeof((texts)[0]), expected)

static void each_attribute_is_compared_in_its_way(void **state)
{
    static const char *const yes[] = {
        "endpoint == \"edge-0017\"",
        "endpoint == 'edge-0017'",
        "endpoint like \"edge-*\"",
        "endpoint not like \"gate-*\"",
        "endpoint ilike \"EDGE-*\"",
        "endpoint not ilike \"GATE-*\"",
        "endpoint in (\"a\", \"edge-0017\")",
        "vendor != \"other.example\"",
        "class == \"board-a\"",
        "hardware like \"rev ?\"",
        "serial == \"SN\\\"7\\\\\"",
        "batch == \"\"",
        "batch not in (\"A\", \"B\")",
        "version < 1.4.0",
        "version > 1.3.99",
        "version >= 1.4.0-rc.1",
        "version <= 1.4.0-rc.1+build.7",
        "version == 1.4.0-rc.1+other",
        "version == \"1.4.0-rc.1\"",
        "version in (1.0.0, 1.4.0-rc.1)",
        "version like \"1.4.*\"",
        "version ilike \"1.4.0-RC.*\"",
        "tag == \"eu\"",
        "tag in (\"pilot\",\"eu\")",
        "tag == \"site=hamburg-2\"",
        "tag like \"site=*\"",
        "tag != \"lab\"",
        "tag.site == \"hamburg-2\"",
        "tag.site like \"hamburg-*\"",
        "tag.\"my ring\" in (\"0\",\"1\")",
        "tag.eu == \"\"",
        "tag.nowhere != \"\"",
        "registered",
        "registered == true",
        "registered != false",
        "last_seen > now-2d",
        "last_seen <= now-24h",
        "last_seen < now",
        "first_seen < 2026-12-24",
        "first_seen >= \"2026-12-16T08:00:00Z\"",
    };
    static const char *const no[] = {
        "endpoint == \"edge-001\"",
        "endpoint == \"EDGE-0017\"",
        "endpoint like \"edge\"",
        "endpoint like \"*-18\"",
        "endpoint like \"EDGE-*\"",
        "endpoint not ilike \"EDGE-*\"",
        "vendor == \"\"",
        "class != \"board-a\"",
        "class not in (\"board-a\")",
        "hardware like \"rev ??\"",
        "batch != \"\"",
        "batch like \"?*\"",
        "version >= 1.4.0",
        "version > 1.4.0-rc.1",
        "version < 1.4.0-beta.11",
        "version != 1.4.0-rc.1",
        "tag == \"site\\\\hamburg-2\"",
        "tag == \"hamburg-2\"",
        "tag.site == \"hamburg\"",
        "tag.nowhere == \"\"",
        "tag.nowhere like \"*\"",
        "not registered",
        "registered == false",
        "last_seen > now-1d",
        "first_seen > \"2026-12-16T08:00:00Z\"",
        "last_seen > now",
    };
    (void)state;
    CHECK(yes, true);
    CHECK(no, false);
}

static void a_filter_of_the_manual_means_what_it_says(void **state)
{
    static const struct kedge_filter_tag pilot[] = {{"pilot", ""}},
                                         lab[] = {{"pilot", ""}, {"lab", ""}};
    static const char text[] =
        "class == \"board-a\" and version < 1.4.0 and tag in (\"eu\",\"pilot\") "
        "and not tag == \"lab\"";
    struct kedge_filter_subject subject = device;
    (void)state;
    assert_true(matches(text, &subject));
    subject.tags = pilot;
    subject.tag_count = 1;
    assert_true(matches(text, &subject));
    subject.tags = lab;
    subject.tag_count = 2;
    assert_false(matches(text, &subject));
    subject = device;
    subject.texts[KEDGE_FILTER_VERSION] = "1.4.0";
    assert_false(matches(text, &subject));
    subject.texts[KEDGE_FILTER_VERSION] = "1.10.0";
    assert_false(matches(text, &subject));
    subject.texts[KEDGE_FILTER_VERSION] = "1.3.10";
    assert_true(matches(text, &subject));
}

static void what_is_no_version_is_before_and_after_nothing(void **state)
{
    static const char *const versions[] = {NULL, "", "factory", "1.4", "v1.0.0"};
    struct kedge_filter_subject subject = device;
    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        subject.texts[KEDGE_FILTER_VERSION] = versions[i];
        assert_false(matches("version < 9.0.0", &subject));
        assert_false(matches("version <= 9.0.0", &subject));
        assert_false(matches("version > 0.0.0", &subject));
        assert_false(matches("version >= 0.0.0", &subject));
        assert_false(matches("version == 1.0.0", &subject));
        assert_true(matches("version != 1.0.0", &subject));
        assert_true(matches("not version < 9.0.0", &subject));
    }
    subject.texts[KEDGE_FILTER_VERSION] = "factory";
    assert_true(matches("version == \"factory\"", &subject));
    assert_true(matches("version like \"fact*\"", &subject));
}

/* a, b and c are true or false as the bits of `row` say. */
static bool holds(const char *text, unsigned row)
{
    struct kedge_filter_subject subject = device;
    subject.texts[KEDGE_FILTER_VENDOR] = (row & 1) != 0 ? "a" : "-";
    subject.texts[KEDGE_FILTER_CLASS] = (row & 2) != 0 ? "b" : "-";
    subject.texts[KEDGE_FILTER_HARDWARE] = (row & 4) != 0 ? "c" : "-";
    return matches(text, &subject);
}

#define A "vendor == \"a\""
#define B "class == \"b\""
#define C "hardware == \"c\""

static void and_binds_closer_than_or_and_not_closest(void **state)
{
    (void)state;
    for (unsigned row = 0; row < 8; row++) {
        bool a = (row & 1) != 0, b = (row & 2) != 0, c = (row & 4) != 0;
        assert_int_equal(holds(A " and " B, row), a && b);
        assert_int_equal(holds(A " or " B, row), a || b);
        assert_int_equal(holds("not " A, row), !a);
        assert_int_equal(holds("not not " A, row), a);
        assert_int_equal(holds(A " or " B " and " C, row), a || (b && c));
        assert_int_equal(holds(A " and " B " or " C, row), (a && b) || c);
        assert_int_equal(holds("(" A " or " B ") and " C, row), (a || b) && c);
        assert_int_equal(holds("not " A " and " B, row), !a && b);
        assert_int_equal(holds("not " A " or " B, row), !a || b);
        assert_int_equal(holds("not (" A " and " B ")", row), !(a && b));
        assert_int_equal(holds("not (" A " or not (" B " and " C "))", row), !(a || !(b && c)));
        assert_int_equal(holds(A " and not " B " and " C, row), a && !b && c);
        assert_int_equal(holds(A " or " B " or " C, row), a || b || c);
        assert_int_equal(holds(A " and\n\t" B "\r\nand " C, row), a && b && c);
    }
}

static void a_pattern_is_matched_from_end_to_end(void **state)
{
    static const struct {
        const char *text, *pattern;
        bool like;
    } rows[] = {
        {"", "", true},
        {"", "*", true},
        {"", "?", false},
        {"a", "", false},
        {"a", "a", true},
        {"abc", "a*c", true},
        {"abc", "a?c", true},
        {"abc", "*", true},
        {"abc", "**", true},
        {"abc", "b*", false},
        {"abc", "*b", false},
        {"abab", "*ab", true},
        {"ababc", "*abc", true},
        {"mississippi", "*iss*pp?", true},
        {"mississippi", "*iss*ppi?", false},
        {"a*b", "a*b", true},
        {"\xc3\xa4x", "?x", true},
        {"\xc3\xa4", "??", false},
        {"aXbXc", "a*X?", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kedge_filter_like(rows[i].text, rows[i].pattern, false) != rows[i].like)
            fail_msg("%s like %s", rows[i].text, rows[i].pattern);
    char text[129], pattern[129] = "";
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
        memcpy(&pattern[i], "*a", 3);
    assert_true(kedge_filter_like(text, pattern, false));
    memcpy(&pattern[126], "b", 2);
    assert_false(kedge_filter_like(text, pattern, true));
}

static void a_pattern_may_be_meant_in_either_case(void **state)
{
    static const struct {
        const char *text, *pattern;
        bool ilike;
    } rows[] = {
        {"Board-A", "board-a", true},
        {"board-z", "BOARD-Z", true},
        {"Board-A", "*D?a", true},
        {"Board-A", "*d-b", false},
        {"a[", "A{", false}, /* of signs, one bit is not the case */
        {"a@", "A`", false},
        {"\xc3\x84x", "\xc3\x84X", true},
        {"\xc3\x84", "\xc3\xa4", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (kedge_filter_like(rows[i].text, rows[i].pattern, true) != rows[i].ilike)
            fail_msg("%s ilike %s", rows[i].text, rows[i].pattern);
    assert_false(kedge_filter_like("Board-A", "board-a", false));
}

/* ---- packages ---- */

static bool means_package(const char *text, const char *revisions)
{
    static struct kedge_filter filter;
    struct kedge_filter_problem problem;
    const struct kedge_filter_subject package = {
        .texts = {[KEDGE_FILTER_VENDOR] = "acme.example",
                  [KEDGE_FILTER_CLASS] = "board-a",
                  [KEDGE_FILTER_VERSION] = "1.10.0",
                  [KEDGE_FILTER_ID] = "c0ffee",
                  [KEDGE_FILTER_UPLOADER] = "rita"},
        .revisions = revisions,
        .uploaded_ms = NOW_MS - DAY_MS,
        .now_ms = NOW_MS,
    };
    if (kedge_filter_parse(KEDGE_FILTER_OF_PACKAGE, kedge_slice_text(text), &filter, &problem) !=
        KEDGE_OK)
        fail_msg("%s: column %u: %s", text, problem.column, problem.text);
    return kedge_filter_matches(&filter, &package);
}

static void a_filter_of_packages_has_attributes_of_its_own(void **state)
{
    static const struct {
        const char *text, *revisions;
        bool expected;
    } rows[] = {
        {"vendor == 'acme.example' and class like 'board-*'", NULL, true},
        {"version > 1.9.0 and version not in (1.10.1)", NULL, true},
        {"version < 1.9.0", NULL, false},
        {"id like 'c0f*' and uploader == 'rita'", NULL, true},
        {"id ilike 'C0F*' and hardware ilike 'rev-?'", "A\nREV-B", true},
        {"id == 'c0f'", NULL, false},
        {"uploaded > now-2d and uploaded <= now-1d", NULL, true},
        {"uploaded > now-1d", NULL, false},
        {"hardware == 'B'", "A\nB", true},
        {"hardware == 'A'", "A\nB", true},
        {"hardware == 'B'", "AB\nBA", false},
        {"hardware != 'B'", "A\nB", false},
        {"hardware like '*'", "A\nB", true},
        {"hardware == ''", "A\nB", false},
        {"hardware == ''", "", true},
        {"hardware == ''", NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (means_package(rows[i].text, rows[i].revisions) != rows[i].expected)
            fail_msg("row %zu: %s", i, rows[i].text);
}

static void devices_and_packages_are_not_asked_for_what_the_other_has(void **state)
{
    static const char *const of_devices[] = {"endpoint == 'a'",  "serial == 'a'",   "batch == 'a'",
                                             "tag == 'a'",       "tag.site == 'a'", "registered",
                                             "first_seen < now", "last_seen < now"};
    static const char *const of_packages[] = {"id == 'a'", "uploader == 'a'", "uploaded < now"};
    static struct kedge_filter filter;
    struct kedge_filter_problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof(of_devices) / sizeof(of_devices[0]); i++) {
        assert_int_equal(kedge_filter_parse(KEDGE_FILTER_OF_PACKAGE,
                                            kedge_slice_text(of_devices[i]), &filter, &problem),
                         KEDGE_E_TYPE);
        assert_string_equal(problem.text, "this is no attribute of a package: there are vendor, "
                                          "class, version, id, uploader, hardware and uploaded");
    }
    for (size_t i = 0; i < sizeof(of_packages) / sizeof(of_packages[0]); i++) {
        assert_int_equal(kedge_filter_parse(KEDGE_FILTER_OF_DEVICE,
                                            kedge_slice_text(of_packages[i]), &filter, &problem),
                         KEDGE_E_TYPE);
        assert_string_equal(problem.text,
                            "this is no attribute of a device: there are endpoint, vendor, class, "
                            "hardware, serial, batch, version, tag, tag.NAME, registered, "
                            "first_seen and last_seen");
    }
}

/* ---- what is no filter ---- */

static enum kedge_rc parse(const char *text, struct kedge_filter_problem *problem)
{
    static struct kedge_filter filter;
    return kedge_filter_parse(KEDGE_FILTER_OF_DEVICE, kedge_slice_text(text), &filter, problem);
}

static void a_problem_is_told_by_its_place(void **state)
{
    static const struct {
        const char *text;
        enum kedge_rc rc;
        unsigned line, column;
        const char *says;
    } rows[] = {
        {"", KEDGE_E_MALFORMED, 1, 1, "expected was an attribute"},
        {"  ", KEDGE_E_MALFORMED, 1, 3, "the filter ends here"},
        {"class", KEDGE_E_MALFORMED, 1, 6, "how class is compared"},
        {"class = \"a\"", KEDGE_E_MALFORMED, 1, 7, "one of == != like ilike in"},
        {"class == board", KEDGE_E_MALFORMED, 1, 10, "a text in quotes"},
        {"class == \"a", KEDGE_E_MALFORMED, 1, 10, "does not end"},
        {"class == \"a\\", KEDGE_E_MALFORMED, 1, 10, "does not end"},
        {"class == \"a\\n\"", KEDGE_E_MALFORMED, 1, 10, "backslash"},
        {"class == \"a\"\nand\n color == \"b\"", KEDGE_E_TYPE, 3, 2, "no attribute"},
        {"class == \"\xc3\xa4\xc3\xb6\" xor class == \"b\"", KEDGE_E_MALFORMED, 1, 15,
         "\"and\", \"or\" or the end"},
        {"class < \"a\"", KEDGE_E_TYPE, 1, 7, "class cannot be asked by \"<\""},
        {"version < 1.4", KEDGE_E_MALFORMED, 1, 11, "MAJOR.MINOR.PATCH"},
        {"version < \"latest\"", KEDGE_E_MALFORMED, 1, 11, "MAJOR.MINOR.PATCH"},
        {"version == 1.4", KEDGE_E_MALFORMED, 1, 12, "a version as 1.4.0"},
        {"version in (1.0.0", KEDGE_E_MALFORMED, 1, 18, "\",\" or \")\""},
        {"version in 1.0.0", KEDGE_E_MALFORMED, 1, 12, "a list of values"},
        {"tag in ()", KEDGE_E_MALFORMED, 1, 9, "a text in quotes"},
        {"tag in (\"a\",)", KEDGE_E_MALFORMED, 1, 13, "a text in quotes"},
        {"tag. == \"a\"", KEDGE_E_MALFORMED, 1, 6, "the name of a tag"},
        {"tag not == \"a\"", KEDGE_E_MALFORMED, 1, 9, "\"in\", \"like\" or \"ilike\" behind"},
        {"registered == 1", KEDGE_E_MALFORMED, 1, 15, "true or false"},
        {"registered < true", KEDGE_E_TYPE, 1, 12, "one of == !="},
        {"last_seen > yesterday", KEDGE_E_MALFORMED, 1, 13, "now-7d"},
        {"last_seen > now-7y", KEDGE_E_MALFORMED, 1, 13, "now-7d"},
        {"last_seen > now-d", KEDGE_E_MALFORMED, 1, 13, "now-7d"},
        {"last_seen > 2027-02-29", KEDGE_E_MALFORMED, 1, 13, "a time"},
        {"last_seen > \"2027-02-28T24:00:00Z\"", KEDGE_E_MALFORMED, 1, 13, "a time"},
        {"last_seen == now", KEDGE_E_TYPE, 1, 11, "only by one of < <= > >="},
        {"(class == \"a\"", KEDGE_E_MALFORMED, 1, 14, "\"and\", \"or\" or \")\""},
        {"class == \"a\")", KEDGE_E_MALFORMED, 1, 13, "\"and\", \"or\" or the end"},
        {"class == \"a\" and", KEDGE_E_MALFORMED, 1, 17, "expected was an attribute"},
        {"class == \"a\" && class == \"b\"", KEDGE_E_MALFORMED, 1, 14, "this is \"&&\""},
        {"not", KEDGE_E_MALFORMED, 1, 4, "expected was an attribute"},
        {"class == \"a\" ; drop", KEDGE_E_MALFORMED, 1, 14, "no place in a filter"},
        {"class == \"a\x01\"", KEDGE_E_MALFORMED, 1, 10, "control character"},
        {"and", KEDGE_E_TYPE, 1, 1, "no attribute"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kedge_filter_problem problem;
        enum kedge_rc rc = parse(rows[i].text, &problem);
        if (rc != rows[i].rc || problem.line != rows[i].line || problem.column != rows[i].column ||
            strstr(problem.text, rows[i].says) == NULL)
            fail_msg("%s: %s, line %u, column %u: %s", rows[i].text, kedge_rc_name(rc),
                     problem.line, problem.column, problem.text);
    }
}

static void repeat(char *out, const char *piece, unsigned count)
{
    size_t size = strlen(piece);
    for (unsigned i = 0; i < count; i++)
        memcpy(&out[strlen(out)], piece, size + 1);
}

static void each_limit_is_exact(void **state)
{
    static char text[3 * KEDGE_FILTER_TEXT_MAX];
    struct kedge_filter_problem problem;
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        enum kedge_rc expected = more == 0 ? KEDGE_OK : KEDGE_E_LIMIT;
        text[0] = '\0';
        repeat(text, "(", KEDGE_FILTER_DEPTH_MAX + more);
        repeat(text, "registered", 1);
        repeat(text, ")", KEDGE_FILTER_DEPTH_MAX + more);
        assert_int_equal(parse(text, &problem), expected);
        text[0] = '\0';
        repeat(text, "not ", KEDGE_FILTER_DEPTH_MAX + more);
        repeat(text, "registered", 1);
        assert_int_equal(parse(text, &problem), expected);
        text[0] = '\0';
        repeat(text, "registered or ", KEDGE_FILTER_TESTS_MAX - 1 + more);
        repeat(text, "registered", 1);
        assert_int_equal(parse(text, &problem), expected);
        text[0] = '\0';
        repeat(text, "tag in ('a'", 1);
        repeat(text, ",'a'", KEDGE_FILTER_VALUES_MAX - 1 + more);
        repeat(text, ")", 1);
        assert_int_equal(parse(text, &problem), expected);
        text[0] = '\0';
        repeat(text, "tag=='", 1);
        repeat(text, "x", KEDGE_FILTER_TEXT_MAX - 7 + more);
        repeat(text, "'", 1);
        assert_int_equal(parse(text, &problem), expected);
    }
    /* Depth counts what is open, not what was. */
    text[0] = '\0';
    repeat(text, "(registered) and (registered)", 1);
    repeat(text, " or (not registered)", KEDGE_FILTER_DEPTH_MAX);
    assert_int_equal(parse(text, &problem), KEDGE_OK);
}

static void the_store_may_look_for_what_every_match_has(void **state)
{
    static struct kedge_filter filter;
    struct kedge_filter_problem problem;
    (void)state;
    assert_int_equal(
        kedge_filter_parse(KEDGE_FILTER_OF_DEVICE,
                           kedge_slice_text("registered and class == \"x\" and vendor != \"y\""),
                           &filter, &problem),
        KEDGE_OK);
    assert_string_equal(kedge_filter_requires(&filter, KEDGE_FILTER_CLASS), "x");
    assert_null(kedge_filter_requires(&filter, KEDGE_FILTER_VENDOR));
    assert_int_equal(kedge_filter_parse(KEDGE_FILTER_OF_DEVICE,
                                        kedge_slice_text("class == \"x\" or registered"), &filter,
                                        &problem),
                     KEDGE_OK);
    assert_null(kedge_filter_requires(&filter, KEDGE_FILTER_CLASS));
    assert_int_equal(kedge_filter_parse(KEDGE_FILTER_OF_DEVICE,
                                        kedge_slice_text("not class == \"x\""), &filter, &problem),
                     KEDGE_OK);
    assert_null(kedge_filter_requires(&filter, KEDGE_FILTER_CLASS));
    assert_true(kedge_filter_uses(&filter, KEDGE_FILTER_CLASS));
    assert_false(kedge_filter_uses(&filter, KEDGE_FILTER_TAG));
}

static void without_a_filter_every_device_matches(void **state)
{
    static const struct kedge_filter filter;
    (void)state;
    assert_true(kedge_filter_matches(&filter, &device));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_attribute_is_compared_in_its_way),
        cmocka_unit_test(a_filter_of_the_manual_means_what_it_says),
        cmocka_unit_test(what_is_no_version_is_before_and_after_nothing),
        cmocka_unit_test(and_binds_closer_than_or_and_not_closest),
        cmocka_unit_test(a_pattern_is_matched_from_end_to_end),
        cmocka_unit_test(a_pattern_may_be_meant_in_either_case),
        cmocka_unit_test(a_filter_of_packages_has_attributes_of_its_own),
        cmocka_unit_test(devices_and_packages_are_not_asked_for_what_the_other_has),
        cmocka_unit_test(a_problem_is_told_by_its_place),
        cmocka_unit_test(each_limit_is_exact),
        cmocka_unit_test(the_store_may_look_for_what_every_match_has),
        cmocka_unit_test(without_a_filter_every_device_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
