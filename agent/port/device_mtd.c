/*
 * device_mtd.c: NOR flash as its MTD character device (drivers/mtd/mtdchar.c). Each write is on the
 * flash when it returns, so sync has nothing to do, and open(2) keeps nobody out.
 */
#define _GNU_SOURCE
#include "agent/port/device_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <mtd/mtd-user.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ERASED_VALUE 0xFF
#define MTD_NAME_MAX 128u
#define UBI_FOLDER "/sys/class/ubi"

/* ---- what it is like ---- */

/* A device's regions may have erase units of their own sizes; struct kedge_flash has one. */
static bool is_even(int file, uint32_t erase_size)
{
    int count = 0;
    if (ioctl(file, MEMGETREGIONCOUNT, &count) != 0)
        return false;
    for (int i = 0; i < count; i++) {
        struct region_info_user region = {.regionindex = (uint32_t)i};
        if (ioctl(file, MEMGETREGIONINFO, &region) != 0 || region.erasesize != erase_size)
            return false;
    }
    return true;
}

static const char *judge_kind(const struct mtd_info_user *info)
{
    switch (info->type) {
    case MTD_NORFLASH:
    case MTD_DATAFLASH:
    case MTD_RAM:
        return NULL;
    case MTD_NANDFLASH:
    case MTD_MLCNANDFLASH:
        return "is NAND flash, whose blocks go bad: keep the slots as files on UBIFS there";
    default:
        return "is no NOR flash";
    }
}

static const char *measure(const struct kedge_port_device *device, struct kedge_flash *flash)
{
    struct mtd_info_user info = {0};
    if (ioctl(device->reading, MEMGETINFO, &info) != 0)
        return errno == ENOTTY ? "is neither a block device nor NOR flash (/dev/mtdN)"
                               : "does not tell what flash it is";
    const char *why = judge_kind(&info);
    if (why != NULL)
        return why;
    if (!is_even(device->reading, info.erasesize))
        return "has erase units of different sizes: name a partition that has one size";
    if (info.writesize == 0 || info.writesize > KEDGE_FLASH_WRITE_SIZE_MAX)
        return "has write units of more than 256 bytes";
    if (info.erasesize == 0 || info.erasesize > info.size / 2)
        return "is too small: less than two erase units";
    if (device->use == KEDGE_PORT_SLOT && info.size < KEDGE_PORT_SLOT_SIZE_LEAST)
        return "is too small for a slot";
    flash->size = info.size - info.size % info.erasesize;
    flash->erase_size = info.erasesize;
    flash->write_size = info.writesize;
    return NULL;
}

/* ---- who has it ---- */

/* Each flash has two character devices, for writing and read-only (mtdchar.c). */
static unsigned index_of(const struct kedge_port_device *device)
{
    return minor(device->number) / 2;
}

/* What it is called, for file systems that are mounted as "mtd:NAME". */
static void read_name(unsigned index, char name[MTD_NAME_MAX])
{
    char path[64];
    size_t size = 0;
    snprintf(path, sizeof path, "/sys/class/mtd/mtd%u/name", index);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        size = fread(name, 1, MTD_NAME_MAX - 1, file);
        fclose(file);
    }
    name[size] = '\0';
    name[strcspn(name, "\n")] = '\0';
}

static bool is_mounted(unsigned index)
{
    char names[4][MTD_NAME_MAX + 8], name[MTD_NAME_MAX];
    char text[1024];
    struct mntent entry;
    bool found = false;
    snprintf(names[0], sizeof names[0], "mtd%u", index);
    snprintf(names[1], sizeof names[1], "/dev/mtd%u", index);
    snprintf(names[2], sizeof names[2], "/dev/mtdblock%u", index);
    read_name(index, name);
    snprintf(names[3], sizeof names[3], "mtd:%s", name);
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    if (mounts == NULL)
        return false;
    while (!found && getmntent_r(mounts, &entry, text, sizeof text) != NULL)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            found = found || strcmp(entry.mnt_fsname, names[i]) == 0;
    endmntent(mounts);
    return found;
}

static bool is_ubi_on(const char *ubi, unsigned index)
{
    char path[sizeof UBI_FOLDER + 280];
    unsigned attached;
    snprintf(path, sizeof path, UBI_FOLDER "/%s/mtd_num", ubi);
    FILE *file = fopen(path, "re");
    if (file == NULL) /* the folder has volumes in it, too */
        return false;
    bool read = fscanf(file, "%u", &attached) == 1;
    fclose(file);
    return read && attached == index;
}

static bool is_attached(unsigned index)
{
    DIR *folder = opendir(UBI_FOLDER);
    bool found = false;
    if (folder == NULL)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;)
        found = is_ubi_on(entry->d_name, index);
    closedir(folder);
    return found;
}

static int refuses(const struct kedge_port_device *device, int writing)
{
    (void)writing;
    return is_mounted(index_of(device)) || is_attached(index_of(device)) ? EBUSY : 0;
}

/* ---- writing ---- */

/* One unit at a time: a unit that is worn out is then the only one that is lost. */
static enum kedge_rc erase(const struct kedge_port_device *device, uint32_t offset, uint32_t size)
{
    const uint32_t unit = device->flash.erase_size;
    for (uint32_t end = offset + size; offset < end; offset += unit) {
        struct erase_info_user range = {.start = offset, .length = unit};
        if (ioctl(device->writing, MEMERASE, &range) != 0)
            return KEDGE_E_SYSTEM;
    }
    return KEDGE_OK;
}

static enum kedge_rc sync_nothing(const struct kedge_port_device *device)
{
    (void)device;
    return KEDGE_OK;
}

const struct kedge_port_device_kind kedge_port_mtd_kind = {.erased_value = ERASED_VALUE,
                                                           .measure = measure,
                                                           .refuses = refuses,
                                                           .erase = erase,
                                                           .sync = sync_nothing};
