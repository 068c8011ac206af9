/*
 * bench_dtls_floor.c: the least that a server of devices with pre-shared keys can do: datagrams in
 * and out in batches, GnuTLS between them, a session for each address, cookies, and a reply to each
 * message; and to a Bootstrap-Request the steps of bootstrapping, one after the other, with nothing
 * made, written down or looked at. No timers, no look-up of keys in a store: what kedged's
 * handshakes and bootstraps are measured against.
 *
 *    bench_dtls_floor SESSIONS      prints its port, and serves until it is ended
 */
#include "tests/bench/bench_dtls.h"
#include "tests/bench/floor.h"

#include <kedge/coap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_HANDSHAKE 22u
#define CLIENT_HELLO_OFFSET 13u /* behind the head of the record: the type of the message */

static struct {
    uint64_t registered;
    gnutls_datum_t cookie_key;
    gnutls_priority_t priorities;
    gnutls_psk_server_credentials_t psk;
    struct sockaddr_in to;
} server;

/* ---- GnuTLS's way in and out ---- */

static ssize_t push(gnutls_transport_ptr_t context, const void *data, size_t size)
{
    uint8_t *buffer = floor_reply();
    (void)context;
    if (buffer == NULL || size > FLOOR_DATAGRAM_MAX)
        return (ssize_t)size;
    memcpy(buffer, data, size);
    floor_reply_is(&server.to, size);
    return (ssize_t)size;
}

static int find_key(gnutls_session_t tls, const char *identity, gnutls_datum_t *key)
{
    (void)tls;
    key->data = gnutls_malloc(BENCH_KEY_SIZE);
    key->size = BENCH_KEY_SIZE;
    bench_key((uint32_t)strtoul(identity + strlen(BENCH_NAME), NULL, 10), key->data);
    return 0;
}

static bool open_session(struct floor_record *session, const gnutls_dtls_prestate_st *prestate)
{
    if (session->tls != NULL)
        gnutls_deinit(session->tls);
    session->ready = false;
    if (gnutls_init(&session->tls, GNUTLS_SERVER | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK) < 0)
        return false;
    bench_transport(session->tls, session, push);
    gnutls_dtls_prestate_set(session->tls, (gnutls_dtls_prestate_st *)(uintptr_t)prestate);
    return gnutls_priority_set(session->tls, server.priorities) >= 0 &&
           gnutls_credentials_set(session->tls, GNUTLS_CRD_PSK, server.psk) >= 0;
}

/* ---- serving ---- */

static void transmit(struct floor_record *session, const struct kedge_coap_builder *builder)
{
    struct kedge_slice message;
    if (kedge_coap_finish(builder, &message) == KEDGE_OK)
        (void)gnutls_record_send(session->tls, message.data, message.size);
}

static void send_step(struct floor_record *session)
{
    static const struct {
        uint8_t code;
        const char *path;
        size_t body_size;
    } steps[] = {{KEDGE_COAP_GET, "", 0},     {KEDGE_COAP_DELETE, "0", 0},
                 {KEDGE_COAP_DELETE, "1", 0}, {KEDGE_COAP_PUT, "0/1", 90},
                 {KEDGE_COAP_PUT, "1/0", 14}, {KEDGE_COAP_GET, "1/0", 0},
                 {KEDGE_COAP_POST, "bs", 0}};
    static const uint8_t body[90];
    struct kedge_coap_builder builder;
    uint8_t buffer[256];
    if (session->step == sizeof steps / sizeof steps[0])
        return;
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_CON, steps[session->step].code,
                     session->step, kedge_slice(&session->step, 1));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, steps[session->step].path);
    kedge_coap_add_payload(&builder, kedge_slice(body, steps[session->step].body_size));
    transmit(session, &builder);
}

static void answer_bootstrap(struct floor_record *session, const struct kedge_coap_message *request)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[64];
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_ACK, KEDGE_COAP_CHANGED,
                     request->message_id, kedge_slice(request->token, request->token_size));
    transmit(session, &builder);
    session->step = 0;
    send_step(session);
}

static void answer_register(struct floor_record *session, const struct kedge_coap_message *request)
{
    struct kedge_coap_builder builder;
    uint8_t buffer[256];
    char location[25];
    kedge_coap_begin(&builder, buffer, sizeof buffer, KEDGE_COAP_ACK, KEDGE_COAP_CREATED,
                     request->message_id, kedge_slice(request->token, request->token_size));
    (void)snprintf(location, sizeof location, "%024llx", (unsigned long long)++server.registered);
    kedge_coap_add_path(&builder, KEDGE_COAP_LOCATION_PATH, "rd");
    kedge_coap_add_path(&builder, KEDGE_COAP_LOCATION_PATH, location);
    transmit(session, &builder);
}

static void answer(struct floor_record *session, struct kedge_slice datagram)
{
    struct kedge_coap_message message;
    if (kedge_coap_parse(datagram, &message) != KEDGE_OK)
        return;
    if (message.code == KEDGE_COAP_POST && kedge_coap_path_is(&message, "bs")) {
        answer_bootstrap(session, &message);
    } else if (message.code == KEDGE_COAP_POST) {
        answer_register(session, &message);
    } else if (message.type == KEDGE_COAP_ACK && message.message_id == session->step) {
        session->step++;
        send_step(session);
    }
}

static void shake_or_read(struct floor_record *session)
{
    uint8_t plain[FLOOR_DATAGRAM_MAX];
    ssize_t size;
    if (!session->ready)
        session->ready = gnutls_handshake(session->tls) == GNUTLS_E_SUCCESS;
    else if ((size = gnutls_record_recv(session->tls, plain, sizeof plain)) > 0)
        answer(session, kedge_slice(plain, (size_t)size));
}

static void on_datagram(const struct sockaddr_in *from, uint8_t *bytes, size_t size)
{
    gnutls_dtls_prestate_st prestate;
    struct floor_record *session = floor_find(from);
    bool hello = size > CLIENT_HELLO_OFFSET && bytes[0] == RECORD_HANDSHAKE && bytes[3] == 0 &&
                 bytes[4] == 0 && bytes[CLIENT_HELLO_OFFSET] == GNUTLS_HANDSHAKE_CLIENT_HELLO;
    server.to = *from;
    memset(&prestate, 0, sizeof prestate);
    if (hello && gnutls_dtls_cookie_verify(&server.cookie_key, &server.to, sizeof server.to, bytes,
                                           size, &prestate) < 0) {
        (void)gnutls_dtls_cookie_send(&server.cookie_key, &server.to, sizeof server.to, &prestate,
                                      NULL, push);
        return;
    }
    if (session == NULL || (!hello && session->peer.sin_family == 0))
        return;
    if (hello && !open_session(session, &prestate))
        return;
    session->peer = *from;
    bench_incoming = kedge_slice(bytes, size);
    shake_or_read(session);
}

static bool open_keys(void)
{
    if (gnutls_key_generate(&server.cookie_key, GNUTLS_COOKIE_KEY_SIZE) < 0 ||
        gnutls_priority_init(&server.priorities, BENCH_SUITE, NULL) < 0 ||
        gnutls_psk_allocate_server_credentials(&server.psk) < 0)
        return false;
    gnutls_psk_set_server_credentials_function(server.psk, find_key);
    return true;
}

int main(int argc, char **argv)
{
    if (!open_keys()) {
        fputs("bench_dtls_floor: GnuTLS cannot be used\n", stderr);
        return 1;
    }
    return floor_main(argc, argv, on_datagram);
}
