/*
 * test_net_dtls.c: DTLS on the server's side: who gets in, who does not, what it costs to try, and
 * what a forger can do to an association that stands.
 */
#define _GNU_SOURCE
#include "tests/unit/net/dtls_scene.h"

/* ---- who gets in ---- */

static void test_both_suites_of_lwm2m_let_a_device_in_under_its_name(void **state)
{
    struct scene *scene = *state;
    struct client ccm, cbc;
    open_one(&ccm, scene, 7001);
    client_open(&cbc, &scene->wire, 7002, CBC, "id-two", "key-of-device-two");
    client_connects(&ccm);
    client_connects(&cbc);
    client_asks(&ccm, "rd", "device-one");
    client_asks(&cbc, "rd", "device-two");
    assert_int_equal(kedge_net_counters(scene->wire.net).handshakes, 2);
    client_close(&cbc);
    client_close(&ccm);
}

static void test_a_wrong_key_gets_nobody_in(void **state)
{
    struct scene *scene = *state;
    struct client client;
    client_open(&client, &scene->wire, 7001, CCM8, "id-one", "key-of-device-two");
    assert_int_not_equal(client_shakes(&client, 600), 0);
    assert_null(kedge_net_peer_name(scene->wire.net, &client.address));
    assert_int_equal(scene->requests, 0);
    client_close(&client);
}

static void test_an_unknown_identity_is_told_so_at_once(void **state)
{
    struct scene *scene = *state;
    struct client client;
    client_open(&client, &scene->wire, 7001, CCM8, "id-none", "key-of-device-one");
    assert_int_equal(client_shakes(&client, WIRE_PATIENCE_MS), GNUTLS_E_FATAL_ALERT_RECEIVED);
    assert_int_equal(gnutls_alert_get(client.tls), GNUTLS_A_UNKNOWN_PSK_IDENTITY);
    assert_int_equal(scene->failures, 1);
    struct kedge_net_counters counters = kedge_net_counters(scene->wire.net);
    assert_int_equal(counters.handshakes_failed, 1);
    assert_int_equal(counters.peers, 0);
    client_close(&client);
}

static void test_an_identity_that_is_no_text_is_not_even_looked_up(void **state)
{
    struct scene *scene = *state;
    struct client client;
    client_open(&client, &scene->wire, 7001, CCM8, "id\x01\xFFone", "key-of-device-one");
    assert_int_not_equal(client_shakes(&client, 600), 0);
    assert_int_equal(scene->lookups, 0);
    client_close(&client);
}

static void test_a_message_in_the_clear_reaches_nobody(void **state)
{
    struct scene *scene = *state;
    struct client client;
    static const uint8_t post[] = {0x40, 0x02, 0x12, 0x34, 0xB2, 'r', 'd'};
    open_one(&client, scene, 7001);
    wire_deliver(&scene->wire, &client.address, post, sizeof post);
    client_connects(&client);
    wire_deliver(&scene->wire, &client.address, post, sizeof post);
    assert_int_equal(scene->requests, 0);
    client_asks(&client, "rd", "device-one");
    client_close(&client);
}

static void test_one_address_is_two_peers_with_security_and_without(void **state)
{
    struct scene *scene = *state;
    struct client client;
    open_one(&client, scene, 7001);
    client_connects(&client);
    client_asks(&client, "rd", "device-one");
    /* The same message id as the one just answered: remembered for the other peer only. */
    struct kedge_address plain = client.address;
    plain.secure = false;
    const uint8_t post[] = {0x40, 0x02, 0x40, 0x00, 0xB2, 'r', 'd'};
    wire_deliver(&scene->wire, &plain, post, sizeof post);
    assert_int_equal(scene->requests, 2);
    assert_string_equal(scene->name, "");
    /* The one without security, which has not registered, is not even remembered. */
    assert_int_equal(kedge_net_counters(scene->wire.net).peers, 1);
    client_close(&client);
}

/* ---- what it costs to try ---- */

static void test_a_hello_without_a_cookie_costs_nothing_and_gets_little(void **state)
{
    struct scene *scene = *state;
    struct client client;
    open_one(&client, scene, 7001);
    assert_int_equal(gnutls_handshake(client.tls), GNUTLS_E_AGAIN);
    struct datagram hello = client.last_record;
    for (unsigned i = 0; i < 20000; i++) {
        struct kedge_address forged = hello.from;
        forged.v4.sin_addr.s_addr = htonl(0x0A000000u + i);
        wire_deliver(&scene->wire, &forged, hello.bytes, hello.size);
        wire_collect(&scene->wire);
    }
    assert_int_equal(kedge_net_counters(scene->wire.net).peers, 0);
    assert_true(scene->wire.answer_size_max > 0);
    assert_true(scene->wire.answer_size_max <= 3 * hello.size);
    client_close(&client);
}

