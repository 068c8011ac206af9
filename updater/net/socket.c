/*
 * socket.c: UDP sockets: datagrams in and out in batches. A socket that is bound to every address
 * notes which one was asked, so that the reply leaves from it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "updater/net/internal.h"

#define BATCHES_AT_ONCE 8u
#define SOCKET_BUFFER_BYTES ((int)KEDGE_NET_RECEIVE_BUFFER)

static bool is_every_address(const struct kedge_address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* Root is granted what it asks for, others as much as the system allows. */
static void ask_for_buffer(int file, int forced, int asked)
{
    const int bytes = SOCKET_BUFFER_BYTES;
    if (setsockopt(file, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        (void)setsockopt(file, SOL_SOCKET, asked, &bytes, sizeof bytes);
}

/* Bursts of a fleet wait there. Linux counts its own overhead in, and says twice what it grants. */
static size_t ask_for_buffers(int file)
{
    int granted = 0;
    socklen_t size = sizeof granted;
    ask_for_buffer(file, SO_RCVBUFFORCE, SO_RCVBUF);
    ask_for_buffer(file, SO_SNDBUFFORCE, SO_SNDBUF);
    if (getsockopt(file, SOL_SOCKET, SO_RCVBUF, &granted, &size) != 0 || granted < 0)
        return 0;
    return (size_t)granted / 2;
}

static bool configure(int file, const struct kedge_address *address)
{
    const int yes = 1, on = is_every_address(address);
    if (address->any.sa_family == AF_INET)
        return setsockopt(file, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0;
    return setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) == 0 &&
           setsockopt(file, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) == 0;
}

enum kedge_rc listener_open(struct kedge_net *net, const struct kedge_address *address)
{
    struct listener *listener = &net->listeners[net->listener_count];
    int family = address->any.sa_family;
    int file = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    socklen_t size = sizeof listener->address;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)net->listener_count};
    if (!configure(file, address) || bind(file, &address->any, kedge_address_size(address)) != 0 ||
        getsockname(file, &listener->address.any, &size) != 0 ||
        epoll_ctl(net->epoll, EPOLL_CTL_ADD, file, &event) != 0) {
        int reason = errno;
        close(file);
        errno = reason;
        return KEDGE_E_SYSTEM;
    }
    size_t buffer = ask_for_buffers(file);
    if (net->listener_count == 0 || buffer < net->receive_buffer)
        net->receive_buffer = buffer;
    listener->file = file;
    listener->address.secure = address->secure;
    net->listener_count++;
    return KEDGE_OK;
}

/* ---- in ---- */

static struct path path_of(uint8_t index, struct msghdr *header)
{
    struct path path = {.socket = index};
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
         part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            path.local.v4 = info.ipi_spec_dst;
            path.local_known = true;
        } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(part), sizeof info);
            path.local.v6 = info.ipi6_addr;
            path.local_known = true;
        }
    }
    return path;
}

