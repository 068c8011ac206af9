/*
 * slice.c: what concerns all devices of a rollout is done a slice at a time, so that a rollout over
 * a million of them holds nobody up: whose devices it takes when it begins, who may be offered the
 * package when a group begins, the offers, what is canceled by an abort or ended by the deadline,
 * and what is let go at the end.
 *
 * Method: a rollout has so much work to spend in each span of time; what is left over waits for a
 * timer. A sweep goes over the deployments in the order of their ids and remembers where it is. It
 * need not survive a crash: every sweep follows from the records, may go over a deployment twice,
 * and is begun anew when they are loaded.
 */
#include "updater/rollout/engine.h"

/* With its records a move costs some ten microseconds, and a look at a deployment a sixteenth. */
#define MOVE_COST 16u
#define LOOK_COST 1u
#define DROP_COST 2u
#define SLICES_APART_MS 5u

void kedge_engine_set_slice(struct kedge_engine *engine, uint32_t moves)
{
    engine->slice_moves = moves > 0 ? moves : 1;
}

static bool spend(struct kedge_engine *engine, struct rollout_node *rollout, uint32_t cost)
{
    uint64_t ends_at_ms = rollout->slice_ends_at_ms;
    if (engine->now_ms >= ends_at_ms || engine->now_ms + SLICES_APART_MS < ends_at_ms) {
        rollout->slice_left = engine->slice_moves * MOVE_COST;
        rollout->slice_ends_at_ms = engine->now_ms + SLICES_APART_MS;
    }
    if (rollout->slice_left == 0)
        return false;
    rollout->slice_left -= cost < rollout->slice_left ? cost : rollout->slice_left;
    return true;
}

static enum kedge_rc take(struct kedge_engine *engine, struct rollout_node *rollout, uint32_t cost,
                          bool *taken)
{
    *taken = spend(engine, rollout, cost);
    return *taken
               ? KEDGE_OK
               : kedge_timer_set(&engine->timers, &rollout->slice_timer, rollout->slice_ends_at_ms);
}

enum kedge_rc engine_take_move(struct kedge_engine *engine, struct rollout_node *rollout,
                               bool *taken)
{
    return take(engine, rollout, MOVE_COST, taken);
}

/* ---- sweeps ---- */

void engine_begin_sweep(struct kedge_engine *engine, struct rollout_node *rollout,
                        enum sweep_kind kind)
{
    /* A group that begins concerns that group; what is canceled cannot be ended otherwise. */
    uint32_t group = kind == SWEEP_REVIEW ? rollout->current : 0;
    if (rollout->sweep.kind > kind)
        return;
    rollout->sweep = (struct sweep){
        .kind = kind, .group_index = group, .next = rollout->groups[group].deployments};
    engine_unsettle(engine, rollout);
}

void engine_end_sweep(struct kedge_engine *engine, struct rollout_node *rollout)
{
    rollout->sweep.kind = SWEEP_NONE;
    kedge_timer_cancel(&engine->timers, &rollout->slice_timer);
}

static enum kedge_rc cancel(struct kedge_engine *engine, struct deployment_node *node)
{
    const struct rollout_node *rollout = node->group->rollout;
    const char *why = rollout->record.state == KEDGE_ROLLOUT_ROLLING_BACK
                          ? "the rollout is rolled back"
                          : "the rollout was aborted";
    bool busy = kedge_deployment_state_busy(node->state);
    bool moved;
    KEDGE_TRY(engine_move_deployment(engine, node, KEDGE_ON_CANCEL, why, &moved));
    return moved && busy ? engine_command(engine, KEDGE_COMMAND_CANCEL, node) : KEDGE_OK;
}

enum kedge_rc engine_cancel_restarted(struct kedge_engine *engine, struct deployment_node *node)
{
    enum kedge_rollout_state state = node->group->rollout->record.state;
    if (state != KEDGE_ROLLOUT_ABORTING && state != KEDGE_ROLLOUT_ROLLING_BACK)
        return KEDGE_OK;
    engine->who = "server";
    return cancel(engine, node);
}

static enum kedge_rc sweep_one(struct kedge_engine *engine, struct deployment_node *node,
                               enum sweep_kind kind)
{
    switch (kind) {
    case SWEEP_REVIEW:
        return engine_review_deployment(engine, node);
    case SWEEP_CLAIM:
        return engine_claim_device(engine, node);
    case SWEEP_DEADLINE:
        return engine_end_by_deadline(engine, node);
    case SWEEP_CANCEL:
        return cancel(engine, node);
    case SWEEP_DROP:
    case SWEEP_NONE:
        break;
    }
    return KEDGE_OK;
}

static enum kedge_rc drop(struct kedge_engine *engine, struct rollout_node *rollout)
{
    bool taken;
    do {
        KEDGE_TRY(take(engine, rollout, DROP_COST, &taken));
        if (!taken)
            return KEDGE_OK;
    } while (engine_drop_deployment(engine, rollout));
    engine_end_sweep(engine, rollout);
    return KEDGE_OK;
}

/* The next one of the sweep, of this group or a later one; NULL at its end. */
static struct deployment_node *next_of(struct rollout_node *rollout)
{
    struct sweep *sweep = &rollout->sweep;
    while (sweep->next == NULL && sweep->kind != SWEEP_REVIEW &&
           sweep->group_index + 1 < rollout->record.group_count)
        sweep->next = rollout->groups[++sweep->group_index].deployments;
    return sweep->next;
}

/* Nobody who is found to be ready waits until the whole group was looked at; but for the rate,
 * while that has nobody offered anything. */
static bool is_ready(const struct deployment_node *node)
{
    return node->waiting && node->group->rollout->offer_timer.position == 0;
}

enum kedge_rc engine_sweep(struct kedge_engine *engine, struct rollout_node *rollout)
{
    struct deployment_node *node;
    if (rollout->sweep.kind == SWEEP_DROP)
        return drop(engine, rollout);
    while (rollout->sweep.kind != SWEEP_NONE && (node = next_of(rollout)) != NULL) {
        bool taken;
        KEDGE_TRY(take(engine, rollout, LOOK_COST, &taken));
        if (!taken)
            return KEDGE_OK;
        size_t said = engine->output->history_count;
        rollout->sweep.next = node->next_in_group;
        KEDGE_TRY(sweep_one(engine, node, rollout->sweep.kind));
        for (; said < engine->output->history_count; said++) /* every move is, of others too */
            (void)spend(engine, rollout, MOVE_COST);
        if (is_ready(node))
            KEDGE_TRY(engine_fill_places(engine, node->group));
    }
    engine_end_sweep(engine, rollout);
    return KEDGE_OK;
}
