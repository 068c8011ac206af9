/*
 * net.h: the server's UDP event loop and CoAP endpoint (RFC 7252, RFC 7641, RFC 7959), with DTLS
 * 1.2 below it where it is asked for (RFC 6347).
 *
 * One thread runs kedge_net_run() and owns everything here; only kedge_net_post() and
 * kedge_net_stop() may be called from other threads. Inbound requests go to one handler, which
 * answers at once (piggybacked). Outbound requests are confirmable, retransmitted, one at a time
 * for each peer (NSTART 1). A duplicate is the same datagram again within the lifetime of its id.
 * Times are milliseconds of the monotonic clock.
 */
#ifndef KEDGE_UPDATER_NET_H
#define KEDGE_UPDATER_NET_H

#include "updater/net/siphash.h"
#include "updater/net/tokens.h"

#include <kedge/coap.h>
#include <netinet/in.h>

#define KEDGE_NET_LISTEN_MAX 8u
#define KEDGE_NET_QUEUE_MAX 16u        /* requests that wait for one peer; more are KEDGE_E_BUSY */
#define KEDGE_NET_MESSAGE_MAX 1280u    /* bytes of a message of ours */
#define KEDGE_NET_PATH_MAX 63u         /* of an outbound request */
#define KEDGE_NET_COLLECTED_MAX 65536u /* bytes of a response that comes in blocks */
#define KEDGE_NET_IDLE_PEERS_MAX                                     \
    4096u /* peers that nobody keeps and nothing waits for, each way \
           */
#define KEDGE_NET_RECEIVE_BUFFER (4u << 20) /* bytes of a burst that may wait for us */
#define KEDGE_NET_RECENT_MAX 4u             /* message ids remembered for each peer */
#define KEDGE_NET_IDENTITY_MAX 128u         /* bytes of a PSK identity */
#define KEDGE_NET_NAME_MAX 128u             /* bytes of the name of a peer that has proved it */
#define KEDGE_NET_KEY_MAX 64u               /* bytes of a pre-shared key */
/* An address that was not proved gets no more bytes than so often those it sent. */
#define KEDGE_NET_SENT_JUST_NOW_MS 100u
#define KEDGE_NET_ANSWER_FACTOR 3u
#define KEDGE_NET_EXCHANGE_LIFETIME_MS 247000u /* RFC 7252 section 4.8.2 */

/* ---- addresses ---- */

/** Where somebody is, and how it is spoken to: by DTLS and without, one address is two peers. */
struct kedge_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    bool secure;
};

#define KEDGE_ADDRESS_TEXT_MAX 64u

bool kedge_address_equal(const struct kedge_address *a, const struct kedge_address *b);
/** Over what kedge_address_equal() compares. */
uint64_t kedge_address_hash(const struct kedge_siphash_key *key,
                            const struct kedge_address *address);
socklen_t kedge_address_size(const struct kedge_address *address);
/** Writes "192.0.2.1:5683" or "[2001:db8::1]:5683", with "coaps://" before it when it is secure. */
void kedge_address_text(const struct kedge_address *address, char text[KEDGE_ADDRESS_TEXT_MAX]);
bool kedge_address_is_loopback(const struct kedge_address *address);
/** One without security, from a numeric host ("" is every IPv4 address) and a port.
 * KEDGE_E_MALFORMED for a name. */
enum kedge_rc kedge_address_from_host(const char *host, uint16_t port,
                                      struct kedge_address *out) KEDGE_MUST_USE;
void kedge_address_set_port(struct kedge_address *address, uint16_t port);
/** Reads back what kedge_address_text() wrote. */
enum kedge_rc kedge_address_parse(const char *text, struct kedge_address *out) KEDGE_MUST_USE;

/* ---- the loop ---- */

struct kedge_net;
struct kedge_net_reply;

