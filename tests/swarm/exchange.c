/* exchange.c: a device's one request under way (RFC 7252 section 4.2), and what comes back to it.
 */
#include "tests/swarm/swarm.h"

#include <string.h>

#define TRANSMISSIONS_MAX 5u
#define RESPONSE_MS 60000u /* how long to wait for a separate response */

static const struct swarm_address *errand_server(const struct device *device)
{
    return device->errand == ERRAND_BLOCK ? &device->package->server
                                          : &device->swarm->options->server;
}

/* From what the device remembers, so that a request can be built again. */
static void errand_token(const struct device *device, uint8_t token[DEVICE_TOKEN_SIZE])
{
    uint32_t bits = device->token_salt + device->message_id;
    memcpy(token, &bits, DEVICE_TOKEN_SIZE);
}

static void begin_message(const struct device *device, struct kedge_coap_builder *out, void *buffer,
                          size_t capacity)
{
    static const uint8_t codes[] = {
        [ERRAND_REGISTER] = KEDGE_COAP_POST,     [ERRAND_UPDATE] = KEDGE_COAP_POST,
        [ERRAND_DEREGISTER] = KEDGE_COAP_DELETE, [ERRAND_BLOCK] = KEDGE_COAP_GET,
        [ERRAND_NOTIFY] = KEDGE_COAP_CONTENT,
    };
    uint8_t token[DEVICE_TOKEN_SIZE];
    errand_token(device, token);
    struct kedge_slice used = kedge_slice(token, sizeof token);
    if (device->errand == ERRAND_NOTIFY) {
        const struct observation *observation = &device->observations[device->notified];
        used = kedge_slice(observation->token, observation->token_size);
    }
    kedge_coap_begin(out, buffer, capacity, KEDGE_COAP_CON, codes[device->errand],
                     device->message_id, used);
}

static void transmit(struct device *device)
{
    uint8_t buffer[SWARM_MESSAGE_MAX];
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    begin_message(device, &builder, buffer, sizeof buffer);
    if (device->errand == ERRAND_BLOCK)
        download_write(device, &builder);
    else if (device->errand == ERRAND_NOTIFY)
        notification_write(device, &builder);
    else
        registration_write(device, &builder);
    if (kedge_coap_finish(&builder, &message) == KEDGE_OK)
        security_send(device, errand_server(device), message, 0);
}

static void failed(struct device *device)
{
    enum errand errand = device->errand;
    exchange_drop(device);
    security_drop(device);
    device->swarm->counts.timeouts++;
    if (errand == ERRAND_NOTIFY)
        device->observations[device->notified].due = true;
    if (errand == ERRAND_BLOCK)
        download_unanswered(device);
    if (errand == ERRAND_DEREGISTER)
        registration_release(device);
    else if (device_is_secure(device) || errand == ERRAND_REGISTER || errand == ERRAND_UPDATE)
        registration_failed(device);
    device_next(device);
}

static void on_timeout(void *context)
{
    struct device *device = context;
    struct swarm *swarm = device->swarm;
    unsigned most = device_is_secure(device) ? SECURITY_TRANSMISSIONS_MAX : TRANSMISSIONS_MAX;
    if (device->acknowledged || device->transmissions >= most) {
        failed(device);
        return;
    }
    device->transmissions++;
    device->timeout_ms *= 2;
    swarm->counts.retransmissions++;
    transmit(device);
    (void)timers_arm(&swarm->timers, &device->errand_timer, swarm->now_ms + device->timeout_ms,
                     on_timeout, device);
}

static void begin(struct device *device, enum errand errand)
{
    struct swarm *swarm = device->swarm;
    uint32_t least_ms = swarm->options->ack_timeout_ms;
    device->errand = errand;
    device->message_id++;
    device->transmissions = 1;
    device->acknowledged = false;
    /* ACK_TIMEOUT times 1 to ACK_RANDOM_FACTOR, which is 1.5 */
    device->timeout_ms = (uint32_t)draw_between(&device->draw, least_ms, least_ms + least_ms / 2);
    transmit(device);
    (void)timers_arm(&swarm->timers, &device->errand_timer, swarm->now_ms + device->timeout_ms,
                     on_timeout, device);
}

static bool find_due(const struct device *device, enum watched *watched)
{
    for (unsigned i = 0; i < WATCHED_COUNT; i++) {
        if (!device->observations[i].on || !device->observations[i].due)
            continue;
        *watched = (enum watched)i;
        return true;
    }
    return false;
}

