/* test_api_downloads.c: what devices download by HTTP, as they and the caches between ask for it.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <kedge/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

#include <cmocka.h>

#define SIZE 3000u

static uint8_t bytes[SIZE];
static char digest[2 * KEDGE_SHA256_SIZE + 1], path[80], tag[80];

static void write_file(const struct rig *rig, const char *name, const void *content, size_t size)
{
    char file_name[256];
    (void)snprintf(file_name, sizeof(file_name), "%s/%s", rig->folder, name);
    FILE *file = fopen(file_name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    uint8_t hash[KEDGE_SHA256_SIZE];
    char name[128];
    if (rig_setup(state) != 0)
        return -1;
    const struct rig *rig = *state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)('a' + i % 23);
    kedge_sha256(kedge_slice(bytes, SIZE), hash);
    kedge_hex_encode(kedge_slice(hash, sizeof(hash)), digest);
    (void)snprintf(path, sizeof(path), "/fw/%s", digest);
    (void)snprintf(tag, sizeof(tag), "\"%s\"", digest);
    (void)snprintf(name, sizeof(name), RIG_DOWNLOADS "/%s", digest);
    write_file(rig, name, bytes, SIZE);
    return 0;
}

static struct reply ask(struct rig *rig, const char *method, const char *format, const char *value)
{
    char line[256];
    const char *headers[] = {"Authorization:", line, NULL};
    (void)snprintf(line, sizeof(line), format, value);
    return rig_call(rig, method, path, NULL, headers);
}

static void expect_header(const struct reply *reply, const char *line)
{
    if (strstr(reply->headers, line) == NULL)
        print_error("no %s in:\n%s", line, reply->headers);
    assert_non_null(strstr(reply->headers, line));
}

/* What every answer of 200, 206 and 304 says (RFC 9110 sections 15.3.7 and 15.4.5). */
static void expect_validators(const struct reply *reply)
{
    char line[128];
    (void)snprintf(line, sizeof(line), "ETag: %s\r\n", tag);
    expect_header(reply, line);
    expect_header(reply, "Cache-Control: public, max-age=31536000, immutable\r\n");
    expect_header(reply, "Accept-Ranges: bytes\r\n");
    expect_header(reply, "Date: ");
}

static void the_whole_file_comes_without_a_token(void **state)
{
    struct reply reply = ask(*state, "GET", "X-Nothing: %s", "1");
    assert_int_equal(reply.status, 200);
    assert_int_equal(strlen(reply.body), SIZE);
    assert_memory_equal(reply.body, bytes, SIZE);
    expect_validators(&reply);
    expect_header(&reply, "Content-Length: 3000\r\n");
    expect_header(&reply, "Content-Type: application/octet-stream\r\n");
    reply_free(&reply);
}

static void head_says_what_get_would(void **state)
{
    static const char *const lines[] = {"X-Nothing: %s", "Range: bytes=0-9%s"};
    for (size_t i = 0; i < 2; i++) {
        struct reply reply = ask(*state, "HEAD", lines[i], "");
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "");
        expect_validators(&reply);
        expect_header(&reply, "Content-Length: 3000\r\n");
        reply_free(&reply);
    }
}

static void a_range_is_206_with_its_place(void **state)
{
    static const struct {
        const char *range, *place;
        size_t first, size;
    } rows[] = {{"bytes=0-0", "bytes 0-0/3000", 0, 1},
                {"bytes=1000-1999", "bytes 1000-1999/3000", 1000, 1000},
                {"bytes=2990-", "bytes 2990-2999/3000", 2990, 10},
                {"bytes=-10", "bytes 2990-2999/3000", 2990, 10},
                {"bytes=-5000", "bytes 0-2999/3000", 0, 3000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[64];
        struct reply reply = ask(*state, "GET", "Range: %s", rows[i].range);
        assert_int_equal(reply.status, 206);
        assert_int_equal(strlen(reply.body), rows[i].size);
        assert_memory_equal(reply.body, &bytes[rows[i].first], rows[i].size);
        expect_validators(&reply);
        (void)snprintf(line, sizeof(line), "Content-Range: %s\r\n", rows[i].place);
        expect_header(&reply, line);
        (void)snprintf(line, sizeof(line), "Content-Length: %zu\r\n", rows[i].size);
        expect_header(&reply, line);
        reply_free(&reply);
    }
}

static void a_range_may_lie_beyond_4_gib(void **state)
{
    const struct rig *rig = *state;
    char name[200];
    (void)snprintf(name, sizeof(name), "%s/fw/%s", rig->folder, digest);
    int file = open(name, O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, "the end", 7, (off_t)5 << 30), 7);
    assert_int_equal(close(file), 0);
    struct reply reply = ask(*state, "GET", "Range: %s", "bytes=5368709120-5368709126");
    assert_int_equal(reply.status, 206);
    assert_string_equal(reply.body, "the end");
    expect_header(&reply, "Content-Range: bytes 5368709120-5368709126/5368709127\r\n");
    reply_free(&reply);
    reply = ask(*state, "HEAD", "X-Nothing: %s", "");
    expect_header(&reply, "Content-Length: 5368709127\r\n");
    reply_free(&reply);
}

