/* dtls.c: which association a datagram belongs to, and which ClientHello begins one. */
#include "updater/net/dtls.h"

#include <stdlib.h>
#include <string.h>

enum kedge_rc dtls_open(struct kedge_net *net)
{
    net->dtls = calloc(1, sizeof *net->dtls);
    if (net->dtls == NULL)
        return KEDGE_E_MEMORY;
    net->dtls->cookie_key_at_ms = net->now_ms;
    return dtls_keys_open(net->dtls, &net->config.certificates);
}

void dtls_close(struct kedge_net *net)
{
    if (net->dtls == NULL)
        return;
    dtls_keys_close(net->dtls);
    free(net->dtls);
    net->dtls = NULL;
}

static void report(struct kedge_net *net, const struct kedge_address *peer, const char *name,
                   const char *words)
{
    if (net->security.report != NULL)
        net->security.report(net->security.context, peer, name, words);
}

/* ---- cookies ---- */

static void turn_cookie_key(struct kedge_net *net)
{
    struct dtls *dtls = net->dtls;
    gnutls_datum_t fresh = {0};
    if (net->now_ms - dtls->cookie_key_at_ms < DTLS_COOKIE_MS ||
        gnutls_key_generate(&fresh, GNUTLS_COOKIE_KEY_SIZE) != GNUTLS_E_SUCCESS)
        return;
    gnutls_free(dtls->former_cookie_key.data);
    dtls->former_cookie_key = dtls->cookie_key;
    dtls->cookie_key = fresh;
    dtls->cookie_key_at_ms = net->now_ms;
}

static bool cookie_holds(struct kedge_net *net, const struct kedge_address *from,
                         struct kedge_slice bytes, gnutls_dtls_prestate_st *prestate)
{
    struct dtls *dtls = net->dtls;
    uint8_t client[ADDRESS_BYTES_MAX];
    size_t size = address_bytes(from, client);
    void *message = (void *)(uintptr_t)bytes.data;
    return gnutls_dtls_cookie_verify(&dtls->cookie_key, client, size, message, bytes.size,
                                     prestate) == GNUTLS_E_SUCCESS ||
           gnutls_dtls_cookie_verify(&dtls->former_cookie_key, client, size, message, bytes.size,
                                     prestate) == GNUTLS_E_SUCCESS;
}

/* Where an answer goes that leaves nothing behind. */
struct passing {
    struct kedge_net *net;
    const struct kedge_address *to;
    const struct path *path;
};

static ssize_t push_in_passing(gnutls_transport_ptr_t context, const void *data, size_t size)
{
    const struct passing *passing = context;
    net_transmit_datagram(passing->net, passing->to, passing->path, kedge_slice(data, size));
    return (ssize_t)size;
}

static void ask_for_cookie(struct kedge_net *net, const struct kedge_address *from,
                           const struct path *path, gnutls_dtls_prestate_st *prestate)
{
    struct passing passing = {net, from, path};
    uint8_t client[ADDRESS_BYTES_MAX];
    size_t size = address_bytes(from, client);
    (void)gnutls_dtls_cookie_send(&net->dtls->cookie_key, client, size, prestate, &passing,
                                  push_in_passing);
}

/* ---- how an association ends ---- */

static void on_idle_timer(void *context);

static void arm_idle_timer(struct association *association, uint64_t at_ms)
{
    kedge_net_timer_arm(association->net, &association->timer, at_ms, on_idle_timer, association);
}

void dtls_end(struct kedge_net *net, struct peer *peer)
{
    struct association *association = peer->association;
    peer->association = NULL;
    association_free(association);
    peer_settle(net, peer);
    if (peer->listed_idle && peer->handshake == NULL)
        peer_drop(net, peer);
}

/* One whose peer holds a registration stays as long as that does. */
static void on_idle_timer(void *context)
{
    struct association *association = context;
    struct kedge_net *net = association->net;
    struct peer *peer = peer_find(net, &association->address);
    uint64_t over_at_ms = association->used_at_ms + net->config.idle_ms;
    if (!peer->listed_idle || over_at_ms > net->now_ms) {
        arm_idle_timer(association,
                       over_at_ms > net->now_ms ? over_at_ms : net->now_ms + net->config.idle_ms);
        return;
    }
    association_say_goodbye(association);
    peer_drop(net, peer);
}

static void on_finished_timer(void *context)
{
    struct association *association = context;
    struct kedge_net *net = association->net;
    if (!association_awaits_peer(association)) {
        arm_idle_timer(association, association->used_at_ms + net->config.idle_ms);
        return;
    }
    uint32_t wait_ms = association_repeat_finished(association);
    kedge_net_timer_arm(net, &association->timer, net->now_ms + wait_ms, on_finished_timer,
                        association);
}

