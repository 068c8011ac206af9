/* builder.c: writing a message: head and token, options in rising order, payload. */
#include <kedge/coap.h>
#include <string.h>

#define PAYLOAD_MARKER 0xFFu
#define OPTION_SIZE_MAX (269u + UINT16_MAX) /* RFC 7252 section 3.1 */

static void keep(struct kedge_coap_builder *builder, enum kedge_rc rc)
{
    if (builder->rc == KEDGE_OK)
        builder->rc = rc;
}

void kedge_coap_begin(struct kedge_coap_builder *builder, void *buffer, size_t capacity,
                      enum kedge_coap_type type, uint8_t code, uint16_t message_id,
                      struct kedge_slice token)
{
    *builder = (struct kedge_coap_builder){.out = kedge_writer(buffer, capacity)};
    if (token.size > KEDGE_COAP_TOKEN_MAX) {
        builder->rc = KEDGE_E_ARGUMENT;
        return;
    }
    keep(builder,
         kedge_writer_u8(&builder->out, (uint8_t)(0x40u | (unsigned)type << 4 | token.size)));
    keep(builder, kedge_writer_u8(&builder->out, code));
    keep(builder, kedge_writer_u16(&builder->out, message_id));
    keep(builder, kedge_writer_put(&builder->out, token));
}

static uint8_t nibble(uint32_t value)
{
    return value < 13 ? (uint8_t)value : value < 269 ? 13 : 14;
}

static void put_extended(struct kedge_coap_builder *builder, uint32_t value)
{
    if (value >= 269)
        keep(builder, kedge_writer_u16(&builder->out, (uint16_t)(value - 269)));
    else if (value >= 13)
        keep(builder, kedge_writer_u8(&builder->out, (uint8_t)(value - 13)));
}

void kedge_coap_add_option(struct kedge_coap_builder *builder, uint16_t number,
                           struct kedge_slice value)
{
    if (number < builder->last_option || value.size > OPTION_SIZE_MAX || builder->has_payload) {
        keep(builder, KEDGE_E_ARGUMENT);
        return;
    }
    uint32_t delta = (uint32_t)number - builder->last_option;
    uint32_t size = (uint32_t)value.size;
    keep(builder, kedge_writer_u8(&builder->out, (uint8_t)(nibble(delta) << 4 | nibble(size))));
    put_extended(builder, delta);
    put_extended(builder, size);
    keep(builder, kedge_writer_put(&builder->out, value));
    builder->last_option = number;
}

/* RFC 7252 section 3.2: as short as it goes; zero is no byte at all. */
void kedge_coap_add_uint(struct kedge_coap_builder *builder, uint16_t number, uint32_t value)
{
    uint8_t bytes[4];
    size_t size = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        if (size > 0 || value >> shift != 0)
            bytes[size++] = (uint8_t)(value >> shift);
    kedge_coap_add_option(builder, number, kedge_slice(bytes, size));
}

void kedge_coap_add_path(struct kedge_coap_builder *builder, uint16_t number, const char *path)
{
    while (*path != '\0') {
        const char *end = strchr(path, '/');
        size_t size = end != NULL ? (size_t)(end - path) : strlen(path);
        if (size > 0)
            kedge_coap_add_option(builder, number, kedge_slice(path, size));
        path += end != NULL ? size + 1 : size;
    }
}

void kedge_coap_add_payload(struct kedge_coap_builder *builder, struct kedge_slice payload)
{
    if (payload.size == 0)
        return;
    if (builder->has_payload) {
        keep(builder, KEDGE_E_ARGUMENT);
        return;
    }
    keep(builder, kedge_writer_u8(&builder->out, PAYLOAD_MARKER));
    keep(builder, kedge_writer_put(&builder->out, payload));
    builder->has_payload = true;
}

enum kedge_rc kedge_coap_finish(const struct kedge_coap_builder *builder,
                                struct kedge_slice *message)
{
    KEDGE_TRY(builder->rc);
    *message = kedge_writer_slice(&builder->out);
    return KEDGE_OK;
}
