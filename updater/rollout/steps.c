/* steps.c: which package of a chain a device takes next. */
#include "updater/rollout/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool takes(const struct kedge_step *step, const struct kedge_step_device *device)
{
    return kedge_fit_check(&step->conditions, device->hardware, device->version, &device->limits) ==
           KEDGE_FIT_OK;
}

size_t kedge_steps_next(const struct kedge_step *steps, size_t count, size_t from,
                        const struct kedge_step_device *device)
{
    for (size_t i = count; i > from; i--)
        if (strcmp(steps[i - 1].version, device->version) != 0 && takes(&steps[i - 1], device))
            return i - 1;
    return count;
}

size_t kedge_steps_needed(const struct kedge_step *steps, size_t count, size_t from,
                          const struct kedge_step_device *device, uint64_t *through)
{
    struct kedge_step_device now = *device;
    bool passed[KEDGE_STEPS_MAX] = {false};
    size_t needed = 0;
    while (from < count) {
        size_t step = kedge_steps_next(steps, count, from, &now);
        if (step == count)
            return 0;
        passed[step] = true;
        needed++;
        now.version = steps[step].version;
        if (steps[step].conditions.sequence > now.limits.sequence_floor)
            now.limits.sequence_floor = steps[step].conditions.sequence;
        from = step + 1;
    }
    for (size_t i = 0; through != NULL && i < count; i++)
        through[i] += passed[i];
    return needed;
}

/* Hardware revisions are the device's, and what keeps one from a package may not keep another. */
static bool leads_on(const struct kedge_step *steps, size_t count, size_t from)
{
    struct kedge_step open[KEDGE_STEPS_MAX];
    const struct kedge_step_device device = {.hardware = "", .version = steps[from].version};
    for (size_t i = 0; i < count; i++) {
        open[i] = steps[i];
        open[i].conditions.hardware = NULL;
    }
    return kedge_steps_needed(open, count, from + 1, &device, NULL) > 0;
}

enum kedge_rc kedge_steps_check(const struct kedge_step *steps, size_t count,
                                char why[KEDGE_STEPS_TEXT_MAX])
{
    for (size_t i = 0; i + 1 < count; i++) {
        const struct kedge_step *step = &steps[i], *next = &steps[i + 1];
        if (next->conditions.sequence <= step->conditions.sequence) {
            (void)snprintf(why, KEDGE_STEPS_TEXT_MAX,
                           "intermediate package %zu (%.63s) has the sequence number %" PRIu64
                           ": it must be below that of the package behind it (%.63s), %" PRIu64,
                           i + 1, step->version, step->conditions.sequence, next->version,
                           next->conditions.sequence);
            return KEDGE_E_ARGUMENT;
        }
        for (size_t j = i + 1; j < count; j++)
            if (strcmp(step->version, steps[j].version) == 0) {
                (void)snprintf(why, KEDGE_STEPS_TEXT_MAX,
                               "intermediate package %zu has the version %.63s of one behind it",
                               i + 1, step->version);
                return KEDGE_E_ARGUMENT;
            }
        if (!leads_on(steps, count, i)) {
            (void)snprintf(why, KEDGE_STEPS_TEXT_MAX,
                           "intermediate package %zu does not lead to version %.63s: no package "
                           "behind it replaces %.63s",
                           i + 1, steps[count - 1].version, step->version);
            return KEDGE_E_ARGUMENT;
        }
    }
    return KEDGE_OK;
}
