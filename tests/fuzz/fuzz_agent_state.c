// links: kedge-client-core
/*
 * fuzz_agent_state.c: the agent's state file: what is taken begins with what would be
 * written, and only a later agent's keys follow. The input is tried as it is and with the CRC that
 * it should have, which no fuzzer would find.
 */
#include "agent/client/state_file.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_AT 5u /* after the magic and the head of the map */
#define CRC_SIZE 4u

static void decode(struct kedge_slice bytes)
{
    struct kedge_agent_state state;
    struct kedge_agent_state fresh;
    if (kedge_agent_state_decode(bytes, &state) != KEDGE_OK) {
        kedge_agent_state_init(&fresh);
        FUZZ_REQUIRE(state.state == fresh.state && state.result == fresh.result);
        FUZZ_REQUIRE(state.uri[0] == '\0' && state.reason[0] == '\0' && state.endpoint[0] == '\0');
        return;
    }
    uint8_t written[KEDGE_AGENT_STATE_SIZE_MAX];
    struct kedge_writer out = kedge_writer(written, sizeof written);
    FUZZ_REQUIRE(kedge_agent_state_encode(&state, &out) == KEDGE_OK);
    FUZZ_REQUIRE(out.size <= bytes.size);
    if (out.size == bytes.size)
        FUZZ_REQUIRE(kedge_slice_equal(kedge_writer_slice(&out), bytes));
    size_t words_size = out.size - WORDS_AT - CRC_SIZE;
    FUZZ_REQUIRE(kedge_slice_equal(kedge_slice(written + WORDS_AT, words_size),
                                   kedge_slice(bytes.data + WORDS_AT, words_size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[KEDGE_AGENT_STATE_SIZE_MAX];
    fuzz_with_crc(kedge_slice(data, size), bytes, sizeof bytes, decode);
    return 0;
}
