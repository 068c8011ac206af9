/*
 * fleet.h: the registered devices (OMA LwM2M Core 1.1, section 6.2) and everything that is spoken
 * with them: the server's one handler of CoAP requests.
 *
 * Serves POST /rd (Register), POST /rd/{location} (Update), DELETE /rd/{location} (De-register) and
 * GET /fw/{name} (what devices download). After a Register it reads who the device is. All of it is
 * on the network thread; hooks are called there and may call anything here but _destroy().
 */
#ifndef KEDGE_UPDATER_FLEET_H
#define KEDGE_UPDATER_FLEET_H

#include "updater/lwm2m/update.h"
#include "updater/net/blob.h"
#include "updater/net/net.h"
#include "updater/pace/pace.h"

#define KEDGE_DEVICE_VENDOR_MAX 128u    /* of /3/0/0; a longer value counts as not said */
#define KEDGE_DEVICE_CLASS_MAX 64u      /* of /3/0/1, likewise */
#define KEDGE_DEVICE_VERSION_MAX 63u    /* of /3/0/3, likewise */
#define KEDGE_DEVICE_HARDWARE_MAX 64u   /* of /3/0/18, likewise */
#define KEDGE_DEVICE_BINDING_MAX 7u     /* "UQ" */
#define KEDGE_DEVICE_LOCATION_SIZE 24u  /* hex digits behind /rd/: 96 bits that nobody can guess */
#define KEDGE_FLEET_IDENTIFIES_MAX 256u /* devices that are asked who they are at the same time */
/* Without security: so long nobody is pushed out before it has answered anything. In that time the
 * question is sent three times (RFC 7252 section 4.8: again after 2 to 3 s, and 4 to 6 s more). */
#define KEDGE_FLEET_PATIENCE_MS 20000u
#define KEDGE_FLEET_PRESENT_FACTOR 8u

/**
 * What is known of a device. Texts are never NULL ("": not said) and borrowed for the call.
 */
struct kedge_device {
    const char *endpoint;
    const char *vendor;     /* /3/0/0 */
    const char *class_name; /* /3/0/1 */
    const char *version;    /* /3/0/3, or where its class has it */
    const char *hardware;   /* /3/0/18 */
    const char *lwm2m_version;
    const char *binding;
    char location[KEDGE_DEVICE_LOCATION_SIZE + 1];
    uint32_t lifetime_s; /* 0: it never expires (LwM2M 1.1) */
    struct kedge_address address;
    bool registered;
    bool identified; /* the texts were read since its last Register */
    bool queue_mode;
    bool asleep;              /* in queue mode, and not to be reached before it sends something */
    uint32_t expected_in_s;   /* what is left of its lifetime; 0: nothing, or it never expires */
    bool has_firmware_object; /* its links name an instance of object 5 */
    int firmware_state;       /* /5/0/3 as last read; -1: never */
    int firmware_result;      /* /5/0/5 likewise */
    uint64_t sequence_floor;  /* /26241/0/2: the lowest sequence number that it takes; 0: not said */
    uint64_t slot_capacity;   /* /26241/0/3: how many bytes an image may have; 0: not said */
};

enum kedge_gone_reason {
    KEDGE_GONE_DEREGISTERED,
    KEDGE_GONE_EXPIRED,
    KEDGE_GONE_REPLACED, /* its address registered under another endpoint name */
    KEDGE_GONE_EXPELLED, /* its credentials were replaced or removed */
    KEDGE_GONE_UNPROVEN  /* it answered nothing, and others came */
};

/** "de-registered", "its lifetime expired", ... static storage. */
const char *kedge_gone_reason_text(enum kedge_gone_reason reason);

/** What the fleet tells; any hook may be NULL. */
struct kedge_fleet_hooks {
    void *context;
    /** Whether a Register can be taken now; false: 5.03, the device tries again. NULL: always. */
    bool (*ready)(void *context);
    /**
     * A Register was accepted (`identified` is still false). Without security, it may be told only
     * when the device has answered something; until then it counts as not registered here.
     */
    void (*registered)(void *context, const struct kedge_device *device);
    /** It answered who it is; also for a restored device that is found to be there. */
    void (*identified)(void *context, const struct kedge_device *device);
    /** An Update came: it is there; lifetime and address may have changed. */
    void (*updated)(void *context, const struct kedge_device *device);
    /**
     * It cannot be reached any more until it sends something (`asleep`), or it can again. Also of a
     * device that is not identified yet. One that is restored counts as asleep without being told.
     */
    void (*turned)(void *context, const struct kedge_device *device);
    /** The registration ended. */
    void (*gone)(void *context, const struct kedge_device *device, enum kedge_gone_reason reason);
    /**
     * A Register for an endpoint that was registered at another address took it over (design
     * decision 10); before `registered`. A device that restarts usually comes from a new port.
     */
    void (*conflict)(void *context, const struct kedge_device *device,
                     const struct kedge_address *before, const struct kedge_address *now);
    void (*report)(void *context, const struct kedge_update_report *report);
    /** Finds what /fw/{name} is; false: 4.04. `blob` must hold until the hook is called again. */
    bool (*blob)(void *context, const char *name, struct kedge_blob *blob);
    /** Whether the endpoint has credentials, so that nobody may be it without DTLS; NULL: none. */
    bool (*enrolled)(void *context, const char *endpoint);
    /**
     * The resource at which devices of this vendor and class have their version, borrowed until the
     * next call. NULL: KEDGE_UPDATE_VERSION_PATH for all.
     */
    const char *(*version_path)(void *context, const char *vendor, const char *class_name);
    /** Answers a request for any other path; false: 4.04. */
    bool (*request)(void *context, const struct kedge_address *from,
                    const struct kedge_coap_message *request, struct kedge_net_reply *reply);
};

