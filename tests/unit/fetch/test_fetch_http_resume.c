/* test_fetch_http_resume.c: where a download by HTTP goes on after a loss, and where it begins
 * anew. */
#include "tests/unit/fetch/http_download_world.h"

static void a_loss_is_gone_on_from_by_the_tag(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    assert_true(
        kedge_slice_equal(kedge_etag_slice(&world->download.transfer.etag), kedge_slice_text(TAG)));
    the_rest_comes(world);
    assert_complete(world);
    assert_int_equal(world->sink.restarts, 0);
    assert_int_equal(world->budget.spent, BODY_SIZE);
}

static void a_start_with_a_point_asks_for_the_rest_only(void **state)
{
    struct world *world = *state;
    struct kedge_download_point from = {.offset = 30000};
    kedge_etag_set(&from.etag, kedge_slice_text(TAG));
    begin(world, URI, &from);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->download.transfer.offset, 30000);
    the_rest_comes(world);
    assert_complete(world);
    assert_int_equal(world->sink.restarts, 0);
    assert_int_equal(world->budget.spent, BODY_SIZE - 30000);
}

static void a_start_with_a_point_of_no_use_begins_anew(void **state)
{
    struct world *world = *state;
    struct kedge_download_point from = {.offset = 30000};
    kedge_etag_set(&from.etag, kedge_slice_text("W/" TAG));
    begin(world, URI, &from);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->sink.restarts, 1);
    assert_int_equal(world->download.transfer.offset, 0);
    the_rest_comes(world);
    assert_complete(world);
}

static void a_server_without_a_strong_tag_sends_it_anew(void **state)
{
    struct world *world = *state;
    struct kedge_http_answer answer = whole();
    answer.etag = kedge_slice_text("W/" TAG);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, answer));
    assert_true(body(world, 0, 20000));
    lost(world);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->sink.restarts, 1);
    assert_int_equal(world->download.transfer.offset, 0);
    the_rest_comes(world);
    assert_complete(world);
}

static void a_server_without_ranges_begins_anew_with_the_same_answer(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    assert_true(head(world, whole()));
    assert_int_equal(world->sink.restarts, 1);
    assert_true(body(world, 0, BODY_SIZE));
    ended(world);
    assert_complete(world);
    assert_int_equal(world->budget.spent, BODY_SIZE + 20000);
}

static void a_server_without_ranges_on_a_bad_line_is_given_up(void **state)
{
    struct world *world = *state;
    while (step(world) == KEDGE_DOWNLOAD_ASK)
        if (head(world, whole())) {
            assert_true(body(world, 0, 20000));
            lost(world);
        }
    assert_failed(world, KEDGE_E_CONNECTION, "from the beginning each time");
    assert_int_equal(world->sink.restarts, KEDGE_TRANSFER_RESTARTS_MAX);
}

static void a_part_that_ends_early_is_followed_by_the_next(void **state)
{
    struct world *world = *state;
    lose_after(world, 10000);
    assert_true(head(world, part(world, 10000, 29999)));
    assert_true(body(world, 10000, 30000));
    ended(world);
    uint64_t before_ms = world->now_ms;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->now_ms, before_ms);
    assert_int_equal(world->download.transfer.offset, 30000);
    the_rest_comes(world);
    assert_complete(world);
}

static void parts_of_a_few_bytes_each_are_not_asked_for_without_a_pause(void **state)
{
    struct world *world = *state;
    lose_after(world, 10000);
    unsigned asked = 0;
    do {
        size_t at = (size_t)world->download.transfer.offset;
        assert_true(head(world, part(world, at, at)));
        assert_true(body(world, at, at + 1));
        ended(world);
        asked++;
    } while (step(world) == KEDGE_DOWNLOAD_ASK);
    assert_failed(world, KEDGE_E_CONNECTION, "less than it says");
    assert_in_range(asked, 4, 12);
}

static void another_tag_begins_anew(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    struct kedge_http_answer other = part(world, 20000, BODY_SIZE - 1);
    other.etag = kedge_slice_text("\"two\"");
    assert_false(head(world, other));
    assert_int_equal(world->sink.restarts, 1);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->download.transfer.offset, 0);
    the_rest_comes(world);
    assert_complete(world);
}

