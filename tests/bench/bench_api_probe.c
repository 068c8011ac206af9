/*
 * bench_api_probe.c: one registered device that sends registration updates in a fixed beat, however
 * long they take to be answered, and says how long that was.
 *
 *    bench_api_probe PORT PER_S     then one command a line: COUNT
 *
 * The answer to a command is: answered, and the median, the 99th of 100 and the longest time in
 * microseconds. An update that waits behind a slow one is late from the time on at which it was to
 * be sent. Otherwise beginning and end are the kernel's times of the datagrams (the former where it
 * says it): the device stands for another machine, so what it waits itself for a processor that the
 * server is using is not the server's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <kedge/coap.h>
#include <kedge/lwm2m.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define COUNT_MAX 1000000u
#define LOST_US 3000000u /* an update that takes longer counts as that long */
#define LOCATION_MAX 63u

static struct {
    int file;
    uint16_t message_id;
    char location[LOCATION_MAX + 1];
    uint8_t answered_code; /* of the message that was sent last; 0: not yet */
    uint64_t answered_us;
} probe;

static uint64_t in_us(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * 1000000u + (uint64_t)time->tv_nsec / 1000u;
}

/* By the clock by which the kernel says when a datagram arrived. */
static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return in_us(&now);
}

static bool send_message(struct kedge_coap_builder *builder)
{
    struct kedge_slice bytes;
    return kedge_coap_finish(builder, &bytes) == KEDGE_OK &&
           send(probe.file, bytes.data, bytes.size, 0) == (ssize_t)bytes.size;
}

static void begin(struct kedge_coap_builder *builder, uint8_t *buffer, size_t size)
{
    probe.message_id++;
    probe.answered_code = 0;
    kedge_coap_begin(builder, buffer, size, KEDGE_COAP_CON, KEDGE_COAP_POST, probe.message_id,
                     kedge_slice(&probe.message_id, sizeof probe.message_id));
}

static bool send_register(void)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[256];
    begin(&builder, buffer, sizeof buffer);
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, "rd");
    kedge_coap_add_uint(&builder, KEDGE_COAP_CONTENT_FORMAT, KEDGE_LWM2M_FORMAT_LINK);
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("ep=probe"));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("lt=86400"));
    kedge_coap_add_option(&builder, KEDGE_COAP_URI_QUERY, kedge_slice_text("lwm2m=1.1"));
    kedge_coap_add_payload(&builder, kedge_slice_text("</1/0>,</3/0>"));
    return send_message(&builder);
}

static bool send_update(void)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[128];
    begin(&builder, buffer, sizeof buffer);
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, probe.location);
    return send_message(&builder);
}

/* What the server asks of the device is not there. */
static void answer_server(const struct kedge_coap_message *request)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[32];
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_ACK, KEDGE_COAP_NOT_FOUND,
                     request->message_id, kedge_slice(request->token, request->token_size));
    (void)send_message(&builder);
}

static void take_location(const struct kedge_coap_message *message)
{
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    probe.location[0] = '\0';
    while (kedge_coap_option_next(&walk, &option)) {
        size_t used = strlen(probe.location);
        if (option.number == KEDGE_COAP_LOCATION_PATH)
            (void)snprintf(probe.location + used, sizeof probe.location - used, "%s%.*s",
                           used > 0 ? "/" : "", (int)option.value.size,
                           (const char *)option.value.data);
    }
}

static void take(struct kedge_slice bytes, uint64_t arrived_us)
{
    struct kedge_coap_message message;
    if (kedge_coap_parse(bytes, &message) != KEDGE_OK)
        return;
    if (message.code > 0 && message.code >> 5 == 0)
        answer_server(&message);
    else if (message.type == KEDGE_COAP_ACK && message.message_id == probe.message_id)
        probe.answered_code = message.code, probe.answered_us = arrived_us;
    if (message.code == KEDGE_COAP_CREATED)
        take_location(&message);
}

