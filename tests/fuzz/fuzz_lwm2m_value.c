// links: kedge-lwm2m
/*
 * fuzz_lwm2m_value.c: one value in any format: byte 0 chooses type, format and depth of the path,
 * the rest is the payload. A value in plain text has one text.
 */
#include <kedge/lwm2m.h>

#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_TAKEN 4096u

static void require_one_text(const struct kedge_lwm2m_value *value, struct kedge_slice text)
{
    static uint8_t bytes[2 * SIZE_MAX_TAKEN];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    FUZZ_REQUIRE(kedge_lwm2m_text_write(value, &out) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(kedge_writer_slice(&out), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t formats[] = {
        KEDGE_LWM2M_FORMAT_TEXT,       KEDGE_LWM2M_FORMAT_OPAQUE,     KEDGE_LWM2M_FORMAT_TLV,
        KEDGE_LWM2M_FORMAT_SENML_CBOR, KEDGE_LWM2M_FORMAT_SENML_JSON, KEDGE_LWM2M_FORMAT_JSON,
        KEDGE_LWM2M_FORMAT_CBOR,       KEDGE_LWM2M_FORMAT_LWM2M_CBOR};
    static uint8_t decoded[SIZE_MAX_TAKEN];
    struct kedge_slice payload = kedge_slice(data, size);
    struct kedge_slice steer = fuzz_take(&payload, 1);
    if (steer.size == 0 || size > SIZE_MAX_TAKEN)
        return 0;
    enum kedge_lwm2m_type type = (enum kedge_lwm2m_type)(steer.data[0] % 8);
    uint32_t format = formats[steer.data[0] / 8 % 8];
    const struct kedge_lwm2m_path path = {{5, 0, 8, 1}, steer.data[0] / 64 % 2 == 0 ? 3 : 4};
    struct kedge_writer scratch = kedge_writer(decoded, sizeof decoded);
    struct kedge_lwm2m_value value;
    if (kedge_lwm2m_value_read(format, payload, &path, type, &scratch, &value) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(value.type == type);
    FUZZ_REQUIRE(fuzz_inside(value.bytes, payload) ||
                 fuzz_inside(value.bytes, kedge_writer_slice(&scratch)));
    if (type == KEDGE_LWM2M_STRING)
        FUZZ_REQUIRE(value.bytes.size <= KEDGE_LWM2M_STRING_MAX);
    if (type == KEDGE_LWM2M_BOOLEAN)
        FUZZ_REQUIRE(value.integer == 0 || value.integer == 1);
    if (format == KEDGE_LWM2M_FORMAT_TEXT && type != KEDGE_LWM2M_FLOAT)
        require_one_text(&value, payload);
    return 0;
}
