/*
 * test_lwm2m_bootstrap.c: sessions of the bootstrap server: nothing is said before what is given is
 * durable, one session for an endpoint, and an end for each of them, whatever the device does.
 */
#define _GNU_SOURCE
#include "tests/unit/scripted_peer.h"
#include "updater/lwm2m/bootstrap.h"
#include "updater/lwm2m/bootstrap_objects.h"

#define TRACES_MAX 64u

struct scene {
    struct kedge_net *net;
    struct kedge_bootstrap *bootstrap;
    struct scripted_peer peer, former;
    bool refuses, fails;
    uint64_t tickets[TRACES_MAX];
    size_t ticket_count;
    enum kedge_bootstrap_event events[TRACES_MAX];
    char words[TRACES_MAX][KEDGE_BOOTSTRAP_WORDS_MAX];
    size_t event_count;
};

static enum kedge_rc admit(void *context, const struct kedge_bootstrap_claim *claim)
{
    const struct scene *scene = context;
    assert_int_equal(claim->proof, KEDGE_PROOF_NONE);
    assert_null(claim->name);
    return scene->refuses ? KEDGE_E_REFUSED : KEDGE_OK;
}

static enum kedge_rc grant(void *context, const char *endpoint, uint64_t ticket)
{
    struct scene *scene = context;
    assert_true(strlen(endpoint) > 0);
    scene->tickets[scene->ticket_count++ % TRACES_MAX] = ticket;
    return scene->fails ? KEDGE_E_MEMORY : KEDGE_OK;
}

static void trace(void *context, const char *endpoint, enum kedge_bootstrap_event event,
                  const char *words)
{
    struct scene *scene = context;
    size_t at = scene->event_count++ % TRACES_MAX;
    assert_true(strlen(endpoint) > 0 && strlen(words) < KEDGE_BOOTSTRAP_WORDS_MAX);
    scene->events[at] = event;
    (void)snprintf(scene->words[at], sizeof scene->words[at], "%s", words);
}

static void open_bootstrap(struct scene *scene, uint32_t limit_ms)
{
    const struct kedge_bootstrap_config config = {
        .net = scene->net,
        .desk = {.context = scene, .admit = admit, .grant = grant, .trace = trace},
        .server_port = 5684,
        .limit_ms = limit_ms};
    assert_int_equal(kedge_bootstrap_create(&config, &scene->bootstrap), KEDGE_OK);
}

static int set_up_with(void **state, uint32_t limit_ms)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->net = server_open(30, NULL, NULL);
    open_bootstrap(scene, limit_ms);
    peer_open(&scene->peer, scene->net);
    *state = scene;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, 0);
}

static int set_up_in_haste(void **state)
{
    return set_up_with(state, 20);
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    peer_close(&scene->peer);
    kedge_bootstrap_destroy(scene->bootstrap);
    kedge_net_destroy(scene->net);
    free(scene);
    return 0;
}

static size_t sessions_of(const struct scene *scene)
{
    return kedge_bootstrap_counters(scene->bootstrap).sessions;
}

static void request_as(struct scene *scene, const char *query)
{
    peer_sends(&scene->peer,
               &(struct scripted_message){
                   .type = KEDGE_COAP_CON,
                   .code = KEDGE_COAP_POST,
                   .message_id = scene->peer.next_message_id++,
                   .options = {{KEDGE_COAP_URI_PATH, "bs", 0}, {KEDGE_COAP_URI_QUERY, query, 0}}});
}

/* Turns the server until it has asked for so many grants. */
static void wait_for_tickets(struct scene *scene, size_t count)
{
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (scene->ticket_count < count && test_clock_ms() < until_ms)
        server_turn(scene->net);
    assert_int_equal(scene->ticket_count, count);
}

static void granted(struct scene *scene, uint64_t ticket)
{
    const struct kedge_bootstrap_grant given = {.mode = KEDGE_SECURITY_PSK,
                                                .identity = "id",
                                                .identity_size = 2,
                                                .secret = "0123456789abcdef",
                                                .secret_size = 16};
    kedge_bootstrap_granted(scene->bootstrap, ticket, KEDGE_OK, &given);
}

