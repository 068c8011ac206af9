// links: kedge-suit
/* fuzz_suit_text.c: text that is read is written again, and reads the same. */
#include <kedge/suit.h>

#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_TAKEN 32768u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t written[2 * SIZE_MAX_TAKEN];
    struct kedge_slice bytes = kedge_slice(data, size);
    struct kedge_suit_text text;
    struct kedge_suit_text again;
    if (size > SIZE_MAX_TAKEN || kedge_suit_text_read(bytes, &text) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(fuzz_inside(text.description, bytes) && fuzz_inside(text.vendor_domain, bytes));
    FUZZ_REQUIRE(fuzz_inside(text.class_name, bytes) && fuzz_inside(text.version, bytes));
    struct kedge_writer out = kedge_writer(written, sizeof written);
    FUZZ_REQUIRE(kedge_suit_text_write(text.description, text.vendor_domain, text.class_name,
                                       text.version, &out) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_suit_text_read(kedge_writer_slice(&out), &again) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(again.description, text.description));
    FUZZ_REQUIRE(kedge_slice_equal(again.vendor_domain, text.vendor_domain));
    FUZZ_REQUIRE(kedge_slice_equal(again.class_name, text.class_name));
    FUZZ_REQUIRE(kedge_slice_equal(again.version, text.version));
    return 0;
}
