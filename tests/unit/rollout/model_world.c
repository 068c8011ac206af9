/*
 * model_world.c: a store that makes batches durable later, and loses them; a driver; and what the
 * engine is told.
 */
#include "tests/unit/rollout/model.h"

#include <stdlib.h>
#include <string.h>

#define AS_MANY_AS_IT_LIKES 100000u /* moves in a slice */

struct world *w;

/* ---- chance ---- */

uint64_t random_number(void)
{
    w->random += 0x9e3779b97f4a7c15u; /* SplitMix64 */
    uint64_t x = w->random;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

unsigned below(unsigned limit)
{
    return (unsigned)(random_number() % limit);
}

bool chance(unsigned percent)
{
    return below(100) < percent;
}

bool option(enum option which, unsigned percent)
{
    bool drawn = chance(percent); /* also in vain, so that what follows is the same */
    return drawn && (w->history->plain & 1u << which) == 0;
}

/* ---- who is who ---- */

struct device *device_of(const char *endpoint)
{
    return &w->devices[atoi(endpoint + 1)];
}

uint32_t index_of(const struct device *device)
{
    return (uint32_t)(device - w->devices);
}

bool rollout_exists(uint64_t id)
{
    return id >= 1 && id <= w->seen.last.rollout_id && w->seen.rollouts[id].id == id;
}

static uint64_t *place_of(uint64_t rollout_id, const struct device *device)
{
    return &w->deployment_of[rollout_id * w->device_count + index_of(device)];
}

const struct kedge_deployment *deployment_of(uint64_t rollout_id, const struct device *device)
{
    uint64_t id = *place_of(rollout_id, device);
    return id == 0 ? NULL : &w->seen.deployments[id];
}

bool goes_on(const struct kedge_rollout *rollout)
{
    return rollout->state == KEDGE_ROLLOUT_RUNNING || rollout->state == KEDGE_ROLLOUT_PAUSED;
}

/* Devices may join its last group, which does not end before somebody has closed the rollout. */
bool may_grow(const struct kedge_rollout *rollout, uint32_t group)
{
    return rollout->dynamic && rollout->closed_at_ms == 0 && group + 1 == rollout->group_count;
}

uint32_t own_or(uint32_t own, uint32_t of_rollout)
{
    return own < KEDGE_GATE_UNSET ? own : of_rollout;
}

/* Of a higher priority than the deployment's own, among those whose part with the device has not
 * ended: the highest, and of those the one that was started last, which goes first there. */
const struct kedge_deployment *goes_first(const struct kedge_deployment *record)
{
    const struct kedge_deployment *first = NULL;
    uint32_t highest = w->seen.rollouts[record->rollout_id].policy.priority;
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        const struct kedge_deployment *other = deployment_of(id, device_of(record->endpoint));
        const struct kedge_rollout *rollout = &w->seen.rollouts[id];
        if (other == NULL || kedge_deployment_state_ended(other->state) || !goes_on(rollout) ||
            rollout->policy.priority < highest ||
            (rollout->policy.priority == highest &&
             (first == NULL ||
              rollout->started_at_ms < w->seen.rollouts[first->rollout_id].started_at_ms)))
            continue;
        highest = rollout->policy.priority;
        first = other;
    }
    return first;
}

const struct kedge_deployment *superseding(const struct kedge_deployment *record)
{
    const struct kedge_rollout *own = &w->seen.rollouts[record->rollout_id];
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
        const struct kedge_deployment *other = deployment_of(id, device_of(record->endpoint));
        if (id != record->rollout_id && other != NULL &&
            !kedge_deployment_state_ended(other->state) && goes_on(&w->seen.rollouts[id]) &&
            w->seen.rollouts[id].policy.priority >= own->policy.priority &&
            w->seen.rollouts[id].started_at_ms > own->started_at_ms)
            return other;
    }
    return NULL;
}

/* ---- making ---- */

static void *make(size_t count, size_t size)
{
    void *made = calloc(count, size);
    if (made == NULL)
        abort();
    return made;
}

static void make_mirror(struct mirror *mirror)
{
    mirror->rollouts = make(w->rollouts_max + 1, sizeof(*mirror->rollouts));
    mirror->groups = make(w->rollouts_max + 1, sizeof(*mirror->groups));
    mirror->deployments = make(w->deployments_max + 1, sizeof(*mirror->deployments));
}

