/* test_base.c: slices, cursors, writers, results, hex and CRC. */
#include <kedge/base.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_result_has_a_name_words_and_an_update_result(void **state)
{
    (void)state;
    for (int rc = 0; rc < KEDGE_RC_COUNT; rc++) {
        const char *name = kedge_rc_name((enum kedge_rc)rc);
        assert_true(strncmp(name, "KEDGE_", 6) == 0);
        assert_true(strlen(kedge_rc_text((enum kedge_rc)rc)) > 3);
        int result = kedge_rc_update_result((enum kedge_rc)rc);
        assert_true(result >= 0 && result <= 11);
        for (int other = 0; other < rc; other++)
            assert_string_not_equal(name, kedge_rc_name((enum kedge_rc)other));
    }
}

/* Design section 4: what a device reports for each kind of refusal. */
static void refusals_map_to_the_update_results_of_the_format(void **state)
{
    (void)state;
    const enum kedge_rc integrity[] = {KEDGE_E_SIGNATURE, KEDGE_E_DIGEST,
                                       KEDGE_E_FRAME,     KEDGE_E_TRUNCATED,
                                       KEDGE_E_TRAILING,  KEDGE_E_DEVELOPMENT_KEY};
    const enum kedge_rc unsupported[] = {KEDGE_E_VENDOR,  KEDGE_E_CLASS,    KEDGE_E_HARDWARE,
                                         KEDGE_E_COMMAND, KEDGE_E_SEQUENCE, KEDGE_E_VERSION};
    for (size_t i = 0; i < sizeof integrity / sizeof integrity[0]; i++)
        assert_int_equal(kedge_rc_update_result(integrity[i]), 5);
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        assert_int_equal(kedge_rc_update_result(unsupported[i]), 6);
    assert_int_equal(kedge_rc_update_result(KEDGE_E_SPACE), 2);
    assert_int_equal(kedge_rc_update_result(KEDGE_E_CONNECTION), 4);
    assert_int_equal(kedge_rc_update_result(KEDGE_E_URI), 7);
    assert_int_equal(kedge_rc_update_result(KEDGE_E_HEALTH), 8);
    assert_int_equal(kedge_rc_update_result(KEDGE_E_PROTOCOL), 9);
}

static void a_number_outside_the_table_is_named_too(void **state)
{
    (void)state;
    assert_non_null(kedge_rc_name((enum kedge_rc)9999));
    assert_non_null(kedge_rc_text((enum kedge_rc)9999));
}

static void a_cursor_reads_big_endian_and_stops_at_the_end(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(bytes, sizeof bytes));
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    assert_int_equal(kedge_cursor_u8(&cursor, &u8), KEDGE_OK);
    assert_int_equal(kedge_cursor_u16(&cursor, &u16), KEDGE_OK);
    assert_int_equal(kedge_cursor_u32(&cursor, &u32), KEDGE_OK);
    assert_int_equal(kedge_cursor_u64(&cursor, &u64), KEDGE_OK);
    assert_int_equal(u8, 0x01);
    assert_int_equal(u16, 0x0203);
    assert_int_equal(u32, 0x04050607);
    assert_true(u64 == UINT64_C(0x08090A0B0C0D0E0F));
    assert_int_equal(kedge_cursor_left(&cursor), 0);
    assert_int_equal(kedge_cursor_u8(&cursor, &u8), KEDGE_E_TRUNCATED);
}

static void a_failed_read_moves_nothing(void **state)
{
    (void)state;
    const uint8_t bytes[3] = {0};
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(bytes, sizeof bytes));
    uint32_t u32;
    struct kedge_slice taken;
    assert_int_equal(kedge_cursor_u32(&cursor, &u32), KEDGE_E_TRUNCATED);
    assert_int_equal(kedge_cursor_take(&cursor, 4, &taken), KEDGE_E_TRUNCATED);
    assert_int_equal(kedge_cursor_skip(&cursor, SIZE_MAX), KEDGE_E_TRUNCATED);
    assert_int_equal(kedge_cursor_left(&cursor), 3);
}

