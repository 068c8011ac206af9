/*
 * network.h: many addresses behind few sockets.
 *
 * Every device has an address of its own in 127.0.0.0/8 and shares one of SWARM_SOCKETS sockets
 * with many others. The sockets are bound to every address of the loopback interface; IP_PKTINFO
 * says which device a datagram is for, and chooses the source of one that leaves. So the number of
 * open files does not grow with the fleet.
 *
 *    127 . gggg iiii . iiiiiiii . iiiiiiii        g: generation + 1    i: index of the device
 *
 * A device whose address changes goes to its next generation. 127.0.0.0/12, where servers live, is
 * nobody's.
 */
#ifndef KEDGE_SWARM_NETWORK_H
#define KEDGE_SWARM_NETWORK_H

#include <kedge/base.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define SWARM_SOCKETS 8u
#define SWARM_DEVICES_MAX (1u << 20)
#define SWARM_GENERATIONS 14u
#define SWARM_SEND_MAX 1024u /* bytes of a datagram of a device */

struct swarm_place {
    uint32_t index;
    uint8_t generation; /* below SWARM_GENERATIONS */
};

typedef void swarm_receive_fn(void *context, struct swarm_place to, const struct sockaddr_in *from,
                              struct kedge_slice bytes);

struct swarm_batch;

struct swarm_network {
    int epoll;
    int files[SWARM_SOCKETS];
    struct swarm_batch *outgoing; /* one for each socket */
    swarm_receive_fn *on_datagram;
    void *context;
    uint64_t datagrams_in, datagrams_out, bytes_in;
};

/** KEDGE_E_SYSTEM (errno says why), KEDGE_E_MEMORY. */
enum kedge_rc network_open(struct swarm_network *network, swarm_receive_fn *on_datagram,
                           void *context) KEDGE_MUST_USE;
void network_close(struct swarm_network *network);
/** Queues a datagram of at most SWARM_SEND_MAX bytes; it leaves when a batch is full or flushed. */
void network_send(struct swarm_network *network, struct swarm_place from,
                  const struct sockaddr_in *to, struct kedge_slice bytes);
void network_flush(struct swarm_network *network);
/** Waits for datagrams, at most `wait_ms`, and hands them on. */
void network_turn(struct swarm_network *network, int wait_ms);

#endif
