/* Streams of server-sent events: what they tell, how they go on, and how they end. */
#define _POSIX_C_SOURCE 200809L
#include "rig.h"

#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <kedge/crypto.h>

#include "updater/api/changes.h"
#include "updater/api/events.h"

#define WAIT_MS 60000
#define STREAM_MAX (16u << 20)

/* ---- a stream ---- */

struct stream {
    int file;
    char *text; /* all that came, with the header */
    size_t size, seen;
    bool over;
};

static struct stream stream_open_by(struct rig *rig, const char *version, const char *query,
                                    const char *header)
{
    struct stream stream = {.file = rig_connect(rig), .text = calloc(1, STREAM_MAX)};
    char request[512];
    assert_non_null(stream.text);
    bool by_cookie = strstr(header, "Cookie:") != NULL;
    const char *proof = by_cookie ? "" : "Authorization: Bearer " RIG_TOKEN "\r\n";
    int size =
        snprintf(request, sizeof(request), "GET /api/v1/events%s HTTP/%s\r\nHost: x\r\n%s%s\r\n",
                 query, version, proof, header);
    assert_int_equal(send(stream.file, request, (size_t)size, MSG_NOSIGNAL), size);
    return stream;
}

/* By HTTP/1.0, so that no sizes of chunks stand in the text. */
static struct stream stream_open(struct rig *rig, const char *query, const char *header)
{
    return stream_open_by(rig, "1.0", query, header);
}

static void stream_close(struct stream *stream)
{
    (void)close(stream->file);
    free(stream->text);
}

