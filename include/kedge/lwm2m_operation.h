/*
 * lwm2m_operation.h: the operations of a server on a device (OMA LwM2M Core 1.2, section 6.3 and
 * 6.4), as one is asked for.
 */
#ifndef KEDGE_LWM2M_OPERATION_H
#define KEDGE_LWM2M_OPERATION_H

#include <kedge/lwm2m_records.h>

#define KEDGE_OPERATION_RECORDS_MAX 64u    /* of one operation */
#define KEDGE_OPERATION_TEXT_MAX 255u      /* bytes of arguments and attributes */
#define KEDGE_OPERATION_PAYLOAD_MAX 65536u /* bytes of what is written, as it is encoded */

/* X(identifier, name, whether it changes something on the device) */
#define KEDGE_OPERATION_LIST(X)                                                              \
    X(KEDGE_OPERATION_READ, "read", false)                                                   \
    X(KEDGE_OPERATION_DISCOVER, "discover", false)                                           \
    X(KEDGE_OPERATION_OBSERVE, "observe", false)                                             \
    X(KEDGE_OPERATION_WRITE, "write", true) /* replaces what is at the path (PUT) */         \
    X(KEDGE_OPERATION_WRITE_PARTIAL, "write_partial", true) /* the resources given (POST) */ \
    X(KEDGE_OPERATION_WRITE_ATTRIBUTES, "write_attributes", true)                            \
    X(KEDGE_OPERATION_EXECUTE, "execute", true)                                              \
    X(KEDGE_OPERATION_CREATE, "create", true)                                                \
    X(KEDGE_OPERATION_DELETE, "delete", true)                                                \
    X(KEDGE_OPERATION_READ_COMPOSITE, "read_composite", false)                               \
    X(KEDGE_OPERATION_OBSERVE_COMPOSITE, "observe_composite", false)                         \
    X(KEDGE_OPERATION_WRITE_COMPOSITE, "write_composite", true) /* all or nothing */

enum kedge_operation_kind {
#define KEDGE_OPERATION_ENUM(identifier, name, changes) identifier,
    KEDGE_OPERATION_LIST(KEDGE_OPERATION_ENUM)
#undef KEDGE_OPERATION_ENUM
        KEDGE_OPERATION_COUNT
};

/** "write_partial"; static storage; "unknown" beyond the last. */
const char *kedge_operation_name(enum kedge_operation_kind kind);
/** The kind of that name, or KEDGE_OPERATION_COUNT. */
enum kedge_operation_kind kedge_operation_named(const char *name);
/** Whether it changes something on the device. */
bool kedge_operation_changes(enum kedge_operation_kind kind);

/** Whether it can be asked of a path of so many numbers. */
bool kedge_operation_reaches(enum kedge_operation_kind kind, uint8_t depth);
/** What its path has to name, for people: "a resource, like /3/0/4"; static storage. */
const char *kedge_operation_place(enum kedge_operation_kind kind);

/** What goes with it: values, paths without values, or neither. */
enum kedge_operation_content {
    KEDGE_OPERATION_OF_NOTHING,
    KEDGE_OPERATION_OF_VALUES,
    KEDGE_OPERATION_OF_PATHS
};
enum kedge_operation_content kedge_operation_content(enum kedge_operation_kind kind);

/** What is asked. Everything is borrowed for the call that takes it. */
struct kedge_operation_request {
    enum kedge_operation_kind kind;
    const char *path; /* "/5/0/3"; "/" for the composite ones; an object to create an instance of */
    /* Arguments of Execute (section 6.3.5); attributes, "pmin=5&pmax=60", to write, or for an
     * observation alone (since 1.2); "depth=1" of Discover (since 1.2). NULL: "" */
    const char *text;
    const struct kedge_lwm2m_record *records; /* as kedge_lwm2m_records_write() takes them */
    size_t record_count;
};

#endif