static void free_mirror(struct mirror *mirror)
{
    free(mirror->rollouts);
    free(mirror->groups);
    free(mirror->deployments);
}

/* Rollouts over so many devices as a run has time for. */
static uint32_t rollouts_for(uint32_t devices)
{
    if (devices <= EVERY_EVENT_MAX)
        return 40;
    return devices <= 20000 ? 4 : 1;
}

void world_make(const struct history *history)
{
    w = make(1, sizeof(*w));
    w->history = history;
    w->random = history->seed * 7919;
    w->now_ms = 1700000000000u;
    w->device_count = history->devices;
    w->created_max = rollouts_for(history->devices);
    w->rollouts_max = 2 * w->created_max; /* each may be rolled back by one of its own */
    w->deployments_max = (uint64_t)w->rollouts_max * w->device_count;
    make_mirror(&w->seen);
    make_mirror(&w->durable);
    w->devices = make(w->device_count, sizeof(*w->devices));
    w->draft.parts = make(w->device_count, sizeof(*w->draft.parts));
    w->tallies = make(w->rollouts_max + 1, sizeof(*w->tallies));
    w->paces = make(w->rollouts_max + 1, sizeof(*w->paces));
    w->stops = make(w->rollouts_max + 1, sizeof(*w->stops));
    w->install_until_ms = make(w->deployments_max + 1, sizeof(*w->install_until_ms));
    w->places = make(w->deployments_max + 1, sizeof(*w->places));
    w->states = make(w->deployments_max + 1, sizeof(*w->states));
    w->deployment_of =
        make((size_t)(w->rollouts_max + 1) * w->device_count, sizeof(*w->deployment_of));
    kedge_engine_output_init(&w->output);
    for (uint32_t i = 0; i < w->device_count; i++) {
        struct device *device = &w->devices[i];
        (void)snprintf(device->endpoint, sizeof(device->endpoint), "d%u", i);
        (void)snprintf(device->version, sizeof(device->version), "1.%u.0", i % 2);
        (void)snprintf(device->zone, sizeof(device->zone), "%s", i % 3 == 1 ? model_zone(i) : "");
        device->present = device->told_present = i % 4 != 1;
    }
}

void world_free(void)
{
    kedge_engine_destroy(w->engine);
    kedge_engine_output_clear(&w->output);
    for (size_t i = 0; i < w->queued; i++)
        kedge_engine_output_clear(&w->queue[i].output);
    free_mirror(&w->seen);
    free_mirror(&w->durable);
    free(w->devices);
    free(w->draft.parts);
    free(w->tallies);
    free(w->paces);
    free(w->stops);
    free(w->install_until_ms);
    free(w->places);
    free(w->states);
    free(w->deployment_of);
    free(w);
    w = NULL;
}

/* ---- the store ---- */

static void apply(struct mirror *mirror, const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->rollout_count; i++) {
        const struct kedge_rollout *record = &output->rollouts[i];
        INVARIANT(record->id <= w->rollouts_max, "a rollout that nobody made");
        mirror->rollouts[record->id] = *record;
        if (record->id > mirror->last.rollout_id)
            mirror->last.rollout_id = record->id;
    }
    for (size_t i = 0; i < output->group_count; i++)
        mirror->groups[output->groups[i].rollout_id][output->groups[i].index] = output->groups[i];
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *record = &output->deployments[i];
        INVARIANT(record->id <= w->deployments_max, "a deployment too many");
        mirror->deployments[record->id] = *record;
        if (record->id > mirror->last.deployment_id)
            mirror->last.deployment_id = record->id;
    }
}

/* Whether the deployment of this command is offered anew behind it. */
static bool is_offered_again(const struct kedge_engine_output *output, size_t index)
{
    for (size_t i = index + 1; i < output->command_count; i++)
        if (output->commands[i].kind == KEDGE_COMMAND_OFFER &&
            output->commands[i].deployment_id == output->commands[index].deployment_id)
            return true;
    return false;
}

