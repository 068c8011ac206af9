/* devices.c: the devices, found by endpoint, location and address, and their lifetimes. */
#include "updater/lwm2m/internal.h"

#include <stddef.h>
#include <string.h>

#define GRACE_MAX_MS 93000u /* MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2): an Update on its way */

/* ---- finding ---- */

static uint64_t hash_bytes(const struct kedge_fleet *fleet, struct kedge_slice bytes)
{
    return kedge_siphash(&fleet->key, bytes.data, bytes.size);
}

struct device *device_by_endpoint(const struct kedge_fleet *fleet, struct kedge_slice endpoint)
{
    struct kedge_index_link *link =
        kedge_index_find(&fleet->by_endpoint, hash_bytes(fleet, endpoint));
    for (; link != NULL; link = kedge_index_find_next(link)) {
        struct device *device = KEDGE_INDEX_THING(link, struct device, by_endpoint);
        if (kedge_slice_equal(kedge_slice_text(device->endpoint), endpoint))
            return device;
    }
    return NULL;
}

struct device *device_by_location(const struct kedge_fleet *fleet, struct kedge_slice location)
{
    uint8_t bytes[LOCATION_BYTES];
    if (kedge_hex_decode(location, bytes, sizeof bytes) != KEDGE_OK)
        return NULL;
    struct kedge_index_link *link =
        kedge_index_find(&fleet->by_location, hash_bytes(fleet, kedge_slice(bytes, sizeof bytes)));
    for (; link != NULL; link = kedge_index_find_next(link)) {
        struct device *device = KEDGE_INDEX_THING(link, struct device, by_location);
        char text[KEDGE_DEVICE_LOCATION_SIZE + 1]; /* a path with other digits is another one */
        device_location_text(device, text);
        if (kedge_slice_equal(kedge_slice_text(text), location))
            return device;
    }
    return NULL;
}

void device_location_text(const struct device *device, char text[KEDGE_DEVICE_LOCATION_SIZE + 1])
{
    kedge_hex_encode(kedge_slice(device->location, sizeof device->location), text);
}

struct device *device_by_address(const struct kedge_fleet *fleet,
                                 const struct kedge_address *address)
{
    return kedge_net_peer_owner(fleet->net, address);
}

uint64_t device_host(const struct kedge_fleet *fleet, const struct kedge_address *address)
{
    struct kedge_address host = *address;
    if (host.any.sa_family == AF_INET)
        host.v4.sin_port = 0;
    else
        host.v6.sin6_port = 0;
    host.secure = false;
    return kedge_address_hash(&fleet->key, &host);
}

bool device_may_be(struct kedge_fleet *fleet, const char *endpoint,
                   const struct kedge_address *from)
{
    if (!from->secure)
        return fleet->hooks.enrolled == NULL ||
               !fleet->hooks.enrolled(fleet->hooks.context, endpoint);
    const char *name = kedge_net_peer_name(fleet->net, from);
    return name != NULL && strcmp(name, endpoint) == 0;
}

bool device_is_at(struct device *device, const struct kedge_address *from)
{
    if (!from->secure && device->open)
        return true;
    if (!device_may_be(device->fleet, device->endpoint, from))
        return false;
    device->open = !from->secure;
    return true;
}

enum kedge_rc device_check_way(const struct device *device)
{
    return !device->address.secure ||
                   device_may_be(device->fleet, device->endpoint, &device->address)
               ? KEDGE_OK
               : KEDGE_E_CONNECTION;
}

/* ---- making, looking, freeing ---- */

static struct kedge_pool *pool_of(struct kedge_fleet *fleet, size_t endpoint_size)
{
    size_t size = offsetof(struct device, endpoint) + endpoint_size + 1;
    size_t steps = (size + DEVICE_STEP - 1) / DEVICE_STEP;
    struct kedge_pool *pool = &fleet->pools[steps - DEVICE_STEPS_MIN];
    pool->size = steps * DEVICE_STEP;
    return pool;
}

struct device *device_create(struct kedge_fleet *fleet, struct kedge_slice endpoint)
{
    struct device *device = kedge_pool_take(pool_of(fleet, endpoint.size));
    if (device == NULL)
        return NULL;
    device->fleet = fleet;
    device->firmware_state = device->firmware_result = -1;
    memcpy(device->endpoint, endpoint.data, endpoint.size);
    kedge_index_insert(&fleet->by_endpoint, &device->by_endpoint, hash_bytes(fleet, endpoint));
    return device;
}

