/*
 * bench_rollout_steps.c: a rollout over as many devices as are asked for, by the engine and the
 * store as kedged ties them together: what the engine puts out is made durable before its commands
 * count. The first tenth of the devices is the first group; so many of it as may be are in flight
 * at once. Prints a line for each thing measured, "name value", in microseconds or bytes.
 *
 * A step is what the engine makes of an event, and the batch that it becomes: so long kedged's
 * network thread does nothing else. `stall` is the longest one.
 */
#define _GNU_SOURCE
#include "updater/rollout/divide.h"
#include "updater/store/store.h"

#include <inttypes.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PACKAGE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LOOKS 2000u

struct bench {
    const char *folder;
    size_t device_count, in_flight;
    struct kedge_store *store;
    struct kedge_engine *engine;
    struct kedge_engine_output output;
    struct kedge_rollout_target *targets;
    struct kedge_group_plan groups[2];
    char (*endpoints)[24];
    uint64_t now_ms; /* the engine's time, which the bench makes */
    uint64_t rollout_id;
    uint64_t *in_work; /* ids of the deployments that were offered, in order */
    size_t work_count, offer_count;
    double stall_us; /* the longest step since it was set to 0 */
    sem_t durable;
    bool failed;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench_rollout_steps: %s\n", what);
    exit(1);
}

static void check(enum kedge_rc rc, const char *what)
{
    if (rc != KEDGE_OK)
        fail(what);
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Of this thread: what else the machine does meanwhile does not count. */
static double spent_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void say(const char *name, double value)
{
    printf("%s %.3f\n", name, value);
    fflush(stdout);
}

/* ---- what stands on the disk ---- */

static double database_bytes(const struct bench *bench)
{
    char path[512];
    struct stat status;
    snprintf(path, sizeof path, "%s/" KEDGE_STORE_FILE, bench->folder);
    return stat(path, &status) == 0 ? (double)status.st_size : 0;
}

static void on_durable(void *context, enum kedge_rc rc, const char *error)
{
    struct bench *bench = context;
    if (rc != KEDGE_OK) {
        fprintf(stderr, "bench_rollout_steps: %s\n", error);
        bench->failed = true;
    }
    sem_post(&bench->durable);
}

static void await_durable(struct bench *bench)
{
    while (sem_wait(&bench->durable) != 0)
        continue;
    if (bench->failed)
        fail("the store could not be written");
}

static void commit(struct bench *bench, struct kedge_batch *batch)
{
    kedge_store_submit(bench->store, batch, on_durable, bench);
    await_durable(bench);
}

static struct kedge_batch *new_batch(void)
{
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        fail("out of memory");
    return batch;
}

static void open_store(struct bench *bench)
{
    char error[KEDGE_STORE_ERROR_MAX];
    const struct kedge_store_config config = {.folder = bench->folder};
    check(kedge_store_open(&config, &bench->store, error), error);
}

/* The database as one file, without what waits in its log. */
static void reopen_store(struct bench *bench)
{
    kedge_store_close(bench->store);
    open_store(bench);
}

static void store_devices(struct bench *bench)
{
    enum { AT_ONCE = 10000 };
    struct kedge_device_record record = {.vendor = "vendor.example",
                                         .class_name = "meter",
                                         .version = "1.0.0",
                                         .hardware = "rev-b",
                                         .lwm2m_version = "1.1",
                                         .binding = "U",
                                         .lifetime_s = 86400,
                                         .address = "192.0.2.1:5683",
                                         .location = "0123456789",
                                         .registered = true,
                                         .first_seen_ms = bench->now_ms,
                                         .last_seen_ms = bench->now_ms};
    for (size_t i = 0; i < bench->device_count;) {
        struct kedge_batch *batch = new_batch();
        for (size_t k = 0; k < AT_ONCE && i < bench->device_count; k++, i++) {
            memcpy(record.endpoint, bench->endpoints[i], sizeof(bench->endpoints[i]));
            check(kedge_batch_put_device(batch, &record), "out of memory");
        }
        commit(bench, batch);
    }
    struct kedge_batch *batch = new_batch();
    struct kedge_package_record package = {
        .id = PACKAGE, .sequence = 2, .version = "1.1.0", .device_digest = PACKAGE};
    check(kedge_batch_put_package(batch, &package), "out of memory");
    commit(bench, batch);
}

/* ---- the engine ---- */

static void note_offers(struct bench *bench)
{
    for (size_t i = 0; i < bench->output.command_count; i++) {
        if (bench->output.commands[i].kind != KEDGE_COMMAND_OFFER)
            continue;
        bench->offer_count++;
        if (bench->work_count < bench->in_flight)
            bench->in_work[bench->work_count++] = bench->output.commands[i].deployment_id;
    }
}

/* One event, with what it brings about put into a batch. */
static void step_into(struct bench *bench, const struct kedge_engine_event *event,
                      struct kedge_batch *batch)
{
    double begun = spent_us();
    enum kedge_rc rc = kedge_engine_handle(bench->engine, bench->now_ms, event, &bench->output);
    if (rc != KEDGE_OK)
        fail(bench->output.refusal);
    check(kedge_batch_add_output(batch, &bench->output), "out of memory");
    double took_us = spent_us() - begun;
    bench->stall_us = took_us > bench->stall_us ? took_us : bench->stall_us;
    note_offers(bench);
}

/* The same, until its commands may be carried out. */
static void step(struct bench *bench, const struct kedge_engine_event *event)
{
    struct kedge_batch *batch = new_batch();
    step_into(bench, event, batch);
    if (kedge_batch_rows(batch) > 0)
        commit(bench, batch);
    else
        kedge_batch_destroy(batch);
}

static void report(struct bench *bench, uint64_t id, enum kedge_deployment_state state,
                   struct kedge_batch *batch)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_DEPLOYMENT_REPORT,
        .report = {.deployment_id = id, .state = state, .update_result = KEDGE_UPDATE_RESULT_NONE}};
    step_into(bench, &event, batch);
}

