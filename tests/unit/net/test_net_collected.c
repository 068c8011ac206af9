/*
 * test_net_collected.c: responses of peers that come in blocks (Block2): put together, bounded, and
 * of peers that lie about them.
 */
#define _GNU_SOURCE
#include "tests/unit/net/exchange_scene.h"

/* `etag` may be NULL: it has none. */
static void answer_block_of(struct scene *scene, const char *etag, uint32_t number, bool more,
                            uint8_t exponent, size_t size, uint8_t fill)
{
    uint8_t bytes[1024];
    memset(bytes, fill, sizeof bytes);
    const struct kedge_coap_block block = {
        .number = number, .more = more, .size_exponent = exponent};
    struct scripted_message reply = {.type = KEDGE_COAP_ACK,
                                     .code = KEDGE_COAP_CONTENT,
                                     .message_id = scene->peer.message.message_id,
                                     .token = kedge_slice(scene->peer.message.token, 8),
                                     .payload = kedge_slice(bytes, size)};
    size_t count = 0;
    if (etag != NULL)
        reply.options[count++] = (struct scripted_option){KEDGE_COAP_ETAG, etag, 0};
    reply.options[count] =
        (struct scripted_option){KEDGE_COAP_BLOCK2, NULL, kedge_coap_block_value(&block)};
    peer_sends(&scene->peer, &reply);
}

static void answer_block(struct scene *scene, uint32_t number, bool more, uint8_t exponent,
                         size_t size, uint8_t fill)
{
    answer_block_of(scene, NULL, number, more, exponent, size, fill);
}

static void next_block_is_asked(struct scene *scene, uint32_t number)
{
    struct kedge_coap_block block;
    uint32_t accept = 0;
    peer_receives(&scene->peer);
    assert_int_equal(kedge_coap_block_find(&scene->peer.message, KEDGE_COAP_BLOCK2, &block),
                     KEDGE_OK);
    assert_int_equal(block.number, number);
    assert_true(message_path_is(&scene->peer.message, "1/0"));
    assert_true(kedge_coap_option_uint(&scene->peer.message, KEDGE_COAP_ACCEPT, &accept));
    assert_int_equal(accept, 11542);
}

static void test_a_response_in_blocks_is_put_together(void **state)
{
    struct scene *scene = *state;
    get(scene, "1/0");
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 2, 64, 'a');
    next_block_is_asked(scene, 1);
    answer_block(scene, 1, true, 2, 64, 'b');
    next_block_is_asked(scene, 2);
    answer_block(scene, 2, false, 2, 5, 'c');
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    assert_int_equal(scene->outcome.payload_size, 133);
    for (size_t i = 0; i < 133; i++)
        assert_int_equal(scene->outcome.payload[i], i < 64 ? 'a' : i < 128 ? 'b' : 'c');
}

static void test_each_block_is_asked_for_by_the_whole_request(void **state)
{
    struct scene *scene = *state;
    struct kedge_net_request request = {.method = KEDGE_COAP_FETCH,
                                        .path = "1/0",
                                        .query = "a=1",
                                        .content_format = 112,
                                        .accept = 11542,
                                        .payload = kedge_slice_text("which ones")};
    assert_int_equal(kedge_net_send(scene->net, &scene->peer.address, &request, outcome_note,
                                    &scene->outcome, &scene->handle),
                     KEDGE_OK);
    peer_receives(&scene->peer);
    for (uint32_t number = 0; number < 3; number++) {
        uint32_t format = 0;
        struct kedge_slice query;
        answer_block(scene, number, true, 2, 64, 'a');
        next_block_is_asked(scene, number + 1);
        assert_int_equal(scene->peer.message.code, KEDGE_COAP_FETCH);
        assert_true(kedge_slice_equal(scene->peer.message.payload, request.payload));
        assert_true(
            kedge_coap_option_uint(&scene->peer.message, KEDGE_COAP_CONTENT_FORMAT, &format));
        assert_int_equal(format, 112);
        assert_true(kedge_coap_query(&scene->peer.message, "a", &query));
    }
    answer_block(scene, 3, false, 2, 1, 'b');
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    assert_int_equal(scene->outcome.payload_size, 193);
}

static void test_what_changes_the_peer_is_not_sent_again_for_the_rest_of_an_answer(void **state)
{
    struct scene *scene = *state;
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.method = KEDGE_COAP_POST;
    request.path = "5/0/2";
    assert_int_equal(kedge_net_send(scene->net, &scene->peer.address, &request, outcome_note,
                                    &scene->outcome, NULL),
                     KEDGE_OK);
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 2, 64, 'a');
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_LIMIT);
    peer_hears_nothing(&scene->peer, 100);
}

static void test_a_handle_holds_through_all_blocks(void **state)
{
    struct scene *scene = *state;
    get(scene, "1/0");
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 2, 64, 'a');
    next_block_is_asked(scene, 1);
    kedge_net_cancel(scene->net, scene->handle);
    answer_block(scene, 1, false, 2, 64, 'b');
    peer_hears_nothing(&scene->peer, 100);
    assert_int_equal(scene->outcome.calls, 0);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
}

static void test_blocks_come_before_what_waits_for_the_peer(void **state)
{
    struct scene *scene = *state;
    struct outcome second = {0};
    get(scene, "1/0");
    assert_int_equal(try_get(scene, "second", &second), KEDGE_OK);
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 0, 16, 'a');
    next_block_is_asked(scene, 1);
    answer_block(scene, 1, false, 0, 1, 'b');
    outcome_wait(scene->net, &scene->outcome, 1);
    peer_receives(&scene->peer);
    assert_true(message_path_is(&scene->peer.message, "second"));
}

