/* test_base_text.c: decimal numbers, Base64, UTF-8, and words by their figure. */
#include <kedge/base.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_byte_is_accepted_only_where_it_stands(void **state)
{
    (void)state;
    struct kedge_cursor cursor = kedge_cursor(kedge_slice_text("ab"));
    assert_false(kedge_cursor_accept(&cursor, 'b'));
    assert_true(kedge_cursor_accept(&cursor, 'a'));
    assert_true(kedge_cursor_accept(&cursor, 'b'));
    assert_false(kedge_cursor_accept(&cursor, 'b'));
    assert_int_equal(cursor.offset, 2);
}

static void decimals_are_read_up_to_their_limit_and_not_beyond(void **state)
{
    (void)state;
    const struct {
        const char *text;
        uint64_t max;
        enum kedge_rc rc;
        uint64_t number;
        size_t left;
    } cases[] = {
        {"0", 0, KEDGE_OK, 0, 0},
        {"1", 0, KEDGE_E_LIMIT, 0, 1},
        {"7x", 9, KEDGE_OK, 7, 1},
        {"0x", 9, KEDGE_OK, 0, 1},
        {"10", 9, KEDGE_E_LIMIT, 0, 2},
        {"65534", 65534, KEDGE_OK, 65534, 0},
        {"65535", 65534, KEDGE_E_LIMIT, 0, 5},
        {"18446744073709551615", UINT64_MAX, KEDGE_OK, UINT64_MAX, 0},
        {"18446744073709551616", UINT64_MAX, KEDGE_E_LIMIT, 0, 20},
        {"184467440737095516150", UINT64_MAX, KEDGE_E_LIMIT, 0, 21},
        {"", 9, KEDGE_E_MALFORMED, 0, 0},
        {"x", 9, KEDGE_E_MALFORMED, 0, 1},
        {"-1", 9, KEDGE_E_MALFORMED, 0, 2},
        {"01", 9, KEDGE_E_MALFORMED, 0, 2},
        {"00", 9, KEDGE_E_MALFORMED, 0, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_cursor cursor = kedge_cursor(kedge_slice_text(cases[i].text));
        uint64_t number = 0;
        if (kedge_cursor_decimal(&cursor, cases[i].max, &number) != cases[i].rc)
            fail_msg("\"%s\"", cases[i].text);
        assert_true(number == cases[i].number);
        assert_int_equal(kedge_cursor_left(&cursor), cases[i].left);
    }
}

static void decimals_are_written(void **state)
{
    (void)state;
    char text[64];
    struct kedge_writer out = kedge_writer(text, 24);
    assert_int_equal(kedge_writer_decimal(&out, 0), KEDGE_OK);
    assert_int_equal(kedge_writer_decimal(&out, 10), KEDGE_OK);
    assert_int_equal(kedge_writer_decimal(&out, UINT64_MAX), KEDGE_OK);
    assert_true(
        kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text("01018446744073709551615")));
    assert_int_equal(kedge_writer_decimal(&out, 12), KEDGE_E_BUFFER);
    assert_int_equal(out.size, 23);
}

/* RFC 4648 section 10. */
static void base64_has_its_published_values(void **state)
{
    (void)state;
    const char *plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    const char *coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        uint8_t bytes[16];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_base64_encode(kedge_slice_text(plain[i]), &out), KEDGE_OK);
        assert_true(kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text(coded[i])));
        out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_base64_decode(kedge_slice_text(coded[i]), &out), KEDGE_OK);
        assert_true(kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text(plain[i])));
    }
}

static void base64_of_every_byte_goes_both_ways(void **state)
{
    (void)state;
    uint8_t all[256];
    uint8_t text[344];
    uint8_t back[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    for (size_t size = 250; size <= sizeof all; size++) {
        struct kedge_writer coded = kedge_writer(text, sizeof text);
        struct kedge_writer plain = kedge_writer(back, sizeof back);
        assert_int_equal(kedge_base64_encode(kedge_slice(all, size), &coded), KEDGE_OK);
        assert_int_equal(kedge_base64_decode(kedge_writer_slice(&coded), &plain), KEDGE_OK);
        assert_true(kedge_slice_equal(kedge_writer_slice(&plain), kedge_slice(all, size)));
    }
}

static void base64_in_any_other_form_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    const char *bad[] = {"Z",         "Zg",   "Zg=",   "Zg===",    "Zh==",     "Zm9=",
                         "=Zg=",      "Z===", "====",  "Zg==Zg==", "Zm8=Zm8=", "Zm9v\n",
                         "Zm9v Zg==", "Zm-_", "Zm9\n", "Zg==\n",   "Zg=a",     "Zm9vZ==="};
    uint8_t bytes[32];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        if (kedge_base64_decode(kedge_slice_text(bad[i]), &out) != KEDGE_E_MALFORMED)
            fail_msg("\"%s\"", bad[i]);
        assert_int_equal(out.size, 0);
    }
    struct kedge_writer out = kedge_writer(bytes, 5);
    assert_int_equal(kedge_base64_decode(kedge_slice_text("Zm9vYmFy"), &out), KEDGE_E_BUFFER);
    assert_int_equal(kedge_base64_encode(kedge_slice_text("foob"), &out), KEDGE_E_BUFFER);
    assert_int_equal(out.size, 0);
}

