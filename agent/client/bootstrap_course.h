/*
 * bootstrap_course.h: when a device asks to be bootstrapped, and what it does when that fails (OMA
 * LwM2M Core 1.1, section 6.1): a pure machine over time and answers.
 *
 * It asks for a Bootstrap-Pack first (LwM2M 1.2, section 6.1.7.5), and when the server has none or
 * it is no good, for a bootstrapping step by step. What fails is tried again with the pauses of
 * backoff.h. A device that has an account keeps it, and goes on trying to register with it, until
 * another one has taken its place.
 */
#ifndef KEDGE_AGENT_BOOTSTRAP_COURSE_H
#define KEDGE_AGENT_BOOTSTRAP_COURSE_H

#include "agent/client/account.h"
#include "agent/client/registration.h"

/* So often a device asks that a server has sent to be bootstrapped, while it is registered. */
#define KEDGE_BOOTSTRAP_TRIES_MAX 5u

enum kedge_bootstrap_phase {
    KEDGE_BOOTSTRAP_IDLE, /* there is an account, and nothing to be asked for */
    KEDGE_BOOTSTRAP_DUE,  /* at next_at_ms */
    KEDGE_BOOTSTRAP_PACKING,
    KEDGE_BOOTSTRAP_REQUESTING,
    KEDGE_BOOTSTRAP_SERVED /* until Finish */
};

enum kedge_bootstrap_action {
    KEDGE_BOOTSTRAP_WAIT, /* for `wait_ms`, or for an answer */
    KEDGE_BOOTSTRAP_ASK_FOR_PACK,
    KEDGE_BOOTSTRAP_ASK,
    KEDGE_BOOTSTRAP_GIVE_UP /* no Finish in time: say _failed() */
};

struct kedge_bootstrap_course {
    const struct kedge_random *random;
    uint64_t patience_ms;

    enum kedge_bootstrap_phase phase;
    bool by_server;   /* a registered server has asked for it, and the registration still stands */
    bool pack_failed; /* this time: step by step */
    bool unproven;    /* the device has not registered yet with the account that it got last */
    unsigned failures;
    struct kedge_backoff backoff;
    uint64_t next_at_ms, give_up_at_ms;
};

/** `random` is the caller's. Nothing is due. */
void kedge_bootstrap_course_begin(struct kedge_bootstrap_course *course,
                                  const struct kedge_random *random, uint64_t patience_ms);
/**
 * It has no account, or none that is of use: due after the hold-off time (/0/x/11); and after a
 * pause when it got that account by bootstrapping just now.
 */
void kedge_bootstrap_course_want(struct kedge_bootstrap_course *course, uint32_t hold_off_s,
                                 uint64_t now_ms);
/** A server has executed Bootstrap-Request Trigger, /1/x/9: due at once. */
void kedge_bootstrap_course_trigger(struct kedge_bootstrap_course *course, uint64_t now_ms);

/**
 * kedge_bootstrap_registration_is_lost() says whether an account is of no more use: the server has
 * refused this device /1/x/17 times; or nothing has worked so often, and for as long as the retries
 * of LwM2M 1.1 last, whose pauses are /1/x/18 and double each time. Never with /1/x/16 at false.
 */
bool kedge_bootstrap_registration_is_lost(const struct kedge_registration *registration,
                                          const struct kedge_account_server *server,
                                          uint64_t now_ms);
/** The registration stands: what was wanted because it did not is not wanted any more, and the next
 * pause is the shortest again. */
void kedge_bootstrap_course_registered(struct kedge_bootstrap_course *course);

/** What to do now; an ASK is done by sending and then saying _asked(). */
enum kedge_bootstrap_action kedge_bootstrap_course_next(struct kedge_bootstrap_course *course,
                                                        uint64_t now_ms, uint64_t *wait_ms);
void kedge_bootstrap_course_asked(struct kedge_bootstrap_course *course,
                                  enum kedge_bootstrap_action action, uint64_t now_ms);
/** The server has no pack, or none that is of use: it is asked step by step, at once. */
void kedge_bootstrap_course_no_pack(struct kedge_bootstrap_course *course, uint64_t now_ms);
/** The request was answered 2.04: the server's requests are awaited. */
void kedge_bootstrap_course_accepted(struct kedge_bootstrap_course *course);
/** Refused, not answered, given up, or what came was no account: again after a pause. */
void kedge_bootstrap_course_failed(struct kedge_bootstrap_course *course, uint64_t now_ms);
/** The new account is on the disk. */
void kedge_bootstrap_course_finished(struct kedge_bootstrap_course *course);

/** Whether a bootstrap server is being spoken to. */
bool kedge_bootstrap_course_runs(const struct kedge_bootstrap_course *course);

#endif
