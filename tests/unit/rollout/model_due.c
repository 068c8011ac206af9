/*
 * model_due.c: nobody waits for nothing, and the engine asks to be told of the time no later than
 * something is due, and never of a time that has passed already.
 */
#include "tests/unit/rollout/model.h"

#include <stdlib.h>

/* A great fleet is looked at whole a few times on its way through. */
static bool is_turn(void)
{
    return w->device_count <= EVERY_EVENT_MAX || w->events % (w->device_count / 20) == 0;
}

bool goes_on_soon(uint64_t within_ms)
{
    uint64_t next_ms = kedge_engine_next_tick_at_ms(w->engine);
    return next_ms != 0 && next_ms <= w->now_ms + within_ms;
}

bool between_slices(void)
{
    bool slices = w->history->slice_moves > 0 || w->device_count > EVERY_EVENT_MAX;
    return slices && goes_on_soon(SLICES_APART_MS);
}

/* ---- of rollouts ---- */

static void check_asked_for(const struct kedge_rollout *rollout, uint64_t at_ms, const char *what)
{
    INVARIANT(at_ms <= w->now_ms || goes_on_soon(at_ms - w->now_ms),
              "the engine sleeps past %s of rollout %" PRIu64, what, rollout->id);
}

static uint32_t count_of(const struct kedge_rollout *rollout, enum kedge_deployment_state state)
{
    uint32_t count = 0;
    for (uint32_t g = 0; g < rollout->group_count; g++)
        count += w->seen.groups[rollout->id][g].counts[state];
    return count;
}

static bool has_a_deadline(const struct kedge_rollout *rollout)
{
    bool open = rollout->dynamic && rollout->closed_at_ms == 0;
    return goes_on(rollout) && rollout->deadline_at_ms != 0 &&
           (open || count_of(rollout, KEDGE_DEPLOYMENT_PENDING) > 0);
}

static const struct kedge_group *soaking_group(const struct kedge_rollout *rollout)
{
    for (uint32_t g = 0; g < rollout->group_count; g++)
        if (w->seen.groups[rollout->id][g].state == KEDGE_GROUP_SOAKING)
            return &w->seen.groups[rollout->id][g];
    return NULL;
}

static void check_sleep(const struct kedge_rollout *rollout)
{
    const struct kedge_group *soaking = soaking_group(rollout);
    if (rollout->state == KEDGE_ROLLOUT_READY && rollout->start_at_ms != 0)
        check_asked_for(rollout, rollout->start_at_ms, "the start");
    if (has_a_deadline(rollout))
        check_asked_for(rollout, rollout->deadline_at_ms, "the deadline");
    if (rollout->state == KEDGE_ROLLOUT_RUNNING && soaking != NULL)
        check_asked_for(rollout, soaking->soak_until_ms, "the soak");
}

void check_next_tick(bool after_tick)
{
    uint64_t next_ms = kedge_engine_next_tick_at_ms(w->engine);
    INVARIANT(!after_tick || next_ms == 0 || next_ms > w->now_ms,
              "the engine was told of the time and asks for it again at once");
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++)
        if (rollout_exists(id))
            check_sleep(&w->seen.rollouts[id]);
    check_due(is_turn());
}

static void check_gate_is_judged(const struct kedge_rollout *rollout)
{
    for (uint32_t g = 0; g < rollout->group_count; g++) {
        const struct kedge_group *group = &w->seen.groups[rollout->id][g];
        bool may = windows_open(rollout->gate_windows, "", w->now_ms) &&
                   !gate_waits_for_somebody(rollout, group);
        INVARIANT(group->state != KEDGE_GROUP_WAITING_FOR_GATE ||
                      (gate_is_met(rollout, group) && !may),
                  "a gate of rollout %" PRIu64 " waits for nothing", rollout->id);
    }
}

