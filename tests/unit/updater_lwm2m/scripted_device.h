/*
 * scripted_device.h: an LwM2M device on a raw UDP socket whose object 5 does what a test tells it:
 * it answers from a few fields, and everything else (downloading, restarting, failing) is the
 * test's to do. It shares nothing with the agent.
 */
#ifndef KEDGE_TESTS_SCRIPTED_DEVICE_H
#define KEDGE_TESTS_SCRIPTED_DEVICE_H

#include "tests/unit/scripted_peer.h"

#include <kedge/lwm2m.h>

struct scripted_device {
    struct scripted_peer peer;
    const char *endpoint;
    char location[64];
    const char *links;
    const char *vendor, *class_name, *version, *hardware, *words; /* NULL: 4.04 */
    int state, result;
    const char *root;  /* where its objects are, "lwm2m/"; "": at the root */
    int delivery;      /* /5/0/9 */
    uint8_t protocols; /* /5/0/8 as bits; 0: it does not have the resource */
    char uri[256];
    bool no_firmware;  /* object 5 is not there */
    bool unobservable; /* Observe is ignored */
    bool speaks_tlv;   /* answers in TLV, else in text; refuses the other one with 4.06 */
    bool whole;        /* gives an instance in one answer, in TLV */
    bool empty_whole;  /* with nothing in it */
    int sequence_floor, slot_capacity; /* /26241/0/2 and 3; 0: 4.04 */
    bool deaf;                         /* answers nothing */
    bool strange;                      /* answers 4.01 to everything */
    uint8_t uri_code, execute_code;    /* what to answer; 0: 2.04 */
    bool execute_unanswered;
    /* of a Package that is pushed to it */
    uint8_t package[4096];
    size_t package_size;
    uint8_t block_code;  /* what to answer to each block; 0: what is due */
    uint8_t package_szx; /* the size that it asks for by 2.31; 0: the one that comes */
    bool block_unanswered;
    uint16_t answered_block; /* message id; sent again all the same by a server that is in haste */
    unsigned blocks, firsts, packages, nuls;
    unsigned uris, resets, executes, reads;
    unsigned requests; /* that came from the server */
    struct {
        uint8_t token[KEDGE_COAP_TOKEN_MAX];
        size_t token_size; /* 0: not observed */
    } observers[2];        /* of State and Result */
    uint32_t observe_number;
    uint32_t max_age_s; /* in what it refuses; 0: it says none */
    bool cancels;       /* it has /5/0/10 */
    unsigned canceled;
    unsigned unobserved; /* observations that were ended by a request */
};

static inline void device_init(struct scripted_device *device, struct kedge_net *net,
                               const char *endpoint)
{
    *device = (struct scripted_device){.endpoint = endpoint,
                                       .root = "",
                                       .links = "</1/0>,</3/0>,</5>;ver=1.1,</5/0>,</26241/0>",
                                       .vendor = "vendor.example",
                                       .class_name = "meter",
                                       .version = "1.0.0",
                                       .hardware = "rev-b"};
    peer_open(&device->peer, net);
}

/* ---- answering ---- */

static inline void device_reply(struct scripted_device *device, uint8_t code, uint32_t format,
                                struct kedge_slice payload, uint32_t observe)
{
    struct scripted_message reply = {
        .type = KEDGE_COAP_ACK,
        .code = code,
        .message_id = device->peer.message.message_id,
        .token = kedge_slice(device->peer.message.token, device->peer.message.token_size),
        .payload = payload};
    size_t count = 0;
    if (payload.size == 0 && device->max_age_s > 0)
        reply.options[count++] =
            (struct scripted_option){KEDGE_COAP_MAX_AGE, NULL, device->max_age_s};
    if (observe > 0)
        reply.options[count++] = (struct scripted_option){KEDGE_COAP_OBSERVE, NULL, observe};
    if (payload.size > 0)
        reply.options[count++] = (struct scripted_option){KEDGE_COAP_CONTENT_FORMAT, NULL, format};
    peer_sends(&device->peer, &reply);
}

static inline void device_refuse(struct scripted_device *device, uint8_t code)
{
    device_reply(device, code, 0, kedge_slice(NULL, 0), 0);
}

