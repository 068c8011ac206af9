/*
 * test_lwm2m_unproven.c: devices that have registered without security and have not shown that they
 * are where they say, and what nobody gets without a registration.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"
#include "updater/lwm2m/internal.h"

#include <malloc.h>

#define UNPROVEN_MAX 8u
#define TOLD_BURST 2u

/* A scene with narrow limits. */
static int open_narrow(void **state)
{
    (void)scene_open(state);
    struct fleet_scene *scene = *state;
    unproven_free(&scene->fleet->unproven);
    assert_int_equal(unproven_init(&scene->fleet->unproven, UNPROVEN_MAX), KEDGE_OK);
    scene->fleet->unproven_told_rate = (struct kedge_token_rate){.per_s = 1, .burst = TOLD_BURST};
    return 0;
}

static void drain_told(struct fleet_scene *scene)
{
    const struct kedge_token_rate rate = scene->fleet->unproven_told_rate;
    while (kedge_tokens_take(&scene->fleet->unproven.told, rate, kedge_net_now_ms(scene->net)))
        continue;
}

/* What went back to one datagram; its size is 0 when nothing did. */
struct answered {
    size_t count, size;
    uint8_t bytes[KEDGE_NET_MESSAGE_MAX];
};

static struct answered delivered(struct fleet_scene *scene, const char *from,
                                 struct kedge_slice message)
{
    struct answered answered = {0};
    struct kedge_address address;
    const struct path path = {.socket = 0};
    assert_int_equal(kedge_address_parse(from, &address), KEDGE_OK);
    scene->net->outgoing_count = 0;
    net_on_datagram(scene->net, &address, &path, message);
    answered.count = scene->net->outgoing_count;
    if (answered.count > 0) {
        answered.size = scene->net->outgoing[0].size;
        assert_true(answered.size <= sizeof answered.bytes);
        memcpy(answered.bytes, scene->net->outgoing[0].bytes, answered.size);
    }
    scene->net->outgoing_count = 0;
    return answered;
}

static struct kedge_slice write_register(uint8_t bytes[256], uint16_t message_id,
                                         const char *endpoint)
{
    char query[64];
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    snprintf(query, sizeof query, "ep=%s", endpoint);
    kedge_coap_begin(&builder, bytes, 256, KEDGE_COAP_CON, KEDGE_COAP_POST, message_id,
                     kedge_slice("t", 1));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "rd");
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text(query));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("lwm2m=1.1"));
    assert_int_equal(kedge_coap_finish(&builder, &message), KEDGE_OK);
    return message;
}

static struct answered registered_from(struct fleet_scene *scene, const char *from,
                                       const char *endpoint)
{
    static uint16_t message_id;
    uint8_t bytes[256];
    return delivered(scene, from, write_register(bytes, ++message_id, endpoint));
}

/* A Register of `endpoint` from an address that nobody is at; returns the code of what was answered
 * to it. */
static uint8_t forged_register(struct fleet_scene *scene, const char *from, const char *endpoint)
{
    return registered_from(scene, from, endpoint).bytes[1];
}

static bool is_ping(const struct answered *answered)
{
    return answered->count == 1 && answered->size == 4 && answered->bytes[0] == 0x40 &&
           answered->bytes[1] == KEDGE_COAP_EMPTY;
}

/* Answers a ping as every endpoint does, by a Reset; `change` makes it one to another ping. */
static void answer_ping(struct fleet_scene *scene, const char *from, const struct answered *ping,
                        uint8_t change)
{
    const uint8_t reset[] = {0x70, 0, ping->bytes[2], ping->bytes[3] ^ change};
    assert_int_equal(delivered(scene, from, kedge_slice(reset, sizeof reset)).count, 0);
}

static uint8_t forge_number(struct fleet_scene *scene, unsigned number)
{
    char from[KEDGE_ADDRESS_TEXT_MAX], endpoint[32];
    snprintf(from, sizeof from, "127.%u.%u.%u:999", 100 + number / 65536, number / 256 % 256,
             number % 256);
    snprintf(endpoint, sizeof endpoint, "forged-%u", number);
    return forged_register(scene, from, endpoint);
}

/* Time enough for all that are there; the clock of the loop is set right by its next turn. */
static void pass(struct fleet_scene *scene, uint64_t ms)
{
    scene->net->now_ms += ms;
}

static void fill(struct fleet_scene *scene)
{
    for (unsigned i = 0; i < UNPROVEN_MAX; i++)
        assert_int_equal(forge_number(scene, i), KEDGE_COAP_CREATED);
}