static void base64_for_urls_has_its_alphabet_and_no_padding(void **state)
{
    (void)state;
    const char *plain[] = {"", "f", "fo", "foo", "\xFB\xFF\xFE", "\xFB\xEF"};
    const char *coded[] = {"", "Zg", "Zm8", "Zm9v", "-__-", "--8"};
    const char *bad[] = {"Zg==", "Zg=", "Z", "+//+", "Zh", "Zm9", "Zm 8", "Zm9v\n"};
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_base64url_encode(kedge_slice_text(plain[i]), &out), KEDGE_OK);
        assert_true(kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text(coded[i])));
        out = kedge_writer(bytes, sizeof bytes);
        assert_int_equal(kedge_base64url_decode(kedge_slice_text(coded[i]), &out), KEDGE_OK);
        assert_true(kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text(plain[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        if (kedge_base64url_decode(kedge_slice_text(bad[i]), &out) != KEDGE_E_MALFORMED)
            fail_msg("\"%s\"", bad[i]);
        assert_int_equal(out.size, 0);
    }
}

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
    (void)state;
    const char *good[] = {"",
                          "a",
                          "\x7F",
                          "\xC2\x80",
                          "\xDF\xBF",
                          "\xE0\xA0\x80",
                          "\xED\x9F\xBF",
                          "\xEE\x80\x80",
                          "\xEF\xBF\xBF",
                          "\xF0\x90\x80\x80",
                          "\xF4\x8F\xBF\xBF"};
    const char *bad[] = {"\x80",
                         "\xBF",
                         "\xC0\x80",
                         "\xC1\xBF",
                         "\xC2",
                         "\xC2\x41",
                         "\xE0\x9F\xBF",
                         "\xE2\x82",
                         "\xED\xA0\x80",
                         "\xED\xBF\xBF",
                         "\xF0\x8F\xBF\xBF",
                         "\xF4\x90\x80\x80",
                         "\xF5\x80\x80\x80",
                         "\xF0\x90\x80",
                         "\xFF",
                         "a\xC2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(kedge_utf8_valid(kedge_slice_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (kedge_utf8_valid(kedge_slice_text(bad[i])))
            fail_msg("case %zu", i);
    assert_true(kedge_utf8_valid(kedge_slice(NULL, 0)));
}

static void what_steers_a_terminal_or_a_log_is_not_printable(void **state)
{
    (void)state;
    const char *good[] = {"", "a b~", "\xC2\xA0", "g\xC3\xA9 \xE6\x97\xA5", "\xF0\x9F\x9A\xA2"};
    const char *bad[] = {"a\nb",
                         "\x1B[2J",
                         "\x7F",
                         "\xC2\x80",
                         ("\xC2\x9B"
                          "31m"),
                         "\xC2\x9F",
                         "\xE2\x80\xA8",
                         "\xE2\x80\xA9",
                         "\xE2\x80\xAA",
                         "\xE2\x80\xAE",
                         "\xE2\x81\xA6",
                         "\xE2\x81\xA9",
                         "a\xFF",
                         "\xC2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(kedge_utf8_printable(kedge_slice_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (kedge_utf8_printable(kedge_slice_text(bad[i])))
            fail_msg("case %zu", i);
    assert_false(kedge_utf8_printable(kedge_slice("a\0b", 3)));
}

static void what_is_shown_of_a_text_is_printable_and_fits(void **state)
{
    (void)state;
    char out[8];
    kedge_printable(kedge_slice_text("a\x1b[2J\nb and more"), out, sizeof out);
    assert_string_equal(out, "a?[2J?b");
    kedge_printable(kedge_slice_text("\xC2\x9B\xC2\xA0\xC3\x9B\xFF\xE2\x80\xAE"), out, sizeof out);
    assert_string_equal(out, "?\xC2\xA0\xC3\x9B??");
    kedge_printable(kedge_slice_text("abcdef\xC3\xA9"), out, sizeof out);
    assert_string_equal(out, "abcdef"); /* no half of a character */
    kedge_printable(kedge_slice(NULL, 0), out, sizeof out);
    assert_string_equal(out, "");
    kedge_printable(kedge_slice_text("a"), out, 1);
    assert_string_equal(out, "");

    char line[] = "x\xC2\x85y\tz";
    kedge_printable(kedge_slice_text(line), line, sizeof line);
    assert_string_equal(line, "x?y?z");
}

static void words_go_by_the_figure_before_them(void **state)
{
    (void)state;
    assert_string_equal(kedge_by_count(0, "device is", "devices are"), "devices are");
    assert_string_equal(kedge_by_count(1, "device is", "devices are"), "device is");
    assert_string_equal(kedge_by_count(2, "device is", "devices are"), "devices are");
    assert_string_equal(kedge_by_count(UINT64_MAX, "entry", "entries"), "entries");
    assert_string_equal(kedge_by_count((uint64_t)UINT32_MAX + 2, "entry", "entries"), "entries");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_is_accepted_only_where_it_stands),
        cmocka_unit_test(decimals_are_read_up_to_their_limit_and_not_beyond),
        cmocka_unit_test(decimals_are_written),
        cmocka_unit_test(base64_has_its_published_values),
        cmocka_unit_test(base64_of_every_byte_goes_both_ways),
        cmocka_unit_test(base64_in_any_other_form_is_refused_and_writes_nothing),
        cmocka_unit_test(base64_for_urls_has_its_alphabet_and_no_padding),
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
        cmocka_unit_test(what_steers_a_terminal_or_a_log_is_not_printable),
        cmocka_unit_test(what_is_shown_of_a_text_is_printable_and_fits),
        cmocka_unit_test(words_go_by_the_figure_before_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
