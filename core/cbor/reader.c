/*
 * reader.c: the strict reader. One function reads heads; everything else is built on it, so that
 * the rules of the profile stand in one place.
 */
#include <kedge/cbor.h>

#include <string.h>

#define MAJOR_SIMPLE 7u
#define INFO_INDEFINITE 31u

/* RFC 8949 section 3: the argument of a head; *shortest says whether in its shortest form (4.2.1).
 */
static enum kedge_rc read_argument(struct kedge_cursor *cursor, uint8_t info, uint64_t *value,
                                   bool *shortest)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    *shortest = true;
    switch (info) {
    case 24:
        KEDGE_TRY(kedge_cursor_u8(cursor, &u8));
        *value = u8;
        *shortest = u8 >= 24;
        return KEDGE_OK;
    case 25:
        KEDGE_TRY(kedge_cursor_u16(cursor, &u16));
        *value = u16;
        *shortest = u16 > UINT8_MAX;
        return KEDGE_OK;
    case 26:
        KEDGE_TRY(kedge_cursor_u32(cursor, &u32));
        *value = u32;
        *shortest = u32 > UINT16_MAX;
        return KEDGE_OK;
    case 27:
        KEDGE_TRY(kedge_cursor_u64(cursor, value));
        *shortest = *value > UINT32_MAX;
        return KEDGE_OK;
    case 28:
    case 29:
    case 30:
        return KEDGE_E_MALFORMED;
    case INFO_INDEFINITE:
        return KEDGE_E_NOT_CANONICAL;
    default:
        *value = info;
        return KEDGE_OK;
    }
}

static enum kedge_rc read_shortest(struct kedge_cursor *cursor, uint8_t info, uint64_t *value)
{
    bool shortest;
    KEDGE_TRY(read_argument(cursor, info, value, &shortest));
    return shortest ? KEDGE_OK : KEDGE_E_NOT_CANONICAL;
}

