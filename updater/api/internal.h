/*
 * internal.h: what the files of the API share: a request on its way from its first line to its
 * answer, and the small tools that handlers are written with.
 *
 * A handler looks at the request, and ends by giving it exactly one answer: answer_json() or one of
 * the refusals. A tool that returns false has given the answer already.
 */
#ifndef KEDGE_UPDATER_API_INTERNAL_H
#define KEDGE_UPDATER_API_INTERNAL_H

#include <jansson.h>
#include <kedge/crypto.h>
#include <time.h>

#include "updater/api/json_text.h"
#include "updater/api/service.h"

#define TOKEN_MAX 256u

/* ---- requests ---- */

enum body_kind {
    BODY_NONE,
    BODY_JSON,
    BODY_TEXT, /* kept as it is, up to KEDGE_API_TEXT_MAX */
    BODY_FILE
};

/** One row of the table of routes. */
struct route {
    const char *method;
    const char *pattern; /* "{}" stands for one segment, which becomes request.parameter */
    const char *query;   /* names that the query may hold, each followed by a space */
    enum body_kind body;
    unsigned rights; /* any of these is enough (updater/store/roles.h); 0: without a token */
    bool at_once;    /* never waits and reads no store: it runs on the connection's thread */
    void (*handle)(struct request *request);
};

/** A package being received. `file` is -1 when there is none. */
struct upload {
    int file;
    char path[PATH_MAX_BYTES + 32];
};

struct request {
    STAILQ_ENTRY(request) next; /* while it waits for a worker */
    struct kedge_api *api;
    struct MHD_Connection *connection;
    const struct kedge_api_listener *place; /* where it came in */
    bool head;                              /* HEAD: only the header of the answer goes out */
    bool file_expected;                     /* its body is a file, and wanted */
    bool late;                              /* its body is, and was refused: slowness.h */
    bool unframed;                          /* where its body ends is not known */
    const struct route *route;
    char parameter[KEDGE_ENDPOINT_MAX + 1]; /* percent-decoded */
    struct kedge_token_record token;        /* by which it is asked; zeroed without one */
    const char *who;                        /* whose that is: its name */
    uint8_t
        session_hash[KEDGE_SHA256_SIZE]; /* of the secret in its cookie, where that is asked by */
    bool of_session;
    struct kedge_reader *reader; /* while a handler runs */
    bool reader_failed;
    char *replay;     /* the id under which its answer is kept; NULL: it is not */
    bool made;        /* whatever the answer is: something was made */
    json_t *answered; /* the body of the answer, where it is to be kept */
    bool locked;      /* holds api.changers */
    char tag[33];     /* what a GET shows, before it was read (precondition.c); "": it has none */
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
    uint64_t began_us; /* by kedge_histogram_clock_us() */
};

/** Finds route and token, opens what is needed; gives the answer when that fails. */
void request_begin(struct request *request, const char *url, const char *method);
/** Whether the answer is there and the body need not be waited for. */
bool request_answers_now(const struct request *request);
/** Takes a piece of the body; false when the connection is to be cut. */
bool request_take(struct request *request, const char *bytes, size_t size);
/** Whether bytes are announced; what is empty is of no kind. */
bool request_has_body(const struct request *request);
/** Whether finishing it may take a while: it needs a worker. */
bool request_waits(const struct request *request);
/** Calls the handler, unless the answer is there already. It is there afterwards. */
void request_finish(struct request *request);
/** `completed`: its answer went out to the end. */
void request_destroy(struct request *request, bool completed);

