/*
 * certificates.c: X.509 certificates of a fleet's CA (RFC 5280), and raw public keys (RFC 7250).
 * One key of the server's serves both.
 */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#include "updater/net/dtls.h"

/* ---- what the server shows, and whom it believes ---- */

static int judge_in_handshake(gnutls_session_t tls)
{
    return dtls_certificates_judge(gnutls_session_get_ptr(tls)) == KEDGE_OK
               ? 0
               : GNUTLS_E_CERTIFICATE_ERROR;
}

static enum kedge_rc open_x509(struct dtls *dtls, const struct kedge_net_certificates *files)
{
    if (gnutls_certificate_allocate_credentials(&dtls->x509) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    if (gnutls_certificate_set_x509_key_file(dtls->x509, files->certificate_file, files->key_file,
                                             GNUTLS_X509_FMT_PEM) < 0)
        return KEDGE_E_KEY;
    KEDGE_TRY(dtls_trust_open(dtls, files));
    gnutls_certificate_set_verify_function(dtls->x509, judge_in_handshake);
    return KEDGE_OK;
}

/* The SubjectPublicKeyInfo of a private key, in DER. */
static int make_spki(const gnutls_datum_t *pem, gnutls_datum_t *spki)
{
    gnutls_privkey_t private_key = NULL;
    gnutls_pubkey_t public_key = NULL;
    int code = gnutls_privkey_init(&private_key);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_privkey_import_x509_raw(private_key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_pubkey_init(&public_key);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_pubkey_import_privkey(public_key, private_key, 0, 0);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_pubkey_export2(public_key, GNUTLS_X509_FMT_PEM, spki);
    if (public_key != NULL)
        gnutls_pubkey_deinit(public_key);
    if (private_key != NULL)
        gnutls_privkey_deinit(private_key);
    return code;
}

static enum kedge_rc open_raw_keys(struct dtls *dtls, const struct kedge_net_certificates *files)
{
    gnutls_datum_t pem = {0}, spki = {0};
    if (gnutls_certificate_allocate_credentials(&dtls->raw_keys) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    int code = gnutls_load_file(files->key_file, &pem);
    if (code == GNUTLS_E_SUCCESS)
        code = make_spki(&pem, &spki);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_certificate_set_rawpk_key_mem(dtls->raw_keys, &spki, &pem,
                                                    GNUTLS_X509_FMT_PEM, NULL, 0, NULL, 0, 0);
    gnutls_certificate_set_verify_function(dtls->raw_keys, judge_in_handshake);
    if (pem.data != NULL)
        kedge_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    gnutls_free(spki.data);
    return code >= 0 ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc dtls_certificates_open(struct dtls *dtls, const struct kedge_net_certificates *files)
{
    if (files->key_file == NULL)
        return KEDGE_OK;
    if (files->certificate_file != NULL && files->ca_file != NULL)
        KEDGE_TRY(open_x509(dtls, files));
    return open_raw_keys(dtls, files);
}

void dtls_certificates_close(struct dtls *dtls)
{
    dtls_trust_close(dtls);
    if (dtls->x509 != NULL)
        gnutls_certificate_free_credentials(dtls->x509);
    if (dtls->raw_keys != NULL)
        gnutls_certificate_free_credentials(dtls->raw_keys);
}

/* ---- judging what a device shows ---- */

/* Signed by the fleet's CA, in time, not revoked (by a list that is not outdated), for clients. */
bool dtls_certificate_holds(const struct association *association)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = 0;
    time_t until = association->net->dtls->revoked_until;
    if (until != 0 && until < time(NULL)) /* GnuTLS does not look at that */
        return false;
    return gnutls_certificate_verify_peers(association->tls, &purpose, 1, &status) ==
               GNUTLS_E_SUCCESS &&
           status == 0;
}

/* LwM2M 1.1 section 5.2.8.7: the endpoint name is in the certificate's subject, as common name. */
static enum kedge_rc take_common_name(struct association *association, const gnutls_datum_t *der,
                                      bool alone)
{
    gnutls_x509_crt_t certificate;
    char name[KEDGE_NET_NAME_MAX + 1];
    size_t size = sizeof name;
    if (gnutls_x509_crt_init(&certificate) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    int code = gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                             &size);
    association->mark = alone ? dtls_certificate_mark(association->net, certificate) : 0;
    gnutls_x509_crt_deinit(certificate);
    if (code != GNUTLS_E_SUCCESS || strlen(name) != size ||
        !kedge_name_valid(kedge_slice_text(name), KEDGE_NET_NAME_MAX))
        return KEDGE_E_MALFORMED;
    return dtls_take_name(association, name);
}

static enum kedge_rc take_name_of_raw_key(struct association *association,
                                          const gnutls_datum_t *spki)
{
    const struct kedge_net_security *security = &association->net->security;
    uint8_t digest[32];
    char text[2 * sizeof digest + 1], name[KEDGE_NET_NAME_MAX + 1];
    if (security->find_raw_key == NULL ||
        gnutls_hash_fast(GNUTLS_DIG_SHA256, spki->data, spki->size, digest) != GNUTLS_E_SUCCESS)
        return KEDGE_E_NOT_FOUND;
    kedge_hex_encode(kedge_slice(digest, sizeof digest), text);
    KEDGE_TRY(security->find_raw_key(security->context, text, name));
    return dtls_take_name(association, name);
}

enum kedge_rc dtls_certificates_judge(struct association *association)
{
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(association->tls, &count);
    if (shown == NULL || count == 0)
        return KEDGE_E_MISSING;
    if (association->raw_keys_only)
        return take_name_of_raw_key(association, &shown[0]);
    if (!dtls_certificate_holds(association))
        return KEDGE_E_SIGNATURE;
    return take_common_name(association, &shown[0], count == 1);
}
