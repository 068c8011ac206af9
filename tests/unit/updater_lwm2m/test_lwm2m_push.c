/* test_lwm2m_push.c: packages pushed to a scripted device, over sockets. */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"
#include "updater/lwm2m/internal.h"

/* Offers to a device that takes pushed packages only. */
static void offer_to_push(struct fleet_scene *scene, const struct kedge_update_plan *plan)
{
    scene->device.delivery = 1;
    scene_identify(scene);
    scene_offer(scene, 7, plan);
}

/* To the point where the device has so many blocks, the last of them unanswered for good. */
static void push_until(struct fleet_scene *scene, const struct kedge_update_plan *plan,
                       unsigned blocks)
{
    offer_to_push(scene, plan);
    device_until(&scene->device, &scene->device.blocks, blocks - 1);
    scene->device.block_unanswered = true;
    device_until(&scene->device, &scene->device.blocks, blocks);
    scene->device.block_unanswered = false;
}

static void assert_whole(const struct fleet_scene *scene)
{
    assert_int_equal(scene->device.package_size, FILE_SIZE);
    assert_memory_equal(scene->device.package, scene->file, FILE_SIZE);
    assert_int_equal(scene->device.uris, 0);
}

static void assert_end(const struct fleet_scene *scene, enum kedge_update_phase phase,
                       const char *words)
{
    if (scene->last.phase != phase || strstr(scene->reason, words) == NULL)
        fail_msg("%s: %s", kedge_update_phase_name(scene->last.phase), scene->reason);
    assert_int_equal(scene->ended, 1);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
}

static void test_a_device_that_takes_pushed_packages_only_is_pushed_to(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    offer_to_push(scene, &plan);
    device_until(device, &device->executes, 1);
    device_rest(device, 50);
    assert_whole(scene);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_VERIFYING);
    device->version = "2.0.0";
    device->state = KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_SUCCESS;
    device_restarts(device);
    device_until(device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_SUCCEEDED, "2.0.0");
    static const enum kedge_update_phase phases[] = {
        KEDGE_UPDATE_OFFERED,    KEDGE_UPDATE_DOWNLOADING, KEDGE_UPDATE_DOWNLOADED,
        KEDGE_UPDATE_INSTALLING, KEDGE_UPDATE_VERIFYING,   KEDGE_UPDATE_SUCCEEDED};
    assert_int_equal(scene->phase_count, 6);
    assert_memory_equal(scene->phases, phases, sizeof phases);
    assert_int_equal(scene->last.bytes_done, FILE_SIZE);
    assert_int_equal(device->firsts, 1);
    assert_int_equal(device->nuls + device->resets, 0);
}

/* Serves the device until so much of the Package is reported. */
static void report_of(struct fleet_scene *scene, uint64_t bytes_done)
{
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (scene->last.bytes_done != bytes_done && test_clock_ms() < until_ms)
        device_turn(&scene->device, 10);
    assert_int_equal(scene->last.bytes_done, bytes_done);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_DOWNLOADING);
}

static void test_how_far_it_has_come_is_reported_and_that_it_begins_anew(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    plan.push_bytes_per_s = 2048;
    offer_to_push(scene, &plan);
    report_of(scene, 1024);
    scene->device.package_size = 0; /* it answers the next block by 4.08 */
    report_of(scene, 0);
    assert_non_null(strstr(scene->reason, "answered 4.08 after 1024 bytes"));
    device_until(&scene->device, &scene->device.executes, 1);
    assert_whole(scene);
}

/* Nothing else may be heard of a device in queue mode for as long as its blocks take. */
static void test_each_block_that_is_answered_shows_that_the_device_is_awake(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->fleet->poll_ms = 3600000;
    scene->device.package_szx = 1;
    offer_to_push(scene, &plan);
    device_until(&scene->device, &scene->device.blocks, 30);
    struct device *device = device_by_endpoint(scene->fleet, kedge_slice_text("device-1"));
    device->heard_ms = 1;
    device_until(&scene->device, &scene->device.blocks, 40);
    assert_true(device->heard_ms > 1);
}

