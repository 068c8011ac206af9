/*
 * joining.c: which dynamic rollouts a device has come to match.
 *
 * The engine knows which rollouts can be joined and who is in them already; what each asks is
 * parsed and read once. A server without dynamic rollouts pays one question to the engine for a
 * device.
 */
#define _GNU_SOURCE
#include "updater/kedged/joining.h"

#include "updater/kedged/bridge.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"
#include "updater/kedged/targets.h"
#include "updater/kedged/zone_tags.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a rollout asks of devices. */
struct kedge_joiner {
    struct kedge_joiner *next;
    uint64_t rollout_id;
    struct kedge_package_record package, intermediates[KEDGE_INTERMEDIATES_MAX];
    struct kedge_targets names; /* for them alone: it takes no devices */
    struct kedge_filter filter; /* of none, one that means everybody */
};

/* ---- what is asked ---- */

static enum kedge_rc fill_joiner(struct kedge_bridge *bridge, const struct kedge_rollout *rollout,
                                 struct kedge_joiner *joiner)
{
    struct kedge_filter_problem problem;
    joiner->rollout_id = rollout->id;
    (void)snprintf(joiner->names.vendor, sizeof(joiner->names.vendor), "%s", rollout->vendor);
    (void)snprintf(joiner->names.class_name, sizeof(joiner->names.class_name), "%s",
                   rollout->class_name);
    KEDGE_TRY(kedge_reader_package(bridge->reader, rollout->package_id, &joiner->package));
    for (uint32_t i = 0; i < rollout->intermediate_count; i++)
        KEDGE_TRY(kedge_reader_package(bridge->reader, rollout->intermediates[i].package_id,
                                       &joiner->intermediates[i]));
    joiner->names.intermediates = joiner->intermediates;
    joiner->names.intermediate_count = rollout->intermediate_count;
    return rollout->filter[0] == '\0'
               ? KEDGE_OK
               : kedge_filter_parse(KEDGE_FILTER_OF_DEVICE, kedge_slice_text(rollout->filter),
                                    &joiner->filter, &problem);
}

static void add_joiner(struct kedge_bridge *bridge, const struct kedge_rollout *rollout)
{
    struct kedge_joiner *joiner = calloc(1, sizeof(*joiner));
    enum kedge_rc rc = joiner == NULL ? KEDGE_E_MEMORY : fill_joiner(bridge, rollout, joiner);
    if (rc == KEDGE_OK) {
        joiner->next = bridge->joining.first;
        bridge->joining.first = joiner;
        return;
    }
    kedge_log(KEDGE_LOG_ERROR, "whether a device can join rollout %" PRIu64 " cannot be told: %s",
              rollout->id, kedge_rc_text(rc));
    free(joiner);
}

/* Those of rollouts that cannot be joined any more. */
static void drop_stale(struct kedge_joining *joining, const struct kedge_engine *engine)
{
    struct kedge_joiner **link = &joining->first;
    while (*link != NULL) {
        struct kedge_joiner *joiner = *link;
        if (kedge_engine_joinable(engine, joiner->rollout_id + 1) == joiner->rollout_id) {
            link = &joiner->next;
            continue;
        }
        *link = joiner->next;
        free(joiner);
    }
}

static struct kedge_joiner *find_joiner(const struct kedge_joining *joining, uint64_t rollout_id)
{
    struct kedge_joiner *joiner = joining->first;
    while (joiner != NULL && joiner->rollout_id != rollout_id)
        joiner = joiner->next;
    return joiner;
}

static struct kedge_joiner *take_joiner(struct kedge_bridge *bridge,
                                        const struct kedge_engine *engine, uint64_t rollout_id)
{
    if (find_joiner(&bridge->joining, rollout_id) == NULL) {
        drop_stale(&bridge->joining, engine);
        add_joiner(bridge, kedge_engine_rollout(engine, rollout_id));
    }
    return find_joiner(&bridge->joining, rollout_id);
}

/* ---- one device ---- */

static bool is_meant(struct kedge_bridge *bridge, struct kedge_joiner *joiner,
                     const struct kedge_device_record *record)
{
    struct kedge_bootstrap_record factory = {.serial = ""};
    const struct kedge_matching which = {.filter = &joiner->filter, .now_ms = kedge_wall_ms()};
    if (kedge_targets_judge(&joiner->names, &joiner->package, record) != KEDGE_FIT_OK)
        return false;
    bool asks_factory = kedge_filter_uses(&joiner->filter, KEDGE_FILTER_SERIAL) ||
                        kedge_filter_uses(&joiner->filter, KEDGE_FILTER_BATCH);
    if (asks_factory &&
        kedge_reader_bootstrap_of(bridge->reader, record->endpoint, &factory) == KEDGE_E_NOT_FOUND)
        factory = (struct kedge_bootstrap_record){.serial = ""};
    return kedge_matching_means(&which, record, factory.serial, factory.batch);
}