void device_free(struct device *device)
{
    struct kedge_fleet *fleet = device->fleet;
    kedge_net_timer_cancel(fleet->net, &device->due);
    kedge_index_remove(&fleet->by_endpoint, &device->by_endpoint);
    kedge_index_remove(&fleet->by_location, &device->by_location);
    device_drop_texts(device);
    kedge_pool_give(pool_of(fleet, strlen(device->endpoint)), device);
}

void device_release(struct device *device)
{
    if (!device->registered && device->job == NULL && device->pins == 0)
        device_free(device);
}

uint32_t device_lifetime_s(const struct device *device)
{
    return device->lifetime_s != 0 ? device->lifetime_s : KEDGE_REGISTRATION_LIFETIME_DEFAULT_S;
}

static uint32_t lifetime_left_s(const struct device *device)
{
    uint64_t lifetime_ms = (uint64_t)device_lifetime_s(device) * 1000u;
    uint64_t since_ms = kedge_net_now_ms(device->fleet->net) - device->renewed_ms;
    return device->registered && since_ms < lifetime_ms
               ? (uint32_t)((lifetime_ms - since_ms + 999u) / 1000u)
               : 0;
}

void device_view(const struct device *device, struct kedge_device *view)
{
    *view = (struct kedge_device){.endpoint = device->endpoint,
                                  .vendor = device_text(device, TEXT_VENDOR),
                                  .class_name = device_text(device, TEXT_CLASS),
                                  .version = device_text(device, TEXT_VERSION),
                                  .hardware = device_text(device, TEXT_HARDWARE),
                                  .lwm2m_version = device_text(device, TEXT_LWM2M_VERSION),
                                  .binding = device_text(device, TEXT_BINDING),
                                  .lifetime_s = device->lifetime_s,
                                  .address = device->address,
                                  .registered = device->registered,
                                  .identified = device->identified,
                                  .queue_mode = device->queue_mode,
                                  .asleep = device_asleep(device),
                                  .expected_in_s = lifetime_left_s(device),
                                  .has_firmware_object = device->links.firmware,
                                  .firmware_state = device->firmware_state,
                                  .firmware_result = device->firmware_result,
                                  .sequence_floor = device_figure(device, TEXT_SEQUENCE_FLOOR),
                                  .slot_capacity = device_figure(device, TEXT_SLOT_CAPACITY)};
    device_location_text(device, view->location);
}

static bool sleeps(const struct device *device)
{
    uint64_t now_ms = kedge_net_now_ms(device->fleet->net);
    return device->queue_mode &&
           (device->heard_ms == 0 || now_ms - device->heard_ms > device->fleet->awake_ms);
}

bool device_asleep(const struct device *device)
{
    return sleeps(device) || (device->registered && device_check_way(device) != KEDGE_OK);
}

/* ---- registered or not ---- */

/* A device that sends its Update in time may have to send it again: half a lifetime more, at most.
 */
static uint64_t expires_at_ms(const struct device *device)
{
    uint64_t lifetime_ms = (uint64_t)device->lifetime_s * 1000u;
    uint64_t grace_ms = lifetime_ms / 2 < GRACE_MAX_MS ? lifetime_ms / 2 : GRACE_MAX_MS;
    return device->lifetime_s == 0 ? UINT64_MAX : device->renewed_ms + lifetime_ms + grace_ms;
}

static void on_due(void *context);

/*
 * The one timer is for whichever comes first: that a change is to be told, that the device falls
 * asleep, unless it is heard of meanwhile, or that its registration expires.
 */
static void wait_for_next(struct device *device)
{
    struct kedge_net *net = device->fleet->net;
    uint64_t at_ms = expires_at_ms(device);
    if (device_asleep(device) != device->resting)
        at_ms = kedge_net_now_ms(net);
    else if (device->queue_mode && !device->resting &&
             device->heard_ms + device->fleet->awake_ms < at_ms)
        at_ms = device->heard_ms + device->fleet->awake_ms + 1u;
    if (at_ms == UINT64_MAX)
        kedge_net_timer_cancel(net, &device->due);
    else
        kedge_net_timer_arm(net, &device->due, at_ms, on_due, device);
}