/** Fills in the token, when it may do what the route does; else it refuses. */
bool authenticate(struct request *request);
/** Fills in the token of this hash as the request's; refuses one that is unknown or has expired. */
bool token_take(struct request *request, const uint8_t hash[KEDGE_SHA256_SIZE]);
/** Refuses, and counts it: `why`, or when to come again. Returns false. */
bool refuse_token(struct request *request, const char *why);
/** The milliseconds of a clock. */
uint64_t clock_now_ms(clockid_t clock);
/** The seconds of the clock that never goes back. */
uint64_t seconds_now(void);
/** Unix time. */
uint64_t wall_now_ms(void);
/** Whether a cookie of somebody who has logged in with a browser came along. */
bool session_given(const struct request *request);
/** Fills in the token of that; else, and for what another page would change, it refuses. */
bool session_authenticate(struct request *request);
/** Whether the token has any of these rights; refuses when it has none. */
bool request_may(struct request *request, unsigned rights);
struct conditions;
/** Takes all lines of the request's header that are conditions. */
void request_conditions(const struct request *request, struct conditions *conditions);
/** Who asks, through what proxies ever. */
struct host request_client(const struct request *request);
/** A reader for the request; false, with the answer, when there is none. */
bool request_take_reader(struct request *request);
void request_give_back_reader(struct request *request);

/** Finds the row and fills in the parameter; a refusal when there is none. */
bool find_route(struct request *request, const char *url, const char *method);
/** The table: how many rows, one of them, and which one it is. */
size_t route_count(void);
const struct route *route_at(size_t index);
size_t route_index(const struct route *route);
/** Replaces %XX (RFC 3986 section 2.1); false for what is no escape, for NUL, and when it does not
 * fit. */
bool percent_decode(struct kedge_slice text, char *out, size_t out_size);

/** Whether the route takes a body of the kind and coding that the header names; else 415. */
bool media_type_check(struct request *request);

bool upload_open(struct request *request);
bool upload_write(struct request *request, const char *bytes, size_t size);
/** Closes and removes the file. */
void upload_discard(struct upload *upload);

/* ---- answers ---- */

/** As JSON, or from 400 on as problem details. Takes `json` over. */
void answer_json_as(struct request *request, unsigned status, json_t *json);
/** Takes `json` over; NULL (no memory) becomes 500. */
void answer_json(struct request *request, unsigned status, json_t *json);
/** 200 with a page of `items`, packed for who takes it so, or nothing when it is not `complete` and
 * so is refused already. Takes `items` over. */
void answer_list(struct request *request, bool complete, const char *name, json_t *items,
                 const struct kedge_page *page);
void answer_empty(struct request *request);
/** Takes any other body over; NULL (no memory) becomes 500. Without a body, `type` is NULL. */
void answer_bytes(struct request *request, unsigned status, struct MHD_Response *response,
                  const char *type, const char *cache_control);
bool answer_header(struct request *request, const char *name, const char *value);

/** Whether who asks takes the coding gzip (RFC 9110 section 12.5.3). Who names it with a weight may
 * have the bytes as they are. */
bool packed_taken(const struct request *request);
/** Puts a longer text of malloc() into gzip's format, in place; false, with the text as it was,
 * where that is not shorter. */
bool packed_text(char **text, size_t *size);
/** Says of the answer that it is packed, or could have been. */
void packed_tell(struct request *request, bool packed);

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
/** Reads `order`: oldest (as without it) or newest. false: refused. */
bool query_order(struct request *request, bool *newest_first);
/** `limit` (1 to 500, by default 100) and `cursor`. */
bool query_page(struct request *request, struct kedge_page *page);
/** The parameter as a number above 0; false when it is none. */
bool parameter_number(const struct request *request, uint64_t *id);
/** The same; 404 when it is none. */
bool parameter_id(struct request *request, uint64_t *id);

/* ---- rollouts.c, for others ---- */

/** Makes a rollout, starts it where that is asked, and answers with it or refuses. */
void rollout_make(struct request *request, const struct kedge_backend_rollout *rollout, bool start);
/** Puts `counts` and `errors` of all its groups into the JSON of a rollout. */
enum kedge_rc rollout_put_figures(struct kedge_reader *reader, uint64_t rollout_id,
                                  json_t **json) KEDGE_MUST_USE;
/** Whether a rollout of this policy may be started as soon as it is made; if not, it was refused.
 */
bool rollout_may_start(struct request *request, const struct kedge_rollout_policy *policy,
                       bool start);

/* ---- the JSON of a body ---- */

