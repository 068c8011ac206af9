/* test_semver.c: versions as Semantic Versioning 2.0.0 writes and orders them. */
#include "updater/rollout/semver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int compare(const char *a, const char *b)
{
    struct kedge_semver left, right;
    if (!kedge_semver_parse(kedge_slice_text(a), &left))
        fail_msg("%s is no version", a);
    if (!kedge_semver_parse(kedge_slice_text(b), &right))
        fail_msg("%s is no version", b);
    return kedge_semver_compare(&left, &right);
}

/* In rising order: sections 11.2 and 11.4 of the specification, and what its words add to them. */
static const char *const rising[] = {
    "0.0.0-0",
    "0.0.0",
    "0.9.10",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-18446744073709551616", /* a number, beyond 64 bits */
    "1.0.0-18446744073709551617",
    "1.0.0--",
    "1.0.0-1a",
    "1.0.0-RC",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.1.0",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.1.1",
    "1.1.10",
    "1.9.0",
    "1.10.0",
    "1.11.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "10.0.0",
    "99999999999999999999999.0.0",
};
#define RISING (sizeof(rising) / sizeof(rising[0]))

static void every_version_stands_where_the_specification_puts_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < RISING; i++)
        for (size_t j = 0; j < RISING; j++)
            if (compare(rising[i], rising[j]) != (i > j) - (i < j))
                fail_msg("%s and %s are in the wrong order", rising[i], rising[j]);
}

static void build_metadata_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(compare("1.0.0+20130313144700", "1.0.0"), 0);
    assert_int_equal(compare("1.0.0-beta+exp.sha.5114f85", "1.0.0-beta+001"), 0);
    assert_int_equal(compare("1.0.0+21AF26D3---117B344092BD", "1.0.1"), -1);
}

static void what_is_no_version_is_not_taken_for_one(void **state)
{
    static const char *const others[] = {
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "01.2.3",
        "1.02.3",
        "1.2.03",
        "v1.2.3",
        "1.2.3-",
        "1.2.3+",
        "1.2.3-a.",
        "1.2.3-.a",
        "1.2.3-01",
        "1.2.3-a.01",
        " 1.2.3",
        "1.2.3 ",
        "1..3",
        "-1.2.3",
        "1.2.3-a+b+c",
        "1.2.3-a_b",
        "1.2.3-\xc3\xa4",
        "1.2.3+a.",
        "1.2.x",
        "1.2.3-a..b",
        "+1.2.3",
        "1.2.-3",
    };
    struct kedge_semver version;
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (kedge_semver_parse(kedge_slice_text(others[i]), &version))
            fail_msg("\"%s\" was taken for a version", others[i]);
    static const char *const versions[] = {"1.2.3-0a", "1.2.3-a.0",
                                           "1.2.3+01", "1.2.3--1",
                                           "0.0.4",    "1.2.3-----RC-SNAPSHOT.12.9.1--.12+788"};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (!kedge_semver_parse(kedge_slice_text(versions[i]), &version))
            fail_msg("\"%s\" was not taken for a version", versions[i]);
}

static void a_nul_byte_ends_no_version(void **state)
{
    struct kedge_semver version;
    (void)state;
    assert_false(kedge_semver_parse(kedge_slice("1.2.3\0", 6), &version));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_stands_where_the_specification_puts_it),
        cmocka_unit_test(build_metadata_does_not_count),
        cmocka_unit_test(what_is_no_version_is_not_taken_for_one),
        cmocka_unit_test(a_nul_byte_ends_no_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