/* A value as the device writes it: text, or the resource in TLV. */
static inline void device_value(struct scripted_device *device, uint16_t resource,
                                const struct kedge_lwm2m_value *value, uint32_t observe)
{
    uint8_t bytes[512];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    uint32_t accept;
    uint32_t own = device->speaks_tlv ? KEDGE_LWM2M_FORMAT_TLV : KEDGE_LWM2M_FORMAT_TEXT;
    if (kedge_coap_option_uint(&device->peer.message, KEDGE_COAP_ACCEPT, &accept) &&
        accept != own) {
        device_refuse(device, KEDGE_COAP_NOT_ACCEPTABLE);
        return;
    }
    if (device->speaks_tlv)
        assert_int_equal(kedge_tlv_write_value(&out, KEDGE_TLV_RESOURCE, resource, value),
                         KEDGE_OK);
    else
        assert_int_equal(kedge_lwm2m_text_write(value, &out), KEDGE_OK);
    device->reads++;
    device_reply(device, KEDGE_COAP_CONTENT, own, kedge_writer_slice(&out), observe);
}

static inline void device_says_text(struct scripted_device *device, uint16_t resource,
                                    const char *text)
{
    if (text == NULL) {
        device_refuse(device, KEDGE_COAP_NOT_FOUND);
        return;
    }
    device_value(
        device, resource,
        &(struct kedge_lwm2m_value){.type = KEDGE_LWM2M_STRING, .bytes = kedge_slice_text(text)},
        0);
}

static inline void device_number(struct scripted_device *device, uint16_t resource, int number,
                                 int observer)
{
    const struct kedge_coap_message *request = &device->peer.message;
    uint32_t wish, observe = 0;
    if (observer >= 0 && kedge_coap_option_uint(request, KEDGE_COAP_OBSERVE, &wish) && wish == 1) {
        device->unobserved++;
        device->observers[observer].token_size = 0;
    }
    if (observer >= 0 && !device->unobservable &&
        kedge_coap_option_uint(request, KEDGE_COAP_OBSERVE, &wish) && wish == 0) {
        observe = ++device->observe_number;
        memcpy(device->observers[observer].token, request->token, request->token_size);
        device->observers[observer].token_size = request->token_size;
    }
    device_value(device, resource,
                 &(struct kedge_lwm2m_value){.type = KEDGE_LWM2M_INTEGER, .integer = number},
                 observe);
}

static inline void device_adds_protocols(const struct scripted_device *device,
                                         struct kedge_writer *out)
{
    uint8_t entries[64];
    struct kedge_writer inner = kedge_writer(entries, sizeof entries);
    for (uint16_t i = 0; i < 8; i++) {
        const struct kedge_lwm2m_value value = {.type = KEDGE_LWM2M_INTEGER, .integer = i};
        if (((unsigned)device->protocols >> i & 1u) != 0)
            assert_int_equal(kedge_tlv_write_value(&inner, KEDGE_TLV_RESOURCE_INSTANCE, i, &value),
                             KEDGE_OK);
    }
    assert_int_equal(
        kedge_tlv_write(out, KEDGE_TLV_MULTIPLE_RESOURCE, 8, kedge_writer_slice(&inner)), KEDGE_OK);
}

static inline void device_lists_protocols(struct scripted_device *device)
{
    uint8_t bytes[80];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    device_adds_protocols(device, &out);
    device_reply(device, KEDGE_COAP_CONTENT, KEDGE_LWM2M_FORMAT_TLV, kedge_writer_slice(&out), 0);
}

static inline void device_adds(struct kedge_writer *out, uint16_t resource,
                               struct kedge_lwm2m_value value)
{
    assert_int_equal(kedge_tlv_write_value(out, KEDGE_TLV_RESOURCE, resource, &value), KEDGE_OK);
}

static inline void device_adds_text(struct kedge_writer *out, uint16_t resource, const char *text)
{
    if (text != NULL)
        device_adds(out, resource,
                    (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_STRING,
                                               .bytes = kedge_slice_text(text)});
}

static inline void device_adds_number(struct kedge_writer *out, uint16_t resource, int number)
{
    device_adds(out, resource,
                (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_INTEGER, .integer = number});
}

static inline void device_instance(struct scripted_device *device, bool firmware)
{
    uint8_t bytes[1024];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    if (firmware && !device->empty_whole) {
        device_adds_text(&out, 1, device->uri);
        device_adds_number(&out, 3, device->state);
        device_adds_number(&out, 5, device->result);
        if (device->protocols != 0)
            device_adds_protocols(device, &out);
        device_adds_number(&out, 9, device->delivery);
    } else if (!device->empty_whole) {
        device_adds_text(&out, 0, device->vendor);
        device_adds_text(&out, 1, device->class_name);
        device_adds_text(&out, 3, device->version);
        device_adds_text(&out, 18, device->hardware);
    }
    device_reply(device, KEDGE_COAP_CONTENT, KEDGE_LWM2M_FORMAT_TLV, kedge_writer_slice(&out), 0);
}

