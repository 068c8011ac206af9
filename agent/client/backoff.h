/*
 * backoff.h: pauses between attempts that double up to a limit and are spread at random, so that a
 * fleet does not come back all at once.
 */
#ifndef KEDGE_AGENT_BACKOFF_H
#define KEDGE_AGENT_BACKOFF_H

#include <kedge/base.h>

#define KEDGE_BACKOFF_FIRST_MS 1000u
#define KEDGE_BACKOFF_MAX_MS 300000u

struct kedge_backoff {
    uint64_t pause_ms; /* the next one, before it is spread */
};

/** After a success: the next pause is the shortest one again. */
void kedge_backoff_reset(struct kedge_backoff *backoff);
/** The pause to make now: half of it at least, the rest at random. */
uint64_t kedge_backoff_next(struct kedge_backoff *backoff, const struct kedge_random *random);

#endif
