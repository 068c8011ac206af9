/*
 * lwm2m.h: paths and values of LwM2M, its formats of one value, TLV and link format, and the state
 * table of object 5 (Firmware Update).
 *
 * Formats here: plain text (0), link format (40, RFC 6690), opaque (42), TLV (11542), as the
 * OMA LwM2M Core Technical Specification 1.0/1.1 section 7.4 (6.4 in 1.0) describes them;
 * kedge/lwm2m_records.h has all formats as records of path and value.
 * Pure functions over the caller's buffers; readers are strict and bounded.
 */
#ifndef KEDGE_LWM2M_H
#define KEDGE_LWM2M_H

#include <kedge/base.h>

#define KEDGE_LWM2M_FORMAT_TEXT 0u
#define KEDGE_LWM2M_FORMAT_LINK 40u
#define KEDGE_LWM2M_FORMAT_OPAQUE 42u
#define KEDGE_LWM2M_FORMAT_CBOR 60u
#define KEDGE_LWM2M_FORMAT_SENML_JSON 110u
#define KEDGE_LWM2M_FORMAT_SENML_CBOR 112u
#define KEDGE_LWM2M_FORMAT_TLV 11542u
#define KEDGE_LWM2M_FORMAT_JSON 11543u /* of LwM2M 1.0; 1.1 and later have SenML JSON */
#define KEDGE_LWM2M_FORMAT_LWM2M_CBOR 11544u
#define KEDGE_LWM2M_FORMAT_NONE UINT32_MAX /* a message without a Content-Format */

#define KEDGE_LWM2M_OBJECT_SECURITY 0u
#define KEDGE_LWM2M_OBJECT_SERVER 1u
#define KEDGE_LWM2M_OBJECT_ACCESS 2u
#define KEDGE_LWM2M_OBJECT_DEVICE 3u
#define KEDGE_LWM2M_OBJECT_CONNECTIVITY 4u
#define KEDGE_LWM2M_OBJECT_FIRMWARE 5u
#define KEDGE_LWM2M_OBJECT_OSCORE 21u
#define KEDGE_LWM2M_OBJECT_KEDGE 26241u /* private: why the last update failed, and progress */

#define KEDGE_LWM2M_ID_NONE 65535u      /* reserved by OMA: never an id */
#define KEDGE_LWM2M_ENDPOINT_MAX 128u   /* bytes of an endpoint name */
#define KEDGE_LWM2M_LINKS_MAX 256u      /* links taken from one registration; more are refused */
#define KEDGE_LWM2M_STRING_MAX 255u     /* bytes of a string; longer ones are refused */

/** /object/instance/resource/resource-instance; `depth` says how many of them are there. */
struct kedge_lwm2m_path {
    uint16_t ids[4];
    uint8_t depth;
};

/**
 * kedge_lwm2m_path_parse() reads "/5/0/1" or "5/0/1" ("" and "/" are the root). KEDGE_E_LIMIT for
 * more than four ids or one above 65534, KEDGE_E_MALFORMED for anything else that is no path.
 */
enum kedge_rc kedge_lwm2m_path_parse(struct kedge_slice text, struct kedge_lwm2m_path *path)
    KEDGE_MUST_USE;
/** kedge_lwm2m_path_text() writes "/5/0/1" and a NUL (at most 24 bytes + NUL); "/" is the root. */
void kedge_lwm2m_path_text(const struct kedge_lwm2m_path *path, char text[25]);

/* ---- values ---- */

enum kedge_lwm2m_type {
    KEDGE_LWM2M_STRING,
    KEDGE_LWM2M_INTEGER,
    KEDGE_LWM2M_UNSIGNED,
    KEDGE_LWM2M_BOOLEAN,
    KEDGE_LWM2M_OPAQUE,
    KEDGE_LWM2M_TIME,
    KEDGE_LWM2M_FLOAT,
    KEDGE_LWM2M_OBJECT_LINK,
    KEDGE_LWM2M_NOTHING /* a path without a value: what a composite operation asks for */
};

