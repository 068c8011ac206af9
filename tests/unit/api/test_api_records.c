/* test_api_records.c: devices, tags, packages, keys and the audit, as JSON. */
#include <kedge/crypto.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <cmocka.h>

static const char *item_text(const struct reply *reply, const char *list, size_t index,
                             const char *name)
{
    const json_t *item = json_array_get(json_object_get(reply->json, list), index);
    const char *text = json_string_value(json_object_get(item, name));
    return text == NULL ? "" : text;
}

static size_t list_size(const struct reply *reply, const char *list)
{
    return json_array_size(json_object_get(reply->json, list));
}

/* ---- devices ---- */

static void devices_come_in_pages_and_each_once(void **state)
{
    char endpoint[16], path[256] = "/api/v1/devices?limit=3", seen[64] = "";
    for (int i = 0; i < 8; i++) {
        (void)snprintf(endpoint, sizeof(endpoint), "d%d", i);
        rig_put_device(*state, endpoint, "v", "c");
    }
    for (int pages = 0;; pages++) {
        assert_true(pages < 3);
        struct reply reply = rig_get(*state, path);
        assert_int_equal(reply.status, 200);
        for (size_t i = 0; i < list_size(&reply, "devices"); i++)
            strncat(seen, item_text(&reply, "devices", i, "endpoint"), 4);
        const char *next = json_string_value(json_object_get(reply.json, "next"));
        bool last = next == NULL;
        assert_true(!last || json_is_null(json_object_get(reply.json, "next")));
        if (!last)
            (void)snprintf(path, sizeof(path), "/api/v1/devices?limit=3&cursor=%s", next);
        reply_free(&reply);
        if (last)
            break;
    }
    assert_string_equal(seen, "d0d1d2d3d4d5d6d7");
}

static void devices_are_narrowed_by_vendor_and_class(void **state)
{
    rig_put_device(*state, "a", "one.example", "board");
    rig_put_device(*state, "b", "two.example", "board");
    rig_put_device(*state, "c", "two.example", "a&b=c d");
    struct reply reply = rig_get(*state, "/api/v1/devices?vendor=two.example&class=board");
    assert_int_equal(list_size(&reply, "devices"), 1);
    assert_string_equal(item_text(&reply, "devices", 0, "endpoint"), "b");
    reply_free(&reply);
    reply = rig_get(*state, "/api/v1/devices?class=a%26b%3Dc%20d");
    assert_int_equal(list_size(&reply, "devices"), 1);
    assert_string_equal(item_text(&reply, "devices", 0, "endpoint"), "c");
    reply_free(&reply);
}

static void a_device_is_found_by_any_name_that_it_may_have(void **state)
{
    rig_put_device(*state, "urn:dev:os:32473-1/2 %?#+\xc3\xa9", "v", "c");
    struct reply reply =
        rig_get(*state, "/api/v1/devices/urn:dev:os:32473-1%2F2%20%25%3F%23%2B%c3%A9");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_text(&reply, "endpoint"), "urn:dev:os:32473-1/2 %?#+\xc3\xa9");
    assert_string_equal(reply_text(&reply, "version"), "1.0.0");
    assert_true(json_is_true(json_object_get(reply.json, "registered")));
    assert_int_equal(json_integer_value(json_object_get(reply.json, "last_seen_ms")), 6);
    reply_free(&reply);
}

static void one_that_is_registered_is_shown_with_whether_it_sleeps(void **state)
{
    struct rig *rig = *state;
    rig_put_device(rig, "a", "v", "c");
    rig_put_device(rig, "b", "v", "c");
    rig->sleeper = "a";
    struct reply reply = rig_get(rig, "/api/v1/devices/a");
    assert_true(json_is_true(json_object_get(reply.json, "queue_mode")));
    assert_true(json_is_true(json_object_get(reply.json, "asleep")));
    assert_int_equal(json_integer_value(json_object_get(reply.json, "expected_at_ms")),
                     1700000000000);
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/devices/b");
    assert_true(json_is_null(json_object_get(reply.json, "queue_mode")));
    assert_true(json_is_null(json_object_get(reply.json, "asleep")));
    assert_true(json_is_null(json_object_get(reply.json, "expected_at_ms")));
    reply_free(&reply);
}

/* ---- tags ---- */

