/* model_operations.c: what devices, people and the time do in one step. */
#include "tests/unit/rollout/model.h"

#include <string.h>

/* ---- devices ---- */

static struct device *any_device(void)
{
    return &w->devices[below(w->device_count)];
}

/* From any of them on, those that the driver works on; of a great fleet many at once. */
static void do_work(void)
{
    uint32_t first = below(w->device_count), left = 1 + below(1 + w->device_count / 100);
    for (uint32_t i = 0; i < w->device_count && left > 0 && !w->cut; i++) {
        struct device *device = &w->devices[(first + i) % w->device_count];
        if (device->job == 0)
            continue;
        work(device);
        left--;
    }
}

static void do_flap(void)
{
    struct device *device = any_device();
    if (device->dead)
        return;
    device->present = !device->present || chance(60);
    device->asleep = device->present && chance(30);
    say("%s %s", device->endpoint,
        !device->present ? "goes"
        : device->asleep ? "falls asleep"
                         : "is there, and awake");
    tell(device);
}

static void do_die(void)
{
    struct device *device = any_device();
    device->dead = true;
    device->present = false;
    say("%s goes and never comes back", device->endpoint);
    tell(device);
}

static void do_zone(void)
{
    struct device *device = any_device();
    (void)snprintf(device->zone, sizeof(device->zone), "%s", model_zone(below(5)));
    say("%s is in the zone \"%s\" now", device->endpoint, device->zone);
    tell(device);
}

/* One whose group soaks, if there is one: that is when falling back matters most. */
static struct device *soaking_device(struct device *otherwise)
{
    for (uint32_t i = 0; i < w->device_count; i++) {
        const struct kedge_deployment *record = &w->seen.deployments[w->devices[i].kept];
        if (record->id != 0 &&
            w->seen.groups[record->rollout_id][record->group_index].state == KEDGE_GROUP_SOAKING)
            return &w->devices[i];
    }
    return otherwise;
}

/* It goes back to what it ran before, and its success with it. */
static void do_fall_back(void)
{
    struct device *any = any_device(), *device = chance(50) ? soaking_device(any) : any;
    uint64_t id = device->kept;
    if (id == 0 || device->job != 0 || !device->present || device->asleep || device->untold)
        return;
    const struct kedge_rollout *rollout = &w->seen.rollouts[w->seen.deployments[id].rollout_id];
    bool counts = !kedge_rollout_state_ended(rollout->state) &&
                  strcmp(device->told, rollout->version) == 0 &&
                  strcmp(device->version, rollout->version) == 0;
    (void)snprintf(device->version, sizeof(device->version), "0.0.%u", 7 + below(3));
    say("%s falls back to %s", device->endpoint, device->version);
    tell(device);
    INVARIANT(!counts || w->seen.deployments[id].state == KEDGE_DEPLOYMENT_FAILED,
              "deployment %" PRIu64 " has succeeded on a device that fell back", id);
}

static void do_lie(void)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT};
    event.report.deployment_id = 1 + below((unsigned)w->seen.last.deployment_id + 1);
    if (event.report.deployment_id > w->deployments_max)
        return;
    event.report.state = chance(50) ? KEDGE_DEPLOYMENT_PENDING : KEDGE_DEPLOYMENT_SUPERSEDED;
    say("somebody reports that deployment %" PRIu64 " is %s, and succeeded",
        event.report.deployment_id, kedge_deployment_state_name(event.report.state));
    INVARIANT(handle(&event) == KEDGE_E_ARGUMENT, "a report that there cannot be is taken");
    const struct kedge_deployment *record = &w->seen.deployments[event.report.deployment_id];
    if (record->id != 0 && kedge_deployment_state_busy(record->state))
        return;
    event.report.state = KEDGE_DEPLOYMENT_SUCCEEDED; /* of what has ended or was not offered */
    INVARIANT(handle(&event) == KEDGE_OK, "a late report is refused");
}

/* Some device has come to match some rollout. */
static void do_join(void)
{
    struct device *device = any_device();
    uint64_t before = chance(50) ? 0 : 1 + below(w->rollouts_max);
    uint64_t id = kedge_engine_joinable(w->engine, before);
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_JOIN,
                                       .rollout_id = id,
                                       .join = {.endpoint = device->endpoint,
                                                .known = true,
                                                .vendor = VENDOR,
                                                .class_name = CLASS,
                                                .version = device->version,
                                                .zone = device->zone,
                                                .present = false}};
    if (id == 0)
        return;
    say("%s comes to match rollout %" PRIu64, device->endpoint, id);
    INVARIANT(handle(&event) == KEDGE_OK, "who joins is refused");
    tell(device);
}

/* ---- people ---- */

