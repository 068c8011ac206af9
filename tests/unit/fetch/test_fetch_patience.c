/* test_fetch_patience.c: how long a transfer rests after a loss. */
#include "agent/fetch/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 100000u
#define NOW_MS 5000u

static uint64_t pause_ms(unsigned losses, uint64_t least_ms, uint32_t spread)
{
    struct kedge_patience patience;
    kedge_patience_begin(&patience, PATIENCE_MS, NOW_MS);
    for (unsigned i = 0; i < losses; i++)
        kedge_patience_lost(&patience, least_ms, spread, NOW_MS);
    return patience.next_at_ms - NOW_MS;
}

static void pauses_double_up_to_a_limit(void **state)
{
    (void)state;
    assert_int_equal(pause_ms(1, 0, 0), 500);
    assert_int_equal(pause_ms(2, 0, 0), 1000);
    assert_int_equal(pause_ms(5, 0, 0), 8000);
    assert_int_equal(pause_ms(6, 0, 0), 15000);
    assert_int_equal(pause_ms(9, 0, 0), 15000);
}

static void a_pause_is_spread_over_half_of_itself_and_never_shorter(void **state)
{
    (void)state;
    assert_int_equal(pause_ms(1, 0, 250), 750);
    assert_int_equal(pause_ms(1, 0, 251), 500);
    assert_int_equal(pause_ms(6, 0, 7500), 22500);
    assert_int_equal(pause_ms(1, 40000, 20000), 60000);
    for (uint32_t spread = 0; spread < 5000; spread++)
        assert_in_range(pause_ms(3, 0, spread * 0x9E3779B1u), 2000, 3000);
}

static void no_spread_makes_the_patience_end(void **state)
{
    (void)state;
    assert_int_equal(pause_ms(1, 90000, 5000), 95000);
    assert_int_equal(pause_ms(1, 90000, 5001), 90000);
    assert_int_equal(pause_ms(1, PATIENCE_MS, UINT32_MAX), PATIENCE_MS);
    assert_int_equal(pause_ms(1, PATIENCE_MS * 2, UINT32_MAX), PATIENCE_MS * 2);
}

static enum kedge_rc fill(void *context, void *bytes, size_t size)
{
    memset(bytes, 0, size);
    if (context == NULL)
        return KEDGE_E_SYSTEM;
    memcpy(bytes, context, size);
    return KEDGE_OK;
}

static uint64_t pause_of_transfer_ms(const struct kedge_random *random)
{
    struct kedge_transfer transfer;
    const struct kedge_download_sink sink = {.random = random};
    kedge_transfer_begin(&transfer, &sink, PATIENCE_MS, NOW_MS);
    kedge_transfer_lost(&transfer, NULL, 0, NOW_MS);
    return transfer.patience.next_at_ms - NOW_MS;
}

static void each_transfer_has_a_random_number_of_its_own(void **state)
{
    (void)state;
    uint32_t number = 100;
    assert_int_equal(pause_of_transfer_ms(&(struct kedge_random){&number, fill}), 600);
    number = 200;
    assert_int_equal(pause_of_transfer_ms(&(struct kedge_random){&number, fill}), 700);
    assert_int_equal(pause_of_transfer_ms(&(struct kedge_random){NULL, fill}), 500);
    assert_int_equal(pause_of_transfer_ms(NULL), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_up_to_a_limit),
        cmocka_unit_test(a_pause_is_spread_over_half_of_itself_and_never_shorter),
        cmocka_unit_test(no_spread_makes_the_patience_end),
        cmocka_unit_test(each_transfer_has_a_random_number_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
