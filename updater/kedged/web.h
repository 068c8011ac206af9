/*
 * web.h: where HTTP and HTTPS are served, from the configuration.
 */
#ifndef KEDGE_UPDATER_WEB_H
#define KEDGE_UPDATER_WEB_H

#include "updater/api/api.h"
#include "updater/kedged/config.h"
#include "updater/lwm2m/fleet.h"

/** What the API's configuration points to. */
struct kedge_web {
    char hosts[KEDGE_API_LISTEN_MAX][KEDGE_CONFIG_TEXT_MAX];
    char certificate_file[KEDGE_CONFIG_TEXT_MAX + 16], key_file[KEDGE_CONFIG_TEXT_MAX + 16];
};

/**
 * Fills in the listeners and the files of TLS in `api`: --http, --https, --download-http, in
 * this order. Where HTTPS has
 * no certificate given, a self-signed one is made in the data folder, and its fingerprint is
 * logged. `web` outlives `api`. KEDGE_E_KEY when what is given cannot be used, or what the making
 * of a certificate fails with.
 */
enum kedge_rc kedge_web_prepare(const struct kedge_config *config, struct kedge_web *web,
                                struct kedge_api_config *api,
                                char error[KEDGE_STORE_ERROR_MAX]) KEDGE_MUST_USE;

/** Reads the certificate of HTTPS again; the log says how that went. Without HTTPS: nothing. */
void kedge_web_reload(const struct kedge_web *web, struct kedge_api *api);

/** Where the started API serves by HTTP and HTTPS, for those who tell devices of it. */
void kedge_web_places(const struct kedge_api_config *config, const struct kedge_api *api,
                      struct kedge_fleet_web *http, struct kedge_fleet_web *https);

#endif
