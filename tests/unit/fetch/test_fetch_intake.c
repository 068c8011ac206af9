/* test_fetch_intake.c: a package that is pushed, block by block, by senders of every kind. */
#include "agent/fetch/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <kedge/coap.h>
#include <string.h>

#define BODY_SIZE 5000u
#define PATIENCE_MS 180000u

#include "tests/unit/fetch/fetch_sink.h"

struct world {
    struct kedge_intake intake;
    struct fetch_sink sink;
    uint64_t now_ms;
    struct kedge_slice tag;
};

static void begin(struct world *world)
{
    *world = (struct world){.tag = kedge_slice_text("tag-one")};
    const struct kedge_download_sink sink = fetch_sink_begin(&world->sink);
    kedge_intake_begin(&world->intake, &sink, PATIENCE_MS, 0);
}

static struct kedge_intake_block block_of(const struct world *world, uint32_t number, uint8_t szx)
{
    size_t size = (size_t)16 << szx, offset = number * size;
    size_t left = BODY_SIZE - offset;
    return (struct kedge_intake_block){
        .number = number,
        .szx = szx,
        .more = left > size,
        .tag = world->tag,
        .total = number == 0 ? BODY_SIZE : 0,
        .payload = kedge_slice(world->sink.body + offset, left > size ? size : left)};
}

static uint8_t take(struct world *world, uint32_t number, uint8_t szx)
{
    const struct kedge_intake_block block = block_of(world, number, szx);
    return kedge_intake_take(&world->intake, &block, world->now_ms);
}

static void take_from(struct world *world, uint32_t first)
{
    for (uint32_t i = first; i < 4; i++)
        assert_int_equal(take(world, i, 6), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(world, 4, 6), KEDGE_COAP_CHANGED);
}

static void assert_whole(const struct world *world)
{
    assert_true(world->intake.finished);
    assert_false(world->intake.running);
    assert_int_equal(world->intake.offset, BODY_SIZE);
    assert_sink_has_it_all(&world->sink);
}

static void test_blocks_in_order_make_the_body(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    take_from(&world, 0);
    assert_whole(&world);
    assert_int_equal(world.intake.total, BODY_SIZE);
}

static void test_the_size_may_change_on_the_way(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(&world, 8, 3), KEDGE_COAP_CONTINUE); /* byte 1,024 */
    for (uint32_t i = 9; i < 39; i++)
        assert_int_equal(take(&world, i, 3), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(&world, 39, 3), KEDGE_COAP_CHANGED);
    assert_whole(&world);
}

static void test_a_block_that_comes_again_is_answered_and_not_taken_again(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(take(&world, i, 6), KEDGE_COAP_CONTINUE);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(take(&world, i, 6), KEDGE_COAP_CONTINUE);
    assert_int_equal(world.sink.got_size, 3 * 1024);
    take_from(&world, 3);
    assert_whole(&world);
    /* When all is there too. */
    assert_int_equal(take(&world, 4, 6), KEDGE_COAP_CHANGED);
    assert_int_equal(take(&world, 3, 6), KEDGE_COAP_CONTINUE);
    assert_whole(&world);
    assert_int_equal(world.sink.restarts, 0);
}

static void test_what_is_not_the_next_block_is_incomplete(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    assert_int_equal(take(&world, 1, 6), KEDGE_COAP_INCOMPLETE); /* without a first one */
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(&world, 2, 6), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(take(&world, 3, 5), KEDGE_COAP_INCOMPLETE);
    world.tag = kedge_slice_text("tag-two");
    assert_int_equal(take(&world, 1, 6), KEDGE_COAP_INCOMPLETE); /* of another body */
    world.tag = kedge_slice(NULL, 0);
    assert_int_equal(take(&world, 1, 6), KEDGE_COAP_INCOMPLETE);
    assert_int_equal(world.sink.got_size, 1024);
    world.tag = kedge_slice_text("tag-one");
    take_from(&world, 1);
    assert_whole(&world);
}

static void test_a_first_block_with_another_tag_begins_anew(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(take(&world, i, 6), KEDGE_COAP_CONTINUE);
    world.tag = kedge_slice_text("tag-two");
    take_from(&world, 0);
    assert_int_equal(world.sink.restarts, 1);
    assert_whole(&world);
}

static void test_without_tags_each_first_block_begins_anew(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.tag = kedge_slice(NULL, 0);
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(&world, 1, 6), KEDGE_COAP_CONTINUE);
    assert_int_equal(take(&world, 1, 6), KEDGE_COAP_CONTINUE);
    assert_int_equal(world.sink.got_size, 2048);
    take_from(&world, 0);
    assert_int_equal(world.sink.restarts, 1);
    assert_whole(&world);
}

