/* model.c: see model.h. The table is what Discover, Read, Write and Execute go by. */
#include "agent/client/model.h"

#include <string.h>

enum { R = 1, W = 2, E = 4 };

struct resource {
    uint16_t object, id;
    uint8_t operations;
    bool multiple;
    enum kedge_lwm2m_type type;
};

#define SERVER KEDGE_LWM2M_OBJECT_SERVER
#define DEVICE KEDGE_LWM2M_OBJECT_DEVICE
#define FIRMWARE KEDGE_LWM2M_OBJECT_FIRMWARE

/* Sorted by object and resource. */
static const struct resource resources[] = {
    {SERVER, 0, R, false, KEDGE_LWM2M_INTEGER},     /* short server id */
    {SERVER, 1, R | W, false, KEDGE_LWM2M_INTEGER}, /* lifetime */
    {SERVER, 6, R | W, false, KEDGE_LWM2M_BOOLEAN}, /* notification storing */
    {SERVER, 7, R, false, KEDGE_LWM2M_STRING},      /* binding */
    {SERVER, 8, E, false, KEDGE_LWM2M_OPAQUE},      /* registration update trigger */
    {DEVICE, 0, R, false, KEDGE_LWM2M_STRING},      /* manufacturer: the vendor's domain */
    {DEVICE, 1, R, false, KEDGE_LWM2M_STRING},      /* model: the class */
    {DEVICE, 2, R, false, KEDGE_LWM2M_STRING},      /* serial number */
    {DEVICE, 3, R, false, KEDGE_LWM2M_STRING},      /* firmware version */
    {DEVICE, 4, E, false, KEDGE_LWM2M_OPAQUE},      /* reboot */
    {DEVICE, 11, R, true, KEDGE_LWM2M_INTEGER},     /* error code */
    {DEVICE, 16, R, false, KEDGE_LWM2M_STRING},     /* supported binding */
    {DEVICE, 18, R, false, KEDGE_LWM2M_STRING},     /* hardware version */
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE, W, false, KEDGE_LWM2M_OPAQUE},
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE_URI, R | W, false, KEDGE_LWM2M_STRING},
    {FIRMWARE, KEDGE_FIRMWARE_UPDATE, E, false, KEDGE_LWM2M_OPAQUE},
    {FIRMWARE, KEDGE_FIRMWARE_STATE, R, false, KEDGE_LWM2M_INTEGER},
    {FIRMWARE, KEDGE_FIRMWARE_RESULT, R, false, KEDGE_LWM2M_INTEGER},
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE_NAME, R, false, KEDGE_LWM2M_STRING},
    {FIRMWARE, KEDGE_FIRMWARE_PACKAGE_VERSION, R, false, KEDGE_LWM2M_STRING},
    {FIRMWARE, KEDGE_FIRMWARE_PROTOCOLS, R, true, KEDGE_LWM2M_INTEGER},
    {FIRMWARE, KEDGE_FIRMWARE_DELIVERY, R, false, KEDGE_LWM2M_INTEGER},
    {FIRMWARE, KEDGE_FIRMWARE_CANCEL, E, false, KEDGE_LWM2M_OPAQUE},
    {FIRMWARE, KEDGE_FIRMWARE_LAST_STATE_CHANGE_TIME, R, false, KEDGE_LWM2M_TIME},
    {KEDGE_LWM2M_OBJECT_KEDGE, 0, R, false, KEDGE_LWM2M_STRING}, /* why the last update failed */
};
#define RESOURCE_COUNT (sizeof resources / sizeof resources[0])

static const uint16_t objects[] = {SERVER, DEVICE, FIRMWARE, KEDGE_LWM2M_OBJECT_KEDGE};
#define OBJECT_COUNT (sizeof objects / sizeof objects[0])

static bool object_exists(uint16_t id)
{
    for (size_t i = 0; i < OBJECT_COUNT; i++)
        if (objects[i] == id)
            return true;
    return false;
}

static const struct resource *find_resource(uint16_t object, uint16_t id)
{
    for (size_t i = 0; i < RESOURCE_COUNT; i++)
        if (resources[i].object == object && resources[i].id == id)
            return &resources[i];
    return NULL;
}

static struct kedge_model_answer code(uint8_t value)
{
    return (struct kedge_model_answer){.code = value, .format = KEDGE_LWM2M_FORMAT_NONE};
}

/* ---- Read ---- */

