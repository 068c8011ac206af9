// links: kedge-suit
/*
 * fuzz_suit_version.c: a version has one text, and their order is an order: the input is three
 * versions, a line each.
 */
#include <kedge/suit.h>

#include "tests/fuzz/fuzz.h"

static struct kedge_slice take_line(struct kedge_slice *input)
{
    const uint8_t *end = input->size > 0 ? memchr(input->data, '\n', input->size) : NULL;
    struct kedge_slice line =
        fuzz_take(input, end != NULL ? (size_t)(end - input->data) : input->size);
    fuzz_take(input, 1);
    return line;
}

static bool read_version(struct kedge_slice *input, struct kedge_suit_version *version)
{
    char text[KEDGE_SUIT_VERSION_TEXT_MAX];
    struct kedge_slice line = take_line(input);
    if (kedge_suit_version_parse(line, version) != KEDGE_OK)
        return false;
    FUZZ_REQUIRE(kedge_suit_version_text(version, text) == KEDGE_OK);
    FUZZ_REQUIRE(kedge_slice_equal(kedge_slice_text(text), line));
    FUZZ_REQUIRE(kedge_suit_version_compare(version, version) == 0);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice input = kedge_slice(data, size);
    struct kedge_suit_version a;
    struct kedge_suit_version b;
    struct kedge_suit_version c;
    if (!read_version(&input, &a) || !read_version(&input, &b))
        return 0;
    int order = kedge_suit_version_compare(&a, &b);
    FUZZ_REQUIRE(kedge_suit_version_compare(&b, &a) == -order);
    if (!read_version(&input, &c))
        return 0;
    if (order <= 0 && kedge_suit_version_compare(&b, &c) <= 0)
        FUZZ_REQUIRE(kedge_suit_version_compare(&a, &c) <= 0);
    return 0;
}
