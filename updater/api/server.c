/* server.c: the HTTP server around the requests. */
#define _GNU_SOURCE
#include "updater/api/precondition.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENDING_LIMIT_S 10 /* for answers to clients that do not read them */
#define OTHER_FILES 256u  /* of the whole program, beside those of connections and downloads */

__attribute__((format(printf, 3, 0))) static void write_log(const struct kedge_api *api,
                                                            bool warning, const char *format,
                                                            va_list arguments)
{
    char line[1024];
    if (api->config.log == NULL)
        return;
    (void)vsnprintf(line, sizeof(line), format, arguments);
    api->config.log(api->config.log_context, warning, line);
}

void api_log(const struct kedge_api *api, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_log(api, false, format, arguments);
    va_end(arguments);
}

void api_warn(const struct kedge_api *api, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_log(api, true, format, arguments);
    va_end(arguments);
}

/* ---- starting ---- */

/* What a killed server was receiving is of no use to anybody. */
static bool empty_uploads(const char *folder)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return false;
    DIR *listing = opendir(folder);
    if (listing == NULL)
        return false;
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(listing), entry->d_name, 0);
    (void)closedir(listing);
    return true;
}

void condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &steady);
    pthread_condattr_destroy(&steady);
}

static struct kedge_api *api_create(const struct kedge_api_config *config)
{
    struct kedge_api *api = calloc(1, sizeof(*api));
    if (api == NULL)
        return NULL;
    api->config = *config;
    api->downloads_folder = -1;
    if (api->config.upload_max_bytes == 0)
        api->config.upload_max_bytes = KEDGE_API_UPLOAD_MAX;
    if (api->config.connections_max == 0)
        api->config.connections_max = KEDGE_API_CONNECTIONS_MAX;
    if (api->config.per_address_max == 0)
        api->config.per_address_max = KEDGE_API_PER_ADDRESS_MAX;
    if (api->config.idle_limit_s == 0)
        api->config.idle_limit_s = KEDGE_API_IDLE_LIMIT_S;
    if (api->config.header_limit_s == 0)
        api->config.header_limit_s = KEDGE_API_HEADER_LIMIT_S;
    if (api->config.body_limit_s == 0)
        api->config.body_limit_s = KEDGE_API_BODY_LIMIT_S;
    if (api->config.heartbeat_ms == 0)
        api->config.heartbeat_ms = KEDGE_API_HEARTBEAT_MS;
    readers_init(&api->readers, config->folder);
    pthread_mutex_init(&api->tags_lock, NULL);
    pthread_mutex_init(&api->replay_lock, NULL);
    api->changers = changers_create();
    api->tally = tally_create();
    pthread_mutex_init(&api->handling_lock, NULL);
    condition_init(&api->handled);
    workers_init(&api->workers);
    pacing_init(&api->pacing, config->pace);
    connections_init(&api->connections);
    failures_init(&api->failures);
    sessions_init(&api->sessions);
    certificate_slot_init(&api->certificates);
    return api;
}

static enum kedge_rc prepare_uploads(struct kedge_api *api, char error[KEDGE_API_ERROR_MAX])
{
    int size = snprintf(api->uploads, sizeof(api->uploads), "%s/" KEDGE_API_UPLOAD_FOLDER,
                        api->config.folder);
    if (size > 0 && (size_t)size < sizeof(api->uploads) && empty_uploads(api->uploads))
        return KEDGE_OK;
    (void)snprintf(error, KEDGE_API_ERROR_MAX, "%.256s: the folder of uploads: %s",
                   api->config.folder, strerror(errno));
    return KEDGE_E_SYSTEM;
}

static enum kedge_rc open_downloads(struct kedge_api *api, char error[KEDGE_API_ERROR_MAX])
{
    const struct kedge_api_config *config = &api->config;
    char path[PATH_MAX_BYTES];
    int size = snprintf(path, sizeof(path), "%s/%s", config->folder, config->download_folder);
    if (size > 0 && (size_t)size < sizeof(path))
        api->downloads_folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (api->downloads_folder >= 0)
        return KEDGE_OK;
    (void)snprintf(error, KEDGE_API_ERROR_MAX, "%.256s: the folder of downloads: %s",
                   config->folder, strerror(errno));
    return KEDGE_E_SYSTEM;
}

/*
 * A connection is an open file, and a download one more. The limit of the process is raised as far
 * as the system lets it; where that is too little, there are fewer connections, not broken ones.
 */
static void limit_connections(struct kedge_api *api)
{
    struct rlimit files;
    uint32_t *connections = &api->config.connections_max;
    rlim_t each = api->config.listen_count + 1;
    rlim_t wanted = *connections * each + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < wanted) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < wanted) {
        rlim_t left = files.rlim_cur > OTHER_FILES ? files.rlim_cur - OTHER_FILES : 0;
        *connections =
            (uint32_t)(left / each > CONNECTION_THREADS ? left / each : CONNECTION_THREADS);
        api_log(api, "at most %llu files may be open (ulimit -n): %u connections at once",
                (unsigned long long)files.rlim_cur, *connections);
    }
    uint32_t reserved = *connections / KEDGE_API_RESERVED_SHARE;
    api->downloads_max = *connections - (reserved > 0 ? reserved : 1);
}

