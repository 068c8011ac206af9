/*
 * timing.c: when the devices of a rollout may install, and when its gates may open.
 *
 * Start times and windows are by the wall clock as it stands: when that is set, they do not move.
 *
 * Method: a device downloads at any time, and is then held back: it holds no place and its driver
 * does not send Execute. Where its window is open and there is a place, the driver is told until
 * when it may; the window's end takes that back from whoever has not begun. Of each zone that its
 * devices have, a rollout has one record with a timer for the next edge, so it does not matter how
 * many wait. A device that sleeps, and has waited, may install as soon as it wakes up in its
 * window: whether there is a place then or not, as with everything that sleepers do.
 */
#include "updater/rollout/timing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making and ending ---- */

enum kedge_rc engine_add_timing(struct rollout_node *rollout)
{
    const struct kedge_rollout *record = &rollout->record;
    if (record->start_at_ms == 0 && record->windows[0] == '\0' && record->gate_windows[0] == '\0')
        return KEDGE_OK;
    struct rollout_timing *timing = calloc(1, sizeof(*timing));
    if (timing == NULL)
        return KEDGE_E_MEMORY;
    rollout->timing = timing;
    timing->start_timer = (struct kedge_timer){.kind = KEDGE_TIMER_START, .owner = rollout};
    timing->gate_timer = (struct kedge_timer){.kind = KEDGE_TIMER_START, .owner = rollout};
    KEDGE_TRY(kedge_windows_load(record->windows, &timing->windows));
    return kedge_windows_load(record->gate_windows, &timing->gate_windows);
}

void engine_end_timing(struct kedge_engine *engine, struct rollout_node *rollout)
{
    struct rollout_timing *timing = rollout->timing;
    if (timing == NULL)
        return;
    kedge_timer_cancel(&engine->timers, &timing->start_timer);
    kedge_timer_cancel(&engine->timers, &timing->gate_timer);
    while (timing->zones != NULL) {
        struct zone_node *zone = timing->zones;
        timing->zones = zone->next;
        kedge_timer_cancel(&engine->timers, &zone->timer);
        free(zone);
    }
}

void engine_free_timing(struct kedge_engine *engine, struct rollout_node *rollout)
{
    engine_end_timing(engine, rollout);
    free(rollout->timing);
    rollout->timing = NULL;
}

/* ---- zones ---- */

static bool has_windows(const struct rollout_node *rollout)
{
    return rollout->timing != NULL && rollout->timing->windows.count > 0;
}

static enum kedge_rc look_at_zone(struct kedge_engine *engine, struct zone_node *zone)
{
    kedge_windows_state(&zone->rollout->timing->windows, engine->zones, zone->zone, engine->now_ms,
                        &zone->state);
    uint64_t again_ms = engine_after_s(engine->now_ms, KEDGE_WINDOW_HORIZON_S);
    if (zone->state.changes_at_ms < again_ms)
        again_ms = zone->state.changes_at_ms;
    return kedge_timer_set(&engine->timers, &zone->timer, again_ms);
}

static struct zone_node *known_zone(const struct deployment_node *node)
{
    const char *name = node->device->zone == NULL ? "" : node->device->zone;
    struct zone_node *zone = node->group->rollout->timing->zones;
    while (zone != NULL && strcmp(zone->zone, name) != 0)
        zone = zone->next;
    return zone;
}

static enum kedge_rc zone_of(struct kedge_engine *engine, const struct deployment_node *node,
                             struct zone_node **out)
{
    *out = known_zone(node);
    if (*out != NULL)
        return KEDGE_OK;
    struct rollout_node *rollout = node->group->rollout;
    struct zone_node *zone = calloc(1, sizeof(*zone));
    if (zone == NULL)
        return KEDGE_E_MEMORY;
    zone->rollout = rollout;
    zone->timer = (struct kedge_timer){.kind = KEDGE_TIMER_WINDOW, .owner = zone};
    engine_copy_text(zone->zone, sizeof(zone->zone), node->device->zone);
    zone->next = rollout->timing->zones;
    rollout->timing->zones = zone;
    *out = zone;
    return look_at_zone(engine, zone);
}

