/* test_api_uploads.c: packages on their way in: whole, too long, cut, refused. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

#include <cmocka.h>

static char *bytes_of(size_t size)
{
    char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    memset(bytes, 'p', size);
    bytes[size] = '\0';
    return bytes;
}

static void wait_for_files(const struct rig *rig, int wanted)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    int files = rig_upload_files(rig);
    for (int i = 0; i < 12000 && files != wanted; i++) {
        (void)nanosleep(&pause, NULL);
        files = rig_upload_files(rig);
    }
    assert_int_equal(files, wanted);
}

static void a_package_arrives_whole_and_its_file_goes(void **state)
{
    struct rig *rig = *state;
    char *bytes = bytes_of(2000000);
    memcpy(bytes, "begin", 5);
    struct reply reply = rig_call(rig, "POST", "/api/v1/packages", bytes, NULL);
    assert_int_equal(reply.status, 201);
    assert_int_equal(rig->accepted_size, 2000000);
    assert_memory_equal(rig->accepted, "beginp", 6);
    assert_string_equal(rig->who, RIG_WHO);
    assert_non_null(strstr(reply.headers, "Location: /api/v1/packages/aaaa"));
    assert_int_equal(strlen(reply_text(&reply, "id")), 64);
    reply_free(&reply);
    free(bytes);
    wait_for_files(rig, 0);
}

static void a_chunked_upload_arrives_too(void **state)
{
    struct rig *rig = *state;
    const char *chunked[] = {"Transfer-Encoding: chunked", NULL};
    char *bytes = bytes_of(1500000);
    struct reply reply = rig_call(rig, "POST", "/api/v1/packages", bytes, chunked);
    assert_int_equal(reply.status, 201);
    assert_int_equal(rig->accepted_size, 1500000);
    reply_free(&reply);
    free(bytes);
}

static void a_refused_package_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    rig->refuse_with = KEDGE_E_SIGNATURE;
    rig->refuse_text = "no trusted key signed it";
    struct reply reply = rig_call(rig, "POST", "/api/v1/packages", "bytes", NULL);
    assert_int_equal(reply.status, 422);
    assert_string_equal(reply_text(&reply, "detail"), "no trusted key signed it");
    assert_string_equal(reply_text(&reply, "code"), "signature");
    reply_free(&reply);
    wait_for_files(rig, 0);
    reply = rig_get(rig, "/api/v1/packages");
    assert_int_equal(json_array_size(json_object_get(reply.json, "packages")), 0);
    reply_free(&reply);
}

static void an_empty_upload_is_refused(void **state)
{
    struct rig *rig = *state;
    struct reply reply = rig_call(rig, "POST", "/api/v1/packages", "", NULL);
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    assert_int_equal(rig->calls, 0);
    wait_for_files(rig, 0);
}

static void an_upload_over_the_limit_is_413(void **state)
{
    struct rig *rig = *state;
    const char *const variants[][3] = {
        {NULL}, {"Expect:", NULL}, {"Transfer-Encoding: chunked", "Expect:", NULL}};
    char *bytes = bytes_of(RIG_UPLOAD_MAX + 100000);
    for (size_t i = 0; i < 3; i++) {
        struct reply reply = rig_call(rig, "POST", "/api/v1/packages", bytes, variants[i]);
        assert_int_equal(reply.status, 413);
        reply_free(&reply);
        wait_for_files(rig, 0);
    }
    assert_int_equal(rig->calls, 0);
    bytes[RIG_UPLOAD_MAX] = '\0';
    struct reply reply = rig_call(rig, "POST", "/api/v1/packages", bytes, NULL);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
    free(bytes);
}

static void an_upload_without_a_token_is_not_written(void **state)
{
    struct rig *rig = *state;
    const char *none[] = {"Authorization:", NULL};
    char *bytes = bytes_of(2000000);
    struct reply reply = rig_call(rig, "POST", "/api/v1/packages", bytes, none);
    assert_int_equal(reply.status, 401);
    assert_int_equal(rig_upload_files(rig), 0);
    reply_free(&reply);
    free(bytes);
}

/* Sends a chunk of 64 KiB again and again; how many bytes went out before the server cut it off. */
static uint64_t send_for_ever(struct rig *rig, const char *head, uint64_t most)
{
    static char chunk[65536 + 16];
    int size = snprintf(chunk, sizeof(chunk), "10000\r\n");
    memset(&chunk[size], 'p', 65536);
    memcpy(&chunk[size + 65536], "\r\n", 2);
    size_t chunk_size = (size_t)size + 65536 + 2;
    uint64_t sent = 0;
    int file = rig_connect(rig);
    bool going = send(file, head, strlen(head), MSG_NOSIGNAL) > 0;
    while (going && sent < most) {
        ssize_t some = send(file, chunk, chunk_size, MSG_NOSIGNAL);
        going = some == (ssize_t)chunk_size;
        sent += some > 0 ? (uint64_t)some : 0;
    }
    (void)close(file);
    return sent;
}