static void stream_read(struct stream *stream)
{
    struct pollfd ready = {.fd = stream->file, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
    assert_true(stream->size + 1 < STREAM_MAX);
    ssize_t some =
        recv(stream->file, &stream->text[stream->size], STREAM_MAX - 1 - stream->size, 0);
    stream->over = some <= 0;
    if (some > 0)
        stream->size += (size_t)some;
    stream->text[stream->size] = '\0';
}

/* Reads until `words` have come behind what was seen so far; what follows them. */
static const char *stream_until(struct stream *stream, const char *words)
{
    for (;;) {
        char *found = strstr(&stream->text[stream->seen], words);
        if (found != NULL) {
            stream->seen = (size_t)(found - stream->text) + strlen(words);
            return &stream->text[stream->seen];
        }
        if (stream->over)
            fail_msg("\"%s\" did not come, but: %s", words, &stream->text[stream->seen]);
        stream_read(stream);
    }
}

static void stream_ends(struct stream *stream)
{
    while (!stream->over)
        stream_read(stream);
}

/* The id of the event that ends with what was seen last. */
static void last_id(const struct stream *stream, char id[EVENTS_ID_SIZE])
{
    const char *at = &stream->text[stream->seen];
    while (at > stream->text && strncmp(at, "id: ", 4) != 0)
        at--;
    (void)snprintf(id, EVENTS_ID_SIZE, "%.*s", (int)strcspn(at + 4, "\n"), at + 4);
}

static bool holds(const struct stream *stream, const char *words)
{
    return strstr(stream->text, words) != NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup_followed, rig_teardown_followed)

static uint64_t unix_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int setup_without_heartbeats(void **state)
{
    int failed = rig_setup(state);
    struct rig *rig = rig_limited(state, (struct kedge_api_config){.heartbeat_ms = 3600000});
    kedge_store_follow(rig->store, kedge_api_committed, rig->api);
    return failed;
}

/* ---- the server ---- */

static void make_rollout(struct rig *rig, const char *name)
{
    char body[256], id[KEDGE_PACKAGE_ID_SIZE + 1];
    memset(id, 'b', KEDGE_PACKAGE_ID_SIZE);
    id[KEDGE_PACKAGE_ID_SIZE] = '\0';
    rig_put_package(rig, 'b');
    (void)snprintf(body, sizeof(body),
                   "{\"name\":\"%s\",\"package_id\":\"%s\",\"all_devices\":true}", name, id);
    struct reply reply = rig_call(rig, "POST", "/api/v1/rollouts", body, NULL);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
}

static void change(struct rig *rig, const char *endpoint)
{
    kedge_api_committed(
        rig->api, &(struct kedge_committed){.kind = KEDGE_COMMITTED_DEVICE, .endpoint = endpoint});
}

/* ---- what is told ---- */

static void a_change_comes_with_the_record_as_it_is(void **state)
{
    struct rig *rig = *state;
    struct stream stream = stream_open(rig, "", "");
    (void)stream_until(&stream, "event: ready\ndata: {}\n\n");
    assert_true(holds(&stream, "Content-Type: text/event-stream"));
    assert_true(holds(&stream, "Cache-Control: no-store"));
    assert_true(holds(&stream, "retry: 2000\n\n"));
    rig_put_device(rig, "boat \xc3\xa9\n7", "v", "c");
    const char *data = stream_until(&stream, "event: device\ndata: ");
    (void)stream_until(&stream, "}\n\n");
    json_t *told = json_loads(data, JSON_DISABLE_EOF_CHECK, NULL);
    struct reply shown = rig_get(rig, "/api/v1/devices?limit=1");
    assert_true(json_equal(told, json_array_get(json_object_get(shown.json, "devices"), 0)));
    json_decref(told);
    reply_free(&shown);
    stream_close(&stream);
}

static void rollouts_groups_and_deployments_are_told(void **state)
{
    struct rig *rig = *state;
    struct stream stream = stream_open(rig, "", "");
    (void)stream_until(&stream, "event: ready");
    make_rollout(rig, "spring");
    struct stream *all = &stream;
    for (; !holds(all, "event: rollout\ndata: {") || !holds(all, "event: group\ndata: {") ||
           !holds(all, "event: deployment\ndata: {");)
        stream_read(all);
    const char *data = strstr(all->text, "event: rollout\ndata: ");
    while (strstr(data, "\n\n") == NULL)
        stream_read(all);
    assert_non_null(strstr(data, "\"name\":\"spring\""));
    assert_non_null(strstr(data, "\"counts\":{\"pending\":1,"));
    stream_close(&stream);
}

static void only_what_was_asked_for_is_told(void **state)
{
    struct rig *rig = *state;
    struct stream groups = stream_open(rig, "?kinds=group,rollout&rollout=2", "");
    struct stream device = stream_open(rig, "?kinds=device&endpoint=boat-2", "");
    (void)stream_until(&groups, "event: ready");
    (void)stream_until(&device, "event: ready");
    make_rollout(rig, "first");
    make_rollout(rig, "second");
    rig_put_device(rig, "boat-1", "v", "c");
    rig_put_device(rig, "boat-2", "v", "c");
    (void)stream_until(&groups, "\"rollout_id\":2");
    (void)stream_until(&device, "\"endpoint\":\"boat-2\"");
    assert_false(holds(&groups, "\"rollout_id\":1"));
    assert_false(holds(&groups, "first"));
    assert_false(holds(&groups, "event: deployment"));
    assert_false(holds(&groups, "event: device"));
    assert_false(holds(&device, "boat-1"));
    assert_false(holds(&device, "event: group"));
    stream_close(&groups);
    stream_close(&device);
}

static void wishes_that_are_none_are_refused(void **state)
{
    static const char *const bad[] = {"?kinds=",
                                      "?kinds=device,",
                                      "?kinds=devices",
                                      "?rollout=0",
                                      "?rollout=-1",
                                      "?rollout=1e3",
                                      "?since=1",
                                      ("?kinds=device%2Cdevice%2Cdevice%2Cdevice%2Cdevice%2Cdevice"
                                       "%2Cdevice%2Cdevice%2Cdevice%2Cdevice%2Cdevice")};
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "/api/v1/events%s", bad[i]);
        struct reply reply = rig_get(rig, path);
        assert_int_equal(reply.status, 400);
        reply_free(&reply);
    }
}