static void test_it_is_pushed_to_below_the_alternate_path(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.root = "lwm2m/";
    scene->device.links = "</lwm2m>;rt=\"oma.lwm2m\",</lwm2m/1/0>,</lwm2m/3/0>,</lwm2m/5/0>";
    offer_to_push(scene, &plan);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_whole(scene);
}

static void test_pull_is_preferred_where_the_device_has_both(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.delivery = 2;
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->device.uris, 1);
    assert_int_equal(scene->device.blocks, 0);
}

static void test_it_is_pushed_where_both_sides_have_no_scheme_in_common(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.delivery = 2;
    scene->device.protocols = 1u << KEDGE_PROTOCOL_HTTPS;
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_whole(scene);
}

static void test_a_smaller_size_is_taken_up(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.package_szx = 3;
    offer_to_push(scene, &plan);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_whole(scene);
    /* 1,024 bytes, and the rest by 128. */
    assert_true(scene->device.blocks >= 1 + (FILE_SIZE - 1024 + 127) / 128);
}

static void test_a_device_that_moves_in_mid_push_is_pushed_on_at_block_n(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    push_until(scene, &plan, 2);
    peer_close(&device->peer);
    peer_open(&device->peer, scene->net);
    assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    device_until(device, &device->executes, 1);
    assert_whole(scene);
    assert_int_equal(device->firsts, 1);
}

static void
test_a_device_that_moves_between_two_blocks_gets_the_next_at_its_new_address(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    plan.push_bytes_per_s = 2048;
    offer_to_push(scene, &plan);
    device_until(device, &device->blocks, 1);
    device_rest(device, 50);
    peer_close(&device->peer);
    peer_open(&device->peer, scene->net);
    assert_int_equal(device_to_location(device, KEDGE_COAP_POST, NULL), KEDGE_COAP_CHANGED);
    device_until(device, &device->executes, 1);
    assert_whole(scene);
    /* None went to the old one, where nobody answers. */
    assert_int_equal(kedge_net_counters(scene->net).timeouts, 0);
}

static void test_a_device_that_says_downloaded_is_not_pushed_to_any_more(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    plan.push_bytes_per_s = 2048;
    offer_to_push(scene, &plan);
    device_until(device, &device->blocks, 1);
    device_rest(device, 50);
    device_becomes(device, KEDGE_FIRMWARE_DOWNLOADED, 0);
    device_until(device, &device->executes, 1);
    unsigned blocks = device->blocks;
    /* More than a block takes at this pace. */
    for (uint64_t until_ms = test_clock_ms() + 700; test_clock_ms() < until_ms;)
        device_turn(device, 10);
    assert_int_equal(device->blocks, blocks);
}

static void test_a_device_that_registers_again_and_has_kept_its_part_is_pushed_on(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    push_until(scene, &plan, 3);
    device_restarts(&scene->device);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_whole(scene);
    assert_int_equal(scene->device.firsts, 1);
}

static void test_a_device_that_lost_its_part_says_so_by_4_08_and_gets_all_again(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    push_until(scene, &plan, 3);
    scene->device.package_size = 0; /* and State is still 1 */
    device_restarts(&scene->device);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_whole(scene);
    assert_int_equal(scene->device.firsts, 2);
}

static void test_a_device_that_restarted_idle_is_offered_the_package_anew(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    push_until(scene, &plan, 3);
    scene->device.package_size = 0;
    scene->device.state = KEDGE_FIRMWARE_IDLE;
    device_restarts(&scene->device);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_whole(scene);
    assert_int_equal(scene->device.firsts, 2);
}

static void test_a_silent_device_is_gone_on_with_when_it_is_back(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    push_until(scene, &plan, 2);
    device->deaf = true;
    /* Until the block has been given up. */
    uint64_t timeouts = kedge_net_counters(scene->net).timeouts;
    while (kedge_net_counters(scene->net).timeouts == timeouts)
        device_turn(device, 10);
    device->deaf = false;
    device_until(device, &device->executes, 1);
    assert_whole(scene);
    assert_int_equal(device->firsts, 1);
}

