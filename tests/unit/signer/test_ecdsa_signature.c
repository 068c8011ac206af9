/* test_ecdsa_signature.c: ECDSA signatures in DER, and everything that is nearly one. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "signer/keys/ecdsa_signature.h"

/* Fills in SEQUENCE { INTEGER of `r_size` bytes of `r`, INTEGER 1 } and returns its size. */
static size_t make(uint8_t der[80], uint8_t r, size_t r_size)
{
    const uint8_t head[] = {0x30, (uint8_t)(r_size + 5), 0x02, (uint8_t)r_size};
    const uint8_t one[] = {0x02, 0x01, 0x01};
    memcpy(der, head, sizeof head);
    memset(der + sizeof head, r, r_size);
    memcpy(der + sizeof head + r_size, one, sizeof one);
    return sizeof head + r_size + sizeof one;
}

static void numbers_of_every_size_are_padded_to_32_bytes(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 32; size++) {
        uint8_t der[80], signature[KEDGE_SIGNATURE_SIZE], expected[KEDGE_SIGNATURE_SIZE] = {0};
        size_t der_size = make(der, 0x41, size);
        memset(expected + 32 - size, 0x41, size);
        expected[63] = 1;
        assert_int_equal(kedge_ecdsa_signature_from_der(kedge_slice(der, der_size), signature),
                         KEDGE_OK);
        assert_memory_equal(signature, expected, sizeof expected);
    }
}

static void what_is_not_the_one_encoding_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum kedge_rc rc;
    } cases[] = {
        {"3006020101020101", KEDGE_OK},
        {"300702020080020101", KEDGE_OK},
        {"3006020100020101", KEDGE_OK}, /* zero is a number; verifying refuses it */
        {"300602010102010100", KEDGE_E_TRAILING},
        {"300702010102010100", KEDGE_E_TRAILING},
        {"3006020181020101", KEDGE_E_LIMIT},       /* negative */
        {"300702020001020101", KEDGE_E_MALFORMED}, /* a zero too many */
        {"30050200020101", KEDGE_E_MALFORMED},     /* no digits */
        {"308106020101020101", KEDGE_E_MALFORMED}, /* length in a longer form */
        {"3106020101020101", KEDGE_E_TYPE},
        {"3006040101020101", KEDGE_E_TYPE},
        {"3003020101", KEDGE_E_TRUNCATED},
        {"30060201010201", KEDGE_E_TRUNCATED},
        {"", KEDGE_E_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t der[16], signature[KEDGE_SIGNATURE_SIZE];
        size_t size = strlen(cases[i].hex) / 2;
        assert_int_equal(kedge_hex_decode(kedge_slice_text(cases[i].hex), der, size), KEDGE_OK);
        assert_int_equal(kedge_ecdsa_signature_from_der(kedge_slice(der, size), signature),
                         cases[i].rc);
    }
}

static void a_number_of_33_bytes_is_over_the_limit(void **state)
{
    (void)state;
    uint8_t der[80], signature[KEDGE_SIGNATURE_SIZE];
    size_t size = make(der, 0x41, 33);
    assert_int_equal(kedge_ecdsa_signature_from_der(kedge_slice(der, size), signature),
                     KEDGE_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_every_size_are_padded_to_32_bytes),
        cmocka_unit_test(what_is_not_the_one_encoding_is_refused),
        cmocka_unit_test(a_number_of_33_bytes_is_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
