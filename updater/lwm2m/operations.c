/*
 * operations.c: operations towards devices, each kept until its answer so that it can be cancelled,
 * and asked again without Accept when the device does not have the format asked for.
 */
#include "updater/lwm2m/internal.h"

#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 1024u

struct operation {
    struct kedge_fleet *fleet;
    struct kedge_index_link by_id;
    uint64_t handle; /* of the request on its way */
    struct kedge_address to;
    int32_t accept; /* -1: none */
    bool observe;
    kedge_operation_fn *fn;
    void *context;
    char path[KEDGE_NET_PATH_MAX + 1];
};

static void operation_free(struct operation *operation)
{
    kedge_index_remove(&operation->fleet->operations, &operation->by_id);
    free(operation);
}

static void on_result(void *context, enum kedge_rc rc, const struct kedge_coap_message *response);

static enum kedge_rc get(struct operation *operation)
{
    struct kedge_net *net = operation->fleet->net;
    if (operation->observe)
        return kedge_net_observe(net, &operation->to, operation->path, operation->accept, on_result,
                                 operation, &operation->handle);
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.path = operation->path;
    request.accept = operation->accept;
    return kedge_net_send(net, &operation->to, &request, on_result, operation, &operation->handle);
}

static bool ask_without_accept(struct operation *operation)
{
    if (operation->accept < 0 || operation->accept == (int32_t)KEDGE_LWM2M_FORMAT_LINK)
        return false;
    operation->accept = -1;
    return get(operation) == KEDGE_OK;
}

static void on_result(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    struct operation *operation = context;
    struct kedge_operation_answer answer = {0};
    uint32_t number;
    if (rc == KEDGE_OK && response->code == KEDGE_COAP_NOT_ACCEPTABLE &&
        ask_without_accept(operation))
        return;
    if (rc == KEDGE_OK) {
        answer.code = response->code;
        answer.payload = response->payload;
        answer.content_format = KEDGE_LWM2M_FORMAT_NONE;
        if (kedge_coap_option_uint(response, KEDGE_COAP_CONTENT_FORMAT, &number))
            answer.content_format = number;
        answer.observing = operation->observe && response->code >> 5 == 2 &&
                           kedge_coap_option_uint(response, KEDGE_COAP_OBSERVE, &number);
    }
    kedge_operation_fn *fn = operation->fn;
    void *fn_context = operation->context;
    if (!answer.observing)
        operation_free(operation);
    fn(fn_context, rc, rc == KEDGE_OK ? &answer : NULL);
}

static struct operation *operation_create(struct device *device, const char *path,
                                          kedge_operation_fn *fn, void *context)
{
    while (*path == '/')
        path++;
    if (strlen(path) > KEDGE_NET_PATH_MAX)
        return NULL;
    struct operation *operation = calloc(1, sizeof *operation);
    if (operation == NULL)
        return NULL;
    operation->fleet = device->fleet;
    operation->to = device->address;
    operation->accept = -1;
    operation->fn = fn;
    operation->context = context;
    strcpy(operation->path, path);
    kedge_index_insert(&device->fleet->operations, &operation->by_id,
                       ++device->fleet->last_operation);
    return operation;
}

/* The request was sent, or (rc) not: then nobody will hear of it. */
static enum kedge_rc sent(struct operation *operation, enum kedge_rc rc, uint64_t *handle)
{
    if (rc != KEDGE_OK)
        operation_free(operation);
    else if (handle != NULL)
        *handle = operation->by_id.hash;
    return rc;
}

/* TLV is what every client of 1.0 has, and most later ones. */
static int32_t best_accept(const struct device *device)
{
    if (!device->links.says_formats || device->links.tlv)
        return (int32_t)KEDGE_LWM2M_FORMAT_TLV;
    return device->links.text ? (int32_t)KEDGE_LWM2M_FORMAT_TEXT : -1;
}

bool operation_may_be_whole(const struct device *device)
{
    return !device->singly && best_accept(device) == (int32_t)KEDGE_LWM2M_FORMAT_TLV;
}

bool operation_is_whole(const struct kedge_operation_answer *answer)
{
    return answer->code == KEDGE_COAP_CONTENT && answer->content_format == KEDGE_LWM2M_FORMAT_TLV;
}

static enum kedge_rc send_get(struct device *device, const char *path, int32_t accept, bool observe,
                              kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    KEDGE_TRY(device_check_way(device));
    struct operation *operation = operation_create(device, path, fn, context);
    if (operation == NULL)
        return KEDGE_E_MEMORY;
    operation->accept = accept;
    operation->observe = observe;
    return sent(operation, get(operation), handle);
}

