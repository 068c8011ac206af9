/*
 * api.h: the REST API over HTTP (docs/api.md lists its routes).
 *
 * Connections are served by a few threads of libmicrohttpd's on epoll, so that thousands of them
 * cost no thread each. Handlers run on threads of their own: they read only what is committed,
 * through store readers, and change something only through the table in backend.h. Every request
 * but /healthz and /fw/ needs a token that the store knows by its SHA-256.
 *
 * /fw/{sha256} is what devices download: the files of a folder, each of which is named by the
 * SHA-256 of its bytes. A file that is deleted while it is downloaded is sent to its end.
 */
#ifndef KEDGE_UPDATER_API_H
#define KEDGE_UPDATER_API_H

#include "updater/api/backend.h"
#include "updater/pace/pace.h"

#define KEDGE_API_ERROR_MAX 512u
#define KEDGE_API_UPLOAD_MAX (UINT64_C(5) << 30) /* bytes of an uploaded package, by default */
#define KEDGE_API_TEXT_MAX (UINT64_C(32) << 20)  /* bytes of a file of devices */
#define KEDGE_API_BODY_MAX (UINT64_C(1) << 20)   /* bytes of any other body */
#define KEDGE_API_LISTEN_MAX 3u
#define KEDGE_API_CONNECTIONS_MAX 8192u /* at once, of each listener, by default */
#define KEDGE_API_PER_ADDRESS_MAX 1024u /* connections from one address, by default */
#define KEDGE_API_RESERVED_SHARE 8u     /* one in so many connections is never a download's */
#define KEDGE_API_IDLE_LIMIT_S 60u      /* a connection that moves no byte is closed, by default */
#define KEDGE_API_HEADER_LIMIT_S 30u    /* from the first byte of a request to its header's end */
#define KEDGE_API_BODY_LIMIT_S 60u      /* from there to the end of a body that is no file */
#define KEDGE_API_UPLOAD_LEAST 16384u   /* bytes of a file that have to come in as long */
#define KEDGE_API_HEARTBEAT_MS 15000u   /* something goes out on a stream of events so often */
#define KEDGE_API_UPLOAD_FOLDER "uploads" /* in the data folder: files being received */

/** PEM files: the server's certificate with those that lead to its CA, at most 8, and its key. */
struct kedge_api_tls {
    const char *certificate_file;
    const char *key_file; /* without a password */
};

/** A place to listen at. */
struct kedge_api_listener {
    const char *address; /* numeric, IPv4 or IPv6: "127.0.0.1", "::1"; "" for all */
    uint16_t port;       /* 0: any free one, see kedge_api_port() */
    bool secure;         /* HTTPS: TLS 1.2 or 1.3 */
    bool downloads_only; /* nothing but /fw/ is there, so that no token is sent to it */
};

struct kedge_api_config {
    struct kedge_api_listener listen[KEDGE_API_LISTEN_MAX];
    size_t listen_count;
    struct kedge_api_tls tls; /* of those that are secure */
    /* "192.0.2.1, 10.0.0.0/8": whose X-Forwarded-For is believed; NULL: nobody's */
    const char *proxies;
    const char *folder;          /* the data folder, as in kedge_store_config */
    const char *download_folder; /* in it: what devices download */
    const struct kedge_backend *backend;
    struct kedge_pace *pace;   /* of what is carried to devices; NULL: none */
    uint64_t upload_max_bytes; /* 0: KEDGE_API_UPLOAD_MAX */
    uint32_t connections_max;  /* 0: KEDGE_API_CONNECTIONS_MAX; fewer where there are too few files,
                                  which the log says */
    uint32_t
        per_address_max;   /* 0: KEDGE_API_PER_ADDRESS_MAX; loopback and proxies are not counted */
    uint32_t idle_limit_s;   /* 0: KEDGE_API_IDLE_LIMIT_S */
    uint32_t header_limit_s; /* 0: KEDGE_API_HEADER_LIMIT_S */
    uint32_t body_limit_s;   /* 0: KEDGE_API_BODY_LIMIT_S */
    uint32_t heartbeat_ms;   /* of streams of events; 0: KEDGE_API_HEARTBEAT_MS */
    /* One line for the server's log, from any thread; may be NULL. Never holds a secret. `warning`:
     * an operator should look. */
    void (*log)(void *context, bool warning, const char *line);
    void *log_context;
};

struct kedge_api;

/**
 * kedge_api_start() empties the folder of uploads, binds and begins to serve. The store must be
 * open; it, the backend and what the config points to outlive the API. KEDGE_E_ARGUMENT for an
 * address that is none, KEDGE_E_KEY for files of TLS that cannot be used, KEDGE_E_SYSTEM when it
 * cannot bind or make the folder: `error` says which.
 */
enum kedge_rc kedge_api_start(const struct kedge_api_config *config, struct kedge_api **out,
                              char error[KEDGE_API_ERROR_MAX]) KEDGE_MUST_USE;

/** Whether it can be the `proxies` of the config. */
bool kedge_api_proxies_valid(const char *text);

/**
 * Whether the files can be used together; `error` says what is wrong: KEDGE_E_KEY. An expired
 * certificate can: `expires_at_s` (may be NULL) is for the caller to see, in Unix time.
 */
enum kedge_rc kedge_api_tls_check(const struct kedge_api_tls *files, int64_t *expires_at_s,
                                  char error[KEDGE_API_ERROR_MAX]) KEDGE_MUST_USE;

/**
 * Reads the files of TLS again, for connections that begin from now on. What fails leaves things
 * as they are, as kedge_api_tls_check(). Without a secure listener there is nothing to do.
 */
enum kedge_rc kedge_api_reload(struct kedge_api *api,
                               char error[KEDGE_API_ERROR_MAX]) KEDGE_MUST_USE;

/** The port that is bound by the listener of this index. */
uint16_t kedge_api_port(const struct kedge_api *api, size_t index);

/**
 * What the store has committed, for those who follow /api/v1/events: a kedge_store_committed_fn.
 * Have the store call it from when the API was started until before it is stopped.
 */
void kedge_api_committed(void *api, const struct kedge_committed *what);

/**
 * kedge_api_stop() takes no more connections and requests, waits for the calls that are in the
 * backend and up to 10 seconds for their answers to be read, cuts downloads off, removes what was
 * half uploaded and frees everything. Let the backend answer (with KEDGE_E_BUSY) until it has
 * returned. NULL is fine.
 */
void kedge_api_stop(struct kedge_api *api);

#endif
