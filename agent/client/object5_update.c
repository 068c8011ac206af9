/*
 * object5_update.c: object 5 from Execute to the reboot, and after the update has ended.
 *
 * Execute -> (consent) -> Updating -> pre-install hook -> the switch in the boot record ->
 * pre-reboot hook -> reboot; when the update has ended, however it did, the post-install hook. What
 * waits for a command or a person is a stage; nothing here blocks.
 */
#include "agent/client/object5_parts.h"

#include "agent/client/log.h"

#include <kedge/coap.h>
#include <stdio.h>

#define WAITS_WORDS "the device's own software has not agreed yet"
#define DEFERRED_WORDS "put off on the device"
#define GO_ON_RETRY_MS 10000u

/* ---- consent ---- */

static bool asks(const struct kedge_object5 *object)
{
    return object->asks_consent &&
           kedge_consent_is_asked(object->state.severity, object->state.defer_period_s);
}

static uint8_t wait_for_consent(struct kedge_object5 *object)
{
    if (object->state.consent.wanted) /* told again: it goes on waiting since the first time */
        return KEDGE_COAP_CHANGED;
    const struct kedge_consent before = object->state.consent;
    kedge_consent_begin(&object->state.consent);
    object->consent_clock.since_ms = kedge_object5_now_ms(object);
    uint8_t code = kedge_object5_apply(object, KEDGE_FIRMWARE_UPDATE_DEFERRED,
                                       KEDGE_RESULT_DEFERRED, WAITS_WORDS, true);
    if (code != KEDGE_COAP_CHANGED)
        object->state.consent = before;
    return code;
}

void kedge_object5_resume_consent(struct kedge_object5 *object)
{
    struct kedge_consent *consent = &object->state.consent;
    if (object->state.state != KEDGE_FIRMWARE_DOWNLOADED)
        consent->wanted = false;
    if (!consent->wanted)
        return;
    kedge_consent_resume(consent, object->state.defer_period_s);
    object->consent_clock.since_ms = kedge_object5_now_ms(object);
}

uint64_t kedge_object5_consent_left_s(const struct kedge_object5 *object)
{
    struct kedge_consent consent = object->state.consent;
    struct kedge_consent_clock clock = object->consent_clock;
    kedge_consent_count(&consent, &clock, kedge_object5_now_ms(object));
    return kedge_consent_left_s(&consent, object->state.defer_period_s);
}

/* ---- the hooks ---- */

static void start_hook(struct kedge_object5 *object, enum kedge_hook hook)
{
    char result[16];
    const struct kedge_variable variables[] = {
        {"KEDGE_HOOK", kedge_hook_name(hook)},
        {"KEDGE_ENDPOINT", object->state.endpoint},
        {"KEDGE_SLOT", object->slot == 0 ? "0" : "1"},
        {"KEDGE_VERSION", object->version},
        {"KEDGE_PACKAGE_VERSION", object->package_version},
        {"KEDGE_STATE", kedge_firmware_state_name(object->state.state)},
        {"KEDGE_RESULT", result},
        {"KEDGE_REASON", object->state.reason},
        {"KEDGE_SEVERITY", kedge_severity_name(object->state.severity)},
        {NULL, NULL},
    };
    snprintf(result, sizeof result, "%d", object->state.result);
    kedge_log(KEDGE_LOG_INFO, "%s hook: %s", kedge_hook_name(hook), object->hooks.commands[hook]);
    kedge_hooks_start(&object->hooks, hook, variables, kedge_object5_now_ms(object));
}

/* ---- from Execute to the reboot ---- */

static void fail(struct kedge_object5 *object, const char *words)
{
    object->stage = KEDGE_UPDATE_NOTHING;
    kedge_object5_apply(object, KEDGE_FIRMWARE_INSTALL_FAILED, KEDGE_RESULT_FAILED, words, false);
}

static void write_switch(struct kedge_object5 *object)
{
    uint8_t slot = kedge_object5_spare(object);
    enum kedge_rc rc = kedge_boot_activate(object->boot, slot);
    if (rc != KEDGE_OK) {
        fail(object, kedge_rc_text(rc));
        return;
    }
    kedge_log(KEDGE_LOG_INFO, "slot %u is to run on trial: a reboot follows", (unsigned)slot);
    object->stage = KEDGE_UPDATE_REBOOT;
}

/* Starts the hook that a stage begins with. False: there is none. */
static bool begin_hook(struct kedge_object5 *object, enum kedge_hook hook)
{
    if (!kedge_hooks_has(&object->hooks, hook))
        return false;
    start_hook(object, hook);
    return true;
}

static void forget_post_install(struct kedge_object5 *object)
{
    object->state.post_install_due = false;
    kedge_object5_save(object);
}

/* Does the next thing that has to be done. False: nothing, or something that takes its time. */
static bool advance(struct kedge_object5 *object)
{
    switch (object->stage) {
    case KEDGE_UPDATE_INSTALL:
        if (!begin_hook(object, KEDGE_HOOK_PRE_INSTALL))
            object->stage = KEDGE_UPDATE_SWITCH;
        return true;
    case KEDGE_UPDATE_SWITCH:
        write_switch(object);
        return true;
    case KEDGE_UPDATE_REBOOT:
        if (begin_hook(object, KEDGE_HOOK_PRE_REBOOT))
            return true;
        object->stage = KEDGE_UPDATE_LEAVE;
        object->reboot_wanted = true;
        return false;
    case KEDGE_UPDATE_NOTHING:
        if (!object->state.post_install_due || object->state.state == KEDGE_FIRMWARE_UPDATING)
            return false;
        if (!begin_hook(object, KEDGE_HOOK_POST_INSTALL))
            forget_post_install(object);
        return true;
    default:
        return false;
    }
}

