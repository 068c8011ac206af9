/* http_pull.c: see http_pull.h. */
#define _GNU_SOURCE
#include "agent/fetch/http_pull.h"
#include "agent/fetch/http_trust.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIELD_MAX (KEDGE_TRANSFER_ETAG_MAX + 32u)
#define RANGE_MAX 24u

/* ---- what libcurl calls ---- */

static size_t on_head_line(char *line, size_t unit, size_t count, void *context)
{
    struct kedge_http_pull *pull = context;
    size_t size = unit * count;
    /* The fields are read by curl_easy_header(), once all of them are here. libcurl takes a head
     * in which the connection ends for a whole one. */
    if (size > 0 && line[0] == 'H')
        pull->head_whole = false;
    if (size <= 2 && line[size - 1] == '\n')
        pull->head_whole = true;
    pull->head_size += size;
    return pull->head_size <= KEDGE_HTTP_HEAD_MAX ? size : CURL_WRITEFUNC_ERROR;
}

/* The one field of this name; empty when there is none, or more than one. */
static struct kedge_slice field(CURL *easy, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        header->amount != 1)
        return kedge_slice(NULL, 0);
    return kedge_slice_text(header->value);
}

/* Hands the head of the answer to the course; false when the body is not wanted. */
static bool judge(struct kedge_http_pull *pull)
{
    long status = 0;
    curl_off_t length = -1, retry_after_s = 0;
    curl_easy_getinfo(pull->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(pull->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(pull->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    const struct kedge_http_answer answer = {
        .status = status > 0 ? (unsigned)status : 0,
        .etag = field(pull->easy, "ETag"),
        .content_range = field(pull->easy, "Content-Range"),
        .content_encoding = field(pull->easy, "Content-Encoding"),
        .has_length = length >= 0,
        .length = length >= 0 ? (uint64_t)length : 0,
        .retry_after_s = retry_after_s > 0 ? (uint64_t)retry_after_s : 0,
        .location = field(pull->easy, "Location")};
    pull->judged = true;
    return kedge_http_download_head(&pull->download, &answer, pull->now_ms);
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *context)
{
    struct kedge_http_pull *pull = context;
    size_t size = unit * count;
    if (!pull->judged && !judge(pull))
        return CURL_WRITEFUNC_ERROR;
    return kedge_http_download_body(&pull->download, kedge_slice(bytes, size), pull->now_ms)
               ? size
               : CURL_WRITEFUNC_ERROR;
}

/* ---- one request ---- */

static void drop_request(struct kedge_http_pull *pull)
{
    if (pull->requested)
        curl_multi_remove_handle(pull->multi, pull->easy);
    pull->requested = false;
    curl_slist_free_all(pull->fields);
    pull->fields = NULL;
}

static bool add_field(struct kedge_http_pull *pull, const char *line)
{
    struct curl_slist *longer = curl_slist_append(pull->fields, line);
    if (longer == NULL)
        return false;
    pull->fields = longer;
    return true;
}

/* Nothing but what is asked for here: no proxy or password of the environment, no other protocol,
 * no encoding. */
static bool set_up(struct kedge_http_pull *pull)
{
    CURL *easy = pull->easy;
    return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, pull) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, pull) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, pull->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "kedge-agent/" KEDGE_VERSION) == CURLE_OK;
}

/*
 * The handshake is over, and nothing has been asked yet. libcurl has held the certificate against
 * the host's name, but knows no CA: see http_trust.h.
 */
