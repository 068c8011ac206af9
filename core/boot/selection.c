/* selection.c: what another bootloader is told: the order of slots, and the tries of each. */
#include "core/boot/internal.h"

#include <string.h>

static uint8_t other(uint8_t slot)
{
    return (uint8_t)(1 - slot);
}

struct kedge_selection boot_selection_alone(uint8_t slot)
{
    struct kedge_selection selection = {.count = 1, .order = {slot}, .trial = KEDGE_SLOT_NONE};
    selection.left[slot] = KEDGE_BOOT_TRIAL_BOOTS;
    return selection;
}

struct kedge_selection boot_selection_trial(uint8_t trial, uint8_t left)
{
    struct kedge_selection selection = {.count = 2, .order = {trial, other(trial)}, .trial = trial};
    selection.left[trial] = left;
    selection.left[other(trial)] = KEDGE_BOOT_TRIAL_BOOTS;
    return selection;
}

struct kedge_selection boot_selection_confirmed(uint8_t slot)
{
    struct kedge_selection selection = boot_selection_trial(slot, KEDGE_BOOT_TRIAL_BOOTS);
    selection.trial = KEDGE_SLOT_NONE;
    return selection;
}

static bool same(const struct kedge_selection *a, const struct kedge_selection *b)
{
    return a->count == b->count && memcmp(a->order, b->order, a->count) == 0 &&
           memcmp(a->left, b->left, sizeof a->left) == 0 && a->trial == b->trial;
}

enum kedge_rc boot_selection_write(const struct kedge_boot *boot,
                                   const struct kedge_selection *selection)
{
    const struct kedge_selector *selector = boot->selector;
    struct kedge_selection there;
    if (selector == NULL)
        return KEDGE_OK;
    if (selector->read(selector->context, &there) == KEDGE_OK && same(&there, selection))
        return KEDGE_OK;
    return selector->write(selector->context, selection);
}

enum kedge_rc kedge_boot_retire(const struct kedge_boot *boot, uint8_t slot)
{
    struct kedge_boot_record record;
    if (boot->selector == NULL)
        return KEDGE_OK;
    bool later;
    enum kedge_rc rc = kedge_boot_record_in(boot, (uint8_t)(1 - slot), &record, &later);
    if (rc == KEDGE_E_NOT_FOUND)
        return KEDGE_OK;
    KEDGE_TRY(rc);
    if (record.confirmed_slot == slot)
        return KEDGE_E_STATE;
    const struct kedge_selection alone = boot_selection_alone(record.confirmed_slot);
    return boot_selection_write(boot, &alone);
}
