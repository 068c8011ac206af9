/* framing.c: what the fields of a request say of where it ends. */
#include "updater/api/framing.h"

#include <string.h>
#include <strings.h>

struct framing {
    unsigned lengths, codings, hosts;
    bool other_coding; /* than chunked */
    bool odd_name;     /* which another reader may take for another field's, or for none */
    bool broken;       /* a value by what another reader may take for the end of the line */
};

static enum MHD_Result take_field(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct framing *framing = context;
    (void)kind;
    framing->odd_name |= name[0] == '\0' || strpbrk(name, " \t\r") != NULL;
    framing->broken |= value != NULL && strchr(value, '\r') != NULL;
    framing->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    framing->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) != 0)
        return MHD_YES;
    framing->codings++;
    framing->other_coding |= value == NULL || strcasecmp(value, "chunked") != 0;
    return MHD_YES;
}

static const char *fault_of(const struct framing *framing)
{
    if (framing->odd_name)
        return "the name of a header has no blanks";
    if (framing->broken)
        return "the value of a header is of one line";
    if (framing->hosts > 1)
        return "a request has one Host";
    if (framing->lengths + framing->codings > 1 || framing->other_coding)
        return "a body comes with one Content-Length, or with Transfer-Encoding: chunked alone";
    return NULL;
}

bool framing_check(struct request *request)
{
    struct framing framing = {.lengths = 0};
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, take_field, &framing);
    const char *fault = fault_of(&framing);
    if (fault == NULL)
        return true;
    request->unframed = true;
    refuse(request, MHD_HTTP_BAD_REQUEST, "malformed", NULL, "%s", fault);
    return false;
}
