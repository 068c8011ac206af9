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

#define BUCKETS 1024u
#define BUCKETS_EACH 4u /* whoever else is in a bucket is in no cache, and is read before */
#define SPARE_MIN 1024u /* bytes: malloc() itself keeps smaller ones at hand */

/* Of the Observe option in a request (RFC 7641 section 2). */
#define OBSERVE_BEGIN 0u
#define OBSERVE_END 1u

enum kedge_rc exchanges_init(struct kedge_net *net)
{
    net->exchanges.buckets = calloc(BUCKETS, sizeof *net->exchanges.buckets);
    net->exchanges.bucket_count = BUCKETS;
    return net->exchanges.buckets != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

/* ---- the table of tokens ---- */

static struct exchange **bucket_of(struct kedge_net *net, uint64_t token)
{
    /* Tokens are outputs of a keyed hash already. */
    return &net->exchanges.buckets[token & (net->exchanges.bucket_count - 1)];
}

static struct exchange *find(struct kedge_net *net, uint64_t token)
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

static void enter(struct kedge_net *net, struct exchange *exchange)
{
    if (BUCKETS_EACH * net->exchanges.count >= net->exchanges.bucket_count)
        grow(net);
    struct exchange **bucket = bucket_of(net, exchange->token);
    exchange->next_in_bucket = *bucket;
    *bucket = exchange;
    net->exchanges.count++;
}

static void leave(struct kedge_net *net, struct exchange *exchange)
{
    struct exchange **link = bucket_of(net, exchange->token);
    while (*link != exchange)
        link = &(*link)->next_in_bucket;
    *link = exchange->next_in_bucket;
    net->exchanges.count--;
}

static uint64_t new_token(struct kedge_net *net)
{
    uint64_t token;
    do {
        net->exchanges.last_token++;
        token =
            kedge_siphash(&net->key, &net->exchanges.last_token, sizeof net->exchanges.last_token);
    } while (token == 0 || find(net, token) != NULL);
    return token;
}

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
    if (peer_spend(exchange->peer, exchange->message_size))
        net_transmit(exchange->net, &exchange->peer->address, &exchange->peer->path,
                     kedge_slice(exchange->message, exchange->message_size));
    exchange->transmissions++;
    kedge_net_timer_arm(exchange->net, &exchange->timer,
                        exchange->net->now_ms + exchange->timeout_ms, on_timer, exchange);
}

