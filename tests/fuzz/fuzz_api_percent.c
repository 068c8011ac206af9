// links: kedge-api jansson microhttpd
/* fuzz_api_percent.c: what is decoded is a text no longer than it was, and comes back when it is
 * encoded and decoded again. */
#include "updater/api/internal.h"

#include "tests/fuzz/fuzz.h"

#define OUT_SIZE 129u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[OUT_SIZE], again[OUT_SIZE], encoded[3 * OUT_SIZE] = "";
    if (!percent_decode(kedge_slice(data, size), out, sizeof(out)))
        return 0;
    size_t length = strlen(out);
    FUZZ_REQUIRE(length <= size);
    for (size_t i = 0; i < length; i++) {
        encoded[3 * i] = '%';
        kedge_hex_encode(kedge_slice(&out[i], 1), &encoded[3 * i + 1]);
    }
    FUZZ_REQUIRE(percent_decode(kedge_slice(encoded, 3 * length), again, sizeof(again)));
    FUZZ_REQUIRE(strcmp(out, again) == 0);
    return 0;
}
