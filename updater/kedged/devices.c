/*
 * devices.c: what devices do, as records and as events for the rollouts.
 *
 * A device's record is put when it registers, says who it is, or goes; what an Update changes is
 * only touched (design decision 6). Nobody waits for these writes. One that is lost, because the
 * disk is full, is made good when the store can be written again.
 */
#define _GNU_SOURCE
#include "updater/kedged/bridge.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"
#include "updater/kedged/zone_tags.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy(char *to, size_t size, const char *from)
{
    size_t used = strnlen(from, size - 1);
    memcpy(to, from, used);
    to[used] = '\0';
}

/* ---- writing records ---- */

struct put {
    struct kedge_bridge *bridge;
    char *error; /* of one that failed; NULL: out of memory for that too */
    char endpoint[];
};

static void put_was_lost(void *context)
{
    struct put *put = context;
    struct kedge_bridge *bridge = put->bridge;
    struct kedge_lost_device *lost = calloc(1, sizeof(*lost));
    if (lost != NULL) {
        copy(lost->endpoint, sizeof(lost->endpoint), put->endpoint);
        lost->next = bridge->lost;
        bridge->lost = lost;
    }
    if (!bridge->ended)
        kedge_steering_store_failed(bridge->steering,
                                    put->error != NULL ? put->error : "out of memory");
    free(put->error);
    free(put);
}

static void on_put(void *context, enum kedge_rc rc, const char *error)
{
    struct put *put = context;
    if (rc != KEDGE_OK) {
        put->error = strdup(error);
        if (kedge_net_post(put->bridge->net, put_was_lost, put) == KEDGE_OK)
            return;
        free(put->error);
    }
    free(put);
}

static void submit(struct kedge_bridge *bridge, struct kedge_batch *batch, const char *endpoint)
{
    size_t size = strlen(endpoint) + 1;
    struct put *put = malloc(sizeof(*put) + size);
    if (put == NULL) {
        kedge_batch_destroy(batch);
        return;
    }
    *put = (struct put){.bridge = bridge};
    memcpy(put->endpoint, endpoint, size);
    kedge_store_submit(bridge->store, batch, on_put, put);
}

static void put_record(struct kedge_bridge *bridge, const struct kedge_device_record *record)
{
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL || kedge_batch_put_device(batch, record) != KEDGE_OK ||
        kedge_pressure_gone(bridge, batch, record) != KEDGE_OK) {
        kedge_batch_destroy(batch);
        kedge_log(KEDGE_LOG_ERROR, "device %s: out of memory, not stored", record->endpoint);
        return;
    }
    submit(bridge, batch, record->endpoint);
}

static void take_address(struct kedge_device_record *record, const struct kedge_device *device)
{
    char text[KEDGE_ADDRESS_TEXT_MAX];
    kedge_address_text(&device->address, text);
    copy(record->address, sizeof(record->address), text);
}

static struct kedge_fit_limits limits_of(const struct kedge_device *device)
{
    return (struct kedge_fit_limits){.sequence_floor = device->sequence_floor,
                                     .slot_capacity = device->slot_capacity};
}

/* What a device has not said since it registered is what it said before. */
static void put_device(struct kedge_bridge *bridge, const struct kedge_device *device,
                       bool registered)
{
    struct kedge_device_record record;
    uint64_t now_ms = kedge_wall_ms();
    memset(&record, 0, offsetof(struct kedge_device_record, tags));
    record.first_seen_ms = now_ms;
    record.texts_kept = !device->identified;
    copy(record.endpoint, sizeof(record.endpoint), device->endpoint);
    if (device->identified) {
        copy(record.vendor, sizeof(record.vendor), device->vendor);
        copy(record.class_name, sizeof(record.class_name), device->class_name);
        copy(record.version, sizeof(record.version), device->version);
        copy(record.hardware, sizeof(record.hardware), device->hardware);
        record.limits = limits_of(device);
    }
    copy(record.lwm2m_version, sizeof(record.lwm2m_version), device->lwm2m_version);
    copy(record.binding, sizeof(record.binding), device->binding);
    copy(record.location, sizeof(record.location), device->location);
    take_address(&record, device);
    record.lifetime_s = device->lifetime_s;
    record.registered = registered;
    record.last_seen_ms = now_ms;
    put_record(bridge, &record);
}

/* ---- events ---- */