/* Whether it can be reached has changed: what is asked of it stops or goes on, and those above are
 * told. */
static void turn(struct device *device)
{
    const struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    device->resting = !device->resting;
    wait_for_next(device);
    kedge_net_peer_rest(fleet->net, &device->address, device->resting);
    if (device->job != NULL)
        job_wake(device->job);
    if (!device->resting && !device->identified && device->identification == NULL)
        identify_begin(device);
    device_view(device, &view);
    if (device->told && fleet->hooks.turned != NULL)
        fleet->hooks.turned(fleet->hooks.context, &view);
}

static void on_due(void *context)
{
    struct device *device = context;
    if (kedge_net_now_ms(device->fleet->net) >= expires_at_ms(device)) {
        device->fleet->counters.expired++;
        device_leave(device, KEDGE_GONE_EXPIRED);
    } else if (device_asleep(device) != device->resting) {
        turn(device);
    } else {
        wait_for_next(device);
    }
}

void device_review(struct device *device)
{
    if (device->registered && device_asleep(device) != device->resting)
        wait_for_next(device);
}

void device_renew(struct device *device)
{
    device->renewed_ms = kedge_net_now_ms(device->fleet->net);
    wait_for_next(device);
}

/* Told by the timer, and not from within whatever it was heard by. */
void device_heard(struct device *device)
{
    device->heard_ms = kedge_net_now_ms(device->fleet->net);
    if (device->resting && device->registered)
        wait_for_next(device);
    /* What it slept through is not to wait for its turn until it sleeps again. */
    if (device->queue_mode && device->registered)
        kedge_net_peer_hurry(device->fleet->net, &device->address);
}

enum kedge_rc device_connect(struct device *device, const struct kedge_address *address,
                             const uint8_t location[LOCATION_BYTES], bool has_proved)
{
    struct kedge_fleet *fleet = device->fleet;
    if (!address->secure)
        KEDGE_TRY(kedge_hosts_add(&fleet->hosts, device_host(fleet, address)));
    enum kedge_rc rc = kedge_net_peer_keep(fleet->net, address, device);
    if (rc != KEDGE_OK && !address->secure)
        kedge_hosts_remove(&fleet->hosts, device_host(fleet, address), false);
    if (rc != KEDGE_OK)
        return rc;
    device->address = *address;
    memmove(device->location, location, sizeof device->location);
    kedge_index_insert(&fleet->by_location, &device->by_location,
                       hash_bytes(fleet, kedge_slice(device->location, sizeof device->location)));
    device->registered = true;
    device->proven = address->secure;
    device->told = false;
    /* That it can be reached again is told when it is heard of there. */
    device->resting = device->resting || device_asleep(device);
    if (!device->proven && !has_proved)
        unproven_add(device);
    if (device->job != NULL)
        job_connected(device->job);
    device_renew(device);
    return KEDGE_OK;
}

void device_disconnect(struct device *device)
{
    struct kedge_fleet *fleet = device->fleet;
    if (!device->registered)
        return;
    device->registered = false;
    unproven_remove(device);
    if (!device->address.secure)
        kedge_hosts_remove(&fleet->hosts, device_host(fleet, &device->address), device->proven);
    fleet->counters.registered -= device->told;
    kedge_net_timer_cancel(fleet->net, &device->due);
    kedge_index_remove(&fleet->by_location, &device->by_location);
    identify_stop(device);
    if (device->job != NULL)
        job_gone(device->job);
    kedge_net_peer_forget(fleet->net, &device->address);
}

void device_count_told(struct device *device)
{
    device->fleet->counters.registered += !device->told;
    device->told = true;
}

void device_tell(struct device *device)
{
    struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    if (device->told)
        return;
    device_count_told(device);
    device_view(device, &view);
    if (fleet->hooks.registered != NULL)
        fleet->hooks.registered(fleet->hooks.context, &view);
}

void device_leave(struct device *device, enum kedge_gone_reason reason)
{
    struct kedge_fleet *fleet = device->fleet;
    struct kedge_device view;
    device->pins++;
    device_disconnect(device);
    device_view(device, &view);
    if (fleet->hooks.gone != NULL && device->told)
        fleet->hooks.gone(fleet->hooks.context, &view, reason);
    device->pins--;
    device_release(device);
}
