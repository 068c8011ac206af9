/* body.c: see body.h. */
#include "agent/client/body.h"

static bool is_cut(const struct kedge_body *body, struct kedge_slice payload)
{
    return body->block.num > 0 || payload.size > (size_t)1 << (body->block.szx + 4);
}

struct kedge_body kedge_body_asked(const coap_pdu_t *request)
{
    struct kedge_body body = {.block = {.szx = KEDGE_BODY_SZX}};
    if (coap_get_block(request, COAP_OPTION_BLOCK2, &body.block) == 0)
        body.block = (coap_block_t){.szx = KEDGE_BODY_SZX};
    return body;
}

void kedge_body_tag(coap_pdu_t *pdu, const struct kedge_body *body, struct kedge_slice payload)
{
    uint32_t crc = kedge_crc32(0, payload);
    const uint8_t tag[] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
                           (uint8_t)crc};
    if (is_cut(body, payload))
        coap_add_option(pdu, COAP_OPTION_ETAG, sizeof tag, tag);
}

bool kedge_body_add(coap_pdu_t *pdu, const struct kedge_body *body, struct kedge_slice payload)
{
    if (!is_cut(body, payload))
        return payload.size == 0 || coap_add_data(pdu, payload.size, payload.data) != 0;
    coap_block_t block = body->block;
    return coap_write_block_opt(&block, COAP_OPTION_BLOCK2, pdu, payload.size) > 0 &&
           coap_add_block(pdu, payload.size, payload.data, block.num, (unsigned char)block.szx) !=
               0;
}
