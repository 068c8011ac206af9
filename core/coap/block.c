/* block.c: block options (RFC 7959 section 2.2) and the order of notifications (RFC 7641). */
#include <kedge/coap.h>

#define OBSERVE_MODULUS (1u << 24)
#define OBSERVE_FRESH_MS 128000u

enum kedge_rc kedge_coap_block_find(const struct kedge_coap_message *message, uint16_t number,
                                    struct kedge_coap_block *block)
{
    struct kedge_slice bytes;
    uint32_t value;
    if (!kedge_coap_option_find(message, number, &bytes))
        return KEDGE_E_NOT_FOUND;
    if (bytes.size > 3 || !kedge_coap_uint(bytes, &value))
        return KEDGE_E_UNSUPPORTED;
    if ((value & 7u) == 7u)
        return KEDGE_E_MALFORMED;
    *block = (struct kedge_coap_block){
        .number = value >> 4, .more = (value & 8u) != 0, .size_exponent = (uint8_t)(value & 7u)};
    return KEDGE_OK;
}

uint32_t kedge_coap_block_value(const struct kedge_coap_block *block)
{
    return block->number << 4 | (block->more ? 8u : 0u) | block->size_exponent;
}

/* RFC 7641 section 3.4. */
bool kedge_coap_observe_newer(uint32_t a, uint64_t a_ms, uint32_t b, uint64_t b_ms)
{
    uint32_t ahead = (b - a) & (OBSERVE_MODULUS - 1);
    return (ahead > 0 && ahead < OBSERVE_MODULUS / 2) || b_ms > a_ms + OBSERVE_FRESH_MS;
}
