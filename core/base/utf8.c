/* utf8.c: whether bytes are UTF-8 as RFC 3629 has it, and whether they may be shown. */
#include <kedge/base.h>

#include <string.h>

/* How many bytes the character at the head of `text` has, and which it is; 0: it is none. */
static size_t take_point(struct kedge_slice text, uint32_t *point)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    uint8_t lead = text.data[0];
    size_t following = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || following >= text.size)
        return 0;
    *point = following == 0 ? lead : (uint32_t)(lead & (0x3F >> following));
    for (size_t k = 1; k <= following; k++) {
        if ((text.data[k] & 0xC0) != 0x80)
            return 0;
        *point = *point << 6 | (text.data[k] & 0x3Fu);
    }
    bool surrogate = *point >= 0xD800 && *point <= 0xDFFF;
    return *point < smallest[following] || *point > 0x10FFFF || surrogate ? 0 : following + 1;
}

/* C0, DEL and C1, which terminals obey; what ends a line; what turns the direction of all after it.
 */
static bool steers(uint32_t point)
{
    bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
    bool line_end = point == 0x2028 || point == 0x2029;
    bool direction = (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
    return control || line_end || direction;
}

static struct kedge_slice behind(struct kedge_slice text, size_t size)
{
    return kedge_slice(text.data + size, text.size - size);
}

bool kedge_utf8_valid(struct kedge_slice text)
{
    uint32_t point;
    for (size_t size; text.size > 0; text = behind(text, size))
        if ((size = take_point(text, &point)) == 0)
            return false;
    return true;
}

bool kedge_utf8_printable(struct kedge_slice text)
{
    uint32_t point;
    for (size_t size; text.size > 0; text = behind(text, size))
        if ((size = take_point(text, &point)) == 0 || steers(point))
            return false;
    return true;
}

bool kedge_name_valid(struct kedge_slice text, size_t max)
{
    return text.size > 0 && text.size <= max && kedge_utf8_printable(text);
}

void kedge_printable(struct kedge_slice text, char *out, size_t size)
{
    size_t used = 0;
    while (text.size > 0) {
        uint32_t point;
        size_t taken = take_point(text, &point);
        bool shown = taken > 0 && !steers(point);
        size_t needed = shown ? taken : 1;
        if (needed >= size - used)
            break;
        if (shown)
            memmove(out + used, text.data, taken);
        else
            out[used] = '?';
        used += needed;
        text = behind(text, taken > 0 ? taken : 1);
    }
    out[used] = '\0';
}