static void a_silent_stream_has_heartbeats(void **state)
{
    struct rig *rig = *state;
    struct stream stream = stream_open(rig, "", "");
    (void)stream_until(&stream, "event: ready");
    for (int i = 0; i < 3; i++)
        (void)stream_until(&stream, "\n:\n\n");
    stream_close(&stream);
}

/* ---- going on ---- */

static void a_client_that_comes_again_gets_what_it_missed(void **state)
{
    struct rig *rig = *state;
    char id[EVENTS_ID_SIZE], header[96];
    struct stream first = stream_open(rig, "?kinds=device", "");
    (void)stream_until(&first, "event: ready");
    rig_put_device(rig, "before", "v", "c");
    (void)stream_until(&first, "\"endpoint\":\"before\"");
    last_id(&first, id);
    stream_close(&first);
    rig_put_device(rig, "missed-1", "v", "c");
    rig_put_device(rig, "missed-2", "old", "c");
    rig_put_device(rig, "missed-2", "new", "c"); /* of which only this is told */
    (void)snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", id);
    struct stream again = stream_open(rig, "?kinds=device", header);
    (void)stream_until(&again, "event: ready");
    (void)stream_until(&again, "\"endpoint\":\"missed-1\"");
    const char *only = stream_until(&again, "\"endpoint\":\"missed-2\"");
    rig_put_device(rig, "after", "v", "c");
    (void)stream_until(&again, "\"endpoint\":\"after\"");
    assert_null(strstr(only, "\"endpoint\":\"missed-2\""));
    assert_false(holds(&again, "\"endpoint\":\"before\""));
    assert_false(holds(&again, "event: reset"));
    stream_close(&again);
}

static void expect_reset(struct rig *rig, const char *id, const char *reason)
{
    char header[96], words[64];
    (void)snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", id);
    (void)snprintf(words, sizeof(words), "event: reset\ndata: {\"reason\":\"%s\"}\n\n", reason);
    struct stream stream = stream_open(rig, "", header);
    (void)stream_until(&stream, words);
    rig_put_device(rig, "afterwards", "v", "c"); /* it goes on from now */
    (void)stream_until(&stream, "\"endpoint\":\"afterwards\"");
    stream_close(&stream);
}

static void an_id_that_is_not_known_any_more_is_answered_by_a_reset(void **state)
{
    struct rig *rig = *state;
    char id[EVENTS_ID_SIZE], future[EVENTS_ID_SIZE + 8];
    struct stream stream = stream_open(rig, "", "");
    (void)stream_until(&stream, "event: ready");
    last_id(&stream, id);
    stream_close(&stream);
    (void)snprintf(future, sizeof(future), "%s00007", id);
    expect_reset(rig, "1-1", "restarted");
    expect_reset(rig, future, "unknown");
    expect_reset(rig, "words", "unknown");
    expect_reset(rig, "9999999999999999999999-1", "unknown");
    for (unsigned i = 0; i < CHANGES_KEPT; i++)
        change(rig, i % 2 == 0 ? "even" : "odd");
    expect_reset(rig, id, "too_old");
}

/* ---- ending ---- */

static void there_are_so_many_streams_by_one_token(void **state)
{
    struct rig *rig = *state;
    struct stream streams[EVENTS_PER_TOKEN_MAX];
    for (size_t i = 0; i < EVENTS_PER_TOKEN_MAX; i++) {
        streams[i] = stream_open(rig, "", "");
        (void)stream_until(&streams[i], "event: ready");
    }
    struct reply reply = rig_get(rig, "/api/v1/events");
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply_text(&reply, "code"), "busy");
    assert_non_null(strstr(reply.headers, "Retry-After: 1"));
    reply_free(&reply);
    stream_close(&streams[0]); /* which is noticed without anything to send */
    struct stream next;
    const uint64_t end_ms = unix_ms() + WAIT_MS;
    for (;;) {
        assert_true(unix_ms() < end_ms);
        next = stream_open(rig, "", "");
        while (!holds(&next, "event: ready") && !holds(&next, "503"))
            stream_read(&next);
        if (holds(&next, "event: ready"))
            break;
        stream_close(&next);
    }
    stream_close(&next);
    for (size_t i = 1; i < EVENTS_PER_TOKEN_MAX; i++)
        stream_close(&streams[i]);
}

