/*
 * A model of everything around the engine, driven by seeded random numbers in simulated time:
 * devices that come, go, sleep, fail, die and lie; a driver; people who start, pause, resume and
 * abort; a store that makes batches durable later, loses them, and is reloaded after a crash.
 *
 * After every event the invariants are checked against mirrors built from the engine's outputs
 * only. The same file is compiled against engines with one line made wrong (see CMakeLists.txt):
 * each of those must break an invariant. An engine that does not come back from an event breaks one
 * too: a watchdog that counts processor time says so.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/rollout/model.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

struct world *w;

void broken(const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fail_msg("invariant broken: %s (seed %" PRIu64 ", step %" PRIu64 ")", text, w->seed, w->steps);
    abort();
}

static uint64_t random_number(void)
{
    w->random += 0x9e3779b97f4a7c15u; /* SplitMix64 */
    uint64_t x = w->random;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static unsigned below(unsigned limit)
{
    return (unsigned)(random_number() % limit);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

struct device *device_of(const char *endpoint)
{
    return &w->devices[atoi(endpoint + 1)];
}

bool rollout_exists(uint64_t id)
{
    return id >= 1 && id <= w->seen.last.rollout_id && w->seen.rollouts[id].id == id;
}

/* ---- the watchdog ---- */

#define WATCHDOG_S 2 /* of processor time; an event takes well under a millisecond */

/* Events of all histories. The handler looks at this alone: what the histories allocate may be on
 * its way to being freed when it is called. */
static atomic_uint watched_steps;

static void watch(int number)
{
    static unsigned steps = UINT_MAX;
    static const char words[] = "invariant broken: the engine does not come back from an event\n";
    (void)number;
    unsigned now = atomic_load(&watched_steps);
    if (now == steps) {
        ssize_t written = write(STDERR_FILENO, words, sizeof(words) - 1);
        _exit(written > 0 ? 1 : 2);
    }
    steps = now;
}

static void start_watchdog(void)
{
    struct itimerval every = {.it_interval.tv_sec = WATCHDOG_S, .it_value.tv_sec = WATCHDOG_S};
    struct sigaction action = {.sa_handler = watch, .sa_flags = SA_RESTART};
    assert_int_equal(sigaction(SIGVTALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_VIRTUAL, &every, NULL), 0);
}

/* ---- the store ---- */

static void apply(struct mirror *mirror, const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->rollout_count; i++) {
        const struct kedge_rollout *record = &output->rollouts[i];
        mirror->rollouts[record->id] = *record;
        if (record->id > mirror->last.rollout_id)
            mirror->last.rollout_id = record->id;
    }
    for (size_t i = 0; i < output->group_count; i++)
        mirror->groups[output->groups[i].rollout_id][output->groups[i].index] = output->groups[i];
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *record = &output->deployments[i];
        mirror->deployments[record->id] = *record;
        if (record->id > mirror->last.deployment_id)
            mirror->last.deployment_id = record->id;
    }
}

static void carry_out(const struct kedge_engine_command *command)
{
    const struct kedge_deployment *record = &w->durable.deployments[command->deployment_id];
    struct device *device = device_of(command->endpoint);
    INVARIANT(record->id == command->deployment_id, "a command for what is not durable");
    if (command->kind == KEDGE_COMMAND_CANCEL) {
        INVARIANT(!kedge_deployment_state_busy(record->state), "a cancel of what goes on");
        if (device->job == command->deployment_id)
            device->job = 0;
        return;
    }
    INVARIANT(kedge_deployment_state_busy(record->state),
              "an offer of what is not durably offered");
    if (kedge_engine_device_deployment(w->engine, command->endpoint) != command->deployment_id)
        return; /* out of date: it has ended meanwhile */
    INVARIANT(device->job == 0 || device->job == command->deployment_id,
              "%s is given to the driver for two deployments", device->endpoint);
    if (device->job == 0)
        device->phase = KEDGE_DEPLOYMENT_OFFERED;
    device->job = command->deployment_id;
}

