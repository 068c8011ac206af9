/*
 * exchange.c: requests of ours: sent, sent again, answered or given up (RFC 7252 section 4), one at
 * a time for each peer (NSTART 1), and observations, which stay (RFC 7641).
 *
 * An exchange is found by its token, which nobody outside can guess. It is queued, waits for an
 * ACK, waits for a separate response, or observes; in the middle two states it is the one in
 * flight of its peer. Callbacks may send and cancel: an exchange is taken out of all lists first.
 */
#include <stdlib.h>
#include <string.h>

#include "updater/net/internal.h"

#define SPARE_MIN 1024u /* bytes: malloc() itself keeps smaller ones at hand */

/* ---- the peer's queue ---- */

static void unlink_from(struct exchange **list, struct exchange *exchange)
{
    while (*list != exchange)
        list = &(*list)->next;
    *list = exchange->next;
    exchange->next = NULL;
}

static void unlink_queued(struct peer *peer, struct exchange *exchange)
{
    unlink_from(&peer->queue, exchange);
    peer->queued--;
}

static void enqueue_first(struct peer *peer, struct exchange *exchange)
{
    exchange->state = QUEUED;
    exchange->next = peer->queue;
    peer->queue = exchange;
    peer->queued++;
}

static void enqueue(struct peer *peer, struct exchange *exchange)
{
    exchange->state = QUEUED;
    exchange->next = NULL;
    struct exchange **end = &peer->queue;
    while (*end != NULL)
        end = &(*end)->next;
    *end = exchange;
    peer->queued++;
}

static void on_timer(void *context);

static void transmit(struct exchange *exchange)
{
    if (exchange->peer->rests)
        return;
    if (peer_spend(exchange->peer, exchange->message_size)) {
        net_transmit(exchange->net, &exchange->peer->address, &exchange->peer->path,
                     kedge_slice(exchange->message, exchange->message_size));
        exchange->has_left = true;
    }
    exchange->sent_ms = exchange->net->now_ms;
}

static void transmit_in_turn(struct exchange *exchange)
{
    transmit(exchange);
    exchange->transmissions++;
    exchange->turn_ms = exchange->net->now_ms + exchange->timeout_ms;
    kedge_net_timer_arm(exchange->net, &exchange->timer, exchange->turn_ms, on_timer, exchange);
}

/* The first that may go to a peer which is doubted; NULL: none may. */
static struct exchange *first_that_may_leave(const struct peer *peer)
{
    struct exchange *exchange = peer->queue;
    while (exchange != NULL && !peer_affords(peer, exchange->message_size))
        exchange = exchange->next;
    return exchange;
}

/*
 * What is too large for a doubted peer must not hold up the small question whose answer ends the
 * doubt: it waits its turn again when it has not left yet.
 */
static void give_way(struct peer *peer)
{
    struct exchange *exchange = peer->in_flight;
    if (exchange == NULL || exchange->has_left || first_that_may_leave(peer) == NULL)
        return;
    kedge_net_timer_cancel(exchange->net, &exchange->timer);
    exchange->transmissions = 0;
    peer->in_flight = NULL;
    enqueue_first(peer, exchange);
}

static void start_next(struct kedge_net *net, struct peer *peer)
{
    if (peer->in_flight == NULL && peer->queue != NULL && !peer->rests) {
        struct exchange *exchange = first_that_may_leave(peer);
        if (exchange == NULL)
            exchange = peer->queue; /* lost, unless the peer earns more while it is repeated */
        unlink_queued(peer, exchange);
        peer->in_flight = exchange;
        exchange->state = WAITING_FOR_ACK;
        exchange->message_id = peer->next_message_id++;
        exchange->message[2] = (uint8_t)(exchange->message_id >> 8);
        exchange->message[3] = (uint8_t)exchange->message_id;
        /* RFC 7252 section 4.2: ACK_TIMEOUT times a random factor of 1 to 1.5. */
        uint32_t spread = net->config.ack_timeout_ms / 2 + 1;
        uint64_t draw = kedge_siphash(&net->key, &exchange->token, sizeof exchange->token);
        exchange->timeout_ms = net->config.ack_timeout_ms + (uint32_t)(draw % spread);
        transmit_in_turn(exchange);
    }
    peer_settle(net, peer);
}

