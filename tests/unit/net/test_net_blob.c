/*
 * test_net_blob.c: bytes served in blocks (Block2), from whichever block on, to whoever asks.
 */
#define _GNU_SOURCE
#include "tests/unit/scripted_peer.h"
#include "updater/net/blob.h"

#define BLOB_SIZE 5000u

struct shop {
    uint8_t *bytes;
    size_t size;
    const char *etag;
    size_t reached;
};

static void serve(void *context, const struct kedge_address *from,
                  const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct shop *shop = context;
    (void)from;
    const struct kedge_blob blob = {.bytes = kedge_slice(shop->bytes, shop->size),
                                    .etag = kedge_slice_text(shop->etag),
                                    .content_format = 42};
    shop->reached = kedge_blob_serve(&blob, request, reply);
}

struct scene {
    struct shop shop;
    struct kedge_net *net;
    struct scripted_peer peer;
};

static void stock(struct shop *shop, size_t size, unsigned factor, const char *etag)
{
    free(shop->bytes);
    *shop = (struct shop){.bytes = malloc(size), .size = size, .etag = etag};
    assert_non_null(shop->bytes);
    for (size_t i = 0; i < size; i++)
        shop->bytes[i] =
            (uint8_t)((uint32_t)i * factor * 2654435761u >> 24); /* no two blocks alike */
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    stock(&scene->shop, BLOB_SIZE, 7, "etag");
    scene->net = server_open(0, serve, &scene->shop);
    peer_open(&scene->peer, scene->net);
    peer_is_kept(&scene->peer);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    peer_close(&scene->peer);
    kedge_net_destroy(scene->net);
    free(scene->shop.bytes);
    free(scene);
    return 0;
}

/* Asks for a block; `block` < 0: without a Block2 option. */
static void ask(struct scene *scene, int64_t block, uint8_t exponent, const char *etag)
{
    struct scripted_message request = {.type = KEDGE_COAP_CON,
                                       .code = KEDGE_COAP_GET,
                                       .message_id = scene->peer.next_message_id++,
                                       .token = kedge_slice("tok", 3)};
    size_t count = 0;
    if (etag != NULL)
        request.options[count++] = (struct scripted_option){KEDGE_COAP_ETAG, etag, 0};
    request.options[count++] = (struct scripted_option){KEDGE_COAP_URI_PATH, "fw", 0};
    if (block >= 0) {
        const struct kedge_coap_block wanted = {.number = (uint32_t)block,
                                                .size_exponent = exponent};
        request.options[count++] =
            (struct scripted_option){KEDGE_COAP_BLOCK2, NULL, kedge_coap_block_value(&wanted)};
    }
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
}

static void assert_block(const struct scene *scene, uint32_t number, uint8_t exponent, size_t size,
                         bool more)
{
    const struct kedge_coap_message *message = &scene->peer.message;
    struct kedge_coap_block block;
    struct kedge_slice etag;
    assert_int_equal(message->code, KEDGE_COAP_CONTENT);
    assert_int_equal(kedge_coap_block_find(message, KEDGE_COAP_BLOCK2, &block), KEDGE_OK);
    assert_int_equal(block.number, number);
    assert_int_equal(block.size_exponent, exponent);
    assert_int_equal(block.more, more);
    assert_true(kedge_coap_option_find(message, KEDGE_COAP_ETAG, &etag));
    assert_true(kedge_slice_equal(etag, kedge_slice_text(scene->shop.etag)));
    assert_int_equal(message->payload.size, size);
    size_t offset = (size_t)number << (exponent + 4u);
    assert_memory_equal(message->payload.data, scene->shop.bytes + offset, size);
    assert_int_equal(scene->shop.reached, offset + size);
}

static void test_the_first_get_needs_no_block_option_and_tells_the_size(void **state)
{
    struct scene *scene = *state;
    uint32_t size = 0;
    ask(scene, -1, 0, NULL);
    assert_block(scene, 0, 6, 1024, true);
    assert_true(kedge_coap_option_uint(&scene->peer.message, KEDGE_COAP_SIZE2, &size));
    assert_int_equal(size, BLOB_SIZE);
    ask(scene, 1, 6, NULL);
    assert_false(kedge_coap_option_uint(&scene->peer.message, KEDGE_COAP_SIZE2, &size));
}

