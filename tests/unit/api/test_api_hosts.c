/* test_api_hosts.c: addresses, networks, who asks through proxies, and counters of hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "updater/api/crowd.h"
#include "updater/api/forwarded.h"

#include <cmocka.h>

static struct host parsed(const char *text)
{
    struct host host;
    assert_int_equal(host_parse(kedge_slice_text(text), &host), KEDGE_OK);
    return host;
}

static void expect_host(const struct host *host, const char *expected)
{
    char text[INET6_ADDRSTRLEN];
    host_text(host, text);
    assert_string_equal(text, expected);
}

static void a_host_is_the_same_by_either_family(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000201)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr), 1);
    struct host one = host_of((const struct sockaddr *)&v4);
    struct host other = host_of((const struct sockaddr *)&v6);
    assert_memory_equal(&one, &other, sizeof(one));
    expect_host(&one, "192.0.2.1");
    struct host text = parsed("::ffff:192.0.2.1");
    assert_memory_equal(&one, &text, sizeof(one));
    struct host plain = parsed("2001:db8::1");
    expect_host(&plain, "2001:db8::1");
}

static void what_is_no_numeric_address_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        " ",
                                        "localhost",
                                        "192.0.2",
                                        "192.0.2.256",
                                        "1.2.3.4 ",
                                        "2001:::1",
                                        "[::1]",
                                        "1.2.3.4:5",
                                        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0"};
    struct host host;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(host_parse(kedge_slice_text(wrong[i]), &host), KEDGE_E_MALFORMED);
    assert_int_equal(host_parse(kedge_slice("1.2.3.4\0", 8), &host), KEDGE_E_MALFORMED);
}

static void loopback_is_known_in_both_families(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
    static const char *const other[] = {"128.0.0.1", "126.255.255.255", "::2", "fe80::1"};
    for (size_t i = 0; i < 4; i++) {
        struct host here = parsed(loopback[i]), there = parsed(other[i]);
        assert_true(host_is_loopback(&here));
        assert_false(host_is_loopback(&there));
    }
}

/* ---- networks ---- */

static void a_network_holds_what_begins_like_it(void **state)
{
    (void)state;
    struct networks networks;
    assert_int_equal(
        networks_parse(kedge_slice_text("10.0.0.0/8, 192.0.2.7 ,172.16.0.0/12,2001:db8::/33"),
                       &networks),
        KEDGE_OK);
    assert_int_equal(networks.count, 4);
    static const char *const inside[] = {"10.0.0.0",   "10.255.255.255",   "192.0.2.7",
                                         "172.31.9.9", "2001:db8:7fff::1", "::ffff:10.1.1.1"};
    static const char *const outside[] = {"11.0.0.0",   "9.255.255.255",   "192.0.2.6",
                                          "172.32.0.0", "2001:db8:8000::", "a00::"};
    for (size_t i = 0; i < 6; i++) {
        struct host in = parsed(inside[i]), out = parsed(outside[i]);
        if (!networks_hold(&networks, &in) || networks_hold(&networks, &out))
            fail_msg("%s, %s", inside[i], outside[i]);
    }
    struct networks all;
    assert_int_equal(networks_parse(kedge_slice_text("0.0.0.0/0"), &all), KEDGE_OK);
    struct host v4 = parsed("203.0.113.9"), v6 = parsed("2001:db8::1");
    assert_true(networks_hold(&all, &v4));
    assert_false(networks_hold(&all, &v6));
    assert_int_equal(networks_parse(kedge_slice_text(""), &all), KEDGE_OK);
    assert_false(networks_hold(&all, &v4));
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        ",",          "10.0.0.0/8,", ",10.0.0.0/8",    "10.0.0.0/33", "10.0.0.0/",    "10.0.0.0/08",
        "10.0.0.1/8", "/8",          "2001:db8::/129", "::1/127",     "10.0.0.0/8/8", "10.0.0.0 /8",
        "proxy",      "10.0.0.0/-1", "10.0.0.0;::1",
    };
    struct networks networks;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (networks_parse(kedge_slice_text(wrong[i]), &networks) == KEDGE_OK)
            fail_msg("taken: %s", wrong[i]);
    char many[NETWORKS_MAX * 8 + 16] = "::1";
    for (size_t i = 1; i < NETWORKS_MAX; i++)
        strcat(many, ",::1");
    assert_int_equal(networks_parse(kedge_slice_text(many), &networks), KEDGE_OK);
    strcat(many, ",::1");
    assert_int_equal(networks_parse(kedge_slice_text(many), &networks), KEDGE_E_LIMIT);
}

/* ---- X-Forwarded-For ---- */

