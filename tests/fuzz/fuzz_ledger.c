// links: kedge-ledger-entry
/* fuzz_ledger.c: a line of a ledger that is taken is, byte for byte, the one that would be written.
 */
#include "signer/ledger/entry.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice line = kedge_slice(data, size);
    struct kedge_ledger_entry entry, again;
    uint8_t bytes[KEDGE_LEDGER_LINE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    (void)kedge_ledger_begins_line(line, NULL);
    if (kedge_ledger_entry_read(line, &entry) != KEDGE_OK)
        return 0;
    again = entry;
    FUZZ_REQUIRE(kedge_ledger_entry_write(&again, &out) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(kedge_slice(bytes, out.size - 1), line));
    FUZZ_REQUIRE(memcmp(entry.hash, again.hash, sizeof entry.hash) == 0);
    FUZZ_REQUIRE(strlen(entry.who) <= KEDGE_LEDGER_WHO_MAX);
    return 0;
}