static int before_request(void *context, char *server_ip, char *our_ip, int server_port,
                          int our_port)
{
    struct kedge_http_pull *pull = context;
    const struct curl_tlssessioninfo *tls = NULL;
    (void)server_ip, (void)our_ip, (void)server_port, (void)our_port;
    if (!pull->download.secure)
        return CURL_PREREQFUNC_OK;
    pull->trust = KEDGE_E_KEY;
    if (curl_easy_getinfo(pull->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || tls == NULL ||
        tls->backend != CURLSSLBACKEND_GNUTLS || tls->internals == NULL)
        return CURL_PREREQFUNC_ABORT;
    pull->trust = kedge_http_trust_check(tls->internals, pull->ca_file, &pull->certificate);
    return pull->trust == KEDGE_OK && pull->certificate == 0 ? CURL_PREREQFUNC_OK
                                                             : CURL_PREREQFUNC_ABORT;
}

/* No CAs of libcurl's own: see before_request(). No session is resumed, so that each has one. */
static bool set_up_tls(struct kedge_http_pull *pull)
{
    CURL *easy = pull->easy;
    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, pull) == CURLE_OK;
}

static bool set_range(struct kedge_http_pull *pull)
{
    const struct kedge_transfer *transfer = &pull->download.transfer;
    char range[RANGE_MAX], line[FIELD_MAX];
    if (transfer->offset == 0)
        return curl_easy_setopt(pull->easy, CURLOPT_RANGE, NULL) == CURLE_OK;
    snprintf(range, sizeof range, "%llu-", (unsigned long long)transfer->offset);
    snprintf(line, sizeof line, "If-Range: %.*s", (int)transfer->etag.size, transfer->etag.bytes);
    return curl_easy_setopt(pull->easy, CURLOPT_RANGE, range) == CURLE_OK && add_field(pull, line);
}

static bool send_request(struct kedge_http_pull *pull)
{
    drop_request(pull);
    pull->judged = false;
    pull->head_size = 0;
    pull->head_whole = false;
    pull->error[0] = '\0';
    if (!add_field(pull, "Accept-Encoding: identity") || !set_range(pull) ||
        curl_easy_setopt(pull->easy, CURLOPT_HTTPHEADER, pull->fields) != CURLE_OK ||
        curl_easy_setopt(pull->easy, CURLOPT_URL, pull->download.target) != CURLE_OK)
        return false;
    pull->requested = curl_multi_add_handle(pull->multi, pull->easy) == CURLM_OK;
    return pull->requested;
}

/* ---- its end ---- */

/* A device's clock is told, because a device without a battery begins in 1970 each time. */
static void say_certificate(struct kedge_http_pull *pull, char words[KEDGE_TRANSFER_WORDS_MAX])
{
    unsigned status = pull->certificate;
    char date[16] = "?";
    time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d", &parts);
    if (pull->trust == KEDGE_E_SYSTEM)
        snprintf(words, KEDGE_TRANSFER_WORDS_MAX,
                 "the CAs that this device believes cannot be read");
    else if ((status & (GNUTLS_CERT_NOT_ACTIVATED | GNUTLS_CERT_EXPIRED)) != 0)
        snprintf(words, KEDGE_TRANSFER_WORDS_MAX,
                 "the server's certificate is %s by this device's clock, which says %s",
                 (status & GNUTLS_CERT_EXPIRED) != 0 ? "out of date" : "not valid yet", date);
    else if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) != 0)
        snprintf(words, KEDGE_TRANSFER_WORDS_MAX,
                 "the server's certificate is of no CA that this device believes");
    else
        snprintf(words, KEDGE_TRANSFER_WORDS_MAX, "the server's certificate is not valid");
}

static void say_trouble(struct kedge_http_pull *pull, CURLcode code,
                        char words[KEDGE_TRANSFER_WORDS_MAX])
{
    if (pull->head_size > KEDGE_HTTP_HEAD_MAX)
        snprintf(words, KEDGE_TRANSFER_WORDS_MAX, "the head of the answer does not end");
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        say_certificate(pull, words);
    else
        kedge_printable(
            kedge_slice_text(pull->error[0] != '\0' ? pull->error : curl_easy_strerror(code)),
            words, KEDGE_TRANSFER_WORDS_MAX);
}