static void tick(struct bench *bench)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_TICK};
    uint64_t due_ms = kedge_engine_next_tick_at_ms(bench->engine);
    bench->now_ms = due_ms > bench->now_ms ? due_ms : bench->now_ms;
    step(bench, &event);
}

static void open_engine(struct bench *bench)
{
    const struct kedge_engine_ids none = {0};
    kedge_engine_output_init(&bench->output);
    check(kedge_engine_create(&none, &bench->engine), "out of memory");
    check(kedge_engine_load_done(bench->engine, bench->now_ms, &bench->output), "no engine");
}

static void close_all(struct bench *bench)
{
    kedge_engine_output_clear(&bench->output);
    kedge_engine_destroy(bench->engine);
    kedge_store_close(bench->store);
    free(bench->endpoints);
    free(bench->targets);
    free(bench->in_work);
}

/* ---- creating and starting ---- */

/* In the order of a rollout, by the code that makes it: that of the rows in the database. */
static void divide(struct bench *bench)
{
    char why[KEDGE_DIVIDE_TEXT_MAX];
    bench->groups[0] =
        (struct kedge_group_plan){.share = KEDGE_GROUP_COUNT, .size = (uint32_t)bench->in_flight};
    bench->groups[1] = (struct kedge_group_plan){.share = KEDGE_GROUP_REST};
    double begun = now_us();
    check(kedge_groups_divide(bench->groups, 2, 1, bench->targets, bench->device_count, why), why);
    say("divide", now_us() - begun);
}

/* As kedged does: in parts, of which so many may be on their way to the store. */
enum { PART = 500, PARTS_AHEAD = 40 };

static void add_part(struct bench *bench, size_t from, size_t count)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_ADD,
                                       .who = "bench",
                                       .rollout_id = bench->rollout_id,
                                       .add = {.targets = &bench->targets[from], .count = count}};
    struct kedge_batch *batch = new_batch();
    step_into(bench, &event, batch);
    kedge_store_submit(bench->store, batch, on_durable, bench);
}

static void create(struct bench *bench)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_CREATE,
                                       .who = "bench",
                                       .create = {.name = "bench",
                                                  .package_id = PACKAGE,
                                                  .vendor = "vendor.example",
                                                  .class_name = "meter",
                                                  .version = "1.1.0",
                                                  .sequence = 2,
                                                  .all_devices = true,
                                                  .group_count = 2,
                                                  .groups = bench->groups,
                                                  .targets = bench->targets,
                                                  .target_count = bench->device_count}};
    char why[KEDGE_REFUSAL_MAX];
    kedge_rollout_policy_default(&event.create.policy);
    event.create.policy.in_flight_max = (uint32_t)bench->in_flight;
    bench->stall_us = 0;
    double begun = now_us();
    check(kedge_rollout_targets_check(&event.create, why), why);
    event.create.target_total = bench->device_count;
    event.create.target_count = bench->device_count < PART ? bench->device_count : PART;
    step(bench, &event);
    bench->rollout_id = bench->output.rollout_id;
    size_t ahead = 0;
    for (size_t i = event.create.target_count; i < bench->device_count; i += PART, ahead++) {
        if (ahead == PARTS_AHEAD) {
            await_durable(bench);
            ahead--;
        }
        add_part(bench, i, bench->device_count - i < PART ? bench->device_count - i : PART);
    }
    for (; ahead > 0; ahead--)
        await_durable(bench);
    say("create", now_us() - begun);
    say("create_stall", bench->stall_us);
}