static void tags_are_merged_and_removed(void **state)
{
    rig_put_device(*state, "d", "v", "c");
    struct reply reply = rig_call(*state, "PATCH", "/api/v1/devices/d",
                                  "{\"tags\":{\"place\":\"harbour\",\"crew\":\"2\"}}", NULL);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    reply = rig_call(*state, "PATCH", "/api/v1/devices/d",
                     "{\"tags\":{\"crew\":null,\"sail\":\"red\"}}", NULL);
    const json_t *tags = json_object_get(reply.json, "tags");
    assert_int_equal(json_object_size(tags), 2);
    assert_string_equal(json_string_value(json_object_get(tags, "place")), "harbour");
    assert_string_equal(json_string_value(json_object_get(tags, "sail")), "red");
    reply_free(&reply);
    assert_string_equal(((struct rig *)*state)->who, RIG_WHO);
}

/* The value of the answer's ETag. */
static void entity_tag(const struct reply *reply, char tag[64])
{
    const char *at = strstr(reply->headers, "ETag: ");
    assert_non_null(at);
    (void)snprintf(tag, 64, "%.*s", (int)strcspn(at, "\r\n"), at);
}

static void the_entity_tag_is_not_that_of_what_came_after_the_device_was_read(void **state)
{
    struct rig *rig = *state;
    char shown[64], later[64];
    rig_put_device(rig, "d", "v", "c");
    rig->tags_meanwhile = "{\"place\":\"harbour\"}";
    struct reply reply = rig_get(rig, "/api/v1/devices/d");
    assert_int_equal(json_object_size(json_object_get(reply.json, "tags")), 0);
    entity_tag(&reply, shown);
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/devices/d");
    assert_int_equal(json_object_size(json_object_get(reply.json, "tags")), 1);
    entity_tag(&reply, later);
    reply_free(&reply);
    assert_string_not_equal(shown, later);
}

static void tags_that_cannot_be_are_refused(void **state)
{
    char big[2048], body[2200];
    memset(big, 'x', sizeof(big));
    big[1100] = '\0';
    (void)snprintf(body, sizeof(body), "{\"tags\":{\"a\":\"%s\"}}", big);
    rig_put_device(*state, "d", "v", "c");
    const char *const bad[][2] = {{"{\"tags\":{\"a\":1}}", "tags.a"},
                                  {"{\"tags\":{\"\":\"x\"}}", "tags"},
                                  {"{\"tags\":[]}", "tags"},
                                  {"{\"tags\":{\"a\":{}}}", "tags.a"},
                                  {body, "tags"}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reply reply = rig_call(*state, "PATCH", "/api/v1/devices/d", bad[i][0], NULL);
        assert_int_equal(reply.status, 400);
        assert_string_equal(reply_text(&reply, "field"), bad[i][1]);
        reply_free(&reply);
    }
    struct reply reply =
        rig_call(*state, "PATCH", "/api/v1/devices/none", "{\"tags\":{\"a\":\"b\"}}", NULL);
    assert_int_equal(reply.status, 404);
    reply_free(&reply);
    assert_int_equal(((struct rig *)*state)->calls, 0);
}

#define TAGGERS 8

struct tagger {
    struct rig *rig;
    int number;
};

static void *tag_once(void *context)
{
    struct tagger *tagger = context;
    char body[64];
    (void)snprintf(body, sizeof(body), "{\"tags\":{\"t%d\":\"x\"}}", tagger->number);
    struct reply reply = rig_call(tagger->rig, "PATCH", "/api/v1/devices/d", body, NULL);
    bool done = reply.status == 200;
    reply_free(&reply);
    return done ? tagger : NULL;
}

static void no_tag_is_lost_when_many_are_set_at_once(void **state)
{
    pthread_t threads[TAGGERS];
    struct tagger taggers[TAGGERS];
    rig_put_device(*state, "d", "v", "c");
    for (int i = 0; i < TAGGERS; i++) {
        taggers[i] = (struct tagger){*state, i};
        assert_int_equal(pthread_create(&threads[i], NULL, tag_once, &taggers[i]), 0);
    }
    for (int i = 0; i < TAGGERS; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(threads[i], &done), 0);
        assert_non_null(done);
    }
    struct reply reply = rig_get(*state, "/api/v1/devices/d");
    assert_int_equal(json_object_size(json_object_get(reply.json, "tags")), TAGGERS);
    reply_free(&reply);
}

/* ---- keys and packages ---- */

/* RFC 8410 section 10.1: an Ed25519 public key. */
static const char pem[] = "{\"name\":\"release\",\"pem\":\"-----BEGIN PUBLIC KEY-----\\n"
                          "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\\n"
                          "-----END PUBLIC KEY-----\\n\"}";

