/* test_lwm2m_float.c: floats in decimal, against the C library's, which rounds correctly. */
#include "core/lwm2m/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static void require_read(const char *text)
{
    double number;
    if (kedge_lwm2m_float_read(kedge_slice_text(text), &number) != KEDGE_OK)
        fail_msg("\"%s\" is refused", text);
    if (bits_of(number) != bits_of(strtod(text, NULL)))
        fail_msg("\"%s\" is read as %.17g", text, number);
}

/* The least precision at which the C library's text reads back is how many digits ours may have. */
static void require_written(double number)
{
    uint8_t bytes[64];
    char text[65], other[64];
    int precision = 1;
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_lwm2m_float_write(number, &out), KEDGE_OK);
    memcpy(text, bytes, out.size);
    text[out.size] = '\0';
    if (bits_of(strtod(text, NULL)) != bits_of(number))
        fail_msg("%.17g is written as \"%s\"", number, text);
    do
        snprintf(other, sizeof other, "%.*e", precision - 1, number);
    while (bits_of(strtod(other, NULL)) != bits_of(number) && ++precision <= 17);
    size_t digits = 0, zeros = 0;
    for (const char *c = text; *c != '\0' && *c != 'e'; c++) {
        if (*c < '0' || *c > '9')
            continue;
        digits += digits > 0 || *c != '0';
        zeros = *c == '0' ? zeros + 1 : 0;
    }
    if (digits - (digits > zeros ? zeros : 0) > (size_t)precision)
        fail_msg("%.17g is written as \"%s\", %d digits are enough", number, text, precision);
    require_read(text);
}

static void known_numbers_are_read_as_the_nearest_double(void **state)
{
    (void)state;
    const char *texts[] = {"0",
                           "-0",
                           "1",
                           "-1.5",
                           "0.1",
                           "95.0",
                           "1e23",
                           "8.41e21",
                           "9007199254740993",
                           "9007199254740992.999999",
                           "123456789012345678901234567890",
                           "1e05",
                           "1E+2",
                           "2.2250738585072014e-308",
                           "2.2250738585072011e-308",
                           "4.9406564584124654e-324",
                           "2.4703282292062327e-324",
                           "2.4703282292062328e-324",
                           "1e-400",
                           "1.7976931348623157e308",
                           "1.7976931348623158e308",
                           "0.000000000000000000000000000000000000000000000000000123"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        require_read(texts[i]);
}

static void what_is_no_number_or_no_double_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum kedge_rc rc;
    } bad[] = {{"", KEDGE_E_MALFORMED},
               {"-", KEDGE_E_MALFORMED},
               {"+1", KEDGE_E_MALFORMED},
               {".5", KEDGE_E_MALFORMED},
               {"5.", KEDGE_E_MALFORMED},
               {"01", KEDGE_E_MALFORMED},
               {"1e", KEDGE_E_MALFORMED},
               {"1e+", KEDGE_E_MALFORMED},
               {"0x1", KEDGE_E_MALFORMED},
               {"nan", KEDGE_E_MALFORMED},
               {"inf", KEDGE_E_MALFORMED},
               {"1 ", KEDGE_E_MALFORMED},
               {"1e309", KEDGE_E_LIMIT},
               {"1.7976931348623159e308", KEDGE_E_LIMIT},
               {"1e99999999", KEDGE_E_LIMIT},
               {"12345678901234567890123456789012345678901", KEDGE_E_LIMIT}};
    double number;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (kedge_lwm2m_float_read(kedge_slice_text(bad[i].text), &number) != bad[i].rc)
            fail_msg("\"%s\"", bad[i].text);
}

static void random_doubles_come_back_from_the_fewest_digits(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (int i = 0; i < 300; i++) {
        double number = from_bits(next_random(&random));
        if (kedge_lwm2m_float_finite(number))
            require_written(number);
        require_written((double)(int64_t)(next_random(&random) >> (i % 60)) / 100);
    }
    require_written(5e-324);
    require_written(1.7976931348623157e308);
    require_written(1e22);
}

static void random_digits_are_read_as_the_nearest_double(void **state)
{
    (void)state;
    uint64_t random = 2;
    char text[64];
    for (int i = 0; i < 6000; i++) {
        uint64_t draw = next_random(&random);
        int exponent = (int)(draw % 680) - 360;
        snprintf(text, sizeof text, "%s%llu.%llue%d", draw & 1024 ? "-" : "",
                 (unsigned long long)(next_random(&random) >> (draw >> 58)),
                 (unsigned long long)(next_random(&random) >> 16), exponent);
        double number;
        enum kedge_rc rc = kedge_lwm2m_float_read(kedge_slice_text(text), &number);
        if (!kedge_lwm2m_float_finite(strtod(text, NULL)))
            assert_int_equal(rc, KEDGE_E_LIMIT);
        else
            require_read(text);
    }
}

static void people_read_them_easily(void **state)
{
    (void)state;
    const struct {
        double number;
        const char *text;
    } rows[] = {{0, "0"},
                {-0.0, "0"},
                {1, "1"},
                {-1.5, "-1.5"},
                {0.1, "0.1"},
                {0.00015, "0.00015"},
                {1e-7, "1e-7"},
                {1.25e-9, "1.25e-9"},
                {1e16, "10000000000000000"},
                {1e21, "1e21"},
                {123.456, "123.456"},
                {3800, "3800"},
                {6.02214076e23, "6.02214076e23"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[64];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_lwm2m_float_write(rows[i].number, &out), KEDGE_OK);
        if (!kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text(rows[i].text)))
            fail_msg("%s is written as %.*s", rows[i].text, (int)out.size, (char *)bytes);
    }
}

static void what_is_not_finite_is_not_written(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    const uint64_t bits[] = {0x7FF0000000000000u, 0xFFF0000000000000u, 0x7FF8000000000000u};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kedge_lwm2m_float_write(from_bits(bits[i]), &out), KEDGE_E_LIMIT);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_numbers_are_read_as_the_nearest_double),
        cmocka_unit_test(what_is_no_number_or_no_double_is_refused),
        cmocka_unit_test(random_doubles_come_back_from_the_fewest_digits),
        cmocka_unit_test(random_digits_are_read_as_the_nearest_double),
        cmocka_unit_test(people_read_them_easily),
        cmocka_unit_test(what_is_not_finite_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