static bool is_there(struct fleet_scene *scene, const char *endpoint)
{
    const struct device *device = device_by_endpoint(scene->fleet, kedge_slice_text(endpoint));
    return device != NULL && device->registered;
}

static void test_devices_that_answer_nothing_are_bounded_and_the_oldest_goes(void **state)
{
    struct fleet_scene *scene = *state;
    scene_identify(scene);
    for (unsigned i = 0; i < 20 * UNPROVEN_MAX; i++) {
        assert_int_equal(forge_number(scene, i), KEDGE_COAP_CREATED);
        pass(scene, KEDGE_FLEET_PATIENCE_MS / UNPROVEN_MAX);
    }
    struct kedge_fleet_counters counters = kedge_fleet_counters(scene->fleet);
    assert_int_equal(counters.unproven, UNPROVEN_MAX);
    assert_int_equal(counters.pushed_out, 19 * UNPROVEN_MAX);
    assert_int_equal(scene->fleet->by_endpoint.count, UNPROVEN_MAX + 1);
    assert_false(is_there(scene, "forged-151"));
    for (unsigned i = 19 * UNPROVEN_MAX; i < 20 * UNPROVEN_MAX; i++) {
        char endpoint[32];
        snprintf(endpoint, sizeof endpoint, "forged-%u", i);
        assert_true(is_there(scene, endpoint));
    }
    /* The device that has answered is not among them. */
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
}

static void test_nobody_is_pushed_out_before_its_time_is_up(void **state)
{
    struct fleet_scene *scene = *state;
    fill(scene);
    uint64_t peers = kedge_net_counters(scene->net).peers;
    pass(scene, KEDGE_FLEET_PATIENCE_MS - 1);
    for (unsigned i = 0; i < 1000; i++) {
        char from[KEDGE_ADDRESS_TEXT_MAX];
        snprintf(from, sizeof from, "127.200.%u.1:999", i % 250);
        const struct answered answered = registered_from(scene, from, "late");
        assert_true(is_ping(&answered));
    }
    assert_true(is_there(scene, "forged-0"));
    assert_int_equal(kedge_fleet_counters(scene->fleet).pushed_out, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, UNPROVEN_MAX);
    assert_int_equal(kedge_net_counters(scene->net).probes, 1000);
    /* Nothing was kept of those who were only asked. */
    assert_int_equal(scene->fleet->by_endpoint.count, UNPROVEN_MAX);
    assert_int_equal(kedge_net_counters(scene->net).peers, peers);
    pass(scene, 1);
    assert_int_equal(forged_register(scene, "127.200.0.1:999", "late"), KEDGE_COAP_CREATED);
    assert_false(is_there(scene, "forged-0"));
    assert_true(is_there(scene, "forged-1"));
}

static void test_who_answers_a_ping_gets_in_and_pushes_out_nobody(void **state)
{
    static const char from[] = "127.200.0.1:999", elsewhere[] = "127.200.0.1:998";
    struct fleet_scene *scene = *state;
    fill(scene);
    struct answered ping = registered_from(scene, from, "real");
    assert_true(is_ping(&ping));
    /* Neither a guess nor the answer of somebody else will do. */
    answer_ping(scene, from, &ping, 1);
    answer_ping(scene, elsewhere, &ping, 0);
    ping = registered_from(scene, from, "real");
    assert_true(is_ping(&ping));
    answer_ping(scene, from, &ping, 0);
    assert_int_equal(forged_register(scene, from, "real"), KEDGE_COAP_CREATED);
    assert_int_equal(kedge_fleet_counters(scene->fleet).pushed_out, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, UNPROVEN_MAX + 1);
    assert_false(device_by_endpoint(scene->fleet, kedge_slice_text("real"))->proven);
    /* Silent ones have their own places, whatever time passes. */
    for (unsigned i = 0; i < 4 * UNPROVEN_MAX; i++) {
        pass(scene, KEDGE_FLEET_PATIENCE_MS);
        assert_int_equal(forge_number(scene, 100 + i), KEDGE_COAP_CREATED);
    }
    assert_true(is_there(scene, "real"));
}

