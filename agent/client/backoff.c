/* backoff.c: see backoff.h. */
#include "agent/client/backoff.h"

void kedge_backoff_reset(struct kedge_backoff *backoff)
{
    backoff->pause_ms = KEDGE_BACKOFF_FIRST_MS;
}

uint64_t kedge_backoff_next(struct kedge_backoff *backoff, const struct kedge_random *random)
{
    uint32_t spread = 0;
    /* Without random numbers the pause is the whole one: longer, never shorter. */
    if (random->fill(random->context, &spread, sizeof spread) != KEDGE_OK)
        spread = 0;
    uint64_t half_ms = backoff->pause_ms / 2;
    uint64_t pause_ms = backoff->pause_ms - spread % (half_ms + 1);
    backoff->pause_ms *= 2;
    if (backoff->pause_ms > KEDGE_BACKOFF_MAX_MS)
        backoff->pause_ms = KEDGE_BACKOFF_MAX_MS;
    return pause_ms;
}
