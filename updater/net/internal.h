/*
 * internal.h: what the files of updater/net share.
 */
#ifndef KEDGE_UPDATER_NET_INTERNAL_H
#define KEDGE_UPDATER_NET_INTERNAL_H

#include <pthread.h>
#include <sys/socket.h>

#include "updater/net/net.h"
#include "updater/net/pool.h"
#include "updater/net/siphash.h"

#define BATCH 64u
#define DATAGRAM_SIZE 1500u
#define CONTROL_SIZE 64u

/* ---- timers ---- */

#define WHEEL_TICK_MS 10u
#define WHEEL_LEVELS 5u
#define WHEEL_FIRST_SLOTS 256u
#define WHEEL_SLOTS 64u

struct timer_wheel {
    uint64_t now_tick;
    size_t armed;
    struct kedge_net_timer *first[WHEEL_FIRST_SLOTS];
    struct kedge_net_timer *levels[WHEEL_LEVELS - 1][WHEEL_SLOTS];
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);
void timer_wheel_arm(struct timer_wheel *wheel, struct kedge_net_timer *timer);
void timer_wheel_cancel(struct timer_wheel *wheel, struct kedge_net_timer *timer);
/** Fires all that is due, in the order of their ticks. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);
/** How long until something may be due; -1 when nothing is armed. */
int timer_wheel_wait_ms(const struct timer_wheel *wheel, uint64_t now_ms);

/* ---- addresses ---- */

#define ADDRESS_BYTES_MAX 23u

/** What tells one peer from another, for hashes and cookies; returns how many bytes it is. */
size_t address_bytes(const struct kedge_address *address, uint8_t out[ADDRESS_BYTES_MAX]);

/* ---- peers ---- */

/** Where a peer reached us: replies leave by the same socket and address. */
struct path {
    uint8_t socket;
    bool local_known;
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } local;
};

/** What a duplicate has in common with the message that came first. */
struct mark {
    uint16_t message_id;
    uint32_t digest; /* of the whole datagram */
};

/** A message that came, and what was answered to it. */
struct recent {
    struct recent *older;
    uint32_t at_s;
    uint32_t digest;
    uint16_t message_id;
    uint16_t reply_size; /* 0: nothing was answered */
    uint8_t reply[];
};

struct peer {
    struct kedge_address address;
    struct peer *next_in_bucket;
    union {
        struct {
            struct peer *older, *newer; /* among the idle ones, by last use */
        };
        void *owner; /* of one that is kept, which is never idle */
    };
    struct path path;
    bool kept : 1;
    bool listed_idle : 1;
    bool forgetting : 1; /* its exchanges are being ended: no new ones */
    bool doubted : 1;    /* nothing shows yet that it receives at its address */
    bool rests : 1;      /* kedge_net_peer_rest() */
    uint8_t pins;        /* calls at work on it that it must outlive */
    uint8_t queued;
    uint16_t next_message_id;
    uint16_t credit; /* bytes that it may be sent while it is doubted */
    struct exchange *in_flight;
    struct exchange *queue; /* of at most KEDGE_NET_QUEUE_MAX */
    struct exchange *observations;
    struct association *association; /* a secure peer's; NULL: none now */
    struct association *handshake;   /* under way beside it */
    struct recent *recent;           /* the newest of at most KEDGE_NET_RECENT_MAX */
};

struct idle_list {
    struct peer *oldest, *newest;
    size_t count;
};

struct peer_table {
    struct peer **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct peer *found; /* the last one; NULL: none, or it is gone */
    struct kedge_pool pool;
    struct idle_list idle[2]; /* by `secure`: who needs no proof pushes out none that gave one */
};

enum kedge_rc peers_init(struct kedge_net *net) KEDGE_MUST_USE;
void peers_destroy(struct kedge_net *net);
struct peer *peer_find(struct kedge_net *net, const struct kedge_address *address);
/** Has memory fetched that peer_find() will want of these, all of it at once; at most BATCH. */
void peers_expect(const struct kedge_net *net, const struct kedge_address *addresses, size_t count);
/** Finds it or makes it; NULL when there is no memory. The peer is the newest of the idle ones. */
struct peer *peer_use(struct kedge_net *net, const struct kedge_address *address);
/** Lists it as idle when nothing holds it, and takes it off the list when something does. */
void peer_settle(struct kedge_net *net, struct peer *peer);
/** Keeps it for an owner; NULL: for nobody. */
void peer_own(struct kedge_net *net, struct peer *peer, void *owner);
/** Forgets a peer that is idle, and its association. */
void peer_drop(struct kedge_net *net, struct peer *peer);
/** The reply that was given to this message within its lifetime; NULL when it is new. */
const struct recent *peer_recall(const struct peer *peer, struct mark mark, uint64_t now_ms);
/** Remembers a message and the reply to it (copied; losing it for lack of memory is harmless). */
void peer_remember(struct peer *peer, struct mark mark, uint64_t now_ms, struct kedge_slice reply);

