/*
 * model_parts.h: what the parts of the model share: which resources this device has, and what a
 * server may do with each. Types and which of them are multiple are in core's definitions.
 */
#ifndef KEDGE_AGENT_MODEL_PARTS_H
#define KEDGE_AGENT_MODEL_PARTS_H

#include "agent/client/model.h"

struct model_resource {
    uint16_t object, id;
    uint8_t operations; /* of enum kedge_lwm2m_operations: what is done here, not all that may be */
};

/** All of them, in the order of their ids. */
const struct model_resource *kedge_model_resources(size_t *count);
/** How many instances the object has, numbered from 0; 0: there is no such object. */
uint16_t kedge_model_instances(uint16_t object);
/** NULL when the device has none. */
const struct model_resource *kedge_model_find(uint16_t object, uint16_t id);
/** Whether its value moves all by itself, so that another one is no news. */
bool kedge_model_moves(const struct model_resource *resource);
bool kedge_model_is_multiple(const struct model_resource *resource);
enum kedge_lwm2m_type kedge_model_type(const struct model_resource *resource);

/* What a request says of the object, instance and resource that it names; 0 when all are there. */
uint8_t kedge_model_path_refusal(const struct kedge_lwm2m_path *path);

struct kedge_model_answer kedge_model_code(uint8_t code);
struct kedge_model_answer kedge_model_discover(const struct kedge_model_hooks *hooks,
                                               const struct kedge_lwm2m_path *path,
                                               struct kedge_writer *out);
/** Ends what hold() began: `code`, or why what was written is not on the disk. */
uint8_t kedge_model_release(const struct kedge_model_hooks *hooks, uint8_t code);
/** Writes the one resource at the request's path. */
uint8_t kedge_model_write_resource(const struct kedge_model_hooks *hooks,
                                   const struct model_resource *resource,
                                   const struct kedge_model_request *request);
/** Writes the resources that the payload names below the request's path: all, or none of them. */
uint8_t kedge_model_write_records(const struct kedge_model_hooks *hooks,
                                  const struct kedge_model_request *request);

#endif
