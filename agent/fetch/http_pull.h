/*
 * http_pull.h: the course of http_download.h, driven over libcurl's multi interface in the agent's
 * own loop: HTTP 1.1, with TLS 1.2 or 1.3 where the URI says https.
 *
 * libcurl and what it needs is set up when a download begins and given back when that ends: a
 * device at rest pays nothing for it. Host names are looked up by libcurl, which has a thread for
 * that while it lasts (getaddrinfo() blocks for as long as the name server likes, and the agent has
 * a registration to keep). That thread touches nothing of ours, and no other is made.
 *
 * A certificate must be of a CA in `ca_file`, for the host of the URI, and in time by the device's
 * clock. There is no way around that: a device whose clock is wrong is told so in the failure's
 * words, and goes on asking for as long as its patience lasts, since a clock may be set meanwhile.
 */
#ifndef KEDGE_AGENT_HTTP_PULL_H
#define KEDGE_AGENT_HTTP_PULL_H

#include "agent/fetch/http_download.h"

#include <curl/curl.h>
#include <poll.h>

#define KEDGE_HTTP_HEAD_MAX 32768u /* bytes of the heads of one answer, interim ones included */
#define KEDGE_HTTP_FILES_MAX 4u    /* that kedge_http_pull_wait() waits for beside its own */

/** Zeroed, it is one that does not run. */
struct kedge_http_pull {
    struct kedge_http_download download;
    const char *ca_file; /* the caller's */
    CURLM *multi;
    CURL *easy;
    struct curl_slist *fields; /* of the request */
    bool running;
    bool requested; /* a request is in libcurl's hands */
    bool judged;    /* the course has seen the head of its answer */
    size_t head_size;
    bool head_whole;
    uint64_t now_ms;      /* of the call that is going on */
    enum kedge_rc trust;  /* what became of looking at the server's certificate, and what */
    unsigned certificate; /* GnuTLS says of it: for the reason of a failure */
    char error[CURL_ERROR_SIZE];
};

/**
 * kedge_http_pull_begin() starts to fetch `uri` into `sink`, see kedge_http_download_begin().
 * `uri`, and `ca_file` (PEM, the CAs that are believed), must outlive the download. Nothing is sent
 * before kedge_http_pull_poll(). KEDGE_E_MEMORY when libcurl cannot be set up.
 */
enum kedge_rc kedge_http_pull_begin(struct kedge_http_pull *pull, const char *uri,
                                    const char *ca_file, const struct kedge_download_sink *sink,
                                    const struct kedge_download_point *from, uint64_t patience_ms,
                                    uint64_t now_ms) KEDGE_MUST_USE;

/**
 * kedge_http_pull_poll() takes in what has come, without waiting, and sends what is due. `sink` is
 * called from here only. Returns what transfer.h says; WAIT also after a request.
 */
enum kedge_download_step kedge_http_pull_poll(struct kedge_http_pull *pull, uint64_t now_ms,
                                              uint64_t *wait_ms);

/** As poll(), for at most KEDGE_HTTP_FILES_MAX files that wait for input; ends early when
 * something comes for the download. `revents` are not set. */
int kedge_http_pull_wait(struct kedge_http_pull *pull, const struct pollfd *files, size_t count,
                         int timeout_ms);

/** kedge_http_pull_end() closes what is open and gives the memory back; may be called again. */
void kedge_http_pull_end(struct kedge_http_pull *pull);

#endif
