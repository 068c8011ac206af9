/* loop.c: the event loop, and what happens to a datagram that comes in. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "updater/net/internal.h"

#define WAKE_INDEX UINT32_MAX
#define DEFAULT_ACK_TIMEOUT_MS 2000u
#define DEFAULT_RETRANSMIT_MAX 4u
#define DEFAULT_RESPONSE_MS 60000u
#define DEFAULT_HANDSHAKE_RETRANSMIT_MS 1000u
#define DEFAULT_IDLE_MS 300000u
#define DEFAULT_UNPROVEN_PER_S 500u
#define DEFAULT_UNPROVEN_BURST 5000u
#define REPLY_CAPACITY KEDGE_NET_MESSAGE_MAX

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- inbound ---- */

struct kedge_net_reply {
    struct kedge_coap_builder builder;
    bool begun, nothing, at_length, probe;
    const struct kedge_coap_message *request;
    uint16_t message_id;
    const struct kedge_address *from;
    const struct path *path;
    struct kedge_slice datagram; /* the request's */
    uint8_t *bytes;              /* REPLY_CAPACITY of them */
};

struct kedge_net_deferred {
    struct kedge_address from;
    struct path path;
    size_t size;
    uint8_t datagram[];
};

struct kedge_coap_builder *kedge_net_reply(struct kedge_net_reply *reply, uint8_t code)
{
    const struct kedge_coap_message *request = reply->request;
    enum kedge_coap_type type = request->type == KEDGE_COAP_CON ? KEDGE_COAP_ACK : KEDGE_COAP_NON;
    kedge_coap_begin(&reply->builder, reply->bytes, REPLY_CAPACITY, type, code, reply->message_id,
                     kedge_slice(request->token, request->token_size));
    reply->begun = true;
    return &reply->builder;
}

void kedge_net_reply_nothing(struct kedge_net_reply *reply)
{
    reply->nothing = true;
}

void kedge_net_reply_probe(struct kedge_net *net, struct kedge_net_reply *reply)
{
    kedge_coap_begin(&reply->builder, reply->bytes, sizeof reply->bytes, KEDGE_COAP_CON,
                     KEDGE_COAP_EMPTY, probe_message_id(net, reply->from), kedge_slice(NULL, 0));
    reply->begun = reply->probe = true;
    net->counters.probes++;
}

void kedge_net_reply_at_length(struct kedge_net_reply *reply)
{
    reply->at_length = true;
}

struct kedge_net_deferred *kedge_net_defer(struct kedge_net_reply *reply)
{
    size_t size = reply->datagram.size;
    struct kedge_net_deferred *deferred = malloc(sizeof *deferred + size);
    reply->nothing = true;
    if (deferred == NULL)
        return NULL;
    *deferred =
        (struct kedge_net_deferred){.from = *reply->from, .path = *reply->path, .size = size};
    memcpy(deferred->datagram, reply->datagram.data, size);
    return deferred;
}

void kedge_net_resume(struct kedge_net *net, struct kedge_net_deferred *deferred)
{
    net_on_message(net, &deferred->from, &deferred->path,
                   kedge_slice(deferred->datagram, deferred->size));
    free(deferred);
}

void kedge_net_deferred_free(struct kedge_net_deferred *deferred)
{
    free(deferred);
}

/* What goes back: the handler's reply, an error when that did not fit, or an empty ACK. */
static struct kedge_slice reply_bytes(struct kedge_net_reply *reply)
{
    struct kedge_slice bytes = kedge_slice(NULL, 0);
    if (reply->nothing)
        return bytes;
    if (reply->begun && kedge_coap_finish(&reply->builder, &bytes) != KEDGE_OK) {
        kedge_net_reply(reply, KEDGE_COAP_INTERNAL_ERROR);
        bytes = kedge_writer_slice(&reply->builder.out);
    }
    if (reply->begun || reply->request->type != KEDGE_COAP_CON)
        return bytes;
    kedge_coap_begin(&reply->builder, reply->bytes, REPLY_CAPACITY, KEDGE_COAP_ACK,
                     KEDGE_COAP_EMPTY, reply->request->message_id, kedge_slice(NULL, 0));
    return kedge_writer_slice(&reply->builder.out);
}

/* A copy of no more than its code goes to an address that may be somebody else's. */
static struct kedge_slice cut_down(struct kedge_net *net, struct kedge_net_reply *reply,
                                   struct kedge_slice bytes, size_t request_size)
{
    if (reply->at_length || bytes.size <= KEDGE_NET_ANSWER_FACTOR * request_size)
        return bytes;
    net->counters.cut_down++;
    kedge_net_reply(reply, bytes.data[1]);
    return kedge_writer_slice(&reply->builder.out);
}

