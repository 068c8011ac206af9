/* test_fetch_http_answers.c: a server that cannot, will not, or is elsewhere. */
#include "tests/unit/fetch/http_download_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_there_ends_it_at_once),
        TEST(a_busy_server_is_asked_again_after_a_pause),
        TEST(a_server_that_stays_busy_is_given_up_and_named),
        TEST(retry_after_is_waited_for_within_the_patience),
        TEST(a_redirect_is_followed_at_once_and_each_attempt_begins_at_the_uri),
        TEST(redirects_without_end_are_given_up),
        TEST(redirects_out_of_https_or_out_of_http_are_not_followed),
        TEST(an_encoding_that_was_not_asked_for_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
