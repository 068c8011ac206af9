/*
 * swarm.h: one simulated device, and all of them. What the files of this folder share.
 *
 * A device has one confirmable request of its own under way at most (NSTART 1), its errand. A
 * request is not kept: it is built again, to the last byte, from what the errand remembers. What a
 * device is about to do follows from its state, by device_next().
 */
#ifndef KEDGE_SWARM_H
#define KEDGE_SWARM_H

#include "tests/swarm/draw.h"
#include "tests/swarm/network.h"
#include "tests/swarm/options.h"
#include "tests/swarm/security.h"
#include "tests/swarm/timers.h"

#include <gnutls/crypto.h>
#include <kedge/coap.h>
#include <kedge/lwm2m.h>
#include <kedge/suit.h>

#define DEVICE_LOCATION_MAX 63u
#define DEVICE_ENDPOINT_MAX (KEDGE_LWM2M_ENDPOINT_MAX + 1u)
#define DEVICE_ANSWERED_MAX 4u
#define DEVICE_TOKEN_SIZE 4u
#define DEVICE_LARGEST_EXPONENT 6u /* blocks of 1,024 bytes */
#define SWARM_PACKAGES_MAX 16u
#define SWARM_DELAYED_MAX 65536u
#define SWARM_PUSHED_MAX (UINT32_C(64) << 20) /* bytes of a package that is pushed */

struct swarm;

/** What a Package URI names, or what is pushed; shared by all devices that were given it. */
struct package {
    char uri[KEDGE_LWM2M_STRING_MAX + 1];
    char path[KEDGE_LWM2M_STRING_MAX + 1];
    struct swarm_address server;
    uint8_t digest[KEDGE_SHA256_SIZE]; /* that its last path segment says, or of the image */
    uint8_t head[KEDGE_SUIT_HEAD_MAX]; /* the first bytes, as far as some device has got */
    size_t head_size;
    uint8_t *image; /* what is pushed, as far as some device has got; NULL: it is pulled */
    uint64_t image_size, image_capacity, image_whole;
    bool image_is_whole;              /* of what is pushed: it was checked, and is good */
    char judged_from[SWARM_TEXT_MAX]; /* the version of those for whom it was judged; "": none */
    enum kedge_rc verdict;
    char version[KEDGE_SUIT_VERSION_TEXT_MAX];
};

/** What is to become of a device. */
enum fate { FATE_UPDATE, FATE_FAIL, FATE_VANISH, FATE_WRONG_VERSION };

/** What has become of it. */
enum outcome {
    OUTCOME_OPEN,
    OUTCOME_UPDATED,
    OUTCOME_FAILED,
    OUTCOME_VANISHED,
    OUTCOME_WRONG_VERSION
};

enum errand {
    ERRAND_NONE,
    ERRAND_REGISTER,
    ERRAND_UPDATE,
    ERRAND_DEREGISTER,
    ERRAND_BLOCK,
    ERRAND_NOTIFY
};

enum watched { WATCHED_STATE, WATCHED_RESULT, WATCHED_COUNT };

struct observation {
    bool on;
    bool due; /* the value changed since it was last told */
    bool tlv;
    uint8_t token_size;
    uint8_t token[KEDGE_COAP_TOKEN_MAX];
    uint32_t number;
};

/** A write or an execute that was answered, in case it comes again. */
struct answered {
    bool used;
    bool has_block;
    struct kedge_coap_block block;
    uint8_t code;
    uint16_t message_id;
    uint32_t token; /* its first bytes */
};

struct device {
    struct swarm *swarm;
    struct device *next_waiting; /* to register */
    struct draw draw;
    struct swarm_place place;
    struct association association;
    enum fate fate;
    enum outcome outcome;
    int fate_result;
    uint32_t fate_update; /* the one in which that becomes of it, from 0 */
    uint32_t updates;     /* that it has gone through */
    int outcome_result;
    double reboot_at, move_at; /* the share of the image after which it does; above 1: never */
    bool slow;
    bool sleeps;             /* in queue mode */
    bool asleep;             /* deaf */
    uint8_t wanted_exponent; /* of the size of blocks */
    bool refuses_large;      /* blocks that are pushed, by 4.13 */
    bool present;            /* on the network: neither off nor restarting */
    bool registered, ever_registered;
    bool takes_place; /* among the registrations under way */
    bool heard;       /* the server has read its Result since the outcome */
    bool wants_update, leaving, left;
    bool restart_confirms; /* it restarts into the new firmware */
    bool updated;          /* runs the package's version */
    char location[DEVICE_LOCATION_MAX + 1];

