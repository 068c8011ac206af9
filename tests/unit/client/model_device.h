/* model_device.h: a device behind the hooks of model.h, for tests of what a server may do. */
#ifndef KEDGE_TESTS_MODEL_DEVICE_H
#define KEDGE_TESTS_MODEL_DEVICE_H

#include "agent/client/model_parts.h"

#include <kedge/lwm2m_records.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define TEXT KEDGE_LWM2M_FORMAT_TEXT
#define LINK KEDGE_LWM2M_FORMAT_LINK
#define OPAQUE KEDGE_LWM2M_FORMAT_OPAQUE
#define TLV KEDGE_LWM2M_FORMAT_TLV
#define CBOR KEDGE_LWM2M_FORMAT_CBOR
#define SENML_JSON KEDGE_LWM2M_FORMAT_SENML_JSON
#define SENML_CBOR KEDGE_LWM2M_FORMAT_SENML_CBOR
#define JSON KEDGE_LWM2M_FORMAT_JSON
#define LWM2M_CBOR KEDGE_LWM2M_FORMAT_LWM2M_CBOR
#define NONE KEDGE_LWM2M_FORMAT_NONE

/* What the hooks hold, and what was done through them last. */
struct device {
    struct kedge_model_hooks hooks;
    bool has_hardware;
    enum kedge_rc read_rc;
    uint8_t code; /* the answer of write and execute */
    unsigned writes, executes, unsets, holds;
    bool held, kept; /* a write is on; the last one was to last */
    uint8_t disk;    /* what release() says when it is to keep */
    uint8_t rights;  /* on every object but `spared` */
    uint16_t spared; /* 0: none */
    int64_t never;   /* a number that nothing can be; 0: none */
    struct kedge_lwm2m_path moving;
    int64_t moved_by;
    uint16_t object, resource;
    int64_t integer;
    uint8_t bytes[300];
    size_t size;
    uint8_t payload[KEDGE_MODEL_PAYLOAD_MAX];
    struct kedge_writer out;
};

/* What a test has moved a resource by. */
static int64_t moved(const struct device *device, const struct kedge_lwm2m_path *path)
{
    return kedge_lwm2m_path_shares(path, &device->moving, 3) ? device->moved_by : 0;
}

static enum kedge_rc on_read(void *context, struct kedge_lwm2m_path *path,
                             struct kedge_lwm2m_value *value)
{
    const struct device *device = context;
    uint16_t object = path->ids[0], resource = path->ids[2], index = path->ids[3];
    if (device->read_rc != KEDGE_OK)
        return device->read_rc;
    if (object == 3 && resource == 18 && !device->has_hardware)
        return KEDGE_E_NOT_FOUND;
    if ((object == 2 && resource == 2) || (object == KEDGE_LWM2M_OBJECT_KEDGE && resource > 0))
        return KEDGE_E_NOT_FOUND;
    bool protocols = object == 5 && resource == 8;
    if (index > (protocols ? 1u : 0u))
        return KEDGE_E_NOT_FOUND;
    value->integer =
        object * 1000 + resource * 10 + index + path->ids[1] * 100000 + moved(device, path);
    if (value->type == KEDGE_LWM2M_BOOLEAN)
        value->integer = 1;
    if (value->type == KEDGE_LWM2M_UNSIGNED)
        value->unsigned_integer = (uint64_t)value->integer;
    value->bytes = kedge_slice_text("text");
    return KEDGE_OK;
}

static void note(struct device *device, const struct kedge_lwm2m_path *path,
                 struct kedge_slice bytes)
{
    device->object = path->ids[0];
    device->resource = path->ids[2];
    device->size = bytes.size;
    assert_true(bytes.size <= sizeof device->bytes);
    if (bytes.size > 0)
        memcpy(device->bytes, bytes.data, bytes.size);
}

static uint8_t on_write(void *context, const struct kedge_lwm2m_path *path,
                        const struct kedge_lwm2m_value *value)
{
    struct device *device = context;
    bool has_bytes = value->type == KEDGE_LWM2M_STRING || value->type == KEDGE_LWM2M_OPAQUE;
    note(device, path, has_bytes ? value->bytes : kedge_slice(NULL, 0));
    device->integer = value->integer;
    device->writes++;
    return device->code;
}

