/*
 * bench_fleet_floor.c: the least that a server of registrations and downloads can do: datagrams in
 * and out in batches, the message taken apart, one record found or made, a reply. No timers, no
 * duplicates, no security: what kedged is measured against.
 *
 *    bench_fleet_floor RECORDS      prints its port, and serves until it is ended
 */
#define _GNU_SOURCE
#include <errno.h>
#include <kedge/coap.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64u
#define DATAGRAM_MAX 1500u
#define BODY_SIZE (1u << 20)
#define BUFFER_BYTES (4 << 20)

struct record {
    struct sockaddr_in peer; /* of the family 0: free */
    char location[25];
    uint32_t lifetime_s;
    uint64_t seen;
};

static struct {
    struct record *records;
    size_t capacity; /* a power of two */
    uint64_t registered, now;
    uint8_t *body;
} server;

static struct record *find(const struct sockaddr_in *peer)
{
    uint64_t key = (uint64_t)peer->sin_addr.s_addr << 16 | peer->sin_port;
    size_t at = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 20);
    for (size_t probes = 0; probes < server.capacity; probes++) {
        struct record *record = &server.records[(at + probes) & (server.capacity - 1)];
        if (record->peer.sin_family == 0 || (record->peer.sin_port == peer->sin_port &&
                                             record->peer.sin_addr.s_addr == peer->sin_addr.s_addr))
            return record;
    }
    return NULL;
}

static void answer_post(const struct sockaddr_in *from, const struct kedge_coap_message *request,
                        struct kedge_coap_builder *out, void *buffer)
{
    struct kedge_slice token = kedge_slice(request->token, request->token_size);
    struct record *record = find(from);
    bool known = record != NULL && record->peer.sin_family != 0;
    kedge_coap_begin(out, buffer, DATAGRAM_MAX, KEDGE_COAP_ACK,
                     known ? KEDGE_COAP_CHANGED : KEDGE_COAP_CREATED, request->message_id, token);
    if (record == NULL)
        return;
    record->seen = ++server.now;
    if (known)
        return;
    record->peer = *from;
    (void)snprintf(record->location, sizeof record->location, "%024llx",
                   (unsigned long long)++server.registered);
    kedge_coap_add_path(out, KEDGE_COAP_LOCATION_PATH, "rd");
    kedge_coap_add_path(out, KEDGE_COAP_LOCATION_PATH, record->location);
}

static void answer_get(const struct kedge_coap_message *request, struct kedge_coap_builder *out,
                       void *buffer)
{
    struct kedge_coap_block block = {.size_exponent = 6};
    struct kedge_slice token = kedge_slice(request->token, request->token_size);
    if (kedge_coap_block_find(request, KEDGE_COAP_BLOCK2, &block) != KEDGE_OK)
        block = (struct kedge_coap_block){.size_exponent = 6};
    size_t size = kedge_coap_block_size(&block);
    size_t offset = (size_t)block.number * size % BODY_SIZE;
    block.more = true;
    kedge_coap_begin(out, buffer, DATAGRAM_MAX, KEDGE_COAP_ACK, KEDGE_COAP_CONTENT,
                     request->message_id, token);
    kedge_coap_add_option(out, KEDGE_COAP_ETAG, kedge_slice("floor", 5));
    kedge_coap_add_uint(out, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&block));
    kedge_coap_add_payload(out, kedge_slice(server.body + offset, size));
}

static size_t answer(const struct sockaddr_in *from, struct kedge_slice datagram, void *buffer)
{
    struct kedge_coap_message request;
    struct kedge_coap_builder builder;
    struct kedge_slice reply;
    if (kedge_coap_parse(datagram, &request) != KEDGE_OK || request.code == KEDGE_COAP_EMPTY)
        return 0;
    if (request.code == KEDGE_COAP_GET)
        answer_get(&request, &builder, buffer);
    else
        answer_post(from, &request, &builder, buffer);
    return kedge_coap_finish(&builder, &reply) == KEDGE_OK ? reply.size : 0;
}

static void serve(int file)
{
    static uint8_t in[BATCH][DATAGRAM_MAX], out[BATCH][DATAGRAM_MAX];
    struct sockaddr_in from[BATCH];
    struct iovec vectors[BATCH], out_vectors[BATCH];
    struct mmsghdr headers[BATCH], replies[BATCH];
    for (;;) {
        memset(headers, 0, sizeof headers);
        for (size_t i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){.iov_base = in[i], .iov_len = DATAGRAM_MAX};
            headers[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                                 .msg_namelen = sizeof from[i],
                                                 .msg_iov = &vectors[i],
                                                 .msg_iovlen = 1};
        }
        int count = recvmmsg(file, headers, BATCH, MSG_WAITFORONE, NULL);
        unsigned answered = 0;
        for (int i = 0; i < count; i++) {
            size_t size = answer(&from[i], kedge_slice(in[i], headers[i].msg_len), out[answered]);
            if (size == 0)
                continue;
            out_vectors[answered] = (struct iovec){.iov_base = out[answered], .iov_len = size};
            replies[answered].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                                        .msg_namelen = sizeof from[i],
                                                        .msg_iov = &out_vectors[answered],
                                                        .msg_iovlen = 1};
            answered++;
        }
        if (answered > 0 && sendmmsg(file, replies, answered, 0) < 0 && errno != EINTR)
            perror("bench_fleet_floor: sendmmsg");
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int bytes = BUFFER_BYTES;
    int file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unsigned long records = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (records == 0 || records > 10000000) {
        fputs("usage: bench_fleet_floor RECORDS\n", stderr);
        return 2;
    }
    for (server.capacity = 1; server.capacity < records + records / 4;)
        server.capacity *= 2;
    server.records = calloc(server.capacity, sizeof *server.records);
    server.body = calloc(1, BODY_SIZE);
    (void)setsockopt(file, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (server.records == NULL || server.body == NULL ||
        bind(file, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(file, (struct sockaddr *)&address, &size) != 0) {
        perror("bench_fleet_floor");
        return 1;
    }
    printf("%u\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    serve(file);
    return 0;
}
