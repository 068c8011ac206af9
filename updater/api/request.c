/* request.c: a request on its way: route, body, handler. */
#include "updater/api/framing.h"
#include "updater/api/precondition.h"
#include "updater/api/replay.h"

#include <stdlib.h>
#include <string.h>

#define BODY_FIRST 4096u
/* How much of a refused body is read, so that closing does not reset the connection before the
 * client has read why. */
#define DRAIN_MAX (UINT64_C(64) << 20)

bool request_take_reader(struct request *request)
{
    char error[KEDGE_STORE_ERROR_MAX];
    request->reader_failed = false;
    if (readers_take(&request->api->readers, &request->reader, error) == KEDGE_OK)
        return true;
    refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", NULL, "the store cannot be read now: %s",
           error);
    return false;
}

void request_give_back_reader(struct request *request)
{
    if (request->reader != NULL)
        readers_give_back(&request->api->readers, request->reader, !request->reader_failed);
    request->reader = NULL;
}

/* ---- the body ---- */

/* What Content-Length says; 0 when it is absent. libmicrohttpd has refused one that is no number.
 */
static uint64_t announced_size(const struct request *request)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                    MHD_HTTP_HEADER_CONTENT_LENGTH);
    return value == NULL ? 0 : strtoull(value, NULL, 10);
}

bool request_has_body(const struct request *request)
{
    return announced_size(request) > 0 ||
           MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

static bool refuse_size(struct request *request)
{
    upload_discard(&request->upload);
    refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "limit", NULL, "the body is over %llu bytes",
           (unsigned long long)request->body_max);
    return false;
}

static bool body_expected(struct request *request)
{
    if (request->route->body == BODY_FILE)
        request->body_max = request->api->config.upload_max_bytes;
    if (request->route->body == BODY_TEXT)
        request->body_max = KEDGE_API_TEXT_MAX;
    if (announced_size(request) > request->body_max)
        return refuse_size(request);
    return request->route->body != BODY_FILE || upload_open(request);
}

void request_begin(struct request *request, const char *url, const char *method)
{
    request->body_max = KEDGE_API_BODY_MAX;
    request->upload.file = -1;
    request->who = request->token.name;
    request->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!framing_check(request) || !find_route(request, url, method) || !authenticate(request) ||
        !query_check(request) || !media_type_check(request))
        return;
    const enum body_kind body = request->route->body;
    request->file_expected = body_expected(request) && (body == BODY_FILE || body == BODY_TEXT);
}

bool request_answers_now(const struct request *request)
{
    /* Nothing is on its way yet, or more than is worth reading. */
    return request->answer != NULL &&
           (request->unframed || announced_size(request) > DRAIN_MAX ||
            MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                        MHD_HTTP_HEADER_EXPECT) != NULL);
}

static bool keep_bytes(struct request *request, const char *bytes, size_t size)
{
    while (request->body_capacity - request->body_size < size) {
        size_t capacity = request->body_capacity == 0 ? BODY_FIRST : 2 * request->body_capacity;
        char *grown = realloc(request->body, capacity);
        if (grown == NULL) {
            answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
            return false;
        }
        request->body = grown;
        request->body_capacity = capacity;
    }
    memcpy(&request->body[request->body_size], bytes, size);
    request->body_size += size;
    return true;
}

bool request_take(struct request *request, const char *bytes, size_t size)
{
    if (slowness_refuses(request))
        return true;
    request->received += size;
    if (request->answer != NULL)
        return request->received <= request->body_max + DRAIN_MAX;
    if (request->received > request->body_max)
        (void)refuse_size(request);
    else if (request->route->body == BODY_NONE)
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", NULL, "this request takes no body");
    else if (request->route->body == BODY_FILE)
        (void)upload_write(request, bytes, size);
    else
        (void)keep_bytes(request, bytes, size);
    return true;
}

/* ---- the end ---- */

/* From here to its destruction, kedge_api_stop() waits for the request. */
static bool enter(struct request *request)
{
    struct kedge_api *api = request->api;
    pthread_mutex_lock(&api->handling_lock);
    request->handled = !api->ending;
    api->handling += request->handled;
    pthread_mutex_unlock(&api->handling_lock);
    if (!request->handled)
        refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", NULL, "the server is ending");
    return request->handled;
}

static void leave(struct request *request)
{
    struct kedge_api *api = request->api;
    if (!request->handled)
        return;
    pthread_mutex_lock(&api->handling_lock);
    api->handling--;
    pthread_cond_signal(&api->handled);
    pthread_mutex_unlock(&api->handling_lock);
}

bool request_waits(const struct request *request)
{
    return request->answer == NULL && !request->route->at_once;
}

void request_finish(struct request *request)
{
    if (request->answer != NULL)
        return;
    if (request->route->at_once) {
        request->route->handle(request);
        return;
    }
    if (request->route->body == BODY_JSON && !body_parse(request))
        return;
    if (!enter(request) || !request_take_reader(request))
        return;
    if (replay_enter(request)) {
        if (precondition_enter(request))
            request->route->handle(request);
        precondition_leave(request);
        replay_leave(request);
    }
    request_give_back_reader(request);
}

void request_destroy(struct request *request, bool completed)
{
    if (request == NULL)
        return;
    leave(request);
    if (request->downloading) {
        transfer_end(request, completed);
        request->api->downloads--;
    }
    upload_discard(&request->upload);
    if (request->answer != NULL)
        MHD_destroy_response(request->answer);
    json_decref(request->json);
    json_decref(request->answered);
    free(request->replay);
    if (request->body != NULL)
        kedge_wipe(request->body, request->body_size); /* there may be keys in it */
    free(request->body);
    free(request);
}