static void test_a_cookie_of_another_address_is_none(void **state)
{
    struct scene *scene = *state;
    struct client client;
    open_one(&client, scene, 7001);
    client_connects(&client);
    struct kedge_address forged = client.address;
    forged.v4.sin_port = htons(7002);
    wire_deliver(&scene->wire, &forged, client.cookie_hello.bytes, client.cookie_hello.size);
    assert_null(peer_find(scene->wire.net, &forged));
    client_close(&client);
}

static void test_handshakes_of_one_network_are_paced_and_a_forger_takes_none_of_them(void **state)
{
    struct scene *scene = *state;
    struct client client, late;
    scene->wire.net->config.unproven_rate = (struct kedge_token_rate){.per_s = 1, .burst = 1};
    scene->wire.clock_stands = true; /* however long this takes, there is one token */
    open_one(&client, scene, 7001);
    /* Hellos without a cookie, and datagrams without security, from everywhere in its network. */
    assert_int_equal(gnutls_handshake(client.tls), GNUTLS_E_AGAIN);
    struct datagram hello = client.last_record;
    for (unsigned i = 0; i < 1000; i++) {
        const uint8_t ping[] = {0x40, 0, 0x12, 0x34};
        struct kedge_address forged = hello.from;
        forged.v4.sin_port = htons((uint16_t)(10000 + i));
        wire_deliver(&scene->wire, &forged, hello.bytes, hello.size);
        forged.secure = false;
        wire_deliver(&scene->wire, &forged, ping, sizeof ping);
        scene->wire.net->outgoing_count = 0;
    }
    uint64_t before = kedge_net_counters(scene->wire.net).held_off;
    client_connects(&client); /* by the one token that there is */
    assert_int_equal(kedge_net_counters(scene->wire.net).held_off, before);
    client_open(&late, &scene->wire, 7002, CCM8, "id-two", "key-of-device-two");
    const uint64_t until_ms = wire_clock_ms() + WIRE_PATIENCE_MS;
    while (kedge_net_counters(scene->wire.net).held_off == before && wire_clock_ms() < until_ms)
        assert_int_equal(client_shakes(&late, 1), GNUTLS_E_AGAIN);
    assert_true(kedge_net_counters(scene->wire.net).held_off > before);
    scene->wire.clock_stands = false;
    client_connects(&late); /* it sends its hello again, and by then there is a token */
    client_close(&late);
    client_close(&client);
}

static void test_half_open_handshakes_are_bounded_and_shut_nobody_out(void **state)
{
    struct scene *scene = *state;
    struct client kept, late;
    open_one(&kept, scene, 7001);
    client_connects(&kept);
    assert_int_equal(kedge_net_peer_keep(scene->wire.net, &kept.address, scene), KEDGE_OK);
    for (unsigned i = 0; i < KEDGE_NET_IDLE_PEERS_MAX + 200; i++) {
        struct client half;
        open_one(&half, scene, (uint16_t)(10000 + i));
        for (unsigned j = 0; j < 10 && half.cookie_hello.size == 0; j++) {
            (void)gnutls_handshake(half.tls);
            wire_turn(&scene->wire);
        }
        assert_true(half.cookie_hello.size > 0);
        client_close(&half);
    }
    assert_true(kedge_net_counters(scene->wire.net).peers <= KEDGE_NET_IDLE_PEERS_MAX + 1);
    client_open(&late, &scene->wire, 7002, CCM8, "id-two", "key-of-device-two");
    client_connects(&late);
    client_asks(&late, "rd", "device-two");
    client_asks(&kept, "rd", "device-one");
    client_close(&late);
    client_close(&kept);
}

static void test_peers_without_security_push_out_no_association(void **state)
{
    struct scene *scene = *state;
    struct client client;
    open_one(&client, scene, 7001);
    client_connects(&client);
    struct kedge_address forged = client.address;
    forged.secure = false;
    for (unsigned i = 0; i < KEDGE_NET_IDLE_PEERS_MAX + 10; i++) {
        forged.v4.sin_addr.s_addr = htonl(0x0A000000u + i);
        assert_int_equal(kedge_net_peer_keep(scene->wire.net, &forged, scene), KEDGE_OK);
        assert_int_equal(kedge_net_peer_keep(scene->wire.net, &forged, NULL), KEDGE_OK);
    }
    client_asks(&client, "rd", "device-one");
    client_close(&client);
}

