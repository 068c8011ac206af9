/*
 * weather_shim.c: bad weather on the sockets of the process that preloads this, below whatever its
 * datagrams are wrapped in. Of 1000 datagrams, each way, KEDGE_TEST_WEATHER are lost, as many come
 * twice, and as many come after the next one. KEDGE_TEST_WEATHER_PAGE counts them: three int64_t.
 *
 * What comes in goes through a queue of one: a datagram that is kept back is put in the place of a
 * later one that is lost, so it comes late; one that is kept back and let through as well comes
 * twice.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES_MAX 2048

/** A datagram with everything that the caller's buffers held of it. */
struct kept {
    size_t size, name_size, control_size;
    uint8_t bytes[BYTES_MAX], name[128], control[256];
};

static struct {
    _Atomic int64_t lost, repeated, late;
} * counts;
static uint32_t per_mille, state = 12345;
static struct kept incoming, outgoing; /* size 0: none. Only the network thread is here. */

__attribute__((constructor)) static void attach(void)
{
    int file = open(getenv("KEDGE_TEST_WEATHER_PAGE"), O_RDWR | O_CLOEXEC);
    void *page = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    close(file);
    counts = page;
    per_mille = (uint32_t)atoi(getenv("KEDGE_TEST_WEATHER"));
}

/* xorshift32: the same weather every time. */
static int drawn(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % 1000 < per_mille;
}

static void keep(struct kept *kept, const struct msghdr *header, size_t size)
{
    if (size > BYTES_MAX || header->msg_iovlen != 1 || header->msg_namelen > sizeof kept->name ||
        header->msg_controllen > sizeof kept->control)
        return;
    kept->size = size;
    memcpy(kept->bytes, header->msg_iov[0].iov_base, size);
    kept->name_size = header->msg_namelen;
    memcpy(kept->name, header->msg_name, kept->name_size);
    kept->control_size = header->msg_controllen;
    if (kept->control_size > 0)
        memcpy(kept->control, header->msg_control, kept->control_size);
}

/* ---- what comes in ---- */

static void put_back(struct mmsghdr *message, struct kept *kept)
{
    struct msghdr *header = &message->msg_hdr;
    memcpy(header->msg_iov[0].iov_base, kept->bytes, kept->size);
    message->msg_len = (unsigned)kept->size;
    memcpy(header->msg_name, kept->name, kept->name_size);
    header->msg_namelen = (socklen_t)kept->name_size;
    memcpy(header->msg_control, kept->control, kept->control_size);
    header->msg_controllen = kept->control_size;
    kept->size = 0;
}

static void receive(struct mmsghdr *message)
{
    if (drawn()) {
        if (incoming.size > 0) {
            put_back(message, &incoming);
            return;
        }
        counts->lost++;
        message->msg_len = 0; /* an empty datagram, which says nothing to anybody */
    } else if (drawn() && incoming.size == 0) {
        keep(&incoming, &message->msg_hdr, message->msg_len);
        if (drawn() || drawn() || drawn()) /* some come late only, most come twice */
            message->msg_len = 0;
        counts->repeated += message->msg_len > 0;
        counts->late++;
    }
}

int recvmmsg(int file, struct mmsghdr *messages, unsigned count, int flags,
             struct timespec *timeout)
{
    static int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "recvmmsg");
    int received = real(file, messages, count, flags, timeout);
    for (int i = 0; i < received; i++)
        receive(&messages[i]);
    return received;
}

/* ---- what goes out ---- */

static void send_kept(int file, struct kept *kept)
{
    struct iovec part = {kept->bytes, kept->size};
    struct msghdr header = {.msg_name = kept->name,
                            .msg_namelen = (socklen_t)kept->name_size,
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = kept->control_size > 0 ? kept->control : NULL,
                            .msg_controllen = kept->control_size};
    (void)sendmsg(file, &header, 0);
    kept->size = 0;
}

static void send_one(int file, const struct msghdr *header)
{
    if (drawn()) {
        counts->lost++;
        return;
    }
    if (drawn() && outgoing.size == 0) {
        counts->late++;
        keep(&outgoing, header, header->msg_iov[0].iov_len);
        return;
    }
    (void)sendmsg(file, header, 0);
    if (drawn()) {
        counts->repeated++;
        (void)sendmsg(file, header, 0);
    }
    if (outgoing.size > 0)
        send_kept(file, &outgoing);
}

int sendmmsg(int file, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)flags;
    for (unsigned i = 0; i < count; i++) {
        send_one(file, &messages[i].msg_hdr);
        messages[i].msg_len = (unsigned)messages[i].msg_hdr.msg_iov[0].iov_len;
    }
    return (int)count;
}
