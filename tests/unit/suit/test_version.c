/* test_version.c: versions: what can be said, what cannot, and SemVer 2.0 precedence. */
#include <kedge/suit.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kedge_suit_version parse(const char *text)
{
    struct kedge_suit_version version;
    assert_int_equal(kedge_suit_version_parse(kedge_slice_text(text), &version), KEDGE_OK);
    return version;
}

static void versions_go_to_integers_and_back(void **state)
{
    (void)state;
    const char *texts[] = {"0.0.0", "1.2.3", "1.2.3-rc.1", "1.2.3-beta",
                           "10.20.30-alpha.4294967295"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kedge_suit_version version = parse(texts[i]);
        char text[KEDGE_SUIT_VERSION_TEXT_MAX];
        assert_int_equal(kedge_suit_version_text(&version, text), KEDGE_OK);
        assert_string_equal(text, texts[i]);
    }
    struct kedge_suit_version rc = parse("1.2.3-rc.7");
    assert_int_equal(rc.count, 5);
    assert_int_equal(rc.parts[3], -1);
    assert_int_equal(rc.parts[4], 7);
}

static void what_the_integers_cannot_say_is_refused(void **state)
{
    (void)state;
    const char *texts[] = {"",
                           "1",
                           "1.2",
                           "1.2.3.4",
                           "01.2.3",
                           "1.02.3",
                           "1.2.3-",
                           "1.2.3-rc.",
                           "1.2.3-rc1",
                           "1.2.3-gamma",
                           "1.2.3+b1",
                           "v1.2.3",
                           "1.2.3 ",
                           " 1.2.3",
                           "1.2.-3",
                           "1..3",
                           "1.2.3-rc.1.2",
                           "1.2.3-1",
                           "4294967296.0.0",
                           "1.2.3-rc.01"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kedge_suit_version version;
        if (kedge_suit_version_parse(kedge_slice_text(texts[i]), &version) != KEDGE_E_UNSUPPORTED)
            fail_msg("\"%s\" was taken", texts[i]);
    }
}

static void integers_that_are_no_version_have_no_text(void **state)
{
    (void)state;
    char text[KEDGE_SUIT_VERSION_TEXT_MAX];
    const struct {
        struct kedge_suit_version version;
        enum kedge_rc rc;
    } cases[] = {
        {{{0}, 0}, KEDGE_E_ARGUMENT},
        {{{1, 2, 3}, KEDGE_SUIT_VERSION_PARTS_MAX + 1}, KEDGE_E_ARGUMENT},
        {{{1, 2, 3, -4}, 4}, KEDGE_E_UNSUPPORTED},
        {{{INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}, 4}, KEDGE_E_BUFFER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(kedge_suit_version_text(&cases[i].version, text), cases[i].rc);
}

static void precedence_is_that_of_semver(void **state)
{
    (void)state;
    const char *rising[] = {"0.9.9",        "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-beta",
                            "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc",      "1.0.0-rc.0",
                            "1.0.0-rc.1",   "1.0.0",         "1.0.1-rc.1",    "1.0.1",
                            "1.1.0",        "1.1.1",         "1.1.10",        "2.0.0"};
    size_t count = sizeof rising / sizeof rising[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            struct kedge_suit_version a = parse(rising[i]);
            struct kedge_suit_version b = parse(rising[k]);
            int expected = i < k ? -1 : i > k ? 1 : 0;
            if (kedge_suit_version_compare(&a, &b) != expected)
                fail_msg("%s against %s", rising[i], rising[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_go_to_integers_and_back),
        cmocka_unit_test(what_the_integers_cannot_say_is_refused),
        cmocka_unit_test(integers_that_are_no_version_have_no_text),
        cmocka_unit_test(precedence_is_that_of_semver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
