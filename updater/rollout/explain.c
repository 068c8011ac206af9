/*
 * explain.c: "why is it where it is, and what is it waiting for?" in one sentence with figures.
 */
#include "updater/rollout/engine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void say(char text[KEDGE_EXPLANATION_MAX],
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, KEDGE_EXPLANATION_MAX, format, arguments);
    va_end(arguments);
}

static const char *devices(uint64_t count)
{
    return kedge_by_count(count, "device", "devices");
}

static const char *devices_are(uint64_t count)
{
    return kedge_by_count(count, "device is", "devices are");
}

static uint64_t span_s(uint64_t from_ms, uint64_t to_ms)
{
    return to_ms > from_ms ? (to_ms - from_ms) / 1000 : 0;
}

/* ---- deployments ---- */

void kedge_deployment_explain(const struct kedge_deployment *record,
                              char text[KEDGE_EXPLANATION_MAX])
{
    const char *state = kedge_deployment_state_name(record->state);
    if (record->reason[0] != '\0')
        say(text, "%s: %s", state, record->reason);
    else
        say(text, "%s", state);
}

/* Until when a device that sleeps is expected; "" when nobody can tell. */
static const char *expectation(const struct device_node *device, uint64_t now_ms, char text[64])
{
    text[0] = '\0';
    if (device->expected_at_ms > now_ms)
        (void)snprintf(text, 64, ", which is expected within %" PRIu64 " s",
                       span_s(now_ms, device->expected_at_ms));
    else if (device->expected_at_ms != 0)
        (void)snprintf(text, 64, ", which was expected %" PRIu64 " s ago",
                       span_s(device->expected_at_ms, now_ms));
    return text;
}

/* False: its window is open, and something else is what it waits for. */
static bool explain_held(const struct kedge_engine *engine, const struct deployment_node *node,
                         uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    char window[ENGINE_OPENING_MAX];
    const struct rollout_node *rollout = node->group->rollout;
    uint64_t since_s = span_s(node->changed_at_ms, now_ms);
    bool open = engine_say_window(engine, node, now_ms, window);
    if (rollout->record.state == KEDGE_ROLLOUT_PAUSED)
        say(text, "downloaded for %" PRIu64 " s: the rollout is paused (%s); its window %s",
            since_s, rollout->record.reason, window);
    else if (!open)
        say(text, "downloaded for %" PRIu64 " s: waits for its window, which %s", since_s, window);
    else if (node->queued)
        say(text,
            "downloaded for %" PRIu64 " s: its window %s, and it waits for a place: %" PRIu32
            " of at most %" PRIu32 " %s in flight",
            since_s, window, rollout->placed, rollout->record.policy.in_flight_max,
            devices_are(rollout->record.policy.in_flight_max));
    return rollout->record.state == KEDGE_ROLLOUT_PAUSED || !open || node->queued;
}

static void explain_busy(const struct kedge_engine *engine, const struct deployment_node *node,
                         uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    const char *state = kedge_deployment_state_name(node->state);
    uint64_t since_s = span_s(node->changed_at_ms, now_ms);
    const char *reason = node->reason == NULL ? "no more was said" : node->reason;
    bool asleep = node->device->present && node->device->asleep;
    const struct sleep_words *words = engine_sleep_words(node->device);
    char when[64], slow[96] = "";
    if (node->slowed)
        (void)snprintf(slow, sizeof(slow),
                       "; waits for the server's download rate, %" PRIu64
                       " bytes a second for all devices",
                       engine->download_bytes_per_s);
    if (node->held && explain_held(engine, node, now_ms, text))
        return;
    if (asleep)
        say(text,
            "%s for %" PRIu64 " s: the device %s, and holds no place; it goes on when it %s%s "
            "(before that: %s)",
            state, since_s, words->is, words->wakes, expectation(node->device, now_ms, when),
            reason);
    else if (!node->attended)
        say(text,
            "%s when the server was restarted; goes on as soon as the device is registered and "
            "awake, and times out in %" PRIu64 " s if it is not",
            state, span_s(now_ms, node->wait_timer.at_ms));
    else if (node->state == KEDGE_DEPLOYMENT_DOWNLOADING && node->bytes_total > 0)
        say(text, "%s for %" PRIu64 " s: %" PRIu64 " of %" PRIu64 " bytes%s", state, since_s,
            node->bytes_done, node->bytes_total, slow);
    else
        say(text, "%s for %" PRIu64 " s: %s", state, since_s, reason);
}

