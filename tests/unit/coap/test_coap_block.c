/* test_coap_block.c: block options (RFC 7959) and which notification is the newer (RFC 7641). */
#include <kedge/coap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum kedge_rc read_block(const char *bytes, size_t size, struct kedge_coap_block *block)
{
    uint8_t datagram[64];
    struct kedge_coap_builder builder;
    struct kedge_slice written;
    struct kedge_coap_message message;
    kedge_coap_begin(&builder, datagram, sizeof datagram, KEDGE_COAP_CON, KEDGE_COAP_GET, 1,
                     kedge_slice(NULL, 0));
    kedge_coap_add_option(&builder, KEDGE_COAP_BLOCK2, kedge_slice(bytes, size));
    assert_int_equal(kedge_coap_finish(&builder, &written), KEDGE_OK);
    assert_int_equal(kedge_coap_parse(written, &message), KEDGE_OK);
    assert_int_equal(kedge_coap_block_find(&message, KEDGE_COAP_BLOCK1, block), KEDGE_E_NOT_FOUND);
    return kedge_coap_block_find(&message, KEDGE_COAP_BLOCK2, block);
}

static void blocks_go_both_ways(void **state)
{
    (void)state;
    const uint32_t numbers[] = {0, 1, 15, 16, 4095, 4096, KEDGE_COAP_BLOCK_NUMBER_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (uint8_t exponent = 0; exponent <= 6; exponent++) {
            for (int more = 0; more < 2; more++) {
                struct kedge_coap_block block = {numbers[i], more != 0, exponent};
                uint32_t value = kedge_coap_block_value(&block);
                const char bytes[3] = {(char)(value >> 16), (char)(value >> 8), (char)value};
                struct kedge_coap_block read;
                assert_int_equal(read_block(bytes, 3, &read), KEDGE_OK);
                assert_true(read.number == numbers[i] && read.more == (more != 0));
                assert_int_equal(read.size_exponent, exponent);
                assert_int_equal(kedge_coap_block_size(&read), 16 << exponent);
            }
        }
    }
}

/* RFC 7959 section 2.2 and its examples in section 3. */
static void published_values_are_read(void **state)
{
    (void)state;
    struct kedge_coap_block block;
    assert_int_equal(read_block("", 0, &block), KEDGE_OK); /* 0/0/16 */
    assert_true(block.number == 0 && !block.more && kedge_coap_block_size(&block) == 16);
    assert_int_equal(read_block("\x06", 1, &block), KEDGE_OK); /* 0/0/1024 */
    assert_true(block.number == 0 && !block.more && kedge_coap_block_size(&block) == 1024);
    assert_int_equal(read_block("\x1b", 1, &block), KEDGE_OK); /* 1/1/128 */
    assert_true(block.number == 1 && block.more && kedge_coap_block_size(&block) == 128);
}

static void the_reserved_size_and_longer_values_are_refused(void **state)
{
    (void)state;
    struct kedge_coap_block block;
    assert_int_equal(read_block("\x07", 1, &block), KEDGE_E_MALFORMED);
    assert_int_equal(read_block("\x0f", 1, &block), KEDGE_E_MALFORMED);
    assert_int_equal(read_block("\x00\x00\x00\x06", 4, &block), KEDGE_E_UNSUPPORTED);
    assert_int_equal(read_block("\x00\x00\x00\x00\x06", 5, &block), KEDGE_E_UNSUPPORTED);
}

static void notifications_are_ordered_around_the_end_of_the_numbers(void **state)
{
    (void)state;
    const uint32_t half = 1u << 23;
    const struct {
        uint32_t a, b;
        bool newer;
    } cases[] = {
        {0, 1, true},         {1, 0, false},       {5, 5, false},        {0, half - 1, true},
        {0, half, false},     {half, 0, false},    {half + 1, 0, true},  {0xFFFFFF, 0, true},
        {0, 0xFFFFFF, false}, {0xFFFFFF, 2, true}, {2, 0xFFFFFF, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(kedge_coap_observe_newer(cases[i].a, 1000, cases[i].b, 1001),
                         cases[i].newer);
        /* Section 3.4: 128 seconds later anything is newer. */
        assert_int_equal(kedge_coap_observe_newer(cases[i].a, 1000, cases[i].b, 129000),
                         cases[i].newer);
        assert_true(kedge_coap_observe_newer(cases[i].a, 1000, cases[i].b, 129001));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_go_both_ways),
        cmocka_unit_test(published_values_are_read),
        cmocka_unit_test(the_reserved_size_and_longer_values_are_refused),
        cmocka_unit_test(notifications_are_ordered_around_the_end_of_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