/* ---- an association that stands ---- */

static void test_a_device_that_restarted_on_its_port_gets_in(void **state)
{
    struct scene *scene = *state;
    struct client before, after;
    scene->wire.net->config.idle_ms = 60000; /* the former association does not go by itself */
    open_one(&before, scene, 7001);
    client_connects(&before);
    client_asks(&before, "rd", "device-one");
    client_close(&before);
    open_one(&after, scene, 7001);
    client_connects(&after);
    /* It begins its message ids anew: this one is no repetition. */
    client_asks(&after, "rd", "device-one");
    assert_int_equal(scene->requests, 2);
    assert_int_equal(kedge_net_counters(scene->wire.net).peers, 1);
    client_close(&after);
}

static void test_a_hello_of_a_forger_takes_nothing_from_an_association(void **state)
{
    struct scene *scene = *state;
    struct client device, forger;
    open_one(&device, scene, 7001);
    client_connects(&device);
    /* One who writes the device's address, but does not read what is sent there. */
    open_one(&forger, scene, 7001);
    for (unsigned i = 0; i < 50; i++) {
        (void)gnutls_handshake(forger.tls);
        wire_turn(&scene->wire);
        forger.inbox.count = 0;
    }
    client_asks(&device, "rd", "device-one");
    client_close(&forger);
    /* And one who has recorded a hello with its cookie, and goes no further. */
    struct datagram recorded = device.cookie_hello;
    recorded.bytes[13 + 12 + 2 + 5] ^= 1; /* another random */
    wire_deliver(&scene->wire, &device.address, recorded.bytes, recorded.size);
    struct peer *peer = peer_find(scene->wire.net, &device.address);
    assert_non_null(peer->handshake);
    device.inbox.count = 0;
    client_asks(&device, "rd", "device-one");
    assert_non_null(peer->handshake);
    client_close(&device);
}

static void test_damaged_and_made_up_records_do_it_no_harm(void **state)
{
    struct scene *scene = *state;
    struct client client;
    uint8_t noise[200];
    open_one(&client, scene, 7001);
    client_connects(&client);
    client_asks(&client, "rd", "device-one");
    const struct datagram good = client.last_record;
    for (unsigned i = 0; i < 20000; i++) {
        struct datagram bad = good;
        bad.bytes[wire_draw(&scene->wire, (unsigned)bad.size)] ^=
            (uint8_t)(1u + wire_draw(&scene->wire, 255));
        bad.size -= wire_draw(&scene->wire, 4) == 0 ? wire_draw(&scene->wire, 30) : 0;
        wire_deliver(&scene->wire, &client.address, bad.bytes, bad.size);
        for (size_t j = 0; j < sizeof noise; j++)
            noise[j] = (uint8_t)wire_draw(&scene->wire, 256);
        noise[0] = (uint8_t)(20 + wire_draw(&scene->wire, 5));
        noise[1] = 0xFE;
        noise[2] = 0xFD;
        noise[3] = 0;
        noise[4] = (uint8_t)wire_draw(&scene->wire, 3);
        noise[11] = 0;
        noise[12] = (uint8_t)wire_draw(&scene->wire, sizeof noise - 13);
        wire_deliver(&scene->wire, &client.address, noise, sizeof noise);
        scene->wire.net->outgoing_count = 0;
    }
    unsigned before = scene->requests;
    client.inbox.count = 0;
    client_asks(&client, "rd", "device-one");
    assert_int_equal(scene->requests, before + 1);
    client_close(&client);
}

/* What anybody can write: an alert that ends all, a change of keys, a request to begin anew. */
static void test_records_in_the_clear_do_it_no_harm(void **state)
{
    struct scene *scene = *state;
    struct client client;
    static const uint8_t bodies[][13] = {{21, 2, 2, 40},
                                         {21, 2, 2, 0},
                                         {21, 2, 1, 0},
                                         {20, 1, 1},
                                         {22, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                                         {23, 7, 0x40, 0x02, 0x12, 0x34, 0xB2, 'r', 'd'}};
    open_one(&client, scene, 7001);
    client_connects(&client);
    for (uint8_t sequence = 0; sequence < 200; sequence++) {
        for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
            uint8_t record[13 + 12] = {bodies[i][0], 0xFE, 0xFD,        0, 0, 0, 0, 0, 0, 0,
                                       sequence,     0,    bodies[i][1]};
            memcpy(record + 13, bodies[i] + 2, bodies[i][1] < 11 ? bodies[i][1] : 11);
            wire_deliver(&scene->wire, &client.address, record, 13u + bodies[i][1]);
        }
        scene->wire.net->outgoing_count = 0;
    }
    assert_int_equal(scene->requests, 0);
    client_asks(&client, "rd", "device-one");
    client_close(&client);
}

