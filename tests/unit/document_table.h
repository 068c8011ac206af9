/*
 * document_table.h: a table that a document prints, held to the one that the code runs on. The test
 * defines `marker`, the line before the table in docs/lwm2m.md, and render() before it includes this;
 * "--print" prints the table for the document.
 */
#ifndef KEDGE_TESTS_DOCUMENT_TABLE_H
#define KEDGE_TESTS_DOCUMENT_TABLE_H

static void the_document_prints_the_table_as_it_is(void **state)
{
    (void)state;
    static char document[1u << 18];
    char table[TABLE_MAX];
    FILE *file = fopen(KEDGE_LWM2M_DOCUMENT, "rb");
    assert_non_null(file);
    size_t size = fread(document, 1, sizeof document - 1, file);
    fclose(file);
    document[size] = '\0';
    const char *printed = strstr(document, marker);
    assert_non_null(printed);
    render(table);
    printed += strlen(marker);
    if (strncmp(printed, table, strlen(table)) != 0 || printed[strlen(table)] == '|')
        fail_msg("docs/lwm2m.md should have:\n%s", table);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        char table[TABLE_MAX];
        render(table);
        printf("%s%s", marker, table);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_prints_the_table_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