static void another_total_begins_anew(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    struct kedge_http_answer other = part(world, 20000, BODY_SIZE - 1);
    other.content_range = kedge_slice_text("bytes 20000-49999/50001");
    assert_false(head(world, other));
    assert_int_equal(world->sink.restarts, 1);
}

static void a_whole_of_another_tag_is_taken_at_once(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    struct kedge_http_answer other = whole();
    other.etag = kedge_slice_text("\"two\"");
    assert_true(head(world, other));
    assert_int_equal(world->sink.restarts, 1);
    assert_true(body(world, 0, 30000));
    lost(world);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(kedge_slice_equal(kedge_etag_slice(&world->download.transfer.etag),
                                  kedge_slice_text("\"two\"")));
}

static void a_tag_that_never_settles_ends_it(void **state)
{
    struct world *world = *state;
    char etag[] = "\"a\"";
    while (step(world) == KEDGE_DOWNLOAD_ASK) {
        struct kedge_http_answer answer = whole();
        etag[1]++;
        answer.etag = kedge_slice_text(etag);
        if (head(world, answer)) {
            assert_true(body(world, 0, 20000));
            lost(world);
        }
    }
    assert_failed(world, KEDGE_E_CONNECTION, "keeps changing");
    assert_int_equal(world->sink.restarts, KEDGE_TRANSFER_RESTARTS_MAX);
}

static void a_part_that_was_not_asked_for_never_reaches_the_sink(void **state)
{
    struct world *world = *state;
    const char *wrong[] = {"bytes 19999-49999/50000", "bytes 20001-49999/50000",
                           "bytes 0-49999/50000",     "bytes 20000-49998/50000",
                           "bytes */50000",           "items 20000-49999/50000",
                           "bytes 20000-49999/49999", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin(world, URI, NULL);
        lose_after(world, 20000);
        struct kedge_http_answer answer = part(world, 20000, BODY_SIZE - 1);
        answer.content_range = kedge_slice_text(wrong[i]);
        if (head(world, answer))
            fail_msg("%s", wrong[i]);
        assert_int_equal(world->sink.restarts, 1);
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        the_rest_comes(world);
        assert_complete(world);
    }
}

static void a_part_where_the_whole_was_asked_for_is_not_taken(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(head(world, part(world, 0, BODY_SIZE - 1)));
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    the_rest_comes(world);
    assert_complete(world);
}

static void a_failed_precondition_begins_anew(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    assert_false(head(world, (struct kedge_http_answer){.status = 412}));
    assert_int_equal(world->sink.restarts, 1);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    the_rest_comes(world);
    assert_complete(world);
}

static void a_range_that_is_not_there_begins_anew(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    assert_false(head(world, (struct kedge_http_answer){
                                 .status = 416, .content_range = kedge_slice_text("bytes */100")}));
    assert_int_equal(world->sink.restarts, 1);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    the_rest_comes(world);
    assert_complete(world);
}

static void a_range_behind_the_last_byte_says_that_all_is_there(void **state)
{
    struct world *world = *state;
    struct kedge_download_point from = {.offset = BODY_SIZE};
    kedge_etag_set(&from.etag, kedge_slice_text(TAG));
    begin(world, URI, &from);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(
        head(world, (struct kedge_http_answer){
                        .status = 416, .content_range = kedge_slice_text("bytes */50000")}));
    assert_complete(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_loss_is_gone_on_from_by_the_tag),
        TEST(a_start_with_a_point_asks_for_the_rest_only),
        TEST(a_start_with_a_point_of_no_use_begins_anew),
        TEST(a_server_without_a_strong_tag_sends_it_anew),
        TEST(a_server_without_ranges_begins_anew_with_the_same_answer),
        TEST(a_server_without_ranges_on_a_bad_line_is_given_up),
        TEST(a_part_that_ends_early_is_followed_by_the_next),
        TEST(parts_of_a_few_bytes_each_are_not_asked_for_without_a_pause),
        TEST(another_tag_begins_anew),
        TEST(another_total_begins_anew),
        TEST(a_whole_of_another_tag_is_taken_at_once),
        TEST(a_tag_that_never_settles_ends_it),
        TEST(a_part_that_was_not_asked_for_never_reaches_the_sink),
        TEST(a_part_where_the_whole_was_asked_for_is_not_taken),
        TEST(a_failed_precondition_begins_anew),
        TEST(a_range_that_is_not_there_begins_anew),
        TEST(a_range_behind_the_last_byte_says_that_all_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