static void check_rollout_is_due(const struct kedge_rollout *rollout)
{
    const struct kedge_group *soaking = soaking_group(rollout);
    INVARIANT(rollout->state != KEDGE_ROLLOUT_READY || rollout->start_at_ms == 0 ||
                  rollout->start_at_ms > w->now_ms,
              "rollout %" PRIu64 " has slept past its start", rollout->id);
    INVARIANT(!has_a_deadline(rollout) || rollout->deadline_at_ms > w->now_ms || between_slices(),
              "rollout %" PRIu64 " has slept past its deadline", rollout->id);
    if (rollout->state != KEDGE_ROLLOUT_RUNNING || between_slices())
        return;
    INVARIANT(w->seen.groups[rollout->id][0].state != KEDGE_GROUP_SCHEDULED,
              "rollout %" PRIu64 " does not begin", rollout->id);
    INVARIANT(soaking == NULL || soaking->soak_until_ms > w->now_ms,
              "rollout %" PRIu64 " has slept past the end of a soak", rollout->id);
    check_gate_is_judged(rollout);
}

/* ---- of devices ---- */

/* Whether it could be offered the package, or install it, at once. */
static bool could_go_on(const struct kedge_deployment *record)
{
    const struct kedge_rollout *rollout = &w->seen.rollouts[record->rollout_id];
    const struct kedge_group *group = &w->seen.groups[rollout->id][record->group_index];
    const struct device *device = device_of(record->endpoint);
    bool pending = record->state == KEDGE_DEPLOYMENT_PENDING;
    bool in_window = windows_open(rollout->windows, device->zone, w->now_ms);
    return rollout->state == KEDGE_ROLLOUT_RUNNING && group->state == KEDGE_GROUP_RUNNING &&
           device->told_present && !device->told_asleep &&
           w->tallies[rollout->id].in_flight < rollout->policy.in_flight_max &&
           (pending ? device->working == 0 && goes_first(record) == NULL && superseding(record) == NULL &&
                          record->retry_at_ms <= w->now_ms &&
                          (in_window || !rollout->download_in_window)
                    : in_window && is_held(record));
}

/* Before its first group begins, a rollout has superseded all that others had not begun with. */
static void check_superseded(const struct kedge_deployment *record)
{
    bool waits = record->state == KEDGE_DEPLOYMENT_PENDING &&
                 goes_on(&w->seen.rollouts[record->rollout_id]);
    const struct kedge_deployment *newer = waits ? superseding(record) : NULL;
    INVARIANT(newer == NULL ||
                  w->seen.groups[newer->rollout_id][0].state == KEDGE_GROUP_SCHEDULED,
              "rollout %" PRIu64 " has begun, and deployment %" PRIu64 " is not superseded",
              newer->rollout_id, record->id);
}

static void check_deployment_is_due(const struct kedge_deployment *record)
{
    uint32_t rate = rate_of(&w->seen.rollouts[record->rollout_id]);
    uint64_t turn_ms = rate != 0 ? 60000 / rate + 1 : 0;
    bool pending = record->state == KEDGE_DEPLOYMENT_PENDING;
    bool in_turn = between_slices() || (pending && turn_ms > 0 && goes_on_soon(turn_ms));
    INVARIANT(!could_go_on(record) || in_turn, "deployment %" PRIu64 ", %s, waits for nothing",
              record->id, kedge_deployment_state_name(record->state));
    INVARIANT(!pending || record->retry_at_ms <= w->now_ms ||
                  goes_on_soon(record->retry_at_ms - w->now_ms),
              "nobody looks at deployment %" PRIu64 " when its attempt is due", record->id);
}

/* What is due at this moment may wait for a tick that has been asked for. */
void check_due(bool everything)
{
    bool asked = goes_on_soon(0);
    for (uint64_t id = 1; !asked && id <= w->seen.last.rollout_id; id++)
        if (rollout_exists(id))
            check_rollout_is_due(&w->seen.rollouts[id]);
    if (!everything)
        return;
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->id == 0 || kedge_deployment_state_ended(record->state))
            continue;
        if (!asked)
            check_deployment_is_due(record);
        check_superseded(record);
        if ((id + w->events) % 64 == 0)
            check_reason(record);
    }
}
