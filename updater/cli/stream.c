/* stream.c: listening for events beside asking, on libcurl's multi interface. */
#define _POSIX_C_SOURCE 200809L
#include "updater/cli/stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "updater/cli/client_internal.h"

#define HTTP_OK 200
#define HTTP_TOO_MANY 429
#define HTTP_BUSY 503

struct stream {
    struct client *client;
    char *url;
    CURLM *multi;
    CURL *curl; /* NULL: no stream is open */
    bool told;  /* something has come since the last look */
    bool given_up;
    uint64_t ended_ms;
};

static uint64_t now_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A line of its own with a colon keeps the connection open and tells nothing. */
static size_t on_bytes(char *bytes, size_t one, size_t count, void *context)
{
    struct stream *stream = context;
    size_t size = one * count;
    stream->told = stream->told || memchr(bytes, '{', size) != NULL;
    return size;
}

static void drop(struct stream *stream)
{
    if (stream->curl == NULL)
        return;
    (void)curl_multi_remove_handle(stream->multi, stream->curl);
    curl_easy_cleanup(stream->curl);
    stream->curl = NULL;
    stream->ended_ms = now_ms();
}

static void begin(struct stream *stream)
{
    stream->curl = curl_easy_init();
    if (stream->curl == NULL)
        return;
    client_dress(stream->client, stream->curl, stream->url);
    (void)curl_easy_setopt(stream->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(stream->curl, CURLOPT_WRITEDATA, stream);
    (void)curl_easy_setopt(stream->curl, CURLOPT_FAILONERROR, 1L);
    if (curl_multi_add_handle(stream->multi, stream->curl) != CURLM_OK) {
        curl_easy_cleanup(stream->curl);
        stream->curl = NULL;
    }
}

struct stream *stream_open(struct client *client, const char *path)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->client = client;
    stream->url = client_url(client, path);
    stream->multi = curl_multi_init();
    if (stream->url == NULL || stream->multi == NULL) {
        stream_close(stream);
        return NULL;
    }
    begin(stream);
    return stream;
}

void stream_close(struct stream *stream)
{
    if (stream == NULL)
        return;
    drop(stream);
    if (stream->multi != NULL)
        (void)curl_multi_cleanup(stream->multi);
    free(stream->url);
    free(stream);
}

static long status_of(const struct stream *stream)
{
    long status = 0;
    if (stream->curl != NULL)
        (void)curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool stands(const struct stream *stream)
{
    return status_of(stream) == HTTP_OK;
}

/* A server that does not have events, or a token that may not, is not asked again. */
static bool may_pass(long status)
{
    return status < 400 || status == HTTP_TOO_MANY || status == HTTP_BUSY;
}

static void listen_for(struct stream *stream, uint64_t ms)
{
    int running = 0, left = 0;
    (void)curl_multi_perform(stream->multi, &running);
    (void)curl_multi_poll(stream->multi, NULL, 0, (int)ms, NULL);
    (void)curl_multi_perform(stream->multi, &running);
    while (curl_multi_info_read(stream->multi, &left) != NULL) {
        stream->given_up = !may_pass(status_of(stream));
        drop(stream);
        break; /* there is one handle, and it is gone */
    }
}

void stream_wait(struct stream *stream)
{
    uint64_t began_ms = now_ms(), waited_ms = 0, limit_ms;
    stream->told = false;
    do {
        if (stream->curl == NULL && !stream->given_up &&
            now_ms() - stream->ended_ms >= STREAM_AGAIN_MS)
            begin(stream);
        limit_ms = stands(stream) ? STREAM_ANYHOW_MS : STREAM_LOOK_MS;
        if (stream->told && limit_ms > STREAM_SOONEST_MS)
            limit_ms = STREAM_SOONEST_MS;
        if (waited_ms < limit_ms)
            listen_for(stream, limit_ms - waited_ms);
        waited_ms = now_ms() - began_ms;
    } while (waited_ms < limit_ms);
}
