/* test_fetch_download.c: a download against a simulated server and clock, with each of its faults.
 */
#include "agent/fetch/download.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define BODY_SIZE 5000u
#define PATIENCE_MS 60000u

#include "tests/unit/fetch/fetch_sink.h"

struct world {
    struct kedge_download download;
    struct fetch_sink sink;
    uint64_t now_ms;
    uint32_t number;
};

static void begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    const struct kedge_download_sink sink = fetch_sink_begin(&world->sink);
    kedge_download_begin(&world->download, &sink, NULL, PATIENCE_MS, 0);
}

/* Again, after a restart of the device: what is before `offset` of "v1" is there. */
static void begin_at(struct world *world, uint64_t offset)
{
    const struct kedge_download_sink sink = world->download.transfer.sink;
    struct kedge_download_point from = {.offset = offset};
    assert_true(kedge_etag_set(&from.etag, kedge_slice_text("v1")));
    world->sink.got_size = 0;
    kedge_download_begin(&world->download, &sink, &from, PATIENCE_MS, world->now_ms);
}

/* Lets the time pass until a block is asked for, or it is over. */
static enum kedge_download_step step(struct world *world)
{
    for (;;) {
        uint64_t wait_ms;
        enum kedge_download_step next =
            kedge_download_next(&world->download, world->now_ms, &wait_ms, &world->number);
        if (next != KEDGE_DOWNLOAD_WAIT) {
            if (next == KEDGE_DOWNLOAD_ASK)
                kedge_download_asked(&world->download, world->now_ms);
            return next;
        }
        assert_true(wait_ms > 0);
        world->now_ms += wait_ms;
    }
}

static struct kedge_download_answer block(const struct world *world, uint32_t number, uint8_t szx)
{
    size_t size = (size_t)16 << szx, offset = number * size;
    assert_true(offset < BODY_SIZE);
    size_t left = BODY_SIZE - offset;
    return (struct kedge_download_answer){
        .code = 0x45,
        .has_block = true,
        .number = number,
        .szx = szx,
        .more = left > size,
        .etag = number == 0 ? kedge_slice_text("v1") : kedge_slice(NULL, 0),
        .size = number == 0 ? BODY_SIZE : 0,
        .payload = kedge_slice(world->sink.body + offset, left > size ? size : left)};
}

static struct kedge_download_answer tagged_block(const struct world *world, uint32_t number,
                                                 uint8_t szx)
{
    struct kedge_download_answer tagged = block(world, number, szx);
    tagged.etag = kedge_slice_text("v1");
    return tagged;
}

static void answer(struct world *world, struct kedge_download_answer with)
{
    kedge_download_answer(&world->download, &with, world->now_ms);
}

static void run_to_the_end(struct world *world, uint8_t szx)
{
    while (step(world) == KEDGE_DOWNLOAD_ASK)
        answer(world, block(world, world->number, szx));
}

static void assert_complete(struct world *world)
{
    assert_int_equal(step(world), KEDGE_DOWNLOAD_DONE);
    assert_sink_has_it_all(&world->sink);
}

static void all_blocks_arrive_in_order(void **state)
{
    struct world *world = *state;
    run_to_the_end(world, 6);
    assert_complete(world);
    assert_int_equal(world->download.transfer.total, BODY_SIZE);
}

static void a_server_with_smaller_blocks_is_followed(void **state)
{
    struct world *world = *state;
    run_to_the_end(world, 2);
    assert_complete(world);
}

static void a_body_without_block2_is_whole(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, (struct kedge_download_answer){
                      .code = 0x45, .payload = kedge_slice(world->sink.body, 10)});
    assert_int_equal(step(world), KEDGE_DOWNLOAD_DONE);
    assert_int_equal(world->sink.got_size, 10);
}

static void a_duplicate_and_a_late_answer_change_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, block(world, 0, 6));
    answer(world, block(world, 0, 6));
    assert_int_equal(world->sink.got_size, 1024);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->number, 1);
    answer(world, block(world, 0, 6)); /* not the one that was asked for: asked for again */
    assert_int_equal(world->sink.got_size, 1024);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->number, 1);
    run_to_the_end(world, 6);
}

static void lost_requests_are_repeated_until_patience_ends(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, block(world, 0, 6));
    unsigned asked = 0;
    while (step(world) == KEDGE_DOWNLOAD_ASK) {
        assert_int_equal(world->number, 1);
        kedge_download_lost(&world->download, world->now_ms);
        asked++;
    }
    assert_int_equal(world->download.transfer.failure, KEDGE_E_CONNECTION);
    assert_int_equal(world->now_ms, PATIENCE_MS);
    assert_in_range(asked, 4, 12);
}

static void a_server_that_stays_silent_is_given_up(void **state)
{
    struct world *world = *state;
    while (step(world) == KEDGE_DOWNLOAD_ASK)
        ;
    assert_int_equal(world->download.transfer.failure, KEDGE_E_CONNECTION);
    assert_int_equal(world->now_ms, PATIENCE_MS);
}

