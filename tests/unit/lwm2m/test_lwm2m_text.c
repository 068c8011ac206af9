/* test_lwm2m_text.c: values in plain text: one form for each value, and nothing else is taken. */
#include <inttypes.h>
#include <kedge/lwm2m.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum kedge_rc read_text(const char *text, enum kedge_lwm2m_type type,
                               struct kedge_lwm2m_value *value)
{
    return kedge_lwm2m_text_read(kedge_slice_text(text), type, NULL, value);
}

static void assert_writes(const struct kedge_lwm2m_value *value, const char *text)
{
    char buffer[512];
    struct kedge_writer out = kedge_writer(buffer, sizeof buffer - 1);
    assert_int_equal(kedge_lwm2m_text_write(value, &out), KEDGE_OK);
    buffer[out.size] = '\0';
    assert_string_equal(buffer, text);
}

static void integers_and_times_go_both_ways_up_to_their_ends(void **state)
{
    (void)state;
    const int64_t numbers[] = {0,          1,           -1,        9,         10,           -10,
                               1367491215, -2147483648, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char text[32];
        snprintf(text, sizeof text, "%" PRId64, numbers[i]);
        struct kedge_lwm2m_value value;
        assert_int_equal(read_text(text, KEDGE_LWM2M_INTEGER, &value), KEDGE_OK);
        assert_true(value.integer == numbers[i] && value.type == KEDGE_LWM2M_INTEGER);
        assert_writes(&value, text);
        assert_int_equal(read_text(text, KEDGE_LWM2M_TIME, &value), KEDGE_OK);
        assert_true(value.integer == numbers[i] && value.type == KEDGE_LWM2M_TIME);
        assert_writes(&value, text);
    }
    struct kedge_lwm2m_value value;
    assert_int_equal(read_text("18446744073709551615", KEDGE_LWM2M_UNSIGNED, &value), KEDGE_OK);
    assert_true(value.unsigned_integer == UINT64_MAX);
    assert_writes(&value, "18446744073709551615");
}

static void numbers_in_any_other_form_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {"",    " 1",  "1 ",  "+1", "--1", "01",  "-01", "-0",
                         "1.0", "0x1", "1e3", "-",  "a",   "1\n", "٣"};
    struct kedge_lwm2m_value value;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_text(bad[i], KEDGE_LWM2M_INTEGER, &value) != KEDGE_E_MALFORMED ||
            read_text(bad[i], KEDGE_LWM2M_UNSIGNED, &value) != KEDGE_E_MALFORMED)
            fail_msg("\"%s\"", bad[i]);
    }
    assert_int_equal(read_text("-1", KEDGE_LWM2M_UNSIGNED, &value), KEDGE_E_MALFORMED);
    assert_int_equal(read_text("9223372036854775808", KEDGE_LWM2M_INTEGER, &value), KEDGE_E_LIMIT);
    assert_int_equal(read_text("-9223372036854775809", KEDGE_LWM2M_INTEGER, &value), KEDGE_E_LIMIT);
    assert_int_equal(read_text("18446744073709551616", KEDGE_LWM2M_UNSIGNED, &value),
                     KEDGE_E_LIMIT);
}

