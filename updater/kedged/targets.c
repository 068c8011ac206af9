/*
 * targets.c: devices of a package's vendor and class.
 */
#define _GNU_SOURCE
#include "updater/kedged/targets.h"
#include "updater/kedged/clock.h"

#include "updater/kedged/zone_tags.h"

#include <kedge/crypto.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum kedge_rc make_room(struct kedge_targets *targets)
{
    if (targets->count < targets->capacity)
        return KEDGE_OK;
    if (targets->count >= KEDGE_ROLLOUT_TARGETS_MAX)
        return KEDGE_E_LIMIT;
    size_t capacity = targets->capacity == 0 ? 64 : targets->capacity * 2;
    struct kedge_rollout_target *items = realloc(targets->items, capacity * sizeof(*items));
    if (items == NULL)
        return KEDGE_E_MEMORY;
    targets->items = items;
    targets->capacity = capacity;
    return KEDGE_OK;
}

static char *put_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *start = *at;
    memcpy(start, text, size);
    *at += size;
    return start;
}

/* All strings of a target stand in one piece of memory, the endpoint first. */
static enum kedge_rc add_at(struct kedge_targets *targets, const struct kedge_device_record *record,
                            bool known, const char *place, const char *zone)
{
    KEDGE_TRY(make_room(targets));
    char *at = malloc(strlen(record->endpoint) + strlen(record->vendor) +
                      strlen(record->class_name) + strlen(record->version) +
                      strlen(record->hardware) + strlen(place) + strlen(zone) + 7);
    if (at == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_rollout_target *target = &targets->items[targets->count++];
    *target = (struct kedge_rollout_target){.known = known, .limits = record->limits};
    target->endpoint = put_text(&at, record->endpoint);
    target->vendor = put_text(&at, record->vendor);
    target->class_name = put_text(&at, record->class_name);
    target->version = put_text(&at, record->version);
    target->hardware = put_text(&at, record->hardware);
    target->place = put_text(&at, place);
    target->zone = put_text(&at, zone);
    return KEDGE_OK;
}

static enum kedge_rc add(struct kedge_targets *targets, const struct kedge_device_record *record,
                         bool known)
{
    char zone[KEDGE_ZONE_NAME_MAX + 2];
    kedge_zone_of_tags(record->tags, zone);
    if (targets->spread_by == NULL)
        return add_at(targets, record, known, "", zone);
    json_t *tags = json_loads(record->tags, 0, NULL);
    const char *place = json_string_value(json_object_get(tags, targets->spread_by));
    enum kedge_rc rc = add_at(targets, record, known, place == NULL ? "" : place, zone);
    json_decref(tags);
    return rc;
}

void kedge_targets_clear(struct kedge_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++)
        free((char *)(uintptr_t)targets->items[i].endpoint);
    free(targets->items);
    *targets = (struct kedge_targets){0};
}

/* ---- which ones ---- */

struct selecting {
    struct kedge_targets *targets;
    const struct kedge_package_record *package;
    uint64_t seen;
    enum kedge_rc rc;
};

static enum kedge_fit compare_uuids(const struct kedge_package_record *package,
                                    const struct kedge_device_record *record)
{
    uint8_t vendor[16], class_id[16];
    kedge_vendor_uuid(kedge_slice_text(record->vendor), vendor);
    kedge_class_uuid(vendor, kedge_slice_text(record->class_name), class_id);
    if (memcmp(vendor, package->vendor_id, sizeof(vendor)) != 0)
        return KEDGE_FIT_VENDOR;
    return memcmp(class_id, package->class_id, sizeof(class_id)) == 0 ? KEDGE_FIT_OK
                                                                      : KEDGE_FIT_CLASS;
}

/* The first one that is of its vendor and class gives a nameless package names. */
static enum kedge_fit compare_names(struct kedge_targets *targets,
                                    const struct kedge_package_record *package,
                                    const struct kedge_device_record *record)
{
    if (record->vendor[0] == '\0' && record->class_name[0] == '\0')
        return KEDGE_FIT_UNIDENTIFIED;
    if (targets->vendor[0] != '\0' && targets->class_name[0] != '\0') {
        if (strcmp(targets->vendor, record->vendor) != 0)
            return KEDGE_FIT_VENDOR;
        return strcmp(targets->class_name, record->class_name) == 0 ? KEDGE_FIT_OK
                                                                    : KEDGE_FIT_CLASS;
    }
    enum kedge_fit fit = compare_uuids(package, record);
    if (fit != KEDGE_FIT_OK)
        return fit;
    (void)snprintf(targets->vendor, sizeof(targets->vendor), "%s", record->vendor);
    (void)snprintf(targets->class_name, sizeof(targets->class_name), "%s", record->class_name);
    return KEDGE_FIT_OK;
}

size_t kedge_targets_steps(const struct kedge_package_record *intermediates, uint32_t count,
                           const struct kedge_package_record *package,
                           struct kedge_step steps[KEDGE_STEPS_MAX])
{
    for (uint32_t i = 0; i <= count; i++) {
        const struct kedge_package_record *one = i < count ? &intermediates[i] : package;
        steps[i] = (struct kedge_step){.conditions = kedge_package_conditions(one),
                                       .version = one->version};
    }
    return count + 1u;
}

