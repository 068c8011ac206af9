/*
 * registration.h: when to Register, Update and De-register (OMA LwM2M Core 1.1, section 6.2): a
 * pure machine over time and answers. It tries forever, with the pauses of backoff.h.
 */
#ifndef KEDGE_AGENT_REGISTRATION_H
#define KEDGE_AGENT_REGISTRATION_H

#include "agent/client/backoff.h"

#define KEDGE_REGISTRATION_UNANSWERED_MAX 2u /* Updates in a row, before it registers anew */
#define KEDGE_REGISTRATION_MARGIN_MS 120000u /* longer than MAX_TRANSMIT_WAIT (RFC 7252 4.8.2) */
#define KEDGE_LIFETIME_MIN_S 2u
#define KEDGE_LIFETIME_MAX_S 315360000u /* ten years */
#define KEDGE_LIFETIME_DEFAULT_S 86400u
#define KEDGE_DISABLE_DEFAULT_S 86400u /* OMA LwM2M Core 1.1, resource /1/x/5 */

enum kedge_registration_phase {
    KEDGE_UNREGISTERED,
    KEDGE_REGISTERING,
    KEDGE_REGISTERED,
    KEDGE_UPDATING_REGISTRATION,
    KEDGE_DEREGISTERING,
    KEDGE_DEREGISTERED
};

enum kedge_registration_action {
    KEDGE_REGISTRATION_WAIT, /* for `wait_ms`, or for an answer */
    KEDGE_REGISTRATION_SEND_REGISTER,
    KEDGE_REGISTRATION_SEND_UPDATE,
    KEDGE_REGISTRATION_SEND_DEREGISTER,
    KEDGE_REGISTRATION_OVER /* de-registered, or given up with it */
};

struct kedge_registration {
    const struct kedge_random *random;
    enum kedge_registration_phase phase;
    uint32_t lifetime_s;
    uint32_t lifetime_sent_s; /* with the request on its way, or the one before */
    uint32_t lifetime_told_s; /* what the server has acknowledged; 0: nothing */
    bool update_wanted;
    bool renewal_wanted; /* the next request is a Register */
    bool stopping;
    uint32_t disable_s;  /* to de-register for so long; 0: nothing of the kind is asked for */
    bool disabled;       /* de-registered, until next_at_ms */
    bool older_version;  /* the server knows LwM2M 1.0 alone */
    unsigned unanswered; /* requests in a row */
    /* Since the server last took this device: attempts in a row that failed, how many of them it
     * refused for what the device is, and when the first of them ended. */
    unsigned failures, refusals;
    uint64_t failing_since_ms;
    struct kedge_backoff backoff;
    uint64_t next_at_ms;
};

void kedge_registration_begin(struct kedge_registration *registration,
                              const struct kedge_random *random, uint32_t lifetime_s,
                              uint64_t now_ms);
/** What to do now. A SEND is done by sending and then saying _sent(). */
enum kedge_registration_action kedge_registration_next(struct kedge_registration *registration,
                                                       uint64_t now_ms, uint64_t *wait_ms);
/** The request that _next() asked for is on its way. */
void kedge_registration_sent(struct kedge_registration *registration,
                             enum kedge_registration_action action);
/** Whether the next Update has to name the lifetime: the server knows another one. */
bool kedge_registration_tells_lifetime(const struct kedge_registration *registration);
/**
 * The server answered the request that is on its way with `code` (0x41 is 2.01). True when it took
 * a Register.
 */
bool kedge_registration_answered(struct kedge_registration *registration, uint8_t code,
                                 uint64_t now_ms);
/** The request could not be sent, or nobody answered. */
void kedge_registration_unanswered(struct kedge_registration *registration, uint64_t now_ms);
/** The same, and because the server's end of DTLS does not take this device: a refusal. */
void kedge_registration_rejected(struct kedge_registration *registration, uint64_t now_ms);
/** Asks for an Update as soon as may be: /1/0/8, or a new lifetime. */
void kedge_registration_trigger(struct kedge_registration *registration, uint64_t now_ms);
/**
 * Asks for a new Register as soon as may be: what the server believes of this device, its
 * observations for one, may no longer be so.
 */
void kedge_registration_renew(struct kedge_registration *registration, uint64_t now_ms);
bool kedge_registration_lifetime_fits(int64_t lifetime_s);
/** kedge_registration_set_lifetime() takes the value written to /1/0/1; false when out of range. */
bool kedge_registration_set_lifetime(struct kedge_registration *registration, int64_t lifetime_s,
                                     uint64_t now_ms);
/**
 * Asks for a De-register as soon as may be, and for a Register `timeout_s` (1 and more) after it:
 * /1/0/4, OMA LwM2M Core 1.1, section 6.2.
 */
void kedge_registration_disable(struct kedge_registration *registration, uint32_t timeout_s,
                                uint64_t now_ms);
/** "1.1", or "1.0" once the server has answered that with 4.12. */
const char *kedge_registration_version(const struct kedge_registration *registration);
/** Asks for a De-register, and nothing after it. */
void kedge_registration_stop(struct kedge_registration *registration);
/** Whether the server knows this device, as far as the device can tell. */
bool kedge_registration_is_up(const struct kedge_registration *registration);
/** Whether a Register is due or on its way, and none before it has failed since the server last took
 * this device: more likely than not it will soon be up. */
bool kedge_registration_is_under_way(const struct kedge_registration *registration,
                                     uint64_t now_ms);

#endif
