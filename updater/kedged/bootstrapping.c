/*
 * bootstrapping.c: making the bootstrap server, running it, ending it; and who may be bootstrapped.
 */
#define _GNU_SOURCE
#include "updater/kedged/bootstrapping.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "updater/kedged/listening.h"
#include "updater/kedged/log.h"

/* ---- who may be bootstrapped ---- */

static enum kedge_rc find(struct kedge_bootstrapping *bootstrapping,
                          enum kedge_credential_kind kind, const char *identity,
                          struct kedge_bootstrap_record *record)
{
    enum kedge_rc rc = kedge_reader_bootstrap(bootstrapping->reader, kind, identity, record);
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        kedge_log(KEDGE_LOG_ERROR, "cannot look credentials for bootstrapping up: %s",
                  kedge_reader_error(bootstrapping->reader));
    return rc;
}

static enum kedge_rc find_key(void *context, const char *identity, struct kedge_net_secret *secret)
{
    struct kedge_bootstrap_record record;
    enum kedge_rc rc = find(context, KEDGE_CREDENTIAL_PSK, identity, &record);
    if (rc == KEDGE_OK) {
        const struct kedge_credential_record *found = &record.credential;
        memcpy(secret->name, found->endpoint, sizeof(found->endpoint));
        memcpy(secret->key, found->secret, found->secret_size);
        secret->key_size = found->secret_size;
    }
    kedge_wipe(&record, sizeof(record));
    return rc;
}

static enum kedge_rc find_raw_key(void *context, const char *digest,
                                  char name[KEDGE_NET_NAME_MAX + 1])
{
    struct kedge_bootstrap_record record;
    KEDGE_TRY(find(context, KEDGE_CREDENTIAL_RAW_KEY, digest, &record));
    memcpy(name, record.credential.endpoint, sizeof(record.credential.endpoint));
    return KEDGE_OK;
}

/* At debug only: whoever can reach the port can bring failures about. */
static void on_association(void *context, const struct kedge_address *peer, const char *name,
                           const char *words)
{
    char address[KEDGE_ADDRESS_TEXT_MAX];
    (void)context;
    kedge_address_text(peer, address);
    kedge_log(KEDGE_LOG_DEBUG, "bootstrap: %s (%s): %s", address, name != NULL ? name : "not known",
              words);
}

/*
 * A handshake by key has found the endpoint; a certificate has a name, which the endpoint may be
 * enrolled with; without security nothing is proved. Each counts only for a device that is enrolled
 * for it.
 */
static enum kedge_rc admit(void *context, const struct kedge_bootstrap_claim *claim)
{
    struct kedge_bootstrapping *bootstrapping = context;
    static const enum kedge_credential_kind kinds[] = {
        [KEDGE_PROOF_NONE] = KEDGE_CREDENTIAL_NONE,
        [KEDGE_PROOF_PSK] = KEDGE_CREDENTIAL_PSK,
        [KEDGE_PROOF_RAW_KEY] = KEDGE_CREDENTIAL_RAW_KEY,
        [KEDGE_PROOF_CERTIFICATE] = KEDGE_CREDENTIAL_CERTIFICATE};
    struct kedge_bootstrap_record record;
    KEDGE_TRY(kedge_reader_bootstrap_of(bootstrapping->reader, claim->endpoint, &record));
    const char *proved = claim->proof == KEDGE_PROOF_CERTIFICATE ? record.credential.identity
                                                                 : record.credential.endpoint;
    if (record.credential.kind != kinds[claim->proof])
        return KEDGE_E_REFUSED;
    if (claim->proof == KEDGE_PROOF_NONE)
        return KEDGE_OK;
    return claim->name != NULL && strcmp(claim->name, proved) == 0 ? KEDGE_OK : KEDGE_E_REFUSED;
}

/* ---- making ---- */

static enum kedge_rc open_sockets(struct kedge_bootstrapping *bootstrapping,
                                  const struct kedge_config *config,
                                  char error[KEDGE_STORE_ERROR_MAX])
{
    struct kedge_net_config net_config;
    kedge_listening_init(config, &net_config);
    KEDGE_TRY(kedge_listening_add(&net_config, config->bootstrap, true, error));
    bootstrapping->second = net_config.listen_count;
    KEDGE_TRY(kedge_listening_add(&net_config, config->bootstrap_coap, false, error));
    enum kedge_rc rc = kedge_net_create(&net_config, &bootstrapping->net);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot listen at %.120s %.120s: %s",
                       config->bootstrap, config->bootstrap_coap,
                       rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
    return rc;
}

