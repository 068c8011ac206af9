/* bootstrap_internal.h: what the files of the bootstrap server share. */
#ifndef KEDGE_UPDATER_BOOTSTRAP_INTERNAL_H
#define KEDGE_UPDATER_BOOTSTRAP_INTERNAL_H

#include "updater/lwm2m/bootstrap_objects.h"
#include "updater/lwm2m/bootstrap_request.h"
#include "updater/lwm2m/index.h"
#include "updater/net/siphash.h"
#include "updater/net/upload.h"

/** What is asked of a device, in this order. */
enum bootstrap_step {
    STEP_DISCOVER,
    STEP_DELETE_SECURITY,
    STEP_DELETE_SERVER,
    STEP_DELETE_ACL, /* where there are any, likewise the next */
    STEP_DELETE_OSCORE,
    STEP_WRITE_SECURITY,
    STEP_WRITE_SERVER,
    STEP_READ, /* where the device can be read from */
    STEP_FINISH,
    STEP_COUNT
};

/** A device that is being bootstrapped. */
struct bootstrap_session {
    struct kedge_bootstrap *bootstrap;
    struct kedge_index_link by_endpoint, by_ticket;
    struct kedge_address address;
    uint64_t ticket;
    struct kedge_net_deferred *deferred; /* its request, until what it is given is durable */
    bool failed;                         /* that could not be had */
    bool begun;                          /* its request was answered */
    struct kedge_bootstrap_grant grant;
    char uri[KEDGE_BOOTSTRAP_URI_MAX + 1];
    struct bootstrap_account account;
    bool wants_pack; /* by a Bootstrap-Pack-Request */
    uint32_t pack_format;
    uint8_t *pack; /* its answer; NULL: not made yet */
    size_t pack_size;
    struct kedge_net_timer timer; /* its next step; later, the end of its time */
    uint64_t limit_at_ms;
    enum bootstrap_step step;
    uint64_t handle;                   /* of the request on its way; 0: none */
    struct kedge_upload upload;        /* of what does not fit into a message */
    char path[KEDGE_NET_PATH_MAX + 1]; /* of the request on its way */
    uint8_t *body;                     /* likewise; NULL: none */
    size_t body_size;
    uint8_t said, refused;          /* formats to write, as format_bit() */
    int32_t content_format, accept; /* of the request on its way; -1: none */
    bool accept_refused;
    unsigned times; /* that it has refused what it was given as a whole */
    struct bootstrap_discovery has;
    char endpoint[]; /* with a NUL */
};

/* So many endpoints are told apart in how often they begin. */
#define BOOTSTRAP_ATTEMPTS 65536u

struct kedge_bootstrap {
    struct kedge_net *net;
    struct kedge_bootstrap_desk desk;
    const char *server_uri;
    uint16_t server_port;
    uint32_t lifetime_s, limit_ms;
    struct kedge_siphash_key key;
    struct kedge_index by_endpoint, by_ticket;
    uint64_t last_ticket;
    struct kedge_token_bucket attempts[BOOTSTRAP_ATTEMPTS];
    uint64_t crowded_out, held_off;
    struct bootstrap_session *resuming; /* whose request is being handled once more */
};

/** Tells the desk, in at most KEDGE_BOOTSTRAP_WORDS_MAX. */
void bootstrap_trace(struct kedge_bootstrap *bootstrap, const char *endpoint,
                     enum kedge_bootstrap_event event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Ends it and frees it; nothing more is asked of the device. */
void bootstrap_session_end(struct bootstrap_session *session);
/** Its request was answered: the steps begin when the answer is on its way. */
void bootstrap_session_begin(struct bootstrap_session *session);

/* Of the account, as long as the device has not said where it keeps the one with us: one of 8 bits,
 * which every format and every client takes, and which no client chooses by itself. */
#define BOOTSTRAP_INSTANCE_UNTOLD 100
/* Two certificates, a private key, and what stands around them, in Base64. */
#define BOOTSTRAP_PAYLOAD_MAX 16384u

/** A copy of what was written, with no more memory than that; wipe it and free it. */
enum kedge_rc bootstrap_keep(const struct kedge_writer *written, uint8_t **out,
                             size_t *size) KEDGE_MUST_USE;

/* ---- bootstrap_pack.c ---- */

/** Makes what a Bootstrap-Pack-Request is answered, and keeps it for its blocks. */
enum kedge_rc bootstrap_pack_make(struct bootstrap_session *session) KEDGE_MUST_USE;
/** Answers with the block that is asked for. */
void bootstrap_pack_serve(const struct bootstrap_session *session,
                          const struct kedge_coap_message *request, struct kedge_net_reply *reply);

#endif
