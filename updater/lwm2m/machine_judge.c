/* machine_judge.c: what a device looks like, and what is made of it. */
#include "updater/lwm2m/machine.h"
#include "updater/lwm2m/machine_parts.h"

#include <inttypes.h>
#include <kedge/coap.h>
#include <stdio.h>
#include <string.h>

/* ---- ends ---- */

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
        machine_say(machine, "runs version %s already, with Result %" PRId64,
                    machine->plan.version, machine->result);
    else
        machine_say(machine,
                    "came back with State 0, Result %" PRId64
                    " and version %s, and was still so after %" PRIu32 " s",
                    machine->result, machine->version, machine->plan.soak_s);
    machine_end(machine, KEDGE_UPDATE_SUCCEEDED);
}

/* ---- verdicts ---- */

/*
 * Each step has a limit of its own, and a device that goes back gets that of the former one anew.
 * One that does so again and again would keep its job for ever: so often, and no more.
 */
static bool enter_step(struct kedge_machine *machine, enum kedge_machine_step step)
{
    bool is_setback = step < machine->step;
    if (is_setback && machine->setbacks >= KEDGE_MACHINE_SETBACKS_MAX) {
        machine_say(machine,
                    "the device went back %u times, the last time to State %" PRId64
                    " (%s), and does not come to an end",
                    machine->setbacks + 1u, machine->state, machine_state_name(machine->state));
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return false;
    }
    machine->setbacks += is_setback;
    machine->step = step;
    return true;
}