/* Takes it out of every list but the table of tokens. The peer may go on with the next one. */
static void detach(struct exchange *exchange)
{
    struct peer *peer = exchange->peer;
    kedge_net_timer_cancel(exchange->net, &exchange->timer);
    switch (exchange->state) {
    case QUEUED:
        unlink_queued(peer, exchange);
        break;
    case WAITING_FOR_ACK:
    case WAITING_FOR_RESPONSE:
        peer->in_flight = NULL;
        break;
    case OBSERVING:
        unlink_from(&peer->observations, exchange);
        break;
    }
}

/* The end of a block that was pushed is the beginning of the next one: its memory is handed on. */
static void destroy(struct exchange *exchange)
{
    struct kedge_net *net = exchange->net;
    exchange_leave(net, exchange);
    free(exchange->collected);
    if (exchange->capacity < SPARE_MIN) {
        free(exchange);
        return;
    }
    free(net->exchanges.spare);
    net->exchanges.spare = exchange;
}

static struct exchange *allocate(struct kedge_net *net, size_t capacity)
{
    struct exchange *spare = net->exchanges.spare;
    if (spare == NULL || capacity < SPARE_MIN || capacity > spare->capacity)
        return malloc(sizeof(struct exchange) + capacity);
    net->exchanges.spare = NULL;
    return spare;
}

static void tell_whole(struct exchange *observation, uint64_t rest, enum kedge_rc rc,
                       const struct kedge_coap_message *response);

/* Ends it, then tells: the callback finds everything in order and may send again. */
static void end(struct exchange *exchange, enum kedge_rc rc,
                const struct kedge_coap_message *response)
{
    struct kedge_net *net = exchange->net;
    struct peer *peer = exchange->peer;
    kedge_net_result_fn *on_result = exchange->on_result;
    void *context = exchange->context;
    uint64_t token = exchange->token, rest_of = exchange->rest_of;
    detach(exchange);
    /* The peer must outlive the callback, which may send to it or let it go. */
    peer->pins++;
    uint8_t *collected = exchange->collected;
    exchange->collected = NULL;
    destroy(exchange);
    if (rest_of != 0)
        tell_whole(exchange_find(net, rest_of), token, rc, response);
    else
        on_result(context, rc, response);
    free(collected);
    peer->pins--;
    start_next(net, peer);
}

/* The rest of a notification has come; without it the observation is worth nothing. */
static void tell_whole(struct exchange *observation, uint64_t rest, enum kedge_rc rc,
                       const struct kedge_coap_message *response)
{
    if (observation == NULL || observation->rest != rest)
        return;
    observation->rest = 0;
    if (rc == KEDGE_OK && response->code == KEDGE_COAP_CONTENT)
        observation->on_result(observation->context, KEDGE_OK, response);
    else
        end(observation, rc, response);
}

static void on_timer(void *context)
{
    struct exchange *exchange = context;
    struct kedge_net *net = exchange->net;
    if (exchange->state == WAITING_FOR_ACK && net->now_ms < exchange->turn_ms) {
        net->counters.retransmissions++;
        transmit(exchange);
        kedge_net_timer_arm(net, &exchange->timer, exchange->turn_ms, on_timer, exchange);
        return;
    }
    if (exchange->state == WAITING_FOR_ACK &&
        exchange->transmissions <= net->config.retransmit_max) {
        exchange->timeout_ms *= 2;
        net->counters.retransmissions++;
        transmit_in_turn(exchange);
        return;
    }
    net->counters.timeouts++;
    end(exchange, KEDGE_E_TIMEOUT, NULL);
}

/* ---- sending ---- */

static void start(struct exchange *exchange)
{
    exchange_enter(exchange->net, exchange);
    enqueue(exchange->peer, exchange);
    give_way(exchange->peer);
    start_next(exchange->net, exchange->peer);
}

