/*
 * uboot_text.h: what stands between U-Boot and us as text: the variables of its environment that
 * make a selection (selector.h), the file that says where the environment is, and the kernel's
 * command line. Pure; every reader is fuzzed.
 *
 *     BOOT_ORDER    the slots to be tried, "A B"; A is slot 0, B slot 1
 *     BOOT_A_LEFT   tries that slot A has left, in hexadecimal; 3 where there is none
 *     BOOT_B_LEFT
 *     BOOT_TRIAL    the slot whose boots are counted; none or empty: nobody's
 *
 * The first three are those of RAUC's U-Boot scripts, which count each boot and know no BOOT_TRIAL.
 */
#ifndef KEDGE_AGENT_UBOOT_TEXT_H
#define KEDGE_AGENT_UBOOT_TEXT_H

#include <kedge/selector.h>

#define KEDGE_UBOOT_ORDER_MAX 127u /* bytes of BOOT_ORDER */
#define KEDGE_UBOOT_CONFIG_MAX 8192u
#define KEDGE_UBOOT_DEVICE_MAX 255u /* bytes of a path in that file */
#define KEDGE_UBOOT_COPIES_MAX 2u
#define KEDGE_UBOOT_CMDLINE_MAX 4096u

/** The variables' values. NULL: there is no such variable. */
struct kedge_uboot_variables {
    const char *order;
    const char *left[KEDGE_SLOTS];
    const char *trial;
};

/** Names of the variables, by slot. */
extern const char *const kedge_uboot_left_names[KEDGE_SLOTS];
#define KEDGE_UBOOT_ORDER "BOOT_ORDER"
#define KEDGE_UBOOT_TRIAL "BOOT_TRIAL"

/**
 * kedge_uboot_selection_read() is KEDGE_E_NOT_FOUND without an order that names a slot of ours,
 * KEDGE_E_MALFORMED when a value makes no sense. Slots of other names in the order are passed over.
 */
enum kedge_rc kedge_uboot_selection_read(const struct kedge_uboot_variables *variables,
                                         struct kedge_selection *selection) KEDGE_MUST_USE;

/**
 * kedge_uboot_order_write() writes a NUL-terminated BOOT_ORDER into `text`: the selection's slots,
 * and behind them those of other names in `before` (NULL: none), say a rescue system's. Those that
 * do not fit are left out.
 */
void kedge_uboot_order_write(const struct kedge_selection *selection, const char *before,
                             char text[KEDGE_UBOOT_ORDER_MAX + 1]);

/** "A" or "B". */
const char *kedge_uboot_slot_name(uint8_t slot);

/** Where the environment is: one device or file, or two for its two copies. */
struct kedge_uboot_places {
    size_t count;
    uint32_t size; /* of a copy, the smaller of the two */
    char devices[KEDGE_UBOOT_COPIES_MAX][KEDGE_UBOOT_DEVICE_MAX + 1];
};

/**
 * kedge_uboot_places_read() reads a fw_env.config (u-boot-tools): lines of "DEVICE OFFSET SIZE
 * ...",
 * '#' begins a comment. KEDGE_E_NOT_FOUND when it names no device, KEDGE_E_LIMIT when more than
 * two, or one that is too long, KEDGE_E_MALFORMED when a line has no offset and size, or the size
 * is no hexadecimal number of at most 32 bits.
 */
enum kedge_rc kedge_uboot_places_read(struct kedge_slice text,
                                      struct kedge_uboot_places *places) KEDGE_MUST_USE;

/**
 * kedge_uboot_slot_read() finds "kedge.slot=A" in the kernel's command line, or else RAUC's
 * "rauc.slot=A". The last one counts, as with the kernel. KEDGE_E_NOT_FOUND, or KEDGE_E_MALFORMED
 * for another slot than A and B.
 */
enum kedge_rc kedge_uboot_slot_read(struct kedge_slice command_line, uint8_t *slot) KEDGE_MUST_USE;

#endif
