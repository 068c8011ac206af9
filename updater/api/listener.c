/* listener.c: HTTP at one place, by libmicrohttpd: a few threads on epoll for all connections. */
#define _GNU_SOURCE
#include "updater/api/internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Request line and headers together. All of it is touched for each connection. */
#define CONNECTION_MEMORY (16u * 1024u)

/* ---- libmicrohttpd's callbacks ---- */

/* Escapes stay: a path is split at its slashes before they are replaced. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result queue_answer(struct request *request)
{
    if (request->answer == NULL)
        return MHD_NO;
    tally_note(request->api->tally, request->route, request->status,
               kedge_histogram_clock_us() - request->began_us);
    return MHD_queue_response(request->connection, request->status, request->answer);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *size, void **state)
{
    (void)version;
    struct request *request = *state;
    if (request == NULL) {
        request = calloc(1, sizeof(*request));
        if (request == NULL)
            return MHD_NO;
        const struct listener *listener = context;
        request->api = listener->api;
        request->began_us = kedge_histogram_clock_us();
        request->place = listener->place;
        request->connection = connection;
        *state = request;
        request_begin(request, url, method);
        connection_enter(connection, request->file_expected ? SLOWNESS_FILE : SLOWNESS_BODY);
        if (!request_answers_now(request))
            return MHD_YES;
        connection_enter(connection, SLOWNESS_ANSWER);
        return queue_answer(request);
    }
    if (*size > 0) {
        bool wanted = request_take(request, bytes, *size);
        *size = 0;
        return wanted ? MHD_YES : MHD_NO;
    }
    if (request->late)
        return MHD_NO;
    connection_enter(connection, SLOWNESS_ANSWER);
    /* When the answer is there, the suspended connection is resumed, and this called again. */
    if (request_waits(request) && workers_submit(&request->api->workers, request))
        return MHD_YES;
    request_finish(request);
    return queue_answer(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    connection_enter(connection, SLOWNESS_HEADER);
    request_destroy(*state, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    *state = NULL;
}

__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format,
                                                         va_list arguments)
{
    char line[512];
    (void)vsnprintf(line, sizeof(line), format, arguments);
    line[strcspn(line, "\n")] = '\0';
    api_log(context, "http: %s", line);
}

bool listener_address(const char *text, uint16_t port, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return true;
    }
    memset(address, 0, sizeof(*address));
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return inet_pton(AF_INET6, text[0] == '\0' ? "::" : text, &v6->sin6_addr) == 1;
}

/*
 * TLS 1.2 and 1.3 with ephemeral keys. The suites of small devices (RFC 7925) come last, so that
 * only those are given one that have no other.
 */
static const char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:+AES-128-CCM-8:%SERVER_PRECEDENCE";

bool listener_start(struct listener *listener, const struct sockaddr_storage *address)
{
    struct kedge_api *api = listener->api;
    const struct kedge_api_config *config = &api->config;
    const struct kedge_api_listener *place = listener->place;
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities},
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)(uintptr_t)certificate_retrieve},
        {MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (address->ss_family == AF_INET6)
        flags |= place->address[0] == '\0' ? MHD_USE_DUAL_STACK : MHD_USE_IPv6;
    if (place->secure)
        flags |= MHD_USE_TLS;
    /* The logger comes first, so that it is there for what is wrong with the others. */
    listener->daemon = MHD_start_daemon(
        flags, place->port, connections_allow, api, on_request, listener,
        MHD_OPTION_EXTERNAL_LOGGER, on_log, api, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        NULL, MHD_OPTION_NOTIFY_CONNECTION, connections_notify, api, MHD_OPTION_THREAD_POOL_SIZE,
        CONNECTION_THREADS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)config->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)config->idle_limit_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_ARRAY, place->secure ? tls : &tls[2], MHD_OPTION_END);
    return listener->daemon != NULL;
}
