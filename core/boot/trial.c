/* trial.c: what firmware does to the boot record: factory, activate, confirm, reject. */
#include "core/boot/internal.h"

static enum kedge_rc verify_slot(const struct kedge_boot *boot, uint8_t slot)
{
    if (slot >= KEDGE_SLOTS)
        return KEDGE_E_ARGUMENT;
    return kedge_slot_verify(boot->slots[slot], slot, boot->trust, boot->work);
}

/* Another bootloader that has nowhere to read a selection from yet begins with the first slot. */
static enum kedge_rc select_first(const struct kedge_boot *boot, uint8_t slot)
{
    const struct kedge_selection alone = boot_selection_alone(slot);
    enum kedge_rc rc = boot_selection_write(boot, &alone);
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

enum kedge_rc kedge_boot_record_in(const struct kedge_boot *boot, uint8_t slot,
                                   struct kedge_boot_record *out, bool *later)
{
    enum kedge_rc rc = kedge_boot_record_read(boot, out);
    *later = rc == KEDGE_E_UNSUPPORTED;
    if (!*later)
        return rc;
    KEDGE_TRY(verify_slot(boot, slot));
    out->confirmed_slot = slot; /* all but the number is zeros: steady */
    out->trial_slot = KEDGE_SLOT_NONE;
    out->floor = boot->work->manifest.sequence;
    return KEDGE_OK;
}

enum kedge_rc kedge_boot_blank(const struct kedge_boot *boot)
{
    const uint8_t spare = KEDGE_SLOTS - 1;
    struct kedge_boot_record record;
    enum kedge_rc rc = kedge_boot_record_read(boot, &record);
    if (rc == KEDGE_OK)
        return KEDGE_E_EXISTS;
    if (rc == KEDGE_E_FLASH &&
        kedge_slot_manifest(boot->slots[spare], spare, boot->work) == KEDGE_E_NOT_FOUND)
        return KEDGE_OK;
    return rc == KEDGE_E_NOT_FOUND ? KEDGE_OK : rc;
}

enum kedge_rc kedge_boot_factory(const struct kedge_boot *boot, uint8_t slot)
{
    struct kedge_boot_record record;
    KEDGE_TRY(verify_slot(boot, slot));
    uint64_t sequence = boot->work->manifest.sequence;
    enum kedge_rc rc = kedge_boot_record_read(boot, &record);
    if (rc == KEDGE_OK) {
        bool same = record.phase == KEDGE_BOOT_STEADY && record.confirmed_slot == slot &&
                    record.floor == sequence;
        return same ? select_first(boot, slot) : KEDGE_E_EXISTS;
    }
    if (rc != KEDGE_E_NOT_FOUND && rc != KEDGE_E_FLASH)
        return rc;
    record = (struct kedge_boot_record){.phase = KEDGE_BOOT_STEADY,
                                        .confirmed_slot = slot,
                                        .trial_slot = KEDGE_SLOT_NONE,
                                        .floor = sequence};
    KEDGE_TRY(boot_record_write(boot, &record));
    return select_first(boot, slot);
}

/* The switch, where another bootloader makes it. One that was not made is not asked for either. */
static enum kedge_rc switch_to(const struct kedge_boot *boot, struct kedge_boot_record *record)
{
    const struct kedge_selection trial =
        boot_selection_trial(record->trial_slot, KEDGE_BOOT_TRIAL_BOOTS);
    enum kedge_rc rc = boot_selection_write(boot, &trial);
    if (rc == KEDGE_OK)
        return rc;
    boot_record_steady(record);
    enum kedge_rc taken_back = boot_record_write(boot, record);
    (void)taken_back; /* kedge_boot_started() does it otherwise */
    return rc;
}

enum kedge_rc kedge_boot_activate(const struct kedge_boot *boot, uint8_t slot)
{
    struct kedge_boot_record record;
    bool later;
    KEDGE_TRY(kedge_boot_record_in(boot, (uint8_t)(1 - slot), &record, &later));
    if (record.phase == KEDGE_BOOT_ON_TRIAL || record.confirmed_slot == slot)
        return KEDGE_E_STATE;
    KEDGE_TRY(verify_slot(boot, slot));
    uint64_t sequence = boot->work->manifest.sequence;
    /* The fallback of an earlier update still verifies; an update must not bring it back. */
    if (sequence < record.floor)
        return KEDGE_E_SEQUENCE;
    if (record.phase == KEDGE_BOOT_TRIAL_REQUESTED && record.trial_sequence == sequence)
        return switch_to(boot, &record);
    record.phase = KEDGE_BOOT_TRIAL_REQUESTED;
    record.trial_slot = slot;
    record.trial_sequence = sequence;
    record.outcome = KEDGE_BOOT_OUTCOME_NONE;
    record.reason = KEDGE_BOOT_REASON_NONE;
    record.text[0] = '\0';
    KEDGE_TRY(boot_record_write(boot, &record));
    return switch_to(boot, &record);
}

enum kedge_rc kedge_boot_confirm(const struct kedge_boot *boot)
{
    struct kedge_boot_record record;
    KEDGE_TRY(kedge_boot_record_read(boot, &record));
    if (record.phase != KEDGE_BOOT_ON_TRIAL)
        return KEDGE_E_STATE;
    const struct kedge_selection selection = boot_selection_confirmed(record.trial_slot);
    KEDGE_TRY(boot_selection_write(boot, &selection));
    record.confirmed_slot = record.trial_slot;
    if (record.trial_sequence > record.floor)
        record.floor = record.trial_sequence;
    boot_record_steady(&record);
    record.outcome = KEDGE_BOOT_CONFIRMED;
    if (record.confirmed_count < UINT32_MAX)
        record.confirmed_count++;
    return boot_record_write(boot, &record);
}

enum kedge_rc kedge_boot_reject(const struct kedge_boot *boot, enum kedge_boot_reason reason,
                                const char *text)
{
    struct kedge_boot_record record;
    KEDGE_TRY(kedge_boot_record_read(boot, &record));
    if (record.phase == KEDGE_BOOT_STEADY)
        return KEDGE_E_STATE;
    boot_record_roll_back(&record, reason, text);
    KEDGE_TRY(boot_record_write(boot, &record));
    const struct kedge_selection alone = boot_selection_alone(record.confirmed_slot);
    return boot_selection_write(boot, &alone);
}