/* ---- who waits ---- */

static void leave_queue(struct deployment_node *node)
{
    if (!node->queued)
        return;
    struct zone_node *zone = known_zone(node);
    if (node->previous_waiting != NULL)
        node->previous_waiting->next_waiting = node->next_waiting;
    else
        zone->first = node->next_waiting;
    if (node->next_waiting != NULL)
        node->next_waiting->previous_waiting = node->previous_waiting;
    else
        zone->last = node->previous_waiting;
    node->queued = false;
}

/* Its driver knows it and it can be told something: then it is in its zone's queue. */
static enum kedge_rc review_queue(struct kedge_engine *engine, struct deployment_node *node)
{
    struct zone_node *zone;
    if (!node->held || !node->attended || node->device->asleep) {
        leave_queue(node);
        return KEDGE_OK;
    }
    if (node->queued)
        return KEDGE_OK;
    KEDGE_TRY(zone_of(engine, node, &zone));
    node->queued = true;
    node->next_waiting = NULL;
    node->previous_waiting = zone->last;
    if (zone->last != NULL)
        zone->last->next_waiting = node;
    else
        zone->first = node;
    zone->last = node;
    engine_unsettle(engine, node->group->rollout);
    return KEDGE_OK;
}

static void set_held(struct kedge_engine *engine, struct deployment_node *node, bool held)
{
    if (node->held == held)
        return;
    node->held = held;
    node->group->rollout->timing->held += held ? 1 : UINT32_MAX; /* the latter takes one away */
    engine_review_place(engine, node);
}

enum kedge_rc engine_review_hold(struct kedge_engine *engine, struct deployment_node *node)
{
    if (!has_windows(node->group->rollout))
        return KEDGE_OK;
    bool waits = node->state == KEDGE_DEPLOYMENT_DOWNLOADED;
    if (!waits)
        node->may_install = false;
    set_held(engine, node, waits && !node->may_install);
    return review_queue(engine, node);
}

static bool may_go_on(const struct deployment_node *node)
{
    return node->group->rollout->record.state == KEDGE_ROLLOUT_RUNNING &&
           node->group->record.state == KEDGE_GROUP_RUNNING;
}

/* ---- who may install ---- */

static enum kedge_rc tell_driver(struct kedge_engine *engine, const struct deployment_node *node,
                                 uint64_t until_ms)
{
    KEDGE_TRY(engine_command(engine, KEDGE_COMMAND_INSTALL, node));
    engine->output->commands[engine->output->command_count - 1].install_until_ms = until_ms;
    return KEDGE_OK;
}

static enum kedge_rc let_install(struct kedge_engine *engine, struct deployment_node *node,
                                 const struct zone_node *zone)
{
    char text[96], until[KEDGE_MOMENT_TEXT_MAX];
    kedge_moment_text(zone->state.changes_at_ms, until);
    if (zone->state.changes_at_ms == KEDGE_WINDOW_NEVER)
        (void)snprintf(text, sizeof(text), "may install: its window is always open");
    else
        (void)snprintf(text, sizeof(text), "may install: its window is open until %s", until);
    node->may_install = true;
    set_held(engine, node, false);
    leave_queue(node);
    KEDGE_TRY(engine_note_deployment(engine, node, text));
    return tell_driver(engine, node, zone->state.changes_at_ms);
}

enum kedge_rc engine_let_install(struct kedge_engine *engine, struct rollout_node *rollout)
{
    uint32_t most = rollout->record.policy.in_flight_max;
    if (!has_windows(rollout))
        return KEDGE_OK;
    for (struct zone_node *zone = rollout->timing->zones; zone != NULL; zone = zone->next)
        while (zone->state.open && zone->first != NULL && rollout->placed < most)
            KEDGE_TRY(let_install(engine, zone->first, zone));
    return KEDGE_OK;
}

