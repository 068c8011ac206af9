/*
 * A rollout over many devices is made in parts: others have their turn between them, and what is
 * answered is durable.
 */
#define _GNU_SOURCE
#include "tests/unit/store_fixture.h"

#include "updater/kedged/call.h"
#include "updater/kedged/log.h"
#include "updater/kedged/rollout_making.h"

#include <pthread.h>

#define DEVICES (2u * KEDGE_MAKING_PART + 1u)
#define PACKAGE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct fixture {
    struct folder folder;
    struct kedge_store *store;
    struct kedge_net *net;
    struct kedge_bridge bridge;
    pthread_t thread;
    struct kedge_targets targets;
    struct kedge_rollout_target items[DEVICES];
    char endpoints[DEVICES][16];
    struct kedge_engine_event event;
    /* of who has its turn in between, on the network thread */
    bool saw_draft, aborts, failed;
};

static void *run_network(void *context)
{
    struct fixture *f = context;
    return kedge_net_run(f->net) == KEDGE_OK ? NULL : f;
}

static void fill(struct fixture *f)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        (void)snprintf(f->endpoints[i], sizeof(f->endpoints[i]), "dev-%u", i);
        f->items[i] = (struct kedge_rollout_target){.endpoint = f->endpoints[i],
                                                    .known = true,
                                                    .vendor = "acme.example",
                                                    .class_name = "meter",
                                                    .version = "1.0.0"};
    }
    f->targets.items = f->items;
    f->targets.count = DEVICES;
    f->event = (struct kedge_engine_event){.kind = KEDGE_EVENT_ROLLOUT_CREATE,
                                           .who = "alice",
                                           .create = {.name = "July",
                                                      .package_id = PACKAGE,
                                                      .vendor = "acme.example",
                                                      .class_name = "meter",
                                                      .version = "1.1.0",
                                                      .sequence = 7,
                                                      .group_count = 1,
                                                      .targets = f->items,
                                                      .target_count = DEVICES}};
    kedge_rollout_policy_default(&f->event.create.policy);
}

static void store_package(struct fixture *f)
{
    struct kedge_package_record package = {
        .id = PACKAGE, .sequence = 7, .version = "1.1.0", .device_digest = PACKAGE};
    struct kedge_batch *batch = kedge_batch_create();
    char text[KEDGE_BACKEND_TEXT_MAX];
    assert_non_null(batch);
    assert_int_equal(kedge_batch_put_package(batch, &package), KEDGE_OK);
    assert_int_equal(kedge_call_commit(f->store, batch, text), KEDGE_OK);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    static struct kedge_pace pace;
    struct fixture *f = &fixture;
    const struct kedge_bridge_limits limits = {.unproven_max = 10, .pace = &pace};
    const struct kedge_net_config net_config = {.listen_count = 0};
    char error[KEDGE_STORE_ERROR_MAX];
    memset(f, 0, sizeof(*f));
    kedge_log_set_level(KEDGE_LOG_ERROR);
    folder_make(&f->folder);
    const struct kedge_store_config config = {.folder = f->folder.path};
    assert_int_equal(kedge_store_open(&config, &f->store, error), KEDGE_OK);
    assert_int_equal(kedge_net_create(&net_config, &f->net), KEDGE_OK);
    assert_int_equal(
        kedge_bridge_open(&f->bridge, f->net, f->store, f->folder.path, &limits, error), KEDGE_OK);
    assert_int_equal(pthread_create(&f->thread, NULL, run_network, f), 0);
    fill(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *failed;
    kedge_net_stop(f->net);
    assert_int_equal(pthread_join(f->thread, &failed), 0);
    assert_null(failed);
    kedge_bridge_end(&f->bridge);
    kedge_store_close(f->store);
    kedge_net_destroy(f->net);
    kedge_bridge_close(&f->bridge);
    assert_false(f->failed);
    folder_remove(&f->folder);
    return 0;
}

/* Has its turn in each round of the loop until the rollout is no draft any more. */
static void look_between(void *context)
{
    struct fixture *f = context;
    const struct kedge_engine *engine = kedge_steering_engine(f->bridge.steering);
    if (engine == NULL)
        return;
    const struct kedge_rollout *rollout = kedge_engine_rollout(engine, 1);
    bool is_draft = rollout != NULL && rollout->state == KEDGE_ROLLOUT_DRAFT;
    if (is_draft)
        f->saw_draft = true;
    if (is_draft && f->aborts) {
        const struct kedge_engine_event abort = {
            .kind = KEDGE_EVENT_ROLLOUT_ABORT, .who = "bob", .rollout_id = 1};
        kedge_steering_handle(f->bridge.steering, &abort, NULL, NULL);
        return;
    }
    if (rollout == NULL || is_draft)
        f->failed |= kedge_net_post(f->net, look_between, f) != KEDGE_OK;
}

static enum kedge_rc make(struct fixture *f, uint64_t *id, char text[KEDGE_BACKEND_TEXT_MAX])
{
    const char *field = "what was there before";
    assert_int_equal(kedge_net_post(f->net, look_between, f), KEDGE_OK);
    enum kedge_rc rc =
        kedge_rollout_make(f->net, &f->bridge, &f->event, &f->targets, id, text, &field);
    assert_null(field);
    return rc;
}

static bool take_first(void *context, const struct kedge_rollout *record)
{
    *(struct kedge_rollout *)context = *record;
    return false;
}

static bool add_pending(void *context, const struct kedge_group *record)
{
    *(uint32_t *)context += record->counts[KEDGE_DEPLOYMENT_PENDING];
    return true;
}

static bool count_deployment(void *context, const struct kedge_deployment *record)
{
    *(uint32_t *)context += record->state == KEDGE_DEPLOYMENT_PENDING;
    return true;
}

static void others_have_their_turn_and_all_of_it_is_durable_in_the_end(void **state)
{
    struct fixture *f = *state;
    struct kedge_rollout stored = {.id = 0};
    const struct kedge_deployment_filter all = {.rollout_id = 1, .group_index = -1, .state = -1};
    char text[KEDGE_BACKEND_TEXT_MAX];
    uint64_t id = 0;
    store_package(f);
    uint32_t pending = 0, deployments = 0;
    assert_int_equal(make(f, &id, text), KEDGE_OK);
    assert_int_equal(id, 1);
    struct kedge_reader *reader = reader_in(&f->folder);
    assert_int_equal(kedge_reader_rollouts(reader, NULL, take_first, &stored), KEDGE_OK);
    assert_int_equal(stored.state, KEDGE_ROLLOUT_READY);
    assert_int_equal(stored.device_count, DEVICES);
    assert_int_equal(kedge_reader_groups(reader, 1, add_pending, &pending), KEDGE_OK);
    assert_int_equal(kedge_reader_deployments(reader, &all, NULL, count_deployment, &deployments),
                     KEDGE_OK);
    kedge_reader_close(reader);
    assert_int_equal(pending, DEVICES);
    assert_int_equal(deployments, DEVICES);
    assert_true(f->saw_draft);
}

static void somebody_aborts_it_in_the_midst(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_BACKEND_TEXT_MAX];
    uint64_t id = 0;
    f->aborts = true;
    store_package(f);
    assert_int_equal(make(f, &id, text), KEDGE_E_STATE);
    assert_non_null(strstr(text, "aborted by bob"));
}

