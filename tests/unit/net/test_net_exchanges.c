/*
 * test_net_exchanges.c: requests of the server's: sent again, answered in every way that a peer
 * may, given up, and cancelled.
 */
#define _GNU_SOURCE
#include "tests/unit/net/exchange_scene.h"

/* ---- sending ---- */

static void test_a_request_says_what_was_asked(void **state)
{
    struct scene *scene = *state;
    struct kedge_net_request request = {.method = KEDGE_COAP_PUT,
                                        .path = "5/0/1",
                                        .content_format = 0,
                                        .accept = -1,
                                        .payload = kedge_slice_text("coap://h/fw/x")};
    assert_int_equal(kedge_net_send(scene->net, &scene->peer.address, &request, outcome_note,
                                    &scene->outcome, NULL),
                     KEDGE_OK);
    peer_receives(&scene->peer);
    const struct kedge_coap_message *message = &scene->peer.message;
    uint32_t format = 99;
    assert_int_equal(message->type, KEDGE_COAP_CON);
    assert_int_equal(message->code, KEDGE_COAP_PUT);
    assert_true(kedge_coap_path_is(message, "5/0/1"));
    assert_true(kedge_coap_option_uint(message, KEDGE_COAP_CONTENT_FORMAT, &format));
    assert_int_equal(format, 0);
    assert_false(kedge_coap_option_uint(message, KEDGE_COAP_ACCEPT, &format));
    assert_true(kedge_slice_equal(message->payload, request.payload));
    assert_int_equal(message->token_size, 8);
}

static void test_a_piggybacked_answer_ends_it(void **state)
{
    struct scene *scene = *state;
    get(scene, "3/0/0");
    assert_int_equal(scene->outcome.calls, 0);
    peer_receives(&scene->peer);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "hello");
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    assert_int_equal(scene->outcome.code, KEDGE_COAP_CONTENT);
    assert_string_equal(scene->outcome.payload, "hello");
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    /* The same answer again is nobody's. */
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "hello");
    peer_hears_nothing(&scene->peer, 30);
    assert_int_equal(scene->outcome.calls, 1);
}

static void test_an_unanswered_request_is_sent_again_with_growing_pauses_then_given_up(void **state)
{
    struct scene *scene = *state;
    uint8_t first[2048];
    uint64_t began_ms = kedge_net_now_ms(scene->net);
    get(scene, "3/0/0");
    const struct exchange *exchange = peer_find(scene->net, &scene->peer.address)->in_flight;
    uint32_t first_ms = exchange->timeout_ms;
    for (unsigned i = 0; i < 5; i++) {
        peer_receives(&scene->peer);
        /* Each pause is twice the one before (RFC 7252 section 4.2). */
        if (scene->outcome.calls ==
            0) /* else the exchange is over, on a machine that stood still */
            assert_int_equal(exchange->timeout_ms, first_ms << (exchange->transmissions - 1));
        if (i == 0)
            memcpy(first, scene->peer.bytes, scene->peer.size);
        /* Byte for byte the same message, message id included. */
        assert_memory_equal(first, scene->peer.bytes, scene->peer.size);
        /* Never before 1, 3, 7, 15 times the first timeout. */
        assert_true(test_clock_ms() - began_ms + 1 >= ACK_TIMEOUT_MS * ((1u << i) - 1));
    }
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_TIMEOUT);
    /* The last one is waited for too. */
    assert_true(test_clock_ms() - began_ms + 1 >= ACK_TIMEOUT_MS * ((1u << 5) - 1));
    peer_hears_nothing(&scene->peer, 30);
    struct kedge_net_counters counters = kedge_net_counters(scene->net);
    assert_int_equal(counters.retransmissions, 4);
    assert_int_equal(counters.timeouts, 1);
    assert_int_equal(counters.exchanges, 0);
}

