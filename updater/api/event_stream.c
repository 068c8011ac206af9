/* event_stream.c: GET /api/v1/events: who wants to hear of what, and how it is written down. */
#define _GNU_SOURCE
#include "updater/api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[KEDGE_COMMITTED_KIND_COUNT] = {
    [KEDGE_COMMITTED_DEVICE] = "device",
    [KEDGE_COMMITTED_ROLLOUT] = "rollout",
    [KEDGE_COMMITTED_GROUP] = "group",
    [KEDGE_COMMITTED_DEPLOYMENT] = "deployment",
};

/* ---- the text of an event ---- */

static enum kedge_rc rollout_now(struct kedge_reader *reader, uint64_t rollout_id, json_t **out)
{
    struct kedge_rollout record;
    KEDGE_TRY(kedge_reader_rollout(reader, rollout_id, &record));
    *out = rollout_json(&record);
    return rollout_put_figures(reader, rollout_id, out);
}

struct group_search {
    uint64_t index;
    json_t *json;
};

static bool find_group(void *context, const struct kedge_group *record)
{
    struct group_search *search = context;
    if (record->index != search->index)
        return true;
    search->json = group_json(record);
    return false;
}

static enum kedge_rc group_now(struct kedge_reader *reader, const struct change *change,
                               json_t **out)
{
    struct group_search search = {.index = change->id};
    enum kedge_rc rc = kedge_reader_groups(reader, change->rollout_id, find_group, &search);
    *out = search.json;
    return rc;
}

static enum kedge_rc device_now(struct kedge_reader *reader, const char *endpoint, json_t **out)
{
    struct kedge_device_record device;
    KEDGE_TRY(kedge_reader_device(reader, endpoint, &device));
    *out = device_json(&device);
    return KEDGE_OK;
}

static enum kedge_rc deployment_now(struct kedge_reader *reader, uint64_t id, json_t **out)
{
    struct kedge_deployment deployment;
    KEDGE_TRY(kedge_reader_deployment(reader, id, &deployment));
    *out = deployment_json(&deployment);
    return KEDGE_OK;
}

static enum kedge_rc thing_now(struct kedge_reader *reader, const struct change *change,
                               json_t **out)
{
    switch (change->kind) {
    case KEDGE_COMMITTED_DEVICE:
        return device_now(reader, change->endpoint, out);
    case KEDGE_COMMITTED_ROLLOUT:
        return rollout_now(reader, change->rollout_id, out);
    case KEDGE_COMMITTED_GROUP:
        return group_now(reader, change, out);
    case KEDGE_COMMITTED_DEPLOYMENT:
        return deployment_now(reader, change->id, out);
    case KEDGE_COMMITTED_KIND_COUNT:
        break;
    }
    return KEDGE_E_NOT_FOUND;
}

enum kedge_rc event_text(struct kedge_reader *reader, const struct change *change,
                         const char id[EVENTS_ID_SIZE], char **text)
{
    json_t *json = NULL;
    enum kedge_rc rc = thing_now(reader, change, &json);
    /* One line: line ends in strings are escaped. */
    char *data = rc != KEDGE_OK || json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    *text = NULL;
    if (data != NULL &&
        asprintf(text, "id: %s\nevent: %s\ndata: %s\n\n", id, kind_names[change->kind], data) < 0)
        *text = NULL;
    free(data);
    json_decref(json);
    /* What is damaged stays so: nobody waits for it. */
    return rc == KEDGE_E_NOT_FOUND || rc == KEDGE_E_MALFORMED ? KEDGE_OK : rc;
}

/* ---- the request ---- */

static bool kind_bit(const char *name, size_t size, unsigned *kinds)
{
    for (unsigned i = 0; i < KEDGE_COMMITTED_KIND_COUNT; i++) {
        if (strlen(kind_names[i]) != size || strncmp(kind_names[i], name, size) != 0)
            continue;
        *kinds |= 1u << i;
        return true;
    }
    return false;
}

/* "rollout,group"; without it, all of them. */
static bool query_kinds(struct request *request, unsigned *kinds)
{
    char text[64];
    bool given;
    if (!query_text(request, "kinds", text, sizeof(text), &given))
        return false;
    *kinds = given ? 0 : ~0u;
    for (const char *at = text; given; at++) {
        size_t size = strcspn(at, ",");
        if (!kind_bit(at, size, kinds)) {
            refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "kinds",
                   "kinds are device, rollout, group and deployment, with commas between them");
            return false;
        }
        at += size;
        if (*at == '\0')
            break;
    }
    return true;
}

static bool query_rollout(struct request *request, uint64_t *rollout_id)
{
    char text[24];
    bool given;
    *rollout_id = 0;
    if (!query_text(request, "rollout", text, sizeof(text), &given) || !given)
        return request->answer == NULL;
    if (strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text))
        *rollout_id = strtoull(text, NULL, 10);
    if (*rollout_id == 0)
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "rollout",
               "rollout must be the id of a rollout");
    return *rollout_id != 0;
}

void events_show(struct request *request)
{
    struct event_wish wish;
    struct MHD_Response *stream = NULL;
    if (!query_kinds(request, &wish.kinds) || !query_rollout(request, &wish.rollout_id) ||
        !query_text(request, "endpoint", wish.endpoint, sizeof(wish.endpoint), NULL))
        return;
    const char *last_id =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Last-Event-ID");
    switch (events_join(request->api->events, request->connection, &wish, &request->token,
                        request->of_session ? request->session_hash : NULL, last_id, &stream)) {
    case EVENT_JOINED:
        answer_bytes(request, MHD_HTTP_OK, stream, "text/event-stream", "no-store");
        /* A proxy is not to wait for more before it hands on what there is (nginx). */
        (void)answer_header(request, "X-Accel-Buffering", "no");
        return;
    case EVENT_JOIN_FULL:
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", NULL,
               "there are %u streams of events already, or %u by this token", EVENTS_CLIENTS_MAX,
               EVENTS_PER_TOKEN_MAX);
        return;
    case EVENT_JOIN_ENDING:
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", NULL, "no stream can begin now");
        return;
    }
}