static void join(struct kedge_bridge *bridge, uint64_t rollout_id,
                 const struct kedge_device_record *record)
{
    char zone[KEDGE_ZONE_NAME_MAX + 2];
    kedge_zone_of_tags(record->tags, zone);
    struct kedge_engine_event event = {.kind = KEDGE_EVENT_ROLLOUT_JOIN,
                                       .rollout_id = rollout_id,
                                       .join = {.endpoint = record->endpoint,
                                                .known = true,
                                                .vendor = record->vendor,
                                                .class_name = record->class_name,
                                                .version = record->version,
                                                .hardware = record->hardware,
                                                .limits = record->limits,
                                                .zone = zone}};
    kedge_targets_look(bridge->fleet, &event.join);
    kedge_steering_handle(bridge->steering, &event, NULL, NULL);
}

void kedge_joining_stored(struct kedge_bridge *bridge, const struct kedge_device_record *record)
{
    const struct kedge_engine *engine = kedge_steering_engine(bridge->steering);
    uint64_t id = 0;
    /* Joining may lose the store, and the engine with it. */
    while (engine != NULL && (id = kedge_engine_joinable(engine, id)) != 0) {
        struct kedge_joiner *joiner = take_joiner(bridge, engine, id);
        if (joiner != NULL && is_meant(bridge, joiner, record))
            join(bridge, id, record);
        engine = kedge_steering_engine(bridge->steering);
    }
}

/* What it says now is on its way to the store. */
static void overlay(struct kedge_device_record *record, const struct kedge_device *device)
{
    (void)snprintf(record->vendor, sizeof(record->vendor), "%s", device->vendor);
    (void)snprintf(record->class_name, sizeof(record->class_name), "%s", device->class_name);
    (void)snprintf(record->version, sizeof(record->version), "%s", device->version);
    (void)snprintf(record->hardware, sizeof(record->hardware), "%.*s", (int)KEDGE_HARDWARE_MAX,
                   device->hardware);
    record->limits = (struct kedge_fit_limits){.sequence_floor = device->sequence_floor,
                                               .slot_capacity = device->slot_capacity};
    record->registered = true;
    record->last_seen_ms = kedge_wall_ms();
    if (record->first_seen_ms == 0)
        record->first_seen_ms = record->last_seen_ms;
}

static bool nobody_can_join(const struct kedge_bridge *bridge)
{
    const struct kedge_engine *engine = kedge_steering_engine(bridge->steering);
    return engine == NULL || kedge_engine_joinable(engine, 0) == 0;
}

static void look(struct kedge_bridge *bridge, const char *endpoint,
                 const struct kedge_device *device)
{
    struct kedge_device_record record;
    enum kedge_rc rc = kedge_reader_device(bridge->reader, endpoint, &record);
    if (rc == KEDGE_E_NOT_FOUND && device != NULL) {
        record = (struct kedge_device_record){.tags = "{}"};
        (void)snprintf(record.endpoint, sizeof(record.endpoint), "%s", endpoint);
        rc = KEDGE_OK;
    }
    if (rc != KEDGE_OK) {
        if (rc != KEDGE_E_NOT_FOUND)
            kedge_log(KEDGE_LOG_ERROR, "cannot look device %s up: %s", endpoint,
                      kedge_reader_error(bridge->reader));
        return;
    }
    if (device != NULL)
        overlay(&record, device);
    kedge_joining_stored(bridge, &record);
}

void kedge_joining_said(struct kedge_bridge *bridge, const struct kedge_device *device)
{
    if (!nobody_can_join(bridge))
        look(bridge, device->endpoint, device);
}

void kedge_joining_changed(struct kedge_bridge *bridge, const char *endpoint)
{
    struct kedge_device device;
    bool said = kedge_fleet_device(bridge->fleet, endpoint, &device) && device.identified;
    if (!nobody_can_join(bridge))
        look(bridge, endpoint, said ? &device : NULL);
}

void kedge_joining_clear(struct kedge_joining *joining)
{
    while (joining->first != NULL) {
        struct kedge_joiner *joiner = joining->first;
        joining->first = joiner->next;
        free(joiner);
    }
}
