/* webhooks.c: where events are posted to, and those that did not arrive. */
#define _GNU_SOURCE
#include "updater/api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX 1023u
#define SECRET_LEAST 16u
#define SECRET_MAX 128u
#define ATTEMPTS_MAX 20u
#define ATTEMPTS_DEFAULT 8u

static const char *const event_names[] = {"rollout", "group", "deployment"};
#define EVENT_COUNT (sizeof(event_names) / sizeof(event_names[0]))

/* What was asked for, but for the secret. */
static json_t *shown(const struct kedge_note *note)
{
    json_t *json = json_loadb(note->content, note->size, 0, NULL);
    if (json != NULL)
        (void)json_object_del(json, "secret");
    return json;
}

static bool list_hook(void *context, const struct kedge_note *note)
{
    return json_add_to(context, shown(note));
}

void webhooks_list(struct request *request)
{
    struct kedge_page all = {.next = ""};
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_notes(request->reader, "webhook", NULL, list_hook, &items);
    answer_list(request, reader_ok(request, rc, "webhook"), "webhooks", items, &all);
}

static bool list_undelivered(void *context, const struct kedge_note *note)
{
    json_t *json = json_loadb(note->content, note->size, 0, NULL);
    json_put(&json, "id", json_text(note->id));
    return json_add_to(context, json);
}

void undelivered_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc =
        kedge_reader_notes(request->reader, "undelivered", &page, list_undelivered, &items);
    answer_list(request, reader_ok(request, rc, "event"), "undelivered", items, &page);
}

/* ---- making one ---- */

struct asked {
    const char *name, *url, *secret;
    json_t *events;
    uint32_t attempts;
    bool allow_http;
};

/* Which of them it is; EVENT_COUNT: none. */
static size_t event_named(const char *name)
{
    size_t event = 0;
    while (event < EVENT_COUNT && strcmp(event_names[event], name) != 0)
        event++;
    return event;
}

/* Each is one that there is, and is there once; NULL: all of them. */
static bool events_fit(struct request *request, const json_t *events)
{
    bool seen[EVENT_COUNT] = {false};
    char field[32];
    for (size_t i = 0; i < json_array_size(events); i++) {
        size_t event = event_named(json_string_value(json_array_get(events, i)));
        if (event < EVENT_COUNT && !seen[event]) {
            seen[event] = true;
            continue;
        }
        (void)snprintf(field, sizeof(field), "events[%zu]", i);
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s %s", field,
               event < EVENT_COUNT ? "is there twice" : "must be rollout, group or deployment");
        return false;
    }
    return true;
}

static bool read_asked(struct request *request, struct asked *asked)
{
    const struct field fields[] = {
        {.name = "name",
         .kind = FIELD_NAME,
         .required = true,
         .least = 1,
         .most = KEDGE_NAME_MAX,
         .text = &asked->name},
        {.name = "url",
         .kind = FIELD_TEXT,
         .required = true,
         .least = 1,
         .most = URL_MAX,
         .text = &asked->url},
        {.name = "secret",
         .kind = FIELD_TEXT,
         .required = true,
         .least = SECRET_LEAST,
         .most = SECRET_MAX,
         .text = &asked->secret},
        {.name = "events", .kind = FIELD_TEXTS, .least = 1, .most = EVENT_COUNT, .json = &asked->events},
        {.name = "attempts",
         .kind = FIELD_NUMBER,
         .least = 1,
         .most = ATTEMPTS_MAX,
         .number = &asked->attempts},
        {.name = "allow_http", .kind = FIELD_FLAG, .flag = &asked->allow_http},
    };
    if (!body_read(request, request->json, "", fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    /* It stands in a header of what is posted. */
    for (const char *at = asked->name; *at != '\0'; at++) {
        if (*at > ' ' && *at <= '~')
            continue;
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "name",
               "name must be of ASCII without spaces");
        return false;
    }
    return events_fit(request, asked->events);
}

static json_t *settings_json(const struct request *request, const struct asked *asked)
{
    json_t *events = asked->events != NULL ? json_incref(asked->events) : json_array();
    for (size_t i = 0; asked->events == NULL && i < EVENT_COUNT; i++)
        json_add(&events, json_text(event_names[i]));
    json_t *json = json_object();
    json_put(&json, "name", json_text(asked->name));
    json_put(&json, "url", json_text(asked->url));
    json_put(&json, "secret", json_text(asked->secret));
    json_put(&json, "events", events);
    json_put(&json, "attempts", json_count(asked->attempts));
    json_put(&json, "allow_http", json_boolean(asked->allow_http));
    json_put(&json, "creator", json_text(request->who));
    json_put(&json, "created_at_ms", json_count(wall_now_ms()));
    return json;
}

void webhook_create(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct asked asked = {.attempts = ATTEMPTS_DEFAULT};
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    if (!read_asked(request, &asked))
        return;
    json_t *json = settings_json(request, &asked);
    char *content = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    struct kedge_note *note = calloc(1, sizeof(*note));
    if (content == NULL || note == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        goto cleanup;
    }
    (void)snprintf(note->kind, sizeof(note->kind), "webhook");
    (void)snprintf(note->id, sizeof(note->id), "%s", asked.name);
    note->size = strlen(content);
    memcpy(note->content, content, note->size);
    enum kedge_rc rc = backend->webhook_put(backend->context, request->who, note, asked.url,
                                            asked.allow_http, text);
    if (rc == KEDGE_OK)
        answer_json(request, MHD_HTTP_CREATED, shown(note));
    else
        refuse_rc(request, rc,
                  rc == KEDGE_E_ARGUMENT ? "url"
                  : rc == KEDGE_E_EXISTS ? "name"
                                         : NULL,
                  text);
cleanup:
    if (note != NULL)
        kedge_wipe(note, sizeof(*note));
    free(note);
    if (content != NULL)
        kedge_wipe(content, strlen(content));
    free(content);
    json_decref(json);
}

/* ---- by its name, by its number ---- */

static void answer_done(struct request *request, enum kedge_rc rc, const char *text)
{
    if (rc == KEDGE_OK)
        answer_empty(request);
    else
        refuse_rc(request, rc, NULL, text);
}

void webhook_remove(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    answer_done(request,
                backend->webhook_remove(backend->context, request->who, request->parameter, text),
                text);
}

void undelivered_again(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    if (body_read(request, request->json, "", NULL, 0))
        answer_done(
            request,
            backend->webhook_again(backend->context, request->who, request->parameter, text), text);
}
