/*
 * test_lwm2m_tlv.c: TLV against the examples that the OMA specification prints (LwM2M 1.0 section
 * 6.4.3, "Example TLV"), at every boundary of its lengths, and against damage.
 */
#include <kedge/lwm2m.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A read of /3/0 as the specification prints it: 121 bytes. */
static const uint8_t oma_device[] = {
    0xC8, 0x00, 0x14, 'O',  'p',  'e',  'n',  ' ',  'M',  'o',  'b',  'i',  'l',  'e',  ' ',  'A',
    'l',  'l',  'i',  'a',  'n',  'c',  'e',  0xC8, 0x01, 0x16, 'L',  'i',  'g',  'h',  't',  'w',
    'e',  'i',  'g',  'h',  't',  ' ',  'M',  '2',  'M',  ' ',  'C',  'l',  'i',  'e',  'n',  't',
    0xC8, 0x02, 0x09, '3',  '4',  '5',  '0',  '0',  '0',  '1',  '2',  '3',  0xC3, 0x03, '1',  '.',
    '0',  0x86, 0x06, 0x41, 0x00, 0x01, 0x41, 0x01, 0x05, 0x88, 0x07, 0x08, 0x42, 0x00, 0x0E, 0xD8,
    0x42, 0x01, 0x13, 0x88, 0x87, 0x08, 0x41, 0x00, 0x7D, 0x42, 0x01, 0x03, 0x84, 0xC1, 0x09, 0x64,
    0xC1, 0x0A, 0x0F, 0x83, 0x0B, 0x41, 0x00, 0x00, 0xC4, 0x0D, 0x51, 0x82, 0x42, 0x8F, 0xC6, 0x0E,
    '+',  '0',  '2',  ':',  '0',  '0',  0xC1, 0x10, 'U'};

static struct kedge_lwm2m_value text_value(const char *text)
{
    return (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_STRING, .bytes = kedge_slice_text(text)};
}

static struct kedge_lwm2m_value integer_value(int64_t integer)
{
    return (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_INTEGER, .integer = integer};
}

static void put(struct kedge_writer *out, uint16_t id, struct kedge_lwm2m_value value)
{
    assert_int_equal(kedge_tlv_write_value(out, KEDGE_TLV_RESOURCE, id, &value), KEDGE_OK);
}

static void put_multiple(struct kedge_writer *out, uint16_t id, const int64_t *integers,
                         uint16_t count)
{
    uint8_t inner[64];
    struct kedge_writer nested = kedge_writer(inner, sizeof inner);
    for (uint16_t i = 0; i < count; i++) {
        struct kedge_lwm2m_value value = integer_value(integers[i]);
        assert_int_equal(kedge_tlv_write_value(&nested, KEDGE_TLV_RESOURCE_INSTANCE, i, &value),
                         KEDGE_OK);
    }
    assert_int_equal(
        kedge_tlv_write(out, KEDGE_TLV_MULTIPLE_RESOURCE, id, kedge_writer_slice(&nested)),
        KEDGE_OK);
}

static void the_specifications_device_is_written_byte_for_byte(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    put(&out, 0, text_value("Open Mobile Alliance"));
    put(&out, 1, text_value("Lightweight M2M Client"));
    put(&out, 2, text_value("345000123"));
    put(&out, 3, text_value("1.0"));
    put_multiple(&out, 6, (const int64_t[]){1, 5}, 2);
    put_multiple(&out, 7, (const int64_t[]){3800, 5000}, 2);
    put_multiple(&out, 8, (const int64_t[]){125, 900}, 2);
    put(&out, 9, integer_value(100));
    put(&out, 10, integer_value(15));
    put_multiple(&out, 11, (const int64_t[]){0}, 1);
    put(&out, 13, (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_TIME, .integer = 1367491215});
    put(&out, 14, text_value("+02:00"));
    put(&out, 16, text_value("U"));
    assert_int_equal(out.size, sizeof oma_device);
    assert_memory_equal(bytes, oma_device, sizeof oma_device);
}

