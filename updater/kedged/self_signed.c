/* self_signed.c: making a key and a certificate, by GnuTLS. */
#define _GNU_SOURCE
#include "updater/kedged/self_signed.h"

#include "updater/kedged/clock.h"
#include "updater/kedged/data_folder.h"
#include "updater/kedged/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <kedge/crypto.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VALID_S (10 * 365 * 24 * 3600L)
#define CLOCK_SKEW_S (24 * 3600L) /* a client whose clock is behind takes it all the same */
#define SERIAL_SIZE 16u

struct making {
    const char *folder;
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    char *error;
};

static enum kedge_rc failed(const struct making *making, const char *what, const char *why)
{
    (void)snprintf(making->error, KEDGE_STORE_ERROR_MAX,
                   "cannot make a certificate in %.200s: %s: %.200s", making->folder, what, why);
    return KEDGE_E_SYSTEM;
}

/* ---- files ---- */

static enum kedge_rc path_of(const struct making *making, const char *name, char path[PATH_MAX])
{
    int size = snprintf(path, PATH_MAX, "%s/%s", making->folder, name);
    return size > 0 && size < PATH_MAX ? KEDGE_OK : failed(making, name, "the name is too long");
}

/* Whole under its name, or not there. */
static enum kedge_rc keep(const struct making *making, const char *name, mode_t mode,
                          const gnutls_datum_t *content)
{
    char path[PATH_MAX], fresh[PATH_MAX + 8];
    KEDGE_TRY(path_of(making, name, path));
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    if (kedge_file_write(fresh, mode, kedge_slice(content->data, content->size)) == KEDGE_OK &&
        rename(fresh, path) == 0 && kedge_folder_sync(making->folder) == KEDGE_OK)
        return KEDGE_OK;
    enum kedge_rc rc = failed(making, name, strerror(errno));
    (void)unlink(fresh);
    return rc;
}

/* ---- the key ---- */

static enum kedge_rc make_key(struct making *making)
{
    gnutls_datum_t pem = {0};
    int code = gnutls_x509_privkey_generate(making->key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_privkey_export2_pkcs8(making->key, GNUTLS_X509_FMT_PEM, NULL,
                                                 GNUTLS_PKCS_PLAIN, &pem);
    enum kedge_rc rc = code == GNUTLS_E_SUCCESS
                           ? keep(making, KEDGE_TLS_KEY_FILE, 0600, &pem)
                           : failed(making, KEDGE_TLS_KEY_FILE, gnutls_strerror(code));
    if (pem.data != NULL)
        kedge_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    return rc;
}

static enum kedge_rc take_key(struct making *making)
{
    char path[PATH_MAX];
    gnutls_datum_t pem = {0};
    KEDGE_TRY(path_of(making, KEDGE_TLS_KEY_FILE, path));
    if (access(path, F_OK) != 0)
        return make_key(making);
    int code = gnutls_load_file(path, &pem);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_privkey_import2(making->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (pem.data != NULL)
        kedge_wipe(pem.data, pem.size);
    gnutls_free(pem.data);
    return code == GNUTLS_E_SUCCESS ? KEDGE_OK
                                    : failed(making, KEDGE_TLS_KEY_FILE, gnutls_strerror(code));
}

/* ---- the certificate ---- */

static int add_name(gnutls_x509_crt_t certificate, gnutls_x509_subject_alt_name_t type,
                    const void *name, size_t size)
{
    return gnutls_x509_crt_set_subject_alt_name(certificate, type, name, (unsigned)size,
                                                GNUTLS_FSAN_APPEND);
}

static int add_address(gnutls_x509_crt_t certificate, const char *text)
{
    uint8_t address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, text, address) == 1)
        return add_name(certificate, GNUTLS_SAN_IPADDRESS, address, 4);
    if (inet_pton(AF_INET6, text, address) == 1)
        return add_name(certificate, GNUTLS_SAN_IPADDRESS, address, 16);
    return GNUTLS_E_SUCCESS; /* "": every address, of which none is known */
}

/* A host's name that DNS would take (RFC 1123); others are left out. */
static bool host_name(char name[HOST_NAME_MAX + 1])
{
    if (gethostname(name, HOST_NAME_MAX + 1) != 0)
        return false;
    name[HOST_NAME_MAX] = '\0';
    size_t size = strlen(name);
    return size > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789-.") == size;
}

