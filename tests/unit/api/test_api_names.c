/* test_api_names.c: which names may be given: what nobody could see about one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "updater/api/names.h"

#include <cmocka.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void names_in_every_script_may_be_given(void **state)
{
    static const char *const names[] = {
        "",
        "lamps 1.1",
        "urn:imei:490154203237518",
        "a/b?c#d%20",
        "caf\xC3\xA9",                                                     /* composed */
        "\xE6\xB8\xAF\xE3\x81\xAE\xE3\x83\xA9\xE3\x83\xB3\xE3\x83\x97",    /* Japanese */
        "\xD8\xB4\xD8\xA7\xD8\xAD\xD9\x86\xD8\xA9",                        /* Arabic */
        "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",                                /* Hebrew */
        "\xED\x95\xAD\xEA\xB5\xAC",                                        /* Korean */
        "\xE0\xB8\x97\xE0\xB9\x88\xE0\xB8\xB2\xE0\xB9\x80\xE0\xB8\xA3",    /* Thai */
        "\xE2\x9A\x93 \xF0\x9F\x9A\xA2",                                   /* an anchor, a ship */
        "\xF0\x9F\x91\xA9\xF0\x9F\x94\xA7",                                /* two emoji */
        "\xE0\xA4\x95\xE0\xA5\x8D\xE2\x80\x8D\xE0\xA4\xB7",                /* Hindi: virama, ZWJ */
        "\xE0\xA4\x95\xE0\xA5\x8D\xE2\x80\x8C\xE0\xA4\xB7",                /* and ZWNJ */
        "\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE\xD9\x88\xD8\xA7\xD9\x87\xD9\x85", /* Persian: ZWNJ */
        "\xD8\xA8\xD9\x8E\xE2\x80\x8C\xD9\x8E\xD8\xA7", /* marks on both sides, alef behind */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        if (names_fault(names[i]) != NULL)
            fail_msg("case %zu %s", i, names_fault(names[i]));
}

static void refused(const char *const *texts, size_t count, const char *words)
{
    for (size_t i = 0; i < count; i++) {
        const char *fault = names_fault(texts[i]);
        if (fault == NULL || strstr(fault, words) == NULL)
            fail_msg("case %zu: %s instead of %s", i, fault == NULL ? "nothing" : fault, words);
        assert_non_null(names_text_fault(texts[i]));
    }
}

static void what_is_not_shown_is_refused(void **state)
{
    static const char *const hidden[] = {
        "ad\xC2\xADmin",        /* soft hyphen */
        "ad\xCD\x8Fmin",        /* combining grapheme joiner */
        "ad\xD8\x9Cmin",        /* Arabic letter mark */
        "\xE1\x85\x9F",         /* Hangul fillers */
        "\xE3\x85\xA4",
        "\xEF\xBE\xA0",
        "ad\xE1\xA0\x8Emin",    /* Mongolian vowel separator */
        "admin\xE2\x80\x8B",    /* zero width space */
        "\xE2\x80\x8E" "admin", /* marks of direction */
        "\xE2\x80\x8F" "admin",
        "ad\xE2\x81\xA0min",    /* word joiner, invisible operators */
        "ad\xE2\x81\xA4min",
        "ad\xE2\x81\xAFmin",    /* nominal digit shapes */
        "ad\xE2\xA0\x80min",    /* Braille without dots */
        "\xE2\x9A\x93\xEF\xB8\x8F", /* variation selectors */
        "ad\xF3\xA0\x84\x80min",
        "\xEF\xBB\xBF" "admin", /* byte order mark */
        "ad\xEF\xBF\xB9min",    /* interlinear annotation */
        "ad\xF3\xA0\x81\xA1min" /* tags */
    };
    (void)state;
    refused(hidden, COUNT(hidden), "not shown");
}

static void joiners_are_refused_where_nobody_sees_them(void **state)
{
    static const char *const joined[] = {
        "ad\xE2\x80\x8Cmin",
        "ad\xE2\x80\x8Dmin",
        "\xE2\x80\x8C",
        "\xE2\x80\x8D" "a",
        "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xA7",             /* of two emoji */
        "\xE0\xA4\x95\xE2\x80\x8D\xE0\xA4\xB7",                     /* Hindi without a virama */
        "\xD8\xA7\xE2\x80\x8C\xD8\xA8",                          /* alef joins nothing behind */
        "\xD8\xA8\xE2\x80\x8C",                                     /* at the end */
        "\xD8\xA8\xE2\x80\x8C" "a",
        "\xD8\xA8\xE2\x80\x8C\xD8\xA1",                             /* hamza is never joined */
        "\xD9\x8E\xE2\x80\x8C\xD8\xA8",                             /* no letter below the mark */
        "\xD8\xA8\xE2\x80\x8D\xD8\xA8",                             /* ZWJ between Arabic letters */
        "\xE0\xA4\x95\xE0\xA5\x8D\xE2\x80\x8D\xE2\x80\x8D\xE0\xA4\xB7", /* the second of two */
    };
    (void)state;
    refused(joined, COUNT(joined), "U+200C and U+200D");
}

static void what_looks_like_something_else_is_refused(void **state)
{
    static const char *const controls[] = {"a\nb", "\x1B[2J", ("\xE2\x80\xAE" "a"),
                                           "\xE2\x81\xA6", "a\xFF"};
    static const char *const shapeless[] = {"\xEE\x80\x80", "\xCD\xB8", "\xEF\xBF\xBF"};
    static const char *const spaces[] = {("a\xC2\xA0" "b"), "a\xE2\x80\x83", ("\xE3\x80\x80" "a")};
    static const char *const decomposed[] = {"cafe\xCC\x81", "\xE2\x84\xAB" /* Angstrom */};
    (void)state;
    refused(controls, COUNT(controls), "control characters");
    refused(shapeless, COUNT(shapeless), "private use");
    refused(spaces, COUNT(spaces), "other than U+0020");
    refused(decomposed, COUNT(decomposed), "NFC");
}

static void spaces_are_refused_in_names_where_they_are_not_seen(void **state)
{
    (void)state;
    assert_string_equal(names_fault(" a"), "must have no space at its ends");
    assert_string_equal(names_fault("a "), "must have no space at its ends");
    assert_string_equal(names_fault(" "), "must have no space at its ends");
    assert_string_equal(names_fault("a  b"), "must have no two spaces beside each other");
    assert_null(names_text_fault(" a  b ")); /* which a tag's value may have */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_every_script_may_be_given),
        cmocka_unit_test(what_is_not_shown_is_refused),
        cmocka_unit_test(joiners_are_refused_where_nobody_sees_them),
        cmocka_unit_test(what_looks_like_something_else_is_refused),
        cmocka_unit_test(spaces_are_refused_in_names_where_they_are_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
