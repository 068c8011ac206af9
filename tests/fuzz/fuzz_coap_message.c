// links: kedge-coap
/* fuzz_coap_message.c: CoAP has one encoding for each message: built again it is the same bytes. */
#include <kedge/coap.h>

#include "tests/fuzz/fuzz.h"

static uint8_t built[2 * 65536u];

static void require_same_when_built(const struct kedge_coap_message *message,
                                    struct kedge_slice datagram)
{
    struct kedge_coap_builder builder;
    struct kedge_slice bytes;
    struct kedge_coap_options walk = kedge_coap_options(message);
    struct kedge_coap_option option;
    size_t count = 0;
    kedge_coap_begin(&builder, built, sizeof built, message->type, message->code,
                     message->message_id, kedge_slice(message->token, message->token_size));
    while (kedge_coap_option_next(&walk, &option)) {
        FUZZ_REQUIRE(fuzz_inside(option.value, datagram));
        FUZZ_REQUIRE(++count <= KEDGE_COAP_OPTIONS_MAX);
        kedge_coap_add_option(&builder, option.number, option.value);
    }
    kedge_coap_add_payload(&builder, message->payload);
    FUZZ_REQUIRE(kedge_coap_finish(&builder, &bytes) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(bytes, datagram));
}

static void ask(const struct kedge_coap_message *message, struct kedge_slice datagram)
{
    struct kedge_slice value;
    uint32_t number;
    uint16_t unknown = kedge_coap_unknown_critical(message);
    if (unknown != 0)
        FUZZ_REQUIRE(unknown % 2 == 1 && kedge_coap_option_find(message, unknown, &value));
    size_t segments = kedge_coap_path_count(message);
    FUZZ_REQUIRE(kedge_coap_path_segment(message, segments, &value) == false);
    if (kedge_coap_path_is(message, "rd"))
        FUZZ_REQUIRE(segments == 1);
    if (kedge_coap_query(message, "ep", &value))
        FUZZ_REQUIRE(fuzz_inside(value, datagram));
    if (kedge_coap_option_uint(message, KEDGE_COAP_CONTENT_FORMAT, &number))
        FUZZ_REQUIRE(kedge_coap_option_find(message, KEDGE_COAP_CONTENT_FORMAT, &value));
    const uint16_t blocks[] = {KEDGE_COAP_BLOCK1, KEDGE_COAP_BLOCK2};
    for (size_t i = 0; i < 2; i++) {
        struct kedge_coap_block block;
        if (kedge_coap_block_find(message, blocks[i], &block) != KEDGE_OK)
            continue;
        FUZZ_REQUIRE(block.number <= KEDGE_COAP_BLOCK_NUMBER_MAX);
        FUZZ_REQUIRE(kedge_coap_block_size(&block) >= 16 && kedge_coap_block_size(&block) <= 1024);
        FUZZ_REQUIRE(kedge_coap_option_uint(message, blocks[i], &number));
        FUZZ_REQUIRE(kedge_coap_block_value(&block) == number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice datagram = kedge_slice(data, size);
    struct kedge_coap_message message;
    if (size > 65536u || kedge_coap_parse(datagram, &message) != KEDGE_OK)
        return 0;
    require_same_when_built(&message, datagram);
    ask(&message, datagram);
    return 0;
}
