/*
 * test_net_admission.c: what an address gets that has proved nothing, and what it costs.
 */
#define _GNU_SOURCE
#include "tests/unit/scripted_peer.h"

#include <malloc.h>

#define PER_S 10u
#define BURST 4u

struct scene {
    struct kedge_net *net;
    struct kedge_net_config config;
    unsigned requests;
    size_t payload_size;
    bool at_length, probe;
};

static void answer(void *context, const struct kedge_address *from,
                   const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    static const uint8_t payload[1024];
    struct scene *scene = context;
    (void)from;
    (void)request;
    scene->requests++;
    if (scene->probe) {
        kedge_net_reply_probe(scene->net, reply);
        return;
    }
    struct kedge_coap_builder *builder = kedge_net_reply(reply, KEDGE_COAP_CONTENT);
    kedge_coap_add_payload(builder, kedge_slice(payload, scene->payload_size));
    if (scene->at_length)
        kedge_net_reply_at_length(reply);
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->config = (struct kedge_net_config){.listen_count = 1,
                                              .on_request = answer,
                                              .context = scene,
                                              .ack_timeout_ms = 20,
                                              .unproven_rate = {.per_s = PER_S, .burst = BURST}};
    assert_int_equal(kedge_address_from_host("127.0.0.1", 0, &scene->config.listen[0]), KEDGE_OK);
    assert_int_equal(kedge_net_create(&scene->config, &scene->net), KEDGE_OK);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    kedge_net_destroy(scene->net);
    free(scene);
    return 0;
}

static struct kedge_address address_of(const char *text)
{
    struct kedge_address address;
    assert_int_equal(kedge_address_parse(text, &address), KEDGE_OK);
    return address;
}

/* Hands the server a datagram; returns how many bytes it would send back, and sends nothing. */
static size_t delivered(struct scene *scene, const struct kedge_address *from, const void *bytes,
                        size_t size)
{
    const struct path path = {.socket = 0};
    size_t answered = 0;
    net_on_datagram(scene->net, from, &path, kedge_slice(bytes, size));
    for (size_t i = 0; i < scene->net->outgoing_count; i++)
        answered += scene->net->outgoing[i].size;
    scene->net->outgoing_count = 0;
    return answered;
}

static const uint8_t get[] = {0x40, KEDGE_COAP_GET, 0x12, 0x34, 0xB1, 'x'};
static const uint8_t ping[] = {0x40, 0, 0x12, 0x34};
static const uint8_t response[] = {0x48, KEDGE_COAP_CONTENT, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t reset[] = {0x70, 0, 0x12, 0x34};
static const uint8_t broken[] = {0x40, KEDGE_COAP_GET, 0x12, 0x34, 0xFF};

/* ---- tokens ---- */

static void test_tokens_come_back_at_their_rate_and_no_more_than_the_burst(void **state)
{
    (void)state;
    const struct kedge_token_rate rate = {.per_s = PER_S, .burst = BURST};
    struct kedge_token_bucket bucket = {0};
    uint64_t now_ms = 1000000;
    for (unsigned i = 0; i < BURST; i++)
        assert_true(kedge_tokens_take(&bucket, rate, now_ms));
    assert_false(kedge_tokens_take(&bucket, rate, now_ms));
    assert_false(kedge_tokens_take(&bucket, rate, now_ms + 99));
    assert_true(kedge_tokens_take(&bucket, rate, now_ms + 100));
    assert_false(kedge_tokens_take(&bucket, rate, now_ms + 100));
    /* After a long rest it is full, and not more than that. */
    now_ms += 1000000;
    for (unsigned i = 0; i < BURST; i++)
        assert_true(kedge_tokens_take(&bucket, rate, now_ms));
    assert_false(kedge_tokens_take(&bucket, rate, now_ms));
    /* In the long run it is the rate. */
    unsigned taken = 0;
    for (unsigned i = 1; i <= 10000; i++)
        taken += kedge_tokens_take(&bucket, rate, now_ms + i);
    assert_int_equal(taken, 10 * PER_S);
}

/* ---- memory ---- */

static void test_who_has_not_registered_costs_no_memory_whatever_it_sends(void **state)
{
    struct scene *scene = *state;
    uint8_t noise[64];
    struct kedge_address from = address_of("10.0.0.1:1000");
    size_t before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 20000; i++) {
        from.v4.sin_addr.s_addr = htonl(0x0A000000u + i * 7);
        for (size_t j = 0; j < sizeof noise; j++)
            noise[j] = (uint8_t)(i * 31 + j * 17 + i / 256);
        (void)delivered(scene, &from, get, sizeof get);
        (void)delivered(scene, &from, ping, sizeof ping);
        (void)delivered(scene, &from, broken, sizeof broken);
        (void)delivered(scene, &from, response, sizeof response);
        (void)delivered(scene, &from, reset, sizeof reset);
        (void)delivered(scene, &from, noise, sizeof noise);
    }
    assert_true(scene->requests >= 20000);
    assert_int_equal(kedge_net_counters(scene->net).peers, 0);
    assert_int_equal(mallinfo2().uordblks, before);
}

