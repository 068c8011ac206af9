/*
 * steering.c: engine -> store -> commands, in this order and no other.
 *
 * The engine is fed with wall time. That the wall clock was set is noticed at the next event, or at
 * the next start (the records say by which clock they are): the engine is told before the event is,
 * and what it moves becomes durable together with the clock by which it now is.
 */
#define _GNU_SOURCE
#include "updater/kedged/steering.h"

#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"
#include "updater/kedged/zones.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELOAD_DELAY_MS 1000u
/* Start times and windows are by the wall clock: that it was set is noticed within a minute. */
#define TICK_DELAY_MAX_MS 60000u

struct kedge_steering {
    struct kedge_net *net;
    struct kedge_store *store;
    const char *folder;
    struct kedge_steering_crew crew;
    struct kedge_engine *engine; /* NULL while the store is held */
    struct kedge_engine_output output;
    struct kedge_net_timer tick;
    struct kedge_net_timer reload;
    struct kedge_clock_record clock; /* by which the engine's times are */
    bool clock_changed;              /* not in a batch yet */
    int64_t clock_step_ms;           /* likewise, for the audit; 0: none */
    uint64_t now_ms;                 /* wall time of the event */
    uint64_t epoch;                  /* one for each loading: outputs of an older engine are void */
};

/* An output on its way to the disk, with what is to be done when it has arrived. */
struct voyage {
    struct kedge_steering *steering;
    uint64_t epoch;
    struct kedge_engine_command *commands;
    size_t command_count;
    uint64_t rollout_id;
    kedge_steering_done_fn *done;
    void *context;
    enum kedge_rc rc;
    char error[KEDGE_STORE_ERROR_MAX];
};

static void on_tick(void *context)
{
    kedge_steering_handle(context, &(struct kedge_engine_event){.kind = KEDGE_EVENT_TICK}, NULL,
                          NULL);
}

/* ---- the wall clock ---- */

static void note_step(struct kedge_steering *steering, struct kedge_engine *engine, int64_t step_ms)
{
    kedge_log(KEDGE_LOG_WARNING, "the wall clock was set by %+" PRId64 " ms; deadlines go with it",
              step_ms);
    kedge_engine_clock_stepped(engine, step_ms);
    steering->clock_step_ms = step_ms;
}

/* An engine that was loaded is by the clock that its records are by. */
static enum kedge_rc take_up_clock(struct kedge_steering *steering, struct kedge_reader *reader,
                                   struct kedge_engine *engine)
{
    struct kedge_clock_record stored = {.boot = ""};
    int64_t ahead_ms;
    enum kedge_rc rc = kedge_reader_clock(reader, &stored);
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        return rc;
    steering->now_ms = kedge_clock_read(&ahead_ms);
    steering->clock.ahead_ms = ahead_ms;
    kedge_clock_boot(steering->clock.boot);
    int64_t step_ms = kedge_clock_step(&stored, steering->clock.boot, ahead_ms);
    steering->clock_changed = strcmp(stored.boot, steering->clock.boot) != 0 || step_ms != 0;
    if (step_ms != 0)
        note_step(steering, engine, step_ms);
    else if (!steering->clock_changed)
        steering->clock.ahead_ms = stored.ahead_ms;
    return KEDGE_OK;
}

static enum kedge_rc add_clock(struct kedge_steering *steering, struct kedge_batch *batch)
{
    struct kedge_audit_entry entry = {
        .at_ms = steering->now_ms, .who = "server", .what = "clock.set"};
    if (!steering->clock_changed)
        return KEDGE_OK;
    KEDGE_TRY(kedge_batch_put_clock(batch, &steering->clock));
    if (steering->clock_step_ms != 0) {
        snprintf(entry.subject, sizeof entry.subject, "by %+" PRId64 " ms",
                 steering->clock_step_ms);
        KEDGE_TRY(kedge_batch_add_audit(batch, &entry));
    }
    steering->clock_changed = false;
    steering->clock_step_ms = 0;
    return KEDGE_OK;
}

/* ---- time ---- */

/* The engine counts in wall time, timers in monotonic time. */
static void arm_tick(struct kedge_steering *steering)
{
    uint64_t at_ms = steering->engine ? kedge_engine_next_tick_at_ms(steering->engine) : 0;
    if (at_ms == 0) {
        kedge_net_timer_cancel(steering->net, &steering->tick);
        return;
    }
    uint64_t delay_ms = at_ms > steering->now_ms ? at_ms - steering->now_ms : 0;
    if (delay_ms > TICK_DELAY_MAX_MS)
        delay_ms = TICK_DELAY_MAX_MS;
    kedge_net_timer_arm(steering->net, &steering->tick, kedge_net_now_ms(steering->net) + delay_ms,
                        on_tick, steering);
}

