/*
 * lwm2m_records.h: every data format of LwM2M as records of path and value (OMA LwM2M Core 1.2
 * section 7.4, RFC 8428 for SenML).
 *
 *   0 text, 42 opaque, 60 CBOR     one record: the value at the path that was asked for
 *   11542 TLV                      records below that path; values in bytes, without their types
 *   110 SenML JSON, 112 SenML CBOR, 11543 LwM2M JSON, 11544 LwM2M CBOR
 *                                  records with paths and, roughly, types of their own
 *
 * What is sent need not be in the deterministic encoding of CBOR, which none of the formats asks
 * for: integers and lengths of any size, keys in any order, and maps and arrays of indefinite
 * length are taken. Refused, besides what is not well-formed: a label twice in one SenML record, a
 * label that must be understood and is not (RFC 8428 section 4.4), strings in chunks, nesting
 * beyond KEDGE_LWM2M_NESTING_MAX, and any record outside the path that was asked for.
 */
#ifndef KEDGE_LWM2M_RECORDS_H
#define KEDGE_LWM2M_RECORDS_H

#include <kedge/lwm2m.h>

#define KEDGE_LWM2M_BASE_NAME_MAX 48u /* bytes of a SenML base name */
#define KEDGE_LWM2M_NESTING_MAX 8u    /* of values under labels that are not known */

/** How a value stands in a record, before the resource's definition says what type it has. */
enum kedge_lwm2m_encoding {
    KEDGE_LWM2M_TYPED,     /* the format told a type, which is value.type */
    KEDGE_LWM2M_AS_TEXT,   /* value.bytes is plain text */
    KEDGE_LWM2M_AS_TLV,    /* value.bytes is the value of a TLV entry */
    KEDGE_LWM2M_AS_STRING, /* value.bytes is a string, or opaque bytes in Base64 (LwM2M JSON) */
    KEDGE_LWM2M_AS_BYTES   /* value.bytes is the opaque value itself */
};

struct kedge_lwm2m_record {
    struct kedge_lwm2m_path path;
    enum kedge_lwm2m_encoding encoding;
    struct kedge_lwm2m_value value; /* borrowed from the payload or from the reader's scratch */
};

/* ---- reading ---- */

struct kedge_lwm2m_level_ { /* of nested TLV entries and CBOR maps */
    struct kedge_cursor entries;
    size_t left;
    bool indefinite;
    struct kedge_lwm2m_path path;
};

/** A walk over the records of one payload. What ends in _ is the reader's own. */
struct kedge_lwm2m_reader {
    uint32_t format;
    struct kedge_lwm2m_path path_;
    uint8_t scope_; /* so many ids of path_ every record shares */
    struct kedge_writer *scratch_;
    struct kedge_cursor cursor_;
    struct kedge_lwm2m_level_ levels_[5];
    size_t depth_;
    size_t left_;
    bool begun_, ended_, indefinite_;
    uint8_t base_name_[KEDGE_LWM2M_BASE_NAME_MAX];
    size_t base_name_size_;
    struct kedge_lwm2m_value base_value_;
};

/**
 * kedge_lwm2m_reader_open() begins the walk over what answers a request for `path` (the root where
 * the payload says all of its paths itself, as for Send). Strings with escapes or in
 * several chunks, and Base64, are decoded into `scratch` (NULL: such are KEDGE_E_BUFFER). KEDGE_E_UNSUPPORTED for a format that has
 * no records, KEDGE_E_TYPE for one of one value where `path` is no resource.
 */
enum kedge_rc kedge_lwm2m_reader_open(struct kedge_lwm2m_reader *reader, uint32_t content_format,
                                      struct kedge_slice payload,
                                      const struct kedge_lwm2m_path *path,
                                      struct kedge_writer *scratch) KEDGE_MUST_USE;
/**
 * kedge_lwm2m_reader_next() reads the next record: a resource, an instance of one, or (type
 * NOTHING) any path without a value. KEDGE_E_NOT_FOUND when the payload has ended as it should. Of
 * a path that is there twice it knows nothing.
 */
enum kedge_rc kedge_lwm2m_reader_next(struct kedge_lwm2m_reader *reader,
                                      struct kedge_lwm2m_record *record) KEDGE_MUST_USE;
/**
 * kedge_lwm2m_record_value() is the record's value as one of the type that the resource's
 * definition asks for. KEDGE_E_TYPE when it is another, KEDGE_E_LIMIT when it does not fit.
 */
enum kedge_rc kedge_lwm2m_record_value(const struct kedge_lwm2m_record *record,
                                       enum kedge_lwm2m_type type, struct kedge_writer *scratch,
                                       struct kedge_lwm2m_value *value) KEDGE_MUST_USE;

/* ---- writing ---- */

/**
 * kedge_lwm2m_records_write() appends `count` records for a request to `path`, in the order of
 * their paths (kedge_lwm2m_path_compare()), all TYPED and below `path`; otherwise KEDGE_E_ARGUMENT.
 * Nothing is written when it does not fit (KEDGE_E_BUFFER; TLV needs a few bytes to spare).
 * KEDGE_E_TYPE when the format does not go with the records: text, opaque and CBOR take the one
 * value at `path`, paths without values go only into SenML.
 */
enum kedge_rc kedge_lwm2m_records_write(uint32_t content_format,
                                        const struct kedge_lwm2m_path *path,
                                        const struct kedge_lwm2m_record *records, size_t count,
                                        struct kedge_writer *out) KEDGE_MUST_USE;

/** Less than, equal to or greater than 0, id by id; a path comes before what lies below it. */
int kedge_lwm2m_path_compare(const struct kedge_lwm2m_path *a, const struct kedge_lwm2m_path *b);
/** Whether the first `depth` ids of both are there and the same. */
bool kedge_lwm2m_path_shares(const struct kedge_lwm2m_path *a, const struct kedge_lwm2m_path *b,
                             uint8_t depth);

/* ---- definitions ---- */

enum kedge_lwm2m_operations {
    KEDGE_LWM2M_R = 1,
    KEDGE_LWM2M_W = 2,
    KEDGE_LWM2M_RW = 3,
    KEDGE_LWM2M_E = 4,
    KEDGE_LWM2M_BOOTSTRAP_ONLY = 0
};

/** What the registry of OMA says of a resource. */
struct kedge_lwm2m_definition {
    uint16_t object, resource;
    enum kedge_lwm2m_operations operations;
    bool multiple;
    enum kedge_lwm2m_type type; /* NOTHING for what is executed */
};

/**
 * kedge_lwm2m_definition() finds a resource of the objects that Kedge knows: 0 to 5 and its own;
 * NULL for any other.
 */
const struct kedge_lwm2m_definition *kedge_lwm2m_definition(uint16_t object, uint16_t resource);
/**
 * kedge_lwm2m_record_best() is the record's value by its definition or, where there is none or the
 * device holds to another, by what the format tells: text as a string, TLV as opaque bytes.
 */
enum kedge_rc kedge_lwm2m_record_best(const struct kedge_lwm2m_record *record,
                                      struct kedge_writer *scratch,
                                      struct kedge_lwm2m_value *value) KEDGE_MUST_USE;

#endif
