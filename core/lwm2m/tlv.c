/*
 * tlv.c: entries of TLV (OMA LwM2M Core 1.1 section 7.4.3).
 *
 *   type byte   bits 7-6 kind, bit 5 id of 16 bits, bits 4-3 bytes of length, bits 2-0 the length
 *               itself when there are none of those
 *   id          1 or 2 bytes
 *   length      0 to 3 bytes
 *   value
 */
#include "core/lwm2m/values.h"

#define KIND_SHIFT 6u
#define WIDE_ID 0x20u
#define LENGTH_BYTES_SHIFT 3u
#define SHORT_LENGTH_MASK 0x07u
#define LENGTH_MAX 0xFFFFFFu

static enum kedge_rc read_id(struct kedge_cursor *cursor, uint8_t type, uint16_t *id)
{
    if ((type & WIDE_ID) != 0)
        return kedge_cursor_u16(cursor, id);
    uint8_t narrow;
    KEDGE_TRY(kedge_cursor_u8(cursor, &narrow));
    *id = narrow;
    return KEDGE_OK;
}

static enum kedge_rc read_length(struct kedge_cursor *cursor, uint8_t type, size_t *length)
{
    unsigned bytes = type >> LENGTH_BYTES_SHIFT & 3u;
    size_t read = bytes == 0 ? type & SHORT_LENGTH_MASK : 0;
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t byte;
        KEDGE_TRY(kedge_cursor_u8(cursor, &byte));
        read = read << 8 | byte;
    }
    *length = read;
    return KEDGE_OK;
}

enum kedge_rc kedge_tlv_next(struct kedge_cursor *cursor, struct kedge_tlv_entry *entry)
{
    if (kedge_cursor_left(cursor) == 0)
        return KEDGE_E_NOT_FOUND;
    struct kedge_cursor at = *cursor;
    struct kedge_tlv_entry read;
    uint8_t type;
    size_t length;
    KEDGE_TRY(kedge_cursor_u8(&at, &type));
    KEDGE_TRY(read_id(&at, type, &read.id));
    KEDGE_TRY(read_length(&at, type, &length));
    KEDGE_TRY(kedge_cursor_take(&at, length, &read.value));
    if (read.id == KEDGE_LWM2M_ID_NONE)
        return KEDGE_E_MALFORMED;
    read.kind = (enum kedge_tlv_kind)(type >> KIND_SHIFT);
    *entry = read;
    *cursor = at;
    return KEDGE_OK;
}

static unsigned length_bytes(size_t length)
{
    return length <= SHORT_LENGTH_MASK ? 0 : length <= 0xFF ? 1 : length <= 0xFFFF ? 2 : 3;
}

enum kedge_rc kedge_tlv_write_head(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                                   size_t size)
{
    if (id == KEDGE_LWM2M_ID_NONE)
        return KEDGE_E_ARGUMENT;
    if (size > LENGTH_MAX)
        return KEDGE_E_LIMIT;
    struct kedge_writer at = *out;
    bool wide = id > UINT8_MAX;
    unsigned bytes = length_bytes(size);
    KEDGE_TRY(
        kedge_writer_u8(&at, (uint8_t)((unsigned)kind << KIND_SHIFT | (wide ? WIDE_ID : 0) |
                                       bytes << LENGTH_BYTES_SHIFT | (bytes == 0 ? size : 0))));
    KEDGE_TRY(wide ? kedge_writer_u16(&at, id) : kedge_writer_u8(&at, (uint8_t)id));
    for (unsigned i = bytes; i > 0; i--)
        KEDGE_TRY(kedge_writer_u8(&at, (uint8_t)(size >> (8 * (i - 1)))));
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_tlv_write(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                              struct kedge_slice value)
{
    struct kedge_writer at = *out;
    KEDGE_TRY(kedge_tlv_write_head(&at, kind, id, value.size));
    KEDGE_TRY(kedge_writer_put(&at, value));
    *out = at;
    return KEDGE_OK;
}

/* Walks all resources of one instance, so that damage behind the one that is asked for shows. */
static enum kedge_rc find_in_instance(struct kedge_slice entries, uint16_t resource,
                                      struct kedge_tlv_entry *found, size_t *count)
{
    struct kedge_cursor cursor = kedge_cursor(entries);
    struct kedge_tlv_entry entry;
    enum kedge_rc rc;
    while ((rc = kedge_tlv_next(&cursor, &entry)) == KEDGE_OK) {
        if (entry.kind != KEDGE_TLV_RESOURCE && entry.kind != KEDGE_TLV_MULTIPLE_RESOURCE)
            return KEDGE_E_MALFORMED;
        if (entry.id != resource)
            continue;
        *found = entry;
        ++*count;
    }
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

enum kedge_rc kedge_tlv_find_resource(struct kedge_slice payload, uint16_t instance,
                                      uint16_t resource, struct kedge_slice *value)
{
    struct kedge_cursor cursor = kedge_cursor(payload);
    struct kedge_tlv_entry entry;
    struct kedge_tlv_entry found;
    size_t count = 0;
    enum kedge_rc rc = kedge_tlv_next(&cursor, &entry);
    if (rc == KEDGE_OK && entry.kind != KEDGE_TLV_OBJECT_INSTANCE) {
        KEDGE_TRY(find_in_instance(payload, resource, &found, &count));
        rc = KEDGE_E_NOT_FOUND;
    }
    for (; rc == KEDGE_OK; rc = kedge_tlv_next(&cursor, &entry)) {
        if (entry.kind != KEDGE_TLV_OBJECT_INSTANCE)
            return KEDGE_E_MALFORMED;
        if (entry.id == instance)
            KEDGE_TRY(find_in_instance(entry.value, resource, &found, &count));
    }
    if (rc != KEDGE_E_NOT_FOUND)
        return rc;
    if (count != 1)
        return count == 0 ? KEDGE_E_NOT_FOUND : KEDGE_E_MALFORMED;
    *value = found.value;
    return KEDGE_OK;
}