static enum kedge_rc listen_at(struct kedge_api *api, size_t index, char error[KEDGE_API_ERROR_MAX])
{
    const struct kedge_api_listener *place = &api->config.listen[index];
    struct sockaddr_storage address;
    if (!listener_address(place->address, place->port, &address)) {
        (void)snprintf(error, KEDGE_API_ERROR_MAX, "\"%s\" is not a numeric address",
                       place->address);
        return KEDGE_E_ARGUMENT;
    }
    struct listener *listener = &api->listeners[index];
    *listener = (struct listener){.api = api, .place = place};
    if (listener_start(listener, &address))
        return KEDGE_OK;
    (void)snprintf(error, KEDGE_API_ERROR_MAX, "cannot listen on \"%s\" port %u: %s",
                   place->address, place->port, strerror(errno));
    return KEDGE_E_SYSTEM;
}

enum kedge_rc kedge_api_reload(struct kedge_api *api, char error[KEDGE_API_ERROR_MAX])
{
    error[0] = '\0';
    for (size_t i = 0; i < api->config.listen_count; i++)
        if (api->config.listen[i].secure)
            return certificate_slot_load(&api->certificates, &api->config.tls, error);
    return KEDGE_OK;
}

static enum kedge_rc start_threads(struct kedge_api *api, char error[KEDGE_API_ERROR_MAX])
{
    int failed = workers_start(&api->workers);
    if (failed == 0)
        failed = pacing_start(&api->pacing);
    if (failed == 0)
        failed = connections_start(api);
    if (failed == 0)
        failed = failures_start(&api->failures);
    if (failed == 0)
        failed = events_start(api);
    if (failed == 0 && (api->changers == NULL || api->tally == NULL))
        failed = ENOMEM;
    if (failed == 0)
        return KEDGE_OK;
    (void)snprintf(error, KEDGE_API_ERROR_MAX, "cannot start threads: %s", strerror(failed));
    return KEDGE_E_SYSTEM;
}

static enum kedge_rc take_proxies(struct kedge_api *api, char error[KEDGE_API_ERROR_MAX])
{
    const char *text = api->config.proxies;
    enum kedge_rc rc =
        text == NULL ? KEDGE_OK : networks_parse(kedge_slice_text(text), &api->proxies);
    if (rc != KEDGE_OK)
        (void)snprintf(error, KEDGE_API_ERROR_MAX, "\"%.200s\" are no addresses and networks",
                       text);
    return rc;
}

bool kedge_api_proxies_valid(const char *text)
{
    struct networks networks;
    return networks_parse(kedge_slice_text(text), &networks) == KEDGE_OK;
}

enum kedge_rc kedge_api_start(const struct kedge_api_config *config, struct kedge_api **out,
                              char error[KEDGE_API_ERROR_MAX])
{
    error[0] = '\0';
    struct kedge_api *api = api_create(config);
    if (api == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = start_threads(api, error);
    if (rc == KEDGE_OK)
        rc = prepare_uploads(api, error);
    if (rc == KEDGE_OK)
        rc = open_downloads(api, error);
    if (rc == KEDGE_OK)
        rc = take_proxies(api, error);
    if (rc == KEDGE_OK)
        rc = kedge_api_reload(api, error);
    if (rc == KEDGE_OK)
        limit_connections(api);
    for (size_t i = 0; i < config->listen_count && rc == KEDGE_OK; i++)
        rc = listen_at(api, i, error);
    if (rc == KEDGE_OK)
        *out = api;
    else
        kedge_api_stop(api);
    return rc;
}

uint16_t kedge_api_port(const struct kedge_api *api, size_t index)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(api->listeners[index].daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info == NULL ? 0 : info->port;
}

/* What has been asked of the backend is answered before the connections are closed. */
static void finish_handling(struct kedge_api *api)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ENDING_LIMIT_S;
    pthread_mutex_lock(&api->handling_lock);
    api->ending = true;
    for (int rc = 0; api->handling > 0 && rc == 0;)
        rc = pthread_cond_timedwait(&api->handled, &api->handling_lock, &until);
    pthread_mutex_unlock(&api->handling_lock);
}

void kedge_api_stop(struct kedge_api *api)
{
    MHD_socket sockets[KEDGE_API_LISTEN_MAX];
    if (api == NULL)
        return;
    for (size_t i = 0; i < KEDGE_API_LISTEN_MAX; i++) {
        struct MHD_Daemon *daemon = api->listeners[i].daemon;
        sockets[i] = daemon != NULL ? MHD_quiesce_daemon(daemon) : MHD_INVALID_SOCKET;
    }
    events_end(api->events);
    pacing_end(&api->pacing);
    finish_handling(api);
    workers_stop(&api->workers);
    for (size_t i = 0; i < KEDGE_API_LISTEN_MAX; i++) {
        if (api->listeners[i].daemon != NULL)
            MHD_stop_daemon(api->listeners[i].daemon);
        if (sockets[i] != MHD_INVALID_SOCKET)
            (void)close(sockets[i]);
    }
    pacing_close(&api->pacing);
    connections_stop(&api->connections);
    events_close(api->events);
    failures_close(&api->failures);
    sessions_close(&api->sessions);
    certificate_slot_close(&api->certificates);
    if (api->downloads_folder >= 0)
        (void)close(api->downloads_folder);
    readers_close(&api->readers);
    pthread_mutex_destroy(&api->tags_lock);
    pthread_mutex_destroy(&api->replay_lock);
    changers_destroy(api->changers);
    tally_destroy(api->tally);
    pthread_mutex_destroy(&api->handling_lock);
    pthread_cond_destroy(&api->handled);
    free(api);
}
