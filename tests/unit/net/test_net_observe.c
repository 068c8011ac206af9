/*
 * test_net_observe.c: what the server observes at a peer (RFC 7641): which notifications are newer,
 * and how it ends.
 */
#define _GNU_SOURCE
#include "tests/unit/net/exchange_scene.h"

static void crowd(struct kedge_net *net)
{
    for (uint32_t i = 0; i < 2 * KEDGE_NET_IDLE_PEERS_MAX; i++) {
        struct kedge_address address;
        assert_int_equal(kedge_address_from_host("10.0.0.1", (uint16_t)(1000 + i), &address),
                         KEDGE_OK);
        assert_non_null(peer_use(net, &address));
    }
}

static void notify(struct scene *scene, struct kedge_slice token, enum kedge_coap_type type,
                   uint32_t number, const char *payload)
{
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = type,
                                          .code = KEDGE_COAP_CONTENT,
                                          .message_id = scene->peer.next_message_id++,
                                          .token = token,
                                          .options = {{KEDGE_COAP_OBSERVE, NULL, number}},
                                          .payload = kedge_slice_text(payload)});
}

static struct kedge_slice observe(struct scene *scene, uint8_t bytes[KEDGE_COAP_TOKEN_MAX],
                                  uint32_t first)
{
    unsigned calls = scene->outcome.calls;
    assert_int_equal(try_observe(scene, 0, &scene->outcome, &scene->handle), KEDGE_OK);
    peer_receives(&scene->peer);
    uint32_t wish = 99;
    assert_true(kedge_coap_option_uint(&scene->peer.message, KEDGE_COAP_OBSERVE, &wish));
    assert_int_equal(wish, 0);
    struct kedge_slice token = keep_token(scene, bytes);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_ACK,
                                          .code = KEDGE_COAP_CONTENT,
                                          .message_id = scene->peer.message.message_id,
                                          .token = token,
                                          .options = {{KEDGE_COAP_OBSERVE, NULL, first}},
                                          .payload = kedge_slice_text("first")});
    outcome_wait(scene->net, &scene->outcome, calls + 1);
    return token;
}

static void test_a_peer_that_is_asked_or_observed_is_not_forgotten_for_others(void **state)
{
    struct scene *scene = *state;
    struct outcome read = {0};
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    assert_int_equal(try_get(scene, "3/0/0", &read), KEDGE_OK);
    peer_receives(&scene->peer);
    crowd(scene->net);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "here");
    outcome_wait(scene->net, &read, 1);
    assert_string_equal(read.payload, "here");
    struct kedge_slice token = observe(scene, bytes, 1);
    crowd(scene->net);
    notify(scene, token, KEDGE_COAP_NON, 2, "two");
    outcome_wait(scene->net, &scene->outcome, 2);
    assert_string_equal(scene->outcome.payload, "two");
}

static void test_only_newer_notifications_are_told(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 10);
    notify(scene, token, KEDGE_COAP_NON, 12, "twelve");
    notify(scene, token, KEDGE_COAP_NON, 11, "eleven, overtaken");
    notify(scene, token, KEDGE_COAP_NON, 12, "twelve, again");
    notify(scene, token, KEDGE_COAP_NON, 13, "thirteen");
    outcome_wait(scene->net, &scene->outcome, 3);
    assert_string_equal(scene->outcome.payload, "thirteen");
    for (unsigned i = 0; i < 10; i++)
        server_turn(scene->net);
    assert_int_equal(scene->outcome.calls, 3);
}

static void test_numbers_of_notifications_wrap_around(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 0xFFFFFE);
    notify(scene, token, KEDGE_COAP_NON, 1, "after the wrap");
    outcome_wait(scene->net, &scene->outcome, 2);
    notify(scene, token, KEDGE_COAP_NON, 0xFFFFFF, "before it");
    for (unsigned i = 0; i < 10; i++)
        server_turn(scene->net);
    assert_int_equal(scene->outcome.calls, 2);
}