/* One datagram full of records of the least size, all for the keys that the association has. */
static struct datagram many_made_up_records(const struct kedge_address *from)
{
    static const uint8_t record[] = {
        DTLS_APPLICATION_DATA, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0x40};
    struct datagram out = {.from = *from};
    while (out.size + sizeof record <= 1400) {
        memcpy(out.bytes + out.size, record, sizeof record);
        out.bytes[out.size + 10] = (uint8_t)(out.size / sizeof record);
        out.size += sizeof record;
    }
    return out;
}

static void test_many_made_up_records_in_one_datagram_cost_the_next_ones_nothing(void **state)
{
    struct scene *scene = *state;
    struct client client;
    open_one(&client, scene, 7001);
    client_connects(&client);
    client_asks(&client, "rd", "device-one");
    const struct datagram forged = many_made_up_records(&client.address);
    static const uint8_t post[] = {0x50, 0x02, 0x12, 0x34, 0xB2, 'r', 'd'};
    for (unsigned i = 1; i <= 3; i++) {
        wire_deliver(&scene->wire, &forged.from, forged.bytes, forged.size);
        uint8_t once[sizeof post];
        memcpy(once, post, sizeof post);
        once[3] = (uint8_t)i;
        client_sends(&client, once, sizeof once); /* it is sent once only */
        assert_int_equal(scene->requests, 1 + i);
    }
    client_close(&client);
}

static void test_a_record_that_comes_again_is_not_handled_again(void **state)
{
    struct scene *scene = *state;
    struct client client;
    open_one(&client, scene, 7001);
    client_connects(&client);
    client_asks(&client, "rd", "device-one");
    for (unsigned i = 0; i < 10; i++)
        wire_deliver(&scene->wire, &client.address, client.last_record.bytes,
                     client.last_record.size);
    assert_int_equal(scene->requests, 1);
    assert_int_equal(kedge_net_counters(scene->wire.net).duplicates, 0);
    client_close(&client);
}

static void test_one_that_is_idle_is_freed_and_one_that_is_kept_is_not(void **state)
{
    struct scene *scene = *state;
    struct client idle, kept;
    open_one(&idle, scene, 7001);
    client_open(&kept, &scene->wire, 7002, CCM8, "id-two", "key-of-device-two");
    client_connects(&idle);
    client_connects(&kept);
    assert_int_equal(kedge_net_peer_keep(scene->wire.net, &kept.address, scene), KEDGE_OK);
    uint64_t until_ms = wire_clock_ms() + WIRE_PATIENCE_MS;
    while (kedge_net_counters(scene->wire.net).peers > 1 && wire_clock_ms() < until_ms) {
        wire_turn(&scene->wire);
        usleep(5000);
    }
    assert_null(peer_find(scene->wire.net, &idle.address));
    client_asks(&kept, "rd", "device-two");
    assert_int_equal(kedge_net_peer_keep(scene->wire.net, &kept.address, NULL), KEDGE_OK);
    while (kedge_net_counters(scene->wire.net).peers > 0 && wire_clock_ms() < until_ms) {
        wire_turn(&scene->wire);
        usleep(5000);
    }
    assert_int_equal(kedge_net_counters(scene->wire.net).peers, 0);
    client_close(&kept);
    client_close(&idle);
}

static void test_a_goodbye_ends_it(void **state)
{
    struct scene *scene = *state;
    struct client client;
    open_one(&client, scene, 7001);
    client_connects(&client);
    assert_int_equal(gnutls_bye(client.tls, GNUTLS_SHUT_WR), 0);
    wire_turn(&scene->wire);
    assert_int_equal(kedge_net_counters(scene->wire.net).peers, 0);
    client_close(&client);
}

