/* test_fetch_http_download.c: a download by HTTP against a simulated server and clock, with each of
 * its faults. */
#include "agent/fetch/http_download.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define BODY_SIZE 50000u
#define PATIENCE_MS 60000u
#define URI "http://host.example/fw/1"
#define TAG "\"one\""

struct world {
    struct kedge_http_download download;
    struct kedge_budget budget;
    uint8_t body[BODY_SIZE], got[BODY_SIZE * 2];
    size_t got_size;
    unsigned restarts;
    enum kedge_rc push_rc;
    uint64_t now_ms;
    char range[64];
};

static enum kedge_rc push(void *context, struct kedge_slice bytes)
{
    struct world *world = context;
    if (world->push_rc != KEDGE_OK)
        return world->push_rc;
    assert_true(world->got_size + bytes.size <= sizeof world->got);
    memcpy(world->got + world->got_size, bytes.data, bytes.size);
    world->got_size += bytes.size;
    return KEDGE_OK;
}

static enum kedge_rc again(void *context)
{
    struct world *world = context;
    world->restarts++;
    world->got_size = 0;
    return KEDGE_OK;
}

static void begin(struct world *world, const char *uri, const struct kedge_download_point *from)
{
    memset(world, 0, sizeof *world);
    for (size_t i = 0; i < BODY_SIZE; i++)
        world->body[i] = (uint8_t)(i * 31 + i / 256);
    if (from != NULL) {
        world->got_size = (size_t)from->offset;
        memcpy(world->got, world->body, (size_t)from->offset);
    }
    const struct kedge_download_sink sink = {
        .context = world, .push = push, .restart = again, .budget = &world->budget};
    assert_int_equal(kedge_http_download_begin(&world->download, uri, &sink, from, PATIENCE_MS, 0),
                     KEDGE_OK);
}

/* Lets the time pass until something is to be asked for, or it is over. */
static enum kedge_download_step step(struct world *world)
{
    for (;;) {
        uint64_t wait_ms;
        enum kedge_download_step next =
            kedge_http_download_next(&world->download, world->now_ms, &wait_ms);
        if (next != KEDGE_DOWNLOAD_WAIT) {
            if (next == KEDGE_DOWNLOAD_ASK)
                kedge_http_download_asked(&world->download, world->now_ms);
            return next;
        }
        assert_true(wait_ms > 0);
        world->now_ms += wait_ms;
    }
}

static bool head(struct world *world, struct kedge_http_answer answer)
{
    return kedge_http_download_head(&world->download, &answer, world->now_ms);
}

static struct kedge_http_answer whole(void)
{
    return (struct kedge_http_answer){
        .status = 200, .etag = kedge_slice_text(TAG), .has_length = true, .length = BODY_SIZE};
}

static struct kedge_http_answer part(struct world *world, size_t first, size_t last)
{
    snprintf(world->range, sizeof world->range, "bytes %zu-%zu/%u", first, last, BODY_SIZE);
    return (struct kedge_http_answer){.status = 206,
                                      .etag = kedge_slice_text(TAG),
                                      .content_range = kedge_slice_text(world->range),
                                      .has_length = true,
                                      .length = last - first + 1};
}

/* The bytes from `first`, in pieces of 1,000; false when one was not wanted. */
static bool body(struct world *world, size_t first, size_t end)
{
    for (size_t at = first; at < end; at += 1000) {
        size_t size = end - at < 1000 ? end - at : 1000;
        if (!kedge_http_download_body(&world->download, kedge_slice(world->body + at, size),
                                      world->now_ms))
            return false;
    }
    return true;
}

static void ended(struct world *world)
{
    kedge_http_download_ended(&world->download, world->now_ms);
}

static void lost(struct world *world)
{
    kedge_http_download_lost(&world->download, "the line is cut", world->now_ms);
}

/* The first request yields this many bytes, and then the connection is gone. */
static void lose_after(struct world *world, size_t size)
{
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, whole()));
    assert_true(body(world, 0, size));
    lost(world);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->download.transfer.offset, size);
}

static void the_rest_comes(struct world *world)
{
    size_t from = (size_t)world->download.transfer.offset;
    assert_true(head(world, from > 0 ? part(world, from, BODY_SIZE - 1) : whole()));
    assert_true(body(world, from, BODY_SIZE));
    ended(world);
}

static void assert_complete(struct world *world)
{
    assert_int_equal(step(world), KEDGE_DOWNLOAD_DONE);
    assert_int_equal(world->got_size, BODY_SIZE);
    assert_memory_equal(world->got, world->body, BODY_SIZE);
}

