/*
 * pressure.h: what devices without security can have written is bounded, and what was held off or
 * left out is said in the log. On the network thread.
 */
#ifndef KEDGE_UPDATER_PRESSURE_H
#define KEDGE_UPDATER_PRESSURE_H

#include "updater/net/net.h"
#include "updater/store/store.h"

/* Entries of the audit log that devices may cause: so many a second, and so many at once. */
#define KEDGE_PRESSURE_AUDIT_PER_S 10u
#define KEDGE_PRESSURE_AUDIT_BURST 1000u
/* Devices that have gone without ever saying who they are: so many stay stored at least, and up to
 * so many more. */
#define KEDGE_PRESSURE_STRANGERS_KEPT 10000u
#define KEDGE_PRESSURE_STRANGERS_MORE 1000u

struct kedge_bridge;

/** Zeroed in the bridge. */
struct kedge_pressure {
    struct kedge_net_timer timer;
    struct kedge_token_bucket audit;
    uint64_t unaudited, strangers;
    uint64_t said_held_off, said_probes, said_pushed_out, said_unaudited;
};

/** Says once a minute what was held off. */
void kedge_pressure_watch(struct kedge_bridge *bridge);
/** Whether a device may cause one more entry of the audit log; else it is counted. */
bool kedge_pressure_may_audit(struct kedge_bridge *bridge);
/**
 * A device has gone, as `record` says. Adds to the batch of that record what keeps those within
 * bounds that never said who they are.
 */
enum kedge_rc kedge_pressure_gone(struct kedge_bridge *bridge, struct kedge_batch *batch,
                                  const struct kedge_device_record *record) KEDGE_MUST_USE;

#endif