enum kedge_rc kedge_net_send(struct kedge_net *net, const struct kedge_address *to,
                             const struct kedge_net_request *request,
                             kedge_net_result_fn *on_result, void *context, uint64_t *handle)
{
    if (strlen(request->path) > KEDGE_NET_PATH_MAX)
        return KEDGE_E_BUFFER;
    struct peer *peer = peer_use(net, to);
    if (peer == NULL)
        return KEDGE_E_MEMORY;
    if (peer->forgetting)
        return KEDGE_E_CANCELED;
    if (to->secure && peer->association == NULL)
        return KEDGE_E_CONNECTION;
    if (peer->queued >= KEDGE_NET_QUEUE_MAX)
        return KEDGE_E_BUSY;
    /* An option of a query has two bytes of head at most, and one of them in place of the '&'. */
    size_t queries = request->query != NULL ? 2 * strlen(request->query) : 0;
    size_t capacity = 64 + KEDGE_NET_PATH_MAX + queries + request->payload.size;
    if (capacity > KEDGE_NET_MESSAGE_MAX)
        return KEDGE_E_BUFFER;
    struct exchange *exchange = allocate(net, capacity);
    if (exchange == NULL)
        return KEDGE_E_MEMORY;
    *exchange = (struct exchange){.net = net,
                                  .peer = peer,
                                  .observe = request->observe,
                                  .on_result = on_result,
                                  .context = context,
                                  .capacity = (uint16_t)capacity,
                                  .token = exchange_new_token(net)};
    enum kedge_rc rc = exchange_encode(exchange, request);
    if (rc != KEDGE_OK) {
        free(exchange);
        return rc;
    }
    if (handle != NULL)
        *handle = exchange->token;
    start(exchange);
    return KEDGE_OK;
}

bool kedge_net_observes(struct kedge_net *net, uint64_t handle)
{
    const struct exchange *exchange = exchange_find(net, handle);
    return exchange != NULL && exchange->state == OBSERVING;
}

static void cancel_rest(struct exchange *observation)
{
    struct exchange *rest = exchange_find(observation->net, observation->rest);
    observation->rest = 0;
    if (rest == NULL)
        return;
    detach(rest);
    destroy(rest);
    start_next(observation->net, observation->peer);
}

void kedge_net_cancel(struct kedge_net *net, uint64_t handle)
{
    struct exchange *exchange = exchange_find(net, handle);
    if (exchange == NULL)
        return;
    struct peer *peer = exchange->peer;
    cancel_rest(exchange);
    detach(exchange);
    destroy(exchange);
    start_next(net, peer);
}

void kedge_net_peer_hurry(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = peer_find(net, address);
    struct exchange *exchange = peer != NULL ? peer->in_flight : NULL;
    if (exchange == NULL || exchange->state != WAITING_FOR_ACK ||
        net->now_ms - exchange->sent_ms < KEDGE_NET_SENT_JUST_NOW_MS)
        return;
    kedge_net_timer_arm(net, &exchange->timer, net->now_ms, on_timer, exchange);
}

void kedge_net_peer_rest(struct kedge_net *net, const struct kedge_address *address, bool rests)
{
    struct peer *peer = peer_find(net, address);
    if (peer == NULL || peer->rests == rests)
        return;
    peer->rests = rests;
    if (rests)
        return;
    kedge_net_peer_hurry(net, address);
    start_next(net, peer);
}

static void ignore_end(void *context, enum kedge_rc rc, const struct kedge_coap_message *response)
{
    (void)context;
    (void)rc;
    (void)response;
}

void kedge_net_unobserve(struct kedge_net *net, uint64_t handle)
{
    struct exchange *exchange = exchange_find(net, handle);
    if (exchange == NULL || exchange->state != OBSERVING ||
        exchange->peer->queued >= KEDGE_NET_QUEUE_MAX ||
        exchange_encode_again(exchange, KEDGE_COAP_OBSERVE, OBSERVE_END) != KEDGE_OK) {
        kedge_net_cancel(net, handle);
        return;
    }
    struct peer *peer = exchange->peer;
    cancel_rest(exchange);
    detach(exchange);
    exchange->observe = false;
    exchange->ending = true;
    exchange->on_result = ignore_end;
    enqueue(peer, exchange);
    start_next(net, peer);
}

void peer_end_exchanges(struct kedge_net *net, struct peer *peer)
{
    peer->pins++;
    peer->forgetting = true;
    /* The queue first, so that ending the one in flight starts nothing. */
    while (peer->queue != NULL)
        end(peer->queue, KEDGE_E_CANCELED, NULL);
    if (peer->in_flight != NULL)
        end(peer->in_flight, KEDGE_E_CANCELED, NULL);
    while (peer->observations != NULL)
        end(peer->observations, KEDGE_E_CANCELED, NULL);
    peer->forgetting = peer->rests = false;
    peer->pins--;
    peer_settle(net, peer);
}

void kedge_net_peer_forget(struct kedge_net *net, const struct kedge_address *address)
{
    struct peer *peer = peer_find(net, address);
    if (peer == NULL)
        return;
    peer->pins++;
    peer_end_exchanges(net, peer);
    peer->pins--;
    peer_own(net, peer, NULL);
}

