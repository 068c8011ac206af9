/* key_pair_der.c: a key pair that an account holds; see credentials.h. */
#include "agent/client/key_pair_parts.h"

#include <gnutls/x509.h>
#include <string.h>

static gnutls_datum_t datum_of(struct kedge_slice bytes)
{
    return (gnutls_datum_t){.data = (unsigned char *)bytes.data, .size = (unsigned)bytes.size};
}

/* What GnuTLS has allocated is copied, and wiped: it may be a key. */
static enum kedge_rc keep_text(gnutls_datum_t *text, struct kedge_key_file *pem)
{
    enum kedge_rc rc = text->size <= KEDGE_KEY_FILE_MAX ? KEDGE_OK : KEDGE_E_LIMIT;
    if (rc == KEDGE_OK) {
        memcpy(pem->text, text->data, text->size);
        pem->text[text->size] = '\0';
        pem->size = text->size + 1;
    }
    kedge_wipe(text->data, text->size);
    gnutls_free(text->data);
    return rc;
}

static enum kedge_rc put_private_key(struct kedge_slice der, struct kedge_key_file *pem)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t text;
    const gnutls_datum_t bytes = datum_of(der);
    KEDGE_TRY(key_pair_judge(gnutls_x509_privkey_init(&key)));
    enum kedge_rc rc =
        key_pair_judge(gnutls_x509_privkey_import2(key, &bytes, GNUTLS_X509_FMT_DER, NULL, 0));
    if (rc == KEDGE_OK)
        rc = key_pair_judge(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                              GNUTLS_PKCS_PLAIN, &text));
    if (rc == KEDGE_OK)
        rc = keep_text(&text, pem);
    gnutls_x509_privkey_deinit(key);
    return rc;
}

/* It is read here, because GnuTLS 3.7 leaks what it cannot read among the credentials. */
static enum kedge_rc put_certificate(struct kedge_slice der, struct kedge_key_file *pem)
{
    gnutls_x509_crt_t certificate;
    gnutls_datum_t text;
    const gnutls_datum_t bytes = datum_of(der);
    KEDGE_TRY(key_pair_judge(gnutls_x509_crt_init(&certificate)));
    enum kedge_rc rc =
        key_pair_judge(gnutls_x509_crt_import(certificate, &bytes, GNUTLS_X509_FMT_DER));
    if (rc == KEDGE_OK)
        rc = key_pair_judge(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text));
    if (rc == KEDGE_OK)
        rc = keep_text(&text, pem);
    gnutls_x509_crt_deinit(certificate);
    return rc;
}

static enum kedge_rc take_certificates(struct kedge_credentials *credentials,
                                       const struct kedge_key_pair_der *parts)
{
    KEDGE_TRY(put_certificate(parts->certificate, &credentials->public_part));
    KEDGE_TRY(key_pair_check_certificate(credentials));
    KEDGE_TRY(put_certificate(parts->server_certificate, &credentials->server_ca));
    credentials->server_ca_is_server = !parts->server_is_of_it;
    return key_pair_check_ca(credentials);
}

enum kedge_rc kedge_credentials_from_der(struct kedge_credentials *credentials,
                                         const struct kedge_key_pair_der *parts,
                                         const struct kedge_credentials *own)
{
    bool is_raw = parts->server_key.size > 0;
    memset(credentials, 0, sizeof *credentials);
    if (parts->private_key.size > 0)
        KEDGE_TRY(put_private_key(parts->private_key, &credentials->private_key));
    else if (own->private_key.size > 0)
        credentials->private_key = own->private_key;
    else
        return KEDGE_E_KEY;
    KEDGE_TRY(key_pair_take_private_key(credentials, is_raw));
    if (is_raw) {
        const gnutls_datum_t key = datum_of(parts->server_key);
        KEDGE_TRY(key_pair_take_server_key(credentials, &key, GNUTLS_X509_FMT_DER));
    } else {
        KEDGE_TRY(take_certificates(credentials, parts));
    }
    credentials->proof = is_raw ? KEDGE_PROOF_RAW_PUBLIC_KEY : KEDGE_PROOF_CERTIFICATE;
    return KEDGE_OK;
}
