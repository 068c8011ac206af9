/* patience.c: see patience.h. */
#include "agent/fetch/patience.h"

#include <inttypes.h>
#include <stdio.h>

void kedge_patience_begin(struct kedge_patience *patience, uint64_t limit_ms, uint64_t now_ms)
{
    *patience = (struct kedge_patience){.limit_ms = limit_ms};
    kedge_patience_progress(patience, now_ms);
}

void kedge_patience_progress(struct kedge_patience *patience, uint64_t now_ms)
{
    patience->progress_at_ms = patience->next_at_ms = now_ms;
    patience->pause_ms = KEDGE_PATIENCE_PAUSE_FIRST_MS;
}

void kedge_patience_asked(struct kedge_patience *patience, uint64_t now_ms)
{
    patience->next_at_ms = now_ms + KEDGE_PATIENCE_ANSWER_MS;
}

/* At most: half of the pause, and half of what is left of the patience after it. */
static uint64_t spread_ms_max(const struct kedge_patience *patience, uint64_t pause_ms,
                              uint64_t now_ms)
{
    uint64_t ends_at_ms = kedge_patience_ends_at_ms(patience);
    uint64_t left_ms = ends_at_ms > now_ms + pause_ms ? ends_at_ms - now_ms - pause_ms : 0;
    return (pause_ms < left_ms ? pause_ms : left_ms) / 2;
}

void kedge_patience_lost(struct kedge_patience *patience, uint64_t least_ms, uint32_t spread,
                         uint64_t now_ms)
{
    uint64_t pause_ms = patience->pause_ms > least_ms ? patience->pause_ms : least_ms;
    pause_ms += spread % (spread_ms_max(patience, pause_ms, now_ms) + 1);
    patience->next_at_ms = now_ms + pause_ms;
    patience->pause_ms *= 2;
    if (patience->pause_ms > KEDGE_PATIENCE_PAUSE_MAX_MS)
        patience->pause_ms = KEDGE_PATIENCE_PAUSE_MAX_MS;
}

uint64_t kedge_patience_ends_at_ms(const struct kedge_patience *patience)
{
    return patience->progress_at_ms + patience->limit_ms;
}

uint64_t kedge_patience_wait_ms(const struct kedge_patience *patience, uint64_t now_ms)
{
    uint64_t ends_at_ms = kedge_patience_ends_at_ms(patience);
    uint64_t until_ms = patience->next_at_ms < ends_at_ms ? patience->next_at_ms : ends_at_ms;
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

void kedge_patience_words(const struct kedge_patience *patience, uint64_t offset,
                          char words[KEDGE_PATIENCE_WORDS_MAX])
{
    snprintf(words, KEDGE_PATIENCE_WORDS_MAX, "no new block for %" PRIu64 " s, at byte %" PRIu64,
             patience->limit_ms / 1000, offset);
}
