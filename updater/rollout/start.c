/*
 * start.c: a rollout begins: because a person says so, or at its start time.
 *
 * Its deadline counts from then. One whose windows do not open before it could only run out of
 * time: it is refused when it is created, and what is true then may not be any more when it begins
 * later than was meant, because of an approval, or because the server was down. A person who starts
 * or approves it is refused as well. Where nobody asks, it stays ready, and says why. A rollout that
 * takes devices back waits for its windows then: nobody would start it, and another rollout waits
 * for its end.
 */
#include "updater/rollout/timing.h"

#include <inttypes.h>
#include <stdio.h>

enum kedge_rc engine_start_rollout(struct kedge_engine *engine, struct rollout_node *rollout,
                                   const char *text)
{
    struct kedge_rollout *record = &rollout->record;
    record->started_at_ms = engine_start_moment(engine);
    if (rollout->timing != NULL)
        kedge_timer_cancel(&engine->timers, &rollout->timing->start_timer);
    if (record->policy.deadline_s > 0) {
        record->deadline_at_ms = engine_after_s(engine->now_ms, record->policy.deadline_s);
        KEDGE_TRY(
            kedge_timer_set(&engine->timers, &rollout->deadline_timer, record->deadline_at_ms));
    }
    KEDGE_TRY(engine_move_rollout(engine, rollout, KEDGE_ON_START, text, NULL));
    engine_begin_claims(engine, rollout);
    return KEDGE_OK;
}

/* ---- whether it may ---- */

enum kedge_rc engine_check_start(struct kedge_engine *engine, const struct rollout_node *rollout)
{
    char why[KEDGE_TIMING_TEXT_MAX];
    enum kedge_rc rc =
        kedge_rollout_opening_check(&rollout->record, engine->zones, engine->now_ms, why);
    return rc == KEDGE_OK ? rc : engine_refuse(engine, KEDGE_E_STATE, "%s", why);
}

bool engine_start_is_due(const struct kedge_engine *engine, const struct rollout_node *rollout)
{
    uint64_t at_ms = rollout->record.start_at_ms;
    return at_ms != 0 && engine->now_ms >= at_ms;
}

/* ---- start times ---- */

enum kedge_rc engine_await_start(struct kedge_engine *engine, struct rollout_node *rollout)
{
    enum kedge_rollout_state state = rollout->record.state;
    if (rollout->record.start_at_ms == 0 ||
        (state != KEDGE_ROLLOUT_READY && state != KEDGE_ROLLOUT_WAITING_FOR_APPROVAL))
        return KEDGE_OK;
    return kedge_timer_set(&engine->timers, &rollout->timing->start_timer,
                           rollout->record.start_at_ms);
}

/* It stays as it is, with another start time, or with none any more (0). */
static enum kedge_rc put_off(struct kedge_engine *engine, struct rollout_node *rollout,
                             uint64_t start_at_ms, const char *audit, const char *text)
{
    struct kedge_rollout *record = &rollout->record;
    const char *state = kedge_rollout_state_name(record->state);
    struct kedge_history_entry entry = {.rollout_id = record->id, .group_index = -1};
    engine_copy_text(entry.from, sizeof(entry.from), state);
    engine_copy_text(entry.to, sizeof(entry.to), state);
    kedge_timer_cancel(&engine->timers, &rollout->timing->start_timer);
    record->start_at_ms = start_at_ms;
    engine_copy_text(record->reason, sizeof(record->reason), text);
    engine_rollout_changed(engine, rollout);
    KEDGE_TRY(engine_await_start(engine, rollout));
    KEDGE_TRY(engine_say(engine, &entry, text));
    return engine_audit(engine, audit, record->id, state, text);
}

/* Nothing starts it by itself any more, now or after a restart. */
static enum kedge_rc miss_start(struct kedge_engine *engine, struct rollout_node *rollout,
                                const char *why)
{
    char text[KEDGE_REASON_MAX + 1], at[KEDGE_MOMENT_TEXT_MAX];
    kedge_moment_text(rollout->record.start_at_ms, at);
    (void)snprintf(text, sizeof(text), "not started at its start time, %s: %s", at, why);
    return put_off(engine, rollout, 0, "rollout.start_missed", text);
}

static enum kedge_rc await_windows(struct kedge_engine *engine, struct rollout_node *revert)
{
    char text[KEDGE_REASON_MAX + 1];
    struct kedge_window_state state;
    kedge_windows_state(&revert->timing->windows, engine->zones, NULL, engine->now_ms, &state);
    (void)snprintf(text, sizeof(text),
                   "takes back what rollout %" PRIu64 " had moved, when its windows open: they "
                   "would not before its deadline, %" PRIu32 " s after the start, if it began now",
                   revert->record.reverts_rollout_id, revert->record.policy.deadline_s);
    uint64_t at_ms = state.changes_at_ms == KEDGE_WINDOW_NEVER ? 0 : state.changes_at_ms;
    return put_off(engine, revert, at_ms, "rollout.start_postponed", text);
}

enum kedge_rc engine_start_revert(struct kedge_engine *engine, struct rollout_node *revert,
                                  const char *text)
{
    char why[KEDGE_TIMING_TEXT_MAX];
    bool opens = kedge_rollout_opening_check(&revert->record, engine->zones, engine->now_ms, why) ==
                 KEDGE_OK;
    return opens ? engine_start_rollout(engine, revert, text) : await_windows(engine, revert);
}

enum kedge_rc engine_start_in_time(struct kedge_engine *engine, struct rollout_node *rollout)
{
    const struct kedge_rollout *record = &rollout->record;
    char text[80], at[KEDGE_MOMENT_TEXT_MAX], why[KEDGE_TIMING_TEXT_MAX];
    if (record->state != KEDGE_ROLLOUT_READY || !engine_start_is_due(engine, rollout))
        return KEDGE_OK;
    kedge_moment_text(record->start_at_ms, at);
    if (kedge_rollout_opening_check(record, engine->zones, engine->now_ms, why) != KEDGE_OK)
        return record->reverts_rollout_id == 0 ? miss_start(engine, rollout, why)
                                               : await_windows(engine, rollout);
    (void)snprintf(text, sizeof(text), "started at its start time, %s", at);
    return engine_start_rollout(engine, rollout, text);
}
