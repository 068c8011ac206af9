/* test_cbor.c: the strict reader and the canonical writer, against RFC 8949 appendix A and bad
 * input. */
#include <jansson.h>
#include <kedge/cbor.h>
#include <string.h>

#include "tests/unit/vectors.h"

/* Reads one item and writes it again. */
static enum kedge_rc copy_item(struct kedge_cursor *cursor, struct kedge_writer *out,
                               unsigned depth)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_next(cursor, &item));
    KEDGE_TRY(kedge_cbor_write_item(out, &item));
    uint64_t items = item.type == KEDGE_CBOR_ARRAY ? item.value
                     : item.type == KEDGE_CBOR_MAP ? 2 * item.value
                     : item.type == KEDGE_CBOR_TAG ? 1
                                                   : 0;
    assert_true(depth <= KEDGE_CBOR_DEPTH_MAX);
    for (uint64_t i = 0; i < items; i++)
        KEDGE_TRY(copy_item(cursor, out, depth + 1));
    return KEDGE_OK;
}

static bool round_trips(struct kedge_slice bytes)
{
    uint8_t buffer[1024];
    struct kedge_writer out = kedge_writer(buffer, sizeof buffer);
    struct kedge_cursor cursor = kedge_cursor(bytes);
    if (kedge_cbor_check(bytes) != KEDGE_OK)
        return false;
    assert_int_equal(copy_item(&cursor, &out, 0), KEDGE_OK);
    assert_int_equal(kedge_cbor_end(&cursor), KEDGE_OK);
    return kedge_slice_equal(kedge_writer_slice(&out), bytes);
}

/* Whether the profile admits a case of appendix A: judged by its bytes, not by our reader. */
static bool admitted(const char *hex)
{
    /* Floats and simple values but false, true and null; indefinite lengths, however deep. */
    static const char *const refused[] = {"f9", "fa", "fb", "f7", "f0",
                                          "f8", "5f", "7f", "9f", "bf"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strncmp(hex, refused[i], 2) == 0)
            return false;
    static const char *const inside[] = {"c1fb", "83018202039f0405ff", "83019f0203ff820405",
                                         "826161bf61626163ff"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        if (strncmp(hex, inside[i], strlen(inside[i])) == 0)
            return false;
    return true;
}

static void every_admitted_case_of_appendix_a_round_trips_and_every_other_is_refused(void **state)
{
    (void)state;
    struct kedge_slice file = vector_read("cbor/appendix_a.json");
    json_t *cases = json_loadb((const char *)file.data, file.size,
                               JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    assert_non_null(cases);
    size_t good = 0;
    size_t bad = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const char *hex = json_string_value(json_object_get(json_array_get(cases, i), "hex"));
        struct kedge_slice bytes = vector_hex(hex);
        if (round_trips(bytes) != admitted(hex))
            fail_msg("%s: %s", hex, admitted(hex) ? "refused" : "accepted");
        admitted(hex) ? good++ : bad++;
        vector_free(bytes);
    }
    assert_int_equal(good + bad, json_array_size(cases));
    assert_true(good >= 40 && bad >= 25);
    json_decref(cases);
    vector_free(file);
}

/* ---- any well-formed CBOR ---- */

/* Reads one item whole, however it is encoded; a float goes to *number. */
static enum kedge_rc skip_loose(struct kedge_cursor *cursor, double *number)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_next_loose(cursor, &item));
    if (item.type == KEDGE_CBOR_BREAK)
        return KEDGE_E_NOT_FOUND;
    if (item.type == KEDGE_CBOR_FLOAT)
        *number = item.number;
    enum kedge_rc rc = KEDGE_OK;
    while (item.indefinite && rc == KEDGE_OK)
        rc = skip_loose(cursor, number);
    if (item.indefinite)
        return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
    uint64_t items = item.type == KEDGE_CBOR_ARRAY ? item.value
                     : item.type == KEDGE_CBOR_MAP ? 2 * item.value
                     : item.type == KEDGE_CBOR_TAG ? 1
                                                   : 0;
    for (uint64_t i = 0; i < items; i++)
        KEDGE_TRY(skip_loose(cursor, number));
    return KEDGE_OK;
}

/* Simple values but false, true and null are not: judged by the bytes. */
static bool loosely_admitted(const char *hex)
{
    static const char *const refused[] = {"f7", "f0", "f8"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strncmp(hex, refused[i], 2) == 0)
            return false;
    return true;
}

