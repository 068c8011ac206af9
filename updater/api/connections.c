/*
 * connections.c: the open connections: how many there are from each address, and a look at all of
 * them once a second: how far downloads are, whether the other side has ended it, and whether it
 * sends too slowly.
 *
 * How far a download is, TCP knows: what the other side has acknowledged. That counts what is
 * around the file's bytes too (the header of the answer, the records of TLS), less than one in a
 * hundred.
 *
 * libmicrohttpd 0.9.75 on edge-triggered epoll does not notice the end of a connection that comes
 * together with the last bytes: it reads those, takes the socket for drained, and hears no more of
 * it. What was half uploaded would stay until the idle limit. So a connection that the other side
 * has ended is woken up until it is closed; a stream of events, which is suspended, is let go. Now
 * and then, of some 100,000 connections that come by the thousand, one's first bytes are not
 * noticed either; so one that has had unread bytes for a second, and got no more, is woken up too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>

#include "updater/api/events.h"
#include "updater/api/forwarded.h"
#include "updater/api/internal.h"

#define LOOK_PERIOD_S 1
/* of tcpi_state: the other side has ended it, the one way or the other (FIN, RST) */
#define STATE_CLOSE_WAIT 8
#define STATE_CLOSE 7

/* ---- how many from one address ---- */

/* Those on this machine are not many hosts, and a proxy speaks for many. */
static bool is_counted(const struct kedge_api *api, const struct host *host)
{
    return !host_is_loopback(host) && !networks_hold(&api->proxies, host);
}

enum MHD_Result connections_allow(void *context, const struct sockaddr *address, socklen_t size)
{
    struct kedge_api *api = context;
    struct host host = host_of(address);
    (void)size;
    if (!is_counted(api, &host))
        return MHD_YES;
    pthread_mutex_lock(&api->connections.lock);
    bool allowed = *crowd_counter(&api->connections.crowd, &host) < api->config.per_address_max;
    pthread_mutex_unlock(&api->connections.lock);
    return allowed ? MHD_YES : MHD_NO;
}

/* ---- the list ---- */