/* What a pending deployment of a running group waits for. */
static void explain_device(const struct kedge_engine *engine, const struct deployment_node *node,
                           uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    char when[64], window[ENGINE_OPENING_MAX];
    const struct device_node *device = node->device;
    const struct rollout_node *rollout = node->group->rollout;
    const struct deployment_node *first = engine_goes_first(node);
    const struct deployment_node *newer = engine_superseding(node);
    if (device->working != NULL)
        say(text, "pending: the device is still at work for rollout %" PRIu64 " (%s)",
            device->working->group->record.rollout_id,
            kedge_deployment_state_name(device->working->state));
    else if (first != NULL)
        say(text,
            "pending: rollout %" PRIu64 " goes first with this device, whose part in it is %s: its "
            "priority is %" PRIu32 ", and that of this one %" PRIu32,
            first->group->record.rollout_id, kedge_deployment_state_name(first->state),
            first->group->rollout->record.policy.priority, rollout->record.policy.priority);
    else if (newer != NULL)
        say(text, "pending: rollout %" PRIu64 ", which is newer, is taking the device over",
            newer->group->record.rollout_id);
    else if (!device->present)
        say(text, "pending: the device is not registered");
    else if (!engine_device_fits(device, rollout))
        say(text, "pending: the device says vendor %s, class %s now; the package is for %s, %s",
            device->vendor == NULL ? "?" : device->vendor,
            device->class_name == NULL ? "?" : device->class_name, rollout->record.vendor,
            rollout->record.class_name);
    else if (device->asleep)
        say(text, "pending: the device %s; it is offered the package when it %s%s",
            engine_sleep_words(device)->is, engine_sleep_words(device)->wakes,
            expectation(device, now_ms, when));
    else if (node->retry_at_ms > now_ms)
        say(text, "pending: waits for its next attempt");
    else if (rollout->record.download_in_window && rollout->timing != NULL &&
             !engine_say_window(engine, node, now_ms, window))
        say(text, "pending: waits for its window, which %s", window);
    else if (rollout->placed < rollout->record.policy.in_flight_max &&
             rollout->record.policy.offers_per_minute == 0)
        say(text,
            "pending: waits for its turn, the package is offered to %" PRIu32 " %s at a time",
            engine->slice_moves, devices(engine->slice_moves));
    else if (rollout->placed < rollout->record.policy.in_flight_max)
        say(text,
            "pending: waits for its turn, %" PRIu32
            " %s offered the package now, and the next one in %" PRIu64 " s",
            engine_offers_per_minute(rollout),
            kedge_by_count(engine_offers_per_minute(rollout), "device a minute is",
                           "devices a minute are"),
            span_s(now_ms, rollout->offer_timer.at_ms));
    else
        say(text, "pending: waits for a place, %" PRIu32 " of at most %" PRIu32 " %s in flight",
            rollout->placed, rollout->record.policy.in_flight_max,
            devices_are(rollout->record.policy.in_flight_max));
}

/* Of one that has had an attempt: when the next one is due, and what became of the last. */
static void explain_attempt(const struct deployment_node *node, uint64_t now_ms,
                            char text[KEDGE_EXPLANATION_MAX])
{
    unsigned next = engine_retries(node) + 1;
    size_t used = strlen(text);
    if (next == 1)
        return;
    if (node->retry_at_ms > now_ms)
        (void)snprintf(text + used, KEDGE_EXPLANATION_MAX - used,
                       "; attempt %u is due in %" PRIu64 " s (%s)", next,
                       span_s(now_ms, node->retry_at_ms), node->reason);
    else
        (void)snprintf(text + used, KEDGE_EXPLANATION_MAX - used, "; attempt %u is due (%s)", next,
                       node->reason);
}

