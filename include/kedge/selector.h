/*
 * selector.h: a device whose bootloader is not kedge_boot_select() but another one, which picks a
 * slot by an order of slots and by the tries that each has left (U-Boot, with RAUC's names for
 * them).
 *
 * Two places, one truth. The boot record (boot.h) stays what it is: which slot is confirmed, the
 * floor, the trial and how the latest one ended; only firmware writes it. The selection is what
 * such a bootloader reads, and counts down in. A cut of power may fall between writing the two, and
 * either may be lost or be an older one; so each pair is written in the order in which a cut does
 * no harm, and kedge_boot_started() brings them together again, whatever they hold.
 *
 *     before the spare slot is written    the selection: the confirmed slot alone
 *     kedge_boot_activate()               the record asks for the trial; the selection, last: the
 *                                         switch
 *     kedge_boot_confirm()                the selection: the new slot, the old one behind it; the
 *                                         record, last: the floor rises
 *     kedge_boot_reject()                 the record says why; the selection, last: the old slot
 *                                         alone
 */
#ifndef KEDGE_SELECTOR_H
#define KEDGE_SELECTOR_H

#include <kedge/boot.h>

struct kedge_selection {
    uint8_t count; /* slots in `order`; 0: the bootloader goes by defaults of its own */
    uint8_t order[KEDGE_SLOTS]; /* that may be booted, first choice first */
    uint8_t left[KEDGE_SLOTS];  /* tries, by slot: one without any is passed over */
    uint8_t trial;              /* whose boots count; KEDGE_SLOT_NONE: nobody's */
};

/** Where the bootloader looks. Given by the port; it blocks for its storage. */
struct kedge_selector {
    void *context;
    /** KEDGE_E_NOT_FOUND when there is none, KEDGE_E_MALFORMED when it makes no sense. */
    enum kedge_rc (*read)(void *context, struct kedge_selection *selection);
    /** When it returns KEDGE_OK this survives a cut of power; a cut inside it leaves the selection
     * before, this one, or none. */
    enum kedge_rc (*write)(void *context, const struct kedge_selection *selection);
};

/** What firmware found when it started. */
struct kedge_boot_start {
    uint8_t slot; /* that is to run: when it is not the running one, a reboot must follow */
    bool on_trial;
    bool changed; /* the record is another one than before: see `reason` */
    enum kedge_boot_reason reason;
    enum kedge_rc record_rc;            /* how reading the record ended */
    enum kedge_rc selection_rc;         /* how reading the selection ended */
    enum kedge_rc write_rc;             /* the first write, of either, that failed */
    enum kedge_rc slot_rc[KEDGE_SLOTS]; /* how each verified; KEDGE_OK when it was not looked at */
};

/**
 * kedge_boot_started() is for firmware that such a bootloader has started in `slot`, before it does
 * anything else with the record: it counts the boot of a trial, ends a trial whose tries are used
 * up or whose image does not verify any more, takes a switch back that was never made, takes in
 * that the bootloader fell back to the other slot, makes a lost record anew, and mends the
 * selection. Verifies the running slot when it is on trial. KEDGE_E_NO_SLOT when there is no record
 * and neither slot verifies; KEDGE_E_UNSUPPORTED when the record is of a later format, which
 * changes nothing. Total over what record and selection may hold: docs/reliability.md has the
 * table.
 */
enum kedge_rc kedge_boot_started(const struct kedge_boot *boot, uint8_t slot,
                                 struct kedge_boot_start *start) KEDGE_MUST_USE;

/**
 * kedge_boot_retire() takes `slot`, which is about to be written, out of the selection. Without a
 * selector, or on a device that has no record yet, it does nothing.
 */
enum kedge_rc kedge_boot_retire(const struct kedge_boot *boot, uint8_t slot) KEDGE_MUST_USE;

#endif
