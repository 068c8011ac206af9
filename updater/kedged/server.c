/*
 * server.c: the parts of the server and their order.
 *
 * Opened:  data folder, store, admin's token, sockets, bridge (fleet and rollouts), API; then the
 *          network thread runs. What is for people (API, webhooks, charts, retention) runs in the
 *          background.
 * Ended:   API (its last changes are still carried out), network thread, bridge, store (what was
 *          submitted becomes durable, and its owners are told), sockets.
 */
#define _GNU_SOURCE
#include "updater/kedged/server.h"

#include "updater/api/api.h"
#include "updater/kedged/backend.h"
#include "updater/kedged/background.h"
#include "updater/kedged/bootstrapping.h"
#include "updater/kedged/data_folder.h"
#include "updater/kedged/listening.h"
#include "updater/kedged/log.h"
#include "updater/kedged/retention.h"
#include "updater/kedged/sampling.h"
#include "updater/kedged/web.h"
#include "updater/kedged/webhooks.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct server {
    const struct kedge_config *config;
    struct kedge_store *store;
    struct kedge_pace pace; /* of all downloads and pushes */
    struct kedge_net *net;
    struct kedge_bridge bridge;
    struct kedge_bootstrapping bootstrapping;
    bool bridge_made, bridge_open, backend_made;
    struct kedge_backend_state backend_state;
    struct kedge_backend backend;
    struct kedge_web web;
    struct kedge_sampling sampling;
    struct kedge_retention retention;
    struct kedge_webhooks *webhooks;
    struct kedge_api *api;
    char error[KEDGE_STORE_ERROR_MAX];
};

static enum kedge_rc explain(struct server *server, enum kedge_rc rc, const char *what,
                             const char *why)
{
    (void)snprintf(server->error, sizeof(server->error), "%.300s: %.150s", what, why);
    return rc;
}

/* ---- opening ---- */

static enum kedge_rc open_store(struct server *server)
{
    const struct kedge_config *config = server->config;
    const struct kedge_store_config store_config = {.folder = config->data,
                                                    .check_integrity = false};
    KEDGE_TRY(kedge_data_folder_make(config->data, server->error));
    KEDGE_TRY(kedge_store_open(&store_config, &server->store, server->error));
    return kedge_admin_token_ensure(server->store, config->data, server->error);
}

static bool package_is_known(void *context, const char *digest)
{
    struct kedge_package_record record;
    return kedge_reader_package(context, digest, &record) != KEDGE_E_NOT_FOUND;
}

struct device_file_search {
    const char *digest;
    bool found;
};

static bool compare_device_file(void *context, const struct kedge_package_record *record)
{
    struct device_file_search *search = context;
    search->found = strcmp(record->device_digest, search->digest) == 0;
    return !search->found;
}

static bool device_file_is_known(void *context, const char *digest)
{
    struct device_file_search search = {.digest = digest};
    enum kedge_rc rc = kedge_reader_packages(context, NULL, compare_device_file, &search);
    return rc != KEDGE_OK || search.found; /* in doubt it stays */
}

static enum kedge_rc sweep(struct server *server)
{
    const char *folder = server->config->data;
    struct kedge_reader *reader;
    KEDGE_TRY(kedge_reader_open(folder, &reader, server->error));
    size_t removed = kedge_package_sweep(folder, package_is_known, device_file_is_known, reader);
    kedge_reader_close(reader);
    if (removed > 0)
        kedge_log(KEDGE_LOG_INFO, "%zu %s of unfinished uploads removed", removed,
                  kedge_by_count(removed, "file", "files"));
    return KEDGE_OK;
}

static void say_buffer(const struct kedge_net *net)
{
    size_t granted = kedge_net_receive_buffer(net);
    if (granted > 0 && granted < KEDGE_NET_RECEIVE_BUFFER) /* 0: it listens nowhere */
        kedge_log(KEDGE_LOG_WARNING,
                  "the system grants %zu of %u bytes for datagrams that wait: a burst of many "
                  "devices may be lost and sent again (sysctl net.core.rmem_max=%u)",
                  granted, KEDGE_NET_RECEIVE_BUFFER, KEDGE_NET_RECEIVE_BUFFER);
}