/* Of one that goes through an intermediate version. */
static void add_step(const struct deployment_node *node, char text[KEDGE_EXPLANATION_MAX])
{
    char step[ENGINE_STEP_MAX];
    size_t used = strlen(text);
    if (node->state == KEDGE_DEPLOYMENT_PENDING && node->group->record.state != KEDGE_GROUP_RUNNING)
        return; /* which one comes is seen when it is its turn */
    if (strstr(text, engine_step_words(node, step)) == NULL) /* the offer itself has said it */
        (void)snprintf(text + used, KEDGE_EXPLANATION_MAX - used, "%s", step);
}

static void explain_pending(const struct kedge_engine *engine, const struct deployment_node *node,
                            uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    const struct kedge_rollout *rollout = &node->group->rollout->record;
    if (rollout->state == KEDGE_ROLLOUT_PAUSED)
        say(text, "pending: the rollout is paused (%s)", rollout->reason);
    else if (rollout->state == KEDGE_ROLLOUT_ABORTING ||
             rollout->state == KEDGE_ROLLOUT_ROLLING_BACK)
        say(text, "pending: the rollout is %s, its devices are canceled one after the other",
            kedge_rollout_state_name(rollout->state));
    else if (rollout->state == KEDGE_ROLLOUT_DRAFT)
        say(text, "pending: the rollout is being created, %" PRIu32 " of %" PRIu32 " %s written",
            engine_devices_written(node->group->rollout), rollout->device_count,
            devices_are(rollout->device_count));
    else if (rollout->state != KEDGE_ROLLOUT_RUNNING)
        say(text, "pending: the rollout is %s and has not been started",
            kedge_rollout_state_name(rollout->state));
    else if (node->group->rollout->sweep.kind == SWEEP_CLAIM)
        say(text, "pending: the rollout begins, and takes its devices over from others one after "
                  "the other");
    else if (node->group->record.state == KEDGE_GROUP_SCHEDULED && node->group->record.index == 0)
        say(text, "pending: the first group has not begun");
    else if (node->group->record.state == KEDGE_GROUP_SCHEDULED)
        say(text, "pending: group %" PRIu32 " starts after the gate of group %" PRIu32,
            node->group->record.index + 1, node->group->record.index);
    else
        explain_device(engine, node, now_ms, text);
    explain_attempt(node, now_ms, text);
    add_step(node, text);
    size_t used = strlen(text);
    if (rollout->deadline_at_ms != 0)
        (void)snprintf(text + used, KEDGE_EXPLANATION_MAX - used,
                       "; the deadline is in %" PRIu64 " s",
                       span_s(now_ms, rollout->deadline_at_ms));
}

enum kedge_rc kedge_engine_explain_deployment(const struct kedge_engine *engine,
                                              uint64_t deployment_id, uint64_t now_ms,
                                              char text[KEDGE_EXPLANATION_MAX])
{
    const struct deployment_node *node = engine_deployment(engine, deployment_id);
    if (node == NULL)
        return KEDGE_E_NOT_FOUND;
    if (node->state == KEDGE_DEPLOYMENT_PENDING) {
        explain_pending(engine, node, now_ms, text);
        return KEDGE_OK;
    }
    if (kedge_deployment_state_busy(node->state)) {
        explain_busy(engine, node, now_ms, text);
        add_step(node, text);
        return KEDGE_OK;
    }
    struct kedge_deployment record;
    engine_deployment_record(node, &record);
    kedge_deployment_explain(&record, text);
    return KEDGE_OK;
}

/* ---- groups ---- */

static uint32_t group_in_flight(const struct group_node *group)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        if (kedge_deployment_state_busy((enum kedge_deployment_state)i))
            sum += group->record.counts[i];
    return sum;
}

/* Of the group that runs: those of its rollout, whose groups go one after the other. */
static const char *sleepers(const struct group_node *group, char text[48])
{
    uint32_t count = group->rollout->busy - group->rollout->placed - engine_held(group->rollout);
    text[0] = '\0';
    if (count > 0)
        (void)snprintf(text, 48, " (%" PRIu32 " of them asleep, without a place)", count);
    return text;
}