static bool is_any(const struct kedge_address *address)
{
    return address->any.sa_family == AF_INET ? address->v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                             : IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* Devices are told the first address of --coaps, unless it is all there are. */
static void choose_server_uri(struct kedge_bootstrapping *bootstrapping,
                              const struct kedge_config *config, uint16_t coaps_port)
{
    struct kedge_address address;
    char first[KEDGE_CONFIG_TEXT_MAX], host[KEDGE_CONFIG_TEXT_MAX], text[KEDGE_ADDRESS_TEXT_MAX];
    uint16_t port;
    const char *uri = config->bootstrap_server_uri, *list = config->coaps;
    if (uri[0] == '\0' && kedge_config_next_address(&list, first) &&
        kedge_config_split_address(first, host, sizeof(host), &port) == KEDGE_OK &&
        kedge_address_from_host(host, coaps_port, &address) == KEDGE_OK && !is_any(&address)) {
        address.secure = true;
        kedge_address_text(&address, text);
        uri = text;
    }
    (void)snprintf(bootstrapping->server_uri, sizeof(bootstrapping->server_uri), "%.255s", uri);
}

/* The first of the chain: the server's own. */
static enum kedge_rc load_server_certificate(struct kedge_bootstrapping *bootstrapping,
                                             const struct kedge_config *config,
                                             char error[KEDGE_STORE_ERROR_MAX])
{
    gnutls_datum_t pem = {0};
    gnutls_x509_crt_t certificate = NULL;
    size_t size = sizeof(bootstrapping->server_certificate);
    if (config->coaps_cert[0] == '\0')
        return KEDGE_OK;
    int code = gnutls_load_file(config->coaps_cert, &pem);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_init(&certificate);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_import(certificate, &pem, GNUTLS_X509_FMT_PEM);
    if (code == GNUTLS_E_SUCCESS)
        code = gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_DER,
                                      bootstrapping->server_certificate, &size);
    if (certificate != NULL)
        gnutls_x509_crt_deinit(certificate);
    gnutls_free(pem.data);
    bootstrapping->server_certificate_size = code == GNUTLS_E_SUCCESS ? size : 0;
    if (code == GNUTLS_E_SUCCESS)
        return KEDGE_OK;
    (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "%.300s: %.100s", config->coaps_cert,
                   gnutls_strerror(code));
    return KEDGE_E_KEY;
}

enum kedge_rc kedge_bootstrapping_open(struct kedge_bootstrapping *bootstrapping,
                                       const struct kedge_config *config, uint16_t coaps_port,
                                       struct kedge_store *store, struct kedge_bridge *bridge,
                                       char error[KEDGE_STORE_ERROR_MAX])
{
    *bootstrapping = (struct kedge_bootstrapping){.bridge = bridge, .store = store};
    if (config->bootstrap[0] == '\0' && config->bootstrap_coap[0] == '\0')
        return KEDGE_OK;
    KEDGE_TRY(kedge_reader_open(config->data, &bootstrapping->reader, error));
    KEDGE_TRY(open_sockets(bootstrapping, config, error));
    KEDGE_TRY(load_server_certificate(bootstrapping, config, error));
    const struct kedge_net_security security = {.context = bootstrapping,
                                                .find_key = find_key,
                                                .find_raw_key = find_raw_key,
                                                .report = on_association};
    kedge_net_set_security(bootstrapping->net, &security);
    choose_server_uri(bootstrapping, config, coaps_port);
    const struct kedge_bootstrap_config server_config = {
        .net = bootstrapping->net,
        .desk = {.context = bootstrapping,
                 .admit = admit,
                 .grant = kedge_issuing_grant,
                 .trace = kedge_issuing_trace},
        .server_uri = bootstrapping->server_uri[0] != '\0' ? bootstrapping->server_uri : NULL,
        .server_port = coaps_port};
    enum kedge_rc rc = kedge_bootstrap_create(&server_config, &bootstrapping->server);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_STORE_ERROR_MAX, "cannot bootstrap devices: %s",
                       kedge_rc_text(rc));
    return rc;
}

