/* test_lwm2m_path.c: paths of objects, instances, resources and resource instances. */
#include <kedge/lwm2m.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void paths_are_read_and_written(void **state)
{
    (void)state;
    const struct {
        const char *text;
        const char *canonical;
        struct kedge_lwm2m_path path;
    } cases[] = {
        {"", "/", {{0}, 0}},
        {"/", "/", {{0}, 0}},
        {"/5", "/5", {{5}, 1}},
        {"5", "/5", {{5}, 1}},
        {"/0/0", "/0/0", {{0, 0}, 2}},
        {"5/0/1", "/5/0/1", {{5, 0, 1}, 3}},
        {"/5/0/8/1", "/5/0/8/1", {{5, 0, 8, 1}, 4}},
        {"/26241/0/0", "/26241/0/0", {{26241, 0, 0}, 3}},
        {"/65534/65534/65534/65534", "/65534/65534/65534/65534", {{65534, 65534, 65534, 65534}, 4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_lwm2m_path path;
        char text[25];
        assert_int_equal(kedge_lwm2m_path_parse(kedge_slice_text(cases[i].text), &path), KEDGE_OK);
        assert_int_equal(path.depth, cases[i].path.depth);
        assert_memory_equal(path.ids, cases[i].path.ids, sizeof path.ids);
        kedge_lwm2m_path_text(&path, text);
        assert_string_equal(text, cases[i].canonical);
    }
}

static void what_is_no_path_is_refused_and_leaves_the_result_alone(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum kedge_rc rc;
    } bad[] = {
        {"//", KEDGE_E_MALFORMED},      {"/5/", KEDGE_E_MALFORMED},
        {"/5//1", KEDGE_E_MALFORMED},   {"//5", KEDGE_E_MALFORMED},
        {"/05", KEDGE_E_MALFORMED},     {"/5/00", KEDGE_E_MALFORMED},
        {"/-1", KEDGE_E_MALFORMED},     {"/+1", KEDGE_E_MALFORMED},
        {"/5a", KEDGE_E_MALFORMED},     {"/a", KEDGE_E_MALFORMED},
        {"/5 ", KEDGE_E_MALFORMED},     {" /5", KEDGE_E_MALFORMED},
        {"/5/0/1?", KEDGE_E_MALFORMED}, {"/65535", KEDGE_E_LIMIT},
        {"/65536", KEDGE_E_LIMIT},      {"/99999999999999999999999", KEDGE_E_LIMIT},
        {"/1/2/3/4/5", KEDGE_E_LIMIT},  {"/1/2/3/4/", KEDGE_E_LIMIT},
        {"/5/0/65535", KEDGE_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_lwm2m_path path = {{7}, 1};
        if (kedge_lwm2m_path_parse(kedge_slice_text(bad[i].text), &path) != bad[i].rc)
            fail_msg("\"%s\"", bad[i].text);
        assert_int_equal(path.ids[0], 7);
        assert_int_equal(path.depth, 1);
    }
    struct kedge_lwm2m_path path;
    assert_int_equal(kedge_lwm2m_path_parse(kedge_slice("/5\0", 3), &path), KEDGE_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read_and_written),
        cmocka_unit_test(what_is_no_path_is_refused_and_leaves_the_result_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
