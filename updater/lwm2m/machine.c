/* machine.c: what comes back from a device, what happens to it, and what is done next. */
#include "updater/lwm2m/machine.h"

#include "updater/lwm2m/machine_parts.h"

#include <inttypes.h>
#include <kedge/coap.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t machine_after_s(uint64_t now_ms, uint32_t seconds)
{
    return now_ms + (uint64_t)seconds * 1000u;
}

uint32_t machine_longer(uint32_t limit_s, uint32_t by_s)
{
    return limit_s > UINT32_MAX - by_s ? UINT32_MAX : limit_s + by_s;
}

void machine_limit(struct kedge_machine *machine, uint32_t limit_s, uint64_t now_ms)
{
    machine->limit_s = limit_s;
    uint64_t from_ms = machine->held_until_ms > now_ms ? machine->held_until_ms : now_ms;
    machine->limit_at_ms = machine_after_s(machine_after_s(from_ms, limit_s), machine->away_s);
    machine->returns = 0;
    machine->proven_at_ms = now_ms;
}

/* ---- words and phases ---- */

static void say(struct kedge_machine *machine, const char *format, va_list arguments)
{
    (void)vsnprintf(machine->reason, sizeof machine->reason, format, arguments);
    machine->has_reason = true;
}

void machine_say(struct kedge_machine *machine, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(machine, format, arguments);
    va_end(arguments);
}

void kedge_machine_note(struct kedge_machine *machine, const char *format, ...)
{
    va_list arguments;
    if (machine->ended)
        return;
    va_start(arguments, format);
    say(machine, format, arguments);
    va_end(arguments);
    machine->report_due = true;
}

bool machine_is_busy(uint8_t code)
{
    return code == KEDGE_COAP_UNAVAILABLE || code == KEDGE_COAP_TOO_MANY_REQUESTS;
}

/* "answered 4.05 to ...", or that it did not. */
static void note_answer(struct kedge_machine *machine, uint8_t code, const char *to)
{
    char text[5];
    kedge_coap_code_text(code, text);
    if (code == 0)
        kedge_machine_note(machine, "no answer to %s", to);
    else
        kedge_machine_note(machine, "answered %s to %s", text, to);
}

void machine_enter_phase(struct kedge_machine *machine, enum kedge_update_phase phase)
{
    machine->report_due = machine->report_due || phase != machine->phase;
    machine->phase = phase;
}

const char *machine_state_name(int64_t state)
{
    return state >= 0 && state < KEDGE_FIRMWARE_STATE_COUNT
               ? kedge_firmware_state_name((enum kedge_firmware_state)state)
               : "unknown";
}

const char *machine_result_name(int64_t result)
{
    return kedge_firmware_result_name(result >= 0 && result <= INT32_MAX ? (int)result : -1);
}

/* ---- what comes next ---- */

void machine_schedule(struct kedge_machine *machine, enum kedge_machine_action next, uint64_t at_ms,
                      uint64_t now_ms)
{
    machine->next = next;
    machine->next_at_ms = at_ms;
    if (next == KEDGE_MACHINE_PROBE && machine->news) {
        machine->next_at_ms = now_ms;
        machine->news = false;
    }
}

void machine_watch(struct kedge_machine *machine, uint64_t at_ms, uint64_t now_ms)
{
    if (!machine->observing && !machine->unobservable)
        machine_schedule(machine, KEDGE_MACHINE_OBSERVE, now_ms, now_ms);
    else
        machine_schedule(machine, KEDGE_MACHINE_PROBE, at_ms, now_ms);
}

uint64_t machine_next_poll(const struct kedge_machine *machine, uint64_t now_ms)
{
    uint64_t at_ms = now_ms + (machine->observing ? machine->poll_ms : machine->quick_poll_ms);
    bool soaking = machine->step == KEDGE_STEP_SOAK && machine->soak_until_ms > now_ms;
    return soaking && at_ms > machine->soak_until_ms ? machine->soak_until_ms : at_ms;
}

