/* tokens.c: see tokens.h. */
#include "updater/net/tokens.h"

bool kedge_tokens_take(struct kedge_token_bucket *bucket, struct kedge_token_rate rate,
                       uint64_t now_ms)
{
    const uint64_t now_us = now_ms * 1000u;
    const uint64_t interval_us = 1000000u / rate.per_s;
    uint64_t full_at_us = bucket->full_at_us > now_us ? bucket->full_at_us : now_us;
    if (full_at_us - now_us + interval_us > interval_us * rate.burst)
        return false;
    bucket->full_at_us = full_at_us + interval_us;
    return true;
}
