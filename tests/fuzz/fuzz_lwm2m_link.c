// links: kedge-lwm2m
/* fuzz_lwm2m_link.c: a list that is read is written again, and reads the same link by link. */
#include <kedge/lwm2m.h>

#include "tests/fuzz/fuzz.h"

#define SIZE_MAX_TAKEN 8192u

static uint8_t written[SIZE_MAX_TAKEN];

/* A copy with a NUL, as kedge_link_write() takes it; no link holds a NUL of its own. */
static const char *as_text(struct kedge_slice slice, char text[SIZE_MAX_TAKEN + 1])
{
    FUZZ_REQUIRE(slice.size == 0 || memchr(slice.data, '\0', slice.size) == NULL);
    if (slice.size > 0)
        memcpy(text, slice.data, slice.size);
    text[slice.size] = '\0';
    return text;
}

/* Writes each link again; true when the list was read to its end. */
static bool copy(struct kedge_slice list, struct kedge_writer *out)
{
    static char target[SIZE_MAX_TAKEN + 1];
    static char attributes[SIZE_MAX_TAKEN + 1];
    static const char *const names[] = {"rt", "ct", "ver", "pmin", "obs"};
    struct kedge_cursor cursor = kedge_cursor(list);
    struct kedge_link link;
    enum kedge_rc rc;
    while ((rc = kedge_link_next(&cursor, &link)) == KEDGE_OK) {
        struct kedge_slice value;
        FUZZ_REQUIRE(fuzz_inside(link.target, list) && link.target.size > 0);
        FUZZ_REQUIRE(fuzz_inside(link.attributes, list));
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (kedge_link_attribute(&link, names[i], &value))
                FUZZ_REQUIRE(fuzz_inside(value, link.attributes));
        FUZZ_REQUIRE(kedge_link_write(out, as_text(link.target, target),
                                      as_text(link.attributes, attributes)) == KEDGE_OK);
    }
    return rc == KEDGE_E_NOT_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again_bytes[SIZE_MAX_TAKEN];
    struct kedge_writer out = kedge_writer(written, sizeof written);
    struct kedge_writer again = kedge_writer(again_bytes, sizeof again_bytes);
    if (size > SIZE_MAX_TAKEN || !copy(kedge_slice(data, size), &out))
        return 0;
    FUZZ_REQUIRE(out.size <= size);
    FUZZ_REQUIRE(copy(kedge_writer_slice(&out), &again));
    FUZZ_REQUIRE(kedge_slice_equal(kedge_writer_slice(&again), kedge_writer_slice(&out)));
    return 0;
}
