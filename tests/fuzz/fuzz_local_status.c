// links: kedge-local
/* fuzz_local_status.c: a status that is read is written and read again as the same. */
#include "agent/local/status.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[KEDGE_STATUS_JSON_MAX], second[KEDGE_STATUS_JSON_MAX];
    struct kedge_status status, again;
    if (kedge_status_read(kedge_slice(data, size), &status) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(kedge_utf8_printable(kedge_slice_text(status.reason)));
    struct kedge_writer out = kedge_writer(first, sizeof first);
    struct kedge_writer out_again = kedge_writer(second, sizeof second);
    FUZZ_REQUIRE(kedge_status_write(&status, KEDGE_STATUS_INDENTED, &out) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_status_read(kedge_writer_slice(&out), &again) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_status_write(&again, KEDGE_STATUS_INDENTED, &out_again) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(kedge_writer_slice(&out), kedge_writer_slice(&out_again)));
    return 0;
}