/** Begins the reply with `code`; options, then the payload, are added to the builder it returns. */
struct kedge_coap_builder *kedge_net_reply(struct kedge_net_reply *reply, uint8_t code);
/** Nothing goes back, not even an acknowledgement: the sender asks again, later each time. */
void kedge_net_reply_nothing(struct kedge_net_reply *reply);
/**
 * The same, but the sender is asked by a ping whether it is there. Nothing is kept of that: when it
 * has answered and asks again, kedge_net_is_present() says so.
 */
void kedge_net_reply_probe(struct kedge_net *net, struct kedge_net_reply *reply);
/**
 * Lets the reply be as large as it is, though its address was not proved: without, one that is
 * larger than KEDGE_NET_ANSWER_FACTOR times the request is cut down to its code.
 */
void kedge_net_reply_at_length(struct kedge_net_reply *reply);

/** A request that waits for its answer. */
struct kedge_net_deferred;

/**
 * "The answer comes later": the request is copied, and nothing goes back now. When it comes again
 * meanwhile, it is handled again. NULL without memory: nothing goes back, and nothing is kept.
 */
struct kedge_net_deferred *kedge_net_defer(struct kedge_net_reply *reply);
/** Hands the request to the handler once more, as if it had come only now, and frees the copy. */
void kedge_net_resume(struct kedge_net *net, struct kedge_net_deferred *deferred);
/** It is not answered at all. NULL is fine. */
void kedge_net_deferred_free(struct kedge_net_deferred *deferred);

/**
 * Handles a request. Without a kedge_net_reply() a confirmable one is only acknowledged. `request`
 * is borrowed for the call.
 */
typedef void kedge_net_handler_fn(void *context, const struct kedge_address *from,
                                  const struct kedge_coap_message *request,
                                  struct kedge_net_reply *reply);

/** A pre-shared key, and in whose name its owner speaks. */
struct kedge_net_secret {
    char name[KEDGE_NET_NAME_MAX + 1];
    uint8_t key[KEDGE_NET_KEY_MAX];
    size_t key_size;
};

/** Who may make an association by DTLS. All of it is called on the network thread. */
struct kedge_net_security {
    void *context;
    /** Finds the key of a PSK identity, which is UTF-8 without control characters. Any failure
     * refuses the peer. `secret` is wiped by who asked. */
    enum kedge_rc (*find_key)(void *context, const char *identity, struct kedge_net_secret *secret);
    /** Finds in whose name the owner of a raw public key speaks, by the SHA-256 of its
     * SubjectPublicKeyInfo in hex. Any failure, and NULL, refuse the peer. */
    enum kedge_rc (*find_raw_key)(void *context, const char *digest,
                                  char name[KEDGE_NET_NAME_MAX + 1]);
    /** For a log, may be NULL: what became of an association. `name` may be NULL (not known). */
    void (*report)(void *context, const struct kedge_address *peer, const char *name,
                   const char *words);
};

/**
 * By what the server proves itself, and whose certificates it takes; each the name of a PEM file,
 * NULL for none. With a key alone there are raw public keys (RFC 7250); with certificate and CA as
 * well, X.509 too: a device's endpoint name is the common name of its certificate.
 */
struct kedge_net_certificates {
    const char *key_file; /* ECDSA on P-256 */
    const char *certificate_file;
    const char *ca_file;
    const char *crl_file;
};

struct kedge_net_config {
    struct kedge_address listen[KEDGE_NET_LISTEN_MAX]; /* port 0: a free one; `secure`: by DTLS */
    size_t listen_count;
    struct kedge_net_certificates certificates; /* read when it is made; names outlive it */
    kedge_net_handler_fn *on_request;
    void *context;
    uint32_t ack_timeout_ms;          /* 0: 2000 */
    uint32_t retransmit_max;          /* 0: 4 */
    uint32_t response_ms;             /* how long to wait for a separate response; 0: 60000 */
    uint32_t handshake_retransmit_ms; /* doubled each time (RFC 6347 section 4.2.4.1); 0: 1000 */
    uint32_t idle_ms; /* an association that nobody keeps ends when unused so long; 0: 300000 */
    struct kedge_token_rate unproven_rate; /* of one network; per_s 0: 500 a second, 5000 at once */
};