/** Ends all that was asked of it, as kedge_net_peer_forget() says, but goes on keeping it. */
void peer_end_exchanges(struct kedge_net *net, struct peer *peer);
/** It begins its message ids anew. */
void peer_forget_recent(struct peer *peer);

/* ---- admission ---- */

#define NETWORKS 4096u
#define PROBE_LINES (1u << 15) /* with the next 1 MiB */
#define PROBE_WAYS 8u

struct admission {
    struct kedge_token_bucket networks[KEDGE_CLAIM_COUNT][NETWORKS];
    uint16_t next_message_id;                  /* of replies to who is no peer */
    uint32_t present[PROBE_LINES][PROBE_WAYS]; /* the newest of a line first; 0: none */
};

/** Of the ping that asks an address whether somebody is there: probe.c. */
uint16_t probe_message_id(const struct kedge_net *net, const struct kedge_address *to);
/** An empty ACK or RST came: it may be the answer to such a ping. */
void probe_on_empty(struct kedge_net *net, const struct kedge_address *from, uint16_t message_id);

/** A request came from the peer and was answered. */
void peer_earn(struct peer *peer, size_t received, size_t answered);
/** Whether a message of ours may go to it. */
bool peer_affords(const struct peer *peer, size_t size);
/** The same, and then it counts. */
bool peer_spend(struct peer *peer, size_t size);

/* ---- DTLS (updater/net/dtls.h) ---- */

struct dtls;
struct association;

enum kedge_rc dtls_open(struct kedge_net *net) KEDGE_MUST_USE;
/** After the peers are gone. */
void dtls_close(struct kedge_net *net);
void dtls_on_datagram(struct kedge_net *net, const struct kedge_address *from,
                      const struct path *path, struct kedge_slice bytes);
/** Sends a message by the peer's association; without one it is lost. */
void dtls_transmit(struct kedge_net *net, const struct kedge_address *to, const struct path *path,
                   struct kedge_slice bytes);
/** Ends its association without a word; the peer may be gone afterwards. */
void dtls_end(struct kedge_net *net, struct peer *peer);
/** NULL is fine. Says nothing to the peer. */
void association_free(struct association *association);

/* ---- exchanges ---- */

#define ETAG_MAX 8u /* bytes (RFC 7252 section 5.10.6) */

enum exchange_state { QUEUED, WAITING_FOR_ACK, WAITING_FOR_RESPONSE, OBSERVING };

struct exchange {
    struct kedge_net *net;
    struct peer *peer;
    struct exchange *next;           /* in the peer's queue or among its observations */
    struct exchange *next_in_bucket; /* by token */
    enum exchange_state state;
    bool observe;
    bool observed_once;
    bool ending;   /* it asks for the end of what it observed */
    bool has_left; /* once at least: it was not held back for doubt of the peer */
    uint8_t transmissions;
    uint16_t message_id;
    uint64_t token;
    uint32_t timeout_ms;
    uint64_t sent_ms; /* the last time */
    uint64_t turn_ms; /* when it is sent again, or given up, unless its timer is hurried */
    struct kedge_net_timer timer;
    kedge_net_result_fn *on_result;
    void *context;
    uint32_t observe_number;
    uint64_t observe_at_ms;
    uint64_t rest;      /* of an observation: what asks for the rest of its notification; 0: none */
    uint64_t rest_of;   /* of that one: the observation; 0: it is none */
    uint8_t *collected; /* of a response in blocks */
    size_t collected_size;
    uint8_t etag[ETAG_MAX]; /* of its first block */
    uint8_t etag_size;      /* 0: it has none */
    size_t message_size;
    uint16_t capacity; /* bytes of room for the message */
    uint8_t message[]; /* as it is sent, and sent again */
};

struct exchange_table {
    struct exchange **buckets;
    size_t bucket_count;
    size_t count;
    uint64_t last_token;
    struct exchange *spare; /* one that has ended, with room for a block; NULL: none */
};

/* Of the Observe option in a request (RFC 7641 section 2). */
#define OBSERVE_BEGIN 0u
#define OBSERVE_END 1u

/** Writes its message. KEDGE_E_BUFFER when that does not fit into the capacity. */
enum kedge_rc exchange_encode(struct exchange *exchange,
                              const struct kedge_net_request *request) KEDGE_MUST_USE;
