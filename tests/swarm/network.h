/*
 * network.h: many devices behind few sockets.
 *
 * Towards a server at an IPv4 address, every device has an address of its own in 127.0.0.0/8 and
 * shares one of SWARM_SOCKETS sockets with many others. The sockets are bound to every address of
 * the loopback interface; IP_PKTINFO says which device a datagram is for, and chooses the source of
 * one that leaves. So the number of open files does not grow with the fleet.
 *
 *    127 . gggg iiii . iiiiiiii . iiiiiiii        g: generation + 1    i: index of the device
 *
 * A device whose address changes goes to its next generation. 127.0.0.0/12, where servers live, is
 * nobody's.
 *
 * IPv6 has one loopback address, so towards a server at ::1 the devices differ by their ports: each
 * has a socket of its own (network_ports.c).
 */
#ifndef KEDGE_SWARM_NETWORK_H
#define KEDGE_SWARM_NETWORK_H

#include <kedge/base.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define SWARM_SOCKETS 8u
#define SWARM_DEVICES_MAX (1u << 20)
#define SWARM_GENERATIONS 14u
#define SWARM_MESSAGE_MAX 1024u /* bytes of a message of a device */
#define SWARM_SEND_MAX 1152u    /* bytes of a datagram of it, with a record around the message */
#define SWARM_RECEIVE_MAX 2048u /* bytes of a datagram for it */

/** Where a server is. */
struct swarm_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

struct swarm_place {
    uint32_t index;
    uint8_t generation; /* below SWARM_GENERATIONS */
};

typedef void swarm_receive_fn(void *context, struct swarm_place to,
                              const struct swarm_address *from, struct kedge_slice bytes);

struct swarm_batch;
struct swarm_port;

struct swarm_network {
    int epoll;
    int files[SWARM_SOCKETS];
    struct swarm_batch *outgoing; /* one for each socket */
    struct swarm_port *ports;     /* one for each device; NULL: they have addresses */
    uint32_t port_count;
    swarm_receive_fn *on_datagram;
    void *context;
    uint64_t datagrams_in, datagrams_out, bytes_in;
};

bool address_equal(const struct swarm_address *a, const struct swarm_address *b);
socklen_t address_size(const struct swarm_address *address);

/**
 * Makes so many devices able to reach `server`. KEDGE_E_SYSTEM (errno says why; EMFILE: more
 * devices at ::1 than open files are allowed), KEDGE_E_MEMORY.
 */
enum kedge_rc network_open(struct swarm_network *network, const struct swarm_address *server,
                           uint32_t devices, swarm_receive_fn *on_datagram,
                           void *context) KEDGE_MUST_USE;
void network_close(struct swarm_network *network);
/** Queues a datagram of at most SWARM_SEND_MAX bytes; it leaves when a batch is full or flushed. */
void network_send(struct swarm_network *network, struct swarm_place from,
                  const struct swarm_address *to, struct kedge_slice bytes);
void network_flush(struct swarm_network *network);
/** Waits for datagrams, at most `wait_ms`, and hands them on. */
void network_turn(struct swarm_network *network, int wait_ms);
/** Gives a device another address, or port. */
void network_move(struct swarm_network *network, struct swarm_place *place);

#endif
