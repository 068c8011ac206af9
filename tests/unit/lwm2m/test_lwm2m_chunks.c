/*
 * test_lwm2m_chunks.c: strings of indefinite length (RFC 8949 section 3.2.3) in each format that is
 * CBOR, as clients write them that stream a value.
 */
#include <kedge/lwm2m.h>
#include <kedge/lwm2m_records.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t scratch_bytes[256];

/* What a payload says of /3/0/3 as a value of that type. */
static enum kedge_rc read_as(uint32_t format, const char *bytes, size_t size,
                             enum kedge_lwm2m_type type, struct kedge_writer *scratch,
                             struct kedge_lwm2m_value *value)
{
    static const struct kedge_lwm2m_path path = {{3, 0, 3}, 3};
    return kedge_lwm2m_value_read(format, kedge_slice(bytes, size), &path, type, scratch, value);
}

#define READ(format, bytes, type, scratch, value) \
    read_as(format, bytes, sizeof(bytes) - 1, type, scratch, value)

static void a_string_in_chunks_is_put_together_in_each_format(void **state)
{
    (void)state;
    static const char cbor[] = "\x7F\x63"
                               "1.0"
                               "\x62"
                               ".7"
                               "\xFF";
    static const char lwm2m_cbor[] = "\xA1\x03\xA1\x00\xA1\x03"
                                     "\x7F\x63"
                                     "1.0"
                                     "\x62"
                                     ".7"
                                     "\xFF";
    static const char senml[] = "\x81\xA2\x00\x66/3/0/3\x03"
                                "\x7F\x63"
                                "1.0"
                                "\x62"
                                ".7"
                                "\xFF";
    const struct {
        uint32_t format;
        const char *bytes;
        size_t size;
    } rows[] = {{KEDGE_LWM2M_FORMAT_CBOR, cbor, sizeof cbor - 1},
                {KEDGE_LWM2M_FORMAT_LWM2M_CBOR, lwm2m_cbor, sizeof lwm2m_cbor - 1},
                {KEDGE_LWM2M_FORMAT_SENML_CBOR, senml, sizeof senml - 1}};
    for (size_t i = 0; i < 3; i++) {
        struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
        struct kedge_lwm2m_value value;
        assert_int_equal(read_as(rows[i].format, rows[i].bytes, rows[i].size, KEDGE_LWM2M_STRING,
                                 &scratch, &value),
                         KEDGE_OK);
        assert_true(kedge_slice_equal(value.bytes, kedge_slice_text("1.0.7")));
        /* Where nothing can be put together, a string of several chunks cannot be read. */
        assert_int_equal(
            read_as(rows[i].format, rows[i].bytes, rows[i].size, KEDGE_LWM2M_STRING, NULL, &value),
            KEDGE_E_BUFFER);
        /* Cut anywhere, it is none. */
        for (size_t size = 1; size < rows[i].size; size++) {
            scratch.size = 0;
            assert_int_not_equal(
                read_as(rows[i].format, rows[i].bytes, size, KEDGE_LWM2M_STRING, &scratch, &value),
                KEDGE_OK);
        }
    }
}

static void bytes_in_chunks_are_put_together(void **state)
{
    (void)state;
    struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
    struct kedge_lwm2m_value value;
    static const char senml[] = "\x81\xA2\x00\x66/3/0/3\x08"
                                "\x5F\x42\x00\x01\x40\x41\x02\xFF";
    assert_int_equal(
        READ(KEDGE_LWM2M_FORMAT_SENML_CBOR, senml, KEDGE_LWM2M_OPAQUE, &scratch, &value), KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice("\x00\x01\x02", 3)));
}

static void one_chunk_or_none_needs_no_room(void **state)
{
    (void)state;
    struct kedge_lwm2m_value value;
    assert_int_equal(READ(KEDGE_LWM2M_FORMAT_CBOR,
                          "\x7F\x63"
                          "1.0"
                          "\x60\xFF",
                          KEDGE_LWM2M_STRING, NULL, &value),
                     KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice_text("1.0")));
    assert_int_equal(READ(KEDGE_LWM2M_FORMAT_CBOR, "\x7F\xFF", KEDGE_LWM2M_STRING, NULL, &value),
                     KEDGE_OK);
    assert_int_equal(value.bytes.size, 0);
}

