/*
 * disk_shim.c: a disk that stalls, for the process that preloads this: writing and syncing the
 * files whose names begin as KEDGE_TEST_DISK_FILES says does not return while the file that
 * KEDGE_TEST_DISK names holds 1 as its first int32_t. Its second one counts the calls that wait.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct {
    _Atomic int32_t stalled, waiting;
} * disk;

__attribute__((constructor)) static void attach(void)
{
    int file = open(getenv("KEDGE_TEST_DISK"), O_RDWR | O_CLOEXEC);
    void *page = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (page == MAP_FAILED)
        abort();
    close(file);
    disk = page;
}

static int is_meant(int file)
{
    char link[64], path[4096];
    const char *prefix = getenv("KEDGE_TEST_DISK_FILES");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = '\0';
    return strncmp(path, prefix, strlen(prefix)) == 0;
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

#define REAL(result, name, ...)         \
    static result (*real)(__VA_ARGS__); \
    if (real == NULL)                   \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

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
