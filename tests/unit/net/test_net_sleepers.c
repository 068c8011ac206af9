/*
 * test_net_sleepers.c: peers that can be reached for a moment, and then cannot: nothing is sent to
 * one that rests, and what waits for it goes out at once when it is there.
 */
#define _GNU_SOURCE
#include "tests/unit/net/exchange_scene.h"

/* For a device that is awake for a moment, out of turn; and no end of it comes any sooner. */
static void test_a_request_is_sent_again_at_once_when_its_peer_is_there(void **state)
{
    struct scene *scene = *state;
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
    uint8_t first[2048];
    size_t size = scene->peer.size;
    memcpy(first, scene->peer.bytes, size);
    struct exchange *exchange = peer_find(scene->net, &scene->peer.address)->in_flight;
    exchange->turn_ms += 3600000; /* it does not come */
    kedge_net_timer_arm(scene->net, &exchange->timer, exchange->turn_ms, exchange->timer.fn,
                        exchange);
    peer_hears_nothing(&scene->peer, KEDGE_NET_SENT_JUST_NOW_MS + 50);
    for (unsigned i = 0; i < 6; i++) { /* more often than it is sent again by itself */
        kedge_net_peer_hurry(scene->net, &scene->peer.address);
        peer_receives(&scene->peer);
        assert_int_equal(scene->peer.size, size);
        assert_memory_equal(first, scene->peer.bytes, size);
        /* Not twice in a row. */
        exchange->sent_ms = kedge_net_now_ms(scene->net);
        kedge_net_peer_hurry(scene->net, &scene->peer.address);
        peer_hears_nothing(&scene->peer, 30);
        exchange->sent_ms -= KEDGE_NET_SENT_JUST_NOW_MS;
    }
    assert_int_equal(scene->outcome.calls, 0);
    assert_int_equal(exchange->transmissions, 1);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "awake");
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_string_equal(scene->outcome.payload, "awake");
    kedge_net_peer_hurry(scene->net, &scene->peer.address);
    peer_hears_nothing(&scene->peer, 30);
}

/* Else the next requests of its queue would wait for ever. */
static void test_one_that_talks_and_answers_nothing_is_given_up_all_the_same(void **state)
{
    struct scene *scene = *state;
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
    struct exchange *exchange = peer_find(scene->net, &scene->peer.address)->in_flight;
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (scene->outcome.calls == 0 && test_clock_ms() < until_ms) {
        exchange->sent_ms -= KEDGE_NET_SENT_JUST_NOW_MS;
        kedge_net_peer_hurry(scene->net, &scene->peer.address);
        server_turn(scene->net);
    }
    assert_int_equal(scene->outcome.calls, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_TIMEOUT);
}

static void test_a_peer_that_rests_is_sent_nothing_until_it_is_there_again(void **state)
{
    struct scene *scene = *state;
    struct outcome second = {0};
    uint8_t first[2048];
    get(scene, "3/0/0");
    assert_int_equal(try_get(scene, "3/0/1", &second), KEDGE_OK);
    peer_receives(&scene->peer);
    size_t size = scene->peer.size;
    memcpy(first, scene->peer.bytes, size);
    kedge_net_peer_rest(scene->net, &scene->peer.address, true);
    kedge_net_peer_hurry(scene->net, &scene->peer.address);
    peer_hears_nothing(&scene->peer, KEDGE_NET_SENT_JUST_NOW_MS + 6 * ACK_TIMEOUT_MS);
    assert_int_equal(scene->outcome.calls, 0);
    kedge_net_peer_rest(scene->net, &scene->peer.address, false);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.size, size);
    assert_memory_equal(first, scene->peer.bytes, size);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "awake");
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_string_equal(scene->outcome.payload, "awake");
    peer_receives(&scene->peer);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "still");
    outcome_wait(scene->net, &second, 1);
}

/* What it slept through altogether is over for the first one, and only begins for the others. */
static void test_what_was_on_its_way_to_a_peer_that_rests_ends_at_its_time(void **state)
{
    struct scene *scene = *state;
    struct outcome second = {0};
    get(scene, "3/0/0");
    assert_int_equal(try_get(scene, "3/0/1", &second), KEDGE_OK);
    peer_receives(&scene->peer);
    uint16_t first = scene->peer.message.message_id;
    kedge_net_peer_rest(scene->net, &scene->peer.address, true);
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_TIMEOUT);
    peer_hears_nothing(&scene->peer, 2 * ACK_TIMEOUT_MS);
    assert_int_equal(second.calls, 0);
    kedge_net_peer_rest(scene->net, &scene->peer.address, false);
    peer_receives(&scene->peer);
    assert_int_not_equal(scene->peer.message.message_id, first);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "awake");
    outcome_wait(scene->net, &second, 1);
    assert_int_equal(second.rc, KEDGE_OK);
}

/* Whoever is at the address then is another one. */
static void test_a_peer_that_was_forgotten_at_rest_can_be_reached(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(kedge_net_peer_keep(scene->net, &scene->peer.address, scene), KEDGE_OK);
    kedge_net_peer_rest(scene->net, &scene->peer.address, true);
    kedge_net_peer_forget(scene->net, &scene->peer.address);
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
}

static void test_what_was_acknowledged_meanwhile_is_not_sent_out_of_turn(void **state)
{
    struct scene *scene = *state;
    get(scene, "3/0/0");
    peer_receives(&scene->peer);
    struct exchange *exchange = peer_find(scene->net, &scene->peer.address)->in_flight;
    exchange->sent_ms -= KEDGE_NET_SENT_JUST_NOW_MS;
    kedge_net_peer_hurry(scene->net, &scene->peer.address);
    exchange_on_empty(scene->net, exchange->peer,
                      &(struct kedge_coap_message){.type = KEDGE_COAP_ACK,
                                                   .message_id = scene->peer.message.message_id});
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_TIMEOUT);
    peer_hears_nothing(&scene->peer, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_request_is_sent_again_at_once_when_its_peer_is_there),
        SCENE_TEST(test_one_that_talks_and_answers_nothing_is_given_up_all_the_same),
        SCENE_TEST(test_a_peer_that_rests_is_sent_nothing_until_it_is_there_again),
        SCENE_TEST(test_what_was_on_its_way_to_a_peer_that_rests_ends_at_its_time),
        SCENE_TEST(test_a_peer_that_was_forgotten_at_rest_can_be_reached),
        SCENE_TEST(test_what_was_acknowledged_meanwhile_is_not_sent_out_of_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