static void make_durable(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        apply(&w->durable, &w->queue[i]);
        for (size_t c = 0; c < w->queue[i].command_count; c++)
            carry_out(&w->queue[i].commands[c]);
        kedge_engine_output_clear(&w->queue[i]);
    }
    memmove(&w->queue[0], &w->queue[count], (w->queued - count) * sizeof(w->queue[0]));
    w->queued -= count;
}

/* What begins with a device is its own affair, and ends what an earlier rollout may ask of it. */
static void follow_successes(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->deployment_count; i++)
        if (output->deployments[i].state == KEDGE_DEPLOYMENT_SUCCEEDED)
            device_of(output->deployments[i].endpoint)->kept = output->deployments[i].id;
    for (size_t i = 0; i < output->deployment_count; i++)
        if (kedge_deployment_state_busy(output->deployments[i].state))
            device_of(output->deployments[i].endpoint)->kept = 0;
}

static void take_output(struct kedge_engine_output *output)
{
    check_output(output);
    follow_successes(output);
    apply(&w->seen, output);
    check_seen(output);
    if (w->queued == QUEUE_MAX)
        make_durable(1);
    w->queue[w->queued++] = *output; /* handed over */
    kedge_engine_output_init(output);
}

static enum kedge_rc handle(const struct kedge_engine_event *event)
{
    struct kedge_engine_output output;
    kedge_engine_output_init(&output);
    w->steps++;
    atomic_fetch_add(&watched_steps, 1);
    enum kedge_rc rc = kedge_engine_handle(w->engine, w->now_ms, event, &output);
    if (rc == KEDGE_OK)
        take_output(&output);
    else
        INVARIANT(!kedge_engine_output_has_records(&output) && output.refusal[0] != '\0',
                  "a refusal without words, or with records");
    kedge_engine_output_clear(&output);
    return rc;
}

static void load(void)
{
    struct kedge_engine_output output;
    kedge_engine_output_init(&output);
    assert_int_equal(kedge_engine_create(&w->durable.last, &w->engine), KEDGE_OK);
    if (w->slice_moves > 0)
        kedge_engine_set_slice(w->engine, w->slice_moves);
    for (uint64_t id = 1; id <= w->durable.last.rollout_id; id++) {
        const struct kedge_rollout *rollout = &w->durable.rollouts[id];
        if (rollout->id == 0)
            continue;
        INVARIANT(kedge_engine_load_rollout(w->engine, rollout) == KEDGE_OK,
                  "a rollout not loaded");
        for (uint32_t g = 0; g < rollout->group_count; g++)
            INVARIANT(kedge_engine_load_group(w->engine, &w->durable.groups[id][g]) == KEDGE_OK,
                      "a group not loaded");
    }
    for (uint64_t id = 1; id <= w->durable.last.deployment_id; id++)
        if (w->durable.deployments[id].id != 0)
            INVARIANT(kedge_engine_load_deployment(w->engine, &w->durable.deployments[id]) ==
                          KEDGE_OK,
                      "a deployment not loaded");
    INVARIANT(kedge_engine_load_done(w->engine, w->now_ms, &output) == KEDGE_OK, "not loaded");
    take_output(&output);
}

static void tell(struct device *device)
{
    enum kedge_engine_event_kind there =
        device->asleep ? KEDGE_EVENT_DEVICE_ASLEEP : KEDGE_EVENT_DEVICE_PRESENT;
    struct kedge_engine_event event = {.kind = device->present ? there : KEDGE_EVENT_DEVICE_GONE,
                                       .device = {.endpoint = device->endpoint,
                                                  .vendor = VENDOR,
                                                  .class_name = CLASS,
                                                  .version = device->version,
                                                  .expected_at_ms = w->now_ms + 30000}};
    device->untold = false;
    if (device->told_asleep && device->present && !device->asleep &&
        kedge_engine_device_deployment(w->engine, device->endpoint) != 0)
        device->woke = true;
    device->told_asleep = device->present ? device->asleep : device->told_asleep;
    if (event.kind == KEDGE_EVENT_DEVICE_PRESENT)
        memcpy(device->told, device->version, sizeof(device->told));
    assert_int_equal(handle(&event), KEDGE_OK);
}