enum kedge_rc kedge_net_peer_keep(struct kedge_net *net, const struct kedge_address *address,
                                  void *owner)
{
    struct peer *peer = owner != NULL ? peer_use(net, address) : peer_find(net, address);
    if (peer == NULL)
        return owner != NULL ? KEDGE_E_MEMORY : KEDGE_OK;
    peer_own(net, peer, owner);
    return KEDGE_OK;
}

void *kedge_net_peer_owner(struct kedge_net *net, const struct kedge_address *address)
{
    const struct peer *peer = peer_find(net, address);
    return peer != NULL && peer->kept ? peer->owner : NULL;
}

/* ---- what comes back ---- */

void exchange_on_empty(struct kedge_net *net, struct peer *peer,
                       const struct kedge_coap_message *message)
{
    struct exchange *exchange = peer->in_flight;
    if (exchange == NULL || exchange->message_id != message->message_id)
        return;
    if (message->type == KEDGE_COAP_RST) {
        end(exchange, KEDGE_E_REFUSED, NULL);
        return;
    }
    if (exchange->state != WAITING_FOR_ACK)
        return;
    exchange->state = WAITING_FOR_RESPONSE;
    kedge_net_timer_arm(net, &exchange->timer, net->now_ms + net->config.response_ms, on_timer,
                        exchange);
}

/* Whether it changes nothing on the peer (RFC 7252 section 5.1, RFC 8132 section 2). */
static bool may_be_repeated(const struct exchange *exchange)
{
    uint8_t method = exchange->message[1];
    return method == KEDGE_COAP_GET || method == KEDGE_COAP_FETCH;
}

static enum kedge_rc ask_for_next_block(struct exchange *exchange,
                                        const struct kedge_coap_block *last)
{
    struct kedge_net *net = exchange->net;
    struct kedge_coap_block next = {.number = last->number + 1,
                                    .size_exponent = last->size_exponent};
    /* The token stays, since it is the caller's handle too; the message id tells the blocks apart.
     */
    KEDGE_TRY(exchange_encode_again(exchange, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&next)));
    kedge_net_timer_cancel(net, &exchange->timer);
    exchange->peer->in_flight = NULL;
    /* At the head of the queue: nothing else of this peer comes between. */
    enqueue_first(exchange->peer, exchange);
    start_next(net, exchange->peer);
    return KEDGE_OK;
}

/*
 * Asks for what a notification, of which the first block has come, goes on with (RFC 7959 section
 * 2.6): by a request of its own that observes nothing. When there is no room, the next notification
 * may have more luck.
 */
static void ask_for_rest(struct exchange *observation, const struct kedge_coap_message *response,
                         const struct kedge_coap_block *first)
{
    struct kedge_net *net = observation->net;
    const struct kedge_coap_block next = {.number = 1, .size_exponent = first->size_exponent};
    struct kedge_slice payload = response->payload;
    struct peer *peer = observation->peer;
    cancel_rest(observation);
    if (peer->queued >= KEDGE_NET_QUEUE_MAX)
        return;
    struct exchange *rest = allocate(net, observation->capacity);
    uint8_t *collected = malloc(payload.size + 1);
    if (rest == NULL || collected == NULL)
        goto cleanup;
    *rest = (struct exchange){.net = net,
                              .peer = peer,
                              .capacity = observation->capacity,
                              .message_size = observation->message_size,
                              .token = exchange_new_token(net),
                              .rest_of = observation->token,
                              .collected_size = payload.size};
    memcpy(rest->message, observation->message, observation->message_size);
    if (exchange_has_changed(rest, response) ||
        exchange_encode_again(rest, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&next)) != KEDGE_OK)
        goto cleanup;
    memcpy(collected, payload.data, payload.size);
    rest->collected = collected;
    observation->rest = rest->token;
    start(rest);
    return;
cleanup:
    free(collected);
    free(rest);
}

