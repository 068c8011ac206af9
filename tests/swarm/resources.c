/* resources.c: what a device says of itself: objects 1, 3 and 5. */
#include "tests/swarm/swarm.h"

#include <string.h>

enum source {
    SOURCE_ENDPOINT,
    SOURCE_VENDOR,
    SOURCE_CLASS,
    SOURCE_VERSION,
    SOURCE_HARDWARE,
    SOURCE_BINDING,
    SOURCE_SHORT_SERVER_ID,
    SOURCE_LIFETIME,
    SOURCE_ERROR_CODES,
    SOURCE_URI,
    SOURCE_STATE,
    SOURCE_RESULT,
    SOURCE_PROTOCOLS,
    SOURCE_DELIVERY
};

static const struct resource {
    uint16_t object, id;
    enum source source;
    bool multiple;
} resources[] = {
    {1, 0, SOURCE_SHORT_SERVER_ID, false},
    {1, 1, SOURCE_LIFETIME, false},
    {1, 7, SOURCE_BINDING, false},
    {3, 0, SOURCE_VENDOR, false},
    {3, 1, SOURCE_CLASS, false},
    {3, 2, SOURCE_ENDPOINT, false},
    {3, 3, SOURCE_VERSION, false},
    {3, 11, SOURCE_ERROR_CODES, true},
    {3, 16, SOURCE_BINDING, false},
    {3, 18, SOURCE_HARDWARE, false},
    {5, KEDGE_FIRMWARE_PACKAGE_URI, SOURCE_URI, false},
    {5, KEDGE_FIRMWARE_STATE, SOURCE_STATE, false},
    {5, KEDGE_FIRMWARE_RESULT, SOURCE_RESULT, false},
    {5, KEDGE_FIRMWARE_PROTOCOLS, SOURCE_PROTOCOLS, true},
    {5, KEDGE_FIRMWARE_DELIVERY, SOURCE_DELIVERY, false},
};

#define RESOURCE_COUNT (sizeof resources / sizeof resources[0])

static struct kedge_lwm2m_value text_value(const char *text)
{
    return (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_STRING, .bytes = kedge_slice_text(text)};
}

static struct kedge_lwm2m_value number_value(int64_t number)
{
    return (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_INTEGER, .integer = number};
}

/* `text` has the endpoint name when that is asked for. */
static struct kedge_lwm2m_value value_of(const struct device *device, enum source source,
                                         char text[DEVICE_ENDPOINT_MAX])
{
    const struct swarm_options *options = device->swarm->options;
    switch (source) {
    case SOURCE_ENDPOINT:
        device_endpoint(device, text);
        return text_value(text);
    case SOURCE_VENDOR:
        return text_value(options->vendor);
    case SOURCE_CLASS:
        return text_value(options->class_name);
    case SOURCE_VERSION:
        return text_value(device_version(device));
    case SOURCE_HARDWARE:
        return text_value(options->hardware);
    case SOURCE_BINDING:
        return text_value(device_binding(device));
    case SOURCE_SHORT_SERVER_ID:
        return number_value(1);
    case SOURCE_LIFETIME:
        return number_value(options->lifetime_s);
    case SOURCE_URI:
        return text_value(device->package != NULL ? device->package->uri : "");
    case SOURCE_STATE:
        return number_value(device->state);
    case SOURCE_RESULT:
        return number_value(device->result);
    case SOURCE_PROTOCOLS:
        return number_value(options->secure ? KEDGE_PROTOCOL_COAPS : KEDGE_PROTOCOL_COAP);
    case SOURCE_DELIVERY:
        return number_value(options->delivery);
    case SOURCE_ERROR_CODES: /* 0: no error */
        return number_value(0);
    }
    return number_value(0);
}

static bool is_there(const struct device *device, const struct resource *resource)
{
    return resource->source != SOURCE_HARDWARE || device->swarm->options->hardware[0] != '\0';
}

static enum kedge_rc write_tlv(const struct device *device, const struct resource *resource,
                               struct kedge_writer *out)
{
    uint8_t buffer[16];
    char text[DEVICE_ENDPOINT_MAX];
    struct kedge_writer inner = kedge_writer(buffer, sizeof buffer);
    struct kedge_lwm2m_value value = value_of(device, resource->source, text);
    if (!resource->multiple)
        return kedge_tlv_write_value(out, KEDGE_TLV_RESOURCE, resource->id, &value);
    KEDGE_TRY(kedge_tlv_write_value(&inner, KEDGE_TLV_RESOURCE_INSTANCE, 0, &value));
    return kedge_tlv_write(out, KEDGE_TLV_MULTIPLE_RESOURCE, resource->id,
                           kedge_writer_slice(&inner));
}

static enum kedge_rc write_one(const struct device *device, const struct resource *resource,
                               enum resource_format format, struct kedge_writer *out)
{
    char text[DEVICE_ENDPOINT_MAX];
    struct kedge_lwm2m_value value;
    if (format == FORMAT_TLV)
        return write_tlv(device, resource, out);
    value = value_of(device, resource->source, text);
    return kedge_lwm2m_text_write(&value, out);
}

uint8_t resource_read(const struct device *device, const struct kedge_lwm2m_path *path,
                      enum resource_format format, struct kedge_writer *out)
{
    uint8_t code = KEDGE_COAP_NOT_FOUND;
    if (path->depth < 2 || path->depth > 3)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    for (size_t i = 0; i < RESOURCE_COUNT; i++) {
        const struct resource *resource = &resources[i];
        if (resource->object != path->ids[0] || path->ids[1] != 0 || !is_there(device, resource) ||
            (path->depth == 3 && path->ids[2] != resource->id))
            continue;
        if (format == FORMAT_TEXT && (path->depth == 2 || resource->multiple))
            return KEDGE_COAP_NOT_ACCEPTABLE;
        if (write_one(device, resource, format, out) != KEDGE_OK)
            return KEDGE_COAP_INTERNAL_ERROR;
        code = KEDGE_COAP_CONTENT;
    }
    return code;
}