static void several_ranges_get_the_whole(void **state)
{
    struct reply reply = ask(*state, "GET", "Range: %s", "bytes=0-1,5-6");
    assert_int_equal(reply.status, 200);
    assert_int_equal(strlen(reply.body), SIZE);
    assert_null(strstr(reply.headers, "Content-Range"));
    reply_free(&reply);
}

static void a_range_behind_the_end_is_416_with_the_size(void **state)
{
    struct reply reply = ask(*state, "GET", "Range: %s", "bytes=3000-");
    assert_int_equal(reply.status, 416);
    expect_header(&reply, "Content-Range: bytes */3000\r\n");
    expect_header(&reply, "application/problem+json");
    assert_string_equal(reply_text(&reply, "code"), "range");
    reply_free(&reply);
}

static void what_the_client_has_is_304(void **state)
{
    static const char *const methods[] = {"GET", "HEAD"};
    for (size_t i = 0; i < 2; i++) {
        struct reply reply = ask(*state, methods[i], "If-None-Match: %s", tag);
        assert_int_equal(reply.status, 304);
        assert_string_equal(reply.body, "");
        expect_validators(&reply);
        expect_header(&reply, "Content-Length: 3000\r\n"); /* or none: never 0 */
        reply_free(&reply);
    }
}

static void another_tag_in_if_match_is_412(void **state)
{
    struct reply reply = ask(*state, "GET", "If-Match: %s", "\"other\"");
    assert_int_equal(reply.status, 412);
    assert_string_equal(reply_text(&reply, "field"), "If-Match");
    reply_free(&reply);
    reply = ask(*state, "GET", "If-Match: %s", tag);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
}

static void a_download_is_resumed_by_if_range(void **state)
{
    char line[128], other[] = "\"0\"";
    const char *headers[] = {"Range: bytes=2000-", line, NULL};
    (void)snprintf(line, sizeof(line), "If-Range: %s", tag);
    struct reply reply = rig_call(*state, "GET", path, NULL, headers);
    assert_int_equal(reply.status, 206);
    assert_memory_equal(reply.body, &bytes[2000], 1000);
    reply_free(&reply);
    (void)snprintf(line, sizeof(line), "If-Range: %s", other);
    reply = rig_call(*state, "GET", path, NULL, headers);
    assert_int_equal(reply.status, 200);
    assert_int_equal(strlen(reply.body), SIZE);
    reply_free(&reply);
}

/* ---- nothing else is served ---- */

static void only_names_of_files_that_are_there_are_found(void **state)
{
    struct rig *rig = *state;
    char long_name[400], inside[400], link[200], target[200], upper[80];
    (void)snprintf(upper, sizeof(upper), "/fw/%s", digest);
    for (char *at = &upper[4]; *at != '\0'; at++)
        if (*at >= 'a' && *at <= 'f')
            *at = (char)(*at - 'a' + 'A');
    (void)snprintf(long_name, sizeof(long_name), "/fw/%s0", digest);
    (void)snprintf(inside, sizeof(inside), "/fw/%s%%2f..%%2f..%%2fkedge.db", digest);
    (void)snprintf(target, sizeof(target), "%s/secret", rig->folder);
    (void)snprintf(link, sizeof(link), "%s/fw/%064d", rig->folder, 1);
    write_file(rig, "secret", "secret", 6);
    write_file(rig, "fw/.new-abc", "half", 4);
    write_file(rig, "fw/0000000000000000000000000000000000000000000000000000000000000003", "", 0);
    assert_int_equal(symlink(target, link), 0);
    (void)snprintf(link, sizeof(link), "%s/fw/%064d", rig->folder, 2);
    assert_int_equal(mkdir(link, 0700), 0);
    const char *const paths[] = {
        "/fw/0000000000000000000000000000000000000000000000000000000000000000",
        "/fw/0000000000000000000000000000000000000000000000000000000000000001", /* a symbolic link
                                                                                 */
        "/fw/0000000000000000000000000000000000000000000000000000000000000002", /* a folder */
        "/fw/0000000000000000000000000000000000000000000000000000000000000003", /* empty */
        upper,
        long_name,
        inside,
        "/fw/.new-abc",
        "/fw/",
        "/fw",
        "/fw/..",
        "/fw/../secret",
        "/fw/..%2fsecret",
        "/fw/%2e%2e%2fsecret",
        "/fw/.",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct reply reply = rig_get(rig, paths[i]);
        if (reply.status != 404)
            print_error("%s\n", paths[i]);
        assert_int_equal(reply.status, 404);
        expect_header(&reply, "application/problem+json");
        reply_free(&reply);
    }
}

static void a_download_takes_no_other_method_query_or_body(void **state)
{
    char query[100];
    struct reply reply = rig_call(*state, "POST", path, "x", NULL);
    assert_int_equal(reply.status, 405);
    expect_header(&reply, "Allow: GET, HEAD\r\n");
    reply_free(&reply);
    (void)snprintf(query, sizeof(query), "%s?a=1", path);
    reply = rig_get(*state, query);
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    reply = rig_call(*state, "GET", path, "body", NULL);
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
}

