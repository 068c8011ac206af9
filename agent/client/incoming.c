/* incoming.c: see incoming.h. */
#include "agent/client/incoming.h"

#include "agent/fetch/channel.h"

static bool take_path(const coap_pdu_t *pdu, struct kedge_incoming *in, uint32_t *crc)
{
    coap_string_t *text = coap_get_uri_path(pdu);
    if (text == NULL)
        return false;
    struct kedge_slice path = kedge_slice(text->s, text->length);
    *crc = kedge_crc32(*crc, path);
    enum kedge_rc rc = kedge_lwm2m_path_parse(path, &in->model.path);
    coap_delete_string(text);
    return rc == KEDGE_OK;
}

bool kedge_incoming_take(const coap_pdu_t *pdu, struct kedge_incoming *in)
{
    *in = (struct kedge_incoming){.token = coap_pdu_get_token(pdu)};
    in->model.method = (uint8_t)coap_pdu_get_code(pdu);
    in->model.format = in->model.accept = KEDGE_LWM2M_FORMAT_NONE;
    kedge_channel_find_uint(pdu, COAP_OPTION_CONTENT_FORMAT, &in->model.format);
    kedge_channel_find_uint(pdu, COAP_OPTION_ACCEPT, &in->model.accept);
    in->has_observe = kedge_channel_find_uint(pdu, COAP_OPTION_OBSERVE, &in->observe);
    in->has_block1 = coap_get_block(pdu, COAP_OPTION_BLOCK1, &in->block1) != 0;
    in->body = kedge_body_asked(pdu);
    const uint8_t *payload = NULL;
    size_t size = 0;
    if (coap_get_data(pdu, &size, &payload) != 0)
        in->model.payload = kedge_slice(payload, size);

    uint32_t crc = kedge_crc32(0, kedge_slice(&in->model.method, 1));
    crc = kedge_crc32(crc, kedge_slice(in->token.s, in->token.length));
    crc = kedge_crc32(crc, in->model.payload);
    bool found = take_path(pdu, in, &crc);
    in->key =
        (struct kedge_recent_key){.message_id = (uint16_t)coap_pdu_get_mid(pdu), .content = crc};
    return found;
}

struct kedge_intake_block kedge_incoming_block(const coap_pdu_t *pdu,
                                               const struct kedge_incoming *in)
{
    coap_opt_iterator_t each;
    uint32_t total = 0;
    const coap_opt_t *tag = coap_check_option(pdu, COAP_OPTION_RTAG, &each);
    struct kedge_intake_block block = {.number = in->block1.num,
                                       .szx = (uint8_t)in->block1.szx,
                                       .more = in->block1.m != 0,
                                       .payload = in->model.payload};
    if (kedge_channel_find_uint(pdu, COAP_OPTION_SIZE1, &total))
        block.total = total;
    if (tag != NULL)
        block.tag = kedge_slice(coap_opt_value(tag), coap_opt_length(tag));
    return block;
}

uint8_t kedge_incoming_collect(const coap_pdu_t *pdu, struct kedge_incoming *in,
                               struct kedge_collect *collect, uint64_t now_ms)
{
    coap_opt_iterator_t each;
    if (!in->has_block1)
        /* An SZX of 7 would be taken for a whole body. */
        return coap_check_option(pdu, COAP_OPTION_BLOCK1, &each) != NULL ? KEDGE_COAP_BAD_OPTION
                                                                         : 0;
    if (in->block1.num == 0 && in->block1.m == 0)
        return 0;
    const struct kedge_intake_block block = kedge_incoming_block(pdu, in);
    uint8_t code = kedge_collect_take(collect, &in->model, &block, now_ms);
    if (code == KEDGE_COAP_TOO_LARGE)
        in->size_max = collect->capacity;
    return code;
}

void kedge_incoming_answered(const struct kedge_incoming *in, struct kedge_collect *collect,
                             uint8_t code)
{
    if (in->has_block1 && in->block1.num > 0)
        kedge_collect_answered(collect, code);
}

void kedge_incoming_add_block(const struct kedge_incoming *in, uint8_t code, coap_pdu_t *response)
{
    bool more = code == KEDGE_COAP_CONTINUE;
    if (in->has_block1)
        kedge_channel_add_uint(response, COAP_OPTION_BLOCK1,
                               in->block1.num << 4 | (more ? 8u : 0u) | in->block1.szx);
    if (in->size_max > 0)
        kedge_channel_add_uint(response, COAP_OPTION_SIZE1, (uint32_t)in->size_max);
}

enum kedge_rc kedge_incoming_register(coap_context_t *context, coap_method_handler_t on_request)
{
    coap_resource_t *every_path = coap_resource_unknown_init2(on_request, 0);
    if (every_path == NULL)
        return KEDGE_E_MEMORY;
    const coap_request_t others[] = {COAP_REQUEST_GET,   COAP_REQUEST_POST,  COAP_REQUEST_DELETE,
                                     COAP_REQUEST_FETCH, COAP_REQUEST_PATCH, COAP_REQUEST_IPATCH};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        coap_register_request_handler(every_path, others[i], on_request);
    coap_add_resource(context, every_path);
    return KEDGE_OK;
}
