/* explain_timing.c: the words for start times and windows. */
#include "updater/rollout/timing.h"

#include <inttypes.h>
#include <stdio.h>

/* "2026-11-27T21:00:00Z (22:00 in Europe/Berlin), in 3 h 12 min" */
static void say_moment(uint64_t at_ms, uint64_t now_ms, const struct kedge_zones *zones,
                       const char *zone, char text[ENGINE_OPENING_MAX])
{
    char at[KEDGE_MOMENT_TEXT_MAX], span[KEDGE_SPAN_TEXT_MAX];
    struct kedge_zone_offset clocks = {.offset_s = 0};
    kedge_moment_text(at_ms, at);
    kedge_span_text(at_ms > now_ms ? at_ms - now_ms : 0, span);
    if (zones == NULL || !zones->offset(zones->context, zone, at_ms / 1000, &clocks)) {
        (void)snprintf(text, ENGINE_OPENING_MAX, "%s, in %s", at, span);
        return;
    }
    struct kedge_moment reads =
        kedge_moment_of((uint64_t)((int64_t)(at_ms / 1000) + clocks.offset_s));
    (void)snprintf(text, ENGINE_OPENING_MAX, "%s (%02u:%02u in %s), in %s", at, reads.hour,
                   reads.minute, zone, span);
}

static void say_edge(const struct kedge_windows *windows, const struct kedge_zones *zones,
                     const char *own, const struct kedge_window_state *state, uint64_t now_ms,
                     char text[ENGINE_OPENING_MAX])
{
    char moment[ENGINE_OPENING_MAX];
    if (state->changes_at_ms == KEDGE_WINDOW_NEVER) {
        (void)snprintf(text, ENGINE_OPENING_MAX, "%s",
                       state->open ? "is always open" : "does not open");
        return;
    }
    say_moment(state->changes_at_ms, now_ms, zones, kedge_windows_zone(windows, zones, own),
               moment);
    (void)snprintf(text, ENGINE_OPENING_MAX, "%s %.150s", state->open ? "shuts" : "opens", moment);
}

bool engine_say_window(const struct kedge_engine *engine, const struct deployment_node *node,
                       uint64_t now_ms, char text[ENGINE_OPENING_MAX])
{
    struct kedge_window_state state;
    const struct kedge_windows *windows = &node->group->rollout->timing->windows;
    kedge_windows_state(windows, engine->zones, node->device->zone, now_ms, &state);
    say_edge(windows, engine->zones, node->device->zone, &state, now_ms, text);
    return state.open;
}

bool engine_say_gate_window(const struct kedge_engine *engine, const struct group_node *group,
                            uint64_t now_ms, char text[ENGINE_OPENING_MAX])
{
    struct kedge_window_state state;
    const struct rollout_timing *timing = group->rollout->timing;
    if (timing == NULL)
        return true;
    kedge_windows_state(&timing->gate_windows, engine->zones, NULL, now_ms, &state);
    say_edge(&timing->gate_windows, engine->zones, NULL, &state, now_ms, text);
    return state.open;
}

void engine_say_start(const struct rollout_node *rollout, uint64_t now_ms,
                      char text[ENGINE_OPENING_MAX])
{
    text[0] = '\0';
    char moment[ENGINE_OPENING_MAX];
    if (rollout->record.start_at_ms == 0)
        return;
    say_moment(rollout->record.start_at_ms, now_ms, NULL, "", moment);
    (void)snprintf(text, ENGINE_OPENING_MAX, "; it starts by itself at %.100s%s", moment,
                   rollout->record.state == KEDGE_ROLLOUT_READY ? "" : ", if that is done by then");
}

uint32_t engine_held(const struct rollout_node *rollout)
{
    return rollout->timing == NULL ? 0 : rollout->timing->held;
}

/* The next edge of any of its zones. */
void engine_say_held(const struct rollout_node *rollout, uint64_t now_ms,
                     char text[ENGINE_OPENING_MAX])
{
    uint32_t held = engine_held(rollout);
    uint64_t opens_at_ms = KEDGE_WINDOW_NEVER;
    char span[KEDGE_SPAN_TEXT_MAX];
    bool open = false;
    text[0] = '\0';
    if (held == 0)
        return;
    for (const struct zone_node *zone = rollout->timing->zones; zone != NULL; zone = zone->next) {
        open = open || (zone->state.open && zone->first != NULL);
        if (!zone->state.open && zone->state.changes_at_ms < opens_at_ms)
            opens_at_ms = zone->state.changes_at_ms;
    }
    kedge_span_text(opens_at_ms > now_ms ? opens_at_ms - now_ms : 0, span);
    if (open || opens_at_ms == KEDGE_WINDOW_NEVER)
        (void)snprintf(text, ENGINE_OPENING_MAX,
                       " (%" PRIu32 " of them wait for a place in their window, or for it)", held);
    else
        (void)snprintf(text, ENGINE_OPENING_MAX,
                       " (%" PRIu32 " of them wait for their window, the next opens in %s)", held,
                       span);
}
