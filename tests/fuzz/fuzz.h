/* fuzz.h: what the fuzz targets share: the entry point, and requirements that no build leaves out.
 */
#ifndef KEDGE_TESTS_FUZZ_H
#define KEDGE_TESTS_FUZZ_H

#include <kedge/base.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A property that must hold for every input. */
#define FUZZ_REQUIRE(condition)                                                            \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/** Whether `part` lies inside `whole` (or is empty): what a reader lends must be borrowed from
 * there. */
static inline bool fuzz_inside(struct kedge_slice part, struct kedge_slice whole)
{
    uintptr_t start = (uintptr_t)whole.data;
    uintptr_t at = (uintptr_t)part.data;
    return part.size == 0 || (at >= start && at - start <= whole.size &&
                              part.size <= whole.size - (size_t)(at - start));
}

/** Takes up to `size` bytes from the front of an input, for what steers a target. */
static inline struct kedge_slice fuzz_take(struct kedge_slice *input, size_t size)
{
    struct kedge_slice taken = kedge_slice(input->data, size < input->size ? size : input->size);
    *input = kedge_slice(taken.size > 0 ? input->data + taken.size : input->data,
                         input->size - taken.size);
    return taken;
}

/** Has `decode` try an input as it is, and with the CRC behind it that no fuzzer would find. */
static inline void fuzz_with_crc(struct kedge_slice input, void *room, size_t room_size,
                                 void (*decode)(struct kedge_slice bytes))
{
    struct kedge_writer out = kedge_writer(room, room_size);
    decode(input);
    if (kedge_writer_put(&out, input) == KEDGE_OK &&
        kedge_writer_u32(&out, kedge_crc32(0, input)) == KEDGE_OK)
        decode(kedge_writer_slice(&out));
}

#endif
