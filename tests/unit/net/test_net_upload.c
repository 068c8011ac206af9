/*
 * test_net_upload.c: a body pushed by Block1, and every answer that a peer may give to a block: on
 * the wire, by a peer that keeps what it took and compares it in the end.
 */
#define _GNU_SOURCE
#include "tests/unit/scripted_peer.h"
#include "updater/net/upload.h"

#define PATIENT_MS 2000u /* nothing is sent again however busy the machine is */
#define HASTY_MS 40u
#define BODY_SIZE 5000u

struct scene {
    struct kedge_net *net;
    struct scripted_peer peer;
    struct kedge_upload upload;
    uint8_t body[BODY_SIZE];
    size_t body_size;
    enum kedge_rc body_rc;
    unsigned progresses, restarts, stops;
    uint64_t reach;
    struct kedge_upload_stop stop;
    /* what came to the peer last */
    struct kedge_coap_block block;
    uint16_t message_id;
    uint8_t tag[8], first_tag[8];
    uint8_t taken[BODY_SIZE];
    size_t taken_size;
};

static enum kedge_rc find_body(void *context, struct kedge_slice *body)
{
    const struct scene *scene = context;
    *body = kedge_slice(scene->body, scene->body_size);
    return scene->body_rc;
}

static void note_progress(void *context, uint64_t reach, uint8_t code)
{
    struct scene *scene = context;
    scene->progresses++;
    scene->restarts += reach == 0;
    scene->reach = reach;
    assert_int_not_equal(code, 0);
}

static void note_stop(void *context, const struct kedge_upload_stop *stop)
{
    struct scene *scene = context;
    scene->stops++;
    scene->stop = *stop;
}

static const struct kedge_upload_owner owner = {
    .body = find_body, .progress = note_progress, .stopped = note_stop};

static int set_up(void **state, uint32_t ack_timeout_ms)
{
    struct scene *scene = calloc(1, sizeof *scene);
    for (size_t i = 0; i < BODY_SIZE; i++)
        scene->body[i] = (uint8_t)(i * 31 + i / 256);
    scene->body_size = BODY_SIZE;
    scene->net = server_open(ack_timeout_ms, NULL, NULL);
    peer_open(&scene->peer, scene->net);
    *state = scene;
    return 0;
}

static int set_up_patient(void **state)
{
    return set_up(state, PATIENT_MS);
}

static int set_up_hasty(void **state)
{
    return set_up(state, HASTY_MS);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    kedge_upload_cancel(&scene->upload);
    peer_close(&scene->peer);
    kedge_net_destroy(scene->net);
    free(scene);
    return 0;
}

#define UPLOAD_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_patient, tear_down)
#define LOSSY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hasty, tear_down)

static enum kedge_rc try_begin(struct scene *scene, uint32_t bytes_per_s)
{
    const struct kedge_upload_request request = {.method = KEDGE_COAP_PUT,
                                                 .path = "5/0/0",
                                                 .content_format = 42,
                                                 .bytes_per_s = bytes_per_s};
    return kedge_upload_begin(&scene->upload, scene->net, &scene->peer.address, &request, &owner,
                              scene);
}

static void begin(struct scene *scene)
{
    assert_int_equal(try_begin(scene, 0), KEDGE_OK);
}

/* Takes in the block that comes next: every one says all that it has to. */
static void take_block(struct scene *scene)
{
    const struct kedge_coap_message *message = &scene->peer.message;
    struct kedge_slice tag;
    uint32_t number;
    do
        peer_receives(&scene->peer);
    while (message->message_id == scene->message_id); /* the one before, sent again */
    scene->message_id = message->message_id;
    assert_int_equal(message->type, KEDGE_COAP_CON);
    assert_int_equal(message->code, KEDGE_COAP_PUT);
    assert_true(kedge_coap_path_is(message, "5/0/0"));
    assert_true(kedge_coap_option_uint(message, KEDGE_COAP_CONTENT_FORMAT, &number));
    assert_int_equal(number, 42);
    assert_int_equal(kedge_coap_block_find(message, KEDGE_COAP_BLOCK1, &scene->block), KEDGE_OK);
    assert_true(kedge_coap_option_find(message, KEDGE_COAP_REQUEST_TAG, &tag));
    assert_int_equal(tag.size, sizeof scene->tag);
    memcpy(scene->tag, tag.data, sizeof scene->tag);
    size_t offset = (size_t)scene->block.number * kedge_coap_block_size(&scene->block);
    assert_int_equal(kedge_coap_option_uint(message, KEDGE_COAP_SIZE1, &number), offset == 0);
    if (offset == 0) {
        assert_int_equal(number, scene->body_size);
        memcpy(scene->first_tag, scene->tag, sizeof scene->tag);
        scene->taken_size = 0;
    }
    assert_memory_equal(scene->tag, scene->first_tag, sizeof scene->tag);
    assert_int_equal(offset, scene->taken_size);
    assert_int_equal(message->payload.size, scene->block.more ? kedge_coap_block_size(&scene->block)
                                                              : scene->body_size - offset);
    memcpy(scene->taken + offset, message->payload.data, message->payload.size);
    scene->taken_size = offset + message->payload.size;
}