static void carry_out(const struct kedge_engine_output *output, size_t index)
{
    const struct kedge_engine_command *command = &output->commands[index];
    const struct kedge_deployment *record = &w->durable.deployments[command->deployment_id];
    struct device *device = device_of(command->endpoint);
    INVARIANT(record->id == command->deployment_id, "a command for what is not durable");
    if (command->kind == KEDGE_COMMAND_INSTALL) {
        if (device->job == command->deployment_id)
            device->install_until_ms = command->install_until_ms;
        return;
    }
    if (command->kind == KEDGE_COMMAND_CANCEL) {
        INVARIANT(!kedge_deployment_state_busy(record->state) || is_offered_again(output, index),
                  "a cancel of what goes on");
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
    if (device->job == 0) {
        device->phase = KEDGE_DEPLOYMENT_OFFERED;
        device->install_until_ms = 0;
    }
    device->job = command->deployment_id;
    (void)snprintf(
        device->wanted, sizeof(device->wanted), "%.15s",
        kedge_rollout_step_version(&w->durable.rollouts[record->rollout_id], record->step));
}

/* One batch; false: the server has crashed meanwhile. */
static bool commit(struct queued *queued)
{
    apply(&w->durable, &queued->output);
    check_durable(&queued->output);
    w->durable_clock_ms = queued->clock_ms;
    if (kedge_engine_output_has_records(&queued->output)) /* else nothing is written */
        w->cut = ++w->commits == w->history->cut_at;
    if (!w->cut || w->history->cut_is_told)
        for (size_t c = 0; c < queued->output.command_count; c++)
            carry_out(&queued->output, c);
    return !w->cut;
}

void make_durable(size_t count)
{
    size_t done = 0;
    if (w->cut)
        return;
    for (bool goes = true; goes && done < count; done++) {
        goes = commit(&w->queue[done]);
        kedge_engine_output_clear(&w->queue[done].output);
    }
    memmove(&w->queue[0], &w->queue[done], (w->queued - done) * sizeof(w->queue[0]));
    w->queued -= done;
}

static void queue_output(void)
{
    if (w->queued == QUEUE_MAX)
        make_durable(1);
    if (w->queued == QUEUE_MAX)
        return; /* the store is lost, and this with it */
    w->queue[w->queued++] =
        (struct queued){.output = w->output, .clock_ms = w->clock_ms}; /* handed over */
    kedge_engine_output_init(&w->output);
}

/* ---- what is seen ---- */

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

/* The last word of an output counts, and none where the deployment is not downloaded any more. */
static void follow_installs(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->command_count; i++)
        if (output->commands[i].kind == KEDGE_COMMAND_INSTALL)
            w->install_until_ms[output->commands[i].deployment_id] =
                output->commands[i].install_until_ms;
    for (size_t i = 0; i < output->deployment_count; i++)
        if (output->deployments[i].state != KEDGE_DEPLOYMENT_DOWNLOADED)
            w->install_until_ms[output->deployments[i].id] = 0;
}

static void see(const struct kedge_engine_output *output)
{
    for (size_t i = 0; i < output->deployment_count; i++) {
        const struct kedge_deployment *record = &output->deployments[i];
        INVARIANT(record->id <= w->deployments_max, "a deployment too many");
        uint64_t *place = place_of(record->rollout_id, device_of(record->endpoint));
        INVARIANT(*place == 0 || *place == record->id, "%s is in rollout %" PRIu64 " twice",
                  record->endpoint, record->rollout_id);
        *place = record->id;
        const struct kedge_deployment *before = &w->seen.deployments[record->id];
        if (before->id == 0)
            continue;
        count_one(before, false);
        w->stops[record->rollout_id][record->group_index].most +=
            before->state == KEDGE_DEPLOYMENT_SUCCEEDED && record->state == KEDGE_DEPLOYMENT_FAILED;
    }
    apply(&w->seen, output);
    follow_installs(output);
    for (size_t i = 0; i < output->deployment_count; i++)
        count_one(&output->deployments[i], true);
    for (size_t i = 0; i < output->command_count; i++)
        review_place(output->commands[i].deployment_id);
}

static void take_output(void)
{
    check_output(&w->output);
    follow_successes(&w->output);
    see(&w->output);
    check_seen(&w->output);
    queue_output();
}

enum kedge_rc handle(const struct kedge_engine_event *event)
{
    w->events++;
    enum kedge_rc rc = kedge_engine_handle(w->engine, w->now_ms, event, &w->output);
    if (rc == KEDGE_OK)
        take_output();
    else
        INVARIANT(!kedge_engine_output_has_records(&w->output) && w->output.refusal[0] != '\0',
                  "a refusal without words, or with records");
    check_next_tick(event->kind == KEDGE_EVENT_TICK);
    return rc;
}

