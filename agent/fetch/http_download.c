/* http_download.c: see http_download.h. */
#include "agent/fetch/http_download.h"

#include "agent/fetch/http_field.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    OK = 200,
    PARTIAL_CONTENT = 206,
    MOVED_PERMANENTLY = 301,
    FOUND = 302,
    SEE_OTHER = 303,
    TEMPORARY_REDIRECT = 307,
    PERMANENT_REDIRECT = 308,
    REQUEST_TIMEOUT = 408,
    PRECONDITION_FAILED = 412,
    RANGE_NOT_SATISFIABLE = 416,
    TOO_EARLY = 425,
    TOO_MANY_REQUESTS = 429,
    SERVER_ERRORS = 500
};

/* Only a strong one is of use, see kedge_http_etag_is_strong(). */
static void note_etag(struct kedge_http_download *download, struct kedge_slice etag)
{
    kedge_etag_set(&download->transfer.etag,
                   kedge_http_etag_is_strong(etag) ? etag : kedge_slice(NULL, 0));
}

enum kedge_rc kedge_http_download_begin(struct kedge_http_download *download, const char *uri,
                                        const struct kedge_download_sink *sink,
                                        const struct kedge_download_point *from,
                                        uint64_t patience_ms, uint64_t now_ms)
{
    *download = (struct kedge_http_download){.uri = uri};
    KEDGE_TRY(kedge_http_uri_check(uri, &download->uri_secure));
    kedge_transfer_begin(&download->transfer, sink, patience_ms, now_ms);
    if (from == NULL)
        return KEDGE_OK;
    download->transfer.offset = download->mark = from->offset;
    download->transfer.total = from->total;
    note_etag(download, kedge_etag_slice(&from->etag));
    return KEDGE_OK;
}

static void begin_anew(struct kedge_http_download *download, const char *words, uint64_t now_ms)
{
    if (kedge_transfer_restart(&download->transfer, words, now_ms))
        download->mark = 0;
}

enum kedge_download_step kedge_http_download_next(struct kedge_http_download *download,
                                                  uint64_t now_ms, uint64_t *wait_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    enum kedge_download_step step = kedge_transfer_next(transfer, now_ms, wait_ms);
    if (step != KEDGE_DOWNLOAD_ASK || download->redirected)
        return step;
    /* What is there can be gone on with only where the rest can be told to belong to it. */
    if (transfer->offset > 0 && transfer->etag.size == 0)
        begin_anew(download, "it broke off again and again, and there is no entity tag to go on by",
                   now_ms);
    if (transfer->failure != KEDGE_OK)
        return KEDGE_DOWNLOAD_FAILED;
    download->redirects = 0;
    download->secure = download->uri_secure;
    snprintf(download->target, sizeof download->target, "%s", download->uri);
    return KEDGE_DOWNLOAD_ASK;
}

void kedge_http_download_asked(struct kedge_http_download *download, uint64_t now_ms)
{
    download->redirected = false;
    download->begin_at = download->transfer.offset;
    download->end_at = 0;
    kedge_transfer_asked(&download->transfer, now_ms);
}

/* ---- the head of an answer ---- */

/* Ends it, for an answer by which nothing can be had at this URI. */
static void refuse(struct kedge_http_download *download, unsigned status)
{
    char words[40];
    snprintf(words, sizeof words, "the server answered %u", status);
    kedge_transfer_fail(&download->transfer, KEDGE_E_URI, words);
}

/* The server cannot now. */
static void come_again(struct kedge_http_download *download, const struct kedge_http_answer *answer,
                       uint64_t now_ms)
{
    char words[40];
    snprintf(words, sizeof words, "the server answered %u", answer->status);
    kedge_transfer_come_again(&download->transfer, words, answer->retry_after_s, now_ms);
}

static void follow(struct kedge_http_download *download, const struct kedge_http_answer *answer,
                   uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    char target[sizeof download->target];
    bool secure;
    if (answer->location.size == 0) {
        refuse(download, answer->status);
        return;
    }
    if (++download->redirects > KEDGE_HTTP_REDIRECTS_MAX) {
        kedge_transfer_fail(transfer, KEDGE_E_URI, "the server redirects again and again");
        return;
    }
    enum kedge_rc rc = kedge_http_uri_resolve(download->target, answer->location, target, &secure);
    if (rc != KEDGE_OK) {
        kedge_transfer_fail(transfer, rc,
                            rc == KEDGE_E_PROTOCOL ? "redirected to another protocol than HTTP"
                                                   : "redirected to a URI that is not valid");
        return;
    }
    if (download->secure && !secure) {
        kedge_transfer_fail(transfer, KEDGE_E_PROTOCOL, "redirected from https to http");
        return;
    }
    memcpy(download->target, target, sizeof target);
    download->secure = secure;
    download->redirected = true;
    transfer->patience.next_at_ms = now_ms;
}

/* No encoding was asked for: a package is not to be unpacked by anybody but the installer. */
static bool is_encoded(struct kedge_http_download *download, const struct kedge_http_answer *answer)
{
    static const char identity[] = "identity";
    struct kedge_slice encoding = answer->content_encoding;
    if (encoding.size == 0 ||
        (encoding.size == sizeof identity - 1 &&
         strncasecmp((const char *)encoding.data, identity, encoding.size) == 0))
        return false;
    kedge_transfer_fail(&download->transfer, KEDGE_E_UNSUPPORTED,
                        "the server sends it encoded, which was not asked for");
    return true;
}

