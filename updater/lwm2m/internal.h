/* internal.h: what the files of updater/lwm2m share. */
#ifndef KEDGE_UPDATER_LWM2M_INTERNAL_H
#define KEDGE_UPDATER_LWM2M_INTERNAL_H

#include "updater/lwm2m/fleet.h"
#include "updater/lwm2m/hosts.h"
#include "updater/lwm2m/index.h"
#include "updater/lwm2m/operations.h"
#include "updater/lwm2m/registration.h"
#include "updater/lwm2m/turns.h"
#include "updater/net/pool.h"
#include "updater/net/siphash.h"

#include <stddef.h>
#include <sys/queue.h>

/** What a device says of itself. */
enum device_text {
    TEXT_VENDOR,
    TEXT_CLASS,
    TEXT_VERSION,
    TEXT_HARDWARE,
    TEXT_LWM2M_VERSION,
    TEXT_BINDING,
    TEXT_ROOT, /* where its objects are; "": at the root */
    /* Numbers, as decimal digits: many devices have the same, and say it once. */
    TEXT_SEQUENCE_FLOOR,
    TEXT_SLOT_CAPACITY,
    TEXT_COUNT
};

#define LOCATION_BYTES (KEDGE_DEVICE_LOCATION_SIZE / 2)

/**
 * A device that is registered, or that a job waits for. It is in by_location, and the owner of its
 * peer, only while it is registered. There are very many: its size matters.
 */
struct device {
    struct kedge_fleet *fleet;
    struct kedge_index_link by_endpoint, by_location;
    struct kedge_address address;
    struct kedge_net_timer due; /* when its registration expires, or it may have fallen asleep */
    struct identification *identification; /* while it is queued or at work */
    struct job *job;
    struct description *description; /* its texts; NULL: it has said nothing */
    uint64_t heard_ms;               /* when it last sent anything of its own; 0: not yet */
    uint64_t renewed_ms;             /* when its lifetime began */
    uint32_t lifetime_s;
    uint32_t unproven_at; /* where it stands among those that are not proven */
    uint16_t pins;        /* calls at work on it that it must outlive */
    bool registered : 1, identified : 1, queue_mode : 1;
    bool proven : 1;  /* it receives at its address: it has answered there, or said its location */
    bool present : 1; /* while it is not proven: it has answered a ping there */
    bool told : 1;    /* those above know of its registration */
    bool pushed_to : 1; /* what it is told to cancel was pushed */
    bool resting : 1;   /* it was asleep when that was looked at last */
    bool open : 1;      /* it has no credentials, as was seen since any have changed */
    bool singly : 1; /* it gives no instance in one answer, as it has shown since its last Register
                      */
    uint8_t formats_refused; /* by 4.06 and 4.15 since its last Register, as format_bit() */
    struct kedge_registration_links links;
    int16_t firmware_state, firmware_result; /* -1: not read */
    uint8_t location[LOCATION_BYTES];
    char endpoint[]; /* with a NUL */
};

/* A device takes as many steps as it needs with its name. */
#define DEVICE_STEP 8u
#define DEVICE_STEPS_MIN (offsetof(struct device, endpoint) / DEVICE_STEP)
#define DEVICE_POOLS (2u + (KEDGE_LWM2M_ENDPOINT_MAX + 1u) / DEVICE_STEP)

struct identifications {
    TAILQ_HEAD(, identification) waiting;
    size_t running;
    struct kedge_net_timer timer;
};

/** In the order in which they registered; one that has proved itself or gone leaves a gap. */
struct unproven_ring {
    struct device **slots;
    uint32_t max, size; /* devices, and slots: twice as many */
    uint32_t first, taken;
    uint32_t count; /* without the gaps */
};

struct unproven {
    struct unproven_ring silent, present; /* those who have answered not even a ping, and others */
    struct kedge_token_bucket told;
};

struct kedge_fleet {
    struct kedge_net *net;
    struct kedge_fleet_hooks hooks;
    struct kedge_fleet_web http, https;
    uint32_t poll_ms, quick_poll_ms, awake_ms;
    struct kedge_siphash_key key;
    struct kedge_index by_endpoint, by_location;
    struct kedge_index descriptions;       /* by their texts */
    struct kedge_pool pools[DEVICE_POOLS]; /* of devices, by size */
    struct kedge_hosts hosts;              /* of registered devices without security */
    struct unproven unproven;
    struct kedge_token_rate unproven_told_rate;
    struct kedge_index operations;   /* by id */
    struct kedge_index jobs;         /* by deployment id */
    struct kedge_index jobs_by_host; /* those whose device is registered */
    uint64_t last_operation;
    struct identifications identifications;
    struct body *bodies; /* of requests in blocks, the one that was heard of last first */
    size_t body_count, known_body_count;
    const struct kedge_coap_block *last_block; /* of the request that is being answered, or NULL */
    struct turns turns;                        /* of requests for files */
    struct kedge_fleet_counters counters;
};

