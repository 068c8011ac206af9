/*
 * disk_shim.c: a disk that stalls, for the process that preloads this: writing and syncing the
 * files whose names begin as KEDGE_TEST_DISK_FILES says does not return while the file that
 * KEDGE_TEST_DISK names holds 1 as its first int32_t. Its second one counts the calls that wait.
 */
#define _GNU_SOURCE
#include "file_shim.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

static struct {
    _Atomic int32_t stalled, waiting;
} * disk;

__attribute__((constructor)) static void attach(void)
{
    disk = shim_page("KEDGE_TEST_DISK", sizeof(*disk));
}

static int is_meant(int file)
{
    return shim_is_meant(file, "KEDGE_TEST_DISK_FILES");
}

static void wait_for_disk(int file)
{
    if (disk == NULL || !disk->stalled || !is_meant(file))
        return;
    disk->waiting++;
    while (disk->stalled)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    disk->waiting--;
}

int fdatasync(int file)
{
    REAL(int, fdatasync, int);
    wait_for_disk(file);
    return real(file);
}

int fsync(int file)
{
    REAL(int, fsync, int);
    wait_for_disk(file);
    return real(file);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset)
{
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    wait_for_disk(file);
    return real(file, bytes, size, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return pwrite64(file, bytes, size, offset);
}
