/* rollouts.c: rollouts, their groups, deployments and history. */
#include "updater/api/asked.h"
#include "updater/store/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- how far it is ---- */

struct figures {
    uint64_t counts[KEDGE_DEPLOYMENT_STATE_COUNT];
    uint64_t errors;
};

static bool add_figures(void *context, const struct kedge_group *record)
{
    struct figures *figures = context;
    for (unsigned i = 0; i < KEDGE_DEPLOYMENT_STATE_COUNT; i++)
        figures->counts[i] += record->counts[i];
    figures->errors += record->errors;
    return true;
}

/* Since when its deployments and their history are gone, or go: its counts are not. */
static enum kedge_rc put_removal(struct kedge_reader *reader, uint64_t rollout_id, json_t **json)
{
    struct kedge_removal removal = {.at_ms = 0};
    enum kedge_rc rc = kedge_reader_removal(reader, rollout_id, &removal);
    json_put(json, "details_removed_at_ms",
             removal.at_ms == 0 ? json_null() : json_count(removal.at_ms));
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

enum kedge_rc rollout_put_figures(struct kedge_reader *reader, uint64_t rollout_id, json_t **json)
{
    struct figures figures = {.errors = 0};
    KEDGE_TRY(kedge_reader_groups(reader, rollout_id, add_figures, &figures));
    json_put(json, "counts", counts_json(figures.counts));
    json_put(json, "errors", json_count(figures.errors));
    return put_removal(reader, rollout_id, json);
}

static bool put_figures(struct request *request, uint64_t rollout_id, json_t **json)
{
    return reader_ok(request, rollout_put_figures(request->reader, rollout_id, json), "rollout");
}

/* The engine's words; of what it holds no longer, the reason that is stored. */
static void put_explanation(struct request *request, uint64_t rollout_id, int64_t group_index,
                            const char *reason, json_t **json)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char explanation[KEDGE_EXPLANATION_MAX] = "";
    if (backend->rollout_explain(backend->context, rollout_id, group_index, explanation) !=
        KEDGE_OK)
        (void)snprintf(explanation, sizeof(explanation), "%s", reason);
    json_put(json, "explanation", json_text(explanation));
}

static void answer_rollout(struct request *request, unsigned status, uint64_t rollout_id)
{
    struct kedge_rollout record;
    if (!reader_ok(request, kedge_reader_rollout(request->reader, rollout_id, &record), "rollout"))
        return;
    json_t *json = rollout_json(&record);
    put_explanation(request, record.id, -1, record.reason, &json);
    if (put_figures(request, record.id, &json))
        answer_json(request, status, json);
    else
        json_decref(json);
}

void rollout_show(struct request *request)
{
    uint64_t id;
    if (parameter_id(request, &id))
        answer_rollout(request, MHD_HTTP_OK, id);
}

static bool list_rollout(void *context, const struct kedge_rollout *record)
{
    return json_add_to(context, rollout_json(record));
}

void rollouts_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_rollouts(request->reader, &page, list_rollout, &items);
    bool complete = reader_ok(request, rc, "rollout");
    for (size_t i = 0; complete && i < json_array_size(items); i++) {
        json_t *item = json_incref(json_array_get(items, i));
        uint64_t id = (uint64_t)json_integer_value(json_object_get(item, "id"));
        complete = put_figures(request, id, &item);
        json_decref(item);
    }
    answer_list(request, complete, "rollouts", items, &page);
}

/* ---- what people ask for ---- */

bool rollout_may_start(struct request *request, const struct kedge_rollout_policy *policy,
                       bool start)
{
    if (!start || policy->approval == KEDGE_APPROVAL_NONE)
        return true;
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "start",
           "a rollout that somebody else must approve can be started after that only");
    return false;
}

static bool change(struct request *request, uint64_t id, enum kedge_backend_rollout_change change)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc = backend->rollout_change(backend->context, request->who, id, change, text);
    if (rc != KEDGE_OK)
        refuse_rc(request, rc, NULL, text);
    return rc == KEDGE_OK;
}

void rollout_make(struct request *request, const struct kedge_backend_rollout *rollout, bool start)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "", location[64];
    const char *field = NULL;
    uint64_t id = 0;
    enum kedge_rc rc =
        backend->rollout_create(backend->context, request->who, rollout, &id, text, &field);
    if (rc != KEDGE_OK) {
        refuse_create(request, rc, field, text);
        return;
    }
    request->made = true;
    if (start && !change(request, id, KEDGE_BACKEND_ROLLOUT_START))
        return;
    (void)snprintf(location, sizeof(location), "/api/v1/rollouts/%llu", (unsigned long long)id);
    answer_rollout(request, MHD_HTTP_CREATED, id);
    (void)answer_header(request, MHD_HTTP_HEADER_LOCATION, location);
}

