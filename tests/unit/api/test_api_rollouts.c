/* test_api_rollouts.c: rollouts as people ask for them and as they are shown. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rig.h"
#include "updater/store/retention.h"

#include <cmocka.h>

#define PACKAGE "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BEGIN "{\"name\":\"haul\",\"package_id\":\"" PACKAGE "\","

static struct reply create(struct rig *rig, const char *rest)
{
    char body[1024];
    if (rig->rollouts == 0)
        rig_put_package(rig, 'b');
    (void)snprintf(body, sizeof(body), BEGIN "%s}", rest);
    return rig_call(rig, "POST", "/api/v1/rollouts", body, NULL);
}

static void a_draft_is_made_with_what_was_asked(void **state)
{
    struct rig *rig = *state;
    struct reply reply =
        create(rig, "\"all_devices\":true,\"policy\":{\"in_flight_max\":3,\"deployment_soak_s\":9,"
                    "\"error_action\":\"abort\"}");
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_text(&reply, "state"), "draft");
    assert_string_equal(reply_text(&reply, "name"), "haul");
    assert_string_equal(reply_text(&reply, "explanation"), "explained -1");
    assert_non_null(strstr(reply.headers, "Location: /api/v1/rollouts/1\r\n"));
    const json_t *counts = json_object_get(reply.json, "counts");
    assert_int_equal(json_integer_value(json_object_get(counts, "pending")), 1);
    assert_int_equal(json_object_size(counts), KEDGE_DEPLOYMENT_STATE_COUNT);
    reply_free(&reply);
    struct kedge_rollout_policy expected;
    kedge_rollout_policy_default(&expected);
    expected.in_flight_max = 3;
    expected.deployment_soak_s = 9;
    expected.error_action = KEDGE_ERROR_ABORT;
    assert_memory_equal(&rig->created.policy, &expected, sizeof(expected));
    assert_true(rig->created.all_devices);
    assert_string_equal(rig->created.package_id, PACKAGE);
}

static void listed_devices_come_through_in_order(void **state)
{
    struct rig *rig = *state;
    struct reply reply = create(rig, "\"devices\":[\"b\",\"a\",\"c d\"]");
    assert_int_equal(reply.status, 201);
    assert_string_equal(rig->created_endpoints, "b a c d ");
    assert_false(rig->created.all_devices);
    reply_free(&reply);
}

static void groups_come_through_as_they_are_asked(void **state)
{
    struct rig *rig = *state;
    struct reply reply =
        create(rig, "\"all_devices\":true,\"seed\":0,\"spread_by\":\"site\",\"groups\":["
                    "{\"name\":\"canary\",\"count\":20},{\"percent\":30},{\"rest\":true}]");
    assert_int_equal(reply.status, 201);
    assert_string_equal(rig->created_groups, "canary=20 devices;=30 %;=0 rest;");
    assert_int_equal(json_integer_value(json_object_get(reply.json, "seed")), 0);
    assert_string_equal(reply_text(&reply, "spread_by"), "site");
    reply_free(&reply);
    reply = create(rig, "\"all_devices\":true");
    assert_int_equal(json_integer_value(json_object_get(reply.json, "seed")), 7);
    assert_true(json_is_null(json_object_get(reply.json, "spread_by")));
    assert_string_equal(rig->created_groups, "");
    reply_free(&reply);
}

static void a_filter_comes_through(void **state)
{
    struct reply reply = create(*state, "\"filter\":\"version < 1.4.0\"");
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_text(&reply, "filter"), "version < 1.4.0");
    assert_true(json_is_false(json_object_get(reply.json, "all_devices")));
    reply_free(&reply);
}

static void a_way_back_comes_through(void **state)
{
    struct rig *rig = *state;
    struct reply reply = create(rig, "\"all_devices\":true,\"revert_package_id\":\"" PACKAGE
                                     "\",\"policy\":{\"error_action\":\"roll_back\"}");
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_text(&reply, "revert_package_id"), PACKAGE);
    assert_true(json_is_null(json_object_get(reply.json, "revert_rollout_id")));
    assert_true(json_is_null(json_object_get(reply.json, "reverts_rollout_id")));
    assert_int_equal(rig->created.policy.error_action, KEDGE_ERROR_ROLL_BACK);
    reply_free(&reply);
    reply = create(rig, "\"all_devices\":true,\"revert_package_id\":\"0\"");
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply_text(&reply, "field"), "revert_package_id");
    reply_free(&reply);
}

static void fail_the_device(struct kedge_batch *batch, void *context)
{
    struct kedge_deployment deployment = {.id = 1,
                                          .rollout_id = 1,
                                          .state = KEDGE_DEPLOYMENT_FAILED,
                                          .update_result = KEDGE_UPDATE_RESULT_NONE,
                                          .endpoint = "boat-1"};
    (void)context;
    assert_int_equal(kedge_batch_put_deployment(batch, &deployment), KEDGE_OK);
}

static void those_that_failed_get_a_rollout_of_their_own(void **state)
{
    struct rig *rig = *state;
    struct reply reply = create(rig, "\"all_devices\":true,\"seed\":5,\"spread_by\":\"site\","
                                     "\"revert_package_id\":\"" PACKAGE "\","
                                     "\"policy\":{\"in_flight_max\":3}");
    reply_free(&reply);
    reply = rig_call(rig, "POST", "/api/v1/rollouts/1/retry", NULL, NULL);
    assert_int_equal(reply.status, 409);
    assert_non_null(strstr(reply_text(&reply, "detail"), "no device of rollout 1"));
    reply_free(&reply);
    rig_commit(rig, fail_the_device, NULL);
    reply = rig_call(rig, "POST", "/api/v1/rollouts/1/retry", NULL, NULL);
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_text(&reply, "name"), "retry of haul");
    assert_non_null(strstr(reply.headers, "Location: /api/v1/rollouts/2\r\n"));
    assert_string_equal(rig->created_endpoints, "boat-1 ");
    assert_int_equal(rig->created.policy.in_flight_max, 3);
    assert_int_equal(rig->created.seed, 5);
    assert_string_equal(rig->created.spread_by, "site");
    assert_string_equal(rig->created.revert_package_id, PACKAGE);
    reply_free(&reply);
    reply = rig_call(rig, "POST", "/api/v1/rollouts/9/retry", NULL, NULL);
    assert_int_equal(reply.status, 404);
    reply_free(&reply);
    reply = rig_call(rig, "POST", "/api/v1/rollouts/1/retry", "{\"all\":true}", NULL);
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
}

static void remove_details(struct kedge_batch *batch, void *context)
{
    const struct kedge_removal_slice slice = {
        .after = {.rollout_id = 1, .at_ms = 1700000000000, .finished = true},
        .deployments_up_to = 1};
    (void)context;
    assert_int_equal(kedge_batch_remove(batch, &slice), KEDGE_OK);
}

static void what_is_no_longer_kept_is_said_and_not_tried_again(void **state)
{
    struct rig *rig = *state;
    struct reply reply = create(rig, "\"all_devices\":true");
    assert_true(json_is_null(json_object_get(reply.json, "details_removed_at_ms")));
    reply_free(&reply);
    rig_commit(rig, fail_the_device, NULL);
    rig_commit(rig, remove_details, NULL);
    reply = rig_get(rig, "/api/v1/rollouts/1");
    assert_int_equal(json_integer_value(json_object_get(reply.json, "details_removed_at_ms")),
                     1700000000000);
    reply_free(&reply);
    reply = rig_call(rig, "POST", "/api/v1/rollouts/1/retry", NULL, NULL);
    assert_int_equal(reply.status, 409);
    assert_string_equal(reply_text(&reply, "detail"), "what rollout 1 did device by device is no "
                                                      "longer kept (kedged --history-days)");
    reply_free(&reply);
}

static void start_may_come_with_creation(void **state)
{
    struct reply reply = create(*state, "\"all_devices\":true,\"start\":true");
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply_text(&reply, "state"), "running");
    reply_free(&reply);
}

static void a_rollout_is_refused_by_the_field_at_fault(void **state)
{
    static const char *const bad[][2] = {
        {"\"start\":true", "devices"},
        {"\"all_devices\":true,\"devices\":[\"a\"]", "devices"},
        {"\"all_devices\":false", "devices"},
        {"\"devices\":[]", "devices"},
        {"\"devices\":[1]", "devices[0]"},
        {"\"devices\":\"a\"", "devices"},
        {"\"all_devices\":1", "all_devices"},
        {"\"all_devices\":true,\"policy\":[]", "policy"},
        {"\"all_devices\":true,\"policy\":{\"speed\":1}", "policy.speed"},
        {"\"all_devices\":true,\"policy\":{\"in_flight_max\":0}", "policy.in_flight_max"},
        {"\"all_devices\":true,\"policy\":{\"in_flight_max\":1.5}", "policy.in_flight_max"},
        {"\"all_devices\":true,\"policy\":{\"in_flight_max\":-1}", "policy.in_flight_max"},
        {"\"all_devices\":true,\"policy\":{\"error_threshold_percent\":101}",
         "policy.error_threshold_percent"},
        {"\"all_devices\":true,\"policy\":{\"deployment_soak_s\":4294967297}",
         "policy.deployment_soak_s"},
        {"\"all_devices\":true,\"policy\":{\"error_action\":\"explode\"}", "policy.error_action"},
        {"\"all_devices\":true,\"starts\":true", "starts"},
        {"\"all_devices\":true,\"policy\":{\"approval\":\"mine\"}", "policy.approval"},
        {"\"all_devices\":true,\"start\":true,\"policy\":{\"approval\":\"start\"}", "start"},
        {"\"all_devices\":true,\"filter\":\"registered\"", "devices"},
        {"\"devices\":[\"a\"],\"filter\":\"registered\"", "devices"},
        {"\"filter\":\"\"", "filter"},
        {"\"filter\":\"class = 1\"", "filter"},
        {"\"filter\":[]", "filter"},
        {"\"all_devices\":true,\"show\":1", "show"},
        {"\"all_devices\":true,\"groups\":[]", "groups"},
        {"\"all_devices\":true,\"groups\":{}", "groups"},
        {"\"all_devices\":true,\"groups\":[10]", "groups[0]"},
        {"\"all_devices\":true,\"groups\":[{\"rest\":true},{}]", "groups[1]"},
        {"\"all_devices\":true,\"groups\":[{\"rest\":false}]", "groups[0]"},
        {"\"all_devices\":true,\"groups\":[{\"percent\":10,\"count\":5}]", "groups[0]"},
        {"\"all_devices\":true,\"groups\":[{\"percent\":0}]", "groups[0].percent"},
        {"\"all_devices\":true,\"groups\":[{\"percent\":101}]", "groups[0].percent"},
        {"\"all_devices\":true,\"groups\":[{\"count\":1000001}]", "groups[0].count"},
        {"\"all_devices\":true,\"groups\":[{\"size\":1}]", "groups[0].size"},
        {"\"all_devices\":true,\"groups\":[{\"name\":\"\",\"count\":1}]", "groups[0].name"},
        {"\"all_devices\":true,\"seed\":1000000000", "seed"},
        {"\"all_devices\":true,\"spread_by\":\"\"", "spread_by"},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct reply reply = create(rig, bad[i][0]);
        if (reply.status != 400)
            print_error("%s\n", bad[i][0]);
        assert_int_equal(reply.status, 400);
        assert_string_equal(reply_text(&reply, "field"), bad[i][1]);
        reply_free(&reply);
    }
    struct reply reply =
        rig_call(rig, "POST", "/api/v1/rollouts",
                 "{\"name\":\"a\",\"package_id\":\"x\",\"all_devices\":true}", NULL);
    assert_string_equal(reply_text(&reply, "detail"), "package_id must have 64 bytes");
    assert_string_equal(reply_text(&reply, "field"), "package_id");
    reply_free(&reply);
    assert_int_equal(rig->calls, 0);
}

static void a_package_that_is_not_there_is_no_missing_route(void **state)
{
    struct rig *rig = *state;
    rig->refuse_with = KEDGE_E_NOT_FOUND;
    rig->refuse_text = "there is no package";
    struct reply reply = create(rig, "\"all_devices\":true");
    assert_int_equal(reply.status, 422);
    assert_string_equal(reply_text(&reply, "detail"), "there is no package");
    reply_free(&reply);
}

static void each_change_is_carried_out_and_shown(void **state)
{
    static const char *const changes[][2] = {
        {"/api/v1/rollouts/1/start", "running"},          {"/api/v1/rollouts/1/pause", "paused"},
        {"/api/v1/rollouts/1/resume", "running"},         {"/api/v1/rollouts/1/abort", "aborting"},
        {"/api/v1/rollouts/1/roll-back", "rolling_back"}, {"/api/v1/rollouts/1/approve", "ready"}};
    struct rig *rig = *state;
    struct reply reply = create(rig, "\"all_devices\":true");
    reply_free(&reply);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        reply = rig_call(rig, "POST", changes[i][0], i % 2 == 0 ? NULL : "{}", NULL);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply_text(&reply, "state"), changes[i][1]);
        reply_free(&reply);
    }
    reply = rig_call(rig, "POST", changes[0][0], "{\"now\":true}", NULL);
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    reply = rig_call(rig, "POST", "/api/v1/rollouts/2/start", NULL, NULL);
    assert_int_equal(reply.status, 404);
    reply_free(&reply);
    rig->refuse_with = KEDGE_E_STATE;
    reply = rig_call(rig, "POST", changes[0][0], NULL, NULL);
    assert_int_equal(reply.status, 409);
    reply_free(&reply);
}

static const json_t *first(const struct reply *reply, const char *list)
{
    return json_array_get(json_object_get(reply->json, list), 0);
}

static void groups_and_deployments_are_listed_with_why(void **state)
{
    struct rig *rig = *state;
    struct reply reply = create(rig, "\"all_devices\":true");
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/rollouts/1/groups");
    assert_string_equal(json_string_value(json_object_get(first(&reply, "groups"), "explanation")),
                        "explained 0");
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/rollouts/1/deployments");
    const json_t *item = first(&reply, "deployments");
    assert_string_equal(json_string_value(json_object_get(item, "endpoint")), "boat-1");
    assert_string_equal(json_string_value(json_object_get(item, "state")), "pending");
    assert_true(json_is_null(json_object_get(item, "update_result")));
    assert_string_equal(json_string_value(json_object_get(item, "explanation")), "pending");
    reply_free(&reply);
    rig->live_deployment = 1;
    reply = rig_get(rig, "/api/v1/rollouts/1/deployments?state=pending&group=0&endpoint=boat-1");
    item = first(&reply, "deployments");
    assert_int_equal(json_integer_value(json_object_get(item, "bytes_done")), 50);
    assert_int_equal(json_integer_value(json_object_get(item, "bytes_total")), 200);
    assert_string_equal(json_string_value(json_object_get(item, "explanation")), "live");
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/rollouts/1/deployments?state=failed");
    assert_null(first(&reply, "deployments"));
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/rollouts/1/deployments?state=floating");
    assert_int_equal(reply.status, 400);
    assert_string_equal(reply_text(&reply, "field"), "state");
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/rollouts/2/deployments");
    assert_int_equal(reply.status, 404);
    reply_free(&reply);
}

static void the_history_goes_on_behind_the_last_entry_seen(void **state)
{
    char path[128];
    struct rig *rig = *state;
    struct reply reply = create(rig, "\"all_devices\":true");
    reply_free(&reply);
    reply = rig_get(rig, "/api/v1/rollouts/1/history?cursor=0");
    const json_t *entry = first(&reply, "history");
    assert_string_equal(json_string_value(json_object_get(entry, "to")), "draft");
    assert_true(json_is_null(json_object_get(entry, "group_index")));
    (void)snprintf(path, sizeof(path), "/api/v1/rollouts/1/history?cursor=%d",
                   (int)json_integer_value(json_object_get(entry, "id")));
    reply_free(&reply);
    reply = rig_get(rig, path);
    assert_int_equal(reply.status, 200);
    assert_null(first(&reply, "history"));
    reply_free(&reply);
}

static void rollouts_are_listed_newest_first_with_counts(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 2; i++) {
        struct reply reply = create(rig, "\"all_devices\":true");
        reply_free(&reply);
    }
    struct reply reply = rig_get(rig, "/api/v1/rollouts?limit=1");
    const json_t *item = first(&reply, "rollouts");
    assert_int_equal(json_integer_value(json_object_get(item, "id")), 2);
    const json_t *counts = json_object_get(item, "counts");
    assert_int_equal(json_integer_value(json_object_get(counts, "pending")), 1);
    assert_true(json_is_string(json_object_get(reply.json, "next")));
    reply_free(&reply);
}

static void *start_rollout(void *context)
{
    struct reply reply = rig_call(context, "POST", "/api/v1/rollouts/1/start", NULL, NULL);
    bool running = reply.status == 200 && strcmp(reply_text(&reply, "state"), "running") == 0;
    reply_free(&reply);
    return running ? context : NULL;
}

static void *stop_api(void *context)
{
    struct rig *rig = context;
    kedge_api_stop(rig->api);
    rig->api = NULL;
    return NULL;
}

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static void what_is_being_done_when_the_server_ends_is_answered(void **state)
{
    struct rig *rig = *state;
    pthread_t asking, stopping;
    void *answered = NULL;
    struct reply reply = create(rig, "\"all_devices\":true");
    reply_free(&reply);
    uint64_t before = __atomic_load_n(&rig->calls, __ATOMIC_RELAXED);
    pthread_mutex_lock(&rig->gate);
    assert_int_equal(pthread_create(&asking, NULL, start_rollout, rig), 0);
    while (__atomic_load_n(&rig->calls, __ATOMIC_RELAXED) == before)
        pause_ms(1);
    assert_int_equal(pthread_create(&stopping, NULL, stop_api, rig), 0);
    pause_ms(50); /* so that the end has begun; the answer must come whether it has or not */
    pthread_mutex_unlock(&rig->gate);
    assert_int_equal(pthread_join(asking, &answered), 0);
    assert_int_equal(pthread_join(stopping, NULL), 0);
    assert_non_null(answered);
}

