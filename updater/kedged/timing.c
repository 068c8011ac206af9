/* timing.c: the start time and the windows of a new rollout. */
#define _GNU_SOURCE
#include "updater/kedged/timing.h"

#include "updater/kedged/clock.h"
#include "updater/kedged/zones.h"

#include <string.h>

static enum kedge_rc read_windows(const char *field, const char *lines,
                                  char out[KEDGE_WINDOWS_TEXT_MAX + 1], char *text)
{
    struct kedge_windows windows = {.count = 0};
    struct kedge_window_problem problem;
    out[0] = '\0';
    while (lines != NULL && *lines != '\0') {
        size_t size = strcspn(lines, "\n");
        if (windows.count == KEDGE_WINDOWS_MAX)
            return kedge_backend_refuse(text, KEDGE_E_ARGUMENT, "%s: there are more than %u", field,
                                        KEDGE_WINDOWS_MAX);
        if (kedge_window_parse(kedge_slice(lines, size), kedge_system_zones(),
                               &windows.items[windows.count], &problem) != KEDGE_OK)
            return kedge_backend_refuse(text, KEDGE_E_ARGUMENT, "%s: window %u, column %u: %s",
                                        field, windows.count + 1, problem.column, problem.text);
        windows.count++;
        lines += size + (lines[size] == '\n');
    }
    return kedge_windows_text(&windows, out);
}

enum kedge_rc kedge_timing_read(const struct kedge_backend_rollout *rollout,
                                struct kedge_timing *timing, char *text, const char **field)
{
    *field = "windows";
    KEDGE_TRY(read_windows(*field, rollout->windows, timing->windows, text));
    *field = "gate_windows";
    KEDGE_TRY(read_windows(*field, rollout->gate_windows, timing->gate_windows, text));
    *field = NULL;
    return KEDGE_OK;
}

enum kedge_rc kedge_timing_plan(const struct kedge_backend_rollout *rollout,
                                struct kedge_backend_plan *plan, char *text, const char **field)
{
    struct kedge_timing timing;
    struct kedge_windows windows;
    uint32_t group_count = rollout->group_count > 0 ? rollout->group_count : 1;
    struct kedge_rollout record = {.policy = rollout->policy,
                                   .group_count = group_count + rollout->dynamic,
                                   .start_at_ms = rollout->start_at_ms,
                                   .download_in_window = rollout->download_in_window};
    char why[KEDGE_TIMING_TEXT_MAX];
    uint64_t now_ms = kedge_wall_ms();
    KEDGE_TRY(kedge_timing_read(rollout, &timing, text, field));
    memcpy(record.windows, timing.windows, sizeof(record.windows));
    memcpy(record.gate_windows, timing.gate_windows, sizeof(record.gate_windows));
    enum kedge_rc rc =
        kedge_rollout_timing_check(&record, kedge_system_zones(), now_ms, why, field);
    if (rc != KEDGE_OK)
        return kedge_backend_refuse(text, rc, "%s", why);
    KEDGE_TRY(kedge_windows_load(timing.windows, &windows));
    kedge_windows_state(&windows, kedge_system_zones(), NULL,
                        rollout->start_at_ms == 0 ? now_ms : rollout->start_at_ms, &plan->standing);
    memcpy(plan->windows, timing.windows, sizeof(plan->windows));
    memcpy(plan->gate_windows, timing.gate_windows, sizeof(plan->gate_windows));
    return KEDGE_OK;
}
