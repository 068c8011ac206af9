/*
 * flash_shim.c: files that are devices, for the process that preloads this or is linked with it: a
 * block device, or NOR flash behind an MTD character device, which takes nothing that real flash
 * would not take. KEDGE_TEST_FLASH_FILES names them, ":" between them; the file that
 * KEDGE_TEST_FLASH names holds a struct shim_device for each, with what it is like and what is
 * wrong with it. What has been written since it was erased is in FILE.units, a byte for each write
 * unit.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#undef _FORTIFY_SOURCE /* its wrappers have the names that are defined here */
#include "flash_shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <mtd/mtd-user.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FILES_MAX 1024

static struct shim_device *devices;

static uint8_t opened[FILES_MAX]; /* by file descriptor: index of the device, and 1 */

#define REAL(result, name, ...)         \
    static result (*real)(__VA_ARGS__); \
    if (real == NULL)                   \
    *(void **)&real = dlsym(RTLD_NEXT, name)

static int real_open(const char *path, int flags)
{
    REAL(int, "open64", const char *, int, ...);
    return real(path, flags, 0600);
}

static void *map(const char *path, size_t size)
{
    int file = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC);
    if (file < 0 || ftruncate(file, (off_t)size) != 0)
        abort();
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (page == MAP_FAILED)
        abort();
    return page;
}

/* The device whose file it is; NULL: none of ours. */
static struct shim_device *find(const char *path)
{
    const char *names = getenv("KEDGE_TEST_FLASH_FILES");
    if (names == NULL)
        return NULL;
    if (devices == NULL)
        devices = map(getenv("KEDGE_TEST_FLASH"), 4096);
    for (int i = 0; i < SHIM_DEVICES; i++) {
        size_t size = strcspn(names, ":");
        if (strlen(path) == size && strncmp(path, names, size) == 0)
            return &devices[i];
        if (names[size] == '\0')
            return NULL;
        names += size + 1;
    }
    return NULL;
}

static struct shim_device *device_of(int file)
{
    return file >= 0 && file < FILES_MAX && opened[file] > 0 ? &devices[opened[file] - 1] : NULL;
}

static int fails(int error)
{
    errno = error;
    return -1;
}

/* A program did what flash does not do, or what would have ruined it. */
static int violates(struct shim_device *device, const char *what)
{
    device->violations++;
    fprintf(stderr, "flash violated: %s\n", what);
    return fails(EINVAL);
}

static int covers(uint32_t place, off_t offset, size_t size)
{
    return place != SHIM_NOWHERE && place >= offset && place < offset + (off_t)size;
}

/* ---- opening ---- */

static int open_device(struct shim_device *device, const char *path, int flags)
{
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (device->kind == 0)
        return fails(ENOENT);
    if (device->gone)
        return fails(ENXIO);
    if (writes && device->read_only == SHIM_READ_ONLY)
        return fails(EACCES);
    if (device->kind == SHIM_BLOCK && device->in_use && (flags & O_EXCL) != 0)
        return fails(EBUSY);
    int file = real_open(path, flags & ~O_EXCL);
    if (file >= 0 && file < FILES_MAX)
        opened[file] = (uint8_t)(device - devices + 1);
    return file;
}

int open(const char *path, int flags, ...)
{
    REAL(int, "open64", const char *, int, ...);
    struct shim_device *device = find(path);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return device != NULL ? open_device(device, path, flags) : real(path, flags, mode);
}

/* What open() is in programs that are built with _FORTIFY_SOURCE. */
int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags)
{
    return open(path, flags);
}

int close(int file)
{
    REAL(int, "close", int);
    if (device_of(file) != NULL)
        opened[file] = 0;
    return real(file);
}

int fstat(int file, struct stat *status)
{
    REAL(int, "fstat64", int, struct stat *);
    const struct shim_device *device = device_of(file);
    int result = real(file, status);
    if (result != 0 || device == NULL)
        return result;
    int block = device->kind == SHIM_BLOCK || device->kind == SHIM_MTD_BLOCK;
    unsigned high = device->kind == SHIM_MTD_BLOCK ? MTD_BLOCK_MAJOR : 240;
    status->st_mode = (block ? S_IFBLK : S_IFCHR) | 0600;
    status->st_rdev = block ? makedev(high, device->number) : makedev(90, 2 * device->number);
    return 0;
}

/* ---- what it is like ---- */

static uint32_t size_of(int file)
{
    REAL(int, "fstat64", int, struct stat *);
    struct stat status;
    return real(file, &status) == 0 ? (uint32_t)status.st_size : 0;
}

static uint8_t *units_of(int file, const struct shim_device *device, size_t *size)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 8);
    if (length < 0)
        abort();
    memcpy(path + length, ".units", sizeof ".units");
    *size = size_of(file) / device->write_size;
    return map(path, *size);
}