/**
 * Opens the sockets. KEDGE_E_SYSTEM when an address cannot be had (errno says why), KEDGE_E_KEY
 * when a file of the certificates cannot be used.
 */
enum kedge_rc kedge_net_create(const struct kedge_net_config *config,
                               struct kedge_net **out) KEDGE_MUST_USE;
/** After kedge_net_run() has returned. What still waits is dropped without a callback. */
void kedge_net_destroy(struct kedge_net *net);
/** Sets who handles requests, before kedge_net_run(). */
void kedge_net_set_handler(struct kedge_net *net, kedge_net_handler_fn *on_request, void *context);
/** Sets who is let in by DTLS, before kedge_net_run(); without, nobody is. */
void kedge_net_set_security(struct kedge_net *net, const struct kedge_net_security *security);
/** Serves until kedge_net_stop(). */
enum kedge_rc kedge_net_run(struct kedge_net *net) KEDGE_MUST_USE;
/** Ends kedge_net_run(); from any thread and from a signal handler. */
void kedge_net_stop(struct kedge_net *net);

/** Has `fn(context)` called on the network thread, in the order of posting; any thread. */
enum kedge_rc kedge_net_post(struct kedge_net *net, void (*fn)(void *context),
                             void *context) KEDGE_MUST_USE;
/** The port of the n-th listening address; 0 beyond them. */
uint16_t kedge_net_local_port(const struct kedge_net *net, size_t index);
uint64_t kedge_net_now_ms(const struct kedge_net *net);
/** Bytes of the smallest receive buffer that the system granted; KEDGE_NET_RECEIVE_BUFFER is asked
 * for. */
size_t kedge_net_receive_buffer(const struct kedge_net *net);

/* ---- timers ---- */

/** Zero it once; it is the caller's and must not move while it is armed. */
struct kedge_net_timer {
    struct kedge_net_timer *next, **link; /* link is NULL while it is not armed */
    uint64_t at_ms;
    void (*fn)(void *context);
    void *context;
};

/** Arms it, or arms it anew; fires once, at or up to 10 ms after `at_ms`. O(1). */
void kedge_net_timer_arm(struct kedge_net *net, struct kedge_net_timer *timer, uint64_t at_ms,
                         void (*fn)(void *context), void *context);
void kedge_net_timer_cancel(struct kedge_net *net, struct kedge_net_timer *timer);

/* ---- requests to peers ---- */

/** Fill it with KEDGE_NET_REQUEST_INIT and change what differs. Everything is copied. */
struct kedge_net_request {
    uint8_t method;
    const char *path;       /* "5/0/1" */
    const char *query;      /* "pmin=5&pmax=60"; NULL: none */
    bool observe;           /* the path: RFC 7641 */
    int32_t content_format; /* -1: none */
    int32_t accept;         /* -1: none */
    struct kedge_slice payload;
    const struct kedge_coap_block *block1; /* which part of a body it is; NULL: all of it */
    uint32_t size1;                        /* of that body; 0: not said */
    uint64_t request_tag;                  /* whose parts belong together; 0: none */
};

#define KEDGE_NET_REQUEST_INIT                                                   \
    {                                                                            \
        .method = KEDGE_COAP_GET, .path = "", .content_format = -1, .accept = -1 \
    }

