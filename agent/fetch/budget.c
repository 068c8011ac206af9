/* budget.c: see budget.h. */
#include "agent/fetch/budget.h"

#include <inttypes.h>
#include <kedge/payload.h>
#include <stdio.h>

uint64_t kedge_budget_most(uint64_t slot_size)
{
    uint64_t frames = slot_size / KEDGE_FRAME_IMAGE_SIZE + 1;
    return slot_size + frames * KEDGE_FRAME_HEAD_SIZE + KEDGE_BUDGET_BESIDE_MAX;
}

bool kedge_budget_fits(const struct kedge_budget *budget, uint64_t total,
                       char words[KEDGE_BUDGET_WORDS_MAX])
{
    if (budget->most == 0 || total <= budget->most)
        return true;
    snprintf(words, KEDGE_BUDGET_WORDS_MAX,
             "%" PRIu64 " bytes are more than a package for this slot can have (%" PRIu64 ")",
             total, budget->most);
    return false;
}

static uint64_t allowed(const struct kedge_budget *budget, uint64_t total)
{
    if (budget->limit > 0)
        return budget->limit;
    uint64_t size = total > 0 ? total : budget->most;
    return size > 0 && size < UINT64_MAX / KEDGE_BUDGET_TIMES ? size * KEDGE_BUDGET_TIMES
                                                              : UINT64_MAX;
}

/* Where the size is not known, a part of the most that it may be could be more than all there is.
 */
static uint64_t step_of(const struct kedge_budget *budget, uint64_t total)
{
    bool known = budget->limit > 0 || total > 0;
    uint64_t step = known ? allowed(budget, total) / KEDGE_BUDGET_STEPS : 0;
    return step > KEDGE_BUDGET_STEP_MIN ? step : KEDGE_BUDGET_STEP_MIN;
}

static void note(struct kedge_budget *budget, uint64_t total)
{
    uint64_t step = step_of(budget, total);
    if (budget->note == NULL || budget->spent <= budget->noted)
        return;
    budget->noted = budget->spent < UINT64_MAX - step ? budget->spent + step : UINT64_MAX;
    budget->note(budget->context, budget->noted);
}

bool kedge_budget_spend(struct kedge_budget *budget, uint64_t size, uint64_t total,
                        char words[KEDGE_BUDGET_WORDS_MAX])
{
    budget->spent += size;
    note(budget, total);
    if (budget->spent <= allowed(budget, total))
        return true;
    snprintf(words, KEDGE_BUDGET_WORDS_MAX,
             "%" PRIu64 " bytes were received for this update: more than its budget of %" PRIu64,
             budget->spent, allowed(budget, total));
    return false;
}
