/* trust.c: whose packages the server accepts. */
#include "updater/api/internal.h"

#include <kedge/crypto.h>

#define PEM_MAX 4096u

static bool list_key(void *context, const struct kedge_trust_record *record)
{
    return json_add_to(context, trust_json(record));
}

void trust_list(struct request *request)
{
    struct kedge_page page;
    if (!query_page(request, &page))
        return;
    json_t *items = json_array();
    enum kedge_rc rc = kedge_reader_trust(request->reader, &page, list_key, &items);
    answer_list(request, reader_ok(request, rc, "key"), "trust", items, &page);
}

void trust_add(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    const char *name = NULL, *pem = NULL;
    const struct field fields[] = {
        {.name = "name",
         .kind = FIELD_NAME,
         .required = true,
         .least = 1,
         .most = KEDGE_NAME_MAX,
         .text = &name},
        {.name = "pem",
         .kind = FIELD_TEXT,
         .required = true,
         .least = 1,
         .most = PEM_MAX,
         .text = &pem},
    };
    if (!body_read(request, request->json, "", fields, 2))
        return;
    struct kedge_trust_record record;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc = backend->trust_add(backend->context, request->who, name,
                                          kedge_slice_text(pem), &record, text);
    if (rc == KEDGE_OK)
        answer_json(request, MHD_HTTP_CREATED, trust_json(&record));
    else
        refuse_rc(request, rc, rc == KEDGE_E_KEY ? "pem" : NULL, text);
}

void trust_remove(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    uint8_t key_id[KEDGE_KEY_ID_SIZE];
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    enum kedge_rc rc =
        kedge_hex_decode(kedge_slice_text(request->parameter), key_id, sizeof(key_id));
    if (rc == KEDGE_OK)
        rc = backend->trust_remove(backend->context, request->who, key_id, text);
    else
        rc = KEDGE_E_NOT_FOUND;
    if (rc == KEDGE_OK)
        answer_empty(request);
    else
        refuse_rc(request, rc, NULL, text);
}
