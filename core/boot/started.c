/*
 * started.c: firmware that another bootloader has started makes boot record and selection agree. A
 * function for each row of the table in docs/reliability.md, "With U-Boot": is there a trial by the
 * record, and which slot runs? What the selection holds then says how it came to that.
 */
#include "core/boot/internal.h"

#define NOT_STARTED_WORDS "the bootloader did not start it"
#define FORGOTTEN_WORDS "the bootloader has forgotten the trial"

struct starting {
    const struct kedge_boot *boot;
    uint8_t slot; /* the running one */
    struct kedge_boot_record record;
    struct kedge_selection selection; /* count 0 where none could be read */
    struct kedge_boot_start *start;
};

/* Is `slot` the selection's first choice? */
static bool is_first(const struct starting *starting, uint8_t slot)
{
    return starting->selection.count > 0 && starting->selection.order[0] == slot;
}

static void note(struct starting *starting, enum kedge_rc rc)
{
    if (starting->start->write_rc == KEDGE_OK)
        starting->start->write_rc = rc;
}

/* Both go on when a write fails: the next start finds the same and tries again. */
static void write_record(struct starting *starting)
{
    enum kedge_rc rc = boot_record_write(starting->boot, &starting->record);
    starting->start->changed = rc == KEDGE_OK;
    starting->start->reason = starting->record.reason;
    note(starting, rc);
}

static bool write_selection(struct starting *starting, struct kedge_selection selection)
{
    enum kedge_rc rc = boot_selection_write(starting->boot, &selection);
    note(starting, rc);
    return rc == KEDGE_OK;
}

/* The confirmed slot is to run, as the record has it by now. */
static void run_confirmed(struct starting *starting)
{
    bool written = write_selection(starting, boot_selection_alone(starting->record.confirmed_slot));
    /* A reboot that leads nowhere else would be one of many. */
    starting->start->slot = written ? starting->record.confirmed_slot : starting->slot;
}

static void roll_back(struct starting *starting, enum kedge_boot_reason reason, const char *text)
{
    boot_record_roll_back(&starting->record, reason, text);
    write_record(starting);
    run_confirmed(starting);
}

/* ---- the rows ---- */

/* What rotted since it was activated must not be confirmed. */
static enum kedge_rc verify_trial(struct starting *starting)
{
    const struct kedge_boot *boot = starting->boot;
    uint8_t slot = starting->slot;
    enum kedge_rc rc = kedge_slot_verify(boot->slots[slot], slot, boot->trust, boot->work);
    if (rc == KEDGE_OK && boot->work->manifest.sequence != starting->record.trial_sequence)
        rc = KEDGE_E_SEQUENCE;
    starting->start->slot_rc[slot] = rc;
    return rc;
}

/* The bootloader counts each boot before it; the record each start of the firmware. Either may be
 * an older one, so the higher count holds. */
static void trial_runs(struct starting *starting)
{
    struct kedge_boot_record *record = &starting->record;
    uint8_t left = starting->selection.left[starting->slot];
    uint8_t used = (uint8_t)(record->boots_used + 1);
    if (is_first(starting, starting->slot) && left < KEDGE_BOOT_TRIAL_BOOTS &&
        KEDGE_BOOT_TRIAL_BOOTS - left > used)
        used = (uint8_t)(KEDGE_BOOT_TRIAL_BOOTS - left);
    if (used > KEDGE_BOOT_TRIAL_BOOTS) {
        roll_back(starting, KEDGE_BOOT_REASON_BOOTS, "");
        return;
    }
    enum kedge_rc rc = verify_trial(starting);
    if (rc != KEDGE_OK) {
        roll_back(starting, KEDGE_BOOT_REASON_IMAGE, kedge_rc_text(rc));
        return;
    }
    record->phase = KEDGE_BOOT_ON_TRIAL;
    record->boots_used = used;
    write_record(starting);
    write_selection(starting,
                    boot_selection_trial(starting->slot, (uint8_t)(KEDGE_BOOT_TRIAL_BOOTS - used)));
    starting->start->on_trial = true;
}

/* The confirmed slot runs while the record tells of a trial. */
static void trial_does_not_run(struct starting *starting)
{
    struct kedge_boot_record *record = &starting->record;
    bool switched = is_first(starting, record->trial_slot);
    if (switched && starting->selection.left[record->trial_slot] == 0) {
        roll_back(starting, KEDGE_BOOT_REASON_BOOTS, "");
    } else if (switched && record->boots_used == KEDGE_BOOT_TRIAL_BOOTS) {
        roll_back(starting, KEDGE_BOOT_REASON_BOOTS, NOT_STARTED_WORDS);
    } else if (switched) { /* the reboot is still to come, or did not lead there */
        record->phase = KEDGE_BOOT_ON_TRIAL;
        record->boots_used++;
        write_record(starting);
        starting->start->slot = record->trial_slot;
        starting->start->on_trial = true;
    } else if (record->phase == KEDGE_BOOT_TRIAL_REQUESTED) { /* the switch was never made */
        boot_record_steady(record);
        write_record(starting);
        run_confirmed(starting);
    } else {
        roll_back(starting, KEDGE_BOOT_REASON_BOOTS, FORGOTTEN_WORDS);
    }
}