#define BOATS 100u /* more than are looked through for an older change of the same */
#define PASSES 16u /* over all of them, before they must have been told */
#define ROUNDS 25u /* in which far more change than are kept */

static void who_reads_too_slowly_is_told_and_holds_nobody_up(void **state)
{
    struct rig *rig = *state;
    char endpoint[32];
    for (unsigned i = 0; i < BOATS; i++) {
        (void)snprintf(endpoint, sizeof(endpoint), "boat-%u", i);
        rig_put_device(rig, endpoint, "v", "c");
    }
    rig_put_device(rig, "last", "v", "c");
    struct stream slow = stream_open(rig, "", "");
    (void)stream_until(&slow, "event: ready");
    struct stream fast = stream_open(rig, "", "");
    (void)stream_until(&fast, "event: ready");
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < PASSES * BOATS; i++) {
            (void)snprintf(endpoint, sizeof(endpoint), "boat-%u", i % BOATS);
            change(rig, endpoint);
        }
        change(rig, "last");
        (void)stream_until(&fast, "\"endpoint\":\"last\"");
        fast.size = fast.seen = 0; /* its text has no end in sight */
        fast.text[0] = '\0';
    }
    (void)stream_until(&slow, "event: reset\ndata: {\"reason\":\"too_slow\"}\n\n");
    stream_ends(&slow);
    change(rig, "boat-1");
    (void)stream_until(&fast, "\"endpoint\":\"boat-1\"");
    stream_close(&slow);
    stream_close(&fast);
}

static void drop_token(struct kedge_batch *batch, void *context)
{
    (void)context;
    assert_int_equal(kedge_batch_delete_token(batch, RIG_WHO), KEDGE_OK);
}

static void a_stream_ends_with_its_token(void **state)
{
    struct rig *rig = *state;
    struct stream stream = stream_open(rig, "", "");
    (void)stream_until(&stream, "event: ready");
    rig_commit(rig, drop_token, NULL);
    (void)stream_until(&stream, "event: end\ndata: {\"reason\":\"token\"}\n\n");
    stream_ends(&stream);
    stream_close(&stream);
}

static void give_token_an_end(struct kedge_batch *batch, void *context)
{
    struct kedge_token_record token = {
        .name = RIG_WHO, .created_at_ms = 1, .role = KEDGE_ROLE_ADMIN, .expires_at_ms = 0};
    token.expires_at_ms = *(const uint64_t *)context;
    kedge_sha256(kedge_slice_text(RIG_TOKEN), token.hash);
    assert_int_equal(kedge_batch_delete_token(batch, RIG_WHO), KEDGE_OK);
    assert_int_equal(kedge_batch_put_token(batch, &token), KEDGE_OK);
}

/* Neither a heartbeat nor a change is what has it looked at. */
static void a_stream_ends_when_its_token_expires(void **state)
{
    struct rig *rig = *state;
    uint64_t end_ms = unix_ms() + 10000; /* the stream begins before it */
    rig_commit(rig, give_token_an_end, &end_ms);
    struct stream stream = stream_open(rig, "", "");
    (void)stream_until(&stream, "event: ready");
    (void)stream_until(&stream, "event: end\ndata: {\"reason\":\"token\"}\n\n");
    assert_true(unix_ms() >= end_ms);
    stream_ends(&stream);
    stream_close(&stream);
}

