/* test_lwm2m_link.c: link format as registrations and answers to Discover carry it. */
#include <kedge/lwm2m.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads the whole list; how many links, or the failure. */
static enum kedge_rc walk(struct kedge_slice text, size_t *count)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    struct kedge_link link;
    enum kedge_rc rc;
    *count = 0;
    while ((rc = kedge_link_next(&cursor, &link)) == KEDGE_OK)
        ++*count;
    return rc;
}

static void assert_attribute(const struct kedge_link *link, const char *name, const char *expected)
{
    struct kedge_slice value;
    assert_true(kedge_link_attribute(link, name, &value));
    assert_true(kedge_slice_equal(value, kedge_slice_text(expected)));
}

static void a_registration_is_read_link_by_link(void **state)
{
    (void)state;
    const char *text = "</>;rt=\"oma.lwm2m\";ct=\"60 110 112\",</1/0>,</3/0>,</5>;ver=\"1.1\","
                       "</5/0>;pmin=10;pmax=60;obs,</lwm2m/26241/0>";
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(text));
    const char *targets[] = {"/", "/1/0", "/3/0", "/5", "/5/0", "/lwm2m/26241/0"};
    struct kedge_link links[6];
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(kedge_link_next(&cursor, &links[i]), KEDGE_OK);
        assert_true(kedge_slice_equal(links[i].target, kedge_slice_text(targets[i])));
    }
    struct kedge_link none;
    assert_int_equal(kedge_link_next(&cursor, &none), KEDGE_E_NOT_FOUND);
    assert_attribute(&links[0], "rt", "oma.lwm2m");
    assert_attribute(&links[0], "ct", "60 110 112");
    assert_attribute(&links[3], "ver", "1.1");
    assert_attribute(&links[4], "pmin", "10");
    assert_attribute(&links[4], "pmax", "60");
    assert_attribute(&links[4], "obs", "");
    struct kedge_slice value;
    assert_false(kedge_link_attribute(&links[1], "ver", &value));
    assert_false(kedge_link_attribute(&links[4], "p", &value));
    assert_false(kedge_link_attribute(&links[4], "pminx", &value));
    assert_false(kedge_link_attribute(&links[4], "PMIN", &value));
}

static void quoted_values_hide_commas_semicolons_and_escapes(void **state)
{
    (void)state;
    const char *text = "</3>;a=\"x,</9>;y=1\";b=\"q\\\"r\\\\\";c=\"\",</4>;ver=1.0;d=caf\xC3\xA9";
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(text));
    struct kedge_link link;
    assert_int_equal(kedge_link_next(&cursor, &link), KEDGE_OK);
    assert_attribute(&link, "a", "x,</9>;y=1");
    assert_attribute(&link, "b", "q\\\"r\\\\");
    assert_attribute(&link, "c", "");
    struct kedge_slice value;
    assert_false(kedge_link_attribute(&link, "y", &value));
    assert_int_equal(kedge_link_next(&cursor, &link), KEDGE_E_MALFORMED); /* é outside quotes */
}

static void the_first_of_two_attributes_counts(void **state)
{
    (void)state;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text("</5>;ver=\"1.1\";ver=1.0"));
    struct kedge_link link;
    assert_int_equal(kedge_link_next(&cursor, &link), KEDGE_OK);
    assert_attribute(&link, "ver", "1.1");
}

