/*
 * text.c: the severable text (draft-ietf-suit-manifest-37, section 8.4.4): for people only, in one
 * language here, with the names that the signed UUIDs were made from.
 */
#include <kedge/suit.h>

#define LANGUAGE "en"
#define TEXT_DESCRIPTION 1u   /* of the manifest */
#define TEXT_VENDOR_DOMAIN 3u /* of the component, as the next two */
#define TEXT_MODEL_NAME 2u
#define TEXT_COMPONENT_VERSION 6u

static enum kedge_rc write_component_id(struct kedge_writer *out)
{
    static const uint8_t slot = 0;
    KEDGE_TRY(kedge_cbor_write_array(out, 1));
    return kedge_cbor_write_bstr(out, kedge_slice(&slot, 1));
}

/* A package that is for raw UUIDs has no names. */
static enum kedge_rc write_name(struct kedge_writer *out, uint64_t key, struct kedge_slice name)
{
    if (name.size == 0)
        return KEDGE_OK;
    KEDGE_TRY(kedge_cbor_write_uint(out, key));
    return kedge_cbor_write_tstr(out, name);
}

enum kedge_rc kedge_suit_text_write(struct kedge_slice description,
                                    struct kedge_slice vendor_domain, struct kedge_slice class_name,
                                    struct kedge_slice version, struct kedge_writer *out)
{
    bool described = description.size > 0;
    KEDGE_TRY(kedge_cbor_write_map(out, 1));
    KEDGE_TRY(kedge_cbor_write_tstr(out, kedge_slice_text(LANGUAGE)));
    KEDGE_TRY(kedge_cbor_write_map(out, described ? 2 : 1));
    if (described) {
        KEDGE_TRY(kedge_cbor_write_uint(out, TEXT_DESCRIPTION));
        KEDGE_TRY(kedge_cbor_write_tstr(out, description));
    }
    KEDGE_TRY(write_component_id(out));
    KEDGE_TRY(kedge_cbor_write_map(out, 1 + (class_name.size > 0 ? 1u : 0u) +
                                            (vendor_domain.size > 0 ? 1u : 0u)));
    KEDGE_TRY(write_name(out, TEXT_MODEL_NAME, class_name));
    KEDGE_TRY(write_name(out, TEXT_VENDOR_DOMAIN, vendor_domain));
    KEDGE_TRY(kedge_cbor_write_uint(out, TEXT_COMPONENT_VERSION));
    return kedge_cbor_write_tstr(out, version);
}

/* Takes the text when it is one; anything else is passed over. */
static enum kedge_rc take_text(struct kedge_cursor *cursor, struct kedge_slice *out)
{
    struct kedge_cbor_item item;
    KEDGE_TRY(kedge_cbor_peek(cursor, &item));
    if (item.type != KEDGE_CBOR_TSTR)
        return kedge_cbor_skip(cursor, NULL);
    return kedge_cbor_tstr(cursor, out);
}

static enum kedge_rc read_component(struct kedge_cursor *cursor, struct kedge_suit_text *out)
{
    struct kedge_cbor_map map;
    KEDGE_TRY(kedge_cbor_map(cursor, &map));
    while (map.left > 0) {
        struct kedge_cbor_item key;
        struct kedge_slice ignored;
        KEDGE_TRY(kedge_cbor_map_key(cursor, &map, &key));
        struct kedge_slice *field = &ignored;
        if (key.type == KEDGE_CBOR_UINT && key.value == TEXT_VENDOR_DOMAIN)
            field = &out->vendor_domain;
        else if (key.type == KEDGE_CBOR_UINT && key.value == TEXT_MODEL_NAME)
            field = &out->class_name;
        else if (key.type == KEDGE_CBOR_UINT && key.value == TEXT_COMPONENT_VERSION)
            field = &out->version;
        KEDGE_TRY(take_text(cursor, field));
    }
    return KEDGE_OK;
}

/* The pairs of one language: numbered texts of the manifest, then components by their ids. */
static enum kedge_rc read_language(struct kedge_cursor *cursor, struct kedge_suit_text *out)
{
    struct kedge_cbor_item map;
    KEDGE_TRY(kedge_cbor_next(cursor, &map));
    if (map.type != KEDGE_CBOR_MAP)
        return KEDGE_E_TYPE;
    for (uint64_t i = 0; i < map.value; i++) {
        struct kedge_cbor_item key;
        struct kedge_slice ignored;
        KEDGE_TRY(kedge_cbor_peek(cursor, &key));
        KEDGE_TRY(kedge_cbor_skip(cursor, NULL));
        if (key.type == KEDGE_CBOR_ARRAY)
            KEDGE_TRY(read_component(cursor, out));
        else if (key.type == KEDGE_CBOR_UINT && key.value == TEXT_DESCRIPTION)
            KEDGE_TRY(take_text(cursor, &out->description));
        else
            KEDGE_TRY(take_text(cursor, &ignored));
    }
    return KEDGE_OK;
}

enum kedge_rc kedge_suit_text_read(struct kedge_slice text, struct kedge_suit_text *out)
{
    struct kedge_suit_text read = {0};
    struct kedge_cursor cursor = kedge_cursor(text);
    struct kedge_cbor_map languages;
    /* Checked whole first: order of keys, depth and lengths hold for all that follows. */
    KEDGE_TRY(kedge_cbor_check(text));
    KEDGE_TRY(kedge_cbor_map(&cursor, &languages));
    while (languages.left > 0) {
        struct kedge_cbor_item language;
        KEDGE_TRY(kedge_cbor_map_key(&cursor, &languages, &language));
        KEDGE_TRY(read_language(&cursor, &read));
    }
    *out = read;
    return KEDGE_OK;
}