static void a_key_is_added_listed_and_removed(void **state)
{
    char path[128];
    struct reply reply = rig_call(*state, "POST", "/api/v1/trust", pem, NULL);
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_text(&reply, "algorithm"), "ed25519");
    (void)snprintf(path, sizeof(path), "/api/v1/trust/%s", reply_text(&reply, "id"));
    reply_free(&reply);
    reply = rig_get(*state, "/api/v1/trust");
    assert_int_equal(list_size(&reply, "trust"), 1);
    assert_string_equal(item_text(&reply, "trust", 0, "name"), "release");
    reply_free(&reply);
    reply = rig_call(*state, "DELETE", path, NULL, NULL);
    assert_int_equal(reply.status, 204);
    assert_string_equal(reply.body, "");
    reply_free(&reply);
    reply = rig_get(*state, "/api/v1/trust");
    assert_int_equal(list_size(&reply, "trust"), 0);
    reply_free(&reply);
}

static void what_is_no_key_is_refused_with_its_field(void **state)
{
    struct reply reply = rig_call(*state, "POST", "/api/v1/trust",
                                  "{\"name\":\"a\",\"pem\":\"-----BEGIN PUBLIC KEY-----\"}", NULL);
    assert_true(reply.status >= 400 && reply.status < 500);
    assert_true(reply_text(&reply, "detail")[0] != '\0');
    reply_free(&reply);
}

static void a_package_is_shown_and_removed(void **state)
{
    char path[128] = "/api/v1/packages/";
    memset(&path[strlen(path)], 'b', 64);
    rig_put_package(*state, 'b');
    struct reply reply = rig_get(*state, path);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_text(&reply, "version"), "1.1.0");
    assert_string_equal(reply_text(&reply, "deliver"), "envelope");
    assert_int_equal(json_integer_value(json_object_get(reply.json, "sequence")), 7);
    reply_free(&reply);
    reply = rig_call(*state, "DELETE", path, NULL, NULL);
    assert_int_equal(reply.status, 204);
    reply_free(&reply);
    reply = rig_call(*state, "DELETE", path, NULL, NULL);
    assert_int_equal(reply.status, 404);
    reply_free(&reply);
}

static void packages_are_narrowed_by_a_filter(void **state)
{
    rig_put_package(*state, 'a');
    rig_put_package(*state, 'b');
    struct reply reply = rig_get(*state, "/api/v1/packages?filter=id+like+%27b*%27");
    assert_int_equal(reply.status, 200);
    assert_int_equal(list_size(&reply, "packages"), 1);
    assert_int_equal(item_text(&reply, "packages", 0, "id")[0], 'b');
    reply_free(&reply);
    reply = rig_get(*state, "/api/v1/packages?filter=registered");
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply_text(&reply, "field"), "filter");
    assert_non_null(strstr(reply_text(&reply, "detail"), "no attribute of a package"));
    reply_free(&reply);
}

static void fill_audit(struct kedge_batch *batch, void *context)
{
    (void)context;
    const struct kedge_audit_entry entry = {
        .at_ms = 5, .who = "anna", .what = "trust.add", .subject = "key", .after = "release"};
    assert_int_equal(kedge_batch_add_audit(batch, &entry), KEDGE_OK);
}

static void the_audit_tells_who_did_what(void **state)
{
    rig_commit(*state, fill_audit, NULL);
    struct reply reply = rig_get(*state, "/api/v1/audit");
    assert_string_equal(item_text(&reply, "audit", 0, "who"), "anna");
    assert_string_equal(item_text(&reply, "audit", 0, "what"), "trust.add");
    assert_string_equal(item_text(&reply, "audit", 0, "subject"), "key");
    assert_int_equal(strlen(item_text(&reply, "audit", 0, "hash")), 64);
    reply_free(&reply);
}

#define RECORD_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_TEST(devices_come_in_pages_and_each_once),
        RECORD_TEST(devices_are_narrowed_by_vendor_and_class),
        RECORD_TEST(a_device_is_found_by_any_name_that_it_may_have),
        RECORD_TEST(one_that_is_registered_is_shown_with_whether_it_sleeps),
        RECORD_TEST(tags_are_merged_and_removed),
        RECORD_TEST(the_entity_tag_is_not_that_of_what_came_after_the_device_was_read),
        RECORD_TEST(tags_that_cannot_be_are_refused),
        RECORD_TEST(no_tag_is_lost_when_many_are_set_at_once),
        RECORD_TEST(a_key_is_added_listed_and_removed),
        RECORD_TEST(what_is_no_key_is_refused_with_its_field),
        RECORD_TEST(a_package_is_shown_and_removed),
        RECORD_TEST(packages_are_narrowed_by_a_filter),
        RECORD_TEST(the_audit_tells_who_did_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