/* The engine counts in wall time. */
static void tell_asleep(struct kedge_bridge *bridge, const struct kedge_device *device)
{
    struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_DEVICE_ASLEEP,
        .device = {.endpoint = device->endpoint, .unassociated = !device->queue_mode}};
    if (device->expected_in_s > 0)
        event.device.expected_at_ms = kedge_wall_ms() + (uint64_t)device->expected_in_s * 1000u;
    kedge_steering_handle(bridge->steering, &event, NULL, NULL);
}

static void tell_present(struct kedge_bridge *bridge, const struct kedge_device *device)
{
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEVICE_PRESENT,
                                       .device = {.endpoint = device->endpoint,
                                                  .vendor = device->vendor,
                                                  .class_name = device->class_name,
                                                  .version = device->version,
                                                  .hardware = device->hardware,
                                                  .limits = limits_of(device)}};
    kedge_steering_handle(bridge->steering, &event, NULL, NULL);
}

/* ---- the fleet's hooks ---- */

static bool on_ready(void *context)
{
    const struct kedge_bridge *bridge = context;
    return !kedge_store_behind(bridge->store);
}

static void on_registered(void *context, const struct kedge_device *device)
{
    char address[KEDGE_ADDRESS_TEXT_MAX];
    kedge_address_text(&device->address, address);
    kedge_log(KEDGE_LOG_INFO, "device %s registered from %s for %" PRIu32 " s", device->endpoint,
              address, device->lifetime_s);
    put_device(context, device, true);
    kedge_bridge_adopt(context, device);
}

static void on_identified(void *context, const struct kedge_device *device)
{
    kedge_log(KEDGE_LOG_INFO, "device %s is a %s of %s with version %s", device->endpoint,
              device->class_name, device->vendor, device->version);
    put_device(context, device, true);
    kedge_joining_said(context, device);
    tell_present(context, device);
}

static void on_updated(void *context, const struct kedge_device *device)
{
    struct kedge_bridge *bridge = context;
    char address[KEDGE_ADDRESS_TEXT_MAX];
    const struct kedge_device_touch touch = {.endpoint = device->endpoint,
                                             .address = address,
                                             .last_seen_ms = kedge_wall_ms(),
                                             .lifetime_s = device->lifetime_s};
    kedge_address_text(&device->address, address);
    if (kedge_store_touch_device(bridge->store, &touch) != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "device %s: out of memory, last-seen time not stored",
                  device->endpoint);
}

/* One that is awake and not identified is being asked who it is, and told of when that is known. */
static void on_turned(void *context, const struct kedge_device *device)
{
    if (device->asleep)
        tell_asleep(context, device);
    else if (device->identified)
        tell_present(context, device);
}

static void on_gone(void *context, const struct kedge_device *device, enum kedge_gone_reason reason)
{
    struct kedge_bridge *bridge = context;
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_DEVICE_GONE,
                                       .device = {.endpoint = device->endpoint}};
    kedge_log(KEDGE_LOG_INFO, "device %s is gone: %s", device->endpoint,
              kedge_gone_reason_text(reason));
    put_device(bridge, device, false);
    kedge_steering_handle(bridge->steering, &event, NULL, NULL);
}

static void on_conflict(void *context, const struct kedge_device *device,
                        const struct kedge_address *before, const struct kedge_address *now)
{
    struct kedge_bridge *bridge = context;
    struct kedge_audit_entry entry = {
        .at_ms = kedge_wall_ms(), .who = "device", .what = "device.conflict"};
    char text[KEDGE_ADDRESS_TEXT_MAX];
    copy(entry.subject, sizeof(entry.subject), device->endpoint);
    kedge_address_text(before, text);
    copy(entry.before, sizeof(entry.before), text);
    kedge_address_text(now, text);
    copy(entry.after, sizeof(entry.after), text);
    kedge_log(KEDGE_LOG_WARNING, "device %s was registered from %s; the newer one from %s wins",
              device->endpoint, entry.before, entry.after);
    if (!kedge_pressure_may_audit(bridge))
        return;
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL || kedge_batch_add_audit(batch, &entry) != KEDGE_OK) {
        kedge_batch_destroy(batch);
        return;
    }
    submit(bridge, batch, device->endpoint);
}

void kedge_bridge_set_hooks(struct kedge_bridge *bridge, struct kedge_fleet_hooks *hooks)
{
    hooks->context = bridge;
    hooks->ready = on_ready;
    hooks->registered = on_registered;
    hooks->identified = on_identified;
    hooks->updated = on_updated;
    hooks->turned = on_turned;
    hooks->gone = on_gone;
    hooks->conflict = on_conflict;
}