/**
 * Tells how a request ended: KEDGE_OK with the response (any code), KEDGE_E_TIMEOUT (no answer),
 * KEDGE_E_REFUSED (RST), KEDGE_E_LIMIT (more than KEDGE_NET_COLLECTED_MAX, or more than one block
 * to another request than a GET or a FETCH), KEDGE_E_MALFORMED (blocks that are not of one
 * response), or KEDGE_E_CANCELED (the peer was forgotten). Each block is asked for by the whole
 * request: whoever answers may have kept nothing of it (RFC 7959 section 2.7).
 * Called once for a request; for an observation also for each newer notification. `response` is
 * borrowed for the call, NULL unless KEDGE_OK. Not called from within the function that sends.
 */
typedef void kedge_net_result_fn(void *context, enum kedge_rc rc,
                                 const struct kedge_coap_message *response);

/**
 * Sends a request; `handle` (may be NULL) names it until its callback. KEDGE_E_BUSY when the peer's
 * queue is full, KEDGE_E_BUFFER when it does not fit into a message, KEDGE_E_MEMORY,
 * KEDGE_E_CONNECTION when it is secure and there is no association: only the peer can make one.
 * When it observes, the callback stays until it is cancelled or the end is told:
 * kedge_net_observes() is false then. The rest of a notification in blocks is asked for; a newer
 * one takes its place.
 */
enum kedge_rc kedge_net_send(struct kedge_net *net, const struct kedge_address *to,
                             const struct kedge_net_request *request,
                             kedge_net_result_fn *on_result, void *context,
                             uint64_t *handle) KEDGE_MUST_USE;
/** Whether it is an observation that goes on. */
bool kedge_net_observes(struct kedge_net *net, uint64_t handle);
/**
 * "This peer can be reached now, and soon cannot be any more": the request on its way to it, if one
 * is that it has not acknowledged, is sent again within 10 ms, beside what RFC 7252 section 4.2 has
 * it sent again for: that goes on, and ends, at its own times. Nothing when it was sent in the last
 * KEDGE_NET_SENT_JUST_NOW_MS.
 */
void kedge_net_peer_hurry(struct kedge_net *net, const struct kedge_address *peer);
/**
 * "This peer cannot be reached until it is heard of": no request is sent to it any more. The one on
 * its way is not sent again, and ends at its own time (RFC 7252 section 4.2); those behind it wait.
 * False: it can be reached again, and what waits goes out at once. A peer that is forgotten, or was
 * not there before, can be reached.
 */
void kedge_net_peer_rest(struct kedge_net *net, const struct kedge_address *peer, bool rests);
/** Its callback is not called any more. Notifications to come are answered with RST. */
void kedge_net_cancel(struct kedge_net *net, uint64_t handle);
/**
 * The same, and tells the peer of it at once: an observation is ended by the same request with
 * Observe 1 (RFC 7641 section 3.6), whatever becomes of that. One that was not answered yet, or of
 * a peer whose queue is full, is only cancelled.
 */
void kedge_net_unobserve(struct kedge_net *net, uint64_t handle);

/** Keeps the peer's state for its owner (a registration); NULL: lets it go when it is idle. */
enum kedge_rc kedge_net_peer_keep(struct kedge_net *net, const struct kedge_address *peer,
                                  void *owner) KEDGE_MUST_USE;
/** For whom the peer is kept; NULL: for nobody. */
void *kedge_net_peer_owner(struct kedge_net *net, const struct kedge_address *peer);
/**
 * Ends all requests and observations of the peer: each is told KEDGE_E_CANCELED, before this
 * returns. Until then kedge_net_send() to it fails with KEDGE_E_CANCELED. It is kept for nobody
 * then.
 */
void kedge_net_peer_forget(struct kedge_net *net, const struct kedge_address *peer);

/**
 * The address and port by which the peer reaches this server: where it last came in, or, before it
 * has, where the system would send to it from. KEDGE_E_NOT_FOUND without a socket of its family,
 * KEDGE_E_SYSTEM without a route.
 */
enum kedge_rc kedge_net_peer_local(struct kedge_net *net, const struct kedge_address *peer,
                                   struct kedge_address *local) KEDGE_MUST_USE;