static inline void device_says_limits(struct scripted_device *device)
{
    uint8_t bytes[64];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    device_adds_number(&out, 2, device->sequence_floor);
    if (device->slot_capacity > 0)
        device_adds_number(&out, 3, device->slot_capacity);
    device_reply(device, KEDGE_COAP_CONTENT, KEDGE_LWM2M_FORMAT_TLV, kedge_writer_slice(&out), 0);
}

static inline void device_takes_uri(struct scripted_device *device)
{
    const struct kedge_slice uri = device->peer.message.payload;
    assert_true(uri.size < sizeof device->uri);
    if (device->uri_code != 0 && uri.size > 0) {
        device_refuse(device, device->uri_code);
        return;
    }
    if (uri.size > 0)
        memcpy(device->uri, uri.data, uri.size);
    device->uri[uri.size] = '\0';
    device->uris += uri.size > 0;
    device->resets += uri.size == 0;
    device->state = uri.size > 0 ? KEDGE_FIRMWARE_DOWNLOADING : KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_INITIAL;
    device_refuse(device, KEDGE_COAP_CHANGED);
}

static inline void device_is_canceled(struct scripted_device *device)
{
    device->canceled++;
    device->state = KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_CANCELED;
    device_refuse(device, KEDGE_COAP_CHANGED);
}

static inline void device_executes(struct scripted_device *device)
{
    device->executes++;
    if (device->execute_code == 0)
        device->state = KEDGE_FIRMWARE_UPDATING;
    if (!device->execute_unanswered)
        device_refuse(device,
                      device->execute_code != 0 ? device->execute_code : KEDGE_COAP_CHANGED);
}

/* One block: in its place, or 4.08; the first one begins anew. */
static inline void device_takes_block(struct scripted_device *device)
{
    const struct kedge_coap_message *request = &device->peer.message;
    struct kedge_coap_block block;
    struct scripted_message reply = {.type = KEDGE_COAP_ACK,
                                     .code = KEDGE_COAP_CONTINUE,
                                     .message_id = request->message_id,
                                     .token = kedge_slice(request->token, request->token_size)};
    assert_int_equal(kedge_coap_block_find(request, KEDGE_COAP_BLOCK1, &block), KEDGE_OK);
    size_t offset = (size_t)block.number * kedge_coap_block_size(&block);
    if (request->message_id == device->answered_block)
        return;
    device->blocks++;
    device->firsts += offset == 0;
    if (offset == 0)
        device->package_size = 0;
    if (device->block_unanswered)
        return;
    if (device->block_code != 0) {
        reply.code = device->block_code;
    } else if (offset != device->package_size) {
        reply.code = KEDGE_COAP_INCOMPLETE;
    } else {
        assert_true(offset + request->payload.size <= sizeof device->package);
        memcpy(device->package + offset, request->payload.data, request->payload.size);
        device->package_size = offset + request->payload.size;
        device->state = block.more ? KEDGE_FIRMWARE_DOWNLOADING : KEDGE_FIRMWARE_DOWNLOADED;
        device->result = KEDGE_RESULT_INITIAL;
        device->packages += !block.more;
        if (!block.more)
            reply.code = KEDGE_COAP_CHANGED;
    }
    if (device->package_szx != 0)
        block.size_exponent = device->package_szx;
    device->answered_block = request->message_id;
    reply.options[0] =
        (struct scripted_option){KEDGE_COAP_BLOCK1, NULL, kedge_coap_block_value(&block)};
    peer_sends(&device->peer, &reply);
}

static inline void device_takes_package(struct scripted_device *device)
{
    struct kedge_slice package = device->peer.message.payload;
    if (package.size != 1 || package.data[0] != 0) {
        device_takes_block(device);
        return;
    }
    device->nuls++;
    device->package_size = 0;
    device->state = KEDGE_FIRMWARE_IDLE;
    device->result = KEDGE_RESULT_INITIAL;
    device_refuse(device, KEDGE_COAP_CHANGED);
}