struct kedge_fleet_config {
    struct kedge_net *net; /* outlives the fleet, which becomes its handler */
    struct kedge_fleet_hooks hooks;
    uint32_t poll_ms; /* how often a device at work is asked, though it is observed; 0: 30000 */
    uint32_t quick_poll_ms; /* and when it does not let itself be observed; 0: 5000 */
    uint32_t awake_ms;      /* a device in queue mode listens so long; 0: 93000 */
    /* Without security: how many may be registered that have answered nothing; 0: 16384. Beyond
     * that KEDGE_FLEET_PRESENT_FACTOR times as many that have answered a ping. */
    uint32_t unproven_max;
    /* How many of those are told before they answer; per_s 0: 100 a second, 1000 at once. */
    struct kedge_token_rate unproven_told_rate;
    struct kedge_pace *pace; /* of what is carried to devices; outlives the fleet; NULL: none */
};

/** KEDGE_E_MEMORY, or KEDGE_E_SYSTEM without random numbers. */
enum kedge_rc kedge_fleet_create(const struct kedge_fleet_config *config,
                                 struct kedge_fleet **out) KEDGE_MUST_USE;
/** After kedge_net_run() has returned and before kedge_net_destroy(). Tells nobody. NULL is fine.
 */
void kedge_fleet_destroy(struct kedge_fleet *fleet);

/**
 * Takes up a registration that was stored: it gets a fresh lifetime, and the device is asked who it
 * is (at most KEDGE_FLEET_IDENTIFIES_MAX at a time). One that is not restored gets 4.04 on its next
 * Update, so that it registers again. KEDGE_E_ARGUMENT for fields that no Register can have had,
 * KEDGE_E_EXISTS for an endpoint, location or address that is there, KEDGE_E_MEMORY.
 */
enum kedge_rc kedge_fleet_restore(struct kedge_fleet *fleet,
                                  const struct kedge_device *device) KEDGE_MUST_USE;

/** Where this server serves /fw/ by HTTP or HTTPS. */
struct kedge_fleet_web {
    char host[KEDGE_ADDRESS_TEXT_MAX]; /* numeric; "": every address of it */
    uint16_t port;                     /* 0: nowhere */
};

/** Before kedge_net_run(); until then devices are told of CoAP and CoAPS only. */
void kedge_fleet_set_web(struct kedge_fleet *fleet, const struct kedge_fleet_web *http,
                         const struct kedge_fleet_web *https);

/**
 * "Somebody at the numeric address `host` has got the file `name` up to `reach` bytes from its
 * start, not by CoAP": the progress of the device there, as far as it can be told which it is.
 */
void kedge_fleet_downloaded(struct kedge_fleet *fleet, const char *host, const char *name,
                            uint64_t reach);

/** "The server holds the next bytes of it back for `wait_ms`", of the same. */
void kedge_fleet_held_back(struct kedge_fleet *fleet, const char *host, const char *name,
                           uint64_t wait_ms);

/** Finds a registered device; false when there is none. The texts hold until the next call. */
bool kedge_fleet_device(struct kedge_fleet *fleet, const char *endpoint,
                        struct kedge_device *device);

/**
 * "There may be credentials where there were none": a device that needed none is looked up again.
 */
void kedge_fleet_enrolled(struct kedge_fleet *fleet);
/**
 * "Their credentials are no longer what they were": ends what these endpoints (in the order of
 * strcmp) have by DTLS: registrations and associations. They may come back with what is valid now.
 * Say so after each change; until then a device that needed none is taken to need none.
 */
void kedge_fleet_expel(struct kedge_fleet *fleet, const char *const *endpoints, size_t count);

/** Calls `fn` for each registered device; it must not register or remove any. */
void kedge_fleet_each(struct kedge_fleet *fleet,
                      void (*fn)(void *context, const struct kedge_device *device), void *context);

struct kedge_fleet_counters {
    uint64_t registered, registers, updates, deregisters, expired, conflicts, refused;
    uint64_t jobs, blocks_served, sends;
    uint64_t unproven, pushed_out; /* now, and so far: see KEDGE_GONE_UNPROVEN */
};

struct kedge_fleet_counters kedge_fleet_counters(const struct kedge_fleet *fleet);

#endif