void machine_end(struct kedge_machine *machine, enum kedge_update_phase phase)
{
    bool explain = phase != KEDGE_UPDATE_SUCCEEDED && phase != KEDGE_UPDATE_TIMED_OUT &&
                   machine->words_wanted && machine->reachable;
    machine->ended = true;
    machine->phase = phase;
    machine->report_due = !explain;
    machine->next = explain ? KEDGE_MACHINE_EXPLAIN : KEDGE_MACHINE_OVER;
    machine->next_at_ms = 0;
}

void machine_look_now(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->ended)
        return;
    if (machine->next == KEDGE_MACHINE_PROBE && !machine->asking)
        machine->next_at_ms = now_ms;
    else
        machine->news = true;
}

static void time_out(struct kedge_machine *machine)
{
    const struct kedge_update_plan *plan = &machine->plan;
    char code[5];
    const char *where = machine->reachable ? "" : "; it is not registered";
    switch (machine->step) {
    case KEDGE_STEP_LOOK:
        kedge_coap_code_text(machine->probe_code, code);
        machine_say(machine, "the device did not take the package within %" PRIu32 " s%s%s%s",
                    machine_longer(plan->offer_limit_s, machine->away_s), where,
                    machine->probe_code != 0 ? "; it last answered " : "",
                    machine->probe_code != 0 ? code : "");
        break;
    case KEDGE_STEP_DOWNLOAD:
        machine_say(machine,
                    "no progress of the download for %" PRIu32 " s, at %" PRIu64 " of %" PRIu64
                    " bytes%s",
                    machine_longer(plan->download_limit_s, machine->away_s), machine->bytes_done,
                    plan->file_size, where);
        break;
    case KEDGE_STEP_EXECUTE:
        machine_say(machine, "no answer to Execute /5/0/2 within %" PRIu32 " s%s",
                    machine_longer(plan->install_limit_s, machine->away_s), where);
        break;
    default:
        if (machine->deferred) {
            machine_say(machine, "put off (Result %" PRId64 ") for longer than it may be",
                        machine->result);
            break;
        }
        machine_say(machine,
                    "not back and confirmed %" PRIu32 " s after %s; last seen: State %" PRId64
                    " (%s), Result %" PRId64 " (%s)%s",
                    machine_longer(plan->verify_limit_s, machine->away_s),
                    machine->executes > 0 ? "Execute" : "it was found so", machine->state,
                    machine_state_name(machine->state), machine->result,
                    machine_result_name(machine->result), where);
        break;
    }
    machine_end(machine, KEDGE_UPDATE_TIMED_OUT);
}

/* ---- answers ---- */

void machine_taken(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->written_at_ms = now_ms;
    machine->result_before = machine->result;
    machine->state = KEDGE_FIRMWARE_DOWNLOADING;
    machine->result = KEDGE_RESULT_INITIAL;
    machine->ours = true;
    machine->back = false;
    machine->step = KEDGE_STEP_DOWNLOAD;
    machine_limit(machine, machine->plan.download_limit_s, now_ms);
    machine_enter_phase(machine, KEDGE_UPDATE_DOWNLOADING);
    machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
}

void kedge_machine_probe_failed(struct kedge_machine *machine, const char *path, uint8_t code,
                                uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    bool is_news = !machine->probe_lost || machine->probe_code != code;
    machine->probe_lost = true;
    machine->probe_code = code;
    /* Not so for 4.01: a device that lost its registration refuses until it has registered again.
     */
    if (code == KEDGE_COAP_NOT_FOUND || code == KEDGE_COAP_METHOD_NOT_ALLOWED) {
        char text[5];
        kedge_coap_code_text(code, text);
        machine_say(machine, "answered %s to a read of %s: it cannot be updated by object 5", text,
                    path);
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    if (is_news)
        note_answer(machine, code, path);
    machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms + machine->quick_poll_ms, now_ms);
}