static enum kedge_rc open_sockets(struct server *server)
{
    const struct kedge_config *config = server->config;
    struct kedge_net_config net_config;
    kedge_listening_init(config, &net_config);
    KEDGE_TRY(kedge_listening_add(&net_config, config->coap, false, server->error));
    KEDGE_TRY(kedge_listening_add(&net_config, config->coaps, true, server->error));
    enum kedge_rc rc = kedge_net_create(&net_config, &server->net);
    if (rc == KEDGE_OK) {
        say_buffer(server->net);
        return rc;
    }
    if (rc == KEDGE_E_KEY)
        return explain(server, rc, "--coaps-key, --coaps-cert, --coaps-ca or --coaps-crl",
                       "cannot be read, or is not what it should be (PEM; the key ECDSA P-256)");
    char what[300];
    (void)snprintf(what, sizeof(what), "cannot listen at%s%.120s%s%.120s",
                   config->coap[0] != '\0' ? " coap://" : "", config->coap,
                   config->coaps[0] != '\0' ? " coaps://" : "", config->coaps);
    return explain(server, rc, what, rc == KEDGE_E_SYSTEM ? strerror(errno) : kedge_rc_text(rc));
}

static enum kedge_rc open_bridge(struct server *server)
{
    const struct kedge_config *config = server->config;
    const struct kedge_bridge_limits limits = {
        .unproven_max = (uint32_t)config->unproven_devices,
        .unproven_stored = kedge_listening_rate(config->unproven_stored_per_s),
        .push_bytes_per_s = (uint32_t)config->push_bytes_per_s,
        .pace = server->pace.bytes_per_s > 0 ? &server->pace : NULL};
    server->bridge_made = true;
    KEDGE_TRY(kedge_bridge_open(&server->bridge, server->net, server->store, config->data, &limits,
                                server->error));
    server->bridge_open = true;
    return KEDGE_OK;
}

static enum kedge_rc open_bootstrapping(struct server *server)
{
    const struct kedge_config *config = server->config;
    uint16_t coaps_port = 0;
    if (config->coaps[0] != '\0')
        coaps_port = kedge_net_local_port(server->net, kedge_config_count_addresses(config->coap));
    return kedge_bootstrapping_open(&server->bootstrapping, config, coaps_port, server->store,
                                    &server->bridge, server->error);
}

static void log_api(void *context, bool warning, const char *line)
{
    (void)context;
    kedge_log(warning ? KEDGE_LOG_WARNING : KEDGE_LOG_INFO, "api: %s", line);
}

static void tell_committed(void *context, const struct kedge_committed *what)
{
    struct server *server = context;
    kedge_api_committed(server->api, what);
    if (what->kind != KEDGE_COMMITTED_DEVICE)
        kedge_webhooks_wake(server->webhooks);
}

static enum kedge_rc open_webhooks(struct server *server)
{
    enum kedge_rc rc = kedge_webhooks_start(server->store, server->config->data, &server->webhooks);
    return rc == KEDGE_OK ? rc : explain(server, rc, "webhooks", kedge_rc_text(rc));
}

static enum kedge_rc open_api(struct server *server)
{
    char error[KEDGE_API_ERROR_MAX] = "";
    server->backend_state = (struct kedge_backend_state){
        .net = server->net,
        .store = server->store,
        .bridge = &server->bridge,
        .bootstrapping = &server->bootstrapping,
        .webhooks = server->webhooks,
        .folder = server->config->data,
        .allow_development_keys = server->config->allow_development_keys,
        .required_signers = (size_t)server->config->required,
        .pace = &server->pace,
    };
    kedge_backend_init(&server->backend_state, &server->backend);
    server->backend_made = true;
    struct kedge_api_config api_config = {
        .folder = server->config->data,
        .download_folder = KEDGE_DEVICE_FOLDER,
        .backend = &server->backend,
        .proxies = server->config->trusted_proxy,
        .pace = &server->pace,
        .log = log_api,
    };
    KEDGE_TRY(kedge_web_prepare(server->config, &server->web, &api_config, server->error));
    enum kedge_rc rc = kedge_api_start(&api_config, &server->api, error);
    if (rc != KEDGE_OK) {
        (void)snprintf(server->error, sizeof(server->error), "%s", error);
        return rc;
    }
    kedge_store_follow(server->store, tell_committed, server);
    struct kedge_fleet_web http, https;
    kedge_web_places(&api_config, server->api, &http, &https);
    kedge_bridge_set_web(&server->bridge, server->config->download_base_url, &http, &https);
    return KEDGE_OK;
}

static enum kedge_rc open_for_people(struct server *server)
{
    KEDGE_TRY(open_webhooks(server));
    return open_api(server);
}

struct opening {
    struct server *server;
    enum kedge_rc rc;
};