static enum kedge_rc write_multiple(const struct kedge_model_hooks *hooks,
                                    const struct resource *resource, struct kedge_writer *out)
{
    uint8_t inner[64];
    struct kedge_writer nested = kedge_writer(inner, sizeof inner);
    for (uint16_t index = 0;; index++) {
        struct kedge_lwm2m_value value = {.type = resource->type};
        enum kedge_rc rc =
            hooks->read(hooks->context, resource->object, resource->id, index, &value);
        if (rc == KEDGE_E_NOT_FOUND)
            break;
        KEDGE_TRY(rc);
        KEDGE_TRY(kedge_tlv_write_value(&nested, KEDGE_TLV_RESOURCE_INSTANCE, index, &value));
    }
    return kedge_tlv_write(out, KEDGE_TLV_MULTIPLE_RESOURCE, resource->id,
                           kedge_writer_slice(&nested));
}

static enum kedge_rc write_tlv(const struct kedge_model_hooks *hooks,
                               const struct resource *resource, struct kedge_writer *out)
{
    if (resource->multiple)
        return write_multiple(hooks, resource, out);
    struct kedge_lwm2m_value value = {.type = resource->type};
    KEDGE_TRY(hooks->read(hooks->context, resource->object, resource->id, 0, &value));
    return kedge_tlv_write_value(out, KEDGE_TLV_RESOURCE, resource->id, &value);
}

static enum kedge_rc write_instance(const struct kedge_model_hooks *hooks, uint16_t object,
                                    struct kedge_writer *out)
{
    for (size_t i = 0; i < RESOURCE_COUNT; i++) {
        if (resources[i].object != object || (resources[i].operations & R) == 0)
            continue;
        enum kedge_rc rc = write_tlv(hooks, &resources[i], out);
        if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
            return rc;
    }
    return KEDGE_OK;
}

static struct kedge_model_answer content(enum kedge_rc rc, uint32_t format)
{
    if (rc == KEDGE_E_NOT_FOUND)
        return code(KEDGE_COAP_NOT_FOUND);
    if (rc != KEDGE_OK)
        return code(KEDGE_COAP_INTERNAL_ERROR);
    return (struct kedge_model_answer){.code = KEDGE_COAP_CONTENT, .format = format};
}

static struct kedge_model_answer read_above_resource(const struct kedge_model_hooks *hooks,
                                                     const struct kedge_model_request *request,
                                                     struct kedge_writer *out)
{
    if (request->accept != KEDGE_LWM2M_FORMAT_NONE && request->accept != KEDGE_LWM2M_FORMAT_TLV)
        return code(KEDGE_COAP_NOT_ACCEPTABLE);
    uint16_t object = request->path.ids[0];
    if (request->path.depth == 2)
        return content(write_instance(hooks, object, out), KEDGE_LWM2M_FORMAT_TLV);
    uint8_t inner[KEDGE_MODEL_PAYLOAD_MAX];
    struct kedge_writer nested = kedge_writer(inner, sizeof inner);
    enum kedge_rc rc = write_instance(hooks, object, &nested);
    if (rc == KEDGE_OK)
        rc = kedge_tlv_write(out, KEDGE_TLV_OBJECT_INSTANCE, 0, kedge_writer_slice(&nested));
    return content(rc, KEDGE_LWM2M_FORMAT_TLV);
}

/* One value: /x/0/y, or /x/0/y/z of a multiple resource. */
static enum kedge_rc write_single(const struct kedge_model_hooks *hooks,
                                  const struct resource *resource,
                                  const struct kedge_lwm2m_path *path, bool as_text,
                                  struct kedge_writer *out)
{
    bool instance = path->depth == 4;
    struct kedge_lwm2m_value value = {.type = resource->type};
    KEDGE_TRY(hooks->read(hooks->context, resource->object, resource->id,
                          instance ? path->ids[3] : 0, &value));
    if (as_text)
        return kedge_lwm2m_text_write(&value, out);
    return kedge_tlv_write_value(out, instance ? KEDGE_TLV_RESOURCE_INSTANCE : KEDGE_TLV_RESOURCE,
                                 instance ? path->ids[3] : resource->id, &value);
}

static struct kedge_model_answer read_resource(const struct kedge_model_hooks *hooks,
                                               const struct resource *resource,
                                               const struct kedge_model_request *request,
                                               struct kedge_writer *out)
{
    bool whole_multiple = resource->multiple && request->path.depth == 3;
    uint32_t format = request->accept;
    if (format == KEDGE_LWM2M_FORMAT_NONE)
        format = whole_multiple ? KEDGE_LWM2M_FORMAT_TLV : KEDGE_LWM2M_FORMAT_TEXT;
    if (format != KEDGE_LWM2M_FORMAT_TLV && (whole_multiple || format != KEDGE_LWM2M_FORMAT_TEXT))
        return code(KEDGE_COAP_NOT_ACCEPTABLE);
    if (whole_multiple)
        return content(write_multiple(hooks, resource, out), format);
    return content(
        write_single(hooks, resource, &request->path, format == KEDGE_LWM2M_FORMAT_TEXT, out),
        format);
}