static void add(struct kedge_api *api, struct MHD_Connection *from, struct connection *connection)
{
    struct connections *connections = &api->connections;
    const union MHD_ConnectionInfo *info;
    info = MHD_get_connection_info(from, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection->file = info->connect_fd;
    info = MHD_get_connection_info(from, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    connection->peer = host_of(info->client_addr);
    if (is_counted(api, &connection->peer))
        connection->counter = crowd_counter(&connections->crowd, &connection->peer);
    pthread_mutex_lock(&connections->lock);
    connection->next = connections->first;
    if (connection->next != NULL)
        connection->next->previous = connection;
    connections->first = connection;
    if (connection->counter != NULL)
        ++*connection->counter;
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
    if (connection->counter != NULL)
        --*connection->counter;
    pthread_mutex_unlock(&connections->lock);
}

struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

bool connection_left(struct MHD_Connection *from)
{
    const struct connection *connection = connection_of(from);
    return connection != NULL && connection->left;
}

void connection_enter(struct MHD_Connection *from, enum slowness_phase phase)
{
    struct connection *connection = connection_of(from);
    if (connection != NULL)
        slowness_enter(&connection->slowness, phase);
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
        add(api, from, connection);
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

static enum MHD_Result take_line(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    if (value != NULL && strcasecmp(name, "X-Forwarded-For") == 0)
        forwarded_take(context, kedge_slice_text(value));
    return MHD_YES;
}

struct host request_client(const struct request *request)
{
    const struct connection *connection = connection_of(request->connection);
    struct forwarded forwarded = {.count = 0};
    if (connection == NULL)
        return (struct host){.bytes = {0}};
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, take_line, &forwarded);
    return forwarded_client(&forwarded, &request->api->proxies, &connection->peer);
}

void transfer_begin(struct request *request, uint64_t first, uint64_t size)
{
    struct connection *connection = connection_of(request->connection);
    struct tcp_info info;
    if (connection != NULL)
        connection->held_until_ns = 0;
    if (connection == NULL || !ask_tcp(connection, &info))
        return;
    struct transfer transfer = {
        .going = true, .first = first, .size = size, .acknowledged = info.tcpi_bytes_acked};
    transfer.client = request_client(request);
    (void)snprintf(transfer.digest, sizeof(transfer.digest), "%.*s",
                   (int)sizeof(transfer.digest) - 1, request->parameter);
    pthread_mutex_lock(&request->api->connections.lock);
    connection->transfer = transfer;
    pthread_mutex_unlock(&request->api->connections.lock);
}

static void describe(const struct connection *connection, struct kedge_backend_progress *progress)
{
    const struct transfer *transfer = &connection->transfer;
    host_text(&transfer->client, progress->host);
    memcpy(progress->digest, transfer->digest, sizeof(progress->digest));
    progress->reach = transfer->first + transfer->told;
    progress->wait_ms = 0;
}

/* How long it is still held back by the server itself; 0: it is not. */
static uint64_t held_for_ms(const struct connection *connection, uint64_t now_ns)
{
    uint64_t until_ns = connection->held_until_ns;
    if (!connection->transfer.going || until_ns <= now_ns)
        return 0;
    return (until_ns - now_ns + 999999u) / 1000000u;
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
    tally_downloaded(request->api->tally,
                     whole ? connection->transfer.size : connection->transfer.told);
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

static uint64_t unread_bytes(const struct connection *connection)
{
    int unread = 0;
    return ioctl(connection->file, SIOCINQ, &unread) == 0 && unread > 0 ? (uint64_t)unread : 0;
}

/* Nobody else can have the descriptor: libmicrohttpd closes it after it has said that the
 * connection ends, which takes the lock. Once a second until then, each a new edge for epoll. */
static void end_late(struct kedge_api *api, struct connection *connection,
                     const struct tcp_info *info, uint64_t now_ns)
{
    const struct slowness_limits limits = {.header_s = api->config.header_limit_s,
                                           .body_s = api->config.body_limit_s};
    struct slowness *slowness = &connection->slowness;
    if (!connection->late && slowness_look(slowness, &limits, info->tcpi_bytes_received,
                                           unread_bytes(connection), now_ns)) {
        connection->late = true;
        tally_late(api->tally, slowness_seen(slowness));
    }
    if (connection->late)
        (void)shutdown(connection->file, SHUT_RDWR);
}

/* No more than a new edge for epoll: the one way for a connection that has ended, the other for one
 * that has bytes (tcp_set_rcvlowat() of Linux looks whether there are any, and says so). */
static void wake_up(struct connection *connection, const struct tcp_info *info)
{
    static const int one = 1;
    connection->left = info->tcpi_state == STATE_CLOSE_WAIT || info->tcpi_state == STATE_CLOSE;
    if (info->tcpi_state == STATE_CLOSE_WAIT)
        (void)shutdown(connection->file, SHUT_RD);
    else if (connection->received == info->tcpi_bytes_received && unread_bytes(connection) > 0)
        (void)setsockopt(connection->file, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
    connection->received = info->tcpi_bytes_received;
}

/* Once a second: connections are kept from beginning and ending for so long, some 10 ms. */
static void look_at_all(struct kedge_api *api)
{
    const struct kedge_backend *backend = api->config.backend;
    struct kedge_backend_progress progress[KEDGE_BACKEND_PROGRESS_MAX];
    const uint64_t now_ns = kedge_pace_now_ns();
    size_t count = 0;
    bool left = false;
    struct tcp_info info;
    for (struct connection *at = api->connections.first; at != NULL; at = at->next) {
        if (!ask_tcp(at, &info))
            continue;
        wake_up(at, &info);
        left |= at->left;
        end_late(api, at, &info, now_ns);
        if (has_moved(&at->transfer, &info))
            describe(at, &progress[count++]);
        uint64_t wait_ms = held_for_ms(at, now_ns);
        if (wait_ms > 0) {
            describe(at, &progress[count]);
            progress[count++].wait_ms = wait_ms;
        }
        if (count + 2 > KEDGE_BACKEND_PROGRESS_MAX) {
            backend->downloaded(backend->context, progress, count);
            count = 0;
        }
    }
    if (count > 0)
        backend->downloaded(backend->context, progress, count);
    if (left)
        events_let_go(api->events);
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
    if (crowd_init(&connections->crowd) != KEDGE_OK)
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
