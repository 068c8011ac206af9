/* fetch.c: see fetch.h. */
#define _POSIX_C_SOURCE 200809L
#include "agent/fetch/fetch.h"

#include "agent/fetch/http_trust.h"

#include <string.h>
#include <unistd.h>

const char *kedge_fetch_ca_file(const char *given)
{
    if (given[0] != '\0')
        return given;
    return access(KEDGE_FETCH_SYSTEM_CA_FILE, R_OK) == 0 ? KEDGE_FETCH_SYSTEM_CA_FILE : NULL;
}

enum kedge_rc kedge_fetch_ca_check(const char *file)
{
    return kedge_http_trust_usable(file);
}

static bool can(const struct kedge_fetch *fetch, enum kedge_firmware_protocol protocol)
{
    if (protocol == KEDGE_PROTOCOL_COAPS)
        return fetch->credentials->proof != KEDGE_PROOF_NONE;
    return protocol != KEDGE_PROTOCOL_HTTPS || fetch->ca_file != NULL;
}

enum kedge_rc kedge_fetch_protocol(const struct kedge_fetch *fetch, size_t index,
                                   enum kedge_firmware_protocol *protocol)
{
    static const enum kedge_firmware_protocol all[] = {KEDGE_PROTOCOL_COAP, KEDGE_PROTOCOL_COAPS,
                                                       KEDGE_PROTOCOL_HTTP, KEDGE_PROTOCOL_HTTPS};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (can(fetch, all[i]) && index-- == 0) {
            *protocol = all[i];
            return KEDGE_OK;
        }
    return KEDGE_E_NOT_FOUND;
}

static bool is_http(enum kedge_firmware_protocol protocol)
{
    return protocol == KEDGE_PROTOCOL_HTTP || protocol == KEDGE_PROTOCOL_HTTPS;
}

enum kedge_rc kedge_fetch_check(const struct kedge_fetch *fetch, struct kedge_slice uri)
{
    enum kedge_firmware_protocol protocol;
    char text[KEDGE_URI_MAX + 1];
    struct kedge_uri parts;
    bool secure;
    KEDGE_TRY(kedge_uri_protocol(uri, &protocol));
    if (!can(fetch, protocol))
        return KEDGE_E_PROTOCOL;
    if (!is_http(protocol))
        return kedge_uri_parse(uri, &parts);
    memcpy(text, uri.data, uri.size);
    text[uri.size] = '\0';
    return kedge_http_uri_check(text, &secure);
}

enum kedge_rc kedge_fetch_begin(struct kedge_fetch *fetch, const char *uri,
                                const struct kedge_download_sink *sink,
                                const struct kedge_download_point *from, uint64_t patience_ms,
                                uint64_t now_ms)
{
    enum kedge_firmware_protocol protocol;
    KEDGE_TRY(kedge_uri_protocol(kedge_slice_text(uri), &protocol));
    if (is_http(protocol))
        return kedge_http_pull_begin(&fetch->http, uri, fetch->ca_file, sink, from, patience_ms,
                                     now_ms);
    return kedge_pull_begin(&fetch->pull, fetch->context, fetch->random, fetch->credentials,
                            kedge_slice_text(uri), sink, from, patience_ms, now_ms);
}

bool kedge_fetch_runs(const struct kedge_fetch *fetch)
{
    return fetch->pull.running || fetch->http.running;
}

const struct kedge_transfer *kedge_fetch_transfer(const struct kedge_fetch *fetch)
{
    return fetch->http.running ? &fetch->http.download.transfer : &fetch->pull.download.transfer;
}

enum kedge_download_step kedge_fetch_poll(struct kedge_fetch *fetch,
                                          const struct kedge_pull_server *server, uint64_t now_ms,
                                          uint64_t *wait_ms)
{
    if (fetch->http.running)
        return kedge_http_pull_poll(&fetch->http, now_ms, wait_ms);
    return kedge_pull_poll(&fetch->pull, server, now_ms, wait_ms);
}

int kedge_fetch_wait(struct kedge_fetch *fetch, struct pollfd *files, size_t count, int timeout_ms)
{
    if (fetch->http.running)
        return kedge_http_pull_wait(&fetch->http, files, count, timeout_ms);
    return poll(files, (nfds_t)count, timeout_ms);
}

void kedge_fetch_attach(struct kedge_fetch *fetch, coap_context_t *context, uint64_t now_ms)
{
    fetch->context = context;
    kedge_pull_attach(&fetch->pull, context, now_ms);
}

void kedge_fetch_end(struct kedge_fetch *fetch)
{
    kedge_pull_end(&fetch->pull);
    kedge_http_pull_end(&fetch->http);
}
