/* operation.c: what the operations are called, where each can be asked, and what goes with it. */
#include <kedge/lwm2m_operation.h>

#include <string.h>

static const struct {
    const char *name;
    bool changes;
} operations[KEDGE_OPERATION_COUNT] = {
#define KEDGE_OPERATION_ROW(identifier, name, changes) [identifier] = {name, changes},
    KEDGE_OPERATION_LIST(KEDGE_OPERATION_ROW)
#undef KEDGE_OPERATION_ROW
};

const char *kedge_operation_name(enum kedge_operation_kind kind)
{
    return (unsigned)kind < KEDGE_OPERATION_COUNT ? operations[kind].name : "unknown";
}

enum kedge_operation_kind kedge_operation_named(const char *name)
{
    unsigned kind = 0;
    while (kind < KEDGE_OPERATION_COUNT && strcmp(operations[kind].name, name) != 0)
        kind++;
    return (enum kedge_operation_kind)kind;
}

bool kedge_operation_changes(enum kedge_operation_kind kind)
{
    return (unsigned)kind < KEDGE_OPERATION_COUNT && operations[kind].changes;
}

/* ---- where each can be asked (OMA LwM2M Core 1.2, section 6.3 and 6.4) ---- */

#define ANYWHERE 1, 4, "an object, an instance or a resource, like /3, /3/0 or /3/0/3"
#define BELOW_OBJECTS 2, 4, "an instance or a resource, like /3/0 or /3/0/14"
#define THE_ROOT 0, 0, "the root, /, since each part has its own"

static const struct {
    enum kedge_operation_content content;
    uint8_t least, most; /* numbers of its path */
    const char *words;
} places[KEDGE_OPERATION_COUNT] = {
    [KEDGE_OPERATION_READ] = {KEDGE_OPERATION_OF_NOTHING, ANYWHERE},
    [KEDGE_OPERATION_DISCOVER] = {KEDGE_OPERATION_OF_NOTHING, ANYWHERE},
    [KEDGE_OPERATION_OBSERVE] = {KEDGE_OPERATION_OF_NOTHING, ANYWHERE},
    [KEDGE_OPERATION_WRITE] = {KEDGE_OPERATION_OF_VALUES, BELOW_OBJECTS},
    [KEDGE_OPERATION_WRITE_PARTIAL] = {KEDGE_OPERATION_OF_VALUES, 2, 3,
                                       "an instance, or a resource with instances of its own"},
    [KEDGE_OPERATION_WRITE_ATTRIBUTES] = {KEDGE_OPERATION_OF_NOTHING, ANYWHERE},
    [KEDGE_OPERATION_EXECUTE] = {KEDGE_OPERATION_OF_NOTHING, 3, 3, "a resource, like /3/0/4"},
    [KEDGE_OPERATION_CREATE] = {KEDGE_OPERATION_OF_VALUES, 1, 1, "an object, like /3303"},
    [KEDGE_OPERATION_DELETE] = {KEDGE_OPERATION_OF_NOTHING, BELOW_OBJECTS},
    [KEDGE_OPERATION_READ_COMPOSITE] = {KEDGE_OPERATION_OF_PATHS, THE_ROOT},
    [KEDGE_OPERATION_OBSERVE_COMPOSITE] = {KEDGE_OPERATION_OF_PATHS, THE_ROOT},
    [KEDGE_OPERATION_WRITE_COMPOSITE] = {KEDGE_OPERATION_OF_VALUES, THE_ROOT},
};

bool kedge_operation_reaches(enum kedge_operation_kind kind, uint8_t depth)
{
    return (unsigned)kind < KEDGE_OPERATION_COUNT && depth >= places[kind].least &&
           depth <= places[kind].most;
}

const char *kedge_operation_place(enum kedge_operation_kind kind)
{
    return (unsigned)kind < KEDGE_OPERATION_COUNT ? places[kind].words : "unknown";
}

enum kedge_operation_content kedge_operation_content(enum kedge_operation_kind kind)
{
    return (unsigned)kind < KEDGE_OPERATION_COUNT ? places[kind].content
                                                  : KEDGE_OPERATION_OF_NOTHING;
}