static void test_after_128_seconds_any_number_is_newer(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 10);
    struct peer *peer = peer_find(scene->net, &scene->peer.address);
    /* The last one came so long ago (RFC 7641 section 3.4). */
    peer->observations->observe_at_ms -= 128001;
    notify(scene, token, KEDGE_COAP_NON, 7, "of a peer that restarted");
    outcome_wait(scene->net, &scene->outcome, 2);
    assert_string_equal(scene->outcome.payload, "of a peer that restarted");
    /* And this one, just now. */
    notify(scene, token, KEDGE_COAP_NON, 6, "overtaken");
    notify(scene, token, KEDGE_COAP_NON, 8, "eight");
    outcome_wait(scene->net, &scene->outcome, 3);
    assert_string_equal(scene->outcome.payload, "eight");
}

static void test_a_confirmable_notification_is_acknowledged_and_requests_go_on_beside(void **state)
{
    struct scene *scene = *state;
    struct outcome read = {0};
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    notify(scene, token, KEDGE_COAP_CON, 2, "two");
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.type, KEDGE_COAP_ACK);
    assert_int_equal(scene->outcome.calls, 2);
    assert_int_equal(try_get(scene, "3/0/0", &read), KEDGE_OK);
    peer_receives(&scene->peer);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "read");
    outcome_wait(scene->net, &read, 1);
    notify(scene, token, KEDGE_COAP_NON, 3, "three");
    outcome_wait(scene->net, &scene->outcome, 3);
}

static void test_a_cancelled_observation_is_refused_by_reset(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    kedge_net_cancel(scene->net, scene->handle);
    notify(scene, token, KEDGE_COAP_NON, 2, "two");
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.type, KEDGE_COAP_RST);
    assert_int_equal(scene->outcome.calls, 1);
}

static void assert_end_is_asked(struct scene *scene, struct kedge_slice token)
{
    uint32_t wish = 99, accept = 99;
    const struct kedge_coap_message *message = &scene->peer.message;
    peer_receives(&scene->peer);
    assert_true(message_path_is(message, "5/0/3"));
    assert_true(kedge_slice_equal(kedge_slice(message->token, message->token_size), token));
    assert_true(kedge_coap_option_uint(message, KEDGE_COAP_OBSERVE, &wish));
    assert_int_equal(wish, 1);
    assert_true(kedge_coap_option_uint(message, KEDGE_COAP_ACCEPT, &accept));
    assert_int_equal(accept, 0);
}

static void test_an_observation_is_ended_by_asking_for_it(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    kedge_net_unobserve(scene->net, scene->handle);
    assert_end_is_asked(scene, token);
    /* One that was on its way is no answer; the request is sent again until there is one. */
    notify(scene, token, KEDGE_COAP_NON, 2, "two");
    assert_end_is_asked(scene, token);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "two");
    peer_hears_nothing(&scene->peer, 100);
    assert_int_equal(scene->outcome.calls, 1);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    notify(scene, token, KEDGE_COAP_NON, 3, "three");
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.type, KEDGE_COAP_RST);
}

static void test_the_end_of_an_observation_waits_for_its_turn_or_is_not_asked_for(void **state)
{
    struct scene *scene = *state;
    struct outcome others[KEDGE_NET_QUEUE_MAX + 1] = {0};
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    uint64_t observation = scene->handle;
    for (unsigned i = 0; i <= KEDGE_NET_QUEUE_MAX; i++)
        assert_int_equal(try_get(scene, "x", &others[i]), KEDGE_OK);
    kedge_net_unobserve(scene->net, observation); /* no room */
    notify(scene, token, KEDGE_COAP_NON, 2, "two");
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_GET);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.type, KEDGE_COAP_RST);
    assert_int_equal(scene->outcome.calls, 1);
    /* One that was not answered yet is like any other request. */
    kedge_net_unobserve(scene->net, scene->handle);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, KEDGE_NET_QUEUE_MAX);
}

