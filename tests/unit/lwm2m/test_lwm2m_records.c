/*
 * test_lwm2m_records.c: every data format as records of path and value, against the examples that
 * the specifications print (LwM2M 1.0 section 6.4, 1.1 section 7.4, RFC 8428), forms in which
 * clients differ, and damage.
 */
#include <kedge/lwm2m_records.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RECORDS_MAX 32u

static const struct kedge_lwm2m_path root = {.depth = 0};
static const struct kedge_lwm2m_path device_instance = {{3, 0}, 2};

struct reading {
    struct kedge_lwm2m_record records[RECORDS_MAX];
    size_t count;
    enum kedge_rc end; /* KEDGE_E_NOT_FOUND when all was well */
    uint8_t scratch[1024];
};

static void read_all(struct reading *reading, uint32_t format, struct kedge_slice payload,
                     const struct kedge_lwm2m_path *path)
{
    struct kedge_writer scratch = kedge_writer(reading->scratch, sizeof reading->scratch);
    struct kedge_lwm2m_reader reader;
    reading->count = 0;
    reading->end = kedge_lwm2m_reader_open(&reader, format, payload, path, &scratch);
    while (reading->end == KEDGE_OK && reading->count < RECORDS_MAX) {
        reading->end = kedge_lwm2m_reader_next(&reader, &reading->records[reading->count]);
        reading->count += reading->end == KEDGE_OK;
    }
}

static void read_text(struct reading *reading, uint32_t format, const char *payload,
                      const struct kedge_lwm2m_path *path)
{
    read_all(reading, format, kedge_slice_text(payload), path);
}

/* "/3/0/6/1=5" for each record, by what the registry says of the resource. */
static void print_all(const struct reading *reading, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < reading->count; i++) {
        uint8_t scratch_bytes[512], text_bytes[512];
        struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
        struct kedge_writer text = kedge_writer(text_bytes, sizeof text_bytes);
        struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_NOTHING};
        char path[25];
        assert_int_equal(kedge_lwm2m_record_best(&reading->records[i], &scratch, &value), KEDGE_OK);
        if (value.type != KEDGE_LWM2M_NOTHING)
            assert_int_equal(kedge_lwm2m_text_write(&value, &text), KEDGE_OK);
        kedge_lwm2m_path_text(&reading->records[i].path, path);
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s=%.*s", i > 0 ? "\n" : "", path, (int)text.size,
                 (const char *)text_bytes);
    }
}

static void require_records(uint32_t format, struct kedge_slice payload,
                            const struct kedge_lwm2m_path *path, const char *expected)
{
    struct reading reading;
    char text[2048];
    read_all(&reading, format, payload, path);
    assert_int_equal(reading.end, KEDGE_E_NOT_FOUND);
    print_all(&reading, text, sizeof text);
    assert_string_equal(text, expected);
}

static void require_end(uint32_t format, struct kedge_slice payload,
                        const struct kedge_lwm2m_path *path, enum kedge_rc end)
{
    struct reading reading;
    read_all(&reading, format, payload, path);
    if (reading.end != end)
        fail_msg("format %u, \"%.*s\": %s, not %s", format, (int)payload.size,
                 (const char *)payload.data, kedge_rc_name(reading.end), kedge_rc_name(end));
}

/* ---- the device of the specifications ---- */

static const char oma_records[] = "/3/0/0=Open Mobile Alliance\n/3/0/1=Lightweight M2M Client\n"
                                  "/3/0/2=345000123\n/3/0/3=1.0\n/3/0/6/0=1\n/3/0/6/1=5\n"
                                  "/3/0/7/0=3800\n/3/0/7/1=5000\n/3/0/8/0=125\n/3/0/8/1=900\n"
                                  "/3/0/9=100\n/3/0/10=15\n/3/0/11/0=0\n/3/0/13=1367491215\n"
                                  "/3/0/14=+02:00\n/3/0/16=U";

/* LwM2M 1.1 section 7.4.5, a read of /3/0. */
static const char oma_senml_json[] =
    "[{\"bn\":\"/3/0/\",\"n\":\"0\",\"vs\":\"Open Mobile Alliance\"},"
    "{\"n\":\"1\",\"vs\":\"Lightweight M2M Client\"},{\"n\":\"2\",\"vs\":\"345000123\"},"
    "{\"n\":\"3\",\"vs\":\"1.0\"},{\"n\":\"6/0\",\"v\":1},{\"n\":\"6/1\",\"v\":5},"
    "{\"n\":\"7/0\",\"v\":3800},{\"n\":\"7/1\",\"v\":5000},{\"n\":\"8/0\",\"v\":125},"
    "{\"n\":\"8/1\",\"v\":900},{\"n\":\"9\",\"v\":100},{\"n\":\"10\",\"v\":15},"
    "{\"n\":\"11/0\",\"v\":0},{\"n\":\"13\",\"v\":1367491215},{\"n\":\"14\",\"vs\":\"+02:00\"},"
    "{\"n\":\"16\",\"vs\":\"U\"}]";