static void what_does_not_fit_is_refused_before_anything_is_made(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_BACKEND_TEXT_MAX];
    uint64_t id = 0;
    const char *field = NULL;
    store_package(f);
    f->items[DEVICES - 1].endpoint = "dev-0";
    assert_int_equal(
        kedge_rollout_make(f->net, &f->bridge, &f->event, &f->targets, &id, text, &field),
        KEDGE_E_ARGUMENT);
    assert_string_equal(text, "device dev-0 is listed twice");
    assert_string_equal(field, "devices");
    f->items[DEVICES - 1].endpoint = "another-one";
    assert_int_equal(make(f, &id, text), KEDGE_OK);
    assert_int_equal(id, 1);
}

/* Of few devices and of many: what the engine finds at fault, and only it can find. */
static void the_field_at_fault_comes_with_the_refusal(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_BACKEND_TEXT_MAX];
    uint64_t id = 0;
    store_package(f);
    f->event.create.start_at_ms = 1; /* long ago */
    for (unsigned i = 0; i < 2; i++) {
        const char *field = NULL;
        f->targets.count = i == 0 ? 1 : DEVICES;
        f->event.create.target_count = f->targets.count;
        assert_int_equal(
            kedge_rollout_make(f->net, &f->bridge, &f->event, &f->targets, &id, text, &field),
            KEDGE_E_ARGUMENT);
        assert_non_null(strstr(text, "the start time"));
        assert_string_equal(field, "start_at");
        assert_int_equal(id, 0);
    }
}

/* It refuses rollouts of packages that it does not have. */
static void a_store_that_cannot_write_it_is_an_answer_too(void **state)
{
    struct fixture *f = *state;
    char text[KEDGE_BACKEND_TEXT_MAX];
    uint64_t id = 0;
    assert_int_not_equal(make(f, &id, text), KEDGE_OK);
    assert_true(text[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(others_have_their_turn_and_all_of_it_is_durable_in_the_end,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(somebody_aborts_it_in_the_midst, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_cannot_write_it_is_an_answer_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused_before_anything_is_made,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_field_at_fault_comes_with_the_refusal, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
