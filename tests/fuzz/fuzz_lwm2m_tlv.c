// links: kedge-lwm2m
/* fuzz_lwm2m_tlv.c: entries and values come back from what is written of them, and never longer. */
#include <kedge/lwm2m.h>

#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_TAKEN 65536u
#define LEVELS_MAX 3 /* instance, resource, resource instance */

static uint8_t written[SIZE_MAX_TAKEN];

static void require_value_comes_back(struct kedge_slice bytes)
{
    for (int type = KEDGE_LWM2M_STRING; type <= KEDGE_LWM2M_TIME; type++) {
        struct kedge_lwm2m_value value;
        struct kedge_lwm2m_value again;
        struct kedge_slice found;
        if (kedge_tlv_value(bytes, (enum kedge_lwm2m_type)type, &value) != KEDGE_OK)
            continue;
        struct kedge_writer out = kedge_writer(written, sizeof written);
        FUZZ_REQUIRE(kedge_tlv_write_value(&out, KEDGE_TLV_RESOURCE, 7, &value) == KEDGE_OK);
        FUZZ_REQUIRE(kedge_tlv_find_resource(kedge_writer_slice(&out), 0, 7, &found) == KEDGE_OK);
        FUZZ_REQUIRE(found.size <= bytes.size);
        FUZZ_REQUIRE(kedge_tlv_value(found, value.type, &again) == KEDGE_OK);
        FUZZ_REQUIRE(again.integer == value.integer &&
                     again.unsigned_integer == value.unsigned_integer &&
                     kedge_slice_equal(again.bytes, value.bytes));
    }
}

static void walk(struct kedge_slice payload, int levels)
{
    struct kedge_cursor cursor = kedge_cursor(payload);
    struct kedge_tlv_entry entry;
    for (size_t start = 0; kedge_tlv_next(&cursor, &entry) == KEDGE_OK; start = cursor.offset) {
        FUZZ_REQUIRE(fuzz_inside(entry.value, payload));
        FUZZ_REQUIRE(entry.id != KEDGE_LWM2M_ID_NONE);
        struct kedge_writer out = kedge_writer(written, sizeof written);
        FUZZ_REQUIRE(kedge_tlv_write(&out, entry.kind, entry.id, entry.value) == KEDGE_OK);
        FUZZ_REQUIRE(out.size <= cursor.offset - start);
        struct kedge_cursor back = kedge_cursor(kedge_writer_slice(&out));
        struct kedge_tlv_entry again;
        FUZZ_REQUIRE(kedge_tlv_next(&back, &again) == KEDGE_OK);
        FUZZ_REQUIRE(again.kind == entry.kind && again.id == entry.id);
        FUZZ_REQUIRE(kedge_slice_equal(again.value, entry.value));
        FUZZ_REQUIRE(kedge_cursor_left(&back) == 0);
        require_value_comes_back(entry.value);
        if (levels > 1)
            walk(entry.value, levels - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice payload = kedge_slice(data, size);
    struct kedge_slice value;
    if (size > SIZE_MAX_TAKEN - 8)
        return 0;
    walk(payload, LEVELS_MAX);
    for (uint16_t resource = 0; resource < 20; resource++)
        if (kedge_tlv_find_resource(payload, 0, resource, &value) == KEDGE_OK)
            FUZZ_REQUIRE(fuzz_inside(value, payload));
    return 0;
}