/* LwM2M 1.0 section 6.4.4, the same read. */
static const char oma_json[] =
    "{\"bn\":\"/3/0/\",\"e\":[{\"n\":\"0\",\"sv\":\"Open Mobile Alliance\"},"
    "{\"n\":\"1\",\"sv\":\"Lightweight M2M Client\"},{\"n\":\"2\",\"sv\":\"345000123\"},"
    "{\"n\":\"3\",\"sv\":\"1.0\"},{\"n\":\"6/0\",\"v\":1},{\"n\":\"6/1\",\"v\":5},"
    "{\"n\":\"7/0\",\"v\":3800},{\"n\":\"7/1\",\"v\":5000},{\"n\":\"8/0\",\"v\":125},"
    "{\"n\":\"8/1\",\"v\":900},{\"n\":\"9\",\"v\":100},{\"n\":\"10\",\"v\":15},"
    "{\"n\":\"11/0\",\"v\":0},{\"n\":\"13\",\"v\":1367491215},{\"n\":\"14\",\"sv\":\"+02:00\"},"
    "{\"n\":\"16\",\"sv\":\"U\"}]}";

static void the_json_examples_of_the_specifications_are_read(void **state)
{
    (void)state;
    require_records(KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text(oma_senml_json),
                    &device_instance, oma_records);
    require_records(KEDGE_LWM2M_FORMAT_JSON, kedge_slice_text(oma_json), &device_instance,
                    oma_records);
    /* /65/0 of figure C-1: an object link. */
    require_records(KEDGE_LWM2M_FORMAT_SENML_JSON,
                    kedge_slice_text("[{\"bn\":\"/65/0/\",\"n\":\"0/0\",\"vlo\":\"66:0\"},"
                                     "{\"n\":\"0/1\",\"vlo\":\"66:1\"},"
                                     "{\"n\":\"1\",\"vs\":\"8613800755500\"},"
                                     "{\"n\":\"2\",\"v\":1}]"),
                    &root, "/65/0/0/0=66:0\n/65/0/0/1=66:1\n/65/0/1=8613800755500\n/65/0/2=1");
    require_records(KEDGE_LWM2M_FORMAT_JSON,
                    kedge_slice_text("{\"bn\":\"/65/0/\",\"e\":[{\"n\":\"0/0\",\"ov\":\"66:0\"}]}"),
                    &root, "/65/0/0/0=66:0");
}

/* The object link in SenML CBOR as the working group gives it. */
static void the_cbor_example_of_an_object_link_is_read(void **state)
{
    (void)state;
    static const uint8_t link[] = {0x81, 0xA2, 0x00, 0x69, '/', '6', '5',  '/', '0', '/', '0',
                                   '/',  '0',  0x63, 'v',  'l', 'o', 0x64, '6', '6', ':', '0'};
    require_records(KEDGE_LWM2M_FORMAT_SENML_CBOR, kedge_slice(link, sizeof link), &root,
                    "/65/0/0/0=66:0");
}

/* What one format says of the device, each other can say too, and it is the same. */
static void the_device_goes_through_every_format_of_several_records(void **state)
{
    (void)state;
    static const uint32_t formats[] = {KEDGE_LWM2M_FORMAT_TLV, KEDGE_LWM2M_FORMAT_SENML_JSON,
                                       KEDGE_LWM2M_FORMAT_SENML_CBOR, KEDGE_LWM2M_FORMAT_JSON,
                                       KEDGE_LWM2M_FORMAT_LWM2M_CBOR};
    struct reading device;
    read_text(&device, KEDGE_LWM2M_FORMAT_SENML_JSON, oma_senml_json, &device_instance);
    assert_int_equal(device.count, 16);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        for (uint8_t depth = formats[i] == KEDGE_LWM2M_FORMAT_TLV ? 1 : 0; depth <= 2; depth++) {
            const struct kedge_lwm2m_path asked = {{3, 0}, depth};
            uint8_t bytes[1024];
            struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
            assert_int_equal(
                kedge_lwm2m_records_write(formats[i], &asked, device.records, device.count, &out),
                KEDGE_OK);
            require_records(formats[i], kedge_writer_slice(&out), &asked, oma_records);
        }
    }
}

static void json_is_written_as_the_specifications_print_it(void **state)
{
    (void)state;
    struct reading device;
    uint8_t bytes[1024];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    read_text(&device, KEDGE_LWM2M_FORMAT_SENML_JSON, oma_senml_json, &device_instance);
    assert_int_equal(kedge_lwm2m_records_write(KEDGE_LWM2M_FORMAT_SENML_JSON, &device_instance,
                                               device.records, device.count, &out),
                     KEDGE_OK);
    assert_true(kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text(oma_senml_json)));
    out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(kedge_lwm2m_records_write(KEDGE_LWM2M_FORMAT_JSON, &device_instance,
                                               device.records, device.count, &out),
                     KEDGE_OK);
    assert_true(kedge_slice_equal(kedge_writer_slice(&out), kedge_slice_text(oma_json)));
}

/* ---- one value of each type ---- */

