/*
 * test_net_requests.c: what comes in: duplicates, broken datagrams, and options that nobody knows.
 */
#define _GNU_SOURCE
#include "tests/unit/scripted_peer.h"

/* ---- a handler that counts and says who it is ---- */

struct counting {
    unsigned calls;
    bool silent;
    bool nothing;         /* not even an acknowledgement */
    size_t reply_payload; /* bytes; 0: the count in words */
};

static void count_and_answer(void *context, const struct kedge_address *from,
                             const struct kedge_coap_message *request,
                             struct kedge_net_reply *reply)
{
    static uint8_t large[4000];
    struct counting *counting = context;
    (void)from;
    counting->calls++;
    if (counting->nothing)
        kedge_net_reply_nothing(reply);
    if (counting->silent || counting->nothing)
        return;
    struct kedge_coap_builder *builder = kedge_net_reply(
        reply, request->code == KEDGE_COAP_GET ? KEDGE_COAP_CONTENT : KEDGE_COAP_CHANGED);
    char text[16];
    snprintf(text, sizeof text, "call %u", counting->calls);
    kedge_coap_add_payload(builder, counting->reply_payload > 0
                                        ? kedge_slice(large, counting->reply_payload)
                                        : kedge_slice_text(text));
}

struct scene {
    struct counting counting;
    struct kedge_net *net;
    struct scripted_peer peer;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->net = server_open(50, count_and_answer, &scene->counting);
    peer_open(&scene->peer, scene->net);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    peer_close(&scene->peer);
    kedge_net_destroy(scene->net);
    free(scene);
    return 0;
}

static struct scripted_message request_of(uint8_t code, uint16_t message_id)
{
    return (struct scripted_message){.type = KEDGE_COAP_CON,
                                     .code = code,
                                     .message_id = message_id,
                                     .token = kedge_slice("tok", 3),
                                     .options = {{KEDGE_COAP_URI_PATH, "x", 0}}};
}

static void assert_payload(const struct scripted_peer *peer, const char *text)
{
    assert_int_equal(peer->message.payload.size, strlen(text));
    assert_memory_equal(peer->message.payload.data, text, strlen(text));
}

static void test_a_request_is_answered_in_its_acknowledgement(void **state)
{
    struct scene *scene = *state;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 77);
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.type, KEDGE_COAP_ACK);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_CHANGED);
    assert_int_equal(scene->peer.message.message_id, 77);
    assert_int_equal(scene->peer.message.token_size, 3);
    assert_memory_equal(scene->peer.message.token, "tok", 3);
    assert_payload(&scene->peer, "call 1");
}

static void test_a_duplicate_gets_the_first_reply_and_is_not_carried_out_again(void **state)
{
    struct scene *scene = *state;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 77);
    peer_is_kept(&scene->peer);
    for (unsigned i = 0; i < 3; i++) {
        peer_sends(&scene->peer, &request);
        peer_receives(&scene->peer);
        assert_payload(&scene->peer, "call 1");
    }
    assert_int_equal(scene->counting.calls, 1);
    assert_int_equal(kedge_net_counters(scene->net).duplicates, 2);
    request.message_id = 78;
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_payload(&scene->peer, "call 2");
}

static void test_what_was_not_answered_at_all_is_taken_when_it_comes_again(void **state)
{
    struct scene *scene = *state;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 77);
    peer_is_kept(&scene->peer);
    scene->counting.nothing = true;
    peer_sends(&scene->peer, &request);
    peer_hears_nothing(&scene->peer, 30);
    assert_int_equal(scene->counting.calls, 1);
    scene->counting.nothing = false;
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_payload(&scene->peer, "call 2");
}

static void test_a_restarted_peer_may_begin_with_the_same_message_id(void **state)
{
    struct scene *scene = *state;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 77);
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    request.token = kedge_slice("new", 3);
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_payload(&scene->peer, "call 2");
    assert_memory_equal(scene->peer.message.token, "new", 3);
}

