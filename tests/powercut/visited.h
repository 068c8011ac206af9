/* visited.h: the nodes met so far, by hash, with the cuts that were left at them. */
#ifndef KEDGE_TESTS_POWERCUT_VISITED_H
#define KEDGE_TESTS_POWERCUT_VISITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct visited_entry {
    uint64_t hash;   /* 0: free */
    uint32_t budget; /* cuts left, plus 1 */
};

struct visited {
    struct visited_entry *entries;
    size_t capacity, count;
};

/** Notes `hash` with `budget` cuts left; false when it has been met with at least as many. */
bool visited_add(struct visited *visited, uint64_t hash, uint32_t budget);
void visited_free(struct visited *visited);

/** A 64-bit hash, continued from `seed`. */
uint64_t visited_hash(uint64_t seed, const void *bytes, size_t size);

#endif
