/* operation.c: what the operations are called. */
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
