/* Webhooks beside a store that cannot be read: nothing is lost, nothing is told that was before. */
#define _GNU_SOURCE
#include "tests/unit/store_fixture.h"

#include "updater/kedged/webhooks.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define POSTS_MAX 16u
#define WAIT_S 60

/* ---- what stands before the real functions (--wrap) ---- */

static atomic_bool unreadable;
static atomic_uint refusals;

static bool is_refused(void)
{
    if (!atomic_load(&unreadable))
        return false;
    atomic_fetch_add(&refusals, 1);
    return true;
}

#define READER(name, parameters, arguments) \
    enum kedge_rc __real_##name parameters; \
    enum kedge_rc __wrap_##name parameters; \
    enum kedge_rc __wrap_##name parameters  \
    {                                       \
        if (is_refused())                   \
            return KEDGE_E_SYSTEM;          \
        return __real_##name arguments;     \
    }

READER(kedge_reader_note,
       (struct kedge_reader * reader, const char *kind, const char *id, struct kedge_note *out),
       (reader, kind, id, out))
READER(kedge_reader_notes,
       (struct kedge_reader * reader, const char *kind, struct kedge_page *page, kedge_note_fn *fn,
        void *context),
       (reader, kind, page, fn, context))
READER(kedge_reader_last_history, (struct kedge_reader * reader, uint64_t *id), (reader, id))

/* ---- a receiver ---- */

struct fixture {
    struct folder folder;
    struct kedge_store *store;
    struct kedge_webhooks *webhooks;
    struct MHD_Daemon *receiver;
    pthread_mutex_t lock;
    pthread_cond_t posted;
    uint64_t posts[POSTS_MAX]; /* ids of events */
    size_t count;
};

static enum MHD_Result receive(void *context, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *size, void **begun)
{
    struct fixture *f = context;
    (void)url, (void)method, (void)version, (void)upload;
    if (*begun == NULL || *size > 0) {
        *begun = f;
        *size = 0;
        return MHD_YES;
    }
    const char *id = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Kedge-Event-Id");
    (void)pthread_mutex_lock(&f->lock);
    if (id != NULL && f->count < POSTS_MAX)
        f->posts[f->count++] = strtoull(id, NULL, 10);
    (void)pthread_cond_signal(&f->posted);
    (void)pthread_mutex_unlock(&f->lock);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result done = MHD_queue_response(connection, MHD_HTTP_NO_CONTENT, response);
    MHD_destroy_response(response);
    return done;
}

static void wait_for_posts(struct fixture *f, size_t count)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    (void)pthread_mutex_lock(&f->lock);
    while (f->count < count)
        assert_int_equal(pthread_cond_timedwait(&f->posted, &f->lock, &until), 0);
    (void)pthread_mutex_unlock(&f->lock);
}

/* ---- what is in the store ---- */

static void put_note(struct kedge_batch *batch, const char *kind, const char *id,
                     const char *content)
{
    struct kedge_note *note = calloc(1, sizeof(*note));
    assert_non_null(note);
    (void)snprintf(note->kind, sizeof(note->kind), "%s", kind);
    (void)snprintf(note->id, sizeof(note->id), "%s", id);
    note->at_ms = 1;
    note->size = strlen(content);
    memcpy(note->content, content, note->size);
    assert_int_equal(kedge_batch_put_note(batch, note), KEDGE_OK);
    free(note);
}

static void put_hook(struct fixture *f, const char *name, uint64_t position)
{
    char settings[512], at[24];
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(f->receiver, MHD_DAEMON_INFO_BIND_PORT);
    (void)snprintf(
        settings, sizeof(settings),
        "{\"name\":\"%s\",\"url\":\"http://127.0.0.1:%u/\",\"secret\":\"sixteen bytes or "
        "more\",\"events\":[\"rollout\"],\"attempts\":1}",
        name, info->port);
    (void)snprintf(at, sizeof(at), "%" PRIu64, position);
    struct kedge_batch *batch = new_batch();
    put_note(batch, "webhook", name, settings);
    put_note(batch, "webhook_at", name, at);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

static void add_event(struct fixture *f)
{
    const struct kedge_history_entry entry = {.at_ms = 1, .rollout_id = 1, .group_index = -1};
    struct kedge_batch *batch = new_batch();
    assert_int_equal(kedge_batch_add_history(batch, &entry), KEDGE_OK);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

static void wait_for_refusals(unsigned more)
{
    unsigned until = atomic_load(&refusals) + more;
    const struct timespec moment = {.tv_nsec = 1000000};
    for (unsigned waited_ms = 0; atomic_load(&refusals) < until; waited_ms++) {
        assert_true(waited_ms < WAIT_S * 1000);
        (void)nanosleep(&moment, NULL);
    }
}

/* ---- a server's part of it ---- */

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.count = 0};
    atomic_store(&unreadable, false);
    (void)pthread_mutex_init(&fixture.lock, NULL);
    (void)pthread_cond_init(&fixture.posted, NULL);
    folder_make(&fixture.folder);
    fixture.store = store_in(&fixture.folder);
    fixture.receiver = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL,
                                        NULL, receive, &fixture, MHD_OPTION_END);
    assert_non_null(fixture.receiver);
    *state = &fixture;
    return 0;
}

static void begin(struct fixture *f)
{
    assert_int_equal(kedge_webhooks_start(f->store, f->folder.path, &f->webhooks), KEDGE_OK);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    kedge_webhooks_stop(f->webhooks);
    MHD_stop_daemon(f->receiver);
    kedge_store_close(f->store);
    folder_remove(&f->folder);
    return 0;
}

/* ---- tests ---- */

static void an_event_that_cannot_be_read_is_posted_when_it_can(void **state)
{
    struct fixture *f = *state;
    put_hook(f, "ci", 0);
    add_event(f);
    begin(f);
    wait_for_posts(f, 1);
    atomic_store(&unreadable, true);
    add_event(f);
    kedge_webhooks_wake(f->webhooks);
    wait_for_refusals(2);
    atomic_store(&unreadable, false); /* and nothing wakes it up */
    wait_for_posts(f, 2);
    assert_int_equal(f->posts[1], 2);
}

static void a_hook_begins_where_it_is_to_also_when_that_could_not_be_read(void **state)
{
    struct fixture *f = *state;
    add_event(f);
    add_event(f);
    put_hook(f, "ci", 2); /* made after them */
    atomic_store(&unreadable, true);
    begin(f);
    wait_for_refusals(2);
    atomic_store(&unreadable, false);
    add_event(f);
    kedge_webhooks_wake(f->webhooks);
    wait_for_posts(f, 1);
    assert_int_equal(f->posts[0], 3);
}

static void what_is_asked_for_again_is_not_forgotten(void **state)
{
    struct fixture *f = *state;
    put_hook(f, "ci", 0);
    struct kedge_batch *batch = new_batch();
    put_note(batch, "undelivered", "00000000000001000000",
             "{\"webhook\":\"ci\",\"event_id\":77,\"attempts\":1,\"error\":\"\",\"body\":\"{}\","
             "\"at_ms\":1,\"again\":true}");
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    atomic_store(&unreadable, true);
    begin(f);
    wait_for_refusals(2);
    atomic_store(&unreadable, false);
    wait_for_posts(f, 1);
    assert_int_equal(f->posts[0], 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_that_cannot_be_read_is_posted_when_it_can, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_hook_begins_where_it_is_to_also_when_that_could_not_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_asked_for_again_is_not_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
