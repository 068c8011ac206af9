/*
 * connections.c: the open connections: how many there are from each address, and a look at all of
 * them once a second.
 *
 * libmicrohttpd 0.9.75 on edge-triggered epoll does not notice the end of a connection that comes
 * together with the last bytes: it reads those, takes the socket for drained, and hears no more of
 * it. What was half uploaded would stay until the idle limit. So a connection that the other side
 * has ended is woken up until it is closed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <kedge/crypto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "updater/api/internal.h"

#define LOOK_PERIOD_S 1

/* ---- how many from one address ---- */

/*
 * Addresses share counters by a keyed hash, so that nobody can choose whom to share with; at that
 * many counters, few do. Of an IPv6 address the first half counts: that is what one customer has.
 */
static uint16_t counter_of(const struct connections *connections, const struct sockaddr *address)
{
    uint8_t text[sizeof(connections->key) + 8] = {0}, digest[KEDGE_SHA256_SIZE];
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    const uint8_t *host = v6->s6_addr;
    size_t size = 8;
    if (address->sa_family == AF_INET) {
        host = (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
        size = 4;
    } else if (IN6_IS_ADDR_V4MAPPED(v6)) {
        host = &v6->s6_addr[12];
        size = 4;
    }
    bool loopback = size == 4 ? host[0] == 127 : IN6_IS_ADDR_LOOPBACK(v6);
    if (loopback)
        return COUNTERS;
    memcpy(text, connections->key, sizeof(connections->key));
    memcpy(&text[sizeof(connections->key)], host, size);
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

/* ---- looking at them ---- */

static void look(const struct connection *connection)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    if (getsockopt(connection->file, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
        info.tcpi_state == TCP_CLOSE_WAIT)
        (void)shutdown(connection->file, SHUT_RD); /* no more than a new edge for epoll */
}

static void *watch(void *context)
{
    struct connections *connections = context;
    pthread_mutex_lock(&connections->lock);
    while (!connections->ending) {
        if (connections->first == NULL) {
            pthread_cond_wait(&connections->changed, &connections->lock);
            continue;
        }
        for (const struct connection *at = connections->first; at != NULL; at = at->next)
            look(at);
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

int connections_start(struct connections *connections)
{
    if (getrandom(connections->key, sizeof(connections->key), 0) !=
        (ssize_t)sizeof(connections->key))
        return errno;
    int failed = pthread_create(&connections->watcher, NULL, watch, connections);
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
