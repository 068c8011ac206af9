/* test_client_model.c: what a server may do with which resource, in which format, with which code.
 */
#include "tests/unit/client/model_device.h"

/* ---- Read ---- */

static void every_readable_resource_is_read_as_text(void **state)
{
    struct device *device = *state;
    static const struct {
        const char *path, *text;
    } expected[] = {
        {"/1/0/0", "1000"},     {"/1/0/1", "1010"},  {"/1/0/2", "1020"},   {"/1/0/3", "1030"},
        {"/1/0/5", "1050"},     {"/1/0/6", "1"},     {"/1/0/7", "text"},   {"/1/0/23", "1"},
        {"/3/0/0", "text"},     {"/2/0/0", "2000"},  {"/2/4/1", "402010"}, {"/2/0/3", "2030"},
        {"/3/0/1", "text"},     {"/3/0/2", "text"},  {"/3/0/3", "text"},   {"/3/0/10", "3100"},
        {"/3/0/11/0", "3110"},  {"/3/0/13", "3130"}, {"/3/0/14", "text"},  {"/3/0/15", "text"},
        {"/3/0/16", "text"},    {"/3/0/17", "text"}, {"/3/0/18", "text"},  {"/3/0/19", "text"},
        {"/3/0/21", "3210"},    {"/4/0/0", "4000"},  {"/4/0/1/0", "4010"}, {"/4/0/2", "4020"},
        {"/4/0/4/0", "text"},   {"/5/0/1", "text"},  {"/5/0/3", "5030"},   {"/5/0/5", "5050"},
        {"/5/0/6", "text"},     {"/5/0/7", "text"},  {"/5/0/8/0", "5080"}, {"/5/0/8/1", "5081"},
        {"/5/0/9", "5090"},     {"/5/0/11", "5110"}, {"/5/0/12", "5120"},  {"/5/0/13", "5130"},
        {"/26241/0/0", "text"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct kedge_model_answer answer =
            ask(device, KEDGE_COAP_GET, expected[i].path, NONE, NONE, kedge_slice(NULL, 0));
        assert_int_equal(answer.code, KEDGE_COAP_CONTENT);
        assert_int_equal(answer.format, TEXT);
        assert_payload(device, expected[i].text);
        assert_int_equal(get(device, expected[i].path, TEXT), KEDGE_COAP_CONTENT);
        assert_int_equal(get(device, expected[i].path, TLV), KEDGE_COAP_CONTENT);
        const uint32_t others[] = {CBOR, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR};
        for (size_t j = 0; j < sizeof others / sizeof others[0]; j++) {
            answer = ask(device, KEDGE_COAP_GET, expected[i].path, NONE, others[j],
                         kedge_slice(NULL, 0));
            assert_int_equal(answer.code, KEDGE_COAP_CONTENT);
            assert_int_equal(answer.format, others[j]);
        }
        assert_int_equal(get(device, expected[i].path, OPAQUE), KEDGE_COAP_NOT_ACCEPTABLE);
        assert_int_equal(get(device, expected[i].path, 65535), KEDGE_COAP_NOT_ACCEPTABLE);
    }
}

static void what_is_only_written_or_executed_cannot_be_read(void **state)
{
    struct device *device = *state;
    const char *const paths[] = {"/1/0/4",  "/1/0/8", "/1/0/9", "/3/0/4",
                                 "/3/0/12", "/5/0/0", "/5/0/2", "/5/0/10"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(get(device, paths[i], NONE), KEDGE_COAP_METHOD_NOT_ALLOWED);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct device *device = *state;
    const char *const paths[] = {"/2/5",      "/2/0/2",   "/4/0/3",     "/4/1",   "/3/0/5",
                                 "/5/1",      "/5/0/4",   "/5/0/14",    "/6/0/0", "/5/0/8/2",
                                 "/3/0/11/1", "/5/0/3/0", "/26241/0/1", "/3/1/0", "/65534"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(get(device, paths[i], NONE), KEDGE_COAP_NOT_FOUND);
    device->has_hardware = false;
    assert_int_equal(get(device, "/3/0/18", NONE), KEDGE_COAP_NOT_FOUND);
}

/* OMA LwM2M Core 1.1, E.1: servers have no business in the security object. */
static void the_security_object_is_not_for_servers(void **state)
{
    struct device *device = *state;
    const char *const paths[] = {"/0", "/0/0", "/0/0/0", "/0/0/5"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(get(device, paths[i], NONE), KEDGE_COAP_UNAUTHORIZED);
        assert_int_equal(get(device, paths[i], LINK), KEDGE_COAP_UNAUTHORIZED);
        assert_int_equal(put_text(device, paths[i], "x"), KEDGE_COAP_UNAUTHORIZED);
    }
    assert_int_equal(device->writes, 0);
}

static void an_instance_is_read_as_tlv_with_every_value(void **state)
{
    struct device *device = *state;
    assert_int_equal(get(device, "/5/0", NONE), KEDGE_COAP_CONTENT);
    const struct kedge_slice payload = kedge_writer_slice(&device->out);
    static const struct {
        uint16_t resource;
        int64_t value;
    } integers[] = {{3, 5030}, {5, 5050}, {9, 5090}, {12, 5120}};
    for (size_t i = 0; i < 4; i++) {
        struct kedge_slice bytes;
        struct kedge_lwm2m_value value;
        assert_int_equal(kedge_tlv_find_resource(payload, 0, integers[i].resource, &bytes),
                         KEDGE_OK);
        assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_INTEGER, &value), KEDGE_OK);
        assert_int_equal(value.integer, integers[i].value);
    }
    struct kedge_slice protocols;
    assert_int_equal(kedge_tlv_find_resource(payload, 0, 8, &protocols), KEDGE_OK);
    /* Two resource instances of two bytes each: 5080 is 0x13D8. */
    static const uint8_t expected[] = {0x42, 0, 0x13, 0xD8, 0x42, 1, 0x13, 0xD9};
    assert_int_equal(protocols.size, sizeof expected);
    assert_memory_equal(protocols.data, expected, sizeof expected);
    struct kedge_slice bytes;
    for (uint16_t resource = 0; resource < 3; resource += 2)
        assert_int_equal(kedge_tlv_find_resource(payload, 0, resource, &bytes), KEDGE_E_NOT_FOUND);
}

static void an_object_is_read_with_its_instance_around(void **state)
{
    struct device *device = *state;
    assert_int_equal(get(device, "/26241", TLV), KEDGE_COAP_CONTENT);
    /* Object instance 0 of 6 bytes: resource 0 of 4 bytes, "text". */
    static const uint8_t expected[] = {0x06, 0, 0xC4, 0, 't', 'e', 'x', 't'};
    assert_int_equal(device->out.size, sizeof expected);
    assert_memory_equal(device->out.data, expected, sizeof expected);
    assert_int_equal(get(device, "/26241", TEXT), KEDGE_COAP_NOT_ACCEPTABLE);
    assert_int_equal(get(device, "/26241/0", CBOR), KEDGE_COAP_NOT_ACCEPTABLE);
    assert_int_equal(get(device, "/26241/0", OPAQUE), KEDGE_COAP_NOT_ACCEPTABLE);
}

static void an_instance_is_read_in_the_format_that_is_asked_for(void **state)
{
    struct device *device = *state;
    assert_int_equal(get(device, "/26241/0", SENML_JSON), KEDGE_COAP_CONTENT);
    assert_payload(device, "[{\"bn\":\"/26241/0/\",\"n\":\"0\",\"vs\":\"text\"}]");
    assert_int_equal(get(device, "/26241/0", JSON), KEDGE_COAP_CONTENT);
    assert_payload(device, "{\"bn\":\"/26241/0/\",\"e\":[{\"n\":\"0\",\"sv\":\"text\"}]}");
    /* {26241: {0: {0: "text"}}} */
    static const uint8_t expected[] = {0xA1, 0x19, 0x66, 0x81, 0xA1, 0,  0xA1,
                                       0,    0x64, 't',  'e',  'x',  't'};
    assert_int_equal(get(device, "/26241", LWM2M_CBOR), KEDGE_COAP_CONTENT);
    assert_int_equal(device->out.size, sizeof expected);
    assert_memory_equal(device->out.data, expected, sizeof expected);
}

static void a_value_that_is_missing_is_left_out_of_its_instance(void **state)
{
    struct device *device = *state;
    struct kedge_slice bytes;
    assert_int_equal(get(device, "/3/0", NONE), KEDGE_COAP_CONTENT);
    assert_int_equal(kedge_tlv_find_resource(kedge_writer_slice(&device->out), 0, 18, &bytes),
                     KEDGE_OK);
    device->has_hardware = false;
    assert_int_equal(get(device, "/3/0", NONE), KEDGE_COAP_CONTENT);
    assert_int_equal(kedge_tlv_find_resource(kedge_writer_slice(&device->out), 0, 18, &bytes),
                     KEDGE_E_NOT_FOUND);
}

static void a_whole_multiple_resource_has_no_text(void **state)
{
    struct device *device = *state;
    struct kedge_model_answer answer =
        ask(device, KEDGE_COAP_GET, "/5/0/8", NONE, NONE, kedge_slice(NULL, 0));
    assert_int_equal(answer.code, KEDGE_COAP_CONTENT);
    assert_int_equal(answer.format, TLV);
    assert_int_equal(get(device, "/5/0/8", TEXT), KEDGE_COAP_NOT_ACCEPTABLE);
}

static void a_device_that_cannot_say_answers_5_00(void **state)
{
    struct device *device = *state;
    device->read_rc = KEDGE_E_SYSTEM;
    assert_int_equal(get(device, "/3/0/3", NONE), KEDGE_COAP_INTERNAL_ERROR);
    assert_int_equal(get(device, "/3/0", NONE), KEDGE_COAP_INTERNAL_ERROR);
    assert_int_equal(get(device, "/3", NONE), KEDGE_COAP_INTERNAL_ERROR);
    assert_int_equal(get(device, "/5/0/8", NONE), KEDGE_COAP_INTERNAL_ERROR);
}

/* ---- Discover ---- */

static void discover_lists_what_is_there(void **state)
{
    struct device *device = *state;
    struct kedge_model_answer answer =
        ask(device, KEDGE_COAP_GET, "/5", NONE, LINK, kedge_slice(NULL, 0));
    assert_int_equal(answer.code, KEDGE_COAP_CONTENT);
    assert_int_equal(answer.format, LINK);
    assert_payload(device, "</5>;ver=1.1,</5/0>,</5/0/0>,</5/0/1>,</5/0/2>,</5/0/3>,</5/0/5>,"
                           "</5/0/6>,</5/0/7>,</5/0/8>,</5/0/9>,</5/0/10>,</5/0/11>,"
                           "</5/0/12>,</5/0/13>");
    assert_int_equal(get(device, "/26241/0", LINK), KEDGE_COAP_CONTENT);
    assert_payload(device, "</26241/0>,</26241/0/0>");
    assert_int_equal(get(device, "/1/0/8", LINK), KEDGE_COAP_CONTENT);
    assert_payload(device, "</1/0/8>");
    assert_int_equal(get(device, "/7", LINK), KEDGE_COAP_NOT_FOUND);
}

/* All that holds at the path that is asked for, and of what is below it, its own. */
static void discover_tells_attributes(void **state)
{
    struct device *device = *state;
    assert_int_equal(get(device, "/1/0", LINK), KEDGE_COAP_CONTENT);
    assert_payload(
        device, "</1/0>;pmin=5;pmax=9,</1/0/0>,</1/0/1>;pmin=5,</1/0/2>,</1/0/3>,</1/0/4>,</1/0/5>,"
                "</1/0/6>,</1/0/7>,</1/0/8>,</1/0/9>,</1/0/23>");
    assert_int_equal(get(device, "/1/0/1", LINK), KEDGE_COAP_CONTENT);
    assert_payload(device, "</1/0/1>;pmin=5;pmax=9");
    device->hooks.has_bootstrap_trigger = false;
    assert_int_equal(get(device, "/1/0", LINK), KEDGE_COAP_CONTENT);
    assert_payload(
        device, "</1/0>;pmin=5;pmax=9,</1/0/0>,</1/0/1>;pmin=5,</1/0/2>,</1/0/3>,</1/0/4>,</1/0/5>,"
                "</1/0/6>,</1/0/7>,</1/0/8>,</1/0/23>");
}

static void attributes_are_attached_to_what_is_there(void **state)
{
    const struct device *device = *state;
    static const struct {
        const char *path;
        uint8_t refused;
        bool is_number;
    } expected[] = {{"/5", 0, false},
                    {"/5/0", 0, false},
                    {"/5/0/3", 0, true},
                    {"/5/0/8/1", 0, true},
                    {"/5/0/1", 0, false},
                    {"/5/0/12", 0, false},
                    {"/5/0/4", KEDGE_COAP_NOT_FOUND, false},
                    {"/5/0/3/0", KEDGE_COAP_NOT_FOUND, false},
                    {"/0/0/1", KEDGE_COAP_UNAUTHORIZED, false},
                    {"/", KEDGE_COAP_METHOD_NOT_ALLOWED, false}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct kedge_lwm2m_path path;
        bool is_number = true;
        assert_int_equal(kedge_lwm2m_path_parse(kedge_slice_text(expected[i].path), &path),
                         KEDGE_OK);
        assert_int_equal(kedge_model_attributes_refusal(&device->hooks, &path, &is_number),
                         expected[i].refused);
        assert_int_equal(is_number, expected[i].is_number);
    }
}

static void one_numeric_value_is_a_number(void **state)
{
    struct device *device = *state;
    struct kedge_model_paths paths = {.paths = {{.ids = {5, 0, 3}, .depth = 3}}, .count = 1};
    double number = 0;
    assert_true(kedge_model_number(&device->hooks, &paths, &number));
    assert_true(number > 5029.5 && number < 5030.5);
    paths.composite = true;
    assert_false(kedge_model_number(&device->hooks, &paths, &number));
    paths.composite = false;
    static const struct kedge_lwm2m_path others[] = {{.ids = {5, 0, 8}, .depth = 3},
                                                     {.ids = {5, 0, 8, 7}, .depth = 4},
                                                     {.ids = {5, 0, 1}, .depth = 3},
                                                     {.ids = {5, 0}, .depth = 2}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        paths.paths[0] = others[i];
        assert_false(kedge_model_number(&device->hooks, &paths, &number));
    }
    paths.paths[0] = (struct kedge_lwm2m_path){.ids = {5, 0, 8, 1}, .depth = 4};
    assert_true(kedge_model_number(&device->hooks, &paths, &number));
}

static void discover_leaves_out_what_has_no_value(void **state)
{
    struct device *device = *state;
    assert_int_equal(get(device, "/3/0", LINK), KEDGE_COAP_CONTENT);
    device->out.data[device->out.size] = '\0';
    assert_non_null(strstr((const char *)device->out.data, "</3/0/18>"));
    device->has_hardware = false;
    assert_int_equal(get(device, "/3/0", LINK), KEDGE_COAP_CONTENT);
    device->out.data[device->out.size] = '\0';
    assert_null(strstr((const char *)device->out.data, "</3/0/18>"));
    assert_non_null(strstr((const char *)device->out.data, "</3/0/4>"));
}

static void a_register_links_every_instance(void **state)
{
    struct device *device = *state;
    device->out = kedge_writer(device->payload, sizeof device->payload);
    assert_int_equal(kedge_model_links(&device->out), KEDGE_OK);
    assert_payload(
        device,
        "</>" KEDGE_MODEL_FORMATS
        ",</1/0>,</2/0>,</2/1>,</2/2>,</2/3>,</2/4>,</3/0>,</4/0>,</5>;ver=1.1,</5/0>,</26241/0>");
}

/* ---- Write ---- */

static void a_writable_resource_is_written_in_text_and_tlv(void **state)
{
    struct device *device = *state;
    assert_int_equal(put_text(device, "/5/0/1", "coap://h/fw"), KEDGE_COAP_CHANGED);
    assert_int_equal(device->object, 5);
    assert_int_equal(device->resource, 1);
    assert_int_equal(device->size, 11);
    assert_memory_equal(device->bytes, "coap://h/fw", 11);
    static const uint8_t tlv[] = {0xC2, 1, 0x02, 0x58};
    assert_int_equal(
        ask(device, KEDGE_COAP_PUT, "/1/0/1", TLV, NONE, kedge_slice(tlv, sizeof tlv)).code,
        KEDGE_COAP_CHANGED);
    assert_int_equal(device->integer, 600);
    assert_int_equal(put_text(device, "/1/0/1", "77"), KEDGE_COAP_CHANGED);
    assert_int_equal(device->integer, 77);
    assert_int_equal(put_text(device, "/1/0/6", "1"), KEDGE_COAP_CHANGED);
    assert_int_equal(device->integer, 1);
    assert_int_equal(device->writes, 4);
}

static void a_write_without_a_format_is_text_or_opaque(void **state)
{
    struct device *device = *state;
    assert_int_equal(
        ask(device, KEDGE_COAP_PUT, "/5/0/1", NONE, NONE, kedge_slice_text("coap://h")).code,
        KEDGE_COAP_CHANGED);
    assert_int_equal(device->size, 8);
    assert_int_equal(ask(device, KEDGE_COAP_PUT, "/5/0/0", NONE, NONE, kedge_slice("\0", 1)).code,
                     KEDGE_COAP_CHANGED);
    assert_int_equal(device->size, 1);
    assert_int_equal(device->bytes[0], 0);
    assert_int_equal(
        ask(device, KEDGE_COAP_PUT, "/5/0/0", TEXT, NONE, kedge_slice_text("AA==")).code,
        KEDGE_COAP_CHANGED);
    assert_int_equal(device->size, 1);
}

static void the_empty_uri_reaches_the_device(void **state)
{
    struct device *device = *state;
    assert_int_equal(put_text(device, "/5/0/1", ""), KEDGE_COAP_CHANGED);
    assert_int_equal(device->writes, 1);
    assert_int_equal(device->size, 0);
}

static void what_cannot_be_written_is_refused(void **state)
{
    struct device *device = *state;
    const char *const paths[] = {"/5/0/3",   "/5/0/2", "/3/0/3", "/3/0/4",  "/1/0/0", "/5",
                                 "/5/0/8/0", "/2/0/0", "/2/0/1", "/3/0/13", "/4/0/0"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(put_text(device, paths[i], "1"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(device->writes, 0);
}

static void a_value_that_does_not_fit_its_type_is_refused(void **state)
{
    struct device *device = *state;
    const char *const wrong[] = {"", "x", "1.5", "99999999999999999999", "0x10", " 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(put_text(device, "/1/0/1", wrong[i]), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(put_text(device, "/1/0/6", "2"), KEDGE_COAP_BAD_REQUEST);
    char longer[KEDGE_LWM2M_STRING_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(put_text(device, "/5/0/1", longer), KEDGE_COAP_BAD_REQUEST);
    static const uint8_t lying[] = {0xC8, 1, 200, 'c'};
    assert_int_equal(
        ask(device, KEDGE_COAP_PUT, "/5/0/1", TLV, NONE, kedge_slice(lying, sizeof lying)).code,
        KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(device->writes, 0);
}

static void a_resource_is_written_in_every_format(void **state)
{
    struct device *device = *state;
    static const struct {
        uint32_t format;
        const char *payload;
        size_t size;
    } lifetimes[] = {
        {CBOR, "\x19\x02\x58", 3},
        {SENML_JSON, "[{\"bn\":\"/1/0/1\",\"v\":600}]", 25},
        {SENML_CBOR, "\x81\xA2\x21\x66/1/0/1\x02\x19\x02\x58", 14},
        {JSON, "{\"bn\":\"/1/0/1\",\"e\":[{\"v\":600}]}", 31},
        {LWM2M_CBOR, "\xA1\x83\x01\x00\x01\x19\x02\x58", 8},
    };
    for (size_t i = 0; i < sizeof lifetimes / sizeof lifetimes[0]; i++) {
        device->integer = 0;
        assert_int_equal(ask(device, KEDGE_COAP_PUT, "/1/0/1", lifetimes[i].format, NONE,
                             kedge_slice(lifetimes[i].payload, lifetimes[i].size))
                             .code,
                         KEDGE_COAP_CHANGED);
        assert_int_equal(device->integer, 600);
    }
}

static void formats_that_are_not_spoken_are_4_15(void **state)
{
    struct device *device = *state;
    const uint32_t formats[] = {50, 65535, LINK};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        assert_int_equal(
            ask(device, KEDGE_COAP_PUT, "/1/0/1", formats[i], NONE, kedge_slice_text("1")).code,
            KEDGE_COAP_UNSUPPORTED_FORMAT);
        assert_int_equal(
            ask(device, KEDGE_COAP_PUT, "/1/0", formats[i], NONE, kedge_slice_text("1")).code,
            KEDGE_COAP_UNSUPPORTED_FORMAT);
    }
    /* An instance is more than one value. */
    const uint32_t single[] = {NONE, TEXT, OPAQUE, CBOR};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        assert_int_equal(
            ask(device, KEDGE_COAP_PUT, "/1/0", single[i], NONE, kedge_slice_text("1")).code,
            KEDGE_COAP_UNSUPPORTED_FORMAT);
    assert_int_equal(device->writes, 0);
}

static uint8_t write_instance(struct device *device, uint8_t method, const void *tlv, size_t size)
{
    return ask(device, method, "/1/0", TLV, NONE, kedge_slice(tlv, size)).code;
}

static void an_instance_is_written_resource_by_resource(void **state)
{
    struct device *device = *state;
    static const uint8_t bare[] = {0xC2, 1, 0x02, 0x58, 0xC1, 6, 1};
    static const uint8_t wrapped[] = {0x07, 0, 0xC2, 1, 0x02, 0x58, 0xC1, 6, 1};
    assert_int_equal(write_instance(device, KEDGE_COAP_PUT, bare, sizeof bare), KEDGE_COAP_CHANGED);
    assert_int_equal(device->writes, 2);
    assert_int_equal(device->unsets, 1); /* a Replace */
    assert_int_equal(write_instance(device, KEDGE_COAP_POST, wrapped, sizeof wrapped),
                     KEDGE_COAP_CHANGED);
    assert_int_equal(device->writes, 4);
    assert_int_equal(device->unsets, 1);
}

static void an_instance_is_written_whole_or_not_at_all(void **state)
{
    struct device *device = *state;
    static const uint8_t read_only[] = {0xC2, 1, 0x02, 0x58, 0xC1, 0, 1};
    static const uint8_t unknown[] = {0xC2, 1, 0x02, 0x58, 0xC1, 99, 1};
    static const uint8_t wrong_type[] = {0xC2, 1, 0x02, 0x58, 0xC1, 6, 2};
    static const uint8_t cut[] = {0xC2, 1, 0x02, 0x58, 0xC1, 6};
    assert_int_equal(write_instance(device, KEDGE_COAP_PUT, read_only, sizeof read_only),
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(write_instance(device, KEDGE_COAP_PUT, unknown, sizeof unknown),
                     KEDGE_COAP_NOT_FOUND);
    assert_int_equal(write_instance(device, KEDGE_COAP_PUT, wrong_type, sizeof wrong_type),
                     KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(write_instance(device, KEDGE_COAP_PUT, cut, sizeof cut),
                     KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(write_instance(device, KEDGE_COAP_PUT, NULL, 0), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(device->writes, 0);
    assert_int_equal(device->unsets, 0);
}

static void the_answer_of_the_device_to_a_write_is_handed_on(void **state)
{
    struct device *device = *state;
    device->code = KEDGE_COAP_METHOD_NOT_ALLOWED;
    assert_int_equal(put_text(device, "/5/0/1", "coap://h"), KEDGE_COAP_METHOD_NOT_ALLOWED);
    device->code = KEDGE_COAP_BAD_REQUEST;
    static const uint8_t tlv[] = {0xC1, 1, 1};
    assert_int_equal(write_instance(device, KEDGE_COAP_PUT, tlv, sizeof tlv),
                     KEDGE_COAP_BAD_REQUEST);
}

/* ---- Execute, and methods that are nowhere ---- */

static void what_can_be_executed_is_executed_once(void **state)
{
    struct device *device = *state;
    static const struct {
        const char *path;
        uint16_t object, resource;
    } executable[] = {{"/1/0/4", 1, 4},   {"/1/0/8", 1, 8}, {"/1/0/9", 1, 9},  {"/3/0/4", 3, 4},
                      {"/3/0/12", 3, 12}, {"/5/0/2", 5, 2}, {"/5/0/10", 5, 10}};
    for (unsigned i = 0; i < sizeof executable / sizeof executable[0]; i++) {
        assert_int_equal(
            ask(device, KEDGE_COAP_POST, executable[i].path, NONE, NONE, kedge_slice(NULL, 0)).code,
            KEDGE_COAP_CHANGED);
        assert_int_equal(device->executes, i + 1);
        assert_int_equal(device->object, executable[i].object);
        assert_int_equal(device->resource, executable[i].resource);
    }
    ask(device, KEDGE_COAP_POST, "/5/0/2", TEXT, NONE, kedge_slice_text("0='x'"));
    assert_int_equal(device->size, 5);
    device->code = KEDGE_COAP_METHOD_NOT_ALLOWED;
    assert_int_equal(ask(device, KEDGE_COAP_POST, "/5/0/2", NONE, NONE, kedge_slice(NULL, 0)).code,
                     KEDGE_COAP_METHOD_NOT_ALLOWED);
}

static void other_methods_are_not_allowed(void **state)
{
    struct device *device = *state;
    const uint8_t methods[] = {KEDGE_COAP_DELETE, KEDGE_COAP_FETCH, 6, KEDGE_COAP_IPATCH};
    const char *const paths[] = {"/5", "/5/0", "/5/0/1", "/5/0/2"};
    for (size_t i = 0; i < sizeof methods; i++)
        for (size_t j = 0; j < sizeof paths / sizeof paths[0]; j++)
            assert_int_equal(
                ask(device, methods[i], paths[j], NONE, NONE, kedge_slice(NULL, 0)).code,
                KEDGE_COAP_METHOD_NOT_ALLOWED);
    const char *const not_executable[] = {"/5/0/1", "/5/0/3", "/3/0/3", "/5"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            ask(device, KEDGE_COAP_POST, not_executable[i], TEXT, NONE, kedge_slice_text("1")).code,
            KEDGE_COAP_METHOD_NOT_ALLOWED);
    const uint8_t at_root[] = {KEDGE_COAP_GET, KEDGE_COAP_PUT, KEDGE_COAP_POST, KEDGE_COAP_DELETE,
                               6};
    for (size_t i = 0; i < sizeof at_root; i++)
        assert_int_equal(ask(device, at_root[i], "/", NONE, NONE, kedge_slice(NULL, 0)).code,
                         KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(device->writes + device->executes, 0);
}

/* ---- several instances ---- */

static void access_control_has_an_instance_for_each_other_one(void **state)
{
    struct device *device = *state;
    static const uint16_t expected[] = {1, 3, 4, 5, KEDGE_LWM2M_OBJECT_KEDGE};
    uint16_t object;
    for (uint16_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(kedge_model_access(i, &object));
        assert_int_equal(object, expected[i]);
    }
    assert_false(kedge_model_access(5, &object));
    assert_int_equal(get(device, "/2/1", SENML_JSON), KEDGE_COAP_CONTENT);
    assert_payload(device, "[{\"bn\":\"/2/1/\",\"n\":\"0\",\"v\":102000},"
                           "{\"n\":\"1\",\"v\":102010},{\"n\":\"3\",\"v\":102030}]");
    assert_int_equal(get(device, "/2/3", LINK), KEDGE_COAP_CONTENT);
    assert_payload(device, "</2/3>,</2/3/0>,</2/3/1>,</2/3/3>");
    assert_int_equal(get(device, "/2", LINK), KEDGE_COAP_CONTENT);
    device->out.data[device->out.size] = '\0';
    const char *text = (const char *)device->out.data;
    assert_int_equal(strncmp(text, "</2>,</2/0>,</2/0/0>,", 21), 0);
    assert_non_null(strstr(text, ",</2/4>,</2/4/0>,"));
}

/* In TLV the resources of an instance stand together. */
static void an_object_of_several_instances_is_read_whole(void **state)
{
    struct device *device = *state;
    assert_int_equal(get(device, "/2", TLV), KEDGE_COAP_CONTENT);
    const struct kedge_slice payload = kedge_writer_slice(&device->out);
    for (uint16_t i = 0; i < 5; i++) {
        struct kedge_slice bytes;
        struct kedge_lwm2m_value value;
        assert_int_equal(kedge_tlv_find_resource(payload, i, 3, &bytes), KEDGE_OK);
        assert_int_equal(kedge_tlv_value(bytes, KEDGE_LWM2M_INTEGER, &value), KEDGE_OK);
        assert_int_equal(value.integer, 2030 + 100000 * i);
    }
}

/* ---- what is told apart by the mark ---- */

static uint32_t mark_of(struct device *device, const char *path)
{
    struct kedge_model_answer answer =
        ask(device, KEDGE_COAP_GET, path, NONE, SENML_CBOR, kedge_slice(NULL, 0));
    assert_int_equal(answer.code, KEDGE_COAP_CONTENT);
    return answer.mark;
}

static bool tells(struct device *device, const char *path, uint16_t object, uint16_t resource)
{
    device->moved_by = 0;
    device->moving = (struct kedge_lwm2m_path){.ids = {object, 0, resource}, .depth = 3};
    uint32_t before = mark_of(device, path);
    assert_int_equal(mark_of(device, path), before);
    device->moved_by = 1;
    return mark_of(device, path) != before;
}

static void time_alone_makes_no_news_of_what_it_is_in(void **state)
{
    struct device *device = *state;
    assert_true(tells(device, "/3/0", 3, 11));
    assert_true(tells(device, "/3/0", 3, 21));
    assert_false(tells(device, "/3/0", 3, 13));
    assert_false(tells(device, "/3/0", 3, 10));
    assert_false(tells(device, "/3", 3, 13));
    assert_true(tells(device, "/3/0/13", 3, 13));
    assert_true(tells(device, "/3/0/10", 3, 10));
    assert_true(tells(device, "/5/0/8", 5, 8));
}

/* Types and multiplicity come from there. */
static void every_resource_is_one_that_core_defines(void **state)
{
    (void)state;
    size_t count;
    const struct model_resource *resources = kedge_model_resources(&count);
    for (size_t i = 0; i < count; i++) {
        const struct kedge_lwm2m_definition *definition =
            kedge_lwm2m_definition(resources[i].object, resources[i].id);
        assert_non_null(definition);
        assert_int_equal(resources[i].operations & ~(unsigned)definition->operations, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_readable_resource_is_read_as_text),
        TEST(what_is_only_written_or_executed_cannot_be_read),
        TEST(what_is_not_there_is_not_found),
        TEST(the_security_object_is_not_for_servers),
        TEST(an_instance_is_read_as_tlv_with_every_value),
        TEST(an_object_is_read_with_its_instance_around),
        TEST(an_instance_is_read_in_the_format_that_is_asked_for),
        TEST(a_value_that_is_missing_is_left_out_of_its_instance),
        TEST(a_whole_multiple_resource_has_no_text),
        TEST(a_device_that_cannot_say_answers_5_00),
        TEST(discover_lists_what_is_there),
        TEST(discover_tells_attributes),
        TEST(attributes_are_attached_to_what_is_there),
        TEST(one_numeric_value_is_a_number),
        TEST(discover_leaves_out_what_has_no_value),
        TEST(a_register_links_every_instance),
        TEST(a_writable_resource_is_written_in_text_and_tlv),
        TEST(a_write_without_a_format_is_text_or_opaque),
        TEST(the_empty_uri_reaches_the_device),
        TEST(what_cannot_be_written_is_refused),
        TEST(a_value_that_does_not_fit_its_type_is_refused),
        TEST(a_resource_is_written_in_every_format),
        TEST(formats_that_are_not_spoken_are_4_15),
        TEST(an_instance_is_written_resource_by_resource),
        TEST(an_instance_is_written_whole_or_not_at_all),
        TEST(the_answer_of_the_device_to_a_write_is_handed_on),
        TEST(what_can_be_executed_is_executed_once),
        TEST(other_methods_are_not_allowed),
        TEST(access_control_has_an_instance_for_each_other_one),
        TEST(an_object_of_several_instances_is_read_whole),
        TEST(time_alone_makes_no_news_of_what_it_is_in),
        TEST(every_resource_is_one_that_core_defines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
