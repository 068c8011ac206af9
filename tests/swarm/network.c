/* network.c: see network.h. */
#define _GNU_SOURCE
#include "tests/swarm/network.h"
#include "tests/swarm/network_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCHES_AT_ONCE 8u
#define BUFFER_BYTES (8 << 20)
#define INDEX_BITS 20u
#define BATCH 64u
#define EVENTS_AT_ONCE 64

struct swarm_batch {
    size_t count;
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    struct swarm_address to[BATCH];
    uint8_t bytes[BATCH][SWARM_SEND_MAX];
    _Alignas(8) uint8_t control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
};

bool address_equal(const struct swarm_address *a, const struct swarm_address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET6)
        return a->v6.sin6_port == b->v6.sin6_port &&
               memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
    return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

socklen_t address_size(const struct swarm_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

static in_addr_t address_of(struct swarm_place place)
{
    return htonl(127u << 24 | (place.generation + 1u) << INDEX_BITS | place.index);
}

static bool place_of(in_addr_t address, struct swarm_place *place)
{
    uint32_t host = ntohl(address);
    uint32_t generation = host >> INDEX_BITS & 0xFu;
    if (host >> 24 != 127 || generation == 0 || generation > SWARM_GENERATIONS)
        return false;
    *place = (struct swarm_place){.index = host & (SWARM_DEVICES_MAX - 1),
                                  .generation = (uint8_t)(generation - 1)};
    return true;
}

/* ---- opening ---- */

static void ask_for_buffer(int file, int forced, int asked)
{
    int bytes = BUFFER_BYTES;
    if (setsockopt(file, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        (void)setsockopt(file, SOL_SOCKET, asked, &bytes, sizeof bytes);
}

static enum kedge_rc open_socket(int *out)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    int on = 1;
    int file = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *out = file;
    if (file < 0)
        return KEDGE_E_SYSTEM;
    ask_for_buffer(file, SO_RCVBUFFORCE, SO_RCVBUF);
    ask_for_buffer(file, SO_SNDBUFFORCE, SO_SNDBUF);
    /* Bound to every address, it must still hear nothing from outside this machine. */
    if (setsockopt(file, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") != 0 ||
        setsockopt(file, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0 ||
        bind(file, (const struct sockaddr *)&any, sizeof any) != 0)
        return KEDGE_E_SYSTEM;
    return KEDGE_OK;
}

static void prepare(struct swarm_batch *batch)
{
    for (size_t i = 0; i < BATCH; i++) {
        batch->vectors[i].iov_base = batch->bytes[i];
        batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->to[i],
                                                    .msg_namelen = sizeof(struct sockaddr_in),
                                                    .msg_iov = &batch->vectors[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = batch->control[i],
                                                    .msg_controllen = sizeof batch->control[i]};
        struct cmsghdr *part = CMSG_FIRSTHDR(&batch->headers[i].msg_hdr);
        part->cmsg_level = IPPROTO_IP;
        part->cmsg_type = IP_PKTINFO;
        part->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    }
}

static enum kedge_rc open_shared(struct swarm_network *network)
{
    network->outgoing = calloc(SWARM_SOCKETS, sizeof *network->outgoing);
    if (network->outgoing == NULL)
        return KEDGE_E_MEMORY;
    for (size_t i = 0; i < SWARM_SOCKETS; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        prepare(&network->outgoing[i]);
        KEDGE_TRY(open_socket(&network->files[i]));
        if (epoll_ctl(network->epoll, EPOLL_CTL_ADD, network->files[i], &event) != 0)
            return KEDGE_E_SYSTEM;
    }
    return KEDGE_OK;
}

enum kedge_rc network_open(struct swarm_network *network, const struct swarm_address *server,
                           uint32_t devices, swarm_receive_fn *on_datagram, void *context)
{
    *network = (struct swarm_network){.on_datagram = on_datagram, .context = context};
    for (size_t i = 0; i < SWARM_SOCKETS; i++)
        network->files[i] = -1;
    network->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (network->epoll < 0)
        return KEDGE_E_SYSTEM;
    return server->any.sa_family == AF_INET6 ? ports_open(network, devices) : open_shared(network);
}

void network_close(struct swarm_network *network)
{
    for (size_t i = 0; i < SWARM_SOCKETS; i++)
        if (network->files[i] >= 0)
            close(network->files[i]);
    ports_close(network);
    if (network->epoll >= 0)
        close(network->epoll);
    free(network->outgoing);
}

void network_move(struct swarm_network *network, struct swarm_place *place)
{
    if (network->ports != NULL)
        ports_move(network, place);
    else
        place->generation = (uint8_t)((place->generation + 1u) % SWARM_GENERATIONS);
}

/* ---- out ---- */

static void flush(struct swarm_network *network, size_t index)
{
    struct swarm_batch *batch = &network->outgoing[index];
    size_t sent = 0;
    while (sent < batch->count) {
        int done = sendmmsg(network->files[index], batch->headers + sent,
                            (unsigned)(batch->count - sent), 0);
        if (done > 0)
            sent += (size_t)done;
        else if (errno != EINTR)
            sent++; /* lost, as UDP may; its sender asks again */
    }
    network->datagrams_out += batch->count;
    batch->count = 0;
}

void network_flush(struct swarm_network *network)
{
    for (size_t i = 0; network->outgoing != NULL && i < SWARM_SOCKETS; i++)
        if (network->outgoing[i].count > 0)
            flush(network, i);
}

void network_send(struct swarm_network *network, struct swarm_place from,
                  const struct swarm_address *to, struct kedge_slice bytes)
{
    size_t index = from.index % SWARM_SOCKETS;
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = address_of(from)};
    if (bytes.size > SWARM_SEND_MAX)
        return;
    if (network->ports != NULL) {
        ports_send(network, from.index, to, bytes);
        return;
    }
    struct swarm_batch *batch = &network->outgoing[index];
    if (batch->count == BATCH)
        flush(network, index);
    size_t at = batch->count++;
    batch->to[at] = *to;
    batch->vectors[at].iov_len = bytes.size;
    memcpy(batch->bytes[at], bytes.data, bytes.size);
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&batch->headers[at].msg_hdr)), &info, sizeof info);
}

