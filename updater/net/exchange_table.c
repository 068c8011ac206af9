/* exchange_table.c: the exchanges, found by their tokens. */
#include <stdlib.h>

#include "updater/net/internal.h"

#define BUCKETS 1024u
#define BUCKETS_EACH 4u /* whoever else is in a bucket is in no cache, and is read before */

enum kedge_rc exchanges_init(struct kedge_net *net)
{
    net->exchanges.buckets = calloc(BUCKETS, sizeof *net->exchanges.buckets);
    net->exchanges.bucket_count = BUCKETS;
    return net->exchanges.buckets != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

static struct exchange **bucket_of(struct kedge_net *net, uint64_t token)
{
    /* Tokens are outputs of a keyed hash already. */
    return &net->exchanges.buckets[token & (net->exchanges.bucket_count - 1)];
}

struct exchange *exchange_find(struct kedge_net *net, uint64_t token)
{
    struct exchange *exchange = *bucket_of(net, token);
    while (exchange != NULL && exchange->token != token)
        exchange = exchange->next_in_bucket;
    return exchange;
}

static void grow(struct kedge_net *net)
{
    size_t old_count = net->exchanges.bucket_count;
    struct exchange **old = net->exchanges.buckets;
    struct exchange **buckets = calloc(2 * old_count, sizeof *buckets);
    if (buckets == NULL)
        return;
    net->exchanges.buckets = buckets;
    net->exchanges.bucket_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++) {
        struct exchange *exchange = old[i];
        while (exchange != NULL) {
            struct exchange *next = exchange->next_in_bucket;
            struct exchange **bucket = bucket_of(net, exchange->token);
            exchange->next_in_bucket = *bucket;
            *bucket = exchange;
            exchange = next;
        }
    }
    free(old);
}

void exchange_enter(struct kedge_net *net, struct exchange *exchange)
{
    if (BUCKETS_EACH * net->exchanges.count >= net->exchanges.bucket_count)
        grow(net);
    struct exchange **bucket = bucket_of(net, exchange->token);
    exchange->next_in_bucket = *bucket;
    *bucket = exchange;
    net->exchanges.count++;
}

void exchange_leave(struct kedge_net *net, struct exchange *exchange)
{
    struct exchange **link = bucket_of(net, exchange->token);
    while (*link != exchange)
        link = &(*link)->next_in_bucket;
    *link = exchange->next_in_bucket;
    net->exchanges.count--;
}

uint64_t exchange_new_token(struct kedge_net *net)
{
    uint64_t token;
    do {
        net->exchanges.last_token++;
        token =
            kedge_siphash(&net->key, &net->exchanges.last_token, sizeof net->exchanges.last_token);
    } while (token == 0 || exchange_find(net, token) != NULL);
    return token;
}
