/*
 * What devices without security may have written, and what is said of what was not: bounded, once a
 * minute, and without a word when there is nothing to say.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kedged/said.h"
#include "updater/kedged/bridge.h"
#include "updater/lwm2m/internal.h"
#include "updater/store/batch.h"

#define MINUTE_MS 60000u

struct scene {
    struct kedge_bridge bridge;
    char said[SAID_MAX];
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct kedge_net_config config = {.listen_count = 0};
    assert_int_equal(kedge_net_create(&config, &scene->bridge.net), KEDGE_OK);
    const struct kedge_fleet_config fleet = {.net = scene->bridge.net};
    assert_int_equal(kedge_fleet_create(&fleet, &scene->bridge.fleet), KEDGE_OK);
    kedge_pressure_watch(&scene->bridge);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    kedge_net_timer_cancel(scene->bridge.net, &scene->bridge.pressure.timer);
    kedge_fleet_destroy(scene->bridge.fleet);
    kedge_net_destroy(scene->bridge.net);
    free(scene);
    return 0;
}

static const char *said(struct scene *scene, uint64_t pass_ms)
{
    return said_within(scene->bridge.net, pass_ms, scene->said);
}

static void what_was_held_off_is_said_once_a_minute(void **state)
{
    struct scene *scene = *state;
    scene->bridge.net->counters.held_off = 1234;
    assert_string_equal(said(scene, MINUTE_MS - 1000), "");
    const char *words = said(scene, 2000);
    assert_non_null(strstr(words, "1234 requests of strangers were not answered"));
    assert_null(strchr(strchr(words, '\n') + 1, '\n'));
    /* Only what is new since then. */
    assert_string_equal(said(scene, 2 * MINUTE_MS), "");
    scene->bridge.net->counters.held_off += 7;
    assert_non_null(strstr(said(scene, MINUTE_MS), " 7 requests of strangers"));
}

static void each_kind_is_said_by_itself(void **state)
{
    struct scene *scene = *state;
    scene->bridge.fleet->counters.pushed_out = 55;
    assert_non_null(strstr(said(scene, MINUTE_MS + 1000),
                           " 55 devices that registered and answered nothing gave way"));
    assert_null(strstr(scene->said, "requests of strangers"));
    scene->bridge.pressure.unaudited = 3;
    const char *words = said(scene, MINUTE_MS);
    assert_non_null(strstr(words, " 3 devices were registered from another address and are not in "
                                  "the audit log: more than 10 a second"));
    assert_null(strstr(words, "gave way"));
}

static void entries_of_the_audit_log_are_bounded_at_once_and_in_the_long_run(void **state)
{
    struct scene *scene = *state;
    unsigned taken = 0;
    for (unsigned i = 0; i < 3 * KEDGE_PRESSURE_AUDIT_BURST; i++)
        taken += kedge_pressure_may_audit(&scene->bridge);
    assert_int_equal(taken, KEDGE_PRESSURE_AUDIT_BURST);
    assert_int_equal(scene->bridge.pressure.unaudited, 2 * KEDGE_PRESSURE_AUDIT_BURST);
    taken = 0;
    for (unsigned i = 0; i < 60000; i++) {
        scene->bridge.net->now_ms++;
        taken += kedge_pressure_may_audit(&scene->bridge);
    }
    assert_int_equal(taken, 60 * KEDGE_PRESSURE_AUDIT_PER_S);
}

/* How many devices that never said who they are stay, as the record's batch says; 0: it does not.
 */
static uint64_t kept_after(struct scene *scene, const struct kedge_device_record *record)
{
    struct kedge_batch *batch = kedge_batch_create();
    uint64_t kept = 0;
    assert_non_null(batch);
    assert_int_equal(kedge_pressure_gone(&scene->bridge, batch, record), KEDGE_OK);
    assert_true(batch->count <= 1);
    if (batch->first != NULL) {
        assert_int_equal(batch->first->kind, KEDGE_ROW_TRIM_DEVICES);
        assert_int_equal(batch->first->size, sizeof kept);
        memcpy(&kept, batch->first->record, sizeof kept);
    }
    kedge_batch_destroy(batch);
    return kept;
}

static void strangers_that_have_gone_are_trimmed_now_and_then(void **state)
{
    struct scene *scene = *state;
    static struct kedge_device_record stranger, known;
    unsigned trimmed = 0;
    strcpy(known.version, "1.0.0");
    for (unsigned i = 1; i <= 3 * KEDGE_PRESSURE_STRANGERS_MORE; i++) {
        uint64_t kept = kept_after(scene, &stranger);
        assert_int_equal(
            kept, i % KEDGE_PRESSURE_STRANGERS_MORE == 0 ? KEDGE_PRESSURE_STRANGERS_KEPT : 0);
        trimmed += kept != 0;
        /* Who has said who it is counts for nothing, nor does who is there. */
        assert_int_equal(kept_after(scene, &known), 0);
        stranger.registered = true;
        assert_int_equal(kept_after(scene, &stranger), 0);
        stranger.registered = false;
    }
    assert_int_equal(trimmed, 3);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(what_was_held_off_is_said_once_a_minute),
        SCENE_TEST(each_kind_is_said_by_itself),
        SCENE_TEST(entries_of_the_audit_log_are_bounded_at_once_and_in_the_long_run),
        SCENE_TEST(strangers_that_have_gone_are_trimmed_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
