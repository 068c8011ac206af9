/*
 * map.c: chained buckets, doubled when there are more links than buckets.
 *
 * Method: a million links would take a tenth of a second to move to twice the buckets. So the old
 * ones stay, and each insertion moves a few of them, in order: what is below `moved` is in the new
 * ones. That ends long before these are full.
 */
#include "updater/rollout/map.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64u
#define MOVED_AT_ONCE 4u /* buckets; at least 1, or the old ones are not empty in time */

enum kedge_rc kedge_map_init(struct kedge_map *map, uint64_t seed)
{
    map->buckets = calloc(FIRST_BUCKETS, sizeof(*map->buckets));
    if (map->buckets == NULL)
        return KEDGE_E_MEMORY;
    map->bucket_count = FIRST_BUCKETS;
    map->old = NULL;
    map->count = 0;
    map->seed = seed;
    return KEDGE_OK;
}

void kedge_map_free(struct kedge_map *map)
{
    free(map->buckets);
    free(map->old);
    map->buckets = map->old = NULL;
}

/* The finalizer of SplitMix64: every bit of the input moves every bit of the result. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t kedge_map_hash_text(const struct kedge_map *map, const char *text)
{
    uint64_t hash = map->seed;
    for (; *text != '\0'; text++)
        hash = mix(hash ^ (uint8_t)*text) + map->seed;
    return hash;
}

uint64_t kedge_map_hash_number(const struct kedge_map *map, uint64_t number)
{
    return mix(number ^ map->seed);
}

static struct kedge_map_link **bucket_of(const struct kedge_map *map, uint64_t hash)
{
    size_t old = map->old == NULL ? 0 : hash & (map->old_count - 1);
    return map->old != NULL && old >= map->moved ? &map->old[old]
                                                 : &map->buckets[hash & (map->bucket_count - 1)];
}

static enum kedge_rc begin_to_grow(struct kedge_map *map)
{
    struct kedge_map_link **bigger = calloc(map->bucket_count * 2, sizeof(*bigger));
    if (bigger == NULL)
        return KEDGE_E_MEMORY;
    map->old = map->buckets;
    map->old_count = map->bucket_count;
    map->moved = 0;
    map->buckets = bigger;
    map->bucket_count *= 2;
    return KEDGE_OK;
}

static void move_bucket(struct kedge_map *map)
{
    struct kedge_map_link *link = map->old[map->moved++];
    while (link != NULL) {
        struct kedge_map_link *next = link->next;
        struct kedge_map_link **bucket = bucket_of(map, link->hash);
        link->next = *bucket;
        *bucket = link;
        link = next;
    }
}

static void go_on_growing(struct kedge_map *map)
{
    for (unsigned i = 0; i < MOVED_AT_ONCE && map->old != NULL; i++) {
        move_bucket(map);
        if (map->moved < map->old_count)
            continue;
        free(map->old);
        map->old = NULL;
    }
}

enum kedge_rc kedge_map_insert(struct kedge_map *map, struct kedge_map_link *link, uint64_t hash)
{
    if (map->count >= map->bucket_count)
        KEDGE_TRY(begin_to_grow(map));
    go_on_growing(map);
    struct kedge_map_link **bucket = bucket_of(map, hash);
    link->hash = hash;
    link->next = *bucket;
    *bucket = link;
    map->count++;
    return KEDGE_OK;
}

void kedge_map_remove(struct kedge_map *map, struct kedge_map_link *link)
{
    struct kedge_map_link **at = bucket_of(map, link->hash);
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    map->count--;
}

struct kedge_map_link *kedge_map_first(const struct kedge_map *map, uint64_t hash)
{
    struct kedge_map_link *link = *bucket_of(map, hash);
    while (link != NULL && link->hash != hash)
        link = link->next;
    return link;
}

struct kedge_map_link *kedge_map_next(const struct kedge_map_link *link)
{
    uint64_t hash = link->hash;
    do {
        link = link->next;
    } while (link != NULL && link->hash != hash);
    return (struct kedge_map_link *)(uintptr_t)link;
}