static void test_a_message_id_of_another_peer_is_another_message(void **state)
{
    struct scene *scene = *state;
    struct scripted_peer other;
    peer_open(&other, scene->net);
    struct scripted_message request = request_of(KEDGE_COAP_POST, 77);
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    peer_sends(&other, &request);
    peer_receives(&other);
    assert_payload(&other, "call 2");
    peer_close(&other);
}

static void test_a_request_without_reply_is_acknowledged(void **state)
{
    struct scene *scene = *state;
    scene->counting.silent = true;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 9);
    peer_is_kept(&scene->peer);
    for (unsigned i = 0; i < 2; i++) {
        peer_sends(&scene->peer, &request);
        peer_receives(&scene->peer);
        assert_int_equal(scene->peer.size, 4);
        assert_int_equal(scene->peer.message.type, KEDGE_COAP_ACK);
        assert_int_equal(scene->peer.message.code, KEDGE_COAP_EMPTY);
    }
    assert_int_equal(scene->counting.calls, 1);
}

static void test_a_non_confirmable_request_is_answered_non_confirmably(void **state)
{
    struct scene *scene = *state;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 9);
    request.type = KEDGE_COAP_NON;
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.type, KEDGE_COAP_NON);
    assert_memory_equal(scene->peer.message.token, "tok", 3);
}

static void test_non_confirmable_answers_have_message_ids_of_the_servers_own(void **state)
{
    struct scene *scene = *state;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 0);
    request.type = KEDGE_COAP_NON;
    for (unsigned known = 0; known < 2; known++) {
        uint16_t last = 0;
        if (known == 1)
            peer_is_kept(&scene->peer);
        for (unsigned i = 0; i < 3; i++) {
            request.message_id = (uint16_t)(100 * known + 7 * i);
            peer_sends(&scene->peer, &request);
            peer_receives(&scene->peer);
            /* One after the other (RFC 7252 section 4.4), wherever they began. */
            if (i > 0)
                assert_int_equal(scene->peer.message.message_id, (uint16_t)(last + 1));
            last = scene->peer.message.message_id;
        }
    }
}

static void test_a_reply_that_does_not_fit_becomes_an_error(void **state)
{
    struct scene *scene = *state;
    scene->counting.reply_payload = 4000;
    struct scripted_message request = request_of(KEDGE_COAP_GET, 9);
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_INTERNAL_ERROR);
    assert_memory_equal(scene->peer.message.token, "tok", 3);
    assert_int_equal(scene->peer.message.payload.size, 0);
}

static void test_an_unknown_critical_option_is_refused_and_an_elective_one_is_not(void **state)
{
    struct scene *scene = *state;
    struct scripted_message request = request_of(KEDGE_COAP_POST, 1);
    request.options[1] = (struct scripted_option){65001, "?", 0};
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_OPTION);
    assert_int_equal(scene->counting.calls, 0);
    request = request_of(KEDGE_COAP_POST, 2);
    request.options[1] = (struct scripted_option){65000, "?", 0};
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_CHANGED);
}

/* What comes back for a datagram: -1 nothing, else the message type of an empty message. */
static void assert_reaction(struct scene *scene, const void *bytes, size_t size, int type)
{
    peer_send_bytes(&scene->peer, bytes, size);
    if (type < 0) {
        peer_hears_nothing(&scene->peer, 30);
    } else {
        peer_receives(&scene->peer);
        assert_int_equal(scene->peer.size, 4);
        assert_int_equal(scene->peer.message.type, type);
        assert_int_equal(scene->peer.message.code, KEDGE_COAP_EMPTY);
        assert_memory_equal(scene->peer.bytes + 2, (const uint8_t *)bytes + 2, 2);
    }
    assert_int_equal(scene->counting.calls, 0);
}

