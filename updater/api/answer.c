/* answer.c: what goes back: JSON, or problem details (RFC 9457). */
#include "updater/api/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RETRY_AFTER_S "1"

static const char no_memory[] =
    "{\"type\":\"about:blank\",\"status\":500,\"title\":\"Internal Server Error\","
    "\"detail\":\"out of memory\",\"code\":\"memory\"}";

static void answer(struct request *request, unsigned status, struct MHD_Response *response,
                   const char *type, const char *cache_control)
{
    if (request->answer != NULL)
        MHD_destroy_response(request->answer);
    request->answer = response;
    request->status = status;
    if (type != NULL)
        (void)answer_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)answer_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, cache_control);
    (void)answer_header(request, "X-Content-Type-Options", "nosniff");
}

bool answer_header(struct request *request, const char *name, const char *value)
{
    return request->answer != NULL &&
           MHD_add_response_header(request->answer, name, value) == MHD_YES;
}

static void answer_text(struct request *request, unsigned status, json_t *json, const char *type,
                        bool may_pack)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    if (request->replay != NULL) {
        json_decref(request->answered);
        request->answered = json_incref(json);
    }
    json_decref(json);
    if (text != NULL) {
        size_t size = strlen(text);
        bool packed = may_pack && packed_taken(request) && packed_text(&text, &size);
        answer(request, status, MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE),
               type, "no-store");
        if (may_pack)
            packed_tell(request, packed);
        return;
    }
    answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR,
           MHD_create_response_from_buffer(sizeof(no_memory) - 1, (void *)(uintptr_t)no_memory,
                                           MHD_RESPMEM_PERSISTENT),
           "application/problem+json", "no-store");
}

void answer_json(struct request *request, unsigned status, json_t *json)
{
    answer_text(request, status, json, "application/json", false);
}

void answer_json_as(struct request *request, unsigned status, json_t *json)
{
    answer_text(request, status, json,
                status < MHD_HTTP_BAD_REQUEST ? "application/json" : "application/problem+json",
                false);
}

void answer_list(struct request *request, bool complete, const char *name, json_t *items,
                 const struct kedge_page *page)
{
    if (complete)
        answer_text(request, MHD_HTTP_OK, json_list(name, items, page), "application/json", true);
    else
        json_decref(items);
}

void answer_empty(struct request *request)
{
    answer(request, MHD_HTTP_NO_CONTENT,
           MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), NULL, "no-store");
}

void answer_bytes(struct request *request, unsigned status, struct MHD_Response *response,
                  const char *type, const char *cache_control)
{
    if (response == NULL)
        answer_json(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    else
        answer(request, status, response, type, cache_control);
}

void refuse(struct request *request, unsigned status, const char *code, const char *field,
            const char *format, ...)
{
    char detail[KEDGE_BACKEND_TEXT_MAX + 256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    json_t *problem = json_object();
    json_put(&problem, "type", json_text("about:blank"));
    json_put(&problem, "status", json_integer((json_int_t)status));
    json_put(&problem, "title", json_text(MHD_get_reason_phrase_for(status)));
    json_put(&problem, "detail", json_text(detail));
    json_put(&problem, "code", json_text(code));
    if (field != NULL)
        json_put(&problem, "field", json_text(field));
    answer_text(request, status, problem, "application/problem+json", false);
    if (status == MHD_HTTP_UNAUTHORIZED)
        (void)answer_header(request, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"kedge\"");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        (void)answer_header(request, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
    if (status == MHD_HTTP_INTERNAL_SERVER_ERROR || status == MHD_HTTP_INSUFFICIENT_STORAGE)
        api_warn(request->api, "%u: %s", status, detail);
    else if (status > MHD_HTTP_INTERNAL_SERVER_ERROR)
        api_log(request->api, "%u: %s", status, detail);
}

unsigned rc_status(enum kedge_rc rc)
{
    switch (rc) {
    case KEDGE_OK:
        return MHD_HTTP_OK;
    case KEDGE_E_ARGUMENT:
        return MHD_HTTP_BAD_REQUEST;
    case KEDGE_E_NOT_FOUND:
        return MHD_HTTP_NOT_FOUND;
    case KEDGE_E_EXISTS:
    case KEDGE_E_CONFLICT:
    case KEDGE_E_STATE:
        return MHD_HTTP_CONFLICT;
    case KEDGE_E_BUSY:
    case KEDGE_E_TIMEOUT:
    case KEDGE_E_CANCELED:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case KEDGE_E_SPACE:
        return MHD_HTTP_INSUFFICIENT_STORAGE;
    case KEDGE_E_MEMORY:
    case KEDGE_E_BUFFER:
    case KEDGE_E_SYSTEM:
    case KEDGE_E_FLASH:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    default: /* what was sent is well understood and not acceptable */
        return MHD_HTTP_UNPROCESSABLE_CONTENT;
    }
}

/* KEDGE_E_NOT_FOUND becomes not_found. */
static void rc_code(enum kedge_rc rc, char *code, size_t size)
{
    const char *name = kedge_rc_name(rc);
    const char *prefix = "KEDGE_E_";
    if (strncmp(name, prefix, strlen(prefix)) == 0)
        name += strlen(prefix);
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < size; i++)
        code[i] = (char)tolower((unsigned char)name[i]);
    code[i] = '\0';
}

void refuse_rc(struct request *request, enum kedge_rc rc, const char *field, const char *text)
{
    char code[48];
    rc_code(rc, code, sizeof(code));
    refuse(request, rc_status(rc), code, field, "%s", text[0] != '\0' ? text : kedge_rc_text(rc));
}

bool reader_ok(struct request *request, enum kedge_rc rc, const char *what)
{
    if (rc == KEDGE_OK)
        return true;
    if (rc == KEDGE_E_NOT_FOUND) {
        refuse(request, MHD_HTTP_NOT_FOUND, "not_found", NULL, "there is no %s \"%s\"", what,
               request->parameter);
        return false;
    }
    if (rc == KEDGE_E_ARGUMENT) {
        refuse_rc(request, rc, "cursor", kedge_reader_error(request->reader));
        return false;
    }
    request->reader_failed = true;
    refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "system", NULL,
           "the store could not be read: %s", kedge_reader_error(request->reader));
    return false;
}
