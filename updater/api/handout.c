/* handout.c: certificates and private keys, from PEM to what devices are sent. */
#include "updater/api/handout.h"

#include <gnutls/x509.h>
#include <string.h>

static bool refuse_member(struct factory_fault *fault, const char *member, const char *words)
{
    *fault = (struct factory_fault){member, words};
    return false;
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text,
                            .size = (unsigned)strlen(text)};
}

static bool has_name(gnutls_x509_crt_t certificate, const char *endpoint)
{
    char name[KEDGE_ENDPOINT_MAX + 1];
    size_t size = sizeof(name);
    return gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                         &size) == GNUTLS_E_SUCCESS &&
           strlen(name) == size && strcmp(name, endpoint) == 0;
}

static bool take_certificate(gnutls_x509_crt_t certificate, const char *endpoint, const char *pem,
                             struct kedge_handout_record *out, struct factory_fault *fault)
{
    const gnutls_datum_t text = datum_of(pem);
    out->certificate_size = sizeof(out->certificate);
    if (gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_PEM) != GNUTLS_E_SUCCESS)
        return refuse_member(fault, "certificate", "is not a certificate in PEM");
    if (gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_DER, out->certificate,
                               &out->certificate_size) != GNUTLS_E_SUCCESS)
        return refuse_member(fault, "certificate", "has more than 4096 bytes");
    return has_name(certificate, endpoint) ||
           refuse_member(fault, "certificate", "has a common name that is not the endpoint");
}

static bool same_key(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
    unsigned char of_certificate[64], of_key[64];
    size_t certificate_size = sizeof(of_certificate), key_size = sizeof(of_key);
    return gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, of_certificate,
                                      &certificate_size) == GNUTLS_E_SUCCESS &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) ==
               GNUTLS_E_SUCCESS &&
           certificate_size == key_size && memcmp(of_certificate, of_key, key_size) == 0;
}

/* RFC 5958, which LwM2M asks for. */
static bool take_private_key(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key,
                             const char *pem, struct kedge_handout_record *out,
                             struct factory_fault *fault)
{
    const gnutls_datum_t text = datum_of(pem);
    out->private_key_size = sizeof(out->private_key);
    if (gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0) != GNUTLS_E_SUCCESS)
        return refuse_member(fault, "private_key", "is not a private key in PEM, without password");
    if (!same_key(certificate, key))
        return refuse_member(fault, "private_key", "is not that of the certificate");
    return gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN,
                                            out->private_key,
                                            &out->private_key_size) == GNUTLS_E_SUCCESS ||
           refuse_member(fault, "private_key", "has more than 512 bytes");
}

bool handout_read(const char *endpoint, const char *certificate_pem, const char *private_key_pem,
                  struct kedge_handout_record *out, struct factory_fault *fault)
{
    gnutls_x509_crt_t certificate = NULL;
    gnutls_x509_privkey_t key = NULL;
    bool done = false;
    memset(out, 0, sizeof(*out));
    memcpy(out->endpoint, endpoint, strlen(endpoint) + 1);
    if (certificate_pem == NULL)
        return refuse_member(fault, "private_key", "goes with a certificate");
    if (gnutls_x509_crt_init(&certificate) == GNUTLS_E_SUCCESS &&
        gnutls_x509_privkey_init(&key) == GNUTLS_E_SUCCESS)
        done = take_certificate(certificate, endpoint, certificate_pem, out, fault) &&
               (private_key_pem == NULL ||
                take_private_key(certificate, key, private_key_pem, out, fault));
    else
        (void)refuse_member(fault, "certificate", "could not be read: out of memory");
    gnutls_x509_privkey_deinit(key);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    return done;
}
