/*
 * rekeying.h: a device that was bootstrapped is seen with the key that it was given.
 *
 * Method. Such a key is good for a handshake from the moment that it is durable, beside the former
 * one, since nobody can know whether a device that stopped answering has stored it. When the device
 * has registered with it, it takes the former one's place, and once that is durable, what anybody
 * still has by the former one ends. Ending walks all peers, so it is done for many at once.
 */
#ifndef KEDGE_UPDATER_REKEYING_H
#define KEDGE_UPDATER_REKEYING_H

#include "updater/net/net.h"
#include "updater/store/store.h"

struct kedge_rekeying {
    struct kedge_rekeyed *first; /* whose key is durable, and whose former associations may last */
    struct kedge_net_timer timer;
};

#endif
