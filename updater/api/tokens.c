/* tokens.c: who may ask, and for what. */
#include "updater/api/internal.h"

#include <kedge/crypto.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_LIFETIME_MAX_S 315360000u /* ten years */

static bool list_token(void *context, const struct kedge_token_record *record)
{
    return json_add_to(context, token_json(record));
}

void tokens_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_tokens(request->reader, &page, list_token, &items);
    answer_list(request, reader_ok(request, rc, "token"), "tokens", items, &page);
}

void token_show(struct request *request)
{
    answer_json(request, MHD_HTTP_OK, token_json(&request->token));
}

static bool read_token(struct request *request, struct kedge_token_record *record,
                       uint32_t *lifetime_s)
{
    const char *name = NULL, *role = NULL;
    const struct field fields[] = {
        {.name = "name",
         .kind = FIELD_NAME,
         .required = true,
         .least = 1,
         .most = KEDGE_NAME_MAX,
         .text = &name},
        {.name = "role", .kind = FIELD_TEXT, .required = true, .most = 16, .text = &role},
        {.name = "lifetime_s",
         .kind = FIELD_NUMBER,
         .least = 1,
         .most = TOKEN_LIFETIME_MAX_S,
         .number = lifetime_s},
    };
    if (!body_read(request, request->json, "", fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    if (strcmp(name, "server") == 0 || strcmp(name, "device") == 0) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "name",
               "name: \"%s\" is what histories call something else", name);
        return false;
    }
    if (!kedge_role_parse(role, &record->role)) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "role",
               "role must be viewer, operator, release, author, approver or admin");
        return false;
    }
    (void)snprintf(record->name, sizeof(record->name), "%s", name);
    return true;
}

void token_create(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_token_record record = {.name = ""};
    char token[KEDGE_TOKEN_SIZE + 1] = "", text[KEDGE_BACKEND_TEXT_MAX] = "";
    uint32_t lifetime_s = 0;
    if (!read_token(request, &record, &lifetime_s))
        return;
    enum kedge_rc rc =
        backend->token_create(backend->context, request->who, &record, lifetime_s, token, text);
    if (rc == KEDGE_OK) {
        json_t *json = token_json(&record);
        json_put(&json, "token", json_text(token));
        answer_json(request, MHD_HTTP_CREATED, json);
    } else {
        refuse_rc(request, rc, rc == KEDGE_E_EXISTS ? "name" : NULL, text);
    }
    kedge_wipe(token, sizeof(token));
}

void token_revoke(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc =
        backend->token_revoke(backend->context, request->who, request->parameter, text);
    if (rc != KEDGE_OK) {
        refuse_rc(request, rc, NULL, text);
        return;
    }
    events_recheck(request->api->events);
    answer_empty(request);
}