/* Whether intermediate packages take it there, which is counted. */
static bool goes_through(struct kedge_targets *targets, const struct kedge_package_record *package,
                         const struct kedge_device_record *record)
{
    struct kedge_step steps[KEDGE_STEPS_MAX];
    uint64_t through[KEDGE_STEPS_MAX] = {0};
    const struct kedge_step_device device = {
        .hardware = record->hardware, .version = record->version, .limits = record->limits};
    size_t count =
        kedge_targets_steps(targets->intermediates, targets->intermediate_count, package, steps);
    if (kedge_steps_needed(steps, count, 0, &device, through) == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (through[i] > 0 && targets->through[i] == 0)
            memcpy(targets->through_example[i], record->endpoint, sizeof(record->endpoint));
        targets->through[i] += through[i];
    }
    return true;
}

static void leave_out(struct kedge_targets *targets, enum kedge_fit fit,
                      const struct kedge_package_record *package,
                      const struct kedge_device_record *record)
{
    const struct kedge_fit_conditions conditions = kedge_package_conditions(package);
    if (targets->left_out[fit]++ > 0)
        return;
    memcpy(targets->example[fit], record->endpoint, sizeof(targets->example[fit]));
    kedge_fit_words(fit, &conditions, &record->limits, targets->words[fit]);
}

enum kedge_fit kedge_targets_judge(struct kedge_targets *targets,
                                   const struct kedge_package_record *package,
                                   const struct kedge_device_record *record)
{
    const struct kedge_fit_conditions conditions = kedge_package_conditions(package);
    bool already = strcmp(record->version, package->version) == 0;
    enum kedge_fit fit = compare_names(targets, package, record);
    if (fit == KEDGE_FIT_OK && !already) /* which is offered nothing */
        fit = kedge_fit_check(&conditions, record->hardware, record->version, &record->limits);
    if (fit >= KEDGE_FIT_HARDWARE && goes_through(targets, package, record))
        fit = KEDGE_FIT_OK;
    if (fit == KEDGE_FIT_OK)
        targets->already += already;
    else
        leave_out(targets, fit, package, record);
    return fit;
}

static void take_names(struct kedge_targets *targets, const struct kedge_package_record *package)
{
    memcpy(targets->vendor, package->vendor, sizeof(targets->vendor));
    memcpy(targets->class_name, package->class_name, sizeof(targets->class_name));
}

static bool select_device(void *context, const struct kedge_device_record *record)
{
    struct selecting *selecting = context;
    selecting->seen++;
    if (kedge_targets_judge(selecting->targets, selecting->package, record) == KEDGE_FIT_OK)
        selecting->rc = add(selecting->targets, record, true);
    return selecting->rc == KEDGE_OK;
}

enum kedge_rc kedge_targets_take_all(struct kedge_targets *targets, struct kedge_reader *reader,
                                     const struct kedge_package_record *package)
{
    struct selecting selecting = {.targets = targets, .package = package};
    take_names(targets, package);
    KEDGE_TRY(kedge_reader_devices(reader, NULL, NULL, NULL, select_device, &selecting));
    return selecting.rc;
}

enum kedge_rc kedge_targets_take_matching(struct kedge_targets *targets,
                                          struct kedge_reader *reader,
                                          const struct kedge_package_record *package,
                                          const struct kedge_filter *filter, uint64_t now_ms)
{
    struct selecting selecting = {.targets = targets, .package = package};
    const struct kedge_matching which = {.filter = filter, .now_ms = now_ms};
    uint64_t stored, registered;
    take_names(targets, package);
    KEDGE_TRY(kedge_reader_device_counts(reader, &stored, &registered));
    KEDGE_TRY(kedge_reader_matching(reader, &which, NULL, select_device, &selecting));
    targets->unmatched = stored > selecting.seen ? stored - selecting.seen : 0;
    return selecting.rc;
}

static enum kedge_rc take_listed(struct kedge_targets *targets, struct kedge_reader *reader,
                                 const struct kedge_package_record *package, const char *endpoint)
{
    struct kedge_device_record record;
    enum kedge_rc rc = kedge_reader_device(reader, endpoint, &record);
    if (rc == KEDGE_OK) {
        (void)kedge_targets_judge(targets, package, &record);
        return add(targets, &record, true);
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return rc;
    record = (struct kedge_device_record){.endpoint = ""};
    (void)snprintf(record.endpoint, sizeof(record.endpoint), "%s", endpoint);
    leave_out(targets, KEDGE_FIT_UNKNOWN, package, &record);
    return add(targets, &record, false);
}

enum kedge_rc kedge_targets_take_listed(struct kedge_targets *targets, struct kedge_reader *reader,
                                        const struct kedge_package_record *package,
                                        const char *const *endpoints, size_t count)
{
    take_names(targets, package);
    for (size_t i = 0; i < count; i++)
        KEDGE_TRY(take_listed(targets, reader, package, endpoints[i]));
    return KEDGE_OK;
}

void kedge_targets_look(struct kedge_fleet *fleet, struct kedge_rollout_target *target)
{
    struct kedge_device device;
    if (!kedge_fleet_device(fleet, target->endpoint, &device))
        return;
    target->asleep = device.asleep;
    target->unassociated = device.asleep && !device.queue_mode;
    target->present = device.identified || device.asleep;
    if (device.asleep && device.expected_in_s > 0)
        target->expected_at_ms = kedge_wall_ms() + (uint64_t)device.expected_in_s * 1000u;
}
