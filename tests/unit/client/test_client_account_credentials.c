/* test_client_account_credentials.c: what an account proves a device with, in each mode. */
#include "agent/client/account_credentials.h"
#include "tests/unit/client/account_sample.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

/* A key pair, as an account holds it, and a certificate that it has signed for itself. */
struct pair {
    uint8_t private_key[KEDGE_ACCOUNT_SECRET_MAX], public_key[KEDGE_SERVER_KEY_MAX];
    uint8_t certificate[KEDGE_ACCOUNT_IDENTITY_MAX];
    size_t private_key_size, public_key_size, certificate_size;
    char pem[2048];
    size_t pem_size;
};

static struct pair device, server;
static struct kedge_credentials own, credentials;

static void require(int code)
{
    assert_int_equal(code < 0 ? code : 0, 0);
}

static void make_pair(struct pair *pair, const char *name)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_pubkey_t public_key;
    require(gnutls_x509_privkey_init(&key));
    require(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    pair->private_key_size = sizeof pair->private_key;
    require(gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN,
                                             pair->private_key, &pair->private_key_size));
    pair->pem_size = sizeof pair->pem;
    require(gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                             pair->pem, &pair->pem_size));
    require(gnutls_x509_crt_init(&certificate));
    require(gnutls_x509_crt_set_version(certificate, 3));
    require(gnutls_x509_crt_set_serial(certificate, "\1", 1));
    require(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 60));
    require(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600));
    require(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                          (unsigned)strlen(name)));
    require(gnutls_x509_crt_set_key(certificate, key));
    require(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0));
    pair->certificate_size = sizeof pair->certificate;
    require(gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_DER, pair->certificate,
                                   &pair->certificate_size));
    require(gnutls_pubkey_init(&public_key));
    require(gnutls_pubkey_import_x509(public_key, certificate, 0));
    pair->public_key_size = sizeof pair->public_key;
    require(gnutls_pubkey_export(public_key, GNUTLS_X509_FMT_DER, pair->public_key,
                                 &pair->public_key_size));
    gnutls_pubkey_deinit(public_key);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

static int make_pairs(void **state)
{
    (void)state;
    make_pair(&device, "urn:dev:1");
    make_pair(&server, "server.example");
    return 0;
}

static int make(void **state)
{
    static struct kedge_account account;
    sample_account(&account);
    memset(&own, 0, sizeof own);
    memset(&credentials, 0xAA, sizeof credentials);
    *state = &account.security;
    return 0;
}

static void set(uint8_t *to, size_t *to_size, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
    *to_size = size;
}

static void set_certificates(struct kedge_account_security *security)
{
    security->mode = KEDGE_ACCOUNT_CERTIFICATE;
    set(security->identity, &security->identity_size, device.certificate, device.certificate_size);
    set(security->server_key, &security->server_key_size, server.certificate,
        server.certificate_size);
    set(security->secret, &security->secret_size, device.private_key, device.private_key_size);
}

static void set_raw_keys(struct kedge_account_security *security)
{
    security->mode = KEDGE_ACCOUNT_RAW_PUBLIC_KEY;
    set(security->identity, &security->identity_size, device.public_key, device.public_key_size);
    set(security->server_key, &security->server_key_size, server.public_key,
        server.public_key_size);
    set(security->secret, &security->secret_size, device.private_key, device.private_key_size);
}

static enum kedge_rc build(const struct kedge_account_security *security)
{
    return kedge_account_credentials(security, &own, &credentials);
}

static void a_pre_shared_key_is_taken_as_it_is(void **state)
{
    assert_int_equal(build(*state), KEDGE_OK);
    assert_int_equal(credentials.proof, KEDGE_PROOF_PRE_SHARED_KEY);
    assert_string_equal(credentials.identity, "identity");
    assert_int_equal(credentials.key_size, 16);
    assert_memory_equal(credentials.key, "0123456789abcdef", 16);
}

static void without_security_there_is_nothing_to_prove(void **state)
{
    struct kedge_account_security *security = *state;
    security->mode = KEDGE_ACCOUNT_NO_SECURITY;
    assert_int_equal(build(security), KEDGE_OK);
    assert_int_equal(credentials.proof, KEDGE_PROOF_NONE);
}

static void certificates_become_what_libcoap_reads(void **state)
{
    struct kedge_account_security *security = *state;
    set_certificates(security);
    assert_int_equal(build(security), KEDGE_OK);
    assert_int_equal(credentials.proof, KEDGE_PROOF_CERTIFICATE);
    assert_true(credentials.server_ca_is_server);
    assert_non_null(strstr(credentials.private_key.text, "BEGIN PRIVATE KEY"));
    assert_int_equal(credentials.private_key.size, strlen(credentials.private_key.text) + 1);
    const gnutls_datum_t text = {(unsigned char *)credentials.public_part.text,
                                 (unsigned)credentials.public_part.size - 1};
    gnutls_datum_t der;
    require(gnutls_pem_base64_decode2("CERTIFICATE", &text, &der));
    assert_int_equal(der.size, device.certificate_size);
    assert_memory_equal(der.data, device.certificate, der.size);
    gnutls_free(der.data);
    security->certificate_usage = KEDGE_ACCOUNT_TRUST_ANCHOR;
    assert_int_equal(build(security), KEDGE_OK);
    assert_false(credentials.server_ca_is_server);
}

static void raw_public_keys_become_what_libcoap_reads(void **state)
{
    struct kedge_account_security *security = *state;
    set_raw_keys(security);
    assert_int_equal(build(security), KEDGE_OK);
    assert_int_equal(credentials.proof, KEDGE_PROOF_RAW_PUBLIC_KEY);
    assert_int_equal(credentials.server_key_size, server.public_key_size);
    assert_memory_equal(credentials.server_key, server.public_key, server.public_key_size);
    assert_non_null(strstr(credentials.public_part.text, "BEGIN PUBLIC KEY"));
}

static void a_device_may_have_its_private_key_itself(void **state)
{
    struct kedge_account_security *security = *state;
    memcpy(own.private_key.text, device.pem, device.pem_size);
    own.private_key.size = device.pem_size + 1;
    set_certificates(security);
    security->secret_size = 0;
    assert_int_equal(build(security), KEDGE_OK);
    assert_string_equal(credentials.private_key.text, own.private_key.text);
    own.private_key.size = 0;
    assert_int_equal(build(security), KEDGE_E_KEY);
}

static void what_does_not_go_together_is_refused(void **state)
{
    struct kedge_account_security *security = *state;
    set_certificates(security);
    set(security->secret, &security->secret_size, server.private_key, server.private_key_size);
    assert_int_equal(build(security), KEDGE_E_KEY);
    set_certificates(security);
    security->identity_size--;
    assert_int_equal(build(security), KEDGE_E_KEY);
    set_certificates(security);
    security->server_key[20] ^= 0xFF;
    security->server_key_size /= 2;
    assert_int_equal(build(security), KEDGE_E_KEY);
    set_raw_keys(security);
    security->server_key_size--;
    assert_int_equal(build(security), KEDGE_E_KEY);
    set_raw_keys(security);
    security->secret_size /= 2;
    assert_int_equal(build(security), KEDGE_E_KEY);
}

#define TEST(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pre_shared_key_is_taken_as_it_is),
        TEST(without_security_there_is_nothing_to_prove),
        TEST(certificates_become_what_libcoap_reads),
        TEST(raw_public_keys_become_what_libcoap_reads),
        TEST(a_device_may_have_its_private_key_itself),
        TEST(what_does_not_go_together_is_refused),
    };
    return cmocka_run_group_tests(tests, make_pairs, NULL);
}
