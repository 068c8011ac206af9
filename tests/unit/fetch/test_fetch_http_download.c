/* test_fetch_http_download.c: a download by HTTP as it should be, and the ends that time, size and
 * money put to it. */
#include "tests/unit/fetch/http_download_world.h"

/* ---- as it should be ---- */

static void one_request_brings_all_of_it(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_string_equal(world->download.target, URI);
    assert_int_equal(world->download.transfer.offset, 0);
    the_rest_comes(world);
    assert_complete(world);
    assert_int_equal(world->download.transfer.total, BODY_SIZE);
    assert_int_equal(world->budget.spent, BODY_SIZE);
}

static void a_length_that_is_not_told_ends_with_the_body(void **state)
{
    struct world *world = *state;
    struct kedge_http_answer answer = whole();
    answer.has_length = false;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, answer));
    assert_true(body(world, 0, BODY_SIZE));
    ended(world);
    assert_complete(world);
}

/* ---- time, size, money ---- */

static void a_server_that_stays_silent_is_given_up(void **state)
{
    struct world *world = *state;
    unsigned asked = 0;
    while (step(world) == KEDGE_DOWNLOAD_ASK)
        asked++;
    assert_failed(world, KEDGE_E_CONNECTION, "at byte 0: no answer in time");
    assert_int_equal(world->now_ms, PATIENCE_MS);
    assert_int_equal(asked, 2);
}

static void a_stall_is_gone_on_from_and_progress_renews_the_patience(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, whole()));
    assert_true(body(world, 0, 10000));
    for (size_t at = 10000; at < BODY_SIZE; at += 10000) {
        uint64_t before_ms = world->now_ms;
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK); /* by itself: nothing more came */
        assert_in_range(world->now_ms - before_ms, KEDGE_PATIENCE_ANSWER_MS, PATIENCE_MS - 1);
        assert_true(head(world, part(world, at, BODY_SIZE - 1)));
        assert_true(body(world, at, at + 10000));
    }
    ended(world);
    assert_complete(world);
    assert_true(world->now_ms > PATIENCE_MS);
}

static void a_drip_is_no_progress(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, whole()));
    for (size_t at = 0; at < 100; at++) {
        uint64_t wait_ms;
        (void)kedge_http_download_next(&world->download, world->now_ms, &wait_ms);
        if (!body(world, at, at + 1) || world->download.transfer.failure != KEDGE_OK)
            break;
        world->now_ms += 10000;
    }
    assert_failed(world, KEDGE_E_CONNECTION, "no new block for 60 s");
    assert_in_range(world->now_ms, PATIENCE_MS, PATIENCE_MS + 10000);
}

static void more_than_was_said_never_reaches_the_sink(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    struct kedge_http_answer answer = part(world, 20000, 29999);
    answer.has_length = false;
    assert_true(head(world, answer));
    assert_true(body(world, 20000, 30000));
    assert_false(body(world, 30000, 30001));
    assert_int_equal(world->sink.restarts, 1);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    the_rest_comes(world);
    assert_complete(world);
}

static void what_cannot_fit_is_refused_before_its_first_byte(void **state)
{
    struct world *world = *state;
    world->budget.most = BODY_SIZE - 1;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(head(world, whole()));
    assert_failed(world, KEDGE_E_SPACE, "50000 bytes are more than a package for this slot");
    assert_int_equal(world->budget.spent, 0);
}

static void the_budget_ends_it_whatever_the_bytes_were_good_for(void **state)
{
    struct world *world = *state;
    world->budget.limit = 60000;
    lose_after(world, 20000);
    assert_true(head(world, whole()));
    assert_false(body(world, 0, BODY_SIZE));
    assert_failed(world, KEDGE_E_BUDGET, "more than its budget of 60000");
    assert_int_equal(world->sink.got_size, 40000);
}

static void what_the_sink_refuses_ends_it_with_its_reason(void **state)
{
    struct world *world = *state;
    world->sink.push_rc = KEDGE_E_SIGNATURE;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, whole()));
    assert_false(body(world, 0, 1000));
    assert_failed(world, KEDGE_E_SIGNATURE, kedge_rc_text(KEDGE_E_SIGNATURE));
}

static void what_comes_after_the_end_changes_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    the_rest_comes(world);
    assert_false(head(world, whole()));
    assert_false(body(world, 0, 1000));
    ended(world);
    lost(world);
    assert_complete(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_request_brings_all_of_it),
        TEST(a_length_that_is_not_told_ends_with_the_body),
        TEST(a_server_that_stays_silent_is_given_up),
        TEST(a_stall_is_gone_on_from_and_progress_renews_the_patience),
        TEST(a_drip_is_no_progress),
        TEST(more_than_was_said_never_reaches_the_sink),
        TEST(what_cannot_fit_is_refused_before_its_first_byte),
        TEST(the_budget_ends_it_whatever_the_bytes_were_good_for),
        TEST(what_the_sink_refuses_ends_it_with_its_reason),
        TEST(what_comes_after_the_end_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
