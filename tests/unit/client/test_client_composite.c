/* test_client_composite.c: operations on several paths at once (OMA LwM2M Core 1.1, section 6.3.9
 * on). */
#include "tests/unit/client/model_device.h"

static struct kedge_model_answer composite(struct device *device, uint8_t method, const char *json)
{
    return ask(device, method, "/", SENML_JSON, NONE, kedge_slice_text(json));
}

static void several_paths_are_read_at_once(void **state)
{
    struct device *device = *state;
    struct kedge_model_answer answer = composite(
        device, KEDGE_COAP_FETCH,
        "[{\"n\":\"/5/0/3\"},{\"n\":\"/3/0/3\"},{\"n\":\"/5/0/8/1\"},{\"n\":\"/26241\"}]");
    assert_int_equal(answer.code, KEDGE_COAP_CONTENT);
    assert_int_equal(answer.format, SENML_JSON);
    assert_payload(device,
                   "[{\"n\":\"/3/0/3\",\"vs\":\"text\"},{\"n\":\"/5/0/3\",\"v\":5030},"
                   "{\"n\":\"/5/0/8/1\",\"v\":5081},{\"n\":\"/26241/0/0\",\"vs\":\"text\"}]");
}

static void what_is_asked_for_twice_is_answered_once(void **state)
{
    struct device *device = *state;
    assert_int_equal(composite(device, KEDGE_COAP_FETCH,
                               "[{\"n\":\"/26241/0/0\"},{\"n\":\"/26241\"},{\"n\":\"/26241/0\"}]")
                         .code,
                     KEDGE_COAP_CONTENT);
    assert_payload(device, "[{\"n\":\"/26241/0/0\",\"vs\":\"text\"}]");
    assert_int_equal(
        composite(device, KEDGE_COAP_FETCH, "[{\"n\":\"/5/0/8/0\"},{\"n\":\"/5/0/8/1\"}]").code,
        KEDGE_COAP_CONTENT);
    assert_payload(device, "[{\"n\":\"/5/0/8/0\",\"v\":5080},{\"n\":\"/5/0/8/1\",\"v\":5081}]");
}

/* OMA LwM2M Core 1.1, section 6.3.9: what is not there, or not to be read, is left out. */
static void a_composite_read_leaves_out_what_it_cannot_tell(void **state)
{
    struct device *device = *state;
    assert_int_equal(composite(device, KEDGE_COAP_FETCH,
                               "[{\"n\":\"/7/0/1\"},{\"n\":\"/0/0/5\"},{\"n\":\"/5/0/2\"},"
                               "{\"n\":\"/5/1/3\"},{\"n\":\"/5/0/3/0\"},{\"n\":\"/5/0/8/9\"}]")
                         .code,
                     KEDGE_COAP_CONTENT);
    assert_payload(device, "[]");
}

static void the_root_is_read_whole_without_the_security_object(void **state)
{
    struct device *device = *state;
    assert_int_equal(composite(device, KEDGE_COAP_FETCH, "[{\"n\":\"/\"}]").code,
                     KEDGE_COAP_CONTENT);
    device->out.data[device->out.size] = '\0';
    const char *text = (const char *)device->out.data;
    assert_non_null(strstr(text, "/1/0/1"));
    assert_non_null(strstr(text, "/26241/0/0"));
    assert_null(strstr(text, "\"/0/"));
}

static void a_composite_read_takes_its_own_formats_alone(void **state)
{
    struct device *device = *state;
    const struct kedge_slice json = kedge_slice_text("[{\"n\":\"/5/0/3\"}]");
    const uint32_t wrong[] = {NONE, TEXT, TLV, CBOR, JSON, 65535};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(ask(device, KEDGE_COAP_FETCH, "/", wrong[i], NONE, json).code,
                         KEDGE_COAP_UNSUPPORTED_FORMAT);
    const uint32_t refused[] = {TEXT, TLV, CBOR, JSON, LINK, 65535};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(ask(device, KEDGE_COAP_FETCH, "/", SENML_JSON, refused[i], json).code,
                         KEDGE_COAP_NOT_ACCEPTABLE);
    struct kedge_model_answer answer =
        ask(device, KEDGE_COAP_FETCH, "/", SENML_JSON, LWM2M_CBOR, json);
    assert_int_equal(answer.code, KEDGE_COAP_CONTENT);
    assert_int_equal(answer.format, LWM2M_CBOR);
    const char *const bad[] = {"[]", "[{\"n\":\"/5/0/3\",\"v\":1}]", "[{\"n\":\"/5/x\"}]", "["};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(composite(device, KEDGE_COAP_FETCH, bad[i]).code, KEDGE_COAP_BAD_REQUEST);
}