static void a_stream_without_end_is_cut_off(void **state)
{
    const uint64_t most = UINT64_C(512) << 20;
    assert_true(send_for_ever(*state,
                              "POST /api/v1/packages HTTP/1.1\r\nHost: x\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n",
                              most) < most);
    assert_true(send_for_ever(*state,
                              "POST /api/v1/packages HTTP/1.1\r\nHost: x\r\n"
                              "Transfer-Encoding: chunked\r\nAuthorization: Bearer " RIG_TOKEN
                              "\r\n\r\n",
                              most) < most);
    wait_for_files(*state, 0);
    assert_int_equal(((struct rig *)*state)->calls, 0);
}

static void what_is_far_too_long_is_refused_before_it_is_sent(void **state)
{
    static const char head[] = "POST /api/v1/packages HTTP/1.1\r\nHost: x\r\n"
                               "Content-Length: 5000000000000\r\n"
                               "Authorization: Bearer " RIG_TOKEN "\r\n\r\n";
    char out[4096];
    int file = rig_connect(*state);
    assert_int_equal(send(file, head, sizeof(head) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(head) - 1);
    ssize_t got = recv(file, out, sizeof(out) - 1, 0);
    (void)close(file);
    assert_true(got > 0);
    out[got] = '\0';
    assert_non_null(strstr(out, "HTTP/1.1 413"));
}

/* Hangs up in the middle of an upload that the server has begun to keep. */
static void send_and_hang_up(struct rig *rig, const char *request, size_t size)
{
    int file = rig_connect(rig);
    assert_int_equal(send(file, request, size, MSG_NOSIGNAL), (ssize_t)size);
    wait_for_files(rig, 1);
    (void)close(file);
}

/* A request that announces 100000 bytes (or chunks) and sends half. */
static void an_upload_cut_in_half_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    static const char *const framings[] = {"Content-Length: 100000", "Transfer-Encoding: chunked"};
    char out[4096];
    for (size_t i = 0; i < 4; i++) {
        char *request = bytes_of(60000);
        int head = snprintf(request, 60000,
                            "POST /api/v1/packages HTTP/1.1\r\nHost: x\r\n%s\r\n"
                            "Authorization: Bearer " RIG_TOKEN "\r\n\r\n%s",
                            framings[i % 2], i % 2 == 0 ? "" : "10000\r\n");
        request[head] = 'p';
        if (i < 2)
            (void)rig_raw(rig, request, 50000, out, sizeof(out));
        else
            send_and_hang_up(rig, request, 50000);
        free(request);
        wait_for_files(rig, 0);
    }
    assert_int_equal(rig->calls, 0);
    struct reply reply = rig_get(rig, "/api/v1/packages");
    assert_int_equal(reply.status, 200);
    assert_int_equal(json_array_size(json_object_get(reply.json, "packages")), 0);
    reply_free(&reply);
}

static void a_folder_that_cannot_be_written_is_said_and_survived(void **state)
{
    struct rig *rig = *state;
    char uploads[128], away[128];
    (void)snprintf(uploads, sizeof(uploads), "%s/" KEDGE_API_UPLOAD_FOLDER, rig->folder);
    (void)snprintf(away, sizeof(away), "%s/away", rig->folder);
    assert_int_equal(rename(uploads, away), 0);
    struct reply reply = rig_call(rig, "POST", "/api/v1/packages", "bytes", NULL);
    assert_int_equal(reply.status, 500);
    assert_non_null(strstr(reply_text(&reply, "detail"), "No such file"));
    reply_free(&reply);
    assert_int_equal(rename(away, uploads), 0);
    reply = rig_call(rig, "POST", "/api/v1/packages", "bytes", NULL);
    assert_int_equal(reply.status, 201);
    reply_free(&reply);
}

static void what_a_killed_server_was_receiving_is_removed(void **state)
{
    struct rig *rig = *state;
    char path[128], error[KEDGE_API_ERROR_MAX];
    struct kedge_api *again = NULL;
    (void)snprintf(path, sizeof(path), "%s/" KEDGE_API_UPLOAD_FOLDER "/package-left", rig->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(rig_upload_files(rig), 1);
    const struct kedge_api_config config = {.listen = {{.address = "127.0.0.1"}},
                                            .listen_count = 1,
                                            .folder = rig->folder,
                                            .download_folder = RIG_DOWNLOADS,
                                            .backend = &rig->backend};
    assert_int_equal(kedge_api_start(&config, &again, error), KEDGE_OK);
    assert_int_equal(rig_upload_files(rig), 0);
    kedge_api_stop(again);
}

#define UPLOAD_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPLOAD_TEST(a_package_arrives_whole_and_its_file_goes),
        UPLOAD_TEST(a_chunked_upload_arrives_too),
        UPLOAD_TEST(a_refused_package_leaves_nothing),
        UPLOAD_TEST(an_empty_upload_is_refused),
        UPLOAD_TEST(an_upload_over_the_limit_is_413),
        UPLOAD_TEST(an_upload_without_a_token_is_not_written),
        UPLOAD_TEST(a_stream_without_end_is_cut_off),
        UPLOAD_TEST(what_is_far_too_long_is_refused_before_it_is_sent),
        UPLOAD_TEST(an_upload_cut_in_half_leaves_nothing),
        UPLOAD_TEST(a_folder_that_cannot_be_written_is_said_and_survived),
        UPLOAD_TEST(what_a_killed_server_was_receiving_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
