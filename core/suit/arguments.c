/* arguments.c: the arguments of the processor's own commands, and where the sections stand. */
#include "core/suit/processor_parts.h"

const enum kedge_suit_section suit_procedures[2][SUIT_PROCEDURE_SECTIONS] = {
    [KEDGE_SUIT_UPDATE] = {KEDGE_SUIT_SECTION_FETCH, KEDGE_SUIT_SECTION_INSTALL,
                           KEDGE_SUIT_SECTION_VALIDATE},
    [KEDGE_SUIT_INVOCATION] = {KEDGE_SUIT_SECTION_VALIDATE, KEDGE_SUIT_SECTION_LOAD,
                               KEDGE_SUIT_SECTION_INVOKE},
};

struct kedge_slice suit_section(const struct kedge_suit_parts *parts,
                                enum kedge_suit_section section)
{
    switch (section) {
    case KEDGE_SUIT_SECTION_SHARED:
        return parts->shared_sequence;
    case KEDGE_SUIT_SECTION_FETCH:
        return parts->payload_fetch;
    case KEDGE_SUIT_SECTION_INSTALL:
        return parts->install;
    case KEDGE_SUIT_SECTION_VALIDATE:
        return parts->validate;
    case KEDGE_SUIT_SECTION_LOAD:
        return parts->load;
    case KEDGE_SUIT_SECTION_INVOKE:
        return parts->invoke;
    case KEDGE_SUIT_SECTION_COUNT:
        break;
    }
    return kedge_slice(NULL, 0);
}

enum kedge_rc suit_refuse(struct kedge_suit_processor *processor, enum kedge_suit_section section,
                          bool parameter, int64_t id, enum kedge_rc rc)
{
    processor->refused = (struct kedge_suit_refusal){
        .named = true, .parameter = parameter, .id = id, .section = section};
    return rc;
}

static enum kedge_rc add_target(uint64_t index, size_t component_count,
                                struct kedge_suit_targets *out)
{
    if (index >= component_count)
        return KEDGE_E_MISSING;
    if (out->count == KEDGE_SUIT_COMPONENTS_MAX)
        return KEDGE_E_LIMIT;
    out->index[out->count++] = (uint8_t)index;
    return KEDGE_OK;
}

static enum kedge_rc read_list(struct kedge_cursor *cursor, size_t component_count,
                               struct kedge_suit_targets *out)
{
    size_t count;
    KEDGE_TRY(kedge_cbor_array(cursor, &count));
    if (count == 0)
        return KEDGE_E_MALFORMED;
    for (size_t i = 0; i < count; i++) {
        uint64_t index;
        KEDGE_TRY(kedge_cbor_uint(cursor, &index));
        KEDGE_TRY(add_target(index, component_count, out));
    }
    return KEDGE_OK;
}

enum kedge_rc suit_targets_read(struct kedge_slice argument, size_t component_count,
                                struct kedge_suit_targets *out)
{
    struct kedge_cursor cursor = kedge_cursor(argument);
    struct kedge_cbor_item item;
    *out = (struct kedge_suit_targets){.several = true};
    KEDGE_TRY(kedge_cbor_peek(&cursor, &item));
    switch (item.type) {
    case KEDGE_CBOR_ARRAY:
        return read_list(&cursor, component_count, out);
    case KEDGE_CBOR_TRUE:
        for (size_t i = 0; i < component_count; i++)
            KEDGE_TRY(add_target(i, component_count, out));
        return KEDGE_OK;
    case KEDGE_CBOR_UINT:
        out->several = false;
        return add_target(item.value, component_count, out);
    default:
        return KEDGE_E_TYPE;
    }
}

enum kedge_rc suit_alternatives_begin(struct kedge_slice argument, struct kedge_cursor *cursor,
                                      size_t *count)
{
    *cursor = kedge_cursor(argument);
    KEDGE_TRY(kedge_cbor_array(cursor, count));
    return *count >= 2 ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc suit_alternatives_next(struct kedge_cursor *cursor, size_t *left,
                                     struct kedge_slice *sequence)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_peek(cursor, &item));
    *sequence = kedge_slice(NULL, 0);
    if (item.type == KEDGE_CBOR_NULL && *left == 1)
        KEDGE_TRY(kedge_cbor_null(cursor));
    else
        KEDGE_TRY(kedge_cbor_bstr(cursor, sequence));
    (*left)--;
    return KEDGE_OK;
}

enum kedge_rc suit_sequence_argument(struct kedge_slice argument, struct kedge_slice *sequence)
{
    struct kedge_cursor cursor = kedge_cursor(argument);
    return kedge_cbor_bstr(&cursor, sequence);
}
