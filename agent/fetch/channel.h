/*
 * channel.h: a libcoap session towards a server that a URI names, plain or with DTLS, and the few
 * things every request on one needs.
 */
#ifndef KEDGE_AGENT_CHANNEL_H
#define KEDGE_AGENT_CHANNEL_H

#include "agent/fetch/uri.h"

#include <coap3/coap.h>
#include <kedge/base.h>

#define KEDGE_PSK_IDENTITY_MAX 128u /* LwM2M transport, section 5.2.8 */
#define KEDGE_PSK_KEY_MAX 64u
#define KEDGE_TOKEN_SIZE 8u
#define KEDGE_KEY_FILE_MAX 16384u /* bytes of a key, or of a chain of certificates, in PEM */
#define KEDGE_SERVER_KEY_MAX 128u /* an elliptic curve's: 91 for P-256 */

/** How this device and its server prove to each other who they are (RFC 7252 section 9.1.3). */
enum kedge_proof {
    KEDGE_PROOF_NONE, /* no coaps:// channel can be opened */
    KEDGE_PROOF_PRE_SHARED_KEY,
    KEDGE_PROOF_CERTIFICATE,
    KEDGE_PROOF_RAW_PUBLIC_KEY
};

/** A text in PEM, with a NUL behind it; `size` counts that. */
struct kedge_key_file {
    char text[KEDGE_KEY_FILE_MAX + 1];
    size_t size;
};

/** Sessions borrow it: it must outlive them, and stay where it is. */
struct kedge_credentials {
    enum kedge_proof proof;
    /* The pre-shared key. */
    char identity[KEDGE_PSK_IDENTITY_MAX + 1];
    uint8_t key[KEDGE_PSK_KEY_MAX];
    size_t key_size;
    /* The device's own key pair: its certificate with what is between that and the CA, or the
     * public key alone. */
    struct kedge_key_file private_key, public_part;
    struct kedge_key_file server_ca;          /* whose certificates are believed */
    bool server_ca_is_server;                 /* it is the server's own, and no other is */
    uint8_t server_key[KEDGE_SERVER_KEY_MAX]; /* SubjectPublicKeyInfo of the one server */
    size_t server_key_size;
};

struct kedge_token {
    uint8_t bytes[KEDGE_TOKEN_SIZE];
};

/**
 * kedge_channel_open() resolves the host (blocking) and makes a session; the caller gives it back
 * with coap_session_release(), and keeps `uri` until then. KEDGE_E_CONNECTION when the name or the
 * network has no answer now, KEDGE_E_KEY when coaps:// is asked for without a key. By certificate,
 * the server's must be of the CA, in time, and for the host that the URI names, or the very one
 * that is expected, in time; a raw public key must be the one that is expected.
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

/**
 * kedge_channel_drain() throws away what has come for `session` and was not read: what a device
 * that slept has not heard. Never blocks.
 */
void kedge_channel_drain(const coap_session_t *session);

/** kedge_channel_is() says whether `pdu` carries `token`. */
bool kedge_channel_is(const coap_pdu_t *pdu, const struct kedge_token *token);

/** kedge_channel_find_uint() reads an option that is a number; false, and `value` as it was, where
 * there is none. */
bool kedge_channel_find_uint(const coap_pdu_t *pdu, coap_option_num_t number, uint32_t *value);

/** kedge_channel_add_query() adds "name=value", 144 bytes at most, as a Uri-Query. */
bool kedge_channel_add_query(coap_pdu_t *pdu, const char *name, const char *value);

/** kedge_channel_add_uint() adds an option with an unsigned integer as its value. */
bool kedge_channel_add_uint(coap_pdu_t *pdu, coap_option_num_t number, unsigned value);

#endif
