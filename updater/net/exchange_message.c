/* exchange_message.c: what a request of ours looks like, the first time and when more is asked. */
#include <string.h>

#include "updater/net/internal.h"

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

enum kedge_rc exchange_encode(struct exchange *exchange, const struct kedge_net_request *request)
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

enum kedge_rc exchange_encode_again(struct exchange *exchange, uint16_t number, uint32_t value)
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
