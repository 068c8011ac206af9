/*
 * revocation.c: the fleet's CA and the list of the certificates that it has revoked (RFC 5280),
 * which can be read again while the server runs.
 *
 * Method. CA and list stand in one trust list, which is made anew and put in the place of the
 * former, so that a list that cannot be used changes nothing. An association remembers a hash of
 * its certificate's serial number; of a whole fleet, only those are judged again that the new list
 * may name, because that takes two signatures each.
 */
#include <gnutls/x509.h>
#include <stdlib.h>

#include "updater/net/dtls.h"

#define SERIAL_MAX 64u /* bytes; RFC 5280 section 4.1.2.2 allows 20 */

/* ---- the list, read ---- */

/** What the CA has revoked: the lists as they were read, nothing when there is no file. */
struct crls {
    gnutls_datum_t pem;
    gnutls_x509_crl_t *items;
    unsigned count;
};

static void crls_free(struct crls *crls)
{
    for (unsigned i = 0; i < crls->count; i++)
        gnutls_x509_crl_deinit(crls->items[i]);
    gnutls_free(crls->items);
    gnutls_free(crls->pem.data);
}

/* One that is out of date is the CA's all the same: each certificate is judged by the time. */
static bool is_signed(gnutls_x509_crl_t crl, const gnutls_x509_crt_t *cas, unsigned ca_count)
{
    const unsigned about_time = (unsigned)GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
                                (unsigned)GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    unsigned status = 0;
    if (gnutls_x509_crl_verify(crl, cas, ca_count, 0, &status) != GNUTLS_E_SUCCESS)
        return false;
    return (status & ~(about_time | (unsigned)GNUTLS_CERT_INVALID)) == 0 &&
           (status == 0 || (status & about_time) != 0);
}

/* A list of another CA's would revoke nothing, and nobody would know. */
static enum kedge_rc check_signed(const struct dtls *dtls, const struct crls *crls)
{
    gnutls_x509_crt_t *cas = NULL;
    unsigned ca_count = 0;
    if (gnutls_x509_crt_list_import2(&cas, &ca_count, &dtls->ca, GNUTLS_X509_FMT_PEM, 0) < 0)
        return KEDGE_E_KEY;
    enum kedge_rc rc = KEDGE_OK;
    for (unsigned i = 0; i < crls->count; i++)
        if (!is_signed(crls->items[i], cas, ca_count))
            rc = KEDGE_E_KEY;
    for (unsigned i = 0; i < ca_count; i++)
        gnutls_x509_crt_deinit(cas[i]);
    gnutls_free(cas);
    return rc;
}

static enum kedge_rc crls_read(const struct dtls *dtls, const struct kedge_net_certificates *files,
                               struct crls *crls)
{
    *crls = (struct crls){0};
    if (files->crl_file == NULL)
        return KEDGE_OK;
    if (gnutls_load_file(files->crl_file, &crls->pem) != GNUTLS_E_SUCCESS ||
        gnutls_x509_crl_list_import2(&crls->items, &crls->count, &crls->pem, GNUTLS_X509_FMT_PEM,
                                     0) < 0 ||
        crls->count == 0)
        return KEDGE_E_KEY;
    return check_signed(dtls, crls);
}

/* Unix time of the first of them to be out of date; 0: none ever is. */
static time_t out_of_date_at(const struct crls *crls)
{
    time_t first = 0;
    for (unsigned i = 0; i < crls->count; i++) {
        time_t next = gnutls_x509_crl_get_next_update(crls->items[i]);
        if (next > 0 && (first == 0 || next < first))
            first = next;
    }
    return first;
}

/* ---- the trust list ---- */

static enum kedge_rc use_trust(struct dtls *dtls, const struct crls *crls)
{
    gnutls_x509_trust_list_t list;
    if (gnutls_x509_trust_list_init(&list, 0) != GNUTLS_E_SUCCESS)
        return KEDGE_E_MEMORY;
    if (gnutls_x509_trust_list_add_trust_mem(list, &dtls->ca, NULL, GNUTLS_X509_FMT_PEM,
                                             GNUTLS_TL_USE_IN_TLS, 0) < 1 ||
        (crls->count > 0 && gnutls_x509_trust_list_add_trust_mem(list, NULL, &crls->pem,
                                                                 GNUTLS_X509_FMT_PEM, 0, 0) < 1)) {
        gnutls_x509_trust_list_deinit(list, 1);
        return KEDGE_E_KEY;
    }
    gnutls_certificate_set_trust_list(dtls->x509, list, 0);
    dtls->revoked_until = out_of_date_at(crls);
    return KEDGE_OK;
}

