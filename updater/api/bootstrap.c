/*
 * bootstrap.c: by what devices prove themselves to the bootstrap server, and what the factory says
 * of them. No answer holds a key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "updater/api/handout.h"

static bool list_bootstrap(void *context, const struct kedge_bootstrap_record *record)
{
    return json_add_to(context, bootstrap_json(record));
}

void bootstraps_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_bootstraps(request->reader, &page, list_bootstrap, &items);
    answer_list(request, reader_ok(request, rc, "credentials for bootstrapping"), "devices", items,
                &page);
}

/* ---- writing ---- */

/* What a body holds: as many records as devices, and of some what they are given. */
struct body {
    struct kedge_bootstrap_record *records;
    struct kedge_handout_record **handouts;
    size_t count;
};

static bool read_one(struct request *request, json_t *object, size_t index, struct body *body)
{
    struct factory_texts texts = {0};
    struct factory_fault fault;
    char within[32];
#define ROW(field, min, max, to)                                                        \
    {                                                                                   \
        .name = field, .kind = FIELD_TEXT, .least = (min), .most = (max), .text = &(to) \
    }
    const struct field fields[] = {
        FACTORY_PROOF_FIELDS(texts),
        ROW("certificate_name", 0, KEDGE_CREDENTIAL_IDENTITY_MAX, texts.certificate_name),
        ROW("security", 0, KEDGE_FACTORY_TEXT_MAX, texts.security),
        ROW("serial", 0, KEDGE_FACTORY_TEXT_MAX, texts.serial),
        ROW("hardware", 0, KEDGE_HARDWARE_MAX, texts.hardware),
        ROW("batch", 0, KEDGE_FACTORY_TEXT_MAX, texts.batch),
        ROW("certificate", 1, HANDOUT_TEXT_MAX, texts.certificate),
        ROW("private_key", 1, HANDOUT_TEXT_MAX, texts.private_key)};
#undef ROW
    (void)snprintf(within, sizeof(within), "devices[%zu].", index);
    if (!body_read(request, object, within, fields, sizeof(fields) / sizeof(fields[0])))
        return false;
    return (factory_read(&texts, &body->records[index], &fault) &&
            handout_read(&texts, &body->handouts[index], &fault)) ||
           factory_refuse(request, within, &fault);
}

static bool read_all(struct request *request, json_t *list, struct body *body)
{
    size_t index;
    json_t *object;
    json_array_foreach(list, index, object)
    {
        if (!read_one(request, object, index, body))
            return false;
    }
    return true;
}

static void write_all(struct request *request, const struct body *body)
{
    const struct kedge_backend *backend = request->api->config.backend;
    const struct kedge_backend_factory devices = {
        .records = body->records,
        .count = body->count,
        .handouts = (const struct kedge_handout_record *const *)body->handouts};
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc = backend->bootstraps_put(backend->context, request->who, &devices, text);
    if (rc == KEDGE_OK)
        answer_json(request, MHD_HTTP_OK, json_pack("{s:i}", "written", (int)body->count));
    else
        refuse_rc(request, rc, NULL, text);
}

static void clear(struct body *body)
{
    for (size_t i = 0; body->handouts != NULL && i < body->count; i++)
        handout_free(body->handouts[i]);
    if (body->records != NULL)
        kedge_wipe(body->records, body->count * sizeof(*body->records));
    free(body->handouts);
    free(body->records);
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
    struct body body = {.count = json_array_size(list)};
    body.records = calloc(body.count, sizeof(*body.records));
    body.handouts = calloc(body.count, sizeof(const void *));
    if (body.records == NULL || body.handouts == NULL)
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    else if (read_all(request, list, &body) &&
             factory_each_once(request, "devices", &body.records[0].credential,
                               sizeof(*body.records), body.count))
        write_all(request, &body);
    clear(&body);
}

void bootstrap_remove(struct request *request)
{
    credentials_take_away(request, request->api->config.backend->bootstrap_remove);
}
