/* channel.c: see channel.h. */
#define _POSIX_C_SOURCE 200809L
#include "agent/fetch/channel.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static enum kedge_rc resolve(const struct kedge_uri *uri, coap_address_t *address)
{
    char port[6];
    snprintf(port, sizeof port, "%u", (unsigned)uri->port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(uri->host, port, &hints, &found) != 0 || found == NULL)
        return KEDGE_E_CONNECTION;
    coap_address_init(address);
    enum kedge_rc rc = KEDGE_E_CONNECTION;
    if (found->ai_addrlen <= sizeof address->addr) {
        memcpy(&address->addr, found->ai_addr, found->ai_addrlen);
        address->size = found->ai_addrlen;
        rc = KEDGE_OK;
    }
    freeaddrinfo(found);
    return rc;
}

enum kedge_rc kedge_channel_open(coap_context_t *context, const struct kedge_uri *uri,
                                 const struct kedge_credentials *credentials,
                                 coap_session_t **session)
{
    if (uri->secure && credentials->key_size == 0)
        return KEDGE_E_KEY;
    coap_address_t address;
    KEDGE_TRY(resolve(uri, &address));
    if (!uri->secure) {
        *session = coap_new_client_session(context, NULL, &address, COAP_PROTO_UDP);
        return *session != NULL ? KEDGE_OK : KEDGE_E_CONNECTION;
    }
    coap_dtls_cpsk_t setup = {
        .version = COAP_DTLS_CPSK_SETUP_VERSION,
        .psk_info = {.identity = {.length = strlen(credentials->identity),
                                  .s = (const uint8_t *)credentials->identity},
                     .key = {.length = credentials->key_size, .s = credentials->key}}};
    *session = coap_new_client_session_psk2(context, NULL, &address, COAP_PROTO_DTLS, &setup);
    return *session != NULL ? KEDGE_OK : KEDGE_E_CONNECTION;
}

coap_pdu_t *kedge_channel_request(coap_session_t *session, const struct kedge_random *random,
                                  coap_pdu_code_t code, struct kedge_token *token)
{
    if (random->fill(random->context, token->bytes, sizeof token->bytes) != KEDGE_OK)
        return NULL;
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, code, session);
    if (pdu == NULL)
        return NULL;
    if (coap_add_token(pdu, sizeof token->bytes, token->bytes) == 0) {
        coap_delete_pdu(pdu);
        return NULL;
    }
    return pdu;
}

bool kedge_channel_is(const coap_pdu_t *pdu, const struct kedge_token *token)
{
    coap_bin_const_t found = coap_pdu_get_token(pdu);
    return found.length == sizeof token->bytes &&
           memcmp(found.s, token->bytes, sizeof token->bytes) == 0;
}

bool kedge_channel_add_uint(coap_pdu_t *pdu, coap_option_num_t number, unsigned value)
{
    uint8_t bytes[4];
    unsigned size = coap_encode_var_safe(bytes, sizeof bytes, value);
    return coap_add_option(pdu, number, size, bytes) != 0;
}
