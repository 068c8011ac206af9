/* keys.c: which keys and which kinds of proof are taken (OMA LwM2M Core 1.1, section 5.2.8). */
#define _POSIX_C_SOURCE 200809L
#include "updater/net/dtls.h"

#include <stdlib.h>
#include <string.h>

/* The suites that LwM2M asks for, each with AES-128-CCM-8 and with AES-128-CBC and SHA-256. */
#define PSK                                                                                   \
    "NONE:+VERS-DTLS1.2:+COMP-NULL:+SIGN-ALL:+PSK:+AES-128-CCM-8:+AES-128-CBC:+AEAD:+SHA256:" \
    "%SAFE_RENEGOTIATION"
#define ECDSA ":+ECDHE-ECDSA:+GROUP-SECP256R1"
#define X509 PSK ECDSA ":+CTYPE-X509"
#define RAW_KEYS PSK ECDSA ":+CTYPE-RAWPK"

static enum kedge_rc look_up(const struct kedge_net *net, const gnutls_datum_t *identity,
                             struct kedge_net_secret *secret)
{
    const struct kedge_net_security *security = &net->security;
    char text[KEDGE_NET_IDENTITY_MAX + 1];
    if (security->find_key == NULL ||
        !kedge_name_valid(kedge_slice(identity->data, identity->size), KEDGE_NET_IDENTITY_MAX))
        return KEDGE_E_NOT_FOUND;
    memcpy(text, identity->data, identity->size);
    text[identity->size] = '\0';
    return security->find_key(security->context, text, secret);
}

enum kedge_rc dtls_take_name(struct association *association, const char *name)
{
    free(association->name);
    association->name = strdup(name);
    return association->name != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

static enum kedge_rc hand_out(struct association *association, const gnutls_datum_t *identity,
                              gnutls_datum_t *key)
{
    struct kedge_net_secret secret;
    enum kedge_rc rc = look_up(association->net, identity, &secret);
    association->stranger = rc == KEDGE_E_NOT_FOUND;
    if (rc == KEDGE_OK)
        rc = dtls_take_name(association, secret.name);
    key->data = rc == KEDGE_OK ? gnutls_malloc(secret.key_size) : NULL;
    if (rc == KEDGE_OK && key->data == NULL)
        rc = KEDGE_E_MEMORY;
    if (rc == KEDGE_OK) {
        memcpy(key->data, secret.key, secret.key_size);
        key->size = (unsigned)secret.key_size;
    }
    kedge_wipe(&secret, sizeof secret);
    return rc;
}

static int find_psk(gnutls_session_t tls, const gnutls_datum_t *identity, gnutls_datum_t *key)
{
    return hand_out(gnutls_session_get_ptr(tls), identity, key) == KEDGE_OK ? 0 : -1;
}

static enum kedge_rc make_priorities(gnutls_priority_t *priorities, const char *text)
{
    return gnutls_priority_init(priorities, text, NULL) == GNUTLS_E_SUCCESS ? KEDGE_OK
                                                                            : KEDGE_E_MEMORY;
}

enum kedge_rc dtls_keys_open(struct dtls *dtls, const struct kedge_net_certificates *certificates)
{
    if (gnutls_key_generate(&dtls->cookie_key, GNUTLS_COOKIE_KEY_SIZE) != GNUTLS_E_SUCCESS ||
        gnutls_key_generate(&dtls->former_cookie_key, GNUTLS_COOKIE_KEY_SIZE) != GNUTLS_E_SUCCESS ||
        gnutls_session_ticket_key_generate(&dtls->ticket_key) != GNUTLS_E_SUCCESS)
        return KEDGE_E_SYSTEM;
    KEDGE_TRY(make_priorities(&dtls->psk_only, PSK));
    if (gnutls_psk_allocate_server_credentials(&dtls->psk) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    gnutls_psk_set_server_credentials_function2(dtls->psk, find_psk);
    KEDGE_TRY(dtls_certificates_open(dtls, certificates));
    if (dtls->x509 != NULL)
        KEDGE_TRY(make_priorities(&dtls->with_x509, X509));
    if (dtls->raw_keys != NULL)
        KEDGE_TRY(make_priorities(&dtls->with_raw_keys, RAW_KEYS));
    return KEDGE_OK;
}

void dtls_keys_close(struct dtls *dtls)
{
    if (dtls->psk != NULL)
        gnutls_psk_free_server_credentials(dtls->psk);
    dtls_certificates_close(dtls);
    gnutls_priority_t priorities[] = {dtls->psk_only, dtls->with_x509, dtls->with_raw_keys};
    for (size_t i = 0; i < sizeof priorities / sizeof priorities[0]; i++)
        if (priorities[i] != NULL)
            gnutls_priority_deinit(priorities[i]);
    gnutls_datum_t *keys[] = {&dtls->cookie_key, &dtls->former_cookie_key, &dtls->ticket_key};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i]->data != NULL)
            kedge_wipe(keys[i]->data, keys[i]->size);
        gnutls_free(keys[i]->data);
    }
}

