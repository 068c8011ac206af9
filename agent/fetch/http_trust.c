/* http_trust.c: a server's certificate against the CAs that can have issued it. */
#define _POSIX_C_SOURCE 200809L
#include "agent/fetch/http_trust.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

static const char begin_line[] = "-----BEGIN CERTIFICATE-----";
static const char end_line[] = "-----END CERTIFICATE-----";

/* What the server showed. */
struct chain {
    gnutls_x509_crt_t items[KEDGE_HTTP_CHAIN_MAX];
    unsigned count;
};

static void chain_free(struct chain *chain)
{
    while (chain->count > 0)
        gnutls_x509_crt_deinit(chain->items[--chain->count]);
}

static enum kedge_rc import(const gnutls_datum_t *bytes, gnutls_x509_crt_fmt_t format,
                            gnutls_x509_crt_t *out)
{
    if (gnutls_x509_crt_init(out) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    if (gnutls_x509_crt_import(*out, bytes, format) == GNUTLS_E_SUCCESS)
        return KEDGE_OK;
    gnutls_x509_crt_deinit(*out);
    return KEDGE_E_KEY;
}

static enum kedge_rc chain_read(gnutls_session_t session, struct chain *chain)
{
    unsigned count = 0;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &count);
    if (shown == NULL || count == 0)
        return KEDGE_E_KEY;
    if (count > KEDGE_HTTP_CHAIN_MAX)
        return KEDGE_E_LIMIT;
    for (; chain->count < count; chain->count++)
        KEDGE_TRY(import(&shown[chain->count], GNUTLS_X509_FMT_DER, &chain->items[chain->count]));
    return KEDGE_OK;
}

static bool datums_equal(const gnutls_datum_t *a, const gnutls_datum_t *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Whether the name of the CA is that of an issuer in the chain, or of what was shown itself. */
static bool can_matter(gnutls_x509_crt_t ca, const struct chain *chain)
{
    gnutls_datum_t name, other;
    bool found = false;
    if (gnutls_x509_crt_get_raw_dn(ca, &name) != GNUTLS_E_SUCCESS)
        return false;
    for (unsigned i = 0; i < 2 * chain->count && !found; i++) {
        gnutls_x509_crt_t one = chain->items[i / 2];
        int code = i % 2 == 0 ? gnutls_x509_crt_get_raw_issuer_dn(one, &other)
                              : gnutls_x509_crt_get_raw_dn(one, &other);
        if (code != GNUTLS_E_SUCCESS)
            continue;
        found = datums_equal(&name, &other);
        gnutls_free(other.data);
    }
    gnutls_free(name.data);
    return found;
}

/* ---- the file of CAs ---- */

/* What looks at each certificate of a file. */
typedef void ca_fn(void *context, gnutls_x509_crt_t ca);

/* What is no certificate is passed over: a store may hold what this GnuTLS does not understand. */
static void take(char *text, size_t size, ca_fn *fn, void *context)
{
    const gnutls_datum_t pem = {.data = (unsigned char *)text, .size = (unsigned)size};
    gnutls_x509_crt_t ca;
    if (import(&pem, GNUTLS_X509_FMT_PEM, &ca) != KEDGE_OK)
        return;
    fn(context, ca);
    gnutls_x509_crt_deinit(ca);
}

static bool is_line(const char *line, const char *wanted)
{
    return strncmp(line, wanted, strlen(wanted)) == 0;
}

static void take_lines(FILE *file, ca_fn *fn, void *context)
{
    static const size_t none = SIZE_MAX; /* outside of a certificate, or in one that is too long */
    char text[KEDGE_HTTP_CA_SIZE_MAX], line[256];
    size_t size = none;
    while (fgets(line, sizeof(line), file) != NULL) {
        size_t length = strlen(line);
        if (is_line(line, begin_line))
            size = 0;
        if (size == none || length >= sizeof(text) - size) {
            size = none;
            continue;
        }
        memcpy(&text[size], line, length + 1);
        size += length;
        if (!is_line(line, end_line))
            continue;
        take(text, size, fn, context);
        size = none;
    }
}

static enum kedge_rc each_ca(const char *path, ca_fn *fn, void *context)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return KEDGE_E_SYSTEM;
    take_lines(file, fn, context);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    return failed ? KEDGE_E_SYSTEM : KEDGE_OK;
}

struct loading {
    gnutls_certificate_credentials_t credentials;
    struct chain chain;
};

static void load(void *context, gnutls_x509_crt_t ca)
{
    struct loading *loading = context;
    if (can_matter(ca, &loading->chain))
        (void)gnutls_certificate_set_x509_trust(loading->credentials, &ca, 1); /* copies it */
}

static void count(void *context, gnutls_x509_crt_t ca)
{
    (void)ca;
    ++*(size_t *)context;
}

enum kedge_rc kedge_http_trust_usable(const char *ca_file)
{
    size_t found = 0;
    return each_ca(ca_file, count, &found) == KEDGE_OK && found > 0 ? KEDGE_OK : KEDGE_E_KEY;
}

enum kedge_rc kedge_http_trust_check(gnutls_session_t session, const char *ca_file,
                                     unsigned *status)
{
    void *credentials = NULL;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_SERVER};
    *status = GNUTLS_CERT_INVALID;
    if (gnutls_credentials_get(session, GNUTLS_CRD_CERTIFICATE, &credentials) != GNUTLS_E_SUCCESS)
        return KEDGE_E_KEY;
    struct loading loading = {.credentials = credentials};
    enum kedge_rc rc = chain_read(session, &loading.chain);
    if (rc == KEDGE_OK)
        rc = each_ca(ca_file, load, &loading);
    if (rc == KEDGE_OK && gnutls_certificate_verify_peers(session, &purpose, 1, status) < 0) {
        *status = GNUTLS_CERT_INVALID;
        rc = KEDGE_E_KEY;
    }
    chain_free(&loading.chain);
    return rc;
}