void kedge_machine_uri_written(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    if (machine_is_busy(code)) {
        note_answer(machine, code, "the Package URI");
        machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms + machine->quick_poll_ms, now_ms);
        return;
    }
    machine->writes++;
    machine->refused = code == KEDGE_COAP_CHANGED ? 0 : code;
    if (code != KEDGE_COAP_CHANGED) {
        note_answer(machine, code, "the Package URI");
        /* Refused, for which it has a Result, or lost: it may have been taken all the same. */
        machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms, now_ms);
        return;
    }
    machine_say(machine, "answered 2.04 to the Package URI");
    machine_taken(machine, now_ms);
}

void kedge_machine_no_uri(struct kedge_machine *machine, const char *reason)
{
    machine->asking = false;
    if (machine->ended)
        return;
    machine_say(machine, "%s", reason);
    machine_end(machine, KEDGE_UPDATE_REJECTED);
}

void kedge_machine_reset_done(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    if (!machine_is_busy(code))
        machine->resets++;
    note_answer(machine, code, "the reset");
    machine->refused = 0;
    machine->push = KEDGE_PUSH_NONE;
    uint64_t pause_ms = code == KEDGE_COAP_CHANGED ? 0 : machine->quick_poll_ms;
    machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms + pause_ms, now_ms);
}

void kedge_machine_observed(struct kedge_machine *machine, bool observing, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    machine->observing = observing;
    machine->unobservable = !observing;
    machine_schedule(machine, KEDGE_MACHINE_PROBE, machine_next_poll(machine, now_ms), now_ms);
}

void kedge_machine_prepared(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->asking = false;
    machine->prepared = true;
    if (!machine->ended)
        machine_schedule(machine, KEDGE_MACHINE_EXECUTE, now_ms, now_ms);
}

void kedge_machine_executed(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    if (code != KEDGE_COAP_CHANGED) {
        note_answer(machine, code, "Execute /5/0/2");
        if (machine_is_busy(code) && machine->executes > 0)
            machine->executes--;
        /* Lost, perhaps together with a restart, or refused: what it looks like decides. */
        uint64_t pause_ms = code == 0 ? 0 : machine->quick_poll_ms;
        machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms + pause_ms, now_ms);
        return;
    }
    machine->step = KEDGE_STEP_AWAIT;
    machine->in_touch = false;
    machine_limit(machine, machine->plan.verify_limit_s, now_ms);
    machine_say(machine, "answered 2.04 to Execute /5/0/2");
    machine_enter_phase(machine, KEDGE_UPDATE_VERIFYING);
    machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
}

void kedge_machine_explained(struct kedge_machine *machine, const char *words)
{
    machine->asking = false;
    if (machine->next != KEDGE_MACHINE_EXPLAIN)
        return;
    size_t used = strlen(machine->reason);
    if (words != NULL && words[0] != '\0')
        (void)snprintf(machine->reason + used, sizeof machine->reason - used, ": %s", words);
    machine->report_due = true;
    machine->next = KEDGE_MACHINE_OVER;
}

/* ---- events ---- */

void kedge_machine_state_noticed(struct kedge_machine *machine, int64_t state, uint64_t now_ms)
{
    /* That it installs is what it was told to do: nothing to look at. */
    if (machine->step == KEDGE_STEP_AWAIT && state == KEDGE_FIRMWARE_UPDATING)
        machine->state = state;
    if (state != machine->state)
        machine_look_now(machine, now_ms);
}

void kedge_machine_result_noticed(struct kedge_machine *machine, int64_t result, uint64_t now_ms)
{
    if (result != machine->result)
        machine_look_now(machine, now_ms);
}

void kedge_machine_fresh_for(struct kedge_machine *machine, uint32_t max_age_s, uint64_t now_ms)
{
    uint64_t until_ms = machine_after_s(now_ms, max_age_s);
    uint64_t soonest_ms = now_ms + machine->quick_poll_ms;
    if (max_age_s == UINT32_MAX)
        machine->fresh_until_ms = UINT64_MAX;
    else
        machine->fresh_until_ms = until_ms > soonest_ms ? until_ms : soonest_ms;
}

void kedge_machine_observation_lost(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->observing = false;
    machine_look_now(machine, now_ms);
}