/* The engine is lost with all that is not durable; in a crash of the server the driver too. */
static void crash(bool whole_server)
{
    kedge_engine_destroy(w->engine);
    for (size_t i = 0; i < w->queued; i++)
        kedge_engine_output_clear(&w->queue[i]);
    w->queued = 0;
    w->seen = w->durable;
    memset(w->paces, 0, sizeof(w->paces));
    for (int i = 0; i < DEVICES; i++) {
        w->devices[i].untold = true;
        w->devices[i].woke = true; /* it may have slept at what is not durable now */
        w->devices[i].told_asleep = false;
        w->devices[i].kept = 0;
        w->devices[i].told[0] = '\0';
        if (whole_server)
            w->devices[i].job = 0;
    }
    load();
    if (!whole_server)
        for (int i = 0; i < DEVICES; i++)
            tell(&w->devices[i]);
}

/* ---- devices and the driver ---- */

static void report(struct device *device, enum kedge_deployment_state state)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                       .report = {.deployment_id = device->job,
                                                  .state = state,
                                                  .update_result = KEDGE_UPDATE_RESULT_NONE,
                                                  .reason = "the model says so",
                                                  .bytes_done = 10,
                                                  .bytes_total = 20}};
    device->phase = state;
    if (kedge_deployment_state_ended(state))
        device->job = 0;
    assert_int_equal(handle(&event), KEDGE_OK);
}

static void end_job(struct device *device)
{
    const struct kedge_deployment *record = &w->seen.deployments[device->job];
    const char *wanted = w->seen.rollouts[record->rollout_id].version;
    if (chance(20)) {
        report(device, chance(50) ? KEDGE_DEPLOYMENT_FAILED : KEDGE_DEPLOYMENT_REJECTED);
        return;
    }
    (void)snprintf(device->version, sizeof(device->version), "%.15s", wanted);
    tell(device);
    if (device->job != 0)
        report(device, KEDGE_DEPLOYMENT_SUCCEEDED);
}

static void work(struct device *device)
{
    if (device->job == 0)
        return;
    const struct kedge_deployment *record = &w->seen.deployments[device->job];
    if (device->dead || chance(1)) {
        report(device, KEDGE_DEPLOYMENT_TIMED_OUT);
        return;
    }
    if (!device->present || device->asleep)
        return;
    if (strcmp(device->version, w->seen.rollouts[record->rollout_id].version) == 0)
        report(device, KEDGE_DEPLOYMENT_SUCCEEDED);
    else if (device->phase == KEDGE_DEPLOYMENT_VERIFYING)
        end_job(device);
    else if (chance(5))
        report(device, KEDGE_DEPLOYMENT_OFFERED); /* it lost its download */
    else
        report(device, (enum kedge_deployment_state)(device->phase + 1));
}

static void flap(struct device *device)
{
    if (device->dead)
        return;
    device->present = !device->present || chance(60);
    device->asleep = device->present && chance(30);
    tell(device);
}

/* One whose group soaks, if there is one: that is when falling back matters most. */
static struct device *soaking_device(struct device *otherwise)
{
    for (int i = 0; i < DEVICES; i++) {
        const struct kedge_deployment *record = &w->seen.deployments[w->devices[i].kept];
        if (record->id != 0 &&
            w->seen.groups[record->rollout_id][record->group_index].state == KEDGE_GROUP_SOAKING)
            return &w->devices[i];
    }
    return otherwise;
}

/* It goes back to what it ran before, and its success with it. */
static void fall_back(struct device *device)
{
    uint64_t id = device->kept;
    if (id == 0 || device->job != 0 || !device->present || device->asleep || device->untold)
        return;
    const struct kedge_rollout *rollout = &w->seen.rollouts[w->seen.deployments[id].rollout_id];
    bool counts = !kedge_rollout_state_ended(rollout->state) &&
                  strcmp(device->told, rollout->version) == 0 &&
                  strcmp(device->version, rollout->version) == 0;
    (void)snprintf(device->version, sizeof(device->version), "0.0.%u", below(3));
    tell(device);
    INVARIANT(!counts || w->seen.deployments[id].state == KEDGE_DEPLOYMENT_FAILED,
              "deployment %" PRIu64 " has succeeded on a device that fell back", id);
}