/* Whether it was asked for `path` below where its objects are. */
static inline bool device_path_is(const struct scripted_device *device, const char *path)
{
    char whole[64];
    (void)snprintf(whole, sizeof whole, "%s%s", device->root, path);
    return message_path_is(&device->peer.message, whole);
}

static inline void device_answers(struct scripted_device *device)
{
    const struct kedge_coap_message *request = &device->peer.message;
    if (request->code == KEDGE_COAP_EMPTY || request->code >> 5 != 0 || device->deaf)
        return;
    bool firmware = device_path_is(device, "5/0/0") || device_path_is(device, "5/0/1") ||
                    device_path_is(device, "5/0/2") || device_path_is(device, "5/0/3") ||
                    device_path_is(device, "5/0/5") || device_path_is(device, "5/0/9");
    device->requests++;
    if (device->strange)
        device_refuse(device, KEDGE_COAP_UNAUTHORIZED);
    else if (device->whole && device_path_is(device, "3/0"))
        device_instance(device, false);
    else if (device->whole && device_path_is(device, "5/0") && !device->no_firmware)
        device_instance(device, true);
    else if (device_path_is(device, "3/0/0"))
        device_says_text(device, 0, device->vendor);
    else if (device_path_is(device, "3/0/1"))
        device_says_text(device, 1, device->class_name);
    else if (device_path_is(device, "3/0/3"))
        device_says_text(device, 3, device->version);
    else if (device_path_is(device, "3/0/18"))
        device_says_text(device, 18, device->hardware);
    else if (device_path_is(device, "26241/0/0"))
        device_says_text(device, 0, device->words);
    else if (device->whole && device->sequence_floor > 0 && device_path_is(device, "26241/0"))
        device_says_limits(device);
    else if (device->sequence_floor > 0 && device_path_is(device, "26241/0/2"))
        device_number(device, 2, device->sequence_floor, -1);
    else if (device->slot_capacity > 0 && device_path_is(device, "26241/0/3"))
        device_number(device, 3, device->slot_capacity, -1);
    else if (device_path_is(device, "5/0/8") && device->protocols != 0)
        device_lists_protocols(device);
    else if (device_path_is(device, "5/0/10") && device->cancels)
        device_is_canceled(device);
    else if (!firmware || device->no_firmware)
        device_refuse(device, KEDGE_COAP_NOT_FOUND);
    else if (device_path_is(device, "5/0/0"))
        device_takes_package(device);
    else if (device_path_is(device, "5/0/1") && request->code == KEDGE_COAP_PUT)
        device_takes_uri(device);
    else if (device_path_is(device, "5/0/1"))
        device_says_text(device, 1, device->uri);
    else if (device_path_is(device, "5/0/2"))
        device_executes(device);
    else if (device_path_is(device, "5/0/3"))
        device_number(device, 3, device->state, 0);
    else if (device_path_is(device, "5/0/5"))
        device_number(device, 5, device->result, 1);
    else
        device_number(device, 9, device->delivery, -1);
}

/** Answers what comes in the next `wait_ms`, one request at most; false when none came. */
static inline bool device_turn(struct scripted_device *device, uint64_t wait_ms)
{
    if (!peer_receives_within(&device->peer, wait_ms))
        return false;
    device_answers(device);
    return true;
}

/** Serves requests until `*flag` is at least `wanted`. */
static inline void device_until(struct scripted_device *device, const unsigned *flag,
                                unsigned wanted)
{
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (*flag < wanted && test_clock_ms() < until_ms)
        device_turn(device, 10);
    if (*flag < wanted)
        fail_msg("waited in vain: %u of %u", *flag, wanted);
}

/** Serves requests until none has come for `quiet_ms`. */
static inline void device_rest(struct scripted_device *device, uint64_t quiet_ms)
{
    while (device_turn(device, quiet_ms)) {
    }
}

/* ---- what the device does of its own ---- */

/** Sends a request of its own and serves what comes before the answer, which is then in `peer`. */
static inline void device_asks(struct scripted_device *device, struct scripted_message *request)
{
    static const uint8_t token[] = {'o', 'w', 'n'};
    request->message_id = device->peer.next_message_id++;
    request->token = kedge_slice(token, sizeof token);
    peer_sends(&device->peer, request);
    for (;;) {
        peer_receives(&device->peer);
        if (device->peer.message.type == KEDGE_COAP_ACK &&
            device->peer.message.message_id == request->message_id)
            return;
        device_answers(device);
    }
}

