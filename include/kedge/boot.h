/*
 * boot.h: which image a device runs: two slots, the boot record, the trial and the way back,
 * over a flash seam. docs/format.md has the byte diagrams, docs/reliability.md the reasons.
 *
 * The life of an update, with the only writes that matter, in this order:
 *
 *     kedge_slot_open/write/finish   the image, then (read back and hashed) the slot's header
 *     kedge_boot_activate            the record: "try that slot"; the last write of an update
 *     kedge_boot_select              the bootloader: counts the trial boot before it runs it
 *     kedge_boot_confirm             the new firmware: it is healthy; the floor rises here only
 *     or kedge_boot_reject           it is not: the next boot runs the confirmed slot again
 *
 * A cut of power between or inside any two of them leaves one verified image to run. Nothing here
 * allocates or keeps global state; everything blocks for as long as the flash does.
 */
#ifndef KEDGE_BOOT_H
#define KEDGE_BOOT_H

#include <kedge/suit.h>

/* ---- the flash seam ---- */

#define KEDGE_FLASH_WRITE_SIZE_MAX 256u

/**
 * One region of flash, given by the port. Offsets count from the region's start. A write unit is
 * written at most once between two erases of its erase unit. Each function fails with
 * KEDGE_E_FLASH or KEDGE_E_SYSTEM and may then have done any part of its work.
 */
struct kedge_flash {
    void *context;
    uint32_t size;        /* a multiple of erase_size */
    uint32_t erase_size;  /* a multiple of write_size */
    uint32_t write_size;  /* 1 to KEDGE_FLASH_WRITE_SIZE_MAX */
    uint8_t erased_value; /* what a byte reads as after an erase: 0xFF, or 0x00 */
    enum kedge_rc (*read)(void *context, uint32_t offset, void *out, size_t size);
    /** `offset` and `size` are multiples of write_size; what is there has been erased. */
    enum kedge_rc (*write)(void *context, uint32_t offset, const void *data, size_t size);
    /** `offset` and `size` are multiples of erase_size. */
    enum kedge_rc (*erase)(void *context, uint32_t offset, uint32_t size);
    /** After it, what was written and erased before it survives a cut of power. */
    enum kedge_rc (*sync)(void *context);
};

/** kedge_flash_check() is KEDGE_E_ARGUMENT unless the geometry is possible and complete. */
enum kedge_rc kedge_flash_check(const struct kedge_flash *flash) KEDGE_MUST_USE;

/* ---- a slot: a header (the package's head as it was authenticated), then the image ---- */

#define KEDGE_SLOTS 2
#define KEDGE_SLOT_NONE 0xFFu
#define KEDGE_SLOT_HEADER_SIZE 32u /* before the head */

/** What a slot holds. The caller's; about 9 KiB; the manifest's slices borrow `head`. */
struct kedge_slot_image {
    struct kedge_suit_manifest manifest;
    uint32_t image_offset; /* in the slot's flash */
    uint32_t image_size;
    size_t head_size;
    uint8_t head[KEDGE_SUIT_HEAD_MAX]; /* tag, wrapper, manifest, and the head of "#firmware" */
};

/** kedge_slot_capacity() is how many bytes of image fit into a slot on `flash`; 0 when none. */
uint32_t kedge_slot_capacity(const struct kedge_flash *flash);

/** A slot being written. The caller's; holds nothing that must be given back. */
struct kedge_slot {
    const struct kedge_flash *flash;
    uint32_t image_size;   /* as announced */
    uint32_t written;      /* bytes of the image taken in */
    uint32_t erased_to;    /* flash offset up to which the image area is erased */
    uint32_t pending_size; /* bytes that wait for their write unit to fill */
    uint8_t pending[KEDGE_FLASH_WRITE_SIZE_MAX];
};

/**
 * kedge_slot_open() makes `slot` ready to take an image of `image_size` bytes from offset 0: it
 * erases the header, durably, so that an earlier header never describes the new bytes; the image
 * area is erased as the writing gets there. KEDGE_E_SPACE when the image does not fit.
 */
enum kedge_rc kedge_slot_open(struct kedge_slot *slot, const struct kedge_flash *flash,
                              uint64_t image_size) KEDGE_MUST_USE;
