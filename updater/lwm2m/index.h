/*
 * index.h: a hash table of things that carry their own links. The hash is the caller's: by a keyed
 * one (updater/net/siphash.h) where the key comes from outside.
 */
#ifndef KEDGE_UPDATER_INDEX_H
#define KEDGE_UPDATER_INDEX_H

#include <kedge/base.h>

/** Put one into the thing for each index that it is in; zeroed it is in none. */
struct kedge_index_link {
    struct kedge_index_link *next;
    struct kedge_index_link **at; /* what points here; NULL: it is not in */
    uint64_t hash;
};

struct kedge_index {
    struct kedge_index_link **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

enum kedge_rc kedge_index_init(struct kedge_index *index) KEDGE_MUST_USE;
/** Frees the buckets; the things are the caller's. Zeroed is fine. */
void kedge_index_free(struct kedge_index *index);
void kedge_index_insert(struct kedge_index *index, struct kedge_index_link *link, uint64_t hash);
/** Does nothing when it is not in. O(1), however many have the same hash. */
void kedge_index_remove(struct kedge_index *index, struct kedge_index_link *link);
/** The first and the next link with this hash; NULL: no more. */
struct kedge_index_link *kedge_index_find(const struct kedge_index *index, uint64_t hash);
struct kedge_index_link *kedge_index_find_next(const struct kedge_index_link *link);
/** Walks all of them: begin with NULL. Slow; do not change the index meanwhile. */
struct kedge_index_link *kedge_index_walk(const struct kedge_index *index,
                                          const struct kedge_index_link *after);

#define KEDGE_INDEX_THING(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

#endif