static void wait_for_event(struct scene *scene, enum kedge_bootstrap_event event)
{
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    for (;;) {
        for (size_t i = 0; i < scene->event_count; i++)
            if (scene->events[i] == event)
                return;
        if (test_clock_ms() > until_ms)
            fail_msg("it never came to %s", kedge_bootstrap_event_name(event));
        server_turn(scene->net);
    }
}

/* From the request to the first step, which it does not answer. */
static void begins(struct scene *scene)
{
    size_t tickets = scene->ticket_count;
    request_as(scene, "ep=device-1");
    wait_for_tickets(scene, tickets + 1);
    granted(scene, scene->tickets[tickets]);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_CHANGED);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_GET);
}

static void nothing_is_said_before_what_is_given_is_durable(void **state)
{
    struct scene *scene = *state;
    request_as(scene, "ep=device-1");
    wait_for_tickets(scene, 1);
    peer_hears_nothing(&scene->peer, 20);
    /* Asked again meanwhile, it is the same session. */
    scene->peer.next_message_id--;
    request_as(scene, "ep=device-1");
    peer_hears_nothing(&scene->peer, 20);
    assert_int_equal(scene->ticket_count, 1);
    granted(scene, scene->tickets[0]);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_CHANGED);
}

static void what_cannot_be_made_is_told_and_leaves_no_session(void **state)
{
    struct scene *scene = *state;
    scene->fails = true;
    request_as(scene, "ep=device-1");
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_UNAVAILABLE);
    scene->fails = false;
    request_as(scene, "ep=device-1");
    wait_for_tickets(scene, 2);
    kedge_bootstrap_granted(scene->bootstrap, scene->tickets[1], KEDGE_E_SPACE, NULL);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_UNAVAILABLE);
    assert_int_equal(sessions_of(scene), 0);
    kedge_bootstrap_granted(scene->bootstrap, scene->tickets[1], KEDGE_E_SPACE, NULL);
}

static void what_may_not_be_bootstrapped_any_more_when_it_is_durable_is_not(void **state)
{
    struct scene *scene = *state;
    request_as(scene, "ep=device-1");
    wait_for_tickets(scene, 1);
    scene->refuses = true;
    granted(scene, scene->tickets[0]);
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_BAD_REQUEST);
    assert_int_equal(sessions_of(scene), 0);
}

static void an_endpoint_has_one_session_and_a_device_that_begins_anew_the_newer_one(void **state)
{
    struct scene *scene = *state;
    begins(scene);
    scene->former = scene->peer;
    peer_open(&scene->peer, scene->net);
    begins(scene);
    assert_int_equal(sessions_of(scene), 1);
    peer_close(&scene->former);
    kedge_bootstrap_expel(scene->bootstrap, "another");
    assert_int_equal(sessions_of(scene), 1);
    kedge_bootstrap_expel(scene->bootstrap, "device-1");
    assert_int_equal(sessions_of(scene), 0);
    peer_hears_nothing(&scene->peer, 100); /* nor is anything sent again */
}

static void a_step_that_is_not_answered_ends_it(void **state)
{
    struct scene *scene = *state;
    begins(scene);
    wait_for_event(scene, KEDGE_BOOTSTRAP_FAILED);
    assert_int_equal(sessions_of(scene), 0);
    assert_string_equal(scene->words[scene->event_count - 1], "Discover was not answered");
}

/* It answers every step with a "wait", so that only the limit ends it. */
static void what_is_not_finished_in_time_ends(void **state)
{
    struct scene *scene = *state;
    begins(scene);
    peer_sends(&scene->peer,
               &(struct scripted_message){.type = KEDGE_COAP_ACK,
                                          .message_id = scene->peer.message.message_id});
    wait_for_event(scene, KEDGE_BOOTSTRAP_FAILED);
    assert_int_equal(sessions_of(scene), 0);
    assert_string_equal(scene->words[scene->event_count - 1],
                        "Discover was waited for when the time was over");
}

