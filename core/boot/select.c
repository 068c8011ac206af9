/*
 * select.c: the bootloader's question, answered for whatever the flash may hold. What each boot
 * record leads to is the table of docs/reliability.md, "What may be on the flash, and what runs";
 * no row of it ends without an image as long as one verifies.
 */
#include "core/boot/internal.h"

#include <string.h>

static uint8_t other(uint8_t slot)
{
    return (uint8_t)(1 - slot);
}

static bool verifies(const struct kedge_boot *boot, uint8_t slot,
                     struct kedge_boot_decision *decision)
{
    decision->slot_rc[slot] = kedge_slot_verify(boot->slots[slot], slot, boot->trust, boot->work);
    return decision->slot_rc[slot] == KEDGE_OK;
}

/* Writes what this boot changed. It runs all the same when that fails: see `write_rc`. */
static void write_change(const struct kedge_boot *boot, struct kedge_boot_record *record,
                         struct kedge_boot_decision *decision)
{
    decision->reason = record->reason;
    memcpy(decision->text, record->text, sizeof decision->text);
    decision->write_rc = boot_record_write(boot, record);
    decision->changed = decision->write_rc == KEDGE_OK;
}

/* The confirmed image is gone. The other one runs from now on, so that the dead slot can be filled.
 */
static enum kedge_rc fall_back(const struct kedge_boot *boot, struct kedge_boot_record *record,
                               struct kedge_boot_decision *decision)
{
    uint8_t slot = other(record->confirmed_slot);
    if (!verifies(boot, slot, decision))
        return KEDGE_E_NO_SLOT;
    boot_record_steady(record);
    record->confirmed_slot = slot;
    record->outcome = KEDGE_BOOT_OUTCOME_NONE;
    record->reason = KEDGE_BOOT_REASON_FALLBACK;
    record->text[0] = '\0';
    write_change(boot, record, decision);
    decision->slot = slot;
    return KEDGE_OK;
}

static enum kedge_rc select_confirmed(const struct kedge_boot *boot,
                                      struct kedge_boot_record *record,
                                      struct kedge_boot_decision *decision)
{
    if (!verifies(boot, record->confirmed_slot, decision))
        return fall_back(boot, record, decision);
    decision->slot = record->confirmed_slot;
    return KEDGE_OK;
}

static enum kedge_rc end_trial(const struct kedge_boot *boot, struct kedge_boot_record *record,
                               enum kedge_boot_reason reason, const char *text,
                               struct kedge_boot_decision *decision)
{
    if (!verifies(boot, record->confirmed_slot, decision))
        return fall_back(boot, record, decision);
    boot_record_roll_back(record, reason, text);
    write_change(boot, record, decision);
    decision->slot = record->confirmed_slot;
    return KEDGE_OK;
}

/* Runs the trial slot, which verified, counted or (when nothing else verifies) not. */
static enum kedge_rc run_trial(const struct kedge_boot_record *record,
                               struct kedge_boot_decision *decision)
{
    decision->slot = record->trial_slot;
    decision->on_trial = true;
    decision->boots_used = record->boots_used;
    return KEDGE_OK;
}

static enum kedge_rc select_trial(const struct kedge_boot *boot, struct kedge_boot_record *record,
                                  struct kedge_boot_decision *decision)
{
    uint8_t trial = record->trial_slot;
    if (record->boots_used >= KEDGE_BOOT_TRIAL_BOOTS)
        return end_trial(boot, record, KEDGE_BOOT_REASON_BOOTS, "", decision);
    if (!verifies(boot, trial, decision))
        return end_trial(boot, record, KEDGE_BOOT_REASON_IMAGE,
                         kedge_rc_text(decision->slot_rc[trial]), decision);
    if (boot->work->manifest.sequence != record->trial_sequence)
        return end_trial(boot, record, KEDGE_BOOT_REASON_IMAGE,
                         "the slot holds another image than the one activated", decision);

    struct kedge_boot_record counted = *record;
    counted.phase = KEDGE_BOOT_ON_TRIAL;
    counted.boots_used++;
    decision->write_rc = boot_record_write(boot, &counted);
    if (decision->write_rc == KEDGE_OK)
        return run_trial(&counted, decision);
    /* A boot that cannot be counted could repeat for ever. */
    if (verifies(boot, record->confirmed_slot, decision)) {
        decision->slot = record->confirmed_slot;
        return KEDGE_OK;
    }
    return verifies(boot, trial, decision) ? run_trial(&counted, decision) : KEDGE_E_NO_SLOT;
}

enum kedge_rc boot_record_by_images(const struct kedge_boot *boot,
                                    enum kedge_rc slot_rc[KEDGE_SLOTS],
                                    struct kedge_boot_record *record)
{
    uint64_t lowest = UINT64_MAX;
    *record = (struct kedge_boot_record){.phase = KEDGE_BOOT_STEADY,
                                         .confirmed_slot = KEDGE_SLOT_NONE,
                                         .trial_slot = KEDGE_SLOT_NONE,
                                         .reason = KEDGE_BOOT_REASON_RECORD};
    for (uint8_t i = 0; i < KEDGE_SLOTS; i++) {
        slot_rc[i] = kedge_slot_verify(boot->slots[i], i, boot->trust, boot->work);
        if (slot_rc[i] != KEDGE_OK)
            continue;
        uint64_t sequence = boot->work->manifest.sequence;
        if (record->confirmed_slot == KEDGE_SLOT_NONE || sequence < lowest) {
            record->confirmed_slot = i;
            lowest = sequence;
        }
        if (sequence > record->floor)
            record->floor = sequence;
    }
    return record->confirmed_slot == KEDGE_SLOT_NONE ? KEDGE_E_NO_SLOT : KEDGE_OK;
}

/* What the images themselves say, where no record does. Unless `remake`, it is not written. */
static enum kedge_rc select_by_images(const struct kedge_boot *boot, bool remake,
                                      struct kedge_boot_decision *decision)
{
    struct kedge_boot_record record;
    KEDGE_TRY(boot_record_by_images(boot, decision->slot_rc, &record));
    if (remake)
        write_change(boot, &record, decision);
    decision->slot = record.confirmed_slot;
    return verifies(boot, record.confirmed_slot, decision) ? KEDGE_OK : KEDGE_E_NO_SLOT;
}

enum kedge_rc kedge_boot_select(const struct kedge_boot *boot, struct kedge_boot_decision *decision)
{
    struct kedge_boot_record record;
    *decision = (struct kedge_boot_decision){.slot = KEDGE_SLOT_NONE};
    decision->record_rc = kedge_boot_record_read(boot, &record);
    switch (decision->record_rc) {
    case KEDGE_OK:
        return record.phase == KEDGE_BOOT_STEADY ? select_confirmed(boot, &record, decision)
                                                 : select_trial(boot, &record, decision);
    case KEDGE_E_NOT_FOUND:
    case KEDGE_E_FLASH:
        return select_by_images(boot, true, decision);
    default:
        return select_by_images(boot, false, decision);
    }
}
