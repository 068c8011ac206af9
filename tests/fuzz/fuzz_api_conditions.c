// links: kedge-api jansson microhttpd
/* fuzz_api_conditions.c: whatever the header says, a part lies within what is served, and a tag
 * that is not ours never lets a range through. */
#include "updater/api/conditions.h"

#include "tests/fuzz/fuzz.h"

static const char *const names[] = {"Range", "If-Range", "If-Match", "If-None-Match"};

/* The first byte says how large the file is, each line begins with a byte that names its field. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_cursor cursor = kedge_cursor(kedge_slice(data, size));
    struct conditions conditions = {.tag = kedge_slice_text("abc")};
    struct byte_range range = {0};
    struct kedge_slice value;
    uint8_t magnitude, field, length;
    if (kedge_cursor_u8(&cursor, &magnitude) != KEDGE_OK)
        return 0;
    const uint64_t served = UINT64_C(1) << (magnitude % 64);
    while (kedge_cursor_u8(&cursor, &field) == KEDGE_OK &&
           kedge_cursor_u8(&cursor, &length) == KEDGE_OK &&
           kedge_cursor_take(&cursor, length, &value) == KEDGE_OK)
        conditions_take(&conditions, names[field % 4], value);
    enum conditions_verdict verdict = conditions_judge(&conditions, false, served, &range);
    if (verdict == CONDITIONS_PART) {
        FUZZ_REQUIRE(conditions.ranges == 1);
        FUZZ_REQUIRE(range.size >= 1 && range.first < served);
        FUZZ_REQUIRE(range.size <= served - range.first);
    }
    FUZZ_REQUIRE((verdict == CONDITIONS_NOT_MODIFIED) <= conditions.none_match);
    verdict = conditions_judge(&conditions, true, served, &range);
    FUZZ_REQUIRE(verdict != CONDITIONS_PART && verdict != CONDITIONS_UNSATISFIABLE);
    return 0;
}