static void expect_client(const char *peer, const char *first_line, const char *second_line,
                          const char *expected)
{
    struct networks trusted;
    struct forwarded forwarded = {.count = 0};
    struct host from = parsed(peer);
    assert_int_equal(networks_parse(kedge_slice_text("10.0.0.0/8,2001:db8::/32"), &trusted),
                     KEDGE_OK);
    if (first_line != NULL)
        forwarded_take(&forwarded, kedge_slice_text(first_line));
    if (second_line != NULL)
        forwarded_take(&forwarded, kedge_slice_text(second_line));
    struct host client = forwarded_client(&forwarded, &trusted, &from);
    expect_host(&client, expected);
}

static void only_a_trusted_proxy_is_believed(void **state)
{
    (void)state;
    expect_client("203.0.113.5", "192.0.2.1", NULL, "203.0.113.5");
    expect_client("10.0.0.1", "192.0.2.1", NULL, "192.0.2.1");
    expect_client("10.0.0.1", NULL, NULL, "10.0.0.1");
    /* What a client wrote itself stands before what the proxy added. */
    expect_client("10.0.0.1", "1.1.1.1, 192.0.2.1", NULL, "192.0.2.1");
    expect_client("10.0.0.1", "1.1.1.1", "192.0.2.1", "192.0.2.1");
    expect_client("10.0.0.1", "10.0.0.9, 192.0.2.1", NULL, "192.0.2.1");
}

static void several_proxies_are_gone_through_from_the_end(void **state)
{
    (void)state;
    expect_client("10.0.0.1", "192.0.2.1, 10.0.0.2, 2001:db8::7", NULL, "192.0.2.1");
    expect_client("2001:db8::1", "1.1.1.1,192.0.2.1", "10.0.0.2", "192.0.2.1");
    expect_client("10.0.0.1", "10.0.0.3, 10.0.0.2", NULL, "10.0.0.3");
}

static void an_entry_may_have_a_port_and_need_not_be_an_address(void **state)
{
    (void)state;
    expect_client("10.0.0.1", "192.0.2.1:4711", NULL, "192.0.2.1");
    expect_client("10.0.0.1", "[2001:db9::1]:4711", NULL, "2001:db9::1");
    expect_client("10.0.0.1", "[2001:db9::1]", NULL, "2001:db9::1");
    expect_client("10.0.0.1", "\t2001:db9::1 ", NULL, "2001:db9::1");
    static const char *const none[] = {"unknown", "",      ",",         " ",
                                       "_hidden", "1.2.3", "1.2.3.4;1", "a:b:c"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        char line[64];
        expect_client("10.0.0.1", none[i], NULL, "10.0.0.1");
        (void)snprintf(line, sizeof(line), "192.0.2.1, %s, 10.0.0.2", none[i]);
        expect_client("10.0.0.1", line, NULL, "10.0.0.2");
    }
}

static void a_long_chain_is_looked_at_from_its_end(void **state)
{
    (void)state;
    char line[FORWARDED_MAX * 24] = "192.0.2.1";
    for (size_t i = 0; i < FORWARDED_MAX - 1; i++)
        strcat(line, ",10.0.0.2");
    expect_client("10.0.0.1", line, NULL, "192.0.2.1");
    strcat(line, ",10.0.0.2");
    expect_client("10.0.0.1", line, NULL, "10.0.0.2");
}

/* ---- counters ---- */

static void hosts_have_counters_of_their_own_and_a_customer_has_one(void **state)
{
    (void)state;
    static struct crowd crowd;
    assert_int_equal(crowd_init(&crowd), KEDGE_OK);
    struct host one = parsed("192.0.2.1"), again = parsed("::ffff:192.0.2.1");
    assert_ptr_equal(crowd_counter(&crowd, &one), crowd_counter(&crowd, &again));
    struct host v6 = parsed("2001:db8:1:2::1"), same = parsed("2001:db8:1:2:ffff:ffff:ffff:ffff");
    assert_ptr_equal(crowd_counter(&crowd, &v6), crowd_counter(&crowd, &same));
    size_t shared = 0;
    for (uint8_t i = 2; i < 102; i++) {
        struct host other = one, next = v6;
        other.bytes[15] = i;
        next.bytes[7] = i + 100;
        shared += crowd_counter(&crowd, &other) == crowd_counter(&crowd, &one);
        shared += crowd_counter(&crowd, &next) == crowd_counter(&crowd, &v6);
    }
    assert_true(shared < 5); /* five of 200 by chance: once in 10^12 runs */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_is_the_same_by_either_family),
        cmocka_unit_test(what_is_no_numeric_address_is_none),
        cmocka_unit_test(loopback_is_known_in_both_families),
        cmocka_unit_test(a_network_holds_what_begins_like_it),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(only_a_trusted_proxy_is_believed),
        cmocka_unit_test(several_proxies_are_gone_through_from_the_end),
        cmocka_unit_test(an_entry_may_have_a_port_and_need_not_be_an_address),
        cmocka_unit_test(a_long_chain_is_looked_at_from_its_end),
        cmocka_unit_test(hosts_have_counters_of_their_own_and_a_customer_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
