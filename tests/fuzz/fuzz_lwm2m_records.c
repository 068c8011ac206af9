// links: kedge-lwm2m
/*
 * fuzz_lwm2m_records.c: records of every format: byte 0 chooses format and depth of the path that
 * was asked for, the rest is the payload. What is read comes back when it is written again, in each
 * format that can hold it.
 */
#include <kedge/lwm2m_records.h>

#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_TAKEN 4096u
#define RECORDS_MAX 512u

static const uint32_t formats[] = {
    KEDGE_LWM2M_FORMAT_TEXT, KEDGE_LWM2M_FORMAT_OPAQUE,     KEDGE_LWM2M_FORMAT_CBOR,
    KEDGE_LWM2M_FORMAT_TLV,  KEDGE_LWM2M_FORMAT_SENML_JSON, KEDGE_LWM2M_FORMAT_SENML_CBOR,
    KEDGE_LWM2M_FORMAT_JSON, KEDGE_LWM2M_FORMAT_LWM2M_CBOR,
};
#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

static uint8_t scratch_bytes[2 * SIZE_MAX_TAKEN], written[16 * SIZE_MAX_TAKEN];
static uint8_t again_bytes[16 * SIZE_MAX_TAKEN];
static struct kedge_lwm2m_record records[RECORDS_MAX];

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (a <= 0 && a >= 0 && b <= 0 && b >= 0);
}

static void require_same(const struct kedge_lwm2m_record *record,
                         const struct kedge_lwm2m_value *expected)
{
    static uint8_t bytes[2 * SIZE_MAX_TAKEN];
    struct kedge_writer scratch = kedge_writer(bytes, sizeof bytes);
    struct kedge_lwm2m_value value;
    FUZZ_REQUIRE(kedge_lwm2m_record_value(record, expected->type, &scratch, &value) == KEDGE_OK);
    FUZZ_REQUIRE(value.integer == expected->integer);
    FUZZ_REQUIRE(value.unsigned_integer == expected->unsigned_integer);
    FUZZ_REQUIRE(same_bits(value.number, expected->number));
    FUZZ_REQUIRE(value.link.object == expected->link.object);
    FUZZ_REQUIRE(value.link.instance == expected->link.instance);
    FUZZ_REQUIRE(kedge_slice_equal(value.bytes, expected->bytes));
}

/* What could be written can be read, and is the same. */
static void require_comes_back(uint32_t format, const struct kedge_lwm2m_path *path, size_t count)
{
    struct kedge_writer out = kedge_writer(written, sizeof written);
    struct kedge_writer scratch = kedge_writer(again_bytes, sizeof again_bytes);
    struct kedge_lwm2m_reader reader;
    struct kedge_lwm2m_record record;
    if (kedge_lwm2m_records_write(format, path, records, count, &out) != KEDGE_OK)
        return;
    FUZZ_REQUIRE(kedge_lwm2m_reader_open(&reader, format, kedge_writer_slice(&out), path,
                                         &scratch) == KEDGE_OK);
    for (size_t i = 0; i < count; i++) {
        FUZZ_REQUIRE(kedge_lwm2m_reader_next(&reader, &record) == KEDGE_OK);
        FUZZ_REQUIRE(kedge_lwm2m_path_compare(&record.path, &records[i].path) == 0);
        require_same(&record, &records[i].value);
    }
    FUZZ_REQUIRE(kedge_lwm2m_reader_next(&reader, &record) == KEDGE_E_NOT_FOUND);
}

static size_t read_all(uint32_t format, struct kedge_slice payload,
                       const struct kedge_lwm2m_path *path, struct kedge_writer *scratch)
{
    struct kedge_lwm2m_reader reader;
    size_t count = 0;
    if (kedge_lwm2m_reader_open(&reader, format, payload, path, scratch) != KEDGE_OK)
        return 0;
    while (count < RECORDS_MAX) {
        struct kedge_lwm2m_record *record = &records[count];
        if (kedge_lwm2m_reader_next(&reader, record) != KEDGE_OK)
            break;
        FUZZ_REQUIRE(record->path.depth <= 4);
        FUZZ_REQUIRE(kedge_lwm2m_path_shares(&record->path, path, path->depth));
        FUZZ_REQUIRE(fuzz_inside(record->value.bytes, payload) ||
                     fuzz_inside(record->value.bytes, kedge_writer_slice(scratch)));
        if (kedge_lwm2m_record_best(record, scratch, &record->value) != KEDGE_OK)
            continue; /* a string that is too long, or not UTF-8 */
        record->encoding = KEDGE_LWM2M_TYPED;
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice payload = kedge_slice(data, size);
    struct kedge_slice steer = fuzz_take(&payload, 1);
    if (steer.size == 0 || size > SIZE_MAX_TAKEN)
        return 0;
    uint32_t format = formats[steer.data[0] % FORMAT_COUNT];
    const struct kedge_lwm2m_path path = {{3, 0, 6, 1},
                                          (uint8_t)(steer.data[0] / FORMAT_COUNT % 5)};
    struct kedge_writer scratch = kedge_writer(scratch_bytes, sizeof scratch_bytes);
    size_t count = read_all(format, payload, &path, &scratch);
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        require_comes_back(formats[i], &path, count);
    return 0;
}
