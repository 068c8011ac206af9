/* senml.c: what SenML (RFC 8428) means, whichever way it is encoded. */
#include "core/lwm2m/record_parts.h"

#include <string.h>

#define VERSION_UNDERSTOOD 10
#define NAME_MAX (KEDGE_LWM2M_BASE_NAME_MAX + 32u)

static const unsigned values = 1u << SENML_VALUE | 1u << SENML_STRING | 1u << SENML_BOOLEAN |
                               1u << SENML_DATA | 1u << SENML_OBJECT_LINK;

enum senml_label senml_label_of(struct kedge_slice name)
{
    static const struct {
        const char *name;
        enum senml_label label;
    } labels[] = {
        {"bn", SENML_BASE_NAME}, {"bv", SENML_BASE_VALUE}, {"bver", SENML_BASE_VERSION},
        {"n", SENML_NAME},       {"v", SENML_VALUE},       {"vs", SENML_STRING},
        {"vb", SENML_BOOLEAN},   {"vd", SENML_DATA},       {"vlo", SENML_OBJECT_LINK},
        {"bt", SENML_IGNORED},   {"bu", SENML_IGNORED},    {"bs", SENML_IGNORED},
        {"u", SENML_IGNORED},    {"s", SENML_IGNORED},     {"t", SENML_IGNORED},
        {"ut", SENML_IGNORED},
    };
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (kedge_slice_equal(name, kedge_slice_text(labels[i].name)))
            return labels[i].label;
    return SENML_LABEL_COUNT;
}

enum kedge_rc senml_note(struct senml_fields *fields, enum senml_label label)
{
    unsigned bit = 1u << label;
    unsigned not_with = (bit & values) != 0 ? values : bit;
    if (label != SENML_IGNORED && (fields->there & not_with) != 0)
        return KEDGE_E_MALFORMED;
    fields->there |= bit;
    return KEDGE_OK;
}

enum kedge_rc senml_check_version(const struct kedge_lwm2m_value *version)
{
    if (version->type != KEDGE_LWM2M_INTEGER || version->integer < 1)
        return KEDGE_E_MALFORMED;
    return version->integer <= VERSION_UNDERSTOOD ? KEDGE_OK : KEDGE_E_UNSUPPORTED;
}

/* ---- from fields to a record ---- */

static bool has(const struct senml_fields *fields, enum senml_label label)
{
    return (fields->there & 1u << label) != 0;
}

static enum kedge_rc take_base(struct kedge_lwm2m_reader *reader, const struct senml_fields *fields)
{
    if (has(fields, SENML_BASE_VALUE))
        reader->base_value_ = fields->base_value;
    if (!has(fields, SENML_BASE_NAME))
        return KEDGE_OK;
    if (fields->base_name.size > sizeof reader->base_name_)
        return KEDGE_E_LIMIT;
    if (fields->base_name.size > 0)
        memcpy(reader->base_name_, fields->base_name.data, fields->base_name.size);
    reader->base_name_size_ = fields->base_name.size;
    return KEDGE_OK;
}

static enum kedge_rc as_float(const struct kedge_lwm2m_value *value, double *number)
{
    const struct kedge_lwm2m_record record = {.encoding = KEDGE_LWM2M_TYPED, .value = *value};
    struct kedge_lwm2m_value converted;
    KEDGE_TRY(kedge_lwm2m_record_value(&record, KEDGE_LWM2M_FLOAT, NULL, &converted));
    *number = converted.number;
    return KEDGE_OK;
}

/* Section 4.1: the base value is added to the value, which must be a number too. */
static enum kedge_rc add_base_value(const struct kedge_lwm2m_value *base,
                                    struct kedge_lwm2m_value *value)
{
    double a, b;
    if (base->type == KEDGE_LWM2M_INTEGER && value->type == KEDGE_LWM2M_INTEGER)
        return __builtin_add_overflow(base->integer, value->integer, &value->integer)
                   ? KEDGE_E_LIMIT
                   : KEDGE_OK;
    KEDGE_TRY(as_float(base, &a));
    KEDGE_TRY(as_float(value, &b));
    *value = (struct kedge_lwm2m_value){.type = KEDGE_LWM2M_FLOAT, .number = a + b};
    return KEDGE_OK;
}

enum kedge_rc senml_resolve(struct kedge_lwm2m_reader *reader, const struct senml_fields *fields,
                            struct kedge_lwm2m_record *record)
{
    uint8_t bytes[NAME_MAX];
    struct kedge_writer name = kedge_writer(bytes, sizeof bytes);
    KEDGE_TRY(take_base(reader, fields));
    KEDGE_TRY(kedge_writer_put(&name, kedge_slice(reader->base_name_, reader->base_name_size_)));
    if (kedge_writer_put(&name, fields->name) != KEDGE_OK)
        return KEDGE_E_LIMIT;
    if (name.size == 0)
        return KEDGE_E_MISSING;
    KEDGE_TRY(kedge_lwm2m_path_parse(kedge_writer_slice(&name), &record->path));
    record->encoding = fields->encoding;
    record->value = fields->value;
    if ((fields->there & values) == 0)
        record->value.type = KEDGE_LWM2M_NOTHING;
    bool add = has(fields, SENML_VALUE) && reader->base_value_.type != KEDGE_LWM2M_NOTHING;
    return add ? add_base_value(&reader->base_value_, &record->value) : KEDGE_OK;
}

/* ---- the names that are written ---- */

void record_base_name(const struct kedge_lwm2m_path *path, const struct kedge_lwm2m_record *first,
                      struct record_name *name)
{
    char text[25];
    name->size = 0;
    if (path->depth == 0)
        return;
    kedge_lwm2m_path_text(path, text);
    name->size = strlen(text);
    memcpy(name->bytes, text, name->size);
    if (first->path.depth > path->depth)
        name->bytes[name->size++] = '/';
}

void record_name(const struct kedge_lwm2m_path *path, const struct kedge_lwm2m_record *record,
                 struct record_name *name)
{
    char text[25];
    struct kedge_lwm2m_path below = {.depth = (uint8_t)(record->path.depth - path->depth)};
    for (size_t i = 0; i < below.depth; i++)
        below.ids[i] = record->path.ids[path->depth + i];
    kedge_lwm2m_path_text(&below, text);
    /* Behind a base that ends in a slash there is none; what is the base itself has no name. */
    size_t skip = path->depth > 0 ? 1 : 0;
    name->size = path->depth > 0 && below.depth == 0 ? 0 : strlen(text) - skip;
    memcpy(name->bytes, text + skip, name->size);
}
