/* visited.c: see visited.h. Open addressing, at most half full. */
#include "tests/powercut/visited.h"

#include "tests/powercut/sim_flash.h"

#include <stdlib.h>
#include <string.h>

#define LANES 4u

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

/* The bulk in lanes that do not wait for one another: a state is some 30,000 bytes. */
uint64_t visited_hash(uint64_t seed, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = seed ^ size;
    uint64_t lanes[LANES] = {1, 2, 3, 4}, words[LANES];
    for (; size >= sizeof words; at += sizeof words, size -= sizeof words) {
        memcpy(words, at, sizeof words);
        for (size_t lane = 0; lane < LANES; lane++)
            lanes[lane] = mix(lanes[lane], words[lane]);
    }
    for (size_t lane = 0; lane < LANES; lane++)
        hash = mix(hash, lanes[lane]);
    while (size > 0) {
        uint64_t word = 0;
        size_t take = size < sizeof word ? size : sizeof word;
        memcpy(&word, at, take);
        hash = mix(hash, word);
        at += take;
        size -= take;
    }
    return hash != 0 ? hash : 1;
}

static struct visited_entry *find(const struct visited *visited, uint64_t hash)
{
    size_t i = (size_t)(hash >> 7) & (visited->capacity - 1);
    while (visited->entries[i].hash != 0 && visited->entries[i].hash != hash)
        i = (i + 1) & (visited->capacity - 1);
    return &visited->entries[i];
}

static void grow(struct visited *visited)
{
    struct visited old = *visited;
    visited->capacity = old.capacity == 0 ? 4096 : old.capacity * 2;
    visited->entries = sim_allocate(visited->capacity * sizeof *visited->entries);
    memset(visited->entries, 0, visited->capacity * sizeof *visited->entries);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].hash != 0)
            *find(visited, old.entries[i].hash) = old.entries[i];
    free(old.entries);
}

bool visited_add(struct visited *visited, uint64_t hash, uint32_t budget)
{
    if (visited->count * 2 >= visited->capacity)
        grow(visited);
    struct visited_entry *entry = find(visited, hash);
    if (entry->hash == hash && entry->budget >= budget + 1)
        return false;
    if (entry->hash == 0)
        visited->count++;
    *entry = (struct visited_entry){.hash = hash, .budget = budget + 1};
    return true;
}

void visited_free(struct visited *visited)
{
    free(visited->entries);
    *visited = (struct visited){0};
}
