/*
 * bootstrap.c: by what devices prove themselves to the bootstrap server, and what the factory says
 * of them. No answer holds a key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/api/factory.h"

static bool list_bootstrap(void *context, const struct kedge_bootstrap_record *record)
{
    json_t **items = context;
    json_add(items, bootstrap_json(record));
    return *items != NULL;
}

void bootstraps_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_bootstraps(request->reader, &page, list_bootstrap, &items);
    if (reader_ok(request, rc, "credentials for bootstrapping"))
        answer_json(request, MHD_HTTP_OK, json_list("devices", items, &page));
    else
        json_decref(items);
}

/* ---- writing ---- */

static bool read_one(struct request *request, json_t *object, size_t index,
                     struct kedge_bootstrap_record *record)
{
    struct factory_texts texts = {0};
    struct factory_fault fault;
    char within[32];
#define EXTRA(field, max)                                                       \
    {                                                                           \
        .name = #field, .kind = FIELD_TEXT, .most = (max), .text = &texts.field \
    }
    const struct field fields[] = {FACTORY_PROOF_FIELDS(texts),
                                   EXTRA(certificate_name, KEDGE_CREDENTIAL_IDENTITY_MAX),
                                   EXTRA(security, KEDGE_FACTORY_TEXT_MAX),
                                   EXTRA(serial, KEDGE_FACTORY_TEXT_MAX),
                                   EXTRA(hardware, KEDGE_HARDWARE_MAX),
                                   EXTRA(batch, KEDGE_FACTORY_TEXT_MAX)};
#undef EXTRA
    (void)snprintf(within, sizeof(within), "devices[%zu].", index);
    if (!body_read(request, object, within, fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    return factory_read(&texts, record, &fault) || factory_refuse(request, within, &fault);
}

static bool read_all(struct request *request, json_t *list, struct kedge_bootstrap_record *records)
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

static void write_all(struct request *request, const struct kedge_bootstrap_record *records,
                      size_t count)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc =
        backend->bootstraps_put(backend->context, request->who, records, NULL, count, text);
    if (rc == KEDGE_OK)
        answer_json(request, MHD_HTTP_OK, json_pack("{s:i}", "written", (int)count));
    else
        refuse_rc(request, rc, NULL, text);
}

void bootstraps_put(struct request *request)
{
    json_t *list = NULL;
    const struct field fields[] = {
        {.name = "devices",
         .kind = FIELD_OBJECTS,
         .required = true,
         .least = 1,
         .most = KEDGE_BACKEND_CREDENTIALS_MAX,
         .json = &list},
    };
    if (!body_read(request, request->json, "", fields, 1))
        return;
    size_t count = json_array_size(list);
    struct kedge_bootstrap_record *records = calloc(count, sizeof(*records));
    if (records == NULL) {
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
        return;
    }
    if (read_all(request, list, records))
        write_all(request, records, count);
    kedge_wipe(records, count * sizeof(*records));
    free(records);
}

void bootstrap_remove(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc =
        backend->bootstrap_remove(backend->context, request->who, request->parameter, text);
    if (rc == KEDGE_OK)
        answer_empty(request);
    else
        refuse_rc(request, rc, NULL, text);
}
