/* timing.h: the start time and the windows of a new rollout. */
#ifndef KEDGE_UPDATER_TIMING_H
#define KEDGE_UPDATER_TIMING_H

#include "updater/kedged/backend.h"

/** Windows as the records have them. */
struct kedge_timing {
    char windows[KEDGE_WINDOWS_TEXT_MAX + 1];
    char gate_windows[KEDGE_WINDOWS_TEXT_MAX + 1];
};

/** KEDGE_E_ARGUMENT, which window goes wrong where in `text`, and in `*field` of which field. */
enum kedge_rc kedge_timing_read(const struct kedge_backend_rollout *rollout,
                                struct kedge_timing *timing, char *text,
                                const char **field) KEDGE_MUST_USE;
/** The same for a plan, with what only the time says of it: that it has passed, or never comes. */
enum kedge_rc kedge_timing_plan(const struct kedge_backend_rollout *rollout,
                                struct kedge_backend_plan *plan, char *text,
                                const char **field) KEDGE_MUST_USE;

#endif
