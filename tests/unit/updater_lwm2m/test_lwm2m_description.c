/* test_lwm2m_description.c: what many devices say alike is held once, and as long as one says it.
 */
#define _GNU_SOURCE
#include "tests/unit/scripted_peer.h"
#include "updater/lwm2m/internal.h"

struct scene {
    struct kedge_net *net;
    struct kedge_fleet *fleet;
};

static int open_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->net = server_open(0, NULL, NULL);
    const struct kedge_fleet_config config = {.net = scene->net};
    assert_int_equal(kedge_fleet_create(&config, &scene->fleet), KEDGE_OK);
    *state = scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    kedge_fleet_destroy(scene->fleet);
    kedge_net_destroy(scene->net);
    free(scene);
    return 0;
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

static struct device *make(struct scene *scene, const char *endpoint)
{
    struct device *device = device_create(scene->fleet, kedge_slice_text(endpoint));
    assert_non_null(device);
    return device;
}

static void say(struct device *device, enum device_text which, const char *text)
{
    assert_int_equal(device_set_text(device, which, kedge_slice_text(text)), KEDGE_OK);
    assert_string_equal(device_text(device, which), text);
}

static void test_devices_that_say_the_same_share_it(void **state)
{
    struct scene *scene = *state;
    struct device *devices[100];
    for (int i = 0; i < 100; i++) {
        char endpoint[16];
        snprintf(endpoint, sizeof endpoint, "device-%d", i);
        devices[i] = make(scene, endpoint);
        for (enum device_text which = 0; which < TEXT_COUNT; which++)
            assert_string_equal(device_text(devices[i], which), "");
        say(devices[i], TEXT_VENDOR, "vendor.example");
        say(devices[i], TEXT_CLASS, "meter");
        say(devices[i], TEXT_VERSION, i % 2 == 0 ? "1.0.0" : "1.1.0");
        say(devices[i], TEXT_HARDWARE, "rev-b");
        say(devices[i], TEXT_LWM2M_VERSION, "1.1");
        say(devices[i], TEXT_BINDING, "UQ");
    }
    assert_int_equal(scene->fleet->descriptions.count, 2);
    assert_ptr_equal(device_text(devices[0], TEXT_CLASS), device_text(devices[98], TEXT_CLASS));
    for (int i = 0; i < 100; i++) {
        assert_string_equal(device_text(devices[i], TEXT_VERSION), i % 2 == 0 ? "1.0.0" : "1.1.0");
        assert_string_equal(device_text(devices[i], TEXT_VENDOR), "vendor.example");
        assert_string_equal(device_text(devices[i], TEXT_BINDING), "UQ");
    }
    /* One that changes takes nothing from the others. */
    say(devices[0], TEXT_VERSION, "2.0.0");
    assert_string_equal(device_text(devices[2], TEXT_VERSION), "1.0.0");
    assert_int_equal(scene->fleet->descriptions.count, 3);
    for (int i = 0; i < 100; i++)
        device_free(devices[i]);
    assert_int_equal(scene->fleet->descriptions.count, 0);
}

static void test_a_text_over_its_limit_is_not_said(void **state)
{
    struct scene *scene = *state;
    static const size_t limits[TEXT_COUNT] = {KEDGE_DEVICE_VENDOR_MAX,
                                              KEDGE_DEVICE_CLASS_MAX,
                                              KEDGE_DEVICE_VERSION_MAX,
                                              KEDGE_DEVICE_HARDWARE_MAX,
                                              KEDGE_REGISTRATION_VERSION_MAX,
                                              KEDGE_REGISTRATION_BINDING_MAX,
                                              KEDGE_REGISTRATION_ROOT_MAX,
                                              20,
                                              20};
    char text[KEDGE_DEVICE_VENDOR_MAX + 2];
    struct device *device = make(scene, "device-1");
    memset(text, 'x', sizeof text);
    for (enum device_text which = 0; which < TEXT_COUNT; which++) {
        assert_int_equal(device_set_text(device, which, kedge_slice(text, limits[which])),
                         KEDGE_OK);
        assert_int_equal(strlen(device_text(device, which)), limits[which]);
    }
    for (enum device_text which = 0; which < TEXT_COUNT; which++) {
        assert_int_equal(device_set_text(device, which, kedge_slice(text, limits[which] + 1)),
                         KEDGE_OK);
        assert_string_equal(device_text(device, which), "");
    }
    device_free(device);
}

static void test_a_figure_is_kept_as_it_was_said(void **state)
{
    struct scene *scene = *state;
    struct device *device = make(scene, "device-1");
    const uint64_t figures[] = {1, INT64_MAX, UINT64_MAX, 0};
    assert_int_equal(device_figure(device, TEXT_SLOT_CAPACITY), 0);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        assert_int_equal(device_set_figure(device, TEXT_SLOT_CAPACITY, figures[i]), KEDGE_OK);
        assert_true(device_figure(device, TEXT_SLOT_CAPACITY) == figures[i]);
    }
    device_free(device);
}

static void test_endpoints_of_every_length_are_kept(void **state)
{
    struct scene *scene = *state;
    struct device *devices[KEDGE_LWM2M_ENDPOINT_MAX];
    char name[KEDGE_LWM2M_ENDPOINT_MAX];
    memset(name, 'n', sizeof name);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < KEDGE_LWM2M_ENDPOINT_MAX; i++) {
            devices[i] = device_create(scene->fleet, kedge_slice(name, i + 1));
            assert_non_null(devices[i]);
        }
        for (size_t i = 0; i < KEDGE_LWM2M_ENDPOINT_MAX; i++) {
            assert_int_equal(strlen(devices[i]->endpoint), i + 1);
            assert_ptr_equal(device_by_endpoint(scene->fleet, kedge_slice(name, i + 1)),
                             devices[i]);
            device_free(devices[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_devices_that_say_the_same_share_it),
        SCENE_TEST(test_a_text_over_its_limit_is_not_said),
        SCENE_TEST(test_a_figure_is_kept_as_it_was_said),
        SCENE_TEST(test_endpoints_of_every_length_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