/* ---- Discover ---- */

static enum kedge_rc write_link(struct kedge_writer *out, struct kedge_lwm2m_path path)
{
    char text[25];
    kedge_lwm2m_path_text(&path, text);
    bool versioned = path.depth == 1 && path.ids[0] == FIRMWARE;
    return kedge_link_write(out, text, versioned ? ";ver=" KEDGE_MODEL_OBJECT_5_VERSION : "");
}

/* What can be read is there only when it has a value (a hardware revision, for one). */
static bool is_there(const struct kedge_model_hooks *hooks, const struct resource *resource)
{
    struct kedge_lwm2m_value value = {.type = resource->type};
    return (resource->operations & R) == 0 ||
           hooks->read(hooks->context, resource->object, resource->id, 0, &value) == KEDGE_OK;
}

static struct kedge_model_answer discover(const struct kedge_model_hooks *hooks,
                                          const struct kedge_lwm2m_path *path,
                                          struct kedge_writer *out)
{
    uint16_t object = path->ids[0];
    enum kedge_rc rc = write_link(out, *path);
    if (rc == KEDGE_OK && path->depth == 1)
        rc = write_link(out, (struct kedge_lwm2m_path){.ids = {object, 0}, .depth = 2});
    for (size_t i = 0; rc == KEDGE_OK && path->depth < 3 && i < RESOURCE_COUNT; i++)
        if (resources[i].object == object && is_there(hooks, &resources[i]))
            rc = write_link(
                out, (struct kedge_lwm2m_path){.ids = {object, 0, resources[i].id}, .depth = 3});
    return content(rc, KEDGE_LWM2M_FORMAT_LINK);
}

/* ---- Write ---- */

static uint8_t write_code(enum kedge_rc rc)
{
    return rc == KEDGE_E_UNSUPPORTED ? KEDGE_COAP_UNSUPPORTED_FORMAT : KEDGE_COAP_BAD_REQUEST;
}

/* What this client says of itself (docs/lwm2m.md); the readers in core know more formats. */
static bool takes_format(uint32_t format)
{
    return format == KEDGE_LWM2M_FORMAT_TEXT || format == KEDGE_LWM2M_FORMAT_OPAQUE ||
           format == KEDGE_LWM2M_FORMAT_TLV;
}

static uint8_t write_resource(const struct kedge_model_hooks *hooks,
                              const struct resource *resource,
                              const struct kedge_model_request *request)
{
    uint32_t format = request->format;
    if (format == KEDGE_LWM2M_FORMAT_NONE)
        format = resource->type == KEDGE_LWM2M_OPAQUE ? KEDGE_LWM2M_FORMAT_OPAQUE
                                                      : KEDGE_LWM2M_FORMAT_TEXT;
    if (!takes_format(format))
        return KEDGE_COAP_UNSUPPORTED_FORMAT;
    uint8_t decoded[KEDGE_LWM2M_STRING_MAX + 1];
    struct kedge_writer scratch = kedge_writer(decoded, sizeof decoded);
    struct kedge_lwm2m_value value;
    enum kedge_rc rc = kedge_lwm2m_value_read(format, request->payload, &request->path,
                                              resource->type, &scratch, &value);
    if (rc != KEDGE_OK)
        return write_code(rc);
    return hooks->write(hooks->context, resource->object, resource->id, &value);
}

/* Looks at every entry (`apply` false) or writes it; nothing is written unless all fit. */
static uint8_t write_entries(const struct kedge_model_hooks *hooks, uint16_t object,
                             struct kedge_slice payload, bool apply)
{
    struct kedge_cursor cursor = kedge_cursor(payload);
    struct kedge_tlv_entry entry;
    enum kedge_rc rc;
    while ((rc = kedge_tlv_next(&cursor, &entry)) == KEDGE_OK) {
        const struct resource *resource = find_resource(object, entry.id);
        if (entry.kind != KEDGE_TLV_RESOURCE)
            return KEDGE_COAP_BAD_REQUEST;
        if (resource == NULL)
            return KEDGE_COAP_NOT_FOUND;
        if ((resource->operations & W) == 0)
            return KEDGE_COAP_METHOD_NOT_ALLOWED;
        struct kedge_lwm2m_value value;
        if (kedge_tlv_value(entry.value, resource->type, &value) != KEDGE_OK)
            return KEDGE_COAP_BAD_REQUEST;
        if (!apply)
            continue;
        uint8_t written = hooks->write(hooks->context, object, resource->id, &value);
        if (written != KEDGE_COAP_CHANGED)
            return written;
    }
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_COAP_CHANGED : KEDGE_COAP_BAD_REQUEST;
}