static enum kedge_rc read_simple(uint8_t info, struct kedge_cbor_item *item)
{
    switch (info) {
    case 20:
        item->type = KEDGE_CBOR_FALSE;
        return KEDGE_OK;
    case 21:
        item->type = KEDGE_CBOR_TRUE;
        return KEDGE_OK;
    case 22:
        item->type = KEDGE_CBOR_NULL;
        return KEDGE_OK;
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

/* The bytes of a string whose length has been read. */
static enum kedge_rc take_string(struct kedge_cursor *cursor, struct kedge_cbor_item *item)
{
    if (item->type != KEDGE_CBOR_BSTR && item->type != KEDGE_CBOR_TSTR)
        return KEDGE_OK;
    if (item->value > kedge_cursor_left(cursor))
        return KEDGE_E_TRUNCATED;
    KEDGE_TRY(kedge_cursor_take(cursor, (size_t)item->value, &item->bytes));
    return item->type == KEDGE_CBOR_BSTR || kedge_utf8_valid(item->bytes) ? KEDGE_OK
                                                                          : KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_cbor_next(struct kedge_cursor *cursor, struct kedge_cbor_item *item)
{
    struct kedge_cursor at = *cursor;
    uint8_t head;
    KEDGE_TRY(kedge_cursor_u8(&at, &head));
    uint8_t major = head >> 5;
    uint8_t info = head & 0x1F;
    struct kedge_cbor_item read = {0};
    if (major == MAJOR_SIMPLE) {
        KEDGE_TRY(read_simple(info, &read));
    } else {
        read.type = (enum kedge_cbor_type)major;
        KEDGE_TRY(read_shortest(&at, info, &read.value));
    }
    KEDGE_TRY(take_string(&at, &read));
    *item = read;
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_peek(const struct kedge_cursor *cursor, struct kedge_cbor_item *item)
{
    struct kedge_cursor at = *cursor;
    return kedge_cbor_next(&at, item);
}

/* ---- any well-formed CBOR ---- */

/* IEEE 754 binary16, bit by bit (RFC 8949 appendix D). */
static double from_half(uint16_t bits)
{
    unsigned exponent = bits >> 10 & 0x1Fu;
    uint64_t fraction = bits & 0x3FFu;
    uint64_t sign = (uint64_t)(bits >> 15) << 63;
    double magnitude;
    if (exponent == 0) {
        magnitude = (double)fraction / 16777216.0; /* subnormal: 2^-24 each */
        return sign != 0 ? -magnitude : magnitude;
    }
    uint64_t wide = exponent == 0x1F ? 0x7FFu : exponent + 1008u;
    uint64_t all = sign | wide << 52 | fraction << 42;
    memcpy(&magnitude, &all, sizeof magnitude);
    return magnitude;
}

static enum kedge_rc read_float(struct kedge_cursor *cursor, uint8_t info, double *number)
{
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float single;
    switch (info) {
    case 25:
        KEDGE_TRY(kedge_cursor_u16(cursor, &u16));
        *number = from_half(u16);
        return KEDGE_OK;
    case 26:
        KEDGE_TRY(kedge_cursor_u32(cursor, &u32));
        memcpy(&single, &u32, sizeof single);
        *number = (double)single;
        return KEDGE_OK;
    default:
        KEDGE_TRY(kedge_cursor_u64(cursor, &u64));
        memcpy(number, &u64, sizeof *number);
        return KEDGE_OK;
    }
}

static enum kedge_rc read_loose(struct kedge_cursor *cursor, uint8_t major, uint8_t info,
                                struct kedge_cbor_item *item)
{
    bool shortest;
    if (major == MAJOR_SIMPLE && info >= 25 && info <= 27) {
        item->type = KEDGE_CBOR_FLOAT;
        return read_float(cursor, info, &item->number);
    }
    if (major == MAJOR_SIMPLE && info == INFO_INDEFINITE) {
        item->type = KEDGE_CBOR_BREAK;
        return KEDGE_OK;
    }
    if (major == MAJOR_SIMPLE)
        return read_simple(info, item);
    item->type = (enum kedge_cbor_type)major;
    item->indefinite = info == INFO_INDEFINITE;
    if (!item->indefinite)
        return read_argument(cursor, info, &item->value, &shortest);
    return item->type >= KEDGE_CBOR_BSTR && item->type <= KEDGE_CBOR_MAP ? KEDGE_OK
                                                                         : KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_cbor_next_loose(struct kedge_cursor *cursor, struct kedge_cbor_item *item)
{
    struct kedge_cursor at = *cursor;
    struct kedge_cbor_item read = {0};
    uint8_t head;
    KEDGE_TRY(kedge_cursor_u8(&at, &head));
    KEDGE_TRY(read_loose(&at, head >> 5, head & 0x1F, &read));
    KEDGE_TRY(take_string(&at, &read));
    *item = read;
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_next_chunk(struct kedge_cursor *cursor, enum kedge_cbor_type type,
                                    struct kedge_slice *chunk)
{
    struct kedge_cursor at = *cursor;
    uint8_t head;
    uint64_t size;
    bool shortest;
    KEDGE_TRY(kedge_cursor_u8(&at, &head));
    if (head == (MAJOR_SIMPLE << 5 | INFO_INDEFINITE)) {
        *cursor = at;
        return KEDGE_E_NOT_FOUND;
    }
    if (head >> 5 != (unsigned)type || (head & 0x1F) == INFO_INDEFINITE)
        return KEDGE_E_MALFORMED; /* a chunk has none itself */
    KEDGE_TRY(read_argument(&at, head & 0x1F, &size, &shortest));
    if (size > kedge_cursor_left(&at))
        return KEDGE_E_TRUNCATED;
    KEDGE_TRY(kedge_cursor_take(&at, (size_t)size, chunk));
    *cursor = at;
    return KEDGE_OK;
}

/* ---- one typed item each ---- */

static enum kedge_rc next_of_type(struct kedge_cursor *cursor, enum kedge_cbor_type type,
                                  struct kedge_cbor_item *item)
{
    struct kedge_cursor at = *cursor;
    KEDGE_TRY(kedge_cbor_next(&at, item));
    if (item->type != type)
        return KEDGE_E_TYPE;
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_uint(struct kedge_cursor *cursor, uint64_t *out)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(next_of_type(cursor, KEDGE_CBOR_UINT, &item));
    *out = item.value;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_int(struct kedge_cursor *cursor, int64_t *out)
{
    struct kedge_cursor at = *cursor;
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_next(&at, &item));
    if (item.type != KEDGE_CBOR_UINT && item.type != KEDGE_CBOR_NINT)
        return KEDGE_E_TYPE;
    if (item.value > INT64_MAX)
        return KEDGE_E_LIMIT;
    *out = item.type == KEDGE_CBOR_UINT ? (int64_t)item.value : -1 - (int64_t)item.value;
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_bool(struct kedge_cursor *cursor, bool *out)
{
    struct kedge_cursor at = *cursor;
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_next(&at, &item));
    if (item.type != KEDGE_CBOR_FALSE && item.type != KEDGE_CBOR_TRUE)
        return KEDGE_E_TYPE;
    *out = item.type == KEDGE_CBOR_TRUE;
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_null(struct kedge_cursor *cursor)
{
    struct kedge_cbor_item item;
    return next_of_type(cursor, KEDGE_CBOR_NULL, &item);
}

enum kedge_rc kedge_cbor_bstr(struct kedge_cursor *cursor, struct kedge_slice *out)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(next_of_type(cursor, KEDGE_CBOR_BSTR, &item));
    *out = item.bytes;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_tstr(struct kedge_cursor *cursor, struct kedge_slice *out)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(next_of_type(cursor, KEDGE_CBOR_TSTR, &item));
    *out = item.bytes;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_bstr_head(struct kedge_cursor *cursor, uint64_t *size)
{
    struct kedge_cursor at = *cursor;
    uint8_t head;
    KEDGE_TRY(kedge_cursor_u8(&at, &head));
    if (head >> 5 != KEDGE_CBOR_BSTR)
        return KEDGE_E_TYPE;
    KEDGE_TRY(read_shortest(&at, head & 0x1F, size));
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_array(struct kedge_cursor *cursor, size_t *count)
{
    struct kedge_cursor at = *cursor;
    struct kedge_cbor_item item;
    KEDGE_TRY(next_of_type(&at, KEDGE_CBOR_ARRAY, &item));
    /* Each item takes a byte at least: a count beyond the bytes that are there is a lie. */
    if (item.value > kedge_cursor_left(&at))
        return KEDGE_E_TRUNCATED;
    *count = (size_t)item.value;
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_tag(struct kedge_cursor *cursor, uint64_t *number)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(next_of_type(cursor, KEDGE_CBOR_TAG, &item));
    *number = item.value;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_end(const struct kedge_cursor *cursor)
{
    return kedge_cursor_left(cursor) == 0 ? KEDGE_OK : KEDGE_E_TRAILING;
}

/* ---- maps ---- */

enum kedge_rc kedge_cbor_map(struct kedge_cursor *cursor, struct kedge_cbor_map *map)
{
    struct kedge_cursor at = *cursor;
    struct kedge_cbor_item item;
    KEDGE_TRY(next_of_type(&at, KEDGE_CBOR_MAP, &item));
    if (item.value > kedge_cursor_left(&at) / 2)
        return KEDGE_E_TRUNCATED;
    *map = (struct kedge_cbor_map){.left = (size_t)item.value};
    *cursor = at;
    return KEDGE_OK;
}

/* RFC 8949 section 4.2.1: bytewise lexicographic order of the encoded keys, each one once. */
static bool sorted(struct kedge_slice before, struct kedge_slice after)
{
    size_t common = before.size < after.size ? before.size : after.size;
    for (size_t i = 0; i < common; i++)
        if (before.data[i] != after.data[i])
            return before.data[i] < after.data[i];
    return before.size < after.size;
}

static enum kedge_rc check_order(struct kedge_cbor_map *map, struct kedge_slice key)
{
    if (map->last_key.size > 0 && !sorted(map->last_key, key))
        return KEDGE_E_NOT_CANONICAL;
    map->last_key = key;
    map->left--;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_map_key(struct kedge_cursor *cursor, struct kedge_cbor_map *map,
                                 struct kedge_cbor_item *key)
{
    if (map->left == 0)
        return KEDGE_E_NOT_FOUND;
    struct kedge_cursor at = *cursor;
    KEDGE_TRY(kedge_cbor_next(&at, key));
    if (key->type != KEDGE_CBOR_UINT && key->type != KEDGE_CBOR_NINT &&
        key->type != KEDGE_CBOR_TSTR)
        return KEDGE_E_TYPE;
    KEDGE_TRY(check_order(
        map, kedge_slice(cursor->bytes.data + cursor->offset, at.offset - cursor->offset)));
    *cursor = at;
    return KEDGE_OK;
}

/* ---- whole items ---- */

static enum kedge_rc skip_item(struct kedge_cursor *cursor, unsigned depth);

static enum kedge_rc skip_map(struct kedge_cursor *cursor, size_t pairs, unsigned depth)
{
    struct kedge_cbor_map map = {.left = pairs};
    while (map.left > 0) {
        size_t start = cursor->offset;
        KEDGE_TRY(skip_item(cursor, depth));
        KEDGE_TRY(
            check_order(&map, kedge_slice(cursor->bytes.data + start, cursor->offset - start)));
        KEDGE_TRY(skip_item(cursor, depth));
    }
    return KEDGE_OK;
}

/* Recurses at most KEDGE_CBOR_DEPTH_MAX deep. */
static enum kedge_rc skip_item(struct kedge_cursor *cursor, unsigned depth)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_next(cursor, &item));
    if (item.type < KEDGE_CBOR_ARRAY || item.type > KEDGE_CBOR_TAG)
        return KEDGE_OK;
    if (depth == KEDGE_CBOR_DEPTH_MAX)
        return KEDGE_E_LIMIT;
    if (item.type == KEDGE_CBOR_TAG)
        return skip_item(cursor, depth + 1);
    size_t left = kedge_cursor_left(cursor);
    if (item.value > (item.type == KEDGE_CBOR_MAP ? left / 2 : left))
        return KEDGE_E_TRUNCATED;
    if (item.type == KEDGE_CBOR_MAP)
        return skip_map(cursor, (size_t)item.value, depth + 1);
    for (size_t i = 0; i < (size_t)item.value; i++)
        KEDGE_TRY(skip_item(cursor, depth + 1));
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_skip(struct kedge_cursor *cursor, struct kedge_slice *out)
{
    struct kedge_cursor at = *cursor;
    KEDGE_TRY(skip_item(&at, 0));
    if (out != NULL)
        *out = kedge_slice(cursor->bytes.data + cursor->offset, at.offset - cursor->offset);
    *cursor = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_cbor_check(struct kedge_slice bytes)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    KEDGE_TRY(kedge_cbor_skip(&cursor, NULL));
    return kedge_cbor_end(&cursor);
}