/** Which instance of which object an OBJECT_LINK names. */
struct kedge_lwm2m_object_link {
    uint16_t object;
    uint16_t instance;
};

struct kedge_lwm2m_value {
    enum kedge_lwm2m_type type;
    int64_t integer;           /* INTEGER, TIME (seconds of Unix time), BOOLEAN (0 or 1) */
    uint64_t unsigned_integer; /* UNSIGNED */
    double number;             /* FLOAT: never infinite and never NaN */
    struct kedge_lwm2m_object_link link; /* OBJECT_LINK; 65535:65535 is none */
    struct kedge_slice bytes;            /* STRING (UTF-8) and OPAQUE; borrowed */
};

/*
 * The one form of each type in plain text: integers and times in decimal without leading zeros,
 * booleans "0" or "1", strings as they are, opaque bytes in Base64, object links as "3:0". Floats
 * have several forms: decimal, with an exponent or without; written are the fewest digits that read
 * back as the same number. In any format a string is UTF-8 without NUL (so that C strings can hold
 * it whole) and of KEDGE_LWM2M_STRING_MAX bytes at most (KEDGE_E_LIMIT); a number that does not fit
 * is KEDGE_E_LIMIT too.
 */

/**
 * kedge_lwm2m_text_read() reads a plain-text value of the type asked for. Strings are borrowed
 * from `text`; opaque bytes are decoded into `scratch` (may be NULL for other types) and borrowed
 * from there, KEDGE_E_BUFFER when they do not fit. KEDGE_E_MALFORMED for anything else.
 */
enum kedge_rc kedge_lwm2m_text_read(struct kedge_slice text, enum kedge_lwm2m_type type,
                                    struct kedge_writer *scratch, struct kedge_lwm2m_value *value)
    KEDGE_MUST_USE;
/** kedge_lwm2m_text_write() appends the value's text. KEDGE_E_BUFFER when it does not fit. */
enum kedge_rc kedge_lwm2m_text_write(const struct kedge_lwm2m_value *value, struct kedge_writer *out)
    KEDGE_MUST_USE;

/* ---- TLV ---- */

enum kedge_tlv_kind {
    KEDGE_TLV_OBJECT_INSTANCE = 0,
    KEDGE_TLV_RESOURCE_INSTANCE = 1,
    KEDGE_TLV_MULTIPLE_RESOURCE = 2,
    KEDGE_TLV_RESOURCE = 3
};

struct kedge_tlv_entry {
    enum kedge_tlv_kind kind;
    uint16_t id;
    struct kedge_slice value; /* for instances and multiple resources: nested entries */
};

/**
 * kedge_tlv_next() reads the next entry; KEDGE_E_NOT_FOUND at the end; KEDGE_E_TRUNCATED for a
 * length beyond the bytes that are there; KEDGE_E_MALFORMED for the reserved id 65535. Nested
 * entries are not looked at: the caller walks `value`, one level at a time.
 */
enum kedge_rc kedge_tlv_next(struct kedge_cursor *cursor, struct kedge_tlv_entry *entry)
    KEDGE_MUST_USE;
/**
 * kedge_tlv_value() decodes a resource's value: integers and times of 1, 2, 4 or 8 bytes,
 * booleans of 1 (0 or 1), floats of 4 or 8 (IEEE 754), object links of 4. Strings and opaque bytes
 * are borrowed. KEDGE_E_MALFORMED otherwise.
 */
enum kedge_rc kedge_tlv_value(struct kedge_slice bytes, enum kedge_lwm2m_type type,
                              struct kedge_lwm2m_value *value) KEDGE_MUST_USE;
/** kedge_tlv_write() writes an entry or, when it does not fit (KEDGE_E_BUFFER), nothing. */
enum kedge_rc kedge_tlv_write(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                              struct kedge_slice value) KEDGE_MUST_USE;
/** Writes a resource (or resource instance) from a typed value, integers as short as they go. */
enum kedge_rc kedge_tlv_write_value(struct kedge_writer *out, enum kedge_tlv_kind kind, uint16_t id,
                                    const struct kedge_lwm2m_value *value) KEDGE_MUST_USE;