static void a_deleted_file_is_sent_to_its_end_and_then_gone(void **state)
{
    struct rig *rig = *state;
    char name[200], request[200], out[65536];
    const size_t size = 64u << 20;
    (void)snprintf(name, sizeof(name), "%s/fw/%s", rig->folder, digest);
    assert_int_equal(truncate(name, (off_t)size), 0);
    int head = snprintf(request, sizeof(request),
                        "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    int file = rig_connect(rig);
    assert_int_equal(send(file, request, (size_t)head, MSG_NOSIGNAL), head);
    assert_true(recv(file, out, 1, 0) == 1);
    assert_int_equal(unlink(name), 0);
    size_t got = 1;
    for (ssize_t some; (some = recv(file, out, sizeof(out), 0)) > 0;)
        got += (size_t)some;
    (void)close(file);
    assert_true(got > size && got < size + 1000);
    struct reply reply = rig_get(rig, path);
    assert_int_equal(reply.status, 404);
    reply_free(&reply);
}

/* ---- progress ---- */

static struct kedge_backend_progress told(struct rig *rig, unsigned *tellings)
{
    pthread_mutex_lock(&rig->told_lock);
    struct kedge_backend_progress progress = rig->told;
    *tellings = rig->tellings;
    pthread_mutex_unlock(&rig->told_lock);
    return progress;
}

/* Until it is told that somebody is `least` bytes far. */
static struct kedge_backend_progress wait_for_reach(struct rig *rig, uint64_t least)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    struct kedge_backend_progress progress = {.reach = 0};
    unsigned tellings = 0;
    for (int i = 0; i < 6000 && (tellings == 0 || progress.reach < least); i++) {
        (void)nanosleep(&pause, NULL);
        progress = told(rig, &tellings);
    }
    assert_true(tellings > 0 && progress.reach >= least);
    return progress;
}

static void a_download_that_is_over_is_told_whole(void **state)
{
    struct reply reply = ask(*state, "GET", "Range: %s", "bytes=1000-1999");
    assert_int_equal(reply.status, 206);
    reply_free(&reply);
    struct kedge_backend_progress progress = wait_for_reach(*state, 2000);
    assert_int_equal(progress.reach, 2000);
    assert_string_equal(progress.host, "127.0.0.1");
    assert_string_equal(progress.digest, digest);
}

static void what_transfers_nothing_is_no_progress(void **state)
{
    static const char *const lines[][2] = {{"HEAD", "X-Nothing: %s"},
                                           {"GET", "Range: bytes=3000-%s"},
                                           {"GET", "If-Match: \"x\"%s"},
                                           {"GET", "If-None-Match: *%s"}};
    unsigned tellings = 0;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct reply reply = ask(*state, lines[i][0], lines[i][1], "");
        reply_free(&reply);
    }
    (void)told(*state, &tellings);
    assert_int_equal(tellings, 0);
}

/* What lies in buffers on the way is no progress: only what the other side has taken. */
static void a_download_on_its_way_is_told_as_far_as_it_has_come(void **state)
{
    struct rig *rig = *state;
    char name[200], request[200], out[65536];
    const uint64_t size = UINT64_C(64) << 20, half = size / 2;
    (void)snprintf(name, sizeof(name), "%s/fw/%s", rig->folder, digest);
    assert_int_equal(truncate(name, (off_t)size), 0);
    int head = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    int file = rig_connect(rig);
    assert_int_equal(send(file, request, (size_t)head, MSG_NOSIGNAL), head);
    uint64_t got = 0;
    while (got < half) {
        ssize_t some = recv(file, out, sizeof(out), 0);
        assert_true(some > 0);
        got += (uint64_t)some;
    }
    struct kedge_backend_progress progress = wait_for_reach(rig, half - 1000);
    assert_true(progress.reach < size);
    (void)close(file);
}

#define DOWNLOAD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DOWNLOAD_TEST(the_whole_file_comes_without_a_token),
        DOWNLOAD_TEST(head_says_what_get_would),
        DOWNLOAD_TEST(a_range_is_206_with_its_place),
        DOWNLOAD_TEST(a_range_may_lie_beyond_4_gib),
        DOWNLOAD_TEST(several_ranges_get_the_whole),
        DOWNLOAD_TEST(a_range_behind_the_end_is_416_with_the_size),
        DOWNLOAD_TEST(what_the_client_has_is_304),
        DOWNLOAD_TEST(another_tag_in_if_match_is_412),
        DOWNLOAD_TEST(a_download_is_resumed_by_if_range),
        DOWNLOAD_TEST(only_names_of_files_that_are_there_are_found),
        DOWNLOAD_TEST(a_download_takes_no_other_method_query_or_body),
        DOWNLOAD_TEST(a_download_that_is_over_is_told_whole),
        DOWNLOAD_TEST(what_transfers_nothing_is_no_progress),
        DOWNLOAD_TEST(a_download_on_its_way_is_told_as_far_as_it_has_come),
        DOWNLOAD_TEST(a_deleted_file_is_sent_to_its_end_and_then_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
