/*
 * uboot_model.h: agent/service/boot.cmd in C, for tests that boot more often than an emulator can.
 * tests/e2e/test_uboot.py has the script itself run by U-Boot on every selection that there is, and
 * compares.
 */
#ifndef KEDGE_TESTS_UBOOT_MODEL_H
#define KEDGE_TESTS_UBOOT_MODEL_H

#include <kedge/selector.h>

/** saveenv: false when the environment cannot be written. */
typedef bool uboot_save_fn(void *context, const struct kedge_selection *selection);

/**
 * uboot_model_boot() is the slot that the script boots; KEDGE_SLOT_NONE when none loads.
 * `selection` is the environment in U-Boot's memory; its `count` is 0 when none could be read.
 * `loads` says of each slot whether there is something in it that U-Boot takes for an image.
 */
static inline uint8_t uboot_model_boot(struct kedge_selection *selection,
                                       const bool loads[KEDGE_SLOTS], uboot_save_fn *save,
                                       void *context)
{
    if (selection->count == 0)
        *selection =
            (struct kedge_selection){.count = 2, .order = {0, 1}, .left = {3, 3}, .trial = 0};
    for (uint8_t i = 0; i < selection->count; i++) {
        uint8_t slot = selection->order[i];
        bool counted = slot == selection->trial;
        if (selection->left[slot] == 0)
            continue;
        if (counted) {
            selection->left[slot]--;
            if (!save(context, selection))
                continue;
        }
        if (loads[slot])
            return slot;
        if (counted) {
            selection->left[slot] = 0;
            (void)save(context, selection);
        }
    }
    for (uint8_t slot = 0; slot < KEDGE_SLOTS; slot++)
        if (loads[slot])
            return slot;
    return KEDGE_SLOT_NONE;
}

#endif