static void appendix_a_is_read_loosely_with_its_floats(void **state)
{
    (void)state;
    struct kedge_slice file = vector_read("cbor/appendix_a.json");
    json_t *cases = json_loadb((const char *)file.data, file.size,
                               JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    assert_non_null(cases);
    size_t floats = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        json_t *one = json_array_get(cases, i);
        const char *hex = json_string_value(json_object_get(one, "hex"));
        const json_t *decoded = json_object_get(one, "decoded");
        struct kedge_slice bytes = vector_hex(hex);
        struct kedge_cursor cursor = kedge_cursor(bytes);
        double number = 0;
        enum kedge_rc rc = skip_loose(&cursor, &number);
        bool whole = rc == KEDGE_OK && kedge_cursor_left(&cursor) == 0;
        if (whole != loosely_admitted(hex))
            fail_msg("%s: %s", hex, kedge_rc_name(rc));
        if (hex[0] == 'f' && (hex[1] == '9' || hex[1] == 'a' || hex[1] == 'b') &&
            json_is_real(decoded)) {
            double expected = json_real_value(decoded);
            assert_memory_equal(&number, &expected, sizeof number);
            floats++;
        }
        vector_free(bytes);
    }
    assert_true(floats >= 10);
    json_decref(cases);
    vector_free(file);
}

static void strings_are_read_chunk_by_chunk(void **state)
{
    (void)state;
    /* (_ "a", "", "bc"), where the text of the second one is as long as it likes; then 5 */
    static const char bytes[] = "\x7F\x61"
                                "a\x78\x00\x62"
                                "bc\xFF\x05";
    static const char *const chunks[] = {"a", "", "bc"};
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(bytes, sizeof bytes - 1));
    struct kedge_cbor_item item;
    struct kedge_slice chunk;
    assert_int_equal(kedge_cbor_next_loose(&cursor, &item), KEDGE_OK);
    assert_true(item.type == KEDGE_CBOR_TSTR && item.indefinite && item.bytes.size == 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(kedge_cbor_next_chunk(&cursor, item.type, &chunk), KEDGE_OK);
        assert_true(kedge_slice_equal(chunk, kedge_slice_text(chunks[i])));
    }
    assert_int_equal(kedge_cbor_next_chunk(&cursor, item.type, &chunk), KEDGE_E_NOT_FOUND);
    assert_int_equal(kedge_cbor_next_loose(&cursor, &item), KEDGE_OK);
    assert_int_equal(item.value, 5);
    assert_int_equal(kedge_cbor_next_chunk(&cursor, KEDGE_CBOR_TSTR, &chunk), KEDGE_E_TRUNCATED);
}

static void what_is_no_chunk_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum kedge_rc rc;
    } bad[] = {{"\x41x", 2, KEDGE_E_MALFORMED},         /* bytes among text */
               {"\x05", 1, KEDGE_E_MALFORMED},          /* no string */
               {"\x7F\x61x\xFF", 4, KEDGE_E_MALFORMED}, /* chunks in a chunk */
               {"\x63xy", 3, KEDGE_E_TRUNCATED}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_cursor cursor = kedge_cursor(kedge_slice(bad[i].bytes, bad[i].size));
        struct kedge_slice chunk;
        assert_int_equal(kedge_cbor_next_chunk(&cursor, KEDGE_CBOR_TSTR, &chunk), bad[i].rc);
        assert_int_equal(cursor.offset, 0);
    }
}

static void longer_than_needed_heads_are_read_loosely_and_refused_strictly(void **state)
{
    (void)state;
    const char *heads[] = {"1805", "190005", "1a00000005", "1b0000000000000005"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct kedge_slice bytes = vector_hex(heads[i]);
        struct kedge_cursor cursor = kedge_cursor(bytes);
        struct kedge_cbor_item item;
        assert_int_equal(kedge_cbor_next(&cursor, &item), KEDGE_E_NOT_CANONICAL);
        assert_int_equal(cursor.offset, 0);
        assert_int_equal(kedge_cbor_next_loose(&cursor, &item), KEDGE_OK);
        assert_int_equal(item.value, 5);
        assert_int_equal(cursor.offset, bytes.size);
        vector_free(bytes);
    }
}