static void end_handshake(struct kedge_net *net, struct peer *peer)
{
    association_free(peer->handshake);
    peer->handshake = NULL;
    if (peer->listed_idle && peer->association == NULL)
        peer_drop(net, peer);
}

/* ---- what comes by an association ---- */

static void read_all(struct kedge_net *net, struct peer *peer, const struct path *path)
{
    uint8_t plain[DATAGRAM_SIZE];
    size_t size;
    enum kedge_rc rc = KEDGE_OK;
    struct association *association = peer->association;
    peer->pins++;
    while (peer->association == association &&
           (rc = association_read(association, plain, sizeof plain, &size)) == KEDGE_OK) {
        /* Only now is it sure that this came from the peer. */
        association->path = *path;
        association->used_at_ms = net->now_ms;
        net_on_message(net, &peer->address, path, kedge_slice(plain, size));
    }
    peer->pins--;
    if (peer->association == association && rc == KEDGE_E_CONNECTION) {
        report(net, &peer->address, association->name, "ended the association");
        dtls_end(net, peer);
        return;
    }
    peer_settle(net, peer);
}

/* ---- handshakes ---- */

/*
 * The peer has proved who it is. What is known of its address under another name is void; what was
 * asked of it under the same name goes on, since it is the same device.
 */
static void become(struct kedge_net *net, struct peer *peer)
{
    struct association *fresh = peer->handshake;
    struct association *former = peer->association;
    peer->handshake = NULL;
    peer->pins++;
    if (former != NULL && strcmp(former->name, fresh->name) != 0)
        peer_end_exchanges(net, peer);
    association_free(former);
    peer_forget_recent(peer);
    peer->association = fresh;
    peer->path = fresh->path;
    fresh->used_at_ms = net->now_ms;
    kedge_net_timer_arm(net, &fresh->timer, net->now_ms + net->config.handshake_retransmit_ms,
                        on_finished_timer, fresh);
    net->counters.handshakes++;
    peer->pins--;
    report(net, &peer->address, fresh->name, "made an association");
}

static void on_handshake_timer(void *context);

static void shake(struct kedge_net *net, struct peer *peer, struct kedge_slice bytes)
{
    struct association *association = peer->handshake;
    const struct path path = association->path;
    unsigned wait_ms = 0;
    const char *words = "nobody is enrolled by its identity any more";
    enum kedge_rc rc = association_shake(association, bytes, &wait_ms, &words);
    if (rc == KEDGE_OK)
        rc = dtls_keys_name(association);
    if (rc == KEDGE_E_BUSY) {
        kedge_net_timer_arm(net, &association->timer, net->now_ms + wait_ms, on_handshake_timer,
                            association);
    } else if (rc == KEDGE_OK) {
        become(net, peer);
        read_all(net, peer, &path); /* what came in the same datagram */
    } else {
        net->counters.handshakes_failed++;
        report(net, &peer->address, association->name, words);
        end_handshake(net, peer);
    }
}

static void on_handshake_timer(void *context)
{
    struct association *association = context;
    struct kedge_net *net = association->net;
    shake(net, peer_find(net, &association->address), kedge_slice(NULL, 0));
}

static void begin_handshake(struct kedge_net *net, const struct kedge_address *from,
                            const struct path *path, struct kedge_slice bytes, uint64_t hello,
                            bool raw_keys_only, const gnutls_dtls_prestate_st *prestate)
{
    struct peer *peer = peer_use(net, from);
    struct association *association =
        peer != NULL ? association_create(net, from, path, hello, raw_keys_only, prestate) : NULL;
    if (association == NULL)
        return; /* it asks again */
    association_free(peer->handshake);
    peer->handshake = association;
    shake(net, peer, bytes);
}

static void on_hello(struct kedge_net *net, const struct kedge_address *from,
                     const struct path *path, struct kedge_slice bytes,
                     const struct dtls_hello *parsed)
{
    gnutls_dtls_prestate_st prestate;
    memset(&prestate, 0, sizeof prestate);
    turn_cookie_key(net);
    if (!parsed->has_cookie || !cookie_holds(net, from, bytes, &prestate)) {
        ask_for_cookie(net, from, path, &prestate);
        return;
    }
    uint64_t hello = kedge_siphash(&net->key, parsed->random.data, parsed->random.size);
    struct peer *peer = peer_find(net, from);
    if (peer != NULL && peer->handshake != NULL && peer->handshake->hello == hello)
        shake(net, peer, bytes); /* our answer was lost */
    else if ((peer == NULL || peer->association == NULL || peer->association->hello != hello) &&
             kedge_net_admit(net, from, KEDGE_CLAIM_CREDENTIAL))
        begin_handshake(net, from, path, bytes, hello, parsed->raw_keys_only, &prestate);
}

