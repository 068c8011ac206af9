/* model_write.c: what a server writes: one value, or records that are looked at before any is. */
#include "agent/client/model_parts.h"

#include <kedge/lwm2m_records.h>

#define SCRATCH_SIZE 1024u /* strings with escapes, and Base64, of one payload */

static uint8_t refusal(enum kedge_rc rc)
{
    return rc == KEDGE_E_UNSUPPORTED ? KEDGE_COAP_UNSUPPORTED_FORMAT : KEDGE_COAP_BAD_REQUEST;
}

uint8_t kedge_model_release(const struct kedge_model_hooks *hooks, uint8_t code)
{
    uint8_t released = hooks->release(hooks->context, code == KEDGE_COAP_CHANGED);
    return code == KEDGE_COAP_CHANGED ? released : code;
}

uint8_t kedge_model_write_resource(const struct kedge_model_hooks *hooks,
                                   const struct model_resource *resource,
                                   const struct kedge_model_request *request)
{
    enum kedge_lwm2m_type type = kedge_model_type(resource);
    uint32_t format = request->format;
    if (format == KEDGE_LWM2M_FORMAT_NONE)
        format = type == KEDGE_LWM2M_OPAQUE ? KEDGE_LWM2M_FORMAT_OPAQUE : KEDGE_LWM2M_FORMAT_TEXT;
    uint8_t decoded[KEDGE_LWM2M_STRING_MAX + 1];
    struct kedge_writer scratch = kedge_writer(decoded, sizeof decoded);
    struct kedge_lwm2m_value value;
    enum kedge_rc rc =
        kedge_lwm2m_value_read(format, request->payload, &request->path, type, &scratch, &value);
    if (rc != KEDGE_OK)
        return refusal(rc);
    hooks->hold(hooks->context);
    return kedge_model_release(hooks, hooks->write(hooks->context, &request->path, &value));
}

static uint8_t take_record(const struct kedge_lwm2m_record *record, struct kedge_writer *scratch,
                           struct kedge_lwm2m_value *value)
{
    if (record->value.type == KEDGE_LWM2M_NOTHING || record->path.depth < 3)
        return KEDGE_COAP_BAD_REQUEST;
    uint8_t refused = kedge_model_path_refusal(&record->path);
    if (refused != 0)
        return refused;
    const struct model_resource *resource =
        kedge_model_find(record->path.ids[0], record->path.ids[2]);
    if ((resource->operations & KEDGE_LWM2M_W) == 0)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    if (kedge_model_is_multiple(resource) != (record->path.depth == 4))
        return KEDGE_COAP_BAD_REQUEST;
    return kedge_lwm2m_record_value(record, kedge_model_type(resource), scratch, value) == KEDGE_OK
               ? 0
               : KEDGE_COAP_BAD_REQUEST;
}

/* One after the other: what can still fail, and be taken back, goes before what cannot. */
enum walk {
    LOOK_AT_ALL,
    WRITE_LASTING, /* in memory, until all that lasts is put on the disk together */
    WRITE_PACKAGE, /* depends on more than its value, and is put on the disk with the lasting */
    WRITE_REST,    /* cannot fail */
};

static enum walk turn_of(const struct kedge_lwm2m_path *path)
{
    if (path->ids[0] == KEDGE_LWM2M_OBJECT_SERVER)
        return WRITE_REST;
    bool is_package =
        path->ids[0] == KEDGE_LWM2M_OBJECT_FIRMWARE &&
        (path->ids[2] == KEDGE_FIRMWARE_PACKAGE || path->ids[2] == KEDGE_FIRMWARE_PACKAGE_URI);
    return is_package ? WRITE_PACKAGE : WRITE_LASTING;
}

static uint8_t treat(const struct kedge_model_hooks *hooks, enum walk what,
                     const struct kedge_lwm2m_path *path, const struct kedge_lwm2m_value *value)
{
    if (what == LOOK_AT_ALL)
        return hooks->refusal(hooks->context, path, value);
    if (turn_of(path) != what)
        return 0;
    return hooks->write(hooks->context, path, value);
}

static uint8_t walk(const struct kedge_model_hooks *hooks,
                    const struct kedge_model_request *request, enum walk what)
{
    uint8_t decoded[SCRATCH_SIZE];
    struct kedge_writer scratch = kedge_writer(decoded, sizeof decoded);
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    size_t count = 0;
    enum kedge_rc rc = kedge_lwm2m_reader_open(&reader, request->format, request->payload,
                                               &request->path, &scratch);
    while (rc == KEDGE_OK && (rc = kedge_lwm2m_reader_next(&reader, &record)) == KEDGE_OK) {
        struct kedge_lwm2m_value value;
        uint8_t code = take_record(&record, &scratch, &value);
        /* By the rights that there are before the first is written: it may be one of them. */
        if (code == 0 && what == LOOK_AT_ALL &&
            !kedge_model_may(hooks, &record.path, KEDGE_ACCESS_WRITE))
            code = KEDGE_COAP_UNAUTHORIZED;
        if (code == 0)
            code = treat(hooks, what, &record.path, &value);
        if (code != 0 && code != KEDGE_COAP_CHANGED)
            return code;
        count++;
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return refusal(rc);
    return count > 0 ? KEDGE_COAP_CHANGED : KEDGE_COAP_BAD_REQUEST;
}

uint8_t kedge_model_write_records(const struct kedge_model_hooks *hooks,
                                  const struct kedge_model_request *request)
{
    switch (request->format) {
    case KEDGE_LWM2M_FORMAT_NONE:
    case KEDGE_LWM2M_FORMAT_TEXT:
    case KEDGE_LWM2M_FORMAT_OPAQUE:
    case KEDGE_LWM2M_FORMAT_CBOR:
        return KEDGE_COAP_UNSUPPORTED_FORMAT; /* they hold one value, without its path */
    default:
        break;
    }
    uint8_t code = walk(hooks, request, LOOK_AT_ALL);
    if (code != KEDGE_COAP_CHANGED)
        return code;
    hooks->hold(hooks->context);
    if (request->method == KEDGE_COAP_PUT)
        code = hooks->unset(hooks->context, &request->path);
    if (code == KEDGE_COAP_CHANGED)
        code = walk(hooks, request, WRITE_LASTING);
    if (code == KEDGE_COAP_CHANGED)
        code = walk(hooks, request, WRITE_PACKAGE);
    code = kedge_model_release(hooks, code);
    return code == KEDGE_COAP_CHANGED ? walk(hooks, request, WRITE_REST) : code;
}
