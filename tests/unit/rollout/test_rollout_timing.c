/* test_rollout_timing.c: start times, windows, gates that open in windows, and deadlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/engine_rig.h"

#include <string.h>

#define HOUR_MS 3600000u
/* NOW is a Tuesday, 22:13:20 UTC. */
#define NIGHT "daily 23:00-01:00 UTC"
#define OPENS (NOW + 2800000u)
#define SHUTS (OPENS + 2 * HOUR_MS)

static bool test_offset(void *context, const char *zone, uint64_t at_s,
                        struct kedge_zone_offset *out)
{
    (void)context;
    (void)at_s;
    *out = (struct kedge_zone_offset){.offset_s = strcmp(zone, "Test/West") == 0 ? -5 * 3600 : 0,
                                      .until_s = UINT64_MAX};
    return strcmp(zone, "Test/West") == 0 || strcmp(zone, KEDGE_ZONE_UTC) == 0;
}

static const struct kedge_zones zones = {.offset = test_offset};

static int set_up_zones(void **state)
{
    assert_int_equal(set_up(state), 0);
    struct fixture *f = *state;
    kedge_engine_use_zones(f->engine, &zones);
    f->spec.windows = NIGHT;
    return 0;
}

#define TIMING_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_zones, tear_down)

/* The INSTALL of this deployment in the last output; KEDGE_WINDOW_NEVER - 1: there is none. */
static uint64_t may_install(const struct fixture *f, uint64_t id)
{
    uint64_t until_ms = KEDGE_WINDOW_NEVER - 1;
    for (size_t i = 0; i < f->output.command_count; i++)
        if (f->output.commands[i].kind == KEDGE_COMMAND_INSTALL &&
            f->output.commands[i].deployment_id == id)
            until_ms = f->output.commands[i].install_until_ms;
    return until_ms;
}

static size_t installs(const struct fixture *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->output.command_count; i++)
        count += f->output.commands[i].kind == KEDGE_COMMAND_INSTALL;
    return count;
}

static void says_of_rollout(struct fixture *f, const char *words)
{
    char text[KEDGE_EXPLANATION_MAX];
    assert_int_equal(kedge_engine_explain_rollout(f->engine, 42, f->now_ms, text), KEDGE_OK);
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void download(struct fixture *f, uint64_t id)
{
    report(f, id, KEDGE_DEPLOYMENT_DOWNLOADING);
    report(f, id, KEDGE_DEPLOYMENT_DOWNLOADED);
}

/* ---- start times ---- */

static void a_rollout_starts_by_itself_at_its_time(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + HOUR_MS;
    assert_int_equal(create(f), KEDGE_OK);
    assert_true(f->output.next_tick_at_ms == NOW + HOUR_MS);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_READY);
    says_of_rollout(f, "starts by itself at 2023-11-14T23:13:20Z, in 1 h 0 min");
    tick_at(f, NOW + HOUR_MS - 1);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_READY);
    tick_at(f, NOW + HOUR_MS);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    assert_int_equal(offers(&f->output), 5);
    assert_audited(f, "server rollout.start, server group.start");
}

static void a_person_may_start_it_earlier(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + HOUR_MS;
    create_and_start(f);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 42), KEDGE_OK);
    tick_at(f, NOW + HOUR_MS);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_ABORTED);
}

static enum kedge_rc approve(struct fixture *f)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_ROLLOUT_APPROVE, .who = "bob", .rollout_id = 42};
    return kedge_engine_handle(f->engine, f->now_ms, &event, &f->output);
}