/* 0: there was nothing. *at_us is the kernel's time of it, if it says one. */
static size_t receive(int from, uint8_t *buffer, size_t size, uint64_t *at_us)
{
    _Alignas(struct cmsghdr) uint8_t control[512];
    struct iovec piece = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t received = recvmsg(probe.file, &message, from | MSG_DONTWAIT);
    for (struct cmsghdr *one = received >= 0 ? CMSG_FIRSTHDR(&message) : NULL; one != NULL;
         one = CMSG_NXTHDR(&message, one))
        if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_TIMESTAMPING) {
            struct scm_timestamping times;
            memcpy(&times, CMSG_DATA(one), sizeof times);
            *at_us = in_us(&times.ts[0]);
        }
    return received > 0 ? (size_t)received : 0;
}

/* When the datagram that was sent last left, at the earliest at `since_us`. Unread, those times
 * would wake each poll. */
static uint64_t left_us(uint64_t since_us)
{
    uint8_t buffer[64];
    uint64_t at_us = since_us, last_us = since_us;
    while (at_us != 0) {
        last_us = at_us > last_us ? at_us : last_us;
        at_us = 0;
        (void)receive(MSG_ERRQUEUE, buffer, sizeof buffer, &at_us);
    }
    return last_us;
}

/* Serves the socket until then, or, where that is wanted, until the answer is there. */
static void serve(uint64_t until_us, bool for_answer)
{
    uint8_t buffer[2048];
    for (;;) {
        uint64_t now = now_us();
        if (now >= until_us || (for_answer && probe.answered_code != 0))
            return;
        const struct timespec wait = {.tv_sec = (time_t)((until_us - now) / 1000000u),
                                      .tv_nsec = (long)((until_us - now) % 1000000u) * 1000};
        struct pollfd poll_file = {.fd = probe.file, .events = POLLIN};
        if (ppoll(&poll_file, 1, &wait, NULL) <= 0)
            continue;
        uint64_t arrived_us = now_us();
        size_t size = receive(0, buffer, sizeof buffer, &arrived_us);
        if (size > 0)
            take(kedge_slice(buffer, size), arrived_us);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool measure(uint32_t count, uint32_t per_s, uint32_t *times_us)
{
    uint32_t answered = 0;
    uint64_t due_us = now_us();
    for (uint32_t i = 0; i < count; i++, due_us += 1000000u / per_s) {
        serve(due_us, false);
        bool held_up = probe.answered_us > due_us;
        uint64_t since_us = held_up ? due_us : now_us();
        if (!send_update())
            return false;
        uint64_t sent_us = left_us(since_us);
        since_us = held_up ? since_us : sent_us;
        serve(due_us + LOST_US, true);
        if (probe.answered_code != 0 && probe.answered_code != KEDGE_COAP_CHANGED)
            return false;
        answered += probe.answered_code != 0;
        times_us[i] = probe.answered_code != 0 ? (uint32_t)(probe.answered_us - since_us) : LOST_US;
    }
    qsort(times_us, count, sizeof *times_us, compare);
    printf("%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", answered, times_us[count / 2],
           times_us[(uint64_t)count * 99 / 100], times_us[count - 1]);
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    uint32_t port = argc == 3 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
    uint32_t per_s = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    if (port == 0 || port > 65535 || per_s == 0 || per_s > 100000) {
        fprintf(stderr, "usage: bench_api_probe PORT PER_S\n");
        return 2;
    }
    const struct sockaddr_in server = {.sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int wanted = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
                       SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY;
    uint32_t *times_us = malloc(COUNT_MAX * sizeof *times_us);
    probe.file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (times_us == NULL || probe.file < 0 ||
        setsockopt(probe.file, SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof wanted) != 0 ||
        connect(probe.file, (const struct sockaddr *)&server, sizeof server) != 0 ||
        !send_register()) {
        perror("bench_api_probe");
        return 1;
    }
    serve(now_us() + LOST_US, true);
    serve(now_us() + 500000u, false); /* who it is, it is asked now */
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint32_t count = (uint32_t)strtoul(line, NULL, 10);
        if (count == 0 || count > COUNT_MAX || !measure(count, per_s, times_us)) {
            fprintf(stderr, "bench_api_probe: not done: %s", line);
            return 1;
        }
    }
    free(times_us);
    return 0;
}