/* An answer with Block1 as it came, but for the size; szx 7: without Block1. */
static void answer(struct scene *scene, uint8_t code, uint8_t szx, uint32_t size1)
{
    struct kedge_coap_block block = scene->block;
    struct scripted_message reply = {
        .type = KEDGE_COAP_ACK,
        .code = code,
        .message_id = scene->peer.message.message_id,
        .token = kedge_slice(scene->peer.message.token, scene->peer.message.token_size)};
    size_t count = 0;
    block.size_exponent = szx;
    if (szx < 7)
        reply.options[count++] =
            (struct scripted_option){KEDGE_COAP_BLOCK1, NULL, kedge_coap_block_value(&block)};
    if (size1 > 0)
        reply.options[count++] = (struct scripted_option){KEDGE_COAP_SIZE1, NULL, size1};
    peer_sends(&scene->peer, &reply);
}

static void take_on(struct scene *scene)
{
    answer(scene, KEDGE_COAP_CONTINUE, scene->block.size_exponent, 0);
}

static void wait_for_stop(struct scene *scene, unsigned stops)
{
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (scene->stops < stops && test_clock_ms() < until_ms)
        server_turn(scene->net);
    assert_int_equal(scene->stops, stops);
}

/* Takes what is left of it, block by block, to the end. */
static void take_the_rest(struct scene *scene)
{
    do {
        take_block(scene);
        if (scene->block.more)
            take_on(scene);
    } while (scene->block.more);
    answer(scene, KEDGE_COAP_CHANGED, scene->block.size_exponent, 0);
    wait_for_stop(scene, scene->stops + 1);
    assert_int_equal(scene->stop.rc, KEDGE_OK);
    assert_int_equal(scene->stop.code, KEDGE_COAP_CHANGED);
    assert_int_equal(scene->reach, scene->body_size);
    assert_int_equal(scene->taken_size, scene->body_size);
    assert_memory_equal(scene->taken, scene->body, scene->body_size);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    assert_false(scene->upload.running);
}

/* ---- the happy way ---- */

static void test_a_body_arrives_block_by_block(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    assert_true(scene->upload.running);
    take_block(scene);
    assert_int_equal(scene->block.size_exponent, 6);
    /* One block is on its way, and no other before its answer. */
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 1);
    assert_int_equal(scene->progresses, 0);
    take_on(scene);
    take_block(scene);
    assert_int_equal(scene->reach, 1024);
    assert_int_equal(scene->block.number, 1);
    take_on(scene);
    take_the_rest(scene);
    assert_int_equal(scene->progresses, 5);
    assert_int_equal(scene->restarts, 0);
}

static void test_bodies_of_every_size_around_a_block(void **state)
{
    struct scene *scene = *state;
    static const size_t sizes[] = {1, 15, 1023, 1024, 1025, 2048, 2049};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        scene->body_size = sizes[i];
        begin(scene);
        take_the_rest(scene);
    }
}

static void test_what_cannot_be_sent_is_refused_at_once(void **state)
{
    struct scene *scene = *state;
    scene->body_size = 0;
    assert_int_equal(try_begin(scene, 0), KEDGE_E_ARGUMENT);
    scene->body_size = ((size_t)KEDGE_UPLOAD_BLOCKS_MAX << 10) + 1;
    assert_int_equal(try_begin(scene, 0), KEDGE_E_LIMIT);
    scene->body_size = BODY_SIZE;
    scene->body_rc = KEDGE_E_NOT_FOUND;
    assert_int_equal(try_begin(scene, 0), KEDGE_E_NOT_FOUND);
    scene->body_rc = KEDGE_OK;
    scene->peer.address.secure = true; /* and no association */
    assert_int_equal(try_begin(scene, 0), KEDGE_E_CONNECTION);
    assert_false(scene->upload.running);
    assert_int_equal(scene->stops, 0);
}

