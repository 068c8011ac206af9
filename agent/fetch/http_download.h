/*
 * http_download.h: the course of one download by HTTP or HTTPS (RFC 9110), without any network in
 * it: what an answer's head says, the bytes of its body, losses and time go in; what to ask for,
 * and when, comes out.
 *
 * One GET for everything, or for what is still missing: then by a range that counts only for the
 * representation of which the beginning is there (If-Range with its strong entity tag). Whatever
 * else comes, comes from the beginning, and the sink begins anew, a bounded number of times:
 *
 *   what comes                                           what is done
 *   200, all of it though a range was asked for          begin anew with this very body
 *   206 of another entity tag or total, 412              begin anew
 *   206 of another range than the one asked for          begin anew
 *   416                                                  done, if nothing is missing; else anew
 *   206 that ends early                                  ask for the rest
 *   301, 302, 303, 307, 308                              follow, within the limits below
 *   408, 425, 429, 5xx; connection lost; silence         ask again, after a growing pause or
 *                                                        Retry-After
 *   any other                                            KEDGE_E_URI
 *
 * A redirect leads from http to either, from https to https, and nowhere else. Each new request
 * begins at the URI that was given: where it was redirected to may be gone by then.
 */
#ifndef KEDGE_AGENT_HTTP_DOWNLOAD_H
#define KEDGE_AGENT_HTTP_DOWNLOAD_H

#include "agent/fetch/http_uri.h"
#include "agent/fetch/transfer.h"

#define KEDGE_HTTP_REDIRECTS_MAX 5u
#define KEDGE_HTTP_PROGRESS_SIZE \
    1024u /* so many new bytes are progress: what CoAP has as a block */

/** The head of an answer. Slices are borrowed for the call; an empty one: no such field. */
struct kedge_http_answer {
    unsigned status;
    struct kedge_slice etag;
    struct kedge_slice content_range;
    struct kedge_slice content_encoding;
    bool has_length;
    uint64_t length; /* Content-Length: of this body */
    uint64_t retry_after_s;
    struct kedge_slice location;
};

struct kedge_http_download {
    struct kedge_transfer transfer;
    const char *uri; /* the caller's */
    bool uri_secure; /* it is https */
    char target[KEDGE_HTTP_URI_MAX + 1];
    bool secure;     /* the target is https */
    bool redirected; /* the next request goes to `target` as it is */
    unsigned redirects;
    uint64_t begin_at; /* offset of the first byte that the present request asks for */
    uint64_t end_at;   /* one behind the last byte that its answer has; 0: not known */
    uint64_t mark;     /* the offset that was the latest progress */
};

/**
 * kedge_http_download_begin() starts at `from`, of which the sink has what lies before; NULL: at
 * the beginning. Where that has no strong entity tag, the sink begins anew before anything is asked
 * for. `uri` must outlive it. Fails as kedge_http_uri_check() does.
 */
enum kedge_rc kedge_http_download_begin(struct kedge_http_download *download, const char *uri,
                                        const struct kedge_download_sink *sink,
                                        const struct kedge_download_point *from,
                                        uint64_t patience_ms, uint64_t now_ms) KEDGE_MUST_USE;

/**
 * What to do now; sets `wait_ms` for WAIT. With ASK, send a GET to `target`, and then call
 * kedge_http_download_asked(); with a Range from `transfer.offset`, and If-Range with
 * `transfer.etag`, unless that offset is 0.
 */
enum kedge_download_step kedge_http_download_next(struct kedge_http_download *download,
                                                  uint64_t now_ms, uint64_t *wait_ms);
/** The request was sent. */
void kedge_http_download_asked(struct kedge_http_download *download, uint64_t now_ms);
/** The head of the answer; false when its body is not wanted. */
bool kedge_http_download_head(struct kedge_http_download *download,
                              const struct kedge_http_answer *answer, uint64_t now_ms);
/** Bytes of a body that is wanted; false when no more of them are. */
bool kedge_http_download_body(struct kedge_http_download *download, struct kedge_slice bytes,
                              uint64_t now_ms);
/** A body that is wanted came to its end, as HTTP marks it. */
void kedge_http_download_ended(struct kedge_http_download *download, uint64_t now_ms);
/** The request could not be sent or broke off; `trouble` says why. */
void kedge_http_download_lost(struct kedge_http_download *download, const char *trouble,
                              uint64_t now_ms);

#endif
