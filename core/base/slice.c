/* slice.c: views of bytes, and the two comparisons: the fast one and the one for secrets. */
#include <kedge/base.h>

#include <string.h>

struct kedge_slice kedge_slice_text(const char *text)
{
    return kedge_slice(text, strlen(text));
}

bool kedge_slice_equal(struct kedge_slice a, struct kedge_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool kedge_equal_constant_time(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference = (uint8_t)(difference | (left[i] ^ right[i]));
    return difference == 0;
}

void kedge_wipe(void *data, size_t size)
{
    volatile uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        bytes[i] = 0;
}
