/* packages.c: packages: uploaded, listed, removed. */
#include "updater/api/filters.h"

#include <stdio.h>
#include <stdlib.h>

#define V1_PACKAGES "/api/v1/packages/"

static bool list_package(void *context, const struct kedge_package_record *record)
{
    return json_add_to(context, package_json(record));
}

void packages_list(struct request *request)
{
    struct kedge_page page;
    struct kedge_filter *filter;
    if (!query_page(request, &page) || !query_filter(request, KEDGE_FILTER_OF_PACKAGE, &filter))
        return;
    json_t *items = json_array();
    enum kedge_rc rc =
        filter != NULL ? kedge_reader_matching_packages(request->reader, filter, wall_now_ms(),
                                                        &page, list_package, &items)
                       : kedge_reader_packages(request->reader, &page, list_package, &items);
    free(filter);
    answer_list(request, reader_ok(request, rc, "package"), "packages", items, &page);
}

static void answer_package(struct request *request, unsigned status, const char *id)
{
    struct kedge_package_record record;
    if (reader_ok(request, kedge_reader_package(request->reader, id, &record), "package"))
        answer_json(request, status, package_json(&record));
}

void package_show(struct request *request)
{
    answer_package(request, MHD_HTTP_OK, request->parameter);
}

void package_upload(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    char id[KEDGE_PACKAGE_ID_SIZE + 1], text[KEDGE_BACKEND_TEXT_MAX] = "";
    bool existed = false;
    if (request->received == 0) {
        refuse(request, MHD_HTTP_BAD_REQUEST, "truncated", NULL,
               "the body must be the package: it is empty");
        return;
    }
    enum kedge_rc rc = backend->package_accept(backend->context, request->who, request->upload.path,
                                               id, &existed, text);
    if (rc != KEDGE_OK) {
        refuse_rc(request, rc, NULL, text);
        return;
    }
    char location[sizeof(V1_PACKAGES) + sizeof(id)];
    (void)snprintf(location, sizeof(location), V1_PACKAGES "%s", id);
    answer_package(request, existed ? MHD_HTTP_OK : MHD_HTTP_CREATED, id);
    (void)answer_header(request, MHD_HTTP_HEADER_LOCATION, location);
}

void package_remove(struct request *request)
{
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_package_record record;
    char text[KEDGE_BACKEND_TEXT_MAX] = "";
    if (!reader_ok(request, kedge_reader_package(request->reader, request->parameter, &record),
                   "package"))
        return;
    enum kedge_rc rc = backend->package_delete(backend->context, request->who, record.id, text);
    if (rc == KEDGE_OK)
        answer_empty(request);
    else
        refuse_rc(request, rc, NULL, text);
}
