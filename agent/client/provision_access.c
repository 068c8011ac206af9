/*
 * provision_access.c: what a bootstrap server does to the Access Control object (OMA LwM2M Core
 * 1.1, appendix E.3): unlike the owner of an instance, it says what the instance is about.
 */
#include "agent/client/provision_parts.h"

#include <kedge/lwm2m_records.h>

enum { OBJECT_ID, INSTANCE_ID, LISTS, OWNER };

static bool take_number(const struct kedge_lwm2m_value *value, int64_t least, uint16_t *number)
{
    if (value->integer < least || value->integer > (int64_t)UINT16_MAX)
        return false;
    *number = (uint16_t)value->integer;
    return true;
}

static uint8_t take_list(struct kedge_access_entry *entry, uint16_t server, int64_t rights)
{
    if (rights < 0 || rights > (int64_t)KEDGE_ACCESS_ALL || server == KEDGE_LWM2M_ID_NONE)
        return KEDGE_COAP_BAD_REQUEST;
    return kedge_access_set_list(entry, server, (uint8_t)rights) ? 0 : KEDGE_COAP_TOO_LARGE;
}

static uint8_t take(struct kedge_access_entry *entry, const struct kedge_lwm2m_path *path,
                    const struct kedge_lwm2m_value *value)
{
    bool taken;
    switch (path->ids[2]) {
    case OBJECT_ID:
        taken = take_number(value, 1, &entry->object);
        break;
    case INSTANCE_ID:
        taken = take_number(value, 0, &entry->instance);
        break;
    case LISTS:
        return path->depth == 4 ? take_list(entry, path->ids[3], value->integer)
                                : KEDGE_COAP_BAD_REQUEST;
    case OWNER:
        taken = take_number(value, 1, &entry->owner);
        break;
    default:
        return 0;
    }
    return taken && path->depth == 3 ? 0 : KEDGE_COAP_BAD_REQUEST;
}

uint8_t kedge_provision_write_access(struct kedge_access *access, bool whole, uint32_t *begun,
                                     const struct kedge_lwm2m_path *path,
                                     const struct kedge_lwm2m_value *value)
{
    uint16_t number = path->ids[1];
    struct kedge_access_entry *entry = kedge_access_numbered(access, number);
    if (entry == NULL)
        entry = kedge_access_add(access, number);
    if (entry == NULL)
        return KEDGE_COAP_TOO_LARGE;
    uint32_t bit = UINT32_C(1) << (entry - access->entries);
    if (whole && (*begun & bit) == 0)
        *entry = (struct kedge_access_entry){.number = number};
    *begun |= bit;
    return take(entry, path, value);
}

/* ---- Read ---- */

static void add(struct kedge_provision_records *all, const struct kedge_lwm2m_path *asked,
                struct kedge_lwm2m_path path, int64_t integer)
{
    bool wanted = (asked->depth < 2 || asked->ids[1] == path.ids[1]) &&
                  (asked->depth < 3 || asked->ids[2] == path.ids[2]);
    if (wanted)
        all->records[all->count++] =
            (struct kedge_lwm2m_record){.path = path,
                                        .encoding = KEDGE_LWM2M_TYPED,
                                        .value = {.type = KEDGE_LWM2M_INTEGER, .integer = integer}};
}

static struct kedge_lwm2m_path path_of(const struct kedge_access_entry *entry, uint16_t resource)
{
    return (struct kedge_lwm2m_path){.ids = {KEDGE_LWM2M_OBJECT_ACCESS, entry->number, resource},
                                     .depth = 3};
}

void kedge_provision_gather_access(const struct kedge_access *access,
                                   const struct kedge_lwm2m_path *asked,
                                   struct kedge_provision_records *all)
{
    for (size_t i = 0; i < access->count; i++) {
        const struct kedge_access_entry *entry = &access->entries[i];
        add(all, asked, path_of(entry, OBJECT_ID), entry->object);
        add(all, asked, path_of(entry, INSTANCE_ID), entry->instance);
        for (size_t j = 0; j < entry->list_count; j++) {
            struct kedge_lwm2m_path path = path_of(entry, LISTS);
            path.depth = 4;
            path.ids[3] = entry->lists[j].server;
            add(all, asked, path, entry->lists[j].rights);
        }
        add(all, asked, path_of(entry, OWNER), entry->owner);
    }
}
