/* access.c: see access.h. */
#include "agent/client/access.h"

#include <string.h>

/* ---- instances ---- */

const struct kedge_access_entry *kedge_access_about(const struct kedge_access *access,
                                                    uint16_t object, uint16_t instance)
{
    for (size_t i = 0; i < access->count; i++)
        if (access->entries[i].object == object && access->entries[i].instance == instance)
            return &access->entries[i];
    return NULL;
}

struct kedge_access_entry *kedge_access_numbered(struct kedge_access *access, uint16_t number)
{
    for (size_t i = 0; i < access->count; i++)
        if (access->entries[i].number == number)
            return &access->entries[i];
    return NULL;
}

struct kedge_access_entry *kedge_access_add(struct kedge_access *access, uint16_t number)
{
    if (access->count == KEDGE_ACCESS_ENTRIES_MAX)
        return NULL;
    struct kedge_access_entry *entry = &access->entries[access->count++];
    *entry = (struct kedge_access_entry){.number = number};
    return entry;
}

static void remove_at(struct kedge_access *access, size_t i)
{
    access->count--;
    memmove(&access->entries[i], &access->entries[i + 1],
            (access->count - i) * sizeof access->entries[0]);
}

bool kedge_access_remove(struct kedge_access *access, uint16_t number)
{
    const struct kedge_access_entry *entry = kedge_access_numbered(access, number);
    if (entry != NULL)
        remove_at(access, (size_t)(entry - access->entries));
    return entry != NULL;
}

/* ---- lists ---- */

/* Where the server's list is, or would be. */
static size_t place_of(const struct kedge_access_entry *entry, uint16_t server)
{
    size_t i = 0;
    while (i < entry->list_count && entry->lists[i].server < server)
        i++;
    return i;
}

static const struct kedge_access_list *find_list(const struct kedge_access_entry *entry,
                                                 uint16_t server)
{
    size_t i = place_of(entry, server);
    return i < entry->list_count && entry->lists[i].server == server ? &entry->lists[i] : NULL;
}

bool kedge_access_set_list(struct kedge_access_entry *entry, uint16_t server, uint8_t rights)
{
    size_t i = place_of(entry, server);
    if (find_list(entry, server) == NULL) {
        if (entry->list_count == KEDGE_ACCESS_LISTS_MAX)
            return false;
        memmove(&entry->lists[i + 1], &entry->lists[i],
                (entry->list_count - i) * sizeof entry->lists[0]);
        entry->list_count++;
    }
    entry->lists[i] = (struct kedge_access_list){server, rights};
    return true;
}

bool kedge_access_remove_list(struct kedge_access_entry *entry, uint16_t server)
{
    size_t i = place_of(entry, server);
    if (find_list(entry, server) == NULL)
        return false;
    entry->list_count--;
    memmove(&entry->lists[i], &entry->lists[i + 1],
            (entry->list_count - i) * sizeof entry->lists[0]);
    return true;
}

/* ---- rights ---- */

/* OMA LwM2M Core 1.1, section 8.2.1: the server's own list counts first, for its owner too. */
uint8_t kedge_access_rights(const struct kedge_access *access, uint16_t object, uint16_t instance,
                            uint16_t server)
{
    const struct kedge_access_entry *entry = kedge_access_about(access, object, instance);
    if (entry == NULL)
        return KEDGE_ACCESS_ALL;
    const struct kedge_access_list *list = find_list(entry, server);
    if (list == NULL && entry->owner == server)
        return KEDGE_ACCESS_ALL;
    if (list == NULL)
        list = find_list(entry, KEDGE_ACCESS_DEFAULT);
    return list != NULL ? list->rights : 0;
}

static unsigned weight(const struct kedge_access_list *list)
{
    return (unsigned)((list->rights & KEDGE_ACCESS_WRITE) != 0) +
           (unsigned)((list->rights & KEDGE_ACCESS_DELETE) != 0);
}

/* 0: nobody else has a list. */
static uint16_t next_owner(const struct kedge_access_entry *entry)
{
    const struct kedge_access_list *best = NULL;
    for (size_t i = 0; i < entry->list_count; i++)
        if (entry->lists[i].server != KEDGE_ACCESS_DEFAULT &&
            (best == NULL || weight(&entry->lists[i]) > weight(best)))
            best = &entry->lists[i];
    return best != NULL ? best->server : 0;
}

