/*
 * bodies.c: requests whose bodies come in blocks (Block1, RFC 7959 section 2.3): a Register or an
 * Update with many links, and Send. One body for each peer at a time; a block 0 begins anew.
 *
 * What is half there costs memory that anybody can ask for: it is bounded in size and number, the
 * one that was quiet longest makes room for another, and none is kept longer than a client tries.
 */
#include "updater/lwm2m/internal.h"

#include <stdlib.h>
#include <string.h>

#define BODY_MAX 65536u
#define BODIES_MAX 64u     /* of those who are known, and of strangers */
#define PATIENCE_MS 93000u /* MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2) */

struct body {
    struct body *next;
    struct kedge_fleet *fleet;
    struct kedge_address from;
    bool stranger;    /* no device that was known when it began */
    uint64_t request; /* what it is the body of */
    struct kedge_net_timer timer;
    uint8_t *bytes;
    size_t size;
};

/* ---- the list ---- */

static struct body **link_of(struct kedge_fleet *fleet, const struct kedge_address *from)
{
    struct body **link = &fleet->bodies;
    while (*link != NULL && !kedge_address_equal(&(*link)->from, from))
        link = &(*link)->next;
    return link;
}

static void drop(struct body **link)
{
    struct body *body = *link;
    *link = body->next;
    body->fleet->body_count--;
    body->fleet->known_body_count -= !body->stranger;
    kedge_net_timer_cancel(body->fleet->net, &body->timer);
    free(body->bytes);
    free(body);
}

static void on_timer(void *context)
{
    struct body *body = context;
    drop(link_of(body->fleet, &body->from));
}

static size_t count_of(const struct kedge_fleet *fleet, bool stranger)
{
    return stranger ? fleet->body_count - fleet->known_body_count : fleet->known_body_count;
}

/* Of its kind: strangers push out nobody who is known. */
static void drop_oldest(struct kedge_fleet *fleet, bool stranger)
{
    struct body **oldest = NULL;
    for (struct body **link = &fleet->bodies; *link != NULL; link = &(*link)->next)
        if ((*link)->stranger == stranger)
            oldest = link;
    if (oldest != NULL)
        drop(oldest);
}

static void to_front(struct kedge_fleet *fleet, struct body **link)
{
    struct body *body = *link;
    *link = body->next;
    body->next = fleet->bodies;
    fleet->bodies = body;
    kedge_net_timer_arm(fleet->net, &body->timer, kedge_net_now_ms(fleet->net) + PATIENCE_MS,
                        on_timer, body);
}

void bodies_free(struct kedge_fleet *fleet)
{
    while (fleet->bodies != NULL)
        drop(&fleet->bodies);
}

/* ---- blocks ---- */

/* All that the blocks of one body have in common: method and options, but for the block's own. */
static uint64_t hash_request(const struct kedge_fleet *fleet,
                             const struct kedge_coap_message *request)
{
    struct kedge_coap_options walk = kedge_coap_options(request);
    struct kedge_coap_option option;
    uint64_t hashes[3] = {request->code, 0, 0};
    while (kedge_coap_option_next(&walk, &option)) {
        if (option.number == KEDGE_COAP_BLOCK1 || option.number == KEDGE_COAP_SIZE1)
            continue;
        hashes[1] = option.number;
        hashes[2] = kedge_siphash(&fleet->key, option.value.data, option.value.size);
        hashes[0] = kedge_siphash(&fleet->key, hashes, sizeof hashes);
    }
    return hashes[0];
}

static struct body *begin(struct kedge_fleet *fleet, const struct kedge_address *from,
                          uint64_t request)
{
    struct body **known = link_of(fleet, from);
    if (*known != NULL)
        drop(known);
    bool stranger = !from->secure && device_by_address(fleet, from) == NULL;
    if (count_of(fleet, stranger) >= BODIES_MAX)
        drop_oldest(fleet, stranger);
    struct body *body = calloc(1, sizeof *body);
    if (body == NULL)
        return NULL;
    *body = (struct body){.next = fleet->bodies,
                          .fleet = fleet,
                          .from = *from,
                          .stranger = stranger,
                          .request = request};
    fleet->bodies = body;
    fleet->body_count++;
    fleet->known_body_count += !stranger;
    return body;
}

/* A block that came before, of which the answer was lost, changes nothing. */
static enum kedge_rc append(struct body *body, size_t offset, struct kedge_slice bytes)
{
    if (offset + bytes.size <= body->size)
        return memcmp(body->bytes + offset, bytes.data, bytes.size) == 0 ? KEDGE_OK
                                                                         : KEDGE_E_CONFLICT;
    if (offset != body->size)
        return KEDGE_E_CONFLICT;
    if (bytes.size > BODY_MAX - offset)
        return KEDGE_E_LIMIT;
    uint8_t *larger = realloc(body->bytes, offset + bytes.size);
    if (larger == NULL)
        return KEDGE_E_MEMORY;
    memcpy(larger + offset, bytes.data, bytes.size);
    body->bytes = larger;
    body->size = offset + bytes.size;
    return KEDGE_OK;
}

static bool is_as_long_as_it_says(const struct kedge_coap_message *request,
                                  const struct kedge_coap_block *block)
{
    return request->payload.size > 0 &&
           (!block->more || request->payload.size == kedge_coap_block_size(block));
}

