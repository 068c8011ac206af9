/* registry.c: Register, Update and De-register (OMA LwM2M Core 1.1, section 6.2). */
#include "updater/lwm2m/internal.h"

#include <string.h>
#include <sys/random.h>

static const char not_its_name[] = "this endpoint name is not the sender's, by its credentials";

/* To who is no device that we know. */
static void refuse_stranger(struct kedge_fleet *fleet, const struct kedge_address *from,
                            struct kedge_net_reply *reply, uint8_t code, const char *reason)
{
    if (fleet_admits(fleet, from))
        body_refuse(fleet, reply, code, reason);
    else
        kedge_net_reply_nothing(reply);
}

static void copy_text(char *out, struct kedge_slice text)
{
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

/* ---- Register ---- */

static enum kedge_rc draw_location(uint8_t location[LOCATION_BYTES])
{
    return getrandom(location, LOCATION_BYTES, 0) == (ssize_t)LOCATION_BYTES ? KEDGE_OK
                                                                             : KEDGE_E_SYSTEM;
}

/*
 * Queue mode is a letter of the binding in 1.0 and a parameter of its own since 1.1; kept it is as
 * the letter in any case, so that it is known after a restart.
 */
static enum kedge_rc set_binding(struct device *device, struct kedge_slice binding, bool queue_mode)
{
    uint8_t bytes[KEDGE_REGISTRATION_BINDING_MAX];
    struct kedge_writer text = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_writer_put(&text, binding));
    if (queue_mode && memchr(binding.data, 'Q', binding.size) == NULL &&
        binding.size < sizeof bytes) /* all transports that there are leave room for it */
        KEDGE_TRY(kedge_writer_u8(&text, 'Q'));
    KEDGE_TRY(device_set_text(device, TEXT_BINDING, kedge_writer_slice(&text)));
    device->queue_mode = queue_mode;
    return KEDGE_OK;
}

static enum kedge_rc take_register(struct device *device,
                                   const struct kedge_registration_request *request)
{
    KEDGE_TRY(device_set_text(device, TEXT_LWM2M_VERSION, request->version));
    KEDGE_TRY(device_set_text(device, TEXT_ROOT, request->root));
    KEDGE_TRY(set_binding(device, request->binding, request->queue_mode));
    device->lifetime_s = request->lifetime_s;
    device->links = request->links;
    device->formats_refused = 0;
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
    device_tell(device);
}

/*
 * Whether a Register is taken up, and whether it is told at once. Without security a device that
 * registers again where it is is not charged, one that has restarted on another port is by itself,
 * and everybody else as a stranger. To take a name away from a device that is somewhere else costs
 * as much as to be stored without having answered.
 */
static bool may_register(struct kedge_fleet *fleet, const struct device *device,
                         const struct kedge_address *from, bool *tell)
{
    bool known = device != NULL && device->registered && device->told;
    *tell = true;
    if (from->secure || (known && kedge_address_equal(&device->address, from)))
        return true;
    if (known && !device->address.secure &&
        device_host(fleet, &device->address) == device_host(fleet, from))
        return kedge_net_admit(fleet->net, from, KEDGE_CLAIM_DEVICE);
    if (!kedge_net_admit(fleet->net, from, KEDGE_CLAIM_NONE))
        return false;
    *tell = unproven_may_be_told(fleet);
    return *tell || !known;
}

/* Who is where it was keeps its place, and who has proved itself needs none. */
static bool has_place(const struct kedge_fleet *fleet, const struct device *device,
                      const struct kedge_address *from)
{
    bool stays =
        device != NULL && device->registered && kedge_address_equal(&device->address, from);
    return from->secure || stays || unproven_may_add(fleet, from);
}

/* Design decision 10: without security the newest Register for an endpoint wins. */
static enum kedge_rc register_device(struct device *device, const struct kedge_address *from,
                                     const struct kedge_registration_request *request, bool tell)
{
    uint8_t location[LOCATION_BYTES];
    struct kedge_address before = device->address;
    bool is_same = device->registered && kedge_address_equal(&before, from);
    bool took_over = device->registered && device->told && !is_same;
    bool has_proved = is_same && device->proven;
    KEDGE_TRY(draw_location(location));
    device_disconnect(device);
    evict(device->fleet, from, device);
    KEDGE_TRY(take_register(device, request));
    KEDGE_TRY(device_connect(device, from, location, has_proved));
    device_heard(device);
    device->fleet->counters.registers++;
    if (has_proved)
        device_prove(device);
    if (tell || device->proven)
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
        refuse_stranger(fleet, from, reply, refusal.code, refusal.reason);
        return;
    }
    char endpoint[KEDGE_LWM2M_ENDPOINT_MAX + 1];
    copy_text(endpoint, read.endpoint);
    if (!device_may_be(fleet, endpoint, from)) {
        refuse_stranger(fleet, from, reply, KEDGE_COAP_BAD_REQUEST, not_its_name);
        return;
    }
    bool tell;
    struct device *device = device_by_endpoint(fleet, read.endpoint);
    if (!may_register(fleet, device, from, &tell)) {
        kedge_net_reply_nothing(reply);
        return;
    }
    if (fleet->hooks.ready != NULL && !fleet->hooks.ready(fleet->hooks.context)) {
        body_refuse(fleet, reply, KEDGE_COAP_UNAVAILABLE, "the store is behind: try again later");
        return;
    }
    if (!has_place(fleet, device, from)) {
        kedge_net_reply_probe(fleet->net, reply);
        return;
    }
    if (device == NULL)
        device = device_create(fleet, read.endpoint);
    if (device == NULL) {
        body_reply(fleet, reply, KEDGE_COAP_UNAVAILABLE, NULL);
        return;
    }
    device->pins++;
    if (register_device(device, from, &read, tell) == KEDGE_OK) {
        char location[KEDGE_DEVICE_LOCATION_SIZE + 1];
        device_location_text(device, location);
        body_reply(fleet, reply, KEDGE_COAP_CREATED, location);
    } else {
        body_reply(fleet, reply, KEDGE_COAP_UNAVAILABLE, NULL);
    }
    device->pins--;
    device_release(device);
}

