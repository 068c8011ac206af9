/*
 * pull.h: the course of download.h, driven over a libcoap session: of its own, or the one to the
 * LwM2M server when the package lies there.
 */
#ifndef KEDGE_AGENT_PULL_H
#define KEDGE_AGENT_PULL_H

#include "agent/fetch/channel.h"
#include "agent/fetch/download.h"

struct kedge_pull {
    coap_context_t *context;
    const struct kedge_random *random;
    const struct kedge_credentials *credentials;
    struct kedge_uri uri;
    struct kedge_download download;
    coap_session_t *session; /* referenced; NULL between a loss and the next request */
    bool shared;             /* the session is the one to the LwM2M server */
    bool stale;              /* a delivery failed: a session of our own is made anew */
    struct kedge_token token;
    bool running;
};

/** The LwM2M server, for packages that lie there. */
struct kedge_pull_server {
    coap_session_t *session; /* the live one that the device is registered by, or NULL */
    bool awaited;            /* there is none yet, but one is being made */
    const struct kedge_uri *uri;
};

/**
 * kedge_pull_begin() starts to fetch `uri` into `sink`, at `from` (NULL: at the beginning).
 * `random`, `credentials` and `context` stay the caller's. Nothing is sent before
 * kedge_pull_poll().
 */
enum kedge_rc kedge_pull_begin(struct kedge_pull *pull, coap_context_t *context,
                               const struct kedge_random *random,
                               const struct kedge_credentials *credentials, struct kedge_slice uri,
                               const struct kedge_download_sink *sink,
                               const struct kedge_download_point *from, uint64_t patience_ms,
                               uint64_t now_ms) KEDGE_MUST_USE;

/**
 * kedge_pull_poll() sends what is due: by the session of `server` when the package lies there, which
 * is waited for as long as it is being made, so that a device that begins makes one DTLS handshake
 * and not two; otherwise by a session of its own. Returns what download.h says; WAIT also after a
 * request.
 */
enum kedge_download_step kedge_pull_poll(struct kedge_pull *pull,
                                         const struct kedge_pull_server *server, uint64_t now_ms,
                                         uint64_t *wait_ms);

/** What a response holds of one block; it borrows from the message. */
struct kedge_download_answer kedge_pull_read_answer(const coap_pdu_t *response);
/** Hands a response in; false when it does not answer the present request. */
bool kedge_pull_response(struct kedge_pull *pull, const coap_session_t *session,
                         const coap_pdu_t *response, uint64_t now_ms);
/** Hands a failed delivery in (`sent` may be NULL); false when it was none of ours. */
bool kedge_pull_undelivered(struct kedge_pull *pull, const coap_session_t *session,
                            const coap_pdu_t *sent, uint64_t now_ms);
/**
 * kedge_pull_attach() gives the session back, and goes on with one in `context`, by the credentials
 * that there are then. NULL: in none, for the time being; it must not be polled before another is.
 */
void kedge_pull_attach(struct kedge_pull *pull, coap_context_t *context, uint64_t now_ms);
/** kedge_pull_end() stops and gives the session back; may be called again. */
void kedge_pull_end(struct kedge_pull *pull);

#endif