#define ROLLOUT_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROLLOUT_TEST(a_draft_is_made_with_what_was_asked),
        ROLLOUT_TEST(listed_devices_come_through_in_order),
        ROLLOUT_TEST(groups_come_through_as_they_are_asked),
        ROLLOUT_TEST(groups_come_through_as_they_are_asked),
        ROLLOUT_TEST(a_filter_comes_through),
        ROLLOUT_TEST(a_way_back_comes_through),
        ROLLOUT_TEST(those_that_failed_get_a_rollout_of_their_own),
        ROLLOUT_TEST(what_is_no_longer_kept_is_said_and_not_tried_again),
        ROLLOUT_TEST(start_may_come_with_creation),
        ROLLOUT_TEST(a_rollout_is_refused_by_the_field_at_fault),
        ROLLOUT_TEST(a_package_that_is_not_there_is_no_missing_route),
        ROLLOUT_TEST(each_change_is_carried_out_and_shown),
        ROLLOUT_TEST(groups_and_deployments_are_listed_with_why),
        ROLLOUT_TEST(the_history_goes_on_behind_the_last_entry_seen),
        ROLLOUT_TEST(rollouts_are_listed_newest_first_with_counts),
        ROLLOUT_TEST(what_is_being_done_when_the_server_ends_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
