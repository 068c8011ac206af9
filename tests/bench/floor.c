/* floor.c: see floor.h. */
#define _GNU_SOURCE
#include "tests/bench/floor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64u
#define REPLIES_MAX (8u * BATCH) /* a flight of a handshake has more datagrams than one */
#define BUFFER_BYTES (4 << 20)
#define RECORDS_MAX 10000000u

static struct {
    struct floor_record *records;
    size_t capacity; /* a power of two */
    unsigned reply_count;
    struct mmsghdr replies[REPLIES_MAX];
    struct iovec vectors[REPLIES_MAX];
    struct sockaddr_in to[REPLIES_MAX];
    uint8_t bytes[REPLIES_MAX][FLOOR_DATAGRAM_MAX];
} server;

struct floor_record *floor_find(const struct sockaddr_in *peer)
{
    uint64_t key = (uint64_t)peer->sin_addr.s_addr << 16 | peer->sin_port;
    size_t at = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 20);
    for (size_t probes = 0; probes < server.capacity; probes++) {
        struct floor_record *record = &server.records[(at + probes) & (server.capacity - 1)];
        if (record->peer.sin_family == 0 || (record->peer.sin_port == peer->sin_port &&
                                             record->peer.sin_addr.s_addr == peer->sin_addr.s_addr))
            return record;
    }
    return NULL;
}

uint8_t *floor_reply(void)
{
    return server.reply_count < REPLIES_MAX ? server.bytes[server.reply_count] : NULL;
}

void floor_reply_is(const struct sockaddr_in *to, size_t size)
{
    unsigned at = server.reply_count++;
    server.to[at] = *to;
    server.vectors[at] = (struct iovec){.iov_base = server.bytes[at], .iov_len = size};
    server.replies[at].msg_hdr = (struct msghdr){.msg_name = &server.to[at],
                                                 .msg_namelen = sizeof server.to[at],
                                                 .msg_iov = &server.vectors[at],
                                                 .msg_iovlen = 1};
}

static void serve(int file, floor_datagram_fn *on_datagram)
{
    static uint8_t in[BATCH][FLOOR_DATAGRAM_MAX];
    struct sockaddr_in from[BATCH];
    struct iovec vectors[BATCH];
    struct mmsghdr headers[BATCH];
    for (;;) {
        memset(headers, 0, sizeof headers);
        for (size_t i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){.iov_base = in[i], .iov_len = FLOOR_DATAGRAM_MAX};
            headers[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                                 .msg_namelen = sizeof from[i],
                                                 .msg_iov = &vectors[i],
                                                 .msg_iovlen = 1};
        }
        int count = recvmmsg(file, headers, BATCH, MSG_WAITFORONE, NULL);
        server.reply_count = 0;
        for (int i = 0; i < count; i++)
            on_datagram(&from[i], in[i], headers[i].msg_len);
        if (server.reply_count > 0 && sendmmsg(file, server.replies, server.reply_count, 0) < 0 &&
            errno != EINTR)
            perror("sendmmsg");
    }
}

int floor_main(int argc, char **argv, floor_datagram_fn *on_datagram)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int bytes = BUFFER_BYTES;
    int file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unsigned long records = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (records == 0 || records > RECORDS_MAX) {
        fprintf(stderr, "usage: %s RECORDS\n", argv[0]);
        return 2;
    }
    for (server.capacity = 1; server.capacity < records + records / 4;)
        server.capacity *= 2;
    server.records = calloc(server.capacity, sizeof *server.records);
    (void)setsockopt(file, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (server.records == NULL ||
        bind(file, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(file, (struct sockaddr *)&address, &size) != 0) {
        perror(argv[0]);
        return 1;
    }
    printf("%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    serve(file, on_datagram);
    return 0;
}