static void test_the_first_pause_is_drawn_between_one_and_one_and_a_half_timeouts(void **state)
{
    (void)state;
    struct kedge_net *net = server_open(0, NULL, NULL);
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    struct kedge_address to;
    uint32_t least_ms = UINT32_MAX, most_ms = 0;
    request.path = "3/0/0";
    /* ACK_TIMEOUT is 2 seconds and MAX_RETRANSMIT 4 (RFC 7252 section 4.8). */
    assert_int_equal(net->config.retransmit_max, 4);
    for (uint16_t port = 1; port <= 200; port++) { /* nothing leaves: the loop does not turn */
        assert_int_equal(kedge_address_from_host("127.0.0.1", port, &to), KEDGE_OK);
        assert_int_equal(kedge_net_send(net, &to, &request, outcome_note, NULL, NULL), KEDGE_OK);
        uint32_t timeout_ms = peer_find(net, &to)->in_flight->timeout_ms;
        least_ms = timeout_ms < least_ms ? timeout_ms : least_ms;
        most_ms = timeout_ms > most_ms ? timeout_ms : most_ms;
    }
    net->outgoing_count = 0;
    assert_in_range(least_ms, 2000, 2200);
    assert_in_range(most_ms, 2800, 3000);
    kedge_net_destroy(net);
}

static void test_an_answer_to_a_retransmission_counts(void **state)
{
    struct scene *scene = *state;
    get(scene, "3/0/0");
    for (unsigned i = 0; i < 3; i++)
        peer_receives(&scene->peer);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "late");
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_string_equal(scene->outcome.payload, "late");
    peer_hears_nothing(&scene->peer, 250);
}

static void test_one_request_at_a_time_goes_to_a_peer_in_order(void **state)
{
    struct scene *scene = *state;
    struct outcome outcomes[3] = {0};
    static const char *const paths[] = {"1", "2", "3"};
    struct scripted_peer other;
    struct outcome others = {0};
    peer_open(&other, scene->net);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(try_get(scene, paths[i], &outcomes[i]), KEDGE_OK);
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.path = "other";
    assert_int_equal(
        kedge_net_send(scene->net, &other.address, &request, outcome_note, &others, NULL),
        KEDGE_OK);
    /* Another peer does not wait for this one. */
    peer_receives(&other);
    for (unsigned i = 0; i < 3; i++) {
        do
            peer_receives(&scene->peer);
        while (i > 0 && message_path_is(&scene->peer.message, paths[i - 1]));
        assert_true(message_path_is(&scene->peer.message, paths[i]));
        peer_answers(&scene->peer, KEDGE_COAP_CONTENT, paths[i]);
        outcome_wait(scene->net, &outcomes[i], 1);
        assert_string_equal(outcomes[i].payload, paths[i]);
    }
    peer_close(&other);
}

static void test_a_queue_that_is_full_says_busy_and_loses_none_of_those_in_it(void **state)
{
    struct scene *scene = *state;
    enum { TAKEN = KEDGE_NET_QUEUE_MAX + 1 }; /* one of them is on its way */
    struct outcome outcomes[TAKEN] = {0}, too_many = {0}, later = {0};
    char paths[TAKEN][4];
    for (unsigned i = 0; i < TAKEN; i++) {
        snprintf(paths[i], sizeof paths[i], "%u", i);
        assert_int_equal(try_get(scene, paths[i], &outcomes[i]), KEDGE_OK);
    }
    assert_int_equal(try_get(scene, "x", &too_many), KEDGE_E_BUSY);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, TAKEN);
    for (unsigned i = 0; i < TAKEN; i++) {
        do
            peer_receives(&scene->peer);
        while (i > 0 && message_path_is(&scene->peer.message, paths[i - 1]));
        assert_true(message_path_is(&scene->peer.message, paths[i]));
        peer_answers(&scene->peer, KEDGE_COAP_CONTENT, paths[i]);
        outcome_wait(scene->net, &outcomes[i], 1);
        if (i == 0)
            assert_int_equal(try_get(scene, "later", &later), KEDGE_OK);
    }
    do
        peer_receives(&scene->peer);
    while (!message_path_is(&scene->peer.message, "later"));
    assert_int_equal(too_many.calls, 0);
}

