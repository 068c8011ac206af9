/*
 * bridge.h: the registered devices on one side, the rollouts and their store on the other.
 *
 *   bridge.c   making and ending it, the engine's commands as jobs, the jobs' reports as events
 *   pressure.c what strangers may have written, and what is said of them
 *   devices.c  what devices do, as records and events; registrations taken up after a restart
 *   rekeying.c keys that devices were given by the bootstrap server, and are seen with
 *   joining.c  devices that come to match a dynamic rollout
 *   reload.c   the list of revoked certificates, read again
 *
 * All of it is on the network thread, but for making it (before that runs) and ending it (after).
 */
#ifndef KEDGE_UPDATER_BRIDGE_H
#define KEDGE_UPDATER_BRIDGE_H

#include "updater/kedged/device_files.h"
#include "updater/kedged/joining.h"
#include "updater/kedged/pressure.h"
#include "updater/kedged/rekeying.h"
#include "updater/kedged/steering.h"
#include "updater/lwm2m/fleet.h"

/** A device whose record could not be written when the store was full, to be written again. */
struct kedge_lost_device {
    struct kedge_lost_device *next;
    char endpoint[KEDGE_ENDPOINT_MAX + 1];
};

/** What the operator bounds. */
struct kedge_bridge_limits {
    uint32_t unproven_max; /* as in kedge_fleet_config, like the next */
    struct kedge_token_rate unproven_stored;
    uint32_t push_bytes_per_s; /* to each device that is pushed to; 0: no limit */
    struct kedge_pace *pace;   /* of what is carried to all devices; outlives the bridge */
};

struct kedge_bridge {
    struct kedge_net *net;
    struct kedge_store *store;
    const char *folder;
    struct kedge_fleet *fleet;
    struct kedge_steering *steering;
    struct kedge_reader *reader;
    struct kedge_device_files files;
    const char *base_url;                  /* NULL: none */
    struct kedge_class_record class_found; /* what version_path was borrowed from */
    struct kedge_package_record offered;   /* the package of the last offer; none: without an id */
    uint32_t push_bytes_per_s;
    struct kedge_lost_device *lost;
    struct kedge_pressure pressure;
    bool ended;
    /* No credentials are stored, so nobody has to be looked up. Whoever stores some says so before
     * they are there, from any thread; it is not said again that the last ones have gone. */
    _Atomic bool nobody_enrolled;
    _Atomic bool no_classes; /* the same of settings of classes */
    /* Keys were given to devices that were not seen with them yet; said and not taken back as
     * above. */
    _Atomic bool somebody_issued;
    struct kedge_rekeying rekeying;
    struct kedge_joining joining;
};

/**
 * Makes fleet and steering over `net` and `store`, which outlive the bridge, as does `folder`, and
 * takes up the registrations that are stored. On failure it is ended already; close it all the
 * same.
 */
enum kedge_rc kedge_bridge_open(struct kedge_bridge *bridge, struct kedge_net *net,
                                struct kedge_store *store, const char *folder,
                                const struct kedge_bridge_limits *limits,
                                char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/**
 * Where devices may download by HTTP and HTTPS, before kedge_net_run(): `base_url` is as in
 * kedge_config and outlives the bridge.
 */
void kedge_bridge_set_web(struct kedge_bridge *bridge, const char *base_url,
                          const struct kedge_fleet_web *http, const struct kedge_fleet_web *https);
/**
 * After kedge_net_run() has returned: nothing is offered or written any more. What was submitted
 * may still be answered by the store, until that is closed.
 */
void kedge_bridge_end(struct kedge_bridge *bridge);
/** After the store was closed and kedge_net_destroy(). */
void kedge_bridge_close(struct kedge_bridge *bridge);

/** "The store could not be written": it is held until the steering has loaded again what is
 * durable. Any thread. */
void kedge_bridge_store_failed(struct kedge_bridge *bridge, const char *error);

/* rekeying.c */
/** A device has registered: a key that it was given and is seen with now becomes its credentials.
 */
void kedge_bridge_adopt(struct kedge_bridge *bridge, const struct kedge_device *device);
void kedge_rekeying_clear(struct kedge_bridge *bridge);

/* devices.c */
void kedge_bridge_set_hooks(struct kedge_bridge *bridge, struct kedge_fleet_hooks *hooks);
enum kedge_rc kedge_bridge_restore(struct kedge_bridge *bridge,
                                   char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;
/** The engine was loaded anew: it is told who is there, and lost records are written again. */
void kedge_bridge_tell_all(struct kedge_bridge *bridge);

/* reload.c */
/** Reads the list of revoked certificates again, and ends what devices have by one that it names.
 */
void kedge_bridge_reload(struct kedge_bridge *bridge);

#endif