static void lie(void)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT};
    event.report.deployment_id = below(DEPLOYMENTS_MAX);
    event.report.state = chance(50) ? KEDGE_DEPLOYMENT_PENDING : KEDGE_DEPLOYMENT_SUPERSEDED;
    assert_int_equal(handle(&event), KEDGE_E_ARGUMENT);
    const struct kedge_deployment *record = &w->seen.deployments[event.report.deployment_id];
    if (record->id != 0 && kedge_deployment_state_busy(record->state))
        return;
    event.report.state = KEDGE_DEPLOYMENT_SUCCEEDED; /* of what has ended or was not offered */
    assert_int_equal(handle(&event), KEDGE_OK);
}

/* ---- people ---- */

static void create(void)
{
    static struct kedge_rollout_target targets[DEVICES];
    static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    uint32_t groups = 1 + below(GROUPS_MAX);
    bool dynamic = groups < GROUPS_MAX && chance(30);
    /* Every other rollout has groups of ten, twenty ... devices, and thresholds that such a group
     * can meet to the device: boundaries are where an engine goes wrong. */
    bool exact = chance(50);
    size_t count = 0, most = exact ? 10 * groups * (1 + below(DEVICES / 10 / groups)) : DEVICES;
    if (w->created == CREATED_MAX)
        return;
    w->created++;
    for (unsigned i = 0; i < DEVICES && count < most; i++) {
        struct device *device = &w->devices[i];
        if (!exact && count >= groups && chance(40))
            continue;
        targets[count] = (struct kedge_rollout_target){
            .endpoint = device->endpoint,
            .known = true,
            .vendor = VENDOR,
            .class_name = CLASS,
            .version = device->version,
            .present = device->present && !device->untold,
            .asleep = device->asleep,
            .group_index = exact || count < groups ? (uint32_t)count % groups : below(groups)};
        count++;
    }
    char version[16];
    (void)snprintf(version, sizeof(version), "1.%u.0", below(6));
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_CREATE,
                                       .who = "alice",
                                       .create = {.name = "model",
                                                  .package_id = id,
                                                  .vendor = VENDOR,
                                                  .class_name = CLASS,
                                                  .version = version,
                                                  .sequence = w->steps,
                                                  .all_devices = dynamic,
                                                  .dynamic = dynamic,
                                                  .group_count = groups,
                                                  .targets = targets,
                                                  .target_count = count}};
    kedge_rollout_policy_default(&event.create.policy);
    event.create.policy.in_flight_max = 1 + below(chance(50) ? 3 : 20);
    event.create.policy.error_threshold_percent = exact ? 10 * below(4) : below(101);
    event.create.policy.error_minimum_sample = below(20);
    if (chance(50)) {
        event.create.policy.failed_threshold_percent = exact ? 10 * below(3) : below(101);
        event.create.policy.rejected_threshold_percent = exact ? 10 * below(3) : below(101);
        event.create.policy.timed_out_threshold_percent = exact ? 10 * below(3) : below(101);
    }
    if (chance(40)) {
        event.create.policy.offers_per_minute = 1 + below(60);
        event.create.policy.ramp_successes = 1 + below(20);
        if (chance(50))
            event.create.policy.offers_per_minute_max =
                event.create.policy.offers_per_minute + below(300);
    }
    if (chance(60)) {
        event.create.policy.retry_failed = 1 + below(3);
        event.create.policy.retry_rejected = below(3);
        event.create.policy.retry_timed_out = below(3);
        event.create.policy.retry_after_s = 1 + below(60);
        event.create.policy.retry_after_max_s = chance(50) ? below(100) : 0;
    }
    if (chance(40))
        event.create.policy.approval = (enum kedge_approval)below(3);
    struct kedge_group_gate gates[GROUPS_MAX];
    struct kedge_group_plan plans[GROUPS_MAX];
    for (uint32_t g = 0; g < groups; g++) {
        kedge_group_gate_unset(&gates[g]);
        plans[g] = (struct kedge_group_plan){.gate = &gates[g]};
        if (chance(30))
            gates[g].error_threshold_percent = exact ? 10 * below(4) : below(101);
        if (chance(30))
            gates[g].error_minimum_sample = below(20);
        if (chance(30))
            gates[g].success_threshold_percent = below(101);
        if (chance(30))
            gates[g].group_soak_s = below(60);
        if (chance(30))
            gates[g].approval = below(2);
    }
    event.create.groups = plans;
    event.create.policy.error_action = (enum kedge_error_action)below(3);
    char back[16];
    (void)snprintf(back, sizeof(back), "0.%u.0", below(3));
    if (event.create.policy.error_action == KEDGE_ERROR_ROLL_BACK || chance(30)) {
        event.create.revert_package_id = id;
        event.create.revert_version = back;
        event.create.revert_sequence = w->steps + 1;
    }
    event.create.policy.success_threshold_percent = below(101);
    event.create.policy.group_soak_s = below(60);
    event.create.policy.deadline_s = chance(50) ? 100 + below(4000) : 0;
    assert_int_equal(handle(&event), KEDGE_OK);
}