static void what_is_not_well_formed_is_refused_loosely_too(void **state)
{
    (void)state;
    const struct {
        const char *hex;
        enum kedge_rc rc;
    } bad[] = {
        {"1c", KEDGE_E_MALFORMED},   {"1f", KEDGE_E_MALFORMED},     {"3f", KEDGE_E_MALFORMED},
        {"df00", KEDGE_E_MALFORMED}, {"42ff", KEDGE_E_TRUNCATED},   {"62c328", KEDGE_E_MALFORMED},
        {"fc", KEDGE_E_UNSUPPORTED}, {"fa0000", KEDGE_E_TRUNCATED}, {"19ff", KEDGE_E_TRUNCATED}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_slice bytes = vector_hex(bad[i].hex);
        struct kedge_cursor cursor = kedge_cursor(bytes);
        struct kedge_cbor_item item;
        if (kedge_cbor_next_loose(&cursor, &item) != bad[i].rc)
            fail_msg("%s", bad[i].hex);
        assert_int_equal(cursor.offset, 0);
        vector_free(bytes);
    }
}

static void floats_are_written_as_short_as_they_come_back(void **state)
{
    (void)state;
    const struct {
        double number;
        const char *hex;
    } rows[] = {{1.5, "fa3fc00000"},
                {1.1, "fb3ff199999999999a"},
                {-4.1, "fbc010666666666666"},
                {3.4028234663852886e+38, "fa7f7fffff"},
                {1.0e+300, "fb7e37e43c8800759c"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t buffer[16];
        char hex[33];
        struct kedge_writer out = kedge_writer(buffer, sizeof buffer);
        assert_int_equal(kedge_cbor_write_float(&out, rows[i].number), KEDGE_OK);
        kedge_hex_encode(kedge_writer_slice(&out), hex);
        assert_string_equal(hex, rows[i].hex);
        out = kedge_writer(buffer, out.size - 1);
        assert_int_equal(kedge_cbor_write_float(&out, rows[i].number), KEDGE_E_BUFFER);
        assert_int_equal(out.size, 0);
    }
}

static void what_the_profile_admits_round_trips(void **state)
{
    (void)state;
    const char *good[] = {"00",
                          "17",
                          "1818",
                          "190100",
                          "1a00010000",
                          "1b0000000100000000",
                          "1bffffffffffffffff",
                          "20",
                          "3903e7",
                          "3bffffffffffffffff",
                          "40",
                          "4401020304",
                          "60",
                          "62c3bc",
                          "64f0908591",
                          "80",
                          "83010203",
                          "a0",
                          "a201020304",
                          "a26161016162820203",
                          "c074323031332d30332d32315432303a30343a30305a",
                          "d818456449455446",
                          "f4",
                          "f5",
                          "f6",
                          "a3012003406000"};
    for (size_t i = 0; i < sizeof good / sizeof good[0] - 1; i++) {
        struct kedge_slice bytes = vector_hex(good[i]);
        if (!round_trips(bytes))
            fail_msg("%s was refused", good[i]);
        vector_free(bytes);
    }
}

static void
what_is_not_canonical_or_outside_the_profile_is_refused_with_its_own_result(void **state)
{
    (void)state;
    const struct {
        const char *hex;
        enum kedge_rc rc;
    } bad[] = {
        {"1817", KEDGE_E_NOT_CANONICAL},
        {"1900ff", KEDGE_E_NOT_CANONICAL},
        {"1a0000ffff", KEDGE_E_NOT_CANONICAL},
        {"1b00000000ffffffff", KEDGE_E_NOT_CANONICAL},
        {"5800", KEDGE_E_NOT_CANONICAL},
        {"9f00ff", KEDGE_E_NOT_CANONICAL},
        {"5f4100ff", KEDGE_E_NOT_CANONICAL},
        {"bf6161f5ff", KEDGE_E_NOT_CANONICAL},
        {"1c", KEDGE_E_MALFORMED},
        {"3e", KEDGE_E_MALFORMED},
        {"f93c00", KEDGE_E_UNSUPPORTED},
        {"fa47c35000", KEDGE_E_UNSUPPORTED},
        {"fb3ff199999999999a", KEDGE_E_UNSUPPORTED},
        {"f7", KEDGE_E_UNSUPPORTED},
        {"f0", KEDGE_E_UNSUPPORTED},
        {"f8ff", KEDGE_E_UNSUPPORTED},
        {"ff", KEDGE_E_UNSUPPORTED},
        {"a202010102", KEDGE_E_NOT_CANONICAL},
        {"a201010102", KEDGE_E_NOT_CANONICAL},
        {"a2616201616101", KEDGE_E_NOT_CANONICAL},
        {"a2626161016162", KEDGE_E_NOT_CANONICAL},
        {"62c328", KEDGE_E_MALFORMED},
        {"62c080", KEDGE_E_MALFORMED},
        {"63eda080", KEDGE_E_MALFORMED},
        {"64f4908080", KEDGE_E_MALFORMED},
        {"61ff", KEDGE_E_MALFORMED},
        {"0000", KEDGE_E_TRAILING},
        {"8001", KEDGE_E_TRAILING},
        {"", KEDGE_E_TRUNCATED},
        {"18", KEDGE_E_TRUNCATED},
        {"4401", KEDGE_E_TRUNCATED},
        {"83", KEDGE_E_TRUNCATED},
        {"9a10000000", KEDGE_E_TRUNCATED},
        {"5bffffffffffffffff", KEDGE_E_TRUNCATED},
        {"bb7fffffffffffffff", KEDGE_E_TRUNCATED},
        {"c1", KEDGE_E_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_slice bytes = vector_hex(bad[i].hex);
        enum kedge_rc rc = kedge_cbor_check(bytes);
        if (rc != bad[i].rc)
            fail_msg("%s: %s", bad[i].hex, kedge_rc_name(rc));
        vector_free(bytes);
    }
}

static void nesting_ends_at_its_limit(void **state)
{
    (void)state;
    uint8_t deep[64];
    memset(deep, 0x81, sizeof deep);
    deep[KEDGE_CBOR_DEPTH_MAX] = 0x00;
    assert_int_equal(kedge_cbor_check(kedge_slice(deep, KEDGE_CBOR_DEPTH_MAX + 1)), KEDGE_OK);
    deep[KEDGE_CBOR_DEPTH_MAX] = 0x81;
    deep[KEDGE_CBOR_DEPTH_MAX + 1] = 0x00;
    assert_int_equal(kedge_cbor_check(kedge_slice(deep, KEDGE_CBOR_DEPTH_MAX + 2)), KEDGE_E_LIMIT);
    memset(deep, 0xC1, sizeof deep);
    assert_int_equal(kedge_cbor_check(kedge_slice(deep, sizeof deep)), KEDGE_E_LIMIT);
}

static void typed_readers_refuse_another_type_and_move_nothing(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x61, 'x'};
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(bytes, sizeof bytes));
    uint64_t number;
    int64_t integer;
    bool flag;
    size_t count;
    struct kedge_slice slice;
    struct kedge_cbor_map map;
    assert_int_equal(kedge_cbor_uint(&cursor, &number), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_int(&cursor, &integer), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_bool(&cursor, &flag), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_null(&cursor), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_bstr(&cursor, &slice), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_array(&cursor, &count), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_map(&cursor, &map), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_tag(&cursor, &number), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_bstr_head(&cursor, &number), KEDGE_E_TYPE);
    assert_int_equal(kedge_cbor_tstr(&cursor, &slice), KEDGE_OK);
    assert_int_equal(slice.size, 1);
}

