/*
 * The one rule of steering: what the engine puts out is durable before its commands are carried out
 * and before anybody is answered; and when it cannot be made durable, all goes on from what is.
 *
 * The crew here looks into the database, with a connection of its own, whenever it is told to do
 * something.
 */
#define _GNU_SOURCE
#include "tests/unit/store_fixture.h"

#include "updater/kedged/call.h"
#include "updater/kedged/log.h"
#include "updater/kedged/steering.h"

#include <pthread.h>
#include <time.h>

#define OFFERS_MAX 8

struct fixture {
    struct folder folder;
    struct kedge_store *store;
    struct kedge_reader *reader; /* the network thread's */
    struct kedge_net *net;
    struct kedge_steering *steering;
    pthread_t thread;
    struct told {
        uint64_t offered[OFFERS_MAX];
        size_t offers, cancels, reloads;
        bool before_durable; /* it was told to do something that the database did not say */
    } told,                  /* what the crew was told, on the network thread */
        seen;                /* the same, as settle() found it */
};

/* ---- the crew ---- */

static void offer(void *context, const struct kedge_deployment *deployment,
                  const struct kedge_rollout *rollout)
{
    struct fixture *f = context;
    struct kedge_deployment stored;
    if (kedge_reader_deployment(f->reader, deployment->id, &stored) != KEDGE_OK ||
        !kedge_deployment_state_busy(stored.state) || stored.rollout_id != rollout->id)
        f->told.before_durable = true;
    if (f->told.offers < OFFERS_MAX)
        f->told.offered[f->told.offers++] = deployment->id;
}

static void cancel(void *context, uint64_t deployment_id)
{
    struct fixture *f = context;
    struct kedge_deployment stored;
    if (kedge_reader_deployment(f->reader, deployment_id, &stored) != KEDGE_OK ||
        !kedge_deployment_state_ended(stored.state))
        f->told.before_durable = true;
    f->told.cancels++;
}

static void install(void *context, uint64_t deployment_id, uint64_t for_ms)
{
    (void)context;
    (void)deployment_id;
    (void)for_ms;
}

static void reloaded(void *context)
{
    struct fixture *f = context;
    f->told.reloads++;
}

/* ---- a server without devices ---- */

static void *run_network(void *context)
{
    struct fixture *f = context;
    return kedge_net_run(f->net) == KEDGE_OK ? NULL : f;
}

static void begin(struct fixture *f, uint64_t size_max_bytes)
{
    const struct kedge_store_config config = {.folder = f->folder.path,
                                              .size_max_bytes = size_max_bytes};
    const struct kedge_net_config net_config = {.listen_count = 0};
    const struct kedge_steering_crew crew = {f, offer, cancel, install, reloaded};
    char error[KEDGE_STORE_ERROR_MAX];
    assert_int_equal(kedge_store_open(&config, &f->store, error), KEDGE_OK);
    f->reader = reader_in(&f->folder);
    assert_int_equal(kedge_net_create(&net_config, &f->net), KEDGE_OK);
    assert_int_equal(
        kedge_steering_create(f->net, f->store, f->folder.path, &crew, &f->steering, error),
        KEDGE_OK);
    assert_int_equal(pthread_create(&f->thread, NULL, run_network, f), 0);
}

static void end(struct fixture *f)
{
    void *failed;
    kedge_net_stop(f->net);
    assert_int_equal(pthread_join(f->thread, &failed), 0);
    assert_null(failed);
    kedge_steering_end(f->steering);
    kedge_store_close(f->store);
    kedge_net_destroy(f->net);
    kedge_steering_destroy(f->steering);
    kedge_reader_close(f->reader);
    assert_false(f->told.before_durable);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    kedge_log_set_level(KEDGE_LOG_ERROR);
    folder_make(&fixture.folder);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    folder_remove(&f->folder);
    return 0;
}

/* ---- asking ---- */

struct question {
    struct fixture *f;
    const struct kedge_engine_event *event;
    bool durable; /* when it was answered, the database said what was asked for */
};

static void done(void *context, enum kedge_rc rc, uint64_t rollout_id, const char *text,
                 const char *field)
{
    struct kedge_call *call = context;
    struct question *question = call->context;
    struct kedge_rollout stored;
    uint64_t id = rollout_id != 0 ? rollout_id : question->event->rollout_id;
    question->durable = kedge_reader_rollout(question->f->reader, id, &stored) == KEDGE_OK;
    call->rollout_id = rollout_id;
    (void)field;
    kedge_call_answer(call, rc, text);
}