static int name_subject(gnutls_x509_crt_t certificate, const char *address)
{
    char host[HOST_NAME_MAX + 1];
    bool named = host_name(host);
    const char *common = named && strlen(host) <= 64 ? host : "localhost"; /* ub-common-name */
    int code = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, common,
                                             (unsigned)strlen(common));
    if (code == GNUTLS_E_SUCCESS)
        code = add_name(certificate, GNUTLS_SAN_DNSNAME, "localhost", strlen("localhost"));
    if (code == GNUTLS_E_SUCCESS && named && strcmp(host, "localhost") != 0)
        code = add_name(certificate, GNUTLS_SAN_DNSNAME, host, strlen(host));
    if (code == GNUTLS_E_SUCCESS)
        code = add_address(certificate, "127.0.0.1");
    if (code == GNUTLS_E_SUCCESS)
        code = add_address(certificate, "::1");
    if (code == GNUTLS_E_SUCCESS && strcmp(address, "127.0.0.1") != 0 &&
        strcmp(address, "::1") != 0)
        code = add_address(certificate, address);
    return code;
}

static int limit_use(gnutls_x509_crt_t certificate)
{
    uint8_t serial[SERIAL_SIZE];
    time_t now = (time_t)(kedge_wall_ms() / 1000u);
    int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    serial[0] = (serial[0] & 0x7F) | 0x40; /* positive, and without a leading zero */
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_version(certificate, 3);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_serial(certificate, serial, sizeof(serial));
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_activation_time(certificate, now - CLOCK_SKEW_S);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_expiration_time(certificate, now + VALID_S);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_basic_constraints(certificate, 0, -1);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0);
    return code;
}

static enum kedge_rc make_certificate(struct making *making, const char *address)
{
    gnutls_datum_t pem = {0};
    int code = limit_use(making->certificate);
    if (code == GNUTLS_E_SUCCESS)
        code = name_subject(making->certificate, address);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_set_key(making->certificate, making->key);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_sign2(making->certificate, making->certificate, making->key,
                                     GNUTLS_DIG_SHA256, 0);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_export2(making->certificate, GNUTLS_X509_FMT_PEM, &pem);
    enum kedge_rc rc = code == GNUTLS_E_SUCCESS
                           ? keep(making, KEDGE_TLS_CERTIFICATE_FILE, 0644, &pem)
                           : failed(making, KEDGE_TLS_CERTIFICATE_FILE, gnutls_strerror(code));
    gnutls_free(pem.data);
    return rc;
}

enum kedge_rc kedge_self_signed_ensure(const char *folder, const char *address,
                                       char error[KEDGE_STORE_ERROR_MAX])
{
    struct making making = {.folder = folder, .error = error};
    char path[PATH_MAX];
    KEDGE_TRY(path_of(&making, KEDGE_TLS_CERTIFICATE_FILE, path));
    if (access(path, F_OK) == 0)
        return KEDGE_OK;
    enum kedge_rc rc = KEDGE_E_MEMORY;
    if (gnutls_x509_privkey_init(&making.key) == GNUTLS_E_SUCCESS &&
        gnutls_x509_crt_init(&making.certificate) == GNUTLS_E_SUCCESS)
        rc = take_key(&making);
    if (rc == KEDGE_OK)
        rc = make_certificate(&making, address);
    if (rc == KEDGE_OK)
        kedge_log(KEDGE_LOG_INFO, "a self-signed certificate for HTTPS is in %s", path);
    if (making.certificate != NULL)
        gnutls_x509_crt_deinit(making.certificate);
    if (making.key != NULL)
        gnutls_x509_privkey_deinit(making.key);
    return rc;
}

/* ---- the fingerprint ---- */

static int export_spki(const char *file, gnutls_datum_t *spki)
{
    gnutls_datum_t pem = {0};
    gnutls_pcert_st certificate;
    int code = gnutls_load_file(file, &pem);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_pcert_import_x509_raw(&certificate, &pem, GNUTLS_X509_FMT_PEM, 0);
    gnutls_free(pem.data);
    if (code != GNUTLS_E_SUCCESS)
        return code;
    code = gnutls_pubkey_export2(certificate.pubkey, GNUTLS_X509_FMT_DER, spki);
    gnutls_pcert_deinit(&certificate);
    return code;
}

enum kedge_rc kedge_certificate_fingerprint(const char *file, char out[KEDGE_TLS_FINGERPRINT_SIZE])
{
    gnutls_datum_t spki = {0};
    uint8_t digest[KEDGE_SHA256_SIZE];
    if (export_spki(file, &spki) != GNUTLS_E_SUCCESS)
        return KEDGE_E_KEY;
    kedge_sha256(kedge_slice(spki.data, spki.size), digest);
    gnutls_free(spki.data);
    struct kedge_writer writer = kedge_writer(out, KEDGE_TLS_FINGERPRINT_SIZE - 1);
    KEDGE_TRY(kedge_writer_put(&writer, kedge_slice_text("sha256//")));
    KEDGE_TRY(kedge_base64_encode(kedge_slice(digest, sizeof(digest)), &writer));
    out[writer.size] = '\0';
    return KEDGE_OK;
}
