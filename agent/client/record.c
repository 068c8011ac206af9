/* record.c: see record.h. */
#include "agent/client/record.h"

#include <string.h>

#define MAGIC_SIZE 4u
#define CRC_SIZE 4u

enum kedge_rc kedge_record_begin(struct kedge_writer *out, const char *magic, uint64_t key_count,
                                 size_t *start)
{
    *start = out->size;
    KEDGE_TRY(kedge_writer_put(out, kedge_slice(magic, MAGIC_SIZE)));
    return kedge_cbor_write_map(out, key_count);
}

enum kedge_rc kedge_record_put_number(struct kedge_writer *out, uint64_t key, uint64_t value)
{
    KEDGE_TRY(kedge_cbor_write_uint(out, key));
    return kedge_cbor_write_uint(out, value);
}

enum kedge_rc kedge_record_put_text(struct kedge_writer *out, uint64_t key, const char *text)
{
    KEDGE_TRY(kedge_cbor_write_uint(out, key));
    return kedge_cbor_write_tstr(out, kedge_slice_text(text));
}

enum kedge_rc kedge_record_put_bytes(struct kedge_writer *out, uint64_t key,
                                     struct kedge_slice bytes)
{
    KEDGE_TRY(kedge_cbor_write_uint(out, key));
    return kedge_cbor_write_bstr(out, bytes);
}

enum kedge_rc kedge_record_end(struct kedge_writer *out, size_t start)
{
    return kedge_writer_u32(out, kedge_crc32(0, kedge_slice(out->data + start, out->size - start)));
}

enum kedge_rc kedge_record_open(struct kedge_record *record, struct kedge_slice bytes,
                                const char *magic, size_t key_count)
{
    if (bytes.size < MAGIC_SIZE + CRC_SIZE)
        return KEDGE_E_TRUNCATED;
    struct kedge_slice body = kedge_slice(bytes.data, bytes.size - CRC_SIZE);
    struct kedge_cursor tail = kedge_cursor(kedge_slice(bytes.data + body.size, CRC_SIZE));
    uint32_t crc;
    KEDGE_TRY(kedge_cursor_u32(&tail, &crc));
    if (crc != kedge_crc32(0, body))
        return KEDGE_E_DIGEST;
    record->cursor = kedge_cursor(body);
    struct kedge_slice found;
    KEDGE_TRY(kedge_cursor_take(&record->cursor, MAGIC_SIZE, &found));
    if (!kedge_slice_equal(found, kedge_slice(magic, MAGIC_SIZE)))
        return KEDGE_E_UNSUPPORTED;
    KEDGE_TRY(kedge_cbor_map(&record->cursor, &record->map));
    if (record->map.left < key_count)
        return KEDGE_E_MALFORMED;
    return record->map.left <= KEDGE_RECORD_KEYS_MAX ? KEDGE_OK : KEDGE_E_LIMIT;
}

static enum kedge_rc get_key(struct kedge_record *record, uint64_t wanted)
{
    struct kedge_cbor_item key;
    KEDGE_TRY(kedge_cbor_map_key(&record->cursor, &record->map, &key));
    return key.type == KEDGE_CBOR_UINT && key.value == wanted ? KEDGE_OK : KEDGE_E_MALFORMED;
}

bool kedge_record_has(const struct kedge_record *record, uint64_t key)
{
    struct kedge_record ahead = *record;
    return get_key(&ahead, key) == KEDGE_OK;
}

enum kedge_rc kedge_record_get_number(struct kedge_record *record, uint64_t key, uint64_t limit,
                                      uint64_t *value)
{
    KEDGE_TRY(get_key(record, key));
    KEDGE_TRY(kedge_cbor_uint(&record->cursor, value));
    return *value <= limit ? KEDGE_OK : KEDGE_E_LIMIT;
}

enum kedge_rc kedge_record_get_text(struct kedge_record *record, uint64_t key, char *text,
                                    size_t capacity)
{
    struct kedge_slice bytes;
    KEDGE_TRY(get_key(record, key));
    KEDGE_TRY(kedge_cbor_tstr(&record->cursor, &bytes));
    if (bytes.size >= capacity || (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL))
        return KEDGE_E_LIMIT;
    if (bytes.size > 0)
        memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return KEDGE_OK;
}

enum kedge_rc kedge_record_get_bytes(struct kedge_record *record, uint64_t key, uint8_t *bytes,
                                     size_t capacity, size_t *size)
{
    struct kedge_slice found;
    KEDGE_TRY(get_key(record, key));
    KEDGE_TRY(kedge_cbor_bstr(&record->cursor, &found));
    if (found.size > capacity)
        return KEDGE_E_LIMIT;
    if (found.size > 0)
        memcpy(bytes, found.data, found.size);
    *size = found.size;
    return KEDGE_OK;
}

enum kedge_rc kedge_record_close(struct kedge_record *record)
{
    while (record->map.left > 0) {
        struct kedge_cbor_item key;
        struct kedge_slice value;
        KEDGE_TRY(kedge_cbor_map_key(&record->cursor, &record->map, &key));
        if (key.type != KEDGE_CBOR_UINT)
            return KEDGE_E_MALFORMED;
        KEDGE_TRY(kedge_cbor_skip(&record->cursor, &value));
    }
    return kedge_cbor_end(&record->cursor);
}
