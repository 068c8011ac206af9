// links: kedge-fetch
/* fuzz_http_field.c: a Content-Range that is taken says something that can be, and says it when it
 * is written out again; an entity tag that is strong has its quotes and nothing that ends a field.
 */
#include "agent/fetch/http_field.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>

static void check_range(const struct kedge_content_range *range)
{
    char text[96];
    struct kedge_content_range again;
    int size;
    if (!range->satisfied)
        size = snprintf(text, sizeof text, "bytes */%" PRIu64, range->total);
    else if (range->has_total)
        size = snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
                        range->last, range->total);
    else
        size = snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/*", range->first,
                        range->last);
    FUZZ_REQUIRE(size > 0 && (size_t)size < sizeof text);
    FUZZ_REQUIRE(kedge_http_content_range(kedge_slice_text(text), &again) == KEDGE_OK);
    FUZZ_REQUIRE(again.satisfied == range->satisfied && again.has_total == range->has_total);
    FUZZ_REQUIRE(again.first == range->first && again.last == range->last);
    FUZZ_REQUIRE(again.total == range->total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_content_range range;
    if (kedge_http_content_range(kedge_slice(data, size), &range) == KEDGE_OK) {
        FUZZ_REQUIRE(range.satisfied || range.has_total);
        FUZZ_REQUIRE(!range.satisfied || range.first <= range.last);
        FUZZ_REQUIRE(!range.satisfied || !range.has_total || range.last < range.total);
        check_range(&range);
    }
    if (kedge_http_etag_is_strong(kedge_slice(data, size))) {
        FUZZ_REQUIRE(size >= 2 && data[0] == '"' && data[size - 1] == '"');
        for (size_t i = 1; i < size - 1; i++)
            FUZZ_REQUIRE(data[i] > 0x20 && data[i] != '"' && data[i] != 0x7F);
    }
    return 0;
}