/* ---- size ---- */

static void test_no_answer_to_a_stranger_is_larger_than_three_times_what_it_sent(void **state)
{
    struct scene *scene = *state;
    const struct kedge_address stranger = address_of("10.0.0.1:1000");
    for (scene->payload_size = 0; scene->payload_size < 64; scene->payload_size++) {
        size_t size = delivered(scene, &stranger, get, sizeof get);
        assert_true(size > 0 && size <= 3 * sizeof get);
    }
    assert_true(kedge_net_counters(scene->net).cut_down > 0);
    /* One whose host is known may get more, and so may a device. */
    scene->payload_size = 1024;
    scene->at_length = true;
    assert_true(delivered(scene, &stranger, get, sizeof get) > 1024);
    scene->at_length = false;
    assert_true(delivered(scene, &stranger, get, sizeof get) <= 3 * sizeof get);
    assert_int_equal(kedge_net_peer_keep(scene->net, &stranger, scene), KEDGE_OK);
    assert_true(delivered(scene, &stranger, get, sizeof get) > 1024);
}

static void test_what_is_cut_down_keeps_its_code_token_and_message_id(void **state)
{
    struct scene *scene = *state;
    struct scripted_peer peer;
    scene->payload_size = 900;
    peer_open(&peer, scene->net);
    struct scripted_message request = {.type = KEDGE_COAP_CON,
                                       .code = KEDGE_COAP_GET,
                                       .message_id = 0x4711,
                                       .token = kedge_slice("tok", 3)};
    peer_sends(&peer, &request);
    peer_receives(&peer);
    assert_int_equal(peer.message.type, KEDGE_COAP_ACK);
    assert_int_equal(peer.message.code, KEDGE_COAP_CONTENT);
    assert_int_equal(peer.message.message_id, 0x4711);
    assert_int_equal(peer.message.token_size, 3);
    assert_int_equal(peer.message.payload.size, 0);
    peer_close(&peer);
}

/* ---- tokens of strangers ---- */

static void test_a_network_that_asks_too_much_is_not_answered_and_others_are(void **state)
{
    struct scene *scene = *state;
    unsigned answered = 0;
    for (unsigned i = 1; i <= 20; i++) {
        char text[KEDGE_ADDRESS_TEXT_MAX];
        snprintf(text, sizeof text, "10.1.2.%u:1000", i);
        const struct kedge_address from = address_of(text);
        answered += delivered(scene, &from, i % 2 == 0 ? ping : broken,
                              i % 2 == 0 ? sizeof ping : sizeof broken) > 0;
    }
    assert_int_equal(answered, BURST);
    assert_int_equal(kedge_net_counters(scene->net).held_off, 20 - BURST);
    const struct kedge_address other = address_of("10.1.3.1:1000");
    assert_int_equal(delivered(scene, &other, ping, sizeof ping), 4);
    /* With time it is answered again. */
    scene->net->now_ms += 1000 / PER_S;
    const struct kedge_address same = address_of("10.1.2.77:1000");
    assert_int_equal(delivered(scene, &same, ping, sizeof ping), 4);
    assert_int_equal(delivered(scene, &same, ping, sizeof ping), 0);
}

