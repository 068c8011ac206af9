/* webhook_changes.c: hooks are made and removed, and what was not delivered is asked for again. */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"
#include "updater/kedged/webhooks.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- where to ---- */

static bool is_loopback(const char *host)
{
    struct in_addr address;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

static const char *judge_parts(CURLU *url, bool allow_http)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    const char *fault = NULL;
    (void)curl_url_get(url, CURLUPART_USER, &user, 0);
    if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        fault = "names no host";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        fault = "must begin with https://";
    else if (strcmp(scheme, "http") == 0 && !is_loopback(host) && !allow_http)
        fault = "is not encrypted: that goes to this machine only, or with allow_http";
    else if (user != NULL)
        fault = "must not hold a user or password: it is shown to admins";
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return fault;
}

/* NULL when it can be posted to. */
static const char *judge_url(const char *text, bool allow_http)
{
    CURLU *url = curl_url();
    const char *fault = "cannot be read";
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            goto cleanup;
    if (url != NULL && strstr(text, "://") != NULL &&
        curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
        fault = judge_parts(url, allow_http);
cleanup:
    curl_url_cleanup(url);
    return fault;
}

/* ---- hooks ---- */

static bool count_note(void *context, const struct kedge_note *note)
{
    size_t *count = context;
    (void)note;
    ++*count;
    return true;
}

/* Where a new hook begins: with what happens from now on. */
static enum kedge_rc look(struct kedge_backend_state *state, const struct kedge_note *hook,
                          uint64_t *newest, char *text)
{
    struct kedge_reader *reader;
    struct kedge_note *found = malloc(sizeof(*found));
    size_t count = 0;
    enum kedge_rc rc = found == NULL ? KEDGE_E_MEMORY : kedge_backend_reader(state, &reader, text);
    if (rc != KEDGE_OK) {
        free(found);
        return rc;
    }
    rc = kedge_reader_note(reader, hook->kind, hook->id, found);
    if (rc == KEDGE_OK)
        rc = kedge_backend_refuse(text, KEDGE_E_EXISTS, "there is a webhook of this name already");
    else if (rc == KEDGE_E_NOT_FOUND)
        rc = kedge_reader_notes(reader, hook->kind, NULL, count_note, &count);
    if (rc == KEDGE_OK && count >= WEBHOOKS_MAX)
        rc = kedge_backend_refuse(text, KEDGE_E_LIMIT, "there are %u webhooks already",
                                  WEBHOOKS_MAX);
    if (rc == KEDGE_OK)
        rc = kedge_reader_last_history(reader, newest);
    kedge_reader_close(reader);
    free(found);
    return rc;
}

static enum kedge_rc fill(struct kedge_batch *batch, const struct kedge_note *hook, uint64_t newest)
{
    struct kedge_note *at = calloc(1, sizeof(*at));
    if (at == NULL)
        return KEDGE_E_MEMORY;
    (void)snprintf(at->kind, sizeof(at->kind), "webhook_at");
    (void)snprintf(at->id, sizeof(at->id), "%s", hook->id);
    at->size = (size_t)snprintf(at->content, sizeof(at->content), "%" PRIu64, newest);
    enum kedge_rc rc = kedge_batch_put_note(batch, hook);
    if (rc == KEDGE_OK)
        rc = kedge_batch_put_note(batch, at);
    free(at);
    return rc;
}

/* Takes the batch over, which `rc` says to be complete. */
static enum kedge_rc finish(struct kedge_backend_state *state, struct kedge_batch *batch,
                            enum kedge_rc rc, const struct kedge_change *change, char *text)
{
    KEDGE_TRY(kedge_backend_commit(state, batch, rc, change, text));
    kedge_webhooks_reload(state->webhooks);
    return KEDGE_OK;
}

/* Scheme and host: what follows is often a secret of the receiver's, and who may look may read the
 * audit. */
static void describe(const char *url, char text[KEDGE_REASON_MAX + 1])
{
    const char *host = strstr(url, "://") + strlen("://");
    (void)snprintf(text, KEDGE_REASON_MAX + 1, "%.*s",
                   (int)(host - url) + (int)strcspn(host, "/?#"), url);
}

static enum kedge_rc put_hook(struct kedge_backend_state *state, const char *who,
                              const struct kedge_note *hook, const char *url, char *text)
{
    char after[KEDGE_REASON_MAX + 1];
    uint64_t newest = 0;
    describe(url, after);
    const struct kedge_change change = {
        .who = who, .what = "webhook.create", .subject = hook->id, .after = after};
    KEDGE_TRY(look(state, hook, &newest, text));
    struct kedge_batch *batch = kedge_batch_create();
    if (batch == NULL)
        return KEDGE_E_MEMORY;
    return finish(state, batch, fill(batch, hook, newest), &change, text);
}

enum kedge_rc kedge_backend_webhook_put(void *context, const char *who,
                                        const struct kedge_note *hook, const char *url,
                                        bool allow_http, char *text)
{
    struct kedge_backend_state *state = context;
    const char *fault = judge_url(url, allow_http);
    if (fault != NULL)
        return kedge_backend_refuse(text, KEDGE_E_ARGUMENT, "url %s", fault);
    (void)pthread_mutex_lock(&state->token_lock);
    enum kedge_rc rc = put_hook(state, who, hook, url, text);
    (void)pthread_mutex_unlock(&state->token_lock);
    return rc;
}

/* A note; KEDGE_E_NOT_FOUND in words. Free it. */
static enum kedge_rc find_note(struct kedge_backend_state *state, const char *kind, const char *id,
                               struct kedge_note **out, char *text)
{
    struct kedge_reader *reader;
    *out = NULL;
    KEDGE_TRY(kedge_backend_reader(state, &reader, text));
    *out = malloc(sizeof(**out));
    enum kedge_rc rc = *out == NULL ? KEDGE_E_MEMORY : kedge_reader_note(reader, kind, id, *out);
    kedge_reader_close(reader);
    if (rc == KEDGE_E_NOT_FOUND)
        (void)kedge_backend_refuse(text, rc, "there is no %s \"%s\"",
                                   strcmp(kind, "undelivered") == 0 ? "undelivered event" : kind, id);
    if (rc != KEDGE_OK) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

/* Where a hook went; of one that cannot be read, that. */
static void describe_hook(const struct kedge_note *hook, char text[KEDGE_REASON_MAX + 1])
{
    json_t *content = json_loadb(hook->content, hook->size, 0, NULL);
    const char *url = json_string_value(json_object_get(content, "url"));
    if (url != NULL && strstr(url, "://") != NULL)
        describe(url, text);
    else
        (void)snprintf(text, KEDGE_REASON_MAX + 1, "its record could not be read");
    json_decref(content);
}

static enum kedge_rc drop_hook(struct kedge_backend_state *state, const char *who, const char *name,
                               char *text)
{
    char before[KEDGE_REASON_MAX + 1] = "";
    const struct kedge_change change = {
        .who = who, .what = "webhook.remove", .subject = name, .before = before};
    struct kedge_note *note;
    enum kedge_rc rc = find_note(state, "webhook", name, &note, text);
    if (rc == KEDGE_OK) {
        describe_hook(note, before);
        kedge_wipe(note, sizeof(*note));
    }
    free(note);
    struct kedge_batch *batch = rc == KEDGE_OK ? kedge_batch_create() : NULL;
    if (batch == NULL)
        return rc == KEDGE_OK ? KEDGE_E_MEMORY : rc;
    rc = kedge_batch_delete_note(batch, "webhook", name);
    if (rc == KEDGE_OK)
        rc = kedge_batch_delete_note(batch, "webhook_at", name);
    return finish(state, batch, rc, &change, text);
}

enum kedge_rc kedge_backend_webhook_remove(void *context, const char *who, const char *name,
                                           char *text)
{
    struct kedge_backend_state *state = context;
    (void)pthread_mutex_lock(&state->token_lock);
    enum kedge_rc rc = drop_hook(state, who, name, text);
    (void)pthread_mutex_unlock(&state->token_lock);
    return rc;
}

/* Nobody would post it, nor say so. */
static enum kedge_rc check_receiver(struct kedge_backend_state *state, const char *name, char *text)
{
    struct kedge_note *hook;
    enum kedge_rc rc = find_note(state, "webhook", name, &hook, text);
    free(hook);
    if (rc == KEDGE_E_NOT_FOUND)
        return kedge_backend_refuse(text, KEDGE_E_CONFLICT,
                                    "webhook %s was removed: make one of this name for it", name);
    return rc;
}

/* The same with "again" in it. */
static enum kedge_rc mark_again(struct kedge_note *note, json_t *content)
{
    char *marked = NULL;
    if (json_object_set_new(content, "again", json_true()) == 0)
        marked = json_dumps(content, JSON_COMPACT);
    enum kedge_rc rc = marked == NULL ? KEDGE_E_MEMORY : KEDGE_OK;
    if (rc == KEDGE_OK && strlen(marked) > KEDGE_NOTE_MAX)
        rc = KEDGE_E_LIMIT;
    if (rc == KEDGE_OK) {
        note->size = strlen(marked);
        memcpy(note->content, marked, note->size);
    }
    free(marked);
    return rc;
}

static enum kedge_rc put_again(struct kedge_backend_state *state, struct kedge_note *note,
                               const struct kedge_change *change, char *text)
{
    json_t *content = json_loadb(note->content, note->size, 0, NULL);
    const char *name = json_string_value(json_object_get(content, "webhook"));
    enum kedge_rc rc = name == NULL ? KEDGE_E_MALFORMED : check_receiver(state, name, text);
    if (rc == KEDGE_OK)
        rc = mark_again(note, content);
    json_decref(content);
    struct kedge_batch *batch = rc == KEDGE_OK ? kedge_batch_create() : NULL;
    if (batch == NULL)
        return rc == KEDGE_OK ? KEDGE_E_MEMORY : rc;
    return finish(state, batch, kedge_batch_put_note(batch, note), change, text);
}

enum kedge_rc kedge_backend_webhook_again(void *context, const char *who, const char *number,
                                          char *text)
{
    struct kedge_backend_state *state = context;
    struct kedge_note *note;
    const struct kedge_change change = {.who = who, .what = "webhook.again", .subject = number};
    (void)pthread_mutex_lock(&state->token_lock);
    enum kedge_rc rc = find_note(state, "undelivered", number, &note, text);
    if (rc == KEDGE_OK)
        rc = put_again(state, note, &change, text);
    free(note);
    (void)pthread_mutex_unlock(&state->token_lock);
    return rc;
}
