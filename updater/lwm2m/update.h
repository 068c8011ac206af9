/*
 * update.h: taking one device through object 5 (Firmware Update), from whatever state it is in. By
 * pull where the device can (/5/0/9), else by push: what is asked for, and what is reported.
 *
 * A job follows design decision 7: it believes success only when, after Execute was answered, the
 * device has registered again and then reads State 0, Result 1 and the wanted version, and still
 * does so after the soak. All of this is on the network thread; nothing here is durable: a
 * restarted server offers again and says with `reached` how far the deployment had come.
 */
#ifndef KEDGE_UPDATER_UPDATE_H
#define KEDGE_UPDATER_UPDATE_H

#include <kedge/lwm2m.h>

#define KEDGE_UPDATE_FILE_SIZE 64u   /* hex digits of the device file's SHA-256 */
#define KEDGE_UPDATE_VERSION_MAX 63u /* as /3/0/3 reads it */
#define KEDGE_UPDATE_PATH_MAX 23u    /* "/65534/65534/65534" and more */
#define KEDGE_UPDATE_VERSION_PATH "/3/0/3"
#define KEDGE_UPDATE_BASE_URI_MAX \
    180u /* "coap://[2001:db8::1]:5683"; the whole URI is at most 255 */
#define KEDGE_UPDATE_REASON_MAX 255u
#define KEDGE_UPDATE_NO_RESULT (-1)

/** How far a deployment has come; in the order of the deployment states from `offered` on. */
enum kedge_update_phase {
    KEDGE_UPDATE_OFFERED,     /* the device is being told, or is waited for */
    KEDGE_UPDATE_DOWNLOADING, /* it took the URI, or a pushed package's first block */
    KEDGE_UPDATE_DOWNLOADED,  /* State 2 */
    KEDGE_UPDATE_INSTALLING,  /* Execute was sent */
    KEDGE_UPDATE_VERIFYING,   /* Execute was answered; restart, trial and soak */
    KEDGE_UPDATE_SUCCEEDED,
    KEDGE_UPDATE_FAILED,    /* it tried: Result 3, 4, 8, or the old version after a restart */
    KEDGE_UPDATE_REJECTED,  /* it refused what it was given: Result 2, 5, 6, 7, 9 */
    KEDGE_UPDATE_TIMED_OUT, /* a limit of the plan passed */
    KEDGE_UPDATE_CANCELED,  /* by the device or another server: Result 10 */
    KEDGE_UPDATE_PHASE_COUNT
};

/** "downloading"; static storage; "unknown" for a number outside the table. */
const char *kedge_update_phase_name(enum kedge_update_phase phase);

/** By what a device that has come back shows that it was updated; State 0 in any case. */
enum kedge_update_success {
    KEDGE_SUCCESS_BOTH,    /* Result 1 and the wanted version */
    KEDGE_SUCCESS_RESULT,  /* Result 1, whatever its version is; nothing is known before Execute */
    KEDGE_SUCCESS_VERSION, /* the wanted version with Result 1 or 0 */
    KEDGE_SUCCESS_COUNT
};

/** What is wanted of a device. Strings are copied by the call that takes it. */
struct kedge_update_plan {
    const char *file; /* what it downloads: the name behind /fw/, KEDGE_UPDATE_FILE_SIZE digits */
    uint64_t file_size;
    const char *version;      /* what is to be read at version_path, byte for byte */
    const char *version_path; /* of a resource; NULL: KEDGE_UPDATE_VERSION_PATH */
    enum kedge_update_success success;
    enum kedge_update_phase reached; /* what the deployment's record says; OFFERED for a new one */
    uint32_t soak_s;
    uint32_t offer_limit_s;               /* until the device took the URI, or the first block */
    uint32_t download_limit_s;            /* without progress */
    uint32_t install_limit_s;             /* from sending Execute until it is answered */
    uint32_t verify_limit_s;              /* from then until the device is back and confirmed */
    bool tells_severity, tells_max_defer; /* before Execute, where it can be told: */
    uint8_t severity;                     /* /5/0/11, 0 to 2 */
    uint32_t max_defer_s;                 /* /5/0/13 */
    bool hold_install;                    /* Execute waits for kedge_fleet_let_install() */
    uint32_t push_bytes_per_s; /* of a package that is pushed, at most; 0: as fast as it is taken */
    /**
     * Where devices find /fw/ instead of at this server (a CDN), by enum kedge_firmware_protocol;
     * NULL: nowhere. A device that has none of these protocols comes to this server.
     */
    const char *base_uris[KEDGE_PROTOCOL_COAPS_TCP + 1];
};

/** How a deployment is doing. Borrowed for the call. */
struct kedge_update_report {
    uint64_t deployment_id;
    enum kedge_update_phase phase;
    int update_result;  /* the last /5/0/5 that was read, or KEDGE_UPDATE_NO_RESULT */
    const char *reason; /* what was sent, what came back, in words; NULL: only progress */
    uint64_t bytes_done;
    uint64_t bytes_total;
    uint64_t held_bytes_per_s; /* the rate for all devices that it waits for; 0: for none */
};

struct kedge_fleet;

/**
 * Takes the device on: from the state it is in when it is registered, or when it registers. Reports
 * go to the hook `report`, never from within this call. Offering what is at work changes nothing;
 * another job on the same device is cancelled first. KEDGE_E_ARGUMENT for a plan that cannot be,
 * KEDGE_E_MEMORY.
 */
enum kedge_rc kedge_fleet_offer(struct kedge_fleet *fleet, uint64_t deployment_id,
                                const char *endpoint,
                                const struct kedge_update_plan *plan) KEDGE_MUST_USE;
/**
 * Of a plan that holds it back: Execute may be sent from now on for `for_ms` (UINT64_MAX: at any
 * time; 0: not any more). What was sent before stays sent. Unknown ids are no failure.
 */
void kedge_fleet_let_install(struct kedge_fleet *fleet, uint64_t deployment_id, uint64_t for_ms);
/**
 * Stops following it, without a report. What the device has not been told to install is taken back
 * (an empty Package URI, or a Package of one zero byte), as far as the device can be reached.
 * Unknown ids are no failure.
 */
void kedge_fleet_cancel(struct kedge_fleet *fleet, uint64_t deployment_id);

#endif
