/* key_pair.c: the private key, and certificates or raw public keys; see credentials.h. */
#include "agent/client/key_pair_parts.h"
#include "agent/client/secret_file.h"

#include <gnutls/abstract.h>
#include <string.h>

static enum kedge_rc read_pem(const char *path, struct kedge_key_file *pem)
{
    size_t size;
    KEDGE_TRY(kedge_secret_file_read(path, pem->text, sizeof pem->text, &size));
    if (size == sizeof pem->text)
        return KEDGE_E_LIMIT;
    pem->text[size] = '\0';
    pem->size = size + 1;
    return KEDGE_OK;
}

gnutls_datum_t key_pair_datum(struct kedge_key_file *pem)
{
    return (gnutls_datum_t){.data = (unsigned char *)pem->text, .size = (unsigned)pem->size - 1};
}

enum kedge_rc key_pair_judge(int gnutls_code)
{
    return gnutls_code >= 0 ? KEDGE_OK : KEDGE_E_KEY;
}

/* The public half of the private key, as the PEM that libcoap asks for. */
static enum kedge_rc derive_public_key(gnutls_privkey_t private_key, struct kedge_key_file *pem)
{
    gnutls_pubkey_t public_key;
    KEDGE_TRY(key_pair_judge(gnutls_pubkey_init(&public_key)));
    size_t size = KEDGE_KEY_FILE_MAX;
    enum kedge_rc rc = key_pair_judge(gnutls_pubkey_import_privkey(public_key, private_key, 0, 0));
    if (rc == KEDGE_OK)
        rc =
            key_pair_judge(gnutls_pubkey_export(public_key, GNUTLS_X509_FMT_PEM, pem->text, &size));
    if (rc == KEDGE_OK) {
        pem->text[size] = '\0';
        pem->size = size + 1;
    }
    gnutls_pubkey_deinit(public_key);
    return rc;
}

enum kedge_rc key_pair_take_private_key(struct kedge_credentials *credentials, bool is_raw)
{
    gnutls_privkey_t private_key;
    const gnutls_datum_t text = key_pair_datum(&credentials->private_key);
    KEDGE_TRY(key_pair_judge(gnutls_privkey_init(&private_key)));
    enum kedge_rc rc = key_pair_judge(
        gnutls_privkey_import_x509_raw(private_key, &text, GNUTLS_X509_FMT_PEM, NULL, 0));
    if (rc == KEDGE_OK && is_raw)
        rc = derive_public_key(private_key, &credentials->public_part);
    gnutls_privkey_deinit(private_key);
    return rc;
}

enum kedge_rc key_pair_take_server_key(struct kedge_credentials *credentials,
                                       const gnutls_datum_t *key, gnutls_x509_crt_fmt_t format)
{
    gnutls_pubkey_t public_key;
    KEDGE_TRY(key_pair_judge(gnutls_pubkey_init(&public_key)));
    credentials->server_key_size = sizeof credentials->server_key;
    enum kedge_rc rc = key_pair_judge(gnutls_pubkey_import(public_key, key, format));
    if (rc == KEDGE_OK)
        rc = key_pair_judge(gnutls_pubkey_export(public_key, GNUTLS_X509_FMT_DER,
                                                 credentials->server_key,
                                                 &credentials->server_key_size));
    gnutls_pubkey_deinit(public_key);
    return rc;
}

enum kedge_rc key_pair_check_certificate(struct kedge_credentials *credentials)
{
    gnutls_certificate_credentials_t both;
    const gnutls_datum_t certificate = key_pair_datum(&credentials->public_part);
    const gnutls_datum_t key = key_pair_datum(&credentials->private_key);
    KEDGE_TRY(key_pair_judge(gnutls_certificate_allocate_credentials(&both)));
    enum kedge_rc rc = key_pair_judge(
        gnutls_certificate_set_x509_key_mem(both, &certificate, &key, GNUTLS_X509_FMT_PEM));
    gnutls_certificate_free_credentials(both);
    return rc;
}

enum kedge_rc key_pair_check_ca(struct kedge_credentials *credentials)
{
    gnutls_certificate_credentials_t trusted;
    const gnutls_datum_t ca = key_pair_datum(&credentials->server_ca);
    KEDGE_TRY(key_pair_judge(gnutls_certificate_allocate_credentials(&trusted)));
    int count = gnutls_certificate_set_x509_trust_mem(trusted, &ca, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(trusted);
    return count > 0 ? KEDGE_OK : KEDGE_E_KEY;
}

static enum kedge_rc load_certificates(struct kedge_credentials *credentials,
                                       const struct kedge_key_pair_files *files, const char **wrong)
{
    *wrong = files->certificate;
    KEDGE_TRY(read_pem(files->certificate, &credentials->public_part));
    KEDGE_TRY(key_pair_check_certificate(credentials));
    *wrong = files->server_ca;
    KEDGE_TRY(read_pem(files->server_ca, &credentials->server_ca));
    return key_pair_check_ca(credentials);
}

static enum kedge_rc load_server_key(struct kedge_credentials *credentials, const char *path)
{
    static struct kedge_key_file pem; /* nothing secret */
    KEDGE_TRY(read_pem(path, &pem));
    const gnutls_datum_t key = key_pair_datum(&pem);
    return key_pair_take_server_key(credentials, &key, GNUTLS_X509_FMT_PEM);
}

enum kedge_rc kedge_credentials_load_key_pair(struct kedge_credentials *credentials,
                                              const struct kedge_key_pair_files *files,
                                              const char **wrong)
{
    bool is_raw = files->server_key[0] != '\0';
    memset(credentials, 0, sizeof *credentials);
    *wrong = files->private_key;
    KEDGE_TRY(read_pem(files->private_key, &credentials->private_key));
    KEDGE_TRY(key_pair_take_private_key(credentials, is_raw));
    if (is_raw) {
        *wrong = files->server_key;
        KEDGE_TRY(load_server_key(credentials, files->server_key));
    } else {
        KEDGE_TRY(load_certificates(credentials, files, wrong));
    }
    credentials->proof = is_raw ? KEDGE_PROOF_RAW_PUBLIC_KEY : KEDGE_PROOF_CERTIFICATE;
    return KEDGE_OK;
}
