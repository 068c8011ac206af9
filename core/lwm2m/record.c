/* record.c: a walk over the records of any format, each held to the path that was asked for. */
#include "core/lwm2m/record_parts.h"

/* ---- paths ---- */

int kedge_lwm2m_path_compare(const struct kedge_lwm2m_path *a, const struct kedge_lwm2m_path *b)
{
    for (size_t i = 0; i < a->depth && i < b->depth; i++)
        if (a->ids[i] != b->ids[i])
            return a->ids[i] < b->ids[i] ? -1 : 1;
    return (int)a->depth - (int)b->depth;
}

bool kedge_lwm2m_path_shares(const struct kedge_lwm2m_path *a, const struct kedge_lwm2m_path *b,
                             uint8_t depth)
{
    if (a->depth < depth || b->depth < depth)
        return false;
    for (size_t i = 0; i < depth; i++)
        if (a->ids[i] != b->ids[i])
            return false;
    return true;
}

enum kedge_rc path_append(struct kedge_lwm2m_path *path, uint64_t id)
{
    if (path->depth == PATH_DEPTH_MAX || id >= KEDGE_LWM2M_ID_NONE)
        return KEDGE_E_MALFORMED;
    path->ids[path->depth++] = (uint16_t)id;
    return KEDGE_OK;
}

/* ---- the walk ---- */

typedef enum kedge_rc next_fn(struct kedge_lwm2m_reader *reader, struct kedge_lwm2m_record *record);

static enum kedge_rc whole_payload(struct kedge_lwm2m_reader *reader,
                                   struct kedge_lwm2m_record *record,
                                   enum kedge_lwm2m_encoding encoding)
{
    if (reader->begun_)
        return KEDGE_E_NOT_FOUND;
    reader->begun_ = true;
    *record = (struct kedge_lwm2m_record){.path = reader->path_, .encoding = encoding};
    record->value.type = encoding == KEDGE_LWM2M_AS_TEXT ? KEDGE_LWM2M_STRING : KEDGE_LWM2M_OPAQUE;
    record->value.bytes = reader->cursor_.bytes;
    return KEDGE_OK;
}

static enum kedge_rc text_record_next(struct kedge_lwm2m_reader *reader,
                                      struct kedge_lwm2m_record *record)
{
    return whole_payload(reader, record, KEDGE_LWM2M_AS_TEXT);
}

static enum kedge_rc opaque_record_next(struct kedge_lwm2m_reader *reader,
                                        struct kedge_lwm2m_record *record)
{
    return whole_payload(reader, record, KEDGE_LWM2M_AS_BYTES);
}

static const struct format {
    uint32_t content_format;
    bool one_value; /* at the path that was asked for, a resource */
    next_fn *next;
} formats[] = {
    {KEDGE_LWM2M_FORMAT_NONE, true, text_record_next},
    {KEDGE_LWM2M_FORMAT_TEXT, true, text_record_next},
    {KEDGE_LWM2M_FORMAT_OPAQUE, true, opaque_record_next},
    {KEDGE_LWM2M_FORMAT_CBOR, true, cbor_record_next},
    {KEDGE_LWM2M_FORMAT_TLV, false, tlv_record_next},
    {KEDGE_LWM2M_FORMAT_SENML_JSON, false, senml_json_record_next},
    {KEDGE_LWM2M_FORMAT_SENML_CBOR, false, senml_cbor_record_next},
    {KEDGE_LWM2M_FORMAT_JSON, false, lwm2m_json_record_next},
    {KEDGE_LWM2M_FORMAT_LWM2M_CBOR, false, lwm2m_cbor_record_next},
};

static const struct format *format_of(uint32_t content_format)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i].content_format == content_format)
            return &formats[i];
    return NULL;
}

enum kedge_rc kedge_lwm2m_reader_open(struct kedge_lwm2m_reader *reader, uint32_t content_format,
                                      struct kedge_slice payload,
                                      const struct kedge_lwm2m_path *path,
                                      struct kedge_writer *scratch)
{
    const struct format *format = format_of(content_format);
    if (format == NULL)
        return KEDGE_E_UNSUPPORTED;
    if (format->one_value && path->depth < RESOURCE_DEPTH)
        return KEDGE_E_TYPE;
    *reader = (struct kedge_lwm2m_reader){.format = content_format,
                                          .path_ = *path,
                                          .scope_ = path->depth,
                                          .scratch_ = scratch,
                                          .cursor_ = kedge_cursor(payload),
                                          .base_value_ = {.type = KEDGE_LWM2M_NOTHING}};
    return KEDGE_OK;
}

enum kedge_rc kedge_lwm2m_reader_next(struct kedge_lwm2m_reader *reader,
                                      struct kedge_lwm2m_record *record)
{
    struct kedge_lwm2m_record read = {.encoding = KEDGE_LWM2M_TYPED};
    KEDGE_TRY(format_of(reader->format)->next(reader, &read));
    if (!kedge_lwm2m_path_shares(&reader->path_, &read.path, reader->scope_))
        return KEDGE_E_MALFORMED;
    bool typed = read.encoding == KEDGE_LWM2M_TYPED;
    if (typed && read.value.type == KEDGE_LWM2M_NOTHING)
        goto done;
    if (read.path.depth < RESOURCE_DEPTH)
        return KEDGE_E_MALFORMED;
    if (typed && read.value.type == KEDGE_LWM2M_FLOAT &&
        !kedge_lwm2m_float_finite(read.value.number))
        return KEDGE_E_LIMIT;
done:
    *record = read;
    return KEDGE_OK;
}