/* Each item takes a byte: nobody has to believe in more of them than bytes follow. */
static void counts_beyond_the_bytes_that_follow_are_refused_at_the_head(void **state)
{
    (void)state;
    const char *texts[] = {"8400000000", "9b000000010000000000", "a200000000",
                           "bb000000010000000000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kedge_slice whole = vector_hex(texts[i]);
        struct kedge_slice bytes = kedge_slice(whole.data, whole.size - 1);
        struct kedge_cursor cursor = kedge_cursor(bytes);
        struct kedge_cbor_map map;
        size_t count;
        assert_int_equal(i < 2 ? kedge_cbor_array(&cursor, &count) : kedge_cbor_map(&cursor, &map),
                         KEDGE_E_TRUNCATED);
        assert_int_equal(cursor.offset, 0);
        assert_int_equal(kedge_cbor_check(bytes), KEDGE_E_TRUNCATED);
        vector_free(whole);
    }
}

static void keys_that_are_no_number_and_no_text_are_refused(void **state)
{
    (void)state;
    const char *texts[] = {"a1410000", "a18000", "a1f500", "a1c00000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kedge_slice bytes = vector_hex(texts[i]);
        struct kedge_cursor cursor = kedge_cursor(bytes);
        struct kedge_cbor_map map;
        struct kedge_cbor_item key;
        assert_int_equal(kedge_cbor_map(&cursor, &map), KEDGE_OK);
        assert_int_equal(kedge_cbor_map_key(&cursor, &map, &key), KEDGE_E_TYPE);
        assert_int_equal(cursor.offset, 1);
        vector_free(bytes);
    }
}

