/* test_boot_reasons.c: docs/format.md, "Boot record", lists the reasons of KEDGE_BOOT_REASON_LIST.
 */
#include <kedge/boot.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LINE_MAX_SIZE 256u
#define HEADING "## Boot record\n"

static void the_document_has_the_row_of_each_reason_in_order_and_no_other(void **state)
{
    (void)state;
    char line[LINE_MAX_SIZE], expected[LINE_MAX_SIZE];
    bool inside = false;
    int reason = 0;
    FILE *document = fopen(KEDGE_DOCS "/format.md", "r");
    assert_non_null(document);
    while (fgets(line, sizeof line, document) != NULL) {
        if (strncmp(line, "## ", 3) == 0)
            inside = strcmp(line, HEADING) == 0;
        if (!inside || line[0] != '|' || line[2] < '0' || line[2] > '9')
            continue;
        assert_in_range(reason, 0, KEDGE_BOOT_REASON_COUNT - 1);
        snprintf(expected, sizeof expected, "| %d | %s |\n", reason,
                 kedge_boot_reason_text((enum kedge_boot_reason)reason));
        assert_string_equal(line, expected);
        reason++;
    }
    fclose(document);
    assert_int_equal(reason, KEDGE_BOOT_REASON_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_has_the_row_of_each_reason_in_order_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