static uint8_t on_refusal(void *context, const struct kedge_lwm2m_path *path,
                          const struct kedge_lwm2m_value *value)
{
    const struct device *device = context;
    (void)path;
    return device->never != 0 && value->integer == device->never ? KEDGE_COAP_BAD_REQUEST : 0;
}

static uint8_t on_rights(void *context, const struct kedge_lwm2m_path *instance)
{
    const struct device *device = context;
    assert_int_equal(instance->depth, 2);
    return instance->ids[0] == device->spared ? KEDGE_ACCESS_ALL : device->rights;
}

static uint8_t on_unset(void *context, const struct kedge_lwm2m_path *path)
{
    struct device *device = context;
    assert_in_range(path->depth, 2, 4);
    assert_true(device->held);
    device->unsets++;
    return KEDGE_COAP_CHANGED;
}

static void on_hold(void *context)
{
    struct device *device = context;
    assert_false(device->held);
    device->held = true;
    device->holds++;
}

static uint8_t on_release(void *context, bool keep)
{
    struct device *device = context;
    assert_true(device->held);
    device->held = false;
    device->kept = keep && device->disk == KEDGE_COAP_CHANGED;
    return keep ? device->disk : KEDGE_COAP_CHANGED;
}

static uint8_t on_execute(void *context, const struct kedge_lwm2m_path *path,
                          struct kedge_slice arguments)
{
    struct device *device = context;
    note(device, path, arguments);
    device->executes++;
    return device->code;
}

static enum kedge_rc on_attributes(void *context, const struct kedge_lwm2m_path *path,
                                   bool inherited, struct kedge_writer *out)
{
    (void)context;
    bool has = path->ids[0] == 1 && (path->depth == 2 || (path->depth == 3 && path->ids[2] == 1));
    if (!has)
        return KEDGE_OK;
    return kedge_writer_put(out, kedge_slice_text(inherited ? ";pmin=5;pmax=9" : ";pmin=5"));
}

static int make(void **state)
{
    static struct device device;
    device = (struct device){.hooks = {.context = &device,
                                       .read = on_read,
                                       .rights = on_rights,
                                       .write = on_write,
                                       .refusal = on_refusal,
                                       .unset = on_unset,
                                       .hold = on_hold,
                                       .release = on_release,
                                       .execute = on_execute,
                                       .attributes = on_attributes,
                                       .has_bootstrap_trigger = true},
                             .disk = KEDGE_COAP_CHANGED,
                             .rights = KEDGE_ACCESS_ALL,
                             .has_hardware = true,
                             .code = KEDGE_COAP_CHANGED};
    *state = &device;
    return 0;
}

static inline struct kedge_model_answer ask(struct device *device, uint8_t method, const char *path,
                                            uint32_t format, uint32_t accept,
                                            struct kedge_slice payload)
{
    struct kedge_model_request request = {
        .method = method, .format = format, .accept = accept, .payload = payload};
    assert_int_equal(kedge_lwm2m_path_parse(kedge_slice_text(path), &request.path), KEDGE_OK);
    device->out = kedge_writer(device->payload, sizeof device->payload);
    return kedge_model_handle(&device->hooks, &request, &device->out);
}

static inline uint8_t get(struct device *device, const char *path, uint32_t accept)
{
    return ask(device, KEDGE_COAP_GET, path, NONE, accept, kedge_slice(NULL, 0)).code;
}

static inline uint8_t put_text(struct device *device, const char *path, const char *text)
{
    return ask(device, KEDGE_COAP_PUT, path, TEXT, NONE, kedge_slice_text(text)).code;
}

static inline void assert_payload(const struct device *device, const char *text)
{
    assert_int_equal(device->out.size, strlen(text));
    assert_memory_equal(device->out.data, text, device->out.size);
}

#define TEST(name) cmocka_unit_test_setup(name, make)

#endif
