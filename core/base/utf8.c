/* utf8.c: whether bytes are UTF-8 as RFC 3629 has it. */
#include <kedge/base.h>

bool kedge_utf8_valid(struct kedge_slice text)
{
    size_t i = 0;
    while (i < text.size) {
        uint8_t lead = text.data[i];
        size_t following = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
        if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || following >= text.size - i)
            return false;
        uint32_t point = following == 0 ? lead : (uint32_t)(lead & (0x3F >> following));
        for (size_t k = 1; k <= following; k++) {
            if ((text.data[i + k] & 0xC0) != 0x80)
                return false;
            point = point << 6 | (text.data[i + k] & 0x3Fu);
        }
        static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
        if (point < smallest[following] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return false;
        i += following + 1;
    }
    return true;
}
