/*
 * bench_fleet_floor.c: the least that a server of registrations, downloads and pushed blocks can
 * do: datagrams in and out in batches, the message taken apart, one record found or made, a reply.
 * No timers, no duplicates, no security: what kedged is measured against. A PUT asks to be sent
 * blocks, one upon each answer (RFC 7959 section 2.5), until there is none.
 *
 *    bench_fleet_floor RECORDS      prints its port, and serves until it is ended
 */
#include "tests/bench/floor.h"

#include <kedge/coap.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_SIZE (1u << 20)

static struct {
    uint64_t registered, now;
    uint8_t *body;
} server;

static void answer_post(const struct sockaddr_in *from, const struct kedge_coap_message *request,
                        struct kedge_coap_builder *out, void *buffer)
{
    struct kedge_slice token = kedge_slice(request->token, request->token_size);
    struct floor_record *record = floor_find(from);
    bool known = record != NULL && record->peer.sin_family != 0;
    kedge_coap_begin(out, buffer, FLOOR_DATAGRAM_MAX, KEDGE_COAP_ACK,
                     known ? KEDGE_COAP_CHANGED : KEDGE_COAP_CREATED, request->message_id, token);
    if (record == NULL)
        return;
    record->seen = ++server.now;
    if (known)
        return;
    record->peer = *from;
    (void)snprintf(record->location, sizeof record->location, "%024llx",
                   (unsigned long long)++server.registered);
    kedge_coap_add_path(out, KEDGE_COAP_LOCATION_PATH, "rd");
    kedge_coap_add_path(out, KEDGE_COAP_LOCATION_PATH, record->location);
}

static void answer_get(const struct kedge_coap_message *request, struct kedge_coap_builder *out,
                       void *buffer)
{
    struct kedge_coap_block block = {.size_exponent = 6};
    struct kedge_slice token = kedge_slice(request->token, request->token_size);
    if (kedge_coap_block_find(request, KEDGE_COAP_BLOCK2, &block) != KEDGE_OK)
        block = (struct kedge_coap_block){.size_exponent = 6};
    size_t size = kedge_coap_block_size(&block);
    size_t offset = (size_t)block.number * size % BODY_SIZE;
    block.more = true;
    kedge_coap_begin(out, buffer, FLOOR_DATAGRAM_MAX, KEDGE_COAP_ACK, KEDGE_COAP_CONTENT,
                     request->message_id, token);
    kedge_coap_add_option(out, KEDGE_COAP_ETAG, kedge_slice("floor", 5));
    kedge_coap_add_uint(out, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&block));
    kedge_coap_add_payload(out, kedge_slice(server.body + offset, size));
}

/* The next block leaves with the confirmation of the last one, and not before. */
static void push_block(const struct sockaddr_in *to, struct floor_record *record)
{
    struct kedge_coap_builder out;
    struct kedge_slice message;
    const struct kedge_coap_block block = {
        .number = record->block, .more = true, .size_exponent = 6};
    size_t size = kedge_coap_block_size(&block);
    uint8_t *buffer = floor_reply();
    if (buffer == NULL)
        return;
    record->message_id++;
    kedge_coap_begin(&out, buffer, FLOOR_DATAGRAM_MAX, KEDGE_COAP_CON, KEDGE_COAP_PUT,
                     record->message_id, kedge_slice("floor-00", 8));
    kedge_coap_add_path(&out, KEDGE_COAP_URI_PATH, "5/0/0");
    kedge_coap_add_uint(&out, KEDGE_COAP_CONTENT_FORMAT, 42);
    kedge_coap_add_uint(&out, KEDGE_COAP_BLOCK1, kedge_coap_block_value(&block));
    kedge_coap_add_option(&out, KEDGE_COAP_REQUEST_TAG, kedge_slice("floor-00", 8));
    kedge_coap_add_payload(&out, kedge_slice(server.body + block.number * size % BODY_SIZE, size));
    if (kedge_coap_finish(&out, &message) == KEDGE_OK)
        floor_reply_is(to, message.size);
}

static void on_asked(const struct sockaddr_in *from)
{
    struct floor_record *record = floor_find(from);
    if (record == NULL || record->peer.sin_family == 0)
        return;
    record->block = 0;
    push_block(from, record);
}

static void on_confirmed(const struct sockaddr_in *from, const struct kedge_coap_message *answer)
{
    struct floor_record *record = floor_find(from);
    struct kedge_coap_block said;
    if (record == NULL || record->peer.sin_family == 0 ||
        record->message_id != answer->message_id || answer->code != KEDGE_COAP_CONTINUE ||
        kedge_coap_block_find(answer, KEDGE_COAP_BLOCK1, &said) != KEDGE_OK ||
        said.number != record->block)
        return;
    record->block = (record->block + 1) % (BODY_SIZE / 1024u);
    push_block(from, record);
}

static void on_datagram(const struct sockaddr_in *from, uint8_t *bytes, size_t size)
{
    struct kedge_coap_message request;
    struct kedge_coap_builder builder;
    struct kedge_slice reply;
    uint8_t *buffer = floor_reply();
    if (buffer == NULL || kedge_coap_parse(kedge_slice(bytes, size), &request) != KEDGE_OK ||
        request.code == KEDGE_COAP_EMPTY)
        return;
    if (request.code >> 5 != 0) {
        on_confirmed(from, &request);
        return;
    }
    if (request.code == KEDGE_COAP_PUT) {
        on_asked(from);
        return;
    }
    if (request.code == KEDGE_COAP_GET)
        answer_get(&request, &builder, buffer);
    else
        answer_post(from, &request, &builder, buffer);
    if (kedge_coap_finish(&builder, &reply) == KEDGE_OK)
        floor_reply_is(from, reply.size);
}

int main(int argc, char **argv)
{
    server.body = calloc(1, BODY_SIZE);
    if (server.body == NULL) {
        perror("bench_fleet_floor");
        return 1;
    }
    return floor_main(argc, argv, on_datagram);
}
