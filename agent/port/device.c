/* device.c: see device.h. */
#define _GNU_SOURCE
#include "agent/port/device_parts.h"

#include "agent/port/file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NEITHER "is neither a block device nor NOR flash (/dev/mtdN)"

static void say(struct kedge_port_device *device, const char *why)
{
    snprintf(device->trouble, sizeof device->trouble, "%.127s %s", device->path, why);
}

static void say_errno(struct kedge_port_device *device)
{
    int saved = errno;
    snprintf(device->trouble, sizeof device->trouble, "%.127s: %s", device->path, strerror(saved));
    errno = saved;
}

static void close_file(int *file)
{
    int saved = errno;
    if (*file >= 0)
        close(*file);
    *file = -1;
    errno = saved;
}

/* ---- the claim ---- */

static enum kedge_rc refuse_claim(struct kedge_port_device *device, int file, int error)
{
    close_file(&file);
    errno = error;
    if (error == EBUSY)
        say(device, "is in use: mounted, or part of something that is");
    else if (error == EROFS)
        say(device, "is read-only");
    else if (error == ENXIO)
        say(device, "is not the device any more that it was");
    else
        say_errno(device);
    errno = error;
    return KEDGE_E_SYSTEM;
}

static enum kedge_rc claim(struct kedge_port_device *device)
{
    struct stat status;
    if (device->writing >= 0)
        return KEDGE_OK;
    if (device->reading < 0 || device->read_only) {
        errno = device->read_only ? EROFS : ENODEV;
        return KEDGE_E_SYSTEM;
    }
    int file = open(device->path, O_RDWR | O_CLOEXEC | device->kind->claim_flags);
    if (file < 0 || fstat(file, &status) != 0)
        return refuse_claim(device, file, errno);
    if (status.st_rdev != device->number)
        return refuse_claim(device, file, ENXIO);
    int refusal = device->kind->refuses(device, file);
    if (refusal != 0)
        return refuse_claim(device, file, refusal);
    device->writing = file;
    device->trouble[0] = '\0';
    return KEDGE_OK;
}

/* ---- the seam ---- */

static enum kedge_rc read_device(void *context, uint32_t offset, void *out, size_t size)
{
    const struct kedge_port_device *device = context;
    if (device->reading < 0) {
        errno = ENODEV;
        return KEDGE_E_SYSTEM;
    }
    return kedge_file_read(device->reading, offset, out, size);
}

static enum kedge_rc write_device(void *context, uint32_t offset, const void *data, size_t size)
{
    struct kedge_port_device *device = context;
    KEDGE_TRY(claim(device));
    return kedge_file_write(device->writing, offset, data, size);
}

static enum kedge_rc erase_device(void *context, uint32_t offset, uint32_t size)
{
    struct kedge_port_device *device = context;
    KEDGE_TRY(claim(device));
    return device->kind->erase(device, offset, size);
}

static enum kedge_rc sync_device(void *context)
{
    const struct kedge_port_device *device = context;
    return device->writing < 0 ? KEDGE_OK : device->kind->sync(device);
}

/* ---- opening ---- */

static const char *measure(struct kedge_port_device *device)
{
    struct stat status;
    if (fstat(device->reading, &status) != 0)
        return strerror(errno);
    if (!S_ISBLK(status.st_mode) && !S_ISCHR(status.st_mode))
        return NEITHER;
    device->number = status.st_rdev;
    device->kind = S_ISBLK(status.st_mode) ? &kedge_port_block_kind : &kedge_port_mtd_kind;
    struct kedge_flash flash = {.context = device,
                                .erased_value = device->kind->erased_value,
                                .read = read_device,
                                .write = write_device,
                                .erase = erase_device,
                                .sync = sync_device};
    const char *why = device->kind->measure(device, &flash);
    if (why == NULL && kedge_flash_check(&flash) != KEDGE_OK)
        why = "has sizes that make no sense";
    if (why == NULL)
        device->flash = flash;
    return why;
}

/* O_NONBLOCK: whatever the name leads to, opening it must not wait for somebody. */
static void find(struct kedge_port_device *device)
{
    device->trouble[0] = '\0';
    device->reading = open(device->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (device->reading < 0) {
        say_errno(device);
        return;
    }
    const char *why = measure(device);
    if (why == NULL)
        return;
    say(device, why);
    close_file(&device->reading);
}

void kedge_port_device_open(struct kedge_port_device *device, const char *path,
                            enum kedge_port_use use, bool read_only)
{
    *device = (struct kedge_port_device){.path = path,
                                         .use = use,
                                         .read_only = read_only,
                                         .reading = -1,
                                         .writing = -1,
                                         .flash = {.context = device,
                                                   .read = read_device,
                                                   .write = write_device,
                                                   .erase = erase_device,
                                                   .sync = sync_device}};
    find(device);
}

enum kedge_rc kedge_port_device_ready(struct kedge_port_device *device)
{
    kedge_port_device_close(device);
    find(device);
    return device->trouble[0] == '\0' ? claim(device) : KEDGE_E_SYSTEM;
}

void kedge_port_device_close(struct kedge_port_device *device)
{
    close_file(&device->writing);
    close_file(&device->reading);
}

/* ---- overlapping ---- */

/* Where the kernel lists it: a partition stands in the folder of its disk. */
static bool find_place(const struct kedge_port_device *device, char place[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/sys/dev/%s/%u:%u",
             device->kind == &kedge_port_block_kind ? "block" : "char", major(device->number),
             minor(device->number));
    return realpath(link, place) != NULL;
}

static bool has_in_it(const char *folder, const char *path)
{
    size_t size = strlen(folder);
    return strncmp(folder, path, size) == 0 && path[size] == '/';
}

bool kedge_port_devices_overlap(const struct kedge_port_device *a,
                                const struct kedge_port_device *b)
{
    char place_a[PATH_MAX], place_b[PATH_MAX];
    if (a->reading < 0 || b->reading < 0 || a->kind != b->kind)
        return false;
    if (a->number == b->number)
        return true;
    return find_place(a, place_a) && find_place(b, place_b) &&
           (has_in_it(place_a, place_b) || has_in_it(place_b, place_a));
}
