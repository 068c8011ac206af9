/* access_object.c: see access_object.h. */
#include "agent/client/access_object.h"

enum { OBJECT_ID, INSTANCE_ID, LISTS, OWNER };

static uint32_t mark_of(const struct kedge_access *access, struct kedge_slice uri)
{
    uint8_t bytes[KEDGE_ACCESS_SIZE_MAX];
    struct kedge_writer out = kedge_writer(bytes, sizeof bytes);
    if (kedge_access_encode(access, &out) != KEDGE_OK)
        return 0; /* never: it fits */
    return kedge_crc32(kedge_crc32(0, uri), kedge_writer_slice(&out));
}

void kedge_access_object_begin(struct kedge_access_object *object, struct kedge_agent_state *state,
                               const struct kedge_access *given, uint16_t server,
                               struct kedge_slice uri)
{
    uint16_t about;
    *object = (struct kedge_access_object){.state = state, .server = server};
    for (uint16_t number = 0; kedge_model_access(number, &about); number++) {
        struct kedge_access_entry *entry = kedge_access_add(&object->given, number);
        const struct kedge_access_entry *found = kedge_access_about(given, about, 0);
        if (found != NULL)
            *entry = *found;
        else
            entry->owner = server;
        entry->number = number;
        entry->object = about;
    }
    object->mark = mark_of(&object->given, uri);
}

static bool is_written(const struct kedge_access_object *object)
{
    return object->state->access.count > 0 && object->state->access_mark == object->mark;
}

static const struct kedge_access *current(const struct kedge_access_object *object)
{
    return is_written(object) ? &object->state->access : &object->given;
}

static struct kedge_access_entry *to_write(struct kedge_access_object *object, uint16_t number)
{
    if (!is_written(object)) {
        object->state->access = object->given;
        object->state->access_mark = object->mark;
    }
    return kedge_access_numbered(&object->state->access, number);
}

/* Anybody may see who has which right; what is in an instance of this object is its owner's. */
static uint8_t rights_on_access(const struct kedge_access_object *object, uint16_t number)
{
    const struct kedge_access *access = current(object);
    for (size_t i = 0; i < access->count; i++)
        if (access->entries[i].number == number && access->entries[i].owner == object->server)
            return KEDGE_ACCESS_READ | KEDGE_ACCESS_WRITE | KEDGE_ACCESS_DELETE;
    return KEDGE_ACCESS_READ;
}

uint8_t kedge_access_object_rights(const struct kedge_access_object *object,
                                   const struct kedge_lwm2m_path *instance)
{
    if (instance->ids[0] == KEDGE_LWM2M_OBJECT_ACCESS)
        return rights_on_access(object, instance->ids[1]);
    return kedge_access_rights(current(object), instance->ids[0], instance->ids[1], object->server);
}

enum kedge_rc kedge_access_object_read(const struct kedge_access_object *object,
                                       struct kedge_lwm2m_path *path,
                                       struct kedge_lwm2m_value *value)
{
    const struct kedge_access *access = current(object);
    if (path->ids[1] >= access->count)
        return KEDGE_E_NOT_FOUND;
    const struct kedge_access_entry *entry = &access->entries[path->ids[1]];
    uint16_t place = path->ids[3];
    switch (path->ids[2]) {
    case OBJECT_ID:
        value->integer = entry->object;
        return KEDGE_OK;
    case INSTANCE_ID:
        value->integer = entry->instance;
        return KEDGE_OK;
    case OWNER:
        value->integer = entry->owner;
        return KEDGE_OK;
    default:
        if (place >= entry->list_count)
            return KEDGE_E_NOT_FOUND;
        path->ids[3] = entry->lists[place].server;
        value->integer = entry->lists[place].rights;
        return KEDGE_OK;
    }
}

bool kedge_access_object_fits(const struct kedge_lwm2m_path *path,
                              const struct kedge_lwm2m_value *value)
{
    if (path->ids[2] == OWNER)
        return value->integer > 0 && value->integer <= (int64_t)KEDGE_ACCESS_BOOTSTRAP;
    return value->integer >= 0 && value->integer <= (int64_t)KEDGE_ACCESS_ALL &&
           path->ids[3] != KEDGE_LWM2M_ID_NONE;
}

uint8_t kedge_access_object_write(struct kedge_access_object *object,
                                  const struct kedge_lwm2m_path *path,
                                  const struct kedge_lwm2m_value *value)
{
    struct kedge_access_entry *entry = to_write(object, path->ids[1]);
    if (entry == NULL)
        return KEDGE_COAP_NOT_FOUND;
    if (path->ids[2] == OWNER)
        entry->owner = (uint16_t)value->integer;
    else if (!kedge_access_set_list(entry, path->ids[3], (uint8_t)value->integer))
        return KEDGE_COAP_TOO_LARGE;
    return KEDGE_COAP_CHANGED;
}

uint8_t kedge_access_object_unset(struct kedge_access_object *object,
                                  const struct kedge_lwm2m_path *path)
{
    struct kedge_access_entry *entry = to_write(object, path->ids[1]);
    if (entry == NULL)
        return KEDGE_COAP_NOT_FOUND;
    if (path->depth == 4)
        return kedge_access_remove_list(entry, path->ids[3]) ? KEDGE_COAP_CHANGED
                                                             : KEDGE_COAP_NOT_FOUND;
    entry->list_count = 0;
    return KEDGE_COAP_CHANGED;
}
