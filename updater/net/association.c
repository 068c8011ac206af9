/*
 * association.c: GnuTLS over datagrams that are handed to it and taken from it.
 *
 * A datagram may hold many records, and GnuTLS stops after each one that it drops. Whatever a
 * datagram brings is read before the next one comes, or records that anybody can make up would
 * stand before those of the peer.
 *
 * The last flight is sent again when the peer repeats its own (RFC 6347 section 4.2.4), which
 * GnuTLS does. But a peer that uses GnuTLS (3.7.9) may wait for the Finished without repeating
 * anything: when the ticket of two flights came after their ChangeCipherSpec, one of these stays
 * unread, and as long as something is unread, it believes that the rest is under way. So the
 * Finished is kept, and sent again until the peer is heard. It alone: the rest of the flight is in
 * the clear, and a peer that has begun anew meanwhile would take it for a part of what it waits
 * for.
 */
#include "updater/net/dtls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_HEAD_SIZE 13u /* RFC 6347 section 4.1 */
/* Of what says "not fatal, call again": that often for one datagram at most. */
#define TRIES_MAX (DATAGRAM_SIZE / RECORD_HEAD_SIZE + 8u)
#define FINISHED_SIZE_MAX 128u  /* of its record, by every suite that is taken */
#define FINISHED_REPEATS_MAX 5u /* that is for 31 times the first wait */

/* What was sent last in a step of the handshake. */
struct sent {
    size_t size; /* 0: nothing, or more than it could be */
    uint8_t record[FINISHED_SIZE_MAX];
};

static void note_sent(struct sent *sent, const void *record, size_t size)
{
    sent->size = size <= sizeof sent->record ? size : 0;
    memcpy(sent->record, record, sent->size);
}

static ssize_t push(gnutls_transport_ptr_t context, const void *data, size_t size)
{
    struct association *association = context;
    net_transmit_datagram(association->net, &association->address, &association->path,
                          kedge_slice(data, size));
    if (association->sent != NULL)
        note_sent(association->sent, data, size);
    return (ssize_t)size;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *out, size_t capacity)
{
    struct association *association = context;
    struct kedge_slice bytes = association->incoming;
    if (bytes.size == 0) {
        association->half_read = false;
        gnutls_transport_set_errno(association->tls, EAGAIN);
        return -1;
    }
    size_t size = bytes.size < capacity ? bytes.size : capacity;
    memcpy(out, bytes.data, size);
    association->incoming = kedge_slice(NULL, 0);
    association->half_read = true;
    return (ssize_t)size;
}

/* Whether there is more to be read, in GnuTLS's own buffer too. */
static bool has_more(const struct association *association)
{
    return association->incoming.size > 0 || association->half_read;
}

static int pull_timeout(gnutls_transport_ptr_t context, unsigned wait_ms)
{
    (void)wait_ms;
    return has_more(context);
}

