/* provision_parts.h: what the parts of provision.h share. */
#ifndef KEDGE_AGENT_PROVISION_PARTS_H
#define KEDGE_AGENT_PROVISION_PARTS_H

#include "agent/client/provision.h"

#include <kedge/lwm2m_records.h>

/** What a Bootstrap-Read answers: an object of access control is the largest. */
struct kedge_provision_records {
    struct kedge_lwm2m_record records[KEDGE_ACCESS_ENTRIES_MAX * (3 + KEDGE_ACCESS_LISTS_MAX)];
    size_t count;
};

/**
 * kedge_provision_write_access() writes a value of object 2: 0, or the code that refuses it. With
 * `whole` an instance that is not in `begun` is begun anew; `begun` has a bit for each.
 */
uint8_t kedge_provision_write_access(struct kedge_access *access, bool whole, uint32_t *begun,
                                     const struct kedge_lwm2m_path *path,
                                     const struct kedge_lwm2m_value *value);
void kedge_provision_gather_access(const struct kedge_access *access,
                                   const struct kedge_lwm2m_path *asked,
                                   struct kedge_provision_records *all);

#endif
