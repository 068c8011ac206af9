// links: kedge-client-core kedge-fetch
/*
 * fuzz_agent_progress.c: the file by which a download goes on: what is taken is what would be
 * written, but for a later agent's keys. The input is tried as it is and with the CRC that it
 * should have, which no fuzzer would find.
 */
#include "agent/client/progress_file.h"
#include "tests/fuzz/fuzz.h"

#define FIELDS_AT 5u /* after the magic and the head of the map */
#define CRC_SIZE 4u

static void decode(struct kedge_slice bytes)
{
    static struct kedge_progress progress;
    static uint8_t written[KEDGE_PROGRESS_SIZE_MAX];
    if (kedge_progress_decode(bytes, &progress) != KEDGE_OK)
        return;
    struct kedge_writer out = kedge_writer(written, sizeof written);
    FUZZ_REQUIRE(progress.etag.size > 0 && progress.head_size <= sizeof progress.head);
    FUZZ_REQUIRE(kedge_progress_encode(&progress, &out) == KEDGE_OK);
    FUZZ_REQUIRE(out.size <= bytes.size);
    size_t fields_size = out.size - FIELDS_AT - CRC_SIZE;
    FUZZ_REQUIRE(kedge_slice_equal(kedge_slice(written + FIELDS_AT, fields_size),
                                   kedge_slice(bytes.data + FIELDS_AT, fields_size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[KEDGE_PROGRESS_SIZE_MAX];
    fuzz_with_crc(kedge_slice(data, size), bytes, sizeof bytes, decode);
    return 0;
}