static int erase(int file, struct shim_device *device, const struct erase_info_user *range)
{
    static const uint8_t blank[4096] = {[0 ... 4095] = 0xFF};
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    size_t size;
    if (range->start % device->erase_size != 0 || range->length % device->erase_size != 0 ||
        range->length == 0 || range->start + range->length > size_of(file))
        return violates(device, "an erase of something else than erase units");
    if (device->erase_error != 0)
        return fails((int)device->erase_error);
    device->erases++;
    for (uint32_t done = 0; done < range->length; done += sizeof blank)
        if (real(file, blank, sizeof blank, range->start + done) != sizeof blank)
            return -1;
    uint8_t *units = units_of(file, device, &size);
    memset(units + range->start / device->write_size, 0, range->length / device->write_size);
    munmap(units, size);
    return 0;
}

static int ask_mtd(int file, struct shim_device *device, unsigned long request, void *out)
{
    struct region_info_user *region = out;
    switch (request) {
    case MEMGETINFO:
        *(struct mtd_info_user *)out = (struct mtd_info_user){.type = (uint8_t)device->type,
                                                              .flags = MTD_CAP_NORFLASH,
                                                              .size = size_of(file),
                                                              .erasesize = device->erase_size,
                                                              .writesize = device->write_size};
        return 0;
    case MEMGETREGIONCOUNT:
        *(int *)out = device->uneven ? 2 : 0;
        return 0;
    case MEMGETREGIONINFO:
        region->erasesize = region->regionindex == 0 ? device->erase_size / 2 : device->erase_size;
        return 0;
    case MEMERASE:
        return erase(file, device, out);
    default:
        return fails(ENOTTY);
    }
}

static int ask_block(int file, const struct shim_device *device, unsigned long request, void *out)
{
    switch (request) {
    case BLKGETSIZE64:
        *(uint64_t *)out = size_of(file);
        return 0;
    case BLKROGET:
        *(int *)out = device->read_only == SHIM_READ_ONLY_OPENS;
        return 0;
    case BLKPBSZGET:
        *(unsigned *)out = device->erase_size;
        return 0;
    default:
        return fails(ENOTTY);
    }
}

int ioctl(int file, unsigned long request, ...)
{
    REAL(int, "ioctl", int, unsigned long, void *);
    struct shim_device *device = device_of(file);
    va_list rest;
    va_start(rest, request);
    void *out = va_arg(rest, void *);
    va_end(rest);
    if (device == NULL)
        return real(file, request, out);
    if (device->gone)
        return fails(ENODEV);
    return device->kind == SHIM_MTD ? ask_mtd(file, device, request, out)
                                    : ask_block(file, device, request, out);
}

/* ---- reading and writing ---- */

ssize_t pread(int file, void *bytes, size_t size, off_t offset)
{
    REAL(ssize_t, "pread64", int, void *, size_t, off_t);
    const struct shim_device *device = device_of(file);
    if (device != NULL && (device->gone || covers(device->bad_read_at, offset, size)))
        return fails(device->gone ? ENODEV : EIO);
    return real(file, bytes, size, offset);
}

/* Flash is written in whole units, each once after an erase. */
static int mark_written(int file, struct shim_device *device, size_t size, off_t offset)
{
    size_t count, unit = device->write_size;
    int result = 0;
    if (offset % (off_t)unit != 0 || size % unit != 0)
        return violates(device, "a write of something else than write units");
    uint8_t *units = units_of(file, device, &count);
    for (size_t i = 0; i < size / unit; i++)
        if (units[(size_t)offset / unit + i]++ != 0)
            result = violates(device, "a unit written twice");
    munmap(units, count);
    return result;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
    struct shim_device *device = device_of(file);
    if (device == NULL)
        return real(file, bytes, size, offset);
    if (device->gone || device->read_only)
        return fails(device->gone ? ENODEV : EPERM);
    if (offset + (off_t)size > size_of(file))
        return fails(ENOSPC);
    if (device->kind == SHIM_MTD && mark_written(file, device, size, offset) != 0)
        return -1;
    if (covers(device->bad_write_at, offset, size))
        return fails(EIO);
    device->writes++;
    ssize_t put = real(file, bytes, size, offset);
    if (put == (ssize_t)size && covers(device->forgets_at, offset, size)) {
        uint8_t wrong = ((const uint8_t *)bytes)[device->forgets_at - offset] ^ 0x10;
        (void)!real(file, &wrong, 1, (off_t)device->forgets_at);
    }
    return put;
}

int fdatasync(int file)
{
    REAL(int, "fdatasync", int);
    struct shim_device *device = device_of(file);
    if (device == NULL)
        return real(file);
    if (device->kind == SHIM_MTD) /* mtdchar.c has no such thing */
        return fails(EINVAL);
    if (device->gone || device->sync_error != 0)
        return fails(device->gone ? ENODEV : (int)device->sync_error);
    device->syncs++;
    return real(file);
}