static void open_behind(void *context)
{
    struct opening *opening = context;
    opening->rc = open_for_people(opening->server);
}

static enum kedge_rc open_in_background(struct server *server)
{
    struct opening opening = {.server = server, .rc = KEDGE_E_SYSTEM};
    int failed = kedge_background_run(open_behind, &opening);
    return failed == 0 ? opening.rc
                       : explain(server, KEDGE_E_SYSTEM, "threads", strerror(failed));
}

static enum kedge_rc open_all(struct server *server)
{
    KEDGE_TRY(open_store(server));
    KEDGE_TRY(sweep(server));
    KEDGE_TRY(open_sockets(server));
    KEDGE_TRY(open_bridge(server));
    KEDGE_TRY(open_bootstrapping(server));
    return open_in_background(server);
}

/* ---- ending ---- */

static void stop_api(struct server *server)
{
    if (server->api == NULL)
        return;
    kedge_store_follow(server->store, NULL, NULL);
    kedge_api_stop(server->api);
    server->api = NULL;
}

static void stop_webhooks(struct server *server)
{
    kedge_webhooks_stop(server->webhooks);
    server->webhooks = NULL;
}

/* The loop has ended before, or never ran. */
static void close_all(struct server *server)
{
    stop_api(server);
    kedge_sampling_stop(&server->sampling);
    kedge_retention_stop(&server->retention);
    kedge_bootstrapping_stop(&server->bootstrapping);
    if (server->bridge_open)
        kedge_bridge_end(&server->bridge);
    stop_webhooks(server);
    kedge_store_close(server->store);
    kedge_bootstrapping_close(&server->bootstrapping);
    kedge_net_destroy(server->net);
    if (server->bridge_made)
        kedge_bridge_close(&server->bridge);
    if (server->backend_made)
        kedge_backend_clear(&server->backend_state);
}

/* ---- running ---- */

static void *run_network(void *context)
{
    struct server *server = context;
    (void)pthread_setname_np(pthread_self(), "kedged-network");
    kedge_foreground_enter();
    enum kedge_rc rc = kedge_net_run(server->net);
    if (rc == KEDGE_OK)
        return NULL;
    /* Nothing can be done any more, and everything that counts is durable. */
    kedge_log(KEDGE_LOG_ERROR, "the network loop failed: %s", kedge_rc_text(rc));
    _exit(1);
}

/** A place that is listened at; without an address there is none. */
struct place {
    const char *scheme, *address; /* "coap", "127.0.0.1:0", and what may come after a comma */
    uint16_t port;                /* that was taken */
};

/* "coap://127.0.0.1:5683 and coaps://0.0.0.0:5684" */
static void join_uris(const struct place *places, size_t count, char *out, size_t out_size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *address = places[i].address;
        if (address[0] == '\0')
            continue;
        const char *colon = memrchr(address, ':', strcspn(address, ","));
        int host_size = (int)(colon - address);
        (void)snprintf(&out[used], out_size - used, "%s%s://%.*s:%u", used > 0 ? " and " : "",
                       places[i].scheme, host_size > 0 ? host_size : 7,
                       host_size > 0 ? address : "0.0.0.0", (unsigned)places[i].port);
        used = strlen(out);
    }
}

/* What of the list is listened at, by the network's listeners from `first` on. */
static size_t device_places(const struct server *server, const char *scheme, const char *list,
                            size_t first, struct place places[KEDGE_CONFIG_LISTEN_MAX])
{
    char one[KEDGE_CONFIG_TEXT_MAX];
    size_t count = 0;
    const char *rest = list, *place = list;
    while (kedge_config_next_address(&rest, one)) {
        places[count] =
            (struct place){scheme, place, kedge_net_local_port(server->net, first + count)};
        count++;
        place = rest;
    }
    return count;
}