static enum kedge_rc open_session(struct association *association,
                                  const gnutls_dtls_prestate_st *prestate)
{
    if (gnutls_init(&association->tls, GNUTLS_SERVER | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK |
                                           GNUTLS_NO_SIGNAL | GNUTLS_ENABLE_RAWPK) !=
        GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    gnutls_session_t tls = association->tls;
    gnutls_session_set_ptr(tls, association);
    gnutls_transport_set_ptr(tls, association);
    gnutls_transport_set_push_function(tls, push);
    gnutls_transport_set_pull_function(tls, pull);
    gnutls_transport_set_pull_timeout_function(tls, pull_timeout);
    gnutls_dtls_set_mtu(tls, DTLS_MTU);
    gnutls_dtls_set_timeouts(tls, association->net->config.handshake_retransmit_ms,
                             DTLS_HANDSHAKE_MS);
    gnutls_dtls_prestate_set(tls, (gnutls_dtls_prestate_st *)(uintptr_t)prestate);
    return dtls_keys_use(association);
}

struct association *association_create(struct kedge_net *net, const struct kedge_address *address,
                                       const struct path *path, uint64_t hello, bool raw_keys_only,
                                       const gnutls_dtls_prestate_st *prestate)
{
    struct association *association = calloc(1, sizeof *association);
    if (association == NULL)
        return NULL;
    *association = (struct association){.net = net,
                                        .address = *address,
                                        .path = *path,
                                        .hello = hello,
                                        .raw_keys_only = raw_keys_only,
                                        .used_at_ms = net->now_ms};
    if (open_session(association, prestate) == KEDGE_OK)
        return association;
    association_free(association);
    return NULL;
}

void association_free(struct association *association)
{
    if (association == NULL)
        return;
    kedge_net_timer_cancel(association->net, &association->timer);
    if (association->tls != NULL)
        gnutls_deinit(association->tls);
    free(association->finished);
    free(association->name);
    free(association);
}

/* ---- the Finished ---- */

/* Without memory it is not sent again. */
static void keep_finished(struct association *association, const struct sent *sent)
{
    if (sent->size == 0)
        return; /* the peer's was the last: it speaks first */
    association->finished = malloc(sent->size);
    if (association->finished == NULL)
        return;
    memcpy(association->finished, sent->record, sent->size);
    association->finished_size = sent->size;
}

static void forget_finished(struct association *association)
{
    free(association->finished);
    association->finished = NULL;
}

bool association_awaits_peer(const struct association *association)
{
    return association->finished != NULL;
}

uint32_t association_repeat_finished(struct association *association)
{
    net_transmit_datagram(association->net, &association->address, &association->path,
                          kedge_slice(association->finished, association->finished_size));
    if (++association->repeats == FINISHED_REPEATS_MAX)
        forget_finished(association);
    return association->net->config.handshake_retransmit_ms << association->repeats;
}

/* ---- handshakes ---- */

/* Takes the handshake as far as what has come allows. */
static int step(struct association *association)
{
    int code = GNUTLS_E_AGAIN;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        code = gnutls_handshake(association->tls);
        if (code == GNUTLS_E_SUCCESS || gnutls_error_is_fatal(code) ||
            (code == GNUTLS_E_AGAIN && !has_more(association)))
            break;
    }
    return code;
}

enum kedge_rc association_shake(struct association *association, struct kedge_slice bytes,
                                unsigned *wait_ms, const char **words)
{
    struct sent sent;
    sent.size = 0;
    association->incoming = bytes;
    association->sent = &sent;
    int code = step(association);
    association->sent = NULL;
    if (code == GNUTLS_E_SUCCESS) {
        keep_finished(association, &sent);
        return KEDGE_OK;
    }
    association->incoming = kedge_slice(NULL, 0);
    if (!gnutls_error_is_fatal(code)) {
        *wait_ms = gnutls_dtls_get_timeout(association->tls);
        return KEDGE_E_BUSY;
    }
    *words = code == GNUTLS_E_FATAL_ALERT_RECEIVED
                 ? gnutls_alert_get_name(gnutls_alert_get(association->tls))
                 : gnutls_strerror(code);
    if (association->stranger) {
        *words = "nobody is enrolled by its identity";
        (void)gnutls_alert_send(association->tls, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_PSK_IDENTITY);
    } else if (code != GNUTLS_E_FATAL_ALERT_RECEIVED && code != GNUTLS_E_TIMEDOUT) {
        (void)gnutls_alert_send_appropriate(association->tls, code);
    }
    return KEDGE_E_CONNECTION;
}

/* ---- messages ---- */

void association_take(struct association *association, struct kedge_slice bytes)
{
    association->incoming = bytes;
}

enum kedge_rc association_read(struct association *association, uint8_t *out, size_t capacity,
                               size_t *size)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        ssize_t code = gnutls_record_recv(association->tls, out, capacity);
        if (code > 0) {
            forget_finished(association);
            *size = (size_t)code;
            return KEDGE_OK;
        }
        if (code == 0 || gnutls_error_is_fatal((int)code))
            return KEDGE_E_CONNECTION;
        if (code == GNUTLS_E_AGAIN && !has_more(association))
            break;
    }
    association->incoming = kedge_slice(NULL, 0);
    return KEDGE_E_NOT_FOUND;
}

void association_send(struct association *association, struct kedge_slice bytes)
{
    if (gnutls_record_send(association->tls, bytes.data, bytes.size) < 0)
        association->net->counters.send_failures++;
}

void association_say_goodbye(struct association *association)
{
    (void)gnutls_bye(association->tls, GNUTLS_SHUT_WR);
}