/**
 * kedge_tlv_find_resource() finds one resource's value in a TLV payload that answers a read of an
 * instance or of the resource itself, with or without the object-instance wrapping that clients
 * differ in. For a multiple resource it views its resource instances. All of the payload is
 * checked: KEDGE_E_MALFORMED when the resource is there twice; KEDGE_E_NOT_FOUND.
 */
enum kedge_rc kedge_tlv_find_resource(struct kedge_slice payload, uint16_t instance,
                                      uint16_t resource, struct kedge_slice *value) KEDGE_MUST_USE;

/**
 * kedge_lwm2m_value_read() decodes an answer that holds the one value at `path` (a resource, or an
 * instance of a multiple one) in whichever format of kedge/lwm2m_records.h it came; no
 * Content-Format (KEDGE_LWM2M_FORMAT_NONE) means text. All of the payload is checked.
 * KEDGE_E_UNSUPPORTED for other formats, KEDGE_E_TYPE when format and type do not go together,
 * KEDGE_E_NOT_FOUND when it holds something else, KEDGE_E_MALFORMED when the value is there twice.
 */
enum kedge_rc kedge_lwm2m_value_read(uint32_t content_format, struct kedge_slice payload,
                                     const struct kedge_lwm2m_path *path,
                                     enum kedge_lwm2m_type type, struct kedge_writer *scratch,
                                     struct kedge_lwm2m_value *value) KEDGE_MUST_USE;

/* ---- link format ---- */

struct kedge_link {
    struct kedge_slice target;     /* between the angle brackets */
    struct kedge_slice attributes; /* ;name=value... ; see kedge_link_attribute() */
};

/**
 * kedge_link_next() reads the next link of a list whose cursor began at its first byte, with all
 * its attributes checked. KEDGE_E_NOT_FOUND at the end, KEDGE_E_TRUNCATED for one that is cut off,
 * KEDGE_E_MALFORMED. Spaces behind a comma are taken: some clients write them.
 */
enum kedge_rc kedge_link_next(struct kedge_cursor *cursor, struct kedge_link *link) KEDGE_MUST_USE;
/**
 * kedge_link_attribute() finds the first attribute of that name; false when it is not there.
 * `value` is without quotes (a backslash before an escaped character stays); empty without a value.
 */
bool kedge_link_attribute(const struct kedge_link *link, const char *name, struct kedge_slice *value);
/**
 * kedge_link_write() appends `</5/0>;ver="1.1"` or, when it does not fit, nothing (KEDGE_E_BUFFER);
 * with a comma before it unless it is the first in `out`. `attributes` are written as they are.
 */
enum kedge_rc kedge_link_write(struct kedge_writer *out, const char *target, const char *attributes)
    KEDGE_MUST_USE;

/* ---- object 5, Firmware Update ---- */

enum kedge_firmware_resource {
    KEDGE_FIRMWARE_PACKAGE = 0, KEDGE_FIRMWARE_PACKAGE_URI = 1, KEDGE_FIRMWARE_UPDATE = 2,
    KEDGE_FIRMWARE_STATE = 3, KEDGE_FIRMWARE_RESULT = 5, KEDGE_FIRMWARE_PACKAGE_NAME = 6,
    KEDGE_FIRMWARE_PACKAGE_VERSION = 7, KEDGE_FIRMWARE_PROTOCOLS = 8, KEDGE_FIRMWARE_DELIVERY = 9,
    KEDGE_FIRMWARE_CANCEL = 10, KEDGE_FIRMWARE_SEVERITY = 11,
    KEDGE_FIRMWARE_LAST_STATE_CHANGE_TIME = 12, KEDGE_FIRMWARE_MAXIMUM_DEFER_PERIOD = 13
};

enum kedge_firmware_state {
    KEDGE_FIRMWARE_IDLE = 0,
    KEDGE_FIRMWARE_DOWNLOADING = 1,
    KEDGE_FIRMWARE_DOWNLOADED = 2,
    KEDGE_FIRMWARE_UPDATING = 3,
    KEDGE_FIRMWARE_STATE_COUNT
};