static void assert_failed(struct world *world, enum kedge_rc rc, const char *words)
{
    assert_int_equal(step(world), KEDGE_DOWNLOAD_FAILED);
    assert_int_equal(world->download.transfer.failure, rc);
    if (strstr(world->download.transfer.words, words) == NULL)
        fail_msg("%s", world->download.transfer.words);
}

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

/* ---- going on ---- */

static void a_loss_is_gone_on_from_by_the_tag(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    assert_true(
        kedge_slice_equal(kedge_etag_slice(&world->download.transfer.etag), kedge_slice_text(TAG)));
    the_rest_comes(world);
    assert_complete(world);
    assert_int_equal(world->restarts, 0);
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
    assert_int_equal(world->restarts, 0);
    assert_int_equal(world->budget.spent, BODY_SIZE - 30000);
}

static void a_start_with_a_point_of_no_use_begins_anew(void **state)
{
    struct world *world = *state;
    struct kedge_download_point from = {.offset = 30000};
    kedge_etag_set(&from.etag, kedge_slice_text("W/" TAG));
    begin(world, URI, &from);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->restarts, 1);
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
    assert_int_equal(world->restarts, 1);
    assert_int_equal(world->download.transfer.offset, 0);
    the_rest_comes(world);
    assert_complete(world);
}

static void a_server_without_ranges_begins_anew_with_the_same_answer(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    assert_true(head(world, whole()));
    assert_int_equal(world->restarts, 1);
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
    assert_int_equal(world->restarts, KEDGE_TRANSFER_RESTARTS_MAX);
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
    assert_int_equal(world->restarts, 1);
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
    assert_int_equal(world->restarts, 1);
}

static void a_whole_of_another_tag_is_taken_at_once(void **state)
{
    struct world *world = *state;
    lose_after(world, 20000);
    struct kedge_http_answer other = whole();
    other.etag = kedge_slice_text("\"two\"");
    assert_true(head(world, other));
    assert_int_equal(world->restarts, 1);
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
    assert_int_equal(world->restarts, KEDGE_TRANSFER_RESTARTS_MAX);
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
        assert_int_equal(world->restarts, 1);
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
    assert_int_equal(world->restarts, 1);
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
    assert_int_equal(world->restarts, 1);
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

/* ---- a server that cannot, will not, or is elsewhere ---- */

static void what_is_not_there_ends_it_at_once(void **state)
{
    struct world *world = *state;
    const unsigned final[] = {100, 204, 304, 305, 400, 401, 403, 404, 410, 412, 416, 0};
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        char words[40];
        begin(world, URI, NULL);
        snprintf(words, sizeof words, "the server answered %u", final[i]);
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        assert_false(head(world, (struct kedge_http_answer){.status = final[i]}));
        assert_failed(world, KEDGE_E_URI, words);
    }
}

static void a_busy_server_is_asked_again_after_a_pause(void **state)
{
    struct world *world = *state;
    const unsigned passing[] = {408, 425, 429, 500, 502, 503, 504};
    uint64_t pause_ms = KEDGE_PATIENCE_PAUSE_FIRST_MS;
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        uint64_t before_ms = world->now_ms;
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        if (i > 0)
            assert_int_equal(world->now_ms - before_ms, pause_ms);
        if (i > 0 && (pause_ms *= 2) > KEDGE_PATIENCE_PAUSE_MAX_MS)
            pause_ms = KEDGE_PATIENCE_PAUSE_MAX_MS;
        assert_false(head(world, (struct kedge_http_answer){.status = passing[i]}));
    }
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    the_rest_comes(world);
    assert_complete(world);
}

static void a_server_that_stays_busy_is_given_up_and_named(void **state)
{
    struct world *world = *state;
    while (step(world) == KEDGE_DOWNLOAD_ASK)
        assert_false(head(world, (struct kedge_http_answer){.status = 503}));
    assert_failed(world, KEDGE_E_CONNECTION, "at byte 0: the server answered 503");
    assert_int_equal(world->now_ms, PATIENCE_MS);
}

static void retry_after_is_waited_for_within_the_patience(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(head(world, (struct kedge_http_answer){.status = 503, .retry_after_s = 40}));
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->now_ms, 40000);
    assert_false(head(world, (struct kedge_http_answer){.status = 503, .retry_after_s = 21}));
    assert_failed(world, KEDGE_E_CONNECTION, "not to be asked for 21 s");
    assert_int_equal(world->now_ms, 40000);
    begin(world, URI, NULL);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(
        head(world, (struct kedge_http_answer){.status = 503, .retry_after_s = UINT64_MAX}));
    assert_failed(world, KEDGE_E_CONNECTION, "503");
}