/* ---- datagrams ---- */

/*
 * Both may be in epoch 1. Handshake messages, and what is in the clear, can only be meant for the
 * handshake; the rest is the association's, as long as there is one.
 */
static bool is_for_handshake(const struct peer *peer, const struct dtls_record *first)
{
    return peer->handshake != NULL &&
           (peer->association == NULL || first->epoch == 0 || first->content == DTLS_HANDSHAKE);
}

static void on_records(struct kedge_net *net, struct peer *peer, const struct path *path,
                       struct kedge_slice bytes)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    struct dtls_record first;
    if (dtls_record_next(&cursor, &first) != KEDGE_OK) {
        net->counters.malformed++;
        return;
    }
    if (is_for_handshake(peer, &first)) {
        shake(net, peer, bytes);
        return;
    }
    if (peer->association == NULL)
        return;
    /* GnuTLS drops without a word what is in the clear, out of its window, or not authentic. */
    association_take(peer->association, bytes);
    read_all(net, peer, path);
}

void dtls_on_datagram(struct kedge_net *net, const struct kedge_address *from,
                      const struct path *path, struct kedge_slice bytes)
{
    struct dtls_hello hello;
    enum kedge_rc rc = dtls_hello_parse(bytes, &hello);
    if (rc == KEDGE_OK) {
        on_hello(net, from, path, bytes, &hello);
        return;
    }
    struct peer *peer = rc == KEDGE_E_NOT_FOUND ? peer_find(net, from) : NULL;
    if (peer != NULL)
        on_records(net, peer, path, bytes);
    else
        net->counters.malformed++; /* nothing is answered to a stranger */
}

void dtls_transmit(struct kedge_net *net, const struct kedge_address *to, const struct path *path,
                   struct kedge_slice bytes)
{
    struct peer *peer = peer_find(net, to);
    if (peer == NULL || peer->association == NULL)
        return;
    peer->association->path = *path;
    association_send(peer->association, bytes);
}

/* ---- for those above ---- */

const char *kedge_net_peer_name(struct kedge_net *net, const struct kedge_address *address)
{
    const struct peer *peer = address->secure ? peer_find(net, address) : NULL;
    return peer != NULL && peer->association != NULL ? peer->association->name : NULL;
}

enum kedge_net_proof kedge_net_peer_proof(struct kedge_net *net,
                                          const struct kedge_address *address,
                                          char identity[KEDGE_NET_IDENTITY_MAX + 1])
{
    const struct peer *peer = address->secure ? peer_find(net, address) : NULL;
    identity[0] = '\0';
    return peer != NULL && peer->association != NULL ? dtls_keys_proof(peer->association, identity)
                                                     : KEDGE_PROOF_NONE;
}

typedef bool is_over_fn(void *context, const char *name, const char *identity);

static bool names_one(const struct association *association, is_over_fn *is_over, void *context)
{
    char identity[KEDGE_NET_IDENTITY_MAX + 1];
    if (association == NULL || association->name == NULL)
        return false;
    (void)dtls_keys_proof(association, identity);
    return is_over(context, association->name, identity);
}

/* Ends one of a bucket's, since ending it may move others; false when there is none. */
static bool hang_up_one(struct kedge_net *net, struct peer *first, is_over_fn *is_over,
                        void *context)
{
    for (struct peer *peer = first; peer != NULL; peer = peer->next_in_bucket) {
        if (names_one(peer->handshake, is_over, context)) {
            end_handshake(net, peer);
            return true;
        }
        if (names_one(peer->association, is_over, context)) {
            association_say_goodbye(peer->association);
            dtls_end(net, peer);
            return true;
        }
    }
    return false;
}

void kedge_net_hang_up(struct kedge_net *net, is_over_fn *is_over, void *context)
{
    gnutls_datum_t fresh = {0};
    if (net->dtls == NULL)
        return;
    for (size_t i = 0; i < net->peers.bucket_count; i++)
        while (hang_up_one(net, net->peers.buckets[i], is_over, context))
            continue;
    if (gnutls_session_ticket_key_generate(&fresh) != GNUTLS_E_SUCCESS)
        return;
    gnutls_free(net->dtls->ticket_key.data);
    net->dtls->ticket_key = fresh;
}

void kedge_net_set_security(struct kedge_net *net, const struct kedge_net_security *security)
{
    net->security = *security;
}
