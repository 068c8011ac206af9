/* test_coap_message.c: taking datagrams apart, as RFC 7252 section 3 has it, and damaged ones. */
#include <kedge/coap.h>
#include <string.h>

#include "tests/unit/vectors.h"

static enum kedge_rc parse_hex(const char *hex, struct kedge_coap_message *message)
{
    static struct kedge_slice bytes; /* the message borrows it until the next call */
    vector_free(bytes);
    bytes = vector_hex(hex);
    return kedge_coap_parse(bytes, message);
}

/* RFC 7252 appendix A, figures 16 to 20: a request, an answer with a payload, with and without
 * token. */
static void the_examples_of_the_rfc_are_read(void **state)
{
    (void)state;
    struct kedge_coap_message message;
    struct kedge_slice segment;
    assert_int_equal(parse_hex("40017d34bb74656d7065726174757265", &message), KEDGE_OK);
    assert_int_equal(message.type, KEDGE_COAP_CON);
    assert_int_equal(message.code, KEDGE_COAP_GET);
    assert_int_equal(message.message_id, 0x7d34);
    assert_int_equal(message.token_size, 0);
    assert_true(kedge_coap_path_segment(&message, 0, &segment));
    assert_true(kedge_slice_equal(segment, kedge_slice_text("temperature")));
    assert_int_equal(message.payload.size, 0);

    assert_int_equal(parse_hex("60457d34ff32322e332043", &message), KEDGE_OK);
    assert_int_equal(message.type, KEDGE_COAP_ACK);
    assert_int_equal(message.code, KEDGE_COAP_CONTENT);
    assert_true(kedge_slice_equal(message.payload, kedge_slice_text("22.3 C")));

    assert_int_equal(parse_hex("41017d3520bb74656d7065726174757265", &message), KEDGE_OK);
    assert_int_equal(message.token_size, 1);
    assert_int_equal(message.token[0], 0x20);
    assert_int_equal(message.message_id, 0x7d35);

    assert_int_equal(parse_hex("61457d3520ff32322e332043", &message), KEDGE_OK);
    assert_int_equal(message.type, KEDGE_COAP_ACK);
    assert_int_equal(message.token[0], 0x20);

    assert_int_equal(parse_hex("60007d38", &message), KEDGE_OK);
    assert_int_equal(message.code, KEDGE_COAP_EMPTY);
}

static void every_type_and_every_token_size_is_read(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 4; type++) {
        for (unsigned size = 0; size < 16; size++) {
            uint8_t bytes[20] = {(uint8_t)(0x40u | type << 4 | size), 0x01, 0x12, 0x34};
            for (uint8_t i = 0; i < 16; i++)
                bytes[4 + i] = (uint8_t)(0x11u * i);
            struct kedge_coap_message message;
            enum kedge_rc rc = kedge_coap_parse(kedge_slice(bytes, 4 + size), &message);
            assert_int_equal(rc, size <= 8 ? KEDGE_OK : KEDGE_E_MALFORMED);
            assert_int_equal(message.type, type);
            assert_int_equal(message.message_id, 0x1234);
            if (rc != KEDGE_OK)
                continue;
            assert_int_equal(message.token_size, size);
            assert_memory_equal(message.token, bytes + 4, size);
        }
    }
}

static void format_errors_are_refused_with_their_result(void **state)
{
    (void)state;
    const struct {
        const char *hex;
        enum kedge_rc rc;
    } bad[] = {
        {"", KEDGE_E_TRUNCATED},
        {"40", KEDGE_E_TRUNCATED},
        {"400112", KEDGE_E_TRUNCATED},
        {"00011234", KEDGE_E_UNSUPPORTED},
        {"80011234", KEDGE_E_UNSUPPORTED},
        {"c0011234", KEDGE_E_UNSUPPORTED},
        {"49011234112233445566778899", KEDGE_E_MALFORMED},
        {"4f011234112233445566778899aabbccddeeff", KEDGE_E_MALFORMED},
        {"440112341122", KEDGE_E_TRUNCATED}, /* token */
        {"40011234ff", KEDGE_E_MALFORMED},   /* marker without payload */
        {"40011234f0", KEDGE_E_MALFORMED},   /* reserved delta 15 */
        {"400112340f", KEDGE_E_MALFORMED},   /* reserved length 15 */
        {"40011234b4aabbcc", KEDGE_E_TRUNCATED},
        {"40011234d0", KEDGE_E_TRUNCATED},   /* extended delta of one byte */
        {"40011234e000", KEDGE_E_TRUNCATED}, /* of two */
        {"400112340d", KEDGE_E_TRUNCATED},   /* extended length of one byte */
        {"400112340e00", KEDGE_E_TRUNCATED}, /* of two */
        {"40011234bdff", KEDGE_E_TRUNCATED},
        {"40011234e0ffff", KEDGE_E_MALFORMED},     /* option number 65804 */
        {"40011234e0fef2d000", KEDGE_E_MALFORMED}, /* 65535, then 13 more */
        {"4000123400", KEDGE_E_MALFORMED},         /* empty with an option */
        {"40001234ff00", KEDGE_E_MALFORMED},       /* empty with a payload */
        {"4100123411", KEDGE_E_MALFORMED},         /* empty with a token */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_coap_message message;
        enum kedge_rc rc = parse_hex(bad[i].hex, &message);
        if (rc != bad[i].rc)
            fail_msg("%s: %s", bad[i].hex, kedge_rc_name(rc));
    }
}

