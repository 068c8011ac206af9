/* registration.c: see registration.h. */
#include "agent/client/registration.h"

#include <kedge/coap.h>

void kedge_registration_begin(struct kedge_registration *registration,
                              const struct kedge_random *random, uint32_t lifetime_s,
                              uint64_t now_ms)
{
    *registration = (struct kedge_registration){
        .random = random, .lifetime_s = lifetime_s, .next_at_ms = now_ms};
    kedge_backoff_reset(&registration->backoff);
}

/* Early enough for a lost Update to be repeated; half the lifetime when that is short. */
static uint64_t update_after_ms(const struct kedge_registration *registration)
{
    uint64_t lifetime_ms = (uint64_t)registration->lifetime_s * 1000;
    return lifetime_ms > 2 * KEDGE_REGISTRATION_MARGIN_MS
               ? lifetime_ms - KEDGE_REGISTRATION_MARGIN_MS
               : lifetime_ms / 2;
}

static void pause(struct kedge_registration *registration, uint64_t now_ms)
{
    registration->next_at_ms =
        now_ms + kedge_backoff_next(&registration->backoff, registration->random);
}

static void note_failure(struct kedge_registration *registration, bool refused, uint64_t now_ms)
{
    if (registration->failures++ == 0)
        registration->failing_since_ms = now_ms;
    registration->refusals += refused;
}

static enum kedge_registration_action stop(struct kedge_registration *registration)
{
    switch (registration->phase) {
    case KEDGE_REGISTERED:
        return KEDGE_REGISTRATION_SEND_DEREGISTER;
    case KEDGE_REGISTERING:
    case KEDGE_UPDATING_REGISTRATION:
    case KEDGE_DEREGISTERING:
        return KEDGE_REGISTRATION_WAIT;
    default:
        return KEDGE_REGISTRATION_OVER;
    }
}

enum kedge_registration_action kedge_registration_next(struct kedge_registration *registration,
                                                       uint64_t now_ms, uint64_t *wait_ms)
{
    *wait_ms = UINT64_MAX;
    if (registration->stopping)
        return stop(registration);
    bool registered = registration->phase == KEDGE_REGISTERED;
    if (!registered && registration->phase != KEDGE_UNREGISTERED)
        return KEDGE_REGISTRATION_WAIT;
    if (now_ms < registration->next_at_ms) {
        *wait_ms = registration->next_at_ms - now_ms;
        return KEDGE_REGISTRATION_WAIT;
    }
    if (registered && registration->disable_s > 0)
        return KEDGE_REGISTRATION_SEND_DEREGISTER;
    return registered && !registration->renewal_wanted ? KEDGE_REGISTRATION_SEND_UPDATE
                                                       : KEDGE_REGISTRATION_SEND_REGISTER;
}

void kedge_registration_sent(struct kedge_registration *registration,
                             enum kedge_registration_action action)
{
    switch (action) {
    case KEDGE_REGISTRATION_SEND_REGISTER:
        registration->phase = KEDGE_REGISTERING;
        registration->renewal_wanted = false;
        registration->disabled = false;
        break;
    case KEDGE_REGISTRATION_SEND_UPDATE:
        registration->phase = KEDGE_UPDATING_REGISTRATION;
        break;
    case KEDGE_REGISTRATION_SEND_DEREGISTER:
        registration->phase = KEDGE_DEREGISTERING;
        return;
    default:
        return;
    }
    /* What is asked for from here on is for the request after this one. */
    registration->update_wanted = false;
    registration->lifetime_sent_s = registration->lifetime_s;
}

bool kedge_registration_tells_lifetime(const struct kedge_registration *registration)
{
    return registration->lifetime_told_s != registration->lifetime_s;
}

static void up(struct kedge_registration *registration, uint64_t now_ms)
{
    registration->phase = KEDGE_REGISTERED;
    registration->unanswered = registration->failures = registration->refusals = 0;
    registration->lifetime_told_s = registration->lifetime_sent_s;
    kedge_backoff_reset(&registration->backoff);
    bool more =
        registration->update_wanted || registration->renewal_wanted || registration->disable_s > 0;
    registration->next_at_ms = more ? now_ms : now_ms + update_after_ms(registration);
}

/* The De-register is done, whether anybody has heard of it or not. */
static void down(struct kedge_registration *registration, uint64_t now_ms)
{
    registration->phase = registration->stopping ? KEDGE_DEREGISTERED : KEDGE_UNREGISTERED;
    registration->disabled = registration->disable_s > 0;
    registration->next_at_ms = now_ms + (uint64_t)registration->disable_s * 1000;
    registration->disable_s = 0;
}

