/* test_api_requests.c: who may ask, for what, in which form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

/* ---- tokens ---- */

static void expect_status(struct rig *rig, const char *method, const char *path, const char *body,
                          const char *const *headers, long status)
{
    struct reply reply = rig_call(rig, method, path, body, headers);
    if (reply.status != status)
        print_error("%s %s: %s\n", method, path, reply.body);
    assert_int_equal(reply.status, status);
    if (status >= 400 && strcmp(method, "HEAD") != 0) {
        assert_int_equal(json_integer_value(json_object_get(reply.json, "status")), status);
        assert_true(reply_text(&reply, "detail")[0] != '\0');
        assert_true(reply_text(&reply, "title")[0] != '\0');
        assert_non_null(strstr(reply.headers, "application/problem+json"));
    }
    reply_free(&reply);
}

static void every_route_but_healthz_needs_a_token(void **state)
{
    struct rig *rig = *state;
    static const char *const routes[][2] = {
        {"GET", "/api/v1/devices"},
        {"GET", "/api/v1/devices/x"},
        {"PATCH", "/api/v1/devices/x"},
        {"GET", "/api/v1/packages"},
        {"POST", "/api/v1/packages"},
        {"GET", "/api/v1/packages/x"},
        {"DELETE", "/api/v1/packages/x"},
        {"GET", "/api/v1/trust"},
        {"POST", "/api/v1/trust"},
        {"DELETE", "/api/v1/trust/x"},
        {"GET", "/api/v1/rollouts"},
        {"POST", "/api/v1/rollouts"},
        {"GET", "/api/v1/rollouts/1"},
        {"POST", "/api/v1/rollouts/1/start"},
        {"POST", "/api/v1/rollouts/1/pause"},
        {"POST", "/api/v1/rollouts/1/resume"},
        {"POST", "/api/v1/rollouts/1/abort"},
        {"POST", "/api/v1/rollouts/1/roll-back"},
        {"POST", "/api/v1/rollouts/1/approve"},
        {"POST", "/api/v1/rollouts/1/retry"},
        {"GET", "/api/v1/rollouts/1/groups"},
        {"GET", "/api/v1/rollouts/1/history"},
        {"GET", "/api/v1/rollouts/1/deployments"},
        {"GET", "/api/v1/audit"},
    };
    static const char *const wrong[] = {"Authorization:", "Authorization: Bearer rig-tokeN",
                                        "Authorization: Bearer ", "Authorization: Basic rig-token",
                                        "Authorization: Bearer rig-token2"};
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        rig->caller = (unsigned)i + 1; /* one address would have too many */
        for (size_t j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
            const char *headers[] = {wrong[j], NULL};
            expect_status(rig, routes[i][0], routes[i][1], NULL, headers, 401);
        }
    }
    assert_int_equal(rig->calls, 0);
    const char *none[] = {"Authorization:", NULL};
    expect_status(rig, "GET", "/healthz", NULL, none, 200);
}

static void a_refused_token_is_asked_for_by_its_scheme(void **state)
{
    const char *none[] = {"Authorization:", NULL};
    struct reply reply = rig_call(*state, "GET", "/api/v1/devices", NULL, none);
    assert_non_null(strstr(reply.headers, "WWW-Authenticate: Bearer"));
    assert_string_equal(reply_text(&reply, "code"), "token");
    reply_free(&reply);
}

static void a_token_of_any_length_is_only_looked_up(void **state)
{
    char header[1200];
    const char *headers[] = {header, NULL};
    struct rig *rig = *state;
    for (size_t size = 250; size < 1100; size += 7) {
        rig->caller = 1 + (unsigned)size / 14;
        memset(header, 'x', sizeof(header));
        memcpy(header, "Authorization: Bearer ", 22);
        header[22 + size] = '\0';
        expect_status(rig, "GET", "/api/v1/devices", NULL, headers, 401);
    }
}

/* ---- routes ---- */