static void assert_device_is_found(struct kedge_slice payload, uint16_t instance)
{
    struct kedge_slice bytes;
    struct kedge_lwm2m_value value;
    assert_int_equal(kedge_tlv_find_resource(payload, instance, 1, &bytes), KEDGE_OK);
    assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_STRING, &value), KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice_text("Lightweight M2M Client")));
    assert_int_equal(kedge_tlv_find_resource(payload, instance, 13, &bytes), KEDGE_OK);
    assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_TIME, &value), KEDGE_OK);
    assert_true(value.integer == 1367491215);
    assert_int_equal(kedge_tlv_find_resource(payload, instance, 7, &bytes), KEDGE_OK);
    struct kedge_cursor instances = kedge_cursor(bytes);
    struct kedge_tlv_entry entry;
    const int64_t millivolts[] = {3800, 5000};
    for (uint16_t i = 0; i < 2; i++) {
        assert_int_equal(kedge_tlv_next(&instances, &entry), KEDGE_OK);
        assert_int_equal(entry.kind, KEDGE_TLV_RESOURCE_INSTANCE);
        assert_int_equal(entry.id, i);
        assert_int_equal(kedge_tlv_value(entry.value, KEDGE_LWM2M_INTEGER, &value), KEDGE_OK);
        assert_true(value.integer == millivolts[i]);
    }
    assert_int_equal(kedge_tlv_next(&instances, &entry), KEDGE_E_NOT_FOUND);
    assert_int_equal(kedge_tlv_find_resource(payload, instance, 4, &bytes), KEDGE_E_NOT_FOUND);
}

static void the_specifications_device_is_read_with_and_without_its_instance(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    struct kedge_slice device = kedge_slice(oma_device, sizeof oma_device);
    assert_device_is_found(device, 0);
    assert_int_equal(kedge_tlv_write(&out, KEDGE_TLV_OBJECT_INSTANCE, 0, device), KEDGE_OK);
    assert_memory_equal(bytes, "\x08\x00\x79", 3); /* as printed */
    assert_device_is_found(kedge_writer_slice(&out), 0);
    struct kedge_slice found;
    assert_int_equal(kedge_tlv_find_resource(kedge_writer_slice(&out), 1, 1, &found),
                     KEDGE_E_NOT_FOUND);
}

/* Two instances of object 2, the second with a resource instance id above 255. */
static void the_specifications_two_instances_are_told_apart(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x08, 0x00, 0x0E, 0xC1, 0x00, 0x01, 0xC1, 0x01, 0x00, 0x83,
                             0x02, 0x41, 0x7F, 0x07, 0xC1, 0x03, 0x7F, 0x08, 0x02, 0x12,
                             0xC1, 0x00, 0x03, 0xC1, 0x01, 0x00, 0x87, 0x02, 0x41, 0x7F,
                             0x07, 0x61, 0x01, 0x36, 0x01, 0xC1, 0x03, 0x7F};
    struct kedge_slice payload = kedge_slice(bytes, sizeof bytes);
    struct kedge_slice value;
    assert_int_equal(kedge_tlv_find_resource(payload, 0, 0, &value), KEDGE_OK);
    assert_true(kedge_slice_equal(value, kedge_slice("\x01", 1)));
    assert_int_equal(kedge_tlv_find_resource(payload, 2, 0, &value), KEDGE_OK);
    assert_true(kedge_slice_equal(value, kedge_slice("\x03", 1)));
    assert_int_equal(kedge_tlv_find_resource(payload, 2, 2, &value), KEDGE_OK);
    struct kedge_cursor instances = kedge_cursor(value);
    struct kedge_tlv_entry entry;
    assert_int_equal(kedge_tlv_next(&instances, &entry), KEDGE_OK);
    assert_int_equal(entry.id, 127);
    assert_int_equal(kedge_tlv_next(&instances, &entry), KEDGE_OK);
    assert_int_equal(entry.id, 310);
    assert_int_equal(kedge_tlv_find_resource(payload, 1, 0, &value), KEDGE_E_NOT_FOUND);
}

static uint8_t big[(1u << 24) + 16];
static uint8_t zeros[1u << 24];