static void test_broken_datagrams_are_reset_when_confirmable_and_ignored_otherwise(void **state)
{
    struct scene *scene = *state;
#define REACTS(type, ...)                                                                          \
    assert_reaction(scene, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), \
                    type)
    const int none = -1;
    REACTS(none, 0x40); /* less than a head */
    REACTS(none, 0x40, 0x01, 0x12);
    REACTS(none, 0x80, 0x01, 0x12, 0x34);                                      /* version 2 */
    REACTS(none, 0x00, 0x01, 0x12, 0x34);                                      /* version 0 */
    REACTS(KEDGE_COAP_RST, 0x49, 0x01, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 9); /* token of 9 */
    REACTS(KEDGE_COAP_RST, 0x44, 0x01, 0x12, 0x34, 1, 2);                      /* token cut short */
    REACTS(KEDGE_COAP_RST, 0x40, 0x01, 0x12, 0x34, 0xB5, 'r'); /* option cut short */
    REACTS(KEDGE_COAP_RST, 0x40, 0x01, 0x12, 0x34, 0xF1, 0);   /* reserved delta */
    REACTS(KEDGE_COAP_RST, 0x40, 0x01, 0x12, 0x34, 0xBF, 0);   /* reserved length */
    REACTS(KEDGE_COAP_RST, 0x40, 0x01, 0x12, 0x34, 0xFF);      /* marker without payload */
    REACTS(KEDGE_COAP_RST, 0x40, 0x00, 0x12, 0x34, 0xFF, 1);   /* empty message with a tail */
    REACTS(KEDGE_COAP_RST, 0x40, 0x20, 0x12, 0x34);            /* reserved class 1 */
    REACTS(KEDGE_COAP_RST, 0x40, 0xE1, 0x12, 0x34);            /* class 7 */
    REACTS(none, 0x50, 0x01, 0x12, 0x34, 0xB5, 'r');           /* NON */
    REACTS(none, 0x60, 0x01, 0x12, 0x34);                      /* a request in an ACK */
    REACTS(none, 0x70, 0x45, 0x12, 0x34);                      /* a response in a RST */
    REACTS(KEDGE_COAP_RST, 0x40, 0x00, 0x12, 0x34);            /* a ping */
    REACTS(none, 0x60, 0x00, 0x12, 0x34);                      /* an ACK for nothing */
    REACTS(none, 0x70, 0x00, 0x12, 0x34);                      /* a RST for nothing */
    REACTS(none, 0x40, 0x45, 0x12, 0x34);                      /* a response from a stranger */
#undef REACTS
    struct scripted_message request = request_of(KEDGE_COAP_POST, 5);
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_payload(&scene->peer, "call 1");
}

static void test_a_datagram_with_too_many_options_is_reset(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[4 + KEDGE_COAP_OPTIONS_MAX + 1] = {0x40, 0x01, 0x12, 0x34};
    bytes[4] = 0xB0;
    assert_reaction(scene, bytes, sizeof bytes, KEDGE_COAP_RST);
}

static void test_a_datagram_longer_than_any_message_is_dropped(void **state)
{
    struct scene *scene = *state;
    static uint8_t bytes[9000] = {0x40, 0x01, 0x12, 0x34, 0xFF, 1};
    peer_send_bytes(&scene->peer, bytes, sizeof bytes);
    peer_hears_nothing(&scene->peer, 30);
    assert_int_equal(scene->counting.calls, 0);
    assert_int_equal(kedge_net_counters(scene->net).malformed, 1);
}

static void test_a_burst_is_answered_whole(void **state)
{
    struct scene *scene = *state;
    enum { BURST = 200 };
    for (unsigned i = 0; i < BURST; i++) {
        struct scripted_message request = request_of(KEDGE_COAP_POST, (uint16_t)(1000 + i));
        peer_sends(&scene->peer, &request);
    }
    for (unsigned i = 0; i < BURST; i++) {
        peer_receives(&scene->peer);
        assert_int_equal(scene->peer.message.message_id, 1000 + i);
    }
    assert_int_equal(scene->counting.calls, BURST);
}

/* ---- posts ---- */

static void note_order(void *context)
{
    unsigned **next = context;
    **next = **next + 1;
}

static void test_posts_are_run_on_the_next_turn_in_order(void **state)
{
    struct scene *scene = *state;
    unsigned count = 0;
    unsigned *pointer = &count;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(kedge_net_post(scene->net, note_order, &pointer), KEDGE_OK);
    assert_int_equal(count, 0);
    server_turn(scene->net);
    assert_int_equal(count, 5);
}

/* ---- where a peer reaches us ---- */