static void what_is_not_there_is_404_and_a_wrong_method_405(void **state)
{
    expect_status(*state, "GET", "/assets/nothing", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/devices/", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/devicess", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/devices/none", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/packages/..%2f..%2fetc", NULL, NULL, 404);
    expect_status(*state, "DELETE", "/api/v1/packages/..%2f..%2fetc", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/devices/%00", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/devices/%4", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/rollouts/one", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/rollouts/0", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/rollouts/18446744073709551617", NULL, NULL, 404);
    expect_status(*state, "GET", "/api/v1/rollouts/1/nothing", NULL, NULL, 404);
    expect_status(*state, "DELETE", "/api/v1/trust/abc", NULL, NULL, 404);
    expect_status(*state, "DELETE", "/api/v1/devices", NULL, NULL, 405);
    expect_status(*state, "PUT", "/api/v1/packages", NULL, NULL, 405);
    expect_status(*state, "POST", "/healthz", NULL, NULL, 405);
    struct reply reply = rig_call(*state, "PUT", "/api/v1/rollouts", NULL, NULL);
    assert_non_null(strstr(reply.headers, "Allow: GET, HEAD, POST\r\n"));
    reply_free(&reply);
}

static void head_answers_like_get_without_a_body(void **state)
{
    struct reply reply = rig_call(*state, "HEAD", "/api/v1/devices", NULL, NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "");
    reply_free(&reply);
}

static void a_query_is_refused_by_the_name_at_fault(void **state)
{
    static const char *const bad[][2] = {
        {"?clas=x", "clas"},
        {"?limit=0", "limit"},
        {"?limit=501", "limit"},
        {"?limit=-1", "limit"},
        {"?limit=", "limit"},
        {"?limit=1&limit=2", "limit"},
        {"?limit=99999999999999999999", "limit"},
        {"?vendor=%zz", "vendor"},
        {"?vendor=a%00b", "vendor"},
        {"?=1", ""},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char path[128] = "/api/v1/devices";
        strncat(path, bad[i][0], 100);
        struct reply reply = rig_get(*state, path);
        assert_int_equal(reply.status, 400);
        assert_string_equal(reply_text(&reply, "field"), bad[i][1]);
        reply_free(&reply);
    }
    struct reply reply = rig_get(*state, "/api/v1/audit?cursor=nonsense");
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply_text(&reply, "field"), "cursor");
    reply_free(&reply);
}

/* ---- bodies ---- */

static void a_body_is_refused_by_the_field_at_fault(void **state)
{
    static const char *const bad[][2] = {
        {"{", ""},
        {"[]", ""},
        {"\"x\"", ""},
        {"{} {}", ""},
        {"{\"name\":\"a\",\"name\":\"b\",\"pem\":\"x\"}", ""},
        {"{\"name\":\"a\\u0000b\",\"pem\":\"x\"}", ""},
        {"{\"name\":\"\xff\",\"pem\":\"x\"}", ""},
        {"{}", "name"},
        {"{\"name\":\"a\"}", "pem"},
        {"{\"name\":1,\"pem\":\"x\"}", "name"},
        {"{\"name\":\"\",\"pem\":\"x\"}", "name"},
        {"{\"name\":null,\"pem\":\"x\"}", "name"},
        {"{\"name\":\"a\",\"pem\":\"x\",\"colour\":\"red\"}", "colour"},
        {"{\"name\":\"01234567890123456789012345678901234567890123456789012345678901234\","
         "\"pem\":\"x\"}",
         "name"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reply reply = rig_call(*state, "POST", "/api/v1/trust", bad[i][0], NULL);
        if (reply.status != 400)
            print_error("%s\n", bad[i][0]);
        assert_int_equal(reply.status, 400);
        assert_string_equal(reply_text(&reply, "field"), bad[i][1]);
        reply_free(&reply);
    }
    assert_int_equal(((struct rig *)*state)->calls, 0);
}

static void deeply_nested_json_is_refused(void **state)
{
    char *body = malloc(200001);
    assert_non_null(body);
    memset(body, '[', 200000);
    body[200000] = '\0';
    expect_status(*state, "POST", "/api/v1/trust", body, NULL, 400);
    free(body);
}

static void an_overlong_body_is_413_announced_or_not(void **state)
{
    const char *chunked[] = {"Transfer-Encoding: chunked", "Expect:", NULL};
    const char *unexpecting[] = {"Expect:", NULL};
    size_t size = KEDGE_API_BODY_MAX + 10000;
    char *body = malloc(size + 1);
    assert_non_null(body);
    memset(body, ' ', size);
    body[size] = '\0';
    expect_status(*state, "POST", "/api/v1/trust", body, NULL, 413);
    expect_status(*state, "POST", "/api/v1/trust", body, chunked, 413);
    body[KEDGE_API_BODY_MAX] = '\0'; /* at the limit: read, and refused for what it is */
    expect_status(*state, "POST", "/api/v1/trust", body, NULL, 400);
    expect_status(*state, "POST", "/api/v1/trust", body, unexpecting, 400);
    free(body);
    expect_status(*state, "GET", "/api/v1/devices", NULL, NULL, 200);
}

static void a_request_without_a_body_takes_none(void **state)
{
    rig_put_device(*state, "d", "v", "c");
    expect_status(*state, "GET", "/api/v1/devices", "{}", NULL, 400);
}

static void what_is_no_http_harms_nobody(void **state)
{
    static const char *const nonsense[] = {
        "\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "GET\r\n\r\n",
        "GET /api/v1/devices HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "GET /api/v1/devices HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /api/v1/trust HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    char out[4096];
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
        (void)rig_raw(*state, nonsense[i], strlen(nonsense[i]), out, sizeof(out));
    expect_status(*state, "GET", "/api/v1/devices", NULL, NULL, 200);
    assert_int_equal(((struct rig *)*state)->calls, 0);
}

static void a_body_whose_end_is_not_known_is_refused_at_once(void **state)
{
    static const char *const framings[] = {
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: Chunked",
    };
    char request[512], out[4096];
    for (size_t i = 0; i < sizeof(framings) / sizeof(framings[0]); i++) {
        int size =
            snprintf(request, sizeof(request),
                     "POST /api/v1/trust HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " RIG_TOKEN
                     "\r\n%s\r\n\r\n0\r\n\r\n",
                     framings[i]);
        (void)rig_raw(*state, request, (size_t)size, out, sizeof(out));
        assert_non_null(strstr(out, " 400 "));
        assert_non_null(strstr(out, "\"code\":\"malformed\""));
    }
    static const char good[] =
        "POST /api/v1/trust HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        "Authorization: Bearer " RIG_TOKEN "\r\nTransfer-Encoding: Chunked\r\n"
        "\r\n14\r\n{\"name\":\"a\",\"pem\":1}\r\n0\r\n\r\n";
    (void)rig_raw(*state, good, sizeof(good) - 1, out, sizeof(out));
    assert_non_null(strstr(out, "\"field\":\"pem\""));
}

/* ---- what the backend says ---- */

static void a_refusal_of_the_backend_becomes_its_status(void **state)
{
    static const struct {
        enum kedge_rc rc;
        long status;
        const char *code;
    } rows[] = {
        {KEDGE_E_ARGUMENT, 400, "argument"},   {KEDGE_E_KEY, 422, "key"},
        {KEDGE_E_EXISTS, 409, "exists"},       {KEDGE_E_CONFLICT, 409, "conflict"},
        {KEDGE_E_BUSY, 503, "busy"},           {KEDGE_E_SPACE, 507, "space"},
        {KEDGE_E_SYSTEM, 500, "system"},       {KEDGE_E_SIGNATURE, 422, "signature"},
        {KEDGE_E_NOT_FOUND, 404, "not_found"},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig->refuse_with = rows[i].rc;
        rig->refuse_text = i % 2 == 0 ? "because \xff" : NULL;
        struct reply reply =
            rig_call(rig, "POST", "/api/v1/trust", "{\"name\":\"a\",\"pem\":\"x\"}", NULL);
        assert_int_equal(reply.status, rows[i].status);
        assert_string_equal(reply_text(&reply, "code"), rows[i].code);
        assert_string_equal(reply_text(&reply, "detail"),
                            i % 2 == 0 ? "because ?" : kedge_rc_text(rows[i].rc));
        assert_int_equal(strstr(reply.headers, "Retry-After: 1") != NULL, rows[i].status == 503);
        reply_free(&reply);
    }
}

static void healthz_says_whether_the_server_is_ready(void **state)
{
    struct rig *rig = *state;
    struct reply reply = rig_get(rig, "/healthz");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_text(&reply, "status"), "ready");
    reply_free(&reply);
    rig->refuse_with = KEDGE_E_BUSY;
    reply = rig_get(rig, "/healthz");
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply_text(&reply, "status"), "not_ready");
    reply_free(&reply);
}