static void fail_as_seen(struct kedge_machine *machine, const struct kedge_machine_view *view,
                         enum kedge_machine_picture picture)
{
    if (picture == KEDGE_PICTURE_FOREIGN) {
        machine_say(machine, "State %" PRId64 " (%s) with a package of somebody else", view->state,
                    machine_state_name(view->state));
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    if (picture == KEDGE_PICTURE_IDLE_CLAIMS || picture == KEDGE_PICTURE_IDLE) {
        machine_say(machine, "Result %" PRId64 " (%s), but it runs version %s, not %s",
                    view->result, machine_result_name(view->result),
                    view->version[0] != '\0' ? view->version : "(not said)", machine->plan.version);
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    machine_say(machine, "State %" PRId64 " (%s), Result %" PRId64 " (%s)%s", view->state,
                machine_state_name(view->state), view->result, machine_result_name(view->result),
                machine->step == KEDGE_STEP_SOAK ? " within the soak" : "");
    machine_end(machine, phase_of_result(view->result));
}

static void offer(struct kedge_machine *machine, const struct kedge_machine_view *view,
                  uint64_t now_ms)
{
    if (machine->writes >= KEDGE_MACHINE_TRIES_MAX) {
        machine_say(machine,
                    "the device took the package %u times and lost it: State 0, Result %" PRId64,
                    machine->writes, view->result);
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    if (machine->step != KEDGE_STEP_LOOK) {
        if (!enter_step(machine, KEDGE_STEP_LOOK))
            return;
        machine_say(machine, "the device lost the package; it is offered again");
        machine_enter_phase(machine, KEDGE_UPDATE_OFFERED);
        machine_limit(machine, machine->plan.offer_limit_s, now_ms);
        machine->bytes_done = 0;
    }
    machine->push = KEDGE_PUSH_NONE;
    machine_schedule(machine, KEDGE_MACHINE_OFFER, now_ms, now_ms);
}

/*
 * A device may take a moment from the URI to Downloading; what it still shows then is old. While a
 * package is pushed, a device that does not go to Downloading at all is judged by its answers to
 * the blocks.
 */
static bool is_stale(const struct kedge_machine *machine, const struct kedge_machine_view *view,
                     uint64_t now_ms)
{
    if (machine->push == KEDGE_PUSH_RUNNING && view->state == KEDGE_FIRMWARE_IDLE)
        return view->result == machine->result_before || view->result == KEDGE_RESULT_INITIAL;
    if (machine->push == KEDGE_PUSH_HELD_UP || machine->push == KEDGE_PUSH_REFUSED)
        return false;
    return machine->step == KEDGE_STEP_DOWNLOAD && machine->writes > 0 && view->state == 0 &&
           view->result == machine->result_before &&
           now_ms < machine->written_at_ms + machine->quick_poll_ms;
}

static void take_back(struct kedge_machine *machine, const struct kedge_machine_view *view,
                      uint64_t now_ms)
{
    /* Nothing may be taken back while it installs: whatever it is, it comes to an end. */
    if (view->state == KEDGE_FIRMWARE_UPDATING) {
        machine_schedule(machine, KEDGE_MACHINE_PROBE, now_ms + machine->quick_poll_ms, now_ms);
        return;
    }
    if (machine->resets >= KEDGE_MACHINE_TRIES_MAX) {
        machine_say(machine, "the device does not let go of what it holds: State %" PRId64 " (%s)",
                    view->state, machine_state_name(view->state));
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    machine_schedule(machine, KEDGE_MACHINE_RESET, now_ms, now_ms);
}

static void follow(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->step != KEDGE_STEP_DOWNLOAD) {
        if (!enter_step(machine, KEDGE_STEP_DOWNLOAD))
            return;
        machine_limit(machine, machine->plan.download_limit_s, now_ms);
        machine_say(machine, "State 1 (%s) of this package",
                    machine_state_name(KEDGE_FIRMWARE_DOWNLOADING));
        machine_enter_phase(machine, KEDGE_UPDATE_DOWNLOADING);
    }
    if (machine->push == KEDGE_PUSH_HELD_UP)
        machine_schedule(machine, KEDGE_MACHINE_GO_ON, now_ms, now_ms);
    else
        machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
}

static void run(struct kedge_machine *machine, uint64_t now_ms)
{
    if (machine->executes >= KEDGE_MACHINE_TRIES_MAX) {
        machine_say(machine, "the device was told to install %u times and stays in State 2 (%s)",
                    machine->executes, machine_state_name(KEDGE_FIRMWARE_DOWNLOADED));
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    machine->bytes_done = machine->plan.file_size;
    if (machine->push != KEDGE_PUSH_NONE)
        machine->push = KEDGE_PUSH_DONE;
    if (machine->step != KEDGE_STEP_EXECUTE) {
        if (!enter_step(machine, KEDGE_STEP_EXECUTE))
            return;
        machine_limit(machine, machine->plan.install_limit_s, now_ms);
        machine_say(machine, "State 2 (%s)", machine_state_name(KEDGE_FIRMWARE_DOWNLOADED));
        machine_enter_phase(machine, KEDGE_UPDATE_DOWNLOADED);
    }
    bool was_on_hold = machine->on_hold;
    if (!machine_may_install(machine, now_ms))
        return;
    if (was_on_hold)
        machine_limit(machine, machine->plan.install_limit_s, now_ms);
    bool is_to_know = machine->plan.tells_severity || machine->plan.tells_max_defer;
    machine_schedule(
        machine, is_to_know && !machine->prepared ? KEDGE_MACHINE_PREPARE : KEDGE_MACHINE_EXECUTE,
        now_ms, now_ms);
}

/*
 * Somebody at the device puts the update off (Result 11): it is waited for as long as they may, a
 * few times at most, and from when they do not any more as after Execute.
 */
static void follow_deferral(struct kedge_machine *machine, enum kedge_machine_picture picture,
                            uint64_t now_ms)
{
    bool is_deferred = picture == KEDGE_PICTURE_DEFERRED;
    bool was_told = machine->executes > 0 || machine->step == KEDGE_STEP_RETURNED;
    if (machine->ended || machine->step == KEDGE_STEP_SOAK || !was_told ||
        is_deferred == machine->deferred || machine->deferrals >= KEDGE_MACHINE_TRIES_MAX)
        return;
    bool is_bounded = machine->plan.tells_max_defer;
    uint32_t defer_s = is_deferred && is_bounded ? machine->plan.max_defer_s : 0;
    machine->deferred = is_deferred;
    machine->deferrals += is_deferred;
    machine_limit(machine, machine_longer(defer_s, machine->plan.verify_limit_s), now_ms);
    if (!is_deferred)
        kedge_machine_note(machine, "it is not put off any more");
    else if (is_bounded)
        kedge_machine_note(machine, "put off (Result 11, deferred), for %" PRIu32 " s at most",
                           defer_s);
    else
        kedge_machine_note(machine, "put off (Result 11, deferred)");
}

static void await_return(struct kedge_machine *machine, int64_t state, bool may_be_back,
                         uint64_t now_ms)
{
    machine->step = may_be_back ? KEDGE_STEP_RETURNED : KEDGE_STEP_AWAIT;
    machine_limit(machine, machine->plan.verify_limit_s, now_ms);
    machine->in_touch = false;
    machine_say(machine, "State %" PRId64 " (%s)", state, machine_state_name(state));
    machine_enter_phase(machine, KEDGE_UPDATE_VERIFYING);
    machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
}

static void settle(struct kedge_machine *machine, enum kedge_machine_picture picture,
                   uint64_t now_ms)
{
    const struct kedge_update_plan *plan = &machine->plan;
    if (machine->step != KEDGE_STEP_SOAK) {
        machine->already = machine->step == KEDGE_STEP_LOOK || picture == KEDGE_PICTURE_UNCONFIRMED;
        machine->step = KEDGE_STEP_SOAK;
        machine->soak_until_ms = machine_after_s(now_ms, plan->soak_s);
        machine_limit(machine, machine_longer(plan->soak_s, plan->verify_limit_s), now_ms);
        machine_say(machine,
                    "reads State 0, Result %" PRId64 " and version %s; watched for %" PRIu32 " s",
                    machine->result, machine->version, plan->soak_s);
        machine_enter_phase(machine, KEDGE_UPDATE_VERIFYING);
    }
    if (now_ms >= machine->soak_until_ms)
        succeed(machine);
    else
        machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
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
    /* A pushed package has no URI, and some forget theirs when they install; then the deployment's
     * record tells whose it is. */
    bool recorded = view->state == KEDGE_FIRMWARE_UPDATING ||
                    (view->state == KEDGE_FIRMWARE_DOWNLOADED &&
                     machine->plan.reached >= KEDGE_UPDATE_DOWNLOADED);
    return !recorded || view->uri[0] != '\0' || machine->step == KEDGE_STEP_LOOK;
}

/* The Result of an earlier update may still be there until this one was begun with. */
static bool is_of_this_update(const struct kedge_machine *machine)
{
    return machine->step >= KEDGE_STEP_EXECUTE || (machine->writes > 0 && machine->back);
}

static bool is_updated(const struct kedge_machine *machine, const struct kedge_machine_view *view)
{
    bool runs_it = strcmp(view->version, machine->plan.version) == 0;
    switch (machine->plan.success) {
    case KEDGE_SUCCESS_RESULT:
        return view->result == KEDGE_RESULT_SUCCESS && is_of_this_update(machine);
    case KEDGE_SUCCESS_VERSION:
        return runs_it && (view->result == KEDGE_RESULT_SUCCESS ||
                           view->result == KEDGE_RESULT_INITIAL || machine->already);
    default:
        return runs_it && (view->result == KEDGE_RESULT_SUCCESS || machine->already);
    }
}

static enum kedge_machine_picture idle_picture(const struct kedge_machine *machine,
                                               const struct kedge_machine_view *view)
{
    if (is_updated(machine, view))
        return KEDGE_PICTURE_UPDATED;
    if (machine->plan.success != KEDGE_SUCCESS_RESULT &&
        strcmp(view->version, machine->plan.version) == 0)
        return KEDGE_PICTURE_UNCONFIRMED;
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

static void refused_the_package(struct kedge_machine *machine,
                                const struct kedge_machine_view *view)
{
    char code[5], most[48] = "";
    bool gave_up = machine->refused == KEDGE_COAP_INCOMPLETE || machine->refused >> 5 == 5;
    kedge_coap_code_text(machine->refused, code);
    if (machine->size_max != 0)
        (void)snprintf(most, sizeof most, ", which may have %" PRIu32 " bytes", machine->size_max);
    machine_say(machine,
                "answered %s to the Package%s after %" PRIu64 " of %" PRIu64
                " bytes; State %" PRId64 " (%s), Result %" PRId64 " (%s)",
                code, most, machine->bytes_done, machine->plan.file_size, view->state,
                machine_state_name(view->state), view->result, machine_result_name(view->result));
    machine_end(machine, gave_up ? KEDGE_UPDATE_FAILED : KEDGE_UPDATE_REJECTED);
}

static void refused_the_uri(struct kedge_machine *machine, const struct kedge_machine_view *view)
{
    char code[5];
    kedge_coap_code_text(machine->refused, code);
    machine_say(machine, "answered %s to the Package URI; Result %" PRId64 " (%s)", code,
                view->result, machine_result_name(view->result));
    machine_end(machine, KEDGE_UPDATE_REJECTED);
}

static void carry_out(struct kedge_machine *machine, const struct kedge_machine_view *view,
                      enum kedge_machine_picture picture, enum kedge_machine_verdict verdict,
                      bool first_look, uint64_t now_ms)
{
    bool refused_it = machine->push == KEDGE_PUSH_REFUSED &&
                      (verdict == KEDGE_VERDICT_OFFER || verdict == KEDGE_VERDICT_FOLLOW);
    if (refused_it) {
        refused_the_package(machine, view);
        return;
    }
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
        await_return(machine, view->state, first_look, now_ms);
        return;
    case KEDGE_VERDICT_STAY:
        /* Taken up after a restart of the server: that Execute was answered is plain to see. */
        if (machine->phase == KEDGE_UPDATE_INSTALLING) {
            machine_say(machine, "State %" PRId64 " (%s)", view->state,
                        machine_state_name(view->state));
            machine_enter_phase(machine, KEDGE_UPDATE_VERIFYING);
        }
        machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
        return;
    case KEDGE_VERDICT_SETTLE:
        settle(machine, picture, now_ms);
        return;
    case KEDGE_VERDICT_FAIL:
        fail_as_seen(machine, view, picture);
        return;
    }
}

/*
 * A device that was told to install in this job, and lost the package or its Result since, may run
 * the wanted version all the same. It is held to decision 7 then, and not taken for one that ran
 * it already.
 */
static void hold_to_its_return(struct kedge_machine *machine, enum kedge_machine_picture picture,
                               uint64_t now_ms)
{
    bool runs_it = picture == KEDGE_PICTURE_UPDATED || picture == KEDGE_PICTURE_UNCONFIRMED;
    if (!runs_it || machine->executes == 0 || machine->step > KEDGE_STEP_DOWNLOAD)
        return;
    machine->step = machine->back ? KEDGE_STEP_RETURNED : KEDGE_STEP_AWAIT;
    machine_limit(machine, machine->plan.verify_limit_s, now_ms);
    machine_say(machine, "runs version %s with Result %" PRId64, machine->plan.version,
                machine->result);
    machine_enter_phase(machine, KEDGE_UPDATE_VERIFYING);
}

/*
 * Decision 7: an Update counts as having come back, but only for what then reads as updated. So
 * does the Register of a device that installs without being told to (resource 14 of object 5 in
 * version 1.2), which may have done all of it between two looks. After a restart of the server the
 * record may be behind the device by all that was not durable, and it is the first look that counts.
 */
static bool has_returned(const struct kedge_machine *machine, enum kedge_machine_picture picture,
                         bool first_look)
{
    bool came = first_look || (machine->writes > 0 && machine->back);
    return picture == KEDGE_PICTURE_UPDATED &&
           ((machine->step == KEDGE_STEP_AWAIT && machine->in_touch) ||
            (machine->step == KEDGE_STEP_DOWNLOAD && came));
}

void kedge_machine_probed(struct kedge_machine *machine, const struct kedge_machine_view *view,
                          uint64_t now_ms)
{
    bool first_look = machine->first_look;
    machine->asking = false;
    if (machine->ended)
        return;
    machine->first_look = false;
    machine->probe_lost = false;
    if (now_ms >= machine->fresh_until_ms) { /* it may have forgotten that it is observed */
        machine->observing = false;
        machine->fresh_until_ms = UINT64_MAX;
    }
    machine->probe_code = 0;
    machine->state = view->state;
    machine->result = view->result;
    (void)snprintf(machine->version, sizeof machine->version, "%s",
                   view->version[0] != '\0' ? view->version : "(not said)");
    if (view->state < 0 || view->state >= KEDGE_FIRMWARE_STATE_COUNT) {
        machine_say(machine, "/5/0/3 reads %" PRId64 ", which is no State", view->state);
        machine_end(machine, KEDGE_UPDATE_FAILED);
        return;
    }
    enum kedge_machine_picture picture = picture_of(machine, view);
    if (is_stale(machine, view, now_ms)) {
        uint64_t after_ms = machine->written_at_ms + machine->quick_poll_ms;
        machine->ours = machine->push != KEDGE_PUSH_NONE;
        if (after_ms > now_ms)
            machine_schedule(machine, KEDGE_MACHINE_PROBE, after_ms, now_ms);
        else
            machine_watch(machine, machine_next_poll(machine, now_ms), now_ms);
        return;
    }
    machine->ours = view->state != KEDGE_FIRMWARE_IDLE && picture != KEDGE_PICTURE_FOREIGN;
    hold_to_its_return(machine, picture, now_ms);
    enum kedge_machine_step row =
        has_returned(machine, picture, first_look) ? KEDGE_STEP_RETURNED : machine->step;
    carry_out(machine, view, picture, kedge_machine_verdict(row, picture), first_look, now_ms);
    follow_deferral(machine, picture, now_ms);
}