static void both_booleans_are_read(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xF4, 0xF5};
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(bytes, sizeof bytes));
    bool flag = true;
    assert_int_equal(kedge_cbor_bool(&cursor, &flag), KEDGE_OK);
    assert_false(flag);
    assert_int_equal(kedge_cbor_bool(&cursor, &flag), KEDGE_OK);
    assert_true(flag);
    assert_int_equal(kedge_cbor_bool(&cursor, &flag), KEDGE_E_TRUNCATED);
}

static void integers_beyond_64_signed_bits_are_a_limit_not_a_wrong_number(void **state)
{
    (void)state;
    const char *texts[] = {"1b8000000000000000", "3b8000000000000000"};
    for (size_t i = 0; i < 2; i++) {
        struct kedge_slice bytes = vector_hex(texts[i]);
        struct kedge_cursor cursor = kedge_cursor(bytes);
        int64_t integer;
        assert_int_equal(kedge_cbor_int(&cursor, &integer), KEDGE_E_LIMIT);
        vector_free(bytes);
    }
    struct kedge_slice least = vector_hex("3b7fffffffffffffff");
    struct kedge_cursor cursor = kedge_cursor(least);
    int64_t integer;
    assert_int_equal(kedge_cbor_int(&cursor, &integer), KEDGE_OK);
    assert_true(integer == INT64_MIN);
    vector_free(least);
}

static void a_write_that_does_not_fit_writes_nothing(void **state)
{
    (void)state;
    uint8_t bytes[9];
    for (size_t capacity = 0; capacity < 9; capacity++) {
        struct kedge_writer out = kedge_writer(bytes, capacity);
        assert_int_equal(kedge_cbor_write_uint(&out, UINT64_MAX), KEDGE_E_BUFFER);
        assert_int_equal(out.size, 0);
        assert_int_equal(kedge_cbor_write_bstr(&out, kedge_slice("12345678", 9)), KEDGE_E_BUFFER);
        assert_int_equal(out.size, 0);
    }
}

static void a_map_walk_ends_after_its_pairs(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xA1, 0x01, 0x02};
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(bytes, sizeof bytes));
    struct kedge_cbor_map map;
    struct kedge_cbor_item key;
    uint64_t value;
    assert_int_equal(kedge_cbor_map(&cursor, &map), KEDGE_OK);
    assert_int_equal(kedge_cbor_map_key(&cursor, &map, &key), KEDGE_OK);
    assert_int_equal(kedge_cbor_uint(&cursor, &value), KEDGE_OK);
    assert_int_equal(kedge_cbor_map_key(&cursor, &map, &key), KEDGE_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_admitted_case_of_appendix_a_round_trips_and_every_other_is_refused),
        cmocka_unit_test(what_the_profile_admits_round_trips),
        cmocka_unit_test(
            what_is_not_canonical_or_outside_the_profile_is_refused_with_its_own_result),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(typed_readers_refuse_another_type_and_move_nothing),
        cmocka_unit_test(counts_beyond_the_bytes_that_follow_are_refused_at_the_head),
        cmocka_unit_test(keys_that_are_no_number_and_no_text_are_refused),
        cmocka_unit_test(both_booleans_are_read),
        cmocka_unit_test(integers_beyond_64_signed_bits_are_a_limit_not_a_wrong_number),
        cmocka_unit_test(a_write_that_does_not_fit_writes_nothing),
        cmocka_unit_test(a_map_walk_ends_after_its_pairs),
        cmocka_unit_test(appendix_a_is_read_loosely_with_its_floats),
        cmocka_unit_test(strings_are_read_chunk_by_chunk),
        cmocka_unit_test(what_is_no_chunk_is_refused),
        cmocka_unit_test(longer_than_needed_heads_are_read_loosely_and_refused_strictly),
        cmocka_unit_test(what_is_not_well_formed_is_refused_loosely_too),
        cmocka_unit_test(floats_are_written_as_short_as_they_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
