/* test_coap_options.c: what options say: paths, queries, numbers, and which are not understood. */
#include <kedge/coap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t datagram[KEDGE_COAP_MESSAGE_MAX];

static struct kedge_coap_builder begin(void)
{
    struct kedge_coap_builder builder;
    kedge_coap_begin(&builder, datagram, sizeof datagram, KEDGE_COAP_CON, KEDGE_COAP_POST, 1,
                     kedge_slice("t", 1));
    return builder;
}

static struct kedge_coap_message end(struct kedge_coap_builder *builder)
{
    struct kedge_slice bytes;
    struct kedge_coap_message message;
    assert_int_equal(kedge_coap_finish(builder, &bytes), KEDGE_OK);
    assert_int_equal(kedge_coap_parse(bytes, &message), KEDGE_OK);
    return message;
}

static void add_text(struct kedge_coap_builder *builder, uint16_t number, const char *text)
{
    kedge_coap_add_option(builder, number, kedge_slice_text(text));
}

static void paths_are_compared_segment_by_segment(void **state)
{
    (void)state;
    struct kedge_coap_builder builder = begin();
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "/rd/5a3f");
    struct kedge_coap_message message = end(&builder);
    assert_int_equal(kedge_coap_path_count(&message), 2);
    assert_true(kedge_coap_path_is(&message, "rd/5a3f"));
    const char *others[] = {"", "rd", "rd/", "rd/5a3", "rd/5a3f/x", "5a3f", "rd/5a3g", "/rd/5a3f"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (kedge_coap_path_is(&message, others[i]))
            fail_msg("\"%s\"", others[i]);

    builder = begin();
    add_text(&builder, KEDGE_COAP_URI_PATH, "rd/5a3f"); /* a slash inside one segment */
    message = end(&builder);
    assert_false(kedge_coap_path_is(&message, "rd/5a3f"));

    builder = begin();
    message = end(&builder);
    assert_true(kedge_coap_path_is(&message, ""));
    assert_int_equal(kedge_coap_path_count(&message), 0);
}

static void queries_are_found_by_their_whole_name(void **state)
{
    (void)state;
    struct kedge_coap_builder builder = begin();
    add_text(&builder, KEDGE_COAP_URI_QUERY, "epx=wrong");
    add_text(&builder, KEDGE_COAP_URI_QUERY, "ep=node-1");
    add_text(&builder, KEDGE_COAP_URI_QUERY, "ep=node-2");
    add_text(&builder, KEDGE_COAP_URI_QUERY, "Q");
    add_text(&builder, KEDGE_COAP_URI_QUERY, "b=");
    add_text(&builder, KEDGE_COAP_URI_QUERY, "et=a=b");
    struct kedge_coap_message message = end(&builder);
    struct kedge_slice value;
    assert_true(kedge_coap_query(&message, "ep", &value));
    assert_true(kedge_slice_equal(value, kedge_slice_text("node-1")));
    assert_true(kedge_coap_query(&message, "Q", &value));
    assert_int_equal(value.size, 0);
    assert_true(kedge_coap_query(&message, "b", &value));
    assert_int_equal(value.size, 0);
    assert_true(kedge_coap_query(&message, "et", &value));
    assert_true(kedge_slice_equal(value, kedge_slice_text("a=b")));
    assert_false(kedge_coap_query(&message, "e", &value));
    assert_false(kedge_coap_query(&message, "lt", &value));
}

static void numbers_are_read_in_any_length_up_to_four_bytes(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t size;
        uint32_t number;
    } cases[] = {{"", 0, 0},
                 {"\x28", 1, 40},
                 {"\x00\x28", 2, 40},
                 {"\x2d\x16", 2, 11542},
                 {"\x01\x00\x00", 3, 65536},
                 {"\xff\xff\xff\xff", 4, UINT32_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kedge_coap_builder builder = begin();
        kedge_coap_add_option(&builder, KEDGE_COAP_SIZE2,
                              kedge_slice(cases[i].bytes, cases[i].size));
        struct kedge_coap_message message = end(&builder);
        uint32_t number;
        assert_true(kedge_coap_option_uint(&message, KEDGE_COAP_SIZE2, &number));
        assert_true(number == cases[i].number);
        assert_false(kedge_coap_option_uint(&message, KEDGE_COAP_SIZE1, &number));
    }
    struct kedge_coap_builder builder = begin();
    kedge_coap_add_option(&builder, KEDGE_COAP_SIZE2, kedge_slice("\0\0\0\0\1", 5));
    struct kedge_coap_message message = end(&builder);
    uint32_t number;
    assert_false(kedge_coap_option_uint(&message, KEDGE_COAP_SIZE2, &number));
}

