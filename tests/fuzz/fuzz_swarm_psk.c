// links: kedge-swarm-parts
/* fuzz_swarm_psk.c: every row of a file of keys is whole, within it, and of an endpoint of its own.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/swarm/psk_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice text = kedge_slice(data, size);
    struct psk_row *rows;
    size_t count, line;
    const char *words;
    uint8_t key[PSK_KEY_MAX];
    enum kedge_rc rc = psk_file_parse(text, &rows, &count, &line, &words);
    FUZZ_REQUIRE((rc == KEDGE_OK) == (words == NULL));
    FUZZ_REQUIRE(rc == KEDGE_OK || (line > 0 && count == 0));
    for (size_t i = 0; i < count; i++) {
        FUZZ_REQUIRE(fuzz_inside(rows[i].endpoint, text) && fuzz_inside(rows[i].identity, text));
        FUZZ_REQUIRE(fuzz_inside(rows[i].key, text));
        FUZZ_REQUIRE(rows[i].endpoint.size > 0 && rows[i].identity.size > 0);
        FUZZ_REQUIRE(psk_row_key(&rows[i], key) * 2 == rows[i].key.size && rows[i].key.size > 0);
        FUZZ_REQUIRE(i == 0 || rows[i].line > rows[i - 1].line);
    }
    for (size_t i = 1; i < count; i++)
        FUZZ_REQUIRE(!kedge_slice_equal(rows[i].endpoint, rows[i - 1].endpoint));
    free(rows);
    return 0;
}