static void test_what_does_not_fit_into_a_message_is_refused_at_once(void **state)
{
    struct scene *scene = *state;
    static uint8_t large[KEDGE_NET_MESSAGE_MAX];
    char path[KEDGE_NET_PATH_MAX + 2];
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.payload = kedge_slice(large, sizeof large);
    assert_int_equal(kedge_net_send(scene->net, &scene->peer.address, &request, outcome_note,
                                    &scene->outcome, NULL),
                     KEDGE_E_BUFFER);
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(try_get(scene, path, &scene->outcome), KEDGE_E_BUFFER);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    /* As deep as a path of that length can be: every segment costs an option. */
    for (size_t i = 1; i < KEDGE_NET_PATH_MAX; i += 2)
        path[i] = '/';
    path[KEDGE_NET_PATH_MAX] = '\0';
    get(scene, path);
    peer_receives(&scene->peer);
    assert_true(message_path_is(&scene->peer.message, path));
}

/* ---- other ways of answering ---- */

static void test_a_separate_response_is_acknowledged_and_taken_once(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
    struct kedge_slice token = keep_token(scene, bytes);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_ACK,
                                          .message_id = scene->peer.message.message_id});
    /* Acknowledged: it is not sent again. */
    peer_hears_nothing(&scene->peer, 2 * ACK_TIMEOUT_MS);
    const struct scripted_message response = {.type = KEDGE_COAP_CON,
                                              .code = KEDGE_COAP_CONTENT,
                                              .message_id = 0x4242,
                                              .token = token,
                                              .payload = kedge_slice_text("separate")};
    for (unsigned i = 0; i < 2; i++) {
        peer_sends(&scene->peer, &response);
        peer_receives(&scene->peer);
        assert_int_equal(scene->peer.message.type, KEDGE_COAP_ACK);
        assert_int_equal(scene->peer.message.message_id, 0x4242);
        assert_int_equal(scene->peer.size, 4);
        assert_int_equal(scene->outcome.calls, 1);
    }
    assert_string_equal(scene->outcome.payload, "separate");
}

static void test_a_separate_response_that_overtakes_its_acknowledgement_is_taken(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
    struct kedge_slice token = keep_token(scene, bytes);
    peer_sends(&scene->peer, &(struct scripted_message){.type = KEDGE_COAP_NON,
                                                        .code = KEDGE_COAP_CONTENT,
                                                        .message_id = 0x4243,
                                                        .token = token});
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    peer_hears_nothing(&scene->peer, 2 * ACK_TIMEOUT_MS);
}

static void test_an_acknowledgement_without_a_response_runs_out(void **state)
{
    struct scene *scene = *state;
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_ACK,
                                          .message_id = scene->peer.message.message_id});
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_TIMEOUT);
    assert_int_equal(kedge_net_counters(scene->net).retransmissions, 0);
}

static void test_a_reset_ends_a_request_and_the_next_one_goes_out(void **state)
{
    struct scene *scene = *state;
    struct outcome second = {0};
    get(scene, "1");
    assert_int_equal(try_get(scene, "2", &second), KEDGE_OK);
    peer_receives(&scene->peer);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_RST,
                                          .message_id = scene->peer.message.message_id});
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_REFUSED);
    peer_receives(&scene->peer);
    assert_true(message_path_is(&scene->peer.message, "2"));
}