static void start(struct bench *bench)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_ROLLOUT_START, .who = "bench", .rollout_id = bench->rollout_id};
    bench->stall_us = 0;
    step(bench, &event);
    while (bench->work_count < bench->in_flight)
        tick(bench);
    say("start_stall", bench->stall_us);
}

/* ---- with everybody in flight ---- */

/* Says of the first `count` that they are in `state` now, and returns the microseconds that one
 * takes. What follows from it becomes durable as in kedged: many at once. */
static double report_of(struct bench *bench, size_t count, enum kedge_deployment_state state)
{
    enum { AT_ONCE = 1000 };
    double took_us = 0;
    for (size_t i = 0; i < count;) {
        struct kedge_batch *batch = new_batch();
        double begun = spent_us();
        for (size_t k = 0; k < AT_ONCE && i < count; k++, i++)
            report(bench, bench->in_work[i], state, batch);
        took_us += spent_us() - begun;
        commit(bench, batch);
    }
    return took_us / (double)count;
}

/* Each report has its group judged, and writes a deployment, its group and a line of history. */
static void evaluate(struct bench *bench)
{
    const struct kedge_engine_event nothing = {.kind = KEDGE_EVENT_DEVICE_GONE,
                                               .device = {.endpoint = "nobody"}};
    say("evaluate", report_of(bench, bench->work_count, KEDGE_DEPLOYMENT_DOWNLOADING));
    struct kedge_batch *batch = new_batch();
    double begun = spent_us();
    for (size_t i = 0; i < bench->work_count; i++)
        step_into(bench, &nothing, batch);
    say("evaluate_floor", (spent_us() - begun) / (double)bench->work_count);
    kedge_batch_destroy(batch);
    report_of(bench, bench->work_count, KEDGE_DEPLOYMENT_DOWNLOADED);
    report_of(bench, bench->work_count, KEDGE_DEPLOYMENT_INSTALLING);
    report_of(bench, bench->work_count, KEDGE_DEPLOYMENT_VERIFYING);
}

static bool ignore_group(void *context, const struct kedge_group *group)
{
    *(uint64_t *)context += group->counts[KEDGE_DEPLOYMENT_PENDING];
    return true;
}

static void look(struct bench *bench)
{
    char error[KEDGE_STORE_ERROR_MAX];
    struct kedge_reader *reader;
    struct kedge_deployment deployment;
    uint64_t pending = 0;
    check(kedge_reader_open(bench->folder, &reader, error), error);
    double begun = now_us();
    for (unsigned i = 0; i < LOOKS; i++)
        check(kedge_reader_groups(reader, bench->rollout_id, ignore_group, &pending), "no groups");
    say("counts", (now_us() - begun) / LOOKS);
    begun = now_us();
    for (unsigned i = 0; i < LOOKS; i++)
        check(kedge_reader_deployment(reader, 1, &deployment), "no deployment");
    say("counts_floor", (now_us() - begun) / LOOKS);
    kedge_reader_close(reader);
    if (pending != (uint64_t)LOOKS * (bench->device_count - bench->work_count))
        fail("the counts are wrong");
}

/* ---- from the last success that was needed to the next group ---- */

/* All but one of the group succeed: what a deployment leaves in the database is there then. */
static void end_group(struct bench *bench, double with_rollout)
{
    report_of(bench, bench->work_count - 1, KEDGE_DEPLOYMENT_SUCCEEDED);
    reopen_store(bench);
    double grown = database_bytes(bench) - with_rollout;
    say("bytes_of_history", grown / (double)bench->work_count);
}

static void go_on(struct bench *bench)
{
    bench->offer_count = 0;
    bench->stall_us = 0;
    double begun = now_us();
    struct kedge_batch *batch = new_batch();
    report(bench, bench->in_work[bench->work_count - 1], KEDGE_DEPLOYMENT_SUCCEEDED, batch);
    commit(bench, batch);
    while (bench->offer_count == 0)
        tick(bench);
    say("next_group", now_us() - begun);

    begun = now_us();
    batch = new_batch();
    struct kedge_clock_record clock = {.boot = "bench"};
    check(kedge_batch_put_clock(batch, &clock), "out of memory");
    commit(bench, batch);
    say("next_group_floor", now_us() - begun);
    size_t rest = bench->device_count - bench->work_count;
    while (bench->offer_count < (rest < bench->in_flight ? rest : bench->in_flight))
        tick(bench);
    say("next_group_stall", bench->stall_us);
}

static void abort_it(struct bench *bench)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_ROLLOUT_ABORT, .who = "bench", .rollout_id = bench->rollout_id};
    bench->stall_us = 0;
    double begun = now_us();
    step(bench, &event);
    while (kedge_engine_next_tick_at_ms(bench->engine) != 0)
        tick(bench);
    say("abort", now_us() - begun);
    say("abort_stall", bench->stall_us);
}

