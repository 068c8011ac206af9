/* fleet_scene.h: a fleet on a loopback socket that notes everything it tells. */
#ifndef KEDGE_TESTS_FLEET_SCENE_H
#define KEDGE_TESTS_FLEET_SCENE_H

#include "tests/unit/updater_lwm2m/scripted_device.h"
#include "updater/lwm2m/fleet.h"
#include "updater/lwm2m/operations.h"
#include "updater/net/upload.h"

#define FILE_NAME "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_NAME "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define FILE_SIZE 3000u

struct fleet_scene {
    struct kedge_net *net;
    struct kedge_fleet *fleet;
    struct scripted_device device;
    unsigned registered, identified, updated, gone, conflicts;
    unsigned asleep, turns; /* as it was told last, and how often */
    uint32_t expected_in_s;
    enum kedge_gone_reason gone_reason;
    char vendor[200], class_name[200], version[200], hardware[200];
    char endpoint[200], location[64], before[64], now[64];
    bool has_firmware;
    int firmware_state, firmware_result;
    uint64_t sequence_floor, slot_capacity;
    bool enrolled; /* whoever it is */
    unsigned enrolled_asked;
    unsigned reports;
    enum kedge_update_phase phases[64];
    unsigned phase_count; /* different ones in a row */
    unsigned ended;       /* reports of an end */
    struct kedge_update_report last;
    char reason[KEDGE_UPDATE_REASON_MAX + 1];
    char told[4096];           /* every reason, a line each, as far as there is room */
    uint64_t cancel_on_report; /* a deployment to cancel from within the hook */
    uint8_t file[FILE_SIZE];
    uint64_t device_offers; /* the deployment that was offered last */
    struct kedge_pace pace; /* zeroed: no limit */
};

static inline void scene_note_device(struct fleet_scene *scene, const struct kedge_device *device)
{
    snprintf(scene->endpoint, sizeof scene->endpoint, "%s", device->endpoint);
    snprintf(scene->location, sizeof scene->location, "%s", device->location);
    snprintf(scene->vendor, sizeof scene->vendor, "%s", device->vendor);
    snprintf(scene->class_name, sizeof scene->class_name, "%s", device->class_name);
    snprintf(scene->version, sizeof scene->version, "%s", device->version);
    snprintf(scene->hardware, sizeof scene->hardware, "%s", device->hardware);
    scene->has_firmware = device->has_firmware_object;
    scene->firmware_state = device->firmware_state;
    scene->firmware_result = device->firmware_result;
    scene->sequence_floor = device->sequence_floor;
    scene->slot_capacity = device->slot_capacity;
}

static inline void scene_registered(void *context, const struct kedge_device *device)
{
    struct fleet_scene *scene = context;
    scene->registered++;
    assert_true(device->registered);
    assert_false(device->identified);
    scene_note_device(scene, device);
}

static inline void scene_identified(void *context, const struct kedge_device *device)
{
    struct fleet_scene *scene = context;
    scene->identified++;
    assert_true(device->identified);
    scene_note_device(scene, device);
}

static inline void scene_updated(void *context, const struct kedge_device *device)
{
    struct fleet_scene *scene = context;
    scene->updated++;
    scene_note_device(scene, device);
}

static inline void scene_turned(void *context, const struct kedge_device *device)
{
    struct fleet_scene *scene = context;
    scene->asleep = device->asleep;
    scene->turns++;
    scene->expected_in_s = device->expected_in_s;
}

static inline void scene_gone(void *context, const struct kedge_device *device,
                              enum kedge_gone_reason reason)
{
    struct fleet_scene *scene = context;
    scene->gone++;
    scene->gone_reason = reason;
    assert_false(device->registered);
    scene_note_device(scene, device);
}

static inline void scene_conflict(void *context, const struct kedge_device *device,
                                  const struct kedge_address *before,
                                  const struct kedge_address *now)
{
    struct fleet_scene *scene = context;
    scene->conflicts++;
    scene_note_device(scene, device);
    kedge_address_text(before, scene->before);
    kedge_address_text(now, scene->now);
}