/* ---- Update ---- */

/*
 * The new list replaces the former one. A device that has got object 5, or has its objects
 * elsewhere now, has not been asked what it says there.
 */
static enum kedge_rc take_links(struct device *device,
                                const struct kedge_registration_request *request)
{
    bool is_moved =
        !kedge_slice_equal(kedge_slice_text(device_text(device, TEXT_ROOT)), request->root);
    if (is_moved || device->links.firmware != request->links.firmware) {
        identify_stop(device);
        device->identified = false;
        device->firmware_state = device->firmware_result = -1;
    }
    KEDGE_TRY(device_set_text(device, TEXT_ROOT, request->root));
    device->links = request->links;
    return KEDGE_OK;
}

static enum kedge_rc take_update(struct device *device,
                                 const struct kedge_registration_request *request)
{
    /* Since 1.1 an Update has no Q: what the Register said stays. */
    bool stays = device->queue_mode && strcmp(device_text(device, TEXT_LWM2M_VERSION), "1.0") != 0;
    if (request->has_binding)
        KEDGE_TRY(set_binding(device, request->binding, request->queue_mode || stays));
    if (request->has_lifetime)
        device->lifetime_s = request->lifetime_s;
    return request->has_links ? take_links(device, request) : KEDGE_OK;
}

/* It comes from another address, as behind a NAT: what was asked at the old one is void. That it is
 * there it proves by the location, which it says. */
static enum kedge_rc move(struct device *device, const struct kedge_address *from)
{
    device_disconnect(device);
    evict(device->fleet, from, device);
    return device_connect(device, from, device->location, true);
}

static void update_device(struct device *device, const struct kedge_address *from,
                          const struct kedge_registration_request *request,
                          struct kedge_net_reply *reply)
{
    struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    bool was_told = device->told;
    if (!kedge_address_equal(&device->address, from) && move(device, from) != KEDGE_OK) {
        body_reply(fleet, reply, KEDGE_COAP_UNAVAILABLE, NULL);
        return;
    }
    if (was_told)
        device_count_told(device);
    device_prove(device); /* nobody else was told the location */
    if (take_update(device, request) != KEDGE_OK) {
        body_reply(fleet, reply, KEDGE_COAP_UNAVAILABLE, NULL);
        return;
    }
    device_heard(device);
    device_renew(device);
    fleet->counters.updates++;
    device_view(device, &view);
    if (fleet->hooks.updated != NULL)
        fleet->hooks.updated(fleet->hooks.context, &view);
    if (device->job != NULL)
        job_touched(device->job);
    if (!device->identified && device->identification == NULL)
        identify_begin(device);
    body_reply(fleet, reply, KEDGE_COAP_CHANGED, NULL);
}

static void on_update(struct kedge_fleet *fleet, const struct kedge_address *from,
                      struct kedge_slice location, const struct kedge_coap_message *request,
                      struct kedge_net_reply *reply)
{
    struct kedge_registration_request read;
    struct kedge_registration_refusal refusal;
    struct device *device = device_by_location(fleet, location);
    if (device == NULL) {
        refuse_stranger(fleet, from, reply, KEDGE_COAP_NOT_FOUND,
                        "no such registration: register again");
        return;
    }
    if (!device_is_at(device, from)) {
        body_refuse(fleet, reply, KEDGE_COAP_BAD_REQUEST, not_its_name);
        return;
    }
    if (!kedge_registration_read_update(request, &read, &refusal)) {
        body_refuse(fleet, reply, refusal.code, refusal.reason);
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
        refuse_stranger(fleet, from, reply, KEDGE_COAP_NOT_FOUND, "no such registration");
        return;
    }
    if (!device_is_at(device, from)) {
        body_refuse(fleet, reply, KEDGE_COAP_BAD_REQUEST, not_its_name);
        return;
    }
    fleet->counters.deregisters++;
    device_leave(device, KEDGE_GONE_DEREGISTERED);
    body_reply(fleet, reply, KEDGE_COAP_DELETED, NULL);
}

void registration_handle(struct kedge_fleet *fleet, const struct kedge_address *from,
                         const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct kedge_slice location;
    size_t count = kedge_coap_path_count(request);
    if (count == 1 && request->code == KEDGE_COAP_POST)
        on_register(fleet, from, request, reply);
    else if (count == 1)
        refuse_stranger(fleet, from, reply, KEDGE_COAP_METHOD_NOT_ALLOWED, "a Register is a POST");
    else if (count != 2 || !kedge_coap_path_segment(request, 1, &location))
        refuse_stranger(fleet, from, reply, KEDGE_COAP_NOT_FOUND, "no such resource");
    else if (request->code == KEDGE_COAP_POST)
        on_update(fleet, from, location, request, reply);
    else if (request->code == KEDGE_COAP_DELETE)
        on_deregister(fleet, from, location, reply);
    else
        refuse_stranger(fleet, from, reply, KEDGE_COAP_METHOD_NOT_ALLOWED,
                        "an Update is a POST, a De-register a DELETE");
}
