/*
 * zones.h: the time zones of the system's database (tzdata), for updater/rollout/window.h.
 *
 * They are read by GLib's GTimeZone: glibc has one zone for the whole process, set by name from the
 * environment, and takes one that it does not know for UTC. A zone is read when it is asked about
 * for the first time and kept as it was until the server ends.
 */
#ifndef KEDGE_UPDATER_ZONES_H
#define KEDGE_UPDATER_ZONES_H

#include "updater/rollout/window.h"

/** The zones there are; of any thread, and never ends. */
const struct kedge_zones *kedge_system_zones(void);

#endif