static void explain_going_on(const struct kedge_engine *engine, const struct group_node *group,
                             uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    const struct kedge_group *record = &group->record;
    const struct kedge_rollout *rollout = &group->rollout->record;
    uint32_t number = record->index + 1;
    const char *state = kedge_group_state_name(record->state);
    uint32_t in_flight = group_in_flight(group);
    uint32_t pending = record->counts[KEDGE_DEPLOYMENT_PENDING];
    char asleep[48], held[ENGINE_OPENING_MAX], window[ENGINE_OPENING_MAX];
    engine_say_held(group->rollout, now_ms, held);
    if (record->state == KEDGE_GROUP_SCHEDULED && number > group->rollout->current + 1)
        say(text, "group %" PRIu32 " is %s: it starts after the gate of group %" PRIu32, number,
            state, number - 1);
    else if (record->state == KEDGE_GROUP_SCHEDULED && group->rollout->sweep.kind == SWEEP_CLAIM)
        say(text,
            "group %" PRIu32 " is %s: it starts when the rollout has taken its devices over from "
            "others",
            number, state);
    else if (record->state == KEDGE_GROUP_SCHEDULED)
        say(text, "group %" PRIu32 " is %s: it starts when the rollout, now %s, runs", number,
            state, kedge_rollout_state_name(rollout->state));
    else if (record->state == KEDGE_GROUP_RUNNING && group->open == 0 && engine_may_grow(group))
        say(text,
            "group %" PRIu32 " is %s: %s %" PRIu32
            " %s done, and it waits for "
            "others that come to match, until somebody closes the rollout",
            number, state, kedge_by_count(group->size, "its", "all"), group->size,
            kedge_by_count(group->size, "device that joined is", "devices that joined are"));
    else if (record->state == KEDGE_GROUP_RUNNING)
        say(text,
            "group %" PRIu32 " is %s: of %" PRIu32 " %s %" PRIu32 " succeeded, %" PRIu32
            " ended in error (more than %" PRIu32 " %% would %s the rollout), %" PRIu32
            " %s in flight%s%s, %" PRIu32 " %s pending",
            number, state, group->size, devices(group->size),
            record->counts[KEDGE_DEPLOYMENT_SUCCEEDED], record->errors,
            engine_error_threshold_percent(group),
            kedge_error_action_name(rollout->policy.error_action), in_flight,
            kedge_by_count(in_flight, "is", "are"), sleepers(group, asleep), held, pending,
            kedge_by_count(pending, "is", "are"));
    else if (record->state == KEDGE_GROUP_WAITING_FOR_GATE && engine_gate_needs_approval(group))
        say(text,
            "group %" PRIu32 " is %s: %" PRIu32 " of %" PRIu32
            " %s succeeded, and somebody other than %s must approve that group %" PRIu32 " begins",
            number, state, record->counts[KEDGE_DEPLOYMENT_SUCCEEDED], group->size,
            devices(group->size), rollout->author, number + 1);
    else if (record->state == KEDGE_GROUP_WAITING_FOR_GATE &&
             !engine_say_gate_window(engine, group, now_ms, window))
        say(text,
            "group %" PRIu32 " is %s: %" PRIu32 " of %" PRIu32
            " %s succeeded, and the window of the gates %s",
            number, state, record->counts[KEDGE_DEPLOYMENT_SUCCEEDED], group->size,
            devices(group->size), window);
    else if (record->state == KEDGE_GROUP_SOAKING)
        say(text, "group %" PRIu32 " is %s: its gate is judged in %" PRIu64 " s", number, state,
            span_s(now_ms, record->soak_until_ms));
    else
        say(text, "group %" PRIu32 " is %s: %s", number, state, record->reason);
}

/* A paused rollout lets a soak pass, but judges no gate and begins with nobody. */
static void explain_paused_group(const struct kedge_engine *engine, const struct group_node *group,
                                 uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    const struct kedge_group *record = &group->record;
    if (record->state == KEDGE_GROUP_SOAKING) {
        say(text,
            "group %" PRIu32 " is %s for another %" PRIu64
            " s: the rollout is paused, and its gate is judged after that and when somebody has "
            "resumed it",
            record->index + 1, kedge_group_state_name(record->state),
            span_s(now_ms, record->soak_until_ms));
        return;
    }
    explain_going_on(engine, group, now_ms, text);
    size_t used = strlen(text);
    if (record->state == KEDGE_GROUP_RUNNING || record->state == KEDGE_GROUP_WAITING_FOR_GATE)
        (void)snprintf(
            text + used, KEDGE_EXPLANATION_MAX - used,
            "; the rollout is paused, and it goes no further before somebody resumes it");
}

