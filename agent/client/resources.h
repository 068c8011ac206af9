/*
 * resources.h: what the resources of this device hold, and what writing and executing them does:
 * what is behind the hooks of model.h. Object 5 has its own (object5.h).
 */
#ifndef KEDGE_AGENT_RESOURCES_H
#define KEDGE_AGENT_RESOURCES_H

#include "agent/client/access_object.h"
#include "agent/client/bootstrap.h"
#include "agent/client/config.h"
#include "agent/client/device.h"
#include "agent/client/object5.h"
#include "agent/client/server.h"

#define KEDGE_SHORT_SERVER_ID 1 /* of the server that an option names: /1/0/0 */

struct kedge_resources {
    /* The caller's. */
    const struct kedge_agent_config *config;
    struct kedge_object5 *object5;
    struct kedge_server *server;
    struct kedge_bootstrap *bootstrap; /* NULL: this device is not bootstrapped */

    struct kedge_device device; /* its first fields too */
    uint32_t disable_s;         /* /1/0/5; 0: as LwM2M has it, a day */
    bool storing;               /* /1/0/6 */
    struct kedge_access_object access;
};

/** Looks at the device, where that is due: before its resources are read. */
void kedge_resources_look(struct kedge_resources *resources);
struct kedge_model_hooks kedge_resources_hooks(struct kedge_resources *resources);
/** Takes one block of a pushed package; `context` is the struct kedge_resources. */
uint8_t kedge_resources_take_block(void *context, const struct kedge_intake_block *block);

#endif