    /* the request under way */
    enum errand errand;
    enum watched notified;
    int notified_value;
    uint16_t message_id;
    uint32_t token_salt; /* drawn at each start */
    uint8_t transmissions;
    bool acknowledged;
    uint32_t timeout_ms;
    struct swarm_timer errand_timer;
    struct swarm_timer life_timer; /* a restart, or the next registration update */
    struct swarm_timer install_timer;
    struct swarm_timer sleep_timer; /* until it falls asleep, or wakes */
    uint64_t awake_until_ms;

    /* object 5 */
    enum kedge_firmware_state state;
    int result;
    struct package *package, *running; /* offered; and what it was updated to (NULL: --version) */
    struct observation observations[WATCHED_COUNT];
    struct answered answered[DEVICE_ANSWERED_MAX];
    uint8_t answered_next;

    /* the download */
    bool downloading;
    bool pushed; /* the last one was, or is: not pulled */
    gnutls_hash_hd_t hash;
    uint64_t offset, size; /* size 0: not known yet */
    uint8_t size_exponent;
    uint8_t etag_size;
    uint8_t etag[8];
    uint64_t progress_at_ms;
};

struct swarm_counts {
    uint32_t registered, ended, heard, updated, vanished, wrong_version,
        failed[SWARM_RESULT_MAX + 1];
    uint32_t unexpected; /* ended otherwise than was drawn for them */
    uint32_t downloading;
    uint64_t mismatches, images, blocks, bytes, registers, updates, notifications;
    uint64_t retransmissions, timeouts, refusals, malformed;
    uint64_t handshakes, handshakes_resumed, handshakes_failed, associations_ended;
    uint64_t offers_taken, installations; /* how often State became Downloading, and Updating */
    uint64_t restarts_in_transfer, address_changes;
    uint64_t sleeps, unheard;    /* datagrams for a device that slept */
    uint64_t blocks_again, gaps; /* of what is pushed */
    uint64_t lost, duplicated, reordered;
};

enum swarm_phase { PHASE_RUNNING, PHASE_LINGERING, PHASE_LEAVING, PHASE_DONE };

struct swarm {
    const struct swarm_options *options;
    struct swarm_network network;
    struct security security;
    struct swarm_timers timers;
    struct draw weather;
    uint64_t now_ms, began_ms;
    struct device *devices;
    uint32_t asked_to_leave, left;
    struct device *waiting, **waiting_end; /* to register */
    uint32_t registering;
    struct package packages[SWARM_PACKAGES_MAX];
    size_t package_count;
    size_t delayed_count;
    enum swarm_phase phase;
    uint64_t phase_ends_ms;
    volatile int *stop; /* set by a signal */
    struct swarm_counts counts;
    uint64_t last_end_ms;
    uint64_t asked_at_ms; /* when the server last wanted something of any device */
};

/* swarm.c */
/** Runs until every device has ended, the time is over, or *stop; returns the exit status. */
int swarm_run(const struct swarm_options *options, volatile int *stop);
void device_endpoint(const struct device *device, char text[DEVICE_ENDPOINT_MAX]);
/** The firmware that it runs. */
const char *device_version(const struct device *device);
/** What is to become of it in this update; FATE_UPDATE also when its part is over. */
enum fate device_fate(const struct device *device);
/** Its part in the rollout is over; counts the first time. */
void device_end(struct device *device, enum outcome outcome, int result);

/* weather.c: the network between the devices and the server, with what befalls datagrams */
void weather_send(struct device *device, const struct swarm_address *to, struct kedge_slice bytes,
                  uint64_t delay_ms);
void weather_receive(struct swarm *swarm, struct swarm_place place,
                     const struct swarm_address *from, struct kedge_slice bytes);