static void test_every_block_of_every_size_is_the_right_bytes(void **state)
{
    struct scene *scene = *state;
    for (uint8_t exponent = 0; exponent <= 6; exponent++) {
        size_t block_size = (size_t)1 << (exponent + 4u);
        for (size_t offset = 0; offset < BLOB_SIZE; offset += block_size) {
            size_t size = BLOB_SIZE - offset < block_size ? BLOB_SIZE - offset : block_size;
            ask(scene, (int64_t)(offset / block_size), exponent, NULL);
            assert_block(scene, (uint32_t)(offset / block_size), exponent, size,
                         offset + size < BLOB_SIZE);
        }
    }
}

static void test_a_transfer_resumes_in_the_middle_with_its_etag(void **state)
{
    struct scene *scene = *state;
    ask(scene, 3, 6, "etag");
    assert_block(scene, 3, 6, 1024, true);
    ask(scene, 4, 6, "etag");
    assert_block(scene, 4, 6, BLOB_SIZE - 4096, false);
}

/* Nothing of it was ever asked by anybody: where it goes on is said by the request alone. */
static void test_a_transfer_resumes_at_block_2907_from_an_address_that_is_new(void **state)
{
    struct scene *scene = *state;
    struct scripted_peer first = scene->peer;
    stock(&scene->shop, 2909 * 1024 + 100, 13, "of-large");
    peer_open(&scene->peer, scene->net);
    peer_is_kept(&scene->peer);
    ask(scene, 2907, 6, "of-large");
    assert_block(scene, 2907, 6, 1024, true);
    /* The same bytes by smaller blocks; the largest number that there is here; the last one. */
    ask(scene, 2907 * 16, 2, "of-large");
    assert_block(scene, 2907 * 16, 2, 64, true);
    ask(scene, 2909 * 64 + 6, 0, NULL);
    assert_block(scene, 2909 * 64 + 6, 0, 4, false);
    ask(scene, 2909, 6, NULL);
    assert_block(scene, 2909, 6, 100, false);
    ask(scene, 2910, 6, NULL);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(kedge_net_counters(scene->net).exchanges, 0);
    peer_close(&first);
}

static void test_a_client_may_turn_to_smaller_blocks_in_the_middle(void **state)
{
    struct scene *scene = *state;
    ask(scene, -1, 0, NULL);
    assert_block(scene, 0, 6, 1024, true);
    ask(scene, 8, 3, NULL); /* from byte 1,024 on, by 128 */
    assert_block(scene, 8, 3, 128, true);
    ask(scene, 9, 3, NULL);
    assert_block(scene, 9, 3, 128, true);
    ask(scene, 20, 2, NULL); /* from byte 1,280 on, by 64 */
    assert_block(scene, 20, 2, 64, true);
}

/* Whoever goes on with the old one sees by the ETag that these bytes are not of it. */
static void test_what_is_replaced_in_mid_transfer_is_served_under_its_own_etag(void **state)
{
    struct scene *scene = *state;
    ask(scene, -1, 0, NULL);
    assert_block(scene, 0, 6, 1024, true);
    stock(&scene->shop, 3000, 11, "anew");
    ask(scene, 1, 6, "etag");
    assert_block(scene, 1, 6, 1024, true);
    ask(scene, 0, 6, "etag"); /* no 2.03 any more */
    assert_block(scene, 0, 6, 1024, true);
    ask(scene, 4, 6, "etag"); /* there was such a block */
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_REQUEST);
}

static void test_who_has_it_already_is_told_so(void **state)
{
    struct scene *scene = *state;
    ask(scene, -1, 0, "etag");
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_VALID);
    assert_int_equal(scene->peer.message.payload.size, 0);
    assert_int_equal(scene->shop.reached, 0);
    ask(scene, -1, 0, "other");
    assert_block(scene, 0, 6, 1024, true);
}

static void test_a_block_beyond_the_end_is_refused(void **state)
{
    struct scene *scene = *state;
    ask(scene, 5, 6, NULL);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_REQUEST);
    ask(scene, KEDGE_COAP_BLOCK_NUMBER_MAX, 6, NULL);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(scene->shop.reached, 0);
    /* SZX 7 is reserved (RFC 7959 section 2.2). */
    ask(scene, 0, 7, NULL);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_REQUEST);
}

