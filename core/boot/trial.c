/* trial.c: what firmware does to the boot record: factory, activate, confirm, reject. */
#include "core/boot/internal.h"

static enum kedge_rc verify_slot(const struct kedge_boot *boot, uint8_t slot)
{
    if (slot >= KEDGE_SLOTS)
        return KEDGE_E_ARGUMENT;
    return kedge_slot_verify(boot->slots[slot], slot, boot->trust, boot->work);
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
        return same ? KEDGE_OK : KEDGE_E_EXISTS;
    }
    if (rc != KEDGE_E_NOT_FOUND && rc != KEDGE_E_FLASH)
        return rc;
    record = (struct kedge_boot_record){.phase = KEDGE_BOOT_STEADY,
                                        .confirmed_slot = slot,
                                        .trial_slot = KEDGE_SLOT_NONE,
                                        .floor = sequence};
    return boot_record_write(boot, &record);
}

enum kedge_rc kedge_boot_activate(const struct kedge_boot *boot, uint8_t slot)
{
    struct kedge_boot_record record;
    KEDGE_TRY(kedge_boot_record_read(boot, &record));
    if (record.phase == KEDGE_BOOT_ON_TRIAL || record.confirmed_slot == slot)
        return KEDGE_E_STATE;
    KEDGE_TRY(verify_slot(boot, slot));
    uint64_t sequence = boot->work->manifest.sequence;
    /* The fallback of an earlier update still verifies; an update must not bring it back. */
    if (sequence < record.floor)
        return KEDGE_E_SEQUENCE;
    if (record.phase == KEDGE_BOOT_TRIAL_REQUESTED && record.trial_sequence == sequence)
        return KEDGE_OK;
    record.phase = KEDGE_BOOT_TRIAL_REQUESTED;
    record.trial_slot = slot;
    record.trial_sequence = sequence;
    record.outcome = KEDGE_BOOT_OUTCOME_NONE;
    record.reason = KEDGE_BOOT_REASON_NONE;
    record.text[0] = '\0';
    return boot_record_write(boot, &record);
}

enum kedge_rc kedge_boot_confirm(const struct kedge_boot *boot)
{
    struct kedge_boot_record record;
    KEDGE_TRY(kedge_boot_record_read(boot, &record));
    if (record.phase != KEDGE_BOOT_ON_TRIAL)
        return KEDGE_E_STATE;
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
    return boot_record_write(boot, &record);
}
