/*
 * map.h: a hash table of links that stand inside the things it holds. It allocates buckets only,
 * and no insertion takes longer for what there is already. The store uses it too.
 */
#ifndef KEDGE_UPDATER_ROLLOUT_MAP_H
#define KEDGE_UPDATER_ROLLOUT_MAP_H

#include <kedge/base.h>

struct kedge_map_link {
    struct kedge_map_link *next;
    uint64_t hash;
};

struct kedge_map {
    struct kedge_map_link **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    uint64_t seed;
    /* while it grows; NULL: it does not */
    struct kedge_map_link **old;
    size_t old_count, moved;
};

/** Empty; `seed` keeps outsiders from choosing names that collide. Fails with KEDGE_E_MEMORY. */
enum kedge_rc kedge_map_init(struct kedge_map *map, uint64_t seed) KEDGE_MUST_USE;
/** Frees the buckets; what the map held stays the caller's. */
void kedge_map_free(struct kedge_map *map);

uint64_t kedge_map_hash_text(const struct kedge_map *map, const char *text);
uint64_t kedge_map_hash_number(const struct kedge_map *map, uint64_t number);

/** Holds `link` under `hash`; the caller knows that the key is new. */
enum kedge_rc kedge_map_insert(struct kedge_map *map, struct kedge_map_link *link,
                               uint64_t hash) KEDGE_MUST_USE;
void kedge_map_remove(struct kedge_map *map, struct kedge_map_link *link);
/** The first link under `hash`, and the next one under the same hash; NULL at the end. */
struct kedge_map_link *kedge_map_first(const struct kedge_map *map, uint64_t hash);
struct kedge_map_link *kedge_map_next(const struct kedge_map_link *link);

#endif
