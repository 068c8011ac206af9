/*
 * memory_shim.c: memory that runs short, for the process that preloads this: while the file that
 * KEDGE_TEST_MEMORY names exists, there is none in pieces of 4,096 bytes and more.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LARGE 4096u

/* The C library's own, by the names under which it always has them. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

static int is_short(size_t size)
{
    static const char *file;
    if (size < LARGE)
        return 0;
    if (file == NULL)
        file = getenv("KEDGE_TEST_MEMORY");
    if (file == NULL || access(file, F_OK) != 0)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return is_short(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_short(count * size) ? NULL : __libc_calloc(count, size);
}