static void test_answers_with_a_wrong_token_id_or_sender_are_not_taken(void **state)
{
    struct scene *scene = *state;
    struct scripted_peer stranger;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    peer_open(&stranger, scene->net);
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
    struct kedge_slice token = keep_token(scene, bytes);
    uint16_t message_id = scene->peer.message.message_id;
    struct scripted_message answer = {.type = KEDGE_COAP_ACK,
                                      .code = KEDGE_COAP_CONTENT,
                                      .message_id = message_id,
                                      .token = kedge_slice("wrong!!!", 8)};
    peer_sends(&scene->peer, &answer);
    answer.token = kedge_slice(bytes, 7);
    peer_sends(&scene->peer, &answer);
    answer.token = token;
    answer.message_id = (uint16_t)(message_id + 1);
    peer_sends(&scene->peer, &answer);
    answer.message_id = message_id;
    peer_sends(&stranger, &answer);
    /* A stranger that the server knows, with an answer that need not match a message id. */
    assert_int_equal(kedge_net_peer_keep(scene->net, &stranger.address, scene), KEDGE_OK);
    answer.type = KEDGE_COAP_NON;
    peer_sends(&stranger, &answer);
    answer.type = KEDGE_COAP_ACK;
    for (unsigned i = 0; i < 10; i++)
        server_turn(scene->net);
    assert_int_equal(scene->outcome.calls, 0);
    /* A confirmable response that nobody waits for is reset, so that it is not sent again. */
    answer.type = KEDGE_COAP_CON;
    answer.message_id = 0x5555;
    answer.token = kedge_slice("wrong!!!", 8);
    peer_sends(&scene->peer, &answer);
    do
        peer_receives(&scene->peer);
    while (scene->peer.message.type == KEDGE_COAP_CON);
    assert_int_equal(scene->peer.message.type, KEDGE_COAP_RST);
    assert_int_equal(scene->peer.message.message_id, 0x5555);
    answer.type = KEDGE_COAP_ACK;
    answer.message_id = message_id;
    answer.token = token;
    peer_sends(&scene->peer, &answer);
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    peer_close(&stranger);
}

/* ---- cancelling and forgetting ---- */

static void test_a_cancelled_request_is_not_told_and_the_next_goes_out(void **state)
{
    struct scene *scene = *state;
    struct outcome second = {0};
    uint64_t handle;
    get(scene, "1");
    handle = scene->handle;
    assert_int_equal(try_get(scene, "2", &second), KEDGE_OK);
    peer_receives(&scene->peer);
    struct kedge_coap_message first = scene->peer.message;
    kedge_net_cancel(scene->net, handle);
    kedge_net_cancel(scene->net, handle);
    peer_receives(&scene->peer);
    assert_true(message_path_is(&scene->peer.message, "2"));
    peer_sends(&scene->peer, &(struct scripted_message){.type = KEDGE_COAP_ACK,
                                                        .code = KEDGE_COAP_CONTENT,
                                                        .message_id = first.message_id,
                                                        .token = kedge_slice(first.token, 8)});
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "two");
    outcome_wait(scene->net, &second, 1);
    assert_int_equal(scene->outcome.calls, 0);
}

struct resender {
    struct scene *scene;
    struct outcome outcome;
    enum kedge_rc again;
};

static void note_and_send_again(void *context, enum kedge_rc rc,
                                const struct kedge_coap_message *response)
{
    struct resender *resender = context;
    outcome_note(&resender->outcome, rc, response);
    resender->again = try_get(resender->scene, "again", &resender->scene->outcome);
}

static void test_forgetting_a_peer_tells_everyone_and_takes_nothing_new(void **state)
{
    struct scene *scene = *state;
    struct outcome waiting = {0}, observing = {0};
    struct resender resender = {.scene = scene};
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    assert_int_equal(kedge_net_peer_keep(scene->net, &scene->peer.address, scene), KEDGE_OK);
    assert_int_equal(try_observe(scene, -1, &observing, NULL), KEDGE_OK);
    peer_receives(&scene->peer);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_ACK,
                                          .code = KEDGE_COAP_CONTENT,
                                          .message_id = scene->peer.message.message_id,
                                          .token = kedge_slice(scene->peer.message.token, 8),
                                          .options = {{KEDGE_COAP_OBSERVE, NULL, 1}}});
    outcome_wait(scene->net, &observing, 1);
    assert_int_equal(kedge_net_send(scene->net, &scene->peer.address, &request, note_and_send_again,
                                    &resender, NULL),
                     KEDGE_OK);
    assert_int_equal(try_get(scene, "waiting", &waiting), KEDGE_OK);
    kedge_net_peer_forget(scene->net, &scene->peer.address);
    assert_int_equal(resender.outcome.rc, KEDGE_E_CANCELED);
    assert_int_equal(resender.again, KEDGE_E_CANCELED);
    assert_int_equal(waiting.rc, KEDGE_E_CANCELED);
    assert_int_equal(observing.calls, 2);
    assert_int_equal(observing.rc, KEDGE_E_CANCELED);
    assert_int_equal(scene->outcome.calls, 0);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    get(scene, "afterwards");
    do
        peer_receives(&scene->peer);
    while (!message_path_is(&scene->peer.message, "afterwards"));
}