static void test_who_is_known_is_not_charged(void **state)
{
    struct scene *scene = *state;
    const struct kedge_address known = address_of("10.1.2.3:1000");
    const struct kedge_address stranger = address_of("10.1.2.4:1000");
    assert_int_equal(kedge_net_peer_keep(scene->net, &known, scene), KEDGE_OK);
    for (unsigned i = 0; i < 10 * BURST; i++)
        (void)delivered(scene, &stranger, ping, sizeof ping);
    assert_int_equal(delivered(scene, &stranger, ping, sizeof ping), 0);
    for (unsigned i = 0; i < 10 * BURST; i++)
        assert_int_equal(delivered(scene, &known, ping, sizeof ping), 4);
}

static void test_each_kind_of_claim_has_tokens_of_its_own(void **state)
{
    struct scene *scene = *state;
    const struct kedge_address from = address_of("10.1.2.3:1000");
    for (int claim = 0; claim < KEDGE_CLAIM_COUNT; claim++) {
        for (unsigned i = 0; i < BURST; i++)
            assert_true(kedge_net_admit(scene->net, &from, (enum kedge_net_claim)claim));
        assert_false(kedge_net_admit(scene->net, &from, (enum kedge_net_claim)claim));
    }
}

static void test_a_network_of_ipv6_is_what_one_customer_has(void **state)
{
    struct scene *scene = *state;
    const struct kedge_address one = address_of("[2001:db8:0:100::1]:1000");
    const struct kedge_address same = address_of("[2001:db8:0:1ff:ffff::2]:2000");
    const struct kedge_address other = address_of("[2001:db8:0:200::1]:1000");
    for (unsigned i = 0; i < BURST; i++)
        assert_true(kedge_net_admit(scene->net, i % 2 ? &one : &same, KEDGE_CLAIM_NONE));
    assert_false(kedge_net_admit(scene->net, &same, KEDGE_CLAIM_NONE));
    assert_true(kedge_net_admit(scene->net, &other, KEDGE_CLAIM_NONE));
}

/* ---- who answers a ping ---- */

static void test_who_answers_a_ping_is_present_for_a_while_and_nobody_else_is(void **state)
{
    struct scene *scene = *state;
    const struct kedge_address from = address_of("10.1.2.3:1000");
    const struct kedge_address other = address_of("10.1.2.3:1001");
    const struct path path = {.socket = 0};
    scene->probe = true;
    net_on_datagram(scene->net, &from, &path, kedge_slice(get, sizeof get));
    assert_int_equal(scene->net->outgoing_count, 1);
    assert_int_equal(scene->net->outgoing[0].size, 4);
    uint8_t answer[4];
    memcpy(answer, scene->net->outgoing[0].bytes, sizeof answer);
    scene->net->outgoing_count = 0;
    assert_int_equal(answer[0], 0x40); /* confirmable, without a token */
    assert_int_equal(answer[1], KEDGE_COAP_EMPTY);
    assert_int_equal(delivered(scene, &from, answer, sizeof answer), 4); /* a ping of its own */
    assert_false(kedge_net_is_present(scene->net, &from));
    answer[0] = 0x70;
    assert_int_equal(delivered(scene, &other, answer, sizeof answer), 0);
    assert_false(kedge_net_is_present(scene->net, &other));
    assert_false(kedge_net_is_present(scene->net, &from));
    assert_int_equal(delivered(scene, &from, answer, sizeof answer), 0);
    assert_true(kedge_net_is_present(scene->net, &from));
    assert_false(kedge_net_is_present(scene->net, &other));
    assert_int_equal(kedge_net_counters(scene->net).probes_answered, 1);
    assert_int_equal(kedge_net_counters(scene->net).peers, 0);
    /* MAX_TRANSMIT_SPAN (RFC 7252 section 4.8.2) after it asked first, it asks for the last time.
     */
    scene->net->now_ms += 45000;
    assert_true(kedge_net_is_present(scene->net, &from));
    scene->net->now_ms += 128000;
    assert_false(kedge_net_is_present(scene->net, &from));
}

