/* test_coap_builder.c: writing messages: the shortest heads, the order, and running out of room. */
#include <kedge/coap.h>
#include <string.h>

#include "tests/unit/vectors.h"

static void assert_hex(const struct kedge_coap_builder *builder, const char *hex)
{
    struct kedge_slice written;
    assert_int_equal(kedge_coap_finish(builder, &written), KEDGE_OK);
    struct kedge_slice expected = vector_hex(hex);
    assert_true(kedge_slice_equal(written, expected));
    vector_free(expected);
}

static void a_registration_is_written_byte_for_byte(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct kedge_coap_builder builder;
    kedge_coap_begin(&builder, bytes, sizeof bytes, KEDGE_COAP_CON, KEDGE_COAP_POST, 0x1234,
                     kedge_slice("\xaa\xbb\xcc\xdd", 4));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "rd");
    kedge_coap_add_uint(&builder, KEDGE_COAP_CONTENT_FORMAT, 40);
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("ep=node-1"));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("lt=30"));
    kedge_coap_add_payload(&builder, kedge_slice_text("</5>"));
    assert_hex(&builder, "44021234aabbccddb272641128"
                         "3965703d6e6f64652d31056c743d3330ff3c2f353e");
}

static void an_empty_payload_writes_no_marker(void **state)
{
    (void)state;
    uint8_t bytes[8];
    struct kedge_coap_builder builder;
    kedge_coap_begin(&builder, bytes, sizeof bytes, KEDGE_COAP_ACK, KEDGE_COAP_EMPTY, 7,
                     kedge_slice(NULL, 0));
    kedge_coap_add_payload(&builder, kedge_slice(NULL, 0));
    assert_hex(&builder, "60000007");
}

/* RFC 7252 section 3.2: integers without leading zeros, zero without a byte. */
static void numbers_are_as_short_as_they_go(void **state)
{
    (void)state;
    const struct {
        uint32_t number;
        const char *hex;
    } cases[] = {{0, "4001000160"},
                 {1, "400100016101"},
                 {255, "4001000161ff"},
                 {256, "40010001620100"},
                 {0xFFFFFF, "4001000163ffffff"},
                 {UINT32_MAX, "4001000164ffffffff"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[16];
        struct kedge_coap_builder builder;
        kedge_coap_begin(&builder, bytes, sizeof bytes, KEDGE_COAP_CON, KEDGE_COAP_GET, 1,
                         kedge_slice(NULL, 0));
        kedge_coap_add_uint(&builder, KEDGE_COAP_OBSERVE, cases[i].number);
        assert_hex(&builder, cases[i].hex);
    }
}

static uint8_t room[70000];
static const uint8_t zeros[66000];

static void deltas_and_lengths_come_back_at_every_boundary(void **state)
{
    (void)state;
    const uint16_t numbers[] = {0, 12, 13, 268, 269, 270, 65535};
    const size_t sizes[] = {0, 12, 13, 268, 269, 270, 65535, 65804};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            struct kedge_coap_builder builder;
            kedge_coap_begin(&builder, room, sizeof room, KEDGE_COAP_CON, KEDGE_COAP_GET, 1,
                             kedge_slice(NULL, 0));
            kedge_coap_add_option(&builder, numbers[i], kedge_slice(zeros, sizes[k]));
            struct kedge_slice bytes;
            struct kedge_coap_message message;
            struct kedge_coap_option option;
            assert_int_equal(kedge_coap_finish(&builder, &bytes), KEDGE_OK);
            assert_int_equal(kedge_coap_parse(bytes, &message), KEDGE_OK);
            struct kedge_coap_options walk = kedge_coap_options(&message);
            assert_true(kedge_coap_option_next(&walk, &option));
            assert_int_equal(option.number, numbers[i]);
            assert_int_equal(option.value.size, sizes[k]);
            assert_false(kedge_coap_option_next(&walk, &option));
        }
    }
}

static enum kedge_rc finish(const struct kedge_coap_builder *builder)
{
    struct kedge_slice bytes;
    return kedge_coap_finish(builder, &bytes);
}

static void what_is_out_of_order_is_refused_at_the_end(void **state)
{
    (void)state;
    struct kedge_coap_builder builder;
    struct kedge_slice none = kedge_slice(NULL, 0);
    struct kedge_slice one = kedge_slice("1", 1);

    kedge_coap_begin(&builder, room, sizeof room, KEDGE_COAP_CON, KEDGE_COAP_GET, 1, none);
    kedge_coap_add_uint(&builder, KEDGE_COAP_URI_QUERY, 1);
    kedge_coap_add_uint(&builder, KEDGE_COAP_URI_PATH, 1);
    kedge_coap_add_payload(&builder, one);
    assert_int_equal(finish(&builder), KEDGE_E_ARGUMENT);

    kedge_coap_begin(&builder, room, sizeof room, KEDGE_COAP_CON, KEDGE_COAP_GET, 1, none);
    kedge_coap_add_payload(&builder, one);
    kedge_coap_add_option(&builder, 65535, none);
    assert_int_equal(finish(&builder), KEDGE_E_ARGUMENT);

    kedge_coap_begin(&builder, room, sizeof room, KEDGE_COAP_CON, KEDGE_COAP_GET, 1, none);
    kedge_coap_add_payload(&builder, one);
    kedge_coap_add_payload(&builder, one);
    assert_int_equal(finish(&builder), KEDGE_E_ARGUMENT);

    kedge_coap_begin(&builder, room, sizeof room, KEDGE_COAP_CON, KEDGE_COAP_GET, 1,
                     kedge_slice("123456789", 9));
    assert_int_equal(finish(&builder), KEDGE_E_ARGUMENT);

    kedge_coap_begin(&builder, room, sizeof room, KEDGE_COAP_CON, KEDGE_COAP_GET, 1, none);
    kedge_coap_add_option(&builder, 11, kedge_slice(zeros, 65805));
    assert_int_equal(finish(&builder), KEDGE_E_ARGUMENT);
}

static void a_message_that_does_not_fit_is_refused_at_every_size(void **state)
{
    (void)state;
    uint8_t bytes[32];
    for (size_t capacity = 0; capacity <= 24; capacity++) {
        memset(bytes, 0x5A, sizeof bytes);
        struct kedge_coap_builder builder;
        kedge_coap_begin(&builder, bytes, capacity, KEDGE_COAP_CON, KEDGE_COAP_GET, 1,
                         kedge_slice("tok", 3));
        kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "/5/0/3");
        kedge_coap_add_uint(&builder, KEDGE_COAP_ACCEPT, 11542);
        kedge_coap_add_payload(&builder, kedge_slice_text("abcdefg"));
        assert_int_equal(finish(&builder), capacity == 24 ? KEDGE_OK : KEDGE_E_BUFFER);
        assert_int_equal(bytes[capacity], 0x5A);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registration_is_written_byte_for_byte),
        cmocka_unit_test(an_empty_payload_writes_no_marker),
        cmocka_unit_test(numbers_are_as_short_as_they_go),
        cmocka_unit_test(deltas_and_lengths_come_back_at_every_boundary),
        cmocka_unit_test(what_is_out_of_order_is_refused_at_the_end),
        cmocka_unit_test(a_message_that_does_not_fit_is_refused_at_every_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
