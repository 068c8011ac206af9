/* pkcs11_uri.c: see pkcs11_uri.h. */
#include "signer/keys/pkcs11_uri.h"

#include <string.h>

#define SCHEME "pkcs11:"
#define FILE_SCHEME "file:"
#define VALUE_MAX KEDGE_PKCS11_PATH_MAX

/* Where an attribute's value goes. */
struct attribute {
    const char *name;
    size_t offset, capacity; /* of the field, its NUL included */
};

#define FIELD(name) \
    offsetof(struct kedge_pkcs11_uri, name), sizeof(((struct kedge_pkcs11_uri *)NULL)->name)

static const struct attribute path_attributes[] = {
    {"token", FIELD(token)},   {"manufacturer", FIELD(manufacturer)},
    {"model", FIELD(model)},   {"serial", FIELD(serial)},
    {"object", FIELD(object)},
};
static const struct attribute query_attributes[] = {
    {"module-path", FIELD(module_path)},
    {"pin-source", FIELD(pin_source)},
};

/* The attributes seen so far: RFC 7512 section 2.3 lets each stand once. */
struct seen {
    struct kedge_slice names[16];
    size_t count;
};

bool kedge_pkcs11_uri_is(struct kedge_slice text)
{
    struct kedge_slice scheme = kedge_slice_text(SCHEME);
    return text.size >= scheme.size &&
           kedge_slice_equal(kedge_slice(text.data, scheme.size), scheme);
}

static bool name_is(struct kedge_slice name, const char *text)
{
    return kedge_slice_equal(name, kedge_slice_text(text));
}

/* ---- characters ---- */

/* RFC 3986 section 2.3, and what RFC 7512 section 2.3 lets stand without an escape. */
static bool may_stand(uint8_t c, bool query)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter)
        return true;
    return c != 0 && strchr(query ? "-._~:[]@!$'()*+,=/?|" : "-._~:[]@!$'()*+,=&", c) != NULL;
}

static enum kedge_rc decode(struct kedge_slice value, bool query, uint8_t *out, size_t capacity,
                            size_t *size)
{
    struct kedge_cursor cursor = kedge_cursor(value);
    *size = 0;
    while (kedge_cursor_left(&cursor) > 0) {
        uint8_t byte;
        struct kedge_slice digits;
        KEDGE_TRY(kedge_cursor_u8(&cursor, &byte));
        if (byte == '%') {
            if (kedge_cursor_take(&cursor, 2, &digits) != KEDGE_OK ||
                kedge_hex_decode(digits, &byte, 1) != KEDGE_OK)
                return KEDGE_E_URI;
        } else if (!may_stand(byte, query)) {
            return KEDGE_E_URI;
        }
        if (*size == capacity)
            return KEDGE_E_LIMIT;
        out[(*size)++] = byte;
    }
    return KEDGE_OK;
}

/* ---- attributes ---- */

static enum kedge_rc take_text(struct kedge_slice value, bool query, char *field, size_t capacity)
{
    size_t size;
    KEDGE_TRY(decode(value, query, (uint8_t *)field, capacity - 1, &size));
    field[size] = '\0';
    if (size == 0 || memchr(field, '\0', size) != NULL ||
        !kedge_utf8_valid(kedge_slice(field, size)))
        return KEDGE_E_URI;
    return KEDGE_OK;
}

static enum kedge_rc take_known(const struct attribute *attributes, size_t count,
                                struct kedge_slice name, struct kedge_slice value, bool query,
                                struct kedge_pkcs11_uri *out)
{
    for (size_t i = 0; i < count; i++)
        if (name_is(name, attributes[i].name))
            return take_text(value, query, (char *)out + attributes[i].offset,
                             attributes[i].capacity);
    return KEDGE_E_UNSUPPORTED;
}

static enum kedge_rc take_path_attribute(struct kedge_slice name, struct kedge_slice value,
                                         struct kedge_pkcs11_uri *out)
{
    if (name_is(name, "id")) {
        KEDGE_TRY(decode(value, false, out->id, sizeof out->id, &out->id_size));
        return out->id_size > 0 ? KEDGE_OK : KEDGE_E_URI;
    }
    if (name_is(name, "type"))
        return name_is(value, "private") || name_is(value, "public") ? KEDGE_OK
                                                                     : KEDGE_E_UNSUPPORTED;
    return take_known(path_attributes, sizeof path_attributes / sizeof path_attributes[0], name,
                      value, false, out);
}