static void test_a_lost_block_is_sent_again_and_the_body_arrives_whole(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    take_on(scene);
    take_block(scene);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.message_id, scene->message_id);
    take_on(scene);
    /* The answer again, late, is nobody's. */
    take_on(scene);
    take_the_rest(scene);
    assert_int_equal(scene->progresses, 5);
}

static void test_separate_answers_are_taken_too(void **state)
{
    struct scene *scene = *state;
    scene->body_size = 2000;
    begin(scene);
    take_block(scene);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_ACK,
                                          .message_id = scene->peer.message.message_id});
    peer_sends(&scene->peer,
               &(struct scripted_message){
                   .type = KEDGE_COAP_NON,
                   .code = KEDGE_COAP_CONTINUE,
                   .message_id = 7,
                   .token = kedge_slice(scene->peer.message.token, scene->peer.message.token_size),
                   .options = {{KEDGE_COAP_BLOCK1, NULL, 8 | 6}}});
    take_the_rest(scene);
}

static void test_a_peer_that_answers_each_block_with_a_success_gets_all(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    for (unsigned i = 0; i < 4; i++) {
        take_block(scene);
        answer(scene, KEDGE_COAP_CHANGED, 6, 0);
    }
    take_the_rest(scene);
}

static void test_a_pace_is_kept(void **state)
{
    struct scene *scene = *state;
    uint64_t began_ms = test_clock_ms();
    /* 4,096 bytes before the last block: 400 ms of which 100 may be made up for. */
    assert_int_equal(try_begin(scene, 10240), KEDGE_OK);
    take_the_rest(scene);
    assert_true(test_clock_ms() - began_ms >= 300 - 30);
    assert_int_equal(scene->progresses, 5);
}

static void test_a_pace_is_kept_by_blocks_of_less_than_a_millisecond(void **state)
{
    struct scene *scene = *state;
    uint64_t began_ms = test_clock_ms();
    assert_int_equal(try_begin(scene, 17000), KEDGE_OK);
    take_block(scene);
    answer(scene, KEDGE_COAP_CONTINUE, 0, 0);
    take_block(scene);
    take_on(scene);
    take_the_rest(scene);
    /* More than 4,000 bytes: 235 ms of which 100 may be made up for. */
    assert_true(test_clock_ms() - began_ms >= 130);
}

static void test_a_peer_that_paused_gets_no_burst_to_make_up_for_it(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(try_begin(scene, 10240), KEDGE_OK);
    take_block(scene);
    for (uint64_t until_ms = test_clock_ms() + 700; test_clock_ms() < until_ms;)
        server_turn(scene->net);
    uint64_t again_ms = test_clock_ms();
    take_on(scene);
    take_the_rest(scene);
    /* Four blocks, 100 ms each, of which two are late already. */
    assert_true(test_clock_ms() - again_ms >= 200 - 30);
}

/* ---- smaller blocks ---- */

static void test_a_smaller_size_in_a_confirmation_goes_on_at_the_right_block(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    answer(scene, KEDGE_COAP_CONTINUE, 4, 0);
    take_block(scene);
    assert_int_equal(scene->block.size_exponent, 4);
    assert_int_equal(scene->block.number, 4);
    answer(scene, KEDGE_COAP_CONTINUE, 2, 0);
    take_block(scene);
    assert_int_equal(scene->block.size_exponent, 2);
    assert_int_equal(scene->block.number, 1280 / 64);
    /* A larger one than is spoken is not taken up. */
    answer(scene, KEDGE_COAP_CONTINUE, 6, 0);
    take_block(scene);
    assert_int_equal(scene->block.size_exponent, 2);
    take_on(scene);
    take_the_rest(scene);
    assert_int_equal(scene->restarts, 0);
}

static void test_a_refusal_that_names_a_smaller_size_is_followed_from_the_start(void **state)
{
    struct scene *scene = *state;
    uint8_t tag[8];
    begin(scene);
    take_block(scene);
    memcpy(tag, scene->tag, sizeof tag);
    answer(scene, KEDGE_COAP_TOO_LARGE, 5, 0);
    take_block(scene);
    assert_int_equal(scene->block.number, 0);
    assert_int_equal(scene->block.size_exponent, 5);
    assert_memory_not_equal(scene->tag, tag, sizeof tag);
    take_on(scene);
    take_block(scene);
    /* In the middle too. */
    answer(scene, KEDGE_COAP_TOO_LARGE, 3, 0);
    take_the_rest(scene);
    assert_int_equal(scene->block.size_exponent, 3);
    assert_int_equal(scene->restarts, 2);
}

