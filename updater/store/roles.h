/*
 * roles.h: what the holder of a token may do. A role is a fixed set of rights; the names are those
 * of the API, the database and the documents. Pure.
 */
#ifndef KEDGE_UPDATER_ROLES_H
#define KEDGE_UPDATER_ROLES_H

#include <kedge/base.h>

/* Rights, each one bit. */
#define KEDGE_RIGHT_VIEW 1u     /* read all that is no secret */
#define KEDGE_RIGHT_OPERATE 2u  /* tag devices, ask them, pause rollouts */
#define KEDGE_RIGHT_RELEASE 4u  /* upload and delete packages */
#define KEDGE_RIGHT_AUTHOR 8u   /* make rollouts and steer them */
#define KEDGE_RIGHT_APPROVE 16u /* let somebody else's rollout go on */
#define KEDGE_RIGHT_ADMIN 32u   /* trust, devices' keys, classes, tokens, writing to a device */

/* X(role, name, rights) */
#define KEDGE_ROLES(X)                                                                    \
    X(KEDGE_ROLE_VIEWER, "viewer", KEDGE_RIGHT_VIEW)                                      \
    X(KEDGE_ROLE_OPERATOR, "operator", KEDGE_RIGHT_VIEW | KEDGE_RIGHT_OPERATE)            \
    X(KEDGE_ROLE_RELEASE, "release", KEDGE_RIGHT_VIEW | KEDGE_RIGHT_RELEASE)              \
    X(KEDGE_ROLE_AUTHOR, "author", KEDGE_RIGHT_VIEW | KEDGE_RIGHT_AUTHOR)                 \
    X(KEDGE_ROLE_APPROVER, "approver", KEDGE_RIGHT_VIEW | KEDGE_RIGHT_APPROVE)            \
    X(KEDGE_ROLE_ADMIN, "admin",                                                          \
      KEDGE_RIGHT_VIEW | KEDGE_RIGHT_OPERATE | KEDGE_RIGHT_RELEASE | KEDGE_RIGHT_AUTHOR | \
          KEDGE_RIGHT_APPROVE | KEDGE_RIGHT_ADMIN)

#define KEDGE_ROLE_ENUM_(role, name, rights) role,
enum kedge_role { KEDGE_ROLES(KEDGE_ROLE_ENUM_) KEDGE_ROLE_COUNT };
#undef KEDGE_ROLE_ENUM_

/** "viewer", ...; "unknown" for a number outside the table; static storage. */
const char *kedge_role_name(enum kedge_role role);
/** The role that has this name; false when none has. */
bool kedge_role_parse(const char *name, enum kedge_role *out);
/** The rights of a role; 0 for a number outside the table. */
unsigned kedge_role_rights(enum kedge_role role);

#endif
