/*
 * service.h: what requests stand on: the places that are listened at, the open connections, the
 * certificate that they are shown, the threads that handlers run on, and the readers of the store.
 *
 *   listener.c      HTTP at one place: requests begin and end here
 *   connections.c   the open connections, and how far transfers over them are
 *   certificate.c   the certificate of HTTPS      workers.c   handlers' threads
 *   readers.c       store readers                 server.c    all of it started and stopped
 *   slowness.c      clients that send too slowly
 *   tally.c         requests by route and status  pacing.c    downloads at the pace of all
 */
#ifndef KEDGE_UPDATER_API_SERVICE_H
#define KEDGE_UPDATER_API_SERVICE_H

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "updater/api/api.h"
#include "updater/api/events.h"
#include "updater/api/failures.h"
#include "updater/api/pacing.h"
#include "updater/api/sessions.h"
#include "updater/api/slowness.h"
#include "updater/api/tally.h"

#define READERS_IDLE_MAX 8u
#define WORKERS 32u           /* handlers that run at once; others wait for one to end */
#define CONNECTION_THREADS 4u /* of each listener */
#define PATH_MAX_BYTES 4096u

/** Store readers, handed to one thread at a time. */
struct readers {
    pthread_mutex_t lock;
    const char *folder;
    struct kedge_reader *idle[READERS_IDLE_MAX];
    size_t idle_count;
};

void readers_init(struct readers *readers, const char *folder);
void readers_close(struct readers *readers);
enum kedge_rc readers_take(struct readers *readers, struct kedge_reader **out,
                           char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/** `sound` is false for one that failed: it is closed, not used again. */
void readers_give_back(struct readers *readers, struct kedge_reader *reader, bool sound);

struct request;
struct kedge_api;

/** The threads that handlers run on, and the requests that wait for one. */
struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    pthread_t threads[WORKERS];
    size_t count;
    STAILQ_HEAD(, request) waiting;
    bool ending;
};

void workers_init(struct workers *workers);
/** 0, or the error number. */
int workers_start(struct workers *workers);
/** Suspends the connection until the request has its answer; false when the API is ending. */
bool workers_submit(struct workers *workers, struct request *request);
/** Answers what waits, and waits for the handlers that run; also when not all were started. */
void workers_stop(struct workers *workers);

/** The certificate of HTTPS; zeroed but for its lock before one is loaded. */
struct certificate_slot {
    pthread_mutex_t lock;
    struct certificate *current;
};

void certificate_slot_init(struct certificate_slot *slot);
/** When nobody holds one any more. */
void certificate_slot_close(struct certificate_slot *slot);
/** Reads the files; on failure what was loaded before stays. */
enum kedge_rc certificate_slot_load(struct certificate_slot *slot,
                                    const struct kedge_api_tls *files,
                                    char error[KEDGE_API_ERROR_MAX]) KEDGE_MUST_USE;
/** NULL is fine. */
void certificate_release(struct certificate_slot *slot, struct certificate *certificate);
/** libmicrohttpd's callback in a handshake: gnutls_certificate_retrieve_function3. */
int certificate_retrieve(gnutls_session_t tls, const struct gnutls_cert_retr_st *info,
                         gnutls_pcert_st **chain, unsigned *chain_size, gnutls_ocsp_data_st **ocsp,
                         unsigned *ocsp_size, gnutls_privkey_t *key, unsigned *flags);

/** What goes out over a connection just now, for those who want to know how far it is. */
struct transfer {
    bool going;
    struct host client; /* to whom it goes, through what proxies ever */
    char digest[KEDGE_PACKAGE_ID_SIZE + 1];
    uint64_t first, size;  /* of the file's bytes */
    uint64_t acknowledged; /* bytes of the connection, before it began */
    uint64_t told;         /* of `size` */
};

/** One open connection. */
struct connection {
    struct connection *previous, *next;
    int file;
    uint64_t received; /* bytes, when it was last looked at */
    struct host peer;
    uint32_t *counter; /* of the peer; NULL: it is not counted */
    struct certificate_slot *certificates;
    struct certificate *certificate; /* held; NULL without TLS */
    struct transfer transfer;        /* under the lock of the list */
    struct slowness slowness;
    bool late;                       /* and so ended; of the thread that looks */
    _Atomic bool left;               /* the other side has ended it */
    _Atomic uint64_t held_until_ns;  /* the transfer, by the pace of all: pacing.h */
};

/** It is in this phase from now on. */
void connection_enter(struct MHD_Connection *connection, enum slowness_phase phase);
/** NULL when there was no memory for it. */
struct connection *connection_of(struct MHD_Connection *connection);
/** Whether the other side has ended it, as far as was seen. */
bool connection_left(struct MHD_Connection *connection);

/** The open connections. */
struct connections {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on the monotonic clock */
    struct connection *first;
    struct crowd crowd;
    pthread_t watcher;
    bool watched, ending;
};

void connections_init(struct connections *connections);
/** 0, or the error number. */
int connections_start(struct kedge_api *api);
/** When there are no connections any more; also when it was not started. */
void connections_stop(struct connections *connections);
/** libmicrohttpd's callbacks: whether another connection is taken, and that one began or ended. */
enum MHD_Result connections_allow(void *context, const struct sockaddr *address, socklen_t size);
void connections_notify(void *context, struct MHD_Connection *from, void **state,
                        enum MHD_ConnectionNotificationCode what);

/** A part of a file begins to go out. */
void transfer_begin(struct request *request, uint64_t first, uint64_t size);
/** The answer is over; `whole` when all of it went out. */
void transfer_end(struct request *request, bool whole);

/** A condition whose time limits are on the monotonic clock. */
void condition_init(pthread_cond_t *condition);

/** One of the places in the config, and the HTTP server there. */
struct listener {
    struct kedge_api *api;
    const struct kedge_api_listener *place;
    struct MHD_Daemon *daemon; /* NULL: not started */
};

struct kedge_api {
    struct kedge_api_config config;
    struct listener listeners[KEDGE_API_LISTEN_MAX];
    struct connections connections;
    struct failures failures;
    struct tally *tally;
    struct events *events;
    struct sessions sessions;
    struct networks proxies; /* that are trusted to say for whom they ask */
    struct certificate_slot certificates;
    struct workers workers;
    struct pacing pacing;
    struct readers readers;
    int downloads_folder;
    unsigned downloads_max;
    _Atomic unsigned downloads;    /* being answered now */
    pthread_mutex_t replay_lock; /* replay.c */
    struct changers *changers;     /* precondition.h */
    pthread_mutex_t tags_lock;     /* around reading, merging and setting the tags of a device */
    char uploads[PATH_MAX_BYTES];
    /* what kedge_api_stop() waits for */
    pthread_mutex_t handling_lock;
    pthread_cond_t handled;
    unsigned handling; /* requests between the call of their handler and the end of their answer */
    bool ending;
};

void api_log(const struct kedge_api *api, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The same of what an operator should look at. */
void api_warn(const struct kedge_api *api, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Serves at the place, which is this address; false leaves errno. */
bool listener_start(struct listener *listener, const struct sockaddr_storage *address);
/** A numeric address and a port; "" is every address. */
bool listener_address(const char *text, uint16_t port, struct sockaddr_storage *address);

#endif
