/* test_api_limits.c: how many connections and downloads there may be, and for how long. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <kedge/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"
#include "updater/api/internal.h"

#include <cmocka.h>

#define CONNECTIONS 64u
#define DOWNLOADS (CONNECTIONS - CONNECTIONS / KEDGE_API_RESERVED_SHARE)
#define FILE_NAME "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define REQUEST "GET /fw/" FILE_NAME " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct rig *narrow_rig(void **state, uint32_t idle_limit_s)
{
    return rig_limited(state, (struct kedge_api_config){.connections_max = CONNECTIONS,
                                                        .idle_limit_s = idle_limit_s});
}

static void make_file(const struct rig *rig, off_t size)
{
    char name[200];
    (void)snprintf(name, sizeof(name), "%s/" RIG_DOWNLOADS "/" FILE_NAME, rig->folder);
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(truncate(name, size), 0);
}

/* Asks for the file, and reads no more than the beginning of the answer. */
static int begin_download(struct rig *rig, char begin[16])
{
    int file = rig_connect(rig);
    assert_int_equal(send(file, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL), sizeof(REQUEST) - 1);
    assert_int_equal(recv(file, begin, 15, MSG_WAITALL), 15);
    begin[15] = '\0';
    return file;
}

static void downloads_leave_connections_for_others(void **state)
{
    struct rig *rig = narrow_rig(state, 0);
    int files[DOWNLOADS];
    char begin[16], rest[2000];
    make_file(rig, 64 << 20);
    for (size_t i = 0; i < DOWNLOADS; i++) {
        files[i] = begin_download(rig, begin);
        assert_string_equal(begin, "HTTP/1.1 200 OK");
    }
    int one_more = begin_download(rig, begin);
    assert_string_equal(begin, "HTTP/1.1 503 Se");
    ssize_t size = recv(one_more, rest, sizeof(rest) - 1, 0);
    assert_true(size > 0);
    rest[size] = '\0';
    assert_non_null(strstr(rest, "Retry-After: 1\r\n"));
    (void)close(one_more);
    struct reply reply = rig_get(rig, "/api/v1/devices");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    for (size_t i = 0; i < DOWNLOADS; i++)
        (void)close(files[i]);
    /* Their places are free again, as soon as it is noticed. */
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int i = 0; i < 6000; i++) {
        (void)close(begin_download(rig, begin));
        if (strcmp(begin, "HTTP/1.1 200 OK") == 0)
            break;
        (void)nanosleep(&pause, NULL);
    }
    assert_string_equal(begin, "HTTP/1.1 200 OK");
}

static void a_connection_that_moves_no_byte_is_closed(void **state)
{
    struct rig *rig = narrow_rig(state, 3);
    char begin[16], byte;
    make_file(rig, 64 << 20);
    int stalled = begin_download(rig, begin), half = rig_connect(rig);
    assert_int_equal(send(half, "GET /fw/", 8, MSG_NOSIGNAL), 8);
    int silent = rig_connect(rig);
    assert_true(recv(silent, &byte, 1, 0) <= 0);
    ssize_t some;
    while ((some = recv(half, &byte, 1, 0)) > 0)
        continue; /* there may be an answer: 408 */
    assert_true(some <= 0);
    /* What lies in buffers still comes; not all of it. */
    uint64_t got = 0;
    char bytes[65536];
    const struct timespec beyond_the_limit = {.tv_sec = 4};
    (void)nanosleep(&beyond_the_limit, NULL);
    while ((some = recv(stalled, bytes, sizeof(bytes), 0)) > 0)
        got += (uint64_t)some;
    assert_true(got < 64u << 20);
    (void)close(silent);
    (void)close(half);
    (void)close(stalled);
}

/*
 * 100 kB/s, where megabytes could lie in the kernel's buffers: were they all filled at once,
 * nothing would move for longer than the limit.
 */
static void a_slow_reader_is_not_taken_for_gone(void **state)
{
    enum { PIECE = 65536, PIECES = 16 };
    struct rig *rig = narrow_rig(state, 5);
    const struct timespec pause = {.tv_nsec = 640000000};
    char begin[16];
    static char bytes[PIECE];
    make_file(rig, 64 << 20);
    int file = begin_download(rig, begin);
    for (int i = 0; i < PIECES; i++) {
        assert_int_equal(recv(file, bytes, PIECE, MSG_WAITALL), PIECE);
        (void)nanosleep(&pause, NULL);
    }
    /* It is still there: more comes than can have been under way. */
    const uint64_t enough = UINT64_C(32) << 20;
    uint64_t got = 0;
    ssize_t some;
    while (got < enough && (some = recv(file, bytes, PIECE, 0)) > 0)
        got += (uint64_t)some;
    assert_true(got >= enough);
    (void)close(file);
}

static enum MHD_Result allow(struct kedge_api *api, const char *text)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    struct host host;
    assert_int_equal(host_parse(kedge_slice_text(text), &host), KEDGE_OK);
    memcpy(&address.sin6_addr, host.bytes, sizeof(host.bytes));
    return connections_allow(api, (const struct sockaddr *)&address, sizeof(address));
}

static void one_address_gets_no_more_than_its_share(void **state)
{
    *state = NULL;
    struct kedge_api *api = calloc(1, sizeof(*api));
    struct host host;
    assert_non_null(api);
    connections_init(&api->connections);
    api->config.per_address_max = 2;
    assert_int_equal(networks_parse(kedge_slice_text("198.51.100.0/24"), &api->proxies), KEDGE_OK);
    static const char *const hosts[] = {"192.0.2.1", "2001:db8::1", "198.51.100.7", "127.0.0.1",
                                        "::1"};
    for (size_t i = 0; i < 5; i++) {
        bool counted = i < 2;
        assert_int_equal(host_parse(kedge_slice_text(hosts[i]), &host), KEDGE_OK);
        uint32_t *counter = crowd_counter(&api->connections.crowd, &host);
        *counter = 1;
        assert_int_equal(allow(api, hosts[i]), MHD_YES);
        *counter = 2;
        assert_int_equal(allow(api, hosts[i]), counted ? MHD_NO : MHD_YES);
        *counter = 0;
    }
    connections_stop(&api->connections);
    free(api);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(downloads_leave_connections_for_others, rig_teardown),
        cmocka_unit_test_teardown(a_connection_that_moves_no_byte_is_closed, rig_teardown),
        cmocka_unit_test_teardown(a_slow_reader_is_not_taken_for_gone, rig_teardown),
        cmocka_unit_test(one_address_gets_no_more_than_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