static void test_those_who_answered_a_ping_are_bounded_too(void **state)
{
    enum { PRESENT_MAX = KEDGE_FLEET_PRESENT_FACTOR * UNPROVEN_MAX };
    struct fleet_scene *scene = *state;
    fill(scene);
    for (unsigned i = 0; i < PRESENT_MAX + 3; i++) {
        char from[KEDGE_ADDRESS_TEXT_MAX], endpoint[32];
        snprintf(from, sizeof from, "127.201.%u.1:999", i);
        snprintf(endpoint, sizeof endpoint, "real-%u", i);
        const struct answered ping = registered_from(scene, from, endpoint);
        assert_true(is_ping(&ping));
        answer_ping(scene, from, &ping, 0);
        assert_int_equal(forged_register(scene, from, endpoint), KEDGE_COAP_CREATED);
    }
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, UNPROVEN_MAX + PRESENT_MAX);
    assert_int_equal(kedge_fleet_counters(scene->fleet).pushed_out, 3);
    assert_false(is_there(scene, "real-2"));
    assert_true(is_there(scene, "real-3"));
    assert_true(is_there(scene, "forged-0"));
}

/* As in a whole fleet that registers at the same time: most answer, and one's question is lost. */
static void test_one_that_is_slow_outlasts_any_number_that_answer(void **state)
{
    struct fleet_scene *scene = *state;
    assert_int_equal(forged_register(scene, "127.200.0.1:999", "slow"), KEDGE_COAP_CREATED);
    for (unsigned i = 0; i < 50 * UNPROVEN_MAX; i++) {
        char endpoint[32];
        assert_int_equal(forge_number(scene, i), KEDGE_COAP_CREATED);
        snprintf(endpoint, sizeof endpoint, "forged-%u", i);
        device_prove(device_by_endpoint(scene->fleet, kedge_slice_text(endpoint)));
        pass(scene, 20);
    }
    assert_true(is_there(scene, "slow"));
    assert_int_equal(kedge_fleet_counters(scene->fleet).pushed_out, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, 1);
}

static void test_a_device_that_has_proved_itself_needs_no_place(void **state)
{
    struct fleet_scene *scene = *state;
    scene_identify(scene);
    fill(scene);
    device_registers(&scene->device);
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, UNPROVEN_MAX);
    /* From a new address it says its location. */
    struct scripted_device moved = scene->device;
    peer_open(&moved.peer, scene->net);
    assert_int_equal(device_to_location(&moved, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    peer_close(&moved.peer);
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, UNPROVEN_MAX);
    assert_int_equal(kedge_fleet_counters(scene->fleet).pushed_out, 0);
    assert_true(is_there(scene, "forged-0"));
}

static void test_a_register_that_comes_twice_is_answered_as_before_and_done_once(void **state)
{
    static const char from[] = "127.200.0.1:999";
    struct fleet_scene *scene = *state;
    uint8_t bytes[256];
    const struct kedge_slice message = write_register(bytes, 0x4711, "twice");
    const struct answered first = delivered(scene, from, message);
    assert_int_equal(first.bytes[1], KEDGE_COAP_CREATED);
    for (unsigned i = 0; i < 3; i++) {
        pass(scene, 2000);
        const struct answered again = delivered(scene, from, message);
        assert_int_equal(again.count, 1);
        assert_int_equal(again.size, first.size);
        assert_memory_equal(again.bytes, first.bytes, first.size);
    }
    assert_int_equal(kedge_fleet_counters(scene->fleet).registers, 1);
    assert_int_equal(scene->registered + scene->gone, 1);
    assert_int_equal(kedge_net_counters(scene->net).duplicates, 3);
    /* The same from elsewhere is somebody else's. */
    (void)delivered(scene, "127.200.0.2:999", message);
    assert_int_equal(kedge_fleet_counters(scene->fleet).registers, 2);
}

static void test_few_of_them_are_told_before_they_answer(void **state)
{
    struct fleet_scene *scene = *state;
    for (unsigned i = 0; i < 100; i++)
        (void)forge_number(scene, i);
    assert_int_equal(scene->registered, TOLD_BURST);
    assert_true(scene->gone <= TOLD_BURST);
    assert_true(kedge_fleet_counters(scene->fleet).registered <= TOLD_BURST);
}

static void test_one_that_answers_is_told_then_and_stays(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_device view;
    drain_told(scene);
    device_registers(&scene->device);
    assert_int_equal(scene->registered, 0);
    assert_false(kedge_fleet_device(scene->fleet, "device-1", &view));
    device_until(&scene->device, &scene->identified, 1);
    assert_int_equal(scene->registered, 1);
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &view));
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, 0);
    for (unsigned i = 0; i < 2 * UNPROVEN_MAX; i++) {
        pass(scene, KEDGE_FLEET_PATIENCE_MS);
        assert_int_equal(forge_number(scene, i), KEDGE_COAP_CREATED);
    }
    assert_true(kedge_fleet_device(scene->fleet, "device-1", &view));
}

