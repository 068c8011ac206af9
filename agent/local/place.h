/*
 * place.h: where the agent's socket is: a name in an open folder. An address of a Unix socket holds
 * 107 bytes of path, and a state folder may lie deeper than that; so it is reached by the folder's
 * entry in /proc/self/fd.
 */
#ifndef KEDGE_AGENT_LOCAL_PLACE_H
#define KEDGE_AGENT_LOCAL_PLACE_H

#include <kedge/base.h>
#include <sys/un.h>

#define KEDGE_LOCAL_SOCKET_FILE "agent.sock" /* in the state folder, where nothing else is said */
#define KEDGE_LOCAL_NAME_MAX 63u

struct kedge_local_place {
    int folder;
    char name[KEDGE_LOCAL_NAME_MAX + 1];
};

/**
 * kedge_local_place_open() opens the folder of `path` or, when that is "", the folder `state` for
 * KEDGE_LOCAL_SOCKET_FILE. KEDGE_E_ARGUMENT when the path ends in no name or in one that is too
 * long, KEDGE_E_SYSTEM with errno.
 */
enum kedge_rc kedge_local_place_open(struct kedge_local_place *place, const char *path,
                                     const char *state) KEDGE_MUST_USE;
void kedge_local_place_close(struct kedge_local_place *place);

/** The address to bind or to connect to, as long as the place is open. */
struct sockaddr_un kedge_local_place_address(const struct kedge_local_place *place);

#endif
