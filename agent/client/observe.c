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

static void tell(struct kedge_observation *observation, const struct kedge_observed *observed,
                 uint64_t now_ms)
{
    observation->mark = observed->mark;
    observation->has_number = observed->has_number;
    observation->number = observed->number;
    observation->told_at_ms = now_ms;
}

struct kedge_observation *kedge_observe_add(struct kedge_observe *observe,
                                            const struct kedge_model_paths *paths, uint32_t format,
                                            struct kedge_slice token,
                                            const struct kedge_observed *observed, uint64_t now_ms)
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
                                        .looked_at_ms = now_ms};
    tell(entry, observed, now_ms);
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

bool kedge_observe_due(struct kedge_observation *observation, const struct kedge_observed *observed,
                       const struct kedge_attribute_values *attributes, uint64_t now_ms,
                       uint64_t *wait_ms)
{
    struct kedge_attribute_look look = {
        .changed = observed->mark != observation->mark,
        .has_number = observation->has_number && observed->has_number,
        .told = observation->number,
        .number = observed->number,
        .told_at_ms = observation->told_at_ms,
        .looked_at_ms = observation->looked_at_ms,
    };
    bool due = kedge_attributes_due(attributes, &look, now_ms, wait_ms);
    observation->looked_at_ms = look.looked_at_ms;
    if (!due)
        return false;
    tell(observation, observed, now_ms);
    observation->sequence = (observation->sequence + 1) & SEQUENCE_MASK;
    return true;
}

void kedge_observe_clear(struct kedge_observe *observe)
{
    memset(observe, 0, sizeof *observe);
}