enum kedge_rc dtls_trust_open(struct dtls *dtls, const struct kedge_net_certificates *files)
{
    struct crls crls;
    if (gnutls_load_file(files->ca_file, &dtls->ca) != GNUTLS_E_SUCCESS)
        return KEDGE_E_KEY;
    enum kedge_rc rc = crls_read(dtls, files, &crls);
    if (rc == KEDGE_OK)
        rc = use_trust(dtls, &crls);
    crls_free(&crls);
    return rc;
}

void dtls_trust_close(struct dtls *dtls)
{
    gnutls_free(dtls->ca.data);
}

/* ---- whose certificate a list names ---- */

static uint64_t hash_serial(const struct kedge_net *net, const uint8_t *serial, size_t size)
{
    uint64_t hash = kedge_siphash(&net->key, serial, size);
    return hash != 0 ? hash : 1;
}

uint64_t dtls_certificate_mark(const struct kedge_net *net, gnutls_x509_crt_t certificate)
{
    uint8_t serial[SERIAL_MAX];
    size_t size = sizeof serial;
    if (gnutls_x509_crt_get_serial(certificate, serial, &size) != GNUTLS_E_SUCCESS)
        return 0;
    return hash_serial(net, serial, size);
}

/** The marks of all certificates that a list names, sorted. */
struct revoked {
    uint64_t *marks;
    size_t count;
};

static int compare_marks(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

/* A serial number that does not fit is none that dtls_certificate_mark() has marked. */
static void add_marks(const struct kedge_net *net, gnutls_x509_crl_t crl, struct revoked *revoked)
{
    gnutls_x509_crl_iter_t iterator = NULL;
    uint8_t serial[SERIAL_MAX];
    for (int left = gnutls_x509_crl_get_crt_count(crl); left > 0; left--) {
        size_t size = sizeof serial;
        if (gnutls_x509_crl_iter_crt_serial(crl, &iterator, serial, &size, NULL) ==
            GNUTLS_E_SUCCESS)
            revoked->marks[revoked->count++] = hash_serial(net, serial, size);
    }
    gnutls_x509_crl_iter_deinit(iterator);
}

static enum kedge_rc mark_all(const struct kedge_net *net, const struct crls *crls,
                              struct revoked *revoked)
{
    size_t capacity = 1;
    for (unsigned i = 0; i < crls->count; i++)
        capacity += (size_t)gnutls_x509_crl_get_crt_count(crls->items[i]);
    revoked->marks = calloc(capacity, sizeof *revoked->marks);
    if (revoked->marks == NULL)
        return KEDGE_E_MEMORY;
    for (unsigned i = 0; i < crls->count; i++)
        add_marks(net, crls->items[i], revoked);
    qsort(revoked->marks, revoked->count, sizeof *revoked->marks, compare_marks);
    return KEDGE_OK;
}

/* ---- reading it again ---- */

/* A certificate that was shown with others above it (mark 0) is judged in any case. */
static bool is_revoked(const struct association *association, const struct revoked *revoked)
{
    if (association == NULL || association->name == NULL || association->raw_keys_only ||
        gnutls_auth_client_get_type(association->tls) != GNUTLS_CRD_CERTIFICATE)
        return false;
    if (association->mark != 0 && bsearch(&association->mark, revoked->marks, revoked->count,
                                          sizeof *revoked->marks, compare_marks) == NULL)
        return false;
    return !dtls_certificate_holds(association);
}

static void tell_all_revoked(struct kedge_net *net, const struct revoked *revoked,
                             void (*tell)(void *context, const char *name), void *context)
{
    for (size_t i = 0; i < net->peers.bucket_count; i++)
        for (const struct peer *peer = net->peers.buckets[i]; peer != NULL;
             peer = peer->next_in_bucket) {
            if (is_revoked(peer->association, revoked))
                tell(context, peer->association->name);
            if (is_revoked(peer->handshake, revoked)) /* judged before, and not over yet */
                tell(context, peer->handshake->name);
        }
}

enum kedge_rc kedge_net_reload_revoked(struct kedge_net *net,
                                       void (*tell)(void *context, const char *name), void *context)
{
    const struct kedge_net_certificates *files = &net->config.certificates;
    struct crls crls;
    struct revoked revoked = {0};
    if (net->dtls == NULL || net->dtls->x509 == NULL || files->crl_file == NULL)
        return KEDGE_E_NOT_FOUND;
    enum kedge_rc rc = crls_read(net->dtls, files, &crls);
    if (rc == KEDGE_OK)
        rc = mark_all(net, &crls, &revoked);
    if (rc == KEDGE_OK)
        rc = use_trust(net->dtls, &crls);
    if (rc == KEDGE_OK)
        tell_all_revoked(net, &revoked, tell, context);
    free(revoked.marks);
    crls_free(&crls);
    return rc;
}
