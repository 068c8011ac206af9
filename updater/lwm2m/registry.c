/* registry.c: Register, Update and De-register (OMA LwM2M Core 1.1, section 6.2). */
#include "updater/lwm2m/internal.h"

#include <string.h>
#include <sys/random.h>

#define LOCATION_BYTES (KEDGE_DEVICE_LOCATION_SIZE / 2u)

static const char not_its_name[] = "this endpoint name is not the sender's, by its credentials";

static void answer(struct kedge_net_reply *reply, uint8_t code)
{
    kedge_net_reply(reply, code);
}

static void refuse(struct kedge_fleet *fleet, struct kedge_net_reply *reply, uint8_t code,
                   const char *reason)
{
    fleet->counters.refused++;
    kedge_coap_add_payload(kedge_net_reply(reply, code), kedge_slice_text(reason));
}

static void copy_text(char *out, struct kedge_slice text)
{
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

/* ---- Register ---- */

static enum kedge_rc draw_location(char location[KEDGE_DEVICE_LOCATION_SIZE + 1])
{
    uint8_t bytes[LOCATION_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return KEDGE_E_SYSTEM;
    kedge_hex_encode(kedge_slice(bytes, sizeof bytes), location);
    return KEDGE_OK;
}

static enum kedge_rc take_register(struct device *device,
                                   const struct kedge_registration_request *request)
{
    KEDGE_TRY(device_set_text(device, TEXT_LWM2M_VERSION, request->version));
    KEDGE_TRY(device_set_text(device, TEXT_BINDING, request->binding));
    device->queue_mode = request->queue_mode;
    device->lifetime_s = request->lifetime_s;
    device->links = request->links;
    device->identified = device->singly = false;
    device->firmware_state = device->firmware_result = -1;
    return KEDGE_OK;
}

/* One address is one device: the one that was there before has another name now, or is gone. */
static void evict(struct kedge_fleet *fleet, const struct kedge_address *from,
                  const struct device *except)
{
    struct device *other = device_by_address(fleet, from);
    if (other != NULL && other != except)
        device_leave(other, KEDGE_GONE_REPLACED);
}

static void tell_registered(struct device *device, bool took_over,
                            const struct kedge_address *before)
{
    struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    device_view(device, &view);
    if (took_over) {
        fleet->counters.conflicts++;
        if (fleet->hooks.conflict != NULL)
            fleet->hooks.conflict(fleet->hooks.context, &view, before, &device->address);
    }
    if (fleet->hooks.registered != NULL)
        fleet->hooks.registered(fleet->hooks.context, &view);
}

/* Design decision 10: without security the newest Register for an endpoint wins. */
static enum kedge_rc register_device(struct device *device, const struct kedge_address *from,
                                     const struct kedge_registration_request *request)
{
    char location[KEDGE_DEVICE_LOCATION_SIZE + 1];
    struct kedge_address before = device->address;
    bool took_over = device->registered && !kedge_address_equal(&before, from);
    KEDGE_TRY(draw_location(location));
    device_disconnect(device);
    evict(device->fleet, from, device);
    KEDGE_TRY(take_register(device, request));
    KEDGE_TRY(device_connect(device, from, location));
    device->fleet->counters.registers++;
    tell_registered(device, took_over, &before);
    if (device->job != NULL)
        job_registered(device->job);
    identify_begin(device);
    return KEDGE_OK;
}

static void on_register(struct kedge_fleet *fleet, const struct kedge_address *from,
                        const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct kedge_registration_request read;
    struct kedge_registration_refusal refusal;
    if (!kedge_registration_read_register(request, &read, &refusal)) {
        refuse(fleet, reply, refusal.code, refusal.reason);
        return;
    }
    char endpoint[KEDGE_LWM2M_ENDPOINT_MAX + 1];
    copy_text(endpoint, read.endpoint);
    if (!device_may_be(fleet, endpoint, from)) {
        refuse(fleet, reply, KEDGE_COAP_BAD_REQUEST, not_its_name);
        return;
    }
    struct device *device = device_by_endpoint(fleet, read.endpoint);
    if (device == NULL)
        device = device_create(fleet, read.endpoint);
    if (device == NULL) {
        answer(reply, KEDGE_COAP_UNAVAILABLE);
        return;
    }
    device->pins++;
    if (register_device(device, from, &read) == KEDGE_OK) {
        struct kedge_coap_builder *created = kedge_net_reply(reply, KEDGE_COAP_CREATED);
        kedge_coap_add_path(created, KEDGE_COAP_LOCATION_PATH, "rd");
        kedge_coap_add_path(created, KEDGE_COAP_LOCATION_PATH, device->location);
    } else {
        answer(reply, KEDGE_COAP_UNAVAILABLE);
    }
    device->pins--;
    device_release(device);
}

/* ---- Update ---- */

static enum kedge_rc take_update(struct device *device,
                                 const struct kedge_registration_request *request)
{
    if (request->has_binding) {
        KEDGE_TRY(device_set_text(device, TEXT_BINDING, request->binding));
        device->queue_mode = request->queue_mode;
    }
    if (request->has_lifetime)
        device->lifetime_s = request->lifetime_s;
    if (request->has_links)
        device->links = request->links;
    return KEDGE_OK;
}

/* It comes from another address, as behind a NAT: what was asked at the old one is void. */
static enum kedge_rc move(struct device *device, const struct kedge_address *from)
{
    device_disconnect(device);
    evict(device->fleet, from, device);
    return device_connect(device, from, device->location);
}

static void update_device(struct device *device, const struct kedge_address *from,
                          const struct kedge_registration_request *request,
                          struct kedge_net_reply *reply)
{
    struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    if ((!kedge_address_equal(&device->address, from) && move(device, from) != KEDGE_OK) ||
        take_update(device, request) != KEDGE_OK) {
        answer(reply, KEDGE_COAP_UNAVAILABLE);
        return;
    }
    device_renew(device);
    fleet->counters.updates++;
    device_view(device, &view);
    if (fleet->hooks.updated != NULL)
        fleet->hooks.updated(fleet->hooks.context, &view);
    if (device->job != NULL)
        job_touched(device->job);
    if (!device->identified && device->identification == NULL)
        identify_begin(device);
    answer(reply, KEDGE_COAP_CHANGED);
}

static void on_update(struct kedge_fleet *fleet, const struct kedge_address *from,
                      struct kedge_slice location, const struct kedge_coap_message *request,
                      struct kedge_net_reply *reply)
{
    struct kedge_registration_request read;
    struct kedge_registration_refusal refusal;
    struct device *device = device_by_location(fleet, location);
    if (device == NULL) {
        refuse(fleet, reply, KEDGE_COAP_NOT_FOUND, "no such registration: register again");
        return;
    }
    if (!device_may_be(fleet, device->endpoint, from)) {
        refuse(fleet, reply, KEDGE_COAP_BAD_REQUEST, not_its_name);
        return;
    }
    if (!kedge_registration_read_update(request, &read, &refusal)) {
        refuse(fleet, reply, refusal.code, refusal.reason);
        return;
    }
    device->pins++;
    update_device(device, from, &read, reply);
    device->pins--;
    device_release(device);
}

/* ---- De-register ---- */

static void on_deregister(struct kedge_fleet *fleet, const struct kedge_address *from,
                          struct kedge_slice location, struct kedge_net_reply *reply)
{
    struct device *device = device_by_location(fleet, location);
    if (device == NULL) {
        refuse(fleet, reply, KEDGE_COAP_NOT_FOUND, "no such registration");
        return;
    }
    if (!device_may_be(fleet, device->endpoint, from)) {
        refuse(fleet, reply, KEDGE_COAP_BAD_REQUEST, not_its_name);
        return;
    }
    fleet->counters.deregisters++;
    device_leave(device, KEDGE_GONE_DEREGISTERED);
    answer(reply, KEDGE_COAP_DELETED);
}

void registration_handle(struct kedge_fleet *fleet, const struct kedge_address *from,
                         const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct kedge_slice location;
    size_t count = kedge_coap_path_count(request);
    if (count == 1 && request->code == KEDGE_COAP_POST)
        on_register(fleet, from, request, reply);
    else if (count == 1)
        refuse(fleet, reply, KEDGE_COAP_METHOD_NOT_ALLOWED, "a Register is a POST");
    else if (count != 2 || !kedge_coap_path_segment(request, 1, &location))
        refuse(fleet, reply, KEDGE_COAP_NOT_FOUND, "no such resource");
    else if (request->code == KEDGE_COAP_POST)
        on_update(fleet, from, location, request, reply);
    else if (request->code == KEDGE_COAP_DELETE)
        on_deregister(fleet, from, location, reply);
    else
        refuse(fleet, reply, KEDGE_COAP_METHOD_NOT_ALLOWED,
               "an Update is a POST, a De-register a DELETE");
}
