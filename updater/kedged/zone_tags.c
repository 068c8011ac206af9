/* zone_tags.c: the time zones of devices, from their tags to the engine. */
#define _GNU_SOURCE
#include "updater/kedged/zone_tags.h"

#include "updater/kedged/log.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

bool kedge_has_zone_tag(const char *tags_json)
{
    return strstr(tags_json, "\"" KEDGE_ZONE_TAG "\"") != NULL;
}

void kedge_zone_of_tags(const char *tags_json, char zone[KEDGE_ZONE_NAME_MAX + 2])
{
    json_t *tags = kedge_has_zone_tag(tags_json) ? json_loads(tags_json, 0, NULL) : NULL;
    const char *name = json_string_value(json_object_get(tags, KEDGE_ZONE_TAG));
    (void)snprintf(zone, KEDGE_ZONE_NAME_MAX + 2, "%s", name == NULL ? "" : name);
    json_decref(tags);
}

static bool are_windows_used(const struct kedge_bridge *bridge)
{
    const struct kedge_engine *engine = kedge_steering_engine(bridge->steering);
    return engine != NULL && kedge_engine_uses_windows(engine);
}

static void tell(struct kedge_bridge *bridge, const struct kedge_device_record *record)
{
    char zone[KEDGE_ZONE_NAME_MAX + 2];
    const struct kedge_engine_event event = {
        .kind = KEDGE_EVENT_DEVICE_ZONE, .device = {.endpoint = record->endpoint, .zone = zone}};
    kedge_zone_of_tags(record->tags, zone);
    kedge_steering_handle(bridge->steering, &event, NULL, NULL);
}

static bool tell_one(void *context, const struct kedge_device_record *record)
{
    if (kedge_has_zone_tag(record->tags))
        tell(context, record);
    return true;
}

static void complain(const struct kedge_bridge *bridge)
{
    kedge_log(KEDGE_LOG_ERROR, "cannot read the time zones of devices: %s",
              kedge_reader_error(bridge->reader));
}

void kedge_tell_zone(struct kedge_bridge *bridge, const char *endpoint)
{
    struct kedge_device_record record;
    if (!are_windows_used(bridge))
        return;
    enum kedge_rc rc = kedge_reader_device(bridge->reader, endpoint, &record);
    if (rc == KEDGE_OK)
        tell(bridge, &record);
    else if (rc != KEDGE_E_NOT_FOUND)
        complain(bridge);
}

void kedge_tell_zones(struct kedge_bridge *bridge)
{
    if (are_windows_used(bridge) &&
        kedge_reader_devices(bridge->reader, NULL, NULL, NULL, tell_one, bridge) != KEDGE_OK)
        complain(bridge);
}
