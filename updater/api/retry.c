/*
 * retry.c: another try for the devices of a rollout that ended in error or were never reached. What
 * has ended stays as it was, so they get a rollout of their own: as the first one went about it.
 */
#include "updater/api/internal.h"
#include "updater/store/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct retried {
    char **endpoints;
    size_t count, capacity;
    bool out_of_memory;
};

static bool needs_another_try(enum kedge_deployment_state state)
{
    return state == KEDGE_DEPLOYMENT_FAILED || state == KEDGE_DEPLOYMENT_REJECTED ||
           state == KEDGE_DEPLOYMENT_TIMED_OUT;
}

static bool make_room(struct retried *retried)
{
    if (retried->count < retried->capacity)
        return true;
    size_t capacity = retried->capacity == 0 ? 64 : retried->capacity * 2;
    char **endpoints = realloc(retried->endpoints, capacity * sizeof(*endpoints));
    if (endpoints == NULL)
        return false;
    retried->endpoints = endpoints;
    retried->capacity = capacity;
    return true;
}

static bool collect(void *context, const struct kedge_deployment *record)
{
    struct retried *retried = context;
    if (!needs_another_try(record->state))
        return true;
    size_t size = strlen(record->endpoint) + 1;
    char *endpoint = make_room(retried) ? malloc(size) : NULL;
    retried->out_of_memory = endpoint == NULL;
    if (endpoint == NULL)
        return false;
    memcpy(endpoint, record->endpoint, size);
    retried->endpoints[retried->count++] = endpoint;
    return true;
}

static void release(struct retried *retried)
{
    for (size_t i = 0; i < retried->count; i++)
        free(retried->endpoints[i]);
    free(retried->endpoints);
}

static void make_retry(struct request *request, const struct kedge_rollout *from,
                       const struct retried *retried, bool start)
{
    char name[KEDGE_NAME_MAX + 1];
    (void)snprintf(name, sizeof(name), "retry of %.*s", (int)KEDGE_NAME_MAX - 9, from->name);
    const char *intermediates[KEDGE_INTERMEDIATES_MAX];
    for (uint32_t i = 0; i < from->intermediate_count; i++)
        intermediates[i] = from->intermediates[i].package_id;
    struct kedge_backend_rollout rollout = {
        .name = name,
        .intermediate_package_ids = intermediates,
        .intermediate_count = from->intermediate_count,
        .package_id = from->package_id,
        .revert_package_id = from->revert_package_id[0] == '\0' ? NULL : from->revert_package_id,
        .endpoints = (const char *const *)retried->endpoints,
        .endpoint_count = retried->count,
        .policy = from->policy,
        .windows = from->windows[0] == '\0' ? NULL : from->windows,
        .gate_windows = from->gate_windows[0] == '\0' ? NULL : from->gate_windows,
        .download_in_window = from->download_in_window,
        .spread_by = from->spread_by[0] == '\0' ? NULL : from->spread_by,
        .seed = from->seed,
        .seed_given = true};
    rollout_make(request, &rollout, start);
}

/* Which devices it was nobody knows any more. */
static bool refuse_removed(struct request *request, uint64_t rollout_id)
{
    struct kedge_removal removal;
    enum kedge_rc rc = kedge_reader_removal(request->reader, rollout_id, &removal);
    if (rc == KEDGE_OK)
        refuse(request, MHD_HTTP_CONFLICT, "state", NULL,
               "what rollout %llu did device by device is no longer kept (kedged --history-days)",
               (unsigned long long)rollout_id);
    return rc == KEDGE_OK || (rc != KEDGE_E_NOT_FOUND && !reader_ok(request, rc, "rollout"));
}

void rollout_retry(struct request *request)
{
    struct kedge_deployment_filter filter = {.group_index = -1, .state = -1};
    struct kedge_rollout from;
    struct retried retried = {.endpoints = NULL};
    bool start = false;
    const struct field fields[] = {{.name = "start", .kind = FIELD_FLAG, .flag = &start}};
    if (!parameter_id(request, &filter.rollout_id) ||
        !body_read(request, request->json, "", fields, 1) ||
        !reader_ok(request, kedge_reader_rollout(request->reader, filter.rollout_id, &from),
                   "rollout") ||
        refuse_removed(request, from.id) || !rollout_may_start(request, &from.policy, start))
        return;
    enum kedge_rc rc = kedge_reader_deployments(request->reader, &filter, NULL, collect, &retried);
    if (retried.out_of_memory)
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    else if (reader_ok(request, rc, "rollout") && retried.count == 0)
        refuse(request, MHD_HTTP_CONFLICT, "state", NULL,
               "no device of rollout %llu has failed, rejected its package or timed out",
               (unsigned long long)from.id);
    else if (rc == KEDGE_OK)
        make_retry(request, &from, &retried, start);
    release(&retried);
}
