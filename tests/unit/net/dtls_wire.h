/*
 * dtls_wire.h: GnuTLS clients and the server's DTLS with a wire between them that loses, repeats
 * and reorders as a seed says. The wire is lists of datagrams: no socket is opened.
 */
#ifndef KEDGE_TESTS_DTLS_WIRE_H
#define KEDGE_TESTS_DTLS_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <time.h>
#include <unistd.h>

#include "updater/net/dtls.h"

#define WIRE_MAX 256u
#define WIRE_PATIENCE_MS 60000u
#define CCM8 "NONE:+VERS-DTLS1.2:+COMP-NULL:+PSK:+AES-128-CCM-8:+AEAD:+SIGN-ALL"
#define CBC "NONE:+VERS-DTLS1.2:+COMP-NULL:+PSK:+AES-128-CBC:+SHA256:+SIGN-ALL"

struct datagram {
    struct kedge_address from, to;
    size_t size;
    uint8_t bytes[DATAGRAM_SIZE];
};

struct queue {
    struct datagram *items;
    size_t count;
};

struct client;

/** Decides instead of the dice what becomes of a datagram: what is to arrive, and when, it puts
 * into `queue`. Of the server's they are those to `client`, else those that it sends. */
typedef void wire_script_fn(struct client *client, struct queue *queue,
                            const struct datagram *datagram);

struct wire {
    struct kedge_net *net;
    struct queue to_server;
    unsigned loss_percent, repeat_percent, swap_percent;
    uint64_t draws; /* the state of the dice */
    uint64_t lost, repeated;
    size_t answer_size_max; /* of the server, while it is counted */
    struct client *clients;
    wire_script_fn *script_to_client, *script_to_server; /* NULL: the dice */
    bool clock_stands;                                   /* for the server no time passes */
};

struct client {
    struct wire *wire;
    struct client *next;
    struct kedge_address address;
    gnutls_session_t tls;
    gnutls_psk_client_credentials_t psk; /* NULL: it shows a certificate */
    struct queue inbox;
    struct datagram cookie_hello; /* the ClientHello with its cookie, as it was sent last */
    struct datagram last_record;  /* and what was sent last of all */
    uint16_t next_message_id;
    void *script_state;
};

static inline uint64_t wire_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* xorshift64*, so that a seed tells the whole story. */
static inline unsigned wire_draw(struct wire *wire, unsigned below)
{
    wire->draws ^= wire->draws >> 12;
    wire->draws ^= wire->draws << 25;
    wire->draws ^= wire->draws >> 27;
    return (unsigned)((wire->draws * 0x2545F4914F6CDD1Du >> 33) % below);
}

static inline void queue_put(struct queue *queue, const struct datagram *datagram)
{
    if (queue->items == NULL)
        queue->items = calloc(WIRE_MAX, sizeof *queue->items);
    assert_true(queue->count < WIRE_MAX);
    queue->items[queue->count++] = *datagram;
}

static inline bool queue_take(struct queue *queue, struct datagram *out)
{
    if (queue->count == 0)
        return false;
    *out = queue->items[0];
    memmove(queue->items, queue->items + 1, --queue->count * sizeof *queue->items);
    return true;
}

/** Puts it on the wire, as the dice say. */
static inline void wire_carry(struct wire *wire, struct queue *queue,
                              const struct datagram *datagram)
{
    if (wire_draw(wire, 100) < wire->loss_percent) {
        wire->lost++;
        return;
    }
    queue_put(queue, datagram);
    if (wire_draw(wire, 100) < wire->repeat_percent) {
        wire->repeated++;
        queue_put(queue, datagram);
    }
    if (queue->count > 1 && wire_draw(wire, 100) < wire->swap_percent) {
        struct datagram last = queue->items[queue->count - 1];
        queue->items[queue->count - 1] = queue->items[queue->count - 2];
        queue->items[queue->count - 2] = last;
    }
}

static inline void wire_carry_by(struct client *client, wire_script_fn *script, struct queue *queue,
                                 const struct datagram *datagram)
{
    if (script != NULL)
        script(client, queue, datagram);
    else
        wire_carry(client->wire, queue, datagram);
}

/* ---- the server's side ---- */

static inline void wire_deliver(struct wire *wire, const struct kedge_address *from,
                                const void *bytes, size_t size)
{
    static const struct path path;
    net_on_datagram(wire->net, from, &path, kedge_slice(bytes, size));
}

