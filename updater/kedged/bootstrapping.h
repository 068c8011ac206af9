/*
 * bootstrapping.h: the bootstrap server with its network thread, and what it stands on: the store's
 * credentials for bootstrapping, fresh keys, and the audit log, where each step leaves its trace.
 */
#ifndef KEDGE_UPDATER_BOOTSTRAPPING_H
#define KEDGE_UPDATER_BOOTSTRAPPING_H

#include <pthread.h>

#include "updater/kedged/bridge.h"
#include "updater/kedged/config.h"
#include "updater/kedged/expelling.h"
#include "updater/lwm2m/bootstrap.h"

#define KEDGE_BOOTSTRAP_KEY_SIZE 16u /* bytes of a key that is given out */
/* Refusals that are put into the audit log: whoever can reach the port brings them about. */
#define KEDGE_BOOTSTRAP_REFUSALS_PER_S 1u
#define KEDGE_BOOTSTRAP_REFUSALS_BURST 100u

/** Zeroed in the bootstrapping. */
struct kedge_bootstrap_pressure {
    struct kedge_net_timer timer;
    struct kedge_bootstrap_counters said;
    uint64_t said_strangers;
};

struct kedge_bootstrapping {
    struct kedge_net *net; /* its own; NULL: there is no bootstrap server */
    struct kedge_bootstrap *server;
    struct kedge_bridge *bridge;
    struct kedge_store *store;
    struct kedge_reader *reader;
    /* What devices with certificates know this server by, in DER; size 0: --coaps-cert is not given
     */
    uint8_t server_certificate[KEDGE_BOOTSTRAP_IDENTITY_MAX];
    size_t server_certificate_size;
    char server_uri[KEDGE_BOOTSTRAP_URI_MAX + 1]; /* "": where devices reach us */
    size_t second;                                /* which listener is --bootstrap-coap */
    struct kedge_token_bucket refusals;
    struct kedge_bootstrap_pressure pressure;
    pthread_t thread;
    bool running;
};

/**
 * Opens the places that the configuration names; without any, it does nothing. `coaps_port` is the
 * one that was taken for devices. What it is given outlives it. On failure, close it all the same.
 */
enum kedge_rc kedge_bootstrapping_open(struct kedge_bootstrapping *bootstrapping,
                                       const struct kedge_config *config, uint16_t coaps_port,
                                       struct kedge_store *store, struct kedge_bridge *bridge,
                                       char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/** Starts its network thread. */
enum kedge_rc kedge_bootstrapping_start(struct kedge_bootstrapping *bootstrapping) KEDGE_MUST_USE;
/** Ends the thread: nobody is bootstrapped any more. */
void kedge_bootstrapping_stop(struct kedge_bootstrapping *bootstrapping);
/** After it was stopped and the store was closed. Zeroed is fine. */
void kedge_bootstrapping_close(struct kedge_bootstrapping *bootstrapping);
/** The port taken for --bootstrap (secure) or --bootstrap-coap. */
uint16_t kedge_bootstrapping_port(const struct kedge_bootstrapping *bootstrapping, bool secure);

/**
 * Ends sessions and associations of devices whose credentials for bootstrapping have changed. Takes
 * the list over; any thread.
 */
void kedge_bootstrapping_expel(struct kedge_bootstrapping *bootstrapping,
                               struct kedge_expelling *expelling);
/** Reads the list of revoked certificates again; any thread. */
void kedge_bootstrapping_reload(struct kedge_bootstrapping *bootstrapping);

/* ---- bootstrap_pressure.c ---- */

/** From now on says once a minute who was turned away. Before the thread runs, or on it. */
void kedge_bootstrap_pressure_watch(struct kedge_bootstrapping *bootstrapping);

/* ---- issuing.c: the desk's part that writes ---- */

/** As kedge_bootstrap_desk says of `grant` and `trace`; `context` is the bootstrapping. */
enum kedge_rc kedge_issuing_grant(void *context, const char *endpoint,
                                  uint64_t ticket) KEDGE_MUST_USE;
void kedge_issuing_trace(void *context, const char *endpoint, enum kedge_bootstrap_event event,
                         const char *words);

#endif
