/* media_type.c: what a body says that it is, against what the route takes (RFC 9110, 8.3 and 8.4). */
#include "updater/api/internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TYPES_MAX 4u

/* The first one is told as what to send. */
static const char *const taken[][TYPES_MAX] = {
    [BODY_JSON] = {"application/json"},
    [BODY_TEXT] = {"text/csv", "text/plain", "application/json"},
    [BODY_FILE] = {"application/octet-stream"},
};

/* What of the header's lines cannot be. */
struct fault {
    enum body_kind kind;
    const char *type, *coding; /* NULL: all is well */
};

/* Its parameters, as charset=utf-8, say nothing that is not so already. */
static bool is_type(const char *value, const char *type)
{
    size_t size = strlen(type);
    if (strncasecmp(value, type, size) != 0)
        return false;
    value += size;
    value += strspn(value, " \t");
    return *value == '\0' || *value == ';';
}

static bool is_taken(enum body_kind kind, const char *value)
{
    value += strspn(value, " \t");
    for (size_t i = 0; i < TYPES_MAX && taken[kind][i] != NULL; i++)
        if (is_type(value, taken[kind][i]))
            return true;
    return false;
}

/* A list of codings, of which "identity" is none. */
static bool is_as_it_is(const char *value)
{
    static const char none[] = "identity";
    for (;;) {
        value += strspn(value, " \t,");
        if (*value == '\0')
            return true;
        size_t size = strcspn(value, " \t,");
        if (size != sizeof(none) - 1 || strncasecmp(value, none, size) != 0)
            return false;
        value += size;
    }
}

static enum MHD_Result look_at_line(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct fault *fault = context;
    (void)kind;
    value = value == NULL ? "" : value;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_TYPE) == 0 && !is_taken(fault->kind, value))
        fault->type = value;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_ENCODING) == 0 && !is_as_it_is(value))
        fault->coding = value;
    return MHD_YES;
}

static bool refuse_coding(struct request *request, const char *coding)
{
    refuse(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "content_encoding",
           MHD_HTTP_HEADER_CONTENT_ENCODING,
           "a body is taken as it is, not with Content-Encoding: %.64s", coding);
    (void)answer_header(request, MHD_HTTP_HEADER_ACCEPT_ENCODING, "identity");
    return false;
}

/* Without Accept-Encoding, which would say that the coding is at fault (RFC 9110, 12.5.3). */
static bool refuse_type(struct request *request, const char *type)
{
    char all[128] = "";
    const char *const *types = taken[request->route->body];
    size_t used = 0;
    for (size_t i = 0; i < TYPES_MAX && types[i] != NULL; i++)
        used += (size_t)snprintf(&all[used], sizeof(all) - used, "%s%s", i > 0 ? ", " : "",
                                 types[i]);
    refuse(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "media_type", MHD_HTTP_HEADER_CONTENT_TYPE,
           "the body is called \"%.64s\", and what is taken here is %s; say so (curl: -H "
           "'Content-Type: %s'), or nothing of it",
           type, all, types[0]);
    (void)answer_header(request, MHD_HTTP_HEADER_ACCEPT, all);
    return false;
}

bool media_type_check(struct request *request)
{
    struct fault fault = {.kind = request->route->body};
    if (fault.kind == BODY_NONE || !request_has_body(request))
        return true;
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at_line, &fault);
    if (fault.coding != NULL)
        return refuse_coding(request, fault.coding);
    return fault.type == NULL || refuse_type(request, fault.type);
}
