/* replay.c: what was answered to requests that make things, by their keys. */
#define _GNU_SOURCE
#include "updater/api/replay.h"

#include <kedge/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_HEADER "Idempotency-Key"
#define NOTE_KIND "replay"

/* What makes a thing that is there once more when it is asked for once more. */
static bool takes_key(const struct request *request)
{
    return request->route->handle == rollout_create || request->route->handle == rollout_retry ||
           request->route->handle == trust_add || request->route->handle == webhook_create;
}

static bool key_is_good(const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < size; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return false;
    return size > 0 && size <= REPLAY_KEY_MAX;
}

/* What the request asks for: route, name in the path, body. */
static void hash_request(const struct request *request, char hex[2 * KEDGE_SHA256_SIZE + 1])
{
    const struct route *route = request->route;
    struct kedge_sha256 hash;
    uint8_t digest[KEDGE_SHA256_SIZE];
    kedge_sha256_init(&hash);
    kedge_sha256_update(&hash, kedge_slice(route->pattern, strlen(route->pattern) + 1));
    kedge_sha256_update(&hash, kedge_slice(request->parameter, strlen(request->parameter) + 1));
    kedge_sha256_update(&hash, kedge_slice(request->body, request->body_size));
    kedge_sha256_final(&hash, digest);
    kedge_hex_encode(kedge_slice(digest, sizeof(digest)), hex);
}

#define OWNER_SIZE (2u * sizeof(((struct request *)0)->token.hash) + 1u)

/* The keys of a token begin with it. */
static void write_owner(const struct request *request, char owner[OWNER_SIZE])
{
    kedge_hex_encode(kedge_slice(request->token.hash, sizeof(request->token.hash)), owner);
}

static void note_id(const struct request *request, const char *key, char id[KEDGE_NOTE_ID_MAX + 1])
{
    char owner[OWNER_SIZE];
    write_owner(request, owner);
    (void)snprintf(id, KEDGE_NOTE_ID_MAX + 1, "%s:%s", owner, key);
}

/* ---- coming again ---- */

static void answer_again(struct request *request, json_t *kept)
{
    unsigned status = (unsigned)json_integer_value(json_object_get(kept, "status"));
    const char *location = json_string_value(json_object_get(kept, "location"));
    answer_json_as(request, status, json_incref(json_object_get(kept, "body")));
    if (location != NULL)
        (void)answer_header(request, MHD_HTTP_HEADER_LOCATION, location);
    (void)answer_header(request, "Idempotency-Replayed", "true");
}

static void judge_again(struct request *request, const struct kedge_note *note, const char *hash)
{
    json_t *kept = json_loadb(note->content, note->size, 0, NULL);
    const char *first = json_string_value(json_object_get(kept, "request"));
    if (first == NULL || strcmp(first, hash) != 0)
        refuse(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "key_used", KEY_HEADER,
               "this key was used for another request; each request has one of its own");
    else if (json_object_get(kept, "body") == NULL)
        refuse(request, MHD_HTTP_CONFLICT, "state", KEY_HEADER,
               "a request with this key is being answered, or was cut off before its end: look "
               "whether it has done its work before you use another key");
    else
        answer_again(request, kept);
    json_decref(kept);
}

/* ---- the first time ---- */

static enum kedge_rc keep(struct request *request, json_t *content)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char *text = json_dumps(content, JSON_COMPACT);
    struct kedge_note *note = calloc(1, sizeof(*note));
    enum kedge_rc rc = text == NULL || note == NULL ? KEDGE_E_MEMORY : KEDGE_OK;
    if (rc == KEDGE_OK && strlen(text) > KEDGE_NOTE_MAX)
        rc = KEDGE_E_LIMIT;
    if (rc == KEDGE_OK) {
        char owner[OWNER_SIZE];
        write_owner(request, owner);
        const struct kedge_backend_keep how = {
            .owner = owner, .kept_s = REPLAY_KEPT_S, .kept_max = REPLAY_KEPT_MAX};
        (void)snprintf(note->kind, sizeof(note->kind), NOTE_KIND);
        (void)snprintf(note->id, sizeof(note->id), "%s", request->replay);
        note->at_ms = wall_now_ms();
        note->size = strlen(text);
        memcpy(note->content, text, note->size);
        rc = backend->note_put(backend->context, note, &how);
    }
    free(note);
    free(text);
    return rc;
}

static bool begin(struct request *request, const char *id, const char *hash)
{
    request->replay = strdup(id);
    json_t *content = json_pack("{s:s}", "request", hash);
    enum kedge_rc rc =
        request->replay == NULL || content == NULL ? KEDGE_E_MEMORY : keep(request, content);
    json_decref(content);
    if (rc != KEDGE_OK)
        refuse_rc(request, rc, NULL, "the key could not be kept");
    return rc == KEDGE_OK;
}

static bool is_fresh(const struct kedge_note *note)
{
    return wall_now_ms() < note->at_ms + REPLAY_KEPT_S * 1000ull;
}

/* With the lock: of two who come at once, one is the first. */
static bool find_or_begin(struct request *request, const char *key)
{
    char id[KEDGE_NOTE_ID_MAX + 1], hash[2 * KEDGE_SHA256_SIZE + 1];
    bool first = false;
    struct kedge_note *note = malloc(sizeof(*note));
    if (note == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return false;
    }
    note_id(request, key, id);
    hash_request(request, hash);
    enum kedge_rc rc = kedge_reader_note(request->reader, NOTE_KIND, id, note);
    if (rc == KEDGE_OK && is_fresh(note))
        judge_again(request, note, hash);
    else if (rc == KEDGE_OK || rc == KEDGE_E_NOT_FOUND)
        first = begin(request, id, hash);
    else
        (void)reader_ok(request, rc, "key");
    free(note);
    return first;
}

bool replay_enter(struct request *request)
{
    const char *key = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, KEY_HEADER);
    if (key == NULL || !(takes_key(request) || request->route->handle == token_create))
        return true;
    if (!takes_key(request)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", KEY_HEADER,
               "what is made here is told once only; leave " KEY_HEADER " out");
        return false;
    }
    if (!key_is_good(key)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", KEY_HEADER,
               KEY_HEADER " has 1 to %u characters of ASCII without spaces", REPLAY_KEY_MAX);
        return false;
    }
    pthread_mutex_lock(&request->api->replay_lock);
    bool first = find_or_begin(request, key);
    pthread_mutex_unlock(&request->api->replay_lock);
    return first;
}

static void forget(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    (void)backend->note_delete(backend->context, NOTE_KIND, request->replay);
}

void replay_leave(struct request *request)
{
    if (request->replay == NULL)
        return;
    char hash[2 * KEDGE_SHA256_SIZE + 1];
    if (!request->made && request->status >= MHD_HTTP_BAD_REQUEST) {
        forget(request);
    } else if (request->answered != NULL) {
        const char *location = MHD_get_response_header(request->answer, MHD_HTTP_HEADER_LOCATION);
        hash_request(request, hash);
        json_t *content =
            json_pack("{s:s,s:i,s:s*,s:O}", "request", hash, "status", (int)request->status,
                      "location", location, "body", request->answered);
        if (content == NULL || keep(request, content) != KEDGE_OK)
            api_warn(request->api, "an answer could not be kept for its key");
        json_decref(content);
    }
    free(request->replay);
    request->replay = NULL;
}