uint16_t kedge_bootstrapping_port(const struct kedge_bootstrapping *bootstrapping, bool secure)
{
    if (bootstrapping->net == NULL)
        return 0;
    return kedge_net_local_port(bootstrapping->net, secure ? 0 : bootstrapping->second);
}

/* ---- running ---- */

static void *run(void *context)
{
    struct kedge_bootstrapping *bootstrapping = context;
    enum kedge_rc rc = kedge_net_run(bootstrapping->net);
    if (rc == KEDGE_OK)
        return NULL;
    kedge_log(KEDGE_LOG_ERROR, "the bootstrap server's loop failed: %s", kedge_rc_text(rc));
    _exit(1);
}

enum kedge_rc kedge_bootstrapping_start(struct kedge_bootstrapping *bootstrapping)
{
    if (bootstrapping->net == NULL)
        return KEDGE_OK;
    kedge_bootstrap_pressure_watch(bootstrapping);
    bootstrapping->running = pthread_create(&bootstrapping->thread, NULL, run, bootstrapping) == 0;
    return bootstrapping->running ? KEDGE_OK : KEDGE_E_SYSTEM;
}

void kedge_bootstrapping_stop(struct kedge_bootstrapping *bootstrapping)
{
    if (!bootstrapping->running)
        return;
    kedge_net_stop(bootstrapping->net);
    (void)pthread_join(bootstrapping->thread, NULL);
    bootstrapping->running = false;
}

void kedge_bootstrapping_close(struct kedge_bootstrapping *bootstrapping)
{
    if (bootstrapping->net != NULL)
        kedge_net_timer_cancel(bootstrapping->net, &bootstrapping->pressure.timer);
    kedge_bootstrap_destroy(bootstrapping->server);
    bootstrapping->server = NULL;
    kedge_net_destroy(bootstrapping->net);
    bootstrapping->net = NULL;
    kedge_reader_close(bootstrapping->reader);
    bootstrapping->reader = NULL;
}

/* ---- credentials that changed ---- */

static bool is_expelled(void *context, const char *name, const char *identity)
{
    (void)identity;
    return kedge_expelling_holds(context, name);
}

static void expel(void *context)
{
    struct kedge_expelling *expelling = context;
    struct kedge_bootstrapping *bootstrapping = expelling->server;
    for (size_t i = 0; bootstrapping->server != NULL && i < expelling->count; i++)
        kedge_bootstrap_expel(bootstrapping->server, expelling->endpoints[i]);
    if (bootstrapping->server != NULL)
        kedge_net_hang_up(bootstrapping->net, is_expelled, expelling);
    free(expelling);
}

void kedge_bootstrapping_expel(struct kedge_bootstrapping *bootstrapping,
                               struct kedge_expelling *expelling)
{
    kedge_expelling_sort(expelling);
    expelling->server = bootstrapping;
    if (bootstrapping->net == NULL ||
        kedge_net_post(bootstrapping->net, expel, expelling) != KEDGE_OK)
        free(expelling);
}

/* ---- revoked certificates ---- */

static void hang_up_on(void *context, const char *name)
{
    struct kedge_bootstrapping *bootstrapping = context;
    struct kedge_expelling *expelling = kedge_expelling_create(1);
    if (expelling == NULL) {
        kedge_log(KEDGE_LOG_ERROR,
                  "out of memory: not all revoked devices were told; reload again");
        return;
    }
    kedge_expelling_add(expelling, name);
    kedge_bootstrapping_expel(bootstrapping, expelling);
}

/* The list is the one of --coaps, whose reading is told of. */
static void reload(void *context)
{
    struct kedge_bootstrapping *bootstrapping = context;
    enum kedge_rc rc = kedge_net_reload_revoked(bootstrapping->net, hang_up_on, bootstrapping);
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        kedge_log(KEDGE_LOG_ERROR,
                  "bootstrap: --coaps-crl is not taken, the former list counts: %s",
                  kedge_rc_text(rc));
}

void kedge_bootstrapping_reload(struct kedge_bootstrapping *bootstrapping)
{
    if (bootstrapping->net != NULL &&
        kedge_net_post(bootstrapping->net, reload, bootstrapping) != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "nothing was read again: out of memory");
}
