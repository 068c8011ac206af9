/* arena.c: memory for zlib out of a fixed piece of the caller's. */
#include "core/payload/arena.h"

#define ALIGNMENT 16u

void *kedge_arena_take(void *context, unsigned int items, unsigned int size)
{
    struct kedge_arena *arena = context;
    size_t wanted = (size_t)items * size;
    size_t left = arena->capacity - arena->used;
    if (wanted > left)
        return NULL;
    void *taken = arena->bytes + arena->used;
    size_t rounded = (wanted + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    arena->used += rounded < left ? rounded : left;
    return taken;
}

void kedge_arena_give_back(void *context, void *address)
{
    (void)context;
    (void)address;
}