static int read_batch(struct kedge_net *net, uint8_t index)
{
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    struct kedge_address from[BATCH];
    _Alignas(8) uint8_t control[BATCH][CONTROL_SIZE];
    memset(headers, 0, sizeof headers);
    for (size_t i = 0; i < BATCH; i++) {
        vectors[i] =
            (struct iovec){.iov_base = net->incoming + i * DATAGRAM_SIZE, .iov_len = DATAGRAM_SIZE};
        headers[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                             .msg_namelen = sizeof from[i],
                                             .msg_iov = &vectors[i],
                                             .msg_iovlen = 1,
                                             .msg_control = control[i],
                                             .msg_controllen = CONTROL_SIZE};
    }
    int count = recvmmsg(net->listeners[index].file, headers, BATCH, 0, NULL);
    for (int i = 0; i < count; i++)
        from[i].secure = net->listeners[index].address.secure;
    if (count > 1)
        peers_expect(net, from, (size_t)count);
    for (int i = 0; i < count; i++) {
        struct path path = path_of(index, &headers[i].msg_hdr);
        net->counters.datagrams_in++;
        net->counters.bytes_in += headers[i].msg_len;
        /* One that was cut is larger than any message that we take. */
        if ((headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
            net->counters.malformed++;
        else
            net_on_datagram(net, &from[i], &path,
                            kedge_slice(vectors[i].iov_base, headers[i].msg_len));
    }
    return count;
}

void listener_read(struct kedge_net *net, uint8_t index)
{
    for (unsigned i = 0; i < BATCHES_AT_ONCE; i++)
        if (read_batch(net, index) < (int)BATCH)
            return;
}

/* ---- out ---- */

static size_t write_control(const struct path *path, int family, uint8_t control[CONTROL_SIZE])
{
    struct msghdr header = {.msg_control = control, .msg_controllen = CONTROL_SIZE};
    memset(control, 0, CONTROL_SIZE);
    struct cmsghdr *part = CMSG_FIRSTHDR(&header);
    if (family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = path->local.v4};
        part->cmsg_level = IPPROTO_IP;
        part->cmsg_type = IP_PKTINFO;
        part->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(part), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    struct in6_pktinfo info = {.ipi6_addr = path->local.v6};
    part->cmsg_level = IPPROTO_IPV6;
    part->cmsg_type = IPV6_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(part), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

void net_transmit_datagram(struct kedge_net *net, const struct kedge_address *to,
                           const struct path *path, struct kedge_slice bytes)
{
    if (bytes.size > KEDGE_COAP_MESSAGE_MAX)
        return;
    if (net->outgoing_count == BATCH)
        net_flush(net);
    struct outgoing *out = &net->outgoing[net->outgoing_count++];
    out->to = *to;
    out->path = *path;
    out->size = bytes.size;
    memcpy(out->bytes, bytes.data, bytes.size);
}

static bool can_reach(const struct listener *listener, const struct kedge_address *peer)
{
    return listener->address.any.sa_family == peer->any.sa_family &&
           listener->address.secure == peer->secure;
}

/* The socket for a path: the one the peer came by, or the first that can reach it; NULL: none. */
static const struct listener *
listener_for(const struct kedge_net *net, const struct kedge_address *peer, const struct path *path)
{
    if (path->socket < net->listener_count && can_reach(&net->listeners[path->socket], peer))
        return &net->listeners[path->socket];
    for (size_t i = 0; i < net->listener_count; i++)
        if (can_reach(&net->listeners[i], peer))
            return &net->listeners[i];
    return NULL;
}

static int file_for(const struct kedge_net *net, const struct outgoing *out)
{
    const struct listener *listener = listener_for(net, &out->to, &out->path);
    return listener != NULL ? listener->file : -1;
}

static void send_run(struct kedge_net *net, size_t first, size_t count, int file)
{
    struct mmsghdr headers[BATCH];
    struct iovec vectors[BATCH];
    memset(headers, 0, sizeof headers);
    for (size_t i = 0; i < count; i++) {
        struct outgoing *out = &net->outgoing[first + i];
        net->counters.bytes_out += out->size;
        vectors[i] = (struct iovec){.iov_base = out->bytes, .iov_len = out->size};
        headers[i].msg_hdr = (struct msghdr){.msg_name = &out->to,
                                             .msg_namelen = kedge_address_size(&out->to),
                                             .msg_iov = &vectors[i],
                                             .msg_iovlen = 1};
        if (out->path.local_known) {
            headers[i].msg_hdr.msg_control = out->control;
            headers[i].msg_hdr.msg_controllen =
                write_control(&out->path, out->to.any.sa_family, out->control);
        }
    }
    size_t sent = 0;
    while (sent < count) {
        int done = sendmmsg(file, headers + sent, (unsigned)(count - sent), 0);
        if (done > 0) {
            sent += (size_t)done;
            continue;
        }
        if (errno == EINTR)
            continue;
        /* UDP may lose what does not go out; the other side, or our timer, asks again. */
        net->counters.send_failures++;
        sent++;
    }
    net->counters.datagrams_out += count;
}

void net_flush(struct kedge_net *net)
{
    size_t first = 0;
    while (first < net->outgoing_count) {
        int file = file_for(net, &net->outgoing[first]);
        size_t count = 1;
        while (first + count < net->outgoing_count &&
               file_for(net, &net->outgoing[first + count]) == file)
            count++;
        if (file >= 0)
            send_run(net, first, count, file);
        first += count;
    }
    net->outgoing_count = 0;
}

/* ---- which address of ours a peer sees ---- */

static void set_host(struct kedge_address *address, const struct path *path)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_addr = path->local.v4;
    else
        address->v6.sin6_addr = path->local.v6;
}

/* Connecting a UDP socket sends nothing; it only looks the route up. */
static enum kedge_rc ask_for_route(const struct kedge_address *peer, struct kedge_address *local)
{
    enum kedge_rc rc = KEDGE_E_SYSTEM;
    socklen_t size = sizeof *local;
    int file = socket(peer->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file < 0)
        return KEDGE_E_SYSTEM;
    if (connect(file, &peer->any, kedge_address_size(peer)) == 0 &&
        getsockname(file, &local->any, &size) == 0)
        rc = KEDGE_OK;
    close(file);
    return rc;
}

enum kedge_rc kedge_net_peer_local(struct kedge_net *net, const struct kedge_address *address,
                                   struct kedge_address *local)
{
    static const struct path unknown;
    const struct peer *peer = peer_find(net, address);
    const struct path *path = peer != NULL ? &peer->path : &unknown;
    const struct listener *listener = listener_for(net, address, path);
    if (listener == NULL)
        return KEDGE_E_NOT_FOUND;
    struct kedge_address found = listener->address;
    if (path->local_known) {
        set_host(&found, path);
    } else if (is_every_address(&found)) {
        KEDGE_TRY(ask_for_route(address, &found));
        if (found.any.sa_family == AF_INET)
            found.v4.sin_port = listener->address.v4.sin_port;
        else
            found.v6.sin6_port = listener->address.v6.sin6_port;
    }
    found.secure = address->secure;
    *local = found;
    return KEDGE_OK;
}