/* A server that knows neither version is asked with the newer one again, like any that refuses. */
static void refused(struct kedge_registration *registration, uint8_t code, uint64_t now_ms)
{
    bool again = code == KEDGE_COAP_PRECONDITION_FAILED && !registration->older_version;
    registration->older_version = again;
    registration->phase = KEDGE_UNREGISTERED;
    registration->next_at_ms = now_ms;
    if (again)
        return;
    note_failure(registration,
                 code == KEDGE_COAP_BAD_REQUEST || code == KEDGE_COAP_UNAUTHORIZED ||
                     code == KEDGE_COAP_FORBIDDEN,
                 now_ms);
    pause(registration, now_ms);
}

bool kedge_registration_answered(struct kedge_registration *registration, uint8_t code,
                                 uint64_t now_ms)
{
    switch (registration->phase) {
    case KEDGE_REGISTERING:
        if (code == KEDGE_COAP_CREATED) {
            up(registration, now_ms);
            return true;
        }
        refused(registration, code, now_ms);
        return false;
    case KEDGE_UPDATING_REGISTRATION:
        if (code == KEDGE_COAP_CHANGED) {
            up(registration, now_ms);
            return false;
        }
        /* 4.04: the server has forgotten this device; any other refusal ends the same way. */
        registration->phase = KEDGE_UNREGISTERED;
        registration->next_at_ms = now_ms;
        return false;
    case KEDGE_DEREGISTERING:
        down(registration, now_ms);
        return false;
    default:
        return false;
    }
}

void kedge_registration_unanswered(struct kedge_registration *registration, uint64_t now_ms)
{
    registration->unanswered++;
    note_failure(registration, false, now_ms);
    switch (registration->phase) {
    case KEDGE_UPDATING_REGISTRATION:
        registration->phase = registration->unanswered < KEDGE_REGISTRATION_UNANSWERED_MAX
                                  ? KEDGE_REGISTERED
                                  : KEDGE_UNREGISTERED;
        break;
    case KEDGE_DEREGISTERING:
        down(registration, now_ms);
        return;
    default:
        registration->phase = KEDGE_UNREGISTERED;
    }
    pause(registration, now_ms);
}

void kedge_registration_rejected(struct kedge_registration *registration, uint64_t now_ms)
{
    registration->refusals++;
    kedge_registration_unanswered(registration, now_ms);
}

void kedge_registration_trigger(struct kedge_registration *registration, uint64_t now_ms)
{
    registration->update_wanted = true;
    if (registration->phase == KEDGE_REGISTERED)
        registration->next_at_ms = now_ms;
}

void kedge_registration_renew(struct kedge_registration *registration, uint64_t now_ms)
{
    registration->renewal_wanted = true;
    if (registration->phase == KEDGE_REGISTERED)
        registration->next_at_ms = now_ms;
}

bool kedge_registration_lifetime_fits(int64_t lifetime_s)
{
    return lifetime_s >= (int64_t)KEDGE_LIFETIME_MIN_S &&
           lifetime_s <= (int64_t)KEDGE_LIFETIME_MAX_S;
}

bool kedge_registration_set_lifetime(struct kedge_registration *registration, int64_t lifetime_s,
                                     uint64_t now_ms)
{
    if (!kedge_registration_lifetime_fits(lifetime_s))
        return false;
    registration->lifetime_s = (uint32_t)lifetime_s;
    kedge_registration_trigger(registration, now_ms);
    return true;
}

void kedge_registration_disable(struct kedge_registration *registration, uint32_t timeout_s,
                                uint64_t now_ms)
{
    registration->disable_s = timeout_s;
    if (registration->phase == KEDGE_REGISTERED)
        registration->next_at_ms = now_ms;
}

const char *kedge_registration_version(const struct kedge_registration *registration)
{
    return registration->older_version ? "1.0" : "1.1";
}

void kedge_registration_stop(struct kedge_registration *registration)
{
    registration->stopping = true;
}

bool kedge_registration_is_up(const struct kedge_registration *registration)
{
    return registration->phase == KEDGE_REGISTERED ||
           registration->phase == KEDGE_UPDATING_REGISTRATION;
}

bool kedge_registration_is_under_way(const struct kedge_registration *registration, uint64_t now_ms)
{
    if (registration->failures > 0 || registration->stopping)
        return false;
    return registration->phase == KEDGE_REGISTERING ||
           (registration->phase == KEDGE_UNREGISTERED && now_ms >= registration->next_at_ms);
}