static inline void wire_collect(struct wire *wire)
{
    for (size_t i = 0; i < wire->net->outgoing_count; i++) {
        const struct outgoing *out = &wire->net->outgoing[i];
        struct datagram datagram = {.to = out->to, .size = out->size};
        memcpy(datagram.bytes, out->bytes, out->size);
        if (out->size > wire->answer_size_max)
            wire->answer_size_max = out->size;
        for (struct client *client = wire->clients; client != NULL; client = client->next)
            if (kedge_address_equal(&client->address, &out->to))
                wire_carry_by(client, wire->script_to_client, &client->inbox, &datagram);
    }
    wire->net->outgoing_count = 0;
}

/** Lets the server do what is due and what has come. */
static inline void wire_turn(struct wire *wire)
{
    struct datagram datagram;
    if (!wire->clock_stands)
        wire->net->now_ms = wire_clock_ms();
    while (queue_take(&wire->to_server, &datagram)) {
        wire_deliver(wire, &datagram.from, datagram.bytes, datagram.size);
        wire_collect(wire);
    }
    timer_wheel_advance(&wire->net->wheel, wire->net->now_ms);
    wire_collect(wire);
}

/** Writes a new private key of the server's to a file, whose name is made from `name`. */
static inline void wire_make_key(char *name)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t pem = {0};
    int file = mkstemp(name);
    assert_true(file >= 0);
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(
                         key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
    assert_int_equal(write(file, pem.data, pem.size), pem.size);
    gnutls_free(pem.data);
    gnutls_x509_privkey_deinit(key);
    close(file);
}

/** A server without sockets; with a key file among its `certificates` it takes raw public keys too,
 * with the other files also certificates. Their names outlive it. */
static inline void wire_open(struct wire *wire, uint64_t seed, kedge_net_handler_fn *on_request,
                             void *context, const struct kedge_net_security *security,
                             const struct kedge_net_certificates *certificates)
{
    *wire = (struct wire){.draws = seed * 2 + 1};
    const struct kedge_net_config config = {.on_request = on_request,
                                            .context = context,
                                            .certificates = *certificates,
                                            .ack_timeout_ms = 60,
                                            .handshake_retransmit_ms = 40,
                                            .idle_ms = 200};
    assert_int_equal(kedge_net_create(&config, &wire->net), KEDGE_OK);
    assert_int_equal(dtls_open(wire->net), KEDGE_OK);
    kedge_net_set_security(wire->net, security);
}

static inline void wire_close(struct wire *wire)
{
    free(wire->to_server.items);
    kedge_net_destroy(wire->net);
}

/* ---- a client ---- */

static inline ssize_t client_push(gnutls_transport_ptr_t context, const void *data, size_t size)
{
    struct client *client = context;
    struct dtls_hello hello;
    struct datagram datagram = {.from = client->address, .size = size};
    memcpy(datagram.bytes, data, size);
    client->last_record = datagram;
    if (dtls_hello_parse(kedge_slice(data, size), &hello) == KEDGE_OK && hello.has_cookie)
        client->cookie_hello = datagram;
    wire_carry_by(client, client->wire->script_to_server, &client->wire->to_server, &datagram);
    return (ssize_t)size;
}

static inline ssize_t client_pull(gnutls_transport_ptr_t context, void *out, size_t capacity)
{
    struct client *client = context;
    struct datagram datagram;
    if (!queue_take(&client->inbox, &datagram)) {
        gnutls_transport_set_errno(client->tls, EAGAIN);
        return -1;
    }
    size_t size = datagram.size < capacity ? datagram.size : capacity;
    memcpy(out, datagram.bytes, size);
    return (ssize_t)size;
}

static inline int client_pull_timeout(gnutls_transport_ptr_t context, unsigned wait_ms)
{
    (void)wait_ms;
    return ((struct client *)context)->inbox.count > 0;
}