static void it_waits_for_its_approval_and_for_its_time(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + HOUR_MS;
    f->spec.policy.approval = KEDGE_APPROVAL_START;
    assert_int_equal(create(f), KEDGE_OK);
    tick_at(f, NOW + 2 * HOUR_MS);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_WAITING_FOR_APPROVAL);
    assert_int_equal(approve(f), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

static void an_approval_that_comes_when_no_window_opens_before_the_deadline_is_refused(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + HOUR_MS; /* in the window */
    f->spec.policy.deadline_s = 4 * 3600;
    f->spec.policy.approval = KEDGE_APPROVAL_START;
    assert_int_equal(create(f), KEDGE_OK);
    tick_at(f, SHUTS);
    assert_int_equal(approve(f), KEDGE_E_STATE);
    assert_string_equal(f->output.refusal,
                        "the windows never open before the deadline: first at 2023-11-15T23:00:00Z, "
                        "and the deadline is at 2023-11-15T05:00:00Z");
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_WAITING_FOR_APPROVAL);
    tick_at(f, OPENS + 23 * HOUR_MS); /* late enough for the next one */
    assert_int_equal(approve(f), KEDGE_OK);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

static void an_approval_before_the_start_time_counts_the_deadline_from_that(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = SHUTS + 20 * HOUR_MS;
    f->spec.policy.deadline_s = 4 * 3600;
    f->spec.policy.approval = KEDGE_APPROVAL_START;
    assert_int_equal(create(f), KEDGE_OK);
    tick_at(f, SHUTS);
    assert_int_equal(approve(f), KEDGE_OK);
    tick_at(f, SHUTS + 20 * HOUR_MS);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

/* The server was down when the time came, and is started when the window has shut again. */
static void a_start_that_is_too_late_for_the_windows_does_not_begin(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + HOUR_MS;
    f->spec.policy.deadline_s = 4 * 3600;
    assert_int_equal(create(f), KEDGE_OK);
    struct kedge_rollout record = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    struct kedge_deployment records[5];
    take_deployments(f, 101, 5, records);
    f->now_ms = SHUTS;
    reload(f, &record, &group, records, 5);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_READY);
    says_of_rollout(f, "ready: not started at its start time, 2023-11-14T23:13:20Z: the windows never "
                       "open before the deadline: first at 2023-11-15T23:00:00Z, and the deadline is "
                       "at 2023-11-15T05:00:00Z; waiting to be started, with 5 devices");
    assert_audited(f, "server rollout.start_missed");
    assert_int_equal(f->output.next_tick_at_ms, 0);

    /* That is durable, and said once; from now on it is a person's. */
    record = f->output.rollouts[0];
    reload(f, &record, &group, records, 5);
    assert_int_equal(f->output.rollout_count, 0);
    tick_at(f, OPENS + 24 * HOUR_MS);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_READY);
    start(f, 42);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

static void start_times_survive_restarts(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + HOUR_MS;
    assert_int_equal(create(f), KEDGE_OK);
    struct kedge_rollout record = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    struct kedge_deployment records[5];
    take_deployments(f, 101, 5, records);
    reload(f, &record, &group, records, 5);
    assert_true(f->output.next_tick_at_ms == NOW + HOUR_MS);
    f->now_ms = NOW + 3 * HOUR_MS; /* it was down when the time came */
    reload(f, &record, &group, records, 5);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
}

static void start_times_and_windows_stay_when_the_clock_is_set(void **state)
{
    struct fixture *f = *state;
    f->spec.start_at_ms = NOW + HOUR_MS;
    f->spec.policy.deadline_s = 86400;
    assert_int_equal(create(f), KEDGE_OK);
    kedge_engine_clock_stepped(f->engine, -(int64_t)(2 * HOUR_MS));
    tick_at(f, NOW - 2 * HOUR_MS);
    assert_true(f->output.next_tick_at_ms == NOW + HOUR_MS);
    kedge_engine_clock_stepped(f->engine, 4 * HOUR_MS);
    tick_at(f, NOW + 2 * HOUR_MS);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_RUNNING);
    /* Its window is open now; set back to before it opens, and on, what may be follows. */
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    download(f, 101);
    assert_true(may_install(f, 101) == SHUTS);
    kedge_engine_clock_stepped(f->engine, -(int64_t)(2 * HOUR_MS));
    tick_at(f, NOW);
    assert_true(may_install(f, 101) == 0);
    assert_says(f, 101, "waits for its window, which opens 2023-11-14T23:00:00Z");
    kedge_engine_clock_stepped(f->engine, HOUR_MS);
    tick_at(f, NOW + HOUR_MS);
    assert_true(may_install(f, 101) == SHUTS);
}

