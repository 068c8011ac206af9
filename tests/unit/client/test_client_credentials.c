/* test_client_credentials.c: the pre-shared key's file, right and wrong. */
#include "agent/client/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_NAME "test-client-credentials.psk"

static struct kedge_credentials credentials;

static enum kedge_rc load(const char *identity, const char *content)
{
    FILE *file = fopen(FILE_NAME, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    enum kedge_rc rc = kedge_credentials_load(&credentials, identity, FILE_NAME);
    remove(FILE_NAME);
    return rc;
}

static void a_line_of_hex_is_the_key(void **state)
{
    (void)state;
    const char *const contents[] = {"00ffA1b2\n", "00ffA1b2", "00ffa1b2\r\n", "00FFA1B2 \t\n\n"};
    static const uint8_t key[] = {0x00, 0xFF, 0xA1, 0xB2};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        assert_int_equal(load("device-1", contents[i]), KEDGE_OK);
        assert_string_equal(credentials.identity, "device-1");
        assert_int_equal(credentials.key_size, sizeof key);
        assert_memory_equal(credentials.key, key, sizeof key);
    }
}

static void a_file_with_anything_else_is_no_key(void **state)
{
    (void)state;
    const char *const contents[] = {
        "", "\n", "0", "00f", "zz", "00 ff", "00ff\n00ff\n", "0x00ff", "00ff;", " 00ff", "id,00ff"};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        assert_int_equal(load("device-1", contents[i]), KEDGE_E_KEY);
        assert_int_equal(credentials.key_size, 0);
    }
}

static void the_key_has_a_largest_size(void **state)
{
    (void)state;
    char content[2 * KEDGE_PSK_KEY_MAX + 16];
    memset(content, 'a', sizeof content);
    content[2 * KEDGE_PSK_KEY_MAX] = '\0';
    assert_int_equal(load("device-1", content), KEDGE_OK);
    assert_int_equal(credentials.key_size, KEDGE_PSK_KEY_MAX);
    content[2 * KEDGE_PSK_KEY_MAX] = 'a';
    content[2 * KEDGE_PSK_KEY_MAX + 2] = '\0';
    assert_int_equal(load("device-1", content), KEDGE_E_KEY);
    content[2 * KEDGE_PSK_KEY_MAX + 2] = 'a';
    content[2 * KEDGE_PSK_KEY_MAX + 15] = '\0';
    assert_int_equal(load("device-1", content), KEDGE_E_KEY);
}

static void an_identity_there_must_be_and_not_too_long(void **state)
{
    (void)state;
    char identity[KEDGE_PSK_IDENTITY_MAX + 2];
    memset(identity, 'i', sizeof identity);
    identity[KEDGE_PSK_IDENTITY_MAX + 1] = '\0';
    assert_int_equal(load(identity, "00ff"), KEDGE_E_KEY);
    identity[KEDGE_PSK_IDENTITY_MAX] = '\0';
    assert_int_equal(load(identity, "00ff"), KEDGE_OK);
    assert_int_equal(load("", "00ff"), KEDGE_E_KEY);
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
    (void)state;
    assert_int_equal(kedge_credentials_load(&credentials, "device-1", "no-such-file"),
                     KEDGE_E_SYSTEM);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(kedge_credentials_load(&credentials, "device-1", "."), KEDGE_E_SYSTEM);
    assert_int_equal(errno, EISDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_hex_is_the_key),
        cmocka_unit_test(a_file_with_anything_else_is_no_key),
        cmocka_unit_test(the_key_has_a_largest_size),
        cmocka_unit_test(an_identity_there_must_be_and_not_too_long),
        cmocka_unit_test(a_file_that_cannot_be_read_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