/* The nth address, and the answer that it would send to a ping. */
static struct kedge_address nth_answer(struct scene *scene, uint32_t n, uint8_t answer[4])
{
    struct kedge_address from = address_of("10.0.0.1:1000");
    from.v4.sin_addr.s_addr = htonl(0x0A000000u + n * 7u);
    uint16_t id = probe_message_id(scene->net, &from);
    memcpy(answer, (const uint8_t[]){0x70, 0, (uint8_t)(id >> 8), (uint8_t)id}, 4);
    return from;
}

static void test_those_who_answer_pings_do_not_take_each_others_place(void **state)
{
    enum { COUNT = 10000 };
    struct scene *scene = *state;
    uint8_t answer[4];
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct kedge_address from = nth_answer(scene, i, answer);
        (void)delivered(scene, &from, answer, sizeof answer);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct kedge_address from = nth_answer(scene, i, answer);
        assert_true(kedge_net_is_present(scene->net, &from));
    }
}

/* ---- a peer that is kept and may be somebody else's address ---- */

static void test_a_doubted_peer_is_asked_no_more_than_three_times_what_it_sent(void **state)
{
    struct scene *scene = *state;
    struct scripted_peer peer;
    struct outcome outcomes[KEDGE_NET_QUEUE_MAX] = {0};
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.path = "3/0/0";
    peer_open(&peer, scene->net);
    peer_is_kept(&peer);
    kedge_net_peer_doubt(scene->net, &peer.address);
    uint8_t sent[40] = {0x40, KEDGE_COAP_GET, 1, 2, 0xFF};
    size_t received = 0;
    peer_send_bytes(&peer, sent, sizeof sent);
    peer_receives(&peer);
    received += peer.size;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(
            kedge_net_send(scene->net, &peer.address, &request, outcome_note, &outcomes[i], NULL),
            KEDGE_OK);
    /* Each is sent again and given up; none is answered. */
    for (uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
         outcomes[3].calls == 0 && test_clock_ms() < until_ms;) {
        server_turn(scene->net);
        ssize_t size = recv(peer.file, peer.bytes, sizeof peer.bytes, MSG_DONTWAIT);
        received += size > 0 ? (size_t)size : 0;
    }
    assert_int_equal(outcomes[3].calls, 1);
    assert_true(received > sizeof sent && received <= 3 * sizeof sent);
    peer_close(&peer);
}

static void test_what_is_too_large_for_a_doubted_peer_lets_a_small_question_by(void **state)
{
    static const uint8_t block[1024];
    struct scene *scene = *state;
    struct scripted_peer peer;
    struct outcome large = {0}, small = {0};
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT, question = KEDGE_NET_REQUEST_INIT;
    question.path = "3/0/0";
    request.path = "5/0/0";
    request.method = KEDGE_COAP_PUT;
    request.payload = kedge_slice(block, sizeof block);
    peer_open(&peer, scene->net);
    peer_is_kept(&peer);
    kedge_net_peer_doubt(scene->net, &peer.address);
    uint8_t sent[40] = {0x40, KEDGE_COAP_GET, 1, 2, 0xFF};
    peer_send_bytes(&peer, sent, sizeof sent);
    peer_receives(&peer);
    assert_int_equal(
        kedge_net_send(scene->net, &peer.address, &request, outcome_note, &large, NULL), KEDGE_OK);
    peer_hears_nothing(&peer, 10);
    assert_int_equal(
        kedge_net_send(scene->net, &peer.address, &question, outcome_note, &small, NULL), KEDGE_OK);
    peer_receives(&peer);
    assert_int_equal(peer.message.code, KEDGE_COAP_GET);
    peer_answers(&peer, KEDGE_COAP_CONTENT, "here");
    outcome_wait(scene->net, &small, 1);
    assert_int_equal(large.calls, 0);
    peer_receives(&peer);
    assert_int_equal(peer.message.code, KEDGE_COAP_PUT);
    assert_int_equal(peer.message.payload.size, sizeof block);
    peer_answers(&peer, KEDGE_COAP_CHANGED, "");
    outcome_wait(scene->net, &large, 1);
    assert_int_equal(large.rc, KEDGE_OK);
    peer_close(&peer);
}