static void a_marker_inside_a_value_is_a_byte_of_the_value(void **state)
{
    (void)state;
    struct kedge_coap_message message;
    struct kedge_slice segment;
    assert_int_equal(parse_hex("40011234b3aabbff", &message), KEDGE_OK);
    assert_int_equal(message.payload.size, 0);
    assert_true(kedge_coap_path_segment(&message, 0, &segment));
    assert_true(kedge_slice_equal(segment, kedge_slice("\xaa\xbb\xff", 3)));
}

static void the_highest_option_number_is_read(void **state)
{
    (void)state;
    struct kedge_coap_message message;
    assert_int_equal(parse_hex("40011234e1fef2aa", &message), KEDGE_OK);
    struct kedge_coap_options walk = kedge_coap_options(&message);
    struct kedge_coap_option option;
    assert_true(kedge_coap_option_next(&walk, &option));
    assert_int_equal(option.number, 65535);
    assert_true(kedge_slice_equal(option.value, kedge_slice("\xaa", 1)));
    assert_false(kedge_coap_option_next(&walk, &option));
}

static void a_broken_message_still_says_whom_to_reset(void **state)
{
    (void)state;
    struct kedge_coap_message message;
    assert_int_equal(parse_hex("50011234ff", &message), KEDGE_E_MALFORMED);
    assert_int_equal(message.type, KEDGE_COAP_NON);
    assert_int_equal(message.message_id, 0x1234);
    assert_int_equal(parse_hex("4401abcd1122", &message), KEDGE_E_TRUNCATED);
    assert_int_equal(message.type, KEDGE_COAP_CON);
    assert_int_equal(message.message_id, 0xabcd);
}

static void options_are_counted(void **state)
{
    (void)state;
    uint8_t bytes[4 + KEDGE_COAP_OPTIONS_MAX + 1] = {0x40, 0x01, 0x12, 0x34, 0xb0};
    struct kedge_coap_message message;
    assert_int_equal(kedge_coap_parse(kedge_slice(bytes, 4 + KEDGE_COAP_OPTIONS_MAX), &message),
                     KEDGE_OK);
    assert_int_equal(kedge_coap_path_count(&message), KEDGE_COAP_OPTIONS_MAX);
    assert_int_equal(kedge_coap_parse(kedge_slice(bytes, sizeof bytes), &message), KEDGE_E_LIMIT);
}

static void every_truncation_of_a_message_is_a_message_or_a_refusal_and_never_the_same(void **state)
{
    (void)state;
    struct kedge_slice whole = vector_hex("44021234aabbccddb27264" /* /rd */
                                          "1128"                   /* ct=40 */
                                          "3965703d6e6f64652d31"   /* ep=node-1 */
                                          "056c743d3330ff3c2f353e");
    struct kedge_coap_message message;
    assert_int_equal(kedge_coap_parse(whole, &message), KEDGE_OK);
    assert_true(kedge_slice_equal(message.payload, kedge_slice_text("</5>")));
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size > 0 ? size : 1);
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        struct kedge_coap_message cut;
        if (kedge_coap_parse(kedge_slice(copy, size), &cut) == KEDGE_OK)
            assert_true(cut.options.size < message.options.size ||
                        cut.payload.size < message.payload.size);
        free(copy);
    }
    vector_free(whole);
}

static void codes_are_written_for_people(void **state)
{
    (void)state;
    char text[5];
    kedge_coap_code_text(KEDGE_COAP_CONTENT, text);
    assert_string_equal(text, "2.05");
    kedge_coap_code_text(KEDGE_COAP_CONTINUE, text);
    assert_string_equal(text, "2.31");
    kedge_coap_code_text(KEDGE_COAP_EMPTY, text);
    assert_string_equal(text, "0.00");
    kedge_coap_code_text(0xFF, text);
    assert_string_equal(text, "7.31");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_are_read),
        cmocka_unit_test(every_type_and_every_token_size_is_read),
        cmocka_unit_test(format_errors_are_refused_with_their_result),
        cmocka_unit_test(a_marker_inside_a_value_is_a_byte_of_the_value),
        cmocka_unit_test(the_highest_option_number_is_read),
        cmocka_unit_test(a_broken_message_still_says_whom_to_reset),
        cmocka_unit_test(options_are_counted),
        cmocka_unit_test(
            every_truncation_of_a_message_is_a_message_or_a_refusal_and_never_the_same),
        cmocka_unit_test(codes_are_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
