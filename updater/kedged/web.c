/* web.c: the places of --http, --https and --download-http, and the certificate of HTTPS. */
#define _GNU_SOURCE
#include "updater/kedged/web.h"

#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"
#include "updater/kedged/self_signed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_S (24 * 3600)
#define WARN_DAYS 30

static enum kedge_rc add_listener(const char *text, struct kedge_api_listener place,
                                  struct kedge_web *web, struct kedge_api_config *api)
{
    char *host = web->hosts[api->listen_count];
    if (text[0] == '\0')
        return KEDGE_OK;
    KEDGE_TRY(kedge_config_split_address(text, host, KEDGE_CONFIG_TEXT_MAX, &place.port));
    place.address = host;
    api->listen[api->listen_count++] = place;
    return KEDGE_OK;
}

/* ---- the certificate ---- */

static enum kedge_rc make_own(const struct kedge_config *config, const char *address,
                              struct kedge_web *web, char error[KEDGE_STORE_ERROR_MAX])
{
    KEDGE_TRY(kedge_self_signed_ensure(config->data, address, error));
    (void)snprintf(web->certificate_file, sizeof(web->certificate_file),
                   "%s/" KEDGE_TLS_CERTIFICATE_FILE, config->data);
    (void)snprintf(web->key_file, sizeof(web->key_file), "%s/" KEDGE_TLS_KEY_FILE, config->data);
    return KEDGE_OK;
}

static void take_given(const struct kedge_config *config, struct kedge_web *web)
{
    (void)snprintf(web->certificate_file, sizeof(web->certificate_file), "%s", config->tls_cert);
    (void)snprintf(web->key_file, sizeof(web->key_file), "%s", config->tls_key);
}

/* Who renews it by hand is told in time. */
static void warn_of_end(const char *file, int64_t expires_at_s)
{
    int64_t left_s = expires_at_s - (int64_t)(kedge_wall_ms() / 1000u);
    if (left_s <= 0)
        kedge_log(KEDGE_LOG_ERROR, "%s has expired: clients refuse it", file);
    else if (left_s < WARN_DAYS * DAY_S)
        kedge_log(KEDGE_LOG_WARNING, "%s expires in %" PRId64 " %s", file, left_s / DAY_S,
                  kedge_by_count((uint64_t)(left_s / DAY_S), "day", "days"));
}

static enum kedge_rc prepare_tls(const struct kedge_config *config, const char *address,
                                 struct kedge_web *web, struct kedge_api_config *api,
                                 char error[KEDGE_STORE_ERROR_MAX])
{
    char fingerprint[KEDGE_TLS_FINGERPRINT_SIZE];
    int64_t expires_at_s = 0;
    bool own = config->tls_cert[0] == '\0';
    if (own)
        KEDGE_TRY(make_own(config, address, web, error));
    else
        take_given(config, web);
    api->tls = (struct kedge_api_tls){.certificate_file = web->certificate_file,
                                      .key_file = web->key_file};
    KEDGE_TRY(kedge_api_tls_check(&api->tls, &expires_at_s, error));
    warn_of_end(web->certificate_file, expires_at_s);
    if (own && kedge_certificate_fingerprint(web->certificate_file, fingerprint) == KEDGE_OK)
        kedge_log(KEDGE_LOG_INFO,
                  "HTTPS shows the self-signed certificate %s; trust it by kedge --ca-file with "
                  "a copy of it, or by kedge --fingerprint %s",
                  web->certificate_file, fingerprint);
    return KEDGE_OK;
}

/* ---- all of it ---- */

enum kedge_rc kedge_web_prepare(const struct kedge_config *config, struct kedge_web *web,
                                struct kedge_api_config *api, char error[KEDGE_STORE_ERROR_MAX])
{
    _Static_assert(KEDGE_API_ERROR_MAX <= KEDGE_STORE_ERROR_MAX, "the API's error fits");
    const struct kedge_api_listener plain = {.secure = false}, secure = {.secure = true},
                                    for_devices = {.downloads_only = true};
    KEDGE_TRY(add_listener(config->http, plain, web, api));
    if (config->https[0] != '\0') {
        size_t index = api->listen_count;
        KEDGE_TRY(add_listener(config->https, secure, web, api));
        KEDGE_TRY(prepare_tls(config, web->hosts[index], web, api, error));
    }
    return add_listener(config->download_http, for_devices, web, api);
}

void kedge_web_reload(const struct kedge_web *web, struct kedge_api *api)
{
    char error[KEDGE_API_ERROR_MAX];
    const struct kedge_api_tls files = {.certificate_file = web->certificate_file,
                                        .key_file = web->key_file};
    int64_t expires_at_s = 0;
    if (web->certificate_file[0] == '\0')
        return;
    enum kedge_rc rc = kedge_api_tls_check(&files, &expires_at_s, error);
    if (rc == KEDGE_OK)
        rc = kedge_api_reload(api, error);
    if (rc != KEDGE_OK) {
        kedge_log(KEDGE_LOG_ERROR, "the former certificate of --https counts: %s", error);
        return;
    }
    kedge_log(KEDGE_LOG_INFO, "the certificate of --https was read again");
    warn_of_end(web->certificate_file, expires_at_s);
}

void kedge_web_places(const struct kedge_api_config *config, const struct kedge_api *api,
                      struct kedge_fleet_web *http, struct kedge_fleet_web *https)
{
    /* The last one that is not secure counts: the one that is for devices. */
    *http = *https = (struct kedge_fleet_web){.port = 0};
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct kedge_api_listener *place = &config->listen[i];
        struct kedge_fleet_web *web = place->secure ? https : http;
        (void)snprintf(web->host, sizeof(web->host), "%s", place->address);
        web->port = kedge_api_port(api, i);
    }
}
