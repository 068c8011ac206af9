/* internal.h: what the files of core/boot share: layouts on flash, and the one writer of records.
 */
#ifndef KEDGE_CORE_BOOT_INTERNAL_H
#define KEDGE_CORE_BOOT_INTERNAL_H

#include <kedge/boot.h>
#include <kedge/selector.h>

/* ---- flash ---- */

/** `value` rounded up to a multiple of `unit`; UINT32_MAX when there is none. */
uint32_t boot_round_up(uint32_t value, uint32_t unit);

/* ---- slots ---- */

#define SLOT_MAGIC "KEDGESLT"
#define SLOT_MAGIC_SIZE 8u
#define SLOT_FORMAT 1u

/** Where the image begins: behind the erase units that the longest header needs. */
uint32_t boot_image_offset(const struct kedge_flash *flash);

/** The CRC of a slot's header: over its first 28 bytes and the head. */
uint32_t boot_header_crc(struct kedge_slice header, struct kedge_slice head);

/** Gives `hash` `size` bytes of flash from `offset`. */
enum kedge_rc boot_feed_flash(const struct kedge_flash *flash, uint32_t offset, uint32_t size,
                              struct kedge_sha256 *hash) KEDGE_MUST_USE;
/** SHA-256 of them. */
enum kedge_rc boot_hash_flash(const struct kedge_flash *flash, uint32_t offset, uint32_t size,
                              uint8_t digest[KEDGE_SHA256_SIZE]) KEDGE_MUST_USE;

/* ---- the boot record ---- */

#define RECORD_MAGIC "KEDGEREC"
#define RECORD_MAGIC_SIZE 8u
#define RECORD_FORMAT 1u

/**
 * boot_record_write() makes `record` the newest one: numbers it, writes it over the copy that is
 * not the newest, syncs, and reads it back. The only writer of boot records.
 */
enum kedge_rc boot_record_write(const struct kedge_boot *boot,
                                struct kedge_boot_record *record) KEDGE_MUST_USE;

/** Ends whatever trial `record` tells of: the confirmed slot runs. */
void boot_record_steady(struct kedge_boot_record *record);

/** Turns `record` into the steady one after a trial that ended badly. `text` as
 * kedge_boot_reject(). */
void boot_record_roll_back(struct kedge_boot_record *record, enum kedge_boot_reason reason,
                           const char *text);

/**
 * boot_record_by_images() is the record that the images themselves tell of: the verified one with
 * the lower sequence number (it was confirmed once; the higher one may never have been), and the
 * highest verified sequence number as floor. KEDGE_E_NO_SLOT when neither verifies. It writes
 * nothing.
 */
enum kedge_rc boot_record_by_images(const struct kedge_boot *boot,
                                    enum kedge_rc slot_rc[KEDGE_SLOTS],
                                    struct kedge_boot_record *record) KEDGE_MUST_USE;

/* ---- the selection of another bootloader; nothing without a selector ---- */

/** `slot` and no other. */
struct kedge_selection boot_selection_alone(uint8_t slot);
/** `trial` for `left` more boots, then the other slot. */
struct kedge_selection boot_selection_trial(uint8_t trial, uint8_t left);
/** `slot`, and the other one should the bootloader not get it to run. */
struct kedge_selection boot_selection_confirmed(uint8_t slot);

/** Writes it unless it is there already. */
enum kedge_rc boot_selection_write(const struct kedge_boot *boot,
                                   const struct kedge_selection *selection) KEDGE_MUST_USE;

#endif
