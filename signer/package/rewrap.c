/* rewrap.c: see rewrap.h. */
#include "signer/package/rewrap.h"

#include <stdlib.h>

#define WRAPPER_EXTRA 256u /* the digest, and the heads of everything */

/* Where the wrapper's bstr begins and ends: it is the first member (docs/format.md, "Package"). */
static enum kedge_rc find_wrapper(struct kedge_slice bytes, size_t *start, size_t *end)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    struct kedge_cbor_map map;
    struct kedge_cbor_item key;
    struct kedge_slice wrapper;
    uint64_t tag;
    KEDGE_TRY(kedge_cbor_tag(&cursor, &tag));
    KEDGE_TRY(kedge_cbor_map(&cursor, &map));
    KEDGE_TRY(kedge_cbor_map_key(&cursor, &map, &key));
    *start = cursor.offset;
    KEDGE_TRY(kedge_cbor_bstr(&cursor, &wrapper));
    *end = cursor.offset;
    return KEDGE_OK;
}

static enum kedge_rc write_wrapper(const struct kedge_suit_envelope *envelope,
                                   const struct kedge_slice *signatures, size_t count,
                                   struct kedge_writer *content, struct kedge_writer *out)
{
    KEDGE_TRY(kedge_suit_wrapper_write(envelope->digest, signatures, count, content));
    return kedge_cbor_write_bstr(out, kedge_writer_slice(content));
}

enum kedge_rc kedge_rewrap_write(struct kedge_slice bytes,
                                 const struct kedge_suit_envelope *envelope,
                                 const struct kedge_slice *signatures, size_t count,
                                 struct kedge_output *output)
{
    size_t start, end, capacity = WRAPPER_EXTRA;
    if (count > KEDGE_SUIT_SIGNATURES_MAX)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(find_wrapper(bytes, &start, &end));
    for (size_t i = 0; i < count; i++)
        capacity += signatures[i].size + 16u;
    uint8_t *memory = malloc(2 * capacity);
    if (memory == NULL)
        return KEDGE_E_MEMORY;
    struct kedge_writer content = kedge_writer(memory, capacity);
    struct kedge_writer out = kedge_writer(memory + capacity, capacity);
    enum kedge_rc rc = write_wrapper(envelope, signatures, count, &content, &out);
    if (rc == KEDGE_OK)
        rc = kedge_output_write(output, kedge_slice(bytes.data, start));
    if (rc == KEDGE_OK)
        rc = kedge_output_write(output, kedge_writer_slice(&out));
    if (rc == KEDGE_OK)
        rc = kedge_output_write(output, kedge_slice(bytes.data + end, bytes.size - end));
    free(memory);
    return rc;
}
