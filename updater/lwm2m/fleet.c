/* fleet.c: making and ending a fleet, and which part answers which request. */
#include "updater/lwm2m/fleet.h"

#include "updater/lwm2m/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DEFAULT_POLL_MS 30000u
#define DEFAULT_QUICK_POLL_MS 5000u
#define DEFAULT_AWAKE_MS 93000u /* MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2) */
#define DEFAULT_UNPROVEN_MAX 16384u
#define DEFAULT_TOLD_PER_S 100u
#define DEFAULT_TOLD_BURST 1000u

const char *kedge_gone_reason_text(enum kedge_gone_reason reason)
{
    switch (reason) {
    case KEDGE_GONE_DEREGISTERED:
        return "it de-registered";
    case KEDGE_GONE_EXPIRED:
        return "its lifetime expired";
    case KEDGE_GONE_REPLACED:
        return "its address registered under another name";
    case KEDGE_GONE_EXPELLED:
        return "its credentials were replaced or removed";
    case KEDGE_GONE_UNPROVEN:
        return "it answered nothing, and others came";
    }
    return "unknown";
}

/* ---- downloads ---- */

static bool find_blob(struct kedge_fleet *fleet, const struct kedge_coap_message *request,
                      char name[KEDGE_UPDATE_FILE_SIZE + 1], struct kedge_blob *blob)
{
    struct kedge_slice segment;
    if (kedge_coap_path_count(request) != 2 || !kedge_coap_path_segment(request, 1, &segment) ||
        segment.size != KEDGE_UPDATE_FILE_SIZE || fleet->hooks.blob == NULL)
        return false;
    memcpy(name, segment.data, segment.size);
    name[segment.size] = '\0';
    return fleet->hooks.blob(fleet->hooks.context, name, blob);
}

enum standing { UNKNOWN, REGISTERED, PROVEN };

/* Most download from where they are registered: the host of such a device need not be looked up. */
static enum standing standing_of(const struct kedge_fleet *fleet, const struct kedge_address *from)
{
    const struct device *device = device_by_address(fleet, from);
    if (from->secure || (device != NULL && device->proven))
        return PROVEN;
    const struct kedge_host *host = kedge_hosts_find(&fleet->hosts, device_host(fleet, from));
    if (host == NULL)
        return UNKNOWN;
    return host->proven > 0 ? PROVEN : REGISTERED;
}

/* Whether the bytes may go out now; else they wait for the pace of all. */
static bool is_its_turn(struct kedge_fleet *fleet, const struct kedge_address *from,
                        const char *name, const struct kedge_blob *blob,
                        const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    uint64_t wait_ms;
    struct turn_request turn = {.from = from, .reply = reply};
    if (fleet->turns.pace == NULL)
        return true;
    turn.size = kedge_blob_part(blob, request, &turn.is_first);
    if (turn.size == 0)
        return true;
    if (turns_take(&fleet->turns, kedge_address_hash(&fleet->key, from), &turn, &wait_ms))
        return true;
    job_held_back(fleet, from, name, wait_ms);
    return false;
}

/*
 * Without security, a host downloads where a device is registered, from any port: many clients use
 * another one for it. As long as no device there has answered anything, its address may be somebody
 * else's, and a block is many times as large as what asks for it: nothing goes back, and who is
 * there asks again.
 */
static void serve_file(struct kedge_fleet *fleet, const struct kedge_address *from,
                       const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    char name[KEDGE_UPDATE_FILE_SIZE + 1];
    struct kedge_blob blob;
    enum standing standing = standing_of(fleet, from);
    if (standing != PROVEN && !kedge_net_admit(fleet->net, from, KEDGE_CLAIM_NONE)) {
        kedge_net_reply_nothing(reply);
        return;
    }
    if (!find_blob(fleet, request, name, &blob)) {
        kedge_net_reply(reply, KEDGE_COAP_NOT_FOUND);
        return;
    }
    if (standing == UNKNOWN) {
        kedge_coap_add_payload(kedge_net_reply(reply, KEDGE_COAP_UNAUTHORIZED),
                               kedge_slice_text("no device is registered at this address"));
        return;
    }
    if (standing == REGISTERED) {
        kedge_net_reply_nothing(reply);
        return;
    }
    if (!is_its_turn(fleet, from, name, &blob, request, reply))
        return;
    kedge_net_reply_at_length(reply);
    size_t reach = kedge_blob_serve(&blob, request, reply);
    if (reach == 0)
        return;
    fleet->counters.blocks_served++;
    job_served(fleet, from, name, reach);
}

