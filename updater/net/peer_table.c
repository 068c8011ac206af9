/*
 * peer_table.c: peers by address. Those that nobody keeps and nothing waits for are bounded in
 * number; the one that was quiet longest goes first, so that spoofed addresses cost no lasting
 * memory.
 */
#include <stdlib.h>
#include <string.h>

#include "updater/net/internal.h"

#define FIRST_BUCKETS 256u
#define CACHE_LINE 64u
#define OWNER_BYTES 256u /* of which something is likely to be read */

enum kedge_rc peers_init(struct kedge_net *net)
{
    net->peers.buckets = calloc(FIRST_BUCKETS, sizeof *net->peers.buckets);
    if (net->peers.buckets == NULL)
        return KEDGE_E_MEMORY;
    net->peers.bucket_count = FIRST_BUCKETS;
    net->peers.pool.size = sizeof(struct peer);
    return KEDGE_OK;
}

static struct peer **bucket_of(const struct kedge_net *net, const struct kedge_address *address)
{
    return &net->peers
                .buckets[kedge_address_hash(&net->key, address) & (net->peers.bucket_count - 1)];
}

/* Twice the buckets when they are full on average; without memory it only gets slower. */
static void grow(struct kedge_net *net)
{
    size_t old_count = net->peers.bucket_count;
    struct peer **old = net->peers.buckets;
    struct peer **buckets = calloc(2 * old_count, sizeof *buckets);
    if (buckets == NULL)
        return;
    net->peers.buckets = buckets;
    net->peers.bucket_count = 2 * old_count;
    for (size_t i = 0; i < old_count; i++) {
        struct peer *peer = old[i];
        while (peer != NULL) {
            struct peer *next = peer->next_in_bucket;
            struct peer **bucket = bucket_of(net, &peer->address);
            peer->next_in_bucket = *bucket;
            *bucket = peer;
            peer = next;
        }
    }
    free(old);
}

/* One datagram has its peer looked up several times, by each that has something to do with it. */
struct peer *peer_find(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = net->peers.found;
    if (peer != NULL && kedge_address_equal(&peer->address, address))
        return peer;
    peer = *bucket_of(net, address);
    while (peer != NULL && !kedge_address_equal(&peer->address, address))
        peer = peer->next_in_bucket;
    if (peer != NULL)
        net->peers.found = peer;
    return peer;
}

/*
 * In a large fleet hardly anything of the next peer is in the processor's caches. What is asked for
 * together is waited for once, and not once for each peer and for each thing of it.
 */
