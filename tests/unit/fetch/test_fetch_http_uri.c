/* test_fetch_http_uri.c: which http:// and https:// URIs a package is fetched from. */
#include "agent/fetch/http_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void http_and_https_are_told_apart_in_any_case(void **state)
{
    (void)state;
    const struct {
        const char *text;
        bool secure;
    } good[] = {
        {"http://host.example/fw/1", false},   {"https://host.example/fw/1", true},
        {"HTTP://host.example", false},        {"HttpS://HOST.example?x=1", true},
        {"http://127.0.0.1:8080/fw", false},   {"https://[::1]:8443/fw?a=b&c=%20", true},
        {"http://host.example:65535/", false}, {"https://host.example/fw#part", true},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        bool secure = !good[i].secure;
        enum kedge_rc rc = kedge_http_uri_check(good[i].text, &secure);
        if (rc != KEDGE_OK || secure != good[i].secure)
            fail_msg("%s: %s", good[i].text, kedge_rc_name(rc));
    }
}

static void other_schemes_are_never_fetched(void **state)
{
    (void)state;
    const char *others[] = {"file:///etc/passwd", "ftp://host/x",  "gopher://host/x",
                            "coap://host/x",      "scp://host/x",  "file://host/x",
                            "unknown://host/x",   "smb://host/x/y"};
    bool secure;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        enum kedge_rc rc = kedge_http_uri_check(others[i], &secure);
        if (rc != KEDGE_E_PROTOCOL && rc != KEDGE_E_URI)
            fail_msg("%s: %s", others[i], kedge_rc_name(rc));
    }
}

static void what_names_no_host_is_no_uri(void **state)
{
    (void)state;
    const char *none[] = {"",
                          "x",
                          "/fw",
                          "http:",
                          "http://",
                          "http:///x",
                          "http://:80/x",
                          "http://host:0/x",
                          "http://host:65536/x",
                          "http://host:8x/x",
                          "http://user@host/x",
                          "http://user:word@host/x",
                          "http://[::1/x",
                          "http://host/a b",
                          "http://host/\r\nInjected: yes",
                          "http://host/\x01",
                          "http://host/\x7F",
                          "http://host/\xC3\xA9"};
    bool secure;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        enum kedge_rc rc = kedge_http_uri_check(none[i], &secure);
        if (rc != KEDGE_E_URI)
            fail_msg("%s: %s", none[i], kedge_rc_name(rc));
    }
}

static void a_uri_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[KEDGE_HTTP_URI_MAX + 2] = "http://h/";
    bool secure;
    memset(text + 9, 'a', KEDGE_HTTP_URI_MAX - 9);
    assert_int_equal(kedge_http_uri_check(text, &secure), KEDGE_OK);
    text[KEDGE_HTTP_URI_MAX] = 'a';
    assert_int_equal(kedge_http_uri_check(text, &secure), KEDGE_E_URI);
}

static void a_redirect_leads_on_from_where_it_was_met(void **state)
{
    (void)state;
    const struct {
        const char *location, *target;
    } good[] = {
        {"https://other.example/x", "https://other.example/x"},
        {"//other.example/x", "http://other.example/x"},
        {"/cdn/1?a=b", "http://host.example:8080/cdn/1?a=b"},
        {"../cdn/1", "http://host.example:8080/cdn/1"},
        {"two", "http://host.example:8080/fw/two"},
        {"/x#part", "http://host.example:8080/x"},
    };
    char target[KEDGE_HTTP_URI_MAX + 1];
    bool secure;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(kedge_http_uri_resolve("http://host.example:8080/fw/one",
                                                kedge_slice_text(good[i].location), target,
                                                &secure),
                         KEDGE_OK);
        assert_string_equal(target, good[i].target);
        assert_int_equal(secure, i == 0);
    }
}

static void a_redirect_out_of_http_leads_nowhere(void **state)
{
    (void)state;
    const struct {
        const char *location;
        enum kedge_rc rc;
    } bad[] = {
        {"file:///etc/passwd", KEDGE_E_PROTOCOL},
        {"ftp://host/x", KEDGE_E_PROTOCOL},
        {"coap://host/x", KEDGE_E_PROTOCOL},
        {"http://user:word@host/x", KEDGE_E_URI},
        {"", KEDGE_E_URI},
        {"/a b", KEDGE_E_URI},
        {"http://", KEDGE_E_URI},
        {"http://host:99999/", KEDGE_E_URI},
    };
    char target[KEDGE_HTTP_URI_MAX + 1];
    char longer[KEDGE_HTTP_URI_MAX];
    bool secure;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum kedge_rc rc = kedge_http_uri_resolve(
            "https://host/fw/one", kedge_slice_text(bad[i].location), target, &secure);
        if (rc != bad[i].rc)
            fail_msg("%s: %s", bad[i].location, kedge_rc_name(rc));
    }
    memset(longer, 'a', sizeof longer);
    assert_int_equal(kedge_http_uri_resolve("https://host/fw/one",
                                            kedge_slice(longer, sizeof longer), target, &secure),
                     KEDGE_E_URI);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_and_https_are_told_apart_in_any_case),
        cmocka_unit_test(other_schemes_are_never_fetched),
        cmocka_unit_test(what_names_no_host_is_no_uri),
        cmocka_unit_test(a_uri_that_is_too_long_is_refused),
        cmocka_unit_test(a_redirect_leads_on_from_where_it_was_met),
        cmocka_unit_test(a_redirect_out_of_http_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