static inline void scene_report(void *context, const struct kedge_update_report *report)
{
    struct fleet_scene *scene = context;
    scene->reports++;
    scene->last = *report;
    if (report->reason != NULL)
        snprintf(scene->reason, sizeof scene->reason, "%s", report->reason);
    size_t used = strlen(scene->told);
    if (report->reason != NULL)
        snprintf(scene->told + used, sizeof scene->told - used, "%s\n", report->reason);
    if (scene->phase_count == 0 || scene->phases[scene->phase_count - 1] != report->phase) {
        assert_true(scene->phase_count < 64);
        scene->phases[scene->phase_count++] = report->phase;
    }
    scene->ended += report->phase >= KEDGE_UPDATE_SUCCEEDED;
    if (scene->cancel_on_report != 0)
        kedge_fleet_cancel(scene->fleet, scene->cancel_on_report);
}

static inline bool scene_blob(void *context, const char *name, struct kedge_blob *blob)
{
    struct fleet_scene *scene = context;
    *blob = (struct kedge_blob){.bytes = kedge_slice(scene->file, FILE_SIZE),
                                .etag = kedge_slice("etag", 4),
                                .content_format = KEDGE_LWM2M_FORMAT_OPAQUE};
    return strcmp(name, FILE_NAME) == 0 || strcmp(name, OTHER_NAME) == 0;
}

static inline bool scene_enrolled(void *context, const char *endpoint)
{
    struct fleet_scene *scene = context;
    (void)endpoint;
    scene->enrolled_asked++;
    return scene->enrolled;
}

/* A scene over a server that is open. */
static inline struct fleet_scene *scene_over(struct kedge_net *net)
{
    struct fleet_scene *scene = calloc(1, sizeof *scene);
    for (size_t i = 0; i < FILE_SIZE; i++)
        scene->file[i] = (uint8_t)(i * 13 + i / 256);
    scene->net = net;
    const struct kedge_fleet_config config = {.net = scene->net,
                                              .hooks = {.context = scene,
                                                        .registered = scene_registered,
                                                        .identified = scene_identified,
                                                        .updated = scene_updated,
                                                        .turned = scene_turned,
                                                        .gone = scene_gone,
                                                        .conflict = scene_conflict,
                                                        .report = scene_report,
                                                        .blob = scene_blob,
                                                        .enrolled = scene_enrolled},
                                              .pace = &scene->pace,
                                              .poll_ms = 400,
                                              .quick_poll_ms = 60};
    assert_int_equal(kedge_fleet_create(&config, &scene->fleet), KEDGE_OK);
    device_init(&scene->device, scene->net, "device-1");
    return scene;
}

static inline int scene_open(void **state)
{
    *state = scene_over(server_open(30, NULL, NULL));
    return 0;
}

static inline int scene_close(void **state)
{
    struct fleet_scene *scene = *state;
    peer_close(&scene->device.peer);
    kedge_fleet_destroy(scene->fleet);
    kedge_net_destroy(scene->net);
    free(scene);
    return 0;
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

static inline struct kedge_update_plan scene_plan(void)
{
    return (struct kedge_update_plan){.file = FILE_NAME,
                                      .file_size = FILE_SIZE,
                                      .version = "2.0.0",
                                      .offer_limit_s = 60,
                                      .download_limit_s = 60,
                                      .install_limit_s = 60,
                                      .verify_limit_s = 60};
}

static inline void scene_offer(struct fleet_scene *scene, uint64_t id,
                               const struct kedge_update_plan *plan)
{
    assert_int_equal(kedge_fleet_offer(scene->fleet, id, "device-1", plan), KEDGE_OK);
}

/** The device is there and the fleet knows who it is. */
static inline void scene_identify(struct fleet_scene *scene)
{
    device_registers(&scene->device);
    device_until(&scene->device, &scene->identified, scene->identified + 1);
}

#endif
