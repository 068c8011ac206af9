/*
 * Which requests come from the dashboard's own page: the same authority, over TLS or on the machine
 * itself; nothing that only looks alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "updater/api/origin.h"

static void a_page_of_the_same_authority_over_tls_is_ours(void **state)
{
    (void)state;
    assert_int_equal(origin_judge("https://fleet.example", "fleet.example", true), ORIGIN_OWN);
    assert_int_equal(origin_judge("https://Fleet.example:8443", "fleet.Example:8443", true),
                     ORIGIN_OWN);
    assert_int_equal(origin_judge("https://[2001:db8::1]:1", "[2001:db8::1]:1", true), ORIGIN_OWN);
}

static void a_page_that_a_proxy_took_over_tls_is_ours(void **state)
{
    (void)state;
    assert_int_equal(origin_judge("https://fleet.example", "fleet.example", false), ORIGIN_OWN);
}

static void plain_http_is_ours_on_the_machine_itself_alone(void **state)
{
    (void)state;
    assert_int_equal(origin_judge("http://127.0.0.1:8080", "127.0.0.1:8080", false), ORIGIN_OWN);
    assert_int_equal(origin_judge("http://localhost", "localhost", false), ORIGIN_OWN);
    assert_int_equal(origin_judge("http://[::1]:8080", "[::1]:8080", false), ORIGIN_OWN);
    assert_int_equal(origin_judge("http://fleet.example", "fleet.example", false), ORIGIN_PLAIN);
    assert_int_equal(origin_judge("http://localhost.evil.example", "localhost.evil.example", false),
                     ORIGIN_PLAIN);
    assert_int_equal(origin_judge("http://127.0.0.10", "127.0.0.10", false), ORIGIN_PLAIN);
}

static void a_page_of_another_authority_is_not_ours(void **state)
{
    (void)state;
    static const char *const others[] = {"https://evil.example",
                                         "https://fleet.example.evil.example",
                                         "https://fleet.example:444",
                                         "https://fleet.exampl",
                                         "https://evil.example/fleet.example",
                                         "https://fleet.example/",
                                         "https://fleet.example@evil.example",
                                         "http://fleet.example",
                                         "ftp://fleet.example",
                                         "https://",
                                         "fleet.example",
                                         "null",
                                         ""};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(origin_judge(others[i], "fleet.example", true), ORIGIN_OTHER);
    assert_int_equal(origin_judge("https://", "", true), ORIGIN_OTHER);
}

static void without_both_headers_nothing_is_known(void **state)
{
    (void)state;
    assert_int_equal(origin_judge(NULL, "fleet.example", true), ORIGIN_MISSING);
    assert_int_equal(origin_judge("https://fleet.example", NULL, true), ORIGIN_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_of_the_same_authority_over_tls_is_ours),
        cmocka_unit_test(a_page_that_a_proxy_took_over_tls_is_ours),
        cmocka_unit_test(plain_http_is_ours_on_the_machine_itself_alone),
        cmocka_unit_test(a_page_of_another_authority_is_not_ours),
        cmocka_unit_test(without_both_headers_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
