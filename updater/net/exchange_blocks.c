/* exchange_blocks.c: a response that comes in blocks is put together (RFC 7959 section 2.4). */
#include <stdlib.h>
#include <string.h>

#include "updater/net/internal.h"

/* Blocks of different ETags are of different values (RFC 7959 section 2.4). */
bool exchange_has_changed(struct exchange *exchange, const struct kedge_coap_message *response)
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

enum kedge_rc exchange_collect(struct exchange *exchange, const struct kedge_coap_message *response,
                               struct kedge_coap_block *block)
{
    enum kedge_rc rc = kedge_coap_block_find(response, KEDGE_COAP_BLOCK2, block);
    if (rc == KEDGE_E_NOT_FOUND)
        return exchange->collected == NULL ? KEDGE_OK : KEDGE_E_MALFORMED;
    if (rc != KEDGE_OK)
        return KEDGE_E_MALFORMED;
    size_t offset = (size_t)block->number << (block->size_exponent + 4u);
    if (offset < exchange->collected_size)
        return KEDGE_E_EXISTS;
    if (offset != exchange->collected_size || exchange_has_changed(exchange, response))
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
