/* server.c: the HTTP server around the requests. */
#define _GNU_SOURCE
#include "updater/api/internal.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONNECTION_MEMORY (32u * 1024u) /* request line and headers together */
#define ENDING_LIMIT_S 10               /* for answers to clients that do not read them */

void api_log(const struct kedge_api *api, const char *format, ...)
{
    if (api->config.log == NULL)
        return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    api->config.log(api->config.log_context, line);
}

/* ---- libmicrohttpd's callbacks ---- */

/* Escapes stay: a path is split at its slashes before they are replaced. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result queue_answer(struct request *request)
{
    if (request->answer == NULL)
        return MHD_NO;
    return MHD_queue_response(request->connection, request->status, request->answer);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *size, void **state)
{
    (void)version;
    struct request *request = *state;
    if (request == NULL) {
        request = calloc(1, sizeof(*request));
        if (request == NULL)
            return MHD_NO;
        request->api = context;
        request->connection = connection;
        *state = request;
        request_begin(request, url, method);
        return request_answers_now(request) ? queue_answer(request) : MHD_YES;
    }
    if (*size > 0) {
        bool wanted = request_take(request, bytes, *size);
        *size = 0;
        return wanted ? MHD_YES : MHD_NO;
    }
    request_finish(request);
    return queue_answer(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    request_destroy(*state);
    *state = NULL;
}

__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format,
                                                         va_list arguments)
{
    char line[512];
    (void)vsnprintf(line, sizeof(line), format, arguments);
    line[strcspn(line, "\n")] = '\0';
    api_log(context, "http: %s", line);
}

/* ---- starting ---- */

static bool make_address(const char *text, uint16_t port, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof(*address));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return true;
    }
    memset(address, 0, sizeof(*address));
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return inet_pton(AF_INET6, text[0] == '\0' ? "::" : text, &v6->sin6_addr) == 1;
}

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

static struct MHD_Daemon *start_daemon(struct kedge_api *api,
                                       const struct sockaddr_storage *address)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    if (address->ss_family == AF_INET6)
        flags |= api->config.address[0] == '\0' ? MHD_USE_DUAL_STACK : MHD_USE_IPv6;
    /* The logger comes first, so that it is there for what is wrong with the others. */
    return MHD_start_daemon(
        flags, api->config.port, NULL, NULL, on_request, api, MHD_OPTION_EXTERNAL_LOGGER, on_log,
        api, MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)api->config.connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        KEDGE_API_IDLE_LIMIT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static struct kedge_api *api_create(const struct kedge_api_config *config)
{
    pthread_condattr_t steady;
    struct kedge_api *api = calloc(1, sizeof(*api));
    if (api == NULL)
        return NULL;
    api->config = *config;
    if (api->config.upload_max_bytes == 0)
        api->config.upload_max_bytes = KEDGE_API_UPLOAD_MAX;
    if (api->config.connections_max == 0)
        api->config.connections_max = KEDGE_API_CONNECTIONS_MAX;
    readers_init(&api->readers, config->folder);
    pthread_mutex_init(&api->tags_lock, NULL);
    pthread_mutex_init(&api->handling_lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&api->handled, &steady);
    pthread_condattr_destroy(&steady);
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

static enum kedge_rc listen_at(struct kedge_api *api, const struct sockaddr_storage *address,
                               char error[KEDGE_API_ERROR_MAX])
{
    api->daemon = start_daemon(api, address);
    if (api->daemon != NULL)
        return KEDGE_OK;
    (void)snprintf(error, KEDGE_API_ERROR_MAX, "cannot listen on \"%s\" port %u: %s",
                   api->config.address, api->config.port, strerror(errno));
    return KEDGE_E_SYSTEM;
}

enum kedge_rc kedge_api_start(const struct kedge_api_config *config, struct kedge_api **out,
                              char error[KEDGE_API_ERROR_MAX])
{
    struct sockaddr_storage address;
    error[0] = '\0';
    if (!make_address(config->address, config->port, &address)) {
        (void)snprintf(error, KEDGE_API_ERROR_MAX, "\"%s\" is not a numeric address",
                       config->address);
        return KEDGE_E_ARGUMENT;
    }
    struct kedge_api *api = api_create(config);
    if (api == NULL)
        return KEDGE_E_MEMORY;
    enum kedge_rc rc = prepare_uploads(api, error);
    if (rc == KEDGE_OK)
        rc = listen_at(api, &address, error);
    if (rc == KEDGE_OK)
        *out = api;
    else
        kedge_api_stop(api);
    return rc;
}

uint16_t kedge_api_port(const struct kedge_api *api)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_BIND_PORT);
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
    if (api == NULL)
        return;
    if (api->daemon != NULL) {
        int listener = MHD_quiesce_daemon(api->daemon);
        finish_handling(api);
        MHD_stop_daemon(api->daemon);
        if (listener != MHD_INVALID_SOCKET)
            (void)close(listener);
    }
    readers_close(&api->readers);
    pthread_mutex_destroy(&api->tags_lock);
    pthread_mutex_destroy(&api->handling_lock);
    pthread_cond_destroy(&api->handled);
    free(api);
}