enum kedge_firmware_result {
    KEDGE_RESULT_INITIAL = 0, KEDGE_RESULT_SUCCESS = 1, KEDGE_RESULT_NO_FLASH = 2,
    KEDGE_RESULT_NO_RAM = 3, KEDGE_RESULT_CONNECTION_LOST = 4, KEDGE_RESULT_INTEGRITY = 5,
    KEDGE_RESULT_UNSUPPORTED_PACKAGE = 6, KEDGE_RESULT_INVALID_URI = 7, KEDGE_RESULT_FAILED = 8,
    KEDGE_RESULT_UNSUPPORTED_PROTOCOL = 9, KEDGE_RESULT_CANCELED = 10, KEDGE_RESULT_DEFERRED = 11
};

enum kedge_firmware_protocol {
    KEDGE_PROTOCOL_COAP = 0, KEDGE_PROTOCOL_COAPS = 1, KEDGE_PROTOCOL_HTTP = 2,
    KEDGE_PROTOCOL_HTTPS = 3, KEDGE_PROTOCOL_COAP_TCP = 4, KEDGE_PROTOCOL_COAPS_TCP = 5
};

/** How packages get to a device: the values of /5/0/9. */
enum kedge_firmware_delivery {
    KEDGE_DELIVERY_PULL = 0, KEDGE_DELIVERY_PUSH = 1, KEDGE_DELIVERY_BOTH = 2
};

/** What can happen to a device's object 5. */
enum kedge_firmware_event {
    KEDGE_FIRMWARE_URI_WRITTEN,       /* a valid, supported, non-empty Package URI */
    KEDGE_FIRMWARE_URI_EMPTY,         /* empty Package URI: reset */
    KEDGE_FIRMWARE_PACKAGE_WRITTEN,   /* first block of a pushed package */
    KEDGE_FIRMWARE_PACKAGE_NUL,       /* the single byte NUL: reset */
    KEDGE_FIRMWARE_DOWNLOAD_DONE,     /* complete and checked */
    KEDGE_FIRMWARE_DOWNLOAD_FAILED,   /* with a Result */
    KEDGE_FIRMWARE_UPDATE_EXECUTED,
    KEDGE_FIRMWARE_UPDATE_DEFERRED,   /* Update where the device asks its own software first */
    KEDGE_FIRMWARE_CANCEL_EXECUTED,
    KEDGE_FIRMWARE_INSTALL_FAILED,    /* before the reboot: State Downloaded, Result 8 */
    KEDGE_FIRMWARE_TRIAL_CONFIRMED,   /* the new image is confirmed */
    KEDGE_FIRMWARE_TRIAL_ROLLED_BACK, /* the old image runs again: State Idle, Result 8 */
    KEDGE_FIRMWARE_EVENT_COUNT
};

enum kedge_firmware_action {
    KEDGE_FIRMWARE_ACCEPT,             /* go to `next`, set Result as `result` says */
    KEDGE_FIRMWARE_METHOD_NOT_ALLOWED, /* 4.05, nothing changes */
    KEDGE_FIRMWARE_BAD_REQUEST,        /* 4.00, nothing changes */
    KEDGE_FIRMWARE_IGNORE              /* an event of ours that is late: nothing changes */
};

/** One cell of the total table state x event; docs/lwm2m.md prints it from here. */
struct kedge_firmware_transition {
    enum kedge_firmware_action action;
    enum kedge_firmware_state next;
    int result; /* 0 to 11 to set; -1 keep; -2 the Result that came with the event */
    bool drop_package; /* what was downloaded is of no more use */
};

/** kedge_firmware_transition() looks the cell up; total over both enums. */
const struct kedge_firmware_transition *
kedge_firmware_transition(enum kedge_firmware_state state, enum kedge_firmware_event event);

const char *kedge_firmware_state_name(enum kedge_firmware_state state);
/** The words of the registry for a Result, "integrity check failure"; "unknown" beyond 11. */
const char *kedge_firmware_result_name(int result);

#endif