static void sessions_are_bounded(void **state)
{
    struct scene *scene = *state;
    char query[32];
    for (unsigned i = 0; i < KEDGE_BOOTSTRAP_SESSIONS_MAX; i++) {
        (void)snprintf(query, sizeof query, "ep=device-%u", i);
        request_as(scene, query);
        wait_for_tickets(scene, i + 1);
    }
    assert_int_equal(sessions_of(scene), KEDGE_BOOTSTRAP_SESSIONS_MAX);
    request_as(scene, "ep=one-more");
    peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_UNAVAILABLE);
    assert_int_equal(sessions_of(scene), KEDGE_BOOTSTRAP_SESSIONS_MAX);
    assert_int_equal(kedge_bootstrap_counters(scene->bootstrap).crowded_out, 1);
}

static void a_device_that_begins_again_and_again_is_held_off(void **state)
{
    struct scene *scene = *state;
    for (unsigned i = 0; i < KEDGE_BOOTSTRAP_BURST; i++)
        begins(scene);
    size_t told = scene->event_count;
    request_as(scene, "ep=device-1");
    peer_receives(&scene->peer);
    while (scene->peer.message.code == KEDGE_COAP_GET) /* the last one's step, once more */
        peer_receives(&scene->peer);
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_UNAVAILABLE);
    assert_int_equal(scene->event_count, told);
    assert_int_equal(kedge_bootstrap_counters(scene->bootstrap).held_off, 1);
    assert_int_equal(scene->ticket_count, KEDGE_BOOTSTRAP_BURST);
    request_as(scene, "ep=device-2");
    wait_for_tickets(scene, KEDGE_BOOTSTRAP_BURST + 1);
}

static void at_one_address_there_is_one_device(void **state)
{
    struct scene *scene = *state;
    begins(scene);
    request_as(scene, "ep=device-2");
    wait_for_tickets(scene, 2);
    granted(scene, scene->tickets[1]);
    peer_receives(&scene->peer);
    while (scene->peer.message.code != KEDGE_COAP_CHANGED) /* the first one's step, once more */
        peer_receives(&scene->peer);
    assert_int_equal(sessions_of(scene), 1);
}

static size_t count_of(const struct scene *scene, enum kedge_bootstrap_event event)
{
    size_t count = 0;
    for (size_t i = 0; i < scene->event_count; i++)
        count += scene->events[i] == event;
    return count;
}

/* Each time it is asked for the next one. */
static void a_device_that_answers_discover_with_the_same_block_for_ever_is_let_go(void **state)
{
    struct scene *scene = *state;
    static const uint8_t block[1024] = {'<'};
    begins(scene);
    while (count_of(scene, KEDGE_BOOTSTRAP_FAILED) == 0) {
        peer_sends(
            &scene->peer,
            &(struct scripted_message){
                .type = KEDGE_COAP_ACK,
                .code = KEDGE_COAP_CONTENT,
                .message_id = scene->peer.message.message_id,
                .token = kedge_slice(scene->peer.message.token, scene->peer.message.token_size),
                .options = {{KEDGE_COAP_BLOCK2, NULL, 0xE}}, /* 0, and more come */
                .payload = kedge_slice(block, sizeof block)});
        (void)peer_receives_within(&scene->peer, 20);
    }
    assert_int_equal(sessions_of(scene), 0);
}

/* Answers the step that came last, which is to be this one, and waits for the next. */
static void answers_step(struct scene *scene, uint8_t method, const char *path, uint8_t code)
{
    assert_int_equal(scene->peer.message.code, method);
    assert_true(message_path_is(&scene->peer.message, path));
    peer_answers(&scene->peer, code, "");
}

static void goes_to_finish(struct scene *scene)
{
    static const struct {
        uint8_t method;
        const char *path;
        uint8_t code;
    } steps[] = {{KEDGE_COAP_GET, "", KEDGE_COAP_METHOD_NOT_ALLOWED},
                 {KEDGE_COAP_DELETE, "0", KEDGE_COAP_DELETED},
                 {KEDGE_COAP_DELETE, "1", KEDGE_COAP_DELETED},
                 {KEDGE_COAP_PUT, "0/100", KEDGE_COAP_CHANGED},
                 {KEDGE_COAP_PUT, "1/0", KEDGE_COAP_CHANGED}};
    begins(scene);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        answers_step(scene, steps[i].method, steps[i].path, steps[i].code);
        peer_receives(&scene->peer);
    }
    assert_int_equal(scene->peer.message.code, KEDGE_COAP_POST);
}

