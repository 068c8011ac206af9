/*
 * model_shrink.c: makes a history that breaks something as short as it can.
 *
 * Method: delta debugging (Zeller and Hildebrandt, 2002). What stands behind the step that broke is
 * cut off; then the fleet is made small; then stretches of steps are left out, half of them first,
 * then quarters, and in the end one by one; and of new rollouts one thing after the other that
 * makes them special. Whatever still breaks anything is gone on with, until nothing can be left
 * out. Steps have seeds of their own, so the others do what they did.
 */
#include "tests/unit/rollout/model.h"

#include <stdlib.h>
#include <string.h>

struct shrinking {
    struct history *best;
    unsigned runs_left;
};

static void copy_steps(struct step *to, const struct step *from, size_t count)
{
    memcpy(to, from, count * sizeof(*to));
}

/* What comes behind the step that broke is of no use. */
static void cut_behind(struct history *history, const struct verdict *verdict)
{
    if (verdict->step >= history->count)
        return;
    history->count = verdict->step + 1;
    history->ends = false;
}

/* Takes the place of the best one, when it breaks anything, too. */
static bool is_better(struct shrinking *shrinking, const struct history *candidate)
{
    if (shrinking->runs_left == 0)
        return false;
    shrinking->runs_left--;
    struct verdict verdict = history_run(candidate, false);
    if (!verdict.broken)
        return false;
    struct history *best = shrinking->best;
    struct step *steps = best->steps;
    copy_steps(steps, candidate->steps, candidate->count);
    *best = *candidate;
    best->steps = steps;
    cut_behind(best, &verdict);
    return true;
}

static bool with_fewer_devices(struct shrinking *shrinking)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 80, 120, 1000, 10000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct history candidate = *shrinking->best;
        if (sizes[i] >= candidate.devices)
            return false;
        candidate.devices = sizes[i];
        if (is_better(shrinking, &candidate))
            return true;
    }
    return false;
}

static bool without_steps(struct shrinking *shrinking, size_t first, size_t length)
{
    const struct history *best = shrinking->best;
    struct history candidate = *best;
    candidate.count = best->count - length;
    candidate.steps = calloc(best->count + 1, sizeof(struct step));
    if (candidate.steps == NULL)
        abort();
    copy_steps(candidate.steps, best->steps, first);
    copy_steps(candidate.steps + first, best->steps + first + length, best->count - first - length);
    bool better = is_better(shrinking, &candidate);
    free(candidate.steps);
    return better;
}

/* Every stretch of so many steps, the last ones first: what is left leads to them. */
static bool without_stretches(struct shrinking *shrinking, size_t length)
{
    bool better = false;
    size_t end = shrinking->best->count;
    while (end > 0 && shrinking->runs_left > 0) {
        size_t count = shrinking->best->count;
        if (end > count)
            end = count;
        size_t first = end > length ? end - length : 0;
        if (end > first && without_steps(shrinking, first, end - first))
            better = true;
        end = first;
    }
    return better;
}

static bool with_fewer_steps(struct shrinking *shrinking)
{
    bool better = false;
    for (size_t length = shrinking->best->count / 2; length > 0; length /= 2)
        better |= without_stretches(shrinking, length);
    return better;
}

static bool made_plain(struct shrinking *shrinking)
{
    bool better = false;
    struct history candidate = *shrinking->best;
    if (candidate.slice_moves != 0) {
        candidate.slice_moves = 0;
        better |= is_better(shrinking, &candidate);
    }
    for (unsigned which = 0; which < OPTION_COUNT; which++) {
        candidate = *shrinking->best;
        candidate.plain |= 1u << which;
        if (candidate.plain != shrinking->best->plain)
            better |= is_better(shrinking, &candidate);
    }
    return better;
}

void history_shrink(struct history *history, unsigned runs_max)
{
    struct shrinking shrinking = {.best = history, .runs_left = runs_max};
    struct verdict verdict = history_run(history, false);
    if (!verdict.broken)
        return;
    cut_behind(history, &verdict);
    for (bool better = true; better && shrinking.runs_left > 0;) {
        better = with_fewer_devices(&shrinking);
        better |= with_fewer_steps(&shrinking);
        better |= made_plain(&shrinking);
    }
}
