/*
 * bench_fleet_floor.c: the least that a server of registrations and downloads can do: datagrams in
 * and out in batches, the message taken apart, one record found or made, a reply. No timers, no
 * duplicates, no security: what kedged is measured against.
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

static void on_datagram(const struct sockaddr_in *from, uint8_t *bytes, size_t size)
{
    struct kedge_coap_message request;
    struct kedge_coap_builder builder;
    struct kedge_slice reply;
    uint8_t *buffer = floor_reply();
    if (buffer == NULL || kedge_coap_parse(kedge_slice(bytes, size), &request) != KEDGE_OK ||
        request.code == KEDGE_COAP_EMPTY)
        return;
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
