/* security.c: see security.h. */
#include "tests/swarm/security.h"
#include "tests/swarm/swarm.h"

#include <errno.h>
#include <string.h>

/* The two suites that LwM2M asks of a client with a key (Core 1.1, section 5.2.8.1). */
#define PRIORITIES                                                                            \
    "NONE:+VERS-DTLS1.2:+COMP-NULL:+PSK:+AES-128-CCM-8:+AES-128-CBC:+AEAD:+SHA256:+SIGN-ALL:" \
    "%SAFE_RENEGOTIATION"
#define HANDSHAKE_MS 60000u
#define TRIES_MAX 8u /* of what says "not fatal, call again" */

bool device_is_secure(const struct device *device)
{
    return device->swarm->options->secure;
}

/* ---- what all devices share ---- */

static gnutls_datum_t copy(const void *data, size_t size)
{
    gnutls_datum_t out = {.data = gnutls_malloc(size > 0 ? size : 1)};
    if (out.data == NULL)
        return out;
    memcpy(out.data, data, size);
    out.size = (unsigned)size;
    return out;
}

/* GnuTLS frees what it is given, the key after it was used. */
static int give_key(gnutls_session_t tls, gnutls_datum_t *identity, gnutls_datum_t *key)
{
    const struct device *device = gnutls_session_get_ptr(tls);
    const struct psk_row *row = &device->swarm->options->psk.rows[device->place.index];
    uint8_t bytes[PSK_KEY_MAX];
    size_t size = psk_row_key(row, bytes);
    *identity = copy(row->identity.data, row->identity.size);
    *key = copy(bytes, size);
    kedge_wipe(bytes, sizeof bytes);
    return identity->data != NULL && key->data != NULL ? 0 : -1;
}

enum kedge_rc security_open(struct swarm *swarm)
{
    struct security *security = &swarm->security;
    if (!swarm->options->secure)
        return KEDGE_OK;
    if (gnutls_priority_init(&security->priorities, PRIORITIES, NULL) != GNUTLS_E_SUCCESS ||
        gnutls_psk_allocate_client_credentials(&security->credentials) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    gnutls_psk_set_client_credentials_function2(security->credentials, give_key);
    return KEDGE_OK;
}

void security_close(struct swarm *swarm)
{
    if (swarm->security.credentials != NULL)
        gnutls_psk_free_client_credentials(swarm->security.credentials);
    if (swarm->security.priorities != NULL)
        gnutls_priority_deinit(swarm->security.priorities);
}

/* ---- datagrams to and from GnuTLS ---- */

static ssize_t push(gnutls_transport_ptr_t context, const void *data, size_t size)
{
    struct device *device = context;
    weather_send(device, &device->swarm->options->server, kedge_slice(data, size),
                 device->association.push_delay_ms);
    return (ssize_t)size;
}

static ssize_t pull(gnutls_transport_ptr_t context, void *out, size_t capacity)
{
    struct association *association = &((struct device *)context)->association;
    struct kedge_slice bytes = association->incoming;
    if (bytes.size == 0) {
        gnutls_transport_set_errno(association->tls, EAGAIN);
        return -1;
    }
    size_t size = bytes.size < capacity ? bytes.size : capacity;
    memcpy(out, bytes.data, size);
    association->incoming = kedge_slice(NULL, 0);
    return (ssize_t)size;
}

static int pull_timeout(gnutls_transport_ptr_t context, unsigned wait_ms)
{
    const struct device *device = context;
    (void)wait_ms;
    return device->association.incoming.size > 0;
}

/* ---- handshakes ---- */

static bool open_session(struct device *device)
{
    struct association *association = &device->association;
    const struct security *security = &device->swarm->security;
    if (gnutls_init(&association->tls, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK |
                                           GNUTLS_NO_SIGNAL) != GNUTLS_E_SUCCESS)
        return false;
    gnutls_session_t tls = association->tls;
    association->number++;
    gnutls_session_set_ptr(tls, device);
    gnutls_transport_set_ptr(tls, device);
    gnutls_transport_set_push_function(tls, push);
    gnutls_transport_set_pull_function(tls, pull);
    gnutls_transport_set_pull_timeout_function(tls, pull_timeout);
    gnutls_dtls_set_mtu(tls, SWARM_SEND_MAX);
    /* RFC 6347 section 4.2.4.1 begins with 1 second, half of CoAP's 2. */
    gnutls_dtls_set_timeouts(tls, device->swarm->options->ack_timeout_ms / 2 + 1, HANDSHAKE_MS);
    if (association->ticket.size > 0)
        (void)gnutls_session_set_data(tls, association->ticket.data, association->ticket.size);
    return gnutls_priority_set(tls, security->priorities) == GNUTLS_E_SUCCESS &&
           gnutls_credentials_set(tls, GNUTLS_CRD_PSK, security->credentials) == GNUTLS_E_SUCCESS;
}

static void keep_ticket(struct association *association)
{
    gnutls_datum_t ticket;
    if ((gnutls_session_get_flags(association->tls) & GNUTLS_SFLAGS_SESSION_TICKET) == 0 ||
        gnutls_session_get_data2(association->tls, &ticket) != GNUTLS_E_SUCCESS)
        return;
    gnutls_free(association->ticket.data);
    association->ticket = ticket;
}

static void lose(struct device *device)
{
    security_drop(device);
    exchange_drop(device);
    registration_failed(device);
    device_next(device);
}

/* It might be the ticket: the next one does without. */
static void handshake_failed(struct device *device)
{
    struct association *association = &device->association;
    device->swarm->counts.handshakes_failed++;
    gnutls_free(association->ticket.data);
    association->ticket = (gnutls_datum_t){0};
    lose(device);
}

static void read_all(struct device *device);

static void handshake_done(struct device *device)
{
    struct association *association = &device->association;
    struct swarm_counts *counts = &device->swarm->counts;
    uint32_t number = association->number;
    association->up = true;
    timers_cancel(&device->swarm->timers, &association->timer);
    counts->handshakes++;
    counts->handshakes_resumed += gnutls_session_is_resumed(association->tls) != 0;
    keep_ticket(association);
    read_all(device); /* what came in the same datagram */
    if (association->up && association->number == number)
        device_next(device);
}

static void shake(struct device *device, struct kedge_slice datagram);

static void on_handshake_timer(void *context)
{
    shake(context, kedge_slice(NULL, 0));
}

/* Takes the handshake on, with what came or (when empty) because it is time. */
static void shake(struct device *device, struct kedge_slice datagram)
{
    struct association *association = &device->association;
    struct swarm *swarm = device->swarm;
    int code = GNUTLS_E_AGAIN;
    association->incoming = datagram;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        code = gnutls_handshake(association->tls);
        if (code == GNUTLS_E_SUCCESS || gnutls_error_is_fatal(code) ||
            (code == GNUTLS_E_AGAIN && association->incoming.size == 0))
            break;
    }
    if (code == GNUTLS_E_SUCCESS)
        handshake_done(device);
    else if (gnutls_error_is_fatal(code))
        handshake_failed(device);
    else
        (void)timers_arm(&swarm->timers, &association->timer,
                         swarm->now_ms + gnutls_dtls_get_timeout(association->tls) + 1,
                         on_handshake_timer, device);
    association->incoming = kedge_slice(NULL, 0);
}