/* A file may also be given by its name alone, or as a URI of RFC 8089. */
static enum kedge_rc normalise_pin_source(char pin_source[KEDGE_PKCS11_PATH_MAX + 1])
{
    size_t size = strlen(pin_source), scheme = strlen(FILE_SCHEME);
    if (strncmp(pin_source, "env:", 4) == 0)
        return pin_source[4] != '\0' ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
    if (strncmp(pin_source, FILE_SCHEME "///", scheme + 3) == 0) {
        memmove(pin_source + scheme, pin_source + scheme + 2, size - scheme - 1);
        return KEDGE_OK;
    }
    if (strncmp(pin_source, FILE_SCHEME "/", scheme + 1) == 0)
        return strncmp(pin_source, FILE_SCHEME "//", scheme + 2) != 0 ? KEDGE_OK
                                                                      : KEDGE_E_UNSUPPORTED;
    if (pin_source[0] != '/')
        return KEDGE_E_UNSUPPORTED;
    if (size + scheme > KEDGE_PKCS11_PATH_MAX)
        return KEDGE_E_LIMIT;
    memmove(pin_source + scheme, pin_source, size + 1);
    memcpy(pin_source, FILE_SCHEME, scheme);
    return KEDGE_OK;
}

static enum kedge_rc take_query_attribute(struct kedge_slice name, struct kedge_slice value,
                                          struct kedge_pkcs11_uri *out)
{
    if (name_is(name, "pin-value"))
        return KEDGE_E_REFUSED;
    KEDGE_TRY(take_known(query_attributes, sizeof query_attributes / sizeof query_attributes[0],
                         name, value, true, out));
    if (name_is(name, "pin-source"))
        return normalise_pin_source(out->pin_source);
    return out->module_path[0] == '/' ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
}

/* ---- the parts ---- */

static enum kedge_rc note_name(struct seen *seen, struct kedge_slice name)
{
    for (size_t i = 0; i < seen->count; i++)
        if (kedge_slice_equal(seen->names[i], name))
            return KEDGE_E_URI;
    if (seen->count == sizeof seen->names / sizeof seen->names[0])
        return KEDGE_E_LIMIT;
    seen->names[seen->count++] = name;
    return KEDGE_OK;
}

/* Takes what stands before the next `separator` or the end, and moves past the separator. */
static struct kedge_slice take_part(struct kedge_cursor *cursor, uint8_t separator)
{
    size_t start = cursor->offset, size = 0;
    uint8_t byte;
    while (kedge_cursor_u8(cursor, &byte) == KEDGE_OK && byte != separator)
        size++;
    return kedge_slice(cursor->bytes.data + start, size);
}

static enum kedge_rc take_attributes(struct kedge_slice text, uint8_t separator, bool query,
                                     struct seen *seen, struct kedge_pkcs11_uri *out,
                                     struct kedge_slice *fault)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    while (kedge_cursor_left(&cursor) > 0) {
        struct kedge_cursor part = kedge_cursor(take_part(&cursor, separator));
        struct kedge_slice name = take_part(&part, '='), value;
        *fault = name;
        if (name.size == part.bytes.size)
            return KEDGE_E_URI; /* no "=" in it */
        KEDGE_TRY(kedge_cursor_take(&part, kedge_cursor_left(&part), &value));
        KEDGE_TRY(note_name(seen, name));
        KEDGE_TRY(query ? take_query_attribute(name, value, out)
                        : take_path_attribute(name, value, out));
    }
    *fault = kedge_slice(NULL, 0);
    return KEDGE_OK;
}

static enum kedge_rc parse(struct kedge_slice text, struct kedge_pkcs11_uri *out,
                           struct kedge_slice *fault)
{
    struct kedge_cursor cursor = kedge_cursor(text);
    struct seen seen = {.count = 0};
    struct kedge_slice query;
    KEDGE_TRY(kedge_cursor_skip(&cursor, strlen(SCHEME)));
    struct kedge_slice path = take_part(&cursor, '?');
    KEDGE_TRY(kedge_cursor_take(&cursor, kedge_cursor_left(&cursor), &query));
    KEDGE_TRY(take_attributes(path, ';', false, &seen, out, fault));
    KEDGE_TRY(take_attributes(query, '&', true, &seen, out, fault));
    bool named = out->token[0] != '\0' && (out->object[0] != '\0' || out->id_size > 0);
    return named ? KEDGE_OK : KEDGE_E_MISSING;
}

enum kedge_rc kedge_pkcs11_uri_parse(struct kedge_slice text, struct kedge_pkcs11_uri *out,
                                     struct kedge_slice *fault)
{
    *fault = kedge_slice(NULL, 0);
    if (text.size > KEDGE_PKCS11_URI_MAX)
        return KEDGE_E_LIMIT;
    if (!kedge_pkcs11_uri_is(text))
        return KEDGE_E_URI;
    memset(out, 0, sizeof *out);
    return parse(text, out, fault);
}
