/* test_client_collect.c: requests in blocks are put together, whatever comes twice or out of order.
 */
#include "agent/client/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define CAPACITY 100u

struct world {
    struct kedge_collect collect;
    struct kedge_model_request request;
    uint8_t bytes[CAPACITY];
    uint64_t now_ms;
    const char *tag;
    uint64_t total;
};

static int make(void **state)
{
    static struct world world;
    world = (struct world){.request = {.method = KEDGE_COAP_PUT,
                                       .path = {.ids = {5, 0, 1}, .depth = 3},
                                       .format = KEDGE_LWM2M_FORMAT_TEXT},
                           .now_ms = 1000,
                           .tag = ""};
    world.collect = (struct kedge_collect){.bytes = world.bytes, .capacity = CAPACITY};
    *state = &world;
    return 0;
}

/* Block `number` of 16 bytes of `text`; the last one where the text ends in it. */
static uint8_t take(struct world *world, uint32_t number, const char *text)
{
    size_t at = (size_t)number * 16, size = strlen(text);
    assert_in_range(at, 0, size - 1);
    size_t left = size - at;
    const struct kedge_intake_block block = {
        .number = number,
        .szx = 0,
        .more = left > 16,
        .tag = kedge_slice_text(world->tag),
        .total = number == 0 ? world->total : 0,
        .payload = kedge_slice((const uint8_t *)text + at, left > 16 ? 16 : left)};
    return kedge_collect_take(&world->collect, &world->request, &block, world->now_ms);
}

static void assert_whole(const struct world *world, const char *text)
{
    assert_int_equal(world->request.payload.size, strlen(text));
    assert_memory_equal(world->request.payload.data, text, strlen(text));
}

#define TEXT "coap://server.example:5683/fw/0123456789" /* three blocks */
#define LAST 2u

static void blocks_in_order_are_one_payload(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, TEXT), 0);
    assert_whole(world, TEXT);
}

static void a_block_that_comes_again_is_not_taken_again(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, TEXT), 0);
    assert_whole(world, TEXT);
    kedge_collect_answered(&world->collect, KEDGE_COAP_METHOD_NOT_ALLOWED);
    assert_int_equal(take(world, LAST, TEXT), KEDGE_COAP_METHOD_NOT_ALLOWED);
    world->tag = "tag";
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, TEXT), 0);
    assert_whole(world, TEXT);
}

static void a_tag_that_is_used_again_is_of_another_request(void **state)
{
    struct world *world = *state;
    const char *other = "coap://server.example:5683/fw/9876543210";
    world->tag = "tag";
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, TEXT), 0);
    kedge_collect_answered(&world->collect, KEDGE_COAP_CHANGED);
    assert_int_equal(take(world, 0, other), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, other), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, other), 0);
    assert_whole(world, other);
}

/* A read answers its last block again with what there is to read. */
static void what_has_no_answer_of_its_own_is_whole_again(void **state)
{
    struct world *world = *state;
    world->request.method = KEDGE_COAP_FETCH;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, TEXT), 0);
    assert_int_equal(take(world, LAST, TEXT), 0);
    assert_whole(world, TEXT);
}

static void a_block_that_is_missing_is_4_08_and_the_beginning_begins_anew(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, TEXT), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, LAST, TEXT), 0);
    assert_whole(world, TEXT);
}

static void blocks_of_two_requests_are_never_mixed(void **state)
{
    struct world *world = *state;
    for (unsigned other = 0; other < 5; other++) {
        const struct kedge_model_request first = world->request;
        assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
        if (other == 0)
            world->request.path.ids[2] = 2;
        if (other == 1)
            world->request.path.depth = 2;
        if (other == 2)
            world->request.method = KEDGE_COAP_POST;
        if (other == 3)
            world->request.format = KEDGE_LWM2M_FORMAT_OPAQUE;
        if (other == 4)
            world->tag = "another";
        assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_INCOMPLETE);
        world->request = first;
        world->tag = "";
        assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
        assert_int_equal(take(world, LAST, TEXT), 0);
        assert_whole(world, TEXT);
    }
}

static void a_first_block_takes_the_place_of_another_request(void **state)
{
    struct world *world = *state;
    const struct kedge_model_request first = world->request;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    world->request.path.ids[2] = 13;
    assert_int_equal(take(world, 0, "00000000000000000077"), KEDGE_COAP_CONTINUE);
    world->request = first;
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_INCOMPLETE);
    world->request.path.ids[2] = 13;
    assert_int_equal(take(world, 1, "00000000000000000077"), 0);
    assert_whole(world, "00000000000000000077");
}

static void beyond_the_bound_is_4_13_and_what_follows_4_08(void **state)
{
    struct world *world = *state;
    char text[CAPACITY + 17];
    memset(text, 'x', sizeof text - 1);
    text[CAPACITY] = '\0'; /* exactly what there is room for */
    for (unsigned i = 0; i < CAPACITY / 16; i++)
        assert_int_equal(take(world, i, text), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, CAPACITY / 16, text), 0);
    assert_whole(world, text);

    text[CAPACITY] = 'x';
    text[CAPACITY + 16] = '\0';
    for (unsigned i = 0; i < CAPACITY / 16; i++)
        assert_int_equal(take(world, i, text), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, CAPACITY / 16, text), KEDGE_COAP_TOO_LARGE);
    assert_int_equal(take(world, CAPACITY / 16 + 1, text), KEDGE_COAP_INCOMPLETE);

    /* Known from its first block. */
    world->total = CAPACITY + 1;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_TOO_LARGE);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_INCOMPLETE);
    world->total = CAPACITY;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
}

static void a_block_that_is_not_full_is_4_00(void **state)
{
    struct world *world = *state;
    const struct kedge_intake_block block = {.more = true,
                                             .payload = kedge_slice_text("too short")};
    assert_int_equal(kedge_collect_take(&world->collect, &world->request, &block, world->now_ms),
                     KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
}

static void what_is_not_gone_on_with_in_time_is_over(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    world->now_ms += KEDGE_COLLECT_PATIENCE_MS - 1;
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_CONTINUE);
    world->now_ms += KEDGE_COLLECT_PATIENCE_MS;
    assert_int_equal(take(world, LAST, TEXT), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
}

static void what_is_cleared_is_not_gone_on_with(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, 0, TEXT), KEDGE_COAP_CONTINUE);
    kedge_collect_clear(&world->collect);
    assert_int_equal(take(world, 1, TEXT), KEDGE_COAP_INCOMPLETE);
}

#define COLLECT(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COLLECT(blocks_in_order_are_one_payload),
        COLLECT(a_block_that_comes_again_is_not_taken_again),
        COLLECT(a_tag_that_is_used_again_is_of_another_request),
        COLLECT(what_has_no_answer_of_its_own_is_whole_again),
        COLLECT(a_block_that_is_missing_is_4_08_and_the_beginning_begins_anew),
        COLLECT(blocks_of_two_requests_are_never_mixed),
        COLLECT(a_first_block_takes_the_place_of_another_request),
        COLLECT(beyond_the_bound_is_4_13_and_what_follows_4_08),
        COLLECT(a_block_that_is_not_full_is_4_00),
        COLLECT(what_is_not_gone_on_with_in_time_is_over),
        COLLECT(what_is_cleared_is_not_gone_on_with),
    };
    return cmocka_run_group_tests_name("client_collect", tests, NULL, NULL);
}
