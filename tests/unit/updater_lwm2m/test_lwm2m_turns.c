/* test_lwm2m_turns.c: blocks that wait for their turn at the rate of the whole server. */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"
#include "updater/lwm2m/turns.h"

#define NS_PER_MS 1000000u
#define RATE 1000000u /* a block takes about 1 ms */

/* Bytes are promised to others for so long already, beyond the burst. */
static void promise_ms(struct fleet_scene *scene, uint64_t wait_ms)
{
    scene->pace.bytes_per_s = RATE;
    scene->pace.sent_at_ns = (test_clock_ms() + wait_ms + KEDGE_PACE_BURST_MS) * NS_PER_MS;
}

static void ask_block(struct scripted_peer *peer, uint16_t message_id, uint32_t number)
{
    const struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_GET,
        .message_id = message_id,
        .token = kedge_slice(&message_id, sizeof message_id),
        .options = {{KEDGE_COAP_URI_PATH, "fw", 0},
                    {KEDGE_COAP_URI_PATH, FILE_NAME, 0},
                    {KEDGE_COAP_BLOCK2, NULL, number << 4 | 6u}}};
    peer_sends(peer, &request);
}

static void expect_block(struct scripted_peer *peer, const struct fleet_scene *scene,
                         uint16_t message_id, uint32_t number)
{
    size_t offset = (size_t)number * 1024u;
    size_t size = FILE_SIZE - offset < 1024u ? FILE_SIZE - offset : 1024u;
    peer_receives(peer);
    assert_int_equal(peer->message.code, KEDGE_COAP_CONTENT);
    assert_int_equal(peer->message.message_id, message_id);
    assert_int_equal(peer->message.payload.size, size);
    assert_memory_equal(peer->message.payload.data, scene->file + offset, size);
}

static void test_a_block_is_answered_once_when_its_turn_comes(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_peer *peer = &scene->device.peer;
    scene_identify(scene);
    promise_ms(scene, 300);
    const uint64_t begun_ms = test_clock_ms();
    ask_block(peer, 0x7001, 1);
    peer_hears_nothing(peer, 50);
    ask_block(peer, 0x7001, 1); /* sent again, as a client does: it moves nothing */
    peer_hears_nothing(peer, 50);
    expect_block(peer, scene, 0x7001, 1);
    assert_true(test_clock_ms() - begun_ms >= 300);
    assert_int_equal(scene->pace.waited_bytes, 1024);
    peer_hears_nothing(peer, 50);
    assert_int_equal(kedge_fleet_counters(scene->fleet).blocks_served, 1);
}

static void test_who_gives_up_and_asks_anew_keeps_the_place(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_peer *peer = &scene->device.peer;
    scene_identify(scene);
    promise_ms(scene, 300);
    ask_block(peer, 0x7001, 1);
    peer_hears_nothing(peer, 20);
    promise_ms(scene, 60000); /* whoever comes now would wait too long */
    ask_block(peer, 0x7002, 1);
    expect_block(peer, scene, 0x7002, 1);
    assert_int_equal(scene->pace.waited_bytes, 1024);
}

static void test_all_get_their_blocks_in_the_order_in_which_they_asked(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_peer peers[5];
    scene_identify(scene);
    promise_ms(scene, 100);
    for (uint16_t i = 0; i < 5; i++) {
        peer_open(&peers[i], scene->net);
        for (uint16_t j = 0; j < 3; j++) /* in haste: no more by that */
            ask_block(&peers[i], (uint16_t)(0x7100 + i), 0);
    }
    for (uint16_t i = 0; i < 5; i++)
        expect_block(&peers[i], scene, (uint16_t)(0x7100 + i), 0);
    assert_int_equal(scene->pace.waited_bytes, 5 * 1024);
    for (uint16_t i = 0; i < 5; i++)
        peer_close(&peers[i]);
}

static void expect_later(struct scripted_peer *peer, uint32_t least_s, uint32_t most_s)
{
    uint32_t max_age_s;
    peer_receives(peer);
    assert_int_equal(peer->message.code, KEDGE_COAP_UNAVAILABLE);
    assert_true(kedge_coap_option_uint(&peer->message, KEDGE_COAP_MAX_AGE, &max_age_s));
    assert_in_range(max_age_s, least_s, most_s);
}

static void test_what_no_client_would_wait_for_is_refused_with_the_time(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_peer *peer = &scene->device.peer;
    scene_identify(scene);
    promise_ms(scene, KEDGE_TURN_WAIT_MAX_MS + 20000);
    ask_block(peer, 0x7001, 1);
    expect_later(peer, 50, 61);
    /* Those that have begun come before those that would begin. */
    promise_ms(scene, (KEDGE_TURN_WAIT_MAX_MS + KEDGE_TURN_BEGIN_WAIT_MAX_MS) / 2);
    ask_block(peer, 0x7002, 0);
    expect_later(peer, 20, 31);
    ask_block(peer, 0x7003, 1);
    peer_hears_nothing(peer, 50);
    assert_int_equal(scene->pace.waited_bytes, 1024);
}

static void test_everything_else_is_answered_while_blocks_wait(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_peer other;
    scene_identify(scene);
    peer_open(&other, scene->net);
    promise_ms(scene, 15000);
    ask_block(&other, 0x7001, 1);
    peer_hears_nothing(&other, 20);
    const uint64_t begun_ms = test_clock_ms();
    assert_int_equal(device_to_location(&scene->device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    assert_true(test_clock_ms() - begun_ms < 10000);
    assert_int_equal(scene->updated, 1);
    peer_close(&other);
}

static void test_a_push_waits_for_its_turn_and_says_so(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    const struct kedge_update_plan plan = scene_plan();
    device->delivery = 1;
    scene_identify(scene);
    promise_ms(scene, 1500);
    const uint64_t begun_ms = test_clock_ms();
    scene_offer(scene, 7, &plan);
    device_until(device, &device->blocks, 1);
    assert_true(test_clock_ms() - begun_ms >= 1500);
    assert_non_null(strstr(scene->told, "waits for the server's download rate, 1000000 bytes a"));
    device_until(device, &device->executes, 1);
    assert_int_equal(device->package_size, FILE_SIZE);
    assert_memory_equal(device->package, scene->file, FILE_SIZE);
    assert_true(scene->pace.waited_bytes >= 1024);
    assert_int_equal(device->firsts, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_block_is_answered_once_when_its_turn_comes),
        SCENE_TEST(test_who_gives_up_and_asks_anew_keeps_the_place),
        SCENE_TEST(test_all_get_their_blocks_in_the_order_in_which_they_asked),
        SCENE_TEST(test_what_no_client_would_wait_for_is_refused_with_the_time),
        SCENE_TEST(test_everything_else_is_answered_while_blocks_wait),
        SCENE_TEST(test_a_push_waits_for_its_turn_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