static uint8_t write_to_instance(const struct kedge_model_hooks *hooks,
                                 const struct kedge_model_request *request)
{
    if (request->format != KEDGE_LWM2M_FORMAT_TLV)
        return KEDGE_COAP_UNSUPPORTED_FORMAT;
    if (request->payload.size == 0)
        return KEDGE_COAP_BAD_REQUEST;
    uint16_t object = request->path.ids[0];
    struct kedge_slice entries = request->payload;
    struct kedge_cursor cursor = kedge_cursor(entries);
    struct kedge_tlv_entry first;
    /* Clients and servers differ in whether they wrap the resources of one instance. */
    if (kedge_tlv_next(&cursor, &first) == KEDGE_OK && first.kind == KEDGE_TLV_OBJECT_INSTANCE &&
        first.id == 0 && kedge_cursor_left(&cursor) == 0)
        entries = first.value;
    uint8_t fits = write_entries(hooks, object, entries, false);
    return fits == KEDGE_COAP_CHANGED ? write_entries(hooks, object, entries, true) : fits;
}

/* ---- what a method means where ---- */

static struct kedge_model_answer on_resource(const struct kedge_model_hooks *hooks,
                                             const struct resource *resource,
                                             const struct kedge_model_request *request,
                                             struct kedge_writer *out)
{
    const uint8_t refused = KEDGE_COAP_METHOD_NOT_ALLOWED;
    switch (request->method) {
    case KEDGE_COAP_GET:
        return (resource->operations & R) != 0 ? read_resource(hooks, resource, request, out)
                                               : code(refused);
    case KEDGE_COAP_PUT:
        return code((resource->operations & W) != 0 ? write_resource(hooks, resource, request)
                                                    : refused);
    case KEDGE_COAP_POST:
        return code(
            (resource->operations & E) != 0
                ? hooks->execute(hooks->context, resource->object, resource->id, request->payload)
                : refused);
    default:
        return code(refused);
    }
}

static struct kedge_model_answer above_resource(const struct kedge_model_hooks *hooks,
                                                const struct kedge_model_request *request,
                                                struct kedge_writer *out)
{
    if (request->method == KEDGE_COAP_GET)
        return read_above_resource(hooks, request, out);
    bool writes = request->method == KEDGE_COAP_PUT || request->method == KEDGE_COAP_POST;
    if (writes && request->path.depth == 2)
        return code(write_to_instance(hooks, request));
    return code(KEDGE_COAP_METHOD_NOT_ALLOWED);
}

struct kedge_model_answer kedge_model_handle(const struct kedge_model_hooks *hooks,
                                             const struct kedge_model_request *request,
                                             struct kedge_writer *out)
{
    const struct kedge_lwm2m_path *path = &request->path;
    if (path->depth == 0)
        return code(KEDGE_COAP_METHOD_NOT_ALLOWED);
    /* OMA LwM2M Core 1.1, E.1: the security object is for a bootstrap server alone. */
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_SECURITY)
        return code(KEDGE_COAP_UNAUTHORIZED);
    if (!object_exists(path->ids[0]) || (path->depth > 1 && path->ids[1] != 0))
        return code(KEDGE_COAP_NOT_FOUND);
    const struct resource *resource =
        path->depth > 2 ? find_resource(path->ids[0], path->ids[2]) : NULL;
    if (path->depth > 2 && resource == NULL)
        return code(KEDGE_COAP_NOT_FOUND);
    if (path->depth == 4 && !resource->multiple)
        return code(KEDGE_COAP_NOT_FOUND);
    if (request->method == KEDGE_COAP_GET && request->accept == KEDGE_LWM2M_FORMAT_LINK)
        return discover(hooks, path, out);
    if (resource != NULL)
        return on_resource(hooks, resource, request, out);
    return above_resource(hooks, request, out);
}

enum kedge_rc kedge_model_links(struct kedge_writer *out)
{
    for (size_t i = 0; i < OBJECT_COUNT; i++) {
        if (objects[i] == FIRMWARE)
            KEDGE_TRY(write_link(out, (struct kedge_lwm2m_path){.ids = {FIRMWARE}, .depth = 1}));
        KEDGE_TRY(write_link(out, (struct kedge_lwm2m_path){.ids = {objects[i], 0}, .depth = 2}));
    }
    return KEDGE_OK;
}
