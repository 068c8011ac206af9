/* test_swarm_network.c: each device is heard and reached at its own address, or its own port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "tests/swarm/network.h"
#include "tests/swarm/uri.h"

#define DEVICES 300u /* more than leave in one batch of all sockets */
#define PATIENCE_MS 60000

/* A server that sends back what it gets, and what its answers looked like at the devices. */
static struct fixture {
    int server;
    struct swarm_network network;
    struct swarm_place places[DEVICES];
    unsigned heard[DEVICES], wrong, heard_count;
    struct sockaddr_storage last_peer;
} fixture;

static void on_datagram(void *context, struct swarm_place to, const struct swarm_address *from,
                        struct kedge_slice bytes)
{
    uint32_t index;
    (void)context;
    (void)from;
    memcpy(&index, bytes.data, sizeof index);
    fixture.heard_count++;
    if (bytes.size != sizeof index || to.index != index ||
        to.generation != fixture.places[index].generation)
        fixture.wrong++;
    else
        fixture.heard[index]++;
}

static void open_all(const char *uri_text, struct swarm_address *server)
{
    struct swarm_uri uri;
    socklen_t size = sizeof *server;
    fixture = (struct fixture){.server = -1};
    assert_int_equal(uri_read(kedge_slice_text(uri_text), &uri), KEDGE_OK);
    *server = uri.server;
    if (server->any.sa_family == AF_INET6)
        server->v6.sin6_port = 0;
    else
        server->v4.sin_port = 0;
    fixture.server = socket(server->any.sa_family, SOCK_DGRAM, 0);
    assert_int_equal(bind(fixture.server, &server->any, address_size(server)), 0);
    assert_int_equal(getsockname(fixture.server, &server->any, &size), 0);
    assert_int_equal(network_open(&fixture.network, server, DEVICES, on_datagram, NULL), KEDGE_OK);
    for (uint32_t i = 0; i < DEVICES; i++)
        fixture.places[i].index = i;
}

static void close_all(void)
{
    network_close(&fixture.network);
    close(fixture.server);
}

/* One device sends its number; the server's answer must come to it. */
static void echo(const struct swarm_address *server, uint32_t index)
{
    uint32_t number;
    socklen_t size = sizeof fixture.last_peer;
    struct sockaddr *peer = (struct sockaddr *)&fixture.last_peer;
    unsigned before = fixture.heard_count;
    network_send(&fixture.network, fixture.places[index], server,
                 kedge_slice(&index, sizeof index));
    network_flush(&fixture.network);
    assert_int_equal(recvfrom(fixture.server, &number, sizeof number, 0, peer, &size),
                     sizeof number);
    assert_int_equal(number, index);
    assert_int_equal(sendto(fixture.server, &number, sizeof number, 0, peer, size), sizeof number);
    for (int i = 0; i < PATIENCE_MS / 100 && fixture.heard_count == before; i++)
        network_turn(&fixture.network, 100);
}

static void assert_all_are_heard(const struct swarm_address *server)
{
    for (uint32_t i = 0; i < DEVICES; i++)
        echo(server, i);
    for (uint32_t i = 0; i < DEVICES; i++)
        assert_int_equal(fixture.heard[i], 1);
    assert_int_equal(fixture.wrong, 0);
}

static void test_by_addresses(void **state)
{
    struct swarm_address server;
    (void)state;
    open_all("coap://127.0.0.1", &server);
    assert_all_are_heard(&server);
    const struct sockaddr_in *peer = (const struct sockaddr_in *)&fixture.last_peer;
    assert_int_equal(ntohl(peer->sin_addr.s_addr), 0x7F100000u + DEVICES - 1);
    network_move(&fixture.network, &fixture.places[7]);
    echo(&server, 7);
    assert_int_equal(ntohl(peer->sin_addr.s_addr), 0x7F200007u);
    assert_int_equal(fixture.heard[7], 2);
    assert_int_equal(fixture.wrong, 0);
    close_all();
}

static void test_by_ports(void **state)
{
    struct swarm_address server;
    (void)state;
    open_all("coap://[::1]", &server);
    assert_all_are_heard(&server);
    const struct sockaddr_in6 *peer = (const struct sockaddr_in6 *)&fixture.last_peer;
    echo(&server, 7);
    in_port_t before = peer->sin6_port;
    network_move(&fixture.network, &fixture.places[7]);
    assert_int_equal(fixture.places[7].generation, 1);
    echo(&server, 7);
    assert_int_not_equal(peer->sin6_port, before);
    assert_int_equal(fixture.heard[7], 3);
    assert_int_equal(fixture.wrong, 0);
    close_all();
}

static void test_every_generation_has_an_address_and_then_the_first_comes_again(void **state)
{
    struct swarm_address server;
    (void)state;
    open_all("coap://127.0.0.1", &server);
    for (unsigned i = 0; i < SWARM_GENERATIONS; i++) {
        echo(&server, 1);
        network_move(&fixture.network, &fixture.places[1]);
    }
    assert_int_equal(fixture.heard[1], SWARM_GENERATIONS);
    assert_int_equal(fixture.places[1].generation, 0);
    close_all();
}

static void test_addresses_are_told_apart_by_host_and_port(void **state)
{
    struct swarm_uri a, b;
    (void)state;
    static const char *const uris[] = {"coap://127.0.0.1", "coap://127.0.0.1:5684",
                                       "coap://127.0.0.2", "coap://[::1]", "coap://[::1]:5684"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++)
        for (size_t k = 0; k < sizeof uris / sizeof uris[0]; k++) {
            assert_int_equal(uri_read(kedge_slice_text(uris[i]), &a), KEDGE_OK);
            assert_int_equal(uri_read(kedge_slice_text(uris[k]), &b), KEDGE_OK);
            assert_int_equal(address_equal(&a.server, &b.server), i == k);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_addresses),
        cmocka_unit_test(test_by_ports),
        cmocka_unit_test(test_every_generation_has_an_address_and_then_the_first_comes_again),
        cmocka_unit_test(test_addresses_are_told_apart_by_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