static void explain_ending_group(const struct group_node *group, char text[KEDGE_EXPLANATION_MAX])
{
    const struct rollout_node *rollout = group->rollout;
    bool is_canceling = rollout->sweep.kind == SWEEP_CANCEL;
    uint32_t left = is_canceling ? group->open : rollout->busy;
    const char *come_first =
        is_canceling
            ? kedge_by_count(left,
                             "device of it is canceled, or done where it is installing already",
                             "devices of it are canceled, or done where they are installing "
                             "already")
            : kedge_by_count(left, "device that is installing already is done",
                             "devices that are installing already are done");
    say(text,
        "group %" PRIu32 " is %s: the rollout is %s, and the group ends with it, when %" PRIu32
        " %s",
        group->record.index + 1, kedge_group_state_name(group->record.state),
        kedge_rollout_state_name(rollout->record.state), left, come_first);
}

static void explain_group(const struct kedge_engine *engine, const struct group_node *group,
                          uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    enum kedge_rollout_state state = group->rollout->record.state;
    bool ended = kedge_group_state_ended(group->record.state);
    if (!ended && state == KEDGE_ROLLOUT_PAUSED)
        explain_paused_group(engine, group, now_ms, text);
    else if (!ended && (state == KEDGE_ROLLOUT_ABORTING || state == KEDGE_ROLLOUT_ROLLING_BACK))
        explain_ending_group(group, text);
    else
        explain_going_on(engine, group, now_ms, text);
}

enum kedge_rc kedge_engine_explain_group(const struct kedge_engine *engine, uint64_t rollout_id,
                                         uint32_t index, uint64_t now_ms,
                                         char text[KEDGE_EXPLANATION_MAX])
{
    const struct rollout_node *rollout = engine_rollout(engine, rollout_id);
    if (rollout == NULL || index >= rollout->record.group_count)
        return KEDGE_E_NOT_FOUND;
    explain_group(engine, &rollout->groups[index], now_ms, text);
    return KEDGE_OK;
}

/* ---- rollouts ---- */

static const char *devices_that_are(uint64_t count)
{
    return kedge_by_count(count, "device that is", "devices that are");
}

static void explain_rolling_back(const struct kedge_engine *engine,
                                 const struct rollout_node *rollout, uint64_t now_ms,
                                 char text[KEDGE_EXPLANATION_MAX])
{
    const struct kedge_rollout *record = &rollout->record;
    const char *state = kedge_rollout_state_name(record->state);
    const struct rollout_node *revert = engine_rollout(engine, record->revert_rollout_id);
    char group[KEDGE_EXPLANATION_MAX];
    if (revert == NULL) {
        say(text,
            "%s: %s; waits for %" PRIu32 " %s installing already, before those that moved are "
            "offered version %s",
            state, record->reason, rollout->busy, devices_that_are(rollout->busy),
            record->revert_version);
        return;
    }
    explain_group(engine, &revert->groups[0], now_ms, group);
    say(text,
        "%s: %.120s; rollout %" PRIu64 ", %s, takes those that moved back to version %s: %.250s",
        state, record->reason, revert->record.id, kedge_rollout_state_name(revert->record.state),
        record->revert_version, group);
}

/* Before all have been looked at nobody can say who of them is installing. */
static void explain_aborting(const struct rollout_node *rollout, char text[KEDGE_EXPLANATION_MAX])
{
    const struct kedge_rollout *record = &rollout->record;
    const char *state = kedge_rollout_state_name(record->state);
    uint32_t open = 0;
    for (uint32_t i = 0; i < record->group_count; i++)
        open += rollout->groups[i].open;
    if (rollout->sweep.kind == SWEEP_CANCEL)
        say(text,
            "%s: %s; %" PRIu32 " %s still to be canceled, or waited for where %s installing "
            "already",
            state, record->reason, open, devices_are(open),
            kedge_by_count(open, "it is", "they are"));
    else
        say(text, "%s: %s; waits for %" PRIu32 " %s installing already", state, record->reason,
            rollout->busy, devices_that_are(rollout->busy));
}

