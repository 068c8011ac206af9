/*
 * network_ports.h: the devices of network.h that differ by their ports: a socket each, at ::1.
 */
#ifndef KEDGE_SWARM_NETWORK_PORTS_H
#define KEDGE_SWARM_NETWORK_PORTS_H

#include "tests/swarm/network.h"

/** As network_open(), for a server at ::1. */
enum kedge_rc ports_open(struct swarm_network *network, uint32_t devices) KEDGE_MUST_USE;
void ports_close(struct swarm_network *network);
void ports_send(struct swarm_network *network, uint32_t index, const struct swarm_address *to,
                struct kedge_slice bytes);
/** Reads what waits at a device's port, a bounded number of datagrams. */
void ports_read(struct swarm_network *network, uint32_t index);
void ports_move(struct swarm_network *network, struct swarm_place *place);

#endif
