/* index.c: buckets of chains, doubled when there are as many things as buckets. */
#include "updater/lwm2m/index.h"

#include <stdlib.h>

#define FIRST_BUCKETS 64u

enum kedge_rc kedge_index_init(struct kedge_index *index)
{
    *index = (struct kedge_index){.buckets = calloc(FIRST_BUCKETS, sizeof *index->buckets),
                                  .bucket_count = FIRST_BUCKETS};
    return index->buckets != NULL ? KEDGE_OK : KEDGE_E_MEMORY;
}

void kedge_index_free(struct kedge_index *index)
{
    free(index->buckets);
    *index = (struct kedge_index){0};
}

static void push(struct kedge_index *index, struct kedge_index_link *link)
{
    struct kedge_index_link **bucket = &index->buckets[link->hash & (index->bucket_count - 1)];
    link->next = *bucket;
    link->at = bucket;
    if (link->next != NULL)
        link->next->at = &link->next;
    *bucket = link;
}

/* Without memory it only gets slower. */
static void grow(struct kedge_index *index)
{
    struct kedge_index larger = {.buckets = calloc(2 * index->bucket_count, sizeof *index->buckets),
                                 .bucket_count = 2 * index->bucket_count,
                                 .count = index->count};
    if (larger.buckets == NULL)
        return;
    for (size_t i = 0; i < index->bucket_count; i++) {
        while (index->buckets[i] != NULL) {
            struct kedge_index_link *link = index->buckets[i];
            index->buckets[i] = link->next;
            push(&larger, link);
        }
    }
    free(index->buckets);
    *index = larger;
}

void kedge_index_insert(struct kedge_index *index, struct kedge_index_link *link, uint64_t hash)
{
    if (index->count >= index->bucket_count)
        grow(index);
    link->hash = hash;
    push(index, link);
    index->count++;
}

void kedge_index_remove(struct kedge_index *index, struct kedge_index_link *link)
{
    if (link->at == NULL)
        return;
    *link->at = link->next;
    if (link->next != NULL)
        link->next->at = link->at;
    link->at = NULL;
    index->count--;
}

struct kedge_index_link *kedge_index_find(const struct kedge_index *index, uint64_t hash)
{
    struct kedge_index_link *link = index->buckets[hash & (index->bucket_count - 1)];
    while (link != NULL && link->hash != hash)
        link = link->next;
    return link;
}

struct kedge_index_link *kedge_index_find_next(const struct kedge_index_link *link)
{
    struct kedge_index_link *next = link->next;
    while (next != NULL && next->hash != link->hash)
        next = next->next;
    return next;
}

struct kedge_index_link *kedge_index_walk(const struct kedge_index *index,
                                          const struct kedge_index_link *after)
{
    if (after != NULL && after->next != NULL)
        return after->next;
    size_t i = after != NULL ? (after->hash & (index->bucket_count - 1)) + 1 : 0;
    while (i < index->bucket_count && index->buckets[i] == NULL)
        i++;
    return i < index->bucket_count ? index->buckets[i] : NULL;
}
