/*
 * certificate.c: the certificate that HTTPS shows and its key, read from PEM files, and replaced
 * while connections go on: each keeps the one that it began with.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "updater/api/internal.h"

#define CHAIN_MAX 8u /* certificates */

struct certificate {
    unsigned holders; /* under the lock of its slot */
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned chain_size;
    gnutls_privkey_t key;
    int64_t expires_at_s;
};

/* ---- reading ---- */

static void destroy(struct certificate *certificate)
{
    for (unsigned i = 0; i < certificate->chain_size; i++)
        gnutls_pcert_deinit(&certificate->chain[i]);
    if (certificate->key != NULL)
        gnutls_privkey_deinit(certificate->key);
    free(certificate);
}

static int take_end(struct certificate *certificate)
{
    gnutls_x509_crt_t first = NULL;
    int code = gnutls_pcert_export_x509(&certificate->chain[0], &first);
    if (code != GNUTLS_E_SUCCESS)
        return code;
    certificate->expires_at_s = (int64_t)gnutls_x509_crt_get_expiration_time(first);
    gnutls_x509_crt_deinit(first);
    return code;
}

static int load_chain(struct certificate *certificate, const char *file)
{
    gnutls_datum_t pem = {0};
    unsigned size = CHAIN_MAX;
    int code = gnutls_load_file(file, &pem);
    if (code == GNUTLS_E_SUCCESS)
        code =
            gnutls_pcert_list_import_x509_raw(certificate->chain, &size, &pem, GNUTLS_X509_FMT_PEM,
                                              GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    gnutls_free(pem.data);
    if (code < 0)
        return code;
    certificate->chain_size = size;
    return size > 0 ? take_end(certificate) : GNUTLS_E_NO_CERTIFICATE_FOUND;
}

static int load_key(struct certificate *certificate, const char *file)
{
    gnutls_datum_t pem = {0};
    int code = gnutls_load_file(file, &pem);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_privkey_init(&certificate->key);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_privkey_import_x509_raw(certificate->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (pem.data != NULL)
        kedge_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    return code;
}

static bool same_key(const struct certificate *certificate)
{
    uint8_t ids[2][64];
    size_t sizes[2] = {sizeof(ids[0]), sizeof(ids[1])};
    gnutls_pubkey_t key = NULL;
    bool same = gnutls_pubkey_init(&key) == GNUTLS_E_SUCCESS &&
                gnutls_pubkey_import_privkey(key, certificate->key, 0, 0) == GNUTLS_E_SUCCESS &&
                gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, ids[0], &sizes[0]) ==
                    GNUTLS_E_SUCCESS &&
                gnutls_pubkey_get_key_id(certificate->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256,
                                         ids[1], &sizes[1]) == GNUTLS_E_SUCCESS &&
                kedge_slice_equal(kedge_slice(ids[0], sizes[0]), kedge_slice(ids[1], sizes[1]));
    if (key != NULL)
        gnutls_pubkey_deinit(key);
    return same;
}

static enum kedge_rc refuse_file(char error[KEDGE_API_ERROR_MAX], const char *file, const char *why)
{
    (void)snprintf(error, KEDGE_API_ERROR_MAX, "%.300s: %.180s", file, why);
    return KEDGE_E_KEY;
}

static enum kedge_rc load(const struct kedge_api_tls *files, struct certificate **out,
                          char error[KEDGE_API_ERROR_MAX])
{
    struct certificate *certificate = calloc(1, sizeof(*certificate));
    if (certificate == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = KEDGE_OK;
    int code = load_chain(certificate, files->certificate_file);
    if (code < 0) {
        rc = refuse_file(error, files->certificate_file, gnutls_strerror(code));
        goto cleanup;
    }
    code = load_key(certificate, files->key_file);
    if (code < 0)
        rc = refuse_file(error, files->key_file, gnutls_strerror(code));
    else if (!same_key(certificate))
        rc = refuse_file(error, files->key_file, "not the key of the certificate");

cleanup:
    if (rc == KEDGE_OK)
        *out = certificate;
    else
        destroy(certificate);
    return rc;
}

/* ---- holding ---- */

/* With the lock held. */
static void let_go(struct certificate *certificate)
{
    if (certificate != NULL && --certificate->holders == 0)
        destroy(certificate);
}

void certificate_slot_init(struct certificate_slot *slot)
{
    pthread_mutex_init(&slot->lock, NULL);
}

void certificate_slot_close(struct certificate_slot *slot)
{
    let_go(slot->current);
    pthread_mutex_destroy(&slot->lock);
}

enum kedge_rc certificate_slot_load(struct certificate_slot *slot,
                                    const struct kedge_api_tls *files,
                                    char error[KEDGE_API_ERROR_MAX])
{
    struct certificate *certificate;
    KEDGE_TRY(load(files, &certificate, error));
    certificate->holders = 1;
    pthread_mutex_lock(&slot->lock);
    let_go(slot->current);
    slot->current = certificate;
    pthread_mutex_unlock(&slot->lock);
    return KEDGE_OK;
}

void certificate_release(struct certificate_slot *slot, struct certificate *certificate)
{
    if (certificate == NULL)
        return;
    pthread_mutex_lock(&slot->lock);
    let_go(certificate);
    pthread_mutex_unlock(&slot->lock);
}

static void hold(struct certificate_slot *slot, struct certificate **held)
{
    pthread_mutex_lock(&slot->lock);
    let_go(*held);
    *held = slot->current;
    (*held)->holders++;
    pthread_mutex_unlock(&slot->lock);
}

/* gnutls_certificate_retrieve_function3 */
int certificate_retrieve(gnutls_session_t tls, const struct gnutls_cert_retr_st *info,
                         gnutls_pcert_st **chain, unsigned *chain_size, gnutls_ocsp_data_st **ocsp,
                         unsigned *ocsp_size, gnutls_privkey_t *key, unsigned *flags)
{
    struct connection *connection = connection_of(gnutls_session_get_ptr(tls));
    (void)info;
    if (connection == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    hold(connection->certificates, &connection->certificate);
    *chain = connection->certificate->chain;
    *chain_size = connection->certificate->chain_size;
    *key = connection->certificate->key;
    *ocsp = NULL;
    *ocsp_size = 0;
    *flags = 0;
    return 0;
}

enum kedge_rc kedge_api_tls_check(const struct kedge_api_tls *files, int64_t *expires_at_s,
                                  char error[KEDGE_API_ERROR_MAX])
{
    struct certificate *certificate;
    error[0] = '\0';
    KEDGE_TRY(load(files, &certificate, error));
    if (expires_at_s != NULL)
        *expires_at_s = certificate->expires_at_s;
    destroy(certificate);
    return KEDGE_OK;
}