/* ---- windows ---- */

static void devices_download_at_any_time_and_install_in_their_window(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    assert_int_equal(offers(&f->output), 5);
    download(f, 101);
    assert_int_equal(installs(f), 0);
    assert_true(f->output.next_tick_at_ms == OPENS);
    assert_says(f, 101,
                "downloaded for 0 s: waits for its window, which opens "
                "2023-11-14T23:00:00Z (23:00 in UTC), in 46 min");
    says_of_rollout(f,
                    "5 are in flight (1 of them wait for their window, the next opens in 46 min)");
    tick_at(f, OPENS - 1);
    assert_int_equal(installs(f), 0);
    tick_at(f, OPENS);
    assert_int_equal(installs(f), 1);
    assert_true(may_install(f, 101) == SHUTS);
    assert_true(said(&f->output, "downloaded", "downloaded"));
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    tick_at(f, SHUTS); /* what installs is not stopped */
    assert_int_equal(installs(f), 0);
    report(f, 101, KEDGE_DEPLOYMENT_VERIFYING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUCCEEDED);
}

static void a_window_that_shuts_takes_its_word_back(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    download(f, 101);
    tick_at(f, OPENS);
    tick_at(f, SHUTS - 1);
    assert_int_equal(installs(f), 0);
    tick_at(f, SHUTS);
    assert_true(may_install(f, 101) == 0);
    assert_says(f, 101, "which opens 2023-11-15T23:00:00Z (23:00 in UTC), in 22 h 0 min");
    tick_at(f, OPENS + 24 * HOUR_MS);
    assert_true(may_install(f, 101) == SHUTS + 24 * HOUR_MS);
}

static void who_waits_for_a_window_holds_no_place(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 2;
    create_and_start(f);
    assert_int_equal(offers(&f->output), 2);
    for (uint64_t id = 101; id <= 105; id++)
        download(f, id);
    tick_at(f, OPENS); /* all are downloaded; two at once may install */
    assert_int_equal(installs(f), 2);
    assert_says(f, 105,
                "its window shuts 2023-11-15T01:00:00Z (01:00 in UTC), in 2 h 0 min, and it "
                "waits for a place: 2 of at most 2 devices are in flight");
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    assert_int_equal(installs(f), 0);
    report(f, 101, KEDGE_DEPLOYMENT_VERIFYING);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(installs(f), 1);
    assert_true(may_install(f, 103) == SHUTS);
}

static void a_paused_rollout_lets_nobody_install(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    download(f, 101);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    tick_at(f, OPENS);
    assert_int_equal(installs(f), 0);
    assert_says(f, 101, "the rollout is paused");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 42), KEDGE_OK);
    assert_int_equal(installs(f), 1);
}

static void a_device_has_the_window_of_its_own_zone(void **state)
{
    struct fixture *f = *state;
    struct kedge_engine_event moves = {.kind = KEDGE_EVENT_DEVICE_ZONE,
                                       .device = {.endpoint = "dev-1", .zone = "Test/West"}};
    f->targets[0].zone = "Test/West";
    f->targets[2].zone = "Test/Nowhere";
    create_and_start(f);
    for (uint64_t id = 101; id <= 103; id++)
        download(f, id);
    assert_says(f, 101, "opens 2023-11-15T04:00:00Z (23:00 in Test/West)");
    tick_at(f, OPENS);
    assert_int_equal(installs(f), 2);
    assert_true(may_install(f, 102) == SHUTS && may_install(f, 103) == SHUTS);
    /* It is tagged anew: what it was told was by another clock. */
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &moves, &f->output), KEDGE_OK);
    assert_true(may_install(f, 102) == 0);
    tick_at(f, OPENS + 5 * HOUR_MS);
    assert_true(may_install(f, 101) == SHUTS + 5 * HOUR_MS);
    assert_true(may_install(f, 102) == SHUTS + 5 * HOUR_MS);
}