/* ---- loading ---- */

static void load_rollout(uint64_t id)
{
    const struct kedge_rollout *rollout = &w->durable.rollouts[id];
    if (rollout->id == 0)
        return;
    INVARIANT(kedge_engine_load_rollout(w->engine, rollout) == KEDGE_OK, "a rollout not loaded");
    for (uint32_t g = 0; g < rollout->group_count; g++)
        INVARIANT(kedge_engine_load_group(w->engine, &w->durable.groups[id][g]) == KEDGE_OK,
                  "a group not loaded");
}

void load(void)
{
    INVARIANT(kedge_engine_create(&w->durable.last, &w->engine) == KEDGE_OK, "no engine");
    kedge_engine_use_zones(w->engine, &model_zones);
    if (w->history->slice_moves > 0)
        kedge_engine_set_slice(w->engine, w->history->slice_moves);
    else if (w->device_count <= EVERY_EVENT_MAX)
        kedge_engine_set_slice(w->engine, AS_MANY_AS_IT_LIKES);
    for (uint64_t id = 1; id <= w->durable.last.rollout_id; id++)
        load_rollout(id);
    for (uint64_t id = 1; id <= w->durable.last.deployment_id; id++)
        if (w->durable.deployments[id].id != 0)
            INVARIANT(kedge_engine_load_deployment(w->engine, &w->durable.deployments[id]) ==
                          KEDGE_OK,
                      "a deployment not loaded");
    chain_load_packages();
    if (w->clock_ms != w->durable_clock_ms)
        kedge_engine_clock_stepped(w->engine, w->clock_ms - w->durable_clock_ms);
    INVARIANT(kedge_engine_load_done(w->engine, w->now_ms, &w->output) == KEDGE_OK, "not loaded");
    take_output();
    check_next_tick(true);
}

static void copy_mirror(struct mirror *to, const struct mirror *from)
{
    uint64_t rollouts = to->last.rollout_id, deployments = to->last.deployment_id;
    memset(to->rollouts, 0, (rollouts + 1) * sizeof(*to->rollouts));
    memset(to->groups, 0, (rollouts + 1) * sizeof(*to->groups));
    memset(to->deployments, 0, (deployments + 1) * sizeof(*to->deployments));
    memcpy(to->rollouts, from->rollouts, (from->last.rollout_id + 1) * sizeof(*to->rollouts));
    memcpy(to->groups, from->groups, (from->last.rollout_id + 1) * sizeof(*to->groups));
    memcpy(to->deployments, from->deployments,
           (from->last.deployment_id + 1) * sizeof(*to->deployments));
    to->last = from->last;
}

static void see_what_is_durable(void)
{
    uint64_t rollouts = w->seen.last.rollout_id;
    memset(w->install_until_ms, 0, (w->seen.last.deployment_id + 1) * sizeof(*w->install_until_ms));
    memset(w->places, 0, (w->seen.last.deployment_id + 1) * sizeof(*w->places));
    memset(w->deployment_of, 0, (rollouts + 1) * w->device_count * sizeof(*w->deployment_of));
    memset(w->paces, 0, (rollouts + 1) * sizeof(*w->paces));
    memset(w->stops, 0, (rollouts + 1) * sizeof(*w->stops));
    copy_mirror(&w->seen, &w->durable);
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->id != 0)
            *place_of(record->rollout_id, device_of(record->endpoint)) = id;
    }
}

static void forget_devices(bool whole_server)
{
    for (uint32_t i = 0; i < w->device_count; i++) {
        struct device *device = &w->devices[i];
        device->untold = true;
        device->woke = true; /* it may have slept at what is not durable now */
        device->told_present = device->told_asleep = false;
        device->kept = 0;
        device->told[0] = '\0';
        if (whole_server)
            device->job = 0;
    }
}

void crash(bool whole_server)
{
    kedge_engine_destroy(w->engine);
    w->engine = NULL;
    for (size_t i = 0; i < w->queued; i++)
        kedge_engine_output_clear(&w->queue[i].output);
    w->queued = 0;
    w->cut = false;
    w->draft.rollout_id = 0; /* who was making it has had no answer */
    forget_devices(whole_server);
    see_what_is_durable();
    count_all();
    load();
    if (!whole_server)
        for (uint32_t i = 0; i < w->device_count; i++)
            tell(&w->devices[i]);
}