/**
 * Writes the same request once more, payload and all, for another block of its answer or to end
 * what it observes. `number` is Observe or Block2, and whichever of the two it had goes.
 */
enum kedge_rc exchange_encode_again(struct exchange *exchange, uint16_t number,
                                    uint32_t value) KEDGE_MUST_USE;

/** Whether a block is of another value than those before; the first one's ETag is noted. */
bool exchange_has_changed(struct exchange *exchange, const struct kedge_coap_message *response);
/** Takes one block in. KEDGE_E_BUSY asks for the next one, KEDGE_E_EXISTS: it came before. */
enum kedge_rc exchange_collect(struct exchange *exchange, const struct kedge_coap_message *response,
                               struct kedge_coap_block *block) KEDGE_MUST_USE;

enum kedge_rc exchanges_init(struct kedge_net *net) KEDGE_MUST_USE;
void exchanges_destroy(struct kedge_net *net);
/** By its token; NULL when there is none. */
struct exchange *exchange_find(struct kedge_net *net, uint64_t token);
void exchange_enter(struct kedge_net *net, struct exchange *exchange);
void exchange_leave(struct kedge_net *net, struct exchange *exchange);
/** One that nobody outside can guess, and that no exchange has; never 0. */
uint64_t exchange_new_token(struct kedge_net *net);
/** An empty ACK or RST came. */
void exchange_on_empty(struct kedge_net *net, struct peer *peer,
                       const struct kedge_coap_message *message);
/** A response came, piggybacked or separate; `path` is the way it took, `mark` its own. */
void exchange_on_response(struct kedge_net *net, const struct kedge_address *from,
                          const struct path *path, struct mark mark,
                          const struct kedge_coap_message *message);

/* ---- sockets ---- */

struct listener {
    int file;
    struct kedge_address address; /* as bound */
};

struct outgoing {
    struct kedge_address to;
    struct path path;
    size_t size;
    uint8_t bytes[KEDGE_COAP_MESSAGE_MAX];
    _Alignas(8) uint8_t control[CONTROL_SIZE];
};

struct post {
    struct post *next;
    void (*fn)(void *context);
    void *context;
};

struct kedge_net {
    struct kedge_net_config config;
    struct kedge_net_security security;
    struct dtls *dtls; /* NULL without a secure listener */
    struct kedge_siphash_key key;
    int epoll;
    int wake; /* eventfd */
    _Atomic bool stopping;
    uint64_t now_ms;
    struct timer_wheel wheel;
    struct admission admission;
    struct peer_table peers;
    struct exchange_table exchanges;
    uint64_t last_tag; /* of uploads */
    struct listener listeners[KEDGE_NET_LISTEN_MAX];
    size_t listener_count;
    size_t receive_buffer; /* the smallest that was granted */
    struct kedge_net_counters counters;
    pthread_mutex_t posts_lock;
    struct post *posts, **posts_end;
    struct outgoing *outgoing; /* BATCH of them */
    size_t outgoing_count;
    uint8_t *incoming; /* BATCH * DATAGRAM_SIZE */
};

enum kedge_rc listener_open(struct kedge_net *net,
                            const struct kedge_address *address) KEDGE_MUST_USE;
/** Takes what has come, at most a few batches, and hands each datagram to net_on_datagram(). */
void listener_read(struct kedge_net *net, uint8_t index);
/** Queues a datagram; it leaves when the batch is full or at the end of the round. */
void net_transmit_datagram(struct kedge_net *net, const struct kedge_address *to,
                           const struct path *path, struct kedge_slice bytes);
/** Sends a message, by DTLS where the peer is secure. */
void net_transmit(struct kedge_net *net, const struct kedge_address *to, const struct path *path,
                  struct kedge_slice bytes);
/** An empty ACK or RST (RFC 7252 section 4.1). */
void net_transmit_empty(struct kedge_net *net, const struct kedge_address *to,
                        const struct path *path, enum kedge_coap_type type, uint16_t message_id);
void net_flush(struct kedge_net *net);
/** One turn of the loop: sends what waits, waits (at most so long; -1: as long as it takes),
 * serves. */
enum kedge_rc net_turn(struct kedge_net *net, int wait_max_ms) KEDGE_MUST_USE;
/** The one way in for a datagram. */
void net_on_datagram(struct kedge_net *net, const struct kedge_address *from,
                     const struct path *path, struct kedge_slice bytes);
/** The one way in for a message, which is a datagram or was protected in one. */
void net_on_message(struct kedge_net *net, const struct kedge_address *from,
                    const struct path *path, struct kedge_slice bytes);

#endif
