/*
 * internal.h: what the files of the API share: a request on its way from its first line to its
 * answer, and the small tools that handlers are written with.
 *
 * A handler looks at the request, and ends by giving it exactly one answer: answer_json() or one of
 * the refusals. A tool that returns false has given the answer already.
 */
#ifndef KEDGE_UPDATER_API_INTERNAL_H
#define KEDGE_UPDATER_API_INTERNAL_H

#include <gnutls/abstract.h>
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sys/socket.h>

#include "updater/api/api.h"
#include "updater/api/crowd.h"

#define READERS_IDLE_MAX 8u
#define WORKERS 32u           /* handlers that run at once; others wait for one to end */
#define CONNECTION_THREADS 4u /* of each listener */
#define TOKEN_MAX 256u
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
    struct request *first, *last;
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
    struct host peer;
    uint32_t *counter; /* of the peer; NULL: it is not counted */
    struct certificate_slot *certificates;
    struct certificate *certificate; /* held; NULL without TLS */
    struct transfer transfer;        /* under the lock of the list */
};

/** NULL when there was no memory for it. */
struct connection *connection_of(struct MHD_Connection *connection);

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
    struct networks proxies; /* that are trusted to say for whom they ask */
    struct certificate_slot certificates;
    struct workers workers;
    struct readers readers;
    int downloads_folder;
    unsigned downloads_max;
    _Atomic unsigned downloads; /* being answered now */
    pthread_mutex_t tags_lock;  /* around reading, merging and setting the tags of a device */
    char uploads[PATH_MAX_BYTES];
    /* what kedge_api_stop() waits for */
    pthread_mutex_t handling_lock;
    pthread_cond_t handled;
    unsigned handling; /* requests between the call of their handler and the end of their answer */
    bool ending;
};

