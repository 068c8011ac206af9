/*
 * forwarded.h: who asks, when it asks through proxies: X-Forwarded-For, to which each proxy adds,
 * at the end, the address that it was asked from. Anybody can send one, so an entry counts only
 * when the one who added it is trusted.
 */
#ifndef KEDGE_UPDATER_API_FORWARDED_H
#define KEDGE_UPDATER_API_FORWARDED_H

#include "updater/api/hosts.h"

#define FORWARDED_MAX 16u /* entries from the end; what stands before is not looked at */

/** Zero it. The entries are borrowed. */
struct forwarded {
    struct kedge_slice last[FORWARDED_MAX]; /* in their order */
    size_t count;
};

/** Takes the value of a header line; of several, in their order. */
void forwarded_take(struct forwarded *forwarded, struct kedge_slice value);

/**
 * The first host, from `peer` backwards, that is no trusted proxy. Where an entry is no address
 * ("unknown", a name), it is the proxy that added it.
 */
struct host forwarded_client(const struct forwarded *forwarded, const struct networks *trusted,
                             const struct host *peer);

#endif
