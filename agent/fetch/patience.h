/*
 * patience.h: how long a transfer goes on without getting any further, and how long it rests
 * between two attempts. Pure: the time goes in.
 *
 * It counts from the latest progress, never from the beginning: a slow transfer is none that
 * failed. After each loss the pause doubles, from KEDGE_PATIENCE_PAUSE_FIRST_MS up to
 * KEDGE_PATIENCE_PAUSE_MAX_MS; progress makes it short again.
 */
#ifndef KEDGE_AGENT_PATIENCE_H
#define KEDGE_AGENT_PATIENCE_H

#include <kedge/base.h>

#define KEDGE_PATIENCE_ANSWER_MS 30000u /* for a request that was taken and stays unanswered */
#define KEDGE_PATIENCE_PAUSE_FIRST_MS 500u
#define KEDGE_PATIENCE_PAUSE_MAX_MS 15000u
#define KEDGE_PATIENCE_WORDS_MAX 64u

struct kedge_patience {
    uint64_t limit_ms;       /* without progress for so long it has failed */
    uint64_t progress_at_ms; /* when it last got further */
    uint64_t next_at_ms;     /* when to ask, or to give the present request up */
    uint64_t pause_ms;       /* after the next loss */
};

void kedge_patience_begin(struct kedge_patience *patience, uint64_t limit_ms, uint64_t now_ms);
/** It got further: the next request may go out at once. */
void kedge_patience_progress(struct kedge_patience *patience, uint64_t now_ms);
/** A request went out, or its peer gave a sign of life: from now on it has its time again. */
void kedge_patience_asked(struct kedge_patience *patience, uint64_t now_ms);
/**
 * The request came to nothing: the next one waits, `least_ms` (0: none) and the pause at least. By
 * `spread`, a random number, it waits up to half as long again, so that those whom one server has
 * lost do not come back all at once; never so long that the patience ends by that.
 */
void kedge_patience_lost(struct kedge_patience *patience, uint64_t least_ms, uint32_t spread,
                         uint64_t now_ms);

/** When it has failed, unless it gets further before that. */
uint64_t kedge_patience_ends_at_ms(const struct kedge_patience *patience);
/** How long until it is time for something: to ask, to give up a request, or the whole; 0: now. */
uint64_t kedge_patience_wait_ms(const struct kedge_patience *patience, uint64_t now_ms);
/** Why it ended, in words, for a transfer that had come as far as `offset`. */
void kedge_patience_words(const struct kedge_patience *patience, uint64_t offset,
                          char words[KEDGE_PATIENCE_WORDS_MAX]);

#endif