/* ---- starting and stopping ---- */

static void what_cannot_be_bound_is_said(void **state)
{
    struct rig *rig = *state;
    struct kedge_api *api = NULL;
    char error[KEDGE_API_ERROR_MAX];
    struct kedge_api_config config = {.listen = {{.address = "localhost"}},
                                      .listen_count = 1,
                                      .folder = rig->folder,
                                      .download_folder = RIG_DOWNLOADS,
                                      .backend = &rig->backend};
    assert_int_equal(kedge_api_start(&config, &api, error), KEDGE_E_ARGUMENT);
    assert_non_null(strstr(error, "localhost"));
    config.listen[0].address = "127.0.0.1";
    config.listen[0].port = kedge_api_port(rig->api, 0);
    assert_int_equal(kedge_api_start(&config, &api, error), KEDGE_E_SYSTEM);
    config.listen[0].port = 0;
    config.folder = "/nonexistent";
    assert_int_equal(kedge_api_start(&config, &api, error), KEDGE_E_SYSTEM);
    assert_non_null(strstr(error, "/nonexistent"));
    config.folder = rig->folder;
    config.listen[0].address = "::1";
    if (kedge_api_start(&config, &api, error) == KEDGE_OK) /* where there is IPv6 */
        kedge_api_stop(api);
}

#define REQUEST_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(every_route_but_healthz_needs_a_token),
        REQUEST_TEST(a_refused_token_is_asked_for_by_its_scheme),
        REQUEST_TEST(a_token_of_any_length_is_only_looked_up),
        REQUEST_TEST(what_is_not_there_is_404_and_a_wrong_method_405),
        REQUEST_TEST(head_answers_like_get_without_a_body),
        REQUEST_TEST(a_query_is_refused_by_the_name_at_fault),
        REQUEST_TEST(a_body_is_refused_by_the_field_at_fault),
        REQUEST_TEST(deeply_nested_json_is_refused),
        REQUEST_TEST(an_overlong_body_is_413_announced_or_not),
        REQUEST_TEST(a_request_without_a_body_takes_none),
        REQUEST_TEST(what_is_no_http_harms_nobody),
        REQUEST_TEST(a_body_whose_end_is_not_known_is_refused_at_once),
        REQUEST_TEST(a_refusal_of_the_backend_becomes_its_status),
        REQUEST_TEST(healthz_says_whether_the_server_is_ready),
        REQUEST_TEST(what_cannot_be_bound_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