void rollout_create(struct request *request)
{
    struct rollout_asked asked = {.start = false};
    if (rollout_asked_read(request, false, &asked))
        rollout_make(request, &asked.rollout, asked.start);
    rollout_asked_clear(&asked);
}

static void change_and_show(struct request *request, enum kedge_backend_rollout_change what)
{
    uint64_t id;
    if (parameter_id(request, &id) && body_read(request, request->json, "", NULL, 0) &&
        change(request, id, what))
        answer_rollout(request, MHD_HTTP_OK, id);
}

void rollout_start(struct request *request)
{
    change_and_show(request, KEDGE_BACKEND_ROLLOUT_START);
}

void rollout_pause(struct request *request)
{
    change_and_show(request, KEDGE_BACKEND_ROLLOUT_PAUSE);
}

void rollout_resume(struct request *request)
{
    change_and_show(request, KEDGE_BACKEND_ROLLOUT_RESUME);
}

void rollout_abort(struct request *request)
{
    change_and_show(request, KEDGE_BACKEND_ROLLOUT_ABORT);
}

void rollout_roll_back(struct request *request)
{
    change_and_show(request, KEDGE_BACKEND_ROLLOUT_ROLL_BACK);
}

void rollout_close(struct request *request)
{
    change_and_show(request, KEDGE_BACKEND_ROLLOUT_CLOSE);
}

void rollout_approve(struct request *request)
{
    change_and_show(request, KEDGE_BACKEND_ROLLOUT_APPROVE);
}

/* ---- its parts ---- */

static bool find_rollout(struct request *request, uint64_t *id)
{
    struct kedge_rollout record;
    return parameter_id(request, id) &&
           reader_ok(request, kedge_reader_rollout(request->reader, *id, &record), "rollout");
}

static bool list_group(void *context, const struct kedge_group *record)
{
    return json_add_to(context, group_json(record));
}

void rollout_groups(struct request *request)
{
    uint64_t id;
    if (!find_rollout(request, &id))
        return;
    json_t *items = json_array();
    struct kedge_page all = {.next = ""};
    if (!reader_ok(request, kedge_reader_groups(request->reader, id, list_group, &items),
                   "rollout")) {
        json_decref(items);
        return;
    }
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *item = json_incref(json_array_get(items, i));
        put_explanation(request, id, json_integer_value(json_object_get(item, "index")),
                        json_string_value(json_object_get(item, "reason")), &item);
        json_decref(item);
    }
    answer_json(request, MHD_HTTP_OK, json_list("groups", items, &all));
}

/* A page of deployments, with what the network thread knows of each. */
struct deployments {
    json_t *items;
    struct kedge_backend_look *looks;
    struct kedge_deployment *records;
    size_t count, capacity;
};

static bool keep_deployment(void *context, const struct kedge_deployment *record)
{
    struct deployments *page = context;
    page->looks[page->count].deployment_id = record->id;
    page->records[page->count++] = *record;
    return page->count < page->capacity;
}

/* One whose cancel came too late shows in what it runs now, however long ago its rollout ended. */
static void explain_canceled(struct request *request, const struct kedge_deployment *record,
                             char explanation[KEDGE_EXPLANATION_MAX])
{
    struct kedge_device_record device;
    struct kedge_rollout rollout;
    if (record->state != KEDGE_DEPLOYMENT_CANCELED || record->offered_at_ms == 0 ||
        strstr(explanation, "canceled too late") != NULL ||
        kedge_reader_rollout(request->reader, record->rollout_id, &rollout) != KEDGE_OK ||
        kedge_reader_device(request->reader, record->endpoint, &device) != KEDGE_OK ||
        strcmp(device.version, rollout.version) != 0)
        return;
    size_t used = strlen(explanation);
    (void)snprintf(&explanation[used], KEDGE_EXPLANATION_MAX - used,
                   "; it runs version %s all the same", device.version);
}