static void downloads_can_be_kept_in_the_window(void **state)
{
    struct fixture *f = *state;
    f->spec.download_in_window = true;
    create_and_start(f);
    assert_int_equal(offers(&f->output), 0);
    assert_says(f, 101, "pending: waits for its window, which opens 2023-11-14T23:00:00Z");
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(offers(&f->output), 0);
    tick_at(f, OPENS);
    assert_int_equal(offers(&f->output), 5);
    tick_at(f, SHUTS);
    download(f, 101); /* it had begun */
    assert_int_equal(installs(f), 0);
}

static void a_sleeper_installs_when_it_wakes_up_in_its_window(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.in_flight_max = 1;
    create_and_start(f);
    download(f, 101);
    sleeps(f, "dev-0", NOW + 5 * HOUR_MS);
    tick_at(f, OPENS);
    assert_int_equal(installs(f), 0);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_true(may_install(f, 101) == SHUTS);
}

static void after_a_restart_nobody_is_waited_for_while_the_window_is_shut(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    download(f, 101);
    struct kedge_rollout record = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    struct kedge_deployment records[5];
    take_deployments(f, 101, 5, records);
    for (uint64_t i = 1; i < 5; i++) {
        records[i].state = KEDGE_DEPLOYMENT_SUCCEEDED;
        records[i].ended_at_ms = NOW;
    }
    reload(f, &record, &group, records, 5);
    assert_true(f->output.next_tick_at_ms == OPENS);
    tick_at(f, OPENS); /* and from now on for as long as an installation may take */
    assert_int_equal(installs(f), 0);
    assert_true(f->output.next_tick_at_ms == OPENS + 600000);
    device(f, KEDGE_EVENT_DEVICE_PRESENT, "dev-0", "1.0.0");
    assert_int_equal(offers(&f->output), 1);
    assert_true(may_install(f, 101) == SHUTS);
    assert_int_equal(f->output.commands[0].kind, KEDGE_COMMAND_OFFER);
}

static void after_a_restart_a_device_that_stays_away_in_its_window_times_out(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    download(f, 101);
    struct kedge_rollout record = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    struct kedge_deployment records[5];
    take_deployments(f, 101, 5, records);
    reload(f, &record, &group, records, 5);
    tick_at(f, OPENS);
    tick_at(f, OPENS + 600000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
}

/* The server starts again when 101 waits for its window; zones are told after the records were
 * loaded. */
static void starts_again_and_is_told_a_zone(struct fixture *f, uint64_t now_ms)
{
    struct kedge_engine_event moves = {.kind = KEDGE_EVENT_DEVICE_ZONE,
                                       .device = {.endpoint = "dev-0", .zone = "Test/West"}};
    create_and_start(f);
    download(f, 101);
    struct kedge_rollout record = *kedge_engine_rollout(f->engine, 42);
    struct kedge_group group = *kedge_engine_group(f->engine, 42, 0);
    struct kedge_deployment records[5];
    take_deployments(f, 101, 5, records);
    f->now_ms = now_ms;
    reload(f, &record, &group, records, 5);
    kedge_engine_use_zones(f->engine, &zones);
    assert_int_equal(kedge_engine_handle(f->engine, f->now_ms, &moves, &f->output), KEDGE_OK);
}

static void after_a_restart_who_stays_away_times_out_in_the_window_of_its_zone(void **state)
{
    struct fixture *f = *state;
    starts_again_and_is_told_a_zone(f, NOW);
    tick_at(f, OPENS + 5 * HOUR_MS);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_DOWNLOADED);
    tick_at(f, OPENS + 5 * HOUR_MS + 600000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
}

static void after_a_restart_nobody_times_out_in_the_window_of_another_zone(void **state)
{
    struct fixture *f = *state;
    starts_again_and_is_told_a_zone(f, OPENS);
    tick_at(f, OPENS + 600000);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_DOWNLOADED);
}

