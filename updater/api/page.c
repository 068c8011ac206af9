/*
 * page.c: the dashboard's files. They hold nothing that is secret, so no token is asked for; what
 * the page then asks the API, it asks as somebody who has logged in.
 */
#include "updater/api/conditions.h"
#include "updater/api/internal.h"
#include "updater/web/assets.h"

#include <stdio.h>

/* Nothing but our own files, and no text that becomes a program or a document (CSP level 3). */
#define CONTENT_POLICY                                                          \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; "                 \
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

static const char *header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static bool is_known(const struct request *request, const char *tag)
{
    struct conditions conditions = {.tag = kedge_slice_text(tag)};
    struct byte_range range;
    const char *tags = header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    if (tags == NULL)
        return false;
    conditions_take(&conditions, MHD_HTTP_HEADER_IF_NONE_MATCH, kedge_slice_text(tags));
    return conditions_judge(&conditions, false, 1, &range) == CONDITIONS_NOT_MODIFIED;
}

static void add_policies(struct request *request)
{
    (void)answer_header(request, "Content-Security-Policy", CONTENT_POLICY);
    (void)answer_header(request, "Referrer-Policy", "no-referrer");
    (void)answer_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    (void)answer_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    (void)answer_header(request, "X-Frame-Options", "DENY");
}

static void answer_asset(struct request *request, const struct kedge_web_asset *asset)
{
    char tag[80], quoted[96];
    bool packed = packed_taken(request) && asset->packed_size < asset->size;
    /* What is packed is another representation (RFC 9110 section 8.8.3.3). */
    (void)snprintf(tag, sizeof(tag), "%.64s%s", asset->digest, packed ? "-gzip" : "");
    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", tag);
    bool known = is_known(request, tag);
    const void *bytes = packed ? asset->packed : asset->bytes;
    size_t size = known ? 0 : packed ? asset->packed_size : asset->size;
    answer_bytes(
        request, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK,
        MHD_create_response_from_buffer(size, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT),
        asset->type, "no-cache");
    (void)answer_header(request, MHD_HTTP_HEADER_ETAG, quoted);
    packed_tell(request, packed);
    add_policies(request);
}

void page_show(struct request *request)
{
    const struct kedge_web_asset *asset = kedge_web_asset(KEDGE_WEB_PAGE);
    if (asset != NULL)
        answer_asset(request, asset);
    else
        refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL,
               "this kedged was built without its dashboard: run scripts/setup and build again");
}

void page_asset(struct request *request)
{
    const struct kedge_web_asset *asset = kedge_web_asset(request->parameter);
    if (asset != NULL)
        answer_asset(request, asset);
    else
        refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL, "there is no such file");
}