static void finish_that_is_answered_twice_is_finished_once(void **state)
{
    struct scene *scene = *state;
    goes_to_finish(scene);
    for (unsigned i = 0; i < 3; i++)
        peer_answers(&scene->peer, KEDGE_COAP_CHANGED, "");
    wait_for_event(scene, KEDGE_BOOTSTRAP_FINISHED);
    peer_answers(&scene->peer, KEDGE_COAP_NOT_ACCEPTABLE, "");
    peer_hears_nothing(&scene->peer, 20);
    assert_int_equal(count_of(scene, KEDGE_BOOTSTRAP_FINISHED), 1);
    assert_int_equal(count_of(scene, KEDGE_BOOTSTRAP_FAILED), 0);
    assert_int_equal(sessions_of(scene), 0);
}

static void finish_that_is_answered_too_late_is_not_heard(void **state)
{
    struct scene *scene = *state;
    goes_to_finish(scene);
    wait_for_event(scene, KEDGE_BOOTSTRAP_FAILED);
    assert_string_equal(scene->words[scene->event_count - 1], "Finish was not answered");
    peer_answers(&scene->peer, KEDGE_COAP_CHANGED, "");
    while (peer_receives_within(&scene->peer, 20)) /* Finish, as often as it was repeated */
        continue;
    assert_int_equal(count_of(scene, KEDGE_BOOTSTRAP_FINISHED), 0);
    assert_int_equal(count_of(scene, KEDGE_BOOTSTRAP_FAILED), 1);
    /* It may begin anew, and is heard. */
    begins(scene);
}

/* ---- what a device says that it has ---- */

static struct bootstrap_discovery discovery_of(const char *links, bool good)
{
    struct bootstrap_discovery has;
    assert_int_equal(bootstrap_read_discovery(kedge_slice_text(links), &has), good);
    return has;
}

static void the_links_of_each_version_are_read(void **state)
{
    (void)state;
    struct bootstrap_discovery has =
        discovery_of("lwm2m=\"1.0\",</0/0>,</0/1>;ssid=101,</1/0>;ssid=101,</3/0>", true);
    assert_false(has.reads);
    assert_int_equal(has.own_instance, 0);
    assert_false(has.has_acl || has.has_oscore);
    has =
        discovery_of("</>;lwm2m=1.1,</0/0>;ssid=101;uri=\"coaps://x\",</0/4>,</2/0>,</21/1>", true);
    assert_true(has.reads);
    assert_int_equal(has.own_instance, 4);
    assert_true(has.has_acl && has.has_oscore);
    assert_int_equal(discovery_of("</1/0>", true).own_instance, -1);
    /* Of several that show nothing, none is known to be ours; written over, it would be gone. */
    assert_int_equal(discovery_of("</0/0>,</0/1>,</1/0>", true).own_instance, -1);
    assert_int_equal(discovery_of("</0/0>,</0/1>;ssid=7,</0/2>", true).own_instance, -1);
    assert_true(discovery_of("lwm2m=\"1.2\"", true).reads);
    (void)discovery_of("</1/0", false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_said_before_what_is_given_is_durable),
        TEST(what_cannot_be_made_is_told_and_leaves_no_session),
        TEST(what_may_not_be_bootstrapped_any_more_when_it_is_durable_is_not),
        TEST(an_endpoint_has_one_session_and_a_device_that_begins_anew_the_newer_one),
        TEST(a_step_that_is_not_answered_ends_it),
        cmocka_unit_test_setup_teardown(what_is_not_finished_in_time_ends, set_up_in_haste,
                                        tear_down),
        TEST(sessions_are_bounded),
        TEST(a_device_that_begins_again_and_again_is_held_off),
        TEST(at_one_address_there_is_one_device),
        TEST(a_device_that_answers_discover_with_the_same_block_for_ever_is_let_go),
        TEST(finish_that_is_answered_twice_is_finished_once),
        TEST(finish_that_is_answered_too_late_is_not_heard),
        cmocka_unit_test(the_links_of_each_version_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