static void act(enum kedge_engine_event_kind kind)
{
    struct kedge_engine_event event = {.kind = kind, .who = chance(50) ? "alice" : "bob"};
    event.rollout_id = 1 + below((unsigned)w->seen.last.rollout_id + 1);
    if (rollout_exists(event.rollout_id))
        (void)!handle(&event); /* a refusal is checked in handle() */
}

/* Every other time one with a device that installs, which is what an abort waits for. */
static void abort_one(void)
{
    uint64_t id = w->seen.last.deployment_id;
    if (chance(50)) {
        act(KEDGE_EVENT_ROLLOUT_ABORT);
        return;
    }
    while (id > 0 && w->seen.deployments[id].state != KEDGE_DEPLOYMENT_INSTALLING)
        id--;
    const struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_ABORT,
                                             .who = "alice",
                                             .rollout_id = w->seen.deployments[id].rollout_id};
    (void)!handle(&event);
}

/* Some device has come to match some rollout. */
static void join(void)
{
    struct device *device = &w->devices[below(DEVICES)];
    uint64_t id = kedge_engine_joinable(w->engine, chance(50) ? 0 : 1 + below(ROLLOUTS_MAX));
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_JOIN,
                                       .rollout_id = id,
                                       .join = {.endpoint = device->endpoint,
                                                .known = true,
                                                .vendor = VENDOR,
                                                .class_name = CLASS,
                                                .version = device->version,
                                                .present = false}};
    assert_int_equal(handle(&event), KEDGE_OK);
    tell(device);
}

/* ---- time ---- */

static void pass_time(uint64_t most_ms)
{
    uint64_t until_ms = w->now_ms + random_number() % most_ms;
    uint64_t due_ms;
    while ((due_ms = kedge_engine_next_tick_at_ms(w->engine)) != 0 && due_ms <= until_ms) {
        struct kedge_engine_event event = {.kind = KEDGE_EVENT_TICK};
        w->now_ms = due_ms > w->now_ms ? due_ms : w->now_ms;
        assert_int_equal(handle(&event), KEDGE_OK);
    }
    w->now_ms = until_ms;
}

static void one_random_thing(void)
{
    unsigned dice = below(1000);
    struct device *device = &w->devices[below(DEVICES)];
    if (dice < 700)
        work(device);
    else if (dice < 790)
        flap(device);
    else if (dice < 800)
        join();
    else if (dice < 820)
        fall_back(chance(50) ? soaking_device(device) : device);
    else if (dice < 870)
        pass_time(20000);
    else if (dice < 940)
        make_durable(below((unsigned)w->queued + 1));
    else if (dice < 952)
        create();
    else if (dice < 968)
        act(KEDGE_EVENT_ROLLOUT_START);
    else if (dice < 971)
        act(KEDGE_EVENT_ROLLOUT_APPROVE);
    else if (dice < 974)
        act(KEDGE_EVENT_ROLLOUT_PAUSE);
    else if (dice < 988)
        act(KEDGE_EVENT_ROLLOUT_RESUME);
    else if (dice < 989)
        abort_one();
    else if (dice < 990)
        act(KEDGE_EVENT_ROLLOUT_ROLL_BACK);
    else if (dice < 994)
        lie();
    else if (dice < 996)
        crash(true);
    else if (dice < 998)
        crash(false);
    else if (dice < 999)
        device->dead = true, device->present = false, tell(device);
    else
        act(KEDGE_EVENT_ROLLOUT_CLOSE);
}

