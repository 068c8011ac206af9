/* record_parts.h: the readers and writers of each format, behind those of all. */
#ifndef KEDGE_CORE_LWM2M_RECORD_PARTS_H
#define KEDGE_CORE_LWM2M_RECORD_PARTS_H

#include "core/lwm2m/values.h"

#include <kedge/cbor.h>
#include <kedge/lwm2m_records.h>

#define PATH_DEPTH_MAX 4u
#define RESOURCE_DEPTH 3u

/* ---- one record of each format; KEDGE_E_NOT_FOUND at the end ---- */

enum kedge_rc tlv_record_next(struct kedge_lwm2m_reader *reader, struct kedge_lwm2m_record *record);
enum kedge_rc cbor_record_next(struct kedge_lwm2m_reader *reader,
                               struct kedge_lwm2m_record *record);
enum kedge_rc lwm2m_cbor_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record);
enum kedge_rc senml_cbor_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record);
enum kedge_rc senml_json_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record);
enum kedge_rc lwm2m_json_record_next(struct kedge_lwm2m_reader *reader,
                                     struct kedge_lwm2m_record *record);

/**
 * The value of a CBOR item whose head was read: tags 1 (time) and 4 (decimal fraction) too. Chunks
 * of a string are put together in `scratch`; without one a string of several is KEDGE_E_BUFFER.
 */
enum kedge_rc cbor_value(struct kedge_cursor *cursor, const struct kedge_cbor_item *item,
                         struct kedge_writer *scratch, struct kedge_lwm2m_value *value);
/** Moves past a whole item of any well-formed CBOR, nested KEDGE_LWM2M_NESTING_MAX deep at most. */
enum kedge_rc cbor_skip_loose(struct kedge_cursor *cursor);

/** Puts id behind a path; KEDGE_E_MALFORMED where it has four, or for what is no id. */
enum kedge_rc path_append(struct kedge_lwm2m_path *path, uint64_t id);

/* ---- SenML, whichever way it is encoded ---- */

enum senml_label {
    SENML_BASE_NAME,
    SENML_BASE_VALUE,
    SENML_BASE_VERSION,
    SENML_NAME,
    SENML_VALUE,
    SENML_STRING,
    SENML_BOOLEAN,
    SENML_DATA,
    SENML_OBJECT_LINK,
    SENML_IGNORED, /* units, times and sums */
    SENML_LABEL_COUNT
};

/** The fields of one record, as they were found. */
struct senml_fields {
    unsigned there; /* bits by enum senml_label */
    struct kedge_slice base_name, name;
    struct kedge_lwm2m_value base_value;
    struct kedge_lwm2m_value value; /* of whichever of the value labels */
    enum kedge_lwm2m_encoding encoding;
};

/** The label of that name; SENML_LABEL_COUNT: not known. */
enum senml_label senml_label_of(struct kedge_slice name);
/** Notes that a label is there: KEDGE_E_MALFORMED when it was before, or a second value is. */
enum kedge_rc senml_note(struct senml_fields *fields, enum senml_label label);
/** A version of SenML that is understood (RFC 8428 section 4.1: 10, or less). */
enum kedge_rc senml_check_version(const struct kedge_lwm2m_value *version);
/** Takes over new base fields and makes the record. */
enum kedge_rc senml_resolve(struct kedge_lwm2m_reader *reader, const struct senml_fields *fields,
                            struct kedge_lwm2m_record *record);

/* ---- writers; records are in order, and below `path` ---- */

enum kedge_rc tlv_records_write(const struct kedge_lwm2m_path *path,
                                const struct kedge_lwm2m_record *records, size_t count,
                                struct kedge_writer *out);
enum kedge_rc lwm2m_cbor_records_write(const struct kedge_lwm2m_record *records, size_t count,
                                       struct kedge_writer *out);
enum kedge_rc senml_cbor_records_write(const struct kedge_lwm2m_path *path,
                                       const struct kedge_lwm2m_record *records, size_t count,
                                       struct kedge_writer *out);
/** SenML JSON, and LwM2M JSON, which differ in their frame and in two labels. */
enum kedge_rc json_records_write(uint32_t content_format, const struct kedge_lwm2m_path *path,
                                 const struct kedge_lwm2m_record *records, size_t count,
                                 struct kedge_writer *out);
/** A value as CBOR; KEDGE_E_TYPE for NOTHING. */
enum kedge_rc cbor_value_write(const struct kedge_lwm2m_value *value, struct kedge_writer *out);

/**
 * The names in SenML: base is "/5/0/" and the record's name "3" below it; base is "/5/0/3" without
 * a name where the record is the one that was asked for. Base is "" at the root.
 */
struct record_name {
    uint8_t bytes[32];
    size_t size;
};
void record_base_name(const struct kedge_lwm2m_path *path, const struct kedge_lwm2m_record *first,
                      struct record_name *name);
void record_name(const struct kedge_lwm2m_path *path, const struct kedge_lwm2m_record *record,
                 struct record_name *name);

#endif