void kedge_fleet_set_web(struct kedge_fleet *fleet, const struct kedge_fleet_web *http,
                         const struct kedge_fleet_web *https)
{
    fleet->http = *http;
    fleet->https = *https;
}

void kedge_fleet_downloaded(struct kedge_fleet *fleet, const char *host, const char *name,
                            uint64_t reach)
{
    struct kedge_address from;
    if (kedge_address_from_host(host, 0, &from) == KEDGE_OK)
        job_host_served(fleet, &from, name, reach);
}

void kedge_fleet_held_back(struct kedge_fleet *fleet, const char *host, const char *name,
                           uint64_t wait_ms)
{
    struct kedge_address from;
    if (kedge_address_from_host(host, 0, &from) == KEDGE_OK)
        job_host_held_back(fleet, &from, name, wait_ms);
}

bool fleet_admits(struct kedge_fleet *fleet, const struct kedge_address *from)
{
    return from->secure || device_by_address(fleet, from) != NULL ||
           kedge_net_admit(fleet->net, from, KEDGE_CLAIM_NONE);
}

/* Only files have ETags: to all else such an option is one that is not known (RFC 7252 5.4.1). */
static bool is_conditional(const struct kedge_coap_message *request)
{
    struct kedge_slice value;
    return kedge_coap_option_find(request, KEDGE_COAP_IF_MATCH, &value) ||
           kedge_coap_option_find(request, KEDGE_COAP_IF_NONE_MATCH, &value);
}

static void on_request(void *context, const struct kedge_address *from,
                       const struct kedge_coap_message *request, struct kedge_net_reply *reply)
{
    struct kedge_fleet *fleet = context;
    struct kedge_slice first = {0};
    bool has_path = kedge_coap_path_segment(request, 0, &first);
    if (has_path && kedge_slice_equal(first, kedge_slice_text("fw")))
        serve_file(fleet, from, request, reply);
    else if (is_conditional(request) && fleet_admits(fleet, from))
        kedge_net_reply(reply, KEDGE_COAP_BAD_OPTION);
    else if (is_conditional(request))
        kedge_net_reply_nothing(reply);
    else if (has_path && kedge_slice_equal(first, kedge_slice_text("rd")))
        body_collect(fleet, from, request, reply, registration_handle);
    else if (has_path && kedge_slice_equal(first, kedge_slice_text("dp")) &&
             fleet_admits(fleet, from))
        body_collect(fleet, from, request, reply, send_handle);
    else if (!fleet_admits(fleet, from))
        kedge_net_reply_nothing(reply);
    else if (fleet->hooks.request == NULL ||
             !fleet->hooks.request(fleet->hooks.context, from, request, reply))
        kedge_net_reply(reply, KEDGE_COAP_NOT_FOUND);
}

/* ---- credentials that changed ---- */

struct expelled {
    const char *const *endpoints;
    size_t count;
};

static int compare_names(const void *name, const void *item)
{
    return strcmp(name, *(const char *const *)item);
}

static bool is_expelled(void *context, const char *name, const char *identity)
{
    (void)identity;
    const struct expelled *expelled = context;
    return bsearch(name, expelled->endpoints, expelled->count, sizeof expelled->endpoints[0],
                   compare_names) != NULL;
}

void kedge_fleet_enrolled(struct kedge_fleet *fleet)
{
    struct kedge_index_link *link = NULL;
    while ((link = kedge_index_walk(&fleet->by_endpoint, link)) != NULL)
        KEDGE_INDEX_THING(link, struct device, by_endpoint)->open = false;
}

void kedge_fleet_expel(struct kedge_fleet *fleet, const char *const *endpoints, size_t count)
{
    struct expelled expelled = {endpoints, count};
    kedge_fleet_enrolled(fleet);
    for (size_t i = 0; i < count; i++) {
        struct device *device = device_by_endpoint(fleet, kedge_slice_text(endpoints[i]));
        if (device != NULL && device->registered && device->address.secure)
            device_leave(device, KEDGE_GONE_EXPELLED);
    }
    kedge_net_hang_up(fleet->net, is_expelled, &expelled);
}

