/*
 * What stands in the server's log, whatever devices and people call themselves.
 */
#define _GNU_SOURCE
#include "updater/kedged/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is written to standard error while `text` is logged. */
static const char *logged(const char *text)
{
    static char line[4096];
    int ends[2];
    int before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    kedge_log(KEDGE_LOG_ERROR, "device %s is here", text);
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    close(before);
    close(ends[1]);
    ssize_t size = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    assert_true(size > 0);
    line[size] = '\0';
    return line;
}

static void a_name_neither_forges_a_line_nor_steers_a_terminal(void **state)
{
    (void)state;
    assert_non_null(strstr(logged("g\xC3\xA9"), "device g\xC3\xA9 is here\n"));
    assert_non_null(strstr(logged("a\nerror b\x1B[2J"), "device a?error b?[2J is here\n"));
    assert_non_null(strstr(logged("\xC2\x9B"
                                  "31m\xE2\x80\xAE"),
                           "device ?31m? is here\n"));
}

static void a_line_that_is_too_long_is_cut_and_ends(void **state)
{
    (void)state;
    char name[3000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const char *line = logged(name);
    assert_true(strlen(line) < 1100);
    assert_string_equal(line + strlen(line) - 2, "n\n");
}

static void a_json_line_is_one_object_whatever_names_there_are(void **state)
{
    (void)state;
    kedge_log_set_format(KEDGE_LOG_JSON);
    const char *line = logged("a\"b\\c\nd");
    kedge_log_set_format(KEDGE_LOG_TEXT);
    assert_memory_equal(line, "{\"at\":\"2", 8);
    assert_non_null(
        strstr(line, "Z\",\"level\":\"error\",\"text\":\"device a\\\"b\\\\c?d is here\"}\n"));
}

static void the_longest_json_line_ends_too(void **state)
{
    (void)state;
    char name[3000];
    memset(name, '"', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    kedge_log_set_format(KEDGE_LOG_JSON);
    const char *line = logged(name);
    kedge_log_set_format(KEDGE_LOG_TEXT);
    assert_true(strlen(line) > 2000);
    assert_string_equal(line + strlen(line) - 5, "\\\"\"}\n");
}

static void the_journal_gets_the_priority_in_front(void **state)
{
    (void)state;
    kedge_log_set_format(KEDGE_LOG_JOURNAL);
    const char *line = logged("x");
    kedge_log_set_format(KEDGE_LOG_TEXT);
    assert_string_equal(line, "<3>device x is here\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_neither_forges_a_line_nor_steers_a_terminal),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_ends),
        cmocka_unit_test(a_json_line_is_one_object_whatever_names_there_are),
        cmocka_unit_test(the_longest_json_line_ends_too),
        cmocka_unit_test(the_journal_gets_the_priority_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