static void test_an_answer_ends_the_doubt(void **state)
{
    struct scene *scene = *state;
    struct scripted_peer peer;
    struct outcome outcome = {0};
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.path = "3/0/0";
    peer_open(&peer, scene->net);
    peer_is_kept(&peer);
    kedge_net_peer_doubt(scene->net, &peer.address);
    peer_send_bytes(&peer, get, sizeof get);
    peer_receives(&peer);
    /* 3 * 6 - 4 bytes of credit are too few for a question: it is lost. */
    assert_int_equal(
        kedge_net_send(scene->net, &peer.address, &request, outcome_note, &outcome, NULL),
        KEDGE_OK);
    peer_hears_nothing(&peer, 30);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t more[] = {0x40, KEDGE_COAP_GET, 2, (uint8_t)i, 0xB1, 'x'};
        peer_send_bytes(&peer, more, sizeof more);
    }
    do
        peer_receives(&peer);
    while (peer.message.type == KEDGE_COAP_ACK);
    peer_answers(&peer, KEDGE_COAP_CONTENT, "here");
    outcome_wait(scene->net, &outcome, 1);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(
            kedge_net_send(scene->net, &peer.address, &request, outcome_note, &outcome, NULL),
            KEDGE_OK);
        do
            peer_receives(&peer);
        while (peer.message.type == KEDGE_COAP_ACK);
        peer_answers(&peer, KEDGE_COAP_CONTENT, "here");
        outcome_wait(scene->net, &outcome, 2 + i);
    }
    peer_close(&peer);
}

/* ---- bursts ---- */

static void test_it_is_known_how_large_a_burst_may_wait(void **state)
{
    struct scene *scene = *state;
    int granted = 0;
    socklen_t size = sizeof granted;
    assert_int_equal(
        getsockopt(scene->net->listeners[0].file, SOL_SOCKET, SO_RCVBUF, &granted, &size), 0);
    assert_int_equal(kedge_net_receive_buffer(scene->net), granted / 2);
    /* Root may have it all. */
    if (geteuid() == 0)
        assert_true(kedge_net_receive_buffer(scene->net) >= KEDGE_NET_RECEIVE_BUFFER);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_come_back_at_their_rate_and_no_more_than_the_burst),
        SCENE_TEST(test_who_has_not_registered_costs_no_memory_whatever_it_sends),
        SCENE_TEST(test_no_answer_to_a_stranger_is_larger_than_three_times_what_it_sent),
        SCENE_TEST(test_what_is_cut_down_keeps_its_code_token_and_message_id),
        SCENE_TEST(test_a_network_that_asks_too_much_is_not_answered_and_others_are),
        SCENE_TEST(test_who_is_known_is_not_charged),
        SCENE_TEST(test_each_kind_of_claim_has_tokens_of_its_own),
        SCENE_TEST(test_a_network_of_ipv6_is_what_one_customer_has),
        SCENE_TEST(test_who_answers_a_ping_is_present_for_a_while_and_nobody_else_is),
        SCENE_TEST(test_those_who_answer_pings_do_not_take_each_others_place),
        SCENE_TEST(test_a_doubted_peer_is_asked_no_more_than_three_times_what_it_sent),
        SCENE_TEST(test_what_is_too_large_for_a_doubted_peer_lets_a_small_question_by),
        SCENE_TEST(test_an_answer_ends_the_doubt),
        SCENE_TEST(test_it_is_known_how_large_a_burst_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
