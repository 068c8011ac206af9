/* test_swarm_psk_file.c: which files of keys are taken, and what is said of the others. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/swarm/psk_file.h"

static void assert_slice(struct kedge_slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

static void test_rows_with_and_without_a_head_blanks_and_a_last_newline(void **state)
{
    static const char text[] = "endpoint,identity,hexkey\r\n a ,b , 00fF\r\n\n  \nc,d,"
                               "000102030405060708090a0b0c0d0e0f";
    struct psk_row *rows;
    size_t count, line;
    const char *words;
    uint8_t key[PSK_KEY_MAX];
    (void)state;
    assert_int_equal(psk_file_parse(kedge_slice_text(text), &rows, &count, &line, &words),
                     KEDGE_OK);
    assert_int_equal(count, 2);
    assert_slice(rows[0].endpoint, "a");
    assert_slice(rows[0].identity, "b");
    assert_int_equal(psk_row_key(&rows[0], key), 2);
    assert_memory_equal(key, "\x00\xff", 2);
    assert_slice(rows[1].endpoint, "c");
    assert_int_equal(rows[1].line, 5);
    assert_int_equal(psk_row_key(&rows[1], key), 16);
    free(rows);
}

static void assert_refused(const char *text, size_t wanted_line, const char *wanted_words)
{
    struct psk_row *rows;
    size_t count, line;
    const char *words;
    assert_int_not_equal(psk_file_parse(kedge_slice_text(text), &rows, &count, &line, &words),
                         KEDGE_OK);
    assert_null(rows);
    assert_int_equal(count, 0);
    assert_int_equal(line, wanted_line);
    assert_non_null(strstr(words, wanted_words));
}

static void test_what_is_no_row_is_refused_by_its_line(void **state)
{
    char long_key[2 * PSK_KEY_MAX + 8] = "a,b,";
    (void)state;
    memset(long_key + 4, '0', 2 * PSK_KEY_MAX + 2);
    assert_refused("a,b,00\na\n", 2, "identity");
    assert_refused(",b,00\n", 1, "endpoint");
    assert_refused("a,,00\n", 1, "identity");
    assert_refused("a,b\n", 1, "key");
    assert_refused("a,b,\n", 1, "key");
    assert_refused("a,b,000\n", 1, "key");
    assert_refused("a,b,0g\n", 1, "key");
    assert_refused("a,b,00,c\n", 1, "key");
    assert_refused(long_key, 1, "key");
    assert_refused("a\x1b,b,00\n", 1, "endpoint");
    assert_refused("a,b,00\nendpoint,identity,hexkey\n", 2, "key");
}

static void test_an_endpoint_that_is_there_twice_is_refused_by_its_second_line(void **state)
{
    (void)state;
    assert_refused("b,i,00\na,j,00\nab,k,00\na,l,01\n", 4, "twice");
}

static void test_a_file_that_is_made_can_be_read_and_is_not_made_again(void **state)
{
    char path[] = "/tmp/kedge-psk-XXXXXX", file[sizeof path + 8];
    struct psk_file read;
    uint8_t first[PSK_KEY_MAX], second[PSK_KEY_MAX];
    (void)state;
    assert_non_null(mkdtemp(path));
    (void)snprintf(file, sizeof file, "%s/fleet", path);
    assert_true(psk_file_make(file, "dev-", 3));
    assert_false(psk_file_make(file, "dev-", 3));
    assert_true(psk_file_read(file, &read));
    assert_int_equal(read.count, 3);
    assert_slice(read.rows[2].endpoint, "dev-2");
    assert_slice(read.rows[2].identity, "dev-2");
    assert_int_equal(psk_row_key(&read.rows[0], first), PSK_MADE_KEY_SIZE);
    assert_int_equal(psk_row_key(&read.rows[1], second), PSK_MADE_KEY_SIZE);
    assert_memory_not_equal(first, second, PSK_MADE_KEY_SIZE);
    psk_file_free(&read);
    assert_int_equal(remove(file), 0);
    assert_int_equal(remove(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_with_and_without_a_head_blanks_and_a_last_newline),
        cmocka_unit_test(test_what_is_no_row_is_refused_by_its_line),
        cmocka_unit_test(test_an_endpoint_that_is_there_twice_is_refused_by_its_second_line),
        cmocka_unit_test(test_a_file_that_is_made_can_be_read_and_is_not_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