/* What is confirmed from now on, so that the dead slot can be filled. */
static void fall_back(struct starting *starting, uint8_t slot)
{
    struct kedge_boot_record *record = &starting->record;
    record->confirmed_slot = slot;
    record->outcome = KEDGE_BOOT_OUTCOME_NONE;
    record->reason = KEDGE_BOOT_REASON_FALLBACK;
    record->text[0] = '\0';
    write_record(starting);
    run_confirmed(starting);
}

/* As it should be. Bootloaders that count each boot get their tries back. */
static void confirmed_runs(struct starting *starting)
{
    struct kedge_selection mended = starting->selection;
    if (!is_first(starting, starting->slot)) {
        run_confirmed(starting);
        return;
    }
    mended.left[starting->slot] = KEDGE_BOOT_TRIAL_BOOTS;
    mended.trial = KEDGE_SLOT_NONE;
    write_selection(starting, mended);
}

/*
 * Neither confirmed nor on trial. When the selection has the confirmed slot first, and not on
 * trial, the bootloader has tried that one in vain. Otherwise the selection is an older one, or
 * lost.
 */
static void another_runs(struct starting *starting)
{
    uint8_t confirmed = starting->record.confirmed_slot;
    bool tried = starting->selection.trial == KEDGE_SLOT_NONE;
    if (tried && is_first(starting, confirmed))
        fall_back(starting, starting->slot);
    else
        run_confirmed(starting);
}

/* The bootloader runs what it can read; firmware that cannot tell what it is can do no more. */
static bool only_other_is_known(const struct starting *starting)
{
    const struct kedge_boot *boot = starting->boot;
    uint8_t slot = starting->slot;
    uint8_t other = (uint8_t)(1 - slot);
    return kedge_slot_manifest(boot->slots[slot], slot, boot->work) != KEDGE_OK &&
           kedge_slot_verify(boot->slots[other], other, boot->trust, boot->work) == KEDGE_OK;
}

/* The record is lost. The running slot counts as confirmed when the selection is sure of it. */
static enum kedge_rc remake(struct starting *starting)
{
    struct kedge_boot_start *start = starting->start;
    bool sure = is_first(starting, starting->slot) && starting->selection.trial == KEDGE_SLOT_NONE;
    KEDGE_TRY(boot_record_by_images(starting->boot, start->slot_rc, &starting->record));
    if (sure && start->slot_rc[starting->slot] == KEDGE_OK)
        starting->record.confirmed_slot = starting->slot;
    write_record(starting);
    run_confirmed(starting);
    return KEDGE_OK;
}

enum kedge_rc kedge_boot_started(const struct kedge_boot *boot, uint8_t slot,
                                 struct kedge_boot_start *start)
{
    const struct kedge_selector *selector = boot->selector;
    struct starting starting = {.boot = boot, .slot = slot, .start = start};
    if (selector == NULL || slot >= KEDGE_SLOTS)
        return KEDGE_E_ARGUMENT;
    *start = (struct kedge_boot_start){.slot = slot};
    start->selection_rc = selector->read(selector->context, &starting.selection);
    if (start->selection_rc != KEDGE_OK)
        starting.selection = (struct kedge_selection){.trial = KEDGE_SLOT_NONE};
    start->record_rc = kedge_boot_record_read(boot, &starting.record);
    if (start->record_rc == KEDGE_E_NOT_FOUND || start->record_rc == KEDGE_E_FLASH)
        return remake(&starting);
    if (start->record_rc == KEDGE_E_UNSUPPORTED) /* of a later format: what runs goes on */
        return KEDGE_OK;
    KEDGE_TRY(start->record_rc);
    bool steady = starting.record.phase == KEDGE_BOOT_STEADY;
    bool confirmed = slot == starting.record.confirmed_slot;
    if (confirmed)
        steady ? confirmed_runs(&starting) : trial_does_not_run(&starting);
    else
        steady ? another_runs(&starting) : trial_runs(&starting);
    if (confirmed && start->slot == slot && only_other_is_known(&starting))
        fall_back(&starting, (uint8_t)(1 - slot));
    return KEDGE_OK;
}
