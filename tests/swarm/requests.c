/*
 * requests.c: what the server asks of a device: reads, observations, writes and executes. A read
 * that comes twice is answered twice; a write or an execute that comes twice is done once.
 */
#include "tests/swarm/swarm.h"

#include <string.h>

#define PAYLOAD_MAX 900u
#define RESOURCE_DEPTH 3u
#define RESOURCE_UPDATE_TRIGGER 8u

struct answer {
    uint8_t code;
    bool observing;
    bool has_block;
    struct kedge_coap_block block;
    uint32_t observe_number;
    uint32_t format;
    struct kedge_writer payload;
};

static void send_answer(struct device *device, const struct swarm_address *to,
                        const struct kedge_coap_message *request, const struct answer *answer)
{
    uint8_t buffer[SWARM_MESSAGE_MAX];
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    bool confirmable = request->type == KEDGE_COAP_CON;
    kedge_coap_begin(&builder, buffer, sizeof buffer, confirmable ? KEDGE_COAP_ACK : KEDGE_COAP_NON,
                     answer->code, confirmable ? request->message_id : ++device->message_id,
                     kedge_slice(request->token, request->token_size));
    if (answer->observing)
        kedge_coap_add_uint(&builder, KEDGE_COAP_OBSERVE, answer->observe_number);
    if (answer->payload.size > 0)
        kedge_coap_add_uint(&builder, KEDGE_COAP_CONTENT_FORMAT, answer->format);
    if (answer->has_block)
        kedge_coap_add_uint(&builder, KEDGE_COAP_BLOCK1, kedge_coap_block_value(&answer->block));
    kedge_coap_add_payload(&builder, kedge_writer_slice(&answer->payload));
    if (kedge_coap_finish(&builder, &message) == KEDGE_OK)
        security_send(device, to, message, device->slow ? device->swarm->options->slow_ms : 0);
}

static bool read_path(const struct kedge_coap_message *request, struct kedge_lwm2m_path *path)
{
    struct kedge_slice segment;
    *path = (struct kedge_lwm2m_path){0};
    for (size_t i = 0; kedge_coap_path_segment(request, i, &segment); i++) {
        struct kedge_cursor cursor = kedge_cursor(segment);
        uint64_t id;
        if (i == sizeof path->ids / sizeof path->ids[0] ||
            kedge_cursor_decimal(&cursor, KEDGE_LWM2M_ID_NONE - 1u, &id) != KEDGE_OK ||
            kedge_cursor_left(&cursor) > 0)
            return false;
        path->ids[i] = (uint16_t)id;
        path->depth = (uint8_t)(i + 1);
    }
    return true;
}

static bool path_is(const struct kedge_lwm2m_path *path, uint16_t object, uint16_t resource)
{
    return path->depth == RESOURCE_DEPTH && path->ids[0] == object && path->ids[1] == 0 &&
           path->ids[2] == resource;
}

/* ---- reads and observations ---- */

static bool is_watched(const struct kedge_lwm2m_path *path, enum watched *watched)
{
    *watched = path_is(path, 5, KEDGE_FIRMWARE_STATE) ? WATCHED_STATE : WATCHED_RESULT;
    return *watched == WATCHED_STATE || path_is(path, 5, KEDGE_FIRMWARE_RESULT);
}

/* RFC 7641 section 4.1: 0 registers, 1 takes it back; what is not watched is answered without. */
static void observe(struct device *device, const struct kedge_coap_message *request,
                    const struct kedge_lwm2m_path *path, struct answer *answer)
{
    enum watched watched;
    uint32_t wish;
    if (answer->code != KEDGE_COAP_CONTENT || !is_watched(path, &watched) ||
        !kedge_coap_option_uint(request, KEDGE_COAP_OBSERVE, &wish))
        return;
    struct observation *observation = &device->observations[watched];
    observation->on = wish == 0;
    if (wish != 0)
        return;
    observation->due = false;
    observation->tlv = answer->format == KEDGE_LWM2M_FORMAT_TLV;
    observation->token_size = (uint8_t)request->token_size;
    memcpy(observation->token, request->token, sizeof observation->token);
    observation->number = (observation->number + 1) & 0xFFFFFFu;
    answer->observing = true;
    answer->observe_number = observation->number;
}

/* The server may ask before the answer to the Register is here. */
static void note_heard(struct device *device)
{
    bool in_touch = device->registered || device->errand == ERRAND_REGISTER;
    if (device->outcome == OUTCOME_OPEN || device->heard || !in_touch)
        return;
    device->heard = true;
    device->swarm->counts.heard++;
}

static void get(struct device *device, const struct kedge_coap_message *request,
                const struct kedge_lwm2m_path *path, struct answer *answer)
{
    uint32_t accept;
    bool asked = kedge_coap_option_uint(request, KEDGE_COAP_ACCEPT, &accept);
    if (!asked)
        accept = path->depth == 3 ? KEDGE_LWM2M_FORMAT_TEXT : KEDGE_LWM2M_FORMAT_TLV;
    answer->format = accept;
    answer->code = KEDGE_COAP_NOT_ACCEPTABLE;
    if (accept == KEDGE_LWM2M_FORMAT_TLV || accept == KEDGE_LWM2M_FORMAT_TEXT)
        answer->code =
            resource_read(device, path, accept == KEDGE_LWM2M_FORMAT_TLV ? FORMAT_TLV : FORMAT_TEXT,
                          &answer->payload);
    if (!asked && answer->code == KEDGE_COAP_NOT_ACCEPTABLE) {
        answer->format = KEDGE_LWM2M_FORMAT_TLV;
        answer->code = resource_read(device, path, FORMAT_TLV, &answer->payload);
    }
    observe(device, request, path, answer);
    if (path_is(path, 5, KEDGE_FIRMWARE_RESULT))
        note_heard(device);
}

