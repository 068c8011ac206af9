/* test_cli_table.c: tables fit, and nothing from outside steers the terminal. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "updater/cli/table.h"

#include <cmocka.h>

static const struct column columns[] = {
    {"NAME", false, true}, {"NO.", true, false}, {"WHY", false, true}};

/* Prints rows of three cells and returns the text. */
static char *printed(const char *const *cells, size_t count, size_t width)
{
    struct table table;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    table_init(&table, columns, 3);
    for (size_t i = 0; i < count; i++)
        table_add(&table, cells[i]);
    table_print(&table, out, width);
    (void)fclose(out);
    return text;
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    static const char *const cells[] = {"boat", "7", "it is\xc3\xa9", "a", "1234", NULL};
    (void)state;
    char *text = printed(cells, 6, 0);
    assert_string_equal(text, "NAME   NO.  WHY\n"
                              "boat     7  it is\xc3\xa9\n"
                              "a     1234\n");
    free(text);
}

static void an_empty_table_is_its_titles(void **state)
{
    (void)state;
    char *text = printed(NULL, 0, 0);
    assert_string_equal(text, "NAME  NO.  WHY\n");
    free(text);
}

static void a_narrow_terminal_cuts_what_may_be_cut(void **state)
{
    static const char *const cells[] = {
        "a-boat-with-a-very-long-name\xc3\xa9\xc3\xa9\xc3\xa9", "123456789",
        "because of \xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc and many other reasons"};
    (void)state;
    for (size_t width = 30; width < 100; width++) {
        char *text = printed(cells, 3, width);
        for (char *rest = text, *line; (line = strtok_r(rest, "\n", &rest)) != NULL;)
            assert_true(text_width(line) <= width);
        free(text);
    }
    char *text = printed(cells, 3, 41);
    assert_non_null(strstr(text, "123456789"));
    assert_non_null(strstr(text, "..."));
    free(text);
    text = printed(cells, 3, 0);
    assert_null(strstr(text, "..."));
    free(text);
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    static const char *const cells[] = {"a\x1b[2Jb\r\n", "\x7f\x07",
                                        ("\xc2\x9b"
                                         "31m\xc3\xa9")};
    (void)state;
    char *text = printed(cells, 3, 0);
    assert_string_equal(text, "NAME      NO.  WHY\n"
                              "a?[2Jb??   ??  ?31m\xc3\xa9\n");
    free(text);
}

static void sizes_are_read_at_a_glance(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {{0, "0 B"},
                {1023, "1023 B"},
                {1024, "1.0 KiB"},
                {1536, "1.5 KiB"},
                {1u << 20, "1.0 MiB"},
                {UINT64_C(5) << 30, "5.0 GiB"},
                {UINT64_C(3) << 50, "3072.0 TiB"}};
    char text[32];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_text(rows[i].bytes, text, sizeof(text));
        assert_string_equal(text, rows[i].text);
    }
}

static void times_are_local_and_none_is_a_dash(void **state)
{
    char text[32];
    (void)state;
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    time_text(0, text, sizeof(text));
    assert_string_equal(text, "-");
    time_text(UINT64_C(951827696789), text, sizeof(text));
    assert_string_equal(text, "2000-02-29 12:34:56");
    char shortest[8];
    time_text(UINT64_MAX, shortest, sizeof(shortest));
    assert_string_equal(shortest, "-");
}

static void a_character_takes_the_columns_that_a_terminal_gives_it(void **state)
{
    (void)state;
    assert_int_equal(text_width("\xe8\x88\xb9\xe8\x88\xb9"), 4); /* Chinese */
    assert_int_equal(text_width("e\xcc\x81"), 1);                /* a combining accent */
    assert_int_equal(text_width("\xd1\x84\xff"
                                "a"),
                     3);                                 /* Cyrillic; no UTF-8 */
    assert_int_equal(text_width("\xf0\x9f\x9a\xa2"), 2); /* a ship */
    assert_int_equal(text_width("\xe8\x88"), 2);         /* cut */
    assert_int_equal(text_prefix("\xe8\x88\xb9"
                                 "ab",
                                 1),
                     0);
    assert_int_equal(text_prefix("\xe8\x88\xb9"
                                 "ab",
                                 2),
                     3);
    assert_int_equal(text_prefix("\xe8\x88\xb9"
                                 "ab",
                                 3),
                     4);
    assert_int_equal(text_prefix("e\xcc\x81z", 1), 3);
    assert_int_equal(text_prefix("ab", 9), 2);
}

static void columns_line_up_under_wide_characters(void **state)
{
    static const char *const cells[] = {
        "\xe8\x88\xb9",
        "7",
        "x",
        "boat",
        "12",
        "y",
        "\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9",
        "3",
        "z"};
    (void)state;
    char *text = printed(cells, 9, 0);
    assert_string_equal(
        text, "NAME          NO.  WHY\n"
              "\xe8\x88\xb9              7  x\n"
              "boat           12  y\n"
              "\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9\xe8\x88\xb9    3  z\n");
    free(text);
    /* Cut to eight columns, of which one is left over: five of three dots and two characters. */
    text = printed(cells, 9, 18);
    assert_non_null(strstr(text, "\xe8\x88\xb9\xe8\x88\xb9...     3  z\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_character_takes_the_columns_that_a_terminal_gives_it),
        cmocka_unit_test(columns_line_up_under_wide_characters),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(an_empty_table_is_its_titles),
        cmocka_unit_test(a_narrow_terminal_cuts_what_may_be_cut),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(sizes_are_read_at_a_glance),
        cmocka_unit_test(times_are_local_and_none_is_a_dash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
