/*
 * intake.h: the course of a package that is pushed in blocks (RFC 7959 Block1), without any network
 * in it: blocks and time go in, the code to answer with comes out.
 *
 * The blocks go straight to the sink, in order. What came before is answered again and not taken
 * again; what is not the next block is answered 4.08, so that its sender begins anew. A first block
 * with another Request-Tag (RFC 9175), or without one, is a new beginning: the sink begins anew
 * too.
 */
#ifndef KEDGE_AGENT_INTAKE_H
#define KEDGE_AGENT_INTAKE_H

#include "agent/fetch/transfer.h"

#define KEDGE_INTAKE_TAG_MAX 8u      /* bytes of a Request-Tag (RFC 9175 section 3.2) */
#define KEDGE_INTAKE_QUIET_MS 20000u /* without a block: is the server still there? */

/** One block, as the wire had it. Slices are borrowed for the call. */
struct kedge_intake_block {
    uint32_t number;
    uint8_t szx;
    bool more;
    struct kedge_slice tag; /* empty: none; longer than KEDGE_INTAKE_TAG_MAX: no valid one */
    uint64_t total;         /* Size1; 0: none */
    struct kedge_slice payload;
};

/** Zeroed, it is one that takes nothing. */
struct kedge_intake {
    struct kedge_download_sink sink;
    struct kedge_patience patience;
    uint64_t offset; /* bytes given to the sink */
    uint64_t total;  /* by Size1; 0: not known */
    uint8_t tag[KEDGE_INTAKE_TAG_MAX];
    uint8_t tag_size;
    bool running;  /* blocks are awaited */
    bool finished; /* all of them came */
    enum kedge_rc failure;
    char words[KEDGE_TRANSFER_WORDS_MAX];
    uint64_t quiet_at_ms; /* when it has been quiet for long */
};

/** kedge_intake_begin() waits for block 0; `sink`'s functions are called from _take(). */
void kedge_intake_begin(struct kedge_intake *intake, const struct kedge_download_sink *sink,
                        uint64_t patience_ms, uint64_t now_ms);
/** Whether it is a block that was taken already: _take() then only answers it. */
bool kedge_intake_knows(const struct kedge_intake *intake, const struct kedge_intake_block *block);
/**
 * kedge_intake_take() takes a block in and returns the code to answer with: 2.31, or 2.04 to the
 * last one, with `finished` set; 4.08 for one that is out of place; 4.00 for one that contradicts
 * itself. When the sink fails, `failure` and `words` say so, the code is 4.13 for KEDGE_E_SPACE and
 * 4.00 else, and nothing is taken any more.
 */
uint8_t kedge_intake_take(struct kedge_intake *intake, const struct kedge_intake_block *block,
                          uint64_t now_ms);
/**
 * False when no new block came for the patience: `failure` and `words` say so. Else `wait_ms` is
 * lowered, and `quiet` (left alone otherwise) set once in each KEDGE_INTAKE_QUIET_MS without one.
 */
bool kedge_intake_poll(struct kedge_intake *intake, uint64_t now_ms, uint64_t *wait_ms,
                       bool *quiet);
/** kedge_intake_end() takes nothing any more. */
void kedge_intake_end(struct kedge_intake *intake);

#endif
