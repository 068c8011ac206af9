// links: kedge-suit
/*
 * fuzz_package_stream.c: a package that arrives is judged as one that is whole: both say yes, or
 * both say no. Only what a device could not keep may be refused as it arrives and be taken whole.
 */
#include <kedge/package.h>

#include "tests/fuzz/fuzz.h"

static struct kedge_package_stream stream;
static struct kedge_payload_reader reader;

static enum kedge_rc arrive(struct kedge_slice bytes, size_t piece)
{
    kedge_package_stream_begin(&stream, NULL, NULL, NULL, NULL);
    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        KEDGE_TRY(kedge_package_stream_push(&stream, kedge_slice(bytes.data + at, size)));
    }
    return kedge_package_stream_end(&stream);
}

static enum kedge_rc read_whole(struct kedge_slice bytes)
{
    struct kedge_package package;
    enum kedge_package_part part;
    KEDGE_TRY(kedge_package_read(bytes, NULL, NULL, &package, &part));
    return kedge_package_expand(&package, &reader, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice bytes = kedge_slice(data, size);
    enum kedge_rc whole = read_whole(bytes);
    enum kedge_rc at_once = arrive(bytes, SIZE_MAX / 2);
    enum kedge_rc in_pieces = arrive(bytes, 7);
    FUZZ_REQUIRE(at_once == in_pieces);
    FUZZ_REQUIRE((whole == KEDGE_OK) == (at_once == KEDGE_OK) || at_once == KEDGE_E_LIMIT);
    return 0;
}