static void test_a_size_that_is_a_multiple_of_the_block_has_no_empty_last_block(void **state)
{
    struct scene *scene = *state;
    scene->shop.size = 4096;
    ask(scene, 3, 6, NULL);
    assert_block(scene, 3, 6, 1024, false);
    ask(scene, 4, 6, NULL);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_REQUEST);
}

static void test_an_empty_blob_is_served_empty(void **state)
{
    struct scene *scene = *state;
    scene->shop.size = 0;
    ask(scene, -1, 0, NULL);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_CONTENT);
    assert_int_equal(scene->peer.message.payload.size, 0);
}

static void test_a_condition_or_a_format_that_does_not_hold_is_refused(void **state)
{
    struct scene *scene = *state;
    static const struct {
        struct scripted_option options[3];
        uint8_t code;
    } rows[] = {
        {{{KEDGE_COAP_IF_MATCH, "etag", 0}}, KEDGE_COAP_CONTENT},
        {{{KEDGE_COAP_IF_MATCH, "", 0}}, KEDGE_COAP_CONTENT},
        {{{KEDGE_COAP_IF_MATCH, "other", 0}, {KEDGE_COAP_IF_MATCH, "etag", 0}}, KEDGE_COAP_CONTENT},
        {{{KEDGE_COAP_IF_MATCH, "other", 0}}, KEDGE_COAP_PRECONDITION_FAILED},
        {{{KEDGE_COAP_IF_MATCH, "etag2", 0}, {KEDGE_COAP_ETAG, "etag", 0}},
         KEDGE_COAP_PRECONDITION_FAILED},
        {{{KEDGE_COAP_IF_NONE_MATCH, "", 0}}, KEDGE_COAP_PRECONDITION_FAILED},
        {{{KEDGE_COAP_ACCEPT, NULL, 42}}, KEDGE_COAP_CONTENT},
        {{{KEDGE_COAP_ACCEPT, NULL, 0}}, KEDGE_COAP_NOT_ACCEPTABLE},
        {{{KEDGE_COAP_ACCEPT, NULL, 60}}, KEDGE_COAP_NOT_ACCEPTABLE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scripted_message request = {
            .type = KEDGE_COAP_CON, .code = KEDGE_COAP_GET, .message_id = (uint16_t)(100 + i)};
        memcpy(request.options, rows[i].options, sizeof rows[i].options);
        peer_sends(&scene->peer, &request);
        peer_receives(&scene->peer);
        assert_int_equal(scene->peer.message.code, rows[i].code);
        assert_int_equal(scene->shop.reached, rows[i].code == KEDGE_COAP_CONTENT ? 1024 : 0);
    }
}

static void test_a_blob_is_only_for_getting(void **state)
{
    struct scene *scene = *state;
    const struct scripted_message request = {.type = KEDGE_COAP_CON,
                                             .code = KEDGE_COAP_PUT,
                                             .message_id = 4,
                                             .options = {{KEDGE_COAP_URI_PATH, "fw", 0}}};
    peer_sends(&scene->peer, &request);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_METHOD_NOT_ALLOWED);
}

#define BLOB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BLOB_TEST(test_the_first_get_needs_no_block_option_and_tells_the_size),
        BLOB_TEST(test_every_block_of_every_size_is_the_right_bytes),
        BLOB_TEST(test_a_transfer_resumes_in_the_middle_with_its_etag),
        BLOB_TEST(test_a_transfer_resumes_at_block_2907_from_an_address_that_is_new),
        BLOB_TEST(test_a_client_may_turn_to_smaller_blocks_in_the_middle),
        BLOB_TEST(test_what_is_replaced_in_mid_transfer_is_served_under_its_own_etag),
        BLOB_TEST(test_who_has_it_already_is_told_so),
        BLOB_TEST(test_a_block_beyond_the_end_is_refused),
        BLOB_TEST(test_a_size_that_is_a_multiple_of_the_block_has_no_empty_last_block),
        BLOB_TEST(test_an_empty_blob_is_served_empty),
        BLOB_TEST(test_a_condition_or_a_format_that_does_not_hold_is_refused),
        BLOB_TEST(test_a_blob_is_only_for_getting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
