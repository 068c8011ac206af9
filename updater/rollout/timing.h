/* timing.h: start times and windows inside the engine; see timing.c. */
#ifndef KEDGE_UPDATER_ROLLOUT_TIMING_H
#define KEDGE_UPDATER_ROLLOUT_TIMING_H

#include "updater/rollout/engine.h"
#include "updater/rollout/moment.h"

/** Where the windows of a rollout stand in one zone, and who waits for a place there. */
struct zone_node {
    struct zone_node *next;
    struct rollout_node *rollout;
    struct kedge_window_state state;
    struct kedge_timer timer;
    struct deployment_node *first, *last; /* held back, and could install if there were a place */
    char zone[KEDGE_ZONE_NAME_MAX + 1];   /* "": that of each window */
};

/** What a rollout with a start time or with windows has besides. */
struct rollout_timing {
    struct kedge_windows windows, gate_windows;
    struct zone_node *zones;
    struct kedge_timer start_timer, gate_timer;
    uint32_t held; /* deployments that wait for their window, or for a place in it */
};

#endif
