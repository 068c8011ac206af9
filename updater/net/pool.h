/*
 * pool.h: memory for very many things of one size. They have no head and leave no gaps, as each
 * would with malloc(), and memory that was a thing's once is only another thing's again.
 */
#ifndef KEDGE_UPDATER_NET_POOL_H
#define KEDGE_UPDATER_NET_POOL_H

#include <stddef.h>

/** Set `size` (a multiple of 8, at least 8) and zero the rest. */
struct kedge_pool {
    size_t size;
    struct kedge_pool_item *free;
    struct kedge_pool_block *blocks;
};

/** A zeroed thing; NULL without memory. O(1) but for every so many, which are made together. */
void *kedge_pool_take(struct kedge_pool *pool);
void kedge_pool_give(struct kedge_pool *pool, void *thing);
/** Frees all there ever was; the pool is empty then. */
void kedge_pool_clear(struct kedge_pool *pool);

#endif
