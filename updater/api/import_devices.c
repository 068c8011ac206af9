/* import_devices.c: a factory's file is taken whole, or all that is wrong with it is told. */
#include "updater/api/import.h"

#include <string.h>

/* How many of them are there already; an identity that is another device's is a fault. */
static bool look_up(struct request *request, struct import *import, size_t *replaced)
{
    *replaced = 0;
    for (size_t i = 0; i < import->count; i++) {
        const struct kedge_credential_record *credential = &import->records[i].credential;
        struct kedge_bootstrap_record found;
        enum kedge_rc rc = kedge_reader_bootstrap_of(request->reader, credential->endpoint, &found);
        if (rc == KEDGE_OK)
            ++*replaced;
        else if (rc != KEDGE_E_NOT_FOUND)
            return reader_ok(request, rc, "credentials for bootstrapping");
        rc =
            kedge_reader_bootstrap(request->reader, credential->kind, credential->identity, &found);
        kedge_wipe(&found.credential.secret, sizeof(found.credential.secret));
        if (rc == KEDGE_OK && strcmp(found.credential.endpoint, credential->endpoint) != 0)
            import_fault(import, import->places[i], "identity", "is that of the device %s",
                         found.credential.endpoint);
        else if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
            return reader_ok(request, rc, "credentials for bootstrapping");
    }
    return true;
}

static void answer_report(struct request *request, struct import *import, size_t replaced,
                          bool imported)
{
    json_t *json = json_object();
    json_put(&json, "imported", json_boolean(imported));
    json_put(&json, "devices", json_count(import->count));
    json_put(&json, "replaced", json_count(replaced));
    json_put(&json, "error_count", json_count(import->fault_count));
    json_put(&json, "errors", json_incref(import->faults));
    answer_json(request, MHD_HTTP_OK, json);
}

static void refuse_file(struct request *request, const struct import *import)
{
    const json_t *first = json_array_get(import->faults, 0);
    const char *what = import->is_json ? "device" : "line";
    const char *field = json_string_value(json_object_get(first, "field"));
    refuse(request, MHD_HTTP_BAD_REQUEST, "argument", field,
           "nothing was imported: %zu %s wrong, the first in %s %lld: %s%s%s (dry_run=true tells "
           "all)",
           import->fault_count, kedge_by_count(import->fault_count, "thing is", "things are"), what,
           (long long)json_integer_value(json_object_get(first, what)),
           field != NULL ? field : "", field != NULL ? " " : "",
           json_string_value(json_object_get(first, "message")));
}

static void write_all(struct request *request, struct import *import, size_t replaced)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    const struct kedge_backend_factory devices = {
        .records = import->records,
        .count = import->count,
        .handouts = (const struct kedge_handout_record *const *)import->handouts,
        .tags = (const char *const *)import->tags};
    enum kedge_rc rc = backend->bootstraps_put(backend->context, request->who, &devices, text);
    if (rc == KEDGE_OK)
        answer_report(request, import, replaced, true);
    else
        refuse_rc(request, rc, NULL, text);
}

static void take(struct request *request, struct import *import, bool dry_run)
{
    size_t replaced = 0;
    if (import->no_memory || import->faults == NULL)
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    else if (import->fault_count == 0 && !look_up(request, import, &replaced))
        return;
    else if (dry_run)
        answer_report(request, import, replaced, false);
    else if (import->fault_count > 0)
        refuse_file(request, import);
    else
        write_all(request, import, replaced);
}

void devices_import(struct request *request)
{
    struct import import;
    char text[8];
    bool given;
    if (!query_text(request, "dry_run", text, sizeof(text), &given))
        return;
    if (given && strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "argument", "dry_run", "dry_run is true or false");
        return;
    }
    import_read(&import, kedge_slice(request->body, request->body_size));
    take(request, &import, strcmp(text, "true") == 0);
    import_clear(&import);
}