/* Only a pre-install hook can stop anything; of the others it is told how they ended. */
static void end_hook(struct kedge_object5 *object, bool good)
{
    const char *words = object->hooks.words;
    if (good)
        kedge_log(KEDGE_LOG_INFO, "%s hook: done", kedge_hook_name(object->hooks.which));
    else
        kedge_log(KEDGE_LOG_ERROR, "%s", words);
    switch (object->hooks.which) {
    case KEDGE_HOOK_PRE_INSTALL:
        if (good)
            object->stage = KEDGE_UPDATE_SWITCH;
        else
            fail(object, words);
        break;
    case KEDGE_HOOK_POST_INSTALL: /* unless the next update has begun, which wants its own */
        if (object->state.state != KEDGE_FIRMWARE_UPDATING)
            forget_post_install(object);
        break;
    default:
        object->stage = KEDGE_UPDATE_LEAVE;
        object->reboot_wanted = true;
        break;
    }
}

static void carry_on(struct kedge_object5 *object, uint64_t *wait_ms)
{
    do {
        if (!object->hooks.running)
            continue;
        enum kedge_hook_end end =
            kedge_hooks_poll(&object->hooks, kedge_object5_now_ms(object), wait_ms);
        if (end == KEDGE_HOOK_RUNS)
            return;
        end_hook(object, end == KEDGE_HOOK_GOOD);
        *wait_ms = 0; /* what has changed by it is told first */
    } while (advance(object));
}

static uint8_t go_on(struct kedge_object5 *object)
{
    uint64_t wait_ms = UINT64_MAX;
    const bool before = object->state.post_install_due;
    object->state.post_install_due |= kedge_hooks_has(&object->hooks, KEDGE_HOOK_POST_INSTALL);
    uint8_t code =
        kedge_object5_apply(object, KEDGE_FIRMWARE_UPDATE_EXECUTED, KEDGE_RESULT_INITIAL, "", true);
    if (code != KEDGE_COAP_CHANGED) {
        object->state.post_install_due = before;
        return code;
    }
    object->stage = KEDGE_UPDATE_INSTALL;
    if (!object->hooks.running)
        carry_on(object, &wait_ms);
    return code;
}

uint8_t kedge_object5_update(struct kedge_object5 *object)
{
    return asks(object) && object->state.state == KEDGE_FIRMWARE_DOWNLOADED
               ? wait_for_consent(object)
               : go_on(object);
}

void kedge_object5_reboot(struct kedge_object5 *object)
{
    uint64_t wait_ms = UINT64_MAX;
    if (object->stage == KEDGE_UPDATE_REBOOT || object->stage == KEDGE_UPDATE_LEAVE)
        return; /* on its way already */
    kedge_hooks_kill(&object->hooks);
    object->stage = KEDGE_UPDATE_REBOOT;
    carry_on(object, &wait_ms);
}

/* ---- what the device's own software says ---- */

const char *kedge_object5_accept(struct kedge_object5 *object)
{
    if (!object->state.consent.wanted)
        return "no update waits for consent";
    return go_on(object) == KEDGE_COAP_CHANGED ? NULL : "the state folder takes nothing";
}

const char *kedge_object5_defer(struct kedge_object5 *object, uint64_t for_s)
{
    struct kedge_consent *consent = &object->state.consent;
    const struct kedge_agent_state before = object->state;
    if (!consent->wanted)
        return "no update waits for consent";
    kedge_consent_count(consent, &object->consent_clock, kedge_object5_now_ms(object));
    kedge_consent_defer(consent, for_s);
    snprintf(object->state.reason, sizeof object->state.reason, "%s", DEFERRED_WORDS);
    kedge_object5_save(object);
    if (object->save_error == 0) {
        kedge_log(KEDGE_LOG_INFO, "the update is %s", DEFERRED_WORDS);
        return NULL;
    }
    uint64_t counted_s = consent->counted_s;
    object->state = before;
    consent->counted_s = counted_s;
    return "the state folder takes nothing";
}

/* ---- time ---- */

/* A state folder that takes nothing is tried again, but not all the time. */
static void go_on_unasked(struct kedge_object5 *object, const char *why, uint64_t *wait_ms)
{
    const uint64_t now_ms = kedge_object5_now_ms(object);
    if (now_ms >= object->go_on_at_ms) {
        object->go_on_at_ms = now_ms + GO_ON_RETRY_MS;
        kedge_log(KEDGE_LOG_INFO, "%s: the update goes on", why);
        if (go_on(object) == KEDGE_COAP_CHANGED)
            *wait_ms = object->go_on_at_ms = 0;
    }
    if (object->go_on_at_ms > now_ms && object->go_on_at_ms - now_ms < *wait_ms)
        *wait_ms = object->go_on_at_ms - now_ms;
}

static void poll_consent(struct kedge_object5 *object, uint64_t *wait_ms)
{
    if (!object->state.consent.wanted)
        return;
    if (!asks(object)) { /* the server, or the configuration, has changed its mind */
        go_on_unasked(object, "consent is not asked any more", wait_ms);
        return;
    }
    switch (kedge_consent_next(&object->state.consent, &object->consent_clock,
                               object->state.defer_period_s, kedge_object5_now_ms(object),
                               wait_ms)) {
    case KEDGE_CONSENT_SAVE:
        kedge_object5_save(object);
        *wait_ms = 0;
        break;
    case KEDGE_CONSENT_OVER:
        go_on_unasked(object, "the time to put it off is over", wait_ms);
        break;
    default:
        break;
    }
}

void kedge_object5_poll_update(struct kedge_object5 *object, uint64_t *wait_ms)
{
    poll_consent(object, wait_ms);
    carry_on(object, wait_ms);
}
