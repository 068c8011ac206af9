/*
 * crowd.h: how many connections there are from each address, in a fixed number of counters.
 *
 * Addresses share counters by a keyed hash, so that nobody can choose whom to share with; at that
 * many counters, few do. Of an IPv6 address the first half counts: that is what one customer has.
 * The caller has a lock around it.
 */
#ifndef KEDGE_UPDATER_API_CROWD_H
#define KEDGE_UPDATER_API_CROWD_H

#include "updater/api/hosts.h"

#define CROWD_COUNTERS 16384u

/** Zero it. */
struct crowd {
    uint8_t key[16];
    uint32_t counts[CROWD_COUNTERS];
};

/** KEDGE_E_SYSTEM without random numbers. */
enum kedge_rc crowd_init(struct crowd *crowd) KEDGE_MUST_USE;
/** The counter of this host; it is the caller's to raise and lower. */
uint32_t *crowd_counter(struct crowd *crowd, const struct host *host);

#endif
