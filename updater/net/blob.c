/* blob.c: one block of many, from one shared mapping. */
#include "updater/net/blob.h"

#define LARGEST_EXPONENT 6u /* 1,024 bytes: with the head still below 1,280 */

/* Whether one of these options, ETag or If-Match, is `etag`. */
static bool names(const struct kedge_coap_message *request, uint16_t number,
                  struct kedge_slice etag)
{
    struct kedge_coap_options walk = kedge_coap_options(request);
    struct kedge_coap_option option;
    while (kedge_coap_option_next(&walk, &option))
        if (option.number == number && kedge_slice_equal(option.value, etag))
            return true;
    return false;
}

/* RFC 7252 section 5.10.8: an empty If-Match is fulfilled by whatever there is. */
static bool conditions_hold(const struct kedge_blob *blob, const struct kedge_coap_message *request)
{
    struct kedge_slice value;
    if (kedge_coap_option_find(request, KEDGE_COAP_IF_NONE_MATCH, &value))
        return false;
    return !kedge_coap_option_find(request, KEDGE_COAP_IF_MATCH, &value) ||
           names(request, KEDGE_COAP_IF_MATCH, blob->etag) ||
           names(request, KEDGE_COAP_IF_MATCH, kedge_slice(NULL, 0));
}

/* Why it cannot be had, as a code; 0: it can. */
static uint8_t refusal(const struct kedge_blob *blob, const struct kedge_coap_message *request,
                       struct kedge_coap_block *block)
{
    uint32_t accept;
    if (request->code != KEDGE_COAP_GET)
        return KEDGE_COAP_METHOD_NOT_ALLOWED;
    enum kedge_rc rc = kedge_coap_block_find(request, KEDGE_COAP_BLOCK2, block);
    if (rc != KEDGE_OK && rc != KEDGE_E_NOT_FOUND)
        return rc == KEDGE_E_MALFORMED ? KEDGE_COAP_BAD_REQUEST : KEDGE_COAP_BAD_OPTION;
    if (kedge_coap_option_uint(request, KEDGE_COAP_ACCEPT, &accept) &&
        accept != blob->content_format)
        return KEDGE_COAP_NOT_ACCEPTABLE;
    if (!conditions_hold(blob, request))
        return KEDGE_COAP_PRECONDITION_FAILED;
    size_t offset = (size_t)block->number << (block->size_exponent + 4u);
    return offset > 0 && offset >= blob->bytes.size ? KEDGE_COAP_BAD_REQUEST : 0;
}

/* A resumed transfer names the ETag to be sure of the bytes: it wants them, not a 2.03. */
static bool has_it(const struct kedge_blob *blob, const struct kedge_coap_message *request,
                   const struct kedge_coap_block *block)
{
    return block->number == 0 && names(request, KEDGE_COAP_ETAG, blob->etag);
}

static struct kedge_slice part_of(const struct kedge_blob *blob,
                                  const struct kedge_coap_block *block)
{
    size_t offset = (size_t)block->number << (block->size_exponent + 4u);
    size_t size = kedge_coap_block_size(block);
    if (size > blob->bytes.size - offset)
        size = blob->bytes.size - offset;
    return kedge_slice(blob->bytes.data + offset, size);
}

size_t kedge_blob_part(const struct kedge_blob *blob, const struct kedge_coap_message *request,
                       bool *is_first)
{
    struct kedge_coap_block block = {.size_exponent = LARGEST_EXPONENT};
    bool carries = refusal(blob, request, &block) == 0 && !has_it(blob, request, &block);
    *is_first = block.number == 0;
    return carries ? part_of(blob, &block).size : 0;
}

size_t kedge_blob_serve(const struct kedge_blob *blob, const struct kedge_coap_message *request,
                        struct kedge_net_reply *reply)
{
    struct kedge_coap_block block = {.size_exponent = LARGEST_EXPONENT};
    uint8_t code = refusal(blob, request, &block);
    if (code != 0) {
        kedge_net_reply(reply, code);
        return 0;
    }
    if (has_it(blob, request, &block)) {
        struct kedge_coap_builder *valid = kedge_net_reply(reply, KEDGE_COAP_VALID);
        kedge_coap_add_option(valid, KEDGE_COAP_ETAG, blob->etag);
        return 0;
    }
    const struct kedge_slice part = part_of(blob, &block);
    const size_t reach = (size_t)(part.data - blob->bytes.data) + part.size;
    block.more = reach < blob->bytes.size;
    struct kedge_coap_builder *builder = kedge_net_reply(reply, KEDGE_COAP_CONTENT);
    kedge_coap_add_option(builder, KEDGE_COAP_ETAG, blob->etag);
    kedge_coap_add_uint(builder, KEDGE_COAP_CONTENT_FORMAT, blob->content_format);
    kedge_coap_add_uint(builder, KEDGE_COAP_BLOCK2, kedge_coap_block_value(&block));
    if (block.number == 0 && blob->bytes.size <= UINT32_MAX)
        kedge_coap_add_uint(builder, KEDGE_COAP_SIZE2, (uint32_t)blob->bytes.size);
    kedge_coap_add_payload(builder, part);
    return reach;
}