/* exchange.c: the one request under way */
/** Begins what the device has to do next, unless something is under way. */
void device_next(struct device *device);
void exchange_drop(struct device *device);
/** Takes a message for the device, whoever it is from. */
void message_receive(struct device *device, const struct swarm_address *from,
                     struct kedge_slice bytes);

/* registration.c */
void registration_write(const struct device *device, struct kedge_coap_builder *out);
void registration_answered(struct device *device, const struct kedge_coap_message *message);
/** The registration did not get through; a new one is tried after a pause. */
void registration_failed(struct device *device);
/** What it registers with, and reads at /1/0/7 and /3/0/16. */
const char *device_binding(const struct device *device);
/** Waits for its turn to register. */
void registration_queue(struct device *device);
void registration_release(struct device *device);
/** Goes off, and comes back after `down_ms` without anything that was under way. */
void device_restart(struct device *device, uint64_t down_ms);
void device_move(struct device *device);
/** Draws what it begins to count from: after a restart nothing may look like what was sent before.
 */
void device_draw_ids(struct device *device);

/* sleep.c */
/** A message came or left: it stays awake for the whole time again. */
void sleep_put_off(struct device *device);
/** Begins to be awake, if it is one that sleeps. */
void sleep_end(struct device *device);
/** It has no power to sleep with. */
void sleep_forget(struct device *device);

/* requests.c: what the server asks */
void request_receive(struct device *device, const struct swarm_address *from,
                     const struct kedge_coap_message *request);
void notification_write(const struct device *device, struct kedge_coap_builder *out);

/* resources.c */
enum resource_format { FORMAT_TEXT, FORMAT_TLV };
/** Appends the value, or all values of an instance (TLV only). Returns the CoAP code. */
uint8_t resource_read(const struct device *device, const struct kedge_lwm2m_path *path,
                      enum resource_format format, struct kedge_writer *out);

/* firmware.c: object 5 */
/** Runs the event through the state table; returns the code for whoever asked. */
uint8_t firmware_event(struct device *device, enum kedge_firmware_event event, int result);
uint8_t firmware_write_uri(struct device *device, struct kedge_slice uri);
uint8_t firmware_execute(struct device *device);
/** After a restart into the new firmware. */
void firmware_come_back(struct device *device);

/* download.c */
void download_begin(struct device *device);
/** Makes ready to take bytes; false without memory, and then the update has failed. */
bool download_open(struct device *device);
/** Takes the next bytes. False when the device goes on otherwise: it restarts, or has failed. */
bool download_add(struct device *device, struct kedge_slice bytes);
/** Compares what has come with what it should be. */
void download_finish(struct device *device);
void download_drop(struct device *device);
void download_write(const struct device *device, struct kedge_coap_builder *out);
void download_answered(struct device *device, const struct kedge_coap_message *message);
/** A request for a block was never answered. */
void download_unanswered(struct device *device);

/* push.c: /5/0/0 */
/**
 * Takes a block of a Package that is written. Returns the code of the answer, and in *answer which
 * block it is to name, if `has_answer` becomes true.
 */
uint8_t push_take(struct device *device, const struct kedge_coap_message *request,
                  struct kedge_coap_block *answer, bool *has_answer);

/* package.c */
/**
 * Finds or makes the package for a URI. KEDGE_E_URI, KEDGE_E_PROTOCOL when it is not one that a
 * device can take.
 */
enum kedge_rc package_find(struct swarm *swarm, struct kedge_slice uri,
                           struct package **out) KEDGE_MUST_USE;
/** Finds or makes the package of which the first block is pushed; NULL when there are too many. */
struct package *package_pushed(struct swarm *swarm, uint64_t size, struct kedge_slice first);
void packages_free(struct swarm *swarm);
/**
 * Takes the bytes at `offset` as far as they are not there yet: for the head, and all of what is
 * pushed.
 */
void package_collect(struct package *package, uint64_t offset, struct kedge_slice bytes);
/**
 * Whether it is what it should be, and what its manifest says for this device, which has all of it.
 */
enum kedge_rc package_judge(struct package *package, const struct device *device);

/* report.c */
void report_progress(const struct swarm *swarm, bool last);
/** Prints the summary; returns the exit status. */
int report_summary(const struct swarm *swarm);

#endif
