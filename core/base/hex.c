/* hex.c: bytes to hexadecimal digits and back. */
#include <kedge/base.h>

void kedge_hex_encode(struct kedge_slice bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 0x0F];
    }
    out[2 * bytes.size] = '\0';
}

static int digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

enum kedge_rc kedge_hex_decode(struct kedge_slice text, uint8_t *out, size_t size)
{
    if (text.size % 2 != 0 || text.size / 2 != size)
        return KEDGE_E_MALFORMED;
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text.data[2 * i]);
        int low = digit_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return KEDGE_E_MALFORMED;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return KEDGE_OK;
}
