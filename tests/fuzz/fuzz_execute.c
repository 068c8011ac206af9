// links: kedge-client-core
/*
 * fuzz_execute.c: the arguments of an Execute: what is taken is a list of sound arguments, so that
 * what stands before a comma outside of quotes is one too, and what stands behind it.
 */
#include "agent/client/execute.h"
#include "tests/fuzz/fuzz.h"

static bool is_taken(const uint8_t *bytes, size_t size)
{
    return kedge_execute_check(kedge_slice(bytes, size)) == KEDGE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!is_taken(data, size) || size == 0)
        return 0;
    FUZZ_REQUIRE(data[0] >= '0' && data[0] <= '9');
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        quoted = quoted != (data[i] == '\'');
        FUZZ_REQUIRE(data[i] > ' ' && data[i] < 0x7F && data[i] != '"' && data[i] != '\\');
        if (data[i] == ',' && !quoted)
            FUZZ_REQUIRE(i > 0 && i + 1 < size && is_taken(data, i) &&
                         is_taken(data + i + 1, size - i - 1));
    }
    FUZZ_REQUIRE(!quoted);
    return 0;
}
