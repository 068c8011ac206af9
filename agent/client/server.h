/*
 * server.h: the one LwM2M server of the agent, over libcoap: registration, the requests that it
 * makes, and notifications. libcoap's traps are dealt with here (duplicate requests reach the
 * handler; a failed session is not used again).
 */
#ifndef KEDGE_AGENT_SERVER_H
#define KEDGE_AGENT_SERVER_H

#include "agent/client/collect.h"
#include "agent/client/model.h"
#include "agent/client/observe.h"
#include "agent/client/queue_mode.h"
#include "agent/client/recent.h"
#include "agent/client/registration.h"
#include "agent/client/send.h"
#include "agent/fetch/channel.h"
#include "agent/fetch/intake.h"
#include "agent/fetch/pull.h"

#define KEDGE_LOCATION_MAX 8u /* segments of a Location-Path */
#define KEDGE_LOCATION_SIZE_MAX 64u
#define KEDGE_WRITE_BODY_MAX KEDGE_MODEL_PAYLOAD_MAX /* what can be read can be written back */
/* How often a request is sent again by DTLS, once the server has answered: a server that has
 * restarted cannot even say that it knows the association no more (RFC 6347 section 4.1.2.7), so
 * after two that went unanswered a new one is made. */
#define KEDGE_DTLS_RETRANSMIT_MAX 1u

struct kedge_server {
    coap_context_t *context;
    const struct kedge_clock *clock;
    const struct kedge_random *random;
    const struct kedge_credentials *credentials;
    const char *endpoint;
    struct kedge_uri uri;
    struct kedge_model_hooks hooks;
    /** Takes one block of a pushed package (/5/0/0), and answers with a CoAP code. */
    uint8_t (*take_block)(void *context, const struct kedge_intake_block *block);
    struct kedge_pull *pull;       /* gets the responses that are its own */
    struct kedge_queue_mode queue; /* `on` and `awake_ms` */
    struct kedge_send send;        /* begun */

    coap_session_t *session;
    bool session_failed; /* not to be used for the next Register; by DTLS, for nothing */
    bool undelivered;    /* since the timers were set */
    bool unreachable;    /* has been said since the latest answer */
    struct kedge_registration registration;
    struct kedge_token token; /* of the registration request on its way */
    bool waiting;
    bool alerted; /* by DTLS, since that was sent */
    struct kedge_token send_token;
    bool reached; /* a Register was answered with 2.01 in this run */
    struct {
        uint8_t bytes[KEDGE_LOCATION_SIZE_MAX];
        uint8_t size;
    } location[KEDGE_LOCATION_MAX];
    size_t location_count;
    struct kedge_recent recent;
    uint8_t body[KEDGE_WRITE_BODY_MAX]; /* of a request in blocks */
    struct kedge_collect collect;
    struct kedge_observe observe;
    struct kedge_attributes attributes;
    /* /1/0/2 and /1/0/3, for paths without pmin and pmax of their own; 0: none. */
    uint32_t default_pmin_s, default_pmax_s;
    uint16_t short_server_id; /* /1/0/0 */
};

/**
 * kedge_server_begin() makes the libcoap context and gets ready to register; nothing is sent
 * before kedge_server_poll(), and as long as there is no `uri`. The fields above `session`, but for
 * `context`, are the caller's. After kedge_server_end() it may begin with another server.
 */
enum kedge_rc kedge_server_begin(struct kedge_server *server, uint32_t lifetime_s) KEDGE_MUST_USE;
/** Sends what is due; lowers `wait_ms`. False once it is de-registered (or gave up trying). */
bool kedge_server_poll(struct kedge_server *server, uint64_t *wait_ms);
/** Sends the notifications that are due; lowers `wait_ms` to when the next one may be. */
void kedge_server_notify(struct kedge_server *server, uint64_t *wait_ms);
/** What the server is told of queue mode, and whether it is: "U", or of LwM2M 1.0 "UQ". */
const char *kedge_server_binding(const struct kedge_server *server);
/**
 * Whether the device sleeps, in queue mode; then it reads nothing. It does not while it is `busy`.
 * Lowers `wait_ms` to when it may. What it sends wakes it; what came before that is not heard.
 */
bool kedge_server_sleeps(struct kedge_server *server, bool busy, uint64_t *wait_ms);
/** A message of the session came, or is about to be sent. */
void kedge_server_stir(struct kedge_server *server);
/** Takes in what has arrived and retransmits what is due; does not block. */
void kedge_server_process(struct kedge_server *server);
/**
 * Sets libcoap's timers for what was sent since: the last thing before a wait. True when something
 * was found to be undelivered by that, so that there is something to do before the wait.
 */
bool kedge_server_arm(struct kedge_server *server);
void kedge_server_end(struct kedge_server *server);

#endif