static void booleans_are_one_digit(void **state)
{
    (void)state;
    struct kedge_lwm2m_value value;
    for (int digit = 0; digit < 2; digit++) {
        const char text[2] = {(char)('0' + digit), '\0'};
        assert_int_equal(read_text(text, KEDGE_LWM2M_BOOLEAN, &value), KEDGE_OK);
        assert_int_equal(value.integer, digit);
        assert_writes(&value, text);
    }
    const char *bad[] = {"", "2", "true", "00", "10", "-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(read_text(bad[i], KEDGE_LWM2M_BOOLEAN, &value), KEDGE_E_MALFORMED);
}

static void strings_are_utf8_without_nul_and_bounded(void **state)
{
    (void)state;
    struct kedge_lwm2m_value value;
    assert_int_equal(read_text("", KEDGE_LWM2M_STRING, &value), KEDGE_OK);
    assert_int_equal(value.bytes.size, 0);
    assert_int_equal(read_text("coap://[::1]/fw/ü", KEDGE_LWM2M_STRING, &value), KEDGE_OK);
    assert_writes(&value, "coap://[::1]/fw/ü");
    assert_int_equal(read_text("\xC3(", KEDGE_LWM2M_STRING, &value), KEDGE_E_MALFORMED);
    assert_int_equal(
        kedge_lwm2m_text_read(kedge_slice("1.2.0\0x", 7), KEDGE_LWM2M_STRING, NULL, &value),
        KEDGE_E_MALFORMED);
    char longest[KEDGE_LWM2M_STRING_MAX + 1];
    memset(longest, 'v', sizeof longest);
    assert_int_equal(kedge_lwm2m_text_read(kedge_slice(longest, sizeof longest - 1),
                                           KEDGE_LWM2M_STRING, NULL, &value),
                     KEDGE_OK);
    assert_int_equal(kedge_lwm2m_text_read(kedge_slice(longest, sizeof longest), KEDGE_LWM2M_STRING,
                                           NULL, &value),
                     KEDGE_E_LIMIT);
}

static void opaque_bytes_are_base64_in_the_callers_scratch(void **state)
{
    (void)state;
    uint8_t bytes[8];
    struct kedge_writer scratch = kedge_writer(bytes, sizeof bytes);
    struct kedge_lwm2m_value first;
    struct kedge_lwm2m_value second;
    assert_int_equal(
        kedge_lwm2m_text_read(kedge_slice_text("AP8="), KEDGE_LWM2M_OPAQUE, &scratch, &first),
        KEDGE_OK);
    assert_int_equal(
        kedge_lwm2m_text_read(kedge_slice_text("Zm9vYmFy"), KEDGE_LWM2M_OPAQUE, &scratch, &second),
        KEDGE_OK);
    assert_true(kedge_slice_equal(first.bytes, kedge_slice("\x00\xff", 2)));
    assert_true(kedge_slice_equal(second.bytes, kedge_slice_text("foobar")));
    assert_writes(&first, "AP8=");
    assert_writes(&second, "Zm9vYmFy");
    assert_int_equal(
        kedge_lwm2m_text_read(kedge_slice_text("AA=="), KEDGE_LWM2M_OPAQUE, &scratch, &first),
        KEDGE_E_BUFFER);
    assert_int_equal(
        kedge_lwm2m_text_read(kedge_slice_text("AA=="), KEDGE_LWM2M_OPAQUE, NULL, &first),
        KEDGE_E_BUFFER);
    assert_int_equal(
        kedge_lwm2m_text_read(kedge_slice_text("\\x00"), KEDGE_LWM2M_OPAQUE, &scratch, &first),
        KEDGE_E_MALFORMED);
}

static void a_text_that_does_not_fit_is_not_written_in_part(void **state)
{
    (void)state;
    char buffer[4];
    struct kedge_writer out = kedge_writer(buffer, sizeof buffer);
    const struct kedge_lwm2m_value values[] = {
        {.type = KEDGE_LWM2M_INTEGER, .integer = -1234},
        {.type = KEDGE_LWM2M_UNSIGNED, .unsigned_integer = 12345},
        {.type = KEDGE_LWM2M_STRING, .bytes = kedge_slice("12345", 5)},
        {.type = KEDGE_LWM2M_OPAQUE, .bytes = kedge_slice("1234", 4)},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_int_equal(kedge_lwm2m_text_write(&values[i], &out), KEDGE_E_BUFFER);
        assert_int_equal(out.size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_and_times_go_both_ways_up_to_their_ends),
        cmocka_unit_test(numbers_in_any_other_form_are_refused),
        cmocka_unit_test(booleans_are_one_digit),
        cmocka_unit_test(strings_are_utf8_without_nul_and_bounded),
        cmocka_unit_test(opaque_bytes_are_base64_in_the_callers_scratch),
        cmocka_unit_test(a_text_that_does_not_fit_is_not_written_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
