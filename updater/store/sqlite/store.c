/*
 * store.c: the store thread and its queue.
 *
 * Method: submitters append to a queue under one lock. The thread takes the whole queue at once,
 * writes it in one transaction, and calls back after the commit; what comes in meanwhile waits for
 * the next round. So the cost of the commit's fsync is shared by all that waited for it, and
 * batches are committed in the order of submitting. Commits keep a little apart from each other, so
 * that on a fast disk they are shared too: a store that was quiet commits at once.
 */
#define _GNU_SOURCE
#include "updater/store/sqlite/touches.h"
#include "updater/store/sqlite/write.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOUCH_FLUSH_DEFAULT_MS 2000u
#define COMMITS_APART_MS 10u

struct kedge_store {
    struct kedge_sql_writer writer; /* the store thread's */
    uint64_t committed_at_ms;       /* likewise; monotonic */
    struct kedge_histogram commits; /* how long they took */
    int lock_descriptor;
    uint32_t touch_flush_ms;
    pthread_t thread;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t wake;  /* to the thread */
    pthread_cond_t done;  /* from the thread: completed has risen */
    struct kedge_batch *first, *last;
    uint64_t submitted, completed; /* numbers of batches */
    uint64_t failures;             /* transactions that could not be written */
    bool held, closing;
    struct kedge_touches touches;
    uint64_t flush_at_ms; /* monotonic; 0: no touch waits */

    pthread_mutex_t follow_lock; /* for what follows */
    kedge_store_committed_fn *follower;
    void *follower_context;
};

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the thread's side ---- */

static enum kedge_rc write_touches(struct kedge_sql_writer *writer,
                                   const struct kedge_touches *touches)
{
    KEDGE_TRY(kedge_sql_begin(writer));
    for (const struct kedge_touch_node *node = touches->first; node != NULL; node = node->next)
        KEDGE_TRY(kedge_sql_write_touch(writer, &node->touch));
    return kedge_sql_commit(writer);
}

/* Touches that cannot be written are lost, as they may be: the device will be seen again. */
static void flush_touches(struct kedge_store *store, struct kedge_touches *touches)
{
    if (touches->first != NULL && write_touches(&store->writer, touches) != KEDGE_OK)
        kedge_sql_rollback(&store->writer);
    kedge_touches_free(touches);
}

static void tell_follower(struct kedge_store *store, const struct kedge_batch *batch)
{
    (void)pthread_mutex_lock(&store->follow_lock);
    if (store->follower != NULL)
        kedge_batch_tell(batch, store->follower, store->follower_context);
    (void)pthread_mutex_unlock(&store->follow_lock);
}

static void answer(struct kedge_batch *batch, const char *detail)
{
    char error[KEDGE_STORE_ERROR_MAX] = "";
    if (batch->rc == KEDGE_E_BUSY)
        (void)snprintf(error, sizeof(error),
                       "not written, because a change before it could not be written");
    else if (batch->rc != KEDGE_OK)
        (void)snprintf(error, sizeof(error), "the database could not be written: %.300s", detail);
    if (batch->on_durable != NULL)
        batch->on_durable(batch->context, batch->rc, error);
    kedge_batch_destroy(batch);
}

static void write_queue(struct kedge_store *store, struct kedge_batch *first, bool held)
{
    char detail[KEDGE_STORE_ERROR_MAX] = "a reference does not hold";
    uint64_t begun_us = kedge_histogram_clock_us();
    enum kedge_rc rc = held ? KEDGE_OK : kedge_sql_write_batches(&store->writer, first);
    if (rc == KEDGE_OK && !held)
        kedge_histogram_note(&store->commits, kedge_histogram_clock_us() - begun_us);
    if (rc != KEDGE_OK) {
        /* A batch needs no slot: what lacks space here is the disk, or the database's limit. */
        (void)snprintf(detail, sizeof(detail), "%s (%.300s)",
                       rc == KEDGE_E_SPACE ? "no space is left for it" : kedge_rc_text(rc),
                       sqlite3_errmsg(store->writer.database));
        /* Held before anybody hears of the failure: nothing slips in between. */
        (void)pthread_mutex_lock(&store->lock);
        store->held = true;
        store->failures++;
        (void)pthread_mutex_unlock(&store->lock);
    }
    uint64_t completed = 0;
    while (first != NULL) {
        struct kedge_batch *next = first->next;
        completed = first->number;
        if (held)
            first->rc = KEDGE_E_BUSY;
        if (first->rc == KEDGE_OK)
            tell_follower(store, first);
        answer(first, detail);
        first = next;
    }
    (void)pthread_mutex_lock(&store->lock);
    store->completed = completed;
    (void)pthread_cond_broadcast(&store->done);
    (void)pthread_mutex_unlock(&store->lock);
}

