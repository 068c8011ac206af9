/*
 * rollout_joins.c: devices that may have come to match a dynamic rollout, or to another time zone,
 * through what people did: the network thread is asked to look at them. What people did is done
 * either way, so nothing here is a refusal; who could not be looked at is when it says who it is
 * the next time.
 */
#define _GNU_SOURCE
#include "updater/kedged/backend.h"
#include "updater/kedged/call.h"
#include "updater/kedged/clock.h"
#include "updater/kedged/log.h"
#include "updater/kedged/zone_tags.h"

#include <stdlib.h>
#include <string.h>

struct changed {
    struct kedge_bridge *bridge;
    const char *const *endpoints;
    size_t count;
};

static void look_at_all(struct kedge_call *call)
{
    const struct changed *changed = call->context;
    for (size_t i = 0; i < changed->count; i++) {
        kedge_tell_zone(changed->bridge, changed->endpoints[i]);
        kedge_joining_changed(changed->bridge, changed->endpoints[i]);
    }
    kedge_call_answer(call, KEDGE_OK, "");
}

void kedge_backend_devices_changed(struct kedge_backend_state *state, const char *const *endpoints,
                                   size_t count)
{
    struct changed changed = {state->bridge, endpoints, count};
    struct kedge_call call = {.fn = look_at_all, .context = &changed};
    if (count > 0 && kedge_call_network(state->net, &call) != KEDGE_OK)
        kedge_log(KEDGE_LOG_WARNING, "devices that were changed are not looked at now");
}

/* ---- devices that came while a dynamic rollout was being created ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the later targets those that are not among the earlier ones; their number. */
static size_t pick_new(const struct kedge_targets *before, const struct kedge_targets *after,
                       const char **known, const char **picked)
{
    size_t count = 0;
    for (size_t i = 0; i < before->count; i++)
        known[i] = before->items[i].endpoint;
    qsort(known, before->count, sizeof(*known), compare_texts);
    for (size_t i = 0; i < after->count; i++)
        if (bsearch(&after->items[i].endpoint, known, before->count, sizeof(*known),
                    compare_texts) == NULL)
            picked[count++] = after->items[i].endpoint;
    return count;
}

void kedge_backend_join_missed(struct kedge_backend_state *state,
                               const struct kedge_targets *before,
                               const struct kedge_targets *after)
{
    const char **texts = calloc(before->count + after->count, sizeof(*texts));
    if (texts == NULL) {
        kedge_log(KEDGE_LOG_WARNING,
                  "out of memory: devices that came meanwhile are not looked at");
        return;
    }
    const char **picked = &texts[before->count];
    size_t count = pick_new(before, after, texts, picked);
    kedge_backend_devices_changed(state, picked, count);
    free(texts);
}
