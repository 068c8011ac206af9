/* test_net_tables.c: what the loop stands on: keyed hash, timer wheel, peer table, addresses. */
#define _GNU_SOURCE
#include "tests/unit/scripted_peer.h"

/* ---- SipHash-2-4: the test values that its authors published with the reference code ---- */

static void test_siphash_gives_the_published_values(void **state)
{
    (void)state;
    /* vectors.h of the reference code: key 00..0f, message 00 01 02 ... of length i, as bytes. */
    static const uint8_t expected[16][8] = {{0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72},
                                            {0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74},
                                            {0x5a, 0x4f, 0xa9, 0xd9, 0x09, 0x80, 0x6c, 0x0d},
                                            {0x2d, 0x7e, 0xfb, 0xd7, 0x96, 0x66, 0x67, 0x85},
                                            {0xb7, 0x87, 0x71, 0x27, 0xe0, 0x94, 0x27, 0xcf},
                                            {0x8d, 0xa6, 0x99, 0xcd, 0x64, 0x55, 0x76, 0x18},
                                            {0xce, 0xe3, 0xfe, 0x58, 0x6e, 0x46, 0xc9, 0xcb},
                                            {0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab},
                                            {0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
                                            {0xb0, 0xe4, 0xa9, 0x0b, 0xdf, 0x82, 0x00, 0x9e},
                                            {0xf3, 0xb9, 0xdd, 0x94, 0xc5, 0xbb, 0x5d, 0x7a},
                                            {0xa7, 0xad, 0x6b, 0x22, 0x46, 0x2f, 0xb3, 0xf4},
                                            {0xfb, 0xe5, 0x0e, 0x86, 0xbc, 0x8f, 0x1e, 0x75},
                                            {0x90, 0x3d, 0x84, 0xc0, 0x27, 0x56, 0xea, 0x14},
                                            {0xee, 0xf2, 0x7a, 0x8e, 0x90, 0xca, 0x23, 0xf7},
                                            {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1}};
    const struct kedge_siphash_key key = {UINT64_C(0x0706050403020100),
                                          UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t message[16];
    for (size_t size = 0; size < 16; size++) {
        message[size] = (uint8_t)size;
        uint64_t hash = kedge_siphash(&key, message, size);
        for (size_t i = 0; i < 8; i++)
            assert_int_equal((uint8_t)(hash >> (8 * i)), expected[size][i]);
    }
    /* The worked example of the paper's appendix A: 15 bytes. */
    assert_true(kedge_siphash(&key, message, 15) == UINT64_C(0xa129ca6149be45e5));
}

/* ---- the timer wheel, with a time of its own ---- */

#define TIMERS 2000u

struct alarm {
    struct kedge_net_timer timer;
    struct timer_wheel *wheel;
    uint64_t fired_at_ms; /* by the wheel's own clock */
    unsigned fired;
};

static void ring(void *context)
{
    struct alarm *alarm = context;
    alarm->fired++;
    alarm->fired_at_ms = alarm->wheel->now_tick * WHEEL_TICK_MS;
}

static void set_alarm(struct timer_wheel *wheel, struct alarm *alarm, uint64_t at_ms)
{
    alarm->wheel = wheel;
    alarm->timer.at_ms = at_ms;
    alarm->timer.fn = ring;
    alarm->timer.context = alarm;
    timer_wheel_arm(wheel, &alarm->timer);
}

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void test_timers_fire_once_at_their_time_whatever_the_distance(void **state)
{
    (void)state;
    static struct alarm alarms[TIMERS];
    static struct timer_wheel wheel;
    uint64_t seed = 7;
    const uint64_t start_ms = 123456789;
    timer_wheel_init(&wheel, start_ms);
    memset(alarms, 0, sizeof alarms);
    uint64_t last_ms = start_ms;
    for (size_t i = 0; i < TIMERS; i++) {
        /* From the next tick to 50 minutes, which is through three wheels. */
        uint64_t at_ms = start_ms + 1 + draw(&seed) % (UINT64_C(1) << (5 + i % 18));
        set_alarm(&wheel, &alarms[i], at_ms);
        last_ms = at_ms > last_ms ? at_ms : last_ms;
    }
    for (uint64_t now_ms = start_ms; now_ms <= last_ms + 2 * WHEEL_TICK_MS;
         now_ms += 1 + draw(&seed) % 3000)
        timer_wheel_advance(&wheel, now_ms);
    timer_wheel_advance(&wheel, last_ms + 2 * WHEEL_TICK_MS);
    for (size_t i = 0; i < TIMERS; i++) {
        assert_int_equal(alarms[i].fired, 1);
        assert_true(alarms[i].fired_at_ms >= alarms[i].timer.at_ms);
        assert_true(alarms[i].fired_at_ms < alarms[i].timer.at_ms + WHEEL_TICK_MS);
    }
    assert_int_equal(wheel.armed, 0);
    assert_int_equal(timer_wheel_wait_ms(&wheel, last_ms), -1);
}

static void test_a_timer_beyond_the_last_wheel_fires_at_its_time(void **state)
{
    (void)state;
    static struct timer_wheel wheel;
    struct alarm alarm = {0};
    const uint64_t reach_ticks = UINT64_C(1) << 32;
    const uint64_t at_ms = (reach_ticks + 100000) * WHEEL_TICK_MS;
    timer_wheel_init(&wheel, 5);
    set_alarm(&wheel, &alarm, at_ms);
    /* In these 497 days nothing is due but moving the timer on, once: the rest is skipped. */
    const uint64_t last_slot = UINT64_C(63) << 26;
    wheel.now_tick = last_slot - 1000;
    timer_wheel_advance(&wheel, (last_slot + 1000) * WHEEL_TICK_MS);
    assert_int_equal(alarm.fired, 0);
    wheel.now_tick = reach_ticks - 1000;
    timer_wheel_advance(&wheel, at_ms - WHEEL_TICK_MS);
    assert_int_equal(alarm.fired, 0);
    timer_wheel_advance(&wheel, at_ms);
    assert_int_equal(alarm.fired, 1);
}

static void test_cancelled_and_rearmed_timers_do_as_they_were_told_last(void **state)
{
    (void)state;
    static struct timer_wheel wheel;
    struct alarm cancelled = {0}, moved = {0}, neighbour = {0};
    timer_wheel_init(&wheel, 0);
    set_alarm(&wheel, &cancelled, 5000);
    set_alarm(&wheel, &moved, 5000);
    set_alarm(&wheel, &neighbour, 5000);
    timer_wheel_cancel(&wheel, &cancelled.timer);
    timer_wheel_cancel(&wheel, &cancelled.timer);
    set_alarm(&wheel, &moved, 90000);
    timer_wheel_advance(&wheel, 6000);
    assert_int_equal(cancelled.fired, 0);
    assert_int_equal(moved.fired, 0);
    assert_int_equal(neighbour.fired, 1);
    timer_wheel_advance(&wheel, 90010);
    assert_int_equal(moved.fired, 1);
}

static void cancel_other(void *context)
{
    struct alarm *alarm = context;
    timer_wheel_cancel(alarm->wheel, &alarm->timer);
}

static void test_a_callback_may_cancel_a_timer_of_the_same_tick(void **state)
{
    (void)state;
    static struct timer_wheel wheel;
    struct alarm first = {0}, second = {0};
    timer_wheel_init(&wheel, 0);
    set_alarm(&wheel, &first, 50);
    set_alarm(&wheel, &second, 50);
    /* The one that was armed last comes first within a tick; make each cancel the other. */
    first.timer.fn = second.timer.fn = cancel_other;
    first.timer.context = &second;
    second.timer.context = &first;
    timer_wheel_advance(&wheel, 100);
    assert_int_equal(wheel.armed, 0);
}

static void test_the_loop_is_never_told_to_sleep_past_a_timer(void **state)
{
    (void)state;
    static struct timer_wheel wheel;
    uint64_t seed = 3;
    for (unsigned round = 0; round < 200; round++) {
        struct alarm alarm = {0};
        uint64_t now_ms = draw(&seed) % 100000;
        timer_wheel_init(&wheel, now_ms);
        uint64_t at_ms = now_ms + draw(&seed) % 200000;
        set_alarm(&wheel, &alarm, at_ms);
        unsigned turns = 0;
        while (alarm.fired == 0) {
            int wait_ms = timer_wheel_wait_ms(&wheel, now_ms);
            assert_true(wait_ms >= 0);
            assert_true(now_ms + (uint64_t)wait_ms <= at_ms + 2 * WHEEL_TICK_MS);
            now_ms += (uint64_t)wait_ms;
            timer_wheel_advance(&wheel, now_ms);
            assert_true(++turns < 200);
        }
    }
}

/* ---- peers ---- */

static struct kedge_address address_number(uint32_t number)
{
    struct kedge_address address;
    assert_int_equal(
        kedge_address_from_host("10.0.0.0", (uint16_t)(1024 + number % 60000), &address), KEDGE_OK);
    address.v4.sin_addr.s_addr = htonl(0x0A000000u + number / 60000 * 256 + 1);
    return address;
}

static void test_unknown_addresses_cost_bounded_memory_and_kept_peers_stay(void **state)
{
    (void)state;
    struct kedge_net *net = server_open(0, NULL, NULL);
    struct kedge_address kept = address_number(0);
    assert_int_equal(kedge_net_peer_keep(net, &kept, net), KEDGE_OK);
    for (uint32_t i = 1; i <= 3 * KEDGE_NET_IDLE_PEERS_MAX; i++) {
        struct kedge_address address = address_number(i);
        assert_non_null(peer_use(net, &address));
    }
    assert_int_equal(net->peers.count, KEDGE_NET_IDLE_PEERS_MAX + 1);
    assert_non_null(peer_find(net, &kept));
    struct kedge_address oldest = address_number(1);
    struct kedge_address newest = address_number(3 * KEDGE_NET_IDLE_PEERS_MAX);
    assert_null(peer_find(net, &oldest));
    assert_non_null(peer_find(net, &newest));
    assert_int_equal(kedge_net_peer_keep(net, &kept, NULL), KEDGE_OK);
    assert_int_equal(net->peers.count, KEDGE_NET_IDLE_PEERS_MAX);
    kedge_net_destroy(net);
}

/* The last one that was found is at hand, and must not be when it has gone. */
static void test_a_peer_that_was_found_last_and_has_gone_is_not_found(void **state)
{
    (void)state;
    struct kedge_net *net = server_open(0, NULL, NULL);
    struct kedge_address first = address_number(1), second = address_number(2);
    assert_non_null(peer_use(net, &second));
    struct peer *peer = peer_use(net, &first);
    assert_ptr_equal(peer_find(net, &first), peer);
    assert_ptr_equal(peer_find(net, &first), peer);
    peer_drop(net, peer);
    assert_null(net->peers.found); /* its memory may look like anything now */
    assert_null(peer_find(net, &first));
    assert_non_null(peer_find(net, &second));
    assert_null(peer_find(net, &first));
    kedge_net_destroy(net);
}

static void test_use_makes_a_peer_the_last_to_go(void **state)
{
    (void)state;
    struct kedge_net *net = server_open(0, NULL, NULL);
    struct kedge_address busy = address_number(0);
    assert_non_null(peer_use(net, &busy));
    for (uint32_t i = 1; i <= 2 * KEDGE_NET_IDLE_PEERS_MAX; i++) {
        struct kedge_address address = address_number(i);
        assert_non_null(peer_use(net, &address));
        if (i % 1000 == 0)
            assert_non_null(peer_use(net, &busy));
    }
    assert_non_null(peer_find(net, &busy));
    kedge_net_destroy(net);
}

static void test_peers_differ_by_host_port_and_family(void **state)
{
    (void)state;
    struct kedge_net *net = server_open(0, NULL, NULL);
    static const char *const texts[] = {
        "127.0.0.1:5683", "127.0.0.1:5684", "127.0.0.2:5683",         "[::1]:5683",
        "[::1]:5684",     "[::2]:5683",     "coaps://127.0.0.1:5683", "coaps://[::1]:5683",
        "0.0.0.0:0",      "10.9.100.99:10", "255.255.255.255:65535"};
    enum { COUNT = sizeof texts / sizeof texts[0] };
    struct peer *peers[COUNT];
    struct kedge_address others[COUNT];
    struct kedge_address address;
    for (size_t i = 0; i < COUNT; i++) {
        char text[KEDGE_ADDRESS_TEXT_MAX];
        assert_int_equal(kedge_address_parse(texts[i], &address), KEDGE_OK);
        kedge_address_text(&address, text);
        assert_string_equal(text, texts[i]);
        peers[i] = peer_use(net, &address);
        others[i] = address;
        for (size_t j = 0; j < i; j++) {
            assert_ptr_not_equal(peers[i], peers[j]);
            assert_false(kedge_address_equal(&address, &others[j]));
            assert_int_not_equal(kedge_address_hash(&net->key, &address),
                                 kedge_address_hash(&net->key, &others[j]));
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(kedge_address_parse(texts[i], &address), KEDGE_OK);
        assert_ptr_equal(peer_find(net, &address), peers[i]);
    }
    kedge_net_destroy(net);
}

static void test_addresses_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      ":x",
                                      "host:5683",
                                      "[::1:5683",
                                      "127.0.0.1:-1",
                                      "::1:568",
                                      "1.2.3.4:5 3",
                                      "127.0.0.1:+5",
                                      "[::1]5683",
                                      "coap://127.0.0.1:5683",
                                      "coaps://127.0.0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kedge_address address;
        if (kedge_address_parse(bad[i], &address) == KEDGE_OK)
            fail_msg("\"%s\" was taken for an address", bad[i]);
    }
}

static void test_a_message_is_remembered_for_its_lifetime_and_no_longer(void **state)
{
    (void)state;
    struct kedge_net *net = server_open(0, NULL, NULL);
    struct kedge_address address = address_number(1);
    struct peer *peer = peer_use(net, &address);
    const struct mark first = {.message_id = 7, .digest = 1},
                      other_id = {.message_id = 8, .digest = 1};
    const struct mark reused = {.message_id = 7, .digest = 2};
    assert_null(peer_recall(peer, first, 1000));
    peer_remember(peer, first, 1000, kedge_slice("reply", 5));
    const struct recent *recent =
        peer_recall(peer, first, 1000 + KEDGE_NET_EXCHANGE_LIFETIME_MS - 1);
    assert_non_null(recent);
    assert_int_equal(recent->reply_size, 5);
    assert_memory_equal(recent->reply, "reply", 5);
    assert_null(peer_recall(peer, other_id, 1001));
    assert_null(peer_recall(peer, reused, 1001));
    assert_null(peer_recall(peer, first, 1000 + KEDGE_NET_EXCHANGE_LIFETIME_MS));
    for (uint16_t id = 100; id < 100 + KEDGE_NET_RECENT_MAX; id++)
        peer_remember(peer, (struct mark){.message_id = id}, 2000, kedge_slice(NULL, 0));
    assert_null(peer_recall(peer, first, 2000));
    for (uint16_t id = 100; id < 100 + KEDGE_NET_RECENT_MAX; id++)
        assert_non_null(peer_recall(peer, (struct mark){.message_id = id}, 2000));
    /* Nor is memory held for what is over. */
    peer_remember(peer, first, 2000 + KEDGE_NET_EXCHANGE_LIFETIME_MS, kedge_slice(NULL, 0));
    assert_null(peer->recent->older);
    kedge_net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_gives_the_published_values),
        cmocka_unit_test(test_timers_fire_once_at_their_time_whatever_the_distance),
        cmocka_unit_test(test_a_timer_beyond_the_last_wheel_fires_at_its_time),
        cmocka_unit_test(test_cancelled_and_rearmed_timers_do_as_they_were_told_last),
        cmocka_unit_test(test_a_callback_may_cancel_a_timer_of_the_same_tick),
        cmocka_unit_test(test_the_loop_is_never_told_to_sleep_past_a_timer),
        cmocka_unit_test(test_unknown_addresses_cost_bounded_memory_and_kept_peers_stay),
        cmocka_unit_test(test_a_peer_that_was_found_last_and_has_gone_is_not_found),
        cmocka_unit_test(test_use_makes_a_peer_the_last_to_go),
        cmocka_unit_test(test_peers_differ_by_host_port_and_family),
        cmocka_unit_test(test_addresses_that_are_none_are_refused),
        cmocka_unit_test(test_a_message_is_remembered_for_its_lifetime_and_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