static void keep_peer(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    struct scene *scene = context;
    outcome_note(&scene->outcome, rc, response);
    assert_int_equal(kedge_net_peer_keep(scene->net, &scene->peer.address, scene), KEDGE_OK);
}

static void test_a_peer_that_a_callback_keeps_stays_kept(void **state)
{
    struct scene *scene = *state;
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    assert_int_equal(
        kedge_net_send(scene->net, &scene->peer.address, &request, keep_peer, scene, NULL),
        KEDGE_OK);
    peer_receives(&scene->peer);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "x");
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_true(peer_find(scene->net, &scene->peer.address)->kept);
    assert_ptr_equal(kedge_net_peer_owner(scene->net, &scene->peer.address), scene);
    assert_int_equal(scene->net->peers.idle[false].count, 0);
    /* Nobody's again, it is idle, and what stood for the owner is no peer. */
    kedge_net_peer_forget(scene->net, &scene->peer.address);
    assert_null(kedge_net_peer_owner(scene->net, &scene->peer.address));
    assert_int_equal(scene->net->peers.idle[false].count, 1);
}

/* A callback lets its peer go, and more idle peers come than are remembered. */
static void crowd_out(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    struct scene *scene = context;
    outcome_note(&scene->outcome, rc, response);
    assert_int_equal(kedge_net_peer_keep(scene->net, &scene->peer.address, NULL), KEDGE_OK);
    for (uint32_t i = 0; i <= KEDGE_NET_IDLE_PEERS_MAX; i++) {
        struct kedge_address address = scene->peer.address;
        address.v4.sin_addr.s_addr = htonl(0x0A000000u + i);
        assert_non_null(peer_use(scene->net, &address));
    }
    assert_non_null(peer_find(scene->net, &scene->peer.address));
}

static void test_a_peer_outlives_the_callback_that_it_caused(void **state)
{
    struct scene *scene = *state;
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    assert_int_equal(
        kedge_net_send(scene->net, &scene->peer.address, &request, crowd_out, scene, NULL),
        KEDGE_OK);
    peer_receives(&scene->peer);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "x");
    outcome_wait(scene->net, &scene->outcome, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_request_says_what_was_asked),
        SCENE_TEST(test_a_piggybacked_answer_ends_it),
        SCENE_TEST(test_an_unanswered_request_is_sent_again_with_growing_pauses_then_given_up),
        cmocka_unit_test(test_the_first_pause_is_drawn_between_one_and_one_and_a_half_timeouts),
        SCENE_TEST(test_an_answer_to_a_retransmission_counts),
        SCENE_TEST(test_one_request_at_a_time_goes_to_a_peer_in_order),
        SCENE_TEST(test_a_queue_that_is_full_says_busy_and_loses_none_of_those_in_it),
        SCENE_TEST(test_what_does_not_fit_into_a_message_is_refused_at_once),
        SCENE_TEST(test_a_separate_response_is_acknowledged_and_taken_once),
        SCENE_TEST(test_a_separate_response_that_overtakes_its_acknowledgement_is_taken),
        SCENE_TEST(test_an_acknowledgement_without_a_response_runs_out),
        SCENE_TEST(test_a_reset_ends_a_request_and_the_next_one_goes_out),
        SCENE_TEST(test_answers_with_a_wrong_token_id_or_sender_are_not_taken),
        SCENE_TEST(test_a_cancelled_request_is_not_told_and_the_next_goes_out),
        SCENE_TEST(test_forgetting_a_peer_tells_everyone_and_takes_nothing_new),
        SCENE_TEST(test_a_peer_that_a_callback_keeps_stays_kept),
        SCENE_TEST(test_a_peer_outlives_the_callback_that_it_caused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