static void lengths_and_ids_are_as_short_as_they_go_at_every_boundary(void **state)
{
    (void)state;
    const struct {
        size_t size;
        uint16_t id;
        size_t head;
    } cases[] = {
        {0, 0, 2},     {7, 255, 2},     {8, 0, 3},         {255, 255, 3},
        {256, 0, 4},   {65535, 255, 4}, {65536, 0, 5},     {0xFFFFFF, 255, 5},
        {0, 256, 3},   {7, 65534, 3},   {8, 256, 4},       {255, 65534, 4},
        {256, 256, 5}, {65535, 256, 5}, {65536, 65534, 6}, {0xFFFFFF, 256, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_writer out = kedge_writer(big, sizeof big);
        struct kedge_slice value = kedge_slice(zeros, cases[i].size);
        assert_int_equal(kedge_tlv_write(&out, KEDGE_TLV_RESOURCE, cases[i].id, value), KEDGE_OK);
        assert_int_equal(out.size, cases[i].head + cases[i].size);
        struct kedge_cursor cursor = kedge_cursor(kedge_writer_slice(&out));
        struct kedge_tlv_entry entry;
        assert_int_equal(kedge_tlv_next(&cursor, &entry), KEDGE_OK);
        assert_int_equal(entry.kind, KEDGE_TLV_RESOURCE);
        assert_int_equal(entry.id, cases[i].id);
        assert_int_equal(entry.value.size, cases[i].size);
        assert_int_equal(kedge_tlv_next(&cursor, &entry), KEDGE_E_NOT_FOUND);
    }
    struct kedge_writer out = kedge_writer(big, sizeof big);
    assert_int_equal(kedge_tlv_write(&out, KEDGE_TLV_RESOURCE, 0, kedge_slice(zeros, sizeof zeros)),
                     KEDGE_E_LIMIT);
    assert_int_equal(kedge_tlv_write(&out, KEDGE_TLV_RESOURCE, 65535, kedge_slice(NULL, 0)),
                     KEDGE_E_ARGUMENT);
}

static void longer_forms_of_a_length_are_read_as_other_clients_write_them(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xCF, 0x03, 0x01, '1',       /* bits 2-0 are then ignored */
                             0xD0, 0x04, 0x00, 0x01, '2', /* two bytes of length */
                             0xF8, 0x00, 0x05, 0x00, 0x00, 0x01, '3'}; /* wide id, three bytes */
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(bytes, sizeof bytes));
    struct kedge_tlv_entry entry;
    for (uint16_t i = 0; i < 3; i++) {
        assert_int_equal(kedge_tlv_next(&cursor, &entry), KEDGE_OK);
        assert_int_equal(entry.id, 3 + i);
        assert_int_equal(entry.value.size, 1);
        assert_int_equal(entry.value.data[0], '1' + i);
    }
    assert_int_equal(kedge_tlv_next(&cursor, &entry), KEDGE_E_NOT_FOUND);
}

static void integers_are_as_short_as_they_go_and_come_back(void **state)
{
    (void)state;
    const struct {
        int64_t integer;
        size_t size;
    } cases[] = {{0, 1},         {127, 1},       {-128, 1},      {128, 2},
                 {-129, 2},      {32767, 2},     {-32768, 2},    {32768, 4},
                 {-32769, 4},    {INT32_MAX, 4}, {INT32_MIN, 4}, {INT64_C(2147483648), 8},
                 {INT64_MAX, 8}, {INT64_MIN, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[16];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        put(&out, 0, integer_value(cases[i].integer));
        struct kedge_slice found;
        struct kedge_lwm2m_value value;
        assert_int_equal(kedge_tlv_find_resource(kedge_writer_slice(&out), 0, 0, &found), KEDGE_OK);
        assert_int_equal(found.size, cases[i].size);
        assert_int_equal(kedge_tlv_value(found, KEDGE_LWM2M_INTEGER, &value), KEDGE_OK);
        assert_true(value.integer == cases[i].integer);
    }
    const uint64_t naturals[] = {
        0, 255, 256, 65535, 65536, UINT32_MAX, UINT64_C(4294967296), UINT64_MAX};
    const size_t sizes[] = {1, 1, 2, 2, 4, 4, 8, 8};
    for (size_t i = 0; i < sizeof naturals / sizeof naturals[0]; i++) {
        uint8_t bytes[16];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        put(&out, 0,
            (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_UNSIGNED,
                                       .unsigned_integer = naturals[i]});
        struct kedge_slice found;
        struct kedge_lwm2m_value value;
        assert_int_equal(kedge_tlv_find_resource(kedge_writer_slice(&out), 0, 0, &found), KEDGE_OK);
        assert_int_equal(found.size, sizes[i]);
        assert_int_equal(kedge_tlv_value(found, KEDGE_LWM2M_UNSIGNED, &value), KEDGE_OK);
        assert_true(value.unsigned_integer == naturals[i]);
    }
}

static void booleans_are_one_byte(void **state)
{
    (void)state;
    for (int64_t boolean = 0; boolean < 2; boolean++) {
        uint8_t bytes[3];
        struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
        put(&out, 9, (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_BOOLEAN, .integer = boolean});
        assert_int_equal(out.size, 3);
        assert_int_equal(bytes[2], boolean);
    }
}

static void values_of_another_size_than_their_type_are_refused(void **state)
{
    (void)state;
    struct kedge_lwm2m_value value;
    for (size_t size = 0; size <= 9; size++) {
        bool fits = size == 1 || size == 2 || size == 4 || size == 8;
        enum kedge_rc expected = fits ? KEDGE_OK : KEDGE_E_MALFORMED;
        struct kedge_slice bytes = kedge_slice(zeros, size);
        assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_INTEGER, &value), expected);
        assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_UNSIGNED, &value), expected);
        assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_TIME, &value), expected);
        assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_BOOLEAN, &value),
                         size == 1 ? KEDGE_OK : KEDGE_E_MALFORMED);
    }
    assert_int_equal(kedge_tlv_value(kedge_slice("\x02", 1), KEDGE_LWM2M_BOOLEAN, &value),
                     KEDGE_E_MALFORMED);
    assert_int_equal(kedge_tlv_value(kedge_slice("a\0b", 3), KEDGE_LWM2M_STRING, &value),
                     KEDGE_E_MALFORMED);
    assert_int_equal(kedge_tlv_value(kedge_slice("\xff", 1), KEDGE_LWM2M_STRING, &value),
                     KEDGE_E_MALFORMED);
    assert_int_equal(kedge_tlv_value(kedge_slice(oma_device, 121), KEDGE_LWM2M_OPAQUE, &value),
                     KEDGE_OK);
}

