/* pool.c: blocks of things, and a list of those that nobody has. */
#include "updater/net/pool.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 65536u

struct kedge_pool_item {
    struct kedge_pool_item *next;
};

struct kedge_pool_block {
    struct kedge_pool_block *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

static int make_block(struct kedge_pool *pool)
{
    size_t count = (BLOCK_BYTES - sizeof(struct kedge_pool_block)) / pool->size;
    struct kedge_pool_block *block = malloc(sizeof *block + count * pool->size);
    if (block == NULL)
        return 0;
    block->next = pool->blocks;
    pool->blocks = block;
    while (count > 0)
        kedge_pool_give(pool, block->bytes + --count * pool->size);
    return 1;
}

void *kedge_pool_take(struct kedge_pool *pool)
{
    if (pool->free == NULL && !make_block(pool))
        return NULL;
    struct kedge_pool_item *item = pool->free;
    pool->free = item->next;
    return memset(item, 0, pool->size);
}

void kedge_pool_give(struct kedge_pool *pool, void *thing)
{
    struct kedge_pool_item *item = thing;
    item->next = pool->free;
    pool->free = item;
}

void kedge_pool_clear(struct kedge_pool *pool)
{
    while (pool->blocks != NULL) {
        struct kedge_pool_block *block = pool->blocks;
        pool->blocks = block->next;
        free(block);
    }
    pool->free = NULL;
}
