/*
 * record_copies.c: two copies, the newest valid one counts, and only the other one is ever written.
 * A cut while it is written leaves the newest as it was; a torn copy fails its CRC and is no copy.
 *
 * A cell in which the power went may read as it was now, and as it was to become the next time. So
 * a copy counts only when it reads the same again and again: one that was believed now and is gone
 * at the next boot would take a confirmation back, or have the good copy written over.
 */
#include "core/boot/internal.h"

#include <string.h>

#define COPIES 2
#define NO_COPY (-1)
#define READINGS 24

struct copies {
    enum kedge_rc rc[COPIES]; /* OK, UNSUPPORTED (a later format), MALFORMED, or a failed read */
    struct kedge_boot_record record[COPIES];
    int newest; /* index, or NO_COPY */
};

static uint32_t copy_offset(const struct kedge_flash *flash, int copy)
{
    return (uint32_t)copy * boot_round_up(KEDGE_BOOT_RECORD_SIZE, flash->erase_size);
}

static enum kedge_rc check_room(const struct kedge_flash *flash)
{
    KEDGE_TRY(kedge_flash_check(flash));
    uint64_t needed = (uint64_t)COPIES * boot_round_up(KEDGE_BOOT_RECORD_SIZE, flash->erase_size);
    return needed <= flash->size ? KEDGE_OK : KEDGE_E_ARGUMENT;
}

static enum kedge_rc read_copy(const struct kedge_flash *flash, int copy,
                               struct kedge_boot_record *record)
{
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE], again[KEDGE_BOOT_RECORD_SIZE];
    const uint32_t offset = copy_offset(flash, copy);
    KEDGE_TRY(flash->read(flash->context, offset, bytes, sizeof bytes));
    enum kedge_rc rc = kedge_boot_record_decode(kedge_slice(bytes, sizeof bytes), record);
    for (int i = 1; (rc == KEDGE_OK || rc == KEDGE_E_UNSUPPORTED) && i < READINGS; i++) {
        KEDGE_TRY(flash->read(flash->context, offset, again, sizeof again));
        if (memcmp(again, bytes, sizeof again) != 0)
            return KEDGE_E_MALFORMED;
    }
    return rc;
}

/* A whole record of a later format counts too: it may be the newest, and is then left alone. */
static bool whole(const struct copies *copies, int copy)
{
    return copies->rc[copy] == KEDGE_OK || copies->rc[copy] == KEDGE_E_UNSUPPORTED;
}

static void read_copies(const struct kedge_flash *flash, struct copies *copies)
{
    copies->newest = NO_COPY;
    for (int copy = 0; copy < COPIES; copy++) {
        copies->rc[copy] = read_copy(flash, copy, &copies->record[copy]);
        if (!whole(copies, copy))
            continue;
        if (copies->newest == NO_COPY ||
            copies->record[copy].number > copies->record[copies->newest].number)
            copies->newest = copy;
    }
}

enum kedge_rc kedge_boot_record_read(const struct kedge_boot *boot, struct kedge_boot_record *out)
{
    struct copies copies;
    KEDGE_TRY(check_room(boot->record));
    read_copies(boot->record, &copies);
    if (copies.newest != NO_COPY) {
        *out = copies.record[copies.newest];
        return copies.rc[copies.newest];
    }
    for (int copy = 0; copy < COPIES; copy++)
        if (copies.rc[copy] != KEDGE_E_MALFORMED)
            return KEDGE_E_FLASH;
    return KEDGE_E_NOT_FOUND;
}

/* Where the next record goes. Of two lost copies, the one that could be read: it will take a write.
 */
static int next_copy(const struct copies *copies)
{
    if (copies->newest != NO_COPY)
        return 1 - copies->newest;
    return copies->rc[0] == KEDGE_E_MALFORMED || copies->rc[1] != KEDGE_E_MALFORMED ? 0 : 1;
}

/* The record's bytes, then erased bytes up to the end of the write unit. */
static uint32_t compose(const struct kedge_flash *flash, const struct kedge_boot_record *record,
                        uint8_t bytes[KEDGE_BOOT_RECORD_SIZE + KEDGE_FLASH_WRITE_SIZE_MAX])
{
    uint32_t size = boot_round_up(KEDGE_BOOT_RECORD_SIZE, flash->write_size);
    memset(bytes, flash->erased_value, KEDGE_BOOT_RECORD_SIZE + KEDGE_FLASH_WRITE_SIZE_MAX);
    kedge_boot_record_encode(record, bytes);
    return size;
}

static enum kedge_rc write_copy(const struct kedge_flash *flash, int copy,
                                const struct kedge_boot_record *record)
{
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE + KEDGE_FLASH_WRITE_SIZE_MAX];
    uint8_t read_back[KEDGE_BOOT_RECORD_SIZE];
    uint32_t size = compose(flash, record, bytes);
    uint32_t offset = copy_offset(flash, copy);
    uint32_t erase = boot_round_up(KEDGE_BOOT_RECORD_SIZE, flash->erase_size);
    KEDGE_TRY(flash->erase(flash->context, offset, erase));
    KEDGE_TRY(flash->write(flash->context, offset, bytes, size));
    KEDGE_TRY(flash->sync(flash->context));
    KEDGE_TRY(flash->read(flash->context, offset, read_back, sizeof read_back));
    return memcmp(read_back, bytes, sizeof read_back) == 0 ? KEDGE_OK : KEDGE_E_FLASH;
}

enum kedge_rc boot_record_write(const struct kedge_boot *boot, struct kedge_boot_record *record)
{
    struct copies copies;
    uint8_t bytes[KEDGE_BOOT_RECORD_SIZE];
    struct kedge_boot_record check;
    KEDGE_TRY(check_room(boot->record));
    read_copies(boot->record, &copies);
    /* A factory's has no reason; one that is made anew must not be taken for the one lost. */
    record->number = 1 + ((uint64_t)record->reason << 32);
    if (copies.newest != NO_COPY) {
        if (copies.record[copies.newest].number == UINT64_MAX)
            return KEDGE_E_LIMIT;
        record->number = copies.record[copies.newest].number + 1;
    }
    /* What the reader would refuse is not written: a record that nobody can read is a lost one. */
    kedge_boot_record_encode(record, bytes);
    if (kedge_boot_record_decode(kedge_slice(bytes, sizeof bytes), &check) != KEDGE_OK)
        return KEDGE_E_ARGUMENT;
    return write_copy(boot->record, next_copy(&copies), record);
}