static enum kedge_rc take_block(struct kedge_fleet *fleet, const struct kedge_address *from,
                                const struct kedge_coap_message *request,
                                const struct kedge_coap_block *block)
{
    uint64_t hash = hash_request(fleet, request);
    size_t offset = (size_t)block->number << (block->size_exponent + 4u);
    if (block->number == 0 && !is_as_long_as_it_says(request, block))
        return KEDGE_E_MALFORMED; /* and nothing is begun */
    struct body *body = block->number == 0 ? begin(fleet, from, hash) : *link_of(fleet, from);
    if (body == NULL)
        return block->number == 0 ? KEDGE_E_MEMORY : KEDGE_E_NOT_FOUND;
    if (body->request != hash)
        return KEDGE_E_CONFLICT;
    if (!is_as_long_as_it_says(request, block))
        return KEDGE_E_MALFORMED;
    KEDGE_TRY(append(body, offset, request->payload));
    to_front(fleet, link_of(fleet, from));
    return KEDGE_OK;
}

/* ---- answers ---- */

struct kedge_coap_builder *body_reply(const struct kedge_fleet *fleet,
                                      struct kedge_net_reply *reply, uint8_t code,
                                      const char *location)
{
    struct kedge_coap_builder *builder = kedge_net_reply(reply, code);
    if (location != NULL) {
        kedge_coap_add_path(builder, KEDGE_COAP_LOCATION_PATH, "rd");
        kedge_coap_add_path(builder, KEDGE_COAP_LOCATION_PATH, location);
    }
    if (fleet->last_block != NULL)
        kedge_coap_add_uint(builder, KEDGE_COAP_BLOCK1, kedge_coap_block_value(fleet->last_block));
    if (code == KEDGE_COAP_TOO_LARGE)
        kedge_coap_add_uint(builder, KEDGE_COAP_SIZE1, BODY_MAX);
    return builder;
}

void body_refuse(struct kedge_fleet *fleet, struct kedge_net_reply *reply, uint8_t code,
                 const char *reason)
{
    fleet->counters.refused++;
    kedge_coap_add_payload(body_reply(fleet, reply, code, NULL), kedge_slice_text(reason));
}

static void refuse_block(struct kedge_fleet *fleet, struct kedge_net_reply *reply, enum kedge_rc rc)
{
    switch (rc) {
    case KEDGE_E_LIMIT:
        body_refuse(fleet, reply, KEDGE_COAP_TOO_LARGE, "a body has at most 65536 bytes");
        return;
    case KEDGE_E_NOT_FOUND:
    case KEDGE_E_CONFLICT:
        body_refuse(fleet, reply, KEDGE_COAP_INCOMPLETE, "begin again with block 0");
        return;
    case KEDGE_E_UNSUPPORTED:
        body_refuse(fleet, reply, KEDGE_COAP_BAD_OPTION, "Block1 has 3 bytes at most");
        return;
    case KEDGE_E_MEMORY:
        body_refuse(fleet, reply, KEDGE_COAP_UNAVAILABLE, "out of memory");
        return;
    default:
        body_refuse(fleet, reply, KEDGE_COAP_BAD_REQUEST, "the block is not what its option says");
        return;
    }
}

static bool is_too_large(const struct kedge_coap_message *request)
{
    uint32_t size;
    return kedge_coap_option_uint(request, KEDGE_COAP_SIZE1, &size) && size > BODY_MAX;
}

/* The last block is there: the handler sees the request as if it had come in one piece. */
static void finish(struct kedge_fleet *fleet, const struct kedge_address *from,
                   const struct kedge_coap_message *request, struct kedge_net_reply *reply,
                   request_handler_fn *handler)
{
    struct body **link = link_of(fleet, from);
    struct kedge_coap_message whole = *request;
    uint8_t *bytes = (*link)->bytes;
    whole.payload = kedge_slice(bytes, (*link)->size);
    (*link)->bytes = NULL;
    drop(link);
    handler(fleet, from, &whole, reply);
    free(bytes);
}

void body_collect(struct kedge_fleet *fleet, const struct kedge_address *from,
                  const struct kedge_coap_message *request, struct kedge_net_reply *reply,
                  request_handler_fn *handler)
{
    struct kedge_coap_block block;
    enum kedge_rc rc = kedge_coap_block_find(request, KEDGE_COAP_BLOCK1, &block);
    if (rc == KEDGE_E_NOT_FOUND) {
        handler(fleet, from, request, reply);
        return;
    }
    if (!fleet_admits(fleet, from)) {
        kedge_net_reply_nothing(reply);
        return;
    }
    if (rc == KEDGE_OK)
        rc = is_too_large(request) ? KEDGE_E_LIMIT : take_block(fleet, from, request, &block);
    fleet->last_block = rc == KEDGE_OK ? &block : NULL;
    if (rc != KEDGE_OK)
        refuse_block(fleet, reply, rc);
    else if (block.more)
        body_reply(fleet, reply, KEDGE_COAP_CONTINUE, NULL);
    else
        finish(fleet, from, request, reply, handler);
    fleet->last_block = NULL;
}
