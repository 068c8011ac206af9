/*
 * tokens.h: token buckets, each of them one number: when it will be full again (the virtual
 * scheduling algorithm of ITU-T I.371). Pure.
 */
#ifndef KEDGE_UPDATER_TOKENS_H
#define KEDGE_UPDATER_TOKENS_H

#include <kedge/base.h>

/** How fast tokens come back, and how many there are when none was taken for long. */
struct kedge_token_rate {
    uint32_t per_s; /* 1 to 1,000,000 */
    uint32_t burst; /* at least 1 */
};

/** Zeroed it is full. */
struct kedge_token_bucket {
    uint64_t full_at_us;
};

/** Takes a token; false when there is none. `now_ms` never goes back. */
bool kedge_tokens_take(struct kedge_token_bucket *bucket, struct kedge_token_rate rate,
                       uint64_t now_ms);

#endif
