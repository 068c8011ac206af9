/* test_lwm2m_value.c: one value in whichever format a device answers. */
#include <kedge/lwm2m.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct kedge_lwm2m_path state_path = {{5, 0, 3}, 3};
static const struct kedge_lwm2m_path protocol_path = {{5, 0, 8, 1}, 4};

static enum kedge_rc read_as(uint32_t format, const char *bytes, size_t size,
                             const struct kedge_lwm2m_path *path, enum kedge_lwm2m_type type,
                             struct kedge_lwm2m_value *value)
{
    static uint8_t scratch_bytes[64];
    struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
    return kedge_lwm2m_value_read(format, kedge_slice(bytes, size), path, type, &scratch, value);
}

static void a_state_is_read_from_every_form_in_which_devices_answer(void **state)
{
    (void)state;
    const struct {
        uint32_t format;
        const char *bytes;
        size_t size;
    } forms[] = {
        {KEDGE_LWM2M_FORMAT_NONE, "2", 1},
        {KEDGE_LWM2M_FORMAT_TEXT, "2", 1},
        {KEDGE_LWM2M_FORMAT_TLV, "\xC1\x03\x02", 3},
        {KEDGE_LWM2M_FORMAT_TLV, "\xC2\x03\x00\x02", 4},
        {KEDGE_LWM2M_FORMAT_TLV, "\xC4\x03\x00\x00\x00\x02", 6},
        {KEDGE_LWM2M_FORMAT_TLV, "\xC8\x03\x08\x00\x00\x00\x00\x00\x00\x00\x02", 11},
        {KEDGE_LWM2M_FORMAT_TLV, "\x03\x00\xC1\x03\x02", 5},
        {KEDGE_LWM2M_FORMAT_CBOR, "\x02", 1},
        {KEDGE_LWM2M_FORMAT_SENML_JSON, "[{\"n\":\"/5/0/3\",\"v\":2}]", 22},
        {KEDGE_LWM2M_FORMAT_SENML_JSON, "[{\"bn\":\"/5/0/\",\"n\":\"3\",\"v\":2.0}]", 32},
        {KEDGE_LWM2M_FORMAT_SENML_CBOR, "\x81\xA2\x21\x66/5/0/3\x02\x02", 12},
        {KEDGE_LWM2M_FORMAT_JSON, "{\"bn\":\"/5/0/3\",\"e\":[{\"v\":2}]}", 29},
        {KEDGE_LWM2M_FORMAT_LWM2M_CBOR, "\xA1\x83\x05\x00\x03\x02", 6},
        {KEDGE_LWM2M_FORMAT_LWM2M_CBOR, "\xBF\x05\xBF\x00\xBF\x03\x02\xFF\xFF\xFF", 10},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct kedge_lwm2m_value value;
        assert_int_equal(read_as(forms[i].format, forms[i].bytes, forms[i].size, &state_path,
                                 KEDGE_LWM2M_INTEGER, &value),
                         KEDGE_OK);
        assert_true(value.integer == KEDGE_FIRMWARE_DOWNLOADED);
    }
}

static void an_instance_of_a_multiple_resource_is_read_alone_or_inside_its_resource(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
    } forms[] = {
        {"\x41\x01\x03", 3},
        {"\x86\x08\x41\x00\x02\x41\x01\x03", 8},
        {"\x08\x00\x08\x86\x08\x41\x00\x02\x41\x01\x03", 11},
    };
    struct kedge_lwm2m_value value;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, forms[i].bytes, forms[i].size,
                                 &protocol_path, KEDGE_LWM2M_INTEGER, &value),
                         KEDGE_OK);
        assert_true(value.integer == KEDGE_PROTOCOL_HTTPS);
    }
    assert_int_equal(
        read_as(KEDGE_LWM2M_FORMAT_TEXT, "3", 1, &protocol_path, KEDGE_LWM2M_INTEGER, &value),
        KEDGE_OK);
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, "\x41\x00\x03", 3, &protocol_path,
                             KEDGE_LWM2M_INTEGER, &value),
                     KEDGE_E_NOT_FOUND);
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, "\x41\x01\x03\x41\x01\x02", 6, &protocol_path,
                             KEDGE_LWM2M_INTEGER, &value),
                     KEDGE_E_MALFORMED);
}

