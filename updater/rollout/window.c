/*
 * window.c: whether windows are open, and until when.
 *
 * Method: between two changes of a zone's clocks, the time of the week that they read grows with
 * the seconds, so a window's next edge is a subtraction away. Where the clocks change before it,
 * the question is put anew there. Of several windows, those that touch are followed from one to the
 * next, for as long as one of them is open.
 */
#include "updater/rollout/window.h"
#include "updater/rollout/moment.h"

#include <string.h>

#define WEEK_S (7u * KEDGE_DAY_S)
#define EPOCH_DAY_S (3u * KEDGE_DAY_S) /* 1970-01-01 was a Thursday; weeks begin on Monday */

static void zone_offset(const struct kedge_zones *zones, const char *zone, uint64_t at_s,
                        struct kedge_zone_offset *out)
{
    *out = (struct kedge_zone_offset){.offset_s = 0, .until_s = UINT64_MAX};
    if (zones == NULL || !zones->offset(zones->context, zone, at_s, out))
        *out = (struct kedge_zone_offset){.offset_s = 0, .until_s = UINT64_MAX};
}

static bool zone_exists(const struct kedge_zones *zones, const char *zone)
{
    struct kedge_zone_offset offset;
    return zone != NULL && kedge_zone_name_valid(zone) && zones != NULL &&
           zones->offset(zones->context, zone, 0, &offset);
}

/* How one window stands, and from when on that has to be looked at again. */
struct standing {
    bool open;
    uint64_t until_s;
};

static struct standing stand(const struct kedge_window *window, const struct kedge_zones *zones,
                             const char *own, uint64_t at_s)
{
    struct kedge_zone_offset clocks;
    zone_offset(zones, window->fixed || own == NULL ? window->zone : own, at_s, &clocks);
    int64_t reads_s = (int64_t)(at_s % WEEK_S) + EPOCH_DAY_S + clocks.offset_s;
    uint64_t week_s = (uint64_t)(reads_s + (int64_t)WEEK_S) % WEEK_S;
    struct standing out = {.open = false, .until_s = at_s + WEEK_S};
    for (unsigned day = 0; day < 7; day++) {
        if ((window->days & (1u << day)) == 0)
            continue;
        uint64_t since_s = (week_s + WEEK_S - day * KEDGE_DAY_S - window->start_s) % WEEK_S;
        bool open = since_s < window->length_s;
        uint64_t edge_s = at_s + (open ? window->length_s - since_s : WEEK_S - since_s);
        if (open != out.open ? open : open == (edge_s > out.until_s))
            out = (struct standing){.open = open, .until_s = edge_s};
    }
    if (clocks.until_s > at_s && clocks.until_s < out.until_s)
        out.until_s = clocks.until_s;
    return out;
}

/* Of all: the longest of those that are open, or the next edge of any. */
static struct standing stand_all(const struct kedge_windows *windows,
                                 const struct kedge_zones *zones, const char *own, uint64_t at_s)
{
    struct standing out = stand(&windows->items[0], zones, own, at_s);
    for (uint32_t i = 1; i < windows->count; i++) {
        struct standing one = stand(&windows->items[i], zones, own, at_s);
        if (one.open != out.open ? one.open : one.open == (one.until_s > out.until_s))
            out = one;
    }
    return out;
}

void kedge_windows_state(const struct kedge_windows *windows, const struct kedge_zones *zones,
                         const char *own, uint64_t at_ms, struct kedge_window_state *out)
{
    uint64_t from_s = at_ms / 1000, at_s = from_s;
    *out = (struct kedge_window_state){.open = true, .changes_at_ms = KEDGE_WINDOW_NEVER};
    if (windows->count == 0)
        return;
    const char *zone = zone_exists(zones, own) ? own : NULL;
    struct standing now = stand_all(windows, zones, zone, at_s);
    out->open = now.open;
    while (now.open == out->open) {
        at_s = now.until_s;
        if (at_s - from_s > KEDGE_WINDOW_HORIZON_S)
            return;
        now = stand_all(windows, zones, zone, at_s);
    }
    out->changes_at_ms = at_s * 1000;
}

const char *kedge_windows_zone(const struct kedge_windows *windows, const struct kedge_zones *zones,
                               const char *own)
{
    if (windows->count == 0)
        return KEDGE_ZONE_UTC;
    const struct kedge_window *first = &windows->items[0];
    return !first->fixed && zone_exists(zones, own) ? own : first->zone;
}