void peers_expect(const struct kedge_net *net, const struct kedge_address *addresses, size_t count)
{
    struct peer **buckets[BATCH];
    for (size_t i = 0; i < count; i++) {
        buckets[i] = bucket_of(net, &addresses[i]);
        __builtin_prefetch(buckets[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (*buckets[i] != NULL)
            for (size_t line = 0; line < sizeof(struct peer); line += CACHE_LINE)
                __builtin_prefetch((const char *)*buckets[i] + line);
    for (size_t i = 0; i < count; i++) {
        const struct peer *peer = *buckets[i];
        if (peer == NULL || !peer->kept)
            continue;
        __builtin_prefetch(peer->recent);
        if (peer->in_flight != NULL)
            for (size_t line = 0; line < sizeof(struct exchange); line += CACHE_LINE)
                __builtin_prefetch((const char *)peer->in_flight + line);
        for (size_t line = 0; line < OWNER_BYTES; line += CACHE_LINE)
            __builtin_prefetch((const char *)peer->owner + line);
    }
    /* Most answer what was asked, and who asked is told at once. */
    for (size_t i = 0; i < count; i++) {
        const struct peer *peer = *buckets[i];
        if (peer != NULL && peer->kept && peer->in_flight != NULL)
            for (size_t line = 0; line < OWNER_BYTES; line += CACHE_LINE)
                __builtin_prefetch((const char *)peer->in_flight->context + line);
    }
}

/* ---- the list of idle ones ---- */

static void unlist(struct kedge_net *net, struct peer *peer)
{
    if (!peer->listed_idle)
        return;
    struct idle_list *list = &net->peers.idle[peer->address.secure];
    *(peer->older ? &peer->older->newer : &list->oldest) = peer->newer;
    *(peer->newer ? &peer->newer->older : &list->newest) = peer->older;
    peer->older = peer->newer = NULL;
    peer->listed_idle = false;
    list->count--;
}

static void list_newest(struct kedge_net *net, struct peer *peer)
{
    struct idle_list *list = &net->peers.idle[peer->address.secure];
    peer->older = list->newest;
    peer->newer = NULL;
    *(peer->older ? &peer->older->newer : &list->oldest) = peer;
    list->newest = peer;
    peer->listed_idle = true;
    list->count++;
}

static void free_from(struct recent **link)
{
    while (*link != NULL) {
        struct recent *recent = *link;
        *link = recent->older;
        free(recent);
    }
}

void peer_forget_recent(struct peer *peer)
{
    free_from(&peer->recent);
}

void peer_drop(struct kedge_net *net, struct peer *peer)
{
    struct peer **link = bucket_of(net, &peer->address);
    while (*link != peer)
        link = &(*link)->next_in_bucket;
    *link = peer->next_in_bucket;
    if (net->peers.found == peer)
        net->peers.found = NULL;
    unlist(net, peer);
    association_free(peer->handshake);
    association_free(peer->association);
    peer_forget_recent(peer);
    kedge_pool_give(&net->peers.pool, peer);
    net->peers.count--;
}

void peer_settle(struct kedge_net *net, struct peer *peer)
{
    bool held =
        peer->kept || peer->pins > 0 || peer->in_flight || peer->queue || peer->observations;
    unlist(net, peer);
    if (held)
        return;
    list_newest(net, peer);
    while (net->peers.idle[peer->address.secure].count > KEDGE_NET_IDLE_PEERS_MAX)
        peer_drop(net, net->peers.idle[peer->address.secure].oldest);
}

void peer_own(struct kedge_net *net, struct peer *peer, void *owner)
{
    unlist(net, peer);
    peer->kept = owner != NULL;
    peer->owner = owner;
    peer_settle(net, peer);
}

struct peer *peer_use(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = peer_find(net, address);
    if (peer == NULL) {
        peer = kedge_pool_take(&net->peers.pool);
        if (peer == NULL)
            return NULL;
        peer->address = *address;
        /* RFC 7252 section 4.4: hard to guess where a peer's message ids begin. */
        peer->next_message_id =
            (uint16_t)kedge_siphash(&net->key, &net->now_ms, sizeof net->now_ms);
        if (net->peers.count >= net->peers.bucket_count)
            grow(net);
        struct peer **bucket = bucket_of(net, address);
        peer->next_in_bucket = *bucket;
        *bucket = peer;
        net->peers.count++;
    }
    peer_settle(net, peer);
    return peer;
}

void peers_destroy(struct kedge_net *net)
{
    for (size_t i = 0; i < net->peers.bucket_count; i++)
        while (net->peers.buckets[i] != NULL)
            peer_drop(net, net->peers.buckets[i]);
    kedge_pool_clear(&net->peers.pool);
    free(net->peers.buckets);
}

/* ---- what came before ---- */

static uint32_t seconds_of(uint64_t now_ms)
{
    return (uint32_t)(now_ms / 1000u);
}

static bool is_over(const struct recent *recent, uint64_t now_ms)
{
    int32_t age_s = (int32_t)(seconds_of(now_ms) - recent->at_s);
    return age_s >= (int32_t)(KEDGE_NET_EXCHANGE_LIFETIME_MS / 1000u);
}

const struct recent *peer_recall(const struct peer *peer, struct mark mark, uint64_t now_ms)
{
    const struct recent *recent = peer->recent;
    while (recent != NULL && !is_over(recent, now_ms)) {
        if (recent->message_id == mark.message_id && recent->digest == mark.digest)
            return recent;
        recent = recent->older;
    }
    return NULL;
}

/* What is over or too many goes when something newer comes: a quiet peer holds one, not four. */
static void make_room(struct peer *peer, uint64_t now_ms)
{
    struct recent **link = &peer->recent;
    for (unsigned kept = 1; *link != NULL; kept++) {
        if (kept == KEDGE_NET_RECENT_MAX || is_over(*link, now_ms))
            free_from(link);
        else
            link = &(*link)->older;
    }
}

void peer_remember(struct peer *peer, struct mark mark, uint64_t now_ms, struct kedge_slice reply)
{
    make_room(peer, now_ms);
    struct recent *recent = malloc(offsetof(struct recent, reply) + reply.size);
    if (recent == NULL)
        return;
    recent->older = peer->recent;
    recent->at_s = seconds_of(now_ms + 999u); /* for its whole lifetime, rather for longer */
    recent->digest = mark.digest;
    recent->message_id = mark.message_id;
    recent->reply_size = (uint16_t)reply.size;
    if (reply.size > 0)
        memcpy(recent->reply, reply.data, reply.size);
    peer->recent = recent;
}