static void test_one_that_says_its_location_is_told_then(void **state)
{
    struct fleet_scene *scene = *state;
    drain_told(scene);
    scene->device.deaf = true;
    device_registers(&scene->device);
    assert_int_equal(scene->registered, 0);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    assert_int_equal(scene->registered, 1);
    assert_int_equal(scene->updated, 1);
    assert_int_equal(kedge_fleet_counters(scene->fleet).unproven, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).registered, 1);
}

static void test_one_that_never_answered_goes_without_a_word_about_it(void **state)
{
    struct fleet_scene *scene = *state;
    drain_told(scene);
    for (unsigned i = 0; i < 3 * UNPROVEN_MAX; i++) {
        pass(scene, KEDGE_FLEET_PATIENCE_MS);
        drain_told(scene);
        assert_int_equal(forge_number(scene, i), KEDGE_COAP_CREATED);
    }
    assert_int_equal(kedge_fleet_counters(scene->fleet).pushed_out, 2 * UNPROVEN_MAX);
    assert_int_equal(scene->registered + scene->gone + scene->conflicts, 0);
}

static void test_a_name_is_not_taken_away_by_many_who_only_say_it(void **state)
{
    struct fleet_scene *scene = *state;
    scene_identify(scene);
    unsigned taken = 0;
    for (unsigned i = 0; i < 50; i++) {
        char from[KEDGE_ADDRESS_TEXT_MAX];
        snprintf(from, sizeof from, "127.9.%u.1:999", i);
        taken += forged_register(scene, from, "device-1") == KEDGE_COAP_CREATED;
    }
    assert_true(taken <= TOLD_BURST);
    assert_int_equal(scene->conflicts, taken);
}

static void
test_a_device_that_restarts_elsewhere_on_its_host_is_let_in_when_strangers_are_not(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device second;
    scene_identify(scene);
    drain_told(scene);
    while (kedge_net_admit(scene->net, &scene->device.peer.address, KEDGE_CLAIM_NONE))
        continue;
    /* A stranger of the same network hears nothing. */
    assert_int_equal(forged_register(scene, "127.0.0.77:999", "stranger"), 0);
    device_init(&second, scene->net, "device-1");
    device_registers(&second);
    assert_int_equal(scene->conflicts, 1);
    device_until(&second, &scene->identified, 2);
    peer_close(&second.peer);
}

static void test_updates_and_registers_of_a_device_are_not_charged(void **state)
{
    struct fleet_scene *scene = *state;
    scene_identify(scene);
    while (kedge_net_admit(scene->net, &scene->device.peer.address, KEDGE_CLAIM_NONE))
        continue;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL),
                         KEDGE_COAP_CHANGED);
    device_registers(&scene->device);
    /* From a new address, as behind a NAT, it says its location: nobody else was told that. */
    struct scripted_device moved = scene->device;
    peer_open(&moved.peer, scene->net);
    assert_int_equal(device_to_location(&moved, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    peer_close(&moved.peer);
}

static void test_silent_strangers_keep_nobody_waiting_to_be_asked(void **state)
{
    struct fleet_scene *scene = *state;
    for (unsigned i = 0; i < 2 * KEDGE_FLEET_IDENTIFIES_MAX; i++)
        (void)forge_number(scene, i);
    for (unsigned i = 0; i < 5; i++)
        server_turn(scene->net);
    assert_int_equal(scene->fleet->identifications.running, 0);
    scene_identify(scene);
}

/* ---- memory ---- */

/* Hands the server a request in the name of `from`. */
static void forged_request(struct fleet_scene *scene, const struct kedge_address *from,
                           uint8_t code, const char *path, struct kedge_slice payload)
{
    uint8_t bytes[256];
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    const struct path way = {.socket = 0};
    kedge_coap_begin(&builder, bytes, sizeof bytes, KEDGE_COAP_CON, code, 7, kedge_slice("t", 1));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, path);
    kedge_coap_add_payload(&builder, payload);
    assert_int_equal(kedge_coap_finish(&builder, &message), KEDGE_OK);
    net_on_datagram(scene->net, from, &way, message);
    scene->net->outgoing_count = 0;
}