/* ---- making and ending ---- */

static enum kedge_rc init(struct kedge_fleet *fleet, struct kedge_pace *pace)
{
    if (getrandom(&fleet->key, sizeof fleet->key, 0) != (ssize_t)sizeof fleet->key)
        return KEDGE_E_SYSTEM;
    KEDGE_TRY(kedge_index_init(&fleet->by_endpoint));
    KEDGE_TRY(kedge_index_init(&fleet->by_location));
    KEDGE_TRY(kedge_index_init(&fleet->descriptions));
    KEDGE_TRY(kedge_index_init(&fleet->operations));
    KEDGE_TRY(kedge_index_init(&fleet->jobs));
    KEDGE_TRY(kedge_hosts_init(&fleet->hosts));
    KEDGE_TRY(turns_init(&fleet->turns, fleet->net, pace));
    return kedge_index_init(&fleet->jobs_by_host);
}

enum kedge_rc kedge_fleet_create(const struct kedge_fleet_config *config, struct kedge_fleet **out)
{
    struct kedge_fleet *fleet = calloc(1, sizeof *fleet);
    if (fleet == NULL)
        return KEDGE_E_MEMORY;
    TAILQ_INIT(&fleet->identifications.waiting);
    fleet->net = config->net;
    fleet->hooks = config->hooks;
    fleet->poll_ms = config->poll_ms != 0 ? config->poll_ms : DEFAULT_POLL_MS;
    fleet->quick_poll_ms =
        config->quick_poll_ms != 0 ? config->quick_poll_ms : DEFAULT_QUICK_POLL_MS;
    fleet->awake_ms = config->awake_ms != 0 ? config->awake_ms : DEFAULT_AWAKE_MS;
    fleet->unproven_told_rate =
        config->unproven_told_rate.per_s != 0
            ? config->unproven_told_rate
            : (struct kedge_token_rate){DEFAULT_TOLD_PER_S, DEFAULT_TOLD_BURST};
    enum kedge_rc rc = init(fleet, config->pace);
    if (rc == KEDGE_OK)
        rc = unproven_init(&fleet->unproven,
                           config->unproven_max != 0 ? config->unproven_max : DEFAULT_UNPROVEN_MAX);
    if (rc != KEDGE_OK) {
        kedge_fleet_destroy(fleet);
        return rc;
    }
    kedge_net_set_handler(fleet->net, on_request, fleet);
    *out = fleet;
    return KEDGE_OK;
}

static void free_devices(struct kedge_fleet *fleet)
{
    struct kedge_index_link *link = kedge_index_walk(&fleet->by_endpoint, NULL), *next;
    for (; link != NULL; link = next) {
        struct device *device = KEDGE_INDEX_THING(link, struct device, by_endpoint);
        /* Not from the start each time: the buckets that are empty already become very many. */
        next = kedge_index_walk(&fleet->by_endpoint, link);
        identify_stop(device);
        if (device->job != NULL)
            job_free(device->job);
        device_free(device);
    }
}

void kedge_fleet_destroy(struct kedge_fleet *fleet)
{
    if (fleet == NULL)
        return;
    if (fleet->by_endpoint.buckets != NULL)
        free_devices(fleet);
    if (fleet->operations.buckets != NULL)
        operations_free(fleet);
    bodies_free(fleet);
    turns_free(&fleet->turns);
    kedge_net_timer_cancel(fleet->net, &fleet->identifications.timer);
    kedge_index_free(&fleet->by_endpoint);
    kedge_index_free(&fleet->by_location);
    kedge_index_free(&fleet->descriptions);
    for (size_t i = 0; i < DEVICE_POOLS; i++)
        kedge_pool_clear(&fleet->pools[i]);
    kedge_index_free(&fleet->operations);
    kedge_index_free(&fleet->jobs);
    kedge_index_free(&fleet->jobs_by_host);
    kedge_hosts_free(&fleet->hosts);
    unproven_free(&fleet->unproven);
    free(fleet);
}

/* ---- restoring ---- */

static bool can_have_been_registered(const struct kedge_device *device,
                                     uint8_t location[LOCATION_BYTES])
{
    return kedge_registration_endpoint_valid(kedge_slice_text(device->endpoint)) &&
           kedge_registration_version_spoken(kedge_slice_text(device->lwm2m_version)) &&
           kedge_registration_binding_valid(kedge_slice_text(device->binding)) &&
           kedge_hex_decode(kedge_slice_text(device->location), location, LOCATION_BYTES) ==
               KEDGE_OK;
}

