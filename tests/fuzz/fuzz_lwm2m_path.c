// links: kedge-lwm2m
/* fuzz_lwm2m_path.c: a path has one text, but for the slash at its start that may be left out. */
#include <kedge/lwm2m.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kedge_slice bytes = kedge_slice(data, size);
    struct kedge_lwm2m_path path;
    char text[25];
    if (kedge_lwm2m_path_parse(bytes, &path) != KEDGE_OK)
        return 0;
    FUZZ_REQUIRE(path.depth <= 4);
    for (size_t i = 0; i < path.depth; i++)
        FUZZ_REQUIRE(path.ids[i] != KEDGE_LWM2M_ID_NONE);
    kedge_lwm2m_path_text(&path, text);
    FUZZ_REQUIRE(kedge_slice_equal(bytes, kedge_slice_text(text)) ||
                 kedge_slice_equal(bytes, kedge_slice_text(text + 1)));
    return 0;
}