static bool is_proven(const struct kedge_address *from, const struct peer *peer)
{
    return from->secure || (peer != NULL && peer->kept && !peer->doubted);
}

static bool answer_again(struct kedge_net *net, const struct peer *peer, const struct path *path,
                         struct mark mark)
{
    const struct recent *before = peer_recall(peer, mark, net->now_ms);
    if (before == NULL)
        return false;
    net->counters.duplicates++;
    if (before->reply_size > 0)
        net_transmit(net, &peer->address, path, kedge_slice(before->reply, before->reply_size));
    return true;
}

/*
 * A duplicate is the same datagram again. A device that restarts within the lifetime of a message
 * id and begins with the same one says something else.
 */
static struct mark mark_of(const struct kedge_net *net, struct kedge_slice bytes,
                           const struct kedge_coap_message *message)
{
    return (struct mark){.message_id = message->message_id,
                         .digest = (uint32_t)kedge_siphash(&net->key, bytes.data, bytes.size)};
}

/*
 * Who is no peer yet becomes none by asking: what it asked is only remembered when the handler has
 * made it one. Handling a request of a stranger twice must therefore do what handling it once does.
 */
static void on_request(struct kedge_net *net, const struct kedge_address *from,
                       const struct path *path, struct kedge_slice datagram,
                       const struct kedge_coap_message *request)
{
    /* A GET may be answered again by asking again (RFC 7252 section 4.5): no copy of each block. */
    bool once = request->code != KEDGE_COAP_GET;
    struct mark mark = {0};
    if (once)
        mark = mark_of(net, datagram, request);
    struct peer *peer = peer_find(net, from);
    if (peer != NULL) {
        peer_settle(net, peer);
        peer->path = *path;
        if (once && answer_again(net, peer, path, mark))
            return;
    }
    bool proven = is_proven(from, peer);
    uint8_t buffer[REPLY_CAPACITY];
    struct kedge_net_reply reply = {.request = request,
                                    .message_id = request->message_id,
                                    .from = from,
                                    .path = path,
                                    .datagram = datagram,
                                    .bytes = buffer};
    if (request->type == KEDGE_COAP_NON)
        reply.message_id =
            peer != NULL ? peer->next_message_id++ : net->admission.next_message_id++;
    if (kedge_coap_unknown_critical(request) == 0)
        net->config.on_request(net->config.context, from, request, &reply);
    else if (proven || kedge_net_admit(net, from, KEDGE_CLAIM_NONE))
        kedge_net_reply(&reply, KEDGE_COAP_BAD_OPTION);
    else
        kedge_net_reply_nothing(&reply);
    struct kedge_slice bytes = reply_bytes(&reply);
    if (!proven)
        bytes = cut_down(net, &reply, bytes, datagram.size);
    if (bytes.size > 0)
        net_transmit(net, from, path, bytes);
    if ((peer = peer_find(net, from)) == NULL)
        return;
    peer->path = *path;
    peer_earn(peer, datagram.size, bytes.size);
    if (once && !reply.nothing && !reply.probe)
        peer_remember(peer, mark, net->now_ms, bytes);
}

void net_transmit_empty(struct kedge_net *net, const struct kedge_address *to,
                        const struct path *path, enum kedge_coap_type type, uint16_t message_id)
{
    const uint8_t bytes[4] = {(uint8_t)(0x40u | (unsigned)type << 4), 0, (uint8_t)(message_id >> 8),
                              (uint8_t)message_id};
    net_transmit(net, to, path, kedge_slice(bytes, sizeof bytes));
}

static void reset(struct kedge_net *net, const struct kedge_address *to, const struct path *path,
                  uint16_t message_id)
{
    if (is_proven(to, peer_find(net, to)) || kedge_net_admit(net, to, KEDGE_CLAIM_NONE))
        net_transmit_empty(net, to, path, KEDGE_COAP_RST, message_id);
}

void net_on_datagram(struct kedge_net *net, const struct kedge_address *from,
                     const struct path *path, struct kedge_slice bytes)
{
    if (from->secure)
        dtls_on_datagram(net, from, path, bytes);
    else
        net_on_message(net, from, path, bytes);
}

void net_transmit(struct kedge_net *net, const struct kedge_address *to, const struct path *path,
                  struct kedge_slice bytes)
{
    if (to->secure)
        dtls_transmit(net, to, path, bytes);
    else
        net_transmit_datagram(net, to, path, bytes);
}

static void on_empty(struct kedge_net *net, const struct kedge_address *from,
                     const struct kedge_coap_message *message)
{
    struct peer *peer = peer_find(net, from);
    if (!from->secure)
        probe_on_empty(net, from, message->message_id);
    if (peer != NULL)
        exchange_on_empty(net, peer, message);
}

