/*
 * bootstrap.h: how this device comes by its account: the course of bootstrap_course.h over libcoap,
 * with a context and a session of its own, so that a device that has an account stays registered
 * meanwhile. What the bootstrap server writes is kept apart until it finishes; then the new account
 * is checked, put on the disk, and only after that in the place of the old one.
 */
#ifndef KEDGE_AGENT_BOOTSTRAP_H
#define KEDGE_AGENT_BOOTSTRAP_H

#include "agent/client/account_file.h"
#include "agent/client/bootstrap_course.h"
#include "agent/client/collect.h"
#include "agent/client/incoming.h"
#include "agent/client/provision.h"
#include "agent/fetch/channel.h"
#include "agent/fetch/download.h"

/* Beyond Finish, so that one that is repeated because its answer was lost is answered again. */
#define KEDGE_BOOTSTRAP_LINGER_MS 10000u
#define KEDGE_BOOTSTRAP_WORDS_MAX 191u

/** What is collected and worked on while a bootstrap server is spoken to. Holds keys. */
struct kedge_bootstrap_work {
    struct kedge_provision provision;
    uint8_t body[KEDGE_PROVISION_PAYLOAD_MAX]; /* of a pack, or of a write in blocks */
    size_t body_size;                          /* of a pack */
    struct kedge_download pack;
    uint32_t pack_format;
    struct kedge_collect collect; /* of a write in blocks, in `body` */
};

struct kedge_bootstrap {
    /* The caller's. */
    const struct kedge_clock *clock;
    const struct kedge_random *random;
    const char *endpoint;
    struct kedge_uri uri;                  /* of the bootstrap server */
    struct kedge_credentials own;          /* towards it */
    int folder;                            /* of the account's file; must outlive this */
    uint32_t hold_off_s;                   /* unless the bootstrap server has written another */
    struct kedge_credentials *credentials; /* of the account: set with it */

    struct kedge_account account; /* without instances: there is none */
    bool renewed;                 /* it is another one since the caller has last put this back */
    struct kedge_bootstrap_course course;
    char words[KEDGE_BOOTSTRAP_WORDS_MAX + 1]; /* why it failed last; empty: it has not */

    coap_context_t *context; /* NULL: nobody is spoken to */
    coap_session_t *session;
    struct kedge_bootstrap_work *work;
    struct kedge_recent recent;
    struct kedge_token token; /* of the request on its way */
    bool waiting;
    bool alerted;         /* by DTLS, since that was sent */
    bool ended;           /* to be given up at the next poll: not from within libcoap */
    uint64_t close_at_ms; /* finished, and lingering until then; 0: not */
};

/**
 * kedge_bootstrap_begin() reads the account from its file; where there is none that is of use, the
 * device is due to be bootstrapped. KEDGE_E_SYSTEM with errno when the file cannot be read.
 */
enum kedge_rc kedge_bootstrap_begin(struct kedge_bootstrap *bootstrap,
                                    uint64_t patience_ms) KEDGE_MUST_USE;
bool kedge_bootstrap_has_account(const struct kedge_bootstrap *bootstrap);
/** A registered server has sent this device to be bootstrapped anew. */
void kedge_bootstrap_trigger(struct kedge_bootstrap *bootstrap);
/** Looks at how the registration stands: whether another account is wanted. */
void kedge_bootstrap_look(struct kedge_bootstrap *bootstrap,
                          const struct kedge_registration *registration);
/** Takes in what has arrived, and sends what is due; lowers `wait_ms`. Does not block, but to
 * resolve a name and to write the account. */
void kedge_bootstrap_poll(struct kedge_bootstrap *bootstrap, uint64_t *wait_ms);
/** A file number that is readable when there is something to poll for; -1: none. */
int kedge_bootstrap_file(const struct kedge_bootstrap *bootstrap);
/** Sets libcoap's timers: the last thing before a wait. True when there is something to poll for.
 */
bool kedge_bootstrap_arm(struct kedge_bootstrap *bootstrap);
/** Stops what runs, and wipes the keys; the account on the disk stays. */
void kedge_bootstrap_end(struct kedge_bootstrap *bootstrap);

/* ---- bootstrap_requests.c ---- */

/** Sets the handler for every path and method; the context's app data is the bootstrap. */
enum kedge_rc kedge_bootstrap_requests_register(coap_context_t *context) KEDGE_MUST_USE;
/**
 * kedge_bootstrap_take_over() puts the account that the server has made in the place of the present
 * one: 0x44 (2.04); 4.06 when it is nothing to register with, 5.00 when the disk does not take it,
 * with `words`, and nothing has changed.
 */
uint8_t kedge_bootstrap_take_over(struct kedge_bootstrap *bootstrap);

#endif
