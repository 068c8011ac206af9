/* handout.c: certificates and private keys, from what a person has to what devices are sent. */
#include "updater/api/handout.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include <kedge/crypto.h>

static bool refuse_member(struct factory_fault *fault, const char *member, const char *words)
{
    *fault = (struct factory_fault){member, words};
    return false;
}

/* What stands in the text, for GnuTLS; Base64 is taken apart in `der`. */
static bool find_encoding(const char *text, struct kedge_writer *der, gnutls_datum_t *datum,
                          gnutls_x509_crt_fmt_t *format)
{
    bool is_pem = strstr(text, "-----BEGIN") != NULL;
    *format = is_pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER;
    if (!is_pem && kedge_base64_decode(kedge_slice_text(text), der) != KEDGE_OK)
        return false;
    struct kedge_slice found = is_pem ? kedge_slice_text(text) : kedge_writer_slice(der);
    *datum = (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)found.data,
                              .size = (unsigned)found.size};
    return true;
}

static bool import_certificate(gnutls_x509_crt_t certificate, const char *text)
{
    uint8_t bytes[KEDGE_CERTIFICATE_MAX];
    struct kedge_writer der = kedge_writer(bytes, sizeof(bytes));
    gnutls_datum_t datum;
    gnutls_x509_crt_fmt_t format;
    return find_encoding(text, &der, &datum, &format) &&
           gnutls_x509_crt_import(certificate, &datum, format) == GNUTLS_E_SUCCESS;
}

static bool import_private_key(gnutls_x509_privkey_t key, const char *text)
{
    uint8_t bytes[KEDGE_PRIVATE_KEY_MAX];
    struct kedge_writer der = kedge_writer(bytes, sizeof(bytes));
    gnutls_datum_t datum;
    gnutls_x509_crt_fmt_t format;
    bool done = find_encoding(text, &der, &datum, &format) &&
                gnutls_x509_privkey_import2(key, &datum, format, NULL, 0) == GNUTLS_E_SUCCESS;
    kedge_wipe(bytes, sizeof(bytes));
    return done;
}

static bool has_name(gnutls_x509_crt_t certificate, const char *endpoint)
{
    char name[KEDGE_ENDPOINT_MAX + 1];
    size_t size = sizeof(name);
    return gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                         &size) == GNUTLS_E_SUCCESS &&
           strlen(name) == size && strcmp(name, endpoint) == 0;
}

static bool take_certificate(gnutls_x509_crt_t certificate, const struct factory_texts *texts,
                             struct kedge_handout_record *out, struct factory_fault *fault)
{
    out->certificate_size = sizeof(out->certificate);
    if (!factory_is_said(texts->certificate))
        return refuse_member(fault, "private_key", "goes with a certificate");
    if (!import_certificate(certificate, texts->certificate))
        return refuse_member(
            fault, "certificate",
            "is not a certificate in PEM, or the Base64 of a DER of up to 4096 bytes");
    if (gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_DER, out->certificate,
                               &out->certificate_size) != GNUTLS_E_SUCCESS)
        return refuse_member(fault, "certificate", "has more than 4096 bytes");
    return has_name(certificate, texts->endpoint) ||
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
                             const char *text, struct kedge_handout_record *out,
                             struct factory_fault *fault)
{
    out->private_key_size = sizeof(out->private_key);
    if (!factory_is_said(text)) {
        out->private_key_size = 0; /* the device has it */
        return true;
    }
    if (!import_private_key(key, text))
        return refuse_member(
            fault, "private_key",
            "is not a private key without password in PEM, or the Base64 of a DER of up "
            "to 512 bytes");
    if (!same_key(certificate, key))
        return refuse_member(fault, "private_key", "is not that of the certificate");
    return gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN,
                                            out->private_key,
                                            &out->private_key_size) == GNUTLS_E_SUCCESS ||
           refuse_member(fault, "private_key", "has more than 512 bytes");
}

static bool take_both(const struct factory_texts *texts, struct kedge_handout_record *out,
                      struct factory_fault *fault)
{
    gnutls_x509_crt_t certificate = NULL;
    gnutls_x509_privkey_t key = NULL;
    bool done = false;
    if (gnutls_x509_crt_init(&certificate) == GNUTLS_E_SUCCESS &&
        gnutls_x509_privkey_init(&key) == GNUTLS_E_SUCCESS)
        done = take_certificate(certificate, texts, out, fault) &&
               take_private_key(certificate, key, texts->private_key, out, fault);
    else
        (void)refuse_member(fault, "certificate", "could not be read: out of memory");
    gnutls_x509_privkey_deinit(key);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    return done;
}

/* Of a copy there is no more than it needs. */
static bool keep(const struct kedge_handout_record *read, struct kedge_handout_record **out,
                 struct factory_fault *fault)
{
    *out = malloc(kedge_handout_size(read));
    if (*out == NULL)
        return refuse_member(fault, "certificate", "could not be kept: out of memory");
    memcpy(*out, read, kedge_handout_size(read));
    return true;
}

bool handout_read(const struct factory_texts *texts, struct kedge_handout_record **out,
                  struct factory_fault *fault)
{
    struct kedge_handout_record read = {.certificate_size = 0};
    *out = NULL;
    if (!factory_is_said(texts->certificate) && !factory_is_said(texts->private_key))
        return true;
    memcpy(read.endpoint, texts->endpoint, strlen(texts->endpoint) + 1);
    bool done = take_both(texts, &read, fault) && keep(&read, out, fault);
    kedge_wipe(&read, sizeof(read));
    return done;
}

void handout_free(struct kedge_handout_record *handout)
{
    if (handout != NULL)
        kedge_wipe(handout, kedge_handout_size(handout));
    free(handout);
}
