/*
 * map.c: chained buckets, doubled when there are more links than buckets.
 */
#include "updater/rollout/map.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64u

enum kedge_rc kedge_map_init(struct kedge_map *map, uint64_t seed)
{
    map->buckets = calloc(FIRST_BUCKETS, sizeof(*map->buckets));
    if (map->buckets == NULL)
        return KEDGE_E_MEMORY;
    map->bucket_count = FIRST_BUCKETS;
    map->count = 0;
    map->seed = seed;
    return KEDGE_OK;
}

void kedge_map_free(struct kedge_map *map)
{
    free(map->buckets);
    map->buckets = NULL;
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
    return &map->buckets[hash & (map->bucket_count - 1)];
}

static enum kedge_rc grow(struct kedge_map *map)
{
    struct kedge_map bigger = *map;
    bigger.bucket_count = map->bucket_count * 2;
    bigger.buckets = calloc(bigger.bucket_count, sizeof(*bigger.buckets));
    if (bigger.buckets == NULL)
        return KEDGE_E_MEMORY;
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct kedge_map_link *link = map->buckets[i];
        while (link != NULL) {
            struct kedge_map_link *next = link->next;
            struct kedge_map_link **bucket = bucket_of(&bigger, link->hash);
            link->next = *bucket;
            *bucket = link;
            link = next;
        }
    }
    free(map->buckets);
    *map = bigger;
    return KEDGE_OK;
}

enum kedge_rc kedge_map_insert(struct kedge_map *map, struct kedge_map_link *link, uint64_t hash)
{
    if (map->count >= map->bucket_count)
        KEDGE_TRY(grow(map));
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
