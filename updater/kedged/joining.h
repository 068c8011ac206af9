/*
 * joining.h: devices that come to match a dynamic rollout later.
 *
 * A device is looked at when it has said who it is, when its tags were changed, when the server was
 * started, and once when a dynamic rollout has been created. What it says now counts, and beside
 * that what is stored of it. All of it is on the network thread.
 */
#ifndef KEDGE_UPDATER_JOINING_H
#define KEDGE_UPDATER_JOINING_H

#include "updater/lwm2m/fleet.h"
#include "updater/store/store.h"

struct kedge_bridge;
struct kedge_joiner;

/** Zero it first. */
struct kedge_joining {
    struct kedge_joiner *first; /* what rollouts ask of devices, as far as it was needed */
};

/** "This device has said who it is." */
void kedge_joining_said(struct kedge_bridge *bridge, const struct kedge_device *device);
/** "Something that is stored of the device has changed": its tags, its record. */
void kedge_joining_changed(struct kedge_bridge *bridge, const char *endpoint);
/** Likewise of a record that was just read. */
void kedge_joining_stored(struct kedge_bridge *bridge, const struct kedge_device_record *record);
void kedge_joining_clear(struct kedge_joining *joining);

#endif