static void act(enum kedge_engine_event_kind kind, uint64_t rollout_id, const char *words)
{
    struct kedge_engine_event event = {
        .kind = kind, .who = chance(50) ? "alice" : "bob", .rollout_id = rollout_id};
    if (!rollout_exists(event.rollout_id))
        return;
    bool taken = handle(&event) == KEDGE_OK; /* a refusal is checked in handle() */
    if (taken)
        say("%s %s rollout %" PRIu64, event.who, words, event.rollout_id);
}

static uint64_t any_rollout(void)
{
    return 1 + below((unsigned)w->seen.last.rollout_id + 1);
}

static void do_start(void)
{
    act(KEDGE_EVENT_ROLLOUT_START, any_rollout(), "starts");
}

static void do_approve(void)
{
    act(KEDGE_EVENT_ROLLOUT_APPROVE, any_rollout(), "approves");
}

static void do_pause(void)
{
    act(KEDGE_EVENT_ROLLOUT_PAUSE, any_rollout(), "pauses");
}

static void do_resume(void)
{
    act(KEDGE_EVENT_ROLLOUT_RESUME, any_rollout(), "resumes");
}

static void do_roll_back(void)
{
    act(KEDGE_EVENT_ROLLOUT_ROLL_BACK, any_rollout(), "rolls back");
}

static void do_close(void)
{
    act(KEDGE_EVENT_ROLLOUT_CLOSE, any_rollout(), "closes");
}

/* Every other time one with a device that installs, which is what an abort waits for. */
static void do_abort(void)
{
    uint64_t id = w->seen.last.deployment_id, rollout_id = any_rollout();
    bool installing = chance(50);
    while (installing && id > 0 && w->seen.deployments[id].state != KEDGE_DEPLOYMENT_INSTALLING)
        id--;
    act(KEDGE_EVENT_ROLLOUT_ABORT, installing ? w->seen.deployments[id].rollout_id : rollout_id,
        "aborts");
}

/* ---- the server ---- */

static void do_commit(void)
{
    size_t count = below((unsigned)w->queued + 1);
    if (count == 0)
        return;
    say("%zu of %zu batches become durable", count, w->queued);
    make_durable(count);
}

static void do_crash(void)
{
    say("the server crashes with %zu batches that are not durable", w->queued);
    crash(true);
}

static void do_reload(void)
{
    say("the store loses %zu batches, and the engine is loaded anew", w->queued);
    crash(false);
}

/* ---- time ---- */

static bool has_work(void)
{
    return w->queued > 0 && w->queue[w->queued - 1].output.command_count > 0;
}

/* Whoever sends the TICK may be late. */
void pass_time(uint64_t span_ms, bool until_work)
{
    uint64_t until_ms = w->now_ms + span_ms, due_ms, ticks = 0;
    while (!w->cut && (due_ms = kedge_engine_next_tick_at_ms(w->engine)) != 0 &&
           due_ms <= until_ms) {
        struct kedge_engine_event event = {.kind = KEDGE_EVENT_TICK};
        uint64_t late_ms = chance(10) ? below(3000) : 0;
        w->now_ms = due_ms > w->now_ms ? due_ms : w->now_ms;
        w->now_ms = w->now_ms + late_ms <= until_ms ? w->now_ms + late_ms : until_ms;
        INVARIANT(handle(&event) == KEDGE_OK, "a tick is refused");
        INVARIANT(++ticks < 100000 + 100 * (uint64_t)w->device_count,
                  "the engine does not come to rest");
        if (until_work && has_work())
            return;
    }
    if (w->cut)
        return;
    w->now_ms = until_ms;
    check_due(true);
}

static void do_time(void)
{
    bool long_one = chance(10);
    uint64_t span_ms = random_number() % (long_one ? 6 * 3600000u : 20000u);
    say("%.1f s pass", (double)span_ms / 1000);
    pass_time(span_ms, false);
}

/* Somebody sets the clock of the server, which notices and says so. */
static void do_clock(void)
{
    int64_t step_ms = (int64_t)(random_number() % 7200000u) - 3600000;
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_TICK};
    say("the clock is set by %.1f s", (double)step_ms / 1000);
    w->now_ms = (uint64_t)((int64_t)w->now_ms + step_ms);
    w->clock_ms += step_ms;
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++)
        w->paces[id].since_ms = (uint64_t)((int64_t)w->paces[id].since_ms + step_ms);
    kedge_engine_clock_stepped(w->engine, step_ms);
    INVARIANT(handle(&event) == KEDGE_OK, "a tick is refused");
}

/* ---- steps ---- */

#define OPERATION_FUNCTION_(name, often, function) [OPERATION_##name] = function,
static void (*const operations[OPERATION_COUNT])(void) = {OPERATIONS(OPERATION_FUNCTION_)};

void take_step(const struct step *step)
{
    w->random = step->seed;
    operations[step->operation]();
    crash_where_cut();
}