void notification_write(const struct device *device, struct kedge_coap_builder *out)
{
    const struct observation *observation = &device->observations[device->notified];
    struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_INTEGER,
                                      .integer = device->notified_value};
    uint8_t buffer[16];
    struct kedge_writer payload = kedge_writer(buffer, sizeof buffer);
    uint16_t id = device->notified == WATCHED_STATE ? KEDGE_FIRMWARE_STATE : KEDGE_FIRMWARE_RESULT;
    enum kedge_rc rc = observation->tlv
                           ? kedge_tlv_write_value(&payload, KEDGE_TLV_RESOURCE, id, &value)
                           : kedge_lwm2m_text_write(&value, &payload);
    kedge_coap_add_uint(out, KEDGE_COAP_OBSERVE, observation->number);
    kedge_coap_add_uint(out, KEDGE_COAP_CONTENT_FORMAT,
                        observation->tlv ? KEDGE_LWM2M_FORMAT_TLV : KEDGE_LWM2M_FORMAT_TEXT);
    if (rc == KEDGE_OK)
        kedge_coap_add_payload(out, kedge_writer_slice(&payload));
}

/* ---- writes and executes ---- */

static uint8_t write_uri(struct device *device, const struct kedge_coap_message *request,
                         const struct kedge_lwm2m_path *path)
{
    uint32_t format = KEDGE_LWM2M_FORMAT_NONE;
    struct kedge_lwm2m_value value;
    (void)kedge_coap_option_uint(request, KEDGE_COAP_CONTENT_FORMAT, &format);
    enum kedge_rc rc =
        kedge_lwm2m_value_read(format, request->payload, path, KEDGE_LWM2M_STRING, NULL, &value);
    if (rc == KEDGE_E_UNSUPPORTED || rc == KEDGE_E_TYPE)
        return KEDGE_COAP_UNSUPPORTED_FORMAT;
    return rc == KEDGE_OK ? firmware_write_uri(device, value.bytes) : KEDGE_COAP_BAD_REQUEST;
}

static uint8_t put(struct device *device, const struct kedge_coap_message *request,
                   const struct kedge_lwm2m_path *path, struct answer *answer)
{
    if (path_is(path, 5, KEDGE_FIRMWARE_PACKAGE_URI))
        return write_uri(device, request, path);
    if (path_is(path, 5, KEDGE_FIRMWARE_PACKAGE))
        return push_take(device, request, &answer->block, &answer->has_block);
    return KEDGE_COAP_METHOD_NOT_ALLOWED;
}

static uint8_t post(struct device *device, const struct kedge_lwm2m_path *path)
{
    if (path_is(path, 5, KEDGE_FIRMWARE_UPDATE))
        return firmware_execute(device);
    if (path_is(path, 5, KEDGE_FIRMWARE_CANCEL))
        return firmware_event(device, KEDGE_FIRMWARE_CANCEL_EXECUTED, 0);
    if (path_is(path, 1, RESOURCE_UPDATE_TRIGGER)) {
        device->wants_update = true;
        return KEDGE_COAP_CHANGED;
    }
    return KEDGE_COAP_METHOD_NOT_ALLOWED;
}

static uint32_t token_start(const struct kedge_coap_message *request)
{
    uint32_t start = 0;
    memcpy(&start, request->token, sizeof start); /* the parser leaves the rest of it zero */
    return start;
}

static const struct answered *recall(const struct device *device,
                                     const struct kedge_coap_message *request)
{
    for (size_t i = 0; i < DEVICE_ANSWERED_MAX; i++) {
        const struct answered *answered = &device->answered[i];
        if (answered->used && answered->message_id == request->message_id &&
            answered->token == token_start(request))
            return answered;
    }
    return NULL;
}

static uint8_t change(struct device *device, const struct kedge_coap_message *request,
                      const struct kedge_lwm2m_path *path, struct answer *answer)
{
    const struct answered *answered = recall(device, request);
    if (answered != NULL) {
        answer->has_block = answered->has_block;
        answer->block = answered->block;
        return answered->code;
    }
    uint8_t code =
        request->code == KEDGE_COAP_PUT ? put(device, request, path, answer) : post(device, path);
    if (!device->present)
        return code; /* it restarts, and will know nothing of this */
    device->answered[device->answered_next] = (struct answered){.used = true,
                                                                .has_block = answer->has_block,
                                                                .block = answer->block,
                                                                .code = code,
                                                                .message_id = request->message_id,
                                                                .token = token_start(request)};
    device->answered_next = (uint8_t)((device->answered_next + 1u) % DEVICE_ANSWERED_MAX);
    return code;
}

void request_receive(struct device *device, const struct swarm_address *from,
                     const struct kedge_coap_message *request)
{
    uint8_t payload[PAYLOAD_MAX];
    struct answer answer = {.code = KEDGE_COAP_METHOD_NOT_ALLOWED,
                            .payload = kedge_writer(payload, sizeof payload)};
    struct kedge_lwm2m_path path;
    device->swarm->asked_at_ms = device->swarm->now_ms;
    if (kedge_coap_unknown_critical(request) != 0)
        answer.code = KEDGE_COAP_BAD_OPTION;
    else if (!read_path(request, &path))
        answer.code = KEDGE_COAP_NOT_FOUND;
    else if (request->code == KEDGE_COAP_GET)
        get(device, request, &path, &answer);
    else if (request->code == KEDGE_COAP_PUT || request->code == KEDGE_COAP_POST)
        answer.code = change(device, request, &path, &answer);
    if (answer.code != KEDGE_COAP_CONTENT)
        answer.payload.size = 0;
    if (device->present) /* it may be restarting now */
        send_answer(device, from, request, &answer);
    device_next(device);
}