enum kedge_rc engine_review_held_device(struct kedge_engine *engine, struct device_node *device,
                                        bool woke)
{
    struct zone_node *zone;
    struct deployment_node *node = device->working;
    if (node == NULL || !node->held)
        return KEDGE_OK;
    if (woke && node->attended && may_go_on(node)) {
        KEDGE_TRY(zone_of(engine, node, &zone));
        if (zone->state.open)
            return let_install(engine, node, zone);
    }
    return review_queue(engine, node);
}

/* ---- a window opens or shuts ---- */

/* After a restart: while it was shut, nobody was waited for. */
static enum kedge_rc expect_return(struct kedge_engine *engine, struct deployment_node *node)
{
    uint32_t limit_s = engine_phase_limit_s(&node->group->rollout->record.policy, node->state);
    if (node->attended || node->wait_timer.position != 0)
        return KEDGE_OK;
    node->wait_timer.kind = KEDGE_TIMER_RETURN;
    return kedge_timer_set(&engine->timers, &node->wait_timer,
                           engine_after_s(engine->now_ms, limit_s));
}

/* By the windows of the zone that its device has now; these are looked at from here on. */
static enum kedge_rc review_return(struct kedge_engine *engine, struct deployment_node *node)
{
    struct zone_node *zone;
    if (!node->held || node->attended)
        return KEDGE_OK;
    KEDGE_TRY(zone_of(engine, node, &zone));
    if (zone->state.open)
        return expect_return(engine, node);
    kedge_timer_cancel(&engine->timers, &node->wait_timer);
    return KEDGE_OK;
}

static enum kedge_rc take_back(struct kedge_engine *engine, struct deployment_node *node)
{
    node->may_install = false;
    KEDGE_TRY(engine_note_deployment(engine, node,
                                     "its window shut before it began to install; it waits for the "
                                     "next one"));
    KEDGE_TRY(tell_driver(engine, node, 0));
    KEDGE_TRY(engine_review_hold(engine, node));
    return engine_end_late_hold(engine, node);
}

enum kedge_rc engine_end_late_hold(struct kedge_engine *engine, struct deployment_node *node)
{
    struct zone_node *zone;
    if (!node->held || !engine_goes_on(node->group->rollout) ||
        !engine_deadline_passed(engine, node->group->rollout))
        return KEDGE_OK;
    KEDGE_TRY(zone_of(engine, node, &zone));
    return zone->state.open ? KEDGE_OK : engine_end_by_deadline(engine, node);
}

static enum kedge_rc follow_zone(struct kedge_engine *engine, struct deployment_node *node,
                                 const struct zone_node *zone)
{
    if (node->state == KEDGE_DEPLOYMENT_PENDING)
        return engine_review_deployment(engine, node);
    if (node->held)
        return zone->state.open ? expect_return(engine, node) : engine_end_late_hold(engine, node);
    if (!node->may_install)
        return KEDGE_OK;
    return zone->state.open ? tell_driver(engine, node, zone->state.changes_at_ms)
                            : take_back(engine, node);
}

enum kedge_rc engine_pass_window(struct kedge_engine *engine, struct zone_node *zone)
{
    struct rollout_node *rollout = zone->rollout;
    KEDGE_TRY(look_at_zone(engine, zone));
    engine_unsettle(engine, rollout);
    if (rollout->current == rollout->record.group_count)
        return KEDGE_OK;
    struct deployment_node *node = rollout->groups[rollout->current].deployments;
    for (; node != NULL; node = node->next_in_group)
        if (!kedge_deployment_state_ended(node->state) && known_zone(node) == zone)
            KEDGE_TRY(follow_zone(engine, node, zone));
    return KEDGE_OK;
}

enum kedge_rc engine_may_download(struct kedge_engine *engine, const struct deployment_node *node,
                                  bool *may)
{
    struct zone_node *zone;
    *may = true;
    if (!has_windows(node->group->rollout) || !node->group->rollout->record.download_in_window)
        return KEDGE_OK;
    KEDGE_TRY(zone_of(engine, node, &zone));
    *may = zone->state.open;
    return KEDGE_OK;
}