static void more_paths_than_are_taken_are_4_13(void **state)
{
    struct device *device = *state;
    for (size_t count = KEDGE_MODEL_PATHS_MAX; count <= KEDGE_MODEL_PATHS_MAX + 1; count++) {
        char json[32 * (KEDGE_MODEL_PATHS_MAX + 1)];
        size_t size = 0;
        for (size_t i = 0; i < count; i++)
            size += (size_t)snprintf(json + size, sizeof json - size, "%c{\"n\":\"/5/0/%zu\"}",
                                     i == 0 ? '[' : ',', i);
        snprintf(json + size, sizeof json - size, "]");
        assert_int_equal(composite(device, KEDGE_COAP_FETCH, json).code,
                         count <= KEDGE_MODEL_PATHS_MAX ? KEDGE_COAP_CONTENT
                                                        : KEDGE_COAP_TOO_LARGE);
    }
}

static void several_objects_are_written_at_once_or_not_at_all(void **state)
{
    struct device *device = *state;
    assert_int_equal(
        composite(device, KEDGE_COAP_IPATCH,
                  "[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/5/0/1\",\"vs\":\"coap://h\"}]")
            .code,
        KEDGE_COAP_CHANGED);
    assert_int_equal(device->writes, 2);
    assert_int_equal(device->object, 1);
    static const struct {
        const char *json;
        uint8_t code;
    } refused[] = {
        {"[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/3/0/3\",\"vs\":\"x\"}]",
         KEDGE_COAP_METHOD_NOT_ALLOWED},
        {"[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/7/0/3\",\"vs\":\"x\"}]", KEDGE_COAP_NOT_FOUND},
        {"[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/0/0/5\",\"vs\":\"x\"}]", KEDGE_COAP_UNAUTHORIZED},
        {"[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/1/0/6\",\"vs\":\"x\"}]", KEDGE_COAP_BAD_REQUEST},
        {"[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/1/0/6\"}]", KEDGE_COAP_BAD_REQUEST},
        {"[{\"n\":\"/1/0/1\",\"v\":600},", KEDGE_COAP_BAD_REQUEST},
        {"[]", KEDGE_COAP_BAD_REQUEST},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(composite(device, KEDGE_COAP_IPATCH, refused[i].json).code,
                         refused[i].code);
    const uint32_t wrong[] = {NONE, TEXT, TLV, JSON, 65535};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(
            ask(device, KEDGE_COAP_IPATCH, "/", wrong[i], NONE, kedge_slice_text("1")).code,
            KEDGE_COAP_UNSUPPORTED_FORMAT);
    assert_int_equal(device->writes, 2);
}

static void a_value_that_is_refused_leaves_the_others_as_they_were(void **state)
{
    struct device *device = *state;
    device->never = 7;
    static const char *const refused[] = {
        "[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/5/0/11\",\"v\":7}]",
        "[{\"n\":\"/5/0/1\",\"vs\":\"coap://h\"},{\"n\":\"/1/0/1\",\"v\":7}]",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(composite(device, KEDGE_COAP_IPATCH, refused[i]).code,
                         KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(device->writes, 0);
}

static void a_package_that_is_refused_leaves_the_others_as_they_were(void **state)
{
    struct device *device = *state;
    device->code = KEDGE_COAP_METHOD_NOT_ALLOWED;
    assert_int_equal(
        composite(device, KEDGE_COAP_IPATCH,
                  "[{\"n\":\"/1/0/1\",\"v\":600},{\"n\":\"/5/0/1\",\"vs\":\"coap://h\"}]")
            .code,
        KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(device->writes, 1);
    assert_int_equal(device->object, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(several_paths_are_read_at_once),
        TEST(what_is_asked_for_twice_is_answered_once),
        TEST(a_composite_read_leaves_out_what_it_cannot_tell),
        TEST(the_root_is_read_whole_without_the_security_object),
        TEST(a_composite_read_takes_its_own_formats_alone),
        TEST(more_paths_than_are_taken_are_4_13),
        TEST(several_objects_are_written_at_once_or_not_at_all),
        TEST(a_value_that_is_refused_leaves_the_others_as_they_were),
        TEST(a_package_that_is_refused_leaves_the_others_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
