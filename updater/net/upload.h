/*
 * upload.h: a body given to a peer by Block1 (RFC 7959 section 2.5): one block at a time, each with
 * the same Request-Tag (RFC 9175 section 3), from a body that stays the caller's.
 *
 * Method: all there is of an upload is how far the peer has confirmed it, in which size of blocks,
 * and under which tag. So what was held up (no answer, the peer's address changed, the connection
 * ended) goes on from there, at another address if need be, and a peer that has kept its part
 * notices nothing. What a peer answers to a block of it:
 *
 *   2.31, or 2.xx with Block1   the next block, in a smaller size where it names one
 *   2.xx to the last block      it has all
 *   4.08                        from the start under a new tag, KEDGE_UPLOAD_RESTARTS_MAX times
 *   4.13 with a smaller SZX     from the start under a new tag, in that size
 *   anything else               it will not have it
 */
#ifndef KEDGE_UPDATER_UPLOAD_H
#define KEDGE_UPDATER_UPLOAD_H

#include "updater/net/net.h"
#include "updater/pace/pace.h"

#define KEDGE_UPLOAD_RESTARTS_MAX 3u
/* 1 GiB in the largest blocks */
#define KEDGE_UPLOAD_BLOCKS_MAX (KEDGE_COAP_BLOCK_NUMBER_MAX + 1u)
#define KEDGE_UPLOAD_LAG_MAX_MS 100u /* what a paced upload may make up for at once */

/** How an upload came to a stop. */
struct kedge_upload_stop {
    /**
     * KEDGE_OK: the peer has all of it. KEDGE_E_REFUSED: it will not have it. KEDGE_E_LIMIT: not
     * in as many blocks as the size that it wants would make. Else it is held up, and
     * kedge_upload_go_on() takes it up again: KEDGE_E_TIMEOUT, KEDGE_E_CANCELED (the peer was
     * forgotten), KEDGE_E_CONNECTION (RST, or no association), KEDGE_E_MALFORMED, or what
     * `body` failed with.
     */
    enum kedge_rc rc;
    uint8_t code;                              /* of the last answer; 0: none */
    uint32_t size_max;                         /* what a 4.13 says would fit; 0: it does not say */
    const struct kedge_coap_message *response; /* the last answer, borrowed; NULL: none */
};

/** Who has something uploaded. */
struct kedge_upload_owner {
    /** Finds the body, before each block (so from _begin() and _go_on() too), for long enough to
     * copy the block. */
    enum kedge_rc (*body)(void *context, struct kedge_slice *body);
    /** The peer has so many bytes from the start. 0: it begins anew, after `code`. Must not stop
     * the upload. */
    void (*progress)(void *context, uint64_t reach, uint8_t code);
    /** Called once for each beginning and going on, never from within them; may begin it, take it
     * up again, and free it. */
    void (*stopped)(void *context, const struct kedge_upload_stop *stop);
    /** May be NULL: its next block waits so long for its turn at the pace of all. Must not stop the
     * upload. Also from within _begin() and _go_on(). */
    void (*waits)(void *context, uint64_t wait_ms);
};

struct kedge_upload_request {
    uint8_t method;   /* that of each block: KEDGE_COAP_PUT, ... */
    const char *path; /* "5/0/0"; the caller's, for as long as it lasts */
    uint16_t content_format;
    uint32_t bytes_per_s; /* at most; 0: as fast as the peer takes it */
    /** Of all uploads and downloads, where each block takes a turn; NULL: there is none. What is
     * sent again for lack of an answer takes no other turn. Outlives the upload. */
    struct kedge_pace *pace;
};

/** Zero it once; it is the caller's and must not move while it is at work. */
struct kedge_upload {
    struct kedge_net *net;
    const struct kedge_upload_owner *owner;
    void *context;
    struct kedge_upload_request request;
    struct kedge_address to;
    struct kedge_net_timer timer; /* until the next block may leave, or take its turn */
    uint64_t handle;              /* of the block on its way; 0: none */
    uint64_t offset;              /* what the peer has confirmed */
    uint64_t due_us;
    uint64_t tag;
    uint16_t sent_size; /* of the block on its way */
    bool sent_last;
    bool running;
    uint8_t size_exponent;
    uint8_t restarts;
};

/**
 * Begins it from the start, in the largest blocks, under a new tag. KEDGE_E_ARGUMENT for an empty
 * body, KEDGE_E_LIMIT for one that is too large, and what kedge_net_send() and `body` fail with;
 * then nothing is at work. Of one that waits for its turn, `stopped` tells all of that.
 */
enum kedge_rc kedge_upload_begin(struct kedge_upload *upload, struct kedge_net *net,
                                 const struct kedge_address *to,
                                 const struct kedge_upload_request *request,
                                 const struct kedge_upload_owner *owner,
                                 void *context) KEDGE_MUST_USE;
/** Takes up what was begun and is held up, at the block where it was; fails like _begin(). */
enum kedge_rc kedge_upload_go_on(struct kedge_upload *upload,
                                 const struct kedge_address *to) KEDGE_MUST_USE;
/** Stops it and tells nobody. What is not at work, or zeroed, is fine. */
void kedge_upload_cancel(struct kedge_upload *upload);

#endif
