/* hosts.c: see hosts.h. Linear probing, with deletion by moving back (Knuth, 6.4 R). */
#include "updater/lwm2m/hosts.h"

#include <stdlib.h>

#define FIRST_SLOTS 64u
#define HASH_MASK 0xFFFFFFFFFFFFu

enum kedge_rc kedge_hosts_init(struct kedge_hosts *hosts)
{
    hosts->slots = calloc(FIRST_SLOTS, sizeof *hosts->slots);
    hosts->slot_count = FIRST_SLOTS;
    hosts->count = 0;
    return hosts->slots != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

void kedge_hosts_free(struct kedge_hosts *hosts)
{
    free(hosts->slots);
    hosts->slots = NULL;
}

static uint64_t hash_of(const struct kedge_host *host)
{
    return (uint64_t)host->high << 40 | (uint64_t)host->middle << 32 | host->low;
}

/* Its slot, or the free one where it would stand. */
static struct kedge_host *slot_of(const struct kedge_hosts *hosts, uint64_t hash)
{
    size_t at = hash & (hosts->slot_count - 1);
    while (hosts->slots[at].devices > 0 && hash_of(&hosts->slots[at]) != (hash & HASH_MASK))
        at = (at + 1) & (hosts->slot_count - 1);
    return &hosts->slots[at];
}

static enum kedge_rc grow(struct kedge_hosts *hosts)
{
    struct kedge_hosts larger = {.slot_count = 2 * hosts->slot_count, .count = hosts->count};
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (larger.slots == NULL)
        return KEDGE_E_MEMORY;
    for (size_t i = 0; i < hosts->slot_count; i++)
        if (hosts->slots[i].devices > 0)
            *slot_of(&larger, hash_of(&hosts->slots[i])) = hosts->slots[i];
    free(hosts->slots);
    *hosts = larger;
    return KEDGE_OK;
}

enum kedge_rc kedge_hosts_add(struct kedge_hosts *hosts, uint64_t hash)
{
    if (8 * (hosts->count + 1) > 7 * hosts->slot_count)
        KEDGE_TRY(grow(hosts));
    struct kedge_host *host = slot_of(hosts, hash);
    if (host->devices == KEDGE_HOST_DEVICES_MAX)
        return KEDGE_E_LIMIT;
    if (host->devices == 0) {
        host->low = (uint32_t)hash;
        host->middle = hash >> 32 & 0xFFu;
        host->high = hash >> 40 & 0xFFu;
        hosts->count++;
    }
    host->devices++;
    return KEDGE_OK;
}

/* Those behind it that the gap would hide move into it. */
static void free_slot(struct kedge_hosts *hosts, struct kedge_host *host)
{
    const size_t mask = hosts->slot_count - 1;
    size_t gap = (size_t)(host - hosts->slots);
    for (size_t at = (gap + 1) & mask; hosts->slots[at].devices > 0; at = (at + 1) & mask) {
        size_t home = hash_of(&hosts->slots[at]) & mask;
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        hosts->slots[gap] = hosts->slots[at];
        gap = at;
    }
    hosts->slots[gap] = (struct kedge_host){0};
    hosts->count--;
}

void kedge_hosts_remove(struct kedge_hosts *hosts, uint64_t hash, bool proven)
{
    struct kedge_host *host = slot_of(hosts, hash);
    if (host->devices == 0)
        return;
    if (proven)
        host->proven--;
    if (--host->devices == 0)
        free_slot(hosts, host);
}

void kedge_hosts_prove(struct kedge_hosts *hosts, uint64_t hash)
{
    struct kedge_host *host = slot_of(hosts, hash);
    if (host->devices > 0)
        host->proven++;
}

const struct kedge_host *kedge_hosts_find(const struct kedge_hosts *hosts, uint64_t hash)
{
    const struct kedge_host *host = slot_of(hosts, hash);
    return host->devices > 0 ? host : NULL;
}
