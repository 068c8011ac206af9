/*
 * channel.h: a libcoap session towards a server that a URI names, plain or with DTLS and a
 * pre-shared key, and the few things every request on one needs.
 */
#ifndef KEDGE_AGENT_CHANNEL_H
#define KEDGE_AGENT_CHANNEL_H

#include "agent/fetch/uri.h"

#include <coap3/coap.h>
#include <kedge/base.h>

#define KEDGE_PSK_IDENTITY_MAX 128u /* LwM2M transport, section 5.2.8 */
#define KEDGE_PSK_KEY_MAX 64u
#define KEDGE_TOKEN_SIZE 8u

/** The pre-shared key; without one (key_size 0) no coaps:// channel can be opened. */
struct kedge_credentials {
    char identity[KEDGE_PSK_IDENTITY_MAX + 1];
    uint8_t key[KEDGE_PSK_KEY_MAX];
    size_t key_size;
};

struct kedge_token {
    uint8_t bytes[KEDGE_TOKEN_SIZE];
};

/**
 * kedge_channel_open() resolves the host (blocking) and makes a session; the caller gives it back
 * with coap_session_release(). KEDGE_E_CONNECTION when the name or the network has no answer now,
 * KEDGE_E_KEY when coaps:// is asked for without a key.
 */
enum kedge_rc kedge_channel_open(coap_context_t *context, const struct kedge_uri *uri,
                                 const struct kedge_credentials *credentials,
                                 coap_session_t **session) KEDGE_MUST_USE;

/**
 * kedge_channel_request() begins a confirmable request with a fresh unpredictable token; options
 * follow in ascending order, then coap_send(). NULL when out of memory or of random numbers.
 */
coap_pdu_t *kedge_channel_request(coap_session_t *session, const struct kedge_random *random,
                                  coap_pdu_code_t code, struct kedge_token *token);

/** kedge_channel_is() says whether `pdu` carries `token`. */
bool kedge_channel_is(const coap_pdu_t *pdu, const struct kedge_token *token);

/** kedge_channel_add_uint() adds an option with an unsigned integer as its value. */
bool kedge_channel_add_uint(coap_pdu_t *pdu, coap_option_num_t number, unsigned value);

#endif