void net_on_message(struct kedge_net *net, const struct kedge_address *from,
                    const struct path *path, struct kedge_slice bytes)
{
    struct kedge_coap_message message;
    enum kedge_rc rc = kedge_coap_parse(bytes, &message);
    if (rc != KEDGE_OK) {
        net->counters.malformed++;
        /* RFC 7252 sections 3 and 4.2: another version is ignored, a broken CON is rejected. */
        if (rc != KEDGE_E_UNSUPPORTED && bytes.size >= 4 && message.type == KEDGE_COAP_CON)
            reset(net, from, path, message.message_id);
        return;
    }
    uint8_t class = message.code >> 5;
    if (message.code == KEDGE_COAP_EMPTY) {
        if (message.type == KEDGE_COAP_CON)
            reset(net, from, path, message.message_id); /* section 4.3: a ping */
        else if (message.type != KEDGE_COAP_NON)
            on_empty(net, from, &message);
    } else if (class == 0 && (message.type == KEDGE_COAP_CON || message.type == KEDGE_COAP_NON)) {
        on_request(net, from, path, bytes, &message);
    } else if ((class == 2 || class == 4 || class == 5) && message.type != KEDGE_COAP_RST) {
        /* A piggybacked one is known by the request that it acknowledges. */
        struct mark mark = {0};
        if (message.type == KEDGE_COAP_CON)
            mark = mark_of(net, bytes, &message);
        exchange_on_response(net, from, path, mark, &message);
    } else {
        net->counters.malformed++; /* section 4.2: reserved classes and impossible pairs */
        if (message.type == KEDGE_COAP_CON)
            reset(net, from, path, message.message_id);
    }
}

/* ---- posts ---- */

static void wake(struct kedge_net *net)
{
    const uint64_t one = 1;
    ssize_t written = write(net->wake, &one, sizeof one);
    (void)written; /* it is full: the loop is awake already */
}

enum kedge_rc kedge_net_post(struct kedge_net *net, void (*fn)(void *context), void *context)
{
    struct post *post = malloc(sizeof *post);
    if (post == NULL)
        return KEDGE_E_MEMORY;
    *post = (struct post){.fn = fn, .context = context};
    pthread_mutex_lock(&net->posts_lock);
    bool is_first = net->posts == NULL;
    *net->posts_end = post;
    net->posts_end = &post->next;
    pthread_mutex_unlock(&net->posts_lock);
    if (is_first) /* the others are run with it */
        wake(net);
    return KEDGE_OK;
}

static void run_posts(struct kedge_net *net)
{
    pthread_mutex_lock(&net->posts_lock);
    struct post *post = net->posts;
    net->posts = NULL;
    net->posts_end = &net->posts;
    pthread_mutex_unlock(&net->posts_lock);
    while (post != NULL) {
        struct post *next = post->next;
        post->fn(post->context);
        free(post);
        post = next;
    }
}

void kedge_net_stop(struct kedge_net *net)
{
    net->stopping = true;
    wake(net);
}

/* ---- the loop ---- */

static void on_wake(struct kedge_net *net)
{
    uint64_t count;
    ssize_t taken = read(net->wake, &count, sizeof count);
    (void)taken;
    run_posts(net);
}

enum kedge_rc net_turn(struct kedge_net *net, int wait_max_ms)
{
    struct epoll_event events[KEDGE_NET_LISTEN_MAX + 1];
    net_flush(net);
    int wait_ms = timer_wheel_wait_ms(&net->wheel, monotonic_ms());
    if (wait_max_ms >= 0 && (wait_ms < 0 || wait_ms > wait_max_ms))
        wait_ms = wait_max_ms;
    int count = epoll_wait(net->epoll, events, KEDGE_NET_LISTEN_MAX + 1, wait_ms);
    if (count < 0 && errno != EINTR)
        return KEDGE_E_SYSTEM;
    net->now_ms = monotonic_ms();
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == WAKE_INDEX)
            on_wake(net);
        else
            listener_read(net, (uint8_t)events[i].data.u32);
    }
    timer_wheel_advance(&net->wheel, net->now_ms);
    return KEDGE_OK;
}

enum kedge_rc kedge_net_run(struct kedge_net *net)
{
    while (!net->stopping)
        KEDGE_TRY(net_turn(net, -1));
    run_posts(net);
    net_flush(net);
    return KEDGE_OK;
}

/* ---- timers, figures ---- */

void kedge_net_timer_arm(struct kedge_net *net, struct kedge_net_timer *timer, uint64_t at_ms,
                         void (*fn)(void *context), void *context)
{
    timer->at_ms = at_ms;
    timer->fn = fn;
    timer->context = context;
    timer_wheel_arm(&net->wheel, timer);
}

