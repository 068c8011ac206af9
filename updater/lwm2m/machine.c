/* machine.c: what is done about a device, from what it looks like and from what happened to it. */
#include "updater/lwm2m/machine.h"

#include <inttypes.h>
#include <kedge/coap.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static uint64_t after_s(uint64_t now_ms, uint32_t seconds)
{
    return now_ms + (uint64_t)seconds * 1000u;
}

/* ---- words and phases ---- */

__attribute__((format(printf, 2, 3))) static void say(struct kedge_machine *machine,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(machine->reason, sizeof machine->reason, format, arguments);
    va_end(arguments);
    machine->has_reason = true;
}

static void enter_phase(struct kedge_machine *machine, enum kedge_update_phase phase)
{
    machine->report_due = machine->report_due || phase != machine->phase;
    machine->phase = phase;
}

static const char *state_name(int64_t state)
{
    return state >= 0 && state < KEDGE_FIRMWARE_STATE_COUNT
               ? kedge_firmware_state_name((enum kedge_firmware_state)state)
               : "unknown";
}

static const char *result_name(int64_t result)
{
    return kedge_firmware_result_name(result >= 0 && result <= INT32_MAX ? (int)result : -1);
}

/* ---- what comes next ---- */

static void schedule(struct kedge_machine *machine, enum kedge_machine_action next, uint64_t at_ms,
                     uint64_t now_ms)
{
    machine->next = next;
    machine->next_at_ms = at_ms;
    if (next == KEDGE_MACHINE_PROBE && machine->news) {
        machine->next_at_ms = now_ms;
        machine->news = false;
    }
}

/* Goes on watching, by observation where the device allows it, and asks again at `at_ms`. */
static void watch(struct kedge_machine *machine, uint64_t at_ms, uint64_t now_ms)
{
    if (!machine->observing && !machine->unobservable)
        schedule(machine, KEDGE_MACHINE_OBSERVE, now_ms, now_ms);
    else
        schedule(machine, KEDGE_MACHINE_PROBE, at_ms, now_ms);
}

static uint64_t next_poll(const struct kedge_machine *machine, uint64_t now_ms)
{
    uint64_t at_ms = now_ms + (machine->observing ? machine->poll_ms : machine->quick_poll_ms);
    bool soaking = machine->step == KEDGE_STEP_SOAK && machine->soak_until_ms > now_ms;
    return soaking && at_ms > machine->soak_until_ms ? machine->soak_until_ms : at_ms;
}

static void look_now(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->ended)
        return;
    if (machine->next == KEDGE_MACHINE_PROBE && !machine->asking)
        machine->next_at_ms = now_ms;
    else
        machine->news = true;
}

/* ---- ends ---- */

/* The reason has been said. A failure waits for the device's own words before it is reported. */
static void end(struct kedge_machine *machine, enum kedge_update_phase phase)
{
    bool explain = phase != KEDGE_UPDATE_SUCCEEDED && phase != KEDGE_UPDATE_TIMED_OUT &&
                   machine->words_wanted && machine->reachable;
    machine->ended = true;
    machine->phase = phase;
    machine->report_due = !explain;
    machine->next = explain ? KEDGE_MACHINE_EXPLAIN : KEDGE_MACHINE_OVER;
    machine->next_at_ms = 0;
}

static enum kedge_update_phase phase_of_result(int64_t result)
{
    switch (result) {
    case KEDGE_RESULT_NO_FLASH:
    case KEDGE_RESULT_INTEGRITY:
    case KEDGE_RESULT_UNSUPPORTED_PACKAGE:
    case KEDGE_RESULT_INVALID_URI:
    case KEDGE_RESULT_UNSUPPORTED_PROTOCOL:
        return KEDGE_UPDATE_REJECTED;
    case KEDGE_RESULT_CANCELED:
        return KEDGE_UPDATE_CANCELED;
    default:
        return KEDGE_UPDATE_FAILED;
    }
}

static void succeed(struct kedge_machine *machine)
{
    if (machine->already)
        say(machine, "runs version %s already", machine->plan.version);
    else
        say(machine,
            "came back with State 0, Result 1 and version %s, and was still so after %" PRIu32 " s",
            machine->plan.version, machine->plan.soak_s);
    end(machine, KEDGE_UPDATE_SUCCEEDED);
}