/* ---- what SQLite alone takes ---- */

static void run_sql(sqlite3 *database, const char *sql)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(database));
}

/* As many rows of the same values, found by nothing but their number, and one commit. */
static void measure_inserts(const struct bench *bench)
{
    char path[512];
    sqlite3 *database;
    sqlite3_stmt *insert;
    snprintf(path, sizeof path, "%s/floor.db", bench->folder);
    if (sqlite3_open(path, &database) != SQLITE_OK)
        fail("no database for the floor");
    run_sql(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "CREATE TABLE deployments (id INTEGER PRIMARY KEY, rollout_id INTEGER,"
                      " group_index INTEGER, state TEXT, endpoint TEXT, version_before TEXT,"
                      " update_result INTEGER, bytes_done INTEGER, bytes_total INTEGER,"
                      " offered_at_ms INTEGER, changed_at_ms INTEGER, ended_at_ms INTEGER,"
                      " reason TEXT) STRICT");
    if (sqlite3_prepare_v2(database,
                           "INSERT INTO deployments VALUES (?,1,0,'pending',?,'',-1,0,0,0,?,0,'')",
                           -1, &insert, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(database));
    double begun = now_us();
    run_sql(database, "BEGIN");
    for (size_t i = 0; i < bench->device_count; i++) {
        sqlite3_bind_int64(insert, 1, (sqlite3_int64)i + 1);
        sqlite3_bind_text(insert, 2, bench->endpoints[i], -1, SQLITE_STATIC);
        sqlite3_bind_int64(insert, 3, (sqlite3_int64)bench->now_ms);
        if (sqlite3_step(insert) != SQLITE_DONE || sqlite3_reset(insert) != SQLITE_OK)
            fail(sqlite3_errmsg(database));
    }
    run_sql(database, "COMMIT");
    say("create_floor", now_us() - begun);
    sqlite3_finalize(insert);
    sqlite3_close(database);
    unlink(path);
}

/* A scan of what the counts are the sum of. */
static void measure_scan(const struct bench *bench)
{
    char path[512];
    sqlite3 *database;
    snprintf(path, sizeof path, "%s/" KEDGE_STORE_FILE, bench->folder);
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        fail("no database for a scan");
    double begun = now_us();
    run_sql(database, "SELECT group_index, state, count(*) FROM deployments WHERE rollout_id = 1"
                      " GROUP BY group_index, state");
    say("counts_by_scan", now_us() - begun);
    sqlite3_close(database);
}

static void make_devices(struct bench *bench)
{
    bench->endpoints = calloc(bench->device_count, sizeof(*bench->endpoints));
    bench->targets = calloc(bench->device_count, sizeof(*bench->targets));
    bench->in_work = calloc(bench->in_flight, sizeof(*bench->in_work));
    if (bench->endpoints == NULL || bench->targets == NULL || bench->in_work == NULL)
        fail("out of memory");
    for (size_t i = 0; i < bench->device_count; i++) {
        snprintf(bench->endpoints[i], sizeof bench->endpoints[i], "device-%08" PRIu32, (uint32_t)i);
        bench->targets[i] = (struct kedge_rollout_target){.endpoint = bench->endpoints[i],
                                                          .known = true,
                                                          .vendor = "vendor.example",
                                                          .class_name = "meter",
                                                          .version = "1.0.0",
                                                          .present = true};
    }
}

int main(int count, char **words)
{
    struct bench bench = {.now_ms = 1700000000000u};
    if (count != 4) {
        fputs("usage: bench_rollout_steps FOLDER DEVICES IN-FLIGHT\n", stderr);
        return 2;
    }
    bench.folder = words[1];
    bench.device_count = strtoul(words[2], NULL, 10);
    bench.in_flight = strtoul(words[3], NULL, 10);
    if (bench.in_flight == 0 || bench.device_count <= bench.in_flight)
        fail("there must be more devices than are in flight");
    sem_init(&bench.durable, 0, 0);
    make_devices(&bench);
    measure_inserts(&bench);
    open_store(&bench);
    double empty = database_bytes(&bench);
    store_devices(&bench);
    reopen_store(&bench);
    double with_devices = database_bytes(&bench);
    say("bytes_of_device", (with_devices - empty) / (double)bench.device_count);
    divide(&bench);
    open_engine(&bench);
    create(&bench);
    reopen_store(&bench);
    double with_rollout = database_bytes(&bench);
    say("bytes_of_deployment", (with_rollout - with_devices) / (double)bench.device_count);
    start(&bench);
    evaluate(&bench);
    look(&bench);
    measure_scan(&bench);
    end_group(&bench, with_rollout);
    go_on(&bench);
    abort_it(&bench);
    close_all(&bench);
    return 0;
}
