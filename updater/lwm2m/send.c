/*
 * send.c: Send (OMA LwM2M Core 1.1, section 6.4.5): a device reports values of its own accord, to
 * /dp. What they say of State and Result of its firmware is taken as a notification would be.
 */
#include "updater/lwm2m/internal.h"

#define RECORDS_MAX 4096u
#define SCRATCH_MAX 4096u

static bool is_at(const struct kedge_lwm2m_record *record, uint16_t object, uint16_t resource)
{
    const struct kedge_lwm2m_path path = {{object, 0, resource}, 3};
    return kedge_lwm2m_path_compare(&record->path, &path) == 0;
}

static void take_number(const struct kedge_lwm2m_record *record, int16_t *out)
{
    struct kedge_lwm2m_value value;
    if (kedge_lwm2m_record_value(record, KEDGE_LWM2M_INTEGER, NULL, &value) == KEDGE_OK &&
        value.integer >= 0 && value.integer <= UINT8_MAX)
        *out = (int16_t)value.integer;
}

/* What a Send says of object 5; -1 where it says nothing. */
struct news {
    int16_t state, result;
};

static void take_record(struct news *news, const struct kedge_lwm2m_record *record)
{
    if (is_at(record, KEDGE_LWM2M_OBJECT_FIRMWARE, KEDGE_FIRMWARE_STATE))
        take_number(record, &news->state);
    else if (is_at(record, KEDGE_LWM2M_OBJECT_FIRMWARE, KEDGE_FIRMWARE_RESULT))
        take_number(record, &news->result);
}

/* Nothing is taken of a payload that fails anywhere. */
static enum kedge_rc read_news(const struct kedge_coap_message *request, uint32_t format,
                               struct news *news)
{
    const struct kedge_lwm2m_path root = {.depth = 0};
    uint8_t bytes[SCRATCH_MAX];
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    size_t count = 0;
    struct kedge_writer scratch = kedge_writer(bytes, sizeof bytes);
    enum kedge_rc rc = kedge_lwm2m_reader_open(&reader, format, request->payload, &root, &scratch);
    while (rc == KEDGE_OK) {
        scratch.size = 0; /* the last record was done with */
        rc = kedge_lwm2m_reader_next(&reader, &record);
        if (rc == KEDGE_OK && ++count > RECORDS_MAX)
            rc = KEDGE_E_LIMIT;
        if (rc == KEDGE_OK)
            take_record(news, &record);
    }
    if (rc == KEDGE_E_NOT_FOUND)
        rc = count > 0 ? KEDGE_OK : KEDGE_E_MISSING;
    return rc;
}

static bool is_for_send(uint32_t format)
{
    return format == KEDGE_LWM2M_FORMAT_SENML_JSON || format == KEDGE_LWM2M_FORMAT_SENML_CBOR ||
           format == KEDGE_LWM2M_FORMAT_LWM2M_CBOR;
}

static void take_news(struct device *device, const struct news *news)
{
    device->pins++;
    device_heard(device);
    device->fleet->counters.sends++;
    if (news->state >= 0)
        device->firmware_state = news->state;
    if (news->result >= 0)
        device->firmware_result = news->result;
    if (device->job != NULL)
        job_noticed(device->job, news->state, news->result);
    device->pins--;
    device_release(device);
}

void send_handle(struct kedge_fleet *fleet, const struct kedge_address *from,
                 const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct device *device = device_by_address(fleet, from);
    struct news news = {.state = -1, .result = -1};
    uint32_t format = KEDGE_LWM2M_FORMAT_NONE;
    (void)kedge_coap_option_uint(request, KEDGE_COAP_CONTENT_FORMAT, &format);
    if (kedge_coap_path_count(request) != 1) {
        body_refuse(fleet, reply, KEDGE_COAP_NOT_FOUND, "no such resource");
    } else if (request->code != KEDGE_COAP_POST) {
        body_refuse(fleet, reply, KEDGE_COAP_METHOD_NOT_ALLOWED, "a Send is a POST");
    } else if (device == NULL || !device_is_at(device, from)) {
        body_refuse(fleet, reply, KEDGE_COAP_NOT_FOUND,
                    "no registration from here: register first");
    } else if (!is_for_send(format)) {
        body_refuse(fleet, reply, KEDGE_COAP_UNSUPPORTED_FORMAT,
                    "a Send is in SenML JSON, SenML CBOR or LwM2M CBOR");
    } else if (read_news(request, format, &news) != KEDGE_OK) {
        body_refuse(fleet, reply, KEDGE_COAP_BAD_REQUEST, "the records are not well-formed");
    } else {
        body_reply(fleet, reply, KEDGE_COAP_CHANGED, NULL);
        take_news(device, &news);
    }
}