static void damage_beside_the_instance_that_is_asked_for_shows(void **state)
{
    (void)state;
    struct kedge_lwm2m_value value;
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, "\x86\x08\x41\x01\x03\xC1\x00\x02", 8,
                             &protocol_path, KEDGE_LWM2M_INTEGER, &value),
                     KEDGE_E_MALFORMED); /* a resource among resource instances */
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, "\x86\x08\x41\x01\x03\x42\x00\x02", 8,
                             &protocol_path, KEDGE_LWM2M_INTEGER, &value),
                     KEDGE_E_TRUNCATED);
}

static void single_and_multiple_resources_are_not_taken_for_each_other(void **state)
{
    (void)state;
    struct kedge_lwm2m_value value;
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, "\x83\x03\x41\x00\x02", 5, &state_path,
                             KEDGE_LWM2M_INTEGER, &value),
                     KEDGE_E_TYPE);
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, "\xC1\x08\x02", 3, &protocol_path,
                             KEDGE_LWM2M_INTEGER, &value),
                     KEDGE_E_TYPE);
}

static void opaque_values_come_as_bytes_tlv_or_base64(void **state)
{
    (void)state;
    const struct kedge_lwm2m_path path = {{5, 0, 0}, 3};
    struct kedge_lwm2m_value value;
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_OPAQUE, "\0", 1, &path, KEDGE_LWM2M_OPAQUE, &value),
                     KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice("\0", 1)));
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TEXT, "AA==", 4, &path, KEDGE_LWM2M_OPAQUE, &value),
                     KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice("\0", 1)));
    assert_int_equal(
        read_as(KEDGE_LWM2M_FORMAT_TLV, "\xC1\x00\x00", 3, &path, KEDGE_LWM2M_OPAQUE, &value),
        KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice("\0", 1)));
}

static void what_does_not_go_together_is_refused_with_its_own_result(void **state)
{
    (void)state;
    struct kedge_lwm2m_value value;
    const uint32_t unsupported[] = {KEDGE_LWM2M_FORMAT_LINK, 50, 320, 322};
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        assert_int_equal(read_as(unsupported[i], "2", 1, &state_path, KEDGE_LWM2M_INTEGER, &value),
                         KEDGE_E_UNSUPPORTED);
    assert_int_equal(
        read_as(KEDGE_LWM2M_FORMAT_OPAQUE, "2", 1, &state_path, KEDGE_LWM2M_INTEGER, &value),
        KEDGE_E_TYPE);
    assert_int_equal(read_as(KEDGE_LWM2M_FORMAT_TLV, "\xC1\x05\x02", 3, &state_path,
                             KEDGE_LWM2M_INTEGER, &value),
                     KEDGE_E_NOT_FOUND);
    assert_int_equal(
        read_as(KEDGE_LWM2M_FORMAT_TEXT, "", 0, &state_path, KEDGE_LWM2M_INTEGER, &value),
        KEDGE_E_MALFORMED);
    const struct kedge_lwm2m_path instance = {{5, 0}, 2};
    assert_int_equal(
        read_as(KEDGE_LWM2M_FORMAT_TEXT, "2", 1, &instance, KEDGE_LWM2M_INTEGER, &value),
        KEDGE_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_is_read_from_every_form_in_which_devices_answer),
        cmocka_unit_test(an_instance_of_a_multiple_resource_is_read_alone_or_inside_its_resource),
        cmocka_unit_test(damage_beside_the_instance_that_is_asked_for_shows),
        cmocka_unit_test(single_and_multiple_resources_are_not_taken_for_each_other),
        cmocka_unit_test(opaque_values_come_as_bytes_tlv_or_base64),
        cmocka_unit_test(what_does_not_go_together_is_refused_with_its_own_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
