/*
 * test_lwm2m_push_secure.c: packages pushed by DTLS: no block reaches anybody but the device that
 * it is for, whoever is at its address by then.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/dtls_tunnel.h"
#include "tests/unit/updater_lwm2m/fleet_scene.h"

#define PACE_BYTES_PER_S 2048u /* two blocks a second */

static const char *const credentials[][2] = {{"device-1", "key-of-device-1"},
                                             {"device-2", "key-of-device-2"}};

static enum kedge_rc find_key(void *context, const char *identity, struct kedge_net_secret *secret)
{
    (void)context;
    for (size_t i = 0; i < sizeof credentials / sizeof credentials[0]; i++) {
        if (strcmp(credentials[i][0], identity) != 0)
            continue;
        *secret = (struct kedge_net_secret){.key_size = strlen(credentials[i][1])};
        strcpy(secret->name, identity);
        memcpy(secret->key, credentials[i][1], secret->key_size);
        return KEDGE_OK;
    }
    return KEDGE_E_NOT_FOUND;
}

static int open_secure(void **state)
{
    const struct kedge_net_security security = {.find_key = find_key};
    struct kedge_net_config config = {
        .listen_count = 1, .ack_timeout_ms = 1000, .response_ms = 200};
    struct kedge_net *net;
    assert_int_equal(kedge_address_from_host("127.0.0.1", 0, &config.listen[0]), KEDGE_OK);
    config.listen[0].secure = true;
    assert_int_equal(kedge_net_create(&config, &net), KEDGE_OK);
    kedge_net_set_security(net, &security);
    *state = scene_over(net);
    return 0;
}

/* A socket of the peer's at the port that it had, not yet in use. */
static void peer_opens_again(struct scripted_peer *peer, struct kedge_net *net)
{
    struct kedge_address address = peer->address;
    struct kedge_address server;
    *peer = (struct scripted_peer){.net = net, .next_message_id = 0x2000, .address = address};
    peer->file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(peer->file >= 0);
    assert_int_equal(bind(peer->file, &address.any, sizeof address.v4), 0);
    assert_int_equal(kedge_address_from_host("127.0.0.1", kedge_net_local_port(net, 0), &server),
                     KEDGE_OK);
    assert_int_equal(connect(peer->file, &server.any, sizeof server.v4), 0);
}

static void enter(struct tunnel *tunnel, struct scripted_peer *peer, unsigned credential)
{
    tunnel_open(tunnel, peer, credentials[credential][0], credentials[credential][1]);
}

/* Registered by DTLS, and with one block of the Package, which it has answered. */
static void push_one_block(struct fleet_scene *scene, struct tunnel *tunnel)
{
    struct kedge_update_plan plan = scene_plan();
    plan.push_bytes_per_s = PACE_BYTES_PER_S;
    scene->device.delivery = 1;
    enter(tunnel, &scene->device.peer, 0);
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->device.blocks, 1);
    for (uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
         scene->last.bytes_done == 0 && test_clock_ms() < until_ms;)
        device_turn(&scene->device, 10);
    assert_true(scene->last.bytes_done > 0);
}

static void test_a_device_is_pushed_to_by_dtls(void **state)
{
    struct fleet_scene *scene = *state;
    struct tunnel tunnel;
    push_one_block(scene, &tunnel);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_int_equal(scene->device.package_size, FILE_SIZE);
    assert_memory_equal(scene->device.package, scene->file, FILE_SIZE);
    tunnel_close(&tunnel);
}

static void test_no_block_goes_to_another_identity_that_took_the_address(void **state)
{
    struct fleet_scene *scene = *state;
    struct tunnel own, others;
    struct scripted_peer other;
    push_one_block(scene, &own);
    other = scene->device.peer;
    peer_close(&scene->device.peer);
    tunnel_close(&own);
    peer_opens_again(&other, scene->net);
    enter(&others, &other, 1);
    assert_string_equal(kedge_net_peer_name(scene->net, &other.address), "device-2");
    /* The next block was due 500 ms after the one before; what asks after its State is quicker. */
    peer_hears_nothing(&other, 1500);
    peer_close(&other);
    tunnel_close(&others);
    /* The device itself comes back, and gets the rest. */
    peer_opens_again(&scene->device.peer, scene->net);
    enter(&own, &scene->device.peer, 0);
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_int_equal(scene->device.package_size, FILE_SIZE);
    assert_memory_equal(scene->device.package, scene->file, FILE_SIZE);
    assert_int_equal(scene->device.firsts, 1);
    tunnel_close(&own);
}

static void test_no_block_goes_to_a_device_whose_key_was_taken_away(void **state)
{
    struct fleet_scene *scene = *state;
    struct tunnel tunnel;
    static const char *const names[] = {"device-1"};
    push_one_block(scene, &tunnel);
    kedge_fleet_expel(scene->fleet, names, 1);
    assert_int_equal(scene->gone_reason, KEDGE_GONE_EXPELLED);
    net_flush(scene->net); /* that its association ends */
    uint64_t sent = kedge_net_counters(scene->net).datagrams_out;
    for (uint64_t until_ms = test_clock_ms() + 1500; test_clock_ms() < until_ms;)
        server_turn(scene->net);
    net_flush(scene->net);
    assert_int_equal(kedge_net_counters(scene->net).datagrams_out, sent);
    tunnel_close(&tunnel);
}

#define SECURE_TEST(name) cmocka_unit_test_setup_teardown(name, open_secure, scene_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SECURE_TEST(test_a_device_is_pushed_to_by_dtls),
        SECURE_TEST(test_no_block_goes_to_another_identity_that_took_the_address),
        SECURE_TEST(test_no_block_goes_to_a_device_whose_key_was_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
