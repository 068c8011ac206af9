/* model.c: what a method means where; see model.h. */
#include "agent/client/execute.h"
#include "agent/client/model_parts.h"

#include <kedge/lwm2m_records.h>

struct kedge_model_answer kedge_model_code(uint8_t code)
{
    return (struct kedge_model_answer){.code = code, .format = KEDGE_LWM2M_FORMAT_NONE};
}

uint8_t kedge_model_path_refusal(const struct kedge_lwm2m_path *path)
{
    /* OMA LwM2M Core 1.1, E.1: the security object is for a bootstrap server alone. */
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_SECURITY)
        return KEDGE_COAP_UNAUTHORIZED;
    uint16_t instances = kedge_model_instances(path->ids[0]);
    if (instances == 0 || (path->depth > 1 && path->ids[1] >= instances))
        return KEDGE_COAP_NOT_FOUND;
    if (path->depth < 3)
        return 0;
    const struct model_resource *resource = kedge_model_find(path->ids[0], path->ids[2]);
    if (resource == NULL || (path->depth == 4 && !kedge_model_is_multiple(resource)))
        return KEDGE_COAP_NOT_FOUND;
    return 0;
}

bool kedge_model_may(const struct kedge_model_hooks *hooks, const struct kedge_lwm2m_path *path,
                     enum kedge_access_right right)
{
    struct kedge_lwm2m_path instance = *path;
    instance.depth = 2;
    return (hooks->rights(hooks->context, &instance) & right) != 0;
}

static bool is_writable(const struct model_resource *resource)
{
    return (resource->operations & KEDGE_LWM2M_W) != 0;
}

/*
 * OMA LwM2M Core 1.1, sections 8.2.2 and 8.2.3: what a server may not do is 4.01, before it is
 * looked at whether that can be done at all. Of a whole object, reading asks for it instance by
 * instance.
 */
static bool is_authorized(const struct kedge_model_hooks *hooks,
                          const struct kedge_model_request *request)
{
    const struct kedge_lwm2m_path *path = &request->path;
    if (path->depth < 2)
        return true;
    switch (request->method) {
    case KEDGE_COAP_GET:
        return kedge_model_may(hooks, path, KEDGE_ACCESS_READ);
    case KEDGE_COAP_PUT:
        return kedge_model_may(hooks, path, KEDGE_ACCESS_WRITE);
    case KEDGE_COAP_DELETE:
        return kedge_model_may(hooks, path, KEDGE_ACCESS_DELETE);
    default:
        return kedge_model_may(hooks, path,
                               path->depth < 3 ||
                                       is_writable(kedge_model_find(path->ids[0], path->ids[2]))
                                   ? KEDGE_ACCESS_WRITE
                                   : KEDGE_ACCESS_EXECUTE);
    }
}

static struct kedge_model_answer read_paths(const struct kedge_model_hooks *hooks,
                                            const struct kedge_model_request *request,
                                            struct kedge_writer *out)
{
    struct kedge_model_paths paths;
    uint8_t refused = kedge_model_request_paths(request, &paths);
    if (refused != 0)
        return kedge_model_code(refused);
    uint32_t format = request->accept;
    if (paths.composite && format == KEDGE_LWM2M_FORMAT_NONE)
        format = request->format;
    return kedge_model_read(hooks, &paths, format, out);
}

static uint8_t execute(const struct kedge_model_hooks *hooks,
                       const struct kedge_model_request *request)
{
    if (request->payload.size > 0 && request->format != KEDGE_LWM2M_FORMAT_NONE &&
        request->format != KEDGE_LWM2M_FORMAT_TEXT)
        return KEDGE_COAP_UNSUPPORTED_FORMAT;
    if (kedge_execute_check(request->payload) != KEDGE_OK)
        return KEDGE_COAP_BAD_REQUEST;
    return hooks->execute(hooks->context, &request->path, request->payload);
}

/* What has instances is written as records, all of it (PUT) or some (POST); of one instance its
 * value, and it can be deleted (OMA LwM2M Core 1.2, section 6.3.5). */