static void explain_aborted(const struct rollout_node *rollout, char text[KEDGE_EXPLANATION_MAX])
{
    const struct kedge_rollout *record = &rollout->record;
    uint32_t succeeded = 0, errors = 0;
    for (uint32_t i = 0; i < record->group_count; i++) {
        succeeded += rollout->groups[i].record.counts[KEDGE_DEPLOYMENT_SUCCEEDED];
        errors += rollout->groups[i].record.errors;
    }
    say(text,
        "%s: %s; of %" PRIu32 " %s %" PRIu32 " had succeeded, and %" PRIu32 " had ended in error",
        kedge_rollout_state_name(record->state), record->reason, record->device_count,
        devices(record->device_count), succeeded, errors);
}

/* Unless its reason says so already: who approves it starts nothing. */
static const char *waits_for_its_start(const struct kedge_rollout *record)
{
    static const char words[] = "; waiting to be started";
    bool waits = record->state == KEDGE_ROLLOUT_READY && record->start_at_ms == 0;
    return waits && strstr(record->reason, words) == NULL ? words : "";
}

static void explain_not_started(const struct rollout_node *rollout, uint64_t now_ms,
                                char text[KEDGE_EXPLANATION_MAX])
{
    const struct kedge_rollout *record = &rollout->record;
    char start[ENGINE_OPENING_MAX];
    engine_say_start(rollout, now_ms, start);
    say(text, "%s: %s%s%s, with %" PRIu32 " %s in %" PRIu32 " %s",
        kedge_rollout_state_name(record->state), record->reason, waits_for_its_start(record), start,
        record->device_count, devices(record->device_count), record->group_count,
        kedge_by_count(record->group_count, "group", "groups"));
}

enum kedge_rc kedge_engine_explain_rollout(const struct kedge_engine *engine, uint64_t rollout_id,
                                           uint64_t now_ms, char text[KEDGE_EXPLANATION_MAX])
{
    const struct rollout_node *rollout = engine_rollout(engine, rollout_id);
    if (rollout == NULL)
        return KEDGE_E_NOT_FOUND;
    const struct kedge_rollout *record = &rollout->record;
    const char *state = kedge_rollout_state_name(record->state);
    char group[KEDGE_EXPLANATION_MAX];
    switch (record->state) {
    case KEDGE_ROLLOUT_DRAFT:
        say(text, "%s: being created, %" PRIu32 " of %" PRIu32 " %s written", state,
            engine_devices_written(rollout), record->device_count,
            devices_are(record->device_count));
        return KEDGE_OK;
    case KEDGE_ROLLOUT_RUNNING:
        if (rollout->current >= record->group_count)
            break;
        explain_group(engine, &rollout->groups[rollout->current], now_ms, group);
        say(text, "%s: %.480s", state, group);
        return KEDGE_OK;
    case KEDGE_ROLLOUT_PAUSED:
        say(text,
            "%s: %s; %" PRIu32 " %s on, and nobody new is offered the package before somebody "
            "resumes the rollout",
            state, record->reason, rollout->busy,
            kedge_by_count(rollout->busy, "device in flight goes", "devices in flight go"));
        return KEDGE_OK;
    case KEDGE_ROLLOUT_ABORTING:
        explain_aborting(rollout, text);
        return KEDGE_OK;
    case KEDGE_ROLLOUT_ROLLING_BACK:
        explain_rolling_back(engine, rollout, now_ms, text);
        return KEDGE_OK;
    case KEDGE_ROLLOUT_ABORTED:
        explain_aborted(rollout, text);
        return KEDGE_OK;
    default:
        break;
    }
    if (record->started_at_ms == 0 && !kedge_rollout_state_ended(record->state)) {
        explain_not_started(rollout, now_ms, text);
        return KEDGE_OK;
    }
    say(text, "%s: %s", state, record->reason);
    return KEDGE_OK;
}
