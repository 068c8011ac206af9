/*
 * zones.c: what clocks read in the zones of tzdata.
 *
 * GLib numbers the stretches of time between two changes of a zone's clocks, and tells the number
 * for any second, but not where a stretch ends: that is found by halving. A stretch that was found
 * is kept with its zone, for the next question is mostly about the same one.
 */
#define _GNU_SOURCE
#include "updater/kedged/zones.h"

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ZONES_MAX 1024u /* names that are kept; tzdata has 600 */
#define STEP_S (28u * 86400u)

struct zone {
    char name[KEDGE_ZONE_NAME_MAX + 1];
    GTimeZone *zone; /* NULL: there is none of that name */
    uint64_t from_s, until_s;
    int32_t offset_s;
};

static struct {
    pthread_mutex_t lock;
    struct zone *zones[ZONES_MAX];
    size_t count;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static GTimeZone *open_zone(const char *name)
{
    return kedge_zone_name_valid(name) ? g_time_zone_new_identifier(name) : NULL;
}

/* A new place, or that of a name that no zone has: people may write any into tags. */
static struct zone **place_for_another(void)
{
    if (kept.count < ZONES_MAX)
        return &kept.zones[kept.count++];
    for (size_t i = 0; i < kept.count; i++)
        if (kept.zones[i]->zone == NULL)
            return &kept.zones[i];
    return NULL;
}

static struct zone *add_zone(const char *name)
{
    struct zone *zone = calloc(1, sizeof(*zone));
    struct zone **place = zone == NULL ? NULL : place_for_another();
    if (place == NULL) {
        free(zone);
        return NULL;
    }
    memcpy(zone->name, name, strlen(name) + 1);
    zone->zone = open_zone(name);
    free(*place);
    *place = zone;
    return zone;
}

static struct zone *find_zone(const char *name)
{
    for (size_t i = 0; i < kept.count; i++)
        if (strcmp(kept.zones[i]->name, name) == 0)
            return kept.zones[i];
    return strlen(name) > KEDGE_ZONE_NAME_MAX ? NULL : add_zone(name);
}

static gint stretch(const struct zone *zone, uint64_t at_s)
{
    return g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, (gint64)at_s);
}

/* The first second of another stretch; where there is none for long, a later one of the same. */
static uint64_t end_of_stretch(const struct zone *zone, uint64_t at_s)
{
    gint number = stretch(zone, at_s);
    uint64_t same_s = at_s, other_s = at_s;
    do {
        if (other_s - at_s > KEDGE_WINDOW_HORIZON_S)
            return other_s;
        same_s = other_s;
        other_s += STEP_S;
    } while (stretch(zone, other_s) == number);
    while (other_s - same_s > 1) {
        uint64_t middle_s = same_s + (other_s - same_s) / 2;
        if (stretch(zone, middle_s) == number)
            same_s = middle_s;
        else
            other_s = middle_s;
    }
    return other_s;
}

static bool offset(void *context, const char *name, uint64_t at_s, struct kedge_zone_offset *out)
{
    (void)context;
    (void)pthread_mutex_lock(&kept.lock);
    struct zone *zone = find_zone(name);
    bool exists = zone != NULL && zone->zone != NULL && at_s <= INT64_MAX / 2;
    if (exists && (at_s < zone->from_s || at_s >= zone->until_s)) {
        zone->from_s = at_s;
        zone->until_s = end_of_stretch(zone, at_s);
        zone->offset_s = g_time_zone_get_offset(zone->zone, stretch(zone, at_s));
    }
    if (exists)
        *out = (struct kedge_zone_offset){.offset_s = zone->offset_s, .until_s = zone->until_s};
    (void)pthread_mutex_unlock(&kept.lock);
    return exists;
}

const struct kedge_zones *kedge_system_zones(void)
{
    static const struct kedge_zones zones = {.offset = offset};
    return &zones;
}