static void say_ready(const struct server *server)
{
    const struct kedge_config *config = server->config;
    char devices[2 * KEDGE_CONFIG_TEXT_MAX + 2 * KEDGE_CONFIG_LISTEN_MAX * 24];
    char api[2 * KEDGE_CONFIG_TEXT_MAX + 32];
    char downloads[KEDGE_CONFIG_TEXT_MAX + 32], bootstrap[2 * KEDGE_CONFIG_TEXT_MAX + 32];
    const size_t second_http = config->http[0] != '\0';
    struct place for_devices[2 * KEDGE_CONFIG_LISTEN_MAX];
    size_t places = device_places(server, "coap", config->coap, 0, for_devices);
    places += device_places(server, "coaps", config->coaps, places, &for_devices[places]);
    const struct place for_people[] = {
        {"http", config->http, kedge_api_port(server->api, 0)},
        {"https", config->https, kedge_api_port(server->api, second_http)}};
    const struct place for_downloads = {
        "http", config->download_http,
        kedge_api_port(server->api, second_http + (config->https[0] != '\0'))};
    const struct place for_bootstrap[] = {
        {"coap", config->bootstrap_coap, kedge_bootstrapping_port(&server->bootstrapping, false)},
        {"coaps", config->bootstrap, kedge_bootstrapping_port(&server->bootstrapping, true)}};
    join_uris(for_bootstrap, 2, bootstrap, sizeof(bootstrap));
    join_uris(for_devices, places, devices, sizeof(devices));
    join_uris(for_people, 2, api, sizeof(api));
    join_uris(&for_downloads, 1, downloads, sizeof(downloads));
    kedge_log(KEDGE_LOG_INFO, "ready: devices at %s, %s%s%s%s%s%sAPI at %s",
              devices[0] != '\0' ? devices : "nowhere (no --coaps, no --coap)",
              bootstrap[0] != '\0' ? "bootstrapping at " : "", bootstrap,
              bootstrap[0] != '\0' ? ", " : "", downloads[0] != '\0' ? "downloads at " : "",
              downloads, downloads[0] != '\0' ? ", " : "", api);
}

static void reload(void *context)
{
    struct server *server = context;
    kedge_bridge_reload(&server->bridge);
}

/* Returns the signal that ends the server; SIGHUP only has files read again. */
static int wait_for_end(struct server *server)
{
    sigset_t signals;
    int number = 0;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    for (;;) {
        if (sigwait(&signals, &number) != 0)
            continue;
        if (number != SIGHUP)
            return number;
        kedge_web_reload(&server->web, server->api);
        kedge_bootstrapping_reload(&server->bootstrapping);
        if (kedge_net_post(server->net, reload, server) != KEDGE_OK)
            kedge_log(KEDGE_LOG_ERROR, "nothing was read again: out of memory");
    }
}

static void start_behind(void *context)
{
    struct server *server = context;
    if (kedge_sampling_start(&server->sampling, server->store, &server->bridge,
                             server->config->data) != 0)
        kedge_log(KEDGE_LOG_ERROR, "cannot start the thread that notes figures for charts");
    if (kedge_retention_start(&server->retention, server->store, &server->bridge,
                              server->config->data,
                              (uint32_t)server->config->history_kept_days) != 0)
        kedge_log(KEDGE_LOG_ERROR, "cannot start the thread that removes old history");
}

static int serve(struct server *server)
{
    pthread_t network;
    int failed = pthread_create(&network, NULL, run_network, server);
    if (failed != 0) {
        kedge_log(KEDGE_LOG_ERROR, "cannot start the network thread: %s", strerror(failed));
        return 1;
    }
    if (kedge_bootstrapping_start(&server->bootstrapping) != KEDGE_OK)
        kedge_log(KEDGE_LOG_ERROR, "cannot start the bootstrap server's thread");
    failed = kedge_background_run(start_behind, server);
    if (failed != 0)
        kedge_log(KEDGE_LOG_ERROR, "cannot start the background's threads: %s", strerror(failed));
    say_ready(server);
    kedge_log(KEDGE_LOG_INFO, "ending, as asked by %s", strsignal(wait_for_end(server)));
    /* First nobody can ask for anything new; the network thread still answers what was asked, but
     * devices are not waited for. */
    kedge_backend_end_asks(&server->backend_state);
    stop_api(server);
    kedge_sampling_stop(&server->sampling);
    kedge_retention_stop(&server->retention);
    kedge_bootstrapping_stop(&server->bootstrapping);
    kedge_net_stop(server->net);
    (void)pthread_join(network, NULL);
    return 0;
}

int kedge_server_run(const struct kedge_config *config)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        kedge_log(KEDGE_LOG_ERROR, "out of memory");
        return 1;
    }
    server->config = config;
    server->pace.bytes_per_s = config->download_bytes_per_s;
    int status = 1;
    enum kedge_rc rc = open_all(server);
    if (rc == KEDGE_OK)
        status = serve(server);
    else
        kedge_log(KEDGE_LOG_ERROR, "%s",
                  server->error[0] != '\0' ? server->error : kedge_rc_text(rc));
    close_all(server);
    free(server);
    if (status == 0)
        kedge_log(KEDGE_LOG_INFO, "ended");
    return status;
}
