/* test_api_failures.c: unknown tokens are counted by address, and forgotten with their window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "updater/api/failures.h"

#include <cmocka.h>

static struct failures failures;

static int set_up(void **state)
{
    (void)state;
    memset(&failures, 0, sizeof(failures));
    failures_init(&failures);
    assert_int_equal(failures_start(&failures), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    failures_close(&failures);
    return 0;
}

static struct host host_named(const char *text)
{
    struct host host;
    assert_int_equal(host_parse(kedge_slice_text(text), &host), KEDGE_OK);
    return host;
}

static void those_up_to_the_limit_are_not_held(void **state)
{
    (void)state;
    struct host host = host_named("192.0.2.1"), other = host_named("192.0.2.2");
    bool first;
    for (unsigned i = 0; i < FAILURES_MAX; i++) {
        assert_int_equal(failures_count(&failures, &host, 100, &first), 0);
        assert_false(first);
    }
    assert_int_equal(failures_count(&failures, &host, 103, &first), FAILURES_WINDOW_S - 3);
    assert_true(first);
    assert_int_equal(failures_count(&failures, &host, 109, &first), 1);
    assert_false(first);
    assert_int_equal(failures_count(&failures, &other, 109, &first), 0);
}

static void the_next_window_begins_anew(void **state)
{
    (void)state;
    struct host host = host_named("2001:db8::1"), same_customer = host_named("2001:db8::2");
    bool first;
    for (unsigned i = 0; i < FAILURES_MAX; i++)
        assert_int_equal(failures_count(&failures, &host, 109, &first), 0);
    assert_int_not_equal(failures_count(&failures, &same_customer, 109, &first), 0);
    assert_int_equal(failures_count(&failures, &host, 110, &first), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_up_to_the_limit_are_not_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_next_window_begins_anew, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