void kedge_net_timer_cancel(struct kedge_net *net, struct kedge_net_timer *timer)
{
    timer_wheel_cancel(&net->wheel, timer);
}

uint64_t kedge_net_now_ms(const struct kedge_net *net)
{
    return net->now_ms;
}

size_t kedge_net_receive_buffer(const struct kedge_net *net)
{
    return net->receive_buffer;
}

struct kedge_net_counters kedge_net_counters(const struct kedge_net *net)
{
    struct kedge_net_counters counters = net->counters;
    counters.peers = net->peers.count;
    counters.exchanges = net->exchanges.count;
    return counters;
}

uint16_t kedge_net_local_port(const struct kedge_net *net, size_t index)
{
    if (index >= net->listener_count)
        return 0;
    const struct kedge_address *address = &net->listeners[index].address;
    return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

/* ---- making and ending ---- */

void kedge_net_set_handler(struct kedge_net *net, kedge_net_handler_fn *handler, void *context)
{
    net->config.on_request = handler;
    net->config.context = context;
}

static void set_defaults(struct kedge_net_config *config)
{
    if (config->ack_timeout_ms == 0)
        config->ack_timeout_ms = DEFAULT_ACK_TIMEOUT_MS;
    if (config->retransmit_max == 0)
        config->retransmit_max = DEFAULT_RETRANSMIT_MAX;
    if (config->response_ms == 0)
        config->response_ms = DEFAULT_RESPONSE_MS;
    if (config->handshake_retransmit_ms == 0)
        config->handshake_retransmit_ms = DEFAULT_HANDSHAKE_RETRANSMIT_MS;
    if (config->idle_ms == 0)
        config->idle_ms = DEFAULT_IDLE_MS;
    if (config->unproven_rate.per_s == 0)
        config->unproven_rate =
            (struct kedge_token_rate){DEFAULT_UNPROVEN_PER_S, DEFAULT_UNPROVEN_BURST};
}

static enum kedge_rc open_all(struct kedge_net *net)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = WAKE_INDEX};
    net->epoll = epoll_create1(EPOLL_CLOEXEC);
    net->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (net->epoll < 0 || net->wake < 0 ||
        epoll_ctl(net->epoll, EPOLL_CTL_ADD, net->wake, &event) != 0)
        return KEDGE_E_SYSTEM;
    if (getrandom(&net->key, sizeof net->key, 0) != (ssize_t)sizeof net->key)
        return KEDGE_E_SYSTEM;
    /* RFC 7252 section 4.4: hard to guess. */
    net->admission.next_message_id =
        (uint16_t)kedge_siphash(&net->key, &net->now_ms, sizeof net->now_ms);
    net->outgoing = calloc(BATCH, sizeof *net->outgoing);
    net->incoming = calloc(BATCH, DATAGRAM_SIZE);
    if (net->outgoing == NULL || net->incoming == NULL)
        return KEDGE_E_MEMORY;
    KEDGE_TRY(peers_init(net));
    KEDGE_TRY(exchanges_init(net));
    for (size_t i = 0; i < net->config.listen_count; i++) {
        const struct kedge_address *address = &net->config.listen[i];
        if (address->secure && net->dtls == NULL)
            KEDGE_TRY(dtls_open(net));
        KEDGE_TRY(listener_open(net, address));
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_net_create(const struct kedge_net_config *config, struct kedge_net **out)
{
    if (config->listen_count > KEDGE_NET_LISTEN_MAX)
        return KEDGE_E_LIMIT;
    struct kedge_net *net = calloc(1, sizeof *net);
    if (net == NULL)
        return KEDGE_E_MEMORY;
    net->config = *config;
    net->epoll = net->wake = -1;
    net->posts_end = &net->posts;
    set_defaults(&net->config);
    pthread_mutex_init(&net->posts_lock, NULL);
    net->now_ms = monotonic_ms();
    timer_wheel_init(&net->wheel, net->now_ms);
    enum kedge_rc rc = open_all(net);
    if (rc != KEDGE_OK) {
        int reason = errno;
        kedge_net_destroy(net);
        errno = reason;
        return rc;
    }
    *out = net;
    return KEDGE_OK;
}

void kedge_net_destroy(struct kedge_net *net)
{
    if (net == NULL)
        return;
    run_posts(net);
    for (size_t i = 0; i < net->listener_count; i++)
        close(net->listeners[i].file);
    if (net->exchanges.buckets != NULL)
        exchanges_destroy(net);
    if (net->peers.buckets != NULL)
        peers_destroy(net);
    dtls_close(net);
    if (net->epoll >= 0)
        close(net->epoll);
    if (net->wake >= 0)
        close(net->wake);
    pthread_mutex_destroy(&net->posts_lock);
    free(net->outgoing);
    free(net->incoming);
    free(net);
}
