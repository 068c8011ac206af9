/*
 * dtls_tunnel.h: a scripted device that speaks by DTLS: its messages go through one association of
 * a GnuTLS client, which a thread of its own drives over a real socket.
 */
#ifndef KEDGE_TESTS_DTLS_TUNNEL_H
#define KEDGE_TESTS_DTLS_TUNNEL_H

#include "tests/unit/scripted_peer.h"

#include <fcntl.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <pthread.h>

#define TUNNEL_PRIORITIES "NONE:+VERS-DTLS1.2:+COMP-NULL:+PSK:+AES-128-CCM-8:+AEAD:+SIGN-ALL"
#define TUNNEL_LOOK_MS 20

struct tunnel {
    int socket; /* to the server */
    int inner;  /* to the device */
    gnutls_session_t tls;
    gnutls_psk_client_credentials_t psk;
    pthread_t thread;
    _Atomic bool is_up, has_failed, is_over;
};

static inline bool tunnel_shakes(struct tunnel *tunnel)
{
    int code = GNUTLS_E_AGAIN;
    while (code != GNUTLS_E_SUCCESS && !tunnel->is_over) {
        struct pollfd wait = {.fd = tunnel->socket, .events = POLLIN};
        (void)poll(&wait, 1, TUNNEL_LOOK_MS);
        code = gnutls_handshake(tunnel->tls);
        if (code < 0 && gnutls_error_is_fatal(code))
            return false;
    }
    return code == GNUTLS_E_SUCCESS;
}

/* What has come at either end goes out at the other. */
static inline void tunnel_carries(struct tunnel *tunnel)
{
    uint8_t bytes[2048];
    ssize_t size;
    while ((size = recv(tunnel->inner, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        (void)gnutls_record_send(tunnel->tls, bytes, (size_t)size);
    while ((size = gnutls_record_recv(tunnel->tls, bytes, sizeof bytes)) > 0)
        (void)send(tunnel->inner, bytes, (size_t)size, 0);
}

static inline void *tunnel_runs(void *context)
{
    struct tunnel *tunnel = context;
    if (!tunnel_shakes(tunnel)) {
        tunnel->has_failed = true;
        return NULL;
    }
    tunnel->is_up = true;
    while (!tunnel->is_over) {
        struct pollfd wait[] = {{.fd = tunnel->socket, .events = POLLIN},
                                {.fd = tunnel->inner, .events = POLLIN}};
        (void)poll(wait, 2, TUNNEL_LOOK_MS);
        tunnel_carries(tunnel);
    }
    return NULL;
}

static inline void tunnel_open_session(struct tunnel *tunnel, const char *identity, const char *key)
{
    const gnutls_datum_t secret = {.data = (uint8_t *)(uintptr_t)key,
                                   .size = (unsigned)strlen(key)};
    assert_int_equal(gnutls_init(&tunnel->tls, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK),
                     0);
    assert_int_equal(gnutls_priority_set_direct(tunnel->tls, TUNNEL_PRIORITIES, NULL), 0);
    assert_int_equal(gnutls_psk_allocate_client_credentials(&tunnel->psk), 0);
    assert_int_equal(
        gnutls_psk_set_client_credentials(tunnel->psk, identity, &secret, GNUTLS_PSK_KEY_RAW), 0);
    assert_int_equal(gnutls_credentials_set(tunnel->tls, GNUTLS_CRD_PSK, tunnel->psk), 0);
    gnutls_dtls_set_timeouts(tunnel->tls, 200, PATIENCE_MS);
    gnutls_transport_set_int(tunnel->tls, tunnel->socket);
}

/**
 * Puts `peer`, which is opened, behind an association under `identity`: from then on it speaks by
 * DTLS, from the same port.
 */
static inline void tunnel_open(struct tunnel *tunnel, struct scripted_peer *peer,
                               const char *identity, const char *key)
{
    int pair[2];
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    *tunnel = (struct tunnel){.socket = peer->file, .inner = pair[0]};
    assert_int_equal(fcntl(tunnel->socket, F_SETFL, O_NONBLOCK), 0);
    peer->file = pair[1];
    peer->address.secure = true;
    tunnel_open_session(tunnel, identity, key);
    assert_int_equal(pthread_create(&tunnel->thread, NULL, tunnel_runs, tunnel), 0);
    while (!tunnel->is_up && !tunnel->has_failed && test_clock_ms() < until_ms)
        server_turn(peer->net);
    assert_true(tunnel->is_up);
}

/** As a power cut ends it: nothing is said. Its port is free again. */
static inline void tunnel_close(struct tunnel *tunnel)
{
    tunnel->is_over = true;
    (void)pthread_join(tunnel->thread, NULL);
    gnutls_deinit(tunnel->tls);
    gnutls_psk_free_client_credentials(tunnel->psk);
    close(tunnel->inner);
    close(tunnel->socket);
}

#endif