/* ---- devices ---- */

struct device *device_by_endpoint(const struct kedge_fleet *fleet, struct kedge_slice endpoint);
/** `location` is the text behind /rd/. */
struct device *device_by_location(const struct kedge_fleet *fleet, struct kedge_slice location);
void device_location_text(const struct device *device, char text[KEDGE_DEVICE_LOCATION_SIZE + 1]);
struct device *device_by_address(const struct kedge_fleet *fleet,
                                 const struct kedge_address *address);
/** A new one that is not registered; NULL without memory. */
struct device *device_create(struct kedge_fleet *fleet, struct kedge_slice endpoint);
/** Frees it unless it is registered, a job waits for it, or somebody is at work on it. */
void device_release(struct device *device);
void device_free(struct device *device);
void device_view(const struct device *device, struct kedge_device *view);
/** "" where it has not said it. Holds until one of its texts is set. */
const char *device_text(const struct device *device, enum device_text which);
/** Of a text that device_set_figure() has set; 0 where it has not said it. */
uint64_t device_figure(const struct device *device, enum device_text which);
/** Of one that is not above 0, nothing is said. */
enum kedge_rc device_set_figure(struct device *device, enum device_text which,
                                uint64_t number) KEDGE_MUST_USE;
void device_drop_texts(struct device *device);
/** Copies a text; one that is longer than its limit counts as not said. */
enum kedge_rc device_set_text(struct device *device, enum device_text which,
                              struct kedge_slice text) KEDGE_MUST_USE;
/** Makes it registered at this address and location, with a fresh lifetime. Who it was at its
 * former address, it has to prove at this one; `has_proved`: device_prove() comes next. */
enum kedge_rc device_connect(struct device *device, const struct kedge_address *address,
                             const uint8_t location[LOCATION_BYTES],
                             bool has_proved) KEDGE_MUST_USE;
/** Tells those above that it is registered, unless they know. */
void device_tell(struct device *device);
/** They know already. */
void device_count_told(struct device *device);
/** It has shown that it receives at its address. */
void device_prove(struct device *device);
/** Where on the device `path` is, for a request: below where it has its objects. KEDGE_E_BUFFER:
 * too far down. */
enum kedge_rc device_target(const struct device *device, const struct kedge_lwm2m_path *path,
                            char target[KEDGE_NET_PATH_MAX + 1]) KEDGE_MUST_USE;
/** What a host is known by, whatever the port. */
uint64_t device_host(const struct kedge_fleet *fleet, const struct kedge_address *address);
/** Ends its registration and everything that was asked under it, and tells nobody. */
void device_disconnect(struct device *device);
/** Ends its registration and tells so; the device may be gone afterwards. */
void device_leave(struct device *device, enum kedge_gone_reason reason);
/** It has sent something: it is awake. */
void device_heard(struct device *device);
/** It cannot be reached before it sends something. In queue mode it sleeps when it has sent nothing
 * for MAX_TRANSMIT_WAIT (OMA LwM2M Core 1.1, section 6.5.1); by DTLS it may have no association
 * here, which only it can make. */
bool device_asleep(const struct device *device);
/** Looks whether that has changed, which nothing tells of an association; it is told by a timer. */
void device_review(struct device *device);
/** Within which time it is to send an Update: of one that never expires, as of one that does not
 * say. */
uint32_t device_lifetime_s(const struct device *device);
/** Its lifetime begins anew. */
void device_renew(struct device *device);

/**
 * Whether who is at `from` may speak for the endpoint: with DTLS, who has proved to be it; without,
 * anybody, unless the endpoint is enrolled to use DTLS (design decision 10).
 */
bool device_may_be(struct kedge_fleet *fleet, const char *endpoint,
                   const struct kedge_address *from);

/**
 * Whether what is for the device may go to its address now: KEDGE_E_CONNECTION when that has become
 * somebody else's.
 */
enum kedge_rc device_check_way(const struct device *device) KEDGE_MUST_USE;

/** The same of a device that is there. That it needs no DTLS is remembered until credentials
 * change: it is asked of each of its requests. */
bool device_is_at(struct device *device, const struct kedge_address *from);

/* ---- devices that are not proven yet: unproven.c ---- */

