/* test_fetch_http_field.c: Content-Range and entity tags, as RFC 9110 has them and otherwise. */
#include "agent/fetch/http_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum kedge_rc read_range(const char *text, struct kedge_content_range *range)
{
    return kedge_http_content_range(kedge_slice_text(text), range);
}

static void a_range_says_where_it_is_and_of_how_much(void **state)
{
    (void)state;
    struct kedge_content_range range;
    assert_int_equal(read_range("bytes 100-199/1234", &range), KEDGE_OK);
    assert_true(range.satisfied && range.has_total);
    assert_true(range.first == 100 && range.last == 199 && range.total == 1234);
    assert_int_equal(read_range("BYTES 0-0/1", &range), KEDGE_OK);
    assert_true(range.first == 0 && range.last == 0 && range.total == 1);
    assert_int_equal(
        read_range("bytes 9223372036854775806-9223372036854775806/9223372036854775807", &range),
        KEDGE_OK);
    assert_true(range.first == INT64_MAX - 1 && range.total == INT64_MAX);
}

static void the_total_may_be_unknown(void **state)
{
    (void)state;
    struct kedge_content_range range;
    assert_int_equal(read_range("bytes 5-9/*", &range), KEDGE_OK);
    assert_true(range.satisfied && !range.has_total && range.first == 5 && range.last == 9);
}

static void a_range_that_is_not_there_still_has_its_total(void **state)
{
    (void)state;
    struct kedge_content_range range;
    assert_int_equal(read_range("bytes */47022", &range), KEDGE_OK);
    assert_true(!range.satisfied && range.has_total && range.total == 47022);
    assert_int_equal(read_range("bytes */0", &range), KEDGE_OK);
}

static void what_is_no_range_is_told_apart(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum kedge_rc rc;
    } bad[] = {
        {"", KEDGE_E_UNSUPPORTED},
        {"bytes", KEDGE_E_UNSUPPORTED},
        {"bytes=0-1/2", KEDGE_E_UNSUPPORTED},
        {"seconds 0-1/2", KEDGE_E_UNSUPPORTED},
        {"bytes  0-1/2", KEDGE_E_MALFORMED},
        {"bytes 0-1", KEDGE_E_MALFORMED},
        {"bytes 0/2", KEDGE_E_MALFORMED},
        {"bytes 0-/2", KEDGE_E_MALFORMED},
        {"bytes -1/2", KEDGE_E_MALFORMED},
        {"bytes 0-1/", KEDGE_E_MALFORMED},
        {"bytes 0-1/2 ", KEDGE_E_MALFORMED},
        {"bytes 0-1/2,3-4/5", KEDGE_E_MALFORMED},
        {"bytes 0-1/**", KEDGE_E_MALFORMED},
        {"bytes */*", KEDGE_E_MALFORMED},
        {"bytes 00-1/2", KEDGE_E_MALFORMED},
        {"bytes +0-1/2", KEDGE_E_MALFORMED},
        {"bytes 0x0-1/2", KEDGE_E_MALFORMED},
        {"bytes 2-1/3", KEDGE_E_LIMIT},
        {"bytes 0-2/2", KEDGE_E_LIMIT},
        {"bytes 0-1/0", KEDGE_E_LIMIT},
        {"bytes 0-9223372036854775808/*", KEDGE_E_LIMIT},
        {"bytes 99999999999999999999-1/2", KEDGE_E_LIMIT},
    };
    struct kedge_content_range range;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum kedge_rc rc = read_range(bad[i].text, &range);
        if (rc != bad[i].rc)
            fail_msg("'%s': %s", bad[i].text, kedge_rc_name(rc));
    }
}

static void only_one_whole_strong_tag_is_strong(void **state)
{
    (void)state;
    const char *strong[] = {"\"\"", "\"xyzzy\"", "\"a,b\"", "\"W/x\"", "\"\\\"", "\"\x80\xFF\""};
    const char *other[] = {"",         "\"",     "xyzzy",    "W/\"xyzzy\"",  "w/\"x\"",
                           "\"a",      "a\"",    "\"a\"b\"", "\"a\", \"b\"", "\"a b\"",
                           "\"\x7F\"", "\"\t\"", "\"a\" ",   " \"a\""};
    for (size_t i = 0; i < sizeof strong / sizeof strong[0]; i++)
        if (!kedge_http_etag_is_strong(kedge_slice_text(strong[i])))
            fail_msg("%s", strong[i]);
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (kedge_http_etag_is_strong(kedge_slice_text(other[i])))
            fail_msg("%s", other[i]);
    assert_false(kedge_http_etag_is_strong(kedge_slice("\"a\0b\"", 5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_says_where_it_is_and_of_how_much),
        cmocka_unit_test(the_total_may_be_unknown),
        cmocka_unit_test(a_range_that_is_not_there_still_has_its_total),
        cmocka_unit_test(what_is_no_range_is_told_apart),
        cmocka_unit_test(only_one_whole_strong_tag_is_strong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