static void test_the_address_by_which_a_peer_comes_is_known(void **state)
{
    struct scene *scene = *state;
    struct kedge_address local;
    char text[KEDGE_ADDRESS_TEXT_MAX], expected[KEDGE_ADDRESS_TEXT_MAX];
    snprintf(expected, sizeof expected, "127.0.0.1:%u", kedge_net_local_port(scene->net, 0));
    assert_int_equal(kedge_net_peer_local(scene->net, &scene->peer.address, &local), KEDGE_OK);
    kedge_address_text(&local, text);
    assert_string_equal(text, expected);
    struct kedge_address stranger;
    assert_int_equal(kedge_address_parse("[::1]:9", &stranger), KEDGE_OK);
    assert_int_equal(kedge_net_peer_local(scene->net, &stranger, &local), KEDGE_E_NOT_FOUND);
}

static void test_a_server_on_every_address_answers_from_the_one_that_was_asked(void **state)
{
    (void)state;
    struct counting counting = {0};
    struct kedge_net *net;
    struct kedge_net_config config = {
        .listen_count = 1, .on_request = count_and_answer, .context = &counting};
    assert_int_equal(kedge_address_from_host("", 0, &config.listen[0]), KEDGE_OK);
    assert_int_equal(kedge_net_create(&config, &net), KEDGE_OK);
    struct scripted_peer peer;
    peer_open(&peer, net);
    /* Before it came: the system's route. After: the address that it sent to. */
    struct kedge_address local, asked;
    char text[KEDGE_ADDRESS_TEXT_MAX], expected[KEDGE_ADDRESS_TEXT_MAX];
    snprintf(expected, sizeof expected, "127.0.0.1:%u", kedge_net_local_port(net, 0));
    assert_int_equal(kedge_net_peer_local(net, &peer.address, &local), KEDGE_OK);
    kedge_address_text(&local, text);
    assert_string_equal(text, expected);
    assert_int_equal(kedge_address_from_host("127.0.0.7", kedge_net_local_port(net, 0), &asked),
                     KEDGE_OK);
    assert_int_equal(connect(peer.file, &asked.any, sizeof asked.v4), 0);
    struct scripted_message request = request_of(KEDGE_COAP_POST, 1);
    peer_is_kept(&peer);
    peer_sends(&peer, &request);
    /* A connected socket takes only what comes from the address that it is connected to. */
    peer_receives(&peer);
    assert_int_equal(kedge_net_peer_local(net, &peer.address, &local), KEDGE_OK);
    assert_true(kedge_address_equal(&local, &asked));
    peer_close(&peer);
    kedge_net_destroy(net);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_request_is_answered_in_its_acknowledgement),
        SCENE_TEST(test_a_duplicate_gets_the_first_reply_and_is_not_carried_out_again),
        SCENE_TEST(test_what_was_not_answered_at_all_is_taken_when_it_comes_again),
        SCENE_TEST(test_a_restarted_peer_may_begin_with_the_same_message_id),
        SCENE_TEST(test_a_message_id_of_another_peer_is_another_message),
        SCENE_TEST(test_a_request_without_reply_is_acknowledged),
        SCENE_TEST(test_a_non_confirmable_request_is_answered_non_confirmably),
        SCENE_TEST(test_non_confirmable_answers_have_message_ids_of_the_servers_own),
        SCENE_TEST(test_a_reply_that_does_not_fit_becomes_an_error),
        SCENE_TEST(test_an_unknown_critical_option_is_refused_and_an_elective_one_is_not),
        SCENE_TEST(test_broken_datagrams_are_reset_when_confirmable_and_ignored_otherwise),
        SCENE_TEST(test_a_datagram_with_too_many_options_is_reset),
        SCENE_TEST(test_a_datagram_longer_than_any_message_is_dropped),
        SCENE_TEST(test_a_burst_is_answered_whole),
        SCENE_TEST(test_posts_are_run_on_the_next_turn_in_order),
        SCENE_TEST(test_the_address_by_which_a_peer_comes_is_known),
        cmocka_unit_test(test_a_server_on_every_address_answers_from_the_one_that_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
