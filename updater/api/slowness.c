/* slowness.c: see slowness.h. */
#define _GNU_SOURCE
#include "updater/api/slowness.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "updater/api/internal.h"

#define NS_PER_S UINT64_C(1000000000)
#define US_PER_S UINT64_C(1000000)

/* ---- where it is, and whether it is late ---- */

void slowness_enter(struct slowness *slowness, enum slowness_phase phase)
{
    uint64_t before = atomic_load_explicit(&slowness->entered, memory_order_relaxed);
    uint64_t serial = before / SLOWNESS_PHASE_COUNT + 1;
    atomic_store_explicit(&slowness->entered, serial * SLOWNESS_PHASE_COUNT + phase,
                          memory_order_relaxed);
}

enum slowness_phase slowness_seen(const struct slowness *slowness)
{
    return (enum slowness_phase)(slowness->seen % SLOWNESS_PHASE_COUNT);
}

/* Counts from what has been received by now. */
static void count_from(struct slowness *slowness, uint64_t received, uint64_t at_ns,
                       uint32_t span_s)
{
    slowness->from = received;
    slowness->late_ns = at_ns + span_s * NS_PER_S;
}

static void begin(struct slowness *slowness, const struct slowness_limits *limits,
                  uint64_t received, uint64_t now_ns)
{
    slowness->from = received;
    slowness->late_ns = 0;
    if (slowness_seen(slowness) == SLOWNESS_BODY)
        count_from(slowness, received, now_ns, limits->body_s + SLOWNESS_GRACE_S);
    if (slowness_seen(slowness) == SLOWNESS_FILE)
        count_from(slowness, received, now_ns, limits->body_s);
}

bool slowness_look(struct slowness *slowness, const struct slowness_limits *limits,
                   uint64_t received, uint64_t unread, uint64_t now_ns)
{
    const uint64_t entered = atomic_load_explicit(&slowness->entered, memory_order_relaxed);
    if (entered != slowness->seen) {
        slowness->seen = entered;
        begin(slowness, limits, received, now_ns);
    }
    const enum slowness_phase phase = slowness_seen(slowness);
    if (phase == SLOWNESS_HEADER && slowness->late_ns == 0 && received > slowness->from)
        count_from(slowness, received, now_ns, limits->header_s);
    if (slowness->late_ns == 0 || now_ns < slowness->late_ns || unread > 0)
        return false;
    if (phase != SLOWNESS_FILE || received - slowness->from < KEDGE_API_UPLOAD_LEAST)
        return true;
    count_from(slowness, received, now_ns, limits->body_s);
    return false;
}

/* ---- the answer to a body that is late ---- */

static const char answer_format[] =
    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
    "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n"
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n%s";
static const char problem_format[] =
    "{\"type\":\"about:blank\",\"status\":408,\"title\":\"Request Timeout\","
    "\"detail\":\"the body did not come within %u seconds\",\"code\":\"timeout\"}";

/*
 * libmicrohttpd takes no answer before a body has come to its end, so this one goes around it, on
 * its own thread: nothing has been written of another answer to this request. It is small enough
 * for the buffers of a socket; where they are full, the end of the connection has to say it all.
 */
static void send_and_end(struct request *request, const char *text, size_t size)
{
    struct MHD_Connection *connection = request->connection;
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    const int file =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (tls != NULL && tls->tls_session != NULL) {
        (void)gnutls_record_send(tls->tls_session, text, size);
        (void)gnutls_bye(tls->tls_session, GNUTLS_SHUT_WR);
    } else {
        (void)send(file, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    (void)shutdown(file, SHUT_RDWR);
}

bool slowness_refuses(struct request *request)
{
    const struct kedge_api_config *config = &request->api->config;
    const uint64_t spent_us = kedge_histogram_clock_us() - request->began_us;
    char problem[256], answer[512];
    if (request->late || request->file_expected || spent_us < config->body_limit_s * US_PER_S)
        return request->late;
    request->late = true;
    request->status = MHD_HTTP_REQUEST_TIMEOUT;
    tally_note(request->api->tally, request->route, request->status, spent_us);
    tally_late(request->api->tally, SLOWNESS_BODY);
    connection_enter(request->connection, SLOWNESS_ANSWER);
    int size = snprintf(problem, sizeof(problem), problem_format, config->body_limit_s);
    size = snprintf(answer, sizeof(answer), answer_format, (size_t)size, problem);
    send_and_end(request, answer, (size_t)size);
    return true;
}