static void progress_renews_the_patience(void **state)
{
    struct world *world = *state;
    for (uint32_t number = 0; number < 4; number++) {
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        world->now_ms += 25000;
        answer(world, block(world, number, 6));
    }
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, block(world, 4, 6));
    assert_complete(world);
}

static void another_etag_begins_anew(void **state)
{
    struct world *world = *state;
    for (uint32_t number = 0; number < 3; number++) {
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        answer(world, block(world, number, 6));
    }
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    struct kedge_download_answer changed = block(world, 3, 6);
    changed.etag = kedge_slice_text("v2");
    answer(world, changed);
    assert_int_equal(world->sink.restarts, 1);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->number, 0);
    answer(world, block(world, 0, 6));
    run_to_the_end(world, 6);
    assert_complete(world);
}

static void an_etag_that_never_settles_ends_it(void **state)
{
    struct world *world = *state;
    char etag[2] = "a";
    while (step(world) == KEDGE_DOWNLOAD_ASK) {
        struct kedge_download_answer next = block(world, world->number, 6);
        etag[0]++;
        next.etag = kedge_slice_text(etag);
        answer(world, next);
    }
    assert_int_equal(world->download.transfer.failure, KEDGE_E_CONNECTION);
    assert_int_equal(world->sink.restarts, KEDGE_TRANSFER_RESTARTS_MAX);
}

static void a_missing_file_ends_it_at_once(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, (struct kedge_download_answer){.code = 0x84});
    assert_int_equal(step(world), KEDGE_DOWNLOAD_FAILED);
    assert_int_equal(world->download.transfer.failure, KEDGE_E_URI);
    assert_string_equal(world->download.transfer.words, "the server answered 4.04");
}

static void a_busy_server_is_asked_again(void **state)
{
    struct world *world = *state;
    const uint8_t passing[] = {0xA3, 0x9D, 0x88, 0xA0};
    for (size_t i = 0; i < sizeof passing; i++) {
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        answer(world, (struct kedge_download_answer){.code = passing[i]});
    }
    run_to_the_end(world, 6);
    assert_complete(world);
}

static void a_busy_server_that_says_when_is_not_asked_before(void **state)
{
    struct world *world = *state;
    const uint8_t busy[] = {0xA3, 0x9D};
    for (size_t i = 0; i < sizeof busy; i++) {
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        uint64_t asked_at_ms = world->now_ms;
        answer(world, (struct kedge_download_answer){.code = busy[i], .max_age_s = 25});
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        assert_int_equal(world->now_ms, asked_at_ms + 25000);
        answer(world, block(world, world->number, 6));
    }
    run_to_the_end(world, 6);
    assert_complete(world);
}

static void a_server_that_is_busy_for_longer_than_the_patience_ends_it(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, (struct kedge_download_answer){.code = 0xA3, .max_age_s = UINT32_MAX});
    assert_int_equal(step(world), KEDGE_DOWNLOAD_FAILED);
    assert_int_equal(world->download.transfer.failure, KEDGE_E_CONNECTION);
    assert_non_null(strstr(world->download.transfer.words,
                           "answered 5.03 and is not to be asked for 4294967295 s"));
}

/* How long an answer may be kept: no more than that in any other. */
static void max_age_of_another_refusal_is_no_time_to_wait(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, (struct kedge_download_answer){.code = 0xA0, .max_age_s = UINT32_MAX});
    run_to_the_end(world, 6);
    assert_complete(world);
}

static void blocks_that_are_not_what_was_asked_for_never_reach_the_sink(void **state)
{
    struct world *world = *state;
    struct kedge_download_answer bad[5];
    for (size_t i = 0; i < 5; i++)
        bad[i] = block(world, 0, 6);
    bad[0].number = 1;
    bad[1].payload.size = 1000; /* more follows, so it had to be full */
    bad[2].szx = 7;
    bad[3].payload.size = 0;
    bad[4].number = 0xFFFFF;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        answer(world, bad[i]);
        assert_int_equal(world->sink.got_size, 0);
    }
    run_to_the_end(world, 6);
    assert_complete(world);
}

static void what_the_sink_refuses_ends_it_with_its_reason(void **state)
{
    struct world *world = *state;
    world->sink.push_rc = KEDGE_E_SIGNATURE;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, block(world, 0, 6));
    assert_int_equal(step(world), KEDGE_DOWNLOAD_FAILED);
    assert_int_equal(world->download.transfer.failure, KEDGE_E_SIGNATURE);
}