void kedge_access_forget(struct kedge_access *access, uint16_t server)
{
    for (size_t i = access->count; i-- > 0;) {
        struct kedge_access_entry *entry = &access->entries[i];
        (void)kedge_access_remove_list(entry, server);
        if (entry->owner != server)
            continue;
        entry->owner = next_owner(entry);
        if (entry->owner == 0)
            remove_at(access, i);
    }
}

const char *kedge_access_flaw(const struct kedge_access *access)
{
    for (size_t i = 0; i < access->count; i++) {
        const struct kedge_access_entry *entry = &access->entries[i];
        if (entry->object == 0)
            return "an instance of Access Control does not say which object it is about";
        if (entry->owner == 0)
            return "an instance of Access Control has no owner";
        if (kedge_access_about(access, entry->object, entry->instance) != entry)
            return "two instances of Access Control are about the same object instance";
    }
    return NULL;
}

/* ---- on disk ---- */

enum kedge_rc kedge_access_encode(const struct kedge_access *access, struct kedge_writer *out)
{
    for (size_t i = 0; i < access->count; i++) {
        const struct kedge_access_entry *entry = &access->entries[i];
        KEDGE_TRY(kedge_writer_u16(out, entry->number));
        KEDGE_TRY(kedge_writer_u16(out, entry->object));
        KEDGE_TRY(kedge_writer_u16(out, entry->instance));
        KEDGE_TRY(kedge_writer_u16(out, entry->owner));
        KEDGE_TRY(kedge_writer_u8(out, entry->list_count));
        for (size_t j = 0; j < entry->list_count; j++) {
            KEDGE_TRY(kedge_writer_u16(out, entry->lists[j].server));
            KEDGE_TRY(kedge_writer_u8(out, entry->lists[j].rights));
        }
    }
    return KEDGE_OK;
}

static enum kedge_rc get_lists(struct kedge_cursor *cursor, struct kedge_access_entry *entry)
{
    uint8_t count;
    KEDGE_TRY(kedge_cursor_u8(cursor, &count));
    if (count > KEDGE_ACCESS_LISTS_MAX)
        return KEDGE_E_LIMIT;
    for (uint8_t i = 0; i < count; i++) {
        struct kedge_access_list *list = &entry->lists[i];
        KEDGE_TRY(kedge_cursor_u16(cursor, &list->server));
        KEDGE_TRY(kedge_cursor_u8(cursor, &list->rights));
        if (list->rights > KEDGE_ACCESS_ALL || (i > 0 && list->server <= list[-1].server))
            return KEDGE_E_MALFORMED;
    }
    entry->list_count = count;
    return KEDGE_OK;
}

static enum kedge_rc get_entry(struct kedge_cursor *cursor, struct kedge_access *access)
{
    uint16_t number;
    KEDGE_TRY(kedge_cursor_u16(cursor, &number));
    if (kedge_access_numbered(access, number) != NULL)
        return KEDGE_E_MALFORMED;
    struct kedge_access_entry *entry = kedge_access_add(access, number);
    if (entry == NULL)
        return KEDGE_E_LIMIT;
    KEDGE_TRY(kedge_cursor_u16(cursor, &entry->object));
    KEDGE_TRY(kedge_cursor_u16(cursor, &entry->instance));
    KEDGE_TRY(kedge_cursor_u16(cursor, &entry->owner));
    return get_lists(cursor, entry);
}

static enum kedge_rc decode(struct kedge_slice bytes, struct kedge_access *access)
{
    struct kedge_cursor cursor = kedge_cursor(bytes);
    while (kedge_cursor_left(&cursor) > 0)
        KEDGE_TRY(get_entry(&cursor, access));
    return kedge_access_flaw(access) == NULL ? KEDGE_OK : KEDGE_E_MALFORMED;
}

enum kedge_rc kedge_access_decode(struct kedge_slice bytes, struct kedge_access *access)
{
    *access = (struct kedge_access){.count = 0};
    enum kedge_rc rc = decode(bytes, access);
    if (rc != KEDGE_OK)
        *access = (struct kedge_access){.count = 0};
    return rc;
}