static void test_blocks_that_do_not_fit_together_are_malformed(void **state)
{
    struct scene *scene = *state;
    static const struct {
        uint32_t number;
        bool more;
        uint8_t exponent;
        size_t size;
    } bad[] = {
        {2, false, 2, 5}, /* one was left out */
        {1, true, 2, 63}, /* not a whole block, and more to come */
        {1, false, 7, 5}, /* SZX 7 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        get(scene, "1/0");
        peer_receives(&scene->peer);
        answer_block(scene, 0, true, 2, 64, 'a');
        next_block_is_asked(scene, 1);
        answer_block(scene, bad[i].number, bad[i].more, bad[i].exponent, bad[i].size, 'b');
        outcome_wait(scene->net, &scene->outcome, (unsigned)i + 1);
        assert_int_equal(scene->outcome.rc, KEDGE_E_MALFORMED);
    }
    /* The rest without a Block2 option is not the whole. */
    get(scene, "1/0");
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 2, 64, 'a');
    next_block_is_asked(scene, 1);
    peer_answers(&scene->peer, KEDGE_COAP_CONTENT, "all of it?");
    outcome_wait(scene->net, &scene->outcome, 4);
    assert_int_equal(scene->outcome.rc, KEDGE_E_MALFORMED);
}

static void test_a_smaller_size_is_gone_on_with_at_the_right_block(void **state)
{
    struct scene *scene = *state;
    get(scene, "1/0");
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 3, 128, 'a');
    next_block_is_asked(scene, 1);
    answer_block(scene, 4, true, 1, 32, 'b'); /* from byte 128 on, by 32 */
    next_block_is_asked(scene, 5);
    answer_block(scene, 5, false, 1, 7, 'c');
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    assert_int_equal(scene->outcome.payload_size, 128 + 32 + 7);
}

static void test_blocks_with_different_etags_are_not_put_together(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *first, *second;
        enum kedge_rc rc;
    } rows[] = {{"v1", "v1", KEDGE_OK},
                {"v1", "v2", KEDGE_E_MALFORMED},
                {"v1", "v", KEDGE_E_MALFORMED},
                {"12345678", "12345679", KEDGE_E_MALFORMED},
                {"123456789", "123456789", KEDGE_E_MALFORMED}, /* longer than any is */
                {NULL, "v1", KEDGE_OK},                        /* nothing to compare */
                {"v1", NULL, KEDGE_OK}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool is_none = rows[i].first != NULL && strlen(rows[i].first) > 8;
        get(scene, "1/0");
        peer_receives(&scene->peer);
        answer_block_of(scene, rows[i].first, 0, true, 2, 64, 'a');
        if (!is_none) {
            next_block_is_asked(scene, 1);
            answer_block_of(scene, rows[i].second, 1, false, 2, 5, 'b');
        }
        outcome_wait(scene->net, &scene->outcome, i + 1);
        assert_int_equal(scene->outcome.rc, rows[i].rc);
    }
}

static void test_a_refusal_in_the_middle_is_told_as_it_came(void **state)
{
    struct scene *scene = *state;
    get(scene, "1/0");
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 2, 64, 'a');
    next_block_is_asked(scene, 1);
    peer_answers(&scene->peer, KEDGE_COAP_NOT_FOUND, "it is gone");
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_OK);
    assert_int_equal(scene->outcome.code, KEDGE_COAP_NOT_FOUND);
    assert_string_equal(scene->outcome.payload, "it is gone");
}

static void test_a_block_that_came_before_brings_it_no_further_and_costs_nothing(void **state)
{
    struct scene *scene = *state;
    get(scene, "1/0");
    peer_receives(&scene->peer);
    answer_block(scene, 0, true, 2, 64, 'a');
    next_block_is_asked(scene, 1);
    uint16_t message_id = scene->peer.message.message_id;
    /* The first one for ever: it is sent again as if nothing had come, and given up. */
    for (unsigned i = 0; i < 5; i++) {
        answer_block(scene, 0, true, 2, 64, 'a');
        if (i < 4)
            next_block_is_asked(scene, 1);
        assert_int_equal(scene->peer.message.message_id, message_id);
    }
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_TIMEOUT);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
}

static void test_a_response_without_end_is_cut_off(void **state)
{
    struct scene *scene = *state;
    uint32_t number = 0;
    /* No request is sent twice however long the peer takes: every one asks for the next block. */
    scene->net->config.ack_timeout_ms = 3600000;
    get(scene, "1/0");
    peer_receives(&scene->peer);
    answer_block(scene, number++, true, 6, 1024, 'x');
    while (number <= KEDGE_NET_COLLECTED_MAX / 1024) {
        next_block_is_asked(scene, number);
        assert_int_equal(scene->outcome.calls, 0);
        answer_block(scene, number++, true, 6, 1024, 'x');
    }
    outcome_wait(scene->net, &scene->outcome, 1);
    assert_int_equal(scene->outcome.rc, KEDGE_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_response_in_blocks_is_put_together),
        SCENE_TEST(test_a_smaller_size_is_gone_on_with_at_the_right_block),
        SCENE_TEST(test_each_block_is_asked_for_by_the_whole_request),
        SCENE_TEST(test_what_changes_the_peer_is_not_sent_again_for_the_rest_of_an_answer),
        SCENE_TEST(test_a_handle_holds_through_all_blocks),
        SCENE_TEST(test_blocks_come_before_what_waits_for_the_peer),
        SCENE_TEST(test_blocks_that_do_not_fit_together_are_malformed),
        SCENE_TEST(test_blocks_with_different_etags_are_not_put_together),
        SCENE_TEST(test_a_refusal_in_the_middle_is_told_as_it_came),
        SCENE_TEST(test_a_block_that_came_before_brings_it_no_further_and_costs_nothing),
        SCENE_TEST(test_a_response_without_end_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