enum kedge_rc unproven_init(struct unproven *list, uint32_t silent_max) KEDGE_MUST_USE;
/** Zeroed is fine. */
void unproven_free(struct unproven *list);
/** Whether there is room for one at this address, that nobody has to be hurried out of. */
bool unproven_may_add(const struct kedge_fleet *fleet, const struct kedge_address *from);
/** The one that stands longest goes when there is no room. */
void unproven_add(struct device *device);
void unproven_remove(struct device *device);
/** Whether one of them may be told of at once. */
bool unproven_may_be_told(struct kedge_fleet *fleet);

/* ---- requests that come in ---- */

/** Whether a request is to be answered: a device's is, anybody else's takes a token. */
bool fleet_admits(struct kedge_fleet *fleet, const struct kedge_address *from);
typedef void request_handler_fn(struct kedge_fleet *fleet, const struct kedge_address *from,
                                const struct kedge_coap_message *request,
                                struct kedge_net_reply *reply);

request_handler_fn registration_handle, send_handle;

/** Calls the handler when all blocks of the body are there, with the whole body as the payload. */
void body_collect(struct kedge_fleet *fleet, const struct kedge_address *from,
                  const struct kedge_coap_message *request, struct kedge_net_reply *reply,
                  request_handler_fn *handler);
/** Begins the reply of such a handler: the last block is acknowledged with it. */
struct kedge_coap_builder *body_reply(const struct kedge_fleet *fleet,
                                      struct kedge_net_reply *reply, uint8_t code,
                                      const char *location);
void body_refuse(struct kedge_fleet *fleet, struct kedge_net_reply *reply, uint8_t code,
                 const char *reason);
void bodies_free(struct kedge_fleet *fleet);

/* ---- operations on a device; as kedge_device_...(), which find it by endpoint ---- */

enum kedge_rc operation_ask(struct device *device, const struct kedge_operation_request *request,
                            kedge_operation_fn *fn, void *context, uint64_t *handle) KEDGE_MUST_USE;
enum kedge_rc operation_read(struct device *device, const char *path, kedge_operation_fn *fn,
                             void *context, uint64_t *handle) KEDGE_MUST_USE;
enum kedge_rc operation_write(struct device *device, const char *path,
                              const struct kedge_lwm2m_value *value, kedge_operation_fn *fn,
                              void *context, uint64_t *handle) KEDGE_MUST_USE;
enum kedge_rc operation_execute(struct device *device, const char *path, const char *arguments,
                                kedge_operation_fn *fn, void *context,
                                uint64_t *handle) KEDGE_MUST_USE;
enum kedge_rc operation_observe(struct device *device, const char *path, kedge_operation_fn *fn,
                                void *context, uint64_t *handle) KEDGE_MUST_USE;
/** The one value of an answer of 2.05 to a read of `path`, in whichever format it came. */
enum kedge_rc operation_value(const struct kedge_operation_answer *answer, const char *path,
                              enum kedge_lwm2m_type type,
                              struct kedge_lwm2m_value *value) KEDGE_MUST_USE;
/** Whether a read of an instance may get all its resources in one answer. */
bool operation_may_be_whole(const struct device *device);
/** Whether this one did, so that operation_value() finds each of them in it. */
bool operation_is_whole(const struct kedge_operation_answer *answer);
void operations_free(struct kedge_fleet *fleet);

/* ---- who is it? ---- */

/** Asks the device, when its turn comes; begins anew when it was being asked. */
void identify_begin(struct device *device);
void identify_stop(struct device *device);
/** Whether it is being asked, now or at once, and is not only waiting for its turn. */
bool identify_is_asking(const struct device *device);

/* ---- jobs ---- */

/** Has it look what is to be done, soon, but not from here. */
void job_wake(struct job *job);
/** Its device wants to be asked nothing for so long. */
void job_quiet(struct job *job, uint32_t seconds);
/** Its device has an address now. */
void job_connected(struct job *job);
void job_registered(struct job *job);
void job_touched(struct job *job);
void job_gone(struct job *job);
/** The device has said its State and its Result of its own accord; -1: it has not. */
void job_noticed(struct job *job, int state, int result);
/** The device has been asked who it is; what it said of its firmware is in it. */
void job_identified(struct job *job);
/** It is not asked any more, and did not say it all. */
void job_not_identified(struct job *job);
/** A block of this file was served to this address, and reaches so far from its start. */
void job_served(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                uint64_t reach);
/** The same where only the host is known. */
void job_host_served(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                     uint64_t reach);
/** Bytes of this file for this address are held back by the server for so long. */
void job_held_back(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                   uint64_t wait_ms);
/** The same where only the host is known. */
void job_host_held_back(struct kedge_fleet *fleet, const struct kedge_address *to, const char *name,
                        uint64_t wait_ms);
void job_free(struct job *job);

#endif
