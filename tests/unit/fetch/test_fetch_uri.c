/* test_fetch_uri.c: which Package URIs a device takes, and what they turn into on the wire. */
#include "agent/fetch/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static enum kedge_rc parse(const char *text, struct kedge_uri *uri)
{
    return kedge_uri_parse(kedge_slice_text(text), uri);
}

static void a_plain_uri_is_taken_apart(void **state)
{
    (void)state;
    struct kedge_uri uri;
    assert_int_equal(parse("coap://127.0.0.1:5700/fw/abc?x=1&y=2", &uri), KEDGE_OK);
    assert_false(uri.secure);
    assert_int_equal(uri.port, 5700);
    assert_string_equal(uri.host, "127.0.0.1");
    assert_true(kedge_slice_equal(uri.path, kedge_slice_text("fw/abc")));
    assert_true(kedge_slice_equal(uri.query, kedge_slice_text("x=1&y=2")));
}

static void ports_have_their_defaults_and_schemes_any_case(void **state)
{
    (void)state;
    struct kedge_uri uri;
    assert_int_equal(parse("coap://host.example", &uri), KEDGE_OK);
    assert_int_equal(uri.port, 5683);
    assert_int_equal(parse("CoAPS://host.example/", &uri), KEDGE_OK);
    assert_true(uri.secure);
    assert_int_equal(uri.port, 5684);
}

static void an_ipv6_host_loses_its_brackets(void **state)
{
    (void)state;
    struct kedge_uri uri;
    assert_int_equal(parse("coap://[::1]:9/x", &uri), KEDGE_OK);
    assert_string_equal(uri.host, "::1");
    assert_int_equal(uri.port, 9);
}

static void other_schemes_are_told_from_no_uri_at_all(void **state)
{
    (void)state;
    struct kedge_uri uri;
    const char *others[] = {"http://h/x",     "https://h/x",     "ftp://h/x",
                            "coap+tcp://h/x", "coaps+tcp://h/x", "a.b-c+d://x"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(parse(others[i], &uri), KEDGE_E_PROTOCOL);
    const char *none[] = {"",
                          "x",
                          "coap",
                          "coap:",
                          "coap:/h",
                          "coap://",
                          "coap:///x",
                          "coap://:5683/x",
                          "coap://h:0/x",
                          "coap://h:99999/x",
                          "coap://h:5x/x",
                          "coap://user@h/x",
                          "coap://h/a b",
                          "coap://h/%",
                          "coap://h/%4",
                          "coap://h/%zz",
                          "coap://h/x#part",
                          "coap://[::1/x",
                          "://h/x",
                          "1coap://h/x",
                          "/relative",
                          "coap://h/\x01",
                          "coap://h/\xC3\xA9"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        enum kedge_rc rc = parse(none[i], &uri);
        if (rc != KEDGE_E_URI)
            fail_msg("%s: %s", none[i], kedge_rc_name(rc));
    }
}

static void a_uri_longer_than_the_resource_is_refused(void **state)
{
    (void)state;
    struct kedge_uri uri;
    char text[300] = "coap://h/";
    memset(text + 9, 'a', 255 - 9);
    assert_int_equal(kedge_uri_parse(kedge_slice(text, 255), &uri), KEDGE_OK);
    text[255] = 'a';
    assert_int_equal(kedge_uri_parse(kedge_slice(text, 256), &uri), KEDGE_E_URI);
}

static void bytes_behind_a_nul_are_no_uri(void **state)
{
    (void)state;
    struct kedge_uri uri;
    assert_int_equal(kedge_uri_parse(kedge_slice("coap://h\0/x", 11), &uri), KEDGE_E_URI);
    assert_int_equal(kedge_uri_parse(kedge_slice("co\0ap://h/x", 11), &uri), KEDGE_E_URI);
}

struct seen {
    char text[1024];
};

static bool note(void *context, uint16_t number, struct kedge_slice value)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%u=%.*s;", (unsigned)number,
             (int)value.size, (const char *)value.data);
    return true;
}

static void segments_become_options_and_are_decoded(void **state)
{
    (void)state;
    struct kedge_uri uri;
    struct seen seen = {""};
    assert_int_equal(parse("coap://h/fw/a%20b/0123456789abcdef0123?k=%26v&z", &uri), KEDGE_OK);
    assert_true(kedge_uri_options(&uri, note, &seen));
    assert_string_equal(seen.text, "11=fw;11=a b;11=0123456789abcdef0123;15=k=&v;15=z;");
}

static void a_server_is_the_same_by_scheme_host_and_port(void **state)
{
    (void)state;
    struct kedge_uri a, b;
    assert_int_equal(parse("coap://Host/x", &a), KEDGE_OK);
    assert_int_equal(parse("coap://host:5683/y", &b), KEDGE_OK);
    assert_true(kedge_uri_same_server(&a, &b));
    assert_int_equal(parse("coap://host:5684/y", &b), KEDGE_OK);
    assert_false(kedge_uri_same_server(&a, &b));
    assert_int_equal(parse("coaps://host:5683/y", &b), KEDGE_OK);
    assert_false(kedge_uri_same_server(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_uri_is_taken_apart),
        cmocka_unit_test(ports_have_their_defaults_and_schemes_any_case),
        cmocka_unit_test(an_ipv6_host_loses_its_brackets),
        cmocka_unit_test(other_schemes_are_told_from_no_uri_at_all),
        cmocka_unit_test(a_uri_longer_than_the_resource_is_refused),
        cmocka_unit_test(bytes_behind_a_nul_are_no_uri),
        cmocka_unit_test(segments_become_options_and_are_decoded),
        cmocka_unit_test(a_server_is_the_same_by_scheme_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