static void test_an_observation_ends_with_an_error_or_without_its_option(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    peer_sends(&scene->peer, &(struct scripted_message){.type = KEDGE_COAP_NON,
                                                        .code = KEDGE_COAP_NOT_FOUND,
                                                        .message_id = scene->peer.next_message_id++,
                                                        .token = token});
    outcome_wait(scene->net, &scene->outcome, 2);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    assert_int_equal(scene->outcome.code, KEDGE_COAP_NOT_FOUND);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    /* With the option too, which an error should not have. */
    scene->outcome.calls = 0;
    token = observe(scene, bytes, 1);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_NON,
                                          .code = KEDGE_COAP_NOT_FOUND,
                                          .message_id = scene->peer.next_message_id++,
                                          .token = token,
                                          .options = {{KEDGE_COAP_OBSERVE, NULL, 9}}});
    outcome_wait(scene->net, &scene->outcome, 2);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    /* A peer that does not know Observe just answers. */
    assert_int_equal(try_observe(scene, 0, &scene->outcome, NULL), KEDGE_OK);
    peer_receives(&scene->peer);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "0");
    outcome_wait(scene->net, &scene->outcome, 3);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
}

/* ---- notifications in blocks ---- */

/* A block of 16 bytes; `observe` is -1 in the answer to a request for a later one. */
static void send_block(struct scene *scene, struct kedge_slice token, int observe, uint32_t number,
                       bool more, const char *payload)
{
    const struct kedge_coap_block block = {.number = number, .more = more};
    bool answers = observe < 0;
    struct scripted_message message = {.type = answers ? KEDGE_COAP_ACK : KEDGE_COAP_NON,
                                       .code = KEDGE_COAP_CONTENT,
                                       .message_id = answers ? scene->peer.message.message_id
                                                             : scene->peer.next_message_id++,
                                       .token = token,
                                       .payload = kedge_slice_text(payload)};
    size_t count = 0;
    if (!answers)
        message.options[count++] =
            (struct scripted_option){KEDGE_COAP_OBSERVE, NULL, (uint32_t)observe};
    message.options[count] =
        (struct scripted_option){KEDGE_COAP_BLOCK2, NULL, kedge_coap_block_value(&block)};
    peer_sends(&scene->peer, &message);
}

/* Returns the token of the request for that block, which observes nothing. */
static struct kedge_slice block_is_asked(struct scene *scene, uint32_t number,
                                         uint8_t bytes[KEDGE_COAP_TOKEN_MAX])
{
    struct kedge_coap_block block;
    uint32_t observe;
    const struct kedge_coap_message *message = &scene->peer.message;
    peer_receives(&scene->peer);
    assert_int_equal(message->code, KEDGE_COAP_GET);
    assert_true(message_path_is(message, "5/0/3"));
    assert_false(kedge_coap_option_uint(message, KEDGE_COAP_OBSERVE, &observe));
    assert_int_equal(kedge_coap_block_find(message, KEDGE_COAP_BLOCK2, &block), KEDGE_OK);
    assert_int_equal(block.number, number);
    return keep_token(scene, bytes);
}

static void test_the_rest_of_a_notification_is_asked_for_and_it_is_told_whole(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX], others[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    send_block(scene, token, 2, 0, true, "0123456789abcdef");
    struct kedge_slice rest = block_is_asked(scene, 1, others);
    assert_false(kedge_slice_equal(rest, token));
    send_block(scene, rest, -1, 1, true, "ghijklmnopqrstuv");
    rest = block_is_asked(scene, 2, others);
    assert_int_equal(scene->outcome.calls, 1);
    send_block(scene, rest, -1, 2, false, "wxyz");
    outcome_wait(scene->net, &scene->outcome, 2);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    assert_string_equal(scene->outcome.payload, "0123456789abcdefghijklmnopqrstuvwxyz");
    assert_true(kedge_net_observes(scene->net, scene->handle));
    notify(scene, token, KEDGE_COAP_NON, 3, "three");
    outcome_wait(scene->net, &scene->outcome, 3);
    assert_string_equal(scene->outcome.payload, "three");
}

static void test_a_newer_notification_takes_the_place_of_one_that_is_not_whole_yet(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX], others[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    send_block(scene, token, 2, 0, true, "0123456789abcdef");
    struct kedge_slice rest = block_is_asked(scene, 1, others);
    notify(scene, token, KEDGE_COAP_NON, 3, "three");
    outcome_wait(scene->net, &scene->outcome, 2);
    send_block(scene, rest, -1, 1, false, "old");
    notify(scene, token, KEDGE_COAP_NON, 4, "four");
    outcome_wait(scene->net, &scene->outcome, 3);
    assert_string_equal(scene->outcome.payload, "four");
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 1);
}

