/*
 * access_object.h: the Access Control object as the server of this device sees it: an instance for
 * each instance of another object, numbered in their order. What a bootstrap server has given holds
 * until an owner writes; that is kept in the state file, for as long as the account is the same.
 */
#ifndef KEDGE_AGENT_ACCESS_OBJECT_H
#define KEDGE_AGENT_ACCESS_OBJECT_H

#include "agent/client/model.h"
#include "agent/client/state_file.h"

struct kedge_access_object {
    struct kedge_agent_state *state; /* the caller's: where what an owner writes is */
    uint16_t server;                 /* Short Server ID of the one that asks */
    struct kedge_access given;       /* numbered as the server sees them */
    uint32_t mark;                   /* of the account that `given` came with */
};

/**
 * kedge_access_object_begin() takes what came with the account of `server`, at `uri`. An object
 * that `given` says nothing of is the server's own.
 */
void kedge_access_object_begin(struct kedge_access_object *object, struct kedge_agent_state *state,
                               const struct kedge_access *given, uint16_t server,
                               struct kedge_slice uri);

/** As the hooks of model.h; what is written is in `state`, and not on the disk yet. */
uint8_t kedge_access_object_rights(const struct kedge_access_object *object,
                                   const struct kedge_lwm2m_path *instance);
enum kedge_rc kedge_access_object_read(const struct kedge_access_object *object,
                                       struct kedge_lwm2m_path *path,
                                       struct kedge_lwm2m_value *value) KEDGE_MUST_USE;
bool kedge_access_object_fits(const struct kedge_lwm2m_path *path,
                              const struct kedge_lwm2m_value *value);
uint8_t kedge_access_object_write(struct kedge_access_object *object,
                                  const struct kedge_lwm2m_path *path,
                                  const struct kedge_lwm2m_value *value);
uint8_t kedge_access_object_unset(struct kedge_access_object *object,
                                  const struct kedge_lwm2m_path *path);

#endif
