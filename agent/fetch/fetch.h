/*
 * fetch.h: the download of a package by whichever protocol its URI names: by CoAP and CoAPS as
 * pull.h does it, by HTTP and HTTPS as http_pull.h does.
 */
#ifndef KEDGE_AGENT_FETCH_H
#define KEDGE_AGENT_FETCH_H

#include "agent/fetch/http_pull.h"
#include "agent/fetch/pull.h"

/* Where the CAs of a system are: Debian, Alpine, Buildroot and Yocto have them there. */
#define KEDGE_FETCH_SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

/** Zeroed but for the first fields, it is one that fetches nothing. */
struct kedge_fetch {
    /* The caller's, set before anything else; they outlive every download. */
    coap_context_t *context;
    const struct kedge_random *random;
    const struct kedge_credentials *credentials; /* without a proof in them, coaps is not offered */
    const char *ca_file; /* whose certificates are believed by HTTPS; NULL: HTTPS is not offered */

    struct kedge_pull pull; /* of a coap:// or coaps:// URI */
    struct kedge_http_pull http;
};

/**
 * kedge_fetch_ca_file() is the file whose certificates are believed: `given`, or without one ("")
 * the system's, where that has one; else NULL.
 */
const char *kedge_fetch_ca_file(const char *given);
/** kedge_fetch_ca_check() sees whether `file` has certificates in it: KEDGE_E_KEY when not. */
enum kedge_rc kedge_fetch_ca_check(const char *file) KEDGE_MUST_USE;

/** The `index`th protocol by which a package can be fetched; KEDGE_E_NOT_FOUND after the last. */
enum kedge_rc kedge_fetch_protocol(const struct kedge_fetch *fetch, size_t index,
                                   enum kedge_firmware_protocol *protocol) KEDGE_MUST_USE;
/** Whether a package can be fetched from `uri`: KEDGE_E_PROTOCOL or KEDGE_E_URI when not. */
enum kedge_rc kedge_fetch_check(const struct kedge_fetch *fetch,
                                struct kedge_slice uri) KEDGE_MUST_USE;

/**
 * kedge_fetch_begin() starts to fetch `uri`, which must stay as it is until the end, into `sink`:
 * from the beginning, or (`from` not NULL) on from a point of an earlier download of that very URI.
 * Nothing is sent before kedge_fetch_poll().
 */
enum kedge_rc kedge_fetch_begin(struct kedge_fetch *fetch, const char *uri,
                                const struct kedge_download_sink *sink,
                                const struct kedge_download_point *from, uint64_t patience_ms,
                                uint64_t now_ms) KEDGE_MUST_USE;
/** Whether a download is going on, or has ended and not been ended by kedge_fetch_end(). */
bool kedge_fetch_runs(const struct kedge_fetch *fetch);
/** How far it is, and why it failed; of the download that runs. */
const struct kedge_transfer *kedge_fetch_transfer(const struct kedge_fetch *fetch);

/** Takes in what has come, and sends what is due; see kedge_pull_poll() for `server`. */
enum kedge_download_step kedge_fetch_poll(struct kedge_fetch *fetch,
                                          const struct kedge_pull_server *server, uint64_t now_ms,
                                          uint64_t *wait_ms);
/** As poll(), for files that wait for input, of which there may be KEDGE_HTTP_FILES_MAX; ends early
 * when something comes for the download. */
int kedge_fetch_wait(struct kedge_fetch *fetch, struct pollfd *files, size_t count, int timeout_ms);
/** Goes on in another context of libcoap; see kedge_pull_attach(). */
void kedge_fetch_attach(struct kedge_fetch *fetch, coap_context_t *context, uint64_t now_ms);
/** kedge_fetch_end() stops, and gives back what it has; may be called again. */
void kedge_fetch_end(struct kedge_fetch *fetch);

#endif