void crash_where_cut(void)
{
    if (!w->cut)
        return;
    say("the server crashes at commit %" PRIu64 " of its store, %s", w->commits,
        w->history->cut_is_told ? "which has been carried out" : "before that is carried out");
    crash(true);
}

/* ---- devices and the driver ---- */

void tell(struct device *device)
{
    enum kedge_engine_event_kind there =
        device->asleep ? KEDGE_EVENT_DEVICE_ASLEEP : KEDGE_EVENT_DEVICE_PRESENT;
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEVICE_ZONE,
                                       .device = {.endpoint = device->endpoint,
                                                  .vendor = VENDOR,
                                                  .class_name = CLASS,
                                                  .version = device->version,
                                                  .zone = device->zone,
                                                  .expected_at_ms = w->now_ms + 30000}};
    if (kedge_engine_uses_windows(w->engine))
        INVARIANT(handle(&event) == KEDGE_OK, "a zone is refused");
    event.kind = device->present ? there : KEDGE_EVENT_DEVICE_GONE;
    device->untold = false;
    if (device->told_asleep && device->present && !device->asleep &&
        kedge_engine_device_deployment(w->engine, device->endpoint) != 0)
        device->woke = true;
    device->told_present = device->present;
    device->told_asleep = device->present ? device->asleep : device->told_asleep;
    if (event.kind == KEDGE_EVENT_DEVICE_PRESENT)
        memcpy(device->told, device->version, sizeof(device->told));
    if (device->working != 0)
        review_place(device->working);
    INVARIANT(handle(&event) == KEDGE_OK, "what a device does is refused");
}

void report(struct device *device, enum kedge_deployment_state state)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
                                       .report = {.deployment_id = device->job,
                                                  .state = state,
                                                  .update_result = KEDGE_UPDATE_RESULT_NONE,
                                                  .reason = "the model says so",
                                                  .bytes_done = 10,
                                                  .bytes_total = 20}};
    say("%s says %s of deployment %" PRIu64, device->endpoint, kedge_deployment_state_name(state),
        device->job);
    if (is_held(&w->seen.deployments[device->job]))
        device->woke = true; /* it takes its place again, whether there is one or not */
    device->phase = state;
    struct kedge_deployment before = w->seen.deployments[device->job];
    if (kedge_deployment_state_ended(state))
        device->job = 0;
    INVARIANT(handle(&event) == KEDGE_OK, "a report is refused");
    if (state == KEDGE_DEPLOYMENT_SUCCEEDED)
        check_confirmed(&before);
}

static void end_job(struct device *device)
{
    if (chance(20)) {
        report(device, chance(50) ? KEDGE_DEPLOYMENT_FAILED : KEDGE_DEPLOYMENT_REJECTED);
        return;
    }
    memcpy(device->version, device->wanted, sizeof(device->version));
    say("%s comes back with %s", device->endpoint, device->version);
    tell(device);
    if (device->job != 0)
        report(device, KEDGE_DEPLOYMENT_SUCCEEDED);
}

/* A driver sends Execute when it may, which is in the window of its device. */
static bool waits_for_its_window(const struct device *device)
{
    const struct kedge_deployment *record = &w->seen.deployments[device->job];
    return device->phase == KEDGE_DEPLOYMENT_DOWNLOADED &&
           w->seen.rollouts[record->rollout_id].windows[0] != '\0' &&
           w->now_ms >= device->install_until_ms;
}

void work(struct device *device)
{
    if (device->job == 0)
        return;
    const struct kedge_deployment *record = &w->seen.deployments[device->job];
    bool waits = waits_for_its_window(device);
    if ((device->dead && !waits) || option(OPTION_MISHAPS, 1)) {
        report(device, KEDGE_DEPLOYMENT_TIMED_OUT);
        return;
    }
    if (!device->present || device->asleep)
        return;
    if (strcmp(device->version, device->wanted) == 0)
        report(device, KEDGE_DEPLOYMENT_SUCCEEDED);
    else if (device->phase == KEDGE_DEPLOYMENT_VERIFYING)
        end_job(device);
    else if (option(OPTION_MISHAPS, goes_on(&w->seen.rollouts[record->rollout_id]) ? 5 : 40))
        report(device, KEDGE_DEPLOYMENT_OFFERED); /* it lost its download */
    else if (!waits)
        report(device, (enum kedge_deployment_state)(device->phase + 1));
}