static void test_a_package_that_the_device_has_no_room_for_is_rejected(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.block_code = KEDGE_COAP_TOO_LARGE;
    offer_to_push(scene, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_REJECTED, "answered 4.13 to the Package");
}

static void test_a_device_that_wants_it_from_the_start_for_ever_is_given_up(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.block_code = KEDGE_COAP_INCOMPLETE;
    offer_to_push(scene, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_FAILED, "answered 4.08 to the Package");
    assert_int_equal(scene->device.firsts, 1 + KEDGE_UPLOAD_RESTARTS_MAX);
}

static void test_what_was_pushed_is_taken_back_when_the_deployment_is_cancelled(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    push_until(scene, &plan, 2);
    kedge_fleet_cancel(scene->fleet, 7);
    device_until(&scene->device, &scene->device.nuls, 1);
    unsigned blocks = scene->device.blocks;
    device_rest(&scene->device, 100);
    assert_int_equal(scene->device.blocks, blocks);
    assert_int_equal(scene->device.resets, 0);
}

static void test_a_package_of_somebody_else_is_taken_back_by_a_zero_byte(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.state = KEDGE_FIRMWARE_DOWNLOADED;
    offer_to_push(scene, &plan);
    device_until(&scene->device, &scene->device.executes, 1);
    assert_int_equal(scene->device.nuls, 1);
    assert_int_equal(scene->device.resets, 0);
    assert_whole(scene);
}

static void test_a_failure_of_the_device_ends_the_push(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    plan.push_bytes_per_s = 100; /* so that there is time for it */
    offer_to_push(scene, &plan);
    device_until(device, &device->blocks, 1);
    device_rest(device, 50);
    device_becomes(device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_INTEGRITY);
    device_until(device, &scene->ended, 1);
    assert_end(scene, KEDGE_UPDATE_REJECTED, "Result 5");
    assert_int_equal(device->blocks, 1);
}

static void test_a_fleet_may_end_in_mid_push(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    push_until(scene, &plan, 2);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_device_that_takes_pushed_packages_only_is_pushed_to),
        SCENE_TEST(test_how_far_it_has_come_is_reported_and_that_it_begins_anew),
        SCENE_TEST(test_each_block_that_is_answered_shows_that_the_device_is_awake),
        SCENE_TEST(test_it_is_pushed_to_below_the_alternate_path),
        SCENE_TEST(test_pull_is_preferred_where_the_device_has_both),
        SCENE_TEST(test_it_is_pushed_where_both_sides_have_no_scheme_in_common),
        SCENE_TEST(test_a_smaller_size_is_taken_up),
        SCENE_TEST(test_a_device_that_moves_in_mid_push_is_pushed_on_at_block_n),
        SCENE_TEST(test_a_device_that_moves_between_two_blocks_gets_the_next_at_its_new_address),
        SCENE_TEST(test_a_device_that_says_downloaded_is_not_pushed_to_any_more),
        SCENE_TEST(test_a_device_that_registers_again_and_has_kept_its_part_is_pushed_on),
        SCENE_TEST(test_a_device_that_lost_its_part_says_so_by_4_08_and_gets_all_again),
        SCENE_TEST(test_a_device_that_restarted_idle_is_offered_the_package_anew),
        SCENE_TEST(test_a_silent_device_is_gone_on_with_when_it_is_back),
        SCENE_TEST(test_a_package_that_the_device_has_no_room_for_is_rejected),
        SCENE_TEST(test_a_device_that_wants_it_from_the_start_for_ever_is_given_up),
        SCENE_TEST(test_what_was_pushed_is_taken_back_when_the_deployment_is_cancelled),
        SCENE_TEST(test_a_package_of_somebody_else_is_taken_back_by_a_zero_byte),
        SCENE_TEST(test_a_failure_of_the_device_ends_the_push),
        SCENE_TEST(test_a_fleet_may_end_in_mid_push),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