/* ---- deadlines ---- */

static void at_the_deadline_who_still_waits_for_a_window_has_run_out_of_time(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 3600;
    create_and_start(f);
    download(f, 101);
    download(f, 102);
    tick_at(f, OPENS);
    report(f, 101, KEDGE_DEPLOYMENT_INSTALLING);
    download(f, 103);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_PAUSE, 42), KEDGE_OK);
    download(f, 104); /* held back by the pause */
    tick_at(f, NOW + HOUR_MS);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_INSTALLING);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_DOWNLOADED); /* it may install */
    assert_int_equal(state_of(f, 104), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(f->output.commands[0].kind, KEDGE_COMMAND_CANCEL);
    assert_true(said(&f->output, "downloaded", "pending"));
    /* It was not the device's fault. */
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0);
}

static void after_the_deadline_nobody_waits_for_another_window(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 3600;
    create_and_start(f);
    download(f, 101);
    report(f, 102, KEDGE_DEPLOYMENT_DOWNLOADING);
    report(f, 103, KEDGE_DEPLOYMENT_DOWNLOADING);
    tick_at(f, OPENS);
    assert_true(may_install(f, 101) == SHUTS);
    tick_at(f, NOW + HOUR_MS);
    report(f, 102, KEDGE_DEPLOYMENT_DOWNLOADED); /* late, but its window is open */
    assert_true(may_install(f, 102) == SHUTS);
    tick_at(f, SHUTS); /* both could have begun, and have not */
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(state_of(f, 102), KEDGE_DEPLOYMENT_TIMED_OUT);
    report(f, 103, KEDGE_DEPLOYMENT_DOWNLOADED);
    assert_int_equal(state_of(f, 103), KEDGE_DEPLOYMENT_TIMED_OUT);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->errors, 0);
}

static void a_newer_rollout_takes_over_who_waits(void **state)
{
    struct fixture *f = *state;
    create_and_start(f);
    download(f, 101);
    f->spec.version = "1.2.0";
    f->spec.windows = NULL;
    report(f, 105, KEDGE_DEPLOYMENT_INSTALLING); /* the older one goes on for it */
    create_and_start(f);
    assert_int_equal(state_of(f, 101), KEDGE_DEPLOYMENT_SUPERSEDED);
    assert_int_equal(state_of(f, 106), KEDGE_DEPLOYMENT_OFFERED);
}

static void what_can_never_be_is_refused(void **state)
{
    struct fixture *f = *state;
    f->spec.policy.deadline_s = 2799;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_string_equal(f->output.refusal,
                        "the windows never open before the deadline: first at "
                        "2023-11-14T23:00:00Z, and the deadline is at 2023-11-14T22:59:59Z");
    f->spec.policy.deadline_s = 2800;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    f->spec.policy.deadline_s = 2801;
    assert_int_equal(create(f), KEDGE_OK);
    f->now_ms = SHUTS; /* whoever starts it now is told the same */
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 42), KEDGE_E_STATE);
    f->now_ms = NOW;
    f->spec.windows = NULL;
    f->spec.download_in_window = true;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    f->spec.download_in_window = false;
    f->spec.start_at_ms = NOW - 1;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    assert_non_null(strstr(f->output.refusal, "has passed"));
    f->spec.start_at_ms = NOW + (uint64_t)KEDGE_SPAN_MAX_S * 1000 + 1;
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
    f->spec.start_at_ms = 0;
    f->spec.windows = "Mon 25:00-26:00 UTC";
    assert_int_equal(create(f), KEDGE_E_ARGUMENT);
}