static void finish(struct kedge_http_pull *pull, CURLcode code)
{
    char words[KEDGE_TRANSFER_WORDS_MAX];
    if (code == CURLE_OK && !pull->head_whole)
        code = CURLE_RECV_ERROR;
    if (code == CURLE_OK && (pull->judged || judge(pull))) {
        kedge_http_download_ended(&pull->download, pull->now_ms);
    } else if (code != CURLE_OK) {
        /* When it is the course that wants no more, it is not waiting for this any longer. */
        say_trouble(pull, code, words);
        kedge_http_download_lost(&pull->download, words, pull->now_ms);
    }
    drop_request(pull);
}

static void perform(struct kedge_http_pull *pull)
{
    int running, queued;
    curl_multi_perform(pull->multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(pull->multi, &queued)) != NULL;)
        if (message->msg == CURLMSG_DONE) {
            finish(pull, message->data.result);
            return; /* there is one request at a time */
        }
}

/* ---- the whole ---- */

enum kedge_rc kedge_http_pull_begin(struct kedge_http_pull *pull, const char *uri,
                                    const char *ca_file, const struct kedge_download_sink *sink,
                                    const struct kedge_download_point *from, uint64_t patience_ms,
                                    uint64_t now_ms)
{
    *pull = (struct kedge_http_pull){.ca_file = ca_file};
    KEDGE_TRY(kedge_http_download_begin(&pull->download, uri, sink, from, patience_ms, now_ms));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return KEDGE_E_MEMORY;
    pull->running = true;
    pull->multi = curl_multi_init();
    pull->easy = curl_easy_init();
    if (pull->multi != NULL && pull->easy != NULL && set_up(pull) && set_up_tls(pull))
        return KEDGE_OK;
    kedge_http_pull_end(pull);
    return KEDGE_E_MEMORY;
}

enum kedge_download_step kedge_http_pull_poll(struct kedge_http_pull *pull, uint64_t now_ms,
                                              uint64_t *wait_ms)
{
    pull->now_ms = now_ms;
    if (pull->requested)
        perform(pull);
    enum kedge_download_step step = kedge_http_download_next(&pull->download, now_ms, wait_ms);
    if (!pull->download.transfer.asked)
        drop_request(pull);
    if (step != KEDGE_DOWNLOAD_ASK)
        return step;
    kedge_http_download_asked(&pull->download, now_ms);
    if (!send_request(pull))
        kedge_http_download_lost(&pull->download, kedge_rc_text(KEDGE_E_MEMORY), now_ms);
    else
        perform(pull); /* what can go out at once does, and libcurl has its timers */
    /* All of it may have been answered already, and the next request be due: that is for the next
     * call, with no wait before it. */
    step = kedge_http_download_next(&pull->download, now_ms, wait_ms);
    return step == KEDGE_DOWNLOAD_ASK ? KEDGE_DOWNLOAD_WAIT : step;
}

int kedge_http_pull_wait(struct kedge_http_pull *pull, const struct pollfd *files, size_t count,
                         int timeout_ms)
{
    struct curl_waitfd extra[KEDGE_HTTP_FILES_MAX];
    if (count > KEDGE_HTTP_FILES_MAX)
        return -1;
    for (size_t i = 0; i < count; i++)
        extra[i] = (struct curl_waitfd){.fd = files[i].fd, .events = CURL_WAIT_POLLIN};
    int ready = 0;
    return curl_multi_poll(pull->multi, extra, (unsigned)count, timeout_ms, &ready) == CURLM_OK
               ? ready
               : -1;
}

void kedge_http_pull_end(struct kedge_http_pull *pull)
{
    if (!pull->running)
        return;
    drop_request(pull);
    if (pull->easy != NULL)
        curl_easy_cleanup(pull->easy);
    if (pull->multi != NULL)
        curl_multi_cleanup(pull->multi);
    curl_global_cleanup();
    malloc_trim(0); /* the parsed certificates of a system's CAs are some MiB */
    pull->multi = NULL;
    pull->easy = NULL;
    pull->running = false;
}
