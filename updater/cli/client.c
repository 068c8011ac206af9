/* client.c: asking the server over HTTP, on libcurl. */
#define _POSIX_C_SOURCE 200809L
#include "updater/cli/client_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "updater/cli/table.h"

#define CONNECT_LIMIT_S 10L
#define ANSWER_LIMIT_S 300L
#define USER_AGENT "kedge/" KEDGE_VERSION

struct client {
    CURL *curl;
    struct client_server server;
    char *url; /* without a slash at its end */
    struct curl_slist *headers;
    struct curl_slist *json_headers;
    struct curl_slist *file_headers; /* of what the server tells apart by looking at it */
    char error[CURL_ERROR_SIZE];
};

/* What comes back, in memory, up to its limit. */
struct received {
    char *data;
    size_t size;
    bool too_long;
    CURL *curl;
    FILE *out; /* what is no refusal goes there instead; NULL: all is kept */
    char etag[CLIENT_ETAG_MAX + 1];
};

/* ---- making one ---- */

static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer != NULL)
        *headers = longer;
    return longer != NULL;
}

struct client *client_create(const struct client_server *server, const char *token)
{
    char authorization[CLIENT_TOKEN_MAX + 32];
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return NULL;
    (void)snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
    client->curl = curl_easy_init();
    client->server = *server;
    client->url = strdup(server->url);
    if (client->curl == NULL || client->url == NULL ||
        !add_header(&client->headers, authorization) ||
        !add_header(&client->json_headers, authorization) ||
        !add_header(&client->json_headers, "Content-Type: application/json") ||
        !add_header(&client->file_headers, authorization) ||
        !add_header(&client->file_headers, "Content-Type:")) {
        client_destroy(client);
        return NULL;
    }
    for (size_t size = strlen(client->url); size > 0 && client->url[size - 1] == '/'; size--)
        client->url[size - 1] = '\0';
    return client;
}

bool client_add_header(struct client *client, const char *line)
{
    return add_header(&client->headers, line) && add_header(&client->json_headers, line) &&
           add_header(&client->file_headers, line);
}

void client_destroy(struct client *client)
{
    if (client == NULL)
        return;
    curl_slist_free_all(client->headers);
    curl_slist_free_all(client->json_headers);
    curl_slist_free_all(client->file_headers);
    curl_easy_cleanup(client->curl);
    free(client->url);
    free(client);
    curl_global_cleanup();
}

/* ---- one exchange ---- */

static long status_of(CURL *curl)
{
    long status = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_bytes(char *bytes, size_t one, size_t count, void *context)
{
    struct received *received = context;
    size_t size = one * count;
    if (received->out != NULL && status_of(received->curl) < 400)
        return fwrite(bytes, 1, size, received->out);
    if (size > CLIENT_ANSWER_MAX - received->size) {
        received->too_long = true;
        return 0;
    }
    char *grown = realloc(received->data, received->size + size + 1);
    if (grown == NULL)
        return 0;
    memcpy(&grown[received->size], bytes, size);
    received->data = grown;
    received->size += size;
    return size;
}

static size_t on_header(char *line, size_t one, size_t count, void *context)
{
    static const char name[] = "ETag: \"";
    struct received *received = context;
    size_t size = one * count, begin = sizeof(name) - 1;
    if (size <= begin || strncasecmp(line, name, begin) != 0)
        return size;
    const char *end = memchr(&line[begin], '"', size - begin);
    if (end != NULL && (size_t)(end - &line[begin]) <= CLIENT_ETAG_MAX)
        (void)snprintf(received->etag, sizeof(received->etag), "%.*s", (int)(end - &line[begin]),
                       &line[begin]);
    return size;
}

/* A token must not leave for a proxy on its way to this very machine. */
static void avoid_proxy(CURL *curl)
{
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,[::1]");
}

static void secure(const struct client_server *server, CURL *curl)
{
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (server->ca_file != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
    if (server->fingerprint == NULL)
        return;
    (void)curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, server->fingerprint);
    if (server->ca_file == NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

void client_dress(const struct client *client, CURL *curl, const char *url)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* ".." is a name like any other */
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, USER_AGENT);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_LIMIT_S);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
    avoid_proxy(curl);
    secure(&client->server, curl);
}

static void prepare(struct client *client, const char *url, struct received *received)
{
    CURL *curl = client->curl;
    curl_easy_reset(curl);
    client->error[0] = '\0';
    client_dress(client, curl, url);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, received);
}

static enum client_outcome unreachable(const struct client *client, struct client_answer *answer,
                                       const char *why)
{
    (void)snprintf(answer->error, sizeof(answer->error),
                   "no answer from %s: %s; is kedged running there, and is --server (or "
                   "KEDGE_SERVER) right?",
                   client->url, why);
    return CLIENT_UNREACHABLE;
}

