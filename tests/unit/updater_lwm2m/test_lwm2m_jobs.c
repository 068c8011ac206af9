/* test_lwm2m_jobs.c: devices taken through object 5, over sockets, by a scripted device. */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"

static void assert_phases(const struct fleet_scene *scene, const enum kedge_update_phase *phases,
                          unsigned count)
{
    for (unsigned i = 0; i < scene->phase_count && i < count; i++)
        if (scene->phases[i] != phases[i])
            fail_msg("report %u is %s, not %s (%s)", i, kedge_update_phase_name(scene->phases[i]),
                     kedge_update_phase_name(phases[i]), scene->reason);
    assert_int_equal(scene->phase_count, count);
}

static void download(struct fleet_scene *scene)
{
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(device_gets_block(&scene->device, i), KEDGE_COAP_CONTENT);
}

static void test_a_device_is_taken_from_the_old_version_to_the_new_one(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    struct kedge_update_plan plan = scene_plan();
    char uri[256];
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(device, &device->uris, 1);
    snprintf(uri, sizeof uri, "coap://127.0.0.1:%u/fw/" FILE_NAME,
             kedge_net_local_port(scene->net, 0));
    assert_string_equal(device->uri, uri);
    device_rest(device, 50);
    assert_true(device->observers[0].token_size > 0 && device->observers[1].token_size > 0);
    download(scene);
    device_becomes(device, KEDGE_FIRMWARE_DOWNLOADED, 0);
    device_until(device, &device->executes, 1);
    device_rest(device, 50);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_VERIFYING);
    /* The trial: it is back, but does not say that it has succeeded yet. */
    device_restarts(device);
    device_rest(device, 100);
    assert_int_equal(scene->ended, 0);
    device->version = "2.0.0";
    device_becomes(device, KEDGE_FIRMWARE_IDLE, KEDGE_RESULT_SUCCESS);
    device_until(device, &scene->ended, 1);
    const enum kedge_update_phase phases[] = {KEDGE_UPDATE_DOWNLOADING, KEDGE_UPDATE_DOWNLOADED,
                                              KEDGE_UPDATE_INSTALLING, KEDGE_UPDATE_VERIFYING,
                                              KEDGE_UPDATE_SUCCEEDED};
    assert_phases(scene, phases, 5);
    assert_int_equal(scene->last.deployment_id, 7);
    assert_int_equal(scene->last.update_result, KEDGE_RESULT_SUCCESS);
    assert_int_equal(scene->last.bytes_done, FILE_SIZE);
    assert_int_equal(scene->last.bytes_total, FILE_SIZE);
    assert_int_equal(device->uris, 1);
    assert_int_equal(device->executes, 1);
    assert_int_equal(device->resets, 0);
    assert_int_equal(kedge_fleet_counters(scene->fleet).jobs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_device_is_taken_from_the_old_version_to_the_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
