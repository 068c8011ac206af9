/*
 * credentials.c: by what devices prove who they are in DTLS. Keys are written and replaced; no
 * answer holds one.
 */
#include "updater/api/factory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool list_credential(void *context, const struct kedge_credential_record *record)
{
    return json_add_to(context, credential_json(record));
}

void credentials_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_credentials(request->reader, &page, list_credential, &items);
    answer_list(request, reader_ok(request, rc, "credentials"), "credentials", items, &page);
}

/* ---- writing ---- */

static bool read_one(struct request *request, json_t *object, size_t index,
                     struct kedge_credential_record *credential)
{
    struct factory_texts texts = {0};
    struct factory_fault fault;
    struct kedge_bootstrap_record record;
    char within[32];
    const struct field fields[] = {FACTORY_PROOF_FIELDS(texts)};
    (void)snprintf(within, sizeof(within), "credentials[%zu].", index);
    if (!body_read(request, object, within, fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    if (!factory_read(&texts, &record, &fault))
        return factory_refuse(request, within, &fault);
    *credential = record.credential;
    kedge_wipe(&record, sizeof(record));
    return true;
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
    if (read_all(request, list, records) &&
        factory_each_once(request, "credentials", records, sizeof(*records), count))
        write_all(request, records, count);
    kedge_wipe(records, count * sizeof(*records));
    free(records);
}

void credentials_take_away(struct request *request, credentials_remove_fn *remove)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc = remove(backend->context, request->who, request->parameter, text);
    if (rc == KEDGE_OK)
        answer_empty(request);
    else
        refuse_rc(request, rc, NULL, text);
}

void credentials_remove(struct request *request)
{
    credentials_take_away(request, request->api->config.backend->credentials_remove);
}