/** A client that has nothing to show yet; `flags` are GnuTLS's, beside those of every client. */
static inline void client_begin(struct client *client, struct wire *wire, uint16_t port,
                                const char *priorities, unsigned flags)
{
    *client = (struct client){.wire = wire, .next = wire->clients, .next_message_id = 0x4000};
    wire->clients = client;
    assert_int_equal(kedge_address_from_host("192.0.2.7", port, &client->address), KEDGE_OK);
    client->address.secure = true;
    assert_int_equal(
        gnutls_init(&client->tls, GNUTLS_CLIENT | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | flags), 0);
    assert_int_equal(gnutls_priority_set_direct(client->tls, priorities, NULL), 0);
    gnutls_transport_set_ptr(client->tls, client);
    gnutls_transport_set_push_function(client->tls, client_push);
    gnutls_transport_set_pull_function(client->tls, client_pull);
    gnutls_transport_set_pull_timeout_function(client->tls, client_pull_timeout);
    gnutls_dtls_set_mtu(client->tls, 1400);
    gnutls_dtls_set_timeouts(client->tls, 40, WIRE_PATIENCE_MS);
}

static inline void client_open(struct client *client, struct wire *wire, uint16_t port,
                               const char *priorities, const char *identity, const char *key)
{
    const gnutls_datum_t secret = {.data = (uint8_t *)(uintptr_t)key,
                                   .size = (unsigned)strlen(key)};
    client_begin(client, wire, port, priorities, 0);
    assert_int_equal(gnutls_psk_allocate_client_credentials(&client->psk), 0);
    assert_int_equal(
        gnutls_psk_set_client_credentials(client->psk, identity, &secret, GNUTLS_PSK_KEY_RAW), 0);
    assert_int_equal(gnutls_credentials_set(client->tls, GNUTLS_CRD_PSK, client->psk), 0);
}

/** As a power cut ends it: nothing is said. */
static inline void client_close(struct client *client)
{
    struct client **link = &client->wire->clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    gnutls_deinit(client->tls);
    if (client->psk != NULL)
        gnutls_psk_free_client_credentials(client->psk);
    free(client->inbox.items);
}

/** Takes the handshake as far as it goes within `wait_ms`; 0 when it is done, or GnuTLS's error. */
static inline int client_shakes(struct client *client, uint64_t wait_ms)
{
    uint64_t until_ms = wire_clock_ms() + wait_ms;
    int code;
    do {
        code = gnutls_handshake(client->tls);
        wire_turn(client->wire);
        if (code == GNUTLS_E_AGAIN && client->inbox.count == 0)
            usleep(1000);
    } while (code != 0 && !gnutls_error_is_fatal(code) && wire_clock_ms() < until_ms);
    return code;
}

static inline void client_connects(struct client *client)
{
    int code = client_shakes(client, WIRE_PATIENCE_MS);
    if (code != 0)
        fail_msg("no handshake: %s", gnutls_strerror(code));
}

static inline void client_sends(struct client *client, const void *bytes, size_t size)
{
    assert_int_equal(gnutls_record_send(client->tls, bytes, size), size);
    wire_turn(client->wire);
}

/** What comes within `wait_ms`; false when nothing does. */
static inline bool client_receives(struct client *client, uint64_t wait_ms,
                                   uint8_t out[DATAGRAM_SIZE], struct kedge_coap_message *message)
{
    uint64_t until_ms = wire_clock_ms() + wait_ms;
    do {
        wire_turn(client->wire);
        ssize_t size = gnutls_record_recv(client->tls, out, DATAGRAM_SIZE);
        if (size > 0) {
            assert_int_equal(kedge_coap_parse(kedge_slice(out, (size_t)size), message), KEDGE_OK);
            return true;
        }
        if (client->inbox.count == 0)
            usleep(1000);
    } while (wire_clock_ms() < until_ms);
    return false;
}

/** Sends a POST until it is answered, as a device would; its answer's payload must be `answer`. */
static inline void client_asks(struct client *client, const char *path, const char *answer)
{
    uint8_t bytes[256], got[DATAGRAM_SIZE];
    struct kedge_coap_builder builder;
    struct kedge_coap_message message;
    struct kedge_slice request;
    uint16_t id = client->next_message_id++;
    kedge_coap_begin(&builder, bytes, sizeof bytes, KEDGE_COAP_CON, KEDGE_COAP_POST, id,
                     kedge_slice("t", 1));
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, path);
    assert_int_equal(kedge_coap_finish(&builder, &request), KEDGE_OK);
    for (unsigned i = 0; i < 100; i++) {
        client_sends(client, request.data, request.size);
        while (client_receives(client, 30, got, &message)) {
            if (message.message_id != id)
                continue;
            assert_true(kedge_slice_equal(message.payload, kedge_slice_text(answer)));
            return;
        }
    }
    fail_msg("%s was not answered", path);
}

#endif
