// links: kedge-local
/* fuzz_local_request.c: what comes to the agent's local socket, and errors that come from it. */
#include "agent/local/request.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice line = kedge_slice(data, size);
    struct kedge_local_request request, again;
    char words[KEDGE_LOCAL_WORDS_MAX + 1];
    if (kedge_local_error_read(line, words))
        FUZZ_REQUIRE(kedge_utf8_printable(kedge_slice_text(words)));
    if (kedge_local_request_read(line, &request) != KEDGE_OK)
        return 0;
    uint8_t written[KEDGE_LOCAL_LINE_MAX];
    struct kedge_writer out = kedge_writer(written, sizeof written);
    FUZZ_REQUIRE(kedge_local_request_write(&request, &out) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_local_request_read(kedge_slice(written, out.size - 1), &again) == KEDGE_OK);
    FUZZ_REQUIRE(again.command == request.command && again.seconds == request.seconds);
    return 0;
}
