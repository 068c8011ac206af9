/* model_ending.c: when all that can answer does, all that was started ends. */
#include "tests/unit/rollout/model.h"

#include <string.h>

#define IDLE_ROUNDS_MAX                                                                       \
    150u                  /* a week and more in which nothing happens: no window is that rare \
                           */
#define ROUND_CLOSES 300u /* where devices might join for ever; and from there on days pass */

/* False: it cannot be started or approved any more, as its windows do not open in time. */
static bool asked(enum kedge_engine_event_kind kind, uint64_t id, const char *who)
{
    const struct kedge_engine_event event = {.kind = kind, .who = who, .rollout_id = id};
    return handle(&event) == KEDGE_OK;
}

static void give_up(const struct kedge_rollout *rollout)
{
    INVARIANT(rollout->windows[0] != '\0' || rollout->gate_windows[0] != '\0',
              "rollout %" PRIu64 " cannot be started", rollout->id);
    INVARIANT(asked(KEDGE_EVENT_ROLLOUT_ABORT, rollout->id, "alice"), "nobody can abort it");
}

static void help_rollout(uint64_t id, unsigned round)
{
    const struct kedge_rollout *rollout = &w->seen.rollouts[id];
    if (!rollout_exists(id) || kedge_rollout_state_ended(rollout->state))
        return;
    while (w->draft.rollout_id == id && !w->cut)
        do_add();
    (void)asked(KEDGE_EVENT_ROLLOUT_APPROVE, id, "bob"); /* where it waits for that */
    if (round == ROUND_CLOSES)
        (void)asked(KEDGE_EVENT_ROLLOUT_CLOSE, id, "alice");
    if (rollout->state == KEDGE_ROLLOUT_PAUSED)
        INVARIANT(asked(KEDGE_EVENT_ROLLOUT_RESUME, id, "alice"), "nobody can resume it");
    if (rollout->state == KEDGE_ROLLOUT_READY && chance(30) &&
        !asked(KEDGE_EVENT_ROLLOUT_START, id, "alice"))
        give_up(rollout);
    if (rollout->state == KEDGE_ROLLOUT_WAITING_FOR_APPROVAL && chance(30))
        give_up(rollout);
}

static void help_device(struct device *device)
{
    if (!device->dead && (!device->present || device->asleep || device->untold)) {
        device->present = true;
        device->asleep = false;
        tell(device);
    }
    make_durable(w->queued);
    work(device);
    crash_where_cut();
}

static bool all_have_ended(void)
{
    for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++)
        if (rollout_exists(id) && !kedge_rollout_state_ended(w->seen.rollouts[id].state))
            return false;
    return true;
}

/* Without a deadline, a rollout waits for whoever never comes, and for a rollout that does so and
 * goes first with one of its devices. Priorities rise on that way, so it ends. */
static bool waits_for_the_dead(const struct kedge_rollout *rollout)
{
    for (uint32_t i = 0; rollout->deadline_at_ms == 0 && i < w->device_count; i++) {
        const struct kedge_deployment *record = deployment_of(rollout->id, &w->devices[i]);
        if (record == NULL || record->state != KEDGE_DEPLOYMENT_PENDING)
            continue;
        const struct kedge_deployment *first = goes_first(record);
        if (w->devices[i].dead ||
            (first != NULL && waits_for_the_dead(&w->seen.rollouts[first->rollout_id])))
            return true;
    }
    return false;
}

void everything_ends(void)
{
    say("from here on everybody answers, approves and resumes until all has ended");
    unsigned idle = 0;
    for (unsigned round = 0; idle < IDLE_ROUNDS_MAX && !all_have_ended(); round++) {
        uint64_t commits = w->commits;
        for (uint64_t id = 1; id <= w->seen.last.rollout_id; id++) {
            help_rollout(id, round);
            crash_where_cut();
        }
        make_durable(w->queued);
        crash_where_cut();
        for (uint32_t i = 0; i < w->device_count; i++)
            help_device(&w->devices[i]);
        pass_time(random_number() % (round < ROUND_CLOSES ? 200000u : 4 * 3600000u), true);
        crash_where_cut();
        idle = round > ROUND_CLOSES && w->commits == commits ? idle + 1 : 0;
    }
    make_durable(w->queued);
    crash_where_cut();
    for (uint64_t id = 1; id <= w->seen.last.deployment_id; id++) {
        const struct kedge_deployment *record = &w->seen.deployments[id];
        if (record->id == 0 || kedge_deployment_state_ended(record->state))
            continue;
        const struct kedge_rollout *rollout = &w->seen.rollouts[record->rollout_id];
        check_reason(record);
        INVARIANT(record->state == KEDGE_DEPLOYMENT_PENDING && waits_for_the_dead(rollout),
                  "deployment %" PRIu64 " of the %s rollout %" PRIu64 " never ended, it is %s", id,
                  kedge_rollout_state_name(rollout->state), rollout->id,
                  kedge_deployment_state_name(record->state));
    }
}