static void lying_lengths_reserved_ids_and_mixed_levels_are_refused(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
        enum kedge_rc rc;
    } bad[] = {
        {"\xC1", 1, KEDGE_E_TRUNCATED},
        {"\xC1\x03", 2, KEDGE_E_TRUNCATED},
        {"\xC2\x03\x31", 3, KEDGE_E_TRUNCATED},
        {"\xC8\x03", 2, KEDGE_E_TRUNCATED},
        {"\xC8\x03\x02\x31", 4, KEDGE_E_TRUNCATED},
        {"\xD8\x03\xFF\xFF\xFF\x31", 6, KEDGE_E_TRUNCATED},
        {"\xE1\x03", 2, KEDGE_E_TRUNCATED},
        {"\xE0\xFF\xFF", 3, KEDGE_E_MALFORMED},             /* the reserved id */
        {"\xC1\x03\x31\xC1\x03\x32", 6, KEDGE_E_MALFORMED}, /* twice */
        {"\xC1\x03\x31\xC2\x05\x32", 6, KEDGE_E_TRUNCATED}, /* damage behind what is asked for */
        {"\xC1\x03\x31\x00\x00", 5, KEDGE_E_MALFORMED},     /* a resource beside an instance */
        {"\x03\x00\xC1\x03\x31\xC0\x05", 7, KEDGE_E_MALFORMED},
        {"\x03\x00\x41\x03\x31", 5, KEDGE_E_MALFORMED},         /* a resource instance on its own */
        {"\x05\x00\x03\x00\xC1\x03\x31", 7, KEDGE_E_MALFORMED}, /* instance in instance */
        {"", 0, KEDGE_E_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_slice value;
        enum kedge_rc rc =
            kedge_tlv_find_resource(kedge_slice(bad[i].bytes, bad[i].size), 0, 3, &value);
        if (rc != bad[i].rc)
            fail_msg("case %zu: %s", i, kedge_rc_name(rc));
    }
}

static void every_truncation_of_an_answer_is_refused_or_a_shorter_answer(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_tlv_write(&out, KEDGE_TLV_OBJECT_INSTANCE, 0,
                                     kedge_slice(oma_device, sizeof oma_device)),
                     KEDGE_OK);
    struct kedge_slice value;
    for (size_t size = 1; size < out.size; size++)
        assert_int_equal(kedge_tlv_find_resource(kedge_slice(bytes, size), 0, 3, &value),
                         KEDGE_E_TRUNCATED);
}

static void an_entry_that_does_not_fit_is_not_written_in_part(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 12; capacity++) {
        struct kedge_writer out = kedge_writer(big, capacity);
        assert_int_equal(kedge_tlv_write(&out, KEDGE_TLV_RESOURCE, 300, kedge_slice(zeros, 8)),
                         KEDGE_E_BUFFER);
        assert_int_equal(out.size, 0);
    }
    struct kedge_writer out = kedge_writer(big, 12);
    assert_int_equal(kedge_tlv_write(&out, KEDGE_TLV_RESOURCE, 300, kedge_slice(zeros, 8)),
                     KEDGE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_specifications_device_is_written_byte_for_byte),
        cmocka_unit_test(the_specifications_device_is_read_with_and_without_its_instance),
        cmocka_unit_test(the_specifications_two_instances_are_told_apart),
        cmocka_unit_test(lengths_and_ids_are_as_short_as_they_go_at_every_boundary),
        cmocka_unit_test(longer_forms_of_a_length_are_read_as_other_clients_write_them),
        cmocka_unit_test(integers_are_as_short_as_they_go_and_come_back),
        cmocka_unit_test(booleans_are_one_byte),
        cmocka_unit_test(values_of_another_size_than_their_type_are_refused),
        cmocka_unit_test(lying_lengths_reserved_ids_and_mixed_levels_are_refused),
        cmocka_unit_test(every_truncation_of_an_answer_is_refused_or_a_shorter_answer),
        cmocka_unit_test(an_entry_that_does_not_fit_is_not_written_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