static const struct {
    const char *path; /* of a resource of that type */
    struct kedge_lwm2m_value value;
} typed[] = {
    {"/5/0/1", {.type = KEDGE_LWM2M_STRING, .bytes = {(const uint8_t *)"a \"b\\\xC3\xA9\n", 8}}},
    {"/5/0/1", {.type = KEDGE_LWM2M_STRING, .bytes = {NULL, 0}}},
    {"/5/0/0", {.type = KEDGE_LWM2M_OPAQUE, .bytes = {(const uint8_t *)"\0\xFB\xFF\xFE", 4}}},
    {"/3/0/9", {.type = KEDGE_LWM2M_INTEGER, .integer = -129}},
    {"/3/0/9", {.type = KEDGE_LWM2M_INTEGER, .integer = INT64_MIN}},
    {"/3/0/13", {.type = KEDGE_LWM2M_TIME, .integer = 1367491215}},
    {"/5/0/13", {.type = KEDGE_LWM2M_UNSIGNED, .unsigned_integer = UINT64_MAX}},
    {"/5/0/14", {.type = KEDGE_LWM2M_BOOLEAN, .integer = 1}},
    {"/1/0/10", {.type = KEDGE_LWM2M_OBJECT_LINK, .link = {11, 65535}}},
    {"/3303/0/5700", {.type = KEDGE_LWM2M_FLOAT, .number = 21.1}},
    {"/3303/0/5700", {.type = KEDGE_LWM2M_FLOAT, .number = -2.5e-300}},
    {"/3/0/22/7", {.type = KEDGE_LWM2M_OBJECT_LINK, .link = {3303, 0}}},
};

static void every_type_goes_through_every_format(void **state)
{
    (void)state;
    static const uint32_t formats[] = {KEDGE_LWM2M_FORMAT_TEXT,       KEDGE_LWM2M_FORMAT_CBOR,
                                       KEDGE_LWM2M_FORMAT_TLV,        KEDGE_LWM2M_FORMAT_SENML_JSON,
                                       KEDGE_LWM2M_FORMAT_SENML_CBOR, KEDGE_LWM2M_FORMAT_JSON,
                                       KEDGE_LWM2M_FORMAT_LWM2M_CBOR};
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
        for (size_t k = 0; k < sizeof formats / sizeof formats[0]; k++) {
            struct kedge_lwm2m_record record = {.encoding = KEDGE_LWM2M_TYPED,
                                                .value = typed[i].value};
            uint8_t bytes[256], scratch_bytes[256];
            struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
            struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
            struct kedge_lwm2m_value value;
            assert_int_equal(kedge_lwm2m_path_parse(kedge_slice_text(typed[i].path), &record.path),
                             KEDGE_OK);
            assert_int_equal(kedge_lwm2m_records_write(formats[k], &record.path, &record, 1, &out),
                             KEDGE_OK);
            enum kedge_rc rc =
                kedge_lwm2m_value_read(formats[k], kedge_writer_slice(&out), &record.path,
                                       record.value.type, &scratch, &value);
            if (rc != KEDGE_OK)
                fail_msg("%s in format %u: %s", typed[i].path, formats[k], kedge_rc_name(rc));
            assert_true(value.integer == record.value.integer);
            assert_true(value.unsigned_integer == record.value.unsigned_integer);
            assert_memory_equal(&value.number, &record.value.number, sizeof value.number);
            assert_int_equal(value.link.object, record.value.link.object);
            assert_int_equal(value.link.instance, record.value.link.instance);
            assert_true(kedge_slice_equal(value.bytes, record.value.bytes));
        }
    }
}