/* Some cut where their buffer ends, in the middle of a character. */
static void the_whole_must_be_utf_8_and_no_chunk_by_itself(void **state)
{
    (void)state;
    struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
    struct kedge_lwm2m_value value;
    assert_int_equal(READ(KEDGE_LWM2M_FORMAT_CBOR, "\x7F\x61\xC3\x61\xA4\xFF", KEDGE_LWM2M_STRING,
                          &scratch, &value),
                     KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice_text("\xC3\xA4")));
    assert_int_equal(READ(KEDGE_LWM2M_FORMAT_CBOR, "\x7F\x61\xC3\x61\x28\xFF", KEDGE_LWM2M_STRING,
                          &scratch, &value),
                     KEDGE_E_MALFORMED);
}

static void what_is_not_asked_for_takes_no_room(void **state)
{
    (void)state;
    /* Eight bytes of room for /3/0/3, behind twenty in chunks of another resource. */
    static const char bytes[] = "\xA1\x03\xA1\x00\xA3"
                                "\x00\x7F\x64"
                                "abcd"
                                "\x64"
                                "efgh"
                                "\xFF"
                                "\x01\x7F\x64"
                                "abcd"
                                "\x64"
                                "efgh"
                                "\xFF"
                                "\x03\x7F\x63"
                                "1.0"
                                "\x62"
                                ".7"
                                "\xFF";
    struct kedge_writer scratch = kedge_writer(scratch_bytes, 8);
    struct kedge_lwm2m_value value;
    assert_int_equal(
        READ(KEDGE_LWM2M_FORMAT_LWM2M_CBOR, bytes, KEDGE_LWM2M_STRING, &scratch, &value), KEDGE_OK);
    assert_true(kedge_slice_equal(value.bytes, kedge_slice_text("1.0.7")));
}

static void labels_in_chunks_are_refused_and_values_that_nobody_knows_are_read_over(void **state)
{
    (void)state;
    struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
    struct kedge_lwm2m_value value;
    static const char label[] = "\x81\xA2\x00\x66/3/0/3"
                                "\x7F\x62"
                                "vl"
                                "\x61"
                                "o"
                                "\xFF\x63"
                                "3:0";
    static const char unknown[] = "\x81\xA3\x00\x66/3/0/3\x03\x61"
                                  "1"
                                  "\x09\x5F\x41x\x41y\xFF";
    static const char wrong[] = "\x81\xA3\x00\x66/3/0/3\x03\x61"
                                "1"
                                "\x09\x5F\x41x\x61y\xFF";
    assert_int_equal(
        READ(KEDGE_LWM2M_FORMAT_SENML_CBOR, label, KEDGE_LWM2M_OBJECT_LINK, &scratch, &value),
        KEDGE_E_UNSUPPORTED);
    assert_int_equal(
        READ(KEDGE_LWM2M_FORMAT_SENML_CBOR, unknown, KEDGE_LWM2M_STRING, &scratch, &value),
        KEDGE_OK);
    assert_int_equal(
        READ(KEDGE_LWM2M_FORMAT_SENML_CBOR, wrong, KEDGE_LWM2M_STRING, &scratch, &value),
        KEDGE_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_in_chunks_is_put_together_in_each_format),
        cmocka_unit_test(bytes_in_chunks_are_put_together),
        cmocka_unit_test(one_chunk_or_none_needs_no_room),
        cmocka_unit_test(the_whole_must_be_utf_8_and_no_chunk_by_itself),
        cmocka_unit_test(what_is_not_asked_for_takes_no_room),
        cmocka_unit_test(labels_in_chunks_are_refused_and_values_that_nobody_knows_are_read_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
