/*
 * bench_flood_load.c: datagrams from made-up source addresses, at a steady rate.
 *
 *    bench_flood_load COAP_PORT COAPS_PORT RATE SECONDS [SENT_LEAST]
 *
 * Where the machine is too busy for the rate, it goes on until so many were sent, ten times as long
 * at most.
 *
 * In turn a Register of a new name, an Update of no registration, a GET of a file, a ping, noise,
 * and, unless COAPS_PORT is 0, a ClientHello without a cookie, each from another address of
 * 127.240.0.0/12, where no device of the swarm lives. Nothing that comes back is answered; it is
 * only counted. Prints datagrams and bytes sent, then datagrams and bytes that came back, then how
 * many of those sent were ClientHellos.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <kedge/coap.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_ADDRESS (127u << 24 | 15u << 20)
#define ADDRESS_BITS 20u
#define SPREAD 40503u /* odd: walks over all addresses, one network after the other */
#define NOISE_SIZE 48u
#define BUFFER_BYTES (8 << 20)

enum kind { REGISTER, UPDATE, GET, PING, NOISE, HELLO, KIND_COUNT };

static struct {
    int file;
    struct sockaddr_in coap, coaps;
    uint64_t draw;
    uint64_t sent, sent_bytes, hellos, back, back_bytes, refused;
} flood;

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* xorshift64*: no bytes that anybody must not guess. */
static uint64_t draw(void)
{
    flood.draw ^= flood.draw >> 12;
    flood.draw ^= flood.draw << 25;
    flood.draw ^= flood.draw >> 27;
    return flood.draw * UINT64_C(2685821657736338717);
}

/* ---- what is sent ---- */

static size_t write_hello(uint8_t out[128])
{
    static const uint8_t head[] = {22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0,  0,    56,  1,
                                   0,  0,    44,   0, 0, 0, 0, 0, 0, 0, 44, 0xFE, 0xFD};
    static const uint8_t tail[] = {0, 0, 0, 4, 0xC0, 0xA8, 0x00, 0xAE, 1, 0};
    memcpy(out, head, sizeof head);
    for (size_t i = 0; i < 32; i++)
        out[sizeof head + i] = (uint8_t)draw();
    memcpy(out + sizeof head + 32, tail, sizeof tail);
    return sizeof head + 32 + sizeof tail;
}

static size_t write_noise(uint8_t out[128])
{
    for (size_t i = 0; i < NOISE_SIZE; i++)
        out[i] = (uint8_t)draw();
    return NOISE_SIZE;
}

static size_t write_message(enum kind kind, uint64_t number, uint8_t out[128])
{
    static const uint8_t codes[] = {KEDGE_COAP_POST, KEDGE_COAP_POST, KEDGE_COAP_GET,
                                    KEDGE_COAP_EMPTY};
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    char text[80];
    uint32_t token = (uint32_t)draw();
    kedge_coap_begin(&builder, out, 128, KEDGE_COAP_CON, codes[kind], (uint16_t)draw(),
                     kedge_slice(&token, kind == PING ? 0 : sizeof token));
    if (kind == REGISTER) {
        (void)snprintf(text, sizeof text, "ep=forged-%" PRIu64, number);
        kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "rd");
        kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text(text));
        kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("lwm2m=1.1"));
    } else if (kind == UPDATE) {
        (void)snprintf(text, sizeof text, "rd/%024" PRIx64, draw());
        kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, text);
    } else if (kind == GET) {
        (void)snprintf(text, sizeof text, "fw/%064" PRIx64, draw());
        kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, text);
    }
    return kedge_coap_finish(&builder, &message) == KEDGE_OK ? message.size : 0;
}

static bool send_from(uint32_t source, const struct sockaddr_in *to, const uint8_t *bytes,
                      size_t size)
{
    _Alignas(8) uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
    struct iovec vector = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    struct sockaddr_in target = *to;
    struct msghdr header = {.msg_name = &target,
                            .msg_namelen = sizeof target,
                            .msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(source)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = IPPROTO_IP;
    part->cmsg_type = IP_PKTINFO;
    part->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(part), &info, sizeof info);
    if (sendmsg(flood.file, &header, 0) != (ssize_t)size) {
        flood.refused++;
        return false;
    }
    flood.sent++;
    flood.sent_bytes += size;
    return true;
}

static void send_one(uint64_t number)
{
    uint8_t bytes[128];
    enum kind kind = (enum kind)(number % (flood.coaps.sin_port != 0 ? KIND_COUNT : HELLO));
    uint32_t source = FIRST_ADDRESS | ((uint32_t)number * SPREAD & ((1u << ADDRESS_BITS) - 1));
    size_t size = kind == HELLO   ? write_hello(bytes)
                  : kind == NOISE ? write_noise(bytes)
                                  : write_message(kind, number, bytes);
    if (send_from(source, kind == HELLO ? &flood.coaps : &flood.coap, bytes, size))
        flood.hellos += kind == HELLO;
}

/* ---- what comes back ---- */

static void count_answers(void)
{
    uint8_t bytes[2048];
    ssize_t size;
    while ((size = recv(flood.file, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0) {
        flood.back++;
        flood.back_bytes += (uint64_t)size;
    }
}

static void run(double rate, double seconds, uint64_t sent_least)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    double begun = now_s();
    for (double passed = 0;
         passed < seconds || (flood.sent < sent_least && passed < 10 * seconds);
         passed = now_s() - begun) {
        /* What could not be sent in time is not made up for in one burst. */
        uint64_t due = (uint64_t)(passed * rate);
        uint64_t number = flood.sent + flood.refused;
        if (due > number + 256)
            due = number + 256;
        for (; number < due; number++)
            send_one(number);
        count_answers();
        (void)nanosleep(&pause, NULL);
    }
    for (unsigned i = 0; i < 200; i++) {
        count_answers();
        (void)nanosleep(&pause, NULL);
    }
}

static bool open_socket(void)
{
    const int bytes = BUFFER_BYTES;
    const struct sockaddr_in any = {.sin_family = AF_INET};
    flood.file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (flood.file < 0)
        return false;
    if (setsockopt(flood.file, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(flood.file, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    /* Bound to every address, it must still reach nothing outside this machine. */
    return setsockopt(flood.file, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") == 0 &&
           bind(flood.file, (const struct sockaddr *)&any, sizeof any) == 0;
}

static struct sockaddr_in server_at(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int main(int argc, char **argv)
{
    bool complete = argc == 5 || argc == 6;
    double rate = complete ? strtod(argv[3], NULL) : 0;
    double seconds = complete ? strtod(argv[4], NULL) : 0;
    uint64_t sent_least = argc == 6 ? strtoull(argv[5], NULL, 10) : 0;
    if (rate <= 0 || seconds <= 0) {
        fputs("usage: bench_flood_load COAP_PORT COAPS_PORT RATE SECONDS [SENT_LEAST]\n",
              stderr);
        return 2;
    }
    flood.coap = server_at(argv[1]);
    flood.coaps = server_at(argv[2]);
    flood.draw = (uint64_t)getpid() << 20 | 1u;
    if (!open_socket()) {
        perror("bench_flood_load");
        return 1;
    }
    run(rate, seconds, sent_least);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", flood.sent,
           flood.sent_bytes, flood.back, flood.back_bytes, flood.hellos);
    return 0;
}
