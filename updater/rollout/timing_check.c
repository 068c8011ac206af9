/* timing_check.c: whether a start time and windows can be, before a rollout rests on them. */
#include "updater/rollout/moment.h"
#include "updater/rollout/rollout.h"

#include <stdio.h>

#define OPENING_TEXT_MAX (KEDGE_MOMENT_TEXT_MAX + 8u)

/* KEDGE_E_ARGUMENT: within `deadline_s` (0: however long it takes) they are not open at all. */
static enum kedge_rc check_opening(const char *what, const char *text,
                                   const struct kedge_zones *zones, uint64_t from_ms,
                                   uint32_t deadline_s, char why[KEDGE_TIMING_TEXT_MAX])
{
    struct kedge_windows windows;
    struct kedge_window_state state;
    char opens[KEDGE_MOMENT_TEXT_MAX], deadline[KEDGE_MOMENT_TEXT_MAX];
    uint64_t until_ms = from_ms + (uint64_t)deadline_s * 1000;
    if (kedge_windows_load(text, &windows) != KEDGE_OK) {
        (void)snprintf(why, KEDGE_TIMING_TEXT_MAX, "%s cannot be read", what);
        return KEDGE_E_ARGUMENT;
    }
    kedge_windows_state(&windows, zones, NULL, from_ms, &state);
    if (state.open)
        return KEDGE_OK;
    if (state.changes_at_ms == KEDGE_WINDOW_NEVER) {
        (void)snprintf(why, KEDGE_TIMING_TEXT_MAX, "%s never open", what);
        return KEDGE_E_ARGUMENT;
    }
    if (deadline_s == 0 || state.changes_at_ms < until_ms)
        return KEDGE_OK;
    kedge_moment_text(state.changes_at_ms, opens);
    kedge_moment_text(until_ms, deadline);
    (void)snprintf(why, KEDGE_TIMING_TEXT_MAX,
                   "%s never open before the deadline: first at %s, and the deadline is at %s",
                   what, opens, deadline);
    return KEDGE_E_ARGUMENT;
}

enum kedge_rc kedge_rollout_opening_check(const struct kedge_rollout *record,
                                          const struct kedge_zones *zones, uint64_t from_ms,
                                          char why[KEDGE_TIMING_TEXT_MAX])
{
    uint32_t deadline_s = record->policy.deadline_s;
    KEDGE_TRY(check_opening("the windows", record->windows, zones, from_ms, deadline_s, why));
    if (record->group_count < 2)
        return KEDGE_OK;
    return check_opening("the windows of the gates", record->gate_windows, zones, from_ms,
                         deadline_s, why);
}

enum kedge_rc kedge_rollout_timing_check(const struct kedge_rollout *record,
                                         const struct kedge_zones *zones, uint64_t now_ms,
                                         char why[KEDGE_TIMING_TEXT_MAX], const char **field)
{
    uint64_t start_ms = record->start_at_ms == 0 ? now_ms : record->start_at_ms;
    char at[KEDGE_MOMENT_TEXT_MAX];
    kedge_moment_text(start_ms, at);
    *field = "start_at";
    if (start_ms < now_ms) {
        (void)snprintf(why, KEDGE_TIMING_TEXT_MAX, "the start time, %s, has passed", at);
        return KEDGE_E_ARGUMENT;
    }
    if (start_ms - now_ms > (uint64_t)KEDGE_SPAN_MAX_S * 1000) {
        (void)snprintf(why, KEDGE_TIMING_TEXT_MAX, "the start time, %s, is more than a year ahead",
                       at);
        return KEDGE_E_ARGUMENT;
    }
    *field = "download_in_window";
    if (record->download_in_window && record->windows[0] == '\0') {
        (void)snprintf(why, KEDGE_TIMING_TEXT_MAX,
                       "downloads can only be kept in windows where there are any");
        return KEDGE_E_ARGUMENT;
    }
    *field = NULL;
    return kedge_rollout_opening_check(record, zones, start_ms, why);
}