static enum kedge_rc copy_stored(struct device *device, const struct kedge_device *stored)
{
    KEDGE_TRY(device_set_text(device, TEXT_VENDOR, kedge_slice_text(stored->vendor)));
    KEDGE_TRY(device_set_text(device, TEXT_CLASS, kedge_slice_text(stored->class_name)));
    KEDGE_TRY(device_set_text(device, TEXT_VERSION, kedge_slice_text(stored->version)));
    KEDGE_TRY(device_set_text(device, TEXT_HARDWARE, kedge_slice_text(stored->hardware)));
    KEDGE_TRY(device_set_text(device, TEXT_LWM2M_VERSION, kedge_slice_text(stored->lwm2m_version)));
    KEDGE_TRY(device_set_text(device, TEXT_BINDING, kedge_slice_text(stored->binding)));
    KEDGE_TRY(device_set_figure(device, TEXT_SEQUENCE_FLOOR, stored->sequence_floor));
    KEDGE_TRY(device_set_figure(device, TEXT_SLOT_CAPACITY, stored->slot_capacity));
    device->queue_mode = strchr(stored->binding, 'Q') != NULL || stored->queue_mode;
    device->lifetime_s = stored->lifetime_s;
    /* Its links were not stored: it is asked, and told by 4.04 what is not there. */
    device->links.firmware = device->links.words = true;
    device->links.limits = stored->sequence_floor > 0 || stored->slot_capacity > 0;
    return KEDGE_OK;
}

enum kedge_rc kedge_fleet_restore(struct kedge_fleet *fleet, const struct kedge_device *stored)
{
    uint8_t location[LOCATION_BYTES];
    if (!can_have_been_registered(stored, location))
        return KEDGE_E_ARGUMENT;
    struct kedge_slice endpoint = kedge_slice_text(stored->endpoint);
    struct device *device = device_by_endpoint(fleet, endpoint);
    if ((device != NULL && device->registered) ||
        device_by_location(fleet, kedge_slice_text(stored->location)) != NULL ||
        device_by_address(fleet, &stored->address) != NULL)
        return KEDGE_E_EXISTS;
    if (device == NULL)
        device = device_create(fleet, endpoint);
    if (device == NULL)
        return KEDGE_E_MEMORY;
    /* One that once said who it is was there. */
    bool was_there =
        stored->vendor[0] != '\0' || stored->class_name[0] != '\0' || stored->version[0] != '\0';
    enum kedge_rc rc = copy_stored(device, stored);
    if (rc == KEDGE_OK)
        rc = device_connect(device, &stored->address, location, was_there);
    if (rc == KEDGE_OK) {
        device_count_told(device);
        if (was_there)
            device_prove(device);
        if (!device_asleep(device)) /* else with its next Update */
            identify_begin(device);
        if (device->job != NULL)
            job_touched(device->job);
    }
    device_release(device);
    return rc;
}

/* ---- looking ---- */

bool kedge_fleet_device(struct kedge_fleet *fleet, const char *endpoint, struct kedge_device *view)
{
    const struct device *device = device_by_endpoint(fleet, kedge_slice_text(endpoint));
    if (device == NULL || !device->registered || !device->told)
        return false;
    device_view(device, view);
    return true;
}

void kedge_fleet_each(struct kedge_fleet *fleet,
                      void (*fn)(void *context, const struct kedge_device *device), void *context)
{
    struct kedge_index_link *link = NULL;
    while ((link = kedge_index_walk(&fleet->by_endpoint, link)) != NULL) {
        const struct device *device = KEDGE_INDEX_THING(link, struct device, by_endpoint);
        struct kedge_device view;
        if (!device->registered || !device->told)
            continue;
        device_view(device, &view);
        fn(context, &view);
    }
}

struct kedge_fleet_counters kedge_fleet_counters(const struct kedge_fleet *fleet)
{
    struct kedge_fleet_counters counters = fleet->counters;
    counters.jobs = fleet->jobs.count;
    counters.unproven = fleet->unproven.silent.count + fleet->unproven.present.count;
    return counters;
}
