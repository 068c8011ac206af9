/* network_ports.c: see network_ports.h. */
#define _GNU_SOURCE
#include "tests/swarm/network_ports.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_BESIDE 64u /* that the program has open as well */
#define DATAGRAMS_AT_ONCE 16u

struct swarm_port {
    int file;
    uint8_t generation;
};

static void ask_for_files(uint32_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count)
        return;
    limit.rlim_cur = limit.rlim_max < count ? limit.rlim_max : count;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* when it is too little, socket() says so */
}

static enum kedge_rc open_port(const struct swarm_network *network, uint32_t index, int *out)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    int file = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file >= 0 && bind(file, (const struct sockaddr *)&loopback, sizeof loopback) == 0 &&
        epoll_ctl(network->epoll, EPOLL_CTL_ADD, file, &event) == 0) {
        *out = file;
        return KEDGE_OK;
    }
    if (file >= 0)
        close(file);
    return KEDGE_E_SYSTEM;
}

enum kedge_rc ports_open(struct swarm_network *network, uint32_t devices)
{
    ask_for_files(devices + FILES_BESIDE);
    network->ports = calloc(devices, sizeof *network->ports);
    if (network->ports == NULL)
        return KEDGE_E_MEMORY;
    for (; network->port_count < devices; network->port_count++)
        KEDGE_TRY(
            open_port(network, network->port_count, &network->ports[network->port_count].file));
    return KEDGE_OK;
}

void ports_close(struct swarm_network *network)
{
    for (uint32_t i = 0; i < network->port_count; i++)
        close(network->ports[i].file);
    free(network->ports);
}

void ports_send(struct swarm_network *network, uint32_t index, const struct swarm_address *to,
                struct kedge_slice bytes)
{
    /* What cannot leave is lost, as UDP may; its sender asks again. */
    (void)sendto(network->ports[index].file, bytes.data, bytes.size, 0, &to->any, address_size(to));
    network->datagrams_out++;
}

void ports_read(struct swarm_network *network, uint32_t index)
{
    uint8_t bytes[SWARM_RECEIVE_MAX];
    const struct swarm_port *port = &network->ports[index];
    for (unsigned i = 0; i < DATAGRAMS_AT_ONCE; i++) {
        struct swarm_address from;
        socklen_t size = sizeof from;
        ssize_t got = recvfrom(port->file, bytes, sizeof bytes, MSG_TRUNC, &from.any, &size);
        if (got < 0)
            return;
        network->datagrams_in++;
        network->bytes_in += (size_t)got;
        if ((size_t)got <= sizeof bytes && from.any.sa_family == AF_INET6)
            network->on_datagram(
                network->context,
                (struct swarm_place){.index = index, .generation = port->generation}, &from,
                kedge_slice(bytes, (size_t)got));
    }
}

void ports_move(struct swarm_network *network, struct swarm_place *place)
{
    struct swarm_port *port = &network->ports[place->index];
    int file;
    if (open_port(network, place->index, &file) != KEDGE_OK)
        return; /* no more files: it stays where it is */
    close(port->file);
    *port = (struct swarm_port){
        .file = file, .generation = (uint8_t)((port->generation + 1u) % SWARM_GENERATIONS)};
    place->generation = port->generation;
}