static bool flush_is_due(const struct kedge_store *store)
{
    return store->flush_at_ms != 0 && (store->closing || monotonic_ms() >= store->flush_at_ms);
}

static void wait_for_work(struct kedge_store *store)
{
    while (store->first == NULL && !store->closing && !flush_is_due(store)) {
        if (store->flush_at_ms == 0) {
            (void)pthread_cond_wait(&store->wake, &store->lock);
            continue;
        }
        struct timespec until = {.tv_sec = (time_t)(store->flush_at_ms / 1000),
                                 .tv_nsec = (long)(store->flush_at_ms % 1000) * 1000000};
        (void)pthread_cond_timedwait(&store->wake, &store->lock, &until);
    }
}

/* With the lock, which is open meanwhile: those who submit need not wake the thread up. */
static void let_others_join(struct kedge_store *store)
{
    uint64_t until_ms = store->committed_at_ms + COMMITS_APART_MS;
    if (store->first == NULL || store->closing || monotonic_ms() >= until_ms)
        return;
    const struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000};
    (void)pthread_mutex_unlock(&store->lock);
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    (void)pthread_mutex_lock(&store->lock);
}

/* Takes the touches out when they are due; without memory for a new set they wait on. */
static void take_touches(struct kedge_store *store, struct kedge_touches *out)
{
    struct kedge_touches fresh;
    *out = (struct kedge_touches){.first = NULL};
    if (!flush_is_due(store) || kedge_touches_init(&fresh) != KEDGE_OK)
        return;
    *out = store->touches;
    store->touches = fresh;
    store->flush_at_ms = 0;
}

