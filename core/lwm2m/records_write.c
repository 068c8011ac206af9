/* records_write.c: records in the format that is asked for, once they are what it can hold. */
#include "core/lwm2m/record_parts.h"

static enum kedge_rc check(const struct kedge_lwm2m_path *path,
                           const struct kedge_lwm2m_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool nothing = records[i].value.type == KEDGE_LWM2M_NOTHING;
        if (records[i].encoding != KEDGE_LWM2M_TYPED || records[i].path.depth > PATH_DEPTH_MAX ||
            (!nothing && records[i].path.depth < RESOURCE_DEPTH) ||
            !kedge_lwm2m_path_shares(path, &records[i].path, path->depth))
            return KEDGE_E_ARGUMENT;
        if (i > 0 && kedge_lwm2m_path_compare(&records[i - 1].path, &records[i].path) >= 0)
            return KEDGE_E_ARGUMENT;
    }
    return KEDGE_OK;
}

static enum kedge_rc one_value(const struct kedge_lwm2m_path *path,
                               const struct kedge_lwm2m_record *records, size_t count)
{
    return count == 1 && kedge_lwm2m_path_compare(path, &records[0].path) == 0 &&
                   records[0].value.type != KEDGE_LWM2M_NOTHING
               ? KEDGE_OK
               : KEDGE_E_TYPE;
}

static enum kedge_rc all_values(const struct kedge_lwm2m_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (records[i].value.type == KEDGE_LWM2M_NOTHING)
            return KEDGE_E_TYPE;
    return KEDGE_OK;
}

static enum kedge_rc write(uint32_t content_format, const struct kedge_lwm2m_path *path,
                           const struct kedge_lwm2m_record *records, size_t count,
                           struct kedge_writer *out)
{
    switch (content_format) {
    case KEDGE_LWM2M_FORMAT_TEXT:
        KEDGE_TRY(one_value(path, records, count));
        return kedge_lwm2m_text_write(&records[0].value, out);
    case KEDGE_LWM2M_FORMAT_OPAQUE:
        KEDGE_TRY(one_value(path, records, count));
        return records[0].value.type == KEDGE_LWM2M_OPAQUE
                   ? kedge_writer_put(out, records[0].value.bytes)
                   : KEDGE_E_TYPE;
    case KEDGE_LWM2M_FORMAT_CBOR:
        KEDGE_TRY(one_value(path, records, count));
        return cbor_value_write(&records[0].value, out);
    case KEDGE_LWM2M_FORMAT_TLV:
        KEDGE_TRY(all_values(records, count));
        return tlv_records_write(path, records, count, out);
    case KEDGE_LWM2M_FORMAT_LWM2M_CBOR:
        KEDGE_TRY(all_values(records, count));
        return lwm2m_cbor_records_write(records, count, out);
    case KEDGE_LWM2M_FORMAT_SENML_CBOR:
        return senml_cbor_records_write(path, records, count, out);
    case KEDGE_LWM2M_FORMAT_JSON:
        KEDGE_TRY(all_values(records, count));
        return json_records_write(content_format, path, records, count, out);
    case KEDGE_LWM2M_FORMAT_SENML_JSON:
        return json_records_write(content_format, path, records, count, out);
    default:
        return KEDGE_E_UNSUPPORTED;
    }
}

enum kedge_rc kedge_lwm2m_records_write(uint32_t content_format,
                                        const struct kedge_lwm2m_path *path,
                                        const struct kedge_lwm2m_record *records, size_t count,
                                        struct kedge_writer *out)
{
    struct kedge_writer at = *out;
    KEDGE_TRY(check(path, records, count));
    KEDGE_TRY(write(content_format, path, records, count, &at));
    *out = at;
    return KEDGE_OK;
}
