/*
 * rules.c: what the server's own rules do to rollouts and groups, for the audit log: as who pauses
 * a rollout stands there, so does that too many errors have paused it.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* As what a person does: see engine.c. */
static const char *const rollout_rules[KEDGE_ROLLOUT_EVENT_COUNT] = {
    [KEDGE_ON_START] = "rollout.start",
    [KEDGE_ON_PAUSE] = "rollout.pause",
    [KEDGE_ON_RESUME] = "rollout.resume",
    [KEDGE_ON_ABORT] = "rollout.abort",
    [KEDGE_ON_ROLL_BACK] = "rollout.roll_back",
    [KEDGE_ON_APPROVE] = "rollout.approve",
    [KEDGE_ON_ERRORS_PAUSE] = "rollout.pause",
    [KEDGE_ON_ERRORS_ABORT] = "rollout.abort",
    [KEDGE_ON_ERRORS_ROLL_BACK] = "rollout.roll_back",
    [KEDGE_ON_DRAINED] = "rollout.drained",
    [KEDGE_ON_GROUPS_DONE] = "rollout.finish",
    [KEDGE_ON_MADE] = "rollout.made",
    [KEDGE_ON_MADE_TO_APPROVE] = "rollout.made",
    [KEDGE_ON_REVERTED] = "rollout.reverted",
};

/* NULL: nobody decides it. Devices are done, time has passed, or the whole rollout was stopped. */
static const char *const group_rules[KEDGE_GROUP_EVENT_COUNT] = {
    [KEDGE_ON_GROUP_START] = "group.start",
    [KEDGE_ON_GATE_PASSED] = "gate.pass",
    [KEDGE_ON_GATE_FAILED] = "gate.fail",
};

/* What a person asks for is audited where it was asked, with all that follows from it at once. */
static bool is_rule(const struct kedge_engine *engine)
{
    return strcmp(engine->who, "server") == 0 || strcmp(engine->who, "device") == 0;
}

/* However it came to know: by a device's report, too. */
static enum kedge_rc audit_as_server(struct kedge_engine *engine, const char *what,
                                     uint64_t rollout_id, const char *before, const char *after)
{
    const char *who = engine->who;
    engine->who = "server";
    enum kedge_rc rc = engine_audit(engine, what, rollout_id, before, after);
    engine->who = who;
    return rc;
}

enum kedge_rc engine_audit_rollout(struct kedge_engine *engine, enum kedge_rollout_event event,
                                   const struct kedge_history_entry *entry, const char *text)
{
    char after[sizeof(entry->to) + KEDGE_REASON_MAX + 3];
    if (!is_rule(engine))
        return KEDGE_OK;
    (void)snprintf(after, sizeof(after), "%s: %.*s", entry->to, (int)KEDGE_REASON_MAX, text);
    return audit_as_server(engine, rollout_rules[event], entry->rollout_id, entry->from, after);
}

enum kedge_rc engine_audit_group(struct kedge_engine *engine, enum kedge_group_event event,
                                 const struct kedge_history_entry *entry, const char *text)
{
    char before[64], after[64 + KEDGE_REASON_MAX];
    if (group_rules[event] == NULL || !is_rule(engine))
        return KEDGE_OK;
    uint64_t number = (uint64_t)entry->group_index + 1;
    (void)snprintf(before, sizeof(before), "group %" PRIu64 " %s", number, entry->from);
    (void)snprintf(after, sizeof(after), "group %" PRIu64 " %s: %.*s", number, entry->to,
                   (int)KEDGE_REASON_MAX, text);
    return audit_as_server(engine, group_rules[event], entry->rollout_id, before, after);
}