static void it_goes_on_at_any_point_whatever_the_blocks_are(void **state)
{
    struct world *world = *state;
    const size_t points[] = {1, 63, 64, 700, 1023, 1024, 2500, 4096, 4990, BODY_SIZE - 1};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (uint8_t szx = 2; szx <= 6; szx += 2) {
            begin_at(world, points[i]);
            assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
            assert_int_equal(world->number, points[i] / 1024);
            /* A server may answer with the first smaller one in its place. */
            answer(world, tagged_block(world, world->number << (6 - szx), szx));
            run_to_the_end(world, szx);
            assert_int_equal(step(world), KEDGE_DOWNLOAD_DONE);
            assert_int_equal(world->sink.got_size, BODY_SIZE - points[i]);
            assert_memory_equal(world->sink.got, world->sink.body + points[i],
                                world->sink.got_size);
            assert_int_equal(world->sink.restarts, 0);
        }
}

static void a_body_that_ends_before_the_point_adds_nothing(void **state)
{
    struct world *world = *state;
    begin_at(world, 1500);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, (struct kedge_download_answer){.code = 0x45,
                                                 .has_block = true,
                                                 .number = 1,
                                                 .szx = 6,
                                                 .etag = kedge_slice_text("v1"),
                                                 .payload = kedge_slice(world->sink.body, 100)});
    assert_int_equal(step(world), KEDGE_DOWNLOAD_DONE);
    assert_int_equal(world->sink.got_size, 0);
}

static void begins_anew(struct world *world, struct kedge_download_answer instead)
{
    unsigned before = world->sink.restarts;
    begin_at(world, 2500);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, instead);
    assert_int_equal(world->sink.restarts, before + 1);
    run_to_the_end(world, 6);
    assert_complete(world);
}

static void a_point_of_another_representation_begins_anew(void **state)
{
    struct world *world = *state;
    struct kedge_download_answer other = block(world, 2, 6);
    other.etag = kedge_slice_text("v2");
    begins_anew(world, other);
    begins_anew(world, block(world, 2, 6)); /* of which one is not told */
    /* Shorter now, so that there is no such block; or it fits into one message. */
    begins_anew(world, (struct kedge_download_answer){.code = 0x80});
    begins_anew(world, (struct kedge_download_answer){.code = 0x82});
    begins_anew(world, (struct kedge_download_answer){
                           .code = 0x45, .payload = kedge_slice(world->sink.body, 10)});
    begins_anew(world, tagged_block(world, 0, 6));
}

static void a_point_that_a_block_has_borne_out_is_not_given_up(void **state)
{
    struct world *world = *state;
    begin_at(world, 2500);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, (struct kedge_download_answer){.code = 0xA3});
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, tagged_block(world, 2, 6));
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->number, 3);
    answer(world, block(world, 0, 6));
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    answer(world, (struct kedge_download_answer){.code = 0x84});
    assert_int_equal(step(world), KEDGE_DOWNLOAD_FAILED);
    assert_int_equal(world->download.transfer.failure, KEDGE_E_URI);
    assert_int_equal(world->sink.restarts, 0);
}

static void a_point_that_no_block_has_begins_anew(void **state)
{
    struct world *world = *state;
    begin_at(world, UINT64_MAX);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->number, 0);
    assert_int_equal(world->sink.restarts, 1);
    answer(world, block(world, 0, 6));
    run_to_the_end(world, 6);
    assert_complete(world);
}

static void a_file_that_is_gone_ends_it_also_at_a_point(void **state)
{
    struct world *world = *state;
    begin_at(world, 2500);
    while (step(world) == KEDGE_DOWNLOAD_ASK)
        answer(world, (struct kedge_download_answer){.code = 0x84});
    assert_int_equal(world->download.transfer.failure, KEDGE_E_URI);
    assert_int_equal(world->sink.restarts, 1);
}

static int make(void **state)
{
    static struct world world;
    begin(&world);
    *state = &world;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_blocks_arrive_in_order),
        TEST(a_server_with_smaller_blocks_is_followed),
        TEST(a_body_without_block2_is_whole),
        TEST(a_duplicate_and_a_late_answer_change_nothing),
        TEST(lost_requests_are_repeated_until_patience_ends),
        TEST(a_server_that_stays_silent_is_given_up),
        TEST(progress_renews_the_patience),
        TEST(another_etag_begins_anew),
        TEST(an_etag_that_never_settles_ends_it),
        TEST(a_missing_file_ends_it_at_once),
        TEST(a_busy_server_is_asked_again),
        TEST(a_busy_server_that_says_when_is_not_asked_before),
        TEST(a_server_that_is_busy_for_longer_than_the_patience_ends_it),
        TEST(max_age_of_another_refusal_is_no_time_to_wait),
        TEST(blocks_that_are_not_what_was_asked_for_never_reach_the_sink),
        TEST(what_the_sink_refuses_ends_it_with_its_reason),
        TEST(it_goes_on_at_any_point_whatever_the_blocks_are),
        TEST(a_body_that_ends_before_the_point_adds_nothing),
        TEST(a_point_of_another_representation_begins_anew),
        TEST(a_point_that_a_block_has_borne_out_is_not_given_up),
        TEST(a_point_that_no_block_has_begins_anew),
        TEST(a_file_that_is_gone_ends_it_also_at_a_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