/* ---- in ---- */

static bool read_place(struct msghdr *header, struct swarm_place *place)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
         part = CMSG_NXTHDR(header, part)) {
        struct in_pktinfo info;
        if (part->cmsg_level != IPPROTO_IP || part->cmsg_type != IP_PKTINFO)
            continue;
        memcpy(&info, CMSG_DATA(part), sizeof info);
        return place_of(info.ipi_addr.s_addr, place);
    }
    return false;
}

static int read_batch(struct swarm_network *network, size_t index)
{
    static uint8_t bytes[BATCH][SWARM_RECEIVE_MAX];
    static uint8_t control[BATCH][64] __attribute__((aligned(8)));
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    struct swarm_address from[BATCH];
    memset(headers, 0, sizeof headers);
    for (size_t i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){.iov_base = bytes[i], .iov_len = SWARM_RECEIVE_MAX};
        headers[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                             .msg_namelen = sizeof from[i],
                                             .msg_iov = &vectors[i],
                                             .msg_iovlen = 1,
                                             .msg_control = control[i],
                                             .msg_controllen = sizeof control[i]};
    }
    int count = recvmmsg(network->files[index], headers, BATCH, 0, NULL);
    for (int i = 0; i < count; i++) {
        struct swarm_place place;
        network->datagrams_in++;
        network->bytes_in += headers[i].msg_len;
        if ((headers[i].msg_hdr.msg_flags & MSG_TRUNC) == 0 &&
            read_place(&headers[i].msg_hdr, &place))
            network->on_datagram(network->context, place, &from[i],
                                 kedge_slice(bytes[i], headers[i].msg_len));
    }
    return count;
}

void network_turn(struct swarm_network *network, int wait_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(network->epoll, events, EVENTS_AT_ONCE, wait_ms);
    for (int i = 0; i < count; i++) {
        if (network->ports != NULL) {
            ports_read(network, events[i].data.u32);
            continue;
        }
        for (unsigned turn = 0; turn < BATCHES_AT_ONCE; turn++)
            if (read_batch(network, events[i].data.u32) < (int)BATCH)
                break;
    }
}
