/* test_api_slowness.c: clients that send a byte now and then: how long that may go on. */
#define _GNU_SOURCE
#include <errno.h>
#include <gnutls/gnutls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"
#include "updater/api/internal.h"
#include "updater/kedged/self_signed.h"

#include <cmocka.h>

#define S UINT64_C(1000000000)
#define BYTES_MAX 900 /* that are sent one by one: a minute, where nothing else ends it */
#define AUTHORIZED "Host: x\r\nAuthorization: Bearer " RIG_TOKEN "\r\n"

static const struct slowness_limits limits = {.header_s = 30, .body_s = 60};

/* ---- by a clock of our own ---- */

static bool late(struct slowness *slowness, uint64_t received, uint64_t at_s)
{
    return slowness_look(slowness, &limits, received, 0, at_s * S);
}

static void a_header_counts_from_its_first_byte(void **state)
{
    struct slowness slowness = {.seen = 0};
    (void)state;
    assert_false(late(&slowness, 0, 100));
    assert_false(late(&slowness, 1, 200));
    assert_false(late(&slowness, 29, 229));
    assert_true(late(&slowness, 30, 230));
    assert_int_equal(slowness_seen(&slowness), SLOWNESS_HEADER);
}

static void a_body_counts_from_its_header(void **state)
{
    struct slowness slowness = {.seen = 0};
    (void)state;
    assert_false(late(&slowness, 1, 100));
    slowness_enter(&slowness, SLOWNESS_BODY);
    assert_false(late(&slowness, 100, 120));
    assert_false(late(&slowness, 1000000, 179 + SLOWNESS_GRACE_S));
    assert_true(late(&slowness, 1000000, 180 + SLOWNESS_GRACE_S));
    assert_int_equal(slowness_seen(&slowness), SLOWNESS_BODY);
}

static void a_file_may_take_as_long_as_it_comes(void **state)
{
    struct slowness slowness = {.seen = 0};
    uint64_t received = 300, at_s = 100;
    (void)state;
    slowness_enter(&slowness, SLOWNESS_FILE);
    for (int i = 0; i < 50; i++, at_s += 60, received += KEDGE_API_UPLOAD_LEAST)
        assert_false(late(&slowness, received, at_s));
    received -= KEDGE_API_UPLOAD_LEAST;
    assert_false(late(&slowness, received + KEDGE_API_UPLOAD_LEAST - 1, at_s - 1));
    assert_true(late(&slowness, received + KEDGE_API_UPLOAD_LEAST - 1, at_s));
}

static void neither_answers_nor_rests_are_late(void **state)
{
    struct slowness slowness = {.seen = 0};
    (void)state;
    assert_false(late(&slowness, 100, 100));
    slowness_enter(&slowness, SLOWNESS_BODY);
    slowness_enter(&slowness, SLOWNESS_ANSWER);
    assert_false(late(&slowness, 100, 101));
    assert_false(late(&slowness, 100, 9000));
    assert_false(late(&slowness, 500, 9001)); /* pipelined, or of TLS */
    slowness_enter(&slowness, SLOWNESS_HEADER);
    assert_false(late(&slowness, 500, 10000));
    assert_false(late(&slowness, 500, 20000));
    assert_false(late(&slowness, 501, 20001));
    assert_true(late(&slowness, 501, 20031));
}

/* Between two looks: each is as long as if it were the first. */
static void a_whole_request_between_two_looks_begins_anew(void **state)
{
    struct slowness slowness = {.seen = 0};
    (void)state;
    slowness_enter(&slowness, SLOWNESS_BODY);
    assert_false(late(&slowness, 100, 100));
    slowness_enter(&slowness, SLOWNESS_ANSWER);
    slowness_enter(&slowness, SLOWNESS_HEADER);
    slowness_enter(&slowness, SLOWNESS_BODY);
    assert_false(late(&slowness, 200, 160));
    assert_false(late(&slowness, 200, 219));
    assert_true(late(&slowness, 200, 220 + SLOWNESS_GRACE_S));
}