/* When all that can answer does, all that was started ends. */
static void everything_ends(void)
{
    for (int round = 0; round < 800; round++) {
        for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
            if (!rollout_exists(id))
                continue;
            struct kedge_engine_event event = {.who = "alice", .rollout_id = id};
            struct kedge_engine_event approval = {
                .who = "bob", .kind = KEDGE_EVENT_ROLLOUT_APPROVE, .rollout_id = id};
            (void)!handle(&approval); /* where it waits for that */
            event.kind = KEDGE_EVENT_ROLLOUT_CLOSE;
            if (round == 300)
                (void)!handle(&event); /* where devices might join for ever */
            event.kind = KEDGE_EVENT_ROLLOUT_RESUME;
            if (w->seen.rollouts[id].state == KEDGE_ROLLOUT_PAUSED)
                assert_int_equal(handle(&event), KEDGE_OK);
            event.kind = KEDGE_EVENT_ROLLOUT_START;
            if (w->seen.rollouts[id].state == KEDGE_ROLLOUT_READY && chance(30))
                assert_int_equal(handle(&event), KEDGE_OK);
        }
        make_durable(w->queued);
        for (int i = 0; i < DEVICES; i++) {
            struct device *device = &w->devices[i];
            if (!device->dead && (!device->present || device->asleep || device->untold)) {
                device->present = true;
                device->asleep = false;
                tell(device);
            }
            make_durable(w->queued);
            work(device);
        }
        pass_time(200000);
    }
    make_durable(w->queued);
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->id == 0 || kedge_deployment_state_ended(record->state))
            continue;
        const struct kedge_rollout *rollout = &w->seen.rollouts[record->rollout_id];
        bool waits_for_the_dead = record->state == KEDGE_DEPLOYMENT_PENDING;
        if (waits_for_the_dead) {
            bool any_dead = false;
            for (uint64_t other = 1; other <= w->seen.last.deployment_id && !any_dead; other++) {
                const struct kedge_deployment *peer = &w->seen.deployments[other];
                any_dead = peer->id != 0 && peer->rollout_id == rollout->id &&
                           peer->state == KEDGE_DEPLOYMENT_PENDING &&
                           device_of(peer->endpoint)->dead;
            }
            waits_for_the_dead = any_dead && rollout->deadline_at_ms == 0;
        }
        INVARIANT(waits_for_the_dead,
                  "deployment %" PRIu64 " of the %s rollout %" PRIu64 " never ended, it is %s", id,
                  kedge_rollout_state_name(rollout->state), rollout->id,
                  kedge_deployment_state_name(record->state));
    }
}

static void run_seed(uint64_t seed)
{
    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->seed = seed;
    w->random = seed * 7919;
    w->now_ms = 1700000000000u;
    w->slice_moves = seed % 3 == 0 ? 1 + below(8) : 0; /* smaller ones than kedged has */
    for (int i = 0; i < DEVICES; i++) {
        (void)snprintf(w->devices[i].endpoint, sizeof(w->devices[i].endpoint), "d%d", i);
        (void)snprintf(w->devices[i].version, sizeof(w->devices[i].version), "1.%d.0", i % 2);
        w->devices[i].present = i % 4 != 0;
    }
    load();
    for (int i = 0; i < 6000; i++)
        one_random_thing();
    everything_ends();
    make_durable(w->queued);
    kedge_engine_destroy(w->engine);
    free(w);
    w = NULL;
}

static void the_invariants_hold_in_every_history(void **state)
{
    (void)state;
    const char *seeds = getenv("KEDGE_MODEL_SEEDS");
    start_watchdog();
    uint64_t count = seeds == NULL ? 12 : strtoull(seeds, NULL, 10);
    for (uint64_t seed = 1; seed <= count; seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_invariants_hold_in_every_history)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