static void let_install(struct kedge_steering *steering, const struct kedge_engine_command *command)
{
    uint64_t now_ms = kedge_wall_ms(), until_ms = command->install_until_ms;
    uint64_t for_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    steering->crew.install(steering->crew.context, command->deployment_id,
                           until_ms == KEDGE_WINDOW_NEVER ? UINT64_MAX : for_ms);
}

static void carry_out(struct kedge_steering *steering, const struct kedge_engine_command *command)
{
    if (command->kind == KEDGE_COMMAND_CANCEL) {
        steering->crew.cancel(steering->crew.context, command->deployment_id);
        return;
    }
    if (command->kind == KEDGE_COMMAND_INSTALL) {
        let_install(steering, command);
        return;
    }
    /* What has changed since the command was given wins: an ended deployment is not offered. */
    struct kedge_deployment deployment;
    const struct kedge_rollout *rollout =
        kedge_engine_rollout(steering->engine, command->rollout_id);
    if (rollout == NULL ||
        kedge_engine_deployment(steering->engine, command->deployment_id, &deployment) !=
            KEDGE_OK ||
        !kedge_deployment_state_busy(deployment.state))
        return;
    steering->crew.offer(steering->crew.context, &deployment, rollout);
}

/* ---- loading, and loading again ---- */

struct loading {
    struct kedge_engine *engine;
    enum kedge_rc rc;
};

static bool load_rollout(void *context, const struct kedge_rollout *record)
{
    struct loading *loading = context;
    loading->rc = kedge_engine_load_rollout(loading->engine, record);
    return loading->rc == KEDGE_OK;
}

static bool load_group(void *context, const struct kedge_group *record)
{
    struct loading *loading = context;
    loading->rc = kedge_engine_load_group(loading->engine, record);
    return loading->rc == KEDGE_OK;
}

static bool load_deployment(void *context, const struct kedge_deployment *record)
{
    struct loading *loading = context;
    loading->rc = kedge_engine_load_deployment(loading->engine, record);
    return loading->rc == KEDGE_OK;
}

/* Of a package that is gone, nothing is asked: its rollout has ended, or it would still be there.
 */
static enum kedge_rc load_package(struct kedge_reader *reader, struct kedge_engine *engine,
                                  const char *package_id)
{
    struct kedge_package_record record;
    enum kedge_rc rc = package_id[0] == '\0' ? KEDGE_E_NOT_FOUND
                                             : kedge_reader_package(reader, package_id, &record);
    if (rc == KEDGE_E_NOT_FOUND)
        return KEDGE_OK;
    KEDGE_TRY(rc);
    const struct kedge_fit_conditions conditions = kedge_package_conditions(&record);
    return kedge_engine_load_package(engine, record.id, &conditions);
}

struct packages {
    struct kedge_reader *reader;
    struct kedge_engine *engine;
    enum kedge_rc rc;
};

static bool load_packages_of(void *context, const struct kedge_rollout *record)
{
    struct packages *packages = context;
    if (kedge_rollout_state_ended(record->state))
        return true;
    packages->rc = load_package(packages->reader, packages->engine, record->package_id);
    if (packages->rc == KEDGE_OK)
        packages->rc = load_package(packages->reader, packages->engine, record->revert_package_id);
    for (uint32_t i = 0; packages->rc == KEDGE_OK && i < record->intermediate_count; i++)
        packages->rc =
            load_package(packages->reader, packages->engine, record->intermediates[i].package_id);
    return packages->rc == KEDGE_OK;
}

static enum kedge_rc load_records(struct kedge_reader *reader, struct kedge_engine *engine)
{
    struct loading loading = {.engine = engine, .rc = KEDGE_OK};
    const struct kedge_deployment_filter open = {
        .group_index = -1, .state = -1, .of_open_rollouts = true};
    struct packages packages = {.reader = reader, .engine = engine, .rc = KEDGE_OK};
    KEDGE_TRY(kedge_reader_rollouts(reader, NULL, load_rollout, &loading));
    KEDGE_TRY(loading.rc);
    KEDGE_TRY(kedge_reader_rollouts(reader, NULL, load_packages_of, &packages));
    KEDGE_TRY(packages.rc);
    KEDGE_TRY(kedge_reader_groups(reader, 0, load_group, &loading));
    KEDGE_TRY(loading.rc);
    KEDGE_TRY(kedge_reader_deployments(reader, &open, NULL, load_deployment, &loading));
    return loading.rc;
}