void kedge_machine_block(struct kedge_machine *machine, uint64_t reach, uint64_t now_ms)
{
    if (machine->ended || machine->step > KEDGE_STEP_DOWNLOAD || reach <= machine->bytes_done)
        return;
    machine->bytes_done = reach;
    if (machine->step != KEDGE_STEP_DOWNLOAD)
        return;
    machine_review_pace(machine, now_ms);
    machine_limit(machine, machine->plan.download_limit_s, now_ms);
    if (reach < machine->plan.file_size && now_ms < machine->told_at_ms + KEDGE_MACHINE_PROGRESS_MS)
        return;
    machine->told_at_ms = now_ms;
    machine->report_due = true;
}

void kedge_machine_is_at_it(struct kedge_machine *machine, uint64_t now_ms)
{
    uint64_t proven_at_ms = machine->proven_at_ms;
    uint64_t shared_ms =
        (uint64_t)machine->plan.download_limit_s * 1000u * KEDGE_MACHINE_SHARED_LIMITS;
    if (machine->ended || machine->step != KEDGE_STEP_DOWNLOAD || !machine->reachable ||
        machine->probe_lost || now_ms - proven_at_ms >= shared_ms)
        return;
    machine_limit(machine, machine->plan.download_limit_s, now_ms);
    machine->proven_at_ms = proven_at_ms;
}

void kedge_machine_registered(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->reachable = machine->back = true;
    machine->observing = machine->unobservable = false;
    machine->asking = false;
    if (machine->ended)
        return;
    bool was_told = machine->step == KEDGE_STEP_EXECUTE && machine->executes > 0;
    if (was_told || machine->step == KEDGE_STEP_AWAIT) {
        if (was_told)
            machine_limit(machine, machine->plan.verify_limit_s, now_ms);
        machine->step = KEDGE_STEP_RETURNED;
        machine_say(machine,
                    machine->executes > 0 ? "registered again after Execute" : "registered again");
        machine->report_due = true;
        machine->phase = KEDGE_UPDATE_VERIFYING;
    }
    machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms, now_ms);
}

void kedge_machine_touched(struct kedge_machine *machine, uint64_t now_ms)
{
    bool was_away = !machine->reachable;
    machine->reachable = true;
    machine->in_touch = true;
    if (was_away || machine->step == KEDGE_STEP_AWAIT)
        machine_look_now(machine, now_ms);
}

void kedge_machine_gone(struct kedge_machine *machine)
{
    machine->reachable = false;
    machine->observing = false;
    if (machine->next != KEDGE_MACHINE_EXPLAIN)
        return;
    machine->next = KEDGE_MACHINE_OVER;
    machine->report_due = true;
}

/* ---- the machine's turn ---- */

void kedge_machine_begin(struct kedge_machine *machine, const struct kedge_update_plan *plan,
                         uint64_t poll_ms, uint64_t quick_poll_ms, bool reachable, uint64_t now_ms)
{
    *machine = (struct kedge_machine){.plan = *plan,
                                      .poll_ms = poll_ms,
                                      .quick_poll_ms = quick_poll_ms,
                                      .reachable = reachable,
                                      .first_look = true,
                                      .words_wanted = true,
                                      .fresh_until_ms = UINT64_MAX,
                                      .state = -1,
                                      .result = KEDGE_UPDATE_NO_RESULT,
                                      .phase = plan->reached};
    switch (plan->reached) {
    case KEDGE_UPDATE_DOWNLOADING:
    case KEDGE_UPDATE_DOWNLOADED:
        machine->step = KEDGE_STEP_DOWNLOAD;
        machine_limit(machine, plan->download_limit_s, now_ms);
        break;
    case KEDGE_UPDATE_INSTALLING:
    case KEDGE_UPDATE_VERIFYING:
        /* Whether it has come back since cannot be known: what it reads then is believed. */
        machine->step = KEDGE_STEP_RETURNED;
        machine_limit(machine, plan->verify_limit_s, now_ms);
        break;
    default:
        machine->step = KEDGE_STEP_LOOK;
        machine_limit(machine, plan->offer_limit_s, now_ms);
        break;
    }
    machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms, now_ms);
}