/*
 * GnuTLS cannot offer both kinds of certificates at once and answer each client by its own: a
 * client that shows nothing but raw keys gets a session for these, any other one for X.509.
 */
enum kedge_rc dtls_keys_use(struct association *association)
{
    struct dtls *dtls = association->net->dtls;
    gnutls_session_t tls = association->tls;
    gnutls_certificate_credentials_t shown = dtls->x509;
    gnutls_priority_t priorities = dtls->with_x509;
    if (association->raw_keys_only) {
        shown = dtls->raw_keys;
        priorities = dtls->with_raw_keys;
    }
    if (gnutls_priority_set(tls, shown != NULL ? priorities : dtls->psk_only) != GNUTLS_E_SUCCESS ||
        gnutls_credentials_set(tls, GNUTLS_CRD_PSK, dtls->psk) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    /* With keys alone a whole handshake costs less than a ticket more. */
    if (dtls->raw_keys != NULL &&
        gnutls_session_ticket_enable_server(tls, &dtls->ticket_key) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    if (shown == NULL)
        return KEDGE_OK;
    if (gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, shown) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    gnutls_certificate_server_set_request(tls, GNUTLS_CERT_REQUIRE);
    return KEDGE_OK;
}

/* A session that was resumed has asked for no key: whether there still is one is seen here. */
static enum kedge_rc name_by_identity(struct association *association)
{
    gnutls_datum_t identity = {0};
    struct kedge_net_secret secret;
    if (gnutls_psk_server_get_username2(association->tls, &identity) != GNUTLS_E_SUCCESS)
        return KEDGE_E_NOT_FOUND;
    enum kedge_rc rc = look_up(association->net, &identity, &secret);
    if (rc == KEDGE_OK)
        rc = dtls_take_name(association, secret.name);
    kedge_wipe(&secret, sizeof secret);
    return rc;
}

enum kedge_rc dtls_keys_name(struct association *association)
{
    if (association->name != NULL)
        return KEDGE_OK;
    if (gnutls_auth_client_get_type(association->tls) == GNUTLS_CRD_CERTIFICATE)
        return dtls_certificates_judge(association);
    return name_by_identity(association);
}

enum kedge_net_proof dtls_keys_proof(const struct association *association,
                                     char identity[KEDGE_NET_IDENTITY_MAX + 1])
{
    gnutls_datum_t shown = {0};
    identity[0] = '\0';
    if (gnutls_auth_client_get_type(association->tls) == GNUTLS_CRD_CERTIFICATE)
        return association->raw_keys_only ? KEDGE_PROOF_RAW_KEY : KEDGE_PROOF_CERTIFICATE;
    if (gnutls_psk_server_get_username2(association->tls, &shown) == GNUTLS_E_SUCCESS &&
        shown.size <= KEDGE_NET_IDENTITY_MAX) {
        memcpy(identity, shown.data, shown.size);
        identity[shown.size] = '\0';
    }
    return KEDGE_PROOF_PSK;
}