static void nobody_is_late_by_what_the_server_has_not_read(void **state)
{
    struct slowness slowness = {.seen = 0};
    (void)state;
    assert_false(slowness_look(&slowness, &limits, 50, 50, 100 * S));
    assert_false(slowness_look(&slowness, &limits, 50, 50, 900 * S));
    assert_true(slowness_look(&slowness, &limits, 50, 0, 901 * S));
}

/* ---- over sockets ---- */

struct client {
    int file;
    gnutls_certificate_credentials_t trust; /* NULL: without TLS */
    gnutls_session_t tls;
    char got[2048];
    size_t size;
};

static struct client client_connect(struct rig *rig)
{
    struct client client = {.file = rig_connect(rig)};
    const struct timeval beat = {.tv_usec = 1000000 / (BYTES_MAX / 60)};
    assert_int_equal(setsockopt(client.file, SOL_SOCKET, SO_RCVTIMEO, &beat, sizeof(beat)), 0);
    return client;
}

static void client_secure(struct client *client)
{
    int code;
    assert_int_equal(gnutls_certificate_allocate_credentials(&client->trust), 0);
    assert_int_equal(gnutls_init(&client->tls, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_set_default_priority(client->tls), 0);
    assert_int_equal(gnutls_credentials_set(client->tls, GNUTLS_CRD_CERTIFICATE, client->trust), 0);
    gnutls_transport_set_int(client->tls, client->file);
    while ((code = gnutls_handshake(client->tls)) != 0)
        assert_false(gnutls_error_is_fatal(code));
}

static void client_close(struct client *client)
{
    if (client->trust != NULL) {
        gnutls_deinit(client->tls);
        gnutls_certificate_free_credentials(client->trust);
    }
    (void)close(client->file);
}

static void client_send(struct client *client, const char *text, size_t size)
{
    /* Where the other side has ended it, the next read says so. */
    if (client->trust != NULL)
        (void)gnutls_record_send(client->tls, text, size);
    else
        (void)send(client->file, text, size, MSG_NOSIGNAL);
}

/* Keeps what comes within a beat; false at the end. */
static bool client_hear(struct client *client)
{
    char *into = &client->got[client->size];
    const size_t room = sizeof(client->got) - 1 - client->size;
    ssize_t some;
    assert_true(room > 0);
    if (client->trust != NULL) {
        some = gnutls_record_recv(client->tls, into, room);
        if (some < 0 && !gnutls_error_is_fatal((int)some))
            return true;
    } else {
        some = recv(client->file, into, room, 0);
        if (some < 0 && errno == EAGAIN)
            return true;
    }
    client->size += some > 0 ? (size_t)some : 0;
    client->got[client->size] = '\0';
    return some > 0;
}

static void client_hear_of(struct client *client, const char *words)
{
    for (int i = 0; i < BYTES_MAX && strstr(client->got, words) == NULL; i++)
        (void)client_hear(client);
    assert_non_null(strstr(client->got, words));
    client->got[client->size = 0] = '\0';
}

/* A byte at each beat, until the connection has ended. */
static void drip_to_the_end(struct client *client, const char *byte)
{
    bool open = true;
    for (int i = 0; i < BYTES_MAX && open; i++) {
        client_send(client, byte, 1);
        open = client_hear(client);
    }
    assert_false(open);
}

static void client_hear_to_the_end(struct client *client)
{
    int beats = 0;
    while (beats < BYTES_MAX && client_hear(client))
        beats++;
    assert_true(beats < BYTES_MAX);
}

static void begin(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

/* How many were ended for this. */
static unsigned late_ones(struct rig *rig, const char *part)
{
    struct kedge_exposition *out = kedge_exposition_create();
    char words[64];
    size_t size;
    assert_non_null(out);
    tally_write(rig->api->tally, out);
    char *text = kedge_exposition_end(out, &size);
    assert_non_null(text);
    (void)snprintf(words, sizeof(words), "kedge_http_late_total{part=\"%s\"} ", part);
    const char *at = strstr(text, words);
    assert_non_null(at);
    unsigned count = (unsigned)strtoul(at + strlen(words), NULL, 10);
    free(text);
    return count;
}

static struct rig *slow_rig(void **state)
{
    return rig_limited(state, (struct kedge_api_config){
                                  .header_limit_s = 1, .body_limit_s = 1, .heartbeat_ms = 100});
}

static struct rig *secure_slow_rig(void **state, uint32_t header_limit_s)
{
    char error[KEDGE_STORE_ERROR_MAX], certificate[128], key[128];
    assert_int_equal(rig_setup(state), 0);
    struct rig *rig = *state;
    assert_int_equal(kedge_self_signed_ensure(rig->folder, "127.0.0.1", error), KEDGE_OK);
    (void)snprintf(certificate, sizeof(certificate), "%s/" KEDGE_TLS_CERTIFICATE_FILE, rig->folder);
    (void)snprintf(key, sizeof(key), "%s/" KEDGE_TLS_KEY_FILE, rig->folder);
    return rig_limited(state, (struct kedge_api_config){.listen = {{.secure = true}},
                                                        .tls = {certificate, key},
                                                        .header_limit_s = header_limit_s,
                                                        .body_limit_s = 1});
}

static void a_header_by_the_byte_is_cut(void **state)
{
    struct rig *rig = slow_rig(state);
    struct client client = client_connect(rig);
    begin(&client, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Name: ");
    drip_to_the_end(&client, "x");
    assert_int_equal(client.size, 0);
    client_close(&client);
    assert_int_equal(late_ones(rig, "header"), 1);
    assert_int_equal(late_ones(rig, "body") + late_ones(rig, "file"), 0);
}

static void so_is_one_behind_a_request_that_was_answered(void **state)
{
    struct rig *rig = slow_rig(state);
    struct client client = client_connect(rig);
    begin(&client, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea");
    client_hear_of(&client, "200 OK");
    drip_to_the_end(&client, "x");
    client_close(&client);
    assert_int_equal(late_ones(rig, "header"), 1);
}

static void so_is_a_handshake(void **state)
{
    struct rig *rig = secure_slow_rig(state, 1);
    struct client client = client_connect(rig);
    client_send(&client, "\x16\x03\x01\x3f\xff\x01", 6); /* of a long ClientHello */
    drip_to_the_end(&client, "x");
    client_close(&client);
    assert_int_equal(late_ones(rig, "header"), 1);
}

static void check_408(struct client *client)
{
    client->got[client->size] = '\0';
    char *problem = strstr(client->got, "\r\n\r\n");
    assert_int_equal(strncmp(client->got, "HTTP/1.1 408 Request Timeout\r\n", 30), 0);
    assert_non_null(strstr(client->got, "Content-Type: application/problem+json\r\n"));
    assert_non_null(problem);
    char length[40];
    (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(problem + 4));
    assert_non_null(strstr(client->got, length));
    json_t *json = json_loads(problem + 4, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 408);
    assert_string_equal(json_string_value(json_object_get(json, "code")), "timeout");
    assert_string_equal(json_string_value(json_object_get(json, "detail")),
                        "the body did not come within 1 seconds");
    json_decref(json);
}

static void a_body_by_the_byte_gets_408(struct rig *rig, bool secure, const char *begins)
{
    struct client client = client_connect(rig);
    if (secure)
        client_secure(&client);
    const uint64_t calls = rig->calls;
    begin(&client, begins);
    drip_to_the_end(&client, " ");
    check_408(&client);
    client_close(&client);
    assert_int_equal(late_ones(rig, "body"), 1);
    assert_int_equal(rig->calls, calls);
}

static void json_by_the_byte_gets_408(void **state)
{
    a_body_by_the_byte_gets_408(slow_rig(state), false,
                                "POST /api/v1/trust HTTP/1.1\r\n" AUTHORIZED
                                "Content-Length: 5000\r\n\r\n{");
}

static void in_chunks_too(void **state)
{
    a_body_by_the_byte_gets_408(slow_rig(state), false,
                                "POST /api/v1/trust HTTP/1.1\r\n" AUTHORIZED
                                "Transfer-Encoding: chunked\r\n\r\n1388\r\n{");
}

static void so_does_a_body_of_somebody_unknown(void **state)
{
    a_body_by_the_byte_gets_408(slow_rig(state), false,
                                "POST /api/v1/packages HTTP/1.1\r\nHost: x\r\n"
                                "Content-Length: 50000\r\n\r\n{");
}

static void over_tls_it_can_be_read_too(void **state)
{
    a_body_by_the_byte_gets_408(secure_slow_rig(state, 60), true, /* however busy: a handshake */
                                "POST /api/v1/trust HTTP/1.1\r\n" AUTHORIZED
                                "Content-Length: 5000\r\n\r\n{");
}

static void a_file_by_the_byte_is_cut(void **state)
{
    struct rig *rig = slow_rig(state);
    struct client client = client_connect(rig);
    begin(&client, "POST /api/v1/packages HTTP/1.1\r\n" AUTHORIZED "Content-Length: 50000\r\n\r\n");
    drip_to_the_end(&client, "x");
    client_close(&client);
    assert_int_equal(late_ones(rig, "file"), 1);
    assert_int_equal(late_ones(rig, "body") + late_ones(rig, "header"), 0);
}

/* Both are there before those that are cut, and are looked at as often. */
static void who_rests_or_listens_stays(void **state)
{
    struct rig *rig = slow_rig(state);
    struct client resting = client_connect(rig), listening = client_connect(rig);
    begin(&resting, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    client_hear_of(&resting, "200 OK");
    begin(&listening, "GET /api/v1/events HTTP/1.1\r\n" AUTHORIZED "\r\n");
    client_hear_of(&listening, "200 OK");
    struct client slow = client_connect(rig), silent = client_connect(rig);
    begin(&slow, "GET ");
    begin(&silent, "POST /api/v1/trust HTTP/1.1\r\n" AUTHORIZED "Content-Length: 5000\r\n\r\n{");
    drip_to_the_end(&slow, "x");
    client_close(&slow);
    client_hear_to_the_end(&silent);
    client_close(&silent);
    client_hear_of(&listening, "\n\n"); /* what came until now */
    client_hear_of(&listening, "\n\n");
    begin(&resting, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    client_hear_of(&resting, "200 OK");
    client_close(&resting);
    client_close(&listening);
    assert_int_equal(late_ones(rig, "header"), 1);
    assert_int_equal(late_ones(rig, "body"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_counts_from_its_first_byte),
        cmocka_unit_test(a_body_counts_from_its_header),
        cmocka_unit_test(a_file_may_take_as_long_as_it_comes),
        cmocka_unit_test(neither_answers_nor_rests_are_late),
        cmocka_unit_test(a_whole_request_between_two_looks_begins_anew),
        cmocka_unit_test(nobody_is_late_by_what_the_server_has_not_read),
        cmocka_unit_test_teardown(a_header_by_the_byte_is_cut, rig_teardown),
        cmocka_unit_test_teardown(so_is_one_behind_a_request_that_was_answered, rig_teardown),
        cmocka_unit_test_teardown(so_is_a_handshake, rig_teardown),
        cmocka_unit_test_teardown(json_by_the_byte_gets_408, rig_teardown),
        cmocka_unit_test_teardown(in_chunks_too, rig_teardown),
        cmocka_unit_test_teardown(so_does_a_body_of_somebody_unknown, rig_teardown),
        cmocka_unit_test_teardown(over_tls_it_can_be_read_too, rig_teardown),
        cmocka_unit_test_teardown(a_file_by_the_byte_is_cut, rig_teardown),
        cmocka_unit_test_teardown(who_rests_or_listens_stays, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