static void put_question(struct kedge_call *call)
{
    struct question *question = call->context;
    kedge_steering_handle(question->f->steering, question->event, done, call);
}

static enum kedge_rc ask(struct fixture *f, const struct kedge_engine_event *event,
                         struct kedge_call *call)
{
    struct question question = {.f = f, .event = event};
    *call = (struct kedge_call){.fn = put_question, .context = &question};
    enum kedge_rc rc = kedge_call_network(f->net, call);
    assert_true(rc != KEDGE_OK || event->kind >= KEDGE_EVENT_DEVICE_PRESENT || question.durable);
    return rc;
}

static void store_package(struct fixture *f)
{
    struct kedge_batch *batch = new_batch();
    add_package(batch, PACKAGE_ID);
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
}

/* Creates a rollout for devices d0, d1, ... that are all there. */
static enum kedge_rc create(struct fixture *f, const char *package_id, size_t count,
                            struct kedge_call *call)
{
    struct kedge_rollout_target *targets = calloc(count, sizeof(*targets));
    char(*endpoints)[KEDGE_ENDPOINT_MAX + 1] = calloc(count, sizeof(*endpoints));
    assert_true(targets != NULL && endpoints != NULL);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(endpoints[i], sizeof(endpoints[i]), "d%zu", i);
        targets[i] = (struct kedge_rollout_target){.endpoint = endpoints[i],
                                                   .known = true,
                                                   .vendor = "v",
                                                   .class_name = "c",
                                                   .version = "1.0.0",
                                                   .present = true};
    }
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_CREATE,
                                       .who = "alice",
                                       .create = {.name = "n",
                                                  .package_id = package_id,
                                                  .vendor = "v",
                                                  .class_name = "c",
                                                  .version = "1.1.0",
                                                  .group_count = 1,
                                                  .targets = targets,
                                                  .target_count = count}};
    kedge_rollout_policy_default(&event.create.policy);
    enum kedge_rc rc = ask(f, &event, call);
    free(endpoints);
    free(targets);
    return rc;
}

static enum kedge_rc act(struct fixture *f, enum kedge_engine_event_kind kind, uint64_t rollout_id,
                         struct kedge_call *call)
{
    const struct kedge_engine_event event = {
        .kind = kind, .who = "alice", .rollout_id = rollout_id};
    return ask(f, &event, call);
}

static void present(struct fixture *f, const char *endpoint)
{
    const struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_DEVICE_PRESENT,
        .device = {.endpoint = endpoint, .vendor = "v", .class_name = "c", .version = "1.0.0"}};
    struct kedge_call call;
    assert_int_equal(ask(f, &event, &call), KEDGE_OK);
}

static void copy_told(struct kedge_call *call)
{
    struct fixture *f = call->context;
    f->seen = f->told;
    kedge_call_answer(call, KEDGE_OK, "");
}

/* Everything that was posted before has been done. */
static void settle(struct fixture *f)
{
    struct kedge_call call = {.fn = copy_told, .context = f};
    kedge_store_flush(f->store);
    assert_int_equal(kedge_call_network(f->net, &call), KEDGE_OK);
}

static void wait_for_reload(struct fixture *f, size_t count)
{
    settle(f);
    for (int i = 0; i < 6000 && f->seen.reloads < count; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        settle(f);
    }
    assert_int_equal(f->seen.reloads, count);
}

/* ---- the rule ---- */

static void offers_and_cancels_come_when_their_records_are_durable(void **state)
{
    struct fixture *f = *state;
    struct kedge_call call;
    begin(f, 0);
    store_package(f);
    assert_int_equal(create(f, PACKAGE_ID, 3, &call), KEDGE_OK);
    assert_int_equal(call.rollout_id, 1);
    settle(f);
    assert_int_equal(f->seen.offers, 0);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 1, &call), KEDGE_OK);
    settle(f);
    assert_int_equal(f->seen.offers, 3);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_ABORT, 1, &call), KEDGE_OK);
    settle(f);
    assert_int_equal(f->seen.cancels, 3);
    end(f);
}