static void spaces_behind_a_comma_are_taken_and_nowhere_else(void **state)
{
    (void)state;
    size_t count;
    assert_int_equal(walk(kedge_slice_text("</1>, </2>,  </3>"), &count), KEDGE_E_NOT_FOUND);
    assert_int_equal(count, 3);
    const char *bad[] = {" </1>", "</1> ", "</1> ,</2>", "</1 >", "</1>; ver=1", "</1>;ver =1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (walk(kedge_slice_text(bad[i]), &count) != KEDGE_E_MALFORMED)
            fail_msg("%s", bad[i]);
}

static void damaged_lists_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum kedge_rc rc;
    } bad[] = {
        {"/1/0", KEDGE_E_MALFORMED},
        {"<>", KEDGE_E_MALFORMED},
        {"</1", KEDGE_E_TRUNCATED},
        {"<", KEDGE_E_TRUNCATED},
        {"</1></2>", KEDGE_E_MALFORMED},
        {"</1>,", KEDGE_E_TRUNCATED},
        {",</1>", KEDGE_E_MALFORMED},
        {"</1>,,</2>", KEDGE_E_MALFORMED},
        {"</1>;", KEDGE_E_TRUNCATED},
        {"</1>;,</2>", KEDGE_E_MALFORMED},
        {"</1>;=1", KEDGE_E_MALFORMED},
        {"</1>;a=", KEDGE_E_TRUNCATED},
        {"</1>;a=,</2>", KEDGE_E_MALFORMED},
        {"</1>;a=\"x", KEDGE_E_TRUNCATED},
        {"</1>;a=\"x\\", KEDGE_E_TRUNCATED},
        {"</1>;a=\"x\\\"", KEDGE_E_TRUNCATED},
        {"</1>;a=\"x\"y", KEDGE_E_MALFORMED},
        {"</1>;a=x\"y\"", KEDGE_E_MALFORMED},
        {"</1>x", KEDGE_E_MALFORMED},
        {"</<1>", KEDGE_E_MALFORMED},
        {"</1\n>", KEDGE_E_MALFORMED},
        {"</1>;a=\"x\ny\"", KEDGE_E_MALFORMED},
        {"</1>;a=\"\xC3(\"", KEDGE_E_MALFORMED},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t count;
        enum kedge_rc rc = walk(kedge_slice_text(bad[i].text), &count);
        if (rc != bad[i].rc)
            fail_msg("%s: %s", bad[i].text, kedge_rc_name(rc));
    }
    size_t count;
    assert_int_equal(walk(kedge_slice("</1\0>", 5), &count), KEDGE_E_MALFORMED);
    assert_int_equal(walk(kedge_slice("</1>;a\0=1", 9), &count), KEDGE_E_MALFORMED);
    assert_int_equal(walk(kedge_slice(NULL, 0), &count), KEDGE_E_NOT_FOUND);
    assert_int_equal(count, 0);
}

static void a_failed_read_moves_nothing(void **state)
{
    (void)state;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text("</1>,</2"));
    struct kedge_link link;
    assert_int_equal(kedge_link_next(&cursor, &link), KEDGE_OK);
    size_t offset = cursor.offset;
    assert_int_equal(kedge_link_next(&cursor, &link), KEDGE_E_TRUNCATED);
    assert_int_equal(cursor.offset, offset);
    assert_true(kedge_slice_equal(link.target, kedge_slice_text("/1")));
}

static void a_walk_goes_on_at_a_comma_alone(void **state)
{
    (void)state;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text("x</1>"));
    struct kedge_link link;
    cursor.offset = 1;
    assert_int_equal(kedge_link_next(&cursor, &link), KEDGE_E_MALFORMED);
}

static void lists_are_written_with_commas_between_and_never_in_part(void **state)
{
    (void)state;
    char text[32];
    struct kedge_writer out = kedge_writer(text, 26);
    assert_int_equal(kedge_link_write(&out, "/5", ";ver=\"1.1\""), KEDGE_OK);
    assert_int_equal(kedge_link_write(&out, "/5/0", ""), KEDGE_OK);
    assert_int_equal(kedge_link_write(&out, "/3/0", ""), KEDGE_E_BUFFER);
    assert_true(
        kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text("</5>;ver=\"1.1\",</5/0>")));
    size_t count;
    assert_int_equal(walk(kedge_writer_slice(&out), &count), KEDGE_E_NOT_FOUND);
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registration_is_read_link_by_link),
        cmocka_unit_test(quoted_values_hide_commas_semicolons_and_escapes),
        cmocka_unit_test(the_first_of_two_attributes_counts),
        cmocka_unit_test(spaces_behind_a_comma_are_taken_and_nowhere_else),
        cmocka_unit_test(damaged_lists_are_refused),
        cmocka_unit_test(a_failed_read_moves_nothing),
        cmocka_unit_test(a_walk_goes_on_at_a_comma_alone),
        cmocka_unit_test(lists_are_written_with_commas_between_and_never_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
