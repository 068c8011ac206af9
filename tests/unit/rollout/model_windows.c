/*
 * model_windows.c: zones, and windows by an arithmetic of their own: whether one is open is told
 * from what a clock on the wall reads, second by second, and from nothing that the engine knows.
 */
#include "tests/unit/rollout/model.h"

#include <string.h>

#define DAY_S 86400u
#define WEEK_DAYS 7u
#define DAYS_ALL 0x7fu
#define CLOCKS_CHANGE_AT_S 1700050000u /* in the zone Test/Shift, to one hour more */

static const struct {
    const char *text; /* as kedge_windows_text() writes it */
    uint8_t days;     /* bit 0: Monday */
    bool fixed;
    uint32_t start_s, length_s;
    const char *zone;
} windows[] = {
    {"daily 22:00-04:00 UTC", DAYS_ALL, false, 79200, 21600, "UTC"},
    {"daily 00:00-12:00 UTC", DAYS_ALL, false, 0, 43200, "UTC"},
    {"daily 22:30-23:00 Test/West fixed", DAYS_ALL, true, 81000, 1800, "Test/West"},
    {"Mon-Fri 09:00-17:00 Test/West", 0x1f, false, 32400, 28800, "Test/West"},
    {"daily 02:15-02:45 Test/Shift", DAYS_ALL, false, 8100, 1800, "Test/Shift"},
    {"Tue,Thu,Sat 22:15-22:25 UTC", 0x2a, false, 80100, 600, "UTC"},
};

#define WINDOW_COUNT (sizeof(windows) / sizeof(windows[0]))

const char *model_window(unsigned number)
{
    return windows[number % WINDOW_COUNT].text;
}

const char *model_zone(unsigned number)
{
    static const char *const zones[] = {"", "Test/West", "Test/Shift", "Test/Nowhere", "UTC"};
    return zones[number % (sizeof(zones) / sizeof(zones[0]))];
}

static bool offset(void *context, const char *zone, uint64_t at_s, struct kedge_zone_offset *out)
{
    (void)context;
    bool shifts = strcmp(zone, "Test/Shift") == 0, west = strcmp(zone, "Test/West") == 0;
    bool before = shifts && at_s < CLOCKS_CHANGE_AT_S;
    *out = (struct kedge_zone_offset){.offset_s = west                ? -5 * 3600
                                                  : shifts && !before ? 3600
                                                                      : 0,
                                      .until_s = before ? CLOCKS_CHANGE_AT_S : UINT64_MAX};
    return shifts || west || strcmp(zone, KEDGE_ZONE_UTC) == 0;
}

const struct kedge_zones model_zones = {.offset = offset};

static bool is_open(size_t which, const char *own, uint64_t at_s)
{
    struct kedge_zone_offset clocks;
    bool by_own = !windows[which].fixed && own[0] != '\0' && offset(NULL, own, at_s, &clocks);
    if (!by_own)
        (void)offset(NULL, windows[which].zone, at_s, &clocks);
    uint64_t local_s = (uint64_t)((int64_t)at_s + clocks.offset_s);
    uint64_t day = local_s / DAY_S + 3; /* the first of all days was a Thursday */
    for (unsigned ago = 0; ago < WEEK_DAYS; ago++) {
        uint64_t since_day_s = local_s % DAY_S + (uint64_t)ago * DAY_S;
        if ((windows[which].days >> (day - ago) % WEEK_DAYS & 1) != 0 &&
            since_day_s >= windows[which].start_s &&
            since_day_s < windows[which].start_s + windows[which].length_s)
            return true;
    }
    return false;
}

bool windows_open(const char *text, const char *zone, uint64_t at_ms)
{
    size_t which = 0;
    if (text[0] == '\0')
        return true;
    while (which < WINDOW_COUNT && strcmp(windows[which].text, text) != 0)
        which++;
    INVARIANT(which < WINDOW_COUNT, "nobody asked for the windows \"%s\"", text);
    return is_open(which, zone, at_ms / 1000);
}

/* All of them open at a whole minute. */
bool windows_open_within(const char *text, uint64_t from_ms, uint32_t span_s)
{
    uint64_t until_ms = from_ms + (uint64_t)span_s * 1000;
    bool open = false;
    for (uint64_t at_ms = from_ms; !open && at_ms < until_ms; at_ms = (at_ms / 60000 + 1) * 60000)
        open = windows_open(text, "", at_ms);
    return open;
}
