/*
 * test_refusal_table.c: docs/format.md, "What a refusal reports", says what KEDGE_RC_LIST says.
 * With --print it prints the table for the document.
 */
#include <kedge/base.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LINE_MAX_SIZE 256u
#define HEADING "## What a refusal reports\n"

static void row(enum kedge_rc rc, char line[LINE_MAX_SIZE])
{
    int result = kedge_rc_update_result(rc);
    if (result == 0)
        snprintf(line, LINE_MAX_SIZE, "| `%s` | %s | – |\n", kedge_rc_name(rc), kedge_rc_text(rc));
    else
        snprintf(line, LINE_MAX_SIZE, "| `%s` | %s | %d |\n", kedge_rc_name(rc), kedge_rc_text(rc),
                 result);
}

static void print_table(void)
{
    char line[LINE_MAX_SIZE];
    printf("| reason | in words | Update Result |\n|---|---|---|\n");
    for (int rc = KEDGE_OK + 1; rc < KEDGE_RC_COUNT; rc++) {
        row((enum kedge_rc)rc, line);
        printf("%s", line);
    }
}

static void the_document_has_the_row_of_each_result_in_order_and_no_other(void **state)
{
    (void)state;
    char line[LINE_MAX_SIZE], expected[LINE_MAX_SIZE];
    bool inside = false;
    int rc = KEDGE_OK + 1;
    FILE *document = fopen(KEDGE_DOCS "/format.md", "r");
    assert_non_null(document);
    while (fgets(line, sizeof line, document) != NULL) {
        if (strncmp(line, "## ", 3) == 0)
            inside = strcmp(line, HEADING) == 0;
        if (!inside || strncmp(line, "| `KEDGE_", 9) != 0)
            continue;
        assert_in_range(rc, KEDGE_OK + 1, KEDGE_RC_COUNT - 1);
        row((enum kedge_rc)rc++, expected);
        assert_string_equal(line, expected);
    }
    fclose(document);
    assert_int_equal(rc, KEDGE_RC_COUNT);
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "--print") == 0) {
        print_table();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_has_the_row_of_each_result_in_order_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