static void test_a_size_with_too_many_blocks_ends_it(void **state)
{
    struct scene *scene = *state;
    scene->body_size = ((size_t)KEDGE_UPLOAD_BLOCKS_MAX << 4) + 1; /* only its head is read */
    begin(scene);
    peer_receives(&scene->peer);
    assert_int_equal(kedge_coap_block_find(&scene->peer.message, KEDGE_COAP_BLOCK1, &scene->block),
                     KEDGE_OK);
    answer(scene, KEDGE_COAP_CONTINUE, 0, 0);
    wait_for_stop(scene, 1);
    assert_int_equal(scene->stop.rc, KEDGE_E_LIMIT);
}

/* ---- refusals ---- */

static void test_an_incomplete_body_begins_anew_so_often_and_no_more(void **state)
{
    struct scene *scene = *state;
    uint8_t tag[8] = {0};
    begin(scene);
    for (unsigned i = 0; i <= KEDGE_UPLOAD_RESTARTS_MAX; i++) {
        take_block(scene);
        assert_int_equal(scene->block.number, 0);
        assert_int_equal(scene->restarts, i);
        assert_memory_not_equal(scene->tag, tag, sizeof tag);
        memcpy(tag, scene->tag, sizeof tag);
        take_on(scene);
        take_block(scene);
        assert_int_equal(scene->block.number, 1);
        answer(scene, KEDGE_COAP_INCOMPLETE, 7, 0);
    }
    wait_for_stop(scene, 1);
    assert_int_equal(scene->stop.rc, KEDGE_E_REFUSED);
    assert_int_equal(scene->stop.code, KEDGE_COAP_INCOMPLETE);
    peer_hears_nothing(&scene->peer, 30);
}

static void test_a_body_that_begins_anew_arrives_whole(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    take_on(scene);
    take_block(scene);
    answer(scene, KEDGE_COAP_INCOMPLETE, 6, 0);
    take_the_rest(scene);
    assert_int_equal(scene->restarts, 1);
}

static void test_a_body_that_is_too_large_is_refused_with_what_would_fit(void **state)
{
    struct scene *scene = *state;
    static const uint8_t hints[] = {7, 6}; /* none, and one that is not smaller */
    for (unsigned i = 0; i < 2; i++) {
        begin(scene);
        take_block(scene);
        answer(scene, KEDGE_COAP_TOO_LARGE, hints[i], 4096);
        wait_for_stop(scene, i + 1);
        assert_int_equal(scene->stop.rc, KEDGE_E_REFUSED);
        assert_int_equal(scene->stop.code, KEDGE_COAP_TOO_LARGE);
        assert_int_equal(scene->stop.size_max, 4096);
        assert_int_equal(scene->restarts, 0);
    }
}

static void test_any_other_answer_ends_it(void **state)
{
    struct scene *scene = *state;
    static const uint8_t codes[] = {KEDGE_COAP_BAD_REQUEST, KEDGE_COAP_METHOD_NOT_ALLOWED,
                                    KEDGE_COAP_NOT_FOUND, KEDGE_COAP_INTERNAL_ERROR};
    for (unsigned i = 0; i < sizeof codes; i++) {
        begin(scene);
        take_block(scene);
        answer(scene, codes[i], 6, 0);
        wait_for_stop(scene, i + 1);
        assert_int_equal(scene->stop.rc, KEDGE_E_REFUSED);
        assert_int_equal(scene->stop.code, codes[i]);
        assert_int_equal(scene->stop.size_max, 0);
    }
}

static void test_a_success_that_makes_no_sense_is_not_believed(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    answer(scene, KEDGE_COAP_CHANGED, 7, 0); /* "all of it", after the first of five */
    wait_for_stop(scene, 1);
    assert_int_equal(scene->stop.rc, KEDGE_E_MALFORMED);
    scene->body_size = 100;
    begin(scene);
    take_block(scene);
    take_on(scene); /* "go on", after the last one */
    wait_for_stop(scene, 2);
    assert_int_equal(scene->stop.rc, KEDGE_E_MALFORMED);
}

/* ---- held up ---- */