/* A notification: newer than the last one, and the observation goes on. */
static void notify(struct exchange *exchange, const struct kedge_coap_message *response,
                   uint32_t number)
{
    struct kedge_net *net = exchange->net;
    struct kedge_coap_block block = {.more = false};
    enum kedge_rc rc = kedge_coap_block_find(response, KEDGE_COAP_BLOCK2, &block);
    bool is_whole = rc == KEDGE_E_NOT_FOUND || (rc == KEDGE_OK && !block.more);
    bool begins = rc == KEDGE_OK && block.more && block.number == 0 &&
                  response->payload.size == kedge_coap_block_size(&block);
    if (!is_whole && !begins) {
        end(exchange, KEDGE_E_MALFORMED, NULL);
        return;
    }
    if (exchange->observed_once &&
        !kedge_coap_observe_newer(exchange->observe_number, exchange->observe_at_ms, number,
                                  net->now_ms))
        return;
    exchange->observed_once = true;
    exchange->observe_number = number;
    exchange->observe_at_ms = net->now_ms;
    struct peer *peer = exchange->peer;
    if (exchange->state != OBSERVING) {
        detach(exchange);
        exchange->state = OBSERVING;
        exchange->next = peer->observations;
        peer->observations = exchange;
        start_next(net, peer);
    }
    if (begins) {
        ask_for_rest(exchange, response, &block);
        return;
    }
    cancel_rest(exchange);
    exchange->on_result(exchange->context, KEDGE_OK, response);
}

static void take_response(struct exchange *exchange, const struct kedge_coap_message *message)
{
    uint32_t number;
    bool is_notification =
        message->code >> 5 == 2 && kedge_coap_option_uint(message, KEDGE_COAP_OBSERVE, &number);
    if (exchange->observe && is_notification) {
        notify(exchange, message, number);
        return;
    }
    if (exchange->ending) {
        if (!is_notification) /* one may have been on its way */
            end(exchange, KEDGE_OK, message);
        return;
    }
    struct kedge_coap_block block;
    enum kedge_rc rc =
        message->code >> 5 == 2 ? exchange_collect(exchange, message, &block) : KEDGE_OK;
    if (rc == KEDGE_E_EXISTS)
        return;
    if (rc == KEDGE_E_BUSY) {
        rc = may_be_repeated(exchange) ? ask_for_next_block(exchange, &block) : KEDGE_E_LIMIT;
        if (rc == KEDGE_OK)
            return;
    }
    if (rc != KEDGE_OK) {
        end(exchange, rc, NULL);
        return;
    }
    struct kedge_coap_message whole = *message;
    if (message->code >> 5 == 2 && exchange->collected != NULL)
        whole.payload = kedge_slice(exchange->collected, exchange->collected_size);
    end(exchange, KEDGE_OK, &whole);
}

void exchange_on_response(struct kedge_net *net, const struct kedge_address *from,
                          const struct path *path, struct mark mark,
                          const struct kedge_coap_message *message)
{
    struct peer *peer = peer_find(net, from);
    if (peer == NULL)
        return; /* we never asked it anything: no answer to an unknown address */
    peer->path = *path;
    if (message->type == KEDGE_COAP_CON && peer_recall(peer, mark, net->now_ms)) {
        net->counters.duplicates++;
        net_transmit_empty(net, from, path, KEDGE_COAP_ACK, message->message_id);
        return;
    }
    uint64_t token = 0;
    struct exchange *exchange = NULL;
    if (message->token_size == sizeof token) {
        memcpy(&token, message->token, sizeof token);
        exchange = exchange_find(net, token);
    }
    bool expected = exchange != NULL && exchange->peer == peer && exchange->state != QUEUED;
    /* A piggybacked response acknowledges the request that it answers, and no other. */
    if (expected && message->type == KEDGE_COAP_ACK)
        expected = exchange == peer->in_flight && exchange->message_id == message->message_id;
    if (message->type == KEDGE_COAP_CON) {
        net_transmit_empty(net, from, path, expected ? KEDGE_COAP_ACK : KEDGE_COAP_RST,
                           message->message_id);
        if (expected)
            peer_remember(peer, mark, net->now_ms, kedge_slice(NULL, 0));
    } else if (!expected && message->type == KEDGE_COAP_NON) {
        net_transmit_empty(net, from, path, KEDGE_COAP_RST, message->message_id);
    }
    if (expected) {
        peer->doubted = false; /* nobody else can know the token */
        take_response(exchange, message);
    }
}

void exchanges_destroy(struct kedge_net *net)
{
    for (size_t i = 0; i < net->exchanges.bucket_count; i++) {
        struct exchange *exchange = net->exchanges.buckets[i];
        while (exchange != NULL) {
            struct exchange *next = exchange->next_in_bucket;
            kedge_net_timer_cancel(net, &exchange->timer);
            free(exchange->collected);
            free(exchange);
            exchange = next;
        }
    }
    free(net->exchanges.spare);
    free(net->exchanges.buckets);
}