/** Registers with these queries (NULL: the usual ones); returns the answer's code. */
static inline uint8_t device_registers_with(struct scripted_device *device, const char *lifetime)
{
    char endpoint[600], lt[32];
    snprintf(endpoint, sizeof endpoint, "ep=%s", device->endpoint);
    snprintf(lt, sizeof lt, "lt=%s", lifetime);
    struct scripted_message request = {.type = KEDGE_COAP_CON,
                                       .code = KEDGE_COAP_POST,
                                       .options = {{KEDGE_COAP_URI_PATH, "rd", 0},
                                                   {KEDGE_COAP_CONTENT_FORMAT, NULL, 40},
                                                   {KEDGE_COAP_URI_QUERY, endpoint, 0},
                                                   {KEDGE_COAP_URI_QUERY, lt, 0},
                                                   {KEDGE_COAP_URI_QUERY, "lwm2m=1.1", 0},
                                                   {KEDGE_COAP_URI_QUERY, "b=U", 0}},
                                       .payload = kedge_slice_text(device->links)};
    struct kedge_slice segment;
    device->observers[0].token_size = device->observers[1].token_size = 0;
    device_asks(device, &request);
    struct kedge_coap_options walk = kedge_coap_options(&device->peer.message);
    struct kedge_coap_option option;
    while (kedge_coap_option_next(&walk, &option)) {
        if (option.number != KEDGE_COAP_LOCATION_PATH)
            continue;
        segment = option.value;
        snprintf(device->location, sizeof device->location, "%.*s", (int)segment.size,
                 (const char *)segment.data);
    }
    return device->peer.message.code;
}

static inline void device_registers(struct scripted_device *device)
{
    assert_int_equal(device_registers_with(device, "86400"), KEDGE_COAP_CREATED);
}

/** Comes back from another port, as a restarted device does. */
static inline void device_restarts(struct scripted_device *device)
{
    struct kedge_net *net = device->peer.net;
    peer_close(&device->peer);
    peer_open(&device->peer, net);
    device_registers(device);
}

static inline uint8_t device_to_location(struct scripted_device *device, uint8_t method,
                                         const char *query)
{
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = method,
        .options = {{KEDGE_COAP_URI_PATH, "rd", 0}, {KEDGE_COAP_URI_PATH, device->location, 0}}};
    if (query != NULL)
        request.options[2] = (struct scripted_option){KEDGE_COAP_URI_QUERY, query, 0};
    device_asks(device, &request);
    return device->peer.message.code;
}

/** Notifies of State (0) or Result (1), when it is observed. */
static inline void device_notifies(struct scripted_device *device, int which)
{
    char text[16];
    if (device->observers[which].token_size == 0)
        return;
    snprintf(text, sizeof text, "%d", which == 0 ? device->state : device->result);
    peer_sends(&device->peer,
               &(struct scripted_message){
                   .type = KEDGE_COAP_NON,
                   .code = KEDGE_COAP_CONTENT,
                   .message_id = device->peer.next_message_id++,
                   .token = kedge_slice(device->observers[which].token,
                                        device->observers[which].token_size),
                   .options = {{KEDGE_COAP_OBSERVE, NULL, ++device->observe_number},
                               {KEDGE_COAP_CONTENT_FORMAT, NULL, KEDGE_LWM2M_FORMAT_TEXT + 0}},
                   .payload = kedge_slice_text(text)});
}

/** Goes to a state, and says so. */
static inline void device_becomes(struct scripted_device *device, int state, int result)
{
    device->state = state;
    device->result = result;
    device_notifies(device, 0);
    device_notifies(device, 1);
}

/** Gets one block of what the URI names; the code of the answer. */
static inline uint8_t device_gets_block(struct scripted_device *device, uint32_t number)
{
    const char *file = strrchr(device->uri, '/');
    assert_non_null(file);
    const struct kedge_coap_block block = {.number = number, .size_exponent = 6};
    struct scripted_message request = {
        .type = KEDGE_COAP_CON,
        .code = KEDGE_COAP_GET,
        .options = {{KEDGE_COAP_URI_PATH, "fw", 0},
                    {KEDGE_COAP_URI_PATH, file + 1, 0},
                    {KEDGE_COAP_BLOCK2, NULL, kedge_coap_block_value(&block)}}};
    device_asks(device, &request);
    return device->peer.message.code;
}

#endif