static void test_what_waits_for_the_peer_goes_on_when_a_rest_is_not_wanted_any_more(void **state)
{
    struct scene *scene = *state;
    struct outcome waiting = {0};
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX], others[KEDGE_COAP_TOKEN_MAX];
    uint64_t observation;
    struct kedge_slice token = observe(scene, bytes, 1);
    observation = scene->handle;
    send_block(scene, token, 2, 0, true, "0123456789abcdef");
    (void)block_is_asked(scene, 1, others);
    assert_int_equal(try_get(scene, "second", &waiting), KEDGE_OK);
    notify(scene, token, KEDGE_COAP_NON, 3, "three");
    peer_receives(&scene->peer);
    assert_true(message_path_is(&scene->peer.message, "second"));
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "2");
    outcome_wait(scene->net, &waiting, 1);
    assert_true(kedge_net_observes(scene->net, observation));
}

static void test_a_notification_whose_rest_does_not_come_ends_the_observation(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX], others[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    send_block(scene, token, 2, 0, true, "0123456789abcdef");
    struct kedge_slice rest = block_is_asked(scene, 1, others);
    send_block(scene, rest, -1, 3, true, "0123456789abcdef"); /* one was left out */
    outcome_wait(scene->net, &scene->outcome, 2);
    assert_int_equal(scene->outcome.rc, KEDGE_E_MALFORMED);
    assert_false(kedge_net_observes(scene->net, scene->handle));
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    /* Nor does one that begins in its middle, or with half a block. */
    token = observe(scene, bytes, 1);
    send_block(scene, token, 2, 1, true, "0123456789abcdef");
    outcome_wait(scene->net, &scene->outcome, 4);
    assert_int_equal(scene->outcome.rc, KEDGE_E_MALFORMED);
    token = observe(scene, bytes, 1);
    send_block(scene, token, 2, 0, true, "half of it");
    outcome_wait(scene->net, &scene->outcome, 6);
    assert_int_equal(scene->outcome.rc, KEDGE_E_MALFORMED);
}

static void test_an_observation_ends_with_what_was_asked_for_it(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[KEDGE_COAP_TOKEN_MAX], others[KEDGE_COAP_TOKEN_MAX];
    struct kedge_slice token = observe(scene, bytes, 1);
    send_block(scene, token, 2, 0, true, "0123456789abcdef");
    (void)block_is_asked(scene, 1, others);
    kedge_net_cancel(scene->net, scene->handle);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    token = observe(scene, bytes, 1);
    send_block(scene, token, 2, 0, true, "0123456789abcdef");
    (void)block_is_asked(scene, 1, others);
    kedge_net_peer_forget(scene->net, &scene->peer.address);
    assert_int_equal(scene->outcome.calls, 3);
    assert_int_equal(scene->outcome.rc, KEDGE_E_CANCELED);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_peer_that_is_asked_or_observed_is_not_forgotten_for_others),
        SCENE_TEST(test_only_newer_notifications_are_told),
        SCENE_TEST(test_numbers_of_notifications_wrap_around),
        SCENE_TEST(test_after_128_seconds_any_number_is_newer),
        SCENE_TEST(test_a_confirmable_notification_is_acknowledged_and_requests_go_on_beside),
        SCENE_TEST(test_a_cancelled_observation_is_refused_by_reset),
        SCENE_TEST(test_an_observation_is_ended_by_asking_for_it),
        SCENE_TEST(test_the_end_of_an_observation_waits_for_its_turn_or_is_not_asked_for),
        SCENE_TEST(test_an_observation_ends_with_an_error_or_without_its_option),
        SCENE_TEST(test_the_rest_of_a_notification_is_asked_for_and_it_is_told_whole),
        SCENE_TEST(test_a_newer_notification_takes_the_place_of_one_that_is_not_whole_yet),
        SCENE_TEST(test_what_waits_for_the_peer_goes_on_when_a_rest_is_not_wanted_any_more),
        SCENE_TEST(test_a_notification_whose_rest_does_not_come_ends_the_observation),
        SCENE_TEST(test_an_observation_ends_with_what_was_asked_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