void kedge_machine_may_be_away(struct kedge_machine *machine, uint32_t away_s, uint64_t now_ms)
{
    uint32_t before_s = machine->away_s;
    machine->away_s = away_s;
    machine->limit_at_ms =
        machine_after_s(machine->limit_at_ms, away_s) - (uint64_t)before_s * 1000u;
    if (away_s >= before_s || machine->returns == KEDGE_MACHINE_TRIES_MAX)
        return;
    uint8_t returns = machine->returns + 1;
    machine_limit(machine, machine->limit_s, now_ms);
    machine->returns = returns;
}

void kedge_machine_check_limit(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->ended || now_ms < machine->limit_at_ms)
        return;
    machine->asking = false;
    time_out(machine);
}

/* The next look does not wait for longer than what is observed holds. */
static uint64_t due_at(const struct kedge_machine *machine)
{
    bool is_watched = machine->next == KEDGE_MACHINE_PROBE && machine->observing;
    return is_watched && machine->fresh_until_ms < machine->next_at_ms ? machine->fresh_until_ms
                                                                       : machine->next_at_ms;
}

enum kedge_machine_action kedge_machine_next(struct kedge_machine *machine, uint64_t now_ms,
                                             uint64_t *wait_ms)
{
    *wait_ms = 0;
    kedge_machine_check_limit(machine, now_ms);
    if (!machine->ended &&
        (machine->next == KEDGE_MACHINE_EXECUTE || machine->next == KEDGE_MACHINE_PREPARE))
        (void)machine_may_install(machine, now_ms);
    uint64_t due_ms = due_at(machine);
    if (!machine->ended && (!machine->reachable || now_ms < due_ms)) {
        uint64_t until_ms = machine->limit_at_ms;
        if (machine->reachable && due_ms < until_ms)
            until_ms = due_ms;
        *wait_ms = until_ms - now_ms;
        return KEDGE_MACHINE_WAIT;
    }
    machine->asking = machine->next != KEDGE_MACHINE_OVER;
    if (machine->next == KEDGE_MACHINE_EXECUTE) {
        machine->executes++;
        machine->back = false;
        machine_say(machine, "Execute /5/0/2 is sent");
        machine_enter_phase(machine, KEDGE_UPDATE_INSTALLING);
    }
    return machine->next;
}

bool kedge_machine_wants_version(int64_t state)
{
    return state == KEDGE_FIRMWARE_IDLE;
}

bool kedge_machine_wants_uri(const struct kedge_machine *machine, int64_t state)
{
    return state != KEDGE_FIRMWARE_IDLE && !machine->ours;
}

bool kedge_machine_holds_package(const struct kedge_machine *machine)
{
    /* What is on its way to it may have got there. One that does not go to Downloading while it is
     * pushed to holds its part all the same. */
    bool being_offered = machine->asking && machine->next == KEDGE_MACHINE_OFFER;
    bool pushed_to = machine->push == KEDGE_PUSH_RUNNING || machine->push == KEDGE_PUSH_HELD_UP;
    return being_offered ||
           (machine->ours && machine->step <= KEDGE_STEP_EXECUTE && machine->executes == 0 &&
            (machine->state != KEDGE_FIRMWARE_IDLE || pushed_to));
}

bool kedge_machine_report(struct kedge_machine *machine, struct kedge_update_report *report)
{
    if (!machine->report_due)
        return false;
    *report = (struct kedge_update_report){
        .phase = machine->phase,
        .update_result = machine->result <= INT32_MAX ? (int)machine->result : INT32_MAX,
        .reason = machine->has_reason ? machine->reason : NULL,
        .bytes_done = machine->bytes_done,
        .bytes_total = machine->plan.file_size,
        .held_bytes_per_s = machine->held_bytes_per_s};
    machine->report_due = false;
    machine->has_reason = false;
    return true;
}
