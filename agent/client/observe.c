/* observe.c: see observe.h. */
#include "agent/client/observe.h"

#include <kedge/lwm2m_records.h>
#include <string.h>

#define SEQUENCE_MASK 0xFFFFFFu
#define SEQUENCE_FIRST 2u /* 0 and 1 mean register and cancel in a request */

static bool same_paths(const struct kedge_model_paths *a, const struct kedge_model_paths *b)
{
    if (a->composite != b->composite || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (kedge_lwm2m_path_compare(&a->paths[i], &b->paths[i]) != 0)
            return false;
    return true;
}

static bool same_token(const struct kedge_observation *observation, struct kedge_slice token)
{
    return kedge_slice_equal(kedge_slice(observation->token, observation->token_size), token);
}

static struct kedge_observation *find(struct kedge_observe *observe,
                                      const struct kedge_model_paths *paths)
{
    struct kedge_observation *unused = NULL;
    for (size_t i = 0; i < KEDGE_OBSERVE_COUNT; i++) {
        struct kedge_observation *entry = &observe->entries[i];
        if (entry->used && same_paths(&entry->paths, paths))
            return entry;
        if (!entry->used && unused == NULL)
            unused = entry;
    }
    return unused;
}

struct kedge_observation *kedge_observe_add(struct kedge_observe *observe,
                                            const struct kedge_model_paths *paths, uint32_t format,
                                            struct kedge_slice token, struct kedge_slice value)
{
    struct kedge_observation *entry = find(observe, paths);
    if (entry == NULL || token.size > KEDGE_OBSERVE_TOKEN_MAX)
        return NULL;
    uint32_t sequence = entry->used ? (entry->sequence + 1) & SEQUENCE_MASK : SEQUENCE_FIRST;
    *entry = (struct kedge_observation){.used = true,
                                        .paths = *paths,
                                        .format = format,
                                        .token_size = (uint8_t)token.size,
                                        .sequence = sequence,
                                        .value = kedge_crc32(0, value)};
    if (token.size > 0)
        memcpy(entry->token, token.data, token.size);
    return entry;
}

void kedge_observe_cancel(struct kedge_observe *observe, const struct kedge_model_paths *paths,
                          struct kedge_slice token)
{
    for (size_t i = 0; i < KEDGE_OBSERVE_COUNT; i++) {
        struct kedge_observation *entry = &observe->entries[i];
        if (entry->used && (same_paths(&entry->paths, paths) || same_token(entry, token)))
            entry->used = false;
    }
}

bool kedge_observe_reset(struct kedge_observe *observe, struct kedge_slice token)
{
    for (size_t i = 0; i < KEDGE_OBSERVE_COUNT; i++) {
        struct kedge_observation *entry = &observe->entries[i];
        if (entry->used && same_token(entry, token)) {
            entry->used = false;
            return true;
        }
    }
    return false;
}

bool kedge_observe_changed(struct kedge_observation *observation, struct kedge_slice value)
{
    uint32_t crc = kedge_crc32(0, value);
    if (crc == observation->value)
        return false;
    observation->value = crc;
    observation->sequence = (observation->sequence + 1) & SEQUENCE_MASK;
    return true;
}

void kedge_observe_clear(struct kedge_observe *observe)
{
    memset(observe, 0, sizeof *observe);
}