static void start_next(struct kedge_net *net, struct peer *peer)
{
    if (peer->in_flight == NULL && peer->queue != NULL) {
        struct exchange *exchange = peer->queue;
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
        transmit(exchange);
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
    leave(net, exchange);
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

/* Ends it, then tells: the callback finds everything in order and may send again. */
static void end(struct exchange *exchange, enum kedge_rc rc,
                const struct kedge_coap_message *response)
{
    struct kedge_net *net = exchange->net;
    struct peer *peer = exchange->peer;
    kedge_net_result_fn *on_result = exchange->on_result;
    void *context = exchange->context;
    detach(exchange);
    /* The peer must outlive the callback, which may send to it or let it go. */
    peer->pins++;
    uint8_t *collected = exchange->collected;
    exchange->collected = NULL;
    destroy(exchange);
    on_result(context, rc, response);
    free(collected);
    peer->pins--;
    start_next(net, peer);
}

static void on_timer(void *context)
{
    struct exchange *exchange = context;
    struct kedge_net *net = exchange->net;
    if (exchange->state == WAITING_FOR_ACK &&
        exchange->transmissions <= net->config.retransmit_max) {
        exchange->timeout_ms *= 2;
        net->counters.retransmissions++;
        transmit(exchange);
        return;
    }
    net->counters.timeouts++;
    end(exchange, KEDGE_E_TIMEOUT, NULL);
}

/* ---- sending ---- */

static struct kedge_slice token_bytes(const struct exchange *exchange)
{
    return kedge_slice(&exchange->token, sizeof exchange->token);
}

/* What a request that carries one block of a body says of it. */
static void add_part(struct kedge_coap_builder *builder, const struct kedge_net_request *request)
{
    if (request->block1 != NULL)
        kedge_coap_add_uint(builder, KEDGE_COAP_BLOCK1, kedge_coap_block_value(request->block1));
    if (request->size1 != 0)
        kedge_coap_add_uint(builder, KEDGE_COAP_SIZE1, request->size1);
    if (request->request_tag != 0)
        kedge_coap_add_option(builder, KEDGE_COAP_REQUEST_TAG,
                              kedge_slice(&request->request_tag, sizeof request->request_tag));
}

/* "a=1&b=2", an option for each. */
static void add_queries(struct kedge_coap_builder *builder, const char *queries)
{
    while (queries != NULL && *queries != '\0') {
        size_t size = strcspn(queries, "&");
        kedge_coap_add_option(builder, KEDGE_COAP_URI_QUERY, kedge_slice(queries, size));
        queries += size + (queries[size] == '&' ? 1 : 0);
    }
}

static enum kedge_rc encode(struct exchange *exchange, const struct kedge_net_request *request)
{
    struct kedge_coap_builder builder;
    struct kedge_slice message;
    kedge_coap_begin(&builder, exchange->message, exchange->capacity, KEDGE_COAP_CON,
                     request->method, 0, token_bytes(exchange));
    if (exchange->observe)
        kedge_coap_add_uint(&builder, KEDGE_COAP_OBSERVE, OBSERVE_BEGIN);
    kedge_coap_add_path(&builder, KEDGE_COAP_URI_PATH, request->path);
    if (request->content_format >= 0)
        kedge_coap_add_uint(&builder, KEDGE_COAP_CONTENT_FORMAT, (uint32_t)request->content_format);
    add_queries(&builder, request->query);
    if (request->accept >= 0)
        kedge_coap_add_uint(&builder, KEDGE_COAP_ACCEPT, (uint32_t)request->accept);
    add_part(&builder, request);
    kedge_coap_add_payload(&builder, request->payload);
    KEDGE_TRY(kedge_coap_finish(&builder, &message));
    exchange->message_size = message.size;
    return KEDGE_OK;
}

/*
 * The same request once more, payload and all, for another block of its answer or to end what it
 * observes. `number` is Observe or Block2, and whichever of the two it had goes.
 */
static enum kedge_rc encode_again(struct exchange *exchange, uint16_t number, uint32_t value)
{
    uint8_t before[KEDGE_NET_MESSAGE_MAX];
    struct kedge_coap_builder builder;
    struct kedge_coap_message request;
    struct kedge_coap_option option;
    struct kedge_slice message;
    memcpy(before, exchange->message, exchange->message_size);
    KEDGE_TRY(kedge_coap_parse(kedge_slice(before, exchange->message_size), &request));
    kedge_coap_begin(&builder, exchange->message, exchange->capacity, KEDGE_COAP_CON, request.code,
                     0, token_bytes(exchange));
    if (number == KEDGE_COAP_OBSERVE)
        kedge_coap_add_uint(&builder, number, value);
    struct kedge_coap_options walk = kedge_coap_options(&request);
    while (kedge_coap_option_next(&walk, &option))
        if (option.number != KEDGE_COAP_OBSERVE && option.number != KEDGE_COAP_BLOCK2)
            kedge_coap_add_option(&builder, option.number, option.value);
    if (number == KEDGE_COAP_BLOCK2) /* what has higher numbers is never answered in blocks */
        kedge_coap_add_uint(&builder, number, value);
    kedge_coap_add_payload(&builder, request.payload);
    KEDGE_TRY(kedge_coap_finish(&builder, &message));
    exchange->message_size = message.size;
    exchange->transmissions = 0;
    return KEDGE_OK;
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
                                  .token = new_token(net)};
    enum kedge_rc rc = encode(exchange, request);
    if (rc != KEDGE_OK) {
        free(exchange);
        return rc;
    }
    enter(net, exchange);
    enqueue(peer, exchange);
    if (handle != NULL)
        *handle = exchange->token;
    start_next(net, peer);
    return KEDGE_OK;
}

void kedge_net_cancel(struct kedge_net *net, uint64_t handle)
{
    struct exchange *exchange = find(net, handle);
    if (exchange == NULL)
        return;
    struct peer *peer = exchange->peer;
    detach(exchange);
    destroy(exchange);
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
    struct exchange *exchange = find(net, handle);
    if (exchange == NULL || exchange->state != OBSERVING ||
        exchange->peer->queued >= KEDGE_NET_QUEUE_MAX ||
        encode_again(exchange, KEDGE_COAP_OBSERVE, OBSERVE_END) != KEDGE_OK) {
        kedge_net_cancel(net, handle);
        return;
    }
    struct peer *peer = exchange->peer;
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
    peer->forgetting = false;
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

/* Blocks of different ETags are of different values (RFC 7959 section 2.4). */
static bool has_changed(struct exchange *exchange, const struct kedge_coap_message *response)
{
    struct kedge_slice etag;
    if (!kedge_coap_option_find(response, KEDGE_COAP_ETAG, &etag))
        return false;
    if (exchange->collected != NULL)
        return exchange->etag_size > 0 &&
               !kedge_slice_equal(etag, kedge_slice(exchange->etag, exchange->etag_size));
    if (etag.size > sizeof exchange->etag)
        return true; /* it is none */
    exchange->etag_size = (uint8_t)etag.size;
    memcpy(exchange->etag, etag.data, etag.size);
    return false;
}

/* Takes one block in. KEDGE_E_BUSY asks for the next one, KEDGE_E_EXISTS: it came before. */
static enum kedge_rc collect(struct exchange *exchange, const struct kedge_coap_message *response,
                             struct kedge_coap_block *block)
{
    enum kedge_rc rc = kedge_coap_block_find(response, KEDGE_COAP_BLOCK2, block);
    if (rc == KEDGE_E_NOT_FOUND)
        return exchange->collected == NULL ? KEDGE_OK : KEDGE_E_MALFORMED;
    if (rc != KEDGE_OK)
        return rc;
    size_t offset = (size_t)block->number << (block->size_exponent + 4u);
    if (offset < exchange->collected_size)
        return KEDGE_E_EXISTS;
    if (offset != exchange->collected_size || has_changed(exchange, response))
        return KEDGE_E_MALFORMED;
    if (block->more && response->payload.size != kedge_coap_block_size(block))
        return KEDGE_E_MALFORMED;
    if (response->payload.size > KEDGE_NET_COLLECTED_MAX - offset)
        return KEDGE_E_LIMIT;
    if (!block->more && offset == 0)
        return KEDGE_OK;
    uint8_t *larger = realloc(exchange->collected, offset + response->payload.size + 1);
    if (larger == NULL)
        return KEDGE_E_MEMORY;
    exchange->collected = larger;
    if (response->payload.size > 0)
        memcpy(larger + offset, response->payload.data, response->payload.size);
    exchange->collected_size = offset + response->payload.size;
    return block->more ? KEDGE_E_BUSY : KEDGE_OK;
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
    KEDGE_TRY(encode_again(exchange, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&next)));
    kedge_net_timer_cancel(net, &exchange->timer);
    exchange->peer->in_flight = NULL;
    /* At the head of the queue: nothing else of this peer comes between. */
    exchange->state = QUEUED;
    exchange->next = exchange->peer->queue;
    exchange->peer->queue = exchange;
    exchange->peer->queued++;
    start_next(net, exchange->peer);
    return KEDGE_OK;
}

/* A notification: newer than the last one, and the observation goes on. */
static void notify(struct exchange *exchange, const struct kedge_coap_message *response,
                   uint32_t number)
{
    struct kedge_net *net = exchange->net;
    struct kedge_coap_block block;
    /* A value that does not fit into one message is not worth watching. */
    enum kedge_rc rc = kedge_coap_block_find(response, KEDGE_COAP_BLOCK2, &block);
    if (rc == KEDGE_OK ? block.more : rc != KEDGE_E_NOT_FOUND) {
        end(exchange, rc == KEDGE_OK ? KEDGE_E_LIMIT : rc, NULL);
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
    enum kedge_rc rc = message->code >> 5 == 2 ? collect(exchange, message, &block) : KEDGE_OK;
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
        exchange = find(net, token);
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