static uint8_t on_multiple(const struct kedge_model_hooks *hooks,
                           const struct model_resource *resource,
                           const struct kedge_model_request *request)
{
    bool puts = request->method == KEDGE_COAP_PUT;
    if (request->path.depth == 4 && puts)
        return kedge_model_write_resource(hooks, resource, request);
    if (request->path.depth == 3 && (puts || request->method == KEDGE_COAP_POST))
        return kedge_model_write_records(hooks, request);
    if (request->path.depth == 3 || request->method != KEDGE_COAP_DELETE)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    hooks->hold(hooks->context);
    uint8_t code = kedge_model_release(hooks, hooks->unset(hooks->context, &request->path));
    return code == KEDGE_COAP_CHANGED ? KEDGE_COAP_DELETED : code;
}

static struct kedge_model_answer on_resource(const struct kedge_model_hooks *hooks,
                                             const struct model_resource *resource,
                                             const struct kedge_model_request *request,
                                             struct kedge_writer *out)
{
    uint8_t operations = resource->operations;
    if (request->method == KEDGE_COAP_GET && (operations & KEDGE_LWM2M_R) != 0)
        return read_paths(hooks, request, out);
    if (is_writable(resource) && kedge_model_is_multiple(resource))
        return kedge_model_code(on_multiple(hooks, resource, request));
    if (request->method == KEDGE_COAP_PUT && is_writable(resource))
        return kedge_model_code(kedge_model_write_resource(hooks, resource, request));
    if (request->method == KEDGE_COAP_POST && (operations & KEDGE_LWM2M_E) != 0)
        return kedge_model_code(execute(hooks, request));
    return kedge_model_code(KEDGE_COAP_METHOD_NOT_ALLOWED);
}

static struct kedge_model_answer above_resource(const struct kedge_model_hooks *hooks,
                                                const struct kedge_model_request *request,
                                                struct kedge_writer *out)
{
    if (request->method == KEDGE_COAP_GET)
        return read_paths(hooks, request, out);
    bool writes = request->method == KEDGE_COAP_PUT || request->method == KEDGE_COAP_POST;
    if (writes && request->path.depth == 2)
        return kedge_model_code(kedge_model_write_records(hooks, request));
    return kedge_model_code(KEDGE_COAP_METHOD_NOT_ALLOWED);
}

/* Composite operations name their paths in the payload (OMA LwM2M Core 1.1, section 6.3.9 on). */
static struct kedge_model_answer at_root(const struct kedge_model_hooks *hooks,
                                         const struct kedge_model_request *request,
                                         struct kedge_writer *out)
{
    if (request->method == KEDGE_COAP_FETCH)
        return read_paths(hooks, request, out);
    if (request->method != KEDGE_COAP_IPATCH)
        return kedge_model_code(KEDGE_COAP_METHOD_NOT_ALLOWED);
    if (request->format == KEDGE_LWM2M_FORMAT_TLV || request->format == KEDGE_LWM2M_FORMAT_JSON)
        return kedge_model_code(KEDGE_COAP_UNSUPPORTED_FORMAT);
    return kedge_model_code(kedge_model_write_records(hooks, request));
}

struct kedge_model_answer kedge_model_handle(const struct kedge_model_hooks *hooks,
                                             const struct kedge_model_request *request,
                                             struct kedge_writer *out)
{
    const struct kedge_lwm2m_path *path = &request->path;
    if (path->depth == 0)
        return at_root(hooks, request, out);
    uint8_t refused = kedge_model_path_refusal(path);
    if (refused != 0)
        return kedge_model_code(refused);
    if (request->method == KEDGE_COAP_GET && request->accept == KEDGE_LWM2M_FORMAT_LINK)
        return kedge_model_discover(hooks, path, out);
    if (!is_authorized(hooks, request))
        return kedge_model_code(KEDGE_COAP_UNAUTHORIZED);
    if (path->depth < 3)
        return above_resource(hooks, request, out);
    return on_resource(hooks, kedge_model_find(path->ids[0], path->ids[2]), request, out);
}
