/*
 * arena.h: memory for zlib out of a fixed piece of the caller's, so that nothing here has a heap.
 */
#ifndef KEDGE_CORE_PAYLOAD_ARENA_H
#define KEDGE_CORE_PAYLOAD_ARENA_H

#include <stddef.h>
#include <stdint.h>

/** Allocations only grow; dropping the arena gives everything back at once. */
struct kedge_arena {
    uint8_t *bytes; /* 16-byte aligned */
    size_t capacity;
    size_t used;
};

/** zlib's alloc_func: NULL when the arena is full. `context` is the arena. */
void *kedge_arena_take(void *context, unsigned int items, unsigned int size);
/** zlib's free_func: nothing to do. */
void kedge_arena_give_back(void *context, void *address);

#endif