static void add_deployments(struct request *request, struct deployments *page)
{
    const struct kedge_backend *backend = request->api->config.backend;
    bool looked = backend->deployments_look(backend->context, page->looks, page->count) == KEDGE_OK;
    for (size_t i = 0; i < page->count; i++) {
        struct kedge_backend_look *look = &page->looks[i];
        struct kedge_deployment *record = &page->records[i];
        if (looked && look->live) {
            record->bytes_done = look->bytes_done;
            record->bytes_total = look->bytes_total;
        } else {
            kedge_deployment_explain(record, look->explanation);
            explain_canceled(request, record, look->explanation);
        }
        json_t *item = deployment_json(record);
        json_put(&item, "explanation", json_text(look->explanation));
        json_add(&page->items, item);
    }
}

static bool query_deployments(struct request *request, struct kedge_deployment_filter *filter,
                              char endpoint[KEDGE_ENDPOINT_MAX + 1])
{
    char state[32], group[16];
    bool by_state, by_group, by_endpoint;
    enum kedge_deployment_state parsed;
    if (!query_text(request, "state", state, sizeof(state), &by_state) ||
        !query_text(request, "group", group, sizeof(group), &by_group) ||
        !query_text(request, "endpoint", endpoint, KEDGE_ENDPOINT_MAX + 1, &by_endpoint))
        return false;
    if (by_state && !kedge_deployment_state_parse(state, &parsed)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "state",
               "no deployment is in a state \"%s\"", state);
        return false;
    }
    if (by_group &&
        (group[0] == '\0' || strlen(group) > 9 || strspn(group, "0123456789") != strlen(group))) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "group", "group must be a whole number");
        return false;
    }
    filter->state = by_state ? (int)parsed : -1;
    filter->group_index = by_group ? (int64_t)strtoul(group, NULL, 10) : -1;
    filter->endpoint = by_endpoint ? endpoint : NULL;
    return true;
}

static void answer_deployments(struct request *request,
                               const struct kedge_deployment_filter *filter,
                               struct kedge_page *page)
{
    struct deployments found = {.items = NULL};
    /* One more than a page, so that the listing ends by itself and knows whether more follows. */
    found.capacity = page->limit + 1u;
    found.items = json_array();
    found.looks = calloc(found.capacity, sizeof(*found.looks));
    found.records = calloc(found.capacity, sizeof(*found.records));
    if (found.looks == NULL || found.records == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        goto cleanup;
    }
    if (!reader_ok(request,
                   kedge_reader_deployments(request->reader, filter, page, keep_deployment, &found),
                   "rollout"))
        goto cleanup;
    add_deployments(request, &found);
    answer_json(request, MHD_HTTP_OK, json_list("deployments", found.items, page));
    found.items = NULL;
cleanup:
    json_decref(found.items);
    free(found.looks);
    free(found.records);
}

void rollout_deployments(struct request *request)
{
    struct kedge_page page;
    struct kedge_deployment_filter filter = {.of_open_rollouts = false};
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    if (find_rollout(request, &filter.rollout_id) && query_page(request, &page) &&
        query_deployments(request, &filter, endpoint))
        answer_deployments(request, &filter, &page);
}

static bool find_device(struct request *request)
{
    struct kedge_device_record record;
    return reader_ok(request, kedge_reader_device(request->reader, request->parameter, &record),
                     "device");
}

void device_deployments(struct request *request)
{
    struct kedge_page page;
    struct kedge_deployment_filter filter = {
        .group_index = -1, .state = -1, .endpoint = request->parameter};
    if (find_device(request) && query_page(request, &page) &&
        query_order(request, &filter.newest_first))
        answer_deployments(request, &filter, &page);
}

static bool list_history(void *context, const struct kedge_history_entry *entry)
{
    return json_add_to(context, history_json(entry));
}

static void answer_history(struct request *request, const struct kedge_history_filter *filter,
                           struct kedge_page *page)
{
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_history(request->reader, filter, page, list_history, &items);
    answer_list(request, reader_ok(request, rc, "rollout"), "history", items, page);
}

void device_history(struct request *request)
{
    struct kedge_page page;
    struct kedge_history_filter filter = {.endpoint = request->parameter};
    if (find_device(request) && query_page(request, &page) &&
        query_order(request, &filter.newest_first))
        answer_history(request, &filter, &page);
}

void rollout_history(struct request *request)
{
    struct kedge_page page;
    struct kedge_history_filter filter = {.endpoint = NULL};
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
    bool by_endpoint;
    if (!find_rollout(request, &filter.rollout_id) || !query_page(request, &page) ||
        !query_text(request, "endpoint", endpoint, sizeof(endpoint), &by_endpoint) ||
        !query_order(request, &filter.newest_first))
        return;
    filter.endpoint = by_endpoint ? endpoint : NULL;
    answer_history(request, &filter, &page);
}
