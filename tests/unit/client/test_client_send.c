/* test_client_send.c: when a device tells something of its own accord. */
#include "agent/client/send.h"

#include <kedge/coap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct kedge_send send;
static uint64_t wait_ms;

static enum kedge_rc zeros(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 0, size);
    return KEDGE_OK;
}

static const struct kedge_random random_source = {.fill = zeros};

static int set_up(void **state)
{
    (void)state;
    kedge_send_begin(&send, false);
    return 0;
}

static bool due(uint32_t mark, uint64_t now_ms)
{
    wait_ms = UINT64_MAX;
    return kedge_send_due(&send, mark, now_ms, &wait_ms);
}

static bool answered(uint8_t code, uint64_t now_ms)
{
    return kedge_send_answered(&send, code, &random_source, now_ms);
}

static void what_is_new_is_sent_once(void **state)
{
    (void)state;
    assert_true(due(7, 0));
    kedge_send_sent(&send, 7);
    assert_false(due(7, 0));
    assert_true(answered(KEDGE_COAP_CHANGED, 5));
    assert_false(due(7, 1000000));
    assert_int_equal(wait_ms, UINT64_MAX);
    assert_true(due(8, 1000000));
}

/* One at a time; what has changed meanwhile follows, as it is then. */
static void what_changes_on_the_way_is_sent_after_it(void **state)
{
    (void)state;
    kedge_send_sent(&send, 7);
    assert_false(due(8, 10));
    assert_true(answered(KEDGE_COAP_CHANGED, 20));
    assert_true(due(9, 20));
    kedge_send_sent(&send, 9);
    assert_true(answered(KEDGE_COAP_CHANGED, 30));
    assert_false(due(9, 30));
}

static void a_mute_device_sends_nothing(void **state)
{
    (void)state;
    send.muted = true;
    assert_false(due(7, 0));
    send.muted = false;
    assert_true(due(7, 0));
}

static void what_is_lost_is_sent_again_after_growing_pauses(void **state)
{
    (void)state;
    uint64_t now_ms = 0, pauses[3];
    for (size_t i = 0; i < 3; i++) {
        assert_true(due(7, now_ms));
        kedge_send_sent(&send, 7);
        kedge_send_lost(&send, &random_source, now_ms);
        assert_false(due(7, now_ms));
        assert_true(wait_ms > 0 && wait_ms < UINT64_MAX);
        pauses[i] = wait_ms;
        now_ms += wait_ms;
    }
    assert_true(pauses[0] < pauses[1] && pauses[1] < pauses[2]);
    assert_true(due(7, now_ms));
    kedge_send_sent(&send, 7);
    assert_true(answered(KEDGE_COAP_CHANGED, now_ms));
    assert_true(due(8, now_ms));
}

/* A value that has gone back to what was acknowledged before is told all the same: the one between
 * may have arrived. */
static void what_was_lost_may_have_arrived(void **state)
{
    (void)state;
    kedge_send_sent(&send, 7);
    assert_true(answered(KEDGE_COAP_CHANGED, 0));
    kedge_send_sent(&send, 8);
    kedge_send_lost(&send, &random_source, 0);
    assert_true(due(7, 600000));
}

static void an_answer_says_whether_it_is_sent_again(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        bool fine, again;
    } expected[] = {{KEDGE_COAP_CHANGED, true, false},
                    {KEDGE_COAP_BAD_REQUEST, true, false},
                    {KEDGE_COAP_METHOD_NOT_ALLOWED, true, false},
                    {KEDGE_COAP_UNSUPPORTED_FORMAT, true, false},
                    {KEDGE_COAP_NOT_FOUND, false, true},
                    {KEDGE_COAP_INTERNAL_ERROR, true, true},
                    {KEDGE_COAP_CODE(5, 3), true, true}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        set_up(NULL);
        kedge_send_sent(&send, 7);
        assert_int_equal(answered(expected[i].code, 0), expected[i].fine);
        assert_int_equal(due(7, 600000), expected[i].again);
        assert_true(due(8, 600000));
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_new_is_sent_once),       TEST(what_changes_on_the_way_is_sent_after_it),
        TEST(a_mute_device_sends_nothing),    TEST(what_is_lost_is_sent_again_after_growing_pauses),
        TEST(what_was_lost_may_have_arrived), TEST(an_answer_says_whether_it_is_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