/**
 * In whose name a secure peer speaks, as its handshake has proved. NULL for one without security or
 * without an association. Holds until the loop goes on.
 */
const char *kedge_net_peer_name(struct kedge_net *net, const struct kedge_address *peer);
/** How a peer has proved its name. */
enum kedge_net_proof {
    KEDGE_PROOF_NONE, /* it has proved nothing */
    KEDGE_PROOF_PSK,
    KEDGE_PROOF_RAW_KEY,
    KEDGE_PROOF_CERTIFICATE
};

/** How it has, and for a pre-shared key by which identity; that is "" for all others. */
enum kedge_net_proof kedge_net_peer_proof(struct kedge_net *net, const struct kedge_address *peer,
                                          char identity[KEDGE_NET_IDENTITY_MAX + 1]);
/**
 * "What these peers have proved no longer holds": ends the associations and handshakes of all whose
 * name and PSK identity ("" for other proofs) `is_over` says so of, and tells those peers; no
 * session that was made before can be resumed. Walks all peers. Not from a handler of requests.
 */
void kedge_net_hang_up(struct kedge_net *net,
                       bool (*is_over)(void *context, const char *name, const char *identity),
                       void *context);
/**
 * Reads the revocation list again; new handshakes are judged by it at once. `tell` is told each
 * name that a peer has proved by a certificate which does not hold any more: hang up on these.
 * Fails, and leaves all as it was, with KEDGE_E_NOT_FOUND when there is no such list, with
 * KEDGE_E_KEY when it cannot be read or is none of the CA's, with KEDGE_E_MEMORY. Walks all peers,
 * and blocks for the file.
 */
enum kedge_rc kedge_net_reload_revoked(struct kedge_net *net,
                                       void (*tell)(void *context, const char *name),
                                       void *context) KEDGE_MUST_USE;

/* ---- who has proved nothing ---- */

/** What an address says that has proved nothing yet; tokens are counted for each kind apart. */
enum kedge_net_claim {
    KEDGE_CLAIM_NONE,       /* without security, and nobody that we know */
    KEDGE_CLAIM_DEVICE,     /* without security: to be a device that is known at this host */
    KEDGE_CLAIM_CREDENTIAL, /* receives at its address, and is about to prove who it is by DTLS */
    KEDGE_CLAIM_COUNT
};

/**
 * Takes a token of the sender's network (IPv4: /24, IPv6: /56) for something that is done for it;
 * false when there is none left: do nothing and say nothing. Not for who has proved something.
 */
bool kedge_net_admit(struct kedge_net *net, const struct kedge_address *from,
                     enum kedge_net_claim claim);
/**
 * Whether a ping at this address was answered in the last one to two minutes. A forger hits that by
 * guessing, once in 32,768 datagrams. When very many answer, a few are forgotten early.
 */
bool kedge_net_is_present(const struct kedge_net *net, const struct kedge_address *from);
/**
 * "This peer is kept, but its address may be somebody else's": until it answers one of our requests
 * it is sent no more than KEDGE_NET_ANSWER_FACTOR times the bytes of its requests from now on;
 * beyond that ours are lost, and what is small enough goes before what is too large. Does nothing to
 * a secure peer.
 */
void kedge_net_peer_doubt(struct kedge_net *net, const struct kedge_address *peer);
/** It has shown otherwise that it receives there. */
void kedge_net_peer_trust(struct kedge_net *net, const struct kedge_address *peer);

/* ---- figures ---- */

struct kedge_net_counters {
    uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out, malformed, duplicates, retransmissions, timeouts;
    uint64_t peers, exchanges, send_failures, handshakes, handshakes_failed;
    uint64_t held_off; /* for lack of a token */
    uint64_t cut_down; /* replies to unproven addresses that would have been too large */
    uint64_t probes, probes_answered;
};

/** On the network thread. */
struct kedge_net_counters kedge_net_counters(const struct kedge_net *net);

#endif