static bool redirect(struct world *world, const char *to)
{
    return head(world, (struct kedge_http_answer){.status = 302, .location = kedge_slice_text(to)});
}

static void a_redirect_is_followed_at_once_and_each_attempt_begins_at_the_uri(void **state)
{
    struct world *world = *state;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(redirect(world, "https://cdn.example/a?signed=1"));
    uint64_t before_ms = world->now_ms;
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->now_ms, before_ms);
    assert_string_equal(world->download.target, "https://cdn.example/a?signed=1");
    assert_true(head(world, whole()));
    assert_true(body(world, 0, 20000));
    lost(world);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_string_equal(world->download.target, URI);
    assert_false(redirect(world, "http://cdn.example/b"));
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_int_equal(world->download.transfer.offset, 20000);
    the_rest_comes(world);
    assert_complete(world);
}

static void redirects_without_end_are_given_up(void **state)
{
    struct world *world = *state;
    unsigned asked = 0;
    while (step(world) == KEDGE_DOWNLOAD_ASK) {
        assert_false(redirect(world, "http://host.example/loop"));
        asked++;
    }
    assert_failed(world, KEDGE_E_URI, "again and again");
    assert_int_equal(asked, KEDGE_HTTP_REDIRECTS_MAX + 1);
}

static void redirects_out_of_https_or_out_of_http_are_not_followed(void **state)
{
    struct world *world = *state;
    const struct {
        const char *from, *to, *words;
        enum kedge_rc rc;
    } bad[] = {
        {"https://h/x", "http://h/x", "from https to http", KEDGE_E_PROTOCOL},
        {"https://h/x", "file:///etc/passwd", "another protocol", KEDGE_E_PROTOCOL},
        {URI, "file:///etc/passwd", "another protocol", KEDGE_E_PROTOCOL},
        {URI, "ftp://h/x", "another protocol", KEDGE_E_PROTOCOL},
        {URI, "coap://h/x", "another protocol", KEDGE_E_PROTOCOL},
        {URI, "http://user:word@h/x", "not valid", KEDGE_E_URI},
        {URI, "http://", "not valid", KEDGE_E_URI},
        {URI, "/a b", "not valid", KEDGE_E_URI},
        {URI, "", "answered 302", KEDGE_E_URI},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin(world, bad[i].from, NULL);
        assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
        assert_false(redirect(world, bad[i].to));
        assert_failed(world, bad[i].rc, bad[i].words);
    }
    begin(world, URI, NULL);
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(redirect(world, "https://h/x"));
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(redirect(world, "http://h/x"));
    assert_failed(world, KEDGE_E_PROTOCOL, "from https to http");
}

static void an_encoding_that_was_not_asked_for_is_refused(void **state)
{
    struct world *world = *state;
    struct kedge_http_answer answer = whole();
    answer.content_encoding = kedge_slice_text("Identity");
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_true(head(world, answer));
    begin(world, URI, NULL);
    answer.content_encoding = kedge_slice_text("gzip");
    assert_int_equal(step(world), KEDGE_DOWNLOAD_ASK);
    assert_false(head(world, answer));
    assert_failed(world, KEDGE_E_UNSUPPORTED, "encoded");
    begin(world, URI, NULL);
    lose_after(world, 20000);
    answer = part(world, 20000, BODY_SIZE - 1);
    answer.content_encoding = kedge_slice_text("br");
    assert_false(head(world, answer));
    assert_failed(world, KEDGE_E_UNSUPPORTED, "encoded");
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
    assert_int_equal(world->restarts, 1);
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
    assert_int_equal(world->got_size, 40000);
}

static void what_the_sink_refuses_ends_it_with_its_reason(void **state)
{
    struct world *world = *state;
    world->push_rc = KEDGE_E_SIGNATURE;
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

static int make(void **state)
{
    static struct world world;
    begin(&world, URI, NULL);
    *state = &world;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_request_brings_all_of_it),
        TEST(a_length_that_is_not_told_ends_with_the_body),
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
        TEST(what_is_not_there_ends_it_at_once),
        TEST(a_busy_server_is_asked_again_after_a_pause),
        TEST(a_server_that_stays_busy_is_given_up_and_named),
        TEST(retry_after_is_waited_for_within_the_patience),
        TEST(a_redirect_is_followed_at_once_and_each_attempt_begins_at_the_uri),
        TEST(redirects_without_end_are_given_up),
        TEST(redirects_out_of_https_or_out_of_http_are_not_followed),
        TEST(an_encoding_that_was_not_asked_for_is_refused),
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
