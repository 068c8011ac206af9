/* openapi.c: GET /openapi.json. There is no secret in it, so that it needs no token. */
#include "updater/api/openapi.h"

#include "updater/api/internal.h"

void openapi_show(struct request *request)
{
    answer_bytes(request, MHD_HTTP_OK,
                 MHD_create_response_from_buffer(openapi_document_size,
                                                 (void *)(uintptr_t)openapi_document,
                                                 MHD_RESPMEM_PERSISTENT),
                 "application/json", "no-cache");
}
