/* roles.c: the table of roles. */
#include "updater/store/roles.h"

#include <string.h>

struct row {
    const char *name;
    unsigned rights;
};

#define ROW(role, text, bits) [role] = {text, bits},
static const struct row rows[] = {KEDGE_ROLES(ROW)};
#undef ROW

const char *kedge_role_name(enum kedge_role role)
{
    return (unsigned)role < KEDGE_ROLE_COUNT ? rows[role].name : "unknown";
}

bool kedge_role_parse(const char *name, enum kedge_role *out)
{
    for (unsigned i = 0; i < KEDGE_ROLE_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *out = (enum kedge_role)i;
            return true;
        }
    return false;
}

unsigned kedge_role_rights(enum kedge_role role)
{
    return (unsigned)role < KEDGE_ROLE_COUNT ? rows[role].rights : 0;
}
