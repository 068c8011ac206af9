/*
 * broken_disk_shim.c: a disk that refuses, for the process that preloads this. While the file that
 * KEDGE_TEST_BROKEN_DISK names holds an errno as its first int32_t, making, writing, syncing,
 * cutting and renaming files below the folder KEDGE_TEST_BROKEN_DISK_FOLDER fails with it. The
 * second int32_t lets so many of these calls through first; the third counts the refused ones.
 */
#define _GNU_SOURCE
#include "file_shim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>

static struct {
    _Atomic int32_t error, grace, refused;
} * disk;

__attribute__((constructor)) static void attach(void)
{
    disk = shim_page("KEDGE_TEST_BROKEN_DISK", sizeof(*disk));
}

/* The folder itself counts: files are made in it by openat(). */
static int is_meant(int file)
{
    return shim_is_meant(file, "KEDGE_TEST_BROKEN_DISK_FOLDER");
}

static int refuses(int file)
{
    if (disk == NULL || disk->error == 0 || !is_meant(file))
        return 0;
    if (disk->grace > 0) {
        disk->grace--;
        return 0;
    }
    disk->refused++;
    errno = disk->error;
    return 1;
}

int openat64(int folder, const char *name, int flags, ...)
{
    REAL(int, openat64, int, const char *, int, mode_t);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return (flags & O_CREAT) != 0 && refuses(folder) ? -1 : real(folder, name, flags, mode);
}

int openat(int folder, const char *name, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat64(folder, name, flags, mode);
}

ssize_t write(int file, const void *bytes, size_t size)
{
    REAL(ssize_t, write, int, const void *, size_t);
    return refuses(file) ? -1 : real(file, bytes, size);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset)
{
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    return refuses(file) ? -1 : real(file, bytes, size, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return pwrite64(file, bytes, size, offset);
}

int fallocate64(int file, int mode, off64_t offset, off64_t size)
{
    REAL(int, fallocate64, int, int, off64_t, off64_t);
    return refuses(file) ? -1 : real(file, mode, offset, size);
}

int fallocate(int file, int mode, off_t offset, off_t size)
{
    return fallocate64(file, mode, offset, size);
}

int fsync(int file)
{
    REAL(int, fsync, int);
    return refuses(file) ? -1 : real(file);
}

int fdatasync(int file)
{
    REAL(int, fdatasync, int);
    return refuses(file) ? -1 : real(file);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    REAL(int, renameat, int, const char *, int, const char *);
    return refuses(from_folder) ? -1 : real(from_folder, from, to_folder, to);
}