static void submit(struct kedge_steering *steering, kedge_steering_done_fn *done, void *context);

static enum kedge_rc load(struct kedge_steering *steering, char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_reader *reader = NULL;
    struct kedge_engine *engine = NULL;
    struct kedge_engine_ids last = {0};
    KEDGE_TRY(kedge_reader_open(steering->folder, &reader, error));
    enum kedge_rc rc = kedge_reader_last_ids(reader, &last);
    if (rc == KEDGE_OK)
        rc = kedge_engine_create(&last, &engine);
    if (rc == KEDGE_OK)
        kedge_engine_use_zones(engine, kedge_system_zones());
    if (rc == KEDGE_OK)
        rc = load_records(reader, engine);
    if (rc == KEDGE_OK)
        rc = take_up_clock(steering, reader, engine);
    if (rc == KEDGE_OK)
        rc = kedge_engine_load_done(engine, steering->now_ms, &steering->output);
    if (rc != KEDGE_OK) {
        snprintf(error, KEDGE_STORE_ERROR_MAX, "the rollouts cannot be loaded: %s",
                 kedge_rc_text(rc));
        kedge_engine_destroy(engine);
    } else {
        steering->engine = engine;
        steering->epoch++;
        submit(steering, NULL, NULL);
    }
    kedge_reader_close(reader);
    return rc;
}

static void on_reload(void *context)
{
    struct kedge_steering *steering = context;
    char error[KEDGE_STORE_ERROR_MAX];
    /* Every lost batch has been answered before the store lets new ones through. */
    kedge_store_flush(steering->store);
    kedge_store_recover(steering->store);
    if (load(steering, error) != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "store: %s", error);
        kedge_net_timer_arm(steering->net, &steering->reload,
                            kedge_net_now_ms(steering->net) + RELOAD_DELAY_MS, on_reload, steering);
        return;
    }
    kedge_log(KEDGE_LOG_INFO, "store: going on from what is durable");
    steering->crew.reloaded(steering->crew.context);
}

static void lose(struct kedge_steering *steering, const char *error)
{
    kedge_log(KEDGE_LOG_ERROR, "store: %s; changes are refused until it can be written again",
              error);
    kedge_engine_destroy(steering->engine);
    steering->engine = NULL;
    steering->epoch++;
    arm_tick(steering);
    kedge_net_timer_arm(steering->net, &steering->reload,
                        kedge_net_now_ms(steering->net) + RELOAD_DELAY_MS, on_reload, steering);
}

/* ---- the way of one output ---- */

static bool is_current(const struct voyage *voyage)
{
    return voyage->epoch == voyage->steering->epoch && voyage->steering->engine != NULL;
}

static void arrive(void *context)
{
    struct voyage *voyage = context;
    struct kedge_steering *steering = voyage->steering;
    if (voyage->rc != KEDGE_OK && is_current(voyage))
        lose(steering, voyage->error);
    /* A command may lead to another loss: then the rest is out of date. */
    for (size_t i = 0; voyage->rc == KEDGE_OK && i < voyage->command_count && is_current(voyage);
         i++)
        carry_out(steering, &voyage->commands[i]);
    if (voyage->done != NULL)
        voyage->done(voyage->context, voyage->rc, voyage->rollout_id, voyage->error, NULL);
    free(voyage->commands);
    free(voyage);
}

static void on_durable(void *context, enum kedge_rc rc, const char *error)
{
    struct voyage *voyage = context;
    voyage->rc = rc;
    snprintf(voyage->error, sizeof voyage->error, "%s", error);
    if (kedge_net_post(voyage->steering->net, arrive, voyage) != KEDGE_OK) {
        /* Only at the very end, when nobody waits any more. */
        free(voyage->commands);
        free(voyage);
    }
}

static struct voyage *embark(struct kedge_steering *steering, kedge_steering_done_fn *done,
                             void *context)
{
    struct voyage *voyage = calloc(1, sizeof *voyage);
    if (voyage == NULL)
        return NULL;
    *voyage = (struct voyage){.steering = steering,
                              .epoch = steering->epoch,
                              .rollout_id = steering->output.rollout_id,
                              .done = done,
                              .context = context};
    voyage->command_count = steering->output.command_count;
    if (voyage->command_count > 0) {
        size_t size = voyage->command_count * sizeof *voyage->commands;
        voyage->commands = malloc(size);
        if (voyage->commands == NULL) {
            free(voyage);
            return NULL;
        }
        memcpy(voyage->commands, steering->output.commands, size);
    }
    return voyage;
}

