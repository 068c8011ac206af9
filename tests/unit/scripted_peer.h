/*
 * scripted_peer.h: a CoAP peer on a raw UDP socket that does exactly what a test tells it, and the
 * server's loop turned by hand beside it, so that everything happens in one thread.
 */
#ifndef KEDGE_TESTS_SCRIPTED_PEER_H
#define KEDGE_TESTS_SCRIPTED_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "updater/net/internal.h"

#define PATIENCE_MS 60000u

struct scripted_peer {
    struct kedge_net *net;
    int file;
    struct kedge_address address;
    uint16_t next_message_id;
    uint8_t bytes[2048]; /* of the message that came last */
    size_t size;
    struct kedge_coap_message message;
};

static inline uint64_t test_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/** A server on a free loopback port; retransmission begins after `ack_timeout_ms`. */
static inline struct kedge_net *server_open(uint32_t ack_timeout_ms,
                                            kedge_net_handler_fn *on_request, void *context)
{
    struct kedge_net *net;
    struct kedge_net_config config = {.listen_count = 1,
                                      .on_request = on_request,
                                      .context = context,
                                      .ack_timeout_ms = ack_timeout_ms,
                                      .response_ms = 2000};
    assert_int_equal(kedge_address_from_host("127.0.0.1", 0, &config.listen[0]), KEDGE_OK);
    assert_int_equal(kedge_net_create(&config, &net), KEDGE_OK);
    return net;
}

static inline void peer_open(struct scripted_peer *peer, struct kedge_net *net)
{
    *peer = (struct scripted_peer){.net = net, .next_message_id = 0x1000};
    peer->file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(peer->file >= 0);
    assert_int_equal(kedge_address_from_host("127.0.0.1", 0, &peer->address), KEDGE_OK);
    assert_int_equal(bind(peer->file, &peer->address.any, sizeof peer->address.v4), 0);
    socklen_t size = sizeof peer->address;
    assert_int_equal(getsockname(peer->file, &peer->address.any, &size), 0);
    struct kedge_address server;
    assert_int_equal(kedge_address_from_host("127.0.0.1", kedge_net_local_port(net, 0), &server),
                     KEDGE_OK);
    assert_int_equal(connect(peer->file, &server.any, sizeof server.v4), 0);
}

/** As a device's is that has registered: what it asked is remembered, and answered at length. */
static inline void peer_is_kept(struct scripted_peer *peer)
{
    assert_int_equal(kedge_net_peer_keep(peer->net, &peer->address, peer), KEDGE_OK);
}

static inline void peer_close(struct scripted_peer *peer)
{
    close(peer->file);
}

static inline void server_turn(struct kedge_net *net)
{
    assert_int_equal(net_turn(net, 1), KEDGE_OK);
}

static inline void peer_send_bytes(struct scripted_peer *peer, const void *bytes, size_t size)
{
    assert_int_equal(send(peer->file, bytes, size, 0), size);
}

/** Turns the server until a message comes, for at most `wait_ms`; false when none did. */
static inline bool peer_receives_within(struct scripted_peer *peer, uint64_t wait_ms)
{
    uint64_t until_ms = test_clock_ms() + wait_ms;
    uint64_t turns = 0; /* time alone says nothing on a machine that is busy with others */
    do {
        turns++;
        server_turn(peer->net);
        net_flush(peer->net);
        ssize_t size = recv(peer->file, peer->bytes, sizeof peer->bytes, MSG_DONTWAIT);
        if (size < 0)
            continue;
        peer->size = (size_t)size;
        assert_int_equal(kedge_coap_parse(kedge_slice(peer->bytes, peer->size), &peer->message),
                         KEDGE_OK);
        return true;
    } while (test_clock_ms() < until_ms || turns < wait_ms);
    return false;
}

static inline void peer_receives(struct scripted_peer *peer)
{
    if (!peer_receives_within(peer, PATIENCE_MS))
        fail_msg("the peer waited for a message in vain");
}

static inline void peer_hears_nothing(struct scripted_peer *peer, uint64_t wait_ms)
{
    if (peer_receives_within(peer, wait_ms))
        fail_msg("the peer got a message that it should not get (code %u.%02u)",
                 peer->message.code >> 5, peer->message.code & 31u);
}

/** What a test wants in a message of the peer's; options in rising order, ended by number 0. */
struct scripted_message {
    enum kedge_coap_type type;
    uint8_t code;
    uint16_t message_id;
    struct kedge_slice token;
    struct scripted_option {
        uint16_t number;
        const char *text; /* or NULL and a number */
        uint32_t value;
    } options[12];
    struct kedge_slice payload;
};

static inline void peer_sends(struct scripted_peer *peer, const struct scripted_message *message)
{
    uint8_t bytes[2048];
    struct kedge_coap_builder builder;
    struct kedge_slice out;
    kedge_coap_begin(&builder, bytes, sizeof bytes, message->type, message->code,
                     message->message_id, message->token);
    for (const struct scripted_option *option = message->options; option->number != 0; option++) {
        if (option->text != NULL)
            kedge_coap_add_option(&builder, option->number, kedge_slice_text(option->text));
        else
            kedge_coap_add_uint(&builder, option->number, option->value);
    }
    kedge_coap_add_payload(&builder, message->payload);
    assert_int_equal(kedge_coap_finish(&builder, &out), KEDGE_OK);
    peer_send_bytes(peer, out.data, out.size);
}

/** Answers the request that came last, piggybacked. */
static inline void peer_answers(struct scripted_peer *peer, uint8_t code, const char *payload)
{
    peer_sends(peer, &(struct scripted_message){
                         .type = KEDGE_COAP_ACK,
                         .code = code,
                         .message_id = peer->message.message_id,
                         .token = kedge_slice(peer->message.token, peer->message.token_size),
                         .payload = kedge_slice_text(payload)});
}

static inline bool message_path_is(const struct kedge_coap_message *message, const char *path)
{
    return kedge_coap_path_is(message, path);
}

/** How a request of the server's ended. */
struct outcome {
    unsigned calls;
    enum kedge_rc rc;
    uint8_t code;
    char payload[4096];
    size_t payload_size;
};

static inline void outcome_note(void *context, enum kedge_rc rc,
                                const struct kedge_coap_message *response)
{
    struct outcome *outcome = context;
    outcome->calls++;
    outcome->rc = rc;
    outcome->code = response != NULL ? response->code : 0;
    outcome->payload_size = 0;
    if (response == NULL)
        return;
    assert_true(response->payload.size < sizeof outcome->payload);
    outcome->payload_size = response->payload.size;
    if (response->payload.size > 0)
        memcpy(outcome->payload, response->payload.data, response->payload.size);
    outcome->payload[outcome->payload_size] = '\0';
}

/** Turns the server until the outcome was told `calls` times. */
static inline void outcome_wait(struct kedge_net *net, const struct outcome *outcome,
                                unsigned calls)
{
    uint64_t until_ms = test_clock_ms() + PATIENCE_MS;
    while (outcome->calls < calls && test_clock_ms() < until_ms)
        server_turn(net);
    assert_int_equal(outcome->calls, calls);
}

#endif
