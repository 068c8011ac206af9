/*
 * device_block.c: a block device as flash. An erase writes zeros: what a discarded block reads as
 * is the device's own affair, and the zeros are still in the page cache when the image takes their
 * place, so that each block is written once. Sync is fdatasync, and lets go of the pages: what is
 * read after it comes from the device.
 */
#define _GNU_SOURCE
#include "agent/port/device_parts.h"

#include "agent/port/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ERASE_SIZE_LEAST 4096u
#define ERASE_SIZE_MOST (1024u * 1024u)
#define WRITE_SIZE 1u

static uint32_t round_down(uint64_t size, uint32_t unit)
{
    uint64_t most = size < UINT32_MAX ? size : UINT32_MAX;
    return (uint32_t)(most - most % unit);
}

/* Two erase units must not share a physical sector: writing one could lose the other. */
static const char *measure(const struct kedge_port_device *device, struct kedge_flash *flash)
{
    const bool record = device->use == KEDGE_PORT_RECORD;
    uint32_t unit = record ? KEDGE_PORT_RECORD_ERASE_SIZE : ERASE_SIZE_LEAST;
    unsigned sector = 0;
    uint64_t size = 0;
    if (major(device->number) == MTD_BLOCK_MAJOR)
        return "rewrites whole erase blocks of flash, and a cut then loses what was not being "
               "written: name the /dev/mtdN behind it";
    if (ioctl(device->reading, BLKGETSIZE64, &size) != 0 ||
        ioctl(device->reading, BLKPBSZGET, &sector) != 0)
        return "does not tell its size";
    if (sector == 0 || sector > ERASE_SIZE_MOST || (sector & (sector - 1)) != 0)
        return "has sectors of an impossible size";
    if (sector > unit)
        unit = sector;
    if (size < (record ? 2 * unit : KEDGE_PORT_SLOT_SIZE_LEAST))
        return record ? "is too small for a boot record" : "is too small for a slot";
    flash->size = round_down(size, unit);
    flash->erase_size = unit;
    flash->write_size = WRITE_SIZE;
    return NULL;
}

/* Some drivers open a read-only device for writing, and then refuse each write. */
static int refuses(const struct kedge_port_device *device, int writing)
{
    int read_only = 0;
    (void)device;
    return ioctl(writing, BLKROGET, &read_only) == 0 && read_only != 0 ? EROFS : 0;
}

static enum kedge_rc erase(const struct kedge_port_device *device, uint32_t offset, uint32_t size)
{
    static const uint8_t zeros[ERASE_SIZE_LEAST];
    for (uint32_t end = offset + size; offset < end; offset += (uint32_t)sizeof zeros)
        KEDGE_TRY(kedge_file_write(device->writing, offset, zeros, sizeof zeros));
    return KEDGE_OK;
}

static enum kedge_rc sync_blocks(const struct kedge_port_device *device)
{
    if (fdatasync(device->writing) != 0)
        return KEDGE_E_SYSTEM;
    (void)posix_fadvise(device->writing, 0, 0, POSIX_FADV_DONTNEED); /* a wish: never mind */
    return KEDGE_OK;
}

const struct kedge_port_device_kind kedge_port_block_kind = {.claim_flags = O_EXCL,
                                                             .erased_value = 0x00,
                                                             .measure = measure,
                                                             .refuses = refuses,
                                                             .erase = erase,
                                                             .sync = sync_blocks};