static void numbers_are_taken_as_the_type_that_the_resource_has(void **state)
{
    (void)state;
    const struct {
        const char *json;
        enum kedge_lwm2m_type type;
        enum kedge_rc rc;
    } rows[] = {
        {"{\"n\":\"/9/0/1\",\"v\":95.0}", KEDGE_LWM2M_INTEGER, KEDGE_OK},
        {"{\"n\":\"/9/0/1\",\"v\":1e3}", KEDGE_LWM2M_UNSIGNED, KEDGE_OK},
        {"{\"n\":\"/9/0/1\",\"v\":7}", KEDGE_LWM2M_FLOAT, KEDGE_OK},
        {"{\"n\":\"/9/0/1\",\"v\":7}", KEDGE_LWM2M_TIME, KEDGE_OK},
        {"{\"n\":\"/9/0/1\",\"v\":95.5}", KEDGE_LWM2M_INTEGER, KEDGE_E_TYPE},
        {"{\"n\":\"/9/0/1\",\"v\":-1}", KEDGE_LWM2M_UNSIGNED, KEDGE_E_LIMIT},
        {"{\"n\":\"/9/0/1\",\"v\":9223372036854775808}", KEDGE_LWM2M_INTEGER, KEDGE_E_LIMIT},
        {"{\"n\":\"/9/0/1\",\"v\":18446744073709551616}", KEDGE_LWM2M_UNSIGNED, KEDGE_E_LIMIT},
        {"{\"n\":\"/9/0/1\",\"v\":1}", KEDGE_LWM2M_BOOLEAN, KEDGE_E_TYPE},
        {"{\"n\":\"/9/0/1\",\"v\":1}", KEDGE_LWM2M_STRING, KEDGE_E_TYPE},
        {"{\"n\":\"/9/0/1\",\"vs\":\"1\"}", KEDGE_LWM2M_INTEGER, KEDGE_E_TYPE},
        {"{\"n\":\"/9/0/1\",\"vb\":true}", KEDGE_LWM2M_INTEGER, KEDGE_E_TYPE},
        {"{\"n\":\"/9/0/1\",\"vs\":\"x\"}", KEDGE_LWM2M_OPAQUE, KEDGE_E_TYPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct kedge_lwm2m_path path = {{9, 0, 1}, 3};
        struct kedge_lwm2m_value value;
        char payload[128];
        snprintf(payload, sizeof payload, "[%s]", rows[i].json);
        enum kedge_rc rc =
            kedge_lwm2m_value_read(KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text(payload), &path,
                                   rows[i].type, NULL, &value);
        if (rc != rows[i].rc)
            fail_msg("%s: %s", rows[i].json, kedge_rc_name(rc));
    }
}

/* ---- SenML ---- */

static void names_and_bases_are_put_together_as_rfc_8428_says(void **state)
{
    (void)state;
    const struct {
        const char *json;
        const char *records;
    } rows[] = {
        {"[]", ""},
        {" [ { \"v\" : 1 , \"n\" : \"/3/0/9\" } ] \n", "/3/0/9=1"},
        {"[{\"bn\":\"/3/0/9\",\"v\":1}]", "/3/0/9=1"},
        {"[{\"bn\":\"/3/\",\"n\":\"0/9\",\"v\":1},{\"n\":\"1/9\",\"v\":2}]", "/3/0/9=1\n/3/1/9=2"},
        {"[{\"n\":\"9\",\"v\":1,\"bn\":\"/3/0/\"},{\"bn\":\"/4/0/\",\"n\":\"2\",\"v\":-90}]",
         "/3/0/9=1\n/4/0/2=-90"},
        {"[{\"n\":\"/5\"},{\"n\":\"/3/0/0\"},{\"n\":\"/\"}]", "/5=\n/3/0/0=\n/="},
        {"[{\"bn\":\"/4/0/\",\"bv\":-100,\"n\":\"2\",\"v\":10},{\"n\":\"3\",\"v\":150}]",
         "/4/0/2=-90\n/4/0/3=50"},
        {"[{\"bver\":10,\"bt\":1.5e9,\"bu\":\"Cel\",\"n\":\"/3303/0/5700\",\"u\":\"Cel\","
         "\"t\":-1,\"ut\":3,\"s\":2,\"x\":[{\"y\":[null,true,1,\"z\"]},{}],\"v\":21.5}]",
         "/3303/0/5700=21.5"},
        {"[{\"\\u006e\":\"\\/3\\/0\\u002F0\",\"vs\":\"\\ud83d\\ude00\\n\"}]",
         "/3/0/0=\xF0\x9F\x98\x80\n"},
        {"[{\"n\":\"/5/0/0\",\"vd\":\"-_8\"}]", "/5/0/0=+/8="},
        {"[{\"n\":\"/3/0/9\",\"v\":1,\"n2345678901234567890123456789012345\":{}}]", "/3/0/9=1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        require_records(KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text(rows[i].json), &root,
                        rows[i].records);
}

static void senml_that_cannot_be_is_refused_with_its_own_result(void **state)
{
    (void)state;
    const struct {
        const char *json;
        enum kedge_rc end;
    } rows[] = {
        {"", KEDGE_E_TRUNCATED},
        {"{}", KEDGE_E_MALFORMED},
        {"[", KEDGE_E_TRUNCATED},
        {"[{}]", KEDGE_E_MISSING},
        {"[{\"v\":1}]", KEDGE_E_MISSING},
        {"[{\"n\":\"/3/0/9\",\"v\":1},]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9\",\"v\":1,}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9\",\"v\":1}]x", KEDGE_E_TRAILING},
        {"[{\"n\":\"/3/0/9\",\"v\":1}", KEDGE_E_TRUNCATED},
        {"[{\"n\":\"/3/0/9\" \"v\":1}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9\",\"n\":\"/3/0/9\",\"v\":1}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9\",\"v\":1,\"vs\":\"1\"}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9\",\"v\":\"1\"}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9\",\"v\":01}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9\",\"v\":1e999}]", KEDGE_E_LIMIT},
        {"[{\"n\":\"/3/0/9\",\"v\":NaN}]", KEDGE_E_MALFORMED},
        {"[{\"n\":9,\"v\":1}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/9/\",\"v\":1}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0\",\"v\":1}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"urn:dev:1\",\"v\":1}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/65535\",\"v\":1}]", KEDGE_E_LIMIT},
        {"[{\"n\":\"/3/0/9\",\"v\":1,\"new_\":1}]", KEDGE_E_UNSUPPORTED},
        {"[{\"bver\":11,\"n\":\"/3/0/9\",\"v\":1}]", KEDGE_E_UNSUPPORTED},
        {"[{\"n\":\"/5/0/0\",\"vd\":\"+/8=\"}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/1/0/10\",\"vlo\":\"3\"}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/0\",\"vs\":\"\\ud83d\"}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/0\",\"vs\":\"\\q\"}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/0\",\"vs\":\"a\nb\"}]", KEDGE_E_MALFORMED},
        {"[{\"n\":\"/3/0/0\",\"vs\":\"\xFF\"}]", KEDGE_E_MALFORMED},
        {"[{\"x\":[[[[[[[[[]]]]]]]]],\"n\":\"/3/0/9\",\"v\":1}]", KEDGE_E_LIMIT},
        {"[{\"bn\":\"/3/0/00000000000000000000000000000000000000000000000\",\"v\":1}]", KEDGE_E_LIMIT},
        {"[{\"bn\":\"/4/0/\",\"bv\":9223372036854775807,\"n\":\"2\",\"v\":1}]", KEDGE_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        require_end(KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text(rows[i].json), &root,
                    rows[i].end);
}

static void lwm2m_json_is_taken_in_any_order_and_refused_when_it_cannot_be(void **state)
{
    (void)state;
    require_records(KEDGE_LWM2M_FORMAT_JSON,
                    kedge_slice_text("{\"e\":[{\"v\":1,\"n\":\"9\",\"t\":-5},{\"n\":\"0\","
                                     "\"sv\":\"x\"}],\"bt\":1,\"bn\":\"/3/0/\"}"),
                    &root, "/3/0/9=1\n/3/0/0=x");
    require_records(KEDGE_LWM2M_FORMAT_JSON,
                    kedge_slice_text("{\"e\":[{\"n\":\"/5/0/0\",\"sv\":\"Zm8=\"},"
                                     "{\"n\":\"/5/0/14\",\"bv\":false}]}"),
                    &root, "/5/0/0=Zm8=\n/5/0/14=0");
    const struct {
        const char *json;
        enum kedge_rc end;
    } rows[] = {
        {"{}", KEDGE_E_MALFORMED},
        {"{\"bn\":\"/3/0/\"}", KEDGE_E_MISSING},
        {"{\"e\":{}}", KEDGE_E_MALFORMED},
        {"{\"e\":[],\"e\":[]}", KEDGE_E_MALFORMED},
        {"{\"bn\":\"/3\",\"bn\":\"/4\",\"e\":[]}", KEDGE_E_MALFORMED},
        {"{\"e\":[]} {}", KEDGE_E_TRAILING},
        {"{\"e\":[{\"n\":\"/3/0/9\",\"v\":1}]", KEDGE_E_TRUNCATED},
        {"{\"e\":[{\"n\":\"/3/0/9\",\"v\":1,\"sv\":\"1\"}]}", KEDGE_E_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        require_end(KEDGE_LWM2M_FORMAT_JSON, kedge_slice_text(rows[i].json), &root, rows[i].end);
}

/* ---- CBOR ---- */

#define BYTES(...) \
    kedge_slice((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void cbor_is_taken_in_every_encoding_that_is_well_formed(void **state)
{
    (void)state;
    const struct kedge_lwm2m_path level = {{3, 0, 9}, 3};
    const uint32_t cbor = KEDGE_LWM2M_FORMAT_CBOR, senml = KEDGE_LWM2M_FORMAT_SENML_CBOR,
                   lwm2m = KEDGE_LWM2M_FORMAT_LWM2M_CBOR;
    require_records(cbor, BYTES(0x18, 0x05), &level, "/3/0/9=5"); /* longer than it needs */
    require_records(cbor, BYTES(0xF9, 0x48, 0x80), &level, "/3/0/9=9");
    require_records(cbor, BYTES(0xC4, 0x82, 0x01, 0x07), &level, "/3/0/9=70");
    require_records(cbor, BYTES(0xC1, 0x1A, 0x51, 0x82, 0x42, 0x8F), &level, "/3/0/9=1367491215");
    /* keys in any order, indefinite lengths, a label that is not known */
    require_records(senml,
                    BYTES(0x9F, 0xBF, 0x02, 0x01, 0x00, 0x61, '9', 0x21, 0x65, '/', '3', '/', '0',
                          '/', 0x61, 'x', 0x9F, 0xA1, 0x01, 0x02, 0xFF, 0xFF, 0xFF),
                    &root, "/3/0/9=1");
    require_records(senml, BYTES(0x80), &root, "");
    require_records(senml, BYTES(0x81, 0xA1, 0x00, 0x61, '/'), &root, "/=");
    require_records(
        lwm2m,
        BYTES(0xA1, 0x03, 0xA1, 0x00, 0xA2, 0x09, 0x18, 0x64, 0x06, 0xA2, 0x00, 0x01, 0x01, 0x05),
        &root, "/3/0/9=100\n/3/0/6/0=1\n/3/0/6/1=5");
    require_records(
        lwm2m, BYTES(0xA2, 0x82, 0x03, 0x00, 0xA1, 0x09, 0x01, 0x9F, 0x05, 0x00, 0x03, 0xFF, 0x02),
        &root, "/3/0/9=1\n/5/0/3=2");
    require_records(lwm2m, BYTES(0xBF, 0x03, 0xBF, 0x00, 0xBF, 0x09, 0x01, 0xFF, 0xFF, 0xFF), &root,
                    "/3/0/9=1");
    require_records(lwm2m, BYTES(0xA0), &root, "");
}

static void cbor_that_cannot_be_is_refused_with_its_own_result(void **state)
{
    (void)state;
    const uint32_t cbor = KEDGE_LWM2M_FORMAT_CBOR, senml = KEDGE_LWM2M_FORMAT_SENML_CBOR,
                   lwm2m = KEDGE_LWM2M_FORMAT_LWM2M_CBOR;
    const struct kedge_lwm2m_path level = {{3, 0, 9}, 3};
    const struct {
        uint32_t format;
        const char *bytes;
        size_t size;
        enum kedge_rc end;
    } rows[] = {
        {cbor, "", 0, KEDGE_E_TRUNCATED},
        {cbor, "\x01\x01", 2, KEDGE_E_TRAILING},
        {cbor, "\x80", 1, KEDGE_E_TYPE},
        {cbor, "\xF6", 1, KEDGE_E_TYPE},
        {cbor, "\xFF", 1, KEDGE_E_TYPE},
        {cbor, "\xC2\x41\x01", 3, KEDGE_E_UNSUPPORTED},     /* a big number */
        {cbor, "\xC1\x61\x31", 3, KEDGE_E_MALFORMED},
        {cbor, "\xC1\xC1\x01", 3, KEDGE_E_MALFORMED},
        {cbor, "\xC4\x82\x19\x07\xD0\x01", 6, KEDGE_E_LIMIT},
        {cbor, "\xF9\x7E\x00", 3, KEDGE_E_LIMIT}, /* NaN */
        {cbor, "\x62\xC3\x28", 3, KEDGE_E_MALFORMED},
        {cbor, "\x1C", 1, KEDGE_E_MALFORMED},
        {senml, "\xA0", 1, KEDGE_E_TYPE},
        {senml, "\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 9, KEDGE_E_TRUNCATED},
        {senml, "\x82\xA2\x00\x66/3/0/9\x02\x01", 12, KEDGE_E_TRUNCATED},
        {senml, "\x81\xA2\x00\x66/3/0/9\x02\x01\x00", 13, KEDGE_E_TRAILING},
        {senml, "\x81\xA3\x00\x66/3/0/9\x02\x01\x02\x01", 14, KEDGE_E_MALFORMED},
        {senml, "\x81\xA2\x00\x66/3/0/9\x02\x61\x31", 13, KEDGE_E_TYPE},
        {senml, "\x81\xA2\x00\x01\x02\x01", 6, KEDGE_E_TYPE},
        {senml, "\x81\xA2\x61n\x66/3/0/9\x02\x01", 13, KEDGE_E_MALFORMED},
        {senml, "\x81\xA3\x00\x66/3/0/9\x02\x01\x62x_\x01", 16, KEDGE_E_UNSUPPORTED},
        {senml, "\x81\xA1\x18\x20\x81\x81\x81\x81\x81\x81\x81\x81\x81\x80", 14, KEDGE_E_LIMIT},
        {senml, "\x81\xA1\x18\x20\xFF", 5, KEDGE_E_MALFORMED},
        {lwm2m, "\x80", 1, KEDGE_E_TYPE},
        {lwm2m, "\xA1\x03\x01", 3, KEDGE_E_MALFORMED}, /* a value at an object */
        {lwm2m, "\xA1\x03\xA1\x00\xA1\x09\xA1\x00\xA1\x00\x01", 11, KEDGE_E_MALFORMED},
        {lwm2m, "\xA1\x85\x03\x00\x09\x00\x00\x01", 8, KEDGE_E_MALFORMED},
        {lwm2m, "\xA1\x80\x01", 3, KEDGE_E_MALFORMED},
        {lwm2m, "\xA1\x9F\xFF\x01", 4, KEDGE_E_MALFORMED},
        {lwm2m, "\xA1\x61\x33\x01", 4, KEDGE_E_MALFORMED},
        {lwm2m, "\xA1\x19\xFF\xFF\x01", 5, KEDGE_E_MALFORMED},
        {lwm2m, "\xA0\x00", 2, KEDGE_E_TRAILING},
        {lwm2m, "\xBF\x03", 2, KEDGE_E_TRUNCATED},
        {lwm2m, "\xBA\xFF\xFF\xFF\xFF\x03\x01", 7, KEDGE_E_TRUNCATED},
        /* maps in maps: the levels run out before anything else does */
        {lwm2m, "\xA1\x80\xA1\x80\xA1\x80\xA1\x80\xA1\x80\xA1\x80", 12, KEDGE_E_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        require_end(rows[i].format, kedge_slice(rows[i].bytes, rows[i].size),
                    rows[i].format == cbor ? &level : &root, rows[i].end);
}

/* ---- TLV ---- */

static void tlv_is_taken_with_and_without_what_is_around_it(void **state)
{
    (void)state;
    const struct kedge_lwm2m_path object = {{3}, 1}, resource = {{3, 0, 6}, 3},
                                  instance = {{3, 0, 6, 1}, 4};
    const uint32_t tlv = KEDGE_LWM2M_FORMAT_TLV;
    require_records(tlv, kedge_slice(NULL, 0), &device_instance, "");
    require_records(tlv, BYTES(0x03, 0x00, 0xC1, 0x09, 0x64), &object, "/3/0/9=100");
    require_records(tlv, BYTES(0x03, 0x00, 0xC1, 0x09, 0x64, 0x03, 0x02, 0xC1, 0x09, 0x32), &object,
                    "/3/0/9=100\n/3/2/9=50");
    require_records(tlv, BYTES(0xC1, 0x09, 0x64), &object, "/3/0/9=100");
    require_records(tlv, BYTES(0x03, 0x00, 0xC1, 0x09, 0x64), &device_instance, "/3/0/9=100");
    require_records(tlv, BYTES(0x86, 0x06, 0x41, 0x00, 0x01, 0x41, 0x01, 0x05), &resource,
                    "/3/0/6/0=1\n/3/0/6/1=5");
    require_records(tlv, BYTES(0x41, 0x00, 0x01, 0x41, 0x01, 0x05), &resource,
                    "/3/0/6/0=1\n/3/0/6/1=5");
    require_records(tlv, BYTES(0x41, 0x01, 0x05), &instance, "/3/0/6/1=5");
    require_records(tlv, BYTES(0x83, 0x06, 0x41, 0x01, 0x05), &instance, "/3/0/6/1=5");
}

static void tlv_that_lies_is_refused(void **state)
{
    (void)state;
    const uint32_t tlv = KEDGE_LWM2M_FORMAT_TLV;
    require_end(tlv, BYTES(0xC1, 0x09), &device_instance, KEDGE_E_TRUNCATED);
    require_end(tlv, BYTES(0x83, 0x06, 0x42, 0x00, 0x01), &device_instance, KEDGE_E_TRUNCATED);
    require_end(tlv, BYTES(0xC8, 0x09, 0xFF, 0x64), &device_instance, KEDGE_E_TRUNCATED);
    require_end(tlv, BYTES(0xC1, 0x09, 0x64, 0x41, 0x00, 0x01), &device_instance,
                KEDGE_E_MALFORMED);
    require_end(tlv, BYTES(0x83, 0x06, 0xC1, 0x00, 0x01), &device_instance, KEDGE_E_MALFORMED);
    require_end(tlv, BYTES(0x05, 0x00, 0x03, 0x00, 0xC1, 0x09, 0x64), &device_instance,
                KEDGE_E_MALFORMED);
    require_end(tlv, BYTES(0x41, 0x00, 0x01), &device_instance, KEDGE_E_MALFORMED);
    require_end(tlv, BYTES(0xC1, 0x09, 0x64), &root, KEDGE_E_TYPE);
}

/* ---- the path that was asked for ---- */

static void a_record_outside_the_path_that_was_asked_for_is_refused(void **state)
{
    (void)state;
    const struct kedge_lwm2m_path level = {{3, 0, 9}, 3};
    const struct {
        uint32_t format;
        struct kedge_slice payload;
    } rows[] = {
        {KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text("[{\"n\":\"/5/0/3\",\"v\":1}]")},
        {KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text("[{\"n\":\"/3/0/8/0\",\"v\":1}]")},
        {KEDGE_LWM2M_FORMAT_SENML_JSON, kedge_slice_text("[{\"n\":\"/3\"}]")},
        {KEDGE_LWM2M_FORMAT_JSON, kedge_slice_text("{\"e\":[{\"n\":\"/3/1/9\",\"v\":1}]}")},
        {KEDGE_LWM2M_FORMAT_SENML_CBOR, kedge_slice("\x81\xA2\x00\x66/3/1/9\x02\x01", 12)},
        {KEDGE_LWM2M_FORMAT_LWM2M_CBOR, kedge_slice("\xA1\x83\x03\x01\x09\x01", 6)},
        {KEDGE_LWM2M_FORMAT_TLV, kedge_slice("\xC1\x08\x64", 3)},
        {KEDGE_LWM2M_FORMAT_TLV, kedge_slice("\x03\x01\xC1\x09\x64", 5)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        require_end(rows[i].format, rows[i].payload, &level, KEDGE_E_MALFORMED);
    require_end(KEDGE_LWM2M_FORMAT_TEXT, kedge_slice_text("1"), &device_instance, KEDGE_E_TYPE);
    require_end(KEDGE_LWM2M_FORMAT_LINK, kedge_slice_text("</3>"), &root, KEDGE_E_UNSUPPORTED);
}

static void a_value_that_is_there_twice_is_no_value(void **state)
{
    (void)state;
    const struct kedge_lwm2m_path path = {{3, 0, 9}, 3};
    struct kedge_lwm2m_value value;
    assert_int_equal(
        kedge_lwm2m_value_read(
            KEDGE_LWM2M_FORMAT_SENML_JSON,
            kedge_slice_text("[{\"n\":\"/3/0/9\",\"v\":1},{\"n\":\"/3/0/9\",\"v\":1}]"), &path,
            KEDGE_LWM2M_INTEGER, NULL, &value),
        KEDGE_E_MALFORMED);
}

/* ---- writing ---- */

static void what_a_format_cannot_hold_is_not_written(void **state)
{
    (void)state;
    struct kedge_lwm2m_record records[] = {
        {.path = {{3, 0, 9}, 3}, .value = {.type = KEDGE_LWM2M_INTEGER, .integer = 1}},
        {.path = {{3, 0, 10}, 3}, .value = {.type = KEDGE_LWM2M_NOTHING}},
    };
    const struct kedge_lwm2m_path level = records[0].path;
    uint8_t bytes[64];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    const uint32_t single[] = {KEDGE_LWM2M_FORMAT_TEXT, KEDGE_LWM2M_FORMAT_CBOR,
                               KEDGE_LWM2M_FORMAT_OPAQUE};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kedge_lwm2m_records_write(single[i], &device_instance, records, 1, &out),
                         KEDGE_E_TYPE);
    assert_int_equal(kedge_lwm2m_records_write(KEDGE_LWM2M_FORMAT_OPAQUE, &level, records, 1, &out),
                     KEDGE_E_TYPE);
    const uint32_t valued[] = {KEDGE_LWM2M_FORMAT_TLV, KEDGE_LWM2M_FORMAT_JSON,
                               KEDGE_LWM2M_FORMAT_LWM2M_CBOR};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kedge_lwm2m_records_write(valued[i], &device_instance, records, 2, &out),
                         KEDGE_E_TYPE);
    assert_int_equal(kedge_lwm2m_records_write(KEDGE_LWM2M_FORMAT_SENML_CBOR, &device_instance,
                                               records, 2, &out),
                     KEDGE_OK);
    out = kedge_writer(bytes, sizeof bytes);
    assert_int_equal(
        kedge_lwm2m_records_write(KEDGE_LWM2M_FORMAT_SENML_CBOR, &level, records, 2, &out),
        KEDGE_E_ARGUMENT); /* outside */
    records[1] = records[0];
    assert_int_equal(
        kedge_lwm2m_records_write(KEDGE_LWM2M_FORMAT_SENML_CBOR, &root, records, 2, &out),
        KEDGE_E_ARGUMENT); /* twice */
    assert_int_equal(kedge_lwm2m_records_write(50, &root, records, 1, &out), KEDGE_E_UNSUPPORTED);
    assert_int_equal(out.size, 0);
}

static void a_resource_and_an_instance_of_it_do_not_go_together(void **state)
{
    (void)state;
    const struct kedge_lwm2m_record records[] = {
        {.path = {{3, 0, 6}, 3}, .value = {.type = KEDGE_LWM2M_INTEGER}},
        {.path = {{3, 0, 6, 0}, 4}, .value = {.type = KEDGE_LWM2M_INTEGER}},
    };
    uint8_t bytes[64];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    const uint32_t nested[] = {KEDGE_LWM2M_FORMAT_TLV, KEDGE_LWM2M_FORMAT_LWM2M_CBOR};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(kedge_lwm2m_records_write(nested[i], &device_instance, records, 2, &out),
                         KEDGE_E_ARGUMENT);
}

static void what_does_not_fit_writes_nothing(void **state)
{
    (void)state;
    static const uint32_t formats[] = {KEDGE_LWM2M_FORMAT_TLV, KEDGE_LWM2M_FORMAT_SENML_JSON,
                                       KEDGE_LWM2M_FORMAT_SENML_CBOR, KEDGE_LWM2M_FORMAT_JSON,
                                       KEDGE_LWM2M_FORMAT_LWM2M_CBOR};
    struct reading device;
    read_text(&device, KEDGE_LWM2M_FORMAT_SENML_JSON, oma_senml_json, &device_instance);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        uint8_t bytes[1024];
        enum kedge_rc rc = KEDGE_E_BUFFER;
        for (size_t room = 0; rc != KEDGE_OK; room++) {
            struct kedge_writer out = kedge_writer(bytes, room);
            memset(bytes, 0x5A, sizeof bytes);
            rc = kedge_lwm2m_records_write(formats[i], &device_instance, device.records,
                                           device.count, &out);
            assert_true(rc == KEDGE_OK || (rc == KEDGE_E_BUFFER && out.size == 0));
            for (size_t k = room; k < sizeof bytes; k++)
                assert_int_equal(bytes[k], 0x5A);
        }
    }
}

static void strings_that_need_room_fail_without_it(void **state)
{
    (void)state;
    const struct kedge_lwm2m_path path = {{3, 0, 0}, 3};
    struct kedge_lwm2m_value value;
    uint8_t bytes[2];
    struct kedge_writer scratch = kedge_writer(bytes, sizeof bytes);
    struct kedge_slice payload = kedge_slice_text("[{\"n\":\"/3/0/0\",\"vs\":\"\\u0041bc\"}]");
    assert_int_equal(kedge_lwm2m_value_read(KEDGE_LWM2M_FORMAT_SENML_JSON, payload, &path,
                                            KEDGE_LWM2M_STRING, NULL, &value),
                     KEDGE_E_BUFFER);
    assert_int_equal(kedge_lwm2m_value_read(KEDGE_LWM2M_FORMAT_SENML_JSON, payload, &path,
                                            KEDGE_LWM2M_STRING, &scratch, &value),
                     KEDGE_E_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_examples_of_the_specifications_are_read),
        cmocka_unit_test(the_cbor_example_of_an_object_link_is_read),
        cmocka_unit_test(the_device_goes_through_every_format_of_several_records),
        cmocka_unit_test(json_is_written_as_the_specifications_print_it),
        cmocka_unit_test(every_type_goes_through_every_format),
        cmocka_unit_test(numbers_are_taken_as_the_type_that_the_resource_has),
        cmocka_unit_test(names_and_bases_are_put_together_as_rfc_8428_says),
        cmocka_unit_test(senml_that_cannot_be_is_refused_with_its_own_result),
        cmocka_unit_test(lwm2m_json_is_taken_in_any_order_and_refused_when_it_cannot_be),
        cmocka_unit_test(cbor_is_taken_in_every_encoding_that_is_well_formed),
        cmocka_unit_test(cbor_that_cannot_be_is_refused_with_its_own_result),
        cmocka_unit_test(tlv_is_taken_with_and_without_what_is_around_it),
        cmocka_unit_test(tlv_that_lies_is_refused),
        cmocka_unit_test(a_record_outside_the_path_that_was_asked_for_is_refused),
        cmocka_unit_test(a_value_that_is_there_twice_is_no_value),
        cmocka_unit_test(what_a_format_cannot_hold_is_not_written),
        cmocka_unit_test(a_resource_and_an_instance_of_it_do_not_go_together),
        cmocka_unit_test(what_does_not_fit_writes_nothing),
        cmocka_unit_test(strings_that_need_room_fail_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