void device_next(struct device *device)
{
    enum watched watched;
    if (device->errand != ERRAND_NONE || !device->present || device->left)
        return;
    if (!device->registered) {
        if (device->takes_place && security_ready(device))
            begin(device, ERRAND_REGISTER);
        return;
    }
    /* After a change of address the server knows only an Update. */
    if (device->wants_update && !device->leaving) {
        begin(device, ERRAND_UPDATE);
    } else if (find_due(device, &watched)) {
        struct observation *observation = &device->observations[watched];
        observation->due = false;
        observation->number = (observation->number + 1) & 0xFFFFFFu;
        device->notified = watched;
        device->notified_value = watched == WATCHED_STATE ? (int)device->state : device->result;
        device->swarm->counts.notifications++;
        begin(device, ERRAND_NOTIFY);
    } else if (device->leaving) {
        begin(device, ERRAND_DEREGISTER);
    } else if (device->downloading && !device->pushed) {
        begin(device, ERRAND_BLOCK);
    }
}

void exchange_drop(struct device *device)
{
    timers_cancel(&device->swarm->timers, &device->errand_timer);
    device->errand = ERRAND_NONE;
}

/* ---- what comes back ---- */

static void send_empty(struct device *device, const struct swarm_address *to,
                       enum kedge_coap_type type, uint16_t message_id)
{
    uint8_t buffer[4];
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    kedge_coap_begin(&builder, buffer, sizeof buffer, type, KEDGE_COAP_EMPTY, message_id,
                     kedge_slice(NULL, 0));
    if (kedge_coap_finish(&builder, &message) == KEDGE_OK)
        security_send(device, to, message, 0);
}

static bool is_from_server(const struct device *device, const struct swarm_address *from)
{
    const struct swarm_address *server = errand_server(device);
    return address_equal(from, server);
}

static void empty(struct device *device, const struct kedge_coap_message *message)
{
    struct swarm *swarm = device->swarm;
    if (device->errand == ERRAND_NONE || message->message_id != device->message_id)
        return;
    if (device->errand == ERRAND_NOTIFY) {
        if (message->type == KEDGE_COAP_RST)
            device->observations[device->notified].on = false;
        exchange_drop(device);
        device_next(device);
    } else if (message->type == KEDGE_COAP_RST) {
        failed(device);
    } else if (message->type == KEDGE_COAP_ACK && !device->acknowledged) {
        device->acknowledged = true;
        (void)timers_arm(&swarm->timers, &device->errand_timer, swarm->now_ms + RESPONSE_MS,
                         on_timeout, device);
    }
}

static void response(struct device *device, const struct kedge_coap_message *message)
{
    enum errand errand = device->errand;
    exchange_drop(device);
    if (message->code >> 5 != 2)
        device->swarm->counts.refusals++;
    if (errand == ERRAND_BLOCK)
        download_answered(device, message);
    else
        registration_answered(device, message);
    device_next(device);
}

static void exchange_receive(struct device *device, const struct swarm_address *from,
                             const struct kedge_coap_message *message)
{
    uint8_t token[DEVICE_TOKEN_SIZE];
    if (message->code == KEDGE_COAP_EMPTY) {
        /* A ping (section 4.3) is a confirmable message that is empty. */
        if (message->type == KEDGE_COAP_CON)
            send_empty(device, from, KEDGE_COAP_RST, message->message_id);
        else if (device->errand != ERRAND_NONE && is_from_server(device, from))
            empty(device, message);
        return;
    }
    if (message->type == KEDGE_COAP_CON)
        send_empty(device, from, KEDGE_COAP_ACK, message->message_id);
    if (device->errand == ERRAND_NONE || device->errand == ERRAND_NOTIFY ||
        !is_from_server(device, from))
        return;
    errand_token(device, token);
    if (message->token_size != sizeof token || memcmp(message->token, token, sizeof token) != 0 ||
        (message->type == KEDGE_COAP_ACK && message->message_id != device->message_id))
        return; /* a late answer to what was asked before */
    response(device, message);
}

void message_receive(struct device *device, const struct swarm_address *from,
                     struct kedge_slice bytes)
{
    struct kedge_coap_message message;
    if (kedge_coap_parse(bytes, &message) != KEDGE_OK)
        device->swarm->counts.malformed++;
    else if (message.code == KEDGE_COAP_EMPTY || message.code >> 5 >= 2)
        exchange_receive(device, from, &message);
    else if (message.code >> 5 == 0)
        request_receive(device, from, &message);
}