static void time_out(struct kedge_machine *machine)
{
    const struct kedge_update_plan *plan = &machine->plan;
    char code[5];
    const char *where = machine->reachable ? "" : "; it is not registered";
    switch (machine->step) {
    case KEDGE_STEP_LOOK:
        kedge_coap_code_text(machine->probe_code, code);
        say(machine, "the device did not take the package within %" PRIu32 " s%s%s%s",
            plan->offer_limit_s, where, machine->probe_code != 0 ? "; it last answered " : "",
            machine->probe_code != 0 ? code : "");
        break;
    case KEDGE_STEP_DOWNLOAD:
        say(machine,
            "no progress of the download for %" PRIu32 " s, at %" PRIu64 " of %" PRIu64 " bytes%s",
            plan->download_limit_s, machine->bytes_done, plan->file_size, where);
        break;
    case KEDGE_STEP_EXECUTE:
        say(machine, "no answer to Execute /5/0/2 within %" PRIu32 " s%s", plan->install_limit_s,
            where);
        break;
    default:
        say(machine,
            "not back and confirmed %" PRIu32 " s after Execute; last seen: State %" PRId64
            " (%s), Result %" PRId64 " (%s)%s",
            plan->verify_limit_s, machine->state, state_name(machine->state), machine->result,
            result_name(machine->result), where);
        break;
    }
    end(machine, KEDGE_UPDATE_TIMED_OUT);
}

/* ---- verdicts ---- */