static bool take_whole(struct kedge_http_download *download, const struct kedge_http_answer *answer,
                       uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    if (is_encoded(download, answer))
        return false;
    if (transfer->offset > 0)
        begin_anew(download,
                   kedge_slice_equal(answer->etag, kedge_etag_slice(&transfer->etag))
                       ? "the server sends it from the beginning each time"
                       : "what the server offers keeps changing",
                   now_ms);
    if (transfer->failure != KEDGE_OK ||
        !kedge_transfer_expect(transfer, answer->has_length ? answer->length : 0))
        return false;
    note_etag(download, answer->etag);
    download->end_at = transfer->total;
    kedge_transfer_asked(transfer, now_ms); /* this body is the answer to it */
    return true;
}

/* The range that was asked for, and whole as far as it goes. */
static bool is_what_was_asked_for(const struct kedge_http_download *download,
                                  const struct kedge_http_answer *answer,
                                  const struct kedge_content_range *range)
{
    return range->satisfied && range->first == download->transfer.offset &&
           (!answer->has_length || answer->length == range->last - range->first + 1);
}

static bool is_another_one(const struct kedge_transfer *transfer,
                           const struct kedge_http_answer *answer,
                           const struct kedge_content_range *range)
{
    if (kedge_http_etag_is_strong(answer->etag) &&
        !kedge_slice_equal(answer->etag, kedge_etag_slice(&transfer->etag)))
        return true;
    return transfer->total > 0 && range->has_total && range->total != transfer->total;
}

static bool take_part(struct kedge_http_download *download, const struct kedge_http_answer *answer,
                      uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    struct kedge_content_range range;
    if (transfer->offset == 0) {
        kedge_transfer_lost(transfer, "the server sends a part, where the whole was asked for", 0,
                            now_ms);
        return false;
    }
    if (is_encoded(download, answer))
        return false;
    bool readable = kedge_http_content_range(answer->content_range, &range) == KEDGE_OK;
    if (readable && is_another_one(transfer, answer, &range)) {
        begin_anew(download, "what the server offers keeps changing", now_ms);
        return false;
    }
    if (!readable || !is_what_was_asked_for(download, answer, &range)) {
        begin_anew(download, "the server sends another part than the one asked for", now_ms);
        return false;
    }
    if (range.has_total && !kedge_transfer_expect(transfer, range.total))
        return false;
    download->end_at = range.last + 1;
    kedge_transfer_asked(transfer, now_ms);
    return true;
}

/* Nothing is left from there on: all of it is here, or it is another one by now. */
static void take_nothing(struct kedge_http_download *download,
                         const struct kedge_http_answer *answer, uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    struct kedge_content_range range;
    bool complete = kedge_http_content_range(answer->content_range, &range) == KEDGE_OK &&
                    !range.satisfied && range.total == transfer->offset;
    if (transfer->offset == 0)
        refuse(download, answer->status);
    else if (complete)
        transfer->finished = true;
    else
        begin_anew(download, "what the server offers keeps changing", now_ms);
}

bool kedge_http_download_head(struct kedge_http_download *download,
                              const struct kedge_http_answer *answer, uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    if (!transfer->asked || transfer->failure != KEDGE_OK)
        return false;
    transfer->asked = false; /* until its body is wanted */
    switch (answer->status) {
    case OK:
        return take_whole(download, answer, now_ms);
    case PARTIAL_CONTENT:
        return take_part(download, answer, now_ms);
    case MOVED_PERMANENTLY:
    case FOUND:
    case SEE_OTHER:
    case TEMPORARY_REDIRECT:
    case PERMANENT_REDIRECT:
        follow(download, answer, now_ms);
        return false;
    case PRECONDITION_FAILED:
        if (transfer->offset > 0)
            begin_anew(download, "what the server offers keeps changing", now_ms);
        else
            refuse(download, answer->status);
        return false;
    case RANGE_NOT_SATISFIABLE:
        take_nothing(download, answer, now_ms);
        return false;
    case REQUEST_TIMEOUT:
    case TOO_EARLY:
    case TOO_MANY_REQUESTS:
        come_again(download, answer, now_ms);
        return false;
    default:
        if (answer->status >= SERVER_ERRORS)
            come_again(download, answer, now_ms);
        else
            refuse(download, answer->status);
        return false;
    }
}

/* ---- its body, and its end ---- */

bool kedge_http_download_body(struct kedge_http_download *download, struct kedge_slice bytes,
                              uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    if (!transfer->asked || !kedge_transfer_count(transfer, bytes.size))
        return false;
    if (download->end_at > 0 && bytes.size > download->end_at - transfer->offset) {
        transfer->asked = false;
        begin_anew(download, "the server sends more than it says", now_ms);
        return false;
    }
    if (!kedge_transfer_push(transfer, bytes))
        return false;
    if (transfer->offset - download->mark >= KEDGE_HTTP_PROGRESS_SIZE) {
        download->mark = transfer->offset;
        kedge_transfer_progress(transfer, now_ms);
    }
    kedge_transfer_asked(transfer, now_ms); /* a sign of life: the silence begins anew */
    return true;
}

void kedge_http_download_ended(struct kedge_http_download *download, uint64_t now_ms)
{
    struct kedge_transfer *transfer = &download->transfer;
    if (!transfer->asked || transfer->failure != KEDGE_OK)
        return;
    transfer->asked = false;
    if (transfer->total == 0 || transfer->offset == transfer->total)
        transfer->finished = true;
    else if (transfer->offset - download->begin_at >= KEDGE_HTTP_PROGRESS_SIZE)
        transfer->patience.next_at_ms = now_ms;
    else
        kedge_transfer_lost(transfer, "the server sends less than it says", 0, now_ms);
}

void kedge_http_download_lost(struct kedge_http_download *download, const char *trouble,
                              uint64_t now_ms)
{
    if (download->transfer.asked && download->transfer.failure == KEDGE_OK)
        kedge_transfer_lost(&download->transfer, trouble, 0, now_ms);
}
