/*
 * api.h: the REST API over HTTP (docs/api.md lists its routes).
 *
 * It runs on libmicrohttpd's threads, one for each connection, reads only what is committed,
 * through store readers of its own, and changes something only through the table in backend.h.
 * Every request but /healthz needs a token that the store knows by its SHA-256.
 */
#ifndef KEDGE_UPDATER_API_H
#define KEDGE_UPDATER_API_H

#include "updater/api/backend.h"

#define KEDGE_API_ERROR_MAX 512u
#define KEDGE_API_UPLOAD_MAX (UINT64_C(5) << 30) /* bytes of an uploaded package, by default */
#define KEDGE_API_BODY_MAX (UINT64_C(1) << 20)   /* bytes of any other body */
#define KEDGE_API_CONNECTIONS_MAX 128u           /* at once, by default */
#define KEDGE_API_IDLE_LIMIT_S 30u               /* a connection that moves no byte is closed */
#define KEDGE_API_UPLOAD_FOLDER "uploads"        /* in the data folder: files being received */

struct kedge_api_config {
    const char *address; /* numeric, IPv4 or IPv6: "127.0.0.1", "::1"; "" for all */
    uint16_t port;       /* 0: any free one, see kedge_api_port() */
    const char *folder;  /* the data folder, as in kedge_store_config */
    const struct kedge_backend *backend;
    uint64_t upload_max_bytes; /* 0: KEDGE_API_UPLOAD_MAX */
    uint32_t connections_max;  /* 0: KEDGE_API_CONNECTIONS_MAX */
    /* One line for the server's log, from any thread; may be NULL. Never holds a secret. */
    void (*log)(void *context, const char *line);
    void *log_context;
};

struct kedge_api;

/**
 * kedge_api_start() empties the folder of uploads, binds and begins to serve. The store must be
 * open; it, the backend and what the config points to outlive the API. KEDGE_E_ARGUMENT for an
 * address that is none, KEDGE_E_SYSTEM when it cannot bind or make the folder: `error` says which.
 */
enum kedge_rc kedge_api_start(const struct kedge_api_config *config, struct kedge_api **out,
                              char error[KEDGE_API_ERROR_MAX]) KEDGE_MUST_USE;

/** The port that is bound. */
uint16_t kedge_api_port(const struct kedge_api *api);

/**
 * kedge_api_stop() takes no more connections and requests, waits for the calls that are in the
 * backend and up to 10 seconds for their answers to be read, removes what was half uploaded and
 * frees everything. Let the backend answer (with KEDGE_E_BUSY) until it has returned. NULL is fine.
 */
void kedge_api_stop(struct kedge_api *api);

#endif