static enum kedge_rc send_payload(struct device *device, const char *path, uint8_t method,
                                  int32_t content_format, struct kedge_slice payload,
                                  kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    KEDGE_TRY(device_check_way(device));
    struct operation *operation = operation_create(device, path, fn, context);
    if (operation == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_net_request request = KEDGE_NET_REQUEST_INIT;
    request.method = method;
    request.path = operation->path;
    request.content_format = content_format;
    request.payload = payload;
    return sent(operation,
                kedge_net_send(device->fleet->net, &operation->to, &request, on_result, operation,
                               &operation->handle),
                handle);
}

enum kedge_rc operation_read(struct device *device, const char *path, kedge_operation_fn *fn,
                             void *context, uint64_t *handle)
{
    return send_get(device, path, best_accept(device), false, fn, context, handle);
}

enum kedge_rc operation_observe(struct device *device, const char *path, kedge_operation_fn *fn,
                                void *context, uint64_t *handle)
{
    return send_get(device, path, best_accept(device), true, fn, context, handle);
}

/* The resource's own id, for a value in TLV. */
static enum kedge_rc write_tlv(const char *path, const struct kedge_lwm2m_value *value,
                               struct kedge_writer *out)
{
    struct kedge_lwm2m_path parsed;
    KEDGE_TRY(kedge_lwm2m_path_parse(kedge_slice_text(path), &parsed));
    if (parsed.depth != 3)
        return KEDGE_E_ARGUMENT;
    return kedge_tlv_write_value(out, KEDGE_TLV_RESOURCE, parsed.ids[2], value);
}

enum kedge_rc operation_write(struct device *device, const char *path,
                              const struct kedge_lwm2m_value *value, kedge_operation_fn *fn,
                              void *context, uint64_t *handle)
{
    uint8_t bytes[VALUE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    bool tlv_only = device->links.says_formats && device->links.tlv && !device->links.text;
    if (value->type == KEDGE_LWM2M_OPAQUE)
        return send_payload(device, path, KEDGE_COAP_PUT, (int32_t)KEDGE_LWM2M_FORMAT_OPAQUE,
                            value->bytes, fn, context, handle);
    KEDGE_TRY(tlv_only ? write_tlv(path, value, &out) : kedge_lwm2m_text_write(value, &out));
    uint32_t format = tlv_only ? KEDGE_LWM2M_FORMAT_TLV : KEDGE_LWM2M_FORMAT_TEXT;
    return send_payload(device, path, KEDGE_COAP_PUT, (int32_t)format, kedge_writer_slice(&out), fn,
                        context, handle);
}

enum kedge_rc operation_execute(struct device *device, const char *path, const char *arguments,
                                kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    int32_t format = arguments[0] != '\0' ? (int32_t)KEDGE_LWM2M_FORMAT_TEXT : -1;
    return send_payload(device, path, KEDGE_COAP_POST, format, kedge_slice_text(arguments), fn,
                        context, handle);
}

enum kedge_rc operation_value(const struct kedge_operation_answer *answer, const char *path,
                              enum kedge_lwm2m_type type, struct kedge_lwm2m_value *value)
{
    struct kedge_lwm2m_path parsed;
    if (answer->code != KEDGE_COAP_CONTENT)
        return KEDGE_E_NOT_FOUND;
    KEDGE_TRY(kedge_lwm2m_path_parse(kedge_slice_text(path), &parsed));
    return kedge_lwm2m_value_read(answer->content_format, answer->payload, &parsed, type, NULL,
                                  value);
}

/* ---- by endpoint ---- */

static struct device *registered(struct kedge_fleet *fleet, const char *endpoint)
{
    struct device *device = device_by_endpoint(fleet, kedge_slice_text(endpoint));
    return device != NULL && device->registered ? device : NULL;
}

enum kedge_rc kedge_device_discover(struct kedge_fleet *fleet, const char *endpoint,
                                    const char *path, kedge_operation_fn *fn, void *context,
                                    uint64_t *handle)
{
    struct device *device = registered(fleet, endpoint);
    if (device == NULL)
        return KEDGE_E_NOT_FOUND;
    return send_get(device, path, (int32_t)KEDGE_LWM2M_FORMAT_LINK, false, fn, context, handle);
}

enum kedge_rc kedge_device_read(struct kedge_fleet *fleet, const char *endpoint, const char *path,
                                kedge_operation_fn *fn, void *context, uint64_t *handle)
{
    struct device *device = registered(fleet, endpoint);
    return device != NULL ? operation_read(device, path, fn, context, handle) : KEDGE_E_NOT_FOUND;
}

enum kedge_rc kedge_device_write(struct kedge_fleet *fleet, const char *endpoint, const char *path,
                                 const struct kedge_lwm2m_value *value, kedge_operation_fn *fn,
                                 void *context, uint64_t *handle)
{
    struct device *device = registered(fleet, endpoint);
    return device != NULL ? operation_write(device, path, value, fn, context, handle)
                          : KEDGE_E_NOT_FOUND;
}

enum kedge_rc kedge_device_execute(struct kedge_fleet *fleet, const char *endpoint,
                                   const char *path, const char *arguments, kedge_operation_fn *fn,
                                   void *context, uint64_t *handle)
{
    struct device *device = registered(fleet, endpoint);
    return device != NULL ? operation_execute(device, path, arguments, fn, context, handle)
                          : KEDGE_E_NOT_FOUND;
}

enum kedge_rc kedge_device_observe(struct kedge_fleet *fleet, const char *endpoint,
                                   const char *path, kedge_operation_fn *fn, void *context,
                                   uint64_t *handle)
{
    struct device *device = registered(fleet, endpoint);
    return device != NULL ? operation_observe(device, path, fn, context, handle)
                          : KEDGE_E_NOT_FOUND;
}

void kedge_device_cancel(struct kedge_fleet *fleet, uint64_t handle)
{
    struct kedge_index_link *link = kedge_index_find(&fleet->operations, handle);
    if (link == NULL)
        return;
    struct operation *operation = KEDGE_INDEX_THING(link, struct operation, by_id);
    kedge_net_cancel(fleet->net, operation->handle);
    operation_free(operation);
}

void operations_free(struct kedge_fleet *fleet)
{
    struct kedge_index_link *link;
    while ((link = kedge_index_walk(&fleet->operations, NULL)) != NULL)
        kedge_device_cancel(fleet, link->hash);
}