/**
 * kedge_slot_keep() keeps the first `size` bytes of the image, which an earlier writing that was
 * cut short left in the slot: right after kedge_slot_open(); the writing goes on behind them.
 * `hash` is given them as they are now; whether they are the right ones is the caller's to tell by
 * that. KEDGE_E_ARGUMENT unless `size` is whole erase units, and less than the image.
 */
enum kedge_rc kedge_slot_keep(struct kedge_slot *slot, uint64_t size,
                              struct kedge_sha256 *hash) KEDGE_MUST_USE;
/** Appends to the image, in any pieces. KEDGE_E_SPACE past the announced size. */
enum kedge_rc kedge_slot_write(struct kedge_slot *slot, struct kedge_slice bytes) KEDGE_MUST_USE;
/**
 * kedge_slot_sync() makes all whole erase units that were written so far survive a cut of power.
 */
enum kedge_rc kedge_slot_sync(const struct kedge_slot *slot) KEDGE_MUST_USE;
/**
 * kedge_slot_give_back() erases all that was written since kedge_slot_open(): for flash that shares
 * its room with others and had none left. Nothing rests on it: an error is not told.
 */
void kedge_slot_give_back(struct kedge_slot *slot);
/**
 * Ends it: pads the last write unit with the erased value, syncs, reads the image back and compares
 * its SHA-256 (KEDGE_E_FLASH when it differs, KEDGE_E_TRUNCATED when bytes are missing), and only
 * then writes the header with `head` (at most KEDGE_SUIT_HEAD_MAX) and reads that back too.
 */
enum kedge_rc kedge_slot_finish(struct kedge_slot *slot, struct kedge_slice head,
                                const uint8_t image_digest[KEDGE_SHA256_SIZE]) KEDGE_MUST_USE;

/**
 * kedge_slot_manifest() reads what the slot says it holds, by the header's CRC alone: for showing
 * it to people. KEDGE_E_NOT_FOUND when there is no whole header. Nothing is believed by it.
 */
enum kedge_rc kedge_slot_manifest(const struct kedge_flash *flash, uint8_t slot,
                                  struct kedge_slot_image *image) KEDGE_MUST_USE;
/**
 * kedge_slot_verify() says whether the slot may be run: it authenticates the stored manifest
 * against `trust`, reads it for `slot` (a package may have an image for each) and hashes the image.
 * The floor plays no part: a fallback stays bootable.
 * KEDGE_E_NOT_FOUND without a header; else KEDGE_E_SIGNATURE, KEDGE_E_DIGEST and so on.
 */
enum kedge_rc kedge_slot_verify(const struct kedge_flash *flash, uint8_t slot,
                                const struct kedge_suit_trust *trust,
                                struct kedge_slot_image *image) KEDGE_MUST_USE;
/** Reads bytes of the image that kedge_slot_manifest() or kedge_slot_verify() found. */
enum kedge_rc kedge_slot_read(const struct kedge_flash *flash, const struct kedge_slot_image *image,
                              uint32_t offset, void *out, size_t size) KEDGE_MUST_USE;

/* ---- the boot record ---- */

#define KEDGE_BOOT_RECORD_SIZE 256u /* one copy; each copy has erase units of its own */
#define KEDGE_BOOT_TEXT_MAX 95u
#define KEDGE_BOOT_TRIAL_BOOTS 3u

enum kedge_boot_phase {
    KEDGE_BOOT_STEADY = 0,          /* the confirmed slot runs */
    KEDGE_BOOT_TRIAL_REQUESTED = 1, /* activated; no boot of it yet */
    KEDGE_BOOT_ON_TRIAL = 2         /* booted at least once, neither confirmed nor rejected */
};

/** How the latest update ended; cleared by the next kedge_boot_activate(). */
enum kedge_boot_outcome {
    KEDGE_BOOT_OUTCOME_NONE = 0,
    KEDGE_BOOT_CONFIRMED = 1,
    KEDGE_BOOT_ROLLED_BACK = 2
};

