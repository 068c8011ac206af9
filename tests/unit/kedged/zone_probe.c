/*
 * zone_probe.c: for zones_oracle.py: "SECOND OWN WINDOW" in on each line, "OPEN CHANGES_AT" out, by
 * the zones of the system. OWN is "-" for none; CHANGES_AT is "never" for that. "SECOND ZONE ?"
 * asks for "OFFSET UNTIL" of the zone itself.
 */
#include "updater/kedged/zones.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell_zone(const char *zone, uint64_t at_s)
{
    struct kedge_zone_offset offset;
    const struct kedge_zones *zones = kedge_system_zones();
    if (zones->offset(zones->context, zone, at_s, &offset))
        printf("%" PRId32 " %" PRIu64 "\n", offset.offset_s, offset.until_s);
    else
        puts("none");
}

static void tell_window(const char *own, const char *text, uint64_t at_s)
{
    struct kedge_windows windows = {.count = 1};
    struct kedge_window_problem problem;
    struct kedge_window_state state;
    if (kedge_window_parse(kedge_slice_text(text), kedge_system_zones(), &windows.items[0],
                           &problem) != KEDGE_OK) {
        printf("%u: %s\n", problem.column, problem.text);
        return;
    }
    kedge_windows_state(&windows, kedge_system_zones(), strcmp(own, "-") == 0 ? NULL : own,
                        at_s * 1000, &state);
    if (state.changes_at_ms == KEDGE_WINDOW_NEVER)
        printf("%d never\n", state.open);
    else
        printf("%d %" PRIu64 "\n", state.open, state.changes_at_ms / 1000);
}

int main(void)
{
    char line[256], own[64];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        unsigned long long at_s;
        int used = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%llu %63s %n", &at_s, own, &used) < 2)
            return 1;
        if (strcmp(&line[used], "?") == 0)
            tell_zone(own, at_s);
        else
            tell_window(own, &line[used], at_s);
    }
    return 0;
}
