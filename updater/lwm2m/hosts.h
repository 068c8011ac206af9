/*
 * hosts.h: at which hosts there are devices, whatever the port, and whether any of them has shown
 * that it receives there. 12 bytes a slot, of which an eighth to half is free.
 */
#ifndef KEDGE_UPDATER_HOSTS_H
#define KEDGE_UPDATER_HOSTS_H

#include <kedge/base.h>

#define KEDGE_HOST_DEVICES_MAX 0xFFFFFFu

/** A host is known by 48 bits of a keyed hash of its address; without devices the slot is free. */
struct kedge_host {
    uint32_t low;
    uint32_t middle : 8, devices : 24;
    uint32_t high : 8, proven : 24;
};

struct kedge_hosts {
    struct kedge_host *slots;
    size_t slot_count; /* a power of two; open addressing */
    size_t count;
};

enum kedge_rc kedge_hosts_init(struct kedge_hosts *hosts) KEDGE_MUST_USE;
/** Zeroed is fine. */
void kedge_hosts_free(struct kedge_hosts *hosts);
/** Counts one more device there; KEDGE_E_MEMORY and KEDGE_E_LIMIT change
 * nothing. */
enum kedge_rc kedge_hosts_add(struct kedge_hosts *hosts, uint64_t hash) KEDGE_MUST_USE;
/** Forgets one that was counted there. */
void kedge_hosts_remove(struct kedge_hosts *hosts, uint64_t hash, bool proven);
/** A device that was counted there has shown that it receives there. */
void kedge_hosts_prove(struct kedge_hosts *hosts, uint64_t hash);
/** NULL when there is no device. */
const struct kedge_host *kedge_hosts_find(const struct kedge_hosts *hosts, uint64_t hash);

#endif