/* X(name, number on flash, the kedge_rc that it is, words for people) */
#define KEDGE_BOOT_REASON_LIST(X)                                                                 \
    X(KEDGE_BOOT_REASON_NONE, 0, KEDGE_OK, "nothing happened")                                    \
    X(KEDGE_BOOT_REASON_HEALTH, 1, KEDGE_E_HEALTH, "the health check failed")                     \
    X(KEDGE_BOOT_REASON_BOOTS, 2, KEDGE_E_TRIAL, "three boots without being confirmed")           \
    X(KEDGE_BOOT_REASON_TIME, 3, KEDGE_E_TRIAL, "the trial limit passed without being confirmed") \
    X(KEDGE_BOOT_REASON_IMAGE, 4, KEDGE_E_FLASH,                                                  \
      "the new image did not verify when it was to run")                                          \
    X(KEDGE_BOOT_REASON_FALLBACK, 5, KEDGE_E_FLASH,                                               \
      "the confirmed image no longer verified; the other one runs")                               \
    X(KEDGE_BOOT_REASON_RECORD, 6, KEDGE_E_FLASH, "the boot record was lost and made anew")       \
    X(KEDGE_BOOT_REASON_CANCELED, 7, KEDGE_E_CANCELED, "the trial was called off")

enum kedge_boot_reason {
#define KEDGE_BOOT_REASON_ENUM(name, number, rc, words) name = number,
    KEDGE_BOOT_REASON_LIST(KEDGE_BOOT_REASON_ENUM)
#undef KEDGE_BOOT_REASON_ENUM
        KEDGE_BOOT_REASON_COUNT
};

/** The words of a reason; static storage, never NULL. */
const char *kedge_boot_reason_text(enum kedge_boot_reason reason);
/** The result that a reason is; its Update Result is kedge_rc_update_result() of that. */
enum kedge_rc kedge_boot_reason_rc(enum kedge_boot_reason reason);

struct kedge_boot_record {
    uint64_t number; /* of this record: the higher one is newer; set by the writing */
    enum kedge_boot_phase phase;
    uint8_t confirmed_slot; /* 0 or 1 */
    uint8_t trial_slot;     /* the other one; KEDGE_SLOT_NONE when steady */
    uint8_t boots_used;     /* of KEDGE_BOOT_TRIAL_BOOTS, in this trial */
    enum kedge_boot_outcome outcome;
    enum kedge_boot_reason
        reason;               /* why `outcome` is KEDGE_BOOT_ROLLED_BACK; or FALLBACK, RECORD */
    uint64_t floor;           /* SUIT sequence number: nothing below it is installed */
    uint64_t trial_sequence;  /* of the package on trial; 0 when steady */
    uint32_t confirmed_count; /* updates confirmed in this device's life */
    uint32_t rolled_back_count;
    char
        text[KEDGE_BOOT_TEXT_MAX + 1]; /* the reason in its own words: "exit status 3"; may be "" */
};

struct kedge_selector;

/** A device's flash, what it trusts, and room to work in. All pointers stay the caller's. */
struct kedge_boot {
    const struct kedge_flash *record; /* room for two copies, each in erase units of its own */
    const struct kedge_flash *slots[KEDGE_SLOTS];
    const struct kedge_suit_trust *trust;
    struct kedge_slot_image *work;         /* overwritten by each call that verifies a slot */
    const struct kedge_selector *selector; /* of another bootloader, selector.h; NULL:
                                              kedge_boot_select() is the bootloader */
};

/**
 * kedge_boot_record_read() takes the newest of the valid copies. KEDGE_E_NOT_FOUND when no copy is
 * valid (a blank device, or a record lost), KEDGE_E_UNSUPPORTED when the newest is of a later
 * format (it is left alone), KEDGE_E_FLASH when no copy is valid and one could not be read.
 */
enum kedge_rc kedge_boot_record_read(const struct kedge_boot *boot,
                                     struct kedge_boot_record *out) KEDGE_MUST_USE;

/**
 * kedge_boot_record_in() is kedge_boot_record_read() for what runs in `slot` or installs beside it:
 * of a record of a later format, what it can do without: `slot`, which must verify, counts as
 * confirmed, its sequence number as floor. Nothing is written; kedge_boot_activate() is what begins
 * a record of this format again. `later` says that it was so.
 */
enum kedge_rc kedge_boot_record_in(const struct kedge_boot *boot, uint8_t slot,
                                   struct kedge_boot_record *out, bool *later) KEDGE_MUST_USE;