/* ---- after the store could not be written ---- */

static void write_again(struct kedge_bridge *bridge, const char *endpoint)
{
    struct kedge_device device;
    struct kedge_device_record record;
    if (kedge_fleet_device(bridge->fleet, endpoint, &device)) {
        put_device(bridge, &device, true);
        return;
    }
    if (kedge_reader_device(bridge->reader, endpoint, &record) != KEDGE_OK || !record.registered)
        return;
    record.registered = false;
    put_record(bridge, &record);
}

static void tell_one(void *context, const struct kedge_device *device)
{
    if (device->identified)
        kedge_joining_said(context, device);
    on_turned(context, device);
}

void kedge_bridge_tell_all(struct kedge_bridge *bridge)
{
    struct kedge_lost_device *lost = bridge->lost;
    bridge->lost = NULL;
    while (lost != NULL) {
        struct kedge_lost_device *next = lost->next;
        write_again(bridge, lost->endpoint);
        free(lost);
        lost = next;
    }
    kedge_tell_zones(bridge);
    kedge_fleet_each(bridge->fleet, tell_one, bridge);
}

/* ---- after a restart ---- */

struct restoring {
    struct kedge_bridge *bridge;
    uint64_t count;
};

/* One that cannot be taken up registers again by itself: its next Update gets 4.04. */
static void give_up(struct kedge_bridge *bridge, const struct kedge_device_record *record,
                    enum kedge_rc rc)
{
    struct kedge_device_record given_up = *record;
    kedge_log(KEDGE_LOG_WARNING, "device %s has to register again: %s", record->endpoint,
              kedge_rc_text(rc));
    given_up.registered = false;
    put_record(bridge, &given_up);
}

/* So that one that fell back while the server was down is seen to have done so. */
static void tell_remembered(struct kedge_bridge *bridge, const struct kedge_device_record *record)
{
    const struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_DEVICE_REMEMBERED,
        .device = {.endpoint = record->endpoint, .version = record->version}};
    if (record->version[0] != '\0')
        kedge_steering_handle(bridge->steering, &event, NULL, NULL);
}

static bool restore(void *context, const struct kedge_device_record *record)
{
    struct restoring *restoring = context;
    struct kedge_device device = {
        .endpoint = record->endpoint,
        .vendor = record->vendor,
        .class_name = record->class_name,
        .version = record->version,
        .hardware = record->hardware,
        .lwm2m_version = record->lwm2m_version,
        .binding = record->binding,
        .lifetime_s = record->lifetime_s,
        .registered = true,
        .queue_mode = strchr(record->binding, 'Q') != NULL,
        .has_firmware_object = true, /* if it has none, it says so when it is asked */
        .firmware_state = -1,
        .firmware_result = -1,
        .sequence_floor = record->limits.sequence_floor,
        .slot_capacity = record->limits.slot_capacity,
    };
    if (strlen(record->location) < sizeof device.location)
        copy(device.location, sizeof device.location, record->location); /* else it is refused */
    tell_remembered(restoring->bridge, record);
    kedge_joining_stored(restoring->bridge, record);
    if (!record->registered)
        return true;
    enum kedge_rc rc = kedge_address_parse(record->address, &device.address);
    if (rc == KEDGE_OK)
        rc = kedge_fleet_restore(restoring->bridge->fleet, &device);
    if (rc == KEDGE_OK)
        restoring->count++;
    if (rc == KEDGE_OK && kedge_fleet_device(restoring->bridge->fleet, record->endpoint, &device) &&
        device.asleep)
        tell_asleep(restoring->bridge, &device);
    if (rc != KEDGE_OK)
        give_up(restoring->bridge, record, rc);
    return rc != KEDGE_E_MEMORY;
}

enum kedge_rc kedge_bridge_restore(struct kedge_bridge *bridge, char error[KEDGE_STORE_ERROR_MAX])
{
    struct restoring restoring = {.bridge = bridge};
    kedge_tell_zones(bridge);
    enum kedge_rc rc = kedge_reader_devices(bridge->reader, NULL, NULL, NULL, restore, &restoring);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot read the devices: %.400s",
                       kedge_reader_error(bridge->reader));
    else if (restoring.count > 0)
        kedge_log(KEDGE_LOG_INFO, "%" PRIu64 " %s a fresh lifetime", restoring.count,
                  kedge_by_count(restoring.count, "registration taken up, with",
                                 "registrations taken up, each with"));
    return rc;
}