static void fail_as_seen(struct kedge_machine *machine, const struct kedge_machine_view *view,
                         enum kedge_machine_picture picture)
{
    if (picture == KEDGE_PICTURE_FOREIGN) {
        say(machine, "State %" PRId64 " (%s) with a package of somebody else", view->state,
            state_name(view->state));
        end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    if (picture == KEDGE_PICTURE_IDLE_CLAIMS || picture == KEDGE_PICTURE_IDLE) {
        say(machine, "Result %" PRId64 " (%s), but it runs version %s, not %s", view->result,
            result_name(view->result), view->version[0] != '\0' ? view->version : "(not said)",
            machine->plan.version);
        end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    say(machine, "State %" PRId64 " (%s), Result %" PRId64 " (%s)%s", view->state,
        state_name(view->state), view->result, result_name(view->result),
        machine->step == KEDGE_STEP_SOAK ? " within the soak" : "");
    end(machine, phase_of_result(view->result));
}

static void offer(struct kedge_machine *machine, const struct kedge_machine_view *view,
                  uint64_t now_ms)
{
    if (machine->writes >= KEDGE_MACHINE_TRIES_MAX) {
        say(machine, "the device took the package %u times and lost it: State 0, Result %" PRId64,
            machine->writes, view->result);
        end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    if (machine->step != KEDGE_STEP_LOOK) {
        say(machine, "the device lost the package; it is offered again");
        enter_phase(machine, KEDGE_UPDATE_OFFERED);
        machine->limit_at_ms = after_s(now_ms, machine->plan.offer_limit_s);
        machine->step = KEDGE_STEP_LOOK;
        machine->bytes_done = 0;
    }
    schedule(machine, KEDGE_MACHINE_WRITE_URI, now_ms, now_ms);
}

/* A device may take a moment from the URI to Downloading; what it still shows then is old. */
static bool is_stale(const struct kedge_machine *machine, const struct kedge_machine_view *view,
                     uint64_t now_ms)
{
    return machine->step == KEDGE_STEP_DOWNLOAD && machine->writes > 0 && view->state == 0 &&
           view->result == machine->result_before &&
           now_ms < machine->written_at_ms + machine->quick_poll_ms;
}

static void take_back(struct kedge_machine *machine, const struct kedge_machine_view *view,
                      uint64_t now_ms)
{
    /* Nothing may be taken back while it installs: whatever it is, it comes to an end. */
    if (view->state == KEDGE_FIRMWARE_UPDATING) {
        schedule(machine, KEDGE_MACHINE_PROBE, now_ms + machine->quick_poll_ms, now_ms);
        return;
    }
    if (machine->resets >= KEDGE_MACHINE_TRIES_MAX) {
        say(machine, "the device does not let go of what it holds: State %" PRId64 " (%s)",
            view->state, state_name(view->state));
        end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    schedule(machine, KEDGE_MACHINE_RESET, now_ms, now_ms);
}

static void follow(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->step != KEDGE_STEP_DOWNLOAD) {
        machine->step = KEDGE_STEP_DOWNLOAD;
        machine->limit_at_ms = after_s(now_ms, machine->plan.download_limit_s);
        say(machine, "State 1 (%s) of this package", state_name(KEDGE_FIRMWARE_DOWNLOADING));
        enter_phase(machine, KEDGE_UPDATE_DOWNLOADING);
    }
    watch(machine, next_poll(machine, now_ms), now_ms);
}

static void run(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->executes >= KEDGE_MACHINE_TRIES_MAX) {
        say(machine, "the device was told to install %u times and stays in State 2 (%s)",
            machine->executes, state_name(KEDGE_FIRMWARE_DOWNLOADED));
        end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    machine->bytes_done = machine->plan.file_size;
    if (machine->step != KEDGE_STEP_EXECUTE) {
        machine->step = KEDGE_STEP_EXECUTE;
        machine->limit_at_ms = after_s(now_ms, machine->plan.install_limit_s);
        say(machine, "State 2 (%s)", state_name(KEDGE_FIRMWARE_DOWNLOADED));
        enter_phase(machine, KEDGE_UPDATE_DOWNLOADED);
    }
    schedule(machine, KEDGE_MACHINE_EXECUTE, now_ms, now_ms);
}

static void await_return(struct kedge_machine *machine, bool may_be_back, uint64_t now_ms)
{
    machine->step = may_be_back ? KEDGE_STEP_RETURNED : KEDGE_STEP_AWAIT;
    machine->limit_at_ms = after_s(now_ms, machine->plan.verify_limit_s);
    machine->in_touch = false;
    say(machine, "State 3 (%s)", state_name(KEDGE_FIRMWARE_UPDATING));
    enter_phase(machine, KEDGE_UPDATE_VERIFYING);
    watch(machine, next_poll(machine, now_ms), now_ms);
}

static void settle(struct kedge_machine *machine, enum kedge_machine_picture picture,
                   uint64_t now_ms)
{
    if (machine->step != KEDGE_STEP_SOAK) {
        machine->already = machine->step == KEDGE_STEP_LOOK || picture == KEDGE_PICTURE_UNCONFIRMED;
        machine->step = KEDGE_STEP_SOAK;
        machine->soak_until_ms = after_s(now_ms, machine->plan.soak_s);
        machine->limit_at_ms = after_s(machine->soak_until_ms, machine->plan.verify_limit_s);
        say(machine, "reads State 0, Result %" PRId64 " and version %s; watched for %" PRIu32 " s",
            machine->result, machine->plan.version, machine->plan.soak_s);
        enter_phase(machine, KEDGE_UPDATE_VERIFYING);
    }
    if (now_ms >= machine->soak_until_ms)
        succeed(machine);
    else
        watch(machine, next_poll(machine, now_ms), now_ms);
}

/* ---- pictures ---- */

static bool is_ours(const struct kedge_machine *machine, const char *uri)
{
    static const char folder[] = "/fw/";
    size_t tail = sizeof folder - 1 + KEDGE_UPDATE_FILE_SIZE;
    size_t size = strlen(uri);
    return size > tail && memcmp(uri + size - tail, folder, sizeof folder - 1) == 0 &&
           strcmp(uri + size - KEDGE_UPDATE_FILE_SIZE, machine->plan.file) == 0;
}

static bool is_foreign(const struct kedge_machine *machine, const struct kedge_machine_view *view)
{
    if (machine->ours || view->uri == NULL || is_ours(machine, view->uri))
        return false;
    /* Some forget the URI when they install; then the deployment's record tells whose it is. */
    bool forgotten = view->state == KEDGE_FIRMWARE_UPDATING && view->uri[0] == '\0';
    return !forgotten || machine->step == KEDGE_STEP_LOOK;
}

static enum kedge_machine_picture idle_picture(const struct kedge_machine *machine,
                                               const struct kedge_machine_view *view)
{
    if (strcmp(view->version, machine->plan.version) == 0)
        return view->result == KEDGE_RESULT_SUCCESS || machine->already ? KEDGE_PICTURE_UPDATED
                                                                        : KEDGE_PICTURE_UNCONFIRMED;
    switch (view->result) {
    case KEDGE_RESULT_INITIAL:
    case KEDGE_RESULT_DEFERRED:
        return KEDGE_PICTURE_IDLE;
    case KEDGE_RESULT_SUCCESS:
        return KEDGE_PICTURE_IDLE_CLAIMS;
    default:
        return KEDGE_PICTURE_IDLE_FAILED;
    }
}

static enum kedge_machine_picture picture_of(const struct kedge_machine *machine,
                                             const struct kedge_machine_view *view)
{
    if (view->state == KEDGE_FIRMWARE_IDLE)
        return idle_picture(machine, view);
    if (is_foreign(machine, view))
        return KEDGE_PICTURE_FOREIGN;
    if (view->state == KEDGE_FIRMWARE_DOWNLOADING)
        return KEDGE_PICTURE_DOWNLOADING;
    if (view->state == KEDGE_FIRMWARE_UPDATING)
        return KEDGE_PICTURE_UPDATING;
    if (view->result == KEDGE_RESULT_DEFERRED)
        return KEDGE_PICTURE_DEFERRED;
    return view->result == KEDGE_RESULT_INITIAL || view->result == KEDGE_RESULT_SUCCESS
               ? KEDGE_PICTURE_DOWNLOADED
               : KEDGE_PICTURE_NOT_INSTALLED;
}

static void refused_the_uri(struct kedge_machine *machine, const struct kedge_machine_view *view)
{
    char code[5];
    kedge_coap_code_text(machine->refused, code);
    say(machine, "answered %s to the Package URI; Result %" PRId64 " (%s)", code, view->result,
        result_name(view->result));
    end(machine, KEDGE_UPDATE_REJECTED);
}

static void carry_out(struct kedge_machine *machine, const struct kedge_machine_view *view,
                      enum kedge_machine_picture picture, enum kedge_machine_verdict verdict,
                      bool first_look, uint64_t now_ms)
{
    switch (verdict) {
    case KEDGE_VERDICT_OFFER:
        if (machine->refused != 0)
            refused_the_uri(machine, view);
        else
            offer(machine, view, now_ms);
        return;
    case KEDGE_VERDICT_RESET:
        take_back(machine, view, now_ms);
        return;
    case KEDGE_VERDICT_FOLLOW:
        follow(machine, now_ms);
        return;
    case KEDGE_VERDICT_RUN:
        run(machine, now_ms);
        return;
    case KEDGE_VERDICT_AWAIT:
        await_return(machine, first_look, now_ms);
        return;
    case KEDGE_VERDICT_STAY:
        /* Taken up after a restart of the server: that Execute was answered is plain to see. */
        if (machine->phase == KEDGE_UPDATE_INSTALLING) {
            say(machine, "State %" PRId64 " (%s)", view->state, state_name(view->state));
            enter_phase(machine, KEDGE_UPDATE_VERIFYING);
        }
        watch(machine, next_poll(machine, now_ms), now_ms);
        return;
    case KEDGE_VERDICT_SETTLE:
        settle(machine, picture, now_ms);
        return;
    case KEDGE_VERDICT_FAIL:
        fail_as_seen(machine, view, picture);
        return;
    }
}

void kedge_machine_probed(struct kedge_machine *machine, const struct kedge_machine_view *view,
                          uint64_t now_ms)
{
    bool first_look = machine->first_look;
    machine->asking = false;
    if (machine->ended)
        return;
    machine->first_look = false;
    machine->probe_code = 0;
    machine->state = view->state;
    machine->result = view->result;
    if (view->state < 0 || view->state >= KEDGE_FIRMWARE_STATE_COUNT) {
        say(machine, "/5/0/3 reads %" PRId64 ", which is no State", view->state);
        end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    enum kedge_machine_picture picture = picture_of(machine, view);
    machine->ours = view->state != KEDGE_FIRMWARE_IDLE && picture != KEDGE_PICTURE_FOREIGN;
    if (is_stale(machine, view, now_ms)) {
        schedule(machine, KEDGE_MACHINE_PROBE, machine->written_at_ms + machine->quick_poll_ms,
                 now_ms);
        return;
    }
    /* Decision 7: an Update counts as having come back, but only for what then reads as updated. */
    bool back =
        machine->step == KEDGE_STEP_AWAIT && machine->in_touch && picture == KEDGE_PICTURE_UPDATED;
    enum kedge_machine_step row = back ? KEDGE_STEP_RETURNED : machine->step;
    carry_out(machine, view, picture, kedge_machine_verdict(row, picture), first_look, now_ms);
}

/* ---- other answers ---- */

void kedge_machine_probe_failed(struct kedge_machine *machine, const char *path, uint8_t code,
                                uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    machine->probe_code = code;
    /* Not so for 4.01: a device that lost its registration refuses until it has registered again.
     */
    if (code == KEDGE_COAP_NOT_FOUND || code == KEDGE_COAP_METHOD_NOT_ALLOWED) {
        char text[5];
        kedge_coap_code_text(code, text);
        say(machine, "answered %s to a read of %s: it cannot be updated by object 5", text, path);
        end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    schedule(machine, KEDGE_MACHINE_PROBE, now_ms + machine->quick_poll_ms, now_ms);
}

void kedge_machine_uri_written(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    machine->writes++;
    machine->refused = code == KEDGE_COAP_CHANGED ? 0 : code;
    if (code != KEDGE_COAP_CHANGED) {
        /* Refused, for which it has a Result, or lost: it may have been taken all the same. */
        schedule(machine, KEDGE_MACHINE_PROBE, now_ms, now_ms);
        return;
    }
    machine->written_at_ms = now_ms;
    machine->result_before = machine->result;
    machine->state = KEDGE_FIRMWARE_DOWNLOADING;
    machine->result = KEDGE_RESULT_INITIAL;
    machine->ours = true;
    machine->step = KEDGE_STEP_DOWNLOAD;
    machine->limit_at_ms = after_s(now_ms, machine->plan.download_limit_s);
    say(machine, "answered 2.04 to the Package URI");
    enter_phase(machine, KEDGE_UPDATE_DOWNLOADING);
    watch(machine, next_poll(machine, now_ms), now_ms);
}

void kedge_machine_no_uri(struct kedge_machine *machine, const char *reason)
{
    machine->asking = false;
    if (machine->ended)
        return;
    say(machine, "%s", reason);
    end(machine, KEDGE_UPDATE_REJECTED);
}

void kedge_machine_reset_done(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    machine->resets++;
    machine->refused = 0;
    uint64_t pause_ms = code == KEDGE_COAP_CHANGED ? 0 : machine->quick_poll_ms;
    schedule(machine, KEDGE_MACHINE_PROBE, now_ms + pause_ms, now_ms);
}

void kedge_machine_observed(struct kedge_machine *machine, bool observing, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    machine->observing = observing;
    machine->unobservable = !observing;
    schedule(machine, KEDGE_MACHINE_PROBE, next_poll(machine, now_ms), now_ms);
}

void kedge_machine_executed(struct kedge_machine *machine, uint8_t code, uint64_t now_ms)
{
    machine->asking = false;
    if (machine->ended)
        return;
    if (code != KEDGE_COAP_CHANGED) {
        /* Lost, perhaps together with a restart, or refused: what it looks like decides. */
        uint64_t pause_ms = code == 0 ? 0 : machine->quick_poll_ms;
        schedule(machine, KEDGE_MACHINE_PROBE, now_ms + pause_ms, now_ms);
        return;
    }
    machine->step = KEDGE_STEP_AWAIT;
    machine->in_touch = false;
    machine->limit_at_ms = after_s(now_ms, machine->plan.verify_limit_s);
    say(machine, "answered 2.04 to Execute /5/0/2");
    enter_phase(machine, KEDGE_UPDATE_VERIFYING);
    watch(machine, next_poll(machine, now_ms), now_ms);
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
    if (state != machine->state)
        look_now(machine, now_ms);
}

void kedge_machine_result_noticed(struct kedge_machine *machine, int64_t result, uint64_t now_ms)
{
    if (result != machine->result)
        look_now(machine, now_ms);
}

void kedge_machine_observation_lost(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->observing = false;
    look_now(machine, now_ms);
}

void kedge_machine_block(struct kedge_machine *machine, uint64_t reach, uint64_t now_ms)
{
    if (machine->ended || machine->step > KEDGE_STEP_DOWNLOAD || reach <= machine->bytes_done)
        return;
    machine->bytes_done = reach;
    if (machine->step != KEDGE_STEP_DOWNLOAD)
        return;
    machine->limit_at_ms = after_s(now_ms, machine->plan.download_limit_s);
    if (reach < machine->plan.file_size && now_ms < machine->told_at_ms + KEDGE_MACHINE_PROGRESS_MS)
        return;
    machine->told_at_ms = now_ms;
    machine->report_due = true;
}

void kedge_machine_registered(struct kedge_machine *machine, uint64_t now_ms)
{
    machine->reachable = true;
    machine->observing = machine->unobservable = false;
    machine->asking = false;
    if (machine->ended)
        return;
    bool was_told = machine->step == KEDGE_STEP_EXECUTE && machine->executes > 0;
    if (was_told || machine->step == KEDGE_STEP_AWAIT) {
        if (was_told)
            machine->limit_at_ms = after_s(now_ms, machine->plan.verify_limit_s);
        machine->step = KEDGE_STEP_RETURNED;
        say(machine, "registered again after Execute");
        machine->report_due = true;
        machine->phase = KEDGE_UPDATE_VERIFYING;
    }
    schedule(machine, KEDGE_MACHINE_PROBE, now_ms, now_ms);
}

void kedge_machine_touched(struct kedge_machine *machine, uint64_t now_ms)
{
    bool was_away = !machine->reachable;
    machine->reachable = true;
    machine->in_touch = true;
    if (was_away || machine->step == KEDGE_STEP_AWAIT)
        look_now(machine, now_ms);
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
                                      .state = -1,
                                      .result = KEDGE_UPDATE_NO_RESULT,
                                      .phase = plan->reached};
    switch (plan->reached) {
    case KEDGE_UPDATE_DOWNLOADING:
    case KEDGE_UPDATE_DOWNLOADED:
        machine->step = KEDGE_STEP_DOWNLOAD;
        machine->limit_at_ms = after_s(now_ms, plan->download_limit_s);
        break;
    case KEDGE_UPDATE_INSTALLING:
    case KEDGE_UPDATE_VERIFYING:
        /* Whether it has come back since cannot be known: what it reads then is believed. */
        machine->step = KEDGE_STEP_RETURNED;
        machine->limit_at_ms = after_s(now_ms, plan->verify_limit_s);
        break;
    default:
        machine->step = KEDGE_STEP_LOOK;
        machine->limit_at_ms = after_s(now_ms, plan->offer_limit_s);
        break;
    }
    schedule(machine, KEDGE_MACHINE_PROBE, now_ms, now_ms);
}

void kedge_machine_check_limit(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->ended || now_ms < machine->limit_at_ms)
        return;
    machine->asking = false;
    time_out(machine);
}

enum kedge_machine_action kedge_machine_next(struct kedge_machine *machine, uint64_t now_ms,
                                             uint64_t *wait_ms)
{
    *wait_ms = 0;
    kedge_machine_check_limit(machine, now_ms);
    if (!machine->ended && (!machine->reachable || now_ms < machine->next_at_ms)) {
        uint64_t until_ms = machine->limit_at_ms;
        if (machine->reachable && machine->next_at_ms < until_ms)
            until_ms = machine->next_at_ms;
        *wait_ms = until_ms - now_ms;
        return KEDGE_MACHINE_WAIT;
    }
    machine->asking = machine->next != KEDGE_MACHINE_OVER;
    if (machine->next == KEDGE_MACHINE_EXECUTE) {
        machine->executes++;
        say(machine, "Execute /5/0/2 is sent");
        enter_phase(machine, KEDGE_UPDATE_INSTALLING);
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
    return machine->ours && machine->step <= KEDGE_STEP_EXECUTE && machine->executes == 0 &&
           machine->state != KEDGE_FIRMWARE_IDLE;
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
        .bytes_total = machine->plan.file_size};
    machine->report_due = false;
    machine->has_reason = false;
    return true;
}
