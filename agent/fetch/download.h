/*
 * download.h: the course of one block-wise download (RFC 7959 Block2), without any network in it:
 * answers, failures and time go in; which block to ask for, and when, comes out.
 *
 * One block at a time, in order, asked for by its number, so that nothing depends on state in the
 * server. The blocks go straight to the sink. A lost answer is asked for again after a growing
 * pause; without progress the download ends with KEDGE_E_CONNECTION, see patience.h. When the ETag
 * changes, it is another representation (RFC 7252 5.10.6): the sink begins anew.
 *
 * A download may go on at a point of an earlier one. The first answer from there must have the very
 * ETag; a refusal, and an answer that is not the block asked for, may mean that the representation
 * is another one by now: the sink begins anew.
 */
#ifndef KEDGE_AGENT_DOWNLOAD_H
#define KEDGE_AGENT_DOWNLOAD_H

#include "agent/fetch/transfer.h"

#include <kedge/base.h>

#define KEDGE_DOWNLOAD_SZX 6u /* blocks of 1024 bytes, until the server says smaller */
#define KEDGE_DOWNLOAD_BLOCKS_MAX 0x100000u /* Block2 numbers have 20 bits */
#define KEDGE_DOWNLOAD_ETAG_MAX 8u          /* RFC 7252 section 5.10.6 */

/** One answer, as the wire had it. */
struct kedge_download_answer {
    uint8_t code; /* 0x45 is 2.05 */
    bool has_block;
    uint32_t number;
    uint8_t szx;
    bool more;
    struct kedge_slice etag; /* empty: none */
    uint32_t size;           /* Size2; 0: none */
    uint32_t max_age_s;      /* Max-Age; 0: none */
    struct kedge_slice payload;
};

struct kedge_download {
    struct kedge_transfer transfer;
    uint8_t szx;
    bool unproven; /* it goes on at a point from which nothing has come yet */
};

/** kedge_download_begin() starts at `from` (NULL: at the beginning); `sink`'s functions are called
 * from _answer(). */
void kedge_download_begin(struct kedge_download *download, const struct kedge_download_sink *sink,
                          const struct kedge_download_point *from, uint64_t patience_ms,
                          uint64_t now_ms);
/** What to do now; sets `wait_ms` for WAIT. With ASK, send a GET for (number, szx), and then call
 * kedge_download_asked(). */
enum kedge_download_step kedge_download_next(struct kedge_download *download, uint64_t now_ms,
                                             uint64_t *wait_ms, uint32_t *number);
/** The request was sent. */
void kedge_download_asked(struct kedge_download *download, uint64_t now_ms);
/** The request could not be sent, was reset, or was never acknowledged. */
void kedge_download_lost(struct kedge_download *download, uint64_t now_ms);
/** An answer to the present request. */
void kedge_download_answer(struct kedge_download *download,
                           const struct kedge_download_answer *answer, uint64_t now_ms);

#endif