static void *run(void *context)
{
    struct kedge_store *store = context;
    (void)pthread_mutex_lock(&store->lock);
    for (;;) {
        wait_for_work(store);
        let_others_join(store);
        struct kedge_batch *first = store->first;
        struct kedge_touches touches;
        store->first = store->last = NULL;
        take_touches(store, &touches);
        if (first == NULL && touches.first == NULL && store->closing) {
            kedge_touches_free(&touches);
            break;
        }
        bool held = store->held;
        (void)pthread_mutex_unlock(&store->lock);
        if (first != NULL)
            write_queue(store, first, held);
        flush_touches(store, &touches);
        store->committed_at_ms = monotonic_ms();
        (void)pthread_mutex_lock(&store->lock);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return NULL;
}

/* ---- the submitters' side ---- */

static void drop_older_touches(struct kedge_store *store, const struct kedge_batch *batch)
{
    if (store->touches.first == NULL)
        return;
    for (const struct kedge_row *row = batch->first; row != NULL; row = row->next)
        if (row->kind == KEDGE_ROW_PUT_DEVICE)
            kedge_touches_forget(
                &store->touches,
                ((const struct kedge_device_record *)(const void *)row->record)->endpoint);
}

void kedge_store_submit(struct kedge_store *store, struct kedge_batch *batch,
                        kedge_store_durable_fn *on_durable, void *context)
{
    batch->on_durable = on_durable;
    batch->context = context;
    batch->next = NULL;
    (void)pthread_mutex_lock(&store->lock);
    drop_older_touches(store, batch);
    batch->number = ++store->submitted;
    bool is_first = store->last == NULL;
    *(is_first ? &store->first : &store->last->next) = batch;
    store->last = batch;
    if (is_first) /* the others go with it */
        (void)pthread_cond_signal(&store->wake);
    (void)pthread_mutex_unlock(&store->lock);
}

bool kedge_store_behind(struct kedge_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    bool behind = store->submitted - store->completed > KEDGE_STORE_WAITING_MAX;
    (void)pthread_mutex_unlock(&store->lock);
    return behind;
}

void kedge_store_figures(struct kedge_store *store, struct kedge_store_figures *out)
{
    (void)pthread_mutex_lock(&store->lock);
    *out = (struct kedge_store_figures){.submitted = store->submitted,
                                        .waiting = store->submitted - store->completed,
                                        .failures = store->failures,
                                        .commits = &store->commits};
    (void)pthread_mutex_unlock(&store->lock);
}

void kedge_store_follow(struct kedge_store *store, kedge_store_committed_fn *fn, void *context)
{
    (void)pthread_mutex_lock(&store->follow_lock);
    store->follower = fn;
    store->follower_context = context;
    (void)pthread_mutex_unlock(&store->follow_lock);
}

void kedge_store_recover(struct kedge_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    store->held = false;
    (void)pthread_mutex_unlock(&store->lock);
}

void kedge_store_flush(struct kedge_store *store)
{
    (void)pthread_mutex_lock(&store->lock);
    uint64_t wanted = store->submitted;
    while (store->completed < wanted)
        (void)pthread_cond_wait(&store->done, &store->lock);
    (void)pthread_mutex_unlock(&store->lock);
}

enum kedge_rc kedge_store_touch_device(struct kedge_store *store,
                                       const struct kedge_device_touch *touch)
{
    (void)pthread_mutex_lock(&store->lock);
    enum kedge_rc rc = kedge_touches_put(&store->touches, touch);
    if (rc == KEDGE_OK && store->flush_at_ms == 0) {
        store->flush_at_ms = monotonic_ms() + store->touch_flush_ms;
        (void)pthread_cond_signal(&store->wake);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return rc;
}

/* ---- opening and closing ---- */

static enum kedge_rc start_thread(struct kedge_store *store)
{
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_mutex_init(&store->follow_lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&store->wake, &attributes);
    (void)pthread_cond_init(&store->done, NULL);
    (void)pthread_condattr_destroy(&attributes);
    return pthread_create(&store->thread, NULL, run, store) == 0 ? KEDGE_OK : KEDGE_E_SYSTEM;
}

static enum kedge_rc open_writer(struct kedge_store *store, const struct kedge_store_config *config,
                                 char error[KEDGE_STORE_ERROR_MAX])
{
    sqlite3 *database;
    KEDGE_TRY(sql_open_writer(config, &database, error));
    enum kedge_rc rc = kedge_sql_writer_open(&store->writer, database);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX,
                       "the database in %.300s cannot be used: %s; restore it from a backup",
                       config->folder, kedge_rc_text(rc));
    return rc;
}

enum kedge_rc kedge_store_open(const struct kedge_store_config *config, struct kedge_store **out,
                               char error[KEDGE_STORE_ERROR_MAX])
{
    error[0] = '\0';
    struct kedge_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return KEDGE_E_MEMORY;
    store->touch_flush_ms =
        config->touch_flush_ms == 0 ? TOUCH_FLUSH_DEFAULT_MS : config->touch_flush_ms;
    bool opened = false;
    enum kedge_rc rc = kedge_touches_init(&store->touches);
    if (rc != KEDGE_OK)
        goto cleanup;
    rc = sql_lock_folder(config->folder, &store->lock_descriptor, error);
    if (rc != KEDGE_OK)
        goto cleanup;
    rc = open_writer(store, config, error);
    opened = rc == KEDGE_OK;
    if (rc == KEDGE_OK)
        rc = start_thread(store);
    if (rc == KEDGE_OK) {
        *out = store;
        return KEDGE_OK;
    }

cleanup:
    if (error[0] == '\0')
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot open the store: %s",
                       kedge_rc_text(rc));
    if (opened)
        kedge_sql_writer_close(&store->writer);
    if (store->lock_descriptor > 0)
        (void)close(store->lock_descriptor);
    kedge_touches_free(&store->touches);
    free(store);
    return rc;
}

void kedge_store_close(struct kedge_store *store)
{
    if (store == NULL)
        return;
    (void)pthread_mutex_lock(&store->lock);
    store->closing = true;
    (void)pthread_cond_signal(&store->wake);
    (void)pthread_mutex_unlock(&store->lock);
    (void)pthread_join(store->thread, NULL);
    kedge_sql_writer_close(&store->writer);
    kedge_touches_free(&store->touches);
    (void)pthread_cond_destroy(&store->wake);
    (void)pthread_cond_destroy(&store->done);
    (void)pthread_mutex_destroy(&store->lock);
    (void)pthread_mutex_destroy(&store->follow_lock);
    (void)close(store->lock_descriptor);
    free(store);
}