/* The line of a header that has the cookie of a browser which has logged in. */
static void log_in(struct rig *rig, const char *origin, char line[128])
{
    static const char cookie[] = "Set-Cookie: ";
    const char *const headers[] = {origin, NULL};
    struct reply reply =
        rig_call(rig, "POST", "/api/v1/session", "{\"token\":\"" RIG_TOKEN "\"}", headers);
    assert_int_equal(reply.status, 201);
    const char *at = strstr(reply.headers, cookie);
    assert_non_null(at);
    at += strlen(cookie);
    (void)snprintf(line, 128, "Cookie: %.*s", (int)strcspn(at, ";"), at);
    reply_free(&reply);
}

static void a_stream_ends_when_its_browser_logs_out(void **state)
{
    struct rig *rig = *state;
    char origin[96], cookies[2][128], header[300];
    struct stream streams[2];
    (void)snprintf(origin, sizeof(origin), "Origin: %s", rig->url);
    for (size_t i = 0; i < 2; i++) {
        log_in(rig, origin, cookies[i]);
        (void)snprintf(header, sizeof(header), "%s\r\n", cookies[i]);
        streams[i] = stream_open(rig, "", header);
        (void)stream_until(&streams[i], "event: ready");
    }
    const char *const headers[] = {origin, cookies[0], "Authorization:", NULL};
    struct reply reply = rig_call(rig, "DELETE", "/api/v1/session", NULL, headers);
    assert_int_equal(reply.status, 204);
    reply_free(&reply);
    (void)stream_until(&streams[0], "event: end\ndata: {\"reason\":\"session\"}\n\n");
    stream_ends(&streams[0]);
    (void)stream_until(&streams[1], ":\n\n"); /* looked at as well, and left alone */
    assert_false(holds(&streams[1], "event: end"));
    stream_close(&streams[0]);
    stream_close(&streams[1]);
}

static void streams_end_cleanly_with_the_server(void **state)
{
    struct rig *rig = *state;
    struct stream idle = stream_open_by(rig, "1.1", "", "");
    struct stream busy = stream_open(rig, "?kinds=device", "");
    (void)stream_until(&idle, "event: ready");
    (void)stream_until(&busy, "event: ready");
    rig_put_device(rig, "boat", "v", "c");
    kedge_store_follow(rig->store, NULL, NULL);
    kedge_api_stop(rig->api);
    rig->api = NULL;
    (void)stream_until(&idle, "event: end\ndata: {\"reason\":\"ending\"}\n\n");
    (void)stream_until(&busy, "event: end\ndata: {\"reason\":\"ending\"}\n\n");
    (void)stream_until(&idle, "\r\n0\r\n\r\n"); /* the last chunk: nothing was cut off */
    stream_ends(&busy);
    stream_close(&idle);
    stream_close(&busy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_comes_with_the_record_as_it_is),
        TEST(rollouts_groups_and_deployments_are_told),
        TEST(only_what_was_asked_for_is_told),
        TEST(wishes_that_are_none_are_refused),
        TEST(a_silent_stream_has_heartbeats),
        TEST(a_client_that_comes_again_gets_what_it_missed),
        TEST(an_id_that_is_not_known_any_more_is_answered_by_a_reset),
        cmocka_unit_test_setup_teardown(there_are_so_many_streams_by_one_token,
                                        setup_without_heartbeats, rig_teardown_followed),
        TEST(who_reads_too_slowly_is_told_and_holds_nobody_up),
        TEST(a_stream_ends_with_its_token),
        cmocka_unit_test_setup_teardown(a_stream_ends_when_its_token_expires,
                                        setup_without_heartbeats, rig_teardown_followed),
        cmocka_unit_test_setup_teardown(a_stream_ends_when_its_browser_logs_out,
                                        setup_without_heartbeats, rig_teardown_followed),
        TEST(streams_end_cleanly_with_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
