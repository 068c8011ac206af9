// links: kedge-cbor
/* fuzz_cbor.c: what the reader admits is canonical: written again it is the same bytes. */
#include <kedge/cbor.h>

#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_TAKEN 65536u

static uint8_t written[SIZE_MAX_TAKEN];

static uint64_t items_inside(const struct kedge_cbor_item *item)
{
    switch (item->type) {
    case KEDGE_CBOR_ARRAY:
        return item->value;
    case KEDGE_CBOR_MAP:
        return 2 * item->value;
    case KEDGE_CBOR_TAG:
        return 1;
    default:
        return 0;
    }
}

/* Heads follow one another, so one loop copies an item however deep it is. */
static void copy(struct kedge_slice bytes, struct kedge_writer *out)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    for (uint64_t open = 1; open > 0; open--) {
        struct kedge_cbor_item item;
        FUZZ_REQUIRE(kedge_cbor_next(&cursor, &item) == KEDGE_OK);
        FUZZ_REQUIRE(fuzz_inside(item.bytes, bytes));
        FUZZ_REQUIRE(kedge_cbor_write_item(out, &item) == KEDGE_OK);
        open += items_inside(&item);
    }
    FUZZ_REQUIRE(kedge_cbor_end(&cursor) == KEDGE_OK);
}

/* Each reads what stands at the start or fails and moves nothing. */
static void read_typed(struct kedge_slice bytes)
{
    uint64_t number;
    int64_t integer;
    bool boolean;
    size_t count;
    struct kedge_slice string;
    struct kedge_cbor_map map;
    struct kedge_cbor_item item;
    struct kedge_cursor cursor = kedge_cursor(bytes);
#define READ(call)                                              \
    do {                                                        \
        cursor = kedge_cursor(bytes);                           \
        FUZZ_REQUIRE((call) == KEDGE_OK || cursor.offset == 0); \
        FUZZ_REQUIRE(cursor.offset <= bytes.size);              \
    } while (0)
    READ(kedge_cbor_uint(&cursor, &number));
    READ(kedge_cbor_int(&cursor, &integer));
    READ(kedge_cbor_bool(&cursor, &boolean));
    READ(kedge_cbor_null(&cursor));
    READ(kedge_cbor_bstr(&cursor, &string));
    READ(kedge_cbor_tstr(&cursor, &string));
    READ(kedge_cbor_bstr_head(&cursor, &number));
    READ(kedge_cbor_array(&cursor, &count));
    READ(kedge_cbor_tag(&cursor, &number));
    READ(kedge_cbor_map(&cursor, &map));
    READ(kedge_cbor_next(&cursor, &item));
    READ(kedge_cbor_skip(&cursor, &string));
#undef READ
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice bytes = kedge_slice(data, size);
    read_typed(bytes);
    if (size > SIZE_MAX_TAKEN || kedge_cbor_check(bytes) != KEDGE_OK)
        return 0;
    struct kedge_writer out = kedge_writer(written, sizeof written);
    copy(bytes, &out);
    FUZZ_REQUIRE(kedge_slice_equal(kedge_writer_slice(&out), bytes));
    return 0;
}
