/*
 * credentials.c: by what devices prove who they are in DTLS. Keys are written and replaced; no
 * answer holds one.
 */
#include "updater/api/credential_texts.h"

#include <kedge/crypto.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool list_credential(void *context, const struct kedge_credential_record *record)
{
    json_t **items = context;
    json_add(items, credential_json(record));
    return *items != NULL;
}

void credentials_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_credentials(request->reader, &page, list_credential, &items);
    if (reader_ok(request, rc, "credentials"))
        answer_json(request, MHD_HTTP_OK, json_list("credentials", items, &page));
    else
        json_decref(items);
}

/* ---- writing ---- */

bool credential_refuse(struct request *request, const char *within, const char *name,
                       const char *words)
{
    char field[64];
    (void)snprintf(field, sizeof(field), "%s%s", within, name);
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field, "%s %s", field, words);
    return false;
}

bool credential_take_name(struct request *request, const char *within, const char *name,
                          const char *text, char *out, size_t max)
{
    if (!kedge_name_valid(kedge_slice_text(text), max))
        return credential_refuse(request, within, name, "must be text without control characters");
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool take_psk(struct request *request, const char *within, const char *identity,
                     const char *key, struct kedge_credential_record *record)
{
    if (identity == NULL || key == NULL)
        return credential_refuse(request, within, identity == NULL ? "identity" : "key",
                                 "is missing; or give a public_key");
    record->kind = KEDGE_CREDENTIAL_PSK;
    record->secret_size = strlen(key) / 2;
    if (kedge_hex_decode(kedge_slice_text(key), record->secret, record->secret_size) != KEDGE_OK)
        return credential_refuse(request, within, "key", "must be hex digits, two for each byte");
    return credential_take_name(request, within, "identity", identity, record->identity,
                                KEDGE_CREDENTIAL_IDENTITY_MAX);
}

static bool take_raw_key(struct request *request, const char *within, const char *pem,
                         struct kedge_credential_record *record)
{
    struct kedge_public_key key;
    if (kedge_public_key_from_pem(kedge_slice_text(pem), &key) != KEDGE_OK)
        return credential_refuse(request, within, "public_key", "is not a public key in PEM");
    record->kind = KEDGE_CREDENTIAL_RAW_KEY;
    kedge_hex_encode(kedge_slice(key.key_id, sizeof(key.key_id)), record->identity);
    return true;
}

bool credential_take(struct request *request, const char *within,
                     const struct credential_texts *texts, struct kedge_credential_record *record)
{
    if (texts->public_key != NULL && (texts->identity != NULL || texts->key != NULL))
        return credential_refuse(request, within, "public_key",
                                 "does not go with identity and key");
    return credential_take_name(request, within, "endpoint", texts->endpoint, record->endpoint,
                                KEDGE_ENDPOINT_MAX) &&
           (texts->public_key != NULL
                ? take_raw_key(request, within, texts->public_key, record)
                : take_psk(request, within, texts->identity, texts->key, record));
}

static bool read_one(struct request *request, json_t *object, size_t index,
                     struct kedge_credential_record *record)
{
    struct credential_texts texts = {0};
    char within[32];
    const struct field fields[] = {CREDENTIAL_FIELDS(texts)};
    (void)snprintf(within, sizeof(within), "credentials[%zu].", index);
    return body_read(request, object, within, fields, sizeof(fields) / sizeof(fields[0])) &&
           credential_take(request, within, &texts, record);
}

static bool read_all(struct request *request, json_t *list, struct kedge_credential_record *records)
{
    size_t index;
    json_t *object;
    json_array_foreach(list, index, object)
    {
        if (!read_one(request, object, index, &records[index]))
            return false;
    }
    return true;
}

static void write_all(struct request *request, const struct kedge_credential_record *records,
                      size_t count)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc =
        backend->credentials_put(backend->context, request->who, records, count, text);
    if (rc == KEDGE_OK)
        answer_json(request, MHD_HTTP_OK, json_pack("{s:i}", "written", (int)count));
    else
        refuse_rc(request, rc, NULL, text);
}

void credentials_put(struct request *request)
{
    json_t *list = NULL;
    const struct field fields[] = {
        {.name = "credentials",
         .kind = FIELD_OBJECTS,
         .required = true,
         .least = 1,
         .most = KEDGE_BACKEND_CREDENTIALS_MAX,
         .json = &list},
    };
    if (!body_read(request, request->json, "", fields, 1))
        return;
    size_t count = json_array_size(list);
    struct kedge_credential_record *records = calloc(count, sizeof(*records));
    if (records == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    if (read_all(request, list, records))
        write_all(request, records, count);
    kedge_wipe(records, count * sizeof(*records));
    free(records);
}

void credentials_remove(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc =
        backend->credentials_remove(backend->context, request->who, request->parameter, text);
    if (rc == KEDGE_OK)
        answer_empty(request);
    else
        refuse_rc(request, rc, NULL, text);
}
