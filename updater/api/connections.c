/*
 * connections.c: the open connections: how many there are from each address, and a look at all of
 * them once a second: how far downloads are, and whether the other side has ended it.
 *
 * How far a download is, TCP knows: what the other side has acknowledged. That counts what is
 * around the file's bytes too (the header of the answer, the records of TLS), less than one in a
 * hundred.
 *
 * libmicrohttpd 0.9.75 on edge-triggered epoll does not notice the end of a connection that comes
 * together with the last bytes: it reads those, takes the socket for drained, and hears no more of
 * it. What was half uploaded would stay until the idle limit. So a connection that the other side
 * has ended is woken up until it is closed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <kedge/crypto.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "updater/api/internal.h"

#define LOOK_PERIOD_S 1
#define STATE_CLOSE_WAIT 8 /* of tcpi_state: the other side has ended it */

/* ---- how many from one address ---- */

static const uint8_t *host_bytes(const struct sockaddr *address, size_t *size)
{
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    *size = 4;
    if (address->sa_family == AF_INET)
        return (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (IN6_IS_ADDR_V4MAPPED(v6))
        return &v6->s6_addr[12];
    *size = 16;
    return v6->s6_addr;
}

/*
 * Addresses share counters by a keyed hash, so that nobody can choose whom to share with; at that
 * many counters, few do. Of an IPv6 address the first half counts: that is what one customer has.
 */
static uint16_t counter_of(const struct connections *connections, const struct sockaddr *address)
{
    uint8_t text[sizeof(connections->key) + 8] = {0}, digest[KEDGE_SHA256_SIZE];
    size_t size;
    const uint8_t *host = host_bytes(address, &size);
    if (size == 4 ? host[0] == 127 : memcmp(host, &in6addr_loopback, size) == 0)
        return COUNTERS;
    memcpy(text, connections->key, sizeof(connections->key));
    memcpy(&text[sizeof(connections->key)], host, size == 4 ? 4 : 8);
    kedge_sha256(kedge_slice(text, sizeof(text)), digest);
    return (uint16_t)(((unsigned)digest[0] << 8 | digest[1]) % COUNTERS);
}

enum MHD_Result connections_allow(void *context, const struct sockaddr *address, socklen_t size)
{
    struct kedge_api *api = context;
    struct connections *connections = &api->connections;
    (void)size;
    uint16_t counter = counter_of(connections, address);
    if (counter == COUNTERS)
        return MHD_YES;
    pthread_mutex_lock(&connections->lock);
    bool allowed = connections->counts[counter] < api->config.per_address_max;
    pthread_mutex_unlock(&connections->lock);
    return allowed ? MHD_YES : MHD_NO;
}

/* ---- the list ---- */

static void add(struct connections *connections, struct MHD_Connection *from,
                struct connection *connection)
{
    const union MHD_ConnectionInfo *info;
    info = MHD_get_connection_info(from, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection->file = info->connect_fd;
    info = MHD_get_connection_info(from, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    size_t size;
    const uint8_t *host = host_bytes(info->client_addr, &size);
    (void)inet_ntop(size == 4 ? AF_INET : AF_INET6, host, connection->host,
                    sizeof(connection->host));
    connection->counter = counter_of(connections, info->client_addr);
    pthread_mutex_lock(&connections->lock);
    connection->next = connections->first;
    if (connection->next != NULL)
        connection->next->previous = connection;
    connections->first = connection;
    if (connection->counter != COUNTERS)
        connections->counts[connection->counter]++;
    pthread_cond_signal(&connections->changed);
    pthread_mutex_unlock(&connections->lock);
}

static void take_out(struct connections *connections, struct connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        connections->first = connection->next;
    if (connection->counter != COUNTERS)
        connections->counts[connection->counter]--;
    pthread_mutex_unlock(&connections->lock);
}

struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

void connections_notify(void *context, struct MHD_Connection *from, void **state,
                        enum MHD_ConnectionNotificationCode what)
{
    struct kedge_api *api = context;
    struct connection *connection = *state;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = calloc(1, sizeof(*connection));
        *state = connection;
        if (connection == NULL)
            return;
        connection->certificates = &api->certificates;
        add(&api->connections, from, connection);
    } else if (connection != NULL) {
        take_out(&api->connections, connection);
        certificate_release(&api->certificates, connection->certificate);
        free(connection);
        *state = NULL;
    }
}

/* ---- transfers ---- */

static bool ask_tcp(const struct connection *connection, struct tcp_info *info)
{
    socklen_t size = sizeof(*info);
    return getsockopt(connection->file, IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

void transfer_begin(struct request *request, uint64_t first, uint64_t size)
{
    struct connection *connection = connection_of(request->connection);
    struct tcp_info info;
    if (connection == NULL || !ask_tcp(connection, &info))
        return;
    struct transfer transfer = {
        .going = true, .first = first, .size = size, .acknowledged = info.tcpi_bytes_acked};
    (void)snprintf(transfer.digest, sizeof(transfer.digest), "%.*s",
                   (int)sizeof(transfer.digest) - 1, request->parameter);
    pthread_mutex_lock(&request->api->connections.lock);
    connection->transfer = transfer;
    pthread_mutex_unlock(&request->api->connections.lock);
}

static void describe(const struct connection *connection, struct kedge_backend_progress *progress)
{
    const struct transfer *transfer = &connection->transfer;
    memcpy(progress->host, connection->host, sizeof(progress->host));
    memcpy(progress->digest, transfer->digest, sizeof(progress->digest));
    progress->reach = transfer->first + transfer->told;
}

void transfer_end(struct request *request, bool whole)
{
    struct connection *connection = connection_of(request->connection);
    const struct kedge_backend *backend = request->api->config.backend;
    struct kedge_backend_progress progress;
    if (connection == NULL || !connection->transfer.going)
        return;
    pthread_mutex_lock(&request->api->connections.lock);
    connection->transfer.going = false;
    connection->transfer.told = connection->transfer.size;
    describe(connection, &progress);
    pthread_mutex_unlock(&request->api->connections.lock);
    if (whole)
        backend->downloaded(backend->context, &progress, 1);
}

/* Whether it has moved since it was looked at. */
static bool has_moved(struct transfer *transfer, const struct tcp_info *info)
{
    if (!transfer->going || info->tcpi_bytes_acked <= transfer->acknowledged)
        return false;
    uint64_t done = info->tcpi_bytes_acked - transfer->acknowledged;
    done = done < transfer->size ? done : transfer->size;
    bool moved = done > transfer->told;
    transfer->told = done;
    return moved;
}

/* ---- looking at them ---- */

/* Once a second: connections are kept from beginning and ending for so long, some 10 ms. */
static void look_at_all(struct kedge_api *api)
{
    const struct kedge_backend *backend = api->config.backend;
    struct kedge_backend_progress progress[KEDGE_BACKEND_PROGRESS_MAX];
    size_t count = 0;
    struct tcp_info info;
    for (struct connection *at = api->connections.first; at != NULL; at = at->next) {
        if (!ask_tcp(at, &info))
            continue;
        if (info.tcpi_state == STATE_CLOSE_WAIT)
            (void)shutdown(at->file, SHUT_RD); /* no more than a new edge for epoll */
        if (has_moved(&at->transfer, &info))
            describe(at, &progress[count++]);
        if (count == KEDGE_BACKEND_PROGRESS_MAX) {
            backend->downloaded(backend->context, progress, count);
            count = 0;
        }
    }
    if (count > 0)
        backend->downloaded(backend->context, progress, count);
}

static void *watch(void *context)
{
    struct kedge_api *api = context;
    struct connections *connections = &api->connections;
    pthread_mutex_lock(&connections->lock);
    while (!connections->ending) {
        if (connections->first == NULL) {
            pthread_cond_wait(&connections->changed, &connections->lock);
            continue;
        }
        look_at_all(api);
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_PERIOD_S;
        for (int rc = 0; !connections->ending && rc == 0;)
            rc = pthread_cond_timedwait(&connections->changed, &connections->lock, &until);
    }
    pthread_mutex_unlock(&connections->lock);
    return NULL;
}

void connections_init(struct connections *connections)
{
    pthread_mutex_init(&connections->lock, NULL);
    condition_init(&connections->changed);
}

int connections_start(struct kedge_api *api)
{
    struct connections *connections = &api->connections;
    if (getrandom(connections->key, sizeof(connections->key), 0) !=
        (ssize_t)sizeof(connections->key))
        return errno;
    int failed = pthread_create(&connections->watcher, NULL, watch, api);
    connections->watched = failed == 0;
    return failed;
}

void connections_stop(struct connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    connections->ending = true;
    pthread_cond_signal(&connections->changed);
    pthread_mutex_unlock(&connections->lock);
    if (connections->watched)
        (void)pthread_join(connections->watcher, NULL);
    pthread_cond_destroy(&connections->changed);
    pthread_mutex_destroy(&connections->lock);
}