bool security_ready(struct device *device)
{
    struct association *association = &device->association;
    if (!device_is_secure(device) || association->up)
        return true;
    if (association->tls != NULL)
        return false;
    if (open_session(device))
        shake(device, kedge_slice(NULL, 0));
    else
        handshake_failed(device);
    return false;
}

/* ---- messages ---- */

void security_send(struct device *device, const struct swarm_address *to,
                   struct kedge_slice message, uint64_t delay_ms)
{
    struct association *association = &device->association;
    if (!device_is_secure(device)) {
        weather_send(device, to, message, delay_ms);
        return;
    }
    if (!association->up)
        return;
    association->push_delay_ms = delay_ms;
    (void)gnutls_record_send(association->tls, message.data, message.size);
    association->push_delay_ms = 0;
}

/* A message may end the association, by a restart of the device, and another begin. */
static void read_all(struct device *device)
{
    struct association *association = &device->association;
    uint32_t number = association->number;
    uint8_t plain[SWARM_RECEIVE_MAX];
    for (unsigned idle = 0; idle < TRIES_MAX && association->up && association->number == number;) {
        ssize_t code = gnutls_record_recv(association->tls, plain, sizeof plain);
        if (code > 0) {
            message_receive(device, &device->swarm->options->server,
                            kedge_slice(plain, (size_t)code));
        } else if (code == GNUTLS_E_AGAIN && association->incoming.size == 0) {
            return;
        } else if (code == 0 || gnutls_error_is_fatal((int)code)) {
            device->swarm->counts.associations_ended++;
            lose(device);
            return;
        } else {
            idle++;
        }
    }
}

void security_receive(struct device *device, const struct swarm_address *from,
                      struct kedge_slice datagram)
{
    struct association *association = &device->association;
    if (!device_is_secure(device)) {
        message_receive(device, from, datagram);
        return;
    }
    if (association->tls == NULL || !address_equal(from, &device->swarm->options->server))
        return;
    if (!association->up) {
        shake(device, datagram);
        return;
    }
    association->incoming = datagram;
    read_all(device);
    association->incoming = kedge_slice(NULL, 0);
}

void security_drop(struct device *device)
{
    struct association *association = &device->association;
    timers_cancel(&device->swarm->timers, &association->timer);
    association->up = false;
    if (association->tls == NULL)
        return;
    gnutls_deinit(association->tls);
    association->tls = NULL;
}

void security_say_goodbye(struct device *device)
{
    if (device->association.up)
        (void)gnutls_bye(device->association.tls, GNUTLS_SHUT_WR);
    security_drop(device);
}

void security_free(struct device *device)
{
    security_drop(device);
    gnutls_free(device->association.ticket.data);
    device->association.ticket = (gnutls_datum_t){0};
}