enum kedge_rc engine_hold_at_load(struct kedge_engine *engine, struct deployment_node *node,
                                  bool *waits)
{
    struct zone_node *zone;
    KEDGE_TRY(engine_review_hold(engine, node));
    *waits = node->held;
    if (!node->held)
        return KEDGE_OK;
    KEDGE_TRY(zone_of(engine, node, &zone));
    *waits = !zone->state.open;
    return KEDGE_OK;
}

enum kedge_rc engine_withdraw_held(struct kedge_engine *engine, struct deployment_node *node,
                                   const char *why)
{
    if (!node->held)
        return KEDGE_OK;
    KEDGE_TRY(engine_move_deployment(engine, node, KEDGE_ON_WITHDRAW, why, NULL));
    return engine_command(engine, KEDGE_COMMAND_CANCEL, node);
}

enum kedge_rc engine_set_zone(struct kedge_engine *engine, struct device_node *device,
                              const char *name)
{
    struct kedge_zone_offset offset;
    bool exists = name != NULL && engine->zones != NULL && kedge_zone_name_valid(name) &&
                  engine->zones->offset(engine->zones->context, name, 0, &offset);
    const char *now = exists ? name : "", *before = device->zone == NULL ? "" : device->zone;
    struct deployment_node *working = device->working;
    if (strcmp(now, before) == 0)
        return KEDGE_OK;
    if (working != NULL)
        leave_queue(working);
    KEDGE_TRY(engine_set_text(&device->zone, now));
    if (working == NULL || !has_windows(working->group->rollout))
        return engine_review_device(engine, device);
    /* What it was told was by the other zone's windows, and so is whether it is waited for. */
    if (working->may_install)
        return take_back(engine, working);
    KEDGE_TRY(review_return(engine, working));
    KEDGE_TRY(review_queue(engine, working));
    return engine_end_late_hold(engine, working);
}

/* ---- gates ---- */

enum kedge_rc engine_await_gate_window(struct kedge_engine *engine, const struct group_node *group,
                                       bool *open)
{
    struct rollout_timing *timing = group->rollout->timing;
    struct kedge_window_state state;
    *open = timing == NULL || group->record.index + 1 == group->rollout->record.group_count;
    if (*open)
        return KEDGE_OK;
    kedge_windows_state(&timing->gate_windows, engine->zones, NULL, engine->now_ms, &state);
    *open = state.open;
    return state.open || state.changes_at_ms == KEDGE_WINDOW_NEVER
               ? KEDGE_OK
               : kedge_timer_set(&engine->timers, &timing->gate_timer, state.changes_at_ms);
}

/* ---- a wall clock that is set ---- */

/* Every timer that is told of here is told again after the others were moved, so there is room. */
void engine_unset_wall_times(struct kedge_engine *engine, struct rollout_node *rollout)
{
    if (rollout->timing == NULL)
        return;
    kedge_timer_cancel(&engine->timers, &rollout->timing->start_timer);
    kedge_timer_cancel(&engine->timers, &rollout->timing->gate_timer);
    for (struct zone_node *zone = rollout->timing->zones; zone != NULL; zone = zone->next)
        kedge_timer_cancel(&engine->timers, &zone->timer);
}

void engine_set_wall_times(struct kedge_engine *engine, struct rollout_node *rollout)
{
    if (rollout->timing == NULL)
        return;
    (void)!engine_await_start(engine, rollout);
    for (struct zone_node *zone = rollout->timing->zones; zone != NULL; zone = zone->next)
        (void)!kedge_timer_set(&engine->timers, &zone->timer, 1); /* looked at by the next tick */
    engine_unsettle(engine, rollout);
}

bool kedge_engine_uses_windows(const struct kedge_engine *engine)
{
    for (const struct rollout_node *rollout = engine->first_rollout; rollout != NULL;
         rollout = rollout->next)
        if (!kedge_rollout_state_ended(rollout->record.state) && has_windows(rollout))
            return true;
    return false;
}

void kedge_engine_use_zones(struct kedge_engine *engine, const struct kedge_zones *zones)
{
    engine->zones = zones;
}