/*
 * The bytes of one copy; for tests and tools. Decoding is KEDGE_E_MALFORMED unless all is right,
 * but KEDGE_E_UNSUPPORTED, with `number` set, for a whole record of a later format.
 */
void kedge_boot_record_encode(const struct kedge_boot_record *record,
                              uint8_t bytes[KEDGE_BOOT_RECORD_SIZE]);
enum kedge_rc kedge_boot_record_decode(struct kedge_slice bytes,
                                       struct kedge_boot_record *out) KEDGE_MUST_USE;

/**
 * kedge_boot_blank() is KEDGE_OK when a factory may begin: there is no record, or none that can be
 * read, as a first one is that was torn on flash with ECC; then the second slot, which a factory
 * leaves empty, must have no whole header. KEDGE_E_EXISTS for a device that has a record,
 * KEDGE_E_FLASH for one that has lost its own, else as kedge_boot_record_read(). Writes nothing.
 */
enum kedge_rc kedge_boot_blank(const struct kedge_boot *boot) KEDGE_MUST_USE;

/**
 * kedge_boot_factory() makes `slot`, which must verify, the confirmed one of a device that has no
 * record yet; its sequence number becomes the floor. Doing it again with the same image is
 * KEDGE_OK; KEDGE_E_EXISTS when the device has another record. A first record that was torn and
 * cannot be read (KEDGE_E_FLASH) is written anew.
 */
enum kedge_rc kedge_boot_factory(const struct kedge_boot *boot, uint8_t slot) KEDGE_MUST_USE;

/**
 * kedge_boot_activate() asks for a trial of `slot`, which must verify and must not be the confirmed
 * one: the last write of an update. Asking again before the reboot is KEDGE_OK; KEDGE_E_STATE while
 * a trial runs; KEDGE_E_SEQUENCE below the floor, where the old image of an update before is.
 * Forgets the outcome of the update before. A reboot must follow. A newest record of a later format
 * is left alone, and the one that asks for the trial put over the other copy, as the newer one.
 */
enum kedge_rc kedge_boot_activate(const struct kedge_boot *boot, uint8_t slot) KEDGE_MUST_USE;

/** What the bootloader is to run, and why. */
struct kedge_boot_decision {
    uint8_t slot;
    bool on_trial;
    uint8_t boots_used; /* this one included, when on trial */
    bool changed;       /* the record's outcome is new with this boot: see `reason` */
    enum kedge_boot_reason reason;
    char text[KEDGE_BOOT_TEXT_MAX + 1];
    enum kedge_rc record_rc;            /* how reading the record ended */
    enum kedge_rc write_rc;             /* how writing it ended, when it had to be written */
    enum kedge_rc slot_rc[KEDGE_SLOTS]; /* how each verified; KEDGE_OK when it was not looked at */
};

/**
 * kedge_boot_select() is the bootloader's question. It has a safe answer for whatever the flash
 * holds; boot->work then describes the image to run. Steady: the confirmed slot, or the other one
 * when that does not verify. A trial: counted durably before it is run, three boots at most; when
 * the count cannot be written the confirmed slot runs. A record that is lost is made anew around
 * the verified image with the lower sequence number (it was confirmed once; the higher one may
 * never have been), with the highest verified sequence number as floor. KEDGE_E_NO_SLOT when
 * neither slot verifies: there is nothing that may be run. Writes only when something changes.
 */
enum kedge_rc kedge_boot_select(const struct kedge_boot *boot,
                                struct kedge_boot_decision *decision) KEDGE_MUST_USE;

/**
 * kedge_boot_confirm() ends the trial well: the trial slot is the confirmed one from now on, the
 * floor rises to its sequence number. KEDGE_E_STATE when no trial runs.
 */
enum kedge_rc kedge_boot_confirm(const struct kedge_boot *boot) KEDGE_MUST_USE;

/**
 * kedge_boot_reject() ends the trial at once: the next boot runs the confirmed slot. `text` (cut to
 * KEDGE_BOOT_TEXT_MAX bytes, unprintable ones replaced; may be NULL) is what the next firmware
 * reports. KEDGE_E_STATE when no trial runs or is asked for.
 */
enum kedge_rc kedge_boot_reject(const struct kedge_boot *boot, enum kedge_boot_reason reason,
                                const char *text) KEDGE_MUST_USE;

#endif