void api_log(const struct kedge_api *api, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- requests ---- */

/* listener.c */

/** Serves at the place, which is this address; false leaves errno. */
bool listener_start(struct listener *listener, const struct sockaddr_storage *address);
/** A numeric address and a port; "" is every address. */
bool listener_address(const char *text, uint16_t port, struct sockaddr_storage *address);

enum body_kind { BODY_NONE, BODY_JSON, BODY_FILE };

/** One row of the table of routes. */
struct route {
    const char *method;
    const char *pattern; /* "{}" stands for one segment, which becomes request.parameter */
    const char *query;   /* names that the query may hold, each followed by a space */
    enum body_kind body;
    bool without_token;
    bool at_once; /* never waits and reads no store: it runs on the connection's thread */
    void (*handle)(struct request *request);
};

/** A package being received. `file` is -1 when there is none. */
struct upload {
    int file;
    char path[PATH_MAX_BYTES + 32];
};

struct request {
    struct request *next; /* while it waits for a worker */
    struct kedge_api *api;
    struct MHD_Connection *connection;
    const struct kedge_api_listener *place; /* where it came in */
    bool head;                              /* HEAD: only the header of the answer goes out */
    const struct route *route;
    char parameter[KEDGE_ENDPOINT_MAX + 1]; /* percent-decoded */
    char who[KEDGE_NAME_MAX + 1];           /* whose token it is */
    struct kedge_reader *reader;            /* while a handler runs */
    bool reader_failed;
    bool handled;     /* counted in api.handling */
    bool downloading; /* counted in api.downloads */
    uint64_t body_max;
    uint64_t received;
    char *body;
    size_t body_size, body_capacity;
    json_t *json; /* an object, for BODY_JSON */
    struct upload upload;
    struct MHD_Response *answer;
    unsigned status;
};

/** Finds route and token, opens what is needed; gives the answer when that fails. */
void request_begin(struct request *request, const char *url, const char *method);
/** Whether the answer is there and the body need not be waited for. */
bool request_answers_now(const struct request *request);
/** Takes a piece of the body; false when the connection is to be cut. */
bool request_take(struct request *request, const char *bytes, size_t size);
/** Whether finishing it may take a while: it needs a worker. */
bool request_waits(const struct request *request);
/** Calls the handler, unless the answer is there already. It is there afterwards. */
void request_finish(struct request *request);
/** `completed`: its answer went out to the end. */
void request_destroy(struct request *request, bool completed);

/** Finds the row and fills in the parameter; a refusal when there is none. */
bool find_route(struct request *request, const char *url, const char *method);
/** Replaces %XX (RFC 3986 section 2.1); false for what is no escape, for NUL, and when it does not
 * fit. */
bool percent_decode(struct kedge_slice text, char *out, size_t out_size);

bool upload_open(struct request *request);
bool upload_write(struct request *request, const char *bytes, size_t size);
/** Closes and removes the file. */
void upload_discard(struct upload *upload);

/* ---- answers ---- */

/** Takes `json` over; NULL (no memory) becomes 500. */
void answer_json(struct request *request, unsigned status, json_t *json);
void answer_empty(struct request *request);
/** Takes any other body over; NULL (no memory) becomes 500. Without a body, `type` is NULL. */
void answer_bytes(struct request *request, unsigned status, struct MHD_Response *response,
                  const char *type, const char *cache_control);
bool answer_header(struct request *request, const char *name, const char *value);

/** RFC 9457 problem details. `field` is the field or parameter at fault, or NULL. */
void refuse(struct request *request, unsigned status, const char *code, const char *field,
            const char *format, ...) __attribute__((format(printf, 5, 6)));
/** The same for what the store or the backend says; `text` may be "". */
void refuse_rc(struct request *request, enum kedge_rc rc, const char *field, const char *text);
/** What a reader call that failed means for the request; true for KEDGE_OK. */
bool reader_ok(struct request *request, enum kedge_rc rc, const char *what);
/** The HTTP status of a result. */
unsigned rc_status(enum kedge_rc rc);

/* ---- query ---- */

/** Refuses names that the route does not have and such as stand there twice. */
bool query_check(struct request *request);
/** The decoded value ("" when it is not given); false, with the answer, when it is too long. */
bool query_text(struct request *request, const char *name, char *out, size_t out_size, bool *given);
/** `limit` (1 to 500, by default 100) and `cursor`. */
bool query_page(struct request *request, struct kedge_page *page);
/** The parameter as a number; 404 when it is none. */
bool parameter_id(struct request *request, uint64_t *id);

/* ---- the JSON of a body ---- */

enum field_kind { FIELD_TEXT, FIELD_FLAG, FIELD_NUMBER, FIELD_TEXTS, FIELD_OBJECT, FIELD_OBJECTS };

/** What a body may hold. What is found goes to the member of `kind`; absent fields leave it. */
struct field {
    const char *name;
    enum field_kind kind;
    bool required;
    uint64_t least, most; /* of a number; of a text's bytes; of a list's length */
    const char **text;    /* borrowed from the body */
    bool *flag;
    uint32_t *number;
    json_t **json; /* FIELD_TEXTS, FIELD_OBJECT, FIELD_OBJECTS: borrowed */
};

/** Parses the body into request->json; an empty one is {}. */
bool body_parse(struct request *request);
/** Reads `object` by the table; `within` is put before names in refusals ("policy." or ""). */
bool body_read(struct request *request, json_t *object, const char *within,
               const struct field *fields, size_t count);

/* ---- records as JSON. NULL: no memory ---- */

/** Sets a member, taking `value` over; *object becomes NULL when there is no memory. */
void json_put(json_t **object, const char *name, json_t *value);
void json_add(json_t **array, json_t *value);
/** A string; bytes that are not UTF-8 become "?". */
json_t *json_text(const char *text);
json_t *json_count(uint64_t value);
/** A list as it is answered: {"<name>": items, "next": cursor or null}. Takes `items` over. */
json_t *json_list(const char *name, json_t *items, const struct kedge_page *page);

json_t *device_json(const struct kedge_device_record *record);
/** Never with the secret. */
json_t *credential_json(const struct kedge_credential_record *record);
json_t *package_json(const struct kedge_package_record *record);
json_t *trust_json(const struct kedge_trust_record *record);
json_t *rollout_json(const struct kedge_rollout *record);
json_t *group_json(const struct kedge_group *record);
json_t *deployment_json(const struct kedge_deployment *record);
json_t *history_json(const struct kedge_history_entry *entry);
json_t *audit_json(const struct kedge_audit_entry *entry);
/** {"pending": n, ...} with every state. */
json_t *counts_json(const uint64_t counts[KEDGE_DEPLOYMENT_STATE_COUNT]);

/* ---- handlers ---- */

void devices_list(struct request *request);
void device_show(struct request *request);
void device_change(struct request *request);
void credentials_list(struct request *request);
void credentials_put(struct request *request);
void credentials_remove(struct request *request);
void packages_list(struct request *request);
void package_upload(struct request *request);
void package_show(struct request *request);
void package_remove(struct request *request);
void trust_list(struct request *request);
void trust_add(struct request *request);
void trust_remove(struct request *request);
void rollouts_list(struct request *request);
void rollout_create(struct request *request);
void rollout_show(struct request *request);
void rollout_start(struct request *request);
void rollout_pause(struct request *request);
void rollout_resume(struct request *request);
void rollout_abort(struct request *request);
void rollout_groups(struct request *request);
void rollout_deployments(struct request *request);
void rollout_history(struct request *request);
void audit_list(struct request *request);
void health_show(struct request *request);
void download_show(struct request *request);

#endif