static void test_nothing_but_a_register_of_a_stranger_costs_memory(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_address from;
    const struct kedge_slice payload = kedge_slice_text("[{\"n\":\"/5/0/3\",\"v\":2}]");
    assert_int_equal(kedge_address_parse("127.9.0.1:999", &from), KEDGE_OK);
    size_t before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < 5000; i++) {
        from.v4.sin_addr.s_addr = htonl(0x7F090000u + 256 * i);
        forged_request(scene, &from, KEDGE_COAP_GET, "fw/" FILE_NAME, kedge_slice(NULL, 0));
        forged_request(scene, &from, KEDGE_COAP_POST, "rd", kedge_slice_text("</5/0>"));
        forged_request(scene, &from, KEDGE_COAP_POST, "rd/0123456789abcdef01234567", payload);
        forged_request(scene, &from, KEDGE_COAP_DELETE, "rd/0123456789abcdef01234567", payload);
        forged_request(scene, &from, KEDGE_COAP_POST, "dp", payload);
        forged_request(scene, &from, KEDGE_COAP_PUT, "5/0/0", payload);
    }
    assert_int_equal(kedge_net_counters(scene->net).peers, 0);
    assert_int_equal(scene->fleet->by_endpoint.count + scene->fleet->body_count, 0);
    assert_int_equal(mallinfo2().uordblks, before);
}

/* ---- downloads ---- */

static uint8_t download_from(struct fleet_scene *scene, struct scripted_peer *peer,
                             const char *name)
{
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_GET,
        .message_id = peer->next_message_id++,
        .token = kedge_slice("get", 3),
        .options = {{KEDGE_COAP_URI_PATH, "fw", 0}, {KEDGE_COAP_URI_PATH, name, 0}}};
    (void)scene;
    peer_sends(peer, &request);
    peer_receives(peer);
    return peer->message.code;
}

static void test_downloads_are_for_hosts_with_a_registration_from_any_port(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_peer other;
    peer_open(&other, scene->net);
    assert_int_equal(download_from(scene, &other, FILE_NAME), KEDGE_COAP_UNAUTHORIZED);
    scene_identify(scene);
    assert_int_equal(download_from(scene, &other, FILE_NAME), KEDGE_COAP_CONTENT);
    assert_int_equal(other.message.payload.size, 1024);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_DELETE, NULL),
                     KEDGE_COAP_DELETED);
    assert_int_equal(download_from(scene, &other, FILE_NAME), KEDGE_COAP_UNAUTHORIZED);
    peer_close(&other);
}

static struct kedge_slice write_get(uint8_t bytes[256], uint16_t message_id, const char *target)
{
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    kedge_coap_begin(&builder, bytes, 256, KEDGE_COAP_CON, KEDGE_COAP_GET, message_id,
                     kedge_slice("t", 1));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, target);
    assert_int_equal(kedge_coap_finish(&builder, &message), KEDGE_OK);
    return message;
}

static void test_a_host_that_has_answered_nothing_gets_no_block(void **state)
{
    static const char from[] = "127.200.0.1:999", elsewhere[] = "127.200.0.1:998";
    struct fleet_scene *scene = *state;
    uint8_t bytes[256];
    const struct kedge_slice get = write_get(bytes, 1, "fw/" FILE_NAME);
    assert_int_equal(forged_register(scene, from, "forged"), KEDGE_COAP_CREATED);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(delivered(scene, i % 2 == 0 ? from : elsewhere, get).count, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).blocks_served, 0);
    device_prove(device_by_endpoint(scene->fleet, kedge_slice_text("forged")));
    assert_true(delivered(scene, elsewhere, get).size > 1024);
    assert_true(delivered(scene, from, get).size > 1024);
}

/* Of all that is served without a registration, nothing makes more of a datagram than this. */
static void test_no_stranger_gets_more_than_three_times_what_it_sent(void **state)
{
    static const char *const targets[] = {"rd",
                                          "rd/000000000000000000000000",
                                          "dp",
                                          "bs",
                                          ".well-known/core",
                                          "3/0/0",
                                          "fw",
                                          ("fw/" FILE_NAME)};
    struct fleet_scene *scene = *state;
    unsigned answered = 0;
    for (unsigned registered = 0; registered < 2; registered++) {
        for (unsigned i = 0; i < sizeof targets / sizeof targets[0]; i++) {
            for (uint8_t method = KEDGE_COAP_GET; method <= 7; method++) {
                uint8_t bytes[256];
                char from[KEDGE_ADDRESS_TEXT_MAX];
                struct kedge_slice message =
                    write_get(bytes, (uint16_t)(i * 8u + method), targets[i]);
                bytes[1] = method;
                snprintf(from, sizeof from, "127.%u.%u.1:999", 210 + i, method);
                /* In the second round somebody has registered in their names. */
                size_t sent = message.size;
                size_t received = delivered(scene, from, message).size;
                assert_true(received <= KEDGE_NET_ANSWER_FACTOR * sent);
                answered += received > 0;
                if (registered == 0)
                    assert_int_equal(forged_register(scene, from, from), KEDGE_COAP_CREATED);
            }
        }
    }
    assert_true(answered > 50);
}