static enum client_outcome not_trusted(const struct client *client, struct client_answer *answer,
                                       const char *why)
{
    (void)snprintf(answer->error, sizeof(answer->error),
                   "%s is not known to be the server: %s; its certificate is taken by --ca-file "
                   "FILE, or the fingerprint of its key, which kedged logs, by --fingerprint",
                   client->url, why);
    return CLIENT_UNREACHABLE;
}

static enum client_outcome perform(struct client *client, struct received *received,
                                   struct client_answer *answer)
{
    *answer = (struct client_answer){.json = NULL};
    CURLcode code = curl_easy_perform(client->curl);
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer->http_status);
    if (code == CURLE_SEND_ERROR && answer->http_status >= 400)
        code = CURLE_OK; /* refused before all was sent: the answer is there */
    if (code != CURLE_OK) {
        const char *why = client->error[0] != '\0' ? client->error : curl_easy_strerror(code);
        if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
            return not_trusted(client, answer, why);
        return unreachable(client, answer, received->too_long ? "the answer is too long" : why);
    }
    memcpy(answer->etag, received->etag, sizeof(answer->etag));
    if (received->size > 0)
        answer->json = json_loadb(received->data, received->size, JSON_REJECT_DUPLICATES, NULL);
    if (received->out != NULL && answer->http_status >= 200 && answer->http_status < 300)
        return CLIENT_DONE;
    if (answer->json == NULL && answer->http_status != 204)
        return unreachable(client, answer, "what answers there is no kedged");
    if (answer->http_status >= 200 && answer->http_status < 300)
        return CLIENT_DONE;
    problem_text(answer->http_status, answer->json, answer->error);
    const char *field = json_string_value(json_object_get(answer->json, "field"));
    (void)snprintf(answer->field, sizeof(answer->field), "%s", field != NULL ? field : "");
    json_decref(answer->json);
    answer->json = NULL;
    return CLIENT_REFUSED;
}

char *client_url(const struct client *client, const char *path)
{
    size_t size = strlen(client->url) + strlen(path) + 1;
    char *url = malloc(size);
    if (url != NULL)
        (void)snprintf(url, size, "%s%s", client->url, path);
    return url;
}

enum client_outcome client_ask(struct client *client, const char *method, const char *path,
                               const json_t *body, struct client_answer *answer)
{
    struct received received = {.data = NULL};
    enum client_outcome outcome;
    char *url = client_url(client, path);
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    *answer = (struct client_answer){.json = NULL};
    if (url == NULL || (body != NULL && text == NULL)) {
        outcome = unreachable(client, answer, "out of memory");
        goto cleanup;
    }
    prepare(client, url, &received);
    (void)curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, ANSWER_LIMIT_S);
    if (text != NULL) {
        (void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->json_headers);
        (void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
        (void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
    }
    (void)curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
    outcome = perform(client, &received, answer);
cleanup:
    free(received.data);
    free(text);
    free(url);
    return outcome;
}

enum client_outcome client_fetch(struct client *client, const char *path, FILE *out,
                                 struct client_answer *answer)
{
    struct received received = {.curl = client->curl, .out = out};
    char *url = client_url(client, path);
    *answer = (struct client_answer){.json = NULL};
    if (url == NULL)
        return unreachable(client, answer, "out of memory");
    prepare(client, url, &received);
    enum client_outcome outcome = perform(client, &received, answer);
    free(received.data);
    free(url);
    return outcome;
}

/* ---- uploads ---- */

static int on_progress(void *context, curl_off_t download_total, curl_off_t downloaded,
                       curl_off_t upload_total, curl_off_t uploaded)
{
    (void)download_total;
    (void)downloaded;
    curl_off_t *drawn = context;
    char total[32], done[32];
    if (upload_total <= 0 || uploaded == *drawn)
        return 0;
    *drawn = uploaded;
    size_text((uint64_t)uploaded, done, sizeof(done));
    size_text((uint64_t)upload_total, total, sizeof(total));
    (void)fprintf(stderr, "\r\033[K%s of %s sent%s", done, total,
                  uploaded == upload_total ? ", being checked" : "");
    (void)fflush(stderr);
    return 0;
}

enum client_outcome client_send(struct client *client, const char *path, FILE *file, uint64_t size,
                                bool progress, struct client_answer *answer)
{
    struct received received = {.data = NULL};
    curl_off_t drawn = -1;
    char *url = client_url(client, path);
    *answer = (struct client_answer){.json = NULL};
    if (url == NULL)
        return unreachable(client, answer, "out of memory");
    prepare(client, url, &received);
    (void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->file_headers);
    (void)curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    (void)curl_easy_setopt(client->curl, CURLOPT_READDATA, file);
    if (progress) {
        (void)curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, 0L);
        (void)curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        (void)curl_easy_setopt(client->curl, CURLOPT_XFERINFODATA, &drawn);
    }
    enum client_outcome outcome = perform(client, &received, answer);
    if (progress && drawn >= 0)
        (void)fprintf(stderr, "\r\033[K");
    free(received.data);
    free(url);
    return outcome;
}