static void submit(struct kedge_steering *steering, kedge_steering_done_fn *done, void *context)
{
    struct voyage *voyage = embark(steering, done, context);
    struct kedge_batch *batch = voyage ? kedge_batch_create() : NULL;
    if (batch == NULL || kedge_batch_add_output(batch, &steering->output) != KEDGE_OK ||
        add_clock(steering, batch) != KEDGE_OK) {
        kedge_batch_destroy(batch);
        if (voyage != NULL)
            free(voyage->commands);
        free(voyage);
        lose(steering, "out of memory");
        if (done != NULL)
            done(context, KEDGE_E_MEMORY, 0, "out of memory", NULL);
        return;
    }
    arm_tick(steering);
    if (kedge_batch_rows(batch) > 0) {
        kedge_store_submit(steering->store, batch, on_durable, voyage);
        return;
    }
    kedge_batch_destroy(batch);
    arrive(voyage);
}

static void handle(struct kedge_steering *steering, const struct kedge_engine_event *event,
                   kedge_steering_done_fn *done, void *context)
{
    if (steering->engine == NULL) {
        if (done != NULL)
            done(context, KEDGE_E_BUSY, 0,
                 "the store cannot be written at the moment; see the server's log", NULL);
        return;
    }
    enum kedge_rc rc =
        kedge_engine_handle(steering->engine, steering->now_ms, event, &steering->output);
    if (rc == KEDGE_OK) {
        submit(steering, done, context);
        return;
    }
    const char *text = steering->output.refusal[0] ? steering->output.refusal : kedge_rc_text(rc);
    if (done != NULL)
        done(context, rc, 0, text, steering->output.refusal_field);
    if (rc == KEDGE_E_MEMORY)
        lose(steering, "out of memory");
}

/* What was moved is written before anything else happens: the event may be refused. */
static void follow_clock(struct kedge_steering *steering)
{
    const struct kedge_engine_event tick = {.kind = KEDGE_EVENT_TICK};
    int64_t ahead_ms;
    steering->now_ms = kedge_clock_read(&ahead_ms);
    int64_t step_ms = kedge_clock_step(&steering->clock, steering->clock.boot, ahead_ms);
    if (step_ms == 0 || steering->engine == NULL)
        return;
    steering->clock.ahead_ms = ahead_ms;
    steering->clock_changed = true;
    note_step(steering, steering->engine, step_ms);
    handle(steering, &tick, NULL, NULL);
}

void kedge_steering_handle(struct kedge_steering *steering, const struct kedge_engine_event *event,
                           kedge_steering_done_fn *done, void *context)
{
    follow_clock(steering);
    handle(steering, event, done, context);
}

const struct kedge_engine *kedge_steering_engine(const struct kedge_steering *steering)
{
    return steering->engine;
}

enum kedge_rc kedge_steering_create(struct kedge_net *net, struct kedge_store *store,
                                    const char *folder, const struct kedge_steering_crew *crew,
                                    struct kedge_steering **out, char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_steering *steering = calloc(1, sizeof *steering);
    if (steering == NULL)
        return KEDGE_E_MEMORY;
    steering->net = net;
    steering->store = store;
    steering->folder = folder;
    steering->crew = *crew;
    kedge_engine_output_init(&steering->output);
    enum kedge_rc rc = load(steering, error);
    if (rc != KEDGE_OK) {
        free(steering);
        return rc;
    }
    *out = steering;
    return KEDGE_OK;
}

void kedge_steering_store_failed(struct kedge_steering *steering, const char *error)
{
    if (steering->engine != NULL)
        lose(steering, error);
}

void kedge_steering_end(struct kedge_steering *steering)
{
    kedge_net_timer_cancel(steering->net, &steering->tick);
    kedge_net_timer_cancel(steering->net, &steering->reload);
    kedge_engine_destroy(steering->engine);
    steering->engine = NULL;
    steering->epoch++;
}

void kedge_steering_destroy(struct kedge_steering *steering)
{
    if (steering == NULL)
        return;
    kedge_engine_output_clear(&steering->output);
    free(steering);
}