static void test_blocks_that_contradict_themselves_are_refused_and_change_nothing(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    struct kedge_intake_block blocks[5];
    for (size_t i = 0; i < 5; i++)
        blocks[i] = block_of(&world, 0, 6);
    blocks[0].payload.size--; /* not the last one, and not full */
    blocks[1].payload.size++;
    blocks[2].payload.size = 0;
    blocks[3].more = false;
    blocks[3].payload.size = 1025;
    blocks[4].tag = kedge_slice_text("nine byte");
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(kedge_intake_take(&world.intake, &blocks[i], 0), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(world.sink.got_size, 0);
    take_from(&world, 0);
    assert_whole(&world);
}

static void test_what_the_sink_refuses_ends_it(void **state)
{
    (void)state;
    static const struct {
        enum kedge_rc rc;
        uint8_t code;
    } cases[] = {{KEDGE_E_DIGEST, KEDGE_COAP_BAD_REQUEST}, {KEDGE_E_SPACE, KEDGE_COAP_TOO_LARGE}};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        begin(&world);
        assert_int_equal(take(&world, 0, 6), KEDGE_COAP_CONTINUE);
        world.sink.push_rc = cases[i].rc;
        assert_int_equal(take(&world, 1, 6), cases[i].code);
        assert_int_equal(world.intake.failure, cases[i].rc);
        assert_int_equal(take(&world, 2, 6), KEDGE_COAP_INCOMPLETE);
        assert_int_equal(world.intake.failure, cases[i].rc);
    }
    struct world world;
    begin(&world);
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_CONTINUE);
    world.tag = kedge_slice_text("tag-two");
    world.sink.restart_rc = KEDGE_E_FLASH;
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(world.intake.failure, KEDGE_E_FLASH);
}

static void test_silence_is_noticed_and_then_given_up(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    uint64_t wait_ms = 60000;
    bool quiet = false;
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_CONTINUE);
    assert_true(kedge_intake_poll(&world.intake, 19999, &wait_ms, &quiet));
    assert_false(quiet);
    assert_int_equal(wait_ms, 1);
    wait_ms = 60000;
    assert_true(kedge_intake_poll(&world.intake, 20000, &wait_ms, &quiet));
    assert_true(quiet);
    assert_int_equal(wait_ms, KEDGE_INTAKE_QUIET_MS);
    quiet = false;
    assert_true(kedge_intake_poll(&world.intake, 20001, &wait_ms, &quiet));
    assert_false(quiet);
    /* A new block counts, one that comes again does not. */
    world.now_ms = 170000;
    assert_int_equal(take(&world, 1, 6), KEDGE_COAP_CONTINUE);
    world.now_ms = 340000;
    assert_int_equal(take(&world, 1, 6), KEDGE_COAP_CONTINUE);
    assert_true(kedge_intake_poll(&world.intake, 349999, &wait_ms, &quiet));
    assert_int_equal(wait_ms, 1);
    assert_false(kedge_intake_poll(&world.intake, 350000, &wait_ms, &quiet));
    assert_int_equal(world.intake.failure, KEDGE_E_CONNECTION);
    assert_string_equal(world.intake.words, "no new block for 180 s, at byte 2048");
    assert_int_equal(take(&world, 2, 6), KEDGE_COAP_INCOMPLETE);
}

static void test_one_that_was_not_begun_or_has_ended_takes_nothing(void **state)
{
    (void)state;
    struct world world;
    uint64_t wait_ms = 1000;
    bool quiet = false;
    begin(&world);
    kedge_intake_end(&world.intake);
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_INCOMPLETE);
    world.intake = (struct kedge_intake){0};
    assert_int_equal(take(&world, 0, 6), KEDGE_COAP_INCOMPLETE);
    assert_true(kedge_intake_poll(&world.intake, 1000000, &wait_ms, &quiet));
    assert_int_equal(wait_ms, 1000);
    assert_int_equal(world.sink.got_size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_in_order_make_the_body),
        cmocka_unit_test(test_the_size_may_change_on_the_way),
        cmocka_unit_test(test_a_block_that_comes_again_is_answered_and_not_taken_again),
        cmocka_unit_test(test_what_is_not_the_next_block_is_incomplete),
        cmocka_unit_test(test_a_first_block_with_another_tag_begins_anew),
        cmocka_unit_test(test_without_tags_each_first_block_begins_anew),
        cmocka_unit_test(test_blocks_that_contradict_themselves_are_refused_and_change_nothing),
        cmocka_unit_test(test_what_the_sink_refuses_ends_it),
        cmocka_unit_test(test_silence_is_noticed_and_then_given_up),
        cmocka_unit_test(test_one_that_was_not_begun_or_has_ended_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
