/* ask.c: see ask.h. */
#define _GNU_SOURCE
#include "agent/local/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A request fits into any socket's buffer: it is taken whole or not at all. */
static enum kedge_rc send_request(int to, const struct kedge_local_request *request)
{
    uint8_t bytes[KEDGE_LOCAL_LINE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(kedge_local_request_write(request, &out));
    return send(to, out.data, out.size, MSG_NOSIGNAL) == (ssize_t)out.size ? KEDGE_OK
                                                                           : KEDGE_E_SYSTEM;
}

enum kedge_rc kedge_local_ask_begin(struct kedge_local_ask *ask,
                                    const struct kedge_local_place *place,
                                    const struct kedge_local_request *request)
{
    const struct sockaddr_un address = kedge_local_place_address(place);
    ask->size = ask->taken = 0;
    ask->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ask->socket < 0)
        return KEDGE_E_SYSTEM;
    if (connect(ask->socket, (const struct sockaddr *)&address, sizeof address) != 0)
        return errno == ENOENT || errno == ECONNREFUSED ? KEDGE_E_NOT_FOUND
               : errno == EAGAIN                        ? KEDGE_E_BUSY
                                                        : KEDGE_E_SYSTEM;
    return send_request(ask->socket, request);
}

static enum kedge_rc receive(struct kedge_local_ask *ask, int limit_ms)
{
    struct pollfd file = {.fd = ask->socket, .events = POLLIN};
    int ready = poll(&file, 1, limit_ms);
    if (ready == 0)
        return KEDGE_E_TIMEOUT;
    if (ready < 0)
        return errno == EINTR ? KEDGE_OK : KEDGE_E_SYSTEM;
    ssize_t got = read(ask->socket, ask->bytes + ask->size, sizeof ask->bytes - ask->size);
    if (got < 0)
        return KEDGE_E_SYSTEM;
    ask->size += (size_t)got;
    return got > 0 ? KEDGE_OK : KEDGE_E_CONNECTION;
}

enum kedge_rc kedge_local_ask_line(struct kedge_local_ask *ask, int limit_ms,
                                   struct kedge_slice *line)
{
    memmove(ask->bytes, ask->bytes + ask->taken, ask->size - ask->taken);
    ask->size -= ask->taken;
    ask->taken = 0;
    const uint8_t *end;
    while ((end = memchr(ask->bytes, '\n', ask->size)) == NULL) {
        if (ask->size == sizeof ask->bytes)
            return KEDGE_E_LIMIT;
        KEDGE_TRY(receive(ask, limit_ms));
    }
    *line = kedge_slice(ask->bytes, (size_t)(end - ask->bytes));
    ask->taken = line->size + 1;
    return KEDGE_OK;
}

void kedge_local_ask_end(struct kedge_local_ask *ask)
{
    if (ask->socket >= 0)
        close(ask->socket);
    ask->socket = -1;
}