static void test_loss_repetition_and_disorder_only_take_time(void **state)
{
    struct scene *scene = *state;
    scene->wire.net->config.idle_ms = 60000;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct client client;
        scene->wire.draws = seed * 2 + 1;
        scene->wire.loss_percent = 12;
        scene->wire.repeat_percent = 20;
        scene->wire.swap_percent = 20;
        client_open(&client, &scene->wire, (uint16_t)(7000 + seed), seed % 2 ? CCM8 : CBC, "id-one",
                    "key-of-device-one");
        client_connects(&client);
        client_asks(&client, "rd", "device-one");
        client_asks(&client, "rd", "device-one");
        client_close(&client);
    }
    assert_true(scene->wire.lost > 20 && scene->wire.repeated > 20);
    assert_int_equal(scene->requests, 24);
    assert_int_equal(kedge_net_counters(scene->wire.net).handshakes, 12);
}

/* ---- resumption ---- */

static void resume(struct client *client, struct scene *scene, uint16_t port,
                   const gnutls_datum_t *ticket)
{
    open_one(client, scene, port);
    assert_int_equal(gnutls_session_set_data(client->tls, ticket->data, ticket->size), 0);
}

static void test_a_session_is_resumed_as_long_as_its_identity_is_enrolled(void **state)
{
    struct scene *scene = *state;
    struct client first, second, third;
    gnutls_datum_t ticket = {0};
    open_one(&first, scene, 7001);
    client_connects(&first);
    assert_int_equal(gnutls_session_get_data2(first.tls, &ticket), 0);
    resume(&second, scene, 7002, &ticket);
    client_connects(&second);
    assert_true(gnutls_session_is_resumed(second.tls));
    client_asks(&second, "rd", "device-one");
    scene->gone = true;
    resume(&third, scene, 7003, &ticket);
    (void)client_shakes(&third, 600);
    assert_null(kedge_net_peer_name(scene->wire.net, &third.address));
    gnutls_free(ticket.data);
    client_close(&third);
    client_close(&second);
    client_close(&first);
}

/* ---- requests of the server's ---- */

struct outcome {
    unsigned calls;
    enum kedge_rc rc;
};

static void note(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    struct outcome *outcome = context;
    (void)response;
    outcome->calls++;
    outcome->rc = rc;
}

static enum kedge_rc ask_peer(struct scene *scene, const struct kedge_address *to,
                              struct outcome *outcome)
{
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.path = "3/0/0";
    return kedge_net_send(scene->wire.net, to, &request, note, outcome, NULL);
}

static void test_the_server_asks_by_the_association_or_not_at_all(void **state)
{
    struct scene *scene = *state;
    struct client client;
    struct outcome outcome = {0};
    uint8_t bytes[DATAGRAM_SIZE], ack[4 + 8];
    struct kedge_coap_message message;
    open_one(&client, scene, 7001);
    assert_int_equal(ask_peer(scene, &client.address, &outcome), KEDGE_E_CONNECTION);
    client_connects(&client);
    assert_int_equal(ask_peer(scene, &client.address, &outcome), KEDGE_OK);
    assert_true(client_receives(&client, WIRE_PATIENCE_MS, bytes, &message));
    assert_true(kedge_coap_path_is(&message, "3/0/0"));
    memcpy(ack, bytes, sizeof ack);
    ack[0] = 0x68;
    ack[1] = KEDGE_COAP_NOT_FOUND;
    client_sends(&client, ack, sizeof ack);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.rc, KEDGE_OK);
    client_close(&client);
}

static void test_another_name_at_the_same_address_voids_what_was_asked(void **state)
{
    struct scene *scene = *state;
    struct client one, two;
    struct outcome outcome = {0};
    open_one(&one, scene, 7001);
    client_connects(&one);
    assert_int_equal(ask_peer(scene, &one.address, &outcome), KEDGE_OK);
    client_close(&one);
    client_open(&two, &scene->wire, 7001, CCM8, "id-two", "key-of-device-two");
    client_connects(&two);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.rc, KEDGE_E_CANCELED);
    client_asks(&two, "rd", "device-two");
    client_close(&two);
}

static void test_a_request_outlives_the_restart_of_the_same_device(void **state)
{
    struct scene *scene = *state;
    struct client before, after;
    struct outcome outcome = {0};
    uint8_t bytes[DATAGRAM_SIZE];
    struct kedge_coap_message message;
    open_one(&before, scene, 7001);
    client_connects(&before);
    assert_int_equal(ask_peer(scene, &before.address, &outcome), KEDGE_OK);
    client_close(&before);
    open_one(&after, scene, 7001);
    client_connects(&after);
    assert_int_equal(outcome.calls, 0);
    assert_true(client_receives(&after, WIRE_PATIENCE_MS, bytes, &message));
    assert_true(kedge_coap_path_is(&message, "3/0/0"));
    client_close(&after);
}

