/*
 * test_lwm2m_whole.c: instances that are read in one answer: how few questions that takes, and what
 * is asked of devices that answer only resource by resource.
 */
#define _GNU_SOURCE
#include "tests/unit/updater_lwm2m/fleet_scene.h"

/* Object 5, object 3, and object 26241, which has nothing of what is asked. */
static void test_three_questions_tell_who_a_device_is(void **state)
{
    struct fleet_scene *scene = *state;
    scene->device.whole = true;
    scene->device.state = 2;
    scene->device.result = 8;
    scene_identify(scene);
    assert_int_equal(scene->device.requests, 3);
    assert_string_equal(scene->vendor, "vendor.example");
    assert_string_equal(scene->class_name, "meter");
    assert_string_equal(scene->version, "1.0.0");
    assert_string_equal(scene->hardware, "rev-b");
    assert_int_equal(scene->firmware_state, 2);
    assert_int_equal(scene->firmware_result, 8);
}

static void test_what_is_missing_from_an_instance_is_not_said(void **state)
{
    struct fleet_scene *scene = *state;
    scene->device.whole = true;
    scene->device.hardware = NULL;
    scene_identify(scene);
    assert_string_equal(scene->hardware, "");
    assert_string_equal(scene->version, "1.0.0");
    assert_int_equal(scene->device.requests, 3);
}

static void test_a_device_that_gives_no_instance_is_asked_one_by_one_from_then_on(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene_identify(scene);
    /* The instance, refused, and eight resources in text, the first of them again: it has no TLV.
     */
    assert_int_equal(scene->device.requests, 1 + 1 + 8);
    assert_int_equal(scene->device.reads, 6);
    unsigned before = scene->device.requests;
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->device.uris, 1);
    /* State, Result, version and how it takes packages; no instance any more. */
    assert_int_equal(scene->device.reads, 6 + 4);
    assert_int_equal(scene->device.requests, before + 4 + 1 + 1);
}

static void test_an_instance_with_nothing_in_it_is_no_answer(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    scene->device.whole = scene->device.empty_whole = true;
    scene_identify(scene);
    assert_string_equal(scene->vendor, "vendor.example");
    assert_int_equal(scene->firmware_state, 0);
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->device.uris, 1);
}

static void offer_and_install(struct fleet_scene *scene)
{
    struct kedge_update_plan plan = scene_plan();
    struct scripted_device *device = &scene->device;
    device->whole = device->speaks_tlv = true;
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(device, &device->uris, 1);
    device_rest(device, 50);
    device_becomes(device, KEDGE_FIRMWARE_DOWNLOADED, 0);
    device_until(device, &device->executes, 1);
    device_rest(device, 50);
    device_notifies(device, 0);
    device_rest(device, 50);
}

static void test_a_whole_update_takes_thirteen_questions(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    offer_and_install(scene);
    /* Who it is: 3. Object 5 and version, URI, two observations, object 5, Execute. */
    assert_int_equal(device->requests, 3 + 7);
    device->version = "2.0.0";
    device->state = KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_SUCCESS;
    unsigned identified = scene->identified;
    device_restarts(device);
    device_until(device, &scene->ended, 1);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_SUCCEEDED);
    assert_int_equal(scene->identified, identified + 1);
    assert_string_equal(scene->version, "2.0.0");
    /* Who it is now: what the job believes was read after the restart. */
    assert_int_equal(device->requests, 3 + 7 + 3);
}

static void test_what_a_device_says_after_its_restart_is_what_counts(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    offer_and_install(scene);
    device->state = KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_FAILED;
    device_restarts(device);
    device_until(device, &scene->ended, 1);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_FAILED);
    assert_int_equal(scene->last.update_result, KEDGE_RESULT_FAILED);
}

static void test_a_device_that_does_not_say_who_it_is_is_looked_at_all_the_same(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    offer_and_install(scene);
    device->version = "2.0.0";
    device->state = KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_SUCCESS;
    device->strange = true;
    device_restarts(device);
    device_rest(device, 30);
    assert_int_equal(scene->ended, 0);
    device->strange = false;
    device_until(device, &scene->ended, 1);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_SUCCEEDED);
}

static void test_a_device_that_lists_its_protocols_and_its_delivery_is_believed(void **state)
{
    struct fleet_scene *scene = *state;
    struct kedge_update_plan plan = scene_plan();
    plan.base_uris[KEDGE_PROTOCOL_HTTP] = "http://files.example:8080/kedge";
    scene->device.whole = true;
    scene->device.protocols = 1u << KEDGE_PROTOCOL_HTTP;
    scene_identify(scene);
    scene_offer(scene, 7, &plan);
    device_until(&scene->device, &scene->device.uris, 1);
    assert_string_equal(scene->device.uri, "http://files.example:8080/kedge/fw/" FILE_NAME);
    device_rest(&scene->device, 50);
    kedge_fleet_cancel(scene->fleet, 7);
    device_until(&scene->device, &scene->device.resets, 1);
    scene->device.protocols = 1u << KEDGE_PROTOCOL_HTTPS;
    scene_offer(scene, 8, &plan);
    device_until(&scene->device, &scene->ended, 1);
    assert_int_equal(scene->last.phase, KEDGE_UPDATE_REJECTED);
    assert_non_null(strstr(scene->reason, "/5/0/8"));
}

static void assert_limits(const struct fleet_scene *scene, uint64_t floor, uint64_t capacity)
{
    assert_true(scene->sequence_floor == floor);
    assert_true(scene->slot_capacity == capacity);
}

static void test_a_device_says_what_it_takes_in_one_answer_or_one_by_one(void **state)
{
    struct fleet_scene *scene = *state;
    scene->device.sequence_floor = 7;
    scene->device.slot_capacity = 67092480;
    scene_identify(scene);
    assert_limits(scene, 7, 67092480);
    unsigned identified = scene->identified;
    scene->device.whole = true;
    scene->device.sequence_floor = 8;
    scene->device.slot_capacity = 0;
    device_restarts(&scene->device);
    device_until(&scene->device, &scene->identified, identified + 1);
    assert_limits(scene, 8, 0);
}

/* The floor rises when it confirms, which is after it has said who it is now. */
static void test_who_has_confirmed_an_update_is_asked_again_what_it_takes(void **state)
{
    struct fleet_scene *scene = *state;
    struct scripted_device *device = &scene->device;
    device->sequence_floor = 7;
    offer_and_install(scene);
    device->version = "2.0.0";
    device->state = KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_SUCCESS;
    unsigned identified = scene->identified;
    device_restarts(device);
    device_until(device, &scene->ended, 1);
    assert_limits(scene, 7, 0);
    device->sequence_floor = 9;
    device_until(device, &scene->identified, identified + 2);
    assert_limits(scene, 9, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_three_questions_tell_who_a_device_is),
        SCENE_TEST(test_what_is_missing_from_an_instance_is_not_said),
        SCENE_TEST(test_a_device_that_gives_no_instance_is_asked_one_by_one_from_then_on),
        SCENE_TEST(test_an_instance_with_nothing_in_it_is_no_answer),
        SCENE_TEST(test_a_whole_update_takes_thirteen_questions),
        SCENE_TEST(test_a_device_says_what_it_takes_in_one_answer_or_one_by_one),
        SCENE_TEST(test_who_has_confirmed_an_update_is_asked_again_what_it_takes),
        SCENE_TEST(test_what_a_device_says_after_its_restart_is_what_counts),
        SCENE_TEST(test_a_device_that_does_not_say_who_it_is_is_looked_at_all_the_same),
        SCENE_TEST(test_a_device_that_lists_its_protocols_and_its_delivery_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