static void a_writer_writes_big_endian_and_never_past_its_capacity(void **state)
{
    (void)state;
    uint8_t bytes[16];
    memset(bytes, 0xAA, sizeof bytes);
    struct kedge_writer writer = kedge_writer(bytes, 15);
    assert_int_equal(kedge_writer_u8(&writer, 1), KEDGE_OK);
    assert_int_equal(kedge_writer_u16(&writer, 0x0203), KEDGE_OK);
    assert_int_equal(kedge_writer_u32(&writer, 0x04050607), KEDGE_OK);
    assert_int_equal(kedge_writer_u64(&writer, UINT64_C(0x08090A0B0C0D0E0F)), KEDGE_OK);
    for (uint8_t i = 0; i < 15; i++)
        assert_int_equal(bytes[i], i + 1);
    assert_int_equal(kedge_writer_u8(&writer, 99), KEDGE_E_BUFFER);
    assert_int_equal(bytes[15], 0xAA);
    assert_int_equal(kedge_writer_slice(&writer).size, 15);
}

static void hex_goes_both_ways_and_refuses_what_is_not_hex(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x7f, 0x80, 0xff};
    char text[9];
    uint8_t back[4];
    kedge_hex_encode(kedge_slice(bytes, 4), text);
    assert_string_equal(text, "007f80ff");
    assert_int_equal(kedge_hex_decode(kedge_slice_text("007F80fF"), back, 4), KEDGE_OK);
    assert_memory_equal(back, bytes, 4);
    const char *bad[] = {"007f80f", "007f80ff0", "007f80fg", "007f80 f", "", "00 7f80f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(kedge_hex_decode(kedge_slice_text(bad[i]), back, 4), KEDGE_E_MALFORMED);
}

static void the_crc_has_its_check_value_and_can_be_continued(void **state)
{
    (void)state;
    assert_int_equal(kedge_crc32(0, kedge_slice_text("123456789")), 0xCBF43926);
    uint32_t first = kedge_crc32(0, kedge_slice_text("1234"));
    assert_int_equal(kedge_crc32(first, kedge_slice_text("56789")), 0xCBF43926);
    assert_int_equal(kedge_crc32(0, kedge_slice(NULL, 0)), 0);
}

static void both_comparisons_see_every_difference(void **state)
{
    (void)state;
    uint8_t a[64] = {0};
    uint8_t b[64] = {0};
    assert_true(kedge_equal_constant_time(a, b, sizeof a));
    assert_true(kedge_slice_equal(kedge_slice(a, 64), kedge_slice(b, 64)));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 0x10;
        assert_false(kedge_equal_constant_time(a, b, sizeof a));
        assert_false(kedge_slice_equal(kedge_slice(a, 64), kedge_slice(b, 64)));
        b[i] = 0;
    }
    assert_false(kedge_slice_equal(kedge_slice(a, 63), kedge_slice(b, 64)));
    assert_true(kedge_slice_equal(kedge_slice(NULL, 0), kedge_slice(a, 0)));
}

static void wiping_leaves_zeros(void **state)
{
    (void)state;
    uint8_t secret[32];
    const uint8_t zeros[32] = {0};
    memset(secret, 7, sizeof secret);
    kedge_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zeros, sizeof zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_result_has_a_name_words_and_an_update_result),
        cmocka_unit_test(refusals_map_to_the_update_results_of_the_format),
        cmocka_unit_test(a_number_outside_the_table_is_named_too),
        cmocka_unit_test(a_cursor_reads_big_endian_and_stops_at_the_end),
        cmocka_unit_test(a_failed_read_moves_nothing),
        cmocka_unit_test(a_writer_writes_big_endian_and_never_past_its_capacity),
        cmocka_unit_test(hex_goes_both_ways_and_refuses_what_is_not_hex),
        cmocka_unit_test(the_crc_has_its_check_value_and_can_be_continued),
        cmocka_unit_test(both_comparisons_see_every_difference),
        cmocka_unit_test(wiping_leaves_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