static void test_a_peer_that_went_silent_is_gone_on_with_at_the_same_block(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    take_on(scene);
    take_block(scene);
    assert_int_equal(scene->block.number, 1);
    for (unsigned i = 0; i < 4; i++)
        peer_receives(&scene->peer); /* sent again, and not answered */
    wait_for_stop(scene, 1);
    assert_int_equal(scene->stop.rc, KEDGE_E_TIMEOUT);
    assert_false(scene->upload.running);
    assert_int_equal(kedge_upload_go_on(&scene->upload, &scene->peer.address), KEDGE_OK);
    scene->taken_size = 1024;
    take_block(scene);
    assert_int_equal(scene->block.number, 1);
    take_on(scene);
    take_the_rest(scene);
    assert_int_equal(scene->restarts, 0);
}

static void test_a_peer_that_moved_is_gone_on_with_at_its_new_address(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    take_on(scene);
    take_block(scene);
    kedge_net_peer_forget(scene->net, &scene->peer.address);
    assert_int_equal(scene->stops, 1);
    assert_int_equal(scene->stop.rc, KEDGE_E_CANCELED);
    peer_close(&scene->peer);
    peer_open(&scene->peer, scene->net);
    assert_int_equal(kedge_upload_go_on(&scene->upload, &scene->peer.address), KEDGE_OK);
    scene->taken_size = 1024;
    take_block(scene);
    assert_int_equal(scene->block.number, 1);
    take_on(scene);
    take_the_rest(scene);
}

static void test_a_reset_holds_it_up(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_RST,
                                          .message_id = scene->peer.message.message_id});
    wait_for_stop(scene, 1);
    assert_int_equal(scene->stop.rc, KEDGE_E_CONNECTION);
}

static void test_a_body_that_is_gone_holds_it_up(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    scene->body_rc = KEDGE_E_NOT_FOUND;
    take_on(scene);
    wait_for_stop(scene, 1);
    assert_int_equal(scene->stop.rc, KEDGE_E_NOT_FOUND);
    assert_int_equal(scene->reach, 1024);
}

static void test_a_cancelled_upload_is_silent(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    take_block(scene);
    kedge_upload_cancel(&scene->upload);
    take_on(scene);
    peer_hears_nothing(&scene->peer, 100);
    /* While it waits for its pace too. */
    assert_int_equal(try_begin(scene, 1), KEDGE_OK);
    take_block(scene);
    take_on(scene);
    for (uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
         scene->progresses == 0 && test_clock_ms() < until_ms;)
        server_turn(scene->net);
    assert_non_null(scene->upload.timer.link);
    kedge_upload_cancel(&scene->upload);
    assert_null(scene->upload.timer.link);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    assert_int_equal(scene->stops, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPLOAD_TEST(test_a_body_arrives_block_by_block),
        UPLOAD_TEST(test_bodies_of_every_size_around_a_block),
        UPLOAD_TEST(test_what_cannot_be_sent_is_refused_at_once),
        LOSSY_TEST(test_a_lost_block_is_sent_again_and_the_body_arrives_whole),
        UPLOAD_TEST(test_separate_answers_are_taken_too),
        UPLOAD_TEST(test_a_peer_that_answers_each_block_with_a_success_gets_all),
        UPLOAD_TEST(test_a_pace_is_kept),
        UPLOAD_TEST(test_a_pace_is_kept_by_blocks_of_less_than_a_millisecond),
        UPLOAD_TEST(test_a_peer_that_paused_gets_no_burst_to_make_up_for_it),
        UPLOAD_TEST(test_a_smaller_size_in_a_confirmation_goes_on_at_the_right_block),
        UPLOAD_TEST(test_a_refusal_that_names_a_smaller_size_is_followed_from_the_start),
        UPLOAD_TEST(test_a_size_with_too_many_blocks_ends_it),
        UPLOAD_TEST(test_an_incomplete_body_begins_anew_so_often_and_no_more),
        UPLOAD_TEST(test_a_body_that_begins_anew_arrives_whole),
        UPLOAD_TEST(test_a_body_that_is_too_large_is_refused_with_what_would_fit),
        UPLOAD_TEST(test_any_other_answer_ends_it),
        UPLOAD_TEST(test_a_success_that_makes_no_sense_is_not_believed),
        LOSSY_TEST(test_a_peer_that_went_silent_is_gone_on_with_at_the_same_block),
        UPLOAD_TEST(test_a_peer_that_moved_is_gone_on_with_at_its_new_address),
        UPLOAD_TEST(test_a_reset_holds_it_up),
        UPLOAD_TEST(test_a_body_that_is_gone_holds_it_up),
        UPLOAD_TEST(test_a_cancelled_upload_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