/* ---- hosts ---- */

static void test_hosts_are_counted_as_a_plain_list_would(void **state)
{
    (void)state;
    enum { HOSTS = 300, STEPS = 200000 };
    struct kedge_hosts hosts;
    struct {
        uint32_t devices, proven;
    } model[HOSTS] = {0};
    uint32_t draw = 12345;
    assert_int_equal(kedge_hosts_init(&hosts), KEDGE_OK);
    for (unsigned i = 0; i < STEPS; i++) {
        draw = draw * 1664525u + 1013904223u;
        unsigned at = (draw >> 8) % HOSTS;
        /* Many share their lowest bits, so that runs of slots form and break. */
        uint64_t hash = 1 + (uint64_t)(at % 40) + ((uint64_t)at << 32);
        unsigned what = draw >> 29;
        if (what < 3) {
            assert_int_equal(kedge_hosts_add(&hosts, hash), KEDGE_OK);
            model[at].devices++;
        } else if (what < 4 && model[at].proven < model[at].devices) {
            kedge_hosts_prove(&hosts, hash);
            model[at].proven++;
        } else if (model[at].devices > 0) {
            bool proven = model[at].proven == model[at].devices;
            kedge_hosts_remove(&hosts, hash, proven);
            model[at].devices--;
            model[at].proven -= proven;
        }
        const struct kedge_host *host = kedge_hosts_find(&hosts, hash);
        assert_int_equal(host != NULL ? host->devices : 0, model[at].devices);
        assert_int_equal(host != NULL ? host->proven : 0, model[at].proven);
    }
    size_t count = 0;
    for (unsigned at = 0; at < HOSTS; at++) {
        uint64_t hash = 1 + (uint64_t)(at % 40) + ((uint64_t)at << 32);
        assert_int_equal(kedge_hosts_find(&hosts, hash) != NULL, model[at].devices > 0);
        count += model[at].devices > 0;
    }
    assert_int_equal(hosts.count, count);
    kedge_hosts_free(&hosts);
}

#define NARROW_TEST(name) cmocka_unit_test_setup_teardown(name, open_narrow, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NARROW_TEST(test_devices_that_answer_nothing_are_bounded_and_the_oldest_goes),
        NARROW_TEST(test_nobody_is_pushed_out_before_its_time_is_up),
        NARROW_TEST(test_who_answers_a_ping_gets_in_and_pushes_out_nobody),
        NARROW_TEST(test_those_who_answered_a_ping_are_bounded_too),
        NARROW_TEST(test_one_that_is_slow_outlasts_any_number_that_answer),
        NARROW_TEST(test_a_device_that_has_proved_itself_needs_no_place),
        NARROW_TEST(test_a_register_that_comes_twice_is_answered_as_before_and_done_once),
        NARROW_TEST(test_few_of_them_are_told_before_they_answer),
        NARROW_TEST(test_one_that_answers_is_told_then_and_stays),
        NARROW_TEST(test_one_that_says_its_location_is_told_then),
        NARROW_TEST(test_one_that_never_answered_goes_without_a_word_about_it),
        NARROW_TEST(test_a_name_is_not_taken_away_by_many_who_only_say_it),
        NARROW_TEST(
            test_a_device_that_restarts_elsewhere_on_its_host_is_let_in_when_strangers_are_not),
        NARROW_TEST(test_updates_and_registers_of_a_device_are_not_charged),
        SCENE_TEST(test_silent_strangers_keep_nobody_waiting_to_be_asked),
        SCENE_TEST(test_nothing_but_a_register_of_a_stranger_costs_memory),
        SCENE_TEST(test_downloads_are_for_hosts_with_a_registration_from_any_port),
        SCENE_TEST(test_a_host_that_has_answered_nothing_gets_no_block),
        SCENE_TEST(test_no_stranger_gets_more_than_three_times_what_it_sent),
        cmocka_unit_test(test_hosts_are_counted_as_a_plain_list_would),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
