/* formats.c: which data format goes towards a device. */
#include "updater/lwm2m/formats.h"

#define TEXT KEDGE_LWM2M_FORMAT_TEXT
#define OPAQUE KEDGE_LWM2M_FORMAT_OPAQUE
#define CBOR KEDGE_LWM2M_FORMAT_CBOR
#define TLV KEDGE_LWM2M_FORMAT_TLV
#define SENML_JSON KEDGE_LWM2M_FORMAT_SENML_JSON
#define SENML_CBOR KEDGE_LWM2M_FORMAT_SENML_CBOR
#define JSON KEDGE_LWM2M_FORMAT_JSON
#define LWM2M_CBOR KEDGE_LWM2M_FORMAT_LWM2M_CBOR

#define FORMAT_COUNT 8u

static const uint32_t formats[FORMAT_COUNT] = {TEXT,       OPAQUE,     CBOR, TLV,
                                               SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR};

/*
 * In the order in which they are tried. For writing the simple ones come first, which every client
 * of 1.0 has; for reading the ones that tell types and paths.
 */
struct order {
    uint32_t formats[FORMAT_COUNT];
    size_t count;
};

static const struct order to_write[] = {
    [FORMAT_USE_VALUE] = {{TEXT, CBOR, TLV, SENML_CBOR, LWM2M_CBOR, SENML_JSON, JSON}, 7},
    [FORMAT_USE_BYTES] = {{OPAQUE, CBOR, TLV, SENML_CBOR, LWM2M_CBOR, SENML_JSON, TEXT, JSON}, 8},
    [FORMAT_USE_RECORDS] = {{TLV, SENML_CBOR, LWM2M_CBOR, SENML_JSON, JSON}, 5},
    [FORMAT_USE_COMPOSITE] = {{SENML_CBOR, SENML_JSON}, 2},
};

static const struct order to_read[] = {
    [FORMAT_USE_VALUE] = {{SENML_CBOR, LWM2M_CBOR, TLV, SENML_JSON, JSON, CBOR, TEXT}, 7},
    [FORMAT_USE_BYTES] = {{SENML_CBOR, LWM2M_CBOR, TLV, SENML_JSON, JSON, CBOR, TEXT}, 7},
    [FORMAT_USE_RECORDS] = {{SENML_CBOR, LWM2M_CBOR, TLV, SENML_JSON, JSON}, 5},
    [FORMAT_USE_COMPOSITE] = {{SENML_CBOR, LWM2M_CBOR, SENML_JSON}, 3},
};

uint8_t format_bit(uint32_t content_format)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (formats[i] == content_format)
            return (uint8_t)(1u << i);
    return 0;
}

const char *format_name(uint32_t content_format)
{
    static const char *const names[FORMAT_COUNT] = {
        "plain text", "opaque", "CBOR", "TLV", "SenML JSON", "SenML CBOR", "JSON", "LwM2M CBOR"};
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (formats[i] == content_format)
            return names[i];
    return "unknown";
}

bool format_holds_records(uint32_t content_format)
{
    const struct order *order = &to_write[FORMAT_USE_RECORDS];
    for (size_t i = 0; i < order->count; i++)
        if (order->formats[i] == content_format)
            return true;
    return false;
}

/* The first of the order that is in one set and not in the other. */
static int32_t first(const struct order *order, uint8_t within, uint8_t without)
{
    for (size_t i = 0; i < order->count; i++) {
        uint8_t bit = format_bit(order->formats[i]);
        if ((within & bit) != 0 && (without & bit) == 0)
            return (int32_t)order->formats[i];
    }
    return FORMAT_NONE_LEFT;
}

int32_t format_to_read(enum format_use use, uint8_t said, uint8_t refused)
{
    if (said != 0)
        return first(&to_read[use], said, refused);
    /* TLV is what every client of 1.0 has, and most later ones; it knows no composite answers. */
    uint8_t usual = format_bit(use == FORMAT_USE_COMPOSITE ? SENML_CBOR : TLV);
    return first(&to_read[use], usual, refused);
}

int32_t format_to_write(enum format_use use, uint8_t said, uint8_t refused)
{
    int32_t chosen = said != 0 ? first(&to_write[use], said, refused) : FORMAT_NONE_LEFT;
    /* Lists are not always whole: what is not in one is tried when nothing else is left. */
    return chosen != FORMAT_NONE_LEFT ? chosen : first(&to_write[use], UINT8_MAX, refused);
}