static void a_refusal_has_words_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct kedge_call call;
    begin(f, 0);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 7, &call), KEDGE_E_NOT_FOUND);
    assert_string_equal(call.text, "there is no rollout 7");
    store_package(f);
    assert_int_equal(create(f, PACKAGE_ID, 1, &call), KEDGE_OK);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_RESUME, 1, &call), KEDGE_E_STATE);
    assert_non_null(strstr(call.text, "ready"));
    settle(f);
    assert_int_equal(f->seen.reloads, 0);
    end(f);
}

static void a_rollout_of_a_package_that_went_away_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    struct kedge_call call;
    begin(f, 0);
    assert_int_equal(create(f, PACKAGE_ID, 2, &call), KEDGE_E_CONFLICT);
    wait_for_reload(f, 1);
    store_package(f);
    assert_int_equal(create(f, PACKAGE_ID, 2, &call), KEDGE_OK);
    assert_int_equal(call.rollout_id, 1);
    end(f);
}

static void a_full_store_refuses_and_then_goes_on_from_what_is_durable(void **state)
{
    struct fixture *f = *state;
    struct kedge_call call;
    begin(f, 1 << 20);
    store_package(f);
    assert_int_equal(create(f, PACKAGE_ID, 2, &call), KEDGE_OK);
    assert_int_equal(create(f, PACKAGE_ID, 20000, &call), KEDGE_E_SPACE);
    assert_non_null(strstr(call.text, "full"));
    /* Until it has been loaded again nothing is taken, and nothing is kept waiting. */
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 1, &call), KEDGE_E_BUSY);
    assert_true(call.text[0] != '\0');
    wait_for_reload(f, 1);
    present(f, "d0");
    present(f, "d1");
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 2, &call), KEDGE_E_NOT_FOUND);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 1, &call), KEDGE_OK);
    settle(f);
    assert_int_equal(f->seen.offers, 2);
    end(f);
}

static void fail_of_another(struct kedge_call *call)
{
    struct fixture *f = call->context;
    kedge_steering_store_failed(f->steering, "said by somebody else");
    kedge_call_answer(call, KEDGE_OK, "");
}

/* Another's lost batch holds the store too: steering lets it go. */
static void what_somebody_else_could_not_write_is_got_over(void **state)
{
    struct fixture *f = *state;
    struct kedge_call call = {.fn = fail_of_another, .context = f};
    struct kedge_batch *batch = new_batch();
    begin(f, 1 << 20);
    store_package(f);
    for (int i = 0; i < 20000; i++) {
        char endpoint[16];
        (void)snprintf(endpoint, sizeof(endpoint), "x%d", i);
        add_device(batch, endpoint);
    }
    assert_int_equal(commit(f->store, batch), KEDGE_E_SPACE);
    batch = new_batch();
    add_device(batch, "held");
    assert_int_equal(commit(f->store, batch), KEDGE_E_BUSY);
    assert_int_equal(kedge_call_network(f->net, &call), KEDGE_OK);
    wait_for_reload(f, 1);
    batch = new_batch();
    add_device(batch, "let go");
    assert_int_equal(commit(f->store, batch), KEDGE_OK);
    end(f);
}

static void a_restart_offers_again_what_was_in_flight_when_the_device_is_there(void **state)
{
    struct fixture *f = *state;
    struct kedge_call call;
    begin(f, 0);
    store_package(f);
    assert_int_equal(create(f, PACKAGE_ID, 2, &call), KEDGE_OK);
    assert_int_equal(act(f, KEDGE_EVENT_ROLLOUT_START, 1, &call), KEDGE_OK);
    settle(f);
    assert_int_equal(f->seen.offers, 2);
    end(f);
    memset(&f->told, 0, sizeof(f->told));
    begin(f, 0);
    settle(f);
    assert_int_equal(f->seen.offers, 0);
    present(f, "d1");
    settle(f);
    assert_int_equal(f->seen.offers, 1);
    struct kedge_deployment record;
    assert_int_equal(kedge_reader_deployment(f->reader, f->seen.offered[0], &record), KEDGE_OK);
    assert_string_equal(record.endpoint, "d1");
    end(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offers_and_cancels_come_when_their_records_are_durable),
        TEST(a_refusal_has_words_and_changes_nothing),
        TEST(a_rollout_of_a_package_that_went_away_leaves_nothing_behind),
        TEST(a_full_store_refuses_and_then_goes_on_from_what_is_durable),
        TEST(what_somebody_else_could_not_write_is_got_over),
        TEST(a_restart_offers_again_what_was_in_flight_when_the_device_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