/* ---- gates ---- */

static void a_gate_opens_in_its_window(void **state)
{
    struct fixture *f = *state;
    f->spec.windows = NULL;
    f->spec.gate_windows = NIGHT;
    f->spec.group_count = 2;
    f->spec.policy.deployment_soak_s = 0;
    for (size_t i = 1; i < 5; i++)
        f->targets[i].group_index = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_SUCCEEDED);
    assert_int_equal(kedge_engine_group(f->engine, 42, 0)->state, KEDGE_GROUP_WAITING_FOR_GATE);
    says_of_rollout(f, "1 of 1 device succeeded, and the window of the gates opens "
                       "2023-11-14T23:00:00Z (23:00 in UTC), in 46 min");
    tick_at(f, NOW);
    assert_true(f->output.next_tick_at_ms == OPENS);
    tick_at(f, OPENS - 1);
    assert_int_equal(kedge_engine_group(f->engine, 42, 1)->state, KEDGE_GROUP_SCHEDULED);
    tick_at(f, OPENS);
    assert_int_equal(kedge_engine_group(f->engine, 42, 1)->state, KEDGE_GROUP_RUNNING);
    assert_int_equal(offers(&f->output), 4);
}

static void a_gate_that_stays_shut_waits_for_no_window(void **state)
{
    struct fixture *f = *state;
    f->spec.windows = NULL;
    f->spec.gate_windows = NIGHT;
    f->spec.group_count = 2;
    f->spec.policy.error_threshold_percent = 100;
    for (size_t i = 1; i < 5; i++)
        f->targets[i].group_index = 1;
    create_and_start(f);
    report(f, 101, KEDGE_DEPLOYMENT_FAILED);
    assert_int_equal(rollout_state(f, 42), KEDGE_ROLLOUT_PAUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TIMING_TEST(a_rollout_starts_by_itself_at_its_time),
        TIMING_TEST(a_person_may_start_it_earlier),
        TIMING_TEST(it_waits_for_its_approval_and_for_its_time),
        TIMING_TEST(an_approval_that_comes_when_no_window_opens_before_the_deadline_is_refused),
        TIMING_TEST(an_approval_before_the_start_time_counts_the_deadline_from_that),
        TIMING_TEST(a_start_that_is_too_late_for_the_windows_does_not_begin),
        TIMING_TEST(start_times_survive_restarts),
        TIMING_TEST(start_times_and_windows_stay_when_the_clock_is_set),
        TIMING_TEST(devices_download_at_any_time_and_install_in_their_window),
        TIMING_TEST(a_window_that_shuts_takes_its_word_back),
        TIMING_TEST(who_waits_for_a_window_holds_no_place),
        TIMING_TEST(a_paused_rollout_lets_nobody_install),
        TIMING_TEST(a_device_has_the_window_of_its_own_zone),
        TIMING_TEST(downloads_can_be_kept_in_the_window),
        TIMING_TEST(a_sleeper_installs_when_it_wakes_up_in_its_window),
        TIMING_TEST(after_a_restart_nobody_is_waited_for_while_the_window_is_shut),
        TIMING_TEST(after_a_restart_a_device_that_stays_away_in_its_window_times_out),
        TIMING_TEST(after_a_restart_who_stays_away_times_out_in_the_window_of_its_zone),
        TIMING_TEST(after_a_restart_nobody_times_out_in_the_window_of_another_zone),
        TIMING_TEST(at_the_deadline_who_still_waits_for_a_window_has_run_out_of_time),
        TIMING_TEST(after_the_deadline_nobody_waits_for_another_window),
        TIMING_TEST(a_newer_rollout_takes_over_who_waits),
        TIMING_TEST(what_can_never_be_is_refused),
        TIMING_TEST(a_gate_opens_in_its_window),
        TIMING_TEST(a_gate_that_stays_shut_waits_for_no_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
