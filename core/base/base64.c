/*
 * base64.c: Base64 (RFC 4648 section 4) and its form for URLs without padding (section 5), one
 * encoding for each string of bytes: without line ends, and the bits left over are zero (section
 * 3.5).
 */
#include <kedge/base.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The digit of the plain alphabet for one of that for URLs; '!' is in neither. */
static uint8_t from_url(uint8_t c)
{
    return c == '-' ? '+' : c == '_' ? '/' : c == '+' || c == '/' || c == '=' ? '!' : c;
}

static uint8_t to_url(uint8_t c)
{
    return c == '+' ? '-' : c == '/' ? '_' : c;
}

/* How many bytes four digits stand for: 3, 2 or 1; 0 when there is no such group. */
static size_t decode_group(const uint8_t digits[4], uint8_t bytes[3])
{
    size_t size = digits[3] != '=' ? 3 : digits[2] != '=' ? 2 : 1;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i <= size ? digit_value(digits[i]) : 0;
        if (value < 0)
            return 0;
        bits = bits << 6 | (uint32_t)value;
    }
    if ((bits & (0xFFFFFFu >> (8 * size))) != 0)
        return 0;
    for (size_t i = 0; i < 3; i++)
        bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
    return size;
}

enum kedge_rc kedge_base64_decode(struct kedge_slice text, struct kedge_writer *out)
{
    if (text.size % 4 != 0)
        return KEDGE_E_MALFORMED;
    struct kedge_writer at = *out;
    for (size_t i = 0; i < text.size; i += 4) {
        uint8_t bytes[3];
        size_t size = decode_group(text.data + i, bytes);
        if (size == 0 || (size < 3 && i + 4 < text.size))
            return KEDGE_E_MALFORMED;
        KEDGE_TRY(kedge_writer_put(&at, kedge_slice(bytes, size)));
    }
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_base64_encode(struct kedge_slice bytes, struct kedge_writer *out)
{
    struct kedge_writer at = *out;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t size = bytes.size - i < 3 ? bytes.size - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < size ? bytes.data[i + k] : 0u);
        uint8_t digits[4];
        for (size_t k = 0; k < 4; k++)
            digits[k] = k <= size ? (uint8_t)alphabet[bits >> (18 - 6 * k) & 0x3F] : '=';
        KEDGE_TRY(kedge_writer_put(&at, kedge_slice(digits, sizeof digits)));
    }
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_base64url_decode(struct kedge_slice text, struct kedge_writer *out)
{
    struct kedge_writer at = *out;
    for (size_t i = 0; i < text.size; i += 4) {
        uint8_t digits[4] = {'=', '=', '=', '='};
        uint8_t bytes[3];
        for (size_t k = 0; k < 4 && i + k < text.size; k++)
            digits[k] = from_url(text.data[i + k]);
        size_t size = decode_group(digits, bytes);
        if (size == 0)
            return KEDGE_E_MALFORMED;
        KEDGE_TRY(kedge_writer_put(&at, kedge_slice(bytes, size)));
    }
    *out = at;
    return KEDGE_OK;
}

enum kedge_rc kedge_base64url_encode(struct kedge_slice bytes, struct kedge_writer *out)
{
    struct kedge_writer at = *out;
    size_t start = at.size;
    KEDGE_TRY(kedge_base64_encode(bytes, &at));
    while (at.size > start && at.data[at.size - 1] == '=')
        at.size--;
    for (size_t i = start; i < at.size; i++)
        at.data[i] = to_url(at.data[i]);
    *out = at;
    return KEDGE_OK;
}