static void never(void *context)
{
    (void)context;
    fail();
}

/* Both timers wait in one list, and the request is freed first: its timer must be out of it. */
static void test_it_may_end_with_a_request_on_its_way(void **state)
{
    struct scene *scene = *state;
    struct client client;
    struct outcome outcome = {0};
    open_one(&client, scene, 7001);
    client_connects(&client);
    assert_int_equal(ask_peer(scene, &client.address, &outcome), KEDGE_OK);
    struct peer *peer = peer_find(scene->wire.net, &client.address);
    kedge_net_timer_arm(scene->wire.net, &peer->association->timer, peer->in_flight->timer.at_ms,
                        never, NULL);
    assert_ptr_equal(peer->association->timer.next, &peer->in_flight->timer);
    client_close(&client);
}

static bool is_device_one(void *context, const char *name, const char *identity)
{
    (void)context;
    return strcmp(name, "device-one") == 0 && strcmp(identity, "id-one") == 0;
}

static void test_hanging_up_ends_what_a_name_has_and_nothing_else(void **state)
{
    struct scene *scene = *state;
    struct client one, two, again;
    gnutls_datum_t ticket = {0};
    uint8_t bytes[DATAGRAM_SIZE];
    open_one(&one, scene, 7001);
    client_open(&two, &scene->wire, 7002, CCM8, "id-two", "key-of-device-two");
    client_connects(&one);
    client_connects(&two);
    assert_int_equal(gnutls_session_get_data2(one.tls, &ticket), 0);
    kedge_net_hang_up(scene->wire.net, is_device_one, NULL);
    wire_turn(&scene->wire);
    assert_int_equal(gnutls_record_recv(one.tls, bytes, sizeof bytes), 0);
    assert_int_equal(kedge_net_counters(scene->wire.net).peers, 1);
    client_asks(&two, "rd", "device-two");
    /* Who has an old ticket must show the key that is valid now. */
    resume(&again, scene, 7003, &ticket);
    client_connects(&again);
    assert_false(gnutls_session_is_resumed(again.tls));
    gnutls_free(ticket.data);
    client_close(&again);
    client_close(&two);
    client_close(&one);
}

#define DTLS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TICKET_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_with_tickets, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DTLS_TEST(test_both_suites_of_lwm2m_let_a_device_in_under_its_name),
        DTLS_TEST(test_a_wrong_key_gets_nobody_in),
        DTLS_TEST(test_an_unknown_identity_is_told_so_at_once),
        DTLS_TEST(test_an_identity_that_is_no_text_is_not_even_looked_up),
        DTLS_TEST(test_a_message_in_the_clear_reaches_nobody),
        DTLS_TEST(test_one_address_is_two_peers_with_security_and_without),
        DTLS_TEST(test_a_hello_without_a_cookie_costs_nothing_and_gets_little),
        DTLS_TEST(test_a_cookie_of_another_address_is_none),
        DTLS_TEST(test_handshakes_of_one_network_are_paced_and_a_forger_takes_none_of_them),
        DTLS_TEST(test_half_open_handshakes_are_bounded_and_shut_nobody_out),
        DTLS_TEST(test_peers_without_security_push_out_no_association),
        DTLS_TEST(test_a_device_that_restarted_on_its_port_gets_in),
        DTLS_TEST(test_a_hello_of_a_forger_takes_nothing_from_an_association),
        DTLS_TEST(test_damaged_and_made_up_records_do_it_no_harm),
        DTLS_TEST(test_records_in_the_clear_do_it_no_harm),
        DTLS_TEST(test_many_made_up_records_in_one_datagram_cost_the_next_ones_nothing),
        DTLS_TEST(test_a_record_that_comes_again_is_not_handled_again),
        DTLS_TEST(test_one_that_is_idle_is_freed_and_one_that_is_kept_is_not),
        DTLS_TEST(test_a_goodbye_ends_it),
        DTLS_TEST(test_loss_repetition_and_disorder_only_take_time),
        TICKET_TEST(test_a_session_is_resumed_as_long_as_its_identity_is_enrolled),
        DTLS_TEST(test_the_server_asks_by_the_association_or_not_at_all),
        DTLS_TEST(test_another_name_at_the_same_address_voids_what_was_asked),
        DTLS_TEST(test_a_request_outlives_the_restart_of_the_same_device),
        DTLS_TEST(test_it_may_end_with_a_request_on_its_way),
        TICKET_TEST(test_hanging_up_ends_what_a_name_has_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
