/*
 * peer_table.c: peers by address. Those that nobody keeps and nothing waits for are bounded in
 * number; the one that was quiet longest goes first, so that spoofed addresses cost no lasting
 * memory.
 */
#include <stdlib.h>
#include <string.h>

#include "updater/net/internal.h"

#define FIRST_BUCKETS 256u

enum kedge_rc peers_init(struct kedge_net *net)
{
    net->peers.buckets = calloc(FIRST_BUCKETS, sizeof *net->peers.buckets);
    if (net->peers.buckets == NULL)
        return KEDGE_E_MEMORY;
    net->peers.bucket_count = FIRST_BUCKETS;
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

struct peer *peer_find(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = *bucket_of(net, address);
    while (peer != NULL && !kedge_address_equal(&peer->address, address))
        peer = peer->next_in_bucket;
    return peer;
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

void peer_forget_recent(struct peer *peer)
{
    for (size_t i = 0; peer->recent != NULL && i < KEDGE_NET_RECENT_MAX; i++)
        free(peer->recent[i].reply);
    free(peer->recent);
    peer->recent = NULL;
}

void peer_drop(struct kedge_net *net, struct peer *peer)
{
    struct peer **link = bucket_of(net, &peer->address);
    while (*link != peer)
        link = &(*link)->next_in_bucket;
    *link = peer->next_in_bucket;
    unlist(net, peer);
    association_free(peer->handshake);
    association_free(peer->association);
    peer_forget_recent(peer);
    free(peer);
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

struct peer *peer_use(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = peer_find(net, address);
    if (peer == NULL) {
        peer = calloc(1, sizeof *peer);
        if (peer == NULL)
            return NULL;
        peer->address = *address;
        peer->queue_end = &peer->queue;
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
    free(net->peers.buckets);
}

/* ---- what came before ---- */

const struct recent *peer_recall(const struct peer *peer, struct mark mark, uint64_t now_ms)
{
    for (size_t i = 0; peer->recent != NULL && i < KEDGE_NET_RECENT_MAX; i++) {
        const struct recent *recent = &peer->recent[i];
        if (recent->at_ms != 0 && recent->mark.message_id == mark.message_id &&
            recent->mark.digest == mark.digest &&
            now_ms - recent->at_ms < KEDGE_NET_EXCHANGE_LIFETIME_MS)
            return recent;
    }
    return NULL;
}

void peer_remember(struct peer *peer, struct mark mark, uint64_t now_ms, struct kedge_slice reply)
{
    if (peer->recent == NULL)
        peer->recent = calloc(KEDGE_NET_RECENT_MAX, sizeof *peer->recent);
    if (peer->recent == NULL)
        return;
    struct recent *recent = &peer->recent[peer->recent_next];
    peer->recent_next = (uint8_t)((peer->recent_next + 1u) % KEDGE_NET_RECENT_MAX);
    free(recent->reply);
    *recent = (struct recent){.at_ms = now_ms, .mark = mark};
    if (reply.size == 0)
        return;
    recent->reply = malloc(reply.size);
    if (recent->reply == NULL) {
        recent->at_ms = 0;
        return;
    }
    memcpy(recent->reply, reply.data, reply.size);
    recent->reply_size = (uint16_t)reply.size;
}
