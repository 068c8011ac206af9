/* channel.c: see channel.h. */
#define _POSIX_C_SOURCE 200809L
#include "agent/fetch/channel.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FILES_MAX 256   /* open files of this program: far fewer */
#define DRAIN_MAX 10000 /* datagrams: more than a socket's buffer holds */

#define QUERY_MAX 144u

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

static coap_session_t *open_by_shared_key(coap_context_t *context, const coap_address_t *address,
                                          const struct kedge_credentials *credentials)
{
    coap_dtls_cpsk_t setup = {
        .version = COAP_DTLS_CPSK_SETUP_VERSION,
        .psk_info = {.identity = {.length = strlen(credentials->identity),
                                  .s = (const uint8_t *)credentials->identity},
                     .key = {.length = credentials->key_size, .s = credentials->key}}};
    return coap_new_client_session_psk2(context, NULL, address, COAP_PROTO_DTLS, &setup);
}

static bool is_for_host(const uint8_t *der, size_t size, const char *host)
{
    gnutls_x509_crt_t certificate;
    const gnutls_datum_t bytes = {.data = (unsigned char *)der, .size = (unsigned)size};
    if (gnutls_x509_crt_init(&certificate) != GNUTLS_E_SUCCESS)
        return false;
    bool is =
        gnutls_x509_crt_import(certificate, &bytes, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS &&
        gnutls_x509_crt_check_hostname(certificate, host) != 0;
    gnutls_x509_crt_deinit(certificate);
    return is;
}

static bool is_expected(const uint8_t *der, size_t size, const struct kedge_key_file *pem)
{
    const gnutls_datum_t text = {.data = (unsigned char *)pem->text,
                                 .size = (unsigned)pem->size - 1};
    gnutls_datum_t expected;
    if (gnutls_pem_base64_decode2("CERTIFICATE", &text, &expected) != GNUTLS_E_SUCCESS)
        return false;
    bool is = kedge_slice_equal(kedge_slice(der, size), kedge_slice(expected.data, expected.size));
    gnutls_free(expected.data);
    return is;
}

/* libcoap has checked the chain; it does not know whose certificate is wanted, and which raw key.
 */
static int is_the_server(const char *name, const uint8_t *der, size_t size, coap_session_t *session,
                         unsigned depth, int validated, void *context)
{
    (void)name;
    const struct kedge_credentials *credentials = context;
    const struct kedge_uri *uri = coap_session_get_app_data(session);
    if (credentials->proof == KEDGE_PROOF_RAW_PUBLIC_KEY)
        return kedge_slice_equal(kedge_slice(der, size), kedge_slice(credentials->server_key,
                                                                     credentials->server_key_size));
    if (credentials->server_ca_is_server)
        return validated != 0 && (depth > 0 || is_expected(der, size, &credentials->server_ca));
    return validated != 0 && uri != NULL && (depth > 0 || is_for_host(der, size, uri->host));
}

static coap_session_t *open_by_key_pair(coap_context_t *context, const coap_address_t *address,
                                        const struct kedge_credentials *credentials)
{
    bool is_raw = credentials->proof == KEDGE_PROOF_RAW_PUBLIC_KEY;
    coap_dtls_pki_t setup = {.version = COAP_DTLS_PKI_SETUP_VERSION,
                             .verify_peer_cert = 1,
                             .check_common_ca = !is_raw,
                             .cert_chain_validation = 1,
                             .cert_chain_verify_depth = 3,
                             .allow_no_crl = 1,
                             .is_rpk_not_cert = is_raw,
                             .validate_cn_call_back = is_the_server,
                             .cn_call_back_arg = (void *)credentials,
                             .pki_key = {.key_type = COAP_PKI_KEY_PEM_BUF}};
    coap_pki_key_pem_buf_t *keys = &setup.pki_key.key.pem_buf;
    keys->public_cert = (const uint8_t *)credentials->public_part.text;
    keys->public_cert_len = credentials->public_part.size;
    keys->private_key = (const uint8_t *)credentials->private_key.text;
    keys->private_key_len = credentials->private_key.size;
    if (!is_raw) {
        keys->ca_cert = (const uint8_t *)credentials->server_ca.text;
        keys->ca_cert_len = credentials->server_ca.size;
    }
    return coap_new_client_session_pki(context, NULL, address, COAP_PROTO_DTLS, &setup);
}

enum kedge_rc kedge_channel_open(coap_context_t *context, const struct kedge_uri *uri,
                                 const struct kedge_credentials *credentials,
                                 coap_session_t **session)
{
    if (uri->secure && credentials->proof == KEDGE_PROOF_NONE)
        return KEDGE_E_KEY;
    coap_address_t address;
    KEDGE_TRY(resolve(uri, &address));
    if (!uri->secure)
        *session = coap_new_client_session(context, NULL, &address, COAP_PROTO_UDP);
    else if (credentials->proof == KEDGE_PROOF_PRE_SHARED_KEY)
        *session = open_by_shared_key(context, &address, credentials);
    else
        *session = open_by_key_pair(context, &address, credentials);
    if (*session == NULL)
        return KEDGE_E_CONNECTION;
    coap_session_set_app_data(*session, (void *)uri);
    return KEDGE_OK;
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

/* libcoap does not hand its socket out: it is the one that is bound to the session's own end. */
static int find_socket(const coap_session_t *session)
{
    const coap_address_t *wanted = coap_session_get_addr_local(session);
    for (int file = 0; wanted != NULL && file < FILES_MAX; file++) {
        coap_address_t found;
        coap_address_init(&found);
        found.size = sizeof found.addr;
        if (getsockname(file, &found.addr.sa, &found.size) == 0 &&
            coap_address_equals(&found, wanted))
            return file;
    }
    return -1;
}

void kedge_channel_drain(const coap_session_t *session)
{
    uint8_t datagram[1]; /* the rest of it is cut off by the kernel */
    int file = find_socket(session);
    for (unsigned i = 0; file >= 0 && i < DRAIN_MAX; i++)
        if (recv(file, datagram, sizeof datagram, MSG_DONTWAIT) < 0 &&
            (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
}

bool kedge_channel_is(const coap_pdu_t *pdu, const struct kedge_token *token)
{
    coap_bin_const_t found = coap_pdu_get_token(pdu);
    return found.length == sizeof token->bytes &&
           memcmp(found.s, token->bytes, sizeof token->bytes) == 0;
}

bool kedge_channel_find_uint(const coap_pdu_t *pdu, coap_option_num_t number, uint32_t *value)
{
    coap_opt_iterator_t each;
    coap_opt_t *option = coap_check_option(pdu, number, &each);
    if (option == NULL)
        return false;
    *value = coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
    return true;
}

bool kedge_channel_add_query(coap_pdu_t *pdu, const char *name, const char *value)
{
    char query[QUERY_MAX + 1];
    int size = snprintf(query, sizeof query, "%s=%s", name, value);
    return size > 0 && (size_t)size < sizeof query &&
           coap_add_option(pdu, COAP_OPTION_URI_QUERY, (size_t)size, (const uint8_t *)query) != 0;
}

bool kedge_channel_add_uint(coap_pdu_t *pdu, coap_option_num_t number, unsigned value)
{
    uint8_t bytes[4];
    unsigned size = coap_encode_var_safe(bytes, sizeof bytes, value);
    return coap_add_option(pdu, number, size, bytes) != 0;
}
