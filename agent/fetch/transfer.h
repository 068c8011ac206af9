/*
 * transfer.h: what every download has in common, whatever protocol it goes by: where its bytes go
 * and how far they have come, which representation they are of, when to ask and when to give up.
 * Pure: answers, failures and time go in by the protocol's own part (download.h for CoAP).
 */
#ifndef KEDGE_AGENT_TRANSFER_H
#define KEDGE_AGENT_TRANSFER_H

#include "agent/fetch/budget.h"
#include "agent/fetch/patience.h"

#include <kedge/base.h>

#define KEDGE_TRANSFER_RESTARTS_MAX 3u
#define KEDGE_TRANSFER_ETAG_MAX 128u /* bytes; a longer one counts as none */
#define KEDGE_TRANSFER_WORDS_MAX 192u

/** The entity tag of a representation, as its protocol has it; size 0: none is known. */
struct kedge_etag {
    uint8_t bytes[KEDGE_TRANSFER_ETAG_MAX];
    uint8_t size;
};

/** Where the bytes go. `restart` forgets everything pushed so far. */
struct kedge_download_sink {
    void *context;
    enum kedge_rc (*push)(void *context, struct kedge_slice bytes);
    enum kedge_rc (*restart)(void *context);
    struct kedge_budget *budget;       /* what comes in is counted there; NULL: nowhere */
    const struct kedge_random *random; /* by which pauses are spread; NULL: not at all */
};

/** Where a download goes on: of the representation that `etag` names, what lies before `offset` is
 * there already. Zeroed: at the beginning. */
struct kedge_download_point {
    uint64_t offset;
    uint64_t total; /* bytes of the whole; 0: not known */
    struct kedge_etag etag;
};

enum kedge_download_step {
    KEDGE_DOWNLOAD_ASK,   /* send a request for what comes next */
    KEDGE_DOWNLOAD_WAIT,  /* nothing to do before `wait_ms` have passed or something happens */
    KEDGE_DOWNLOAD_DONE,  /* every byte went to the sink */
    KEDGE_DOWNLOAD_FAILED /* `failure` and `words` say why */
};

struct kedge_transfer {
    struct kedge_download_sink sink;
    struct kedge_patience patience;
    uint64_t offset; /* bytes given to the sink */
    uint64_t total;  /* as the server says; 0: not known */
    struct kedge_etag etag;
    bool asked; /* a request is on its way */
    bool finished;
    unsigned restarts;
    enum kedge_rc failure;
    char words[KEDGE_TRANSFER_WORDS_MAX];   /* why it failed */
    char trouble[KEDGE_TRANSFER_WORDS_MAX]; /* what the latest request came to; "": nothing new */
};

/** kedge_transfer_begin() starts at offset 0; `sink`'s functions are called from _push() and
 * _restart(). */
void kedge_transfer_begin(struct kedge_transfer *transfer, const struct kedge_download_sink *sink,
                          uint64_t patience_ms, uint64_t now_ms);
/** What to do now; sets `wait_ms` for WAIT. A request that stays unanswered is lost by this. */
enum kedge_download_step kedge_transfer_next(struct kedge_transfer *transfer, uint64_t now_ms,
                                             uint64_t *wait_ms);
/** The request was sent. */
void kedge_transfer_asked(struct kedge_transfer *transfer, uint64_t now_ms);
/**
 * The request came to nothing; the next one waits, `least_ms` (0: none) at least. `trouble` (NULL:
 * none to tell) is why, for the case that the patience ends by it.
 */
void kedge_transfer_lost(struct kedge_transfer *transfer, const char *trouble, uint64_t least_ms,
                         uint64_t now_ms);
/**
 * The server is busy, as `what` says ("the server answered 503"), and not to be asked for `after_s`
 * (0: it did not say). A wait that is longer than what is left of the patience is as good as its
 * end.
 */
void kedge_transfer_come_again(struct kedge_transfer *transfer, const char *what, uint64_t after_s,
                               uint64_t now_ms);
/** It has failed for good. */
void kedge_transfer_fail(struct kedge_transfer *transfer, enum kedge_rc rc, const char *words);
/** The whole has `total` bytes (0: is not known): false when it failed by that. */
bool kedge_transfer_expect(struct kedge_transfer *transfer, uint64_t total);
/** `size` bytes of payload came in, to be of use or not: false when it failed by that. */
bool kedge_transfer_count(struct kedge_transfer *transfer, size_t size);
/** Hands the next bytes to the sink; false when it failed by that. */
bool kedge_transfer_push(struct kedge_transfer *transfer, struct kedge_slice bytes);
/**
 * Begins anew, with whatever representation there is now; false when it failed by that: the sink
 * does not begin anew, or it has come to this more often than KEDGE_TRANSFER_RESTARTS_MAX. `words`
 * say of what then.
 */
bool kedge_transfer_restart(struct kedge_transfer *transfer, const char *words, uint64_t now_ms);

/** It got further: the patience begins anew. */
void kedge_transfer_progress(struct kedge_transfer *transfer, uint64_t now_ms);

/** Takes `bytes` for the entity tag; false, and none is known then, when they are too long. */
bool kedge_etag_set(struct kedge_etag *etag, struct kedge_slice bytes);
struct kedge_slice kedge_etag_slice(const struct kedge_etag *etag);

#endif