enum field_kind {
    FIELD_TEXT,
    FIELD_NAME, /* a text that people tell things apart by: names_fault() */
    FIELD_FLAG,
    FIELD_NUMBER,
    FIELD_TEXTS,
    FIELD_OBJECT,
    FIELD_OBJECTS
};

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
/** json_add() for what the store's listings call: `array` is a json_t **. False: no memory. */
bool json_add_to(void *array, json_t *value);
json_t *json_count(uint64_t value);
/** A list as it is answered: {"<name>": items, "next": cursor or null}. Takes `items` over. */
json_t *json_list(const char *name, json_t *items, const struct kedge_page *page);

json_t *device_json(const struct kedge_device_record *record);
/** Never with the secret. */
json_t *credential_json(const struct kedge_credential_record *record);
json_t *bootstrap_json(const struct kedge_bootstrap_record *record);
json_t *package_json(const struct kedge_package_record *record);
json_t *class_json(const struct kedge_class_record *record);
/** Without its hash. */
json_t *token_json(const struct kedge_token_record *record);
json_t *trust_json(const struct kedge_trust_record *record);
/** Windows that stand one a line, as a list. */
json_t *windows_json(const char *lines);
json_t *intermediate_json(const struct kedge_intermediate *intermediate);
json_t *rollout_json(const struct kedge_rollout *record);
/** Puts what a group says of itself: null where it is as the rollout has it. */
void gate_put(json_t **json, const struct kedge_group_gate *gate, const char *filter);
json_t *group_json(const struct kedge_group *record);
json_t *deployment_json(const struct kedge_deployment *record);
json_t *history_json(const struct kedge_history_entry *entry);
json_t *audit_json(const struct kedge_audit_entry *entry);
/** The type of LwM2M values that is called "integer"; false: none is. */
bool value_type_named(const char *name, enum kedge_lwm2m_type *type);
/** What a device answered to a request for `path`, decoded as far as it can be. */
json_t *device_answer_json(const struct kedge_backend_answer *answer, const char *path);
/** {"pending": n, ...} with every state. */
json_t *counts_json(const uint64_t counts[KEDGE_DEPLOYMENT_STATE_COUNT]);

/* ---- handlers ---- */

void fleet_show(struct request *request);
void fleet_samples(struct request *request);
void rollout_samples(struct request *request);
void devices_list(struct request *request);
void device_show(struct request *request);
void device_change(struct request *request);
void device_deployments(struct request *request);
void device_history(struct request *request);
void device_operate(struct request *request);
void credentials_list(struct request *request);
void credentials_put(struct request *request);
void credentials_remove(struct request *request);
void bootstraps_list(struct request *request);
void bootstraps_put(struct request *request);
void bootstrap_remove(struct request *request);
void devices_import(struct request *request);
void packages_list(struct request *request);
void package_upload(struct request *request);
void package_show(struct request *request);
void package_remove(struct request *request);
void package_attachments(struct request *request);
void package_sbom(struct request *request);
void package_provenance(struct request *request);
void package_notes(struct request *request);
void classes_list(struct request *request);
void class_set(struct request *request);
void class_remove(struct request *request);
void tokens_list(struct request *request);
void token_create(struct request *request);
void token_revoke(struct request *request);
void token_show(struct request *request);
void session_begin(struct request *request);
void session_end(struct request *request);
void page_show(struct request *request);
void page_asset(struct request *request);
void trust_list(struct request *request);
void trust_add(struct request *request);
void trust_remove(struct request *request);
void rollouts_list(struct request *request);
void rollout_create(struct request *request);
void rollout_plan(struct request *request);
void rollout_show(struct request *request);
void rollout_start(struct request *request);
void rollout_pause(struct request *request);
void rollout_resume(struct request *request);
void rollout_abort(struct request *request);
void rollout_close(struct request *request);
void rollout_approve(struct request *request);
void rollout_retry(struct request *request);
void rollout_roll_back(struct request *request);
void rollout_groups(struct request *request);
void rollout_deployments(struct request *request);
void rollout_history(struct request *request);
void audit_list(struct request *request);
void webhooks_list(struct request *request);
void webhook_create(struct request *request);
void webhook_remove(struct request *request);
void undelivered_list(struct request *request);
void undelivered_again(struct request *request);
void events_show(struct request *request);
void openapi_show(struct request *request);
void health_show(struct request *request);
void metrics_show(struct request *request);
void download_show(struct request *request);

#endif
