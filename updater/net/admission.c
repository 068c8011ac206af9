/*
 * admission.c: what is kept, answered and begun for an address that has proved nothing.
 *
 * Method. Who has proved something is never charged. Everybody else takes tokens from the bucket
 * of the network that the address is of, as far as the number of buckets tells networks apart: it
 * is fixed, so made-up addresses cost no memory. There is no bucket for all networks together,
 * which somebody with made-up addresses could empty for everyone. The three kinds have buckets of
 * their own: a forger without security empties none of those whose address was proved by a cookie,
 * nor those of devices whose names he does not know.
 */
#include <string.h>

#include "updater/net/internal.h"

#define NETWORK_BYTES_V4 3u /* /24 */
#define NETWORK_BYTES_V6 7u /* /56: what one customer is given */

static struct kedge_token_bucket *bucket_of(struct kedge_net *net, enum kedge_net_claim claim,
                                            const struct kedge_address *from)
{
    uint8_t network[1 + NETWORK_BYTES_V6] = {0};
    if (from->any.sa_family == AF_INET) {
        network[0] = 4;
        memcpy(network + 1, &from->v4.sin_addr, NETWORK_BYTES_V4);
    } else {
        network[0] = 6;
        memcpy(network + 1, &from->v6.sin6_addr, NETWORK_BYTES_V6);
    }
    return &net->admission
                .networks[claim][kedge_siphash(&net->key, network, sizeof network) % NETWORKS];
}

bool kedge_net_admit(struct kedge_net *net, const struct kedge_address *from,
                     enum kedge_net_claim claim)
{
    if (kedge_tokens_take(bucket_of(net, claim, from), net->config.unproven_rate, net->now_ms))
        return true;
    net->counters.held_off++;
    return false;
}

/* ---- a peer that is kept, and may be somebody else's address ---- */

void kedge_net_peer_doubt(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = peer_find(net, address);
    if (peer == NULL || address->secure)
        return;
    peer->doubted = true;
    peer->credit = 0;
}

void kedge_net_peer_trust(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = peer_find(net, address);
    if (peer != NULL)
        peer->doubted = false;
}

void peer_earn(struct peer *peer, size_t received, size_t answered)
{
    size_t earned = KEDGE_NET_ANSWER_FACTOR * received;
    if (!peer->doubted || earned <= answered)
        return;
    size_t credit = peer->credit + earned - answered;
    peer->credit = credit < UINT16_MAX ? (uint16_t)credit : UINT16_MAX;
}

bool peer_affords(const struct peer *peer, size_t size)
{
    return !peer->doubted || peer->credit >= size;
}

bool peer_spend(struct peer *peer, size_t size)
{
    if (!peer_affords(peer, size))
        return false;
    if (peer->doubted)
        peer->credit = (uint16_t)(peer->credit - size);
    return true;
}