static void the_first_of_an_option_is_found_and_absent_ones_are_not(void **state)
{
    (void)state;
    struct kedge_coap_builder builder = begin();
    add_text(&builder, KEDGE_COAP_ETAG, "first");
    add_text(&builder, KEDGE_COAP_ETAG, "second");
    kedge_coap_add_uint(&builder, KEDGE_COAP_REQUEST_TAG, 7);
    struct kedge_coap_message message = end(&builder);
    struct kedge_slice value;
    assert_true(kedge_coap_option_find(&message, KEDGE_COAP_ETAG, &value));
    assert_true(kedge_slice_equal(value, kedge_slice_text("first")));
    assert_true(kedge_coap_option_find(&message, KEDGE_COAP_REQUEST_TAG, &value));
    assert_false(kedge_coap_option_find(&message, KEDGE_COAP_IF_MATCH, &value));
    assert_false(kedge_coap_option_find(&message, KEDGE_COAP_OBSERVE, &value));
    assert_false(kedge_coap_option_find(&message, 65535, &value));
}

static uint16_t unknown(uint16_t number, const char *bytes, size_t size, int times)
{
    struct kedge_coap_builder builder = begin();
    for (int i = 0; i < times; i++)
        kedge_coap_add_option(&builder, number, kedge_slice(bytes, size));
    struct kedge_coap_message message = end(&builder);
    return kedge_coap_unknown_critical(&message);
}

static void critical_options_outside_the_list_are_named_and_elective_ones_are_not(void **state)
{
    (void)state;
    static const uint16_t known[] = {1, 3, 5, 7, 11, 15, 17, 23, 27};
    for (uint16_t number = 1; number < 400; number++) {
        bool is_known = number % 2 == 0;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            is_known = is_known || known[i] == number;
        size_t size = number == KEDGE_COAP_IF_NONE_MATCH ? 0 : 1;
        assert_int_equal(unknown(number, "x", size, 1), is_known ? 0 : number);
    }
    assert_int_equal(unknown(65535, "", 0, 1), 65535);
}

/* RFC 7252 section 5.4.3: a length out of range makes an option one that is not known. */
static void critical_options_of_a_wrong_length_are_named(void **state)
{
    (void)state;
    static const char bytes[300];
    const struct {
        uint16_t number;
        size_t size_min, size_max;
    } ranges[] = {{KEDGE_COAP_IF_MATCH, 0, 8},      {KEDGE_COAP_URI_HOST, 1, 255},
                  {KEDGE_COAP_IF_NONE_MATCH, 0, 0}, {KEDGE_COAP_URI_PORT, 0, 2},
                  {KEDGE_COAP_URI_PATH, 0, 255},    {KEDGE_COAP_URI_QUERY, 0, 255},
                  {KEDGE_COAP_ACCEPT, 0, 2},        {KEDGE_COAP_BLOCK2, 0, 3},
                  {KEDGE_COAP_BLOCK1, 0, 3}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint16_t number = ranges[i].number;
        assert_int_equal(unknown(number, bytes, ranges[i].size_min, 1), 0);
        assert_int_equal(unknown(number, bytes, ranges[i].size_max, 1), 0);
        assert_int_equal(unknown(number, bytes, ranges[i].size_max + 1, 1), number);
        if (ranges[i].size_min > 0)
            assert_int_equal(unknown(number, bytes, ranges[i].size_min - 1, 1), number);
    }
}

/* Section 5.4.5: so does one too many. */
static void critical_options_that_come_once_too_often_are_named(void **state)
{
    (void)state;
    const uint16_t once[] = {KEDGE_COAP_URI_HOST, KEDGE_COAP_URI_PORT, KEDGE_COAP_ACCEPT,
                             KEDGE_COAP_BLOCK2, KEDGE_COAP_BLOCK1};
    const uint16_t often[] = {KEDGE_COAP_IF_MATCH, KEDGE_COAP_URI_PATH, KEDGE_COAP_URI_QUERY,
                              KEDGE_COAP_ETAG, KEDGE_COAP_CONTENT_FORMAT};
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++)
        assert_int_equal(unknown(once[i], "x", 1, 2), once[i]);
    for (size_t i = 0; i < sizeof often / sizeof often[0]; i++)
        assert_int_equal(unknown(often[i], "x", 1, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_compared_segment_by_segment),
        cmocka_unit_test(queries_are_found_by_their_whole_name),
        cmocka_unit_test(numbers_are_read_in_any_length_up_to_four_bytes),
        cmocka_unit_test(the_first_of_an_option_is_found_and_absent_ones_are_not),
        cmocka_unit_test(critical_options_outside_the_list_are_named_and_elective_ones_are_not),
        cmocka_unit_test(critical_options_of_a_wrong_length_are_named),
        cmocka_unit_test(critical_options_that_come_once_too_often_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
